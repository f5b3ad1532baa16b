package fake_test

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/fake"
)

func TestRules(t *testing.T) {
	t.Parallel()
	const object = `{"properties":{}}`
	tests := []struct {
		name    string
		method  string
		url     string
		header  string // "Name: value"; in the place of what the request has
		body    string
		status  int
		code    string
		message string // a part of it
	}{
		{"no token", "GET", jobsURL + jobVersion, "Authorization: ", "", 401, "AuthenticationFailed", "Authorization"},
		{"another scheme", "GET", jobsURL + jobVersion, "Authorization: Basic dTpw", "", 401, "AuthenticationFailed", "bearer token"},
		{"an empty token", "GET", jobsURL + jobVersion, "Authorization: Bearer ", "", 401, "AuthenticationFailed", "bearer token"},
		{"scheme in lower case", "GET", jobsURL + jobVersion, "Authorization: bearer token", "", 200, "", ""},
		{"no api-version", "GET", jobsURL, "", "", 400, "MissingApiVersionParameter", "api-version"},
		{"an unknown api-version", "GET", jobsURL + "?api-version=2020-01-01", "", "", 400, "InvalidApiVersionParameter", "Supported: 2025-04-01-preview"},
		{"the other service's api-version", "GET", jobsURL + assignVersion, "", "", 400, "NoRegisteredProviderFound", "2021-08-01-preview"},
		{"an api-version of the options", "GET", jobsURL + "?api-version=2030-01-01", "", "", 200, "", ""},
		{"parameters blind to casing", "GET", jobsURL + "?API-Version=2025-04-01-preview&$TOP=0", "", "", 200, "", ""},
		{"root", "GET", endpoint + "/" + jobVersion, "", "", 404, "InvalidResourceType", "'/'"},
		{"no path", "GET", endpoint + jobVersion, "", "", 404, "InvalidResourceType", ""},
		{"something before the path", "GET", strings.Replace(jobsURL, endpoint, endpoint+"/x", 1) + jobVersion, "", "", 404, "InvalidResourceType", "/x/subscriptions"},
		{"something after the path", "GET", assignmentsURL + "/standard/x" + assignVersion, "", "", 404, "InvalidResourceType", "/standard/x"},
		{"a slash at the end", "GET", assignmentsURL + "/standard/" + assignVersion, "", "", 404, "InvalidResourceType", ""},
		{"a wrong method of a resource", "PATCH", assignmentsURL + "/standard" + assignVersion, "", "", 405, "MethodNotAllowed", "allows GET, PUT, DELETE, not PATCH"},
		{"a wrong method of a list", "DELETE", jobsURL + jobVersion, "", "", 405, "MethodNotAllowed", "allows POST, GET, not DELETE"},
		{"literals blind to casing", "GET", strings.Replace(strings.ToUpper(jobsURL), "HTTPS", "https", 1) + jobVersion, "", "", 200, "", ""},
		{"a bad subscription", "GET", strings.Replace(jobsURL, subscription, "mine", 1) + jobVersion, "", "", 400, "InvalidParameter", "subscriptionId with the value 'mine' is not valid: it must be a UUID"},
		{"a bad resource group", "GET", strings.Replace(jobsURL, "/group/", "/group./", 1) + jobVersion, "", "", 400, "InvalidParameter", "resourceGroupName"},
		{"a bad workspace", "GET", strings.Replace(jobsURL, "/workspace/", "/w/", 1) + jobVersion, "", "", 400, "InvalidParameter", "workspaceName"},
		{"a bad assignment name", "POST", strings.Replace(jobsURL, "/assignment/", "/-assignment/", 1) + jobVersion, "", "", 400, "InvalidParameter", "workspaceManagerAssignmentName"},
		{"a bad job name", "GET", jobsURL + "/j%2Fx" + jobVersion, "", "", 400, "InvalidParameter", "jobName with the value 'j/x'"},
		{"an escaped slash in a name", "GET", assignmentsURL + "/a%2Fb" + assignVersion, "", "", 400, "InvalidParameter", "assignmentId with the value 'a/b'"},
		{"escapes that are decoded once", "GET", assignmentsURL + "/a%252Fb" + assignVersion, "", "", 404, "ResourceNotFound", "/assignments/a%2Fb' was not found"},
		{"a job that isn't there", "GET", jobsURL + "/nonesuch" + jobVersion, "", "", 404, "ResourceNotFound", "/jobs/nonesuch' was not found"},
		{"an assignment", "PUT", assignmentsURL + "/standard" + assignVersion, "", object, 201, "", ""},
		{"no content type", "PUT", assignmentsURL + "/standard" + assignVersion, "Content-Type: ", object, 415, "UnsupportedMediaType", "application/json"},
		{"another content type", "PUT", assignmentsURL + "/standard" + assignVersion, "Content-Type: text/json", object, 415, "UnsupportedMediaType", "application/json"},
		{"no body", "PUT", assignmentsURL + "/standard" + assignVersion, "", "", 400, "InvalidRequestContent", "JSON object"},
		{"a list as body", "PUT", assignmentsURL + "/standard" + assignVersion, "", "[]", 400, "InvalidRequestContent", "JSON object"},
		{"half a body", "PUT", assignmentsURL + "/standard" + assignVersion, "", `{"properties":`, 400, "InvalidRequestContent", "not an assignment"},
		{"something after the body", "PUT", assignmentsURL + "/standard" + assignVersion, "", object + "x", 400, "InvalidRequestContent", "not an assignment"},
		{"a wrong type", "PUT", assignmentsURL + "/standard" + assignVersion, "", `{"properties":{"displayName":1}}`, 400, "InvalidRequestContent", "displayName"},
		{"a long body", "PUT", assignmentsURL + "/standard" + assignVersion, "", `{"a":"` + strings.Repeat("x", 4<<20) + `"}`, 413, "RequestContentTooLarge", "4 MiB"},
		{"a bad $top", "GET", jobsURL + jobVersion + "&$top=-1", "", "", 400, "InvalidTop", "'-1'"},
		{"a bad $orderby", "GET", jobsURL + jobVersion + "&$orderby=etag", "", "", 400, "InvalidOrderBy", "'etag'"},
		{"a bad direction", "GET", jobsURL + jobVersion + "&$orderby=name%20up", "", "", 400, "InvalidOrderBy", "'name up'"},
		{"two orders", "GET", jobsURL + jobVersion + "&$orderby=name,properties/startTime", "", "", 400, "InvalidOrderBy", "must be name"},
		{"a bad $skipToken", "GET", jobsURL + jobVersion + "&$skipToken=x", "", "", 400, "InvalidSkipToken", "$skipToken"},
		{"a $skipToken of something else", "GET", jobsURL + jobVersion + `&$skipToken=[{"after":"WyJhIl0"}]`, "", "", 400, "InvalidSkipToken", "$skipToken"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			srv := fake.NewServer(&fake.ServerOptions{APIVersions: []string{"2030-01-01"}})
			req := newRequest(t, test.method, test.url, test.body)
			req.Header.Set("Content-Type", "application/json; charset=utf-8")
			if name, value, ok := strings.Cut(test.header, ": "); ok {
				req.Header.Set(name, value)
			}
			resp, body := do(t, srv, req)
			require.Equal(t, test.status, resp.StatusCode, body)
			assert.NotEmpty(t, resp.Header.Get("x-ms-request-id"))
			assert.NotEmpty(t, resp.Header.Get("x-ms-correlation-request-id"))
			assert.Equal(t, test.status == 401, resp.Header.Get("WWW-Authenticate") != "")
			assert.Equal(t, test.status == 405, resp.Header.Get("Allow") != "")
			if test.code != "" {
				assert.Equal(t, "application/json; charset=utf-8", resp.Header.Get("Content-Type"))
				var envelope struct {
					Error struct{ Code, Message string }
				}
				require.NoError(t, json.Unmarshal([]byte(body), &envelope, json.MatchCaseInsensitiveNames(true)))
				assert.Equal(t, test.code, envelope.Error.Code)
				assert.Contains(t, envelope.Error.Message, test.message)
			}
		})
	}
}
