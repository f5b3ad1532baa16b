package armsecops_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

const requestID = "5e0c1a56-6a3b-4b7c-9d6f-0f1f5b0a7a11"

// The shapes of errors that the two providers are seen to send.
var errorShapes = map[string]struct {
	line       string
	status     int
	sentinel   error
	codes      []string
	message    string
	retryAfter time.Duration
}{
	"error_envelope": {
		line:     "WorkspaceManagerJobsClient.Get: 404 Not Found: ResourceNotFound: The Resource 'Microsoft.SecurityInsights/workspaceManagerAssignments/jobs/cfbe1338-8276-4d5d-8b96-931117f9fa0e' under resource group 'myRg' was not found. (request " + requestID + ")",
		status:   404,
		sentinel: armsecops.ErrNotFound,
		codes:    []string{"ResourceNotFound", "resourcenotfound"},
		message:  "The Resource 'Microsoft.SecurityInsights/workspaceManagerAssignments/jobs/cfbe1338-8276-4d5d-8b96-931117f9fa0e' under resource group 'myRg' was not found.",
	},
	"error_details": {
		line:    "WorkspaceManagerJobsClient.Get: 400 Bad Request: BadRequest: The request is invalid. [InvalidName: The name is too short.] (request " + requestID + ")",
		status:  400,
		codes:   []string{"BadRequest", "InvalidName", "TooShort"},
		message: "The request is invalid.",
	},
	"error_legacy": {
		line:     "WorkspaceManagerJobsClient.Get: 404 Not Found: Not Found: Entity was not found (request " + requestID + ")",
		status:   404,
		sentinel: armsecops.ErrNotFound,
		codes:    []string{"Not Found"},
		message:  "Entity was not found",
	},
	"error_message_json": {
		line:     "WorkspaceManagerJobsClient.Get: 403 Forbidden: Forbidden: The client has no authorization. [AuthorizationFailed: The client has no authorization.] (request " + requestID + ")",
		status:   403,
		sentinel: armsecops.ErrForbidden,
		codes:    []string{"Forbidden", "AuthorizationFailed"},
		message:  "The client has no authorization.",
	},
	"error_html": {
		line:    "WorkspaceManagerJobsClient.Get: 502 Bad Gateway: 502 Bad Gateway 502 Bad Gateway Microsoft-Azure-Application-Gateway/v2 (request " + requestID + ")",
		status:  502,
		message: "502 Bad Gateway 502 Bad Gateway Microsoft-Azure-Application-Gateway/v2",
	},
	"error_empty": {
		line:       "WorkspaceManagerJobsClient.Get: 503 Service Unavailable (request " + requestID + ")",
		status:     503,
		retryAfter: 17 * time.Second,
	},
	"error_header_code": {
		line:     "WorkspaceManagerJobsClient.Get: 412 Precondition Failed: ETagMismatch (request " + requestID + ")",
		status:   412,
		sentinel: armsecops.ErrPreconditionFailed,
		codes:    []string{"ETagMismatch"},
	},
	"error_cut": {
		line:     "WorkspaceManagerJobsClient.Get: 409 Conflict: Conflict: Another job is running. (request " + requestID + ")",
		status:   409,
		sentinel: armsecops.ErrConflict,
		codes:    []string{"Conflict"},
		message:  "Another job is running.",
	},
}

func TestErrorShapes(t *testing.T) {
	t.Parallel()
	for exchange, test := range errorShapes {
		t.Run(exchange, func(t *testing.T) {
			t.Parallel()
			o := options(documented(t, exchange))
			o.Retry.MaxRetries = -1
			_, err := newJobsClient(t, o).Get(t.Context(), "myRg", "myWorkspace", jobsAssignment, jobName, nil)
			require.EqualError(t, err, test.line)

			e, ok := errors.AsType[*armsecops.ErrorResponse](err)
			require.True(t, ok)
			assert.Equal(t, "WorkspaceManagerJobsClient.Get", e.Operation)
			assert.Equal(t, test.status, e.StatusCode)
			assert.Equal(t, test.message, e.Message)
			assert.Equal(t, requestID, e.RequestID)
			assert.Equal(t, "c0ffee00-6a3b-4b7c-9d6f-0f1f5b0a7a11", e.CorrelationRequestID)
			assert.Equal(t, test.retryAfter, e.RetryAfter)
			if test.sentinel != nil {
				assert.ErrorIs(t, err, test.sentinel)
			}
			assert.NotErrorIs(t, err, armsecops.ErrThrottled)
			for _, code := range test.codes {
				assert.True(t, armsecops.HasCode(err, "Other", code), code)
			}
			assert.False(t, armsecops.HasCode(err, "Other", ""))

			response, ok := errors.AsType[*azcore.ResponseError](err)
			require.True(t, ok)
			assert.Equal(t, test.status, response.StatusCode)
			body, err := io.ReadAll(response.RawResponse.Body)
			require.NoError(t, err)
			want := readExchanges(t, exchange)[0].Response
			assert.Equal(t, string(want.Body)+want.Text, string(body))
		})
	}
}

func TestErrorMembers(t *testing.T) {
	t.Parallel()
	_, err := newJobsClient(t, options(documented(t, "error_details"))).Get(t.Context(), "myRg", "myWorkspace", jobsAssignment, jobName, nil)
	e, ok := errors.AsType[*armsecops.ErrorResponse](err)
	require.True(t, ok)
	assert.Equal(t, "jobName", e.Target)
	assert.Equal(t, []armsecops.ErrorDetail{{
		Code: "InvalidName", Message: "The name is too short.", Target: "name",
		Details: []armsecops.ErrorDetail{{Code: "TooShort", Message: "3 is the least."}},
	}}, e.Details)
	require.Len(t, e.AdditionalInfo, 1)
	assert.Equal(t, "PolicyViolation", e.AdditionalInfo[0].Type)
	assert.JSONEq(t, `{"policy":"deny","count":12345678901234567890}`, string(e.AdditionalInfo[0].Info))
	assert.JSONEq(t, `{"trace":"a"}`, string(e.AdditionalProperties["innererror"]))
}

// Whatever can be had of the details is, and nothing is there twice.
func TestErrorDetailsInPart(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		details string
		want    []armsecops.ErrorDetail
	}{
		"one that is no error": {`[{"code":"a"},1,{"code":"b"}]`, []armsecops.ErrorDetail{{Code: "a"}, {Code: "b"}}},
		"a duplicate name":     {`[{"code":"a","code":"b"}]`, []armsecops.ErrorDetail{{Code: "b"}}},
		"a code of another type": {`[{"code":7,"message":"m"}]`, []armsecops.ErrorDetail{{
			Message: "m", AdditionalProperties: map[string]json.RawMessage{"code": json.RawMessage("7")},
		}}},
		"one below another": {`[{"code":"a","details":[{"code":"b"}]}]`, []armsecops.ErrorDetail{{Code: "a", Details: []armsecops.ErrorDetail{{Code: "b"}}}}},
		"none":              {`[]`, nil},
		"null":              {`null`, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newJobsClient(t, options(respond(400, `{"error":{"code":"c","details":`+test.details+`,"target":"t"}}`))).Get(t.Context(), "rg", "workspace", "assignment", "job", nil)
			e, ok := errors.AsType[*armsecops.ErrorResponse](err)
			require.True(t, ok)
			assert.Equal(t, "c", e.Code)
			assert.Equal(t, "t", e.Target)
			assert.Equal(t, test.want, e.Details)
			assert.Nil(t, e.AdditionalProperties)
		})
	}
}

// Each service has its own type of error, whatever the operation.
func TestErrorTypes(t *testing.T) {
	t.Parallel()
	forbidden := options(respond(403, `{"error":{"code":"Forbidden"}}`))
	jobs, assignments := newJobsClient(t, forbidden), newAssignmentsClient(t, forbidden)
	jobsErrors := map[string]error{}
	_, jobsErrors["WorkspaceManagerJobsClient.Create"] = jobs.Create(t.Context(), "rg", "workspace", "assignment", nil)
	_, jobsErrors["WorkspaceManagerJobsClient.BeginCreate"] = jobs.BeginCreate(t.Context(), "rg", "workspace", "assignment", nil)
	_, jobsErrors["WorkspaceManagerJobsClient.Get"] = jobs.Get(t.Context(), "rg", "workspace", "assignment", "job", nil)
	_, jobsErrors["WorkspaceManagerJobsClient.Delete"] = jobs.Delete(t.Context(), "rg", "workspace", "assignment", "job", nil)
	_, jobsErrors["WorkspaceManagerJobsClient.NewListPager"] = jobs.NewListPager("rg", "workspace", "assignment", nil).NextPage(t.Context())
	for operation, err := range jobsErrors {
		e, ok := errors.AsType[*armsecops.ErrorResponse](err)
		require.True(t, ok, operation)
		assert.Equal(t, operation, e.Operation)
		assert.ErrorIs(t, err, armsecops.ErrForbidden)
		assert.Equal(t, operation+": 403 Forbidden: Forbidden", err.Error())
	}
	assignmentsErrors := map[string]error{}
	_, assignmentsErrors["SecurityAssignmentsClient.Get"] = assignments.Get(t.Context(), "rg", "id", nil)
	_, assignmentsErrors["SecurityAssignmentsClient.CreateOrUpdate"] = assignments.CreateOrUpdate(t.Context(), "rg", "id", armsecops.Assignment{}, nil)
	_, assignmentsErrors["SecurityAssignmentsClient.Delete"] = assignments.Delete(t.Context(), "rg", "id", nil)
	_, assignmentsErrors["SecurityAssignmentsClient.NewListPager"] = assignments.NewListPager("rg", nil).NextPage(t.Context())
	_, assignmentsErrors["SecurityAssignmentsClient.NewListBySubscriptionPager"] = assignments.NewListBySubscriptionPager(nil).NextPage(t.Context())
	for operation, err := range assignmentsErrors {
		e, ok := errors.AsType[*armsecops.CloudError](err)
		require.True(t, ok, operation)
		assert.Equal(t, operation, e.Operation)
		assert.ErrorIs(t, err, armsecops.ErrForbidden)
	}
}

// A success that cannot be read keeps status and request id, and unwraps to the reason.
func TestErrorUnreadableSuccess(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		body   string
		want   string
	}{
		"not JSON":        {200, "<html>", "200 OK: decoding the response: "},
		"empty":           {200, "", "200 OK: decoding the response: "},
		"cut JSON":        {200, `{"id":"a`, "200 OK: decoding the response: "},
		"another type":    {200, `[]`, "200 OK: decoding the response: "},
		"trailing bytes":  {200, `{} {}`, "200 OK: decoding the response: "},
		"duplicate names": {200, `{"properties":{"items":[],"items":[]}}`, `duplicate object member name "items" within "/properties"`},
		"bad time":        {200, `{"properties":{"startTime":"yesterday"}}`, `/properties/startTime: "yesterday" is not a time`},
		"no content":      {204, "", "204 No Content"},
		"accepted":        {202, "{}", "202 Accepted"},
		"redirect":        {307, "", "307 Temporary Redirect"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requests := 0
			client := newJobsClient(t, options(transportFunc(func(req *http.Request) (*http.Response, error) {
				requests++
				return respond(test.status, test.body, "x-ms-request-id", requestID, "Location", "https://elsewhere.example")(req)
			})))
			_, err := client.Get(t.Context(), "rg", "workspace", "assignment", "job", nil)
			assert.ErrorContains(t, err, test.want)
			e, ok := errors.AsType[*armsecops.ErrorResponse](err)
			require.True(t, ok)
			assert.Equal(t, test.status, e.StatusCode)
			assert.Equal(t, requestID, e.RequestID)
			assert.Equal(t, 1, requests, "what makes no sense isn't asked for again")
			response, ok := errors.AsType[*azcore.ResponseError](err)
			require.True(t, ok)
			assert.Equal(t, test.status, response.StatusCode)
		})
	}
}

func TestErrorLineIsBounded(t *testing.T) {
	t.Parallel()
	detail := func(n int) string {
		return fmt.Sprintf(`{"code":"Code%d","message":%q}`, n, strings.Repeat("long\n", 1000))
	}
	var details []string
	for n := range 2000 {
		details = append(details, detail(n))
	}
	nested := strings.Repeat(`{"code":"Deep","details":[`, 3000) + strings.Repeat(`]}`, 3000)
	tests := map[string]string{
		"long message":        `{"error":{"code":"Long","message":"` + strings.Repeat("word ", 100_000) + `"}}`,
		"10 MB of details":    `{"error":{"code":"Long","message":"m","details":[` + strings.Join(details, ",") + `]}}`,
		"deeply nested":       `{"error":{"code":"Long","message":"m","details":[` + nested + `]}}`,
		"errors inside":       `{"error":{"code":"Long","message":"m","error":` + strings.Repeat(`{"error":`, 5000) + `1` + strings.Repeat(`}`, 5000) + `}}`,
		"control characters":  `{"error":{"code":"Long","message":"\u001b[31m\u0007\r\nm\u2028\u202e"}}`,
		"a page of text":      strings.Repeat("<p>Long</p>\n", 100_000),
		"messages in message": `{"error":{"code":"Long","message":"{\"error\":{\"message\":\"{\\\"message\\\":\\\"{\\\\\\\"code\\\\\\\":1}\\\"}\"}}"}}`,
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newAssignmentsClient(t, options(respond(400, body, "x-ms-request-id", requestID))).Get(t.Context(), "rg", "id", nil)
			line := err.Error()
			assert.Less(t, len(line), 2500)
			assert.NotContains(t, line, "\n")
			assert.NotContains(t, line, "\x1b")
			assert.Contains(t, line, "400 Bad Request")
			assert.Contains(t, line, "Long")
			assert.True(t, strings.HasSuffix(line, "(request "+requestID+")"), line)
			assert.ErrorAs(t, err, new(*armsecops.CloudError))
		})
	}
}

func TestErrorLogValue(t *testing.T) {
	t.Parallel()
	_, err := newJobsClient(t, options(documented(t, "error_envelope"))).Get(t.Context(), "myRg", "myWorkspace", jobsAssignment, jobName, nil)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Error("failed", "err", err)
	var line struct{ Err map[string]any }
	require.NoError(t, json.Unmarshal(log.Bytes(), &line))
	assert.Equal(t, map[string]any{
		"operation":            "WorkspaceManagerJobsClient.Get",
		"status":               404.0,
		"code":                 "ResourceNotFound",
		"message":              errorShapes["error_envelope"].message,
		"requestId":            requestID,
		"correlationRequestId": "c0ffee00-6a3b-4b7c-9d6f-0f1f5b0a7a11",
	}, line.Err)
}

// A log says as much of a listing and of a sweep, and nothing of tokens and queries.
func TestLogValueOfListings(t *testing.T) {
	t.Parallel()
	client := newAssignmentsClient(t, options(respond(403, `{"error":{"code":"Forbidden"}}`, "x-ms-request-id", requestID)))
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	for _, err := range client.ListAcrossSubscriptions(t.Context(), []string{assignmentsSubscription}, nil) {
		logger.Error("failed", "err", err)
	}
	_, err := newJobsClient(t, options(respond(403, `{"error":{"code":"Forbidden"}}`))).NewListPager("rg", "workspace", "assignment",
		&armsecops.WorkspaceManagerJobsClientListOptions{SkipToken: "private"}).NextPage(t.Context())
	logger.Error("failed", "err", err)
	assert.Contains(t, log.String(), `"err":{"subscriptionId":"`+assignmentsSubscription+`","err":{"operation":"SecurityAssignmentsClient.NewListBySubscriptionPager","status":403,"code":"Forbidden","requestId":"`+requestID+`"}}`)
	assert.Contains(t, log.String(), `"err":{"operation":"WorkspaceManagerJobsClient.NewListPager","status":403,"code":"Forbidden"}`)
	assert.NotContains(t, log.String(), "private")
	assert.NotContains(t, log.String(), "fake_token")
}

func TestHasCode(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err  error
		want bool
	}{
		"nil":                   {nil, false},
		"another error":         {io.EOF, false},
		"azcore's error":        {&azcore.ResponseError{ErrorCode: "conflict"}, true},
		"azcore's other error":  {fmt.Errorf("wrapped: %w", &azcore.ResponseError{ErrorCode: "Other"}), false},
		"azcore's without code": {&azcore.ResponseError{}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, armsecops.HasCode(test.err, "Conflict"))
		})
	}
}

func TestParameterError(t *testing.T) {
	t.Parallel()
	err := &armsecops.ParameterError{Name: "jobName", Value: "a\x1b" + strings.Repeat("b", 1000), Reason: "must be short"}
	assert.Less(t, len(err.Error()), 600)
	assert.NotContains(t, err.Error(), "\x1b")
	assert.Equal(t, "parameter credential must not be nil", (&armsecops.ParameterError{Name: "credential", Reason: "must not be nil"}).Error())
}

func TestJobFailedError(t *testing.T) {
	t.Parallel()
	job := armsecops.Job{Name: jobName, Properties: armsecops.JobProperties{ProvisioningState: "Failed", ErrorMessage: "see the items"}}
	for n := range 12 {
		job.Properties.Items = append(job.Properties.Items, armsecops.JobItem{
			ResourceID: fmt.Sprintf("/rules/%d", n),
			Status:     armsecops.JobItemStatusFailed,
			Errors:     []armsecops.JobItemError{{MemberResourceName: "member", ErrorMessage: "Forbidden.\nNo."}},
		})
	}
	job.Properties.Items[11].Errors = nil
	parts := strings.Split((&armsecops.JobFailedError{Job: job}).Error(), "; ")
	require.Len(t, parts, 12)
	assert.Equal(t, "job "+jobName+": Failed: 12 of 12 items failed: see the items", parts[0])
	assert.Equal(t, "/rules/0 at member member: Forbidden. No.", parts[1])
	assert.Equal(t, "and 2 more", parts[11])
}
