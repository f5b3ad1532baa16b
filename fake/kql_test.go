package fake

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/testkit"
)

// kqlTable has exemptions: a and b expire within 30 days, c has expired, d never does.
var kqlTable = mustParse[[]map[string]jsontext.Value](testkit.Must(os.ReadFile("testdata/kql-rows.json")))

// runKQL returns the result of a query for the rows of kqlTable.
func runKQL(q *kqlQuery) []jsontext.Value {
	result, rows := []jsontext.Value{}, []*kqlRow(nil)
	for _, row := range kqlTable {
		cells := map[string]any{}
		for name, value := range row {
			cells[name] = value
		}
		rows = append(rows, &kqlRow{cells: cells, now: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)})
	}
	for _, r := range q.run(rows) {
		result = append(result, q.encode(r))
	}
	return result
}

func TestKQLPredicates(t *testing.T) {
	t.Parallel()
	// The names of the rows, and the predicate that they match; // begins a comment of the language.
	for line := range strings.Lines(testkit.ReadFile(t, "testdata/kql-predicates.txt")) {
		want, predicate := strings.TrimSpace(line[:5]), strings.TrimSpace(line[5:])
		q, err := parseKQL("resources | where " + predicate + " \n| project name")
		require.Nil(t, err, predicate)
		got := ""
		for _, row := range runKQL(q) {
			got += string(row)[len(`{"name":"`):][:1]
		}
		assert.Equal(t, want, got, predicate)
	}
}

// The queries of NewResourceGraphPager, and others that are written for these tables.
var kqlQueries = mustParse[[]struct {
	Query, Table, OfType string
	Pages                bool
	Rows                 jsontext.Value // empty: all
}](testkit.Must(os.ReadFile("testdata/kql-queries.json")))

func TestKQLQueries(t *testing.T) {
	t.Parallel()
	for _, test := range kqlQueries {
		q, err := parseKQL(test.Query)
		require.Nil(t, err, test.Query)
		assert.Equal(t, test.Table, q.table, test.Query)
		assert.Equal(t, test.OfType, q.ofType, test.Query)
		assert.Equal(t, test.Pages, slices.Contains(q.columns, "id"), test.Query)
		assert.Equal(t, strings.Contains(test.Query, "limit") || strings.Contains(test.Query, "take"), q.hasLimit, test.Query)
		rows := runKQL(q)
		if test.Rows == nil {
			assert.Len(t, rows, len(kqlTable))
			continue
		}
		got, _ := json.Marshal(rows)
		assert.JSONEq(t, string(test.Rows), string(got), test.Query)
	}
	q, err := parseKQL("resources | where name == 'a' | project properties")
	require.Nil(t, err)
	got, _ := json.Marshal(runKQL(q))
	assert.Contains(t, string(got), "12345678901234567890", "a column keeps its digits")
}

func TestKQLErrors(t *testing.T) {
	t.Parallel()
	unread := func(word string) string { return "The fake server doesn't read '" + word + "'; Azure does." }
	for query, want := range map[string]kqlError{
		"": {"ParserFailure", "", 1, 0, "<EOF>", ""},
		"resources\n| where name == 'a\n| take 1":        {"ParserFailure", "", 3, 8, "<EOF>", "'"},
		"resources | syntaxerr":                          {"ParserFailure", "", 1, 12, "syntaxerr", ""},
		"resources | summarize max(a * 2) by b":          {"ParserFailure", unread("summarize"), 1, 12, "summarize", ""},
		"resources | join (a) on $left.id == $right.id":  {"ParserFailure", unread("join"), 1, 12, "join", ""},
		"resources | project-away id":                    {"ParserFailure", unread("project-away"), 1, 12, "project-away", ""},
		"resources | where (name !has 'x')":              {"ParserFailure", unread("!has"), 1, 24, "!has", ""},
		"resources | where now() > now() - 1d":           {"ParserFailure", unread("-"), 1, 32, "-", ""},
		"resources | extend a = iff(true, 1, 2)":         {"UnknownFunction", unread("iff"), 1, 23, "iff", ""},
		"resources | where name = 'a'":                   {"ParserFailure", "", 1, 23, "=", ""},
		"resources | where (name == 'a'":                 {"ParserFailure", "", 1, 30, "<EOF>", ")"},
		"resources\n| where name == 'a' 'b'":             {"ParserFailure", "", 2, 20, "'b'", ""},
		"resources | where näme == # 1":                  {"ParserFailure", "", 1, 26, "#", ""},
		"resources | where name == 'a' || true":          {"ParserFailure", "", 1, 31, "|", ""},
		"resources | take many":                          {"ParserFailure", "", 1, 17, "many", ""},
		"resources | where name in 'a'":                  {"ParserFailure", "", 1, 26, "'a'", "("},
		"resources | where now(3x) > now()":              {"ParserFailure", "", 1, 22, "3x", ""},
		"resources | where name == '\\q'":                {"ParserFailure", "", 1, 26, `'\q'`, ""},
		"resources | where now() > datetime(2026-13-01)": {"ParserFailure", "", 1, 26, "datetime(2026-13-01)", ""},
		"resources | where properties.[0] == 1":          {"ParserFailure", "", 1, 29, "[", ""},
		"resources | where properties[name] == 1":        {"ParserFailure", "", 1, 29, "name", ""},
		"resources; resources":                           {"ParserFailure", "", 1, 11, "resources", ""},
		"resources | project id | where cout(name)":      {"UnknownFunction", "Unknown function: 'cout'.", 1, 31, "cout", ""},
		"resources | where propertis.effect == 'x'":      {"SemanticError", "Failed to resolve column or scalar expression named 'propertis'", 1, 18, "propertis", ""},
		"resources | where properties.expiresOn < now()": {"SemanticError", "Cannot compare values of types dynamic and datetime with '<'. Try adding explicit casts", 1, 39, "<", ""},
		"resources | where name < 'a'":                   {"SemanticError", "Cannot compare values of types string and string with '<'. Try adding explicit casts", 1, 23, "<", ""},
		"resources | where name == 1":                    {"SemanticError", "Cannot compare values of types string and long with '=='. Try adding explicit casts", 1, 23, "==", ""},
		"resources | where name":                         {"SemanticError", "Expected a value of type bool, not string. Try adding an explicit cast", 1, 18, "name", ""},
		"resources | where true and properties.a":        {"SemanticError", "Expected a value of type bool, not dynamic. Try adding an explicit cast", 1, 27, "properties", ""},
		"resources | where name.first == 'a'":            {"SemanticError", "A value of type string has no members", 1, 22, ".", ""},
		"resources | where -name == 'a'":                 {"ParserFailure", unread("-"), 1, 18, "-", ""},
		"resources | where name + 1 == 'a'":              {"ParserFailure", unread("+"), 1, 23, "+", ""},
		"resources | where tolower() == 'a'":             {"SemanticError", "tolower(): function expects 1 argument(s).", 1, 18, "tolower", ""},
		"resources | where tolower(id, id) == 'a'":       {"SemanticError", "tolower(): function expects 1 argument(s).", 1, 30, "id", ""},
		"resources | where not(name)":                    {"SemanticError", "not(): argument #1 must be of type bool, not string", 1, 22, "name", ""},
		"resources | project a = 1d":                     {"SemanticError", "A value of type timespan can't be a column here", 1, 24, "1d", ""},
		"resources | order by properties.a":              {"SemanticError", "order operator: key can't be of dynamic type", 1, 21, "properties", ""},
		"where " + strings.Repeat("(", 1e5):              {"ParserFailure", "The expression is nested too deeply.", 1, 106, "(", ""},
		"where " + strings.Repeat(`'\`, 1e5):             {"ParserFailure", "", 1, 200006, "<EOF>", "'"},
		"where properties" + strings.Repeat(".a", 1e5):   {"SemanticError", "Expected a value of type bool, not dynamic. Try adding an explicit cast", 1, 6, "properties", ""},
		"where " + strings.Repeat("-", 1e5):              {"ParserFailure", unread("-"), 1, 6, "-", ""},
	} {
		q, err := parseKQL(query)
		require.Nil(t, q, "%.60s", query)
		if want.Code == "ParserFailure" && want.Message == "" {
			want.Message = want.Code
		}
		assert.Equal(t, &want, err, "%.60s", query)
	}
}

// Any text is a query or an error with its position, and a query gives rows that are JSON.
func FuzzKQL(f *testing.F) {
	for _, test := range kqlQueries {
		f.Add(test.Query)
	}
	for _, text := range []string{"a | where 'b' 1d", "where \\ @\"", "where properties[-1].a[0]['b'] == now(-1d) - ago(2h)", "where true // \xff", "project a = toreal('nan'), @'\xff'"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, query string) {
		q, err := parseKQL(query)
		if err != nil {
			require.Nil(t, q)
			lines := strings.Split(query, "\n")
			require.True(t, err.Line >= 1 && err.Line <= len(lines), err.Line)
			require.True(t, err.Character >= 0 && err.Character <= len(lines[err.Line-1]), err.Character)
			require.NotEmpty(t, err.Token)
			return
		}
		rows := runKQL(q)
		require.LessOrEqual(t, len(rows), len(kqlTable))
		_, failed := json.Marshal(rows)
		require.NoError(t, failed)
	})
}
