package fake_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

const (
	graphURL          = endpoint + "/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01"
	otherSubscription = "22222222-2222-3333-4444-555555555555"
)

// Short names for long types.
type (
	queryAssignmentsOptions = armsecops.ResourceGraphOptions
	queryStandardsOptions   = armsecops.ResourceGraphOptions
)

func subscriptionAssignmentName(a armsecops.Assignment) string { return a.Name }

func queryAssignments(t testing.TB, srv *fake.Server, o *queryAssignmentsOptions) ([]string, error) {
	t.Helper()
	return collect(t, newAssignments(t, subscription, options(srv)).NewResourceGraphPager(o), subscriptionAssignmentName)
}

func queryStandards(t testing.TB, srv *fake.Server, o *queryStandardsOptions) ([]string, error) {
	t.Helper()
	return collect(t, newStandards(t, options(srv)).NewResourceGraphPager(o), standardAssignmentName)
}

// newTenant returns a server with assignments a0 to a2 and b0, and three standard assignments.
func newTenant(o fake.ServerOptions) *fake.Server {
	srv := fake.NewServer(&o)
	for i, name := range []string{"a2", "a0", "a1"} {
		srv.Put(namedAssignment(name), armsecops.Assignment{
			Kind:       fmt.Sprint("kind ", i),
			Tags:       map[string]string{"number": name[1:]},
			Properties: armsecops.AssignmentProperties{Metadata: []byte(`{"digits":12345678901234567890}`)},
		})
	}
	other := namedAssignment("b0")
	other.SubscriptionID = otherSubscription
	srv.Put(other, armsecops.Assignment{})
	for i, scope := range []string{machine, managementGroup, "/providers/Microsoft.Management/managementGroups/fabrikam"} {
		name := fmt.Sprintf("1f3afdf9-d0c9-4c3d-847f-89da613e70a%d", i)
		srv.Put(armsecops.StandardAssignmentID{Scope: scope, Name: name}, armsecops.StandardAssignment{})
	}
	return srv
}

func TestQueryReturnsTheScope(t *testing.T) {
	t.Parallel()
	both := []string{otherSubscription, subscription}
	tests := map[string]struct {
		assignments *queryAssignmentsOptions
		standards   *queryStandardsOptions // one of the two is set
		want        []string               // of standard assignments, the last character of the names
	}{
		"tenant":           {&queryAssignmentsOptions{}, nil, []string{"a0", "a1", "a2", "b0"}},
		"subscription":     {&queryAssignmentsOptions{SubscriptionIDs: []string{otherSubscription}}, nil, []string{"b0"}},
		"two of them":      {&queryAssignmentsOptions{SubscriptionIDs: both}, nil, []string{"a0", "a1", "a2", "b0"}},
		"management group": {&queryAssignmentsOptions{ManagementGroups: []string{"contoso"}}, nil, []string{"a0", "a1", "a2", "b0"}},

		"standards, tenant":            {nil, &queryStandardsOptions{}, []string{"1", "2", "0"}},
		"standards, subscription":      {nil, &queryStandardsOptions{SubscriptionIDs: []string{strings.ToUpper(subscription)}}, []string{"0"}},
		"standards, management group":  {nil, &queryStandardsOptions{ManagementGroups: []string{"Contoso"}}, []string{"1", "0"}},
		"standards, other groups only": {nil, &queryStandardsOptions{ManagementGroups: []string{"other"}}, []string{"0"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newTenant(fake.ServerOptions{PageSize: 2})
			if test.assignments != nil {
				names, err := queryAssignments(t, srv, test.assignments)
				require.NoError(t, err)
				assert.Equal(t, test.want, names)
				return
			}
			names, err := queryStandards(t, srv, test.standards)
			require.NoError(t, err)
			for i := range names {
				names[i] = names[i][len(names[i])-1:]
			}
			assert.Equal(t, test.want, names)
		})
	}
}

// What subscriptions inherit matters to policy exemptions only.
func TestQueryOfOtherTablesHasNothingInherited(t *testing.T) {
	t.Parallel()
	query := `{"query":"securityresources | where type =~ 'microsoft.security/standardassignments' | project id | order by id asc",` +
		`"subscriptions":["` + subscription + `"],"options":{"authorizationScopeFilter":"AtScopeAboveAndBelow"}}`
	_, body := do(t, newTenant(fake.ServerOptions{}), newRequest(t, http.MethodPost, graphURL, query))
	assert.Contains(t, body, `"totalRecords":1,`)
}

func TestQueryReturnsTheColumns(t *testing.T) {
	t.Parallel()
	srv := newTenant(fake.ServerOptions{})
	_, err := queryAssignments(t, srv, nil)
	require.NoError(t, err)
	body := srv.Requests()[0].Body

	resp, text := do(t, srv, newRequest(t, http.MethodPost, graphURL, string(body)))
	assert.Equal(t, "14", resp.Header.Get("x-ms-user-quota-remaining"))
	assert.Equal(t, "00:00:05", resp.Header.Get("x-ms-user-quota-resets-after"))
	assert.Empty(t, resp.Header.Get("x-ms-ratelimit-remaining-subscription-writes"), "the quota isn't a subscription's")
	var result struct {
		TotalRecords, Count int
		Data                []jsontext.Value
	}
	require.NoError(t, json.Unmarshal([]byte(text), &result, json.MatchCaseInsensitiveNames(true)))
	assert.Equal(t, 4, result.TotalRecords)
	assert.Equal(t, 4, result.Count)
	assert.JSONEq(t, `{
		"id": "`+assignmentsPath+`/a0", "name": "a0", "type": "microsoft.security/assignments",
		"tenantId": "72f988bf-86f1-41af-91ab-2d7cd011db47", "subscriptionId": "`+subscription+`", "resourceGroup": "group",
		"kind": "kind 1", "location": null, "tags": {"number": "0"},
		"properties": {"metadata": {"digits": 12345678901234567890}}
	}`, string(result.Data[0]))
	assert.Contains(t, string(result.Data[0]), "12345678901234567890")

	// The tables lack some members of a resource.
	do(t, srv, newRequest(t, http.MethodPut, assignmentURL, "{}")) // gets an etag and systemData
	for _, column := range []string{"etag", "systemData"} {
		query := `{"query":"resources | where type =~ 'microsoft.security/assignments' | project ` + column + ` | order by id asc"}`
		_, text = do(t, srv, newRequest(t, http.MethodPost, graphURL, query))
		assert.Equal(t, 5, strings.Count(text, `{"`+column+`":null}`), text)
	}
}

func TestQueryPages(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ resources, pageSize, requests int }{
		"one page":               {3, 3, 1},
		"two pages":              {4, 3, 2},
		"two pages and one more": {7, 3, 3},
		"the server's page size": {2500, 0, 3},
		"beyond $top":            {2000, 5000, 2},
		"none":                   {0, 3, 1},
		"negative page size":     {3, -1, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := fake.NewServer(&fake.ServerOptions{PageSize: test.pageSize})
			want := formatNames(test.resources, "a%04d")
			for _, name := range want {
				srv.Put(namedAssignment(name), armsecops.Assignment{})
			}
			names, err := queryAssignments(t, srv, nil)
			require.NoError(t, err)
			assert.Equal(t, want, names)
			assert.Len(t, srv.Requests(), test.requests)
		})
	}
}

func TestQueryWithPredicate(t *testing.T) {
	t.Parallel()
	names, err := queryAssignments(t, newTenant(fake.ServerOptions{}), &queryAssignmentsOptions{Where: "tags.number in ('0', '2') and (true)"})
	require.NoError(t, err)
	assert.Equal(t, []string{"a0", "a2"}, names)
}

// The other rules of queries are tested by the table of docs/fake.md.
func TestTopIsRefused(t *testing.T) {
	t.Parallel()
	for _, top := range []string{"1001", "0", "-1"} {
		req := newRequest(t, http.MethodPost, graphURL, `{"query":"resources","options":{"$top":`+top+`}}`)
		assertRefused(t, fake.NewServer(nil), req, http.StatusBadRequest, "BadRequest", "between 1 and 1000, not "+top)
	}
}

// Errors of a query have the details that Azure's have.
func TestQueryErrorsHaveDetails(t *testing.T) {
	t.Parallel()
	const (
		assignments = "resources | where type =~ 'microsoft.security/assignments' | project id"
		invalid     = `{"code":"InvalidQuery","message":"Query is invalid. Please refer to the documentation for the Azure Resource Graph service` +
			` and fix the error before retrying."},`
		unknown = "33333333-2222-3333-4444-555555555555"
	)
	tests := map[string]struct{ query, options, details string }{
		"a string without an end": {"resources\\n| where name == 'a\\n| take 1", "",
			invalid + `{"code":"ParserFailure","message":"ParserFailure","line":3,"characterPositionInLine":8,"token":"<EOF>","expectedToken":"'"}`},
		"a stage":    {"resources | summarize n = count()", "", invalid + `{"code":"ParserFailure","message":"ParserFailure","line":1,"characterPositionInLine":12,"token":"summarize"}`},
		"no query":   {"", "", invalid + `{"code":"ParserFailure","message":"ParserFailure","line":1,"characterPositionInLine":0,"token":"<EOF>"}`},
		"a function": {"resources | where cout(name) == 'a'", "", invalid + `{"code":"UnknownFunction","message":"Unknown function: 'cout'."}`},
		"a table":    {"Disks | project id", "", invalid + `{"code":"DisallowedLogicalTableName","message":"Table disks is invalid, unsupported or disallowed."}`},
		"$skipToken": {assignments, `,"options":{"$skipToken":"a"}`, `{"code":"CouldNotDecodeSkipToken","message":"Could not decode the skip token."}`},
		"subscription": {assignments, `,"subscriptions":["` + unknown + `"]`, `{"code":"NoValidSubscriptionsInQueryRequest",` +
			`"message":"There must be at least one subscription that is eligible to contain resources. Given: '` + unknown + `'."}`},
		"management group": {assignments, `,"managementGroups":["none"]`, `{"code":"NoValidSubscriptionsInQueryRequest",` +
			`"message":"There must be at least one subscription that is eligible to contain resources. Given: 'none'."}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := newRequest(t, http.MethodPost, graphURL, fmt.Sprintf(`{"query":"%s"%s}`, test.query, test.options))
			resp, body := do(t, newTenant(fake.ServerOptions{Strict: true}), req)
			assert.Equal(t, http.StatusBadRequest, resp.StatusCode)
			var got struct {
				Error struct {
					Code, Message string
					Details       jsontext.Value
				}
			}
			require.NoError(t, json.Unmarshal([]byte(body), &got, json.MatchCaseInsensitiveNames(true)))
			assert.Equal(t, "BadRequest", got.Error.Code)
			assert.Regexp(t, `^Please provide below info when asking for support: timestamp = .+Z, correlationId = .+\.$`, got.Error.Message)
			assert.JSONEq(t, "["+test.details+"]", string(got.Error.Details))
		})
	}
}

// A subscription that isn't there is left out if there are others.
func TestQueryLeavesOutUnknownScopes(t *testing.T) {
	t.Parallel()
	const unknown, empty = "33333333-2222-3333-4444-555555555555", "44444444-2222-3333-4444-555555555555"
	srv := newTenant(fake.ServerOptions{})
	srv.AddSubscription(strings.ToUpper(empty))
	names, err := queryAssignments(t, srv, &queryAssignmentsOptions{SubscriptionIDs: []string{unknown, otherSubscription}})
	require.NoError(t, err)
	assert.Equal(t, []string{"b0"}, names)
	names, err = queryAssignments(t, srv, &queryAssignmentsOptions{SubscriptionIDs: []string{empty}})
	require.NoError(t, err)
	assert.Empty(t, names)
	_, err = queryAssignments(t, srv, &queryAssignmentsOptions{SubscriptionIDs: []string{unknown}})
	assert.True(t, armsecops.HasCode(err, armsecops.CodeNoValidSubscriptionsInQueryRequest), err)
	assert.ErrorIs(t, err, armsecops.ErrForbidden)
	names, err = queryAssignments(t, srv, &queryAssignmentsOptions{ManagementGroups: []string{"none"}})
	require.NoError(t, err, "the server isn't strict")
	assert.Len(t, names, 4)

	strict := newTenant(fake.ServerOptions{Strict: true})
	strict.AddManagementGroup("Empty")
	names, err = queryAssignments(t, strict, &queryAssignmentsOptions{ManagementGroups: []string{"none", "empty"}})
	require.NoError(t, err)
	assert.Len(t, names, 4)
	assertPanics(t, "fake: the name of the management group 'a/b'", func() { strict.AddManagementGroup("a/b") })
}

// Queries that no client makes are served, too, and the operation of a query is
// that of the client that makes it.
func TestQueriesOfOtherPrograms(t *testing.T) {
	t.Parallel()
	const typed = "resources | where type =~ 'Microsoft.Security/assignments' | "
	tests := map[string]struct{ query, options, want, operation string }{
		"take":              {typed + "take 2 | project name", "", `"totalRecords":2,"count":2,"data":[{"name":"a0"},{"name":"a1"}],"facets":[],"resultTruncated":"false"`, "SecurityAssignmentsClient.NewResourceGraphPager"},
		"exemptions":        {typed + "where name == 'a0' | project id, name, type, subscriptionId, resourceGroup, properties | project name", "", `"data":[{"name":"a0"}]`, "SecurityAssignmentsClient.NewResourceGraphPager"},
		"columns":           {"resources | where name == 'a1' | project n = toupper(name), type", "", `"data":[{"n":"A1","type":"microsoft.security/assignments"}]`, ""},
		"a type of its own": {"resources | extend type = 'x' | where type == 'x' | project name", `"$top":1`, `"totalRecords":4,`, ""},
		"another type":      {"resources | where type =~ 'microsoft.compute/disks' | project id", "", `"totalRecords":0,"count":0,"data":[]`, ""},
		"descending":        {typed + "order by name desc | project name, id = name", `"$top":1,"$skip":1`, `"data":[{"name":"a2","id":"a2"}],"facets":[],"resultTruncated":"false","$skipToken"`, "SecurityAssignmentsClient.NewResourceGraphPager"},
		"without an id":     {typed + "project name", `"$top":1`, `"totalRecords":4,"count":1,"data":[{"name":"a0"}],"facets":[],"resultTruncated":"true"}`, "SecurityAssignmentsClient.NewResourceGraphPager"},
		"beyond the end":    {typed + "project name", `"$skip":9`, `"totalRecords":4,"count":0,"data":[]`, "SecurityAssignmentsClient.NewResourceGraphPager"},
		"other resources":   {"securityresources | where isempty(subscriptionId) and properties.effect != 'x' | project resourceGroup, subscriptionId", `"$top":1`, `"data":[{"resourceGroup":"","subscriptionId":""}]`, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newTenant(fake.ServerOptions{})
			_, body := do(t, srv, newRequest(t, http.MethodPost, graphURL, fmt.Sprintf(`{"query":"%s","options":{%s}}`, test.query, test.options)))
			assert.Contains(t, body, test.want)
			assert.Equal(t, test.operation, srv.Requests()[0].Operation)
		})
	}
}

// Pages of a query in another order than that of the ids have every row once.
func TestOrderedQueryPages(t *testing.T) {
	t.Parallel()
	const body = `{"query":"resources | order by name desc | project id, name","options":{"$top":3,"$skipToken":%q}}`
	srv, names, token := newTenant(fake.ServerOptions{}), []string{}, ""
	for range 2 {
		var page struct {
			Data  []struct{ Name string }
			Token string `json:"$skipToken"`
		}
		_, text := do(t, srv, newRequest(t, http.MethodPost, graphURL, fmt.Sprintf(body, token)))
		require.NoError(t, json.Unmarshal([]byte(text), &page, json.MatchCaseInsensitiveNames(true)))
		for _, row := range page.Data {
			names = append(names, row.Name)
		}
		token = page.Token
	}
	assert.Equal(t, []string{"b0", "a2", "a1", "a0"}, names)
	assert.Empty(t, token)
}

// A listing in the order of the ids keeps its place while resources change.
func TestQueryKeepsItsPlace(t *testing.T) {
	t.Parallel()
	srv := newTenant(fake.ServerOptions{PageSize: 2})
	assignments := newAssignments(t, subscription, options(srv))
	var names []string
	for page, err := range assignments.NewResourceGraphPager(nil).Pages(t.Context()) {
		require.NoError(t, err)
		for _, a := range page.Value {
			names = append(names, a.Name)
		}
		if len(names) == 2 {
			_, err := assignments.Delete(t.Context(), "group", "a1", nil)
			require.NoError(t, err)
			srv.Put(namedAssignment("a9"), armsecops.Assignment{})
		}
	}
	assert.Equal(t, []string{"a0", "a1", "a2", "a9", "b0"}, names)
}

// The rows are like those of Azure: both forms of a key, members that are null.
func TestRowsAreLikeAzures(t *testing.T) {
	t.Parallel()
	for flat, want := range map[bool]string{
		false: `{"exemptionCategory":"waiver","assignedAssessment":{"assessmentKey":"k"}}`, true: `{"exemptionCategory":"waiver","assessmentKey":"k"}`,
	} {
		srv := fake.NewServer(&fake.ServerOptions{FlatAssessmentKeys: flat})
		srv.Put(armsecops.StandardAssignmentID{Scope: managementGroup, Name: standardName}, armsecops.StandardAssignment{
			Properties: armsecops.StandardAssignmentProperties{ExemptionData: armsecops.ExemptionData{
				ExemptionCategory: "waiver", AssignedAssessment: armsecops.AssignedAssessmentItem{AssessmentKey: "k"},
			}},
		})
		srv.Put(armsecops.PolicyExemptionID{Scope: managementGroup, Name: "e"}, armsecops.PolicyExemption{})
		for query, want := range map[string]string{
			"securityresources | project resourceGroup, properties.exemptionData": `{"resourceGroup":"","properties_exemptionData":` + want + `}`,
			"policyresources | project subscriptionId, type, properties":          `{"subscriptionId":"","type":"microsoft.authorization/policyexemptions","properties":{"assignmentScopeValidation":null}}`,
		} {
			_, body := do(t, srv, newRequest(t, http.MethodPost, graphURL, `{"query":"`+query+`"}`))
			var result struct {
				Data []jsontext.Value `json:"data"`
			}
			require.NoError(t, json.Unmarshal([]byte(body), &result))
			require.Len(t, result.Data, 1, body)
			assert.JSONEq(t, want, string(result.Data[0]))
		}
	}
}

func TestQueryHasItsFaults(t *testing.T) {
	t.Parallel()
	const truncated = fake.NextLinkTruncated
	limit := http.Header{"X-Ms-Tenant-Subscription-Limit-Hit": {"true"}}
	tests := map[string]struct {
		fault   fake.Fault
		options queryAssignmentsOptions
		want    int // names
		err     error
	}{
		"truncated":           {fake.Fault{NextLink: truncated}, queryAssignmentsOptions{}, 2, armsecops.ErrIncompleteResult},
		"truncated, last":     {fake.Fault{NextLink: truncated, Skip: 1}, queryAssignmentsOptions{}, 4, armsecops.ErrIncompleteResult},
		"limit":               {fake.Fault{Header: limit}, queryAssignmentsOptions{}, 2, armsecops.ErrIncompleteResult},
		"limit, allowed":      {fake.Fault{Header: limit}, queryAssignmentsOptions{AllowPartialScopes: true}, 4, nil},
		"loop":                {fake.Fault{NextLink: fake.NextLinkLoop, Skip: 1}, queryAssignmentsOptions{}, 4, armsecops.ErrPagingLoop},
		"loop from the first": {fake.Fault{NextLink: fake.NextLinkLoop, Times: 2}, queryAssignmentsOptions{}, 4, armsecops.ErrPagingLoop},
		"unavailable, once":   {fake.Fault{StatusCode: 503, RetryAfter: time.Millisecond}, queryAssignmentsOptions{}, 4, nil},
		"forbidden":           {fake.Fault{StatusCode: 403, Skip: 1}, queryAssignmentsOptions{}, 2, armsecops.ErrForbidden},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newTenant(fake.ServerOptions{PageSize: 2})
			test.fault.Operation = "SecurityAssignmentsClient.NewResourceGraphPager"
			srv.Inject(test.fault)
			other := test.fault
			other.Operation = "StandardAssignmentsClient.ResourceGraph" // a name of the same query for another table
			srv.Inject(other)
			names, err := queryAssignments(t, srv, &test.options)
			assert.ErrorIs(t, err, test.err)
			assert.Len(t, names, test.want)
		})
	}
}

// An overridden query is paged as a list is, but has the faults of a query.
func TestOverriddenQueryPages(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault    fake.Fault
		want     []string
		err      error
		requests int
	}{
		"no fault":         {fake.Fault{Delay: 1}, []string{"a", "b"}, nil, 2},
		"truncated":        {fake.Fault{NextLink: fake.NextLinkTruncated}, []string{"a"}, armsecops.ErrIncompleteResult, 1},
		"loop":             {fake.Fault{NextLink: fake.NextLinkLoop, Skip: 1}, []string{"a", "b"}, armsecops.ErrPagingLoop, 2},
		"loop, first page": {fake.Fault{NextLink: fake.NextLinkLoop, Times: 2}, []string{"a", "a"}, armsecops.ErrPagingLoop, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := fake.NewServer(nil)
			srv.Override("SecurityAssignmentsClient.NewResourceGraphPager", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				assert.NoError(t, err)
				page := armsecops.AssignmentList{Value: []armsecops.Assignment{{Name: "a"}}, NextLink: "second"}
				if strings.Contains(string(body), `"$skipToken":"second"`) {
					page = armsecops.AssignmentList{Value: []armsecops.Assignment{{Name: "b"}}}
				}
				fake.Respond(http.StatusOK, page).ServeHTTP(w, r)
			}))
			srv.Inject(test.fault)
			names, err := queryAssignments(t, srv, &queryAssignmentsOptions{SubscriptionIDs: []string{subscription}})
			assert.ErrorIs(t, err, test.err)
			assert.Equal(t, test.want, names)
			assert.Len(t, srv.Requests(), test.requests)
			srv.AssertFaultsConsumed(t)
		})
	}
}
