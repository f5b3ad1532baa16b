package repository

import (
	"bytes"
	"cmp"
	"go/ast"
	"go/doc"
	"go/format"
	"go/parser"
	"go/token"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
)

// Every operation has all that the others have. A failure names what is missing.
func TestEveryOperationIsComplete(t *testing.T) {
	t.Parallel()
	methods := map[string]*doc.Func{} // by receiver and name
	for name, documented := range parseRoot() {
		for _, method := range documented.Methods {
			methods[name+"."+method.Name] = method
		}
	}
	testkit.EachOperation(t, routes.All, func(t *testing.T, route *routes.Route) {
		method := methods[route.Operation]
		require.True(t, method != nil && method.Doc != "", "%s needs a method with a comment", route.Operation)
		assert.Contains(t, method.Doc, "\nREST: "+route.Page+"\n", "the comment must name the REST page")
		for _, field := range method.Decl.Type.Params.List {
			for _, parameter := range field.Names {
				if parameter.Name != "ctx" {
					assert.Regexp(t, `(?m)^\s+- (\w+, )*`+parameter.Name+`(, \w+)*: `, method.Doc, "the comment must describe the parameter")
				}
			}
		}
		hasOutput := func(e *doc.Example) bool { return e.Output != "" }
		assert.True(t, slices.ContainsFunc(method.Examples, hasOutput), "%s needs an Example with output", route.Operation)
		for _, example := range method.Examples { // pkg.go.dev shows what a whole one declares
			assert.NotNil(t, example.Play, "%s names what another file declares", example.Name)
		}
	})
}

// Every client is where a user looks for it, and the tests know it.
func TestEveryClientIsComplete(t *testing.T) {
	t.Parallel()
	types, missing := parseRoot(), map[string]bool{}
	for _, route := range routes.All {
		client, version := route.Resource.Client, cmp.Or(route.Resource.APIVersion, route.APIVersion)
		missing["Ours in test/driver/driver.go needs "+client] = driver.Ours[client] == nil
		missing["Parsers in test/driver/driver.go needs "+client] = driver.Parsers[client] == nil && route.Resource.Get != nil
		documented := types[client] != nil && strings.Contains(strings.ReplaceAll(types[client].Doc, "\n", " "), " api-version "+version)
		missing[client+" needs a comment with api-version "+version] = !documented
		for place, pattern := range map[string]string{
			"doc.go must name " + client: `(?m)^//   - \[` + client + `\] `,
			"docs/versions.md must name " + client + " with api-version " + version: "(?m)^\\| .*`" + client + "`.* \\| " + version + " \\|$",
			"CHANGELOG.md must name " + client:                                      "`" + client + "\\b",
		} {
			text := testkit.ReadFile(t, filepath.Join(testkit.Root(), strings.Fields(place)[0]))
			missing[place] = !regexp.MustCompile(pattern).MatchString(text)
		}
	}
	maps.DeleteFunc(missing, func(_ string, is bool) bool { return !is })
	assert.Empty(t, strings.Join(slices.Sorted(maps.Keys(missing)), "\n"))
}

// Every open string with constants, which differ by more than case, has Is, which
// ignores case, and a function that returns all of them.
func TestEveryEnumerationIsComplete(t *testing.T) {
	t.Parallel()
	enumerations := 0
	for name, documented := range parseRoot() {
		var constants, values, returned []string
		for _, group := range documented.Consts {
			constants = append(constants, group.Names...)
			for _, spec := range group.Decl.Specs {
				values = append(values, strings.ToLower(spec.(*ast.ValueSpec).Values[0].(*ast.BasicLit).Value))
			}
		}
		if len(constants) == 0 {
			continue
		}
		enumerations++
		for _, function := range documented.Funcs {
			ast.Inspect(function.Decl, func(n ast.Node) bool {
				if literal, ok := n.(*ast.CompositeLit); ok && function.Name == "Possible"+name+"Values" {
					for _, element := range literal.Elts {
						returned = append(returned, nameOf(element))
					}
				}
				return true
			})
		}
		assert.ElementsMatch(t, constants, returned, "Possible%sValues must return every constant", name)
		assert.Len(t, slices.Compact(slices.Sorted(slices.Values(values))), len(values), "%s has a value twice", name)
		isIs := func(f *doc.Func) bool {
			var body bytes.Buffer
			err := format.Node(&body, token.NewFileSet(), f.Decl.Body)
			return f.Name == "Is" && err == nil && regexp.MustCompile(`^{\s*return equalFold\(\w, other\)\s*}$`).Match(body.Bytes())
		}
		assert.True(t, slices.ContainsFunc(documented.Methods, isIs), "%s needs Is, which calls equalFold", name)
	}
	assert.NotZero(t, enumerations)
}

// Every exported field has a comment that says what it is.
func TestEveryFieldIsDocumented(t *testing.T) {
	t.Parallel()
	for name, documented := range parseRoot() {
		structure, ok := documented.Decl.Specs[0].(*ast.TypeSpec).Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, field := range structure.Fields.List {
			for _, fieldName := range field.Names {
				if fieldName.IsExported() {
					assert.NotEmpty(t, strings.TrimSpace(field.Doc.Text()+field.Comment.Text()), "%s.%s needs a comment", name, fieldName)
				}
			}
		}
	}
}

// parseRoot returns the types of the root package with what belongs to them.
func parseRoot() map[string]*doc.Type {
	names := testkit.Must(filepath.Glob(filepath.Join(testkit.Root(), "*.go")))
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		file := testkit.Must(parser.ParseFile(fset, name, nil, parser.ParseComments))
		files = append(files, file)
	}
	root := testkit.Must(doc.NewFromFiles(fset, files, "github.com/armsecops/armsecops", doc.PreserveAST))
	types := map[string]*doc.Type{}
	for _, documented := range root.Types {
		types[documented.Name] = documented
	}
	return types
}

func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return nameOf(e.X)
	case *ast.IndexExpr:
		return nameOf(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// Internal packages import what this table says, and never the root.
func TestImports(t *testing.T) {
	t.Parallel()
	const (
		module = "github.com/armsecops/armsecops"
		azcore = "github.com/Azure/azure-sdk-for-go/sdk/azcore"
		json   = "github.com/go-json-experiment/json"
	)
	allowed := map[string][]string{ // beside the standard library
		"errorbody": {module + "/internal/printable", json, json + "/jsontext"},
		"exchange":  {module + "/internal/throttle", module + "/internal/wire", azcore + "/arm", azcore + "/policy", azcore + "/runtime", "golang.org/x/net/http/httpguts"},
		"fanout":    {},
		"nextlink":  {module + "/internal/printable"},
		"printable": {},
		"resume":    {},
		"routes":    {},
		"throttle":  {azcore + "/policy"},
		"wire":      {json, json + "/jsontext", azcore + "/runtime/datetime"},
	}
	testSupport := regexp.MustCompile("^" + module + "/(internal/testkit|test)(/|$)")

	cmd := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}}: {{join .Imports " "}}`, "./...")
	cmd.Dir = testkit.Root()
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	for text := range strings.Lines(string(out)) {
		path, imports, _ := strings.Cut(strings.TrimSpace(text), ": ")
		name, internal := strings.CutPrefix(path, module+"/internal/")
		if internal {
			assert.NotContains(t, strings.Fields(imports), module, "%s imports the root", path)
		}
		if testSupport.MatchString(path) {
			continue
		}
		_, known := allowed[name]
		assert.True(t, known || !internal, "%s must be in the table of imports", path)
		for imported := range strings.FieldsSeq(imports) {
			assert.NotRegexp(t, testSupport, imported, "%s imports test support", path)
			if internal && strings.Contains(imported, ".") {
				assert.Contains(t, allowed[name], imported, "%s must not import it", path)
			}
		}
	}
}
