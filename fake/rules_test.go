package fake_test

import (
	"cmp"
	"encoding/json"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/testkit"
)

func TestRequestWithoutTokenIsRefused(t *testing.T) {
	t.Parallel()
	// No token and a longer scheme.
	for _, authorization := range []string{"Bearer", "Bearer ", "Bearers token"} {
		req := newRequest(t, http.MethodGet, jobsURL, "")
		req.Header.Set("Authorization", authorization)
		resp := assertRefused(t, fake.NewServer(nil), req, http.StatusUnauthorized, "AuthenticationFailedInvalidHeader", "'Authorization' header")
		assert.Contains(t, resp.Header.Get("WWW-Authenticate"), "invalid_token")
	}
}

// The rules of paths and parameters are tested in package routes.
func TestInvalidURLIsRefused(t *testing.T) {
	t.Parallel()
	replace := func(path, old, with string) string { return strings.Replace(path, old, with, 1) }
	const (
		jobs       = endpoint + jobsPath
		standard   = endpoint + assignmentsPath + "/standard"
		malformed  = "subscription identifier 'mine'"
		characters = "has these invalid characters: ' '"
	)
	type test struct{ url, code, message string }
	testkit.EachCase(t, map[string]test{
		"no path":                              {endpoint + jobsVersion, "InvalidResourceType", "''"},
		"two slashes at the end":               {standard + "//" + jobsVersion, "InvalidResourceType", "/standard//"},
		"bytes that are not UTF-8":             {endpoint + "/%ff" + jobsVersion, "InvalidResourceType", "'/\ufffd'"},
		"unknown api-version":                  {jobs + "?api-version=2020-01-01", "InvalidApiVersionParameter", "2025-10-01-preview,2030-01-01'."},
		"escaped slash in a job":               {replace(jobURL, "/job?", "/j%2Fx?"), "InvalidParameter", "jobName with the value 'j/x'"},
		"subscription of standard assignments": {replace(standardURL, subscription, "mine"), "InvalidSubscriptionId", malformed},
		"character of a scope's group":         {replace(standardURL, "/group/", "/my%20group/"), "InvalidResourceGroup", characters},
		"negative $top":                        {jobsURL + "&$top=-1", "InvalidTop", "'-1'"},
		"$top beyond int32":                    {jobsURL + "&$top=2147483648", "InvalidTop", "'2147483648'"},
		"unknown direction":                    {jobsURL + "&$orderby=name%20up", "InvalidOrderBy", "'name up'"},
		"two directions":                       {jobsURL + "&$orderby=name%20asc%20desc", "InvalidOrderBy", "'name asc desc'"},
		"two properties":                       {jobsURL + "&$orderby=name,properties/startTime", "InvalidOrderBy", "must be name"},
		"$skipToken with too few parts":        {jobsURL + `&$skipToken=[{"after":"WyJhIl0"}]`, "InvalidSkipToken", "$skipToken"},
	}, func(t *testing.T, test test) {
		status := http.StatusBadRequest
		if test.code == "InvalidResourceType" {
			status = http.StatusNotFound
		}
		srv := fake.NewServer(&fake.ServerOptions{APIVersions: []string{"2030-01-01"}})
		assertRefused(t, srv, newRequest(t, http.MethodGet, test.url, ""), status, test.code, test.message)
	})
	for _, query := range []string{"&%zz=a", "&a=%"} {
		req := newRequest(t, http.MethodGet, jobsURL+query, "")
		req.Header.Del("Authorization") // the first rule
		assertRefused(t, fake.NewServer(nil), req, http.StatusBadRequest, "BadRequest", "'api-version=2025-04-01-preview"+query+"'")
	}
}

func TestNamesThatAzureRefuses(t *testing.T) {
	t.Parallel()
	testkit.EachCase(t, map[string]string{
		"greater than": "a%3Eb", "percent": "a%25b", "ampersand": "a&b", "backslash": `a%5Cb`,
		"period at the end": "a.", "space at the end": "a%20", "length": strings.Repeat("a", 261),
		"escapes are unescaped once": "a%252Fb",
	}, func(t *testing.T, value string) {
		for _, url := range []string{strings.Replace(assignmentURL, "standard", value, 1), strings.Replace(standardURL, "/vm/", "/"+value+"/", 1)} {
			req := newRequest(t, http.MethodGet, url, "")
			assertRefused(t, fake.NewServer(nil), req, http.StatusBadRequest, "InvalidResourceName", "The provided resource name 'a")
		}
	})
	for _, value := range []string{"a", "a.b%20c", "{a}:b;c@d,e'f", "größe-東京", strings.Repeat("ü", 260)} {
		req := newRequest(t, http.MethodGet, strings.Replace(assignmentURL, "standard", value, 1), "")
		assertRefused(t, fake.NewServer(nil), req, http.StatusNotFound, "ResourceNotFound", "was not found")
	}
}

func TestInvalidBodyIsRefused(t *testing.T) {
	t.Parallel()
	const put, post, invalid = http.MethodPut, http.MethodPost, "InvalidRequestContent"
	type test struct{ method, url, body, code, message string }
	testkit.EachCase(t, map[string]test{
		"empty":                      {put, assignmentURL, "", invalid, "JSON object"},
		"null":                       {put, assignmentURL, "null", invalid, "JSON object"},
		"text after it":              {put, assignmentURL, `{"properties":{}}x`, invalid, "not an assignment: invalid character 'x'"},
		"tag that is an object":      {put, assignmentURL, `{"tags":{"a":{}}}`, invalid, "/tags/a: an object is not a string."},
		"member that is there twice": {put, assignmentURL, `{"kind":"a","kind":"b"}`, invalid, `not an assignment: duplicate object member name "kind"`},
		"name in another casing":     {put, assignmentURL, `{"Name":"other"}`, "MismatchingResourceName", "'other'"},
		"$top above 1000":            {post, graphURL, `{"query":"resources","options":{"$top":1001}}`, "BadRequest", "between 1 and 1000, not 1001"},
		"$top below 0":               {post, graphURL, `{"query":"resources","options":{"$top":-1}}`, "BadRequest", "between 1 and 1000, not -1"},
	}, func(t *testing.T, test test) {
		assertRefused(t, fake.NewServer(nil), newRequest(t, test.method, test.url, test.body), http.StatusBadRequest, test.code, test.message)
	})
	req := newRequest(t, http.MethodPut, assignmentURL, `{"properties":{}}`)
	req.Header.Del("Content-Type")
	assertRefused(t, fake.NewServer(nil), req, http.StatusUnsupportedMediaType, "UnsupportedMediaType", "application/json")
}

// Azure takes the members of its envelope in any casing, and those that the stored resource has.
func TestKnownMembersAreStored(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	srv.Put(assignmentID, armsecops.Assignment{AdditionalProperties: map[string]json.RawMessage{"new": json.RawMessage("1")}})
	const body = `{
		"ID": "x", "Name": "STANDARD", "TYPE": "x", "Kind": "kind", "eTag": "x", "SystemData": {}, "New": 1.50,
		"Properties": {"displayName": "name"}, "location": "westeurope", "tags": {"A": "1"},
		"identity": {}, "sku": {}, "plan": {}, "scale": {}, "managedBy": "x", "managedByExtended": [],
		"Zones": ["1"], "placement": {}, "extendedLocation": {}
	}`
	_, got := expect(t, srv, http.StatusOK, newRequest(t, http.MethodPut, assignmentURL, body))
	assignment := testkit.Decode[armsecops.Assignment](t, got)
	assert.Equal(t, "standard", assignment.Name)
	assert.Equal(t, "kind", assignment.Kind)
	assert.Equal(t, "name", assignment.Properties.DisplayName)
	assert.Equal(t, map[string]string{"A": "1"}, assignment.Tags)
	assert.JSONEq(t, "1.50", string(assignment.AdditionalProperties["new"]))
	assert.JSONEq(t, `["1"]`, string(assignment.AdditionalProperties["zones"]))
	assert.Len(t, assignment.AdditionalProperties, 10)
}

func TestOtherFormsOfARequestAreAccepted(t *testing.T) {
	t.Parallel()
	const job = endpoint + jobsPath + "/job"
	testkit.EachCase(t, map[string]string{
		"literals":          endpoint + strings.ToUpper(jobsPath) + "/job" + jobsVersion,
		"query parameters":  job + "?API-Version=2025-04-01-preview",
		"api-version":       job + "?api-version=2025-04-01-PREVIEW",
		"equal api-version": job + "?api-version=2025-07-01-Preview",
		"later api-version": job + "?api-version=2025-10-01-preview",
		"slash at the end":  job + "/" + jobsVersion,
	}, func(t *testing.T, url string) {
		srv := fake.NewServer(nil)
		srv.Put(jobID, armsecops.Job{})
		req := newRequest(t, http.MethodGet, url, "")
		req.Header.Set("Authorization", "bEARER token")
		_, body := expect(t, srv, http.StatusOK, req)
		assert.Contains(t, body, `"name":"job"`)
	})
}

// Every rule of docs/fake.md's table gives the error that its row says, and there is a row for every code in the sources.
func TestDocumentedRefusals(t *testing.T) {
	t.Parallel()
	const (
		put, other = http.MethodPut, "/subscriptions/" + otherSubscription
		manager    = "/providers/Microsoft.OperationalInsights/workspaces/workspace/providers/Microsoft.SecurityInsights"
		group      = endpoint + "/subscriptions/" + subscription + "/resourceGroups/group" + manager + "/workspaceManagerGroups/new" + jobsVersion
		exemptions = endpoint + managementGroup + "/providers/Microsoft.Authorization/policyExemptions"
		exemption  = exemptions + "/a?api-version=2022-07-01-preview"
		noFacets   = `{"query":"resources","facets":[{}]}`
	)
	in := func(old, with string) string { return strings.Replace(jobsURL, old, with, 1) }
	query := func(members string) string { return `{"query":"resources",` + members + `}` }
	cases := []struct { // in the order of the table
		method, url, body string
		header            string // "Name: value"
	}{
		{url: jobsURL + "&a=%zz"},
		{url: jobsURL, header: "Authorization: "},
		{url: jobsURL, header: "Authorization: Basic dTpw"},
		{url: endpoint + "/x"},
		{url: endpoint + "/providers/Microsoft.Security/x?api-version=1"},
		{method: http.MethodPatch, url: jobsURL},
		{url: endpoint + jobsPath},
		{url: endpoint + jobsPath + "?api-version=2020-01-01"},
		{url: endpoint + jobsPath + assignmentsVersion},
		{url: in(subscription, "mine")},
		{url: in("/group/", "/my%20group/")},
		{url: in("/group/", "/group./")},
		{url: in("/workspace/", "/w/")},
		{url: strings.Replace(assignmentURL, "standard", "a%3Cb", 1)},
		{url: in("/subscriptions/"+subscription, other)},
		{url: in("/group/", "/none/")},
		{url: in("/workspace/", "/none/")},
		{url: in("/assignment/", "/none/")},
		{url: in("/jobs", "/jobs/none")},
		{put, assignmentURL, strings.Repeat(" ", 4<<20+1), ""},
		{put, assignmentURL, "{}", "Content-Type: text/plain"},
		{put, assignmentURL, `{"propertys":{}}`, ""},
		{put, assignmentURL, `{"kind":"a","Kind":"b"}`, ""},
		{put, assignmentURL, `{"name":"other"}`, ""},
		{http.MethodPost, graphURL, "[]", ""},
		{put, assignmentURL, `{"properties":1}`, ""},
		{http.MethodPatch, exemption, `{"properties":{"displayName":"a"}}`, ""},
		{put, group, `{"properties":{"displayName":"a"}}`, ""},
		{put, standardURL, `{"properties":{"effect":"a"}}`, ""},
		{put, exemption, `{"properties":{"policyAssignmentId":"a","exemptionCategory":"Waiver"}}`, ""},
		{put, group, `{"properties":{"displayName":"a","memberResourceNames":["none"]}}`, ""},
		{put, assignmentURL, `{"location":"westus"}`, ""},
		{put, assignmentURL, "{}", "If-None-Match: *"},
		{url: jobsURL + "&$orderby=etag"},
		{url: jobsURL + "&$top=0"},
		{url: jobsURL + "&$skipToken=x"},
		{url: exemptions + "?api-version=2022-07-01-preview&$filter=x"},
		{http.MethodPost, graphURL, `{"query":"resources |"}`, ""},
		{http.MethodPost, graphURL, query(`"subscriptions":["a"],"managementGroups":["b"]`), ""},
		{http.MethodPost, graphURL, query(`"subscriptions":["` + strings.Repeat(`a","`, 1000) + `"]`), ""},
		{http.MethodPost, graphURL, query(`"options":{"$top":0}`), ""},
		{http.MethodPost, graphURL, query(`"options":{"$skip":-1}`), ""},
		{http.MethodPost, graphURL, noFacets, ""},
		{http.MethodPost, graphURL, query(`"options":{"authorizationScopeFilter":"all"}`), ""},
		{http.MethodPost, graphURL, query(`"options":{"resultFormat":"table"}`), ""},
		{http.MethodPost, graphURL, `{"query":"resources |"}`, ""},
		{http.MethodPost, graphURL, `{"query":"resources |"}`, ""},
		{http.MethodPost, graphURL, `{"query":"resources | mv-expand properties"}`, ""},
		{http.MethodPost, graphURL, `{"query":"where ` + strings.Repeat("(", 200) + `"}`, ""},
		{http.MethodPost, graphURL, `{"query":"where cout()"}`, ""},
		{http.MethodPost, graphURL, `{"query":"where a == 1"}`, ""},
		{http.MethodPost, graphURL, `{"query":"disks"}`, ""},
		{http.MethodPost, graphURL, query(`"options":{"$skipToken":"a"}`), ""},
		{http.MethodPost, graphURL, query(`"subscriptions":["` + otherSubscription + `"]`), ""},
	}
	rows := regexp.MustCompile(`(?m)^\| (\d{3}) \| (\w+) \| (.+) \| .+ \|$`).FindAllStringSubmatch(testkit.ReadFile(t, "../docs/fake.md"), -1)
	require.Len(t, rows, len(cases))
	srv := fake.NewServer(&fake.ServerOptions{Strict: true})
	srv.Put(jobID, armsecops.Job{})
	srv.Put(assignmentID, armsecops.Assignment{Location: "East US"})
	documented, seen := map[string]bool{}, []string{} // the codes, and with each what stands for "…"
	for i, row := range rows {
		status, code, message := row[1], row[2], row[3]
		documented[code] = true
		req := newRequest(t, cmp.Or(cases[i].method, http.MethodGet), cases[i].url, cases[i].body)
		if name, value, ok := strings.Cut(cases[i].header, ": "); ok {
			req.Header.Set(name, value)
		}
		resp, body := do(t, srv, req)
		assert.Equal(t, status, resp.Status[:3], "%s: %s", message, body)
		assert.Equal(t, map[string]string{"405": "GET, POST"}[status], resp.Header.Get("Allow"))
		got := testkit.Decode[struct{ Error armsecops.ErrorDetail }](t, body)
		pattern := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(message), "…", "((?s:.*))") + "$")
		assert.True(t, slices.ContainsFunc(append(got.Error.Details, got.Error), func(e armsecops.ErrorDetail) bool {
			values := pattern.FindStringSubmatch(e.Message)
			if e.Code != code || values == nil {
				return false
			}
			seen = append(seen, code+": "+strings.Join(values[1:], "|"))
			return true
		}), "%s: %s\n%s", code, message, body)
	}
	assert.Subset(t, seen, []string{
		"InvalidResourceType: Microsoft.Security|1|/providers/Microsoft.Security/x", "MethodNotAllowed: PATCH|GET, POST",
		"NoRegisteredProviderFound: 2021-08-01-preview|workspaceManagerAssignments/jobs|2025-04-01-preview, 2025-07-01-preview, 2025-10-01-preview",
		"InvalidSubscriptionId: mine", "InvalidResourceGroup: my group| ", "InvalidResourceGroup: group.|must not end in a period",
		"InvalidParameter: workspaceName|w|must consist of 3 or more letters, digits and hyphens, and begin and end with a letter or digit", `InvalidResourceName: a<b|<>%&\?/`,
		"SubscriptionNotFound: " + otherSubscription, "ResourceGroupNotFound: none", "ResourceNotFound: none|group",
		"ParentResourceNotFound: read|workspaceManagerAssignments/jobs|" + strings.Replace(path.Dir(jobsPath), "/assignment", "/none", 1),
		"UnsupportedMediaType: text/plain", "InvalidRequestContent: propertys|propertys", "InvalidRequestContent: kind|kind",
		"MismatchingResourceName: other|standard", "InvalidRequestContent: an assignment: /properties|a number is not an object",
		"InvalidRequestContent: displayName", "InvalidResourceLocation: standard|East US|group|westus", "InvalidTop: 0", "BadRequest: 0",
		"PreconditionFailed: *|" + assignmentsPath + "/standard", "ParserFailure: mv-expand", "UnknownFunction: cout", "SemanticError: a", "DisallowedLogicalTableName: disks",
		"NoValidSubscriptionsInQueryRequest: " + otherSubscription,
	})
	inSource := regexp.MustCompile(`(?:Error|Code|code|refuse|return |Response)\b[^"\n]*"([A-Z][a-z]+(?:[A-Z][A-Za-z]+)+)"`)
	for _, name := range []string{"rules", "strict", "rows", "lists", "store", "request", "graph", "kql", "kqlexpr"} {
		for _, code := range inSource.FindAllStringSubmatch(testkit.ReadFile(t, name+".go"), -1) {
			none := []string{"NotImplemented", "AtScopeAndBelow"} // of no request, and no code
			assert.True(t, documented[code[1]] || slices.Contains(none, code[1]), "docs/fake.md needs a row for %s", code[1])
		}
	}
}
