package fake

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var kqlNow = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// kqlTable has exemptions: a and b expire within 30 days, c has expired, d never does.
var kqlTable = mustParse[[]map[string]jsontext.Value]([]byte(`[
	{"id": "/a", "name": "a", "type": "microsoft.authorization/policyexemptions", "subscriptionId": "5ec0ffee-0000-4000-8000-000000000001", "resourceGroup": "web-prod",
		"tags": {"cost center": "42"}, "properties": {"exemptionCategory": "Waiver", "displayName": "Web 'prod'", "expiresOn": "2026-06-20T00:00:00Z",
		"policyDefinitionReferenceIds": ["one", "two"], "metadata": {"ticket": 17, "approved": true, "digits": 12345678901234567890}}},
	{"id": "/b", "name": "b", "type": "microsoft.authorization/policyexemptions", "subscriptionId": "5ec0ffee-0000-4000-8000-000000000002", "resourceGroup": "data",
		"properties": {"exemptionCategory": "mitigated", "displayName": "Data\\Lake", "expiresOn": "2026-06-08 09:30:00.123456789", "metadata": {"ticket": 4, "approved": false}}},
	{"id": "/c", "name": "c", "type": "microsoft.security/standardassignments", "subscriptionId": "5ec0ffee-0000-4000-8000-000000000001", "resourceGroup": "",
		"properties": {"effect": "Exempt", "exemptionData": {"exemptionCategory": "waiver"}, "expiresOn": "2026-06-01T11:00:00-02:00"}},
	{"id": "/d", "name": "d", "type": "microsoft.security/assignments", "kind": "x",
		"properties": {"effect": "Exempt", "scope": "/subscriptions/1", "additionalData": {"exemptionCategory": "waiver"}, "expiresOn": "soon"}}
]`))

// runKQL returns the result of a query for the rows of kqlTable.
func runKQL(q *kqlQuery) []jsontext.Value {
	result := []jsontext.Value{}
	var rows []*kqlRow
	for _, row := range kqlTable {
		cells := map[string]any{}
		for name, value := range row {
			cells[name] = value
		}
		rows = append(rows, &kqlRow{cells: cells, now: kqlNow})
	}
	for _, r := range q.run(rows) {
		result = append(result, q.encode(r))
	}
	return result
}

func TestKQLPredicates(t *testing.T) {
	t.Parallel()
	for predicate, want := range map[string]string{
		"name == 'a'":                                                      "a",
		`name == "a" or name == 'b'`:                                       "ab",
		"name != 'a'":                                                      "bcd",
		"name =~ 'A'":                                                      "a",
		"name !~ 'A'":                                                      "bcd",
		"name == 'A'":                                                      "",
		"name in ('a', 'b', 'C')":                                          "ab",
		"name in~ ('A',\"B\")":                                             "ab",
		"name !in ('a')":                                                   "bcd",
		"name !in~ ('A', 'C')":                                             "bd",
		"FALSE or True and false":                                          "",
		"not(name == 'a') and (true)":                                      "bcd",
		"name == 'a' or name == 'b' and false":                             "a",
		"resourceGroup contains 'PROD'":                                    "a",
		"resourceGroup !contains 'PROD'":                                   "bcd",
		"resourceGroup startswith 'WEB'":                                   "a",
		"resourceGroup !startswith 'web'":                                  "bcd",
		"resourceGroup endswith 'A'":                                       "b",
		"resourceGroup !endswith 'a'":                                      "acd",
		"isempty(resourceGroup)":                                           "cd",
		"isnotempty(resourceGroup)":                                        "ab",
		"isnull(resourceGroup)":                                            "", // a string is never null
		"isnull(properties.expiresOn)":                                     "",
		"isnull(todatetime(properties.expiresOn))":                         "d",
		"isnotnull(properties.metadata)":                                   "ab",
		"isempty(properties.metadata.ticket)":                              "cd",
		"properties.metadata.ticket == 17":                                 "a",
		"properties.metadata.ticket == '17'":                               "a",
		"properties.metadata.ticket > 4":                                   "a",
		"properties.metadata.ticket >= 4.0":                                "ab",
		"properties.metadata.ticket != 17":                                 "bcd", // null isn't 17
		"not(properties.metadata.ticket > 4)":                              "b",   // null has no order, and not null is null
		"tolong('17') == properties.metadata.ticket":                       "a",
		"toint(17.9) == properties.metadata.ticket and tobool(2)":          "a",
		"isnull(toint(2147483648)) and isnull(tolong('2.5'))":              "abcd",
		"properties.metadata.approved == true":                             "a",
		"bool(properties.metadata.approved)":                               "a",
		"tobool(properties.metadata.approved) == false":                    "b",
		"properties.exemptionCategory != 'Waiver'":                         "bcd", // a string that is missing is empty
		"properties.exemptionCategory == ''":                               "cd",
		"tostring(properties.missing.member) == ''":                        "abcd",
		"tolower(properties.exemptionCategory) == 'waiver'":                "a",
		"toupper(name) == 'A'":                                             "a",
		"properties['displayName'] == 'Web \\'prod\\''":                    "a",
		`properties.displayName == "Web 'prod'"`:                           "a",
		`properties.displayName == 'Data\\Lake'`:                           "b",
		`properties.displayName == 'D\u0061ta\x5cLake'`:                    "b",
		"tags['cost center'] == '42'":                                      "a",
		"properties.policyDefinitionReferenceIds[0] == 'one'":              "a",
		"properties['policyDefinitionReferenceIds'][-1] =~ 'TWO'":          "a",
		"properties.policyDefinitionReferenceIds[7] == 'one'":              "",
		"todatetime(properties.expiresOn) < now()":                         "", // c: with its zone, an hour later
		"todatetime(properties.expiresOn) < now(2h)":                       "c",
		"todatetime(properties.expiresOn) <= now(+30d)":                    "abc",
		"todatetime(properties.expiresOn) > datetime(2026-06-08 09:30)":    "ab",
		"todatetime(properties.expiresOn) > datetime('2026-06-08T09:30Z')": "ab",
		"todatetime(properties.expiresOn) == datetime(2026-06-20)":         "a",
		"todatetime(properties.expiresOn) > datetime(null)":                "",
		"ago(1d) == datetime(2026-05-31T12:00:00Z)":                        "abcd",
		"// a comment\n name == 'a' // another":                            "a",
	} {
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
var kqlQueries = []struct {
	query, table, want string // the rows, as JSON
	ofType             string
	pages              bool
}{
	{"securityresources\n| where type =~ 'microsoft.security/standardassignments'\n" +
		"| where (properties.effect =~ 'exempt' and todatetime(properties.expiresOn) <= datetime(2026-07-01T00:00:00Z))\n" +
		"| project id, name, type, tenantId, resourceGroup, subscriptionId, properties\n| order by id asc",
		"securityresources", `[{"id": "/c", "name": "c", "type": "microsoft.security/standardassignments", "tenantId": null, "resourceGroup": "",
		"subscriptionId": "5ec0ffee-0000-4000-8000-000000000001", "properties": {"effect": "Exempt",
		"exemptionData": {"exemptionCategory": "waiver"}, "expiresOn": "2026-06-01T11:00:00-02:00"}}]`, "microsoft.security/standardassignments", true},
	{"PolicyResources | where type == 'microsoft.authorization/policyexemptions' | extend p = properties\n" +
		"| extend expires = todatetime(p.expiresOn)\n| where expires > now() and expires < now(30d)\n" +
		"| project id = tolower(id), expires, category = tostring(p.exemptionCategory), p.metadata.ticket | order by expires asc;",
		"policyresources", `[{"id": "/b", "expires": "2026-06-08T09:30:00.123456789Z", "category": "mitigated", "p_metadata_ticket": 4},
		{"id": "/a", "expires": "2026-06-20T00:00:00Z", "category": "Waiver", "p_metadata_ticket": 17}]`, "microsoft.authorization/policyexemptions", true},
	{"resources\n| where type =~ 'microsoft.security/assignments'\n| project id, name, type, tenantId, kind, location, resourceGroup, subscriptionId, properties.scope, tags\n| order by id asc",
		"resources", `[{"id": "/d", "name": "d", "type": "microsoft.security/assignments", "tenantId": null, "kind": "x", "location": null, "resourceGroup": null,
		"subscriptionId": null, "properties_scope": "/subscriptions/1", "tags": null}]`, "microsoft.security/assignments", true},
	{"resources|where type in~ ('Microsoft.Security/assignments', 'microsoft.authorization/policyexemptions')|sort by name|take 2|project name",
		"resources", `[{"name": "d"}, {"name": "b"}]`, "", false},
	{"where type =~ 'a' or name == 'c'\r\n| project name, exempt = (properties.effect =~ 'exempt'), later = now(1d)",
		"resources", `[{"name": "c", "exempt": true, "later": "2026-06-02T12:00:00Z"}]`, "", false},
	{"PolicyResources // of Azure Policy\n| where type =~ 'Microsoft.Authorization/PolicyExemptions' and properties.exemptionCategory =~ 'waiver'\n" +
		"| where subscriptionId in ('5ec0ffee-0000-4000-8000-000000000001') and id startswith '/' and isnotempty(properties.expiresOn)\n" +
		"| project id, properties.displayName, ids = properties.policyDefinitionReferenceIds | order by id",
		"policyresources", `[{"id": "/a", "properties_displayName": "Web 'prod'", "ids": ["one", "two"]}]`, "microsoft.authorization/policyexemptions", true},
	{"resources | where type =~ 'microsoft.security/assignments' | where properties.scope startswith '/subscriptions/1' and name endswith 'd' | project id",
		"resources", `[{"id": "/d"}]`, "microsoft.security/assignments", true},
	{"resources | order by tostring(properties.exemptionCategory) asc, id desc | project id | limit 3",
		"resources", `[{"id": "/d"}, {"id": "/c"}, {"id": "/a"}]`, "", true},
	{"resources | limit 1 | where name == 'b'", "resources", `[]`, "", true},
	{"resources | where name == 'a' | project properties.metadata, toupper(name), tostring(tags)",
		"resources", `[{"properties_metadata": {"ticket": 17, "approved": true, "digits": 12345678901234567000}, "Column2": "A", "tags": "{\"cost center\":\"42\"}"}]`, "", false},
	{"resources", "resources", "", "", true},
}

func TestKQLQueries(t *testing.T) {
	t.Parallel()
	for _, test := range kqlQueries {
		q, err := parseKQL(test.query)
		require.Nil(t, err, test.query)
		assert.Equal(t, test.table, q.table, test.query)
		assert.Equal(t, test.ofType, q.ofType, test.query)
		assert.Equal(t, test.pages, slices.Contains(q.columns, "id"), test.query)
		assert.Equal(t, strings.Contains(test.query, "limit") || strings.Contains(test.query, "take"), q.hasLimit, test.query)
		rows := runKQL(q)
		if test.want == "" {
			assert.Len(t, rows, len(kqlTable))
			continue
		}
		got, _ := json.Marshal(rows)
		assert.JSONEq(t, test.want, string(got), test.query)
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
		f.Add(test.query)
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
