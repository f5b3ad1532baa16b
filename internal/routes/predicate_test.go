package routes

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCheckPredicate(t *testing.T) {
	t.Parallel()
	for rule, predicates := range map[string][]string{
		"": {
			"", "true", "name == 'a'", "whereabouts == 1", "where_ == 1", "where1 == 1", "wheré == 1", "a == 'where'", "['where'] == 1", "x has 'a | b'",
			"id startswith 'https://a'", `id startswith "https://a"`, `a == 'it\'s // ' and b == 1`, `a == "\"// "`, `a == '\\' and b == '//'`,
			`a == @'c:\' and b == '//'`, "a == @'it''s //'", `a == @"a ""//"" b"`, "a == h'//'", `a == H@'//\'`, `a == h"//)"`,
			"a == ```it's // )```", `a == ~~~it's // "~~~`, "a =~ 'b'", "a =~~~~//~~~", "a ==~~~//~~~", "a!=~~~//~~~", "a !~ 'b' and c !~'//'", "a == ')'", "a in ('(', ']')",
			"(a or b) and c[0] == d['e'] and f in ((resources | project id))", "a == dynamic({'b': [1]})", "a / b > 1", "a == '~~~' and b == '```'",
		},
		"must be one line":                             {"a\n", "a\u2028b", "a == '\xff'"},
		"must be a predicate, or empty":                {" ", "\t "},
		"must be a predicate alone, without the where": {"where a == 1", " \t\u00a0WHERE a", "where", "Where(a)", "where\ta"},
		"must be a predicate alone, without the |":     {"| where a == 1", " |a"},
		"must not have a comment": {
			"a // b", "// a", "a//", "a == 'b' // 'c'", `a == '\\' // '`, `a == @'\' // '`, "a == ```b``` // ```", "a == h'b' //", "a =~ ~~~b~~~//~~~",
			"https://a", "a == @'b''' // '", "a /// b",
		},
		"must end its string literals": {"a == 'b", `a == "b`, `a == 'b\'`, "a == @'b''", "a == ```b``", "a == ~~~b", "a == h'b", "a == '", `a == @"`},
		"must have balanced":           {"a) or (b", "(a", "a)", "(a]", "[(a])", "a == ']' ]", "{"},
	} {
		for _, predicate := range predicates {
			got := CheckPredicate(predicate)
			if rule == "" {
				assert.Empty(t, got, "%q", predicate)
			} else {
				assert.Contains(t, got, rule, "%q", predicate)
			}
		}
	}
}

func FuzzCheckPredicate(f *testing.F) {
	f.Add("a == @'b''' // '")
	f.Fuzz(func(t *testing.T, predicate string) {
		if CheckPredicate(predicate) == "" && predicate != "" {
			assert.Empty(t, CheckPredicate("("+predicate+")"), "it changes nothing around it")
		}
	})
}
