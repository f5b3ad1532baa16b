package fake_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

func TestRequestWithoutTokenIsRefused(t *testing.T) {
	t.Parallel()
	// No header, another scheme, no token and a longer scheme.
	for _, authorization := range []string{"", "Basic dTpw", "Bearer", "Bearer ", "Bearers token"} {
		req := newRequest(t, http.MethodGet, jobsURL, "")
		req.Header.Set("Authorization", authorization)
		resp := assertRefused(t, fake.NewServer(nil), req, http.StatusUnauthorized, "AuthenticationFailed", "bearer token")
		assert.Contains(t, resp.Header.Get("WWW-Authenticate"), "invalid_token")
	}
}

func TestWrongMethodIsRefused(t *testing.T) {
	t.Parallel()
	type test struct{ method, url, allowed string }
	each(t, map[string]test{
		"resource": {http.MethodPatch, assignmentURL, "GET, PUT, DELETE"},
		"list":     {http.MethodDelete, jobsURL, "GET, POST"},
		"query":    {http.MethodGet, graphURL, "POST"},
	}, func(t *testing.T, test test) {
		message := "allows " + test.allowed + ", not " + test.method
		resp := assertRefused(t, fake.NewServer(nil), newRequest(t, test.method, test.url, ""), http.StatusMethodNotAllowed, "MethodNotAllowed", message)
		assert.Equal(t, test.allowed, resp.Header.Get("Allow"))
	})
}

// The rules of the parameters are tested in package routes.
func TestInvalidURLIsRefused(t *testing.T) {
	t.Parallel()
	replace := func(path, old, with string) string { return strings.Replace(path, old, with, 1) }
	const (
		jobs       = endpoint + jobsPath
		standard   = endpoint + assignmentsPath + "/standard"
		assigned   = endpoint + "/subscriptions/" + subscription + "/providers/Microsoft.Security/assignments" + assignmentsVersion
		malformed  = "The provided subscription identifier 'mine' is malformed or invalid."
		characters = "must consist of letters, digits and _-.()"
		length     = "must have 1 to 90 characters"
	)
	long := strings.Repeat("a", 91)
	type test struct{ url, code, message string }
	each(t, map[string]test{
		"no path":                   {endpoint + jobsVersion, "InvalidResourceType", "''"},
		"root":                      {endpoint + "/" + jobsVersion, "InvalidResourceType", "'/'"},
		"something before the path": {endpoint + "/x" + jobsPath + jobsVersion, "InvalidResourceType", "/x/subscriptions"},
		"something after the path":  {standard + "/x" + jobsVersion, "InvalidResourceType", "/standard/x"},
		"bytes that are not UTF-8":  {endpoint + "/%ff" + jobsVersion, "InvalidResourceType", "'/\ufffd'"},
		"two slashes at the end":    {standard + "//" + jobsVersion, "InvalidResourceType", "/standard//"},

		"no api-version":                  {jobs, "MissingApiVersionParameter", "api-version"},
		"empty api-version":               {jobs + "?api-version=", "MissingApiVersionParameter", "api-version"},
		"unknown api-version":             {jobs + "?api-version=2020-01-01", "InvalidApiVersionParameter", "2025-10-01-preview, 2030-01-01."},
		"api-version of another resource": {jobs + assignmentsVersion, "NoRegisteredProviderFound", "2021-08-01-preview"},

		"workspace":               {replace(jobsURL, "/workspace/", "/w/"), "InvalidParameter", "workspaceName"},
		"workspace's assignment":  {replace(jobsURL, "/assignment/", "/-assignment/"), "InvalidParameter", "workspaceManagerAssignmentName"},
		"escaped slash in a job":  {replace(jobURL, "/job?", "/j%2Fx?"), "InvalidParameter", "jobName with the value 'j/x'"},
		"escaped slash in a name": {replace(assignmentURL, "standard", "a%2Fb"), "InvalidParameter", "assignmentId with the value 'a/b'"},

		"subscription of jobs":                 {replace(jobsURL, subscription, "mine"), "InvalidSubscriptionId", malformed},
		"subscription of an assignment":        {replace(assignmentURL, subscription, "mine"), "InvalidSubscriptionId", malformed},
		"subscription of standard assignments": {replace(standardURL, subscription, "mine"), "InvalidSubscriptionId", malformed},
		"subscription alone":                   {replace(assigned, subscription, "mine"), "InvalidSubscriptionId", malformed},

		"character of a group":         {replace(jobURL, "/group/", "/my%20group/"), "InvalidResourceGroup", characters},
		"length of a group":            {replace(jobURL, "/group/", "/"+long+"/"), "InvalidResourceGroup", length},
		"empty group":                  {replace(jobURL, "/group/", "//"), "InvalidResourceGroup", length},
		"end of a group":               {replace(jobURL, "/group/", "/group./"), "InvalidResourceGroup", "must not end in a period"},
		"character of a scope's group": {replace(standardURL, "/group/", "/my%20group/"), "InvalidResourceGroup", characters},

		"negative $top":                 {jobsURL + "&$top=-1", "InvalidTop", "'-1'"},
		"$top of nothing":               {jobsURL + "&$top=0", "InvalidTop", "'0'"},
		"$top beyond int32":             {jobsURL + "&$top=2147483648", "InvalidTop", "'2147483648'"},
		"unknown $orderby":              {jobsURL + "&$orderby=etag", "InvalidOrderBy", "'etag'"},
		"unknown direction":             {jobsURL + "&$orderby=name%20up", "InvalidOrderBy", "'name up'"},
		"two directions":                {jobsURL + "&$orderby=name%20asc%20desc", "InvalidOrderBy", "'name asc desc'"},
		"two properties":                {jobsURL + "&$orderby=name,properties/startTime", "InvalidOrderBy", "must be name"},
		"$skipToken of another server":  {jobsURL + "&$skipToken=x", "InvalidSkipToken", "$skipToken"},
		"$skipToken with too few parts": {jobsURL + `&$skipToken=[{"after":"WyJhIl0"}]`, "InvalidSkipToken", "$skipToken"},
	}, func(t *testing.T, test test) {
		status := http.StatusBadRequest
		if test.code == "InvalidResourceType" {
			status = http.StatusNotFound
		}
		srv := fake.NewServer(&fake.ServerOptions{APIVersions: []string{"2030-01-01"}})
		assertRefused(t, srv, newRequest(t, http.MethodGet, test.url, ""), status, test.code, test.message)
	})
	for _, query := range []string{"&a=%zz", "&%zz=a", "&a=%"} {
		req := newRequest(t, http.MethodGet, jobsURL+query, "")
		req.Header.Del("Authorization") // the first rule
		assertRefused(t, fake.NewServer(nil), req, http.StatusBadRequest, "BadRequest", "'api-version=2025-04-01-preview"+query+"'")
	}
}

func TestNamesThatAzureRefuses(t *testing.T) {
	t.Parallel()
	each(t, map[string]string{
		"less than": "a%3Cb", "greater than": "a%3Eb", "percent": "a%25b", "ampersand": "a&b", "backslash": `a%5Cb`,
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
	const (
		invalid = "InvalidRequestContent"
		unknown = "The request content was invalid and could not be deserialized: " +
			"'Could not find member 'propertys' on object of type 'ResourceDefinition'. Path 'propertys'.'."
		twice    = "Member 'kind' already exists on object of type 'ResourceDefinition'."
		mismatch = "The provided resource name 'other' did not match the name in the Url 'standard'."
	)
	type test struct{ body, code, message string }
	each(t, map[string]test{
		"empty":                      {"", invalid, "JSON object"},
		"array":                      {"[]", invalid, "JSON object"},
		"null":                       {"null", invalid, "JSON object"},
		"cut off":                    {`{"properties":`, invalid, "not an assignment"},
		"text after it":              {`{"properties":{}}x`, invalid, "not an assignment: invalid character 'x'"},
		"name that is a number":      {`{"name":1}`, invalid, "The body is not an assignment: /name: a number is not a string."},
		"properties that are text":   {`{"properties":""}`, invalid, "/properties: a string is not an object."},
		"tag that is an object":      {`{"tags":{"a":{}}}`, invalid, "/tags/a: an object is not a string."},
		"effect that is a list":      {`{"properties":{"effect":[]}}`, invalid, "/properties/effect: an array is not a string."},
		"time that is none":          {`{"properties":{"expiresOn":"soon"}}`, invalid, `/properties/expiresOn: "soon" is not a time.`},
		"member that is there twice": {`{"kind":"a","kind":"b"}`, invalid, `not an assignment: duplicate object member name "kind"`},
		"unknown member":             {`{"kind":"a","propertys":{}}`, invalid, unknown},
		"member in two casings":      {`{"kind":"a","Kind":"b"}`, invalid, twice},
		"name of another resource":   {`{"name":"other"}`, "MismatchingResourceName", mismatch},
		"and in another casing":      {`{"Name":"other"}`, "MismatchingResourceName", "'other'"},
	}, func(t *testing.T, test test) {
		assertRefused(t, fake.NewServer(nil), newRequest(t, http.MethodPut, assignmentURL, test.body), http.StatusBadRequest, test.code, test.message)
	})
	long := newRequest(t, http.MethodPut, assignmentURL, `{"a":"`+strings.Repeat("x", 4<<20)+`"}`)
	assertRefused(t, fake.NewServer(nil), long, http.StatusRequestEntityTooLarge, "RequestContentTooLarge", "4 MiB")
	for _, contentType := range []string{"", "text/json"} {
		req := newRequest(t, http.MethodPut, assignmentURL, `{"properties":{}}`)
		req.Header.Set("Content-Type", contentType)
		assertRefused(t, fake.NewServer(nil), req, http.StatusUnsupportedMediaType, "UnsupportedMediaType", "application/json")
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

func TestOtherFormsOfARequestAreAccepted(t *testing.T) {
	t.Parallel()
	const job = endpoint + jobsPath + "/job"
	each(t, map[string]string{
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
		resp, body := do(t, srv, req)
		assert.Equal(t, http.StatusOK, resp.StatusCode)
		assert.Contains(t, body, `"name":"job"`)
	})
}
