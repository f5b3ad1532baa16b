package fake_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

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
			resp := assertRefused(t, fake.NewServer(nil), req, http.StatusUnauthorized, "AuthenticationFailed", "bearer token")
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
		"slash at the end":          {assignmentsPath + "/standard/", "/standard/"},
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
		"list":     {http.MethodDelete, jobsURL, "POST, GET"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := newRequest(t, test.method, test.url, "")
			message := "allows " + test.allowed + ", not " + test.method
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
		"unknown":             {"?api-version=2020-01-01", "InvalidApiVersionParameter", "Supported: 2025-04-01-preview, 2030-01-01."},
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
		"subscription": {
			replace(jobsURL, subscription, "mine"), "subscriptionId with the value 'mine' is not valid: it must be a UUID",
		},
		"resource group":          {replace(jobsURL, "/group/", "/group./"), "resourceGroupName"},
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

func TestMissingResourceIsNotFound(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ url, message string }{
		"job":                        {jobURL, "/jobs/job' was not found"},
		"assignment":                 {assignmentURL, "/assignments/standard' was not found"},
		"escapes are unescaped once": {strings.Replace(assignmentURL, "standard", "a%252Fb", 1), "/assignments/a%2Fb' was not found"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := newRequest(t, http.MethodGet, test.url, "")
			assertRefused(t, fake.NewServer(nil), req, http.StatusNotFound, "ResourceNotFound", test.message)
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
		"cut off":              {contentType, `{"properties":`, 400, "InvalidRequestContent", "not an assignment"},
		"text after it":        {contentType, object + "x", 400, "InvalidRequestContent", "not an assignment"},
		"value of wrong type":  {contentType, `{"properties":{"displayName":1}}`, 400, "InvalidRequestContent", "displayName"},
		"too long":             {contentType, `{"a":"` + strings.Repeat("x", 4<<20) + `"}`, 413, "RequestContentTooLarge", "4 MiB"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := newRequest(t, http.MethodPut, assignmentURL, test.body)
			req.Header.Set("Content-Type", test.contentType)
			assertRefused(t, fake.NewServer(nil), req, test.status, test.code, test.message)
		})
	}
}

func TestInvalidListOptionIsRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ query, code, message string }{
		"negative $top":                 {"&$top=-1", "InvalidTop", "'-1'"},
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

func TestNamesAreComparedIgnoringCase(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ url, authorization string }{
		"scheme of the token": {jobURL, "bEARER token"},
		"literals":            {endpoint + strings.ToUpper(jobsPath) + "/job" + jobsVersion, "Bearer token"},
		"query parameters":    {endpoint + jobsPath + "/job?API-Version=2025-04-01-preview", "Bearer token"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := fake.NewServer(nil)
			srv.PutJob(jobID, armsecops.Job{})
			req := newRequest(t, http.MethodGet, test.url, "")
			req.Header.Set("Authorization", test.authorization)
			resp, body := do(t, srv, req)
			assert.Equal(t, http.StatusOK, resp.StatusCode)
			assert.Contains(t, body, `"name":"job"`)
		})
	}
}
