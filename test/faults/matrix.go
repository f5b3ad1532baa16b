package faults

import (
	"flag"
	"go/version"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/routes"
)

var every = flag.Bool("every", false, "try every operation, not only one of each kind and form of path")

// Test tries every fault with the client and compares the outcomes with those of
// the file, or writes the file if update is set. It returns the file's rows, or nil
// if -run left out some faults.
func Test(t *testing.T, client Client, file string, update bool) []Row {
	want, err := ReadRows(file)
	if !update {
		require.NoError(t, err)
	}
	faults := Faults()
	rows := make([]Row, len(faults))
	operations := client.Operations(*every || update)
	var tried atomic.Int32
	t.Run("faults", func(t *testing.T) {
		for i, fault := range faults {
			t.Run(fault.Name, func(t *testing.T) {
				t.Parallel()
				tried.Add(1)
				recorded, ok := want[fault.Name]
				rows[i] = recorded
				if fault.empty && testing.Short() && !update { // a thousand requests an operation
					return
				}
				outcomes, err := fault.Try(t.Context(), client, operations)
				require.NoError(t, err)
				if ok && fault.resent && version.Compare(runtime.Version(), "go1.27") >= 0 {
					return
				}
				if update {
					rows[i] = newRow(fault, outcomes)
					return
				}
				for route, outcome := range outcomes {
					assert.Contains(t, recorded.Outcomes[route.Kind.String()], outcome, "%s has another outcome than %s: fix it or, if it is right, run the test with -update", route.Operation, file)
				}
			})
		}
	})
	if int(tried.Load()) != len(faults) {
		return nil
	}
	if update {
		require.NoError(t, WriteRows(file, rows))
	} else {
		assert.Len(t, want, len(faults), "%s has other faults", file)
	}
	return rows
}

// newRow returns the outcomes of the operations by their kind, each once.
func newRow(fault Fault, outcomes map[*routes.Route]Outcome) Row {
	row := Row{fault.Name, map[string][]Outcome{}}
	for _, route := range routes.All {
		kind := route.Kind.String()
		if outcome, ok := outcomes[route]; ok && !slices.Contains(row.Outcomes[kind], outcome) {
			row.Outcomes[kind] = append(row.Outcomes[kind], outcome)
		}
	}
	return row
}

// Document compares the sections of a document with their content, by name, or
// writes them if update is set.
func Document(t *testing.T, file string, update bool, sections map[string]string) {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	generated := string(text)
	for name, content := range sections {
		generated, err = Section(generated, name, content)
		require.NoError(t, err)
	}
	if update {
		require.NoError(t, os.WriteFile(file, []byte(generated), 0o666))
		return
	}
	assert.True(t, generated == string(text), "%s is out of date: go test ./test/faults -run TestMatrix -update, then go test -C interop -run TestMatrix -update .", file)
}
