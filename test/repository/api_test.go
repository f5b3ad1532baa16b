package repository

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/testkit"
)

var update = flag.Bool("update", false, "write api/armsecops.txt, docs/api.md and the names of spans in docs/metrics.md")

// api/armsecops.txt lists the exported API of both packages, so that a change of it is seen in a review.
func TestAPI(t *testing.T) {
	t.Parallel()
	api := "package armsecops\n\n" + exportedAPI(t, testkit.Root()) + "\npackage fake\n\n" + exportedAPI(t, filepath.Join(testkit.Root(), "fake"))
	rows, methods := regexp.MustCompile(`\n//\t {29}`).ReplaceAllString(testkit.ReadFile(t, "../../doc.go"), " "), map[string][]string{}
	for _, method := range regexp.MustCompile(`(?m)^func \(c \*(\w+Client)\) ([A-Z]\w*)\(`).FindAllStringSubmatch(api, -1) {
		methods[method[1]] = append(methods[method[1]], method[2])
	}
	for client, want := range methods {
		row := cmp.Or(regexp.MustCompile(`//\t`+client+` {3}.*`).FindString(rows), regexp.MustCompile(`//\tthe other clients {3}.*`).FindString(rows))
		assert.ElementsMatch(t, want, strings.FieldsFunc(row[29+len("//\t"):], func(r rune) bool { return r == ',' || r == ' ' }), "doc.go: methods of %s", client)
	}
	assertDerived(t, "api/armsecops.txt", "the exported API changes: name the change in CHANGELOG.md, and", func(string) string { return api })
}

// exportedAPI returns the exported declarations of a package without comments and bodies, sorted.
func exportedAPI(t *testing.T, folder string) string {
	names := testkit.Must(filepath.Glob(filepath.Join(folder, "*.go")))
	var declarations []string
	add := func(keyword string, node any) {
		var text bytes.Buffer
		require.NoError(t, format.Node(&text, token.NewFileSet(), node))
		// Where comments were, there are blank lines now.
		formatted := testkit.Must(format.Source(regexp.MustCompile(`\n+`).ReplaceAll([]byte(keyword+text.String()), []byte("\n"))))
		declarations = append(declarations, string(formatted)+"\n")
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file := testkit.Must(parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution))
		ast.FileExports(file)
		ast.Inspect(file, func(n ast.Node) bool {
			if structure, ok := n.(*ast.StructType); ok {
				structure.Incomplete = false // prints no comment about unexported fields
			}
			return true
		})
		for _, declaration := range file.Decls {
			switch d := declaration.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil || ast.IsExported(nameOf(d.Recv.List[0].Type)) {
					d.Body = nil
					add("", d)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if d.Tok != token.IMPORT {
						add(d.Tok.String()+" ", spec)
					}
				}
			}
		}
	}
	slices.Sort(declarations)
	return strings.Join(declarations, "")
}

// docs/api.md has every operation of the table of routes, with its REST page, and
// docs/metrics.md has the names of their spans, and no query that promtool doesn't run.
func TestAPIPage(t *testing.T) {
	t.Parallel()
	var page, spans strings.Builder
	page.WriteString(apiPage)
	var resource *routes.Resource
	for _, route := range routes.All {
		if route.Resource != resource {
			resource = route.Resource
			fmt.Fprintf(&page, "\n## %s\n\n`%s`\n\n| method | request | api-version | REST documentation |\n|---|---|---|---|\n", resource.Client, resource.Type)
		}
		method := strings.TrimPrefix(route.Operation, resource.Client+".")
		fmt.Fprintf(&page, "| `%s` | `%s %s` | %s | [%s](%s) |\n", method, route.Method, route.Path, route.APIVersion, path.Base(route.Page), route.Page)
		fmt.Fprintf(&spans, "| `%s` | %s | `HTTP %s` | `%s` |\n", route.Operation, route.Kind, route.Method, route.Namespace)
	}
	assertDerived(t, "docs/api.md", "the operations change:", func(string) string { return page.String() })
	assertDerived(t, "docs/metrics.md", "the operations change:", func(text string) string {
		require.Regexp(t, spanRows, text)
		tested := testkit.ReadFile(t, "../../docs/alerts.test.yaml")
		for _, query := range regexp.MustCompile(`(?m)^[a-z].*\(armsecops_.*`).FindAllString(text, -1) {
			assert.True(t, strings.Contains(tested, "expr: "+query+"\n"), "docs/alerts.test.yaml lacks %s", query)
		}
		return spanRows.ReplaceAllLiteralString(text, spanHeader+spans.String())
	})
}

// assertDerived compares a file with what it is to be, or writes it.
//   - change: what a difference says, and to do before the file is written
func assertDerived(t *testing.T, name, change string, derive func(recorded string) string) {
	recorded := testkit.ReadFile(t, "../../"+name)
	want := derive(recorded)
	if *update {
		require.NoError(t, os.WriteFile("../../"+name, []byte(want), 0o666))
		return
	}
	assert.True(t, recorded == want, "%s write %s by: go test ./test/repository -run TestAPI -update", change, name)
}

const spanHeader = "| span of an operation | kind | request | `az.namespace` |\n|---|---|---|---|\n"

var spanRows = regexp.MustCompile(regexp.QuoteMeta(spanHeader) + `(\|.*\n)*`)

const apiPage = `# Operations

Every operation of every client, its request and its page of Azure's REST documentation.

These methods send the requests of others, and have no row in the tables of their clients:

| method | sends |
|---|---|
| ` + "`WorkspaceManagerJobsClient.BeginCreate`" + ` | ` + "`Create`, then `Get` for each poll; with `Recover`, `NewListPager` before `Create`, and after one whose response is lost" + ` |
| ` + "`WaitForJob`" + ` | ` + "those of its poller" + ` |
| ` + "`WorkspaceManagerJobsClient.NewJobPoller`" + ` | ` + "`Get` for each poll" + ` |
| ` + "`ListAcrossSubscriptions` of `SecurityAssignmentsClient` and `AssessmentsMetadataClient`" + ` | ` + "`NewListBySubscriptionPager` for each subscription" + ` |
| ` + "`ListAcrossSubscriptions` of `PolicyExemptionsClient`, `StandardAssignmentsClient` and `SecurityStandardsClient`" + ` | ` + "`NewListPager` for each subscription" + ` |
| ` + "`ExemptionsClient.ListAcrossSubscriptions`" + ` | ` + "`NewListPager` of `PolicyExemptionsClient` and `StandardAssignmentsClient`, and `NewListBySubscriptionPager` of `SecurityAssignmentsClient`, for each subscription; unless `ListsOnly` is set, also `ExemptionsClient.NewListPager`, and `StandardAssignmentsClient.Get` for what only that has" + ` |
| ` + "`ExemptionsClient.CreateOrUpdate`" + ` | ` + "`CreateOrUpdate` of `PolicyExemptionsClient` or `StandardAssignmentsClient`; with `RefuseExisting`, their `Get` before it" + ` |
| ` + "`Get`, `Renew` and `Delete` of `ExemptionsClient`" + ` | ` + "`Get`, then `CreateOrUpdate` to renew and `Delete` to delete, of the client of the exemption's place" + ` |
`
