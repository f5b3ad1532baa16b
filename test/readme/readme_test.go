package main

import (
	"go/doc"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/testkit"
)

const root = "../../"

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```\n")

// The code of the pages and of the package's documentation is that of programs, which
// compile and pass their tests: whole files of the first folders, or parts of the others.
func TestPagesShowPrograms(t *testing.T) {
	t.Parallel()
	shown := map[string]bool{}
	for _, page := range []string{"README.md", "docs/guide.md", "docs/publishing.md", "docs/publishing-command.md", "docs/exempting.md", "docs/exempting-command.md", "docs/migrating.md"} {
		for _, block := range goBlock.FindAllStringSubmatch(testkit.ReadFile(t, root+page), -1) {
			shown[block[1]] = true
		}
		for _, version := range regexp.MustCompile(`github\.com/\S+@v\d\S+`).FindAllString(testkit.ReadFile(t, root+page), -1) {
			assert.Contains(t, testkit.ReadFile(t, root+"interop/go.mod"), strings.Replace(version, "@", " ", 1), page)
		}
	}
	file := testkit.Must(parser.ParseFile(token.NewFileSet(), root+"doc.go", nil, parser.ParseComments))
	for _, block := range new(comment.Parser).Parse(file.Doc.Text()).Content {
		if code, ok := block.(*comment.Code); ok && strings.Contains(code.Text, "func main() {") {
			shown[code.Text] = true
		}
	}
	for folder, whole := range map[string]bool{".": true, root + "interop/migrating": true, root + "examples/guide": false} {
		require.NoError(t, filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
			if filepath.Ext(path) == ".go" {
				source := testkit.ReadFile(t, path)
				assert.True(t, !whole || shown[source] || strings.HasSuffix(path, "_test.go"), "a page must show %s unchanged", path)
				maps.DeleteFunc(shown, func(code string, _ bool) bool { return code == source || !whole && strings.Contains(source, "\n"+code) })
			}
			return err
		}))
	}
	assert.Empty(t, shown, "no file of these folders has this code of a page")
}

// The pages show what the programs print.
func TestPagesShowOutput(t *testing.T) {
	t.Parallel()
	for _, shown := range []struct{ page, before, golden string }{
		{"README.md", "```console\n$ git clone https://github.com/armsecops/armsecops\n$ cd armsecops\n$ go run ./examples/quickstart\n", root + "examples/quickstart/testdata/output.golden"},
		{"docs/guide.md", "```text\n", "testdata/not-signed-in.golden"},
	} {
		assert.Contains(t, testkit.ReadFile(t, root+shown.page), shown.before+testkit.ReadFile(t, shown.golden)+"```\n")
	}
	for name, before := range map[string]string{"publish": "```console\n$ go run ./examples/guide/publish\n", "exempt": "```text\n"} {
		file := testkit.Must(parser.ParseFile(token.NewFileSet(), root+"examples/guide/"+name+"/main_test.go", nil, parser.ParseComments))
		assert.Contains(t, testkit.ReadFile(t, root+"docs/"+name+"ing.md"), before+doc.Examples(file)[0].Output+"```\n")
	}
}

// README.md is short enough to be read.
func TestReadmeIsShort(t *testing.T) {
	t.Parallel()
	assert.LessOrEqual(t, strings.Count(testkit.ReadFile(t, root+"README.md"), "\n"), 170, "details go to docs")
}

var (
	fence = regexp.MustCompile("(?ms)^```.*?^```$")
	link  = regexp.MustCompile(`\]\(([^)\s:#]*)(?:#([^)\s]+))?\)`) // without a scheme
	title = regexp.MustCompile(`(?m)^#+ (.+)$`)
)

// A link in a page leads to a file of the repository, and to a title in it.
func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	pages := []string{root + "testdata/README.md"}
	for _, pattern := range []string{"*.md", ".github/*.md", "docs/*.md", "docs/decisions/*.md", "examples/*.md"} {
		found := testkit.Must(filepath.Glob(root + pattern))
		pages = append(pages, found...)
	}
	for _, match := range regexp.MustCompile(`([^|\[]*)\[[^\]]*\]\(([^)]*_test\.go)\)`).FindAllStringSubmatch(testkit.ReadFile(t, root+"examples/README.md"), -1) {
		for _, name := range regexp.MustCompile(`Example\w+`).FindAllString(match[1], -1) {
			assert.Contains(t, testkit.ReadFile(t, filepath.Join(root+"examples", match[2])), "func "+name+"(")
		}
	}
	for _, page := range pages {
		for _, match := range link.FindAllStringSubmatch(fence.ReplaceAllString(testkit.ReadFile(t, page), ""), -1) {
			target, anchor := page, match[2]
			if match[1] != "" {
				target = filepath.Join(filepath.Dir(page), match[1])
			}
			_, err := os.Stat(target)
			if assert.NoError(t, err, "%s: %s", page, match[0]) && anchor != "" {
				assert.Contains(t, anchors(testkit.ReadFile(t, target)), anchor, "%s: %s", page, match[0])
			}
		}
	}
}

// anchors returns the names by which GitHub links to the titles of a page.
func anchors(page string) (names []string) {
	for _, match := range title.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(match[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}
