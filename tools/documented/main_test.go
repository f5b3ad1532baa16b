package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestUndocumented(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		source string
		want   []string // names
	}{
		{"function", "func F() {}", []string{"F"}},
		{"documented function", "// F does.\nfunc F() {}", nil},
		{"unexported function", "func f() {}", nil},
		{"type", "type T int", []string{"T"}},
		{"method", "// T is.\ntype T int\nfunc (T) M() {}", []string{"M"}},
		{"method of an unexported type", "type t int\nfunc (t) M() {}", nil},
		{"constructor", "// T is.\ntype T int\nfunc NewT() T { return 0 }", []string{"NewT"}},
		{"constants", "const (\n\tA = 1\n\tb = 2\n\tC = 3 // it is.\n)", []string{"A"}},
		{"documented group", "// The constants.\nconst (\n\tA = 1\n\tB = 2\n)", nil},
		{"typed constant", "// T is.\ntype T int\nconst A T = 1", []string{"A"}},
		{"variable", "var A, B int", []string{"A", "B"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			if err := os.WriteFile(filepath.Join(folder, "p.go"), []byte("package p\n\n"+test.source+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			missing, err := undocumented(folder)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, line := range missing {
				_, rest, _ := strings.Cut(line, ": ")
				name, _, _ := strings.Cut(rest, " ")
				got = append(got, name)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("undocumented: %q, want %q", missing, test.want)
			}
		})
	}
}

func TestUndocumentedBrokenFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "p.go"), []byte("package"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := undocumented(folder); err == nil {
		t.Error("no error")
	}
}
