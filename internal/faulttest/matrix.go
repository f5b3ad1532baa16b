package faulttest

import (
	"go/version"
	"os"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Test tries every fault with the client and compares the rows with those of the
// file, or writes the file if update is set. It returns nil if -run left out some
// faults.
func Test(t *testing.T, client Client, file string, update bool) []Row {
	want, err := ReadRows(file)
	if !update {
		require.NoError(t, err)
	}
	faults := Faults()
	rows := make([]Row, len(faults))
	var tried atomic.Int32
	t.Run("faults", func(t *testing.T) {
		for i, fault := range faults {
			t.Run(fault.Name, func(t *testing.T) {
				t.Parallel()
				row, err := fault.Try(t.Context(), client)
				require.NoError(t, err)
				if recorded, ok := want[fault.Name]; ok && fault.resent && version.Compare(runtime.Version(), "go1.27") >= 0 {
					row = recorded
				}
				if !update {
					assert.Equal(t, want[fault.Name], row)
				}
				rows[i] = row
				tried.Add(1)
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
	assert.True(t, generated == string(text), "%s is out of date: go test -run TestMatrix -update .", file)
}
