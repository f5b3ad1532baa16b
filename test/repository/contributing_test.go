package repository

import (
	"cmp"
	"errors"
	"go/format"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/testkit"
)

const (
	cancel  = "WorkspaceManagerJobsClient.Cancel"
	banners = "WorkspaceManagerBannersClient"
)

// walks are tests that hold for what the recipes add, by package. Those with a second part have a subtest that it names.
var walks = map[string][]string{
	"./test/repository": {
		"TestAPI", "TestAPIPage", "TestEveryClientIsComplete", "TestEveryFieldIsDocumented",
		"TestEveryOperationIsComplete/" + cancel, "TestEveryOperationIsComplete/" + banners + ".NewListPager",
	},
	"./test/operations": {
		"FuzzModels", "FuzzNothingIsLost", "FuzzParseID", "FuzzPath", "TestEveryOperationHasADocumentedExchange",
		"TestMembersAreNamedAfterTheirFields", "TestRoutesAreAsDocumented",
		"TestEveryExchangeIsReplayed/jobs_cancel/factory", "TestEveryExchangeIsReplayed/workspace_manager_banners/factory",
		"TestEveryIDIsParsed/" + banners + ".Get", "TestEveryListingIsReadInEveryWay/workspace_manager_banners/resumed_by_another_client",
		"TestEveryParameterIsChecked/" + cancel + "_jobName", "TestEveryParameterIsChecked/" + banners + ".Delete_workspaceManagerBannerName",
	},
	"./test": {
		"TestSpansNameTheResourceProvider/" + cancel, "TestSpansNameTheResourceProvider/" + banners + ".CreateOrUpdate",
		"TestPoliciesSeeRequestAndResponse/" + cancel, "TestPoliciesSeeRequestAndResponse/" + banners + ".CreateOrUpdate",
	},
	"./test/faults": {"TestMatrix/faults/429_with_Retry-After,_once"},
	"./fake": {
		"TestEveryClientWorksWithTheServer/WorkspaceManagerJobsClient/transport", "TestEveryClientWorksWithTheServer/" + banners + "/transport",
		"TestEveryResourceIsStoredUntilDeleted/Microsoft.SecurityInsights/workspaceManagerBanners",
		"TestStrictServerChecksProperties/Microsoft.SecurityInsights/workspaceManagerBanners",
	},
	"./internal/routes":    {"TestEveryParameterHasARule", "TestRules/workspaceManagerBannerName"},
	"./cmd/armsecops-fake": {"TestControlPutsAndResets"},
	".":                    {"Example" + strings.Replace(cancel, ".", "_", 1), "Example" + banners + "_Get", "Example" + banners + "_NewListPager"},
}

// The recipes of CONTRIBUTING.md are complete: in a copy of the repository, they
// add an operation and a client with which the tests pass. Without a part of them,
// a test names what is missing.
//
// The test is not parallel, because its builds would slow down tests that have a deadline.
func TestRecipes(t *testing.T) {
	if testing.Short() || testkit.RaceEnabled {
		t.Skip("builds a copy of the repository")
	}
	repository := copyRepository(t)
	before := repository.files(t)
	require.NotContains(t, before["internal/routes/routes.go"], "JobsCancel", "a recipe's example is in this clone: take it out again")
	updates := repository.followRecipe(t, "Add a client")
	changed, lines := 0, 0
	for name, after := range repository.files(t) {
		if after != before[name] {
			changed++
		}
		if strings.HasSuffix(name, ".go") {
			lines += strings.Count(after, "\n") - strings.Count(before[name], "\n")
		}
	}
	t.Logf("a client with four operations is %d files and %d lines of Go", changed, lines)
	assert.LessOrEqual(t, changed, 12, "files of a client")
	assert.LessOrEqual(t, lines, 350, "lines of Go of a client")
	updates = append(updates, repository.followRecipe(t, "Add an operation")...)
	slices.Sort(updates)
	for _, update := range slices.Compact(updates) {
		repository.succeed(t, update)
	}
	// Many tests read the sources when they run: one build does for all of those.
	binaries := t.TempDir()
	repository.succeed(t, "go test -c -o "+binaries+" "+strings.Join(slices.Sorted(maps.Keys(walks)), " "))
	run := func(folder, test string) string {
		name := cmp.Or(strings.TrimLeft(filepath.Base(folder), "."), "armsecops")
		return "cd " + folder + " && " + filepath.Join(binaries, name+".test") + " -test.v -test.run '^" + test + "$'"
	}
	for folder, tests := range walks {
		command := run(folder, pattern(tests))
		if folder == "./test/faults" {
			command += " -every"
		}
		out := repository.succeed(t, command)
		for _, test := range tests {
			assert.Contains(t, out, "--- PASS: "+test+" ", folder)
		}
	}
	const (
		here, operation, client = "./test/repository", "TestEveryOperationIsComplete", "TestEveryClientIsComplete"
		there, exchange         = "./test/operations", "TestEveryOperationHasADocumentedExchange"
		noExample               = " needs an Example with output"
	)
	omissions := map[string]struct {
		file    string
		omitted string // a regular expression; its group stays
		folder  string // of the test; with ! if its program must be built without the part
		test    string
		failure string
	}{
		"comment":                  {"jobs.go", `(?m)^// Cancel cancels .*\n(?://.*\n)+`, here, operation, cancel + " needs a method with a comment"},
		"REST page in the comment": {"jobs.go", `//\n// REST: \S+/cancel\n`, here, operation, "the comment must name the REST page"},
		"parameter in the comment": {
			"jobs.go", `(?s)(// Cancel cancels .*?)//   - workspaceName: [^\n]*\n`, here, operation, "the comment must describe the parameter",
		},
		"documented exchange": {"testdata/exchanges/jobs_cancel.json", `(?s)^.*$`, there, exchange, cancel + " needs a documented exchange"},
		"handler": {
			"fake/store.go", `.*routes\.JobsCancel.*\n`,
			"!./fake", "TestEveryClientWorksWithTheServer/WorkspaceManagerJobsClient", "no handler for " + cancel,
		},
		"row of the fake": {
			"fake/rows.go", `(?s)\trowOf\[armsecops.WorkspaceManagerBanner.*?nil\),\n`,
			"!./fake", "TestEveryOperationCanBeOverridden", banners + " needs a row in fake/rows.go",
		},
		"store of the fake's process": {
			"cmd/armsecops-fake/control.go", `.*WorkspaceManagerBanner.*\n`,
			"!./cmd/armsecops-fake", "TestControlPutsAndResets", "workspaceManagerBanners needs a line in stores",
		},
		"example":              {"example_publishing_test.go", `(?s)func ExampleWorkspaceManagerJobsClient_Cancel.*?\n}\n`, here, operation, cancel + noExample},
		"output of an example": {"example_publishing_test.go", `// Output: Canceled`, here, operation, cancel + noExample},
		"rule of a parameter": {
			"internal/routes/parameters.go", `.*workspaceManagerBannerName.*\n`,
			"!./internal/routes", "TestEveryParameterHasARule", "workspaceManagerBannerName needs a line in parameters.go",
		},
		"constructor":            {"test/driver/driver.go", `.*NewWorkspaceManagerBannersClient.*\n`, "!" + here, client, "Ours in test/driver/driver.go needs " + banners},
		"parser":                 {"test/driver/driver.go", `.*ParseWorkspaceManagerBannerID.*\n`, "!" + here, client, "Parsers in test/driver/driver.go needs " + banners},
		"list of doc.go":         {"doc.go", `//.*` + banners + `.*\n`, here, client, "doc.go must name " + banners},
		"methods of doc.go":      {"doc.go", ` Cancel,`, here, "TestAPI", "doc.go: methods of WorkspaceManagerJobsClient"},
		"api-version":            {"docs/versions.md", `.*` + banners + `.*\n`, here, client, "docs/versions.md must name " + banners + " with api-version 2"},
		"version in the comment": {"workspacemanagerbanners.go", `api-version .*`, here, client, banners + " needs a comment with api-version 2"},
		"release notes":          {"CHANGELOG.md", `.*` + banners + `.*\n`, here, client, "CHANGELOG.md must name " + banners},
		"line in the listing of the API": {
			"api/armsecops.txt", `(?m)^func \(c \*WorkspaceManagerJobsClient\) Cancel\(.*\n`, here, "TestAPI", "name the change in CHANGELOG.md",
		},
		"line in the page of operations": {"docs/api.md", `.*/cancel.*\n`, here, "TestAPIPage", "the operations change: write docs/api.md"},
	}
	for name, omission := range omissions {
		t.Run(name, func(t *testing.T) {
			repository.omit(t, omission.file, omission.omitted)
			command := run(omission.folder, omission.test)
			if folder, ok := strings.CutPrefix(omission.folder, "!"); ok {
				command = "go test -vet=off -run '^" + omission.test + "$' " + folder
			}
			out, err := repository.run(t, command)
			require.Error(t, err)
			assert.Contains(t, out, omission.failure)
			assert.NotContains(t, out, "panic:")
		})
	}
}

// pattern returns the pattern of go test for the tests: for a single one without other subtests.
func pattern(tests []string) string {
	if len(tests) == 1 {
		return tests[0]
	}
	return "(" + subtests.ReplaceAllString(strings.Join(tests, "|"), "") + ")"
}

var (
	partOfRecipe = regexp.MustCompile("(?ms)^In `([^`]+)`(?:, (above|instead of) `([^`]+)`)?:\n\n```\\w+\n(.*?)^```$")
	command      = regexp.MustCompile(`(?m)^\$ (.+)`)
	subtests     = regexp.MustCompile(`/[^|]*`)
)

// copied is a copy of the repository: its path.
type copied string

// followRecipe carries out the steps of a section of CONTRIBUTING.md, and returns
// the commands that update what is derived.
func (c copied) followRecipe(t *testing.T, title string) (updates []string) {
	text := testkit.ReadFile(t, filepath.Join(testkit.Root(), "CONTRIBUTING.md"))
	_, section, found := strings.Cut(text, "\n## "+title+"\n")
	require.True(t, found, title)
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := strings.Count(section, "\n```\n")
	for step, text := range strings.Split(section, "\n### ") {
		for _, match := range partOfRecipe.FindAllStringSubmatch(text, -1) {
			c.add(t, match[1], match[2], match[3], match[4])
			blocks--
		}
		for _, match := range command.FindAllStringSubmatch(text, -1) {
			blocks--
			if strings.HasSuffix(match[1], " -update") {
				updates = append(updates, match[1])
				continue
			}
			c.succeed(t, match[1])
		}
		if step == 1 && title == "Add a client" { // the tests say what to do next
			out, err := c.run(t, "go test -vet=off -short ./fake ./test ./test/operations ./test/repository")
			require.Error(t, err)
			for _, next := range []string{"Ours in test/driver/driver.go needs " + banners, banners + ".Get needs a documented exchange", banners + " needs a row in fake"} {
				assert.Contains(t, out, next)
			}
			assert.NotContains(t, out, "panic:")
		}
	}
	require.Zero(t, blocks, "every block needs a line before it that says where it goes")
	assert.Empty(t, c.succeed(t, "gofmt -l ."), "gofmt changes it")
	return updates
}

// copyRepository copies all but what Git and editors hide.
func copyRepository(t *testing.T) copied {
	c := copied(t.TempDir())
	for name, text := range copied(testkit.Root()).files(t) {
		path := filepath.Join(string(c), name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
	}
	return c
}

// files returns the files by their paths, without hidden ones.
func (c copied) files(t *testing.T) map[string]string {
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(string(c)), ".", func(path string, entry fs.DirEntry, err error) error {
		switch hidden := strings.HasPrefix(entry.Name(), ".") && path != "."; {
		case err != nil:
			return err
		case entry.IsDir() && hidden:
			return fs.SkipDir
		case entry.IsDir() || hidden:
			return nil
		}
		text, err := os.ReadFile(filepath.Join(string(c), path))
		files[path] = string(text)
		return err
	})
	require.NoError(t, err)
	return files
}

// add adds a block to a file, and formats the file.
//   - where: "above" or "instead of" the line with the anchor; empty: at the end
func (c copied) add(t *testing.T, file, where, anchor, block string) {
	path := filepath.Join(string(c), file)
	text, err := os.ReadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		require.NoError(t, err)
	}
	before, after := string(text), ""
	if where != "" {
		line := regexp.MustCompile(`(?m)^.*` + regexp.QuoteMeta(anchor) + `.*\n`)
		found := line.FindAllString(before, -1)
		require.Len(t, found, 1, "%s must have one line with %s", file, anchor)
		before, after, _ = strings.Cut(before, found[0])
		if where == "above" {
			after = found[0] + after
		}
	}
	text = []byte(before + block + after)
	if strings.HasSuffix(file, ".go") {
		formatted, err := format.Source(text)
		require.NoError(t, err, file)
		assert.Equal(t, withoutBlankLines(formatted), withoutBlankLines(text), "gofmt changes %s", file)
		text = formatted
	}
	require.NoError(t, os.WriteFile(path, text, 0o666))
}

func withoutBlankLines(text []byte) string {
	return regexp.MustCompile(`\n+`).ReplaceAllString(string(text), "\n")
}

// omit takes a part out of a file, or the file if nothing is left, until the end of the test.
func (c copied) omit(t *testing.T, file, omitted string) {
	path := filepath.Join(string(c), file)
	text := testkit.ReadFile(t, path)
	t.Cleanup(func() { require.NoError(t, os.WriteFile(path, []byte(text), 0o666)) })
	left := regexp.MustCompile(omitted).ReplaceAllString(text, "$1")
	require.NotEqual(t, text, left, "nothing omitted")
	if left == "" {
		require.NoError(t, os.Remove(path))
		return
	}
	require.NoError(t, os.WriteFile(path, []byte(left), 0o666))
}

func (c copied) succeed(t *testing.T, command string) (output string) {
	output, err := c.run(t, command)
	require.NoError(t, err, "%s:\n%s", command, output)
	return output
}

func (c copied) run(t *testing.T, command string) (output string, err error) {
	cmd := exec.CommandContext(t.Context(), "bash", "-ec", command)
	cmd.Dir = string(c)
	cmd.Env = append(cmd.Environ(), "GOWORK=off", "GOFLAGS=-trimpath -ldflags=-w") // unchanged packages come from the cache, and links are faster
	out, err := cmd.CombinedOutput()
	return string(out), err
}
