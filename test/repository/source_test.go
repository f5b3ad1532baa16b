package repository

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
	source := parseRoot(t)
	for _, route := range routes.All {
		t.Run(route.Operation, func(t *testing.T) {
			t.Parallel()
			client, method, _ := strings.Cut(route.Operation, ".")

			comment, parameters := source.method(client, method)
			require.NotEmpty(t, comment, "%s needs a method with a comment", route.Operation)
			assert.Contains(t, comment, "\nREST: "+route.Page+"\n", "the comment must name the REST page")
			for _, parameter := range parameters {
				assert.Regexp(t, `(?m)^\s+- (\w+, )*`+parameter+`(, \w+)*: `, comment, "the comment must describe the parameter")
			}

			assert.True(t, source.examples[client+"_"+method], "%s needs an Example with output", route.Operation)
		})
	}
}

// Every client is where a user looks for it, and the tests know it.
func TestEveryClientIsComplete(t *testing.T) {
	t.Parallel()
	for _, route := range routes.All {
		client := route.Resource.Client
		assert.NotNil(t, driver.Ours[client], "Ours in test/driver needs %s", client)
		for page, place := range map[string]string{
			"doc.go":           "(?m)^//\t    .+ " + client + "$",
			"docs/versions.md": "(?m)^\\| .*`" + client + "`.* \\| " + cmp.Or(route.Resource.APIVersion, route.APIVersion) + " \\|$",
			"CHANGELOG.md":     "`" + client + "\\b",
		} {
			text, err := os.ReadFile(filepath.Join(testkit.Root(), page))
			require.NoError(t, err)
			assert.True(t, regexp.MustCompile(place).Match(text), "%s must name %s", page, client)
		}
	}
}

// Every open string with constants has Is, and a function that returns all of them.
func TestEveryEnumerationIsComplete(t *testing.T) {
	t.Parallel()
	source := parseRoot(t)
	constants := map[string][]string{} // by type
	returned := map[string][]string{}  // by function
	for _, file := range source.files {
		for _, declaration := range file.Decls {
			switch d := declaration.(type) {
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if v, ok := spec.(*ast.ValueSpec); ok && d.Tok == token.CONST && v.Type != nil && ast.IsExported(nameOf(v.Type)) {
						constants[nameOf(v.Type)] = append(constants[nameOf(v.Type)], v.Names[0].Name)
					}
				}
			case *ast.FuncDecl:
				ast.Inspect(d, func(n ast.Node) bool {
					if literal, ok := n.(*ast.CompositeLit); ok && d.Recv == nil {
						for _, element := range literal.Elts {
							returned[d.Name.Name] = append(returned[d.Name.Name], nameOf(element))
						}
					}
					return true
				})
			}
		}
	}
	require.NotEmpty(t, constants)
	for name, values := range constants {
		assert.ElementsMatch(t, values, returned["Possible"+name+"Values"], "Possible%sValues must return every constant", name)
		assert.NotNil(t, source.methods[name+".Is"], "%s needs Is", name)
	}
}

// Every exported field has a comment that says what it is.
func TestEveryFieldIsDocumented(t *testing.T) {
	t.Parallel()
	for name, structure := range parseRoot(t).structs {
		for _, field := range structure.Fields.List {
			for _, fieldName := range field.Names {
				if fieldName.IsExported() {
					assert.NotEmpty(t, strings.TrimSpace(field.Doc.Text()+field.Comment.Text()), "%s.%s needs a comment", name, fieldName)
				}
			}
		}
	}
}

// rootSource is what the tests read in the sources of the root package.
type rootSource struct {
	methods  map[string]*ast.FuncDecl // by receiver and name
	files    []*ast.File
	structs  map[string]*ast.StructType
	examples map[string]bool // with output, by the suffix of their name
}

func parseRoot(t *testing.T) rootSource {
	t.Helper()
	source := rootSource{methods: map[string]*ast.FuncDecl{}, structs: map[string]*ast.StructType{}, examples: map[string]bool{}}
	names, err := filepath.Glob(filepath.Join(testkit.Root(), "*.go"))
	require.NoError(t, err)
	var examples []*ast.File
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		require.NoError(t, err)
		if strings.HasSuffix(name, "_test.go") {
			examples = append(examples, file)
			continue
		}
		source.files = append(source.files, file)
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv != nil {
					receiver := strings.TrimPrefix(fmt.Sprint(nameOf(n.Recv.List[0].Type)), "*")
					source.methods[receiver+"."+n.Name.Name] = n
				}
			case *ast.TypeSpec:
				if structure, ok := n.Type.(*ast.StructType); ok && n.Name.IsExported() {
					source.structs[n.Name.Name] = structure
				}
			}
			return true
		})
	}
	for _, example := range doc.Examples(examples...) {
		source.examples[example.Name] = example.Output != ""
	}
	return source
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

// method returns the comment of a method and the names of its parameters, but for the context.
func (s rootSource) method(client, name string) (comment string, parameters []string) {
	method := s.methods[client+"."+name]
	if method == nil {
		return "", nil
	}
	for _, field := range method.Type.Params.List {
		for _, parameter := range field.Names {
			if parameter.Name != "ctx" {
				parameters = append(parameters, parameter.Name)
			}
		}
	}
	return method.Doc.Text(), parameters
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
