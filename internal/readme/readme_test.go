package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = "../../"

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```\n")

// README.md and docs/guide.md show the programs of this folder, which compile
// and pass their tests, and nothing else.
func TestPagesShowPrograms(t *testing.T) {
	t.Parallel()
	shown := map[string]bool{}
	for _, page := range []string{"README.md", "docs/guide.md"} {
		for _, block := range goBlock.FindAllStringSubmatch(read(t, root+page), -1) {
			shown[block[1]] = true
		}
	}
	require.NoError(t, filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".go" {
			source := read(t, path)
			isTest := strings.HasSuffix(path, "_test.go")
			assert.True(t, shown[source] || isTest, "README.md or docs/guide.md must show internal/readme/%s unchanged", path)
			delete(shown, source)
		}
		return err
	}))
	for block := range shown {
		assert.Fail(t, "no file of internal/readme has this code of README.md or docs/guide.md", block)
	}
}

// README.md shows what the programs print.
func TestReadmeShowsOutput(t *testing.T) {
	t.Parallel()
	readme := read(t, root+"README.md")
	for command, golden := range map[string]string{
		"```console\n$ go run ./examples/quickstart\n": root + "examples/quickstart/testdata/output.golden",
		"```text\n": "live/testdata/not-signed-in.golden",
	} {
		assert.Contains(t, readme, command+read(t, golden)+"```\n")
	}
}

// README.md is short enough to be read.
func TestReadmeIsShort(t *testing.T) {
	t.Parallel()
	assert.LessOrEqual(t, strings.Count(read(t, root+"README.md"), "\n"), 220, "details go to docs/guide.md")
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}
