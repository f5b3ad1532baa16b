package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/testkit"
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
	inherited := &graphOptions{SubscriptionIDs: ids, IncludeInherited: true}
	type test struct {
		options *graphOptions
		want    string
	}
	testkit.EachCase(t, map[string]test{
		"none":              {nil, table + project + always + `}}`},
		"zero":              {&graphOptions{}, table + project + always + `}}`},
		"predicate":         {&graphOptions{Where: "a > '// b'"}, table + `| where (a > '// b')\n` + project + always + `}}`},
		"management groups": {&graphOptions{ManagementGroups: groups}, table + project + `"managementGroups": ["a", "b"], ` + always + `}}`},
		"subscriptions":     {&graphOptions{SubscriptionIDs: ids}, table + project + idsMember + always + `}}`},
		"page size":         {&graphOptions{PageSize: 7}, table + project + strings.Replace(always, "1000", "7", 1) + `}}`},
		"inherited":         {inherited, table + project + idsMember + always + `, "authorizationScopeFilter": "AtScopeAboveAndBelow"}}`},
		"partial scopes":    {&graphOptions{AllowPartialScopes: true}, table + project + always + `, "allowPartialScopes": true}}`},
	}, func(t *testing.T, test test) {
		o := options(script(t, func(req *http.Request) (*http.Response, error) {
			body, _ := readGraphRequest(t, req)
			testkit.AssertSameJSON(t, []byte(test.want), body)
			return respond(200, pageOf(1, "", "false"))(req)
		}))
		o.APIVersion = "2099-01-01" // of the client's own resource type
		assert.Len(t, readAll(t, newAssignmentsClient(t, o).NewResourceGraphPager(test.options).All(t.Context())), 1)
	})
}

func TestQueryChecksItsOptions(t *testing.T) {
	t.Parallel()
	ids := subscriptionIDs(1)
	type test struct {
		options   graphOptions
		parameter string
	}
	testkit.EachCase(t, map[string]test{
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
	}, func(t *testing.T, test test) {
		assertParameterError(t, errorOf(newAssignmentsClient(t, options(script(t))).NewResourceGraphPager(&test.options).NextPage(t.Context())), test.parameter)
	})
	valid := graphOptions{ManagementGroups: []string{"-_.()aZ09", strings.Repeat("a", 90)}, Where: "tostring(name) == '\t\u00fc'"}
	assert.NoError(t, errorOf(newAssignmentsClient(t, options(respond(200, minimal))).NewResourceGraphPager(&valid).NextPage(t.Context())))
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
	pager := client.NewResourceGraphPager(&graphOptions{SubscriptionIDs: repeated})
	repeated[0] = "changed since"
	assert.Len(t, readAll(t, pager.All(t.Context())), 4)
	assert.Equal(t, [][]string{ids[:1000], ids[1000:2000], ids[1000:2000], ids[2000:]}, got)
}

// A pager that resumes reads what an earlier query inherited, to leave it out: that has an end.
func TestInheritedPagesEnd(t *testing.T) {
	t.Parallel()
	requests := 0
	client := newAssignmentsClient(t, options(transportFunc(func(req *http.Request) (*http.Response, error) {
		_, query := readGraphRequest(t, req)
		token := ""
		if strings.Contains(query.Query, "isempty(subscriptionId)") {
			requests++
			token = fmt.Sprint(requests)
		}
		return respond(200, pageOf(0, token, "false"))(req)
	})))
	query := &graphOptions{SubscriptionIDs: subscriptionIDs(1001), IncludeInherited: true}
	pager := client.NewResourceGraphPager(query)
	testkit.Must(pager.NextPage(t.Context()))
	query.ContinuationToken = pager.ContinuationToken()
	require.ErrorIs(t, errorOf(client.NewResourceGraphPager(query).NextPage(t.Context())), armsecops.ErrPagingLoop)
	assert.Equal(t, 1000, requests)
}

func TestRowsBecomeModels(t *testing.T) {
	t.Parallel()
	row := `{"id": "/subscriptions/s/assignments/a", "name": "a", "type": "microsoft.security/assignments", "tenantId": "t", "kind": "",
		"location": "westeurope", "resourceGroup": "rg", "subscriptionId": "` + subscriptionID(7) + `", "tags": {"a": "b"},
		"properties": {"displayName": "d", "effect": "Exempt", "expiresOn": "2026-01-02 03:04:05", "metadata": {"n": 12345678901234567890}}}`
	want := strings.NewReplacer(`"kind": "",`, "", "02 03:04:05", "02T03:04:05Z").Replace(row)
	o := options(respond(200, `{"totalRecords": 1, "count": 1, "data": [`+row+`], "facets": [], "resultTruncated": "false", "more": [1]}`))
	columns := []string{"tenantId", "resourceGroup", "subscriptionId"}
	page := testkit.Must(newAssignmentsClient(t, o).NewResourceGraphPager(nil).NextPage(t.Context()))
	text := testkit.Must(json.Marshal(page.Value[0]))
	testkit.AssertSameJSON(t, []byte(want), text)
	assert.ElementsMatch(t, append(columns, "totalRecords", "count", "facets", "more"), testkit.Unknown(page))
	assert.Equal(t, "[1]", string(page.AdditionalProperties["more"]))
	assert.Empty(t, page.NextLink)
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
	assert.Len(t, readAll(t, pager.All(t.Context())), 3)
	assert.Equal(t, []string{"", "a", "b", "c", "d"}, sent)
}

// What a result lacks is an error after what it has, without a token to resume.
func TestIncompleteResultIsAnError(t *testing.T) {
	t.Parallel()
	const truncated, limited = "the service truncated it", "it has the first 10,000 subscriptions"
	tests := map[string]struct {
		page     string // the second one
		rows     int    // on it
		limitHit string // a header
		allow    bool
		prefix   string // of the reason; empty: the result is complete
	}{
		"truncated":               {pageOf(2, "", "true"), 2, "", false, truncated},
		"truncated, another case": {pageOf(2, "", "True"), 2, "", false, truncated},
		"truncated, no text":      {`{"data": [{}], "resultTruncated": true}`, 1, "", false, truncated},
		"truncated, no rows":      {pageOf(0, "", "true"), 0, "", false, truncated},
		"truncated, allowed":      {pageOf(2, "", "true"), 2, "", true, truncated},
		"limit":                   {pageOf(2, "", "false"), 2, "true", false, limited},
		"limit, more pages":       {pageOf(2, "b", "false"), 2, "true", false, limited},
		"limit, allowed":          {pageOf(2, "", "false"), 2, "true", true, ""},
		"limit not hit":           {pageOf(2, "", "false"), 2, "false", false, ""},
		"not truncated":           {pageOf(2, "", "false"), 2, "", false, ""},
		"count":                   {`{"count": 3, "data": [{}, {}]}`, 2, "", false, "it has 2 rows, and says that there are 3"},
		"count, more pages":       {`{"count": 1, "data": [], "$skipToken": "b"}`, 0, "", false, "it has 0 rows"},
		"count, no number":        {`{"count": "many", "data": []}`, 0, "", false, "it has 0 rows"},
		"count, text and null":    {`{"count": "2", "totalRecords": null, "data": [{}, {}]}`, 2, "", false, ""},
		"total of a later page":   {`{"count": 2, "totalRecords": 9, "data": [{}, {}]}`, 2, "", false, ""},
	}
	check := func(t *testing.T, err error, prefix string) {
		page, ok := errors.AsType[*armsecops.PageError](err)
		require.True(t, ok, "%v", err)
		assert.Empty(t, page.ContinuationToken)
		assert.ErrorIs(t, err, armsecops.ErrIncompleteResult)
		cloud, ok := errors.AsType[*armsecops.CloudError](err)
		require.True(t, ok)
		assert.Equal(t, 200, cloud.StatusCode)
		assert.Equal(t, "id", cloud.RequestID)
		assert.True(t, strings.HasPrefix(err.Error(), "SecurityAssignmentsClient.NewResourceGraphPager: 200 OK: incomplete result: "+prefix), err.Error())
	}
	for name, test := range tests {
		for way, p := range map[string]armsecops.PageOptions{"": {}, ", fetched ahead": {Prefetch: 2}, ", two pages at most": {MaxPages: 2}} {
			for reader, read := range readers[armsecops.Assignment]() {
				t.Run(name+way+"/"+reader, func(t *testing.T) {
					t.Parallel()
					second := respond(200, test.page, "x-ms-request-id", "id", "x-ms-tenant-subscription-limit-hit", test.limitHit)
					o := options(script(t, respond(200, pageOf(1, "a", "false")), second))
					pager := newAssignmentsClient(t, o).NewResourceGraphPager(&graphOptions{AllowPartialScopes: test.allow, PageOptions: p})
					items, errs := read(t.Context(), pager)
					assert.Len(t, items, 1+test.rows)
					assert.False(t, pager.More())
					assert.Empty(t, pager.ContinuationToken())
					if test.prefix == "" {
						assert.Empty(t, errs)
						return
					}
					require.Len(t, errs, 1)
					check(t, errs[0], test.prefix)
					_, again := pager.NextPage(t.Context())
					assert.Equal(t, errs[0], again)
				})
			}
		}
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
	pager := newAssignmentsClient(t, options(respond(200, pageOf(1, skipToken, "false")))).NewResourceGraphPager(&query)
	require.NoError(t, errorOf(pager.NextPage(t.Context())))
	return pager.ContinuationToken()
}

// A token is of its query, scopes and endpoint.
func TestQueryTokenIsBound(t *testing.T) {
	t.Parallel()
	ids := subscriptionIDs(2)
	base, groups := graphOptions{SubscriptionIDs: ids, Where: "a"}, graphOptions{ManagementGroups: []string{"a", "b"}}
	type test struct {
		of, query graphOptions
		refused   bool
	}
	testkit.EachCase(t, map[string]test{
		"the same":               {base, base, false},
		"ids in another case":    {base, graphOptions{SubscriptionIDs: []string{strings.ToUpper(ids[0]), ids[1]}, Where: "a"}, false},
		"an id twice":            {base, graphOptions{SubscriptionIDs: []string{ids[0], ids[1], ids[0]}, Where: "a"}, false},
		"partial scopes":         {base, graphOptions{SubscriptionIDs: ids, Where: "a", AllowPartialScopes: true}, false},
		"another page size":      {base, graphOptions{SubscriptionIDs: ids, Where: "a", PageSize: 5}, false},
		"inherited, too":         {base, graphOptions{SubscriptionIDs: ids, Where: "a", IncludeInherited: true}, true},
		"another predicate":      {base, graphOptions{SubscriptionIDs: ids, Where: "A"}, true},
		"no predicate":           {base, graphOptions{SubscriptionIDs: ids}, true},
		"fewer subscriptions":    {base, graphOptions{SubscriptionIDs: ids[:1], Where: "a"}, true},
		"ids in another order":   {base, graphOptions{SubscriptionIDs: []string{ids[1], strings.ToUpper(ids[0])}, Where: "a"}, false},
		"the tenant":             {base, graphOptions{Where: "a"}, true},
		"groups named so":        {base, graphOptions{ManagementGroups: ids, Where: "a"}, true},
		"groups in another case": {groups, graphOptions{ManagementGroups: []string{"B", "A"}}, false},
		"another group":          {groups, graphOptions{ManagementGroups: []string{"c", "A"}}, true},
	}, func(t *testing.T, test test) {
		transport := script(t)
		if !test.refused {
			transport = script(t, func(req *http.Request) (*http.Response, error) {
				_, query := readGraphRequest(t, req)
				assert.Equal(t, "here", query.Options.SkipToken)
				return respond(200, minimal)(req)
			})
		}
		test.query.ContinuationToken = secondPage(t, "here", test.of)
		_, err := newAssignmentsClient(t, options(transport)).NewResourceGraphPager(&test.query).NextPage(t.Context())
		if test.refused {
			assertParameterError(t, err, "ContinuationToken")
			return
		}
		assert.NoError(t, err)
	})
	base.ContinuationToken = secondPage(t, "here", base)
	_, err := newFactory(t, &azfake.TokenCredential{}, options(script(t))).NewStandardAssignmentsClient().NewResourceGraphPager(&base).NextPage(t.Context())
	assertParameterError(t, err, "ContinuationToken")
	elsewhere := options(script(t))
	elsewhere.Cloud = testkit.Endpoint("https://other.example")
	assertParameterError(t, errorOf(newAssignmentsClient(t, elsewhere).NewResourceGraphPager(&base).NextPage(t.Context())), "ContinuationToken")
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
		query.ContinuationToken = testkit.Forge(t, secondPage(t, "a", query), "link", link)
		requests := 0
		pager := newAssignmentsClient(t, options(transportFunc(func(req *http.Request) (*http.Response, error) {
			requests++
			body, sent := readGraphRequest(t, req)
			require.True(t, json.Valid(body))
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

// A query whose first page is its last has as many rows as the service counts.
func TestOnlyPageHasEveryRow(t *testing.T) {
	t.Parallel()
	client := newAssignmentsClient(t, options(respond(200, `{"totalRecords": 3, "count": 2, "data": [{}, {}]}`)))
	rows, errs := collect(client.NewResourceGraphPager(nil).All(t.Context()))
	assert.Len(t, rows, 2, "what came is yielded")
	require.Len(t, errs, 1)
	require.ErrorIs(t, errs[0], armsecops.ErrIncompleteResult)
	assert.ErrorContains(t, errs[0], "it has 2 rows, and says that the query has 3")
}

// The errors of Azure Resource Graph say where a query is wrong, and what helps.
func TestQueryErrorsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	const (
		prefix = "SecurityAssignmentsClient.NewResourceGraphPager: 400 Bad Request: BadRequest: timestamp = 1. "
		parser = `{"code":"InvalidQuery","message":"Invalid."},
			{"code":"ParserFailure","message":"ParserFailure","line":3,"characterPositionInLine":42,"token":"' and type contains '"},
			{"code":"ParserFailure","message":"ParserFailure","line":3,"characterPositionInLine":60,"token":"<EOF>","expectedToken":"'"}`
		said = `[InvalidQuery: Invalid.; ParserFailure: line 3, position 42, token "' and type contains '"; ` +
			`ParserFailure: line 3, position 60, token "<EOF>", expected "'"]`
		nowhere   = `{"code":"InvalidQueryLanguage","message":"InvalidQueryLanguage","line":-1,"characterPositionInLine":-1,"token":"parse"}`
		otherType = `{"code":"ParserFailure","line":"3","characterPositionInLine":null,"token":["a"],"expectedToken":7}`
		tooLarge  = "[ResponsePayloadTooLarge: 94330584.]; a page is too large: set a smaller PageSize"
	)
	hostile := `{"code":"ParserFailure","token":"a\u001b\u202e` + strings.Repeat("b", 5000) + `"}`
	type test struct{ details, want, code string }
	testkit.EachCase(t, map[string]test{
		"parser":                   {parser, prefix + said, "ParserFailure"},
		"without a position":       {nowhere, prefix + `[InvalidQueryLanguage: token "parse"]`, "InvalidQueryLanguage"},
		"position of another type": {otherType, prefix + `[ParserFailure]`, "ParserFailure"},
		"harmless":                 {hostile, prefix + `[ParserFailure: token "a` + strings.Repeat("b", 508) + `…"]`, "ParserFailure"},
		"too large":                {`{"code":"ResponsePayloadTooLarge","message":"94330584."}`, prefix + tooLarge, armsecops.CodeResponsePayloadTooLarge},
		"no subscription": {
			`{"code":"NoValidSubscriptionsInQueryRequest","message":"None."}`,
			prefix + "[NoValidSubscriptionsInQueryRequest: None.]", armsecops.CodeNoValidSubscriptionsInQueryRequest,
		},
	}, func(t *testing.T, test test) {
		body := `{"error":{"code":"BadRequest","message":"timestamp = 1.","details":[` + test.details + `]}}`
		client := newAssignmentsClient(t, options(script(t, respond(400, body), respond(400, body))))
		assert.EqualError(t, errorOf(client.NewResourceGraphPager(nil).NextPage(t.Context())), test.want)
		_, err := client.NewResourceGraphPager(&armsecops.ResourceGraphOptions{Where: "a =!= b"}).NextPage(t.Context())
		assert.Equal(t, test.details == parser, strings.HasSuffix(err.Error(), `; line 3 is "| where (a =!= b)"`), err)
		assert.True(t, armsecops.HasCode(err, test.code))
		assert.Equal(t, test.code == armsecops.CodeNoValidSubscriptionsInQueryRequest, errors.Is(err, armsecops.ErrForbidden))
		assert.NotErrorIs(t, err, armsecops.ErrNotFound)
		testkit.AssertHarmlessLine(t, err.Error())
		e, ok := errors.AsType[*armsecops.ServiceError](err)
		require.True(t, ok)
		assert.Equal(t, 400, e.StatusCode)
	})
}

// What only the index has is got: by now, it may be gone or no exemption.
func TestExemptionsAcrossSubscriptionsThatTheListsLack(t *testing.T) {
	t.Parallel()
	const group, name = "/providers/Microsoft.Management/managementGroups/m", "/providers/Microsoft.Security/standardAssignments/" + standardName
	ids, server, year := subscriptionIDs(3), fake.NewServer(nil), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	ids[1], ids[2] = "ABCDEFAB"+ids[1][8:], "ABCDEFAB"+ids[2][8:]
	one, other, forbidden := "/subscriptions/"+ids[0], "/subscriptions/"+strings.ToLower(ids[1]), "/subscriptions/"+strings.ToLower(ids[2])
	for _, scope := range []string{one, one + "/resourceGroups/kept", one + "/resourceGroups/gone", one + "/resourceGroups/deleted", one + "/resourceGroups/audit", other + "/resourceGroups/page", other, forbidden, group, group + "2", group + "3", "/subscriptions/" + subscriptionID(9)} {
		server.Put(armsecops.StandardAssignmentID{Scope: scope, Name: standardName}, armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{Effect: armsecops.EffectExempt, ExpiresOn: year}})
	}
	exempt := `{"id":"` + strings.ToUpper(one) + name + `","type":"Microsoft.Security/standardAssignments","properties":{"effect":"Exempt"}}` // without an end
	for _, fault := range []struct {
		operation, path, body string
		status                int
	}{
		{"NewListPager", one, `{"value":[` + exempt + `]}`, 200},
		{"NewListPager", other, `{"value":[]}`, 200},
		{"NewListPager", forbidden, "", 403},
		{"Get", "/gone/", `{"error":{"code":"ResourceGroupNotFound"}}`, 404},
		{"Get", "/deleted/", `{"error":{"code":"ResourceNotFound"}}`, 404},
		{"Get", "/audit/", strings.Replace(exempt, "Exempt", "Audit", 1), 200},
		{"Get", "/page/", "<html>", 404},
		{"Get", "/m2/", "", 403},
		{"Get", "/m3/", "", 429},
	} {
		server.Inject(fake.Fault{Operation: "StandardAssignmentsClient." + fault.operation, StatusCode: fault.status, Body: fault.body, Always: true, Match: func(r fake.Request) bool { return strings.Contains(strings.ToLower(r.URL.Path), fault.path) }})
	}
	client := newFactory(t, &azfake.TokenCredential{}, options(server)).NewExemptionsClient()
	list := func(ids []string, o *armsecops.ExemptionsClientListAcrossSubscriptionsOptions) (found []string, errs []error) {
		exemptions, errs := collect(client.ListAcrossSubscriptions(t.Context(), ids, o))
		for _, e := range exemptions {
			found = append(found, e.ID)
		}
		return found, errs
	}
	type acrossOptions = armsecops.ExemptionsClientListAcrossSubscriptionsOptions
	found, errs := list(append(ids, strings.ToLower(ids[2])), &acrossOptions{Concurrency: 1})
	assert.Equal(t, []string{strings.ToUpper(one) + name, one + "/resourceGroups/kept" + name, other + name, group + name}, found)
	require.Len(t, errs, 3)
	isGet := func(r fake.Request) bool { return r.Operation == "StandardAssignmentsClient.Get" }
	assert.Equal(t, 9+3, len(server.Requests())-len(slices.DeleteFunc(server.Requests(), isGet)), "what is listed isn't got, and one is tried four times")
	for i, want := range []string{ids[2] + ": StandardAssignmentsClient.NewListPager: 403", ids[1] + ": ExemptionsClient.Get: StandardAssignmentsClient.Get: 404"} {
		assert.ErrorContains(t, errs[i], "subscription "+want)
		assert.Equal(t, armsecops.ExemptionKindStandardAssignment, errs[i].(*armsecops.SubscriptionError).Kind)
	}
	assert.Empty(t, failedSubscription(t, errs[2]))
	assert.Contains(t, armsecops.LogValue(errs[2]).String(), "[operation=ExemptionsClient.ListAcrossSubscriptions request=ExemptionsClient.Get kind=service status=403 ")
	assert.Regexp(t, "^what the lists of the subscriptions lack: ExemptionsClient.Get: StandardAssignmentsClient.Get: 403 .*; ExemptionsClient.Get: StandardAssignmentsClient.Get: 429 ", errs[2].Error())
	assert.Equal(t, []bool{true, true}, []bool{errors.Is(errs[2], armsecops.ErrForbidden), errors.Is(errs[2], armsecops.ErrThrottled)})
	found, errs = list(ids[:2], &acrossOptions{ExpiresBefore: year.Add(1)})
	assert.ElementsMatch(t, []string{one + "/resourceGroups/kept" + name, other + name, group + name}, found, "the index doesn't say how it ends")
	assert.Len(t, errs, 2)
	found, errs = list(ids, &acrossOptions{Kinds: []armsecops.ExemptionKind{armsecops.ExemptionKindPolicyExemption}})
	assert.Equal(t, []int{0, 0}, []int{len(found), len(errs)}, "of another kind")
	for chain, want := range map[string][]int{`[{"name":"M"}]`: {3, 0}, `[]`: {2, 0}, `null`: {3, 1}, `[{"name":""}]`: {2, 0}} { // null says nothing of the groups
		server.Inject(fake.Fault{StatusCode: 200, Body: `{"data":[{"properties":{"managementGroupAncestorsChain":` + chain + `}}],"resultTruncated":"false"}`, Match: func(r fake.Request) bool { return strings.Contains(string(r.Body), "resourcecontainers") }})
		found, errs = list(ids[:1], nil)
		assert.Equal(t, want, []int{len(found), len(errs)}, chain)
	}
	server.Inject(fake.Fault{StatusCode: 200, Body: `{"data":[{"id":"/subscriptions/a","properties":{"managementGroupAncestorsChain":[]}},{"id":"/subscriptions/A","properties":{"managementGroupAncestorsChain":[]}}],"resultTruncated":"false"}`, Match: func(r fake.Request) bool { return strings.Contains(string(r.Body), "resourcecontainers") }})
	found, _ = list(ids[:2], nil)
	assert.Contains(t, found, group+name, "one subscription has no row")
	server.Inject(fake.Fault{Operation: "ExemptionsClient.NewListPager", Header: http.Header{"X-Ms-Tenant-Subscription-Limit-Hit": {"true"}}, Skip: 1})
	_, errs = list(ids[:1], nil)
	require.Len(t, errs, 1)
	require.NotErrorIs(t, errs[0], armsecops.ErrIncompleteResult, "rows of groups are in no subscription")
	server.Inject(fake.Fault{Operation: "ExemptionsClient.NewListPager", StatusCode: 403, Skip: 2})
	found, errs = list(ids[:1], nil)
	assert.Equal(t, []int{2, 1}, []int{len(found), len(errs)}, "it isn't known which groups are above")
	server.Inject(fake.Fault{Operation: "ExemptionsClient.NewListPager", StatusCode: 403})
	found, errs = list(ids[:1], nil)
	require.Equal(t, []int{1, 1}, []int{len(found), len(errs)})
	assert.ErrorContains(t, errs[0], "what the lists of the subscriptions lack: ExemptionsClient.NewListPager: 403")
	row := armsecops.StandardAssignment{ID: one + "/resourceGroups/kept" + name, Type: "Microsoft.Security/standardAssignments", Properties: armsecops.StandardAssignmentProperties{Effect: "Exempt"}}
	server.Override("ExemptionsClient.NewListPager", fake.Respond(200, armsecops.Page[armsecops.StandardAssignment]{Value: []armsecops.StandardAssignment{row, row}}))
	found, errs = list(ids[:1], nil)
	assert.Equal(t, []any{2, 0}, []any{len(found), len(errs)}, "the row comes twice")
	row.ID = group + "/providers/Microsoft.Security/securityStandards/s"
	server.Override("ExemptionsClient.NewListPager", fake.Respond(200, armsecops.Page[armsecops.StandardAssignment]{Value: []armsecops.StandardAssignment{row}}))
	found, errs = list(ids[:1], nil)
	assert.Equal(t, []any{row.ID, 0}, []any{found[1], len(errs)}, "which can't be got")
	server.Override("ExemptionsClient.NewListPager", nil)
	tokens := 0 // of which the one for the first exemption isn't had
	client = newFactory(t, credentialFunc(func() (azcore.AccessToken, error) {
		if tokens++; tokens > 4 {
			return azcore.AccessToken{}, io.EOF
		}
		return azcore.AccessToken{Token: "t", ExpiresOn: time.Now()}, nil
	}), options(server)).NewExemptionsClient()
	_, errs = list(ids[1:2], &acrossOptions{Concurrency: 1})
	require.Len(t, errs, 1, "of all")
	require.ErrorIs(t, errs[0], armsecops.ErrCredential)
	require.NotErrorAs(t, errs[0], new(*armsecops.SubscriptionError))
}
