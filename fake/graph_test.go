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
	"github.com/armsecops/armsecops/internal/testkit"
)

const (
	graphURL          = endpoint + "/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01"
	otherSubscription = "eeeeeeee-2222-3333-4444-555555555555"
)

type queryOptions = armsecops.ResourceGraphOptions

// mustQuery returns the names of the assignments that the query finds.
func mustQuery(t testing.TB, srv *fake.Server, o *queryOptions) []string {
	t.Helper()
	return mustCollect(t, newAssignments(t, options(srv)).NewResourceGraphPager(o))
}

// postQuery sends the body of a query, and decodes what Azure says in another casing, too.
func postQuery(t testing.TB, srv *fake.Server, body string, result any) *http.Response {
	t.Helper()
	resp, text := do(t, srv, newRequest(t, http.MethodPost, graphURL, body))
	require.NoError(t, json.Unmarshal([]byte(text), result, json.MatchCaseInsensitiveNames(true)))
	return resp
}

// queryPage returns the names of the rows on a page, and the token of the next one.
func queryPage(t testing.TB, srv *fake.Server, body string) (names []string, token string) {
	t.Helper()
	var page struct {
		Data  []struct{ Name string }
		Token string `json:"$skipToken"`
	}
	postQuery(t, srv, body, &page)
	for _, row := range page.Data {
		names = append(names, row.Name)
	}
	return names, page.Token
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
	all := []string{"a0", "a1", "a2", "b0"}
	type test struct {
		options queryOptions
		want    []string
	}
	testkit.EachCase(t, map[string]test{
		"tenant":           {queryOptions{}, all},
		"subscription":     {queryOptions{SubscriptionIDs: []string{otherSubscription}}, all[3:]},
		"two of them":      {queryOptions{SubscriptionIDs: []string{otherSubscription, subscription}}, all},
		"management group": {queryOptions{ManagementGroups: []string{"contoso"}}, all},
		"a predicate":      {queryOptions{Where: "tags.number in ('0', '2') and (true)"}, []string{"a0", "a2"}},
	}, func(t *testing.T, test test) {
		assert.Equal(t, test.want, mustQuery(t, newTenant(fake.ServerOptions{PageSize: 2}), &test.options))
	})
	testkit.EachCase(t, map[string]test{ // the last character of the names
		"standards, tenant":            {queryOptions{}, []string{"1", "2", "0"}},
		"standards, subscription":      {queryOptions{SubscriptionIDs: []string{strings.ToUpper(subscription)}}, []string{"0"}},
		"standards, management group":  {queryOptions{ManagementGroups: []string{"Contoso"}}, []string{"1", "0"}},
		"standards, other groups only": {queryOptions{ManagementGroups: []string{"other"}}, []string{"0"}},
	}, func(t *testing.T, test test) {
		standards := newFactory(t, newTenant(fake.ServerOptions{PageSize: 2})).NewStandardAssignmentsClient()
		names := mustCollect(t, standards.NewResourceGraphPager(&test.options))
		for i, name := range names {
			names[i] = name[len(name)-1:]
		}
		assert.Equal(t, test.want, names)
	})
}

// Every management group is above every subscription.
func TestQueryReturnsWhatResourcesAreIn(t *testing.T) {
	t.Parallel()
	srv := newTenant(fake.ServerOptions{})
	const query, chain = `{"query":"resourcecontainers | project name, type, resourceGroup, properties"`, `"managementGroupAncestorsChain":[`
	group := `{"name":"%s","type":"microsoft.management/managementgroups","resourceGroup":"","properties":{"details":{` + chain + `]}}}`
	of := `{"name":"` + otherSubscription + `","type":"microsoft.resources/subscriptions","resourceGroup":"","properties":{` + chain + `{"name":"contoso"},{"name":"fabrikam"}],"state":"Enabled"}} ` +
		`{"name":"group","type":"microsoft.resources/subscriptions/resourcegroups","resourceGroup":"group","properties":{"provisioningState":"Succeeded"}}`
	for scope, want := range map[string]string{
		"": fmt.Sprintf(group+" "+group+" ", "contoso", "fabrikam") + strings.Replace(of, otherSubscription, subscription, 1) + " " + of,
		`,"subscriptions":["` + otherSubscription + `"]`: of,
	} {
		var result struct{ Data []jsontext.Value }
		postQuery(t, srv, strings.Replace(query, " | ", " | where type startswith 'microsoft.' | ", 1)+scope+"}", &result)
		assert.Equal(t, "["+want+"]", fmt.Sprint(result.Data))
	}
}

func TestQueryReturnsTheColumns(t *testing.T) {
	t.Parallel()
	srv := newTenant(fake.ServerOptions{})
	mustQuery(t, srv, nil)
	var result struct{ Data []jsontext.Value }
	resp := postQuery(t, srv, string(srv.Requests()[0].Body), &result)
	assert.Equal(t, "14", resp.Header.Get("x-ms-user-quota-remaining"))
	assert.Equal(t, "00:00:05", resp.Header.Get("x-ms-user-quota-resets-after"))
	assert.Empty(t, resp.Header.Get("x-ms-ratelimit-remaining-subscription-writes"), "the quota isn't a subscription's")
	require.Len(t, result.Data, 4)
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
		_, text := do(t, srv, newRequest(t, http.MethodPost, graphURL, query))
		assert.Equal(t, 5, strings.Count(text, `{"`+column+`":null}`), text)
	}
}

func TestQueryPages(t *testing.T) {
	t.Parallel()
	testkit.EachCase(t, map[string]struct{ resources, pageSize, requests int }{
		"one page":               {3, 3, 1},
		"three pages":            {7, 3, 3},
		"the server's page size": {2500, 0, 3},
		"beyond $top":            {2000, 5000, 2},
		"none":                   {0, 3, 1},
		"negative page size":     {3, -1, 1},
	}, func(t *testing.T, test struct{ resources, pageSize, requests int }) {
		srv := fake.NewServer(&fake.ServerOptions{PageSize: test.pageSize})
		want := testkit.Names(test.resources, "a%04d")
		for _, name := range want {
			srv.Put(namedAssignment(name), armsecops.Assignment{})
		}
		assert.Equal(t, want, mustQuery(t, srv, nil))
		assert.Len(t, srv.Requests(), test.requests)
	})
}

// Errors of a query have the details that Azure's have.
func TestQueryErrorsHaveDetails(t *testing.T) {
	t.Parallel()
	const invalid = `{"code":"InvalidQuery","message":"Query is invalid. Please refer to the documentation for the Azure Resource Graph service` +
		` and fix the error before retrying."},`
	type test struct{ query, options, details string }
	testkit.EachCase(t, map[string]test{
		"a string without an end": {"resources\\n| where name == 'a\\n| take 1", "",
			invalid + `{"code":"ParserFailure","message":"ParserFailure","line":3,"characterPositionInLine":8,"token":"<EOF>","expectedToken":"'"}`},
		"a table of Azure's": {"HealthResources", "", invalid +
			`{"code":"DisallowedLogicalTableName","message":"The fake server doesn't read 'healthresources'; Azure does."}`},
		"management group": {"resources", `,"managementGroups":["none"]`, `{"code":"NoValidSubscriptionsInQueryRequest",` +
			`"message":"There must be at least one subscription that is eligible to contain resources. Given: 'none'."}`},
	}, func(t *testing.T, test test) {
		var got struct {
			Error struct {
				Code, Message string
				Details       jsontext.Value
			}
		}
		resp := postQuery(t, newTenant(fake.ServerOptions{Strict: true}), fmt.Sprintf(`{"query":"%s"%s}`, test.query, test.options), &got)
		assert.Equal(t, http.StatusBadRequest, resp.StatusCode)
		assert.Equal(t, "BadRequest", got.Error.Code)
		assert.Regexp(t, `^Please provide below info when asking for support: timestamp = .+Z, correlationId = .+\.$`, got.Error.Message)
		assert.JSONEq(t, "["+test.details+"]", string(got.Error.Details))
	})
}

// A subscription that isn't there is left out if there are others.
func TestQueryLeavesOutUnknownScopes(t *testing.T) {
	t.Parallel()
	const unknown, empty = "33333333-2222-3333-4444-555555555555", "44444444-2222-3333-4444-555555555555"
	srv := newTenant(fake.ServerOptions{})
	srv.AddSubscription(strings.ToUpper(empty))
	assert.Equal(t, []string{"b0"}, mustQuery(t, srv, &queryOptions{SubscriptionIDs: []string{unknown, otherSubscription}}))
	assert.Empty(t, mustQuery(t, srv, &queryOptions{SubscriptionIDs: []string{empty}}))
	_, err := collect(t, newAssignments(t, options(srv)).NewResourceGraphPager(&queryOptions{SubscriptionIDs: []string{unknown}}))
	assert.True(t, armsecops.HasCode(err, armsecops.CodeNoValidSubscriptionsInQueryRequest), err)
	mustCollect(t, newFactory(t, srv).NewPolicyExemptionsClient().NewListPager("/subscriptions/"+unknown, nil))
	assert.Empty(t, mustQuery(t, srv, &queryOptions{SubscriptionIDs: []string{unknown}}), "it was listed")
	assert.Len(t, mustQuery(t, srv, &queryOptions{ManagementGroups: []string{"none"}}), 4, "the server isn't strict")
	strict := newTenant(fake.ServerOptions{Strict: true})
	strict.AddManagementGroup("Empty")
	assert.Len(t, mustQuery(t, strict, &queryOptions{ManagementGroups: []string{"none", "empty"}}), 4)
}

// Queries that no client makes are served, too, and the operation of a query is that of the client that makes it.
func TestQueriesOfOtherPrograms(t *testing.T) {
	t.Parallel()
	const (
		typed = "resources | where type =~ 'Microsoft.Security/assignments' | "
		ours  = "SecurityAssignmentsClient.NewResourceGraphPager"
		ofGet = "where name == 'a0' | project id, name, type, subscriptionId, resourceGroup, properties | project name"
		above = "where isempty(subscriptionId) and properties.effect != 'x' | project resourceGroup, subscriptionId"
		// What subscriptions inherit matters to policy exemptions only.
		inherited = `,"subscriptions":["` + subscription + `"],"options":{"authorizationScopeFilter":"AtScopeAboveAndBelow"}`
		standards = "securityresources | where type =~ 'microsoft.security/standardassignments' | project id | order by id asc"
	)
	type test struct{ query, options, want, operation string }
	testkit.EachCase(t, map[string]test{
		"take":              {typed + "take 2 | project name", "", `"totalRecords":2,"count":2,"data":[{"name":"a0"},{"name":"a1"}],"facets":[],"resultTruncated":"false"`, ours},
		"exemptions":        {typed + ofGet, "", `"data":[{"name":"a0"}]`, ours},
		"columns":           {"resources | where name == 'a1' | project n = toupper(name), type", "", `"data":[{"n":"A1","type":"microsoft.security/assignments"}]`, ""},
		"subscriptions":     {"resourcecontainers | where type =~ 'Microsoft.Resources/subscriptions' | project name", "", `"totalRecords":2,`, ""},
		"a type of its own": {"resources | extend type = 'x' | where type == 'x' | project name", `,"options":{"$top":1}`, `"totalRecords":4,`, ""},
		"another type":      {"resources | where type =~ 'microsoft.compute/disks' | project id", "", `"totalRecords":0,"count":0,"data":[]`, ""},
		"descending":        {typed + "order by name desc | project name, id = name", `,"options":{"$top":1,"$skip":1}`, `"data":[{"name":"a2","id":"a2"}],"facets":[],"resultTruncated":"false","$skipToken"`, ours},
		"without an id":     {typed + "project name", `,"options":{"$top":1}`, `"totalRecords":4,"count":1,"data":[{"name":"a0"}],"facets":[],"resultTruncated":"true"}`, ours},
		"beyond the end":    {typed + "project name", `,"options":{"$skip":9}`, `"totalRecords":4,"count":0,"data":[]`, ours},
		"other resources":   {"securityresources | " + above, `,"options":{"$top":1}`, `"data":[{"resourceGroup":"","subscriptionId":""}]`, ""},
		"nothing inherited": {standards, inherited, `"totalRecords":1,`, "StandardAssignmentsClient.NewResourceGraphPager"},
	}, func(t *testing.T, test test) {
		srv := newTenant(fake.ServerOptions{})
		_, body := do(t, srv, newRequest(t, http.MethodPost, graphURL, fmt.Sprintf(`{"query":"%s"%s}`, test.query, test.options)))
		assert.Contains(t, body, test.want)
		assert.Equal(t, test.operation, srv.Requests()[0].Operation)
	})
}

// Pages of a query in another order than that of the ids have every row once.
func TestOrderedQueryPages(t *testing.T) {
	t.Parallel()
	const body = `{"query":"resources | order by name desc | project id, name","options":{"$top":3,"$skipToken":%q}}`
	srv := newTenant(fake.ServerOptions{})
	first, token := queryPage(t, srv, fmt.Sprintf(body, ""))
	second, end := queryPage(t, srv, fmt.Sprintf(body, token))
	assert.Equal(t, []string{"b0", "a2", "a1", "a0"}, append(first, second...))
	assert.Empty(t, end)
}

// A listing in the order of the ids keeps its place while resources change.
func TestQueryKeepsItsPlace(t *testing.T) {
	t.Parallel()
	srv := newTenant(fake.ServerOptions{PageSize: 2})
	pager := newAssignments(t, options(srv)).NewResourceGraphPager(nil)
	page := testkit.Must(pager.NextPage(t.Context()))
	require.Len(t, page.Value, 2) // a0 and a1
	do(t, srv, newRequest(t, http.MethodDelete, endpoint+assignmentsPath+"/a1"+assignmentsVersion, ""))
	srv.Put(namedAssignment("a9"), armsecops.Assignment{})
	assert.Equal(t, []string{"a2", "a9", "b0"}, mustCollect(t, pager))
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
			var result struct{ Data []jsontext.Value }
			postQuery(t, srv, `{"query":"`+query+`"}`, &result)
			require.Len(t, result.Data, 1)
			assert.JSONEq(t, want, string(result.Data[0]))
		}
	}
}

// An overridden query is paged as a list is, but has the faults of a query.
func TestQueryHasItsFaults(t *testing.T) {
	t.Parallel()
	const truncated, loop, ours = fake.NextLinkTruncated, fake.NextLinkLoop, "SecurityAssignmentsClient.NewResourceGraphPager"
	limit := http.Header{"X-Ms-Tenant-Subscription-Limit-Hit": {"true"}}
	type test struct {
		fault    fake.Fault
		options  queryOptions
		want     string // of the two pages of the overridden query, each of one row
		err      error
		requests int
	}
	testkit.EachCase(t, map[string]test{
		"no fault":            {fake.Fault{Delay: 1}, queryOptions{}, "ab", nil, 2},
		"truncated":           {fake.Fault{NextLink: truncated}, queryOptions{}, "a", armsecops.ErrIncompleteResult, 1},
		"truncated, last":     {fake.Fault{NextLink: truncated, Skip: 1}, queryOptions{}, "ab", armsecops.ErrIncompleteResult, 2},
		"limit":               {fake.Fault{Header: limit}, queryOptions{}, "a", armsecops.ErrIncompleteResult, 1},
		"limit, allowed":      {fake.Fault{Header: limit}, queryOptions{AllowPartialScopes: true}, "ab", nil, 2},
		"loop":                {fake.Fault{NextLink: loop, Skip: 1}, queryOptions{}, "ab", armsecops.ErrPagingLoop, 2},
		"loop from the first": {fake.Fault{NextLink: loop, Times: 2}, queryOptions{}, "aa", armsecops.ErrPagingLoop, 2},
		"unavailable, once":   {fake.Fault{StatusCode: 503, RetryAfter: time.Millisecond}, queryOptions{}, "ab", nil, 3},
	}, func(t *testing.T, test test) {
		overridden := fake.NewServer(nil)
		overridden.Override(ours, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			assert.NoError(t, err)
			page := armsecops.AssignmentList{Value: []armsecops.Assignment{{Name: "a"}}, NextLink: "second"}
			if strings.Contains(string(body), `"$skipToken":"second"`) {
				page = armsecops.AssignmentList{Value: []armsecops.Assignment{{Name: "b"}}}
			}
			fake.Respond(http.StatusOK, page).ServeHTTP(w, r)
		}))
		for size, srv := range map[int]*fake.Server{1: overridden, 2: newTenant(fake.ServerOptions{PageSize: 2})} {
			// The second one is a name of the same query for another table.
			for _, operation := range []string{ours, "StandardAssignmentsClient.ResourceGraph"} {
				test.fault.Operation = operation
				srv.Inject(test.fault)
			}
			names, err := collect(t, newAssignments(t, options(srv)).NewResourceGraphPager(&test.options))
			assert.ErrorIs(t, err, test.err)
			assert.Len(t, names, len(test.want)*size)
			assert.Len(t, srv.Requests(), test.requests)
			if srv == overridden {
				assert.Equal(t, test.want, strings.Join(names, ""))
			}
			left := testRecorder{srv: srv}
			srv.AssertFaultsConsumed(&left)
			assert.Len(t, left.messages, 1, "the fault of the other table is left")
		}
	})
}
