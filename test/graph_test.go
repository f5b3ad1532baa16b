package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

const graphURL = "https://management.azure.com/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01"

type graphOptions = armsecops.ResourceGraphOptions

// graphRequest is the body of a request to Azure Resource Graph.
type graphRequest struct {
	Query            string   `json:"query"`
	Subscriptions    []string `json:"subscriptions"`
	ManagementGroups []string `json:"managementGroups"`
	Options          struct {
		SkipToken string `json:"$skipToken"`
	} `json:"options"`
}

// readGraphRequest reads the body of a request, and checks where it goes.
func readGraphRequest(t testing.TB, req *http.Request) (body []byte, query graphRequest) {
	t.Helper()
	assert.Equal(t, http.MethodPost, req.Method)
	assert.Equal(t, graphURL, req.URL.String())
	body, err := io.ReadAll(req.Body)
	assert.NoError(t, err)
	assert.NoError(t, json.Unmarshal(body, &query))
	return body, query
}

// pageOf returns the body of a page of n rows.
func pageOf(n int, skipToken, truncated string) string {
	rows := make([]map[string]string, n)
	for i := range rows {
		rows[i] = map[string]string{"name": fmt.Sprint(skipToken, i)}
	}
	total := n
	if skipToken != "" {
		total = 10
	}
	result := map[string]any{"totalRecords": total, "count": n, "data": rows, "facets": []string{}, "resultTruncated": truncated}
	if skipToken != "" {
		result["$skipToken"] = skipToken
	}
	body, _ := json.Marshal(result)
	return string(body)
}

func TestQueryHasTheOptions(t *testing.T) {
	t.Parallel()
	const (
		table   = `{"query": "resources\n| where type =~ 'microsoft.security/assignments'\n`
		project = `| project id, name, type, tenantId, kind, location, resourceGroup, subscriptionId, properties, tags\n| order by id asc", `
		always  = `"options": {"$top": 1000, "resultFormat": "objectArray"`
	)
	ids, groups := []string{subscriptionID(1), subscriptionID(0)}, []string{"a", "b", "A"}
	idsMember := `"subscriptions": ["` + ids[1] + `", "` + ids[0] + `"], ` // sorted
	tests := map[string]struct {
		options *graphOptions
		want    string
	}{
		"none":              {nil, table + project + always + `}}`},
		"zero":              {&graphOptions{}, table + project + always + `}}`},
		"predicate":         {&graphOptions{Where: "a > '// b'"}, table + `| where (a > '// b')\n` + project + always + `}}`},
		"management groups": {&graphOptions{ManagementGroups: groups}, table + project + `"managementGroups": ["a", "b"], ` + always + `}}`},
		"subscriptions":     {&graphOptions{SubscriptionIDs: ids}, table + project + idsMember + always + `}}`},
		"page size":         {&graphOptions{PageSize: 7}, table + project + strings.Replace(always, "1000", "7", 1) + `}}`},
		"inherited": {
			&graphOptions{SubscriptionIDs: ids, IncludeInherited: true},
			table + project + idsMember + always + `, "authorizationScopeFilter": "AtScopeAboveAndBelow"}}`,
		},
		"partial scopes": {&graphOptions{AllowPartialScopes: true}, table + project + always + `, "allowPartialScopes": true}}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(script(t, func(req *http.Request) (*http.Response, error) {
				body, _ := readGraphRequest(t, req)
				assertSameJSON(t, []byte(test.want), body)
				return respond(200, pageOf(1, "", "false"))(req)
			}))
			o.APIVersion = "2099-01-01" // of the client's own resource type
			pager := newAssignmentsClient(t, o).NewResourceGraphPager(test.options)
			_, err := pager.NextPage(t.Context())
			require.NoError(t, err)
			assert.False(t, pager.More())
		})
	}
}

func TestQueryChecksItsOptions(t *testing.T) {
	t.Parallel()
	ids := subscriptionIDs(1)
	tests := map[string]struct {
		options   graphOptions
		parameter string
	}{
		"subscription":             {graphOptions{SubscriptionIDs: []string{subscriptionID(0), "production"}}, "SubscriptionIDs"},
		"subscription, empty":      {graphOptions{SubscriptionIDs: []string{""}}, "SubscriptionIDs"},
		"management group, empty":  {graphOptions{ManagementGroups: []string{"a", ""}}, "ManagementGroups"},
		"management group, long":   {graphOptions{ManagementGroups: []string{strings.Repeat("a", 91)}}, "ManagementGroups"},
		"management group's id":    {graphOptions{ManagementGroups: []string{managementGroup}}, "ManagementGroups"},
		"management group, script": {graphOptions{ManagementGroups: []string{"größe"}}, "ManagementGroups"},
		"both kinds of scopes":     {graphOptions{SubscriptionIDs: ids, ManagementGroups: []string{"a"}}, "ManagementGroups"},
		"page size":                {graphOptions{PageSize: 1001}, "PageSize"},
		"page size, negative":      {graphOptions{PageSize: -1}, "PageSize"},
		"inherited by what":        {graphOptions{ManagementGroups: []string{"a"}, IncludeInherited: true}, "IncludeInherited"},
		"comment":                  {graphOptions{Where: "true // all"}, "Where"},
		"line feed":                {graphOptions{Where: "true)\n| take 1"}, "Where"},
		"MaxPages":                 {graphOptions{PageOptions: armsecops.PageOptions{MaxPages: -1}}, "MaxPages"},
		"token":                    {graphOptions{PageOptions: armsecops.PageOptions{ContinuationToken: "a"}}, "ContinuationToken"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newAssignmentsClient(t, options(script(t))).NewResourceGraphPager(&test.options).NextPage(t.Context())
			assertParameterError(t, err, test.parameter)
		})
	}
	valid := graphOptions{ManagementGroups: []string{"-_.()aZ09", strings.Repeat("a", 90)}, Where: "tostring(name) == '\t\u00fc'"}
	_, err := newAssignmentsClient(t, options(respond(200, minimal))).NewResourceGraphPager(&valid).NextPage(t.Context())
	assert.NoError(t, err)
}

func TestManySubscriptionsTakeSeveralQueries(t *testing.T) {
	t.Parallel()
	ids := subscriptionIDs(2500)
	var got [][]string
	client := newAssignmentsClient(t, options(transportFunc(func(req *http.Request) (*http.Response, error) {
		_, query := readGraphRequest(t, req)
		got = append(got, query.Subscriptions)
		token := ""
		if len(got) == 2 {
			token = "2" // two pages of the second thousand
		}
		return respond(200, pageOf(1, token, "false"))(req)
	})))
	repeated := append(slices.Clone(ids), strings.ToUpper(ids[3]), ids[2000])
	slices.Reverse(repeated[:2500]) // a token names one of the queries, whatever the order
	rows := 0
	pager := client.NewResourceGraphPager(&graphOptions{SubscriptionIDs: repeated})
	repeated[0] = "changed since"
	for _, err := range pager.All(t.Context()) {
		require.NoError(t, err)
		rows++
	}
	assert.Equal(t, [][]string{ids[:1000], ids[1000:2000], ids[1000:2000], ids[2000:]}, got)
	assert.Equal(t, 4, rows)
}

func TestRowsBecomeModels(t *testing.T) {
	t.Parallel()
	row := `{"id": "/subscriptions/s/assignments/a", "name": "a", "type": "microsoft.security/assignments", "tenantId": "t", "kind": "",
		"location": "westeurope", "resourceGroup": "rg", "subscriptionId": "` + subscriptionID(7) + `", "tags": {"a": "b"},
		"properties": {"displayName": "d", "effect": "Exempt", "expiresOn": "2026-01-02 03:04:05", "metadata": {"n": 12345678901234567890}}}`
	body := `{"totalRecords": 1, "count": 1, "data": [` + row + `], "facets": [], "resultTruncated": "false", "more": [1]}`
	o := options(respond(200, body))

	page, err := newAssignmentsClient(t, o).NewResourceGraphPager(nil).NextPage(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []armsecops.Assignment{{
		ID: "/subscriptions/s/assignments/a", Name: "a", Type: "microsoft.security/assignments", Location: "westeurope",
		Tags: map[string]string{"a": "b"},
		Properties: armsecops.AssignmentProperties{
			DisplayName: "d", Effect: armsecops.EffectExempt, ExpiresOn: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
			Metadata: []byte(`{"n":12345678901234567890}`),
		},
		AdditionalProperties: rawMembers("tenantId", `"t"`, "resourceGroup", `"rg"`, "subscriptionId", `"`+subscriptionID(7)+`"`),
	}}, compactMetadata(page.Value))
	assert.Equal(t, rawMembers("totalRecords", "1", "count", "1", "facets", "[]", "more", "[1]"), page.AdditionalProperties)
	assert.Empty(t, page.NextLink)

	standards, err := newStandardsClient(t, o).NewResourceGraphPager(nil).NextPage(t.Context())
	require.NoError(t, err)
	standard := standards.Value[0]
	assert.Equal(t, "d", standard.Properties.DisplayName)
	assert.Equal(t, `"`+subscriptionID(7)+`"`, string(standard.AdditionalProperties["subscriptionId"]))
	assert.Equal(t, `"t"`, string(standard.AdditionalProperties["tenantId"]))
}

// rawMembers returns members by name: rawMembers(name, value, ...).
func rawMembers(members ...string) map[string]json.RawMessage {
	raw := map[string]json.RawMessage{}
	for i := 0; i < len(members); i += 2 {
		raw[members[i]] = json.RawMessage(members[i+1])
	}
	return raw
}

func compactMetadata(rows []armsecops.Assignment) []armsecops.Assignment {
	for i := range rows {
		_ = (*jsontext.Value)(&rows[i].Properties.Metadata).Compact()
	}
	return rows
}

// The flag resultTruncated ends no listing that has a token, and an empty page doesn't either.
func TestQueryContinuesByTheTokenAlone(t *testing.T) {
	t.Parallel()
	pages := []string{pageOf(2, "a", "false"), pageOf(0, "b", "true"), pageOf(1, "c", ""), `{"data": null, "$skipToken": "d"}`, minimal}
	var sent []string
	pager := newAssignmentsClient(t, options(transportFunc(func(req *http.Request) (*http.Response, error) {
		_, query := readGraphRequest(t, req)
		sent = append(sent, query.Options.SkipToken)
		return respond(200, pages[len(sent)-1])(req)
	}))).NewResourceGraphPager(nil)
	rows := 0
	for _, err := range pager.All(t.Context()) {
		require.NoError(t, err)
		rows++
	}
	assert.Equal(t, 3, rows)
	assert.Equal(t, []string{"", "a", "b", "c", "d"}, sent)
}

// What a result lacks is an error after what it has, without a token to resume.
func TestIncompleteResultIsAnError(t *testing.T) {
	t.Parallel()
	const noText = `{"data": [{}], "resultTruncated": true}`
	limit := []string{"x-ms-tenant-subscription-limit-hit", "true", "x-ms-request-id", "id"}
	tests := map[string]struct {
		page   []string // the second one: body and header
		allow  bool
		prefix string // of the reason; empty: the result is complete
	}{
		"truncated":               {[]string{pageOf(2, "", "true"), "x-ms-request-id", "id"}, false, "the service truncated it"},
		"truncated, another case": {[]string{pageOf(2, "", "True"), "x-ms-request-id", "id"}, false, "the service truncated it"},
		"truncated, no text":      {[]string{noText, "x-ms-request-id", "id"}, false, "the service truncated it"},
		"truncated, no rows":      {[]string{pageOf(0, "", "true"), "x-ms-request-id", "id"}, false, "the service truncated it"},
		"truncated, allowed":      {[]string{pageOf(2, "", "true"), "x-ms-request-id", "id"}, true, "the service truncated it"},
		"limit":                   {append([]string{pageOf(2, "", "false")}, limit...), false, "it has the first 10,000 subscriptions"},
		"limit, more pages":       {append([]string{pageOf(2, "b", "false")}, limit...), false, "it has the first 10,000 subscriptions"},
		"limit, allowed":          {append([]string{pageOf(2, "", "false")}, limit...), true, ""},
		"limit not hit":           {[]string{pageOf(2, "", "false"), "x-ms-tenant-subscription-limit-hit", "false"}, false, ""},
		"not truncated":           {[]string{pageOf(2, "", "false")}, false, ""},
		"count":                   {[]string{`{"count": 3, "data": [{}, {}]}`, "x-ms-request-id", "id"}, false, "it has 2 rows, and says that there are 3"},
		"count, more pages":       {[]string{`{"count": 1, "data": [], "$skipToken": "b"}`, "x-ms-request-id", "id"}, false, "it has 0 rows"},
		"count, no number":        {[]string{`{"count": "many", "data": []}`, "x-ms-request-id", "id"}, false, "it has 0 rows"},
		"count, text and null":    {[]string{`{"count": "2", "totalRecords": null, "data": [{}, {}]}`}, false, ""},
		"total of a later page":   {[]string{`{"count": 2, "totalRecords": 9, "data": [{}, {}]}`}, false, ""},
	}
	for name, test := range tests {
		for way, p := range map[string]armsecops.PageOptions{"": {}, ", fetched ahead": {Prefetch: 2}, ", two pages at most": {MaxPages: 2}} {
			t.Run(name+way, func(t *testing.T) {
				t.Parallel()
				newPager := func() *armsecops.Pager[armsecops.Assignment] {
					o := options(script(t, respond(200, pageOf(1, "a", "false")), respond(200, test.page...)))
					query := &graphOptions{AllowPartialScopes: test.allow, PageOptions: p}
					return newAssignmentsClient(t, o).NewResourceGraphPager(query)
				}
				check := func(err error) {
					t.Helper()
					page, ok := errors.AsType[*armsecops.PageError](err)
					require.True(t, ok, "%v", err)
					assert.Empty(t, page.ContinuationToken)
					assert.ErrorIs(t, err, armsecops.ErrIncompleteResult)
					cloud, ok := errors.AsType[*armsecops.CloudError](err)
					require.True(t, ok)
					assert.Equal(t, 200, cloud.StatusCode)
					assert.Equal(t, "id", cloud.RequestID)
					want := "SecurityAssignmentsClient.NewResourceGraphPager: 200 OK: incomplete result: " + test.prefix
					assert.True(t, strings.HasPrefix(err.Error(), want), err.Error())
				}
				pager := newPager()
				for range 2 {
					_, err := pager.NextPage(t.Context())
					require.NoError(t, err)
				}
				assert.Equal(t, test.prefix != "", pager.More())
				assert.Empty(t, pager.ContinuationToken())
				if test.prefix != "" {
					_, err := pager.NextPage(t.Context())
					check(err)
					assert.False(t, pager.More())
					_, again := pager.NextPage(t.Context())
					assert.Equal(t, err, again)
				}

				pages, failures := 0, 0
				pager = newPager()
				for _, err := range pager.Pages(t.Context()) {
					if err != nil {
						failures++
						check(err)
						continue
					}
					pages++
				}
				assert.Equal(t, 2, pages)
				assert.Equal(t, test.prefix != "", failures == 1)
				assert.False(t, pager.More())

				var last error
				for _, err := range newPager().All(t.Context()) {
					last = err
				}
				assert.Equal(t, test.prefix != "", last != nil)
			})
		}
	}
}

func TestQueryNoticesALoop(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{ // tokens of the pages
		"the page itself": {"a", "a"},
		"an earlier page": {"a", "b", "a"},
	}
	for name, tokens := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var pages []transportFunc
			for _, token := range tokens {
				pages = append(pages, respond(200, pageOf(1, token, "false")))
			}
			rows := 0
			var last error
			for _, err := range newAssignmentsClient(t, options(script(t, pages...))).NewResourceGraphPager(nil).All(t.Context()) {
				if last = err; err == nil {
					rows++
				}
			}
			assert.ErrorIs(t, last, armsecops.ErrPagingLoop)
			assert.ErrorContains(t, last, "SecurityAssignmentsClient.NewResourceGraphPager")
			assert.Equal(t, len(tokens), rows)
		})
	}
}

func TestLongSkipTokenIsRefused(t *testing.T) {
	t.Parallel()
	for size, ok := range map[int]bool{32 << 10: true, 32<<10 + 1: false} {
		transport := script(t, respond(200, pageOf(0, strings.Repeat("\u0001", size), "false")))
		pager := newAssignmentsClient(t, options(transport)).NewResourceGraphPager(nil)
		_, err := pager.NextPage(t.Context())
		if !ok {
			require.ErrorContains(t, err, "the $skipToken is longer than 32768 bytes")
			continue
		}
		require.NoError(t, err)
		query := &graphOptions{PageOptions: armsecops.PageOptions{ContinuationToken: pager.ContinuationToken()}}
		_, err = newAssignmentsClient(t, options(respond(200, minimal))).NewResourceGraphPager(query).NextPage(t.Context())
		assert.NoError(t, err, "the longest one can be resumed from")
	}
}

// secondPage returns the token of the second page of a query.
func secondPage(t testing.TB, skipToken string, query graphOptions) string {
	t.Helper()
	pager := newAssignmentsClient(t, options(respond(200, pageOf(1, skipToken, "false")))).NewResourceGraphPager(&query)
	_, err := pager.NextPage(t.Context())
	require.NoError(t, err)
	return pager.ContinuationToken()
}

// A token is of its query, scopes and endpoint.
func TestQueryTokenIsBound(t *testing.T) {
	t.Parallel()
	ids := subscriptionIDs(2)
	base := graphOptions{SubscriptionIDs: ids, Where: "a"}
	token := secondPage(t, "here", base)
	tests := map[string]struct {
		query   graphOptions
		refused bool
	}{
		"the same":             {base, false},
		"ids in another case":  {graphOptions{SubscriptionIDs: []string{strings.ToUpper(ids[0]), ids[1]}, Where: "a"}, false},
		"an id twice":          {graphOptions{SubscriptionIDs: []string{ids[0], ids[1], ids[0]}, Where: "a"}, false},
		"partial scopes":       {graphOptions{SubscriptionIDs: ids, Where: "a", AllowPartialScopes: true}, false},
		"another page size":    {graphOptions{SubscriptionIDs: ids, Where: "a", PageSize: 5}, false},
		"inherited, too":       {graphOptions{SubscriptionIDs: ids, Where: "a", IncludeInherited: true}, true},
		"another predicate":    {graphOptions{SubscriptionIDs: ids, Where: "A"}, true},
		"no predicate":         {graphOptions{SubscriptionIDs: ids}, true},
		"fewer subscriptions":  {graphOptions{SubscriptionIDs: ids[:1], Where: "a"}, true},
		"ids in another order": {graphOptions{SubscriptionIDs: []string{ids[1], strings.ToUpper(ids[0])}, Where: "a"}, false},
		"the tenant":           {graphOptions{Where: "a"}, true},
		"groups named so":      {graphOptions{ManagementGroups: ids, Where: "a"}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transport := script(t)
			if !test.refused {
				transport = script(t, func(req *http.Request) (*http.Response, error) {
					_, query := readGraphRequest(t, req)
					assert.Equal(t, "here", query.Options.SkipToken)
					return respond(200, minimal)(req)
				})
			}
			test.query.ContinuationToken = token
			_, err := newAssignmentsClient(t, options(transport)).NewResourceGraphPager(&test.query).NextPage(t.Context())
			if test.refused {
				assertParameterError(t, err, "ContinuationToken")
				return
			}
			assert.NoError(t, err)
		})
	}

	groups := graphOptions{ManagementGroups: []string{"a", "b"}}
	groups.ContinuationToken = secondPage(t, "here", groups)
	for other, refused := range map[string]bool{"B": false, "c": true} {
		query := groups
		query.ManagementGroups = []string{other, "A"}
		_, err := newAssignmentsClient(t, options(respond(200, minimal))).NewResourceGraphPager(&query).NextPage(t.Context())
		assert.Equal(t, refused, err != nil, "%s: %v", other, err)
	}

	base.ContinuationToken = token
	_, err := newStandardsClient(t, options(script(t))).NewResourceGraphPager(&base).NextPage(t.Context())
	assertParameterError(t, err, "ContinuationToken")
	elsewhere := options(script(t))
	elsewhere.Cloud = endpoint("https://other.example")
	_, err = newAssignmentsClient(t, elsewhere).NewResourceGraphPager(&base).NextPage(t.Context())
	assertParameterError(t, err, "ContinuationToken")
	list := &armsecops.SecurityAssignmentsClientListBySubscriptionOptions{PageOptions: base.PageOptions}
	_, err = newAssignmentsClient(t, options(script(t))).NewListBySubscriptionPager(list).NextPage(t.Context())
	assertParameterError(t, err, "ContinuationToken")
}

// Whatever a token with a valid checksum says, it is refused, or goes into the
// body of a request for one of the pager's own queries.
func FuzzQueryToken(f *testing.F) {
	for _, link := range []string{
		"", "0:", "1:a", "2:a", "-1:a", "0", ":", "x:a", "00:a", "+1:a", "1:https://evil.example", "1:\",\"x", "99999999999999999999:",
		"1:" + strings.Repeat("a", 32<<10), "1:" + strings.Repeat("a", 32<<10+1),
	} {
		f.Add(link)
	}
	f.Fuzz(func(t *testing.T, link string) {
		link = strings.ToValidUTF8(link, "\ufffd") // as JSON has it
		query := graphOptions{SubscriptionIDs: subscriptionIDs(1001)}
		query.ContinuationToken = forge(t, secondPage(t, "a", query), "link", link)
		requests := 0
		pager := newAssignmentsClient(t, options(transportFunc(func(req *http.Request) (*http.Response, error) {
			requests++
			body, sent := readGraphRequest(t, req)
			require.True(t, jsontext.Value(body).IsValid())
			require.Contains(t, []int{1, 1000}, len(sent.Subscriptions))
			require.True(t, strings.HasSuffix(link, sent.Options.SkipToken))
			require.LessOrEqual(t, len(sent.Options.SkipToken), 32<<10)
			return respond(200, minimal)(req)
		}))).NewResourceGraphPager(&query)
		_, err := pager.NextPage(t.Context())
		if err != nil {
			assertParameterError(t, err, "ContinuationToken")
			require.Zero(t, requests)
			return
		}
		require.Equal(t, 1, requests)
	})
}

// A 429 closes one gate for every query of a factory's clients, until the quota
// resets, and no subscription's gate.
func TestQueriesShareAGate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		header []string
		want   time.Duration
	}{
		"quota":                      {[]string{"x-ms-user-quota-resets-after", "00:00:20"}, 20 * time.Second},
		"Retry-After takes priority": {[]string{"x-ms-user-quota-resets-after", "00:00:20", "Retry-After", "5"}, 5 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				queries := 0
				o := options(transportFunc(func(req *http.Request) (*http.Response, error) {
					mu.Lock()
					defer mu.Unlock()
					if req.Method == http.MethodPost {
						if queries++; queries == 1 {
							return respond(429, append([]string{""}, test.header...)...)(req)
						}
					}
					return respond(200, minimal, "x-ms-user-quota-resets-after", "00:10:00", "x-ms-user-quota-remaining", "0")(req)
				}))
				o.Retry.MaxRetryDelay = time.Minute
				factory := newFactory(t, &azfake.TokenCredential{}, o)
				assignments, err := factory.NewSecurityAssignmentsClient(assignmentsSubscription)
				require.NoError(t, err)
				start := time.Now()
				var calls sync.WaitGroup
				calls.Go(func() {
					_, err := assignments.NewResourceGraphPager(nil).NextPage(t.Context())
					assert.NoError(t, err)
				})
				synctest.Wait() // the gate is closed
				calls.Go(func() {
					_, err := factory.NewStandardAssignmentsClient().NewResourceGraphPager(nil).NextPage(t.Context())
					assert.NoError(t, err)
					assert.GreaterOrEqual(t, time.Since(start), test.want)
				})
				calls.Go(func() {
					_, err := assignments.NewListBySubscriptionPager(nil).NextPage(t.Context())
					assert.NoError(t, err)
					assert.Zero(t, time.Since(start))
				})
				calls.Wait()
				assert.Less(t, time.Since(start), test.want+2*time.Second)
				assert.Equal(t, 3, queries)
			})
		})
	}
}

// newLargeTenant returns a server with ten assignments in each of the subscriptions.
func newLargeTenant(subscriptions int, o fake.ServerOptions) *fake.Server {
	srv := fake.NewServer(&o)
	for i := range subscriptions {
		for n := range 10 {
			id := armsecops.AssignmentID{SubscriptionID: subscriptionID(i), ResourceGroupName: "rg", Name: fmt.Sprint("a", n)}
			srv.Put(id, armsecops.Assignment{})
		}
	}
	return srv
}

// A page that fails is resumed by another client, as in another process, with
// no row missing or doubled, wherever it fails.
func TestQueryResumesInAnotherProcess(t *testing.T) {
	t.Parallel()
	const subscriptions = 1200 // two queries
	srv := newLargeTenant(subscriptions, fake.ServerOptions{PageSize: 999})
	query := graphOptions{SubscriptionIDs: subscriptionIDs(subscriptions)}
	faults := map[string]fake.Fault{
		"refused":          {StatusCode: http.StatusForbidden},
		"body broken":      {Disconnect: true, Truncate: true},
		"body cut, parsed": {Truncate: true},
	}
	operation := "SecurityAssignmentsClient.NewResourceGraphPager"
	got := map[string]int{}
	failures := 0
	for _, fault := range faults {
		for skip := range 3 {
			fault.Operation, fault.Skip = operation, skip
			srv.Inject(fault)
		}
	}
	for token, done := "", false; !done; {
		query.ContinuationToken = token
		done = true
		for row, err := range newAssignmentsClient(t, options(srv)).NewResourceGraphPager(&query).All(t.Context()) {
			if err != nil {
				page, ok := errors.AsType[*armsecops.PageError](err)
				require.True(t, ok)
				token, done = page.ContinuationToken, false
				failures++
				break
			}
			got[row.SubscriptionID()+row.Name]++
		}
	}
	srv.AssertFaultsConsumed(t)
	assert.Equal(t, 9, failures)
	assert.Len(t, got, subscriptions*10)
	for id, n := range got {
		require.Equal(t, 1, n, id)
	}
}

// A query whose first page is its last has as many rows as the service counts.
func TestOnlyPageHasEveryRow(t *testing.T) {
	t.Parallel()
	pager := newAssignmentsClient(t, options(respond(200, `{"totalRecords": 3, "count": 2, "data": [{}, {}]}`))).NewResourceGraphPager(nil)
	page, err := pager.NextPage(t.Context())
	require.NoError(t, err)
	assert.Len(t, page.Value, 2, "what came is yielded")
	_, err = pager.NextPage(t.Context())
	require.ErrorIs(t, err, armsecops.ErrIncompleteResult)
	assert.ErrorContains(t, err, "it has 2 rows, and says that the query has 3")
}

func TestResultWithoutDataIsAnError(t *testing.T) {
	t.Parallel()
	bodies := maps.Clone(unexpectedBodies)
	bodies[`{}`] = "unexpected response: it has no data"
	bodies[`{"data":[],"error":{"code":"Partial","message":"Broken."}}`] = ": Partial: Broken."
	bodies[`{"data":{"columns":[],"rows":[]}}`] = "decoding the response: /data: an object is not an array"
	for body, want := range bodies {
		pager := newAssignmentsClient(t, options(script(t, respond(200, body, "x-ms-request-id", requestID)))).NewResourceGraphPager(nil)
		_, err := pager.NextPage(t.Context())
		assertUnexpected(t, err, want)
		page, ok := errors.AsType[*armsecops.PageError](err)
		require.True(t, ok)
		assert.NotEmpty(t, page.ContinuationToken)
	}
}

// The errors of Azure Resource Graph say where a query is wrong, and what helps.
func TestQueryErrorsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	const prefix = "SecurityAssignmentsClient.NewResourceGraphPager: 400 Bad Request: BadRequest: timestamp = 1. "
	tests := map[string]struct {
		details, want string
		code          string
		forbidden     bool
	}{
		"parser": {
			`{"code":"InvalidQuery","message":"Invalid."},
			{"code":"ParserFailure","message":"ParserFailure","line":3,"characterPositionInLine":42,"token":"' and type contains '"},
			{"code":"ParserFailure","message":"ParserFailure","line":3,"characterPositionInLine":60,"token":"<EOF>","expectedToken":"'"}`,
			prefix + `[InvalidQuery: Invalid.; ParserFailure: line 3, position 42, token "' and type contains '"; ` +
				`ParserFailure: line 3, position 60, token "<EOF>", expected "'"]`,
			"ParserFailure", false,
		},
		"without a position": {
			`{"code":"InvalidQueryLanguage","message":"InvalidQueryLanguage","line":-1,"characterPositionInLine":-1,"token":"parse"}`,
			prefix + `[InvalidQueryLanguage: token "parse"]`, "InvalidQueryLanguage", false,
		},
		"position of another type": {
			`{"code":"ParserFailure","line":"3","characterPositionInLine":null,"token":["a"],"expectedToken":7}`, prefix + `[ParserFailure]`, "ParserFailure", false,
		},
		"harmless": {
			`{"code":"ParserFailure","token":"a\u001b\u202e` + strings.Repeat("b", 5000) + `"}`,
			prefix + `[ParserFailure: token "a` + strings.Repeat("b", 508) + `…"]`, "ParserFailure", false,
		},
		"too large": {
			`{"code":"ResponsePayloadTooLarge","message":"94330584."}`,
			"a page is too large, set a smaller PageSize: " + prefix + "[ResponsePayloadTooLarge: 94330584.]", armsecops.CodeResponsePayloadTooLarge, false,
		},
		"no subscription": {
			`{"code":"NoValidSubscriptionsInQueryRequest","message":"None."}`,
			prefix + "[NoValidSubscriptionsInQueryRequest: None.]", armsecops.CodeNoValidSubscriptionsInQueryRequest, true,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := `{"error":{"code":"BadRequest","message":"timestamp = 1.","details":[` + test.details + `]}}`
			_, err := newAssignmentsClient(t, options(script(t, respond(400, body)))).NewResourceGraphPager(nil).NextPage(t.Context())
			assert.EqualError(t, err, test.want)
			assert.True(t, armsecops.HasCode(err, test.code))
			assert.Equal(t, test.forbidden, errors.Is(err, armsecops.ErrForbidden))
			assert.NotErrorIs(t, err, armsecops.ErrNotFound)
			assertHarmlessLine(t, err.Error())
			e, ok := errors.AsType[*armsecops.ServiceError](err)
			require.True(t, ok)
			assert.Equal(t, 400, e.StatusCode)
		})
	}
}
