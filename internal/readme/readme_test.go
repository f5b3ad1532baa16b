package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const readmePath = "../../README.md"

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```\n")

// The README shows the programs of this folder, which compile and pass their tests.
func TestReadmeShowsPrograms(t *testing.T) {
	t.Parallel()
	readme := read(t, readmePath)
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var sources []string
	for _, file := range files {
		sources = append(sources, read(t, file))
		if !strings.HasSuffix(file, "_test.go") {
			assert.Contains(t, readme, "```go\n"+read(t, file)+"```\n", "the README must show %s unchanged", file)
		}
	}
	blocks := goBlock.FindAllStringSubmatch(readme, -1)
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		assert.True(t, slices.Contains(sources, block[1]), "no file of this folder has the README's code:\n%s", block[1])
	}
}

// The README shows what the quickstart prints.
func TestReadmeShowsOutput(t *testing.T) {
	t.Parallel()
	assert.Contains(t, read(t, readmePath), "\n$ go run ./examples/quickstart\n"+read(t, "../../examples/quickstart/testdata/output.golden")+"```\n")
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}
