package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/commandtest"
	"github.com/armsecops/armsecops/examples/internal/terminal"
)

func assignmentNamed(name string) []exemption {
	return []exemption{fromAssignment(armsecops.Assignment{ID: "/subscriptions/" + tenantSubscription(1) + "/a/b", Name: name})}
}

func TestResourceGroupIsOfTheIDOrElseOfTheScope(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		id, scope, want string
	}{
		"id":                  {"/subscriptions/1/resourceGroups/a/providers/Microsoft.Security/assignments/x", "/subscriptions/1/resourceGroups/b", "a"},
		"in another casing":   {"subscriptions/1/resourcegroups/a/providers/Microsoft.Security/assignments/x", "", "a"},
		"scope":               {"/subscriptions/1/providers/Microsoft.Security/assignments/x", "/subscriptions/1/resourceGroups/b", "b"},
		"neither":             {"/subscriptions/1/providers/Microsoft.Security/standardAssignments/x", "/subscriptions/1", ""},
		"cut after its title": {"/subscriptions/1/resourceGroups", "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, exemption{id: test.id, scope: test.scope}.resourceGroup())
		})
	}
}

// A spreadsheet may take a semicolon, a tab or all of them for the separator,
// and then doesn't see that a cell is quoted.
func TestCSVHasNoFormulas(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"":                       "",
		"plain":                  "plain",
		"a=b; c-d\t5+1":          "a=b; c-d\t5+1",
		`=HYPERLINK("http://x")`: `'=HYPERLINK("http://x")`,
		"+1":                     "'+1",
		"-1 day":                 "'-1 day",
		"@SUM(A1)":               "'@SUM(A1)",
		" =1":                    "' =1",
		"\x00=1":                 "'\x00=1",
		"\ufeff=1":               "'\ufeff=1",
		"＝1":                     "'＝1",
		"a,\"b\"\nc":             "a,\"b\"\nc",
		"\t=1":                   "\t'=1",
		"a;=1":                   "a;'=1",
		"a; \u200b@1;b\t\t-1":    "a;' \u200b@1;b\t\t'-1",
		"a\n+1\r=1":              "a\n'+1\r'=1",
		"a;\"=1\"":               "a;'\"=1\"",
	}
	for cell, want := range tests {
		t.Run(cell, func(t *testing.T) {
			t.Parallel()
			var text bytes.Buffer
			require.NoError(t, write(&terminal.Output{Writer: &text}, "csv", assignmentNamed(cell)))
			quoted := strings.ReplaceAll(want, `"`, `""`)
			if strings.ContainsAny(want, ",;\t\r\n\"") {
				assert.Contains(t, text.String(), `,"`+quoted+`",`)
			}
			for _, separator := range ",;\t" {
				r := csv.NewReader(strings.NewReader(text.String()))
				r.Comma, r.LazyQuotes, r.FieldsPerRecord = separator, true, -1
				rows, err := r.ReadAll()
				require.NoError(t, err)
				for _, found := range slices.Concat(rows...) {
					assert.NotRegexp(t, `^[\s\x00\x{feff}\x{200b}"]*[-=+@＝]`, found)
				}
				if separator == ',' && !strings.Contains(want, "\r") {
					assert.Equal(t, want, rows[1][7])
				}
			}
		})
	}
}

const hostile = "\x1b]0;title\x07\u009b2J\u202egnp\r\n\ttail"

func TestTableHasNoControlCharacters(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	require.NoError(t, write(&terminal.Output{Writer: &text}, "table", assignmentNamed(hostile)))
	assert.Equal(t, 2, strings.Count(text.String(), "\n"))
	assert.Contains(t, text.String(), "]0;title2Jgnp   tail  -")
	for _, r := range text.String() {
		assert.True(t, r == '\n' || unicode.IsPrint(r), "%q", r)
	}
}

func TestJSONKeepsEveryCharacter(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	require.NoError(t, write(&terminal.Output{Writer: &text}, "json", assignmentNamed(hostile)))
	var found []struct{ Resource armsecops.Assignment }
	require.NoError(t, json.Unmarshal(text.Bytes(), &found))
	require.Len(t, found, 1)
	assert.Equal(t, hostile, found[0].Resource.Name)
}

func TestCSVOnATerminalHasNoControlCharacters(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	require.NoError(t, write(commandtest.Terminal(&text, 60), "csv", assignmentNamed(hostile)))
	for _, r := range text.String() {
		assert.True(t, r == '\n' || unicode.IsPrint(r), "%q", r)
	}
}
