package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

func named(name string) []armsecops.SubscriptionAssignment {
	return []armsecops.SubscriptionAssignment{{SubscriptionID: tenantSubscription(1), Assignment: armsecops.Assignment{Name: name}}}
}

func TestCSVHasNoFormulas(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"":                       "",
		"plain":                  "plain",
		"a=b":                    "a=b",
		`=HYPERLINK("http://x")`: `'=HYPERLINK("http://x")`,
		"+1":                     "'+1",
		"-1 day":                 "'-1 day",
		"@SUM(A1)":               "'@SUM(A1)",
		" =1":                    "' =1",
		"\t=1":                   "'\t=1",
		"\x00=1":                 "'\x00=1",
		"\ufeff=1":               "'\ufeff=1",
		"＝1":                     "'＝1",
		"a,\"b\"\nc":             "a,\"b\"\nc",
	}
	for cell, want := range tests {
		t.Run(cell, func(t *testing.T) {
			t.Parallel()
			var text bytes.Buffer
			require.NoError(t, write(&text, "csv", named(cell)))
			rows, err := csv.NewReader(&text).ReadAll()
			require.NoError(t, err)
			require.Len(t, rows, 2)
			assert.Equal(t, want, rows[1][1])
		})
	}
}

const hostile = "\x1b]0;title\x07\u009b2J\u202egnp\r\n\ttail"

func TestTableHasNoControlCharacters(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	require.NoError(t, write(&text, "table", named(hostile)))
	assert.Equal(t, 2, strings.Count(text.String(), "\n"))
	assert.Contains(t, text.String(), "]0;title2Jgnp   tail  -")
	for _, r := range text.String() {
		assert.True(t, r == '\n' || unicode.IsPrint(r), "%q", r)
	}
}

func TestJSONKeepsEveryCharacter(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	require.NoError(t, write(&text, "json", named(hostile)))
	var found []armsecops.SubscriptionAssignment
	require.NoError(t, json.Unmarshal(text.Bytes(), &found))
	assert.Equal(t, named(hostile), found)
}

func TestPrintableLinesKeepsLineBreaks(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "a b \n[2Jc\n", printableLines("a\tb\r\n\x1b[2Jc\u009b\n"))
}
