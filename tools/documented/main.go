// Documented lists the exported identifiers that have no doc comment, and ends
// with status 1 if there is any. Its arguments are the folders of the packages.
package main

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	status := 0
	for _, folder := range os.Args[1:] {
		missing, err := undocumented(folder)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
		for _, line := range missing {
			fmt.Println(line)
			status = 1
		}
	}
	os.Exit(status)
}

// undocumented returns position and name of each exported identifier of the
// folder's package that has no doc comment. A comment on a group of constants
// or variables counts for each of them.
func undocumented(folder string) (missing []string, err error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	p, err := doc.NewFromFiles(fset, files, folder)
	if err != nil {
		return nil, err
	}

	check := func(comment, name string, at ast.Node) {
		if strings.TrimSpace(comment) == "" {
			missing = append(missing, fmt.Sprintf("%s: %s has no doc comment", fset.Position(at.Pos()), name))
		}
	}
	functions := func(functions []*doc.Func) {
		for _, f := range functions {
			check(f.Doc, f.Name, f.Decl)
		}
	}
	values := func(values []*doc.Value) {
		for _, v := range values {
			for _, spec := range v.Decl.Specs {
				s := spec.(*ast.ValueSpec)
				for _, name := range s.Names {
					if name.IsExported() {
						check(v.Doc+s.Doc.Text()+s.Comment.Text(), name.Name, s)
					}
				}
			}
		}
	}
	functions(p.Funcs)
	values(p.Consts)
	values(p.Vars)
	for _, t := range p.Types {
		check(t.Doc, t.Name, t.Decl)
		functions(t.Funcs)
		functions(t.Methods)
		values(t.Consts)
		values(t.Vars)
	}
	return missing, nil
}
