package main

import (
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/commandtest"
)

// write returns what a format makes of an exemption that a service named.
func write(t *testing.T, format, name string, columns int) string {
	t.Helper()
	out, text := commandtest.Screen(columns)
	q := query{format: format, kind: "all", effect: armsecops.EffectExempt}
	require.NoError(t, q.write(out, []row{{armsecops.Exemption{Name: name, DisplayName: name}, name}}))
	return text.String()
}

// A spreadsheet may take a semicolon, a tab or all of them for the separator, and then doesn't see that a cell is quoted.
func TestCSVHasNoFormulas(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
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
	} {
		text := write(t, "csv", cell, 0)
		if strings.ContainsAny(want, ",;\t\r\n\"") {
			assert.Contains(t, text, `,"`+strings.ReplaceAll(want, `"`, `""`)+`",`)
		}
		for _, separator := range ",;\t" {
			r := csv.NewReader(strings.NewReader(text))
			r.Comma, r.LazyQuotes, r.FieldsPerRecord = separator, true, -1
			rows, err := r.ReadAll()
			require.NoError(t, err)
			for _, found := range slices.Concat(rows...) {
				assert.NotRegexp(t, `^[\s\x00\x{feff}\x{200b}"]*[-=+@＝]`, found, cell)
			}
			if separator == ',' && !strings.Contains(want, "\r") {
				assert.Equal(t, want, rows[1][2])
			}
		}
	}
}

func TestOutputHasNoControlCharacters(t *testing.T) {
	t.Parallel()
	const hostile = "\x1b]0;title\x07\u009b2J\u202egnp\r\n\ttail"
	for format, columns := range map[string]int{"table": 0, "csv": 60, "json": 0} {
		text := write(t, format, hostile, columns)
		commandtest.AssertPrintable(t, text)
		if format == "json" {
			var found []row
			require.NoError(t, json.Unmarshal([]byte(text), &found))
			assert.Equal(t, hostile, found[0].Name)
		}
	}
}

func TestFromNamesWhatIsKnown(t *testing.T) {
	t.Parallel()
	const key, zero = "1195AFFF-c881-495e-9bc5-1486211ae03f", "00000000-0000-0000-0000-000000000000"
	names := map[string]string{strings.ToLower(key): "Findings"}
	for want, exemption := range map[string]armsecops.Exemption{
		"Findings":                        {AssessmentKeys: []string{key}, StandardID: "/a/b"},
		"k, Findings":                     {AssessmentKeys: []string{"k", key}},
		"several recommendations":         {AssessmentKeys: []string{zero}},
		"standard":                        {StandardID: "/a/standard"},
		"c, d":                            {PolicyAssignmentID: "/a/b", PolicyDefinitionReferenceIDs: []string{"c", "d"}},
		"assignment, some resources only": {PolicyAssignmentID: "/a/assignment", ResourceSelectors: make([]armsecops.PolicyResourceSelector, 1)},
		"":                                {},
	} {
		assert.Equal(t, want, from(exemption, names))
	}
	selected := armsecops.PolicyExemptionProperties{ResourceSelectors: make([]armsecops.PolicyResourceSelector, 1)}
	assert.Equal(t, ", some resources only", from(fromPolicyExemption(armsecops.PolicyExemption{Properties: selected}), names))
}

func TestPastExpiriesAreMarked(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	q := query{connection: connection{now: now}, effect: armsecops.EffectExempt}
	for want, expires := range map[string]time.Time{"never": {}, "2026-06-01!": now, "2026-06-01": now.Add(1), "2026-05-31!": now.Add(-1)} {
		assert.Equal(t, want, q.columns()[1].value(row{Exemption: armsecops.Exemption{ExpiresOn: expires}}))
	}
}
