package repository

import (
	"errors"
	"go/format"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/testkit"
)

// The recipe of CONTRIBUTING.md is complete: in a copy of the repository, it adds
// an operation with which the tests pass. Without a part of it, a test names what
// is missing.
//
// The test is not parallel, because its builds would slow down tests that have a
// deadline.
func TestRecipeAddsAnOperation(t *testing.T) {
	if testing.Short() || testkit.RaceEnabled {
		t.Skip("builds a copy of the repository")
	}
	const operation = "WorkspaceManagerJobsClient.Cancel"
	steps, commands := readRecipe(t)
	repository := copyRepository(t)
	for _, s := range steps {
		repository.follow(t, s)
	}
	// The tests read the sources when they run, so one build does for all.
	source, operations := filepath.Join(t.TempDir(), "source.test"), filepath.Join(t.TempDir(), "operations.test")
	const walks = "^(TestEvery.*|TestAPI|TestRoutesAreAsDocumented|TestServerSupports.*|TestOperations.*|TestSpans.*|TestPoliciesSee.*|Example.*_Cancel)$"
	commands = append(commands,
		[]string{"go", "test", "-c", "-o", source, "./test/repository"},
		[]string{"go", "test", "-c", "-o", operations, "./test/operations"},
		[]string{source, "-test.run", walks},
		[]string{operations},
		[]string{"go", "test", "-run", walks, ".", "./fake", "./internal/routes", "./test/..."})
	for _, command := range commands {
		out, err := repository.run(t, command...)
		require.NoError(t, err, "%s:\n%s", command, out)
	}

	complete := []string{source, "-test.run", "^TestEveryOperationIsComplete$"}
	documented := []string{operations, "-test.run", "^TestEveryOperationHasADocumentedExchange$"}
	handled := []string{"go", "test", "-run", "^TestServerSupportsEveryOperation$", "./fake"}
	recorded := []string{source, "-test.run", "^TestAPI$"}
	omissions := map[string]struct {
		file    string
		omitted string // a regular expression; its group stays
		test    []string
		failure string
	}{
		"comment": {
			"jobs.go", `(?m)^// Cancel cancels .*\n(?://.*\n)+`, complete, operation + " needs a method with a comment",
		},
		"parameter in the comment": {
			"jobs.go", `(?s)(// Cancel cancels .*?)//   - workspaceName: [^\n]*\n`, complete, "the comment must describe the parameter",
		},
		"REST page in the comment": {
			"jobs.go", `//\n// REST: \S+/cancel\n`, complete, "the comment must name the REST page",
		},
		"documented exchange": {
			"testdata/exchanges/jobs_cancel.json", `(?s)^.*$`, documented, operation + " needs a documented exchange",
		},
		"handler": {
			"fake/store.go", `.*routes\.JobsCancel.*\n`, handled, "no handler for " + operation,
		},
		"example": {
			"example_test.go", `(?s)func ExampleWorkspaceManagerJobsClient_Cancel.*?\n}\n`, complete, operation + " needs an Example with output",
		},
		"output of the example": {
			"example_test.go", `// Output: Canceled`, complete, operation + " needs an Example with output",
		},
		"line in the listing of the API": {
			"api/armsecops.txt", `(?m)^func \(c \*WorkspaceManagerJobsClient\) Cancel\(.*\n`, recorded, "name the change in CHANGELOG.md",
		},
	}
	for name, omission := range omissions {
		t.Run(name, func(t *testing.T) {
			repository.omit(t, omission.file, omission.omitted)
			out, err := repository.run(t, omission.test...)
			require.Error(t, err)
			assert.Contains(t, out, omission.failure)
			assert.Regexp(t, `WorkspaceManagerJobsClient\W+Cancel`, out)
		})
	}
}

// step is a block of the recipe and the file that it belongs to.
type step struct {
	file   string
	where  string // "above" or "instead of" the line with the anchor; empty: at the end
	anchor string
	block  string
}

var (
	stepOfRecipe    = regexp.MustCompile("(?ms)^In `([^`]+)`(?:, (above|instead of) `([^`]+)`)?:\n\n```\\w+\n(.*?)^```$")
	commandOfRecipe = regexp.MustCompile(`(?m)^\$ (.+)`)
)

func readRecipe(t *testing.T) (steps []step, commands [][]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testkit.Root(), "CONTRIBUTING.md"))
	require.NoError(t, err)
	_, section, _ := strings.Cut(string(text), "\n## Add an operation\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, match := range stepOfRecipe.FindAllStringSubmatch(section, -1) {
		steps = append(steps, step{match[1], match[2], match[3], match[4]})
	}
	for _, match := range commandOfRecipe.FindAllStringSubmatch(section, -1) {
		commands = append(commands, strings.Fields(match[1]))
	}
	require.Len(t, steps, strings.Count(section, "\n```\n")-len(commands), "every block needs a line before it that says where it goes")
	return steps, commands
}

// copied is a copy of the repository: its path.
type copied string

// copyRepository copies all but what Git and editors hide.
func copyRepository(t *testing.T) copied {
	t.Helper()
	dir := t.TempDir()
	err := filepath.WalkDir(testkit.Root(), func(path string, entry fs.DirEntry, err error) error {
		target := filepath.Join(dir, strings.TrimPrefix(path, testkit.Root()))
		switch hidden := strings.HasPrefix(entry.Name(), "."); {
		case err != nil, path == testkit.Root():
			return err
		case entry.IsDir() && hidden:
			return fs.SkipDir
		case entry.IsDir():
			return os.Mkdir(target, 0o777)
		case hidden:
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o666)
	})
	require.NoError(t, err)
	return copied(dir)
}

// follow adds a step to its file, and formats the file.
func (c copied) follow(t *testing.T, s step) {
	t.Helper()
	path := filepath.Join(string(c), s.file)
	text, err := os.ReadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		require.NoError(t, err)
	}
	before, after := string(text), ""
	if s.where != "" {
		line := regexp.MustCompile(`(?m)^.*` + regexp.QuoteMeta(s.anchor) + `.*\n`)
		found := line.FindAllString(before, -1)
		require.Len(t, found, 1, "%s must have one line with %s", s.file, s.anchor)
		before, after, _ = strings.Cut(before, found[0])
		if s.where == "above" {
			after = found[0] + after
		}
	}
	text = []byte(before + s.block + after)
	if strings.HasSuffix(s.file, ".go") {
		formatted, err := format.Source(text)
		require.NoError(t, err, s.file)
		assert.Equal(t, withoutBlankLines(formatted), withoutBlankLines(text), "gofmt changes %s", s.file)
		text = formatted
	}
	require.NoError(t, os.WriteFile(path, text, 0o666))
}

func withoutBlankLines(text []byte) string {
	return regexp.MustCompile(`\n+`).ReplaceAllString(string(text), "\n")
}

// omit takes a part out of a file, or the file if nothing is left, until the end of the test.
func (c copied) omit(t *testing.T, file, omitted string) {
	t.Helper()
	path := filepath.Join(string(c), file)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.WriteFile(path, text, 0o666)) })
	left := regexp.MustCompile(omitted).ReplaceAll(text, []byte("$1"))
	require.NotEqual(t, string(text), string(left), "nothing omitted")
	if len(left) == 0 {
		require.NoError(t, os.Remove(path))
		return
	}
	require.NoError(t, os.WriteFile(path, left, 0o666))
}

func (c copied) run(t *testing.T, command ...string) (output string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Dir = string(c)
	cmd.Env = append(cmd.Environ(), "GOWORK=off")
	out, err := cmd.CombinedOutput()
	return string(out), err
}
