package fake_test

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

func TestRequestWithoutTokenIsRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"no header":      "",
		"another scheme": "Basic dTpw",
		"scheme only":    "Bearer",
		"empty token":    "Bearer ",
		"longer scheme":  "Bearers token",
	}
	for name, authorization := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := newRequest(t, http.MethodGet, jobsURL, "")
			req.Header.Set("Authorization", authorization)
			code := "AuthenticationFailedInvalidHeader"
			if authorization == "" {
				code = "AuthenticationFailed"
			}
			resp := assertRefused(t, fake.NewServer(nil), req, http.StatusUnauthorized, code, "'Authorization' header")
			assert.Contains(t, resp.Header.Get("WWW-Authenticate"), "invalid_token")
		})
	}
}

func TestUnknownPathIsRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ path, message string }{
		"no path":                   {"", "''"},
		"root":                      {"/", "'/'"},
		"something before the path": {"/x" + jobsPath, "/x/subscriptions"},
		"something after the path":  {assignmentsPath + "/standard/x", "/standard/x"},
		"bytes that are not UTF-8":  {"/%ff", "'/\ufffd'"},
		"two slashes at the end":    {assignmentsPath + "/standard//", "/standard//"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := newRequest(t, http.MethodGet, endpoint+test.path+jobsVersion, "")
			assertRefused(t, fake.NewServer(nil), req, http.StatusNotFound, "InvalidResourceType", test.message)
		})
	}
}

func TestWrongMethodIsRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ method, url, allowed string }{
		"resource": {http.MethodPatch, assignmentURL, "GET, PUT, DELETE"},
		"list":     {http.MethodDelete, jobsURL, "GET, POST"},
		"query":    {http.MethodGet, graphURL, "POST"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := newRequest(t, test.method, test.url, "")
			message := "does not support http method '" + test.method + "'. It allows " + test.allowed + "."
			resp := assertRefused(t, fake.NewServer(nil), req, http.StatusMethodNotAllowed, "MethodNotAllowed", message)
			assert.Equal(t, test.allowed, resp.Header.Get("Allow"))
		})
	}
}

func TestUnsupportedAPIVersionIsRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ query, code, message string }{
		"none":                {"", "MissingApiVersionParameter", "api-version"},
		"empty":               {"?api-version=", "MissingApiVersionParameter", "api-version"},
		"unknown":             {"?api-version=2020-01-01", "InvalidApiVersionParameter", "2025-10-01-preview,2030-01-01'."},
		"of another resource": {assignmentsVersion, "NoRegisteredProviderFound", "2021-08-01-preview"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := fake.NewServer(&fake.ServerOptions{APIVersions: []string{"2030-01-01"}})
			req := newRequest(t, http.MethodGet, endpoint+jobsPath+test.query, "")
			assertRefused(t, srv, req, http.StatusBadRequest, test.code, test.message)
		})
	}
}

// The rules of the parameters are tested in package routes.
func TestInvalidParameterIsRefused(t *testing.T) {
	t.Parallel()
	replace := func(path, old, with string) string { return strings.Replace(path, old, with, 1) }
	tests := map[string]struct{ url, message string }{
		"workspace":               {replace(jobsURL, "/workspace/", "/w/"), "workspaceName"},
		"workspace's assignment":  {replace(jobsURL, "/assignment/", "/-assignment/"), "workspaceManagerAssignmentName"},
		"escaped slash in a job":  {replace(jobURL, "/job?", "/j%2Fx?"), "jobName with the value 'j/x'"},
		"escaped slash in a name": {replace(assignmentURL, "standard", "a%2Fb"), "assignmentId with the value 'a/b'"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := newRequest(t, http.MethodGet, test.url, "")
			assertRefused(t, fake.NewServer(nil), req, http.StatusBadRequest, "InvalidParameter", test.message)
		})
	}
}

func TestInvalidBodyIsRefused(t *testing.T) {
	t.Parallel()
	const (
		contentType = "application/json"
		object      = `{"properties":{}}`
	)
	tests := map[string]struct {
		contentType, body string
		status            int
		code, message     string
	}{
		"no content type":      {"", object, 415, "UnsupportedMediaType", "application/json"},
		"another content type": {"text/json", object, 415, "UnsupportedMediaType", "application/json"},
		"empty":                {contentType, "", 400, "InvalidRequestContent", "JSON object"},
		"array":                {contentType, "[]", 400, "InvalidRequestContent", "JSON object"},
		"null":                 {contentType, "null", 400, "InvalidRequestContent", "JSON object"},
		"cut off":              {contentType, `{"properties":`, 400, "InvalidRequestContent", "not an assignment"},
		"text after it":        {contentType, object + "x", 400, "InvalidRequestContent", "not an assignment: invalid character 'x'"},
		"too long":             {contentType, `{"a":"` + strings.Repeat("x", 4<<20) + `"}`, 413, "RequestContentTooLarge", "4 MB"},

		"name that is a number": {
			contentType, `{"name":1}`, 400, "InvalidRequestContent", "The body is not an assignment: /name: a number is not a string.",
		},
		"properties that are text": {
			contentType, `{"properties":""}`, 400, "InvalidRequestContent", "/properties: a string is not an object.",
		},
		"tag that is an object": {contentType, `{"tags":{"a":{}}}`, 400, "InvalidRequestContent", "/tags/a: an object is not a string."},
		"effect that is a list": {
			contentType, `{"properties":{"effect":[]}}`, 400, "InvalidRequestContent", "/properties/effect: an array is not a string.",
		},
		"time that is none": {
			contentType, `{"properties":{"expiresOn":"soon"}}`, 400, "InvalidRequestContent", `/properties/expiresOn: "soon" is not a time.`,
		},
		"member that is there twice": {
			contentType, `{"kind":"a","kind":"b"}`, 400, "InvalidRequestContent", `not an assignment: duplicate object member name "kind"`,
		},
		"unknown member": {
			contentType, `{"kind":"a","propertys":{}}`, 400, "InvalidRequestContent",
			"The request content was invalid and could not be deserialized: " +
				"'Could not find member 'propertys' on object of type 'ResourceDefinition'. Path 'propertys'.'.",
		},
		"member in two casings": {
			contentType, `{"kind":"a","Kind":"b"}`, 400, "InvalidRequestContent",
			"Member 'kind' already exists on object of type 'ResourceDefinition'.",
		},
		"name of another resource": {
			contentType, `{"name":"other"}`, 400, "MismatchingResourceName",
			"The provided resource name 'other' did not match the name in the Url 'standard'.",
		},
		"name of another resource, in another casing": {contentType, `{"Name":"other"}`, 400, "MismatchingResourceName", "'other'"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := newRequest(t, http.MethodPut, assignmentURL, test.body)
			req.Header.Set("Content-Type", test.contentType)
			resp, body := do(t, fake.NewServer(nil), req.Clone(t.Context()))
			for _, word := range []string{"armsecops.", "json:", "jsontext", "unmarshal", " Go "} {
				assert.NotContains(t, body, word, resp.Status)
			}
			req.Body = io.NopCloser(strings.NewReader(test.body))
			assertRefused(t, fake.NewServer(nil), req, test.status, test.code, test.message)
		})
	}
}

func TestMalformedQueryIsRefused(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"&a=%zz", "&%zz=a", "&a=%"} {
		req := newRequest(t, http.MethodGet, jobsURL+query, "")
		req.Header.Del("Authorization") // the first rule
		assertRefused(t, fake.NewServer(nil), req, http.StatusBadRequest, "BadRequest", "'api-version=2025-04-01-preview"+query+"'")
	}
}

func TestMalformedSubscriptionIsRefused(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{
		"jobs":                 jobsURL,
		"assignment":           assignmentURL,
		"standard assignments": standardURL,
		"of a subscription":    endpoint + "/subscriptions/" + subscription + "/providers/Microsoft.Security/assignments" + assignmentsVersion,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := newRequest(t, http.MethodGet, strings.Replace(url, subscription, "mine", 1), "")
			assertRefused(t, fake.NewServer(nil), req, http.StatusBadRequest, "InvalidSubscriptionId",
				"The provided subscription identifier 'mine' is malformed or invalid.")
		})
	}
}

func TestInvalidResourceGroupNameIsRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ name, reason string }{
		"character": {"my%20group", "has these invalid characters: ' '"},
		"length":    {strings.Repeat("a", 91), "must have 1 to 90 characters"},
		"empty":     {"", "must have 1 to 90 characters"},
		"end":       {"group.", "must not end in a period"},
	}
	for name, test := range tests {
		for resource, url := range map[string]string{"job": jobURL, "standard assignment": standardURL} {
			t.Run(name+"/"+resource, func(t *testing.T) {
				t.Parallel()
				req := newRequest(t, http.MethodGet, strings.Replace(url, "/group/", "/"+test.name+"/", 1), "")
				assertRefused(t, fake.NewServer(nil), req, http.StatusBadRequest, "InvalidResourceGroup", test.reason)
			})
		}
	}
}

func TestNamesThatAzureRefuses(t *testing.T) {
	t.Parallel()
	refused := map[string]string{
		"less than": "a%3Cb", "greater than": "a%3Eb", "percent": "a%25b", "ampersand": "a&b", "backslash": `a%5Cb`,
		"period at the end": "a.", "space at the end": "a%20", "length": strings.Repeat("a", 261),
		"escapes are unescaped once": "a%252Fb",
	}
	for name, value := range refused {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := newRequest(t, http.MethodGet, strings.Replace(assignmentURL, "standard", value, 1), "")
			assertRefused(t, fake.NewServer(nil), req, http.StatusBadRequest, "InvalidResourceName", "The provided resource name 'a")
			req = newRequest(t, http.MethodGet, strings.Replace(standardURL, "/vm/", "/"+value+"/", 1), "")
			assertRefused(t, fake.NewServer(nil), req, http.StatusBadRequest, "InvalidResourceName", "The provided resource name 'a")
		})
	}
	for _, value := range []string{"a", "a.b%20c", "{a}:b;c@d,e'f", "größe-東京", strings.Repeat("ü", 260)} {
		req := newRequest(t, http.MethodGet, strings.Replace(assignmentURL, "standard", value, 1), "")
		assertRefused(t, fake.NewServer(nil), req, http.StatusNotFound, "ResourceNotFound", "was not found")
	}
}

// Azure takes the members of its envelope in any casing, and those that the
// stored resource has.
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
	resp, got := do(t, srv, newRequest(t, http.MethodPut, assignmentURL, body))
	require.Equal(t, http.StatusOK, resp.StatusCode, got)
	var assignment armsecops.Assignment
	require.NoError(t, json.Unmarshal([]byte(got), &assignment))
	assert.Equal(t, "standard", assignment.Name)
	assert.Equal(t, "kind", assignment.Kind)
	assert.Equal(t, "name", assignment.Properties.DisplayName)
	assert.Equal(t, map[string]string{"A": "1"}, assignment.Tags)
	assert.JSONEq(t, "1.50", string(assignment.AdditionalProperties["new"]))
	assert.JSONEq(t, `["1"]`, string(assignment.AdditionalProperties["zones"]))
	assert.Len(t, assignment.AdditionalProperties, 10)
}

func TestInvalidListOptionIsRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ query, code, message string }{
		"negative $top":                 {"&$top=-1", "InvalidTop", "'-1'"},
		"$top of nothing":               {"&$top=0", "InvalidTop", "'0'"},
		"$top beyond int32":             {"&$top=2147483648", "InvalidTop", "'2147483648'"},
		"unknown $orderby":              {"&$orderby=etag", "InvalidOrderBy", "'etag'"},
		"unknown direction":             {"&$orderby=name%20up", "InvalidOrderBy", "'name up'"},
		"two directions":                {"&$orderby=name%20asc%20desc", "InvalidOrderBy", "'name asc desc'"},
		"two properties":                {"&$orderby=name,properties/startTime", "InvalidOrderBy", "must be name"},
		"$skipToken of another server":  {"&$skipToken=x", "InvalidSkipToken", "$skipToken"},
		"$skipToken with too few parts": {`&$skipToken=[{"after":"WyJhIl0"}]`, "InvalidSkipToken", "$skipToken"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := newRequest(t, http.MethodGet, jobsURL+test.query, "")
			assertRefused(t, fake.NewServer(nil), req, http.StatusBadRequest, test.code, test.message)
		})
	}
}

func TestOtherFormsOfARequestAreAccepted(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ url, authorization string }{
		"scheme of the token": {jobURL, "bEARER token"},
		"literals":            {endpoint + strings.ToUpper(jobsPath) + "/job" + jobsVersion, "Bearer token"},
		"query parameters":    {endpoint + jobsPath + "/job?API-Version=2025-04-01-preview", "Bearer token"},
		"api-version":         {endpoint + jobsPath + "/job?api-version=2025-04-01-PREVIEW", "Bearer token"},
		"equal api-version":   {endpoint + jobsPath + "/job?api-version=2025-07-01-Preview", "Bearer token"},
		"later api-version":   {endpoint + jobsPath + "/job?api-version=2025-10-01-preview", "Bearer token"},
		"slash at the end":    {endpoint + jobsPath + "/job/" + jobsVersion, "Bearer token"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := fake.NewServer(nil)
			srv.Put(jobID, armsecops.Job{})
			req := newRequest(t, http.MethodGet, test.url, "")
			req.Header.Set("Authorization", test.authorization)
			resp, body := do(t, srv, req)
			assert.Equal(t, http.StatusOK, resp.StatusCode)
			assert.Contains(t, body, `"name":"job"`)
		})
	}
}

// Every rule of docs/fake.md's table gives the error that its row says, and there
// is a row for every code in the sources.
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
		{http.MethodPost, graphURL, `{"query":"where ` + strings.Repeat("(", 200) + `"}`, ""},
		{http.MethodPost, graphURL, `{"query":"where cout()"}`, ""},
		{http.MethodPost, graphURL, `{"query":"where a == 1"}`, ""},
		{http.MethodPost, graphURL, `{"query":"disks"}`, ""},
		{http.MethodPost, graphURL, query(`"options":{"$skipToken":"a"}`), ""},
		{http.MethodPost, graphURL, query(`"subscriptions":["` + otherSubscription + `"]`), ""},
	}
	page, err := os.ReadFile(filepath.Join("..", "docs", "fake.md"))
	require.NoError(t, err)
	rows := regexp.MustCompile(`(?m)^\| (\d{3}) \| (\w+) \| (.+) \| .+ \|$`).FindAllStringSubmatch(string(page), -1)
	require.Len(t, rows, len(cases))
	srv := fake.NewServer(&fake.ServerOptions{Strict: true})
	srv.Put(jobID, armsecops.Job{})
	srv.Put(assignmentID, armsecops.Assignment{Location: "East US"})
	documented := map[string]bool{}
	for i, row := range rows {
		status, code, message := row[1], row[2], row[3]
		documented[code] = true
		req := newRequest(t, cmp.Or(cases[i].method, http.MethodGet), cases[i].url, cases[i].body)
		if name, value, ok := strings.Cut(cases[i].header, ": "); ok {
			req.Header.Set(name, value)
		}
		resp, body := do(t, srv, req)
		assert.Equal(t, status, resp.Status[:3], "%s: %s", message, body)
		var got struct {
			Error armsecops.ErrorDetail `json:"error"`
		}
		require.NoError(t, json.Unmarshal([]byte(body), &got), message)
		pattern := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(message), "…", "(?s:.*)") + "$")
		assert.True(t, slices.ContainsFunc(append(got.Error.Details, got.Error), func(e armsecops.ErrorDetail) bool {
			return e.Code == code && pattern.MatchString(e.Message)
		}), "%s: %s\n%s", code, message, body)
	}
	inSource := regexp.MustCompile(`(?:Error|Code|code|refuse|return |Response)\b[^"\n]*"([A-Z][a-z]+(?:[A-Z][A-Za-z]+)+)"`)
	for _, name := range []string{"rules", "strict", "rows", "lists", "store", "request", "graph", "kql", "kqlexpr"} {
		text, err := os.ReadFile(name + ".go")
		require.NoError(t, err)
		for _, code := range inSource.FindAllStringSubmatch(string(text), -1) {
			none := []string{"NotImplemented", "AtScopeAndBelow"} // of no request, and no code
			assert.True(t, documented[code[1]] || slices.Contains(none, code[1]), "docs/fake.md needs a row for %s", code[1])
		}
	}
}
