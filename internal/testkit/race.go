//go:build race

package armsecops_test

const raceEnabled = true
