package armsecops_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/testkit"
)

// getJob gets the job of the documented exchanges.
func getJob(ctx context.Context, o *armsecops.ClientOptions) error {
	client, err := armsecops.NewWorkspaceManagerJobsClient(jobsSubscription, &azfake.TokenCredential{}, o)
	if err != nil {
		return err
	}
	return failure(client.Get(ctx, "myRg", "myWorkspace", testkit.JobsAssignment, jobName, nil))
}

// getPath is the path of getJob's request.
const getPath = "/subscriptions/" + jobsSubscription + "/resourceGroups/myRg/providers/Microsoft.OperationalInsights/workspaces/myWorkspace" +
	"/providers/Microsoft.SecurityInsights/workspaceManagerAssignments/" + testkit.JobsAssignment + "/jobs/" + jobName

// notFoundMessage is that of a documented error.
const notFoundMessage = "The Resource 'Microsoft.SecurityInsights/workspaceManagerAssignments/jobs/" + jobName +
	"' under resource group 'myRg' was not found."

// errorShapes are the documented exchanges of errors, in the shapes that the services are seen to send.
var errorShapes = map[string]struct {
	before, message, after string
	codes                  []string
	retryAfter             time.Duration
}{
	"error_envelope": {"404 Not Found: ResourceNotFound: ", notFoundMessage, "", []string{"ResourceNotFound", "resourcenotfound"}, 0},
	"error_details": {"400 Bad Request: BadRequest: ", "The request is invalid.", " [InvalidName: The name is too short.; TooShort: 3 is the least.] (target jobName, ",
		[]string{"BadRequest", "InvalidName", "TooShort"}, 0},
	"error_legacy": {"404 Not Found: Not Found: ", "Entity was not found", "", []string{"Not Found"}, 0},
	"error_message_json": {"403 Forbidden: Forbidden: ", "The client has no authorization.",
		" [AuthorizationFailed: The client has no authorization.]", []string{"Forbidden", "AuthorizationFailed"}, 0},
	"error_html":        {"502 Bad Gateway: ", "502 Bad Gateway 502 Bad Gateway Microsoft-Azure-Application-Gateway/v2", " (a page of HTML or XML, ", nil, 0},
	"error_empty":       {"503 Service Unavailable", "", " (retry after 17s, ", nil, 17 * time.Second},
	"error_header_code": {"412 Precondition Failed: ETagMismatch", "", "", []string{"ETagMismatch"}, 0},
	"error_cut":         {"409 Conflict: Conflict: ", "Another job is running.", "", []string{"Conflict"}, 0},
}

func TestErrorShapes(t *testing.T) {
	t.Parallel()
	for name, test := range errorShapes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := getJob(t.Context(), withoutRetries(documented(t, name)))
			text := getOperation + ": " + test.before + test.message + test.after + " (request " + requestID + ", " + getPath + ")"
			require.EqualError(t, err, strings.Replace(text, ",  (", ", ", 1))
			e := as[*armsecops.ErrorResponse](t, err)
			assert.Equal(t, test.message, e.Message)
			assert.Same(t, &e.ServiceError, as[*armsecops.ServiceError](t, err), "of any service")
			assert.Equal(t, correlationID, e.CorrelationRequestID)
			assert.Equal(t, test.retryAfter, e.RetryAfter)
			for _, code := range test.codes {
				assert.True(t, armsecops.HasCode(err, "Other", code), code)
			}
			assert.False(t, armsecops.HasCode(err, "Other", ""))
			response := as[*azcore.ResponseError](t, err)
			assert.Equal(t, e.StatusCode, response.StatusCode)
			assert.Equal(t, e.Code, response.ErrorCode)
			body := testkit.Must(io.ReadAll(response.RawResponse.Body))
			want := testkit.ReadExchanges(t, name)[0].Response
			assert.Equal(t, string(want.Body)+want.Text, string(body))
		})
	}
}

// Every sentinel is that of its status alone, but a query without readable subscriptions is forbidden, too.
func TestSentinelsAreThoseOfTheirStatus(t *testing.T) {
	t.Parallel()
	sentinels := map[int]error{
		401: armsecops.ErrUnauthorized, 403: armsecops.ErrForbidden, 404: armsecops.ErrNotFound,
		409: armsecops.ErrConflict, 412: armsecops.ErrPreconditionFailed, 429: armsecops.ErrThrottled,
	}
	for _, status := range []int{400, 401, 402, 403, 404, 409, 410, 412, 429, 500} {
		for _, body := range []string{"", `{"error":{"details":[{"code":"` + armsecops.CodeNoValidSubscriptionsInQueryRequest + `"}]}}`} {
			err := getJob(t.Context(), withoutRetries(respond(status, body)))
			for code, sentinel := range sentinels {
				ofQuery := code == 403 && status == 400 && body != ""
				assert.Equal(t, code == status || ofQuery, errors.Is(err, sentinel), "%d, %v", status, sentinel)
			}
		}
	}
	assert.EqualError(t, armsecops.ErrPreconditionFailed, "412 Precondition Failed")
}

// What package errorbody reads arrives, at every depth.
func TestErrorHasEveryMember(t *testing.T) {
	t.Parallel()
	err := getJob(t.Context(), options(documented(t, "error_details")))
	e := as[*armsecops.ErrorResponse](t, err)
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

// The line has the correlation id without a request id, the code of the body rather than that of the header, and three details.
func TestErrorLine(t *testing.T) {
	t.Parallel()
	const correlationHeader, codeHeader = "x-ms-correlation-request-id", "x-ms-error-code"
	details := func(details string) transportFunc {
		return respond(400, `{"error":{"code":"a","details":[`+details+`]}}`)
	}
	for name, test := range map[string]struct {
		response transportFunc
		want     string
	}{
		"correlation":   {respond(404, "", correlationHeader, correlationID), "404 Not Found (request " + correlationID + ")"},
		"body's code":   {respond(404, `{"error":{"code":"Body"}}`, codeHeader, "Header"), "404 Not Found: Body"},
		"header's code": {respond(404, `{"error":{"message":"m"}}`, codeHeader, "Header"), "404 Not Found: Header: m"},
		"three details": {details(`{"code":"b"},{"message":"c"},{"code":"d","message":"e"}`), "400 Bad Request: a [b; c; d: e]"},
		"more details":  {details(`{"code":"b"},{"code":"c"},{"code":"d"},{"code":"e"},{"code":"f"}`), "400 Bad Request: a [b; c; d; 2 more]"},
		"targets":       {respond(400, `{"error":{"code":"a","target":"tags","details":[{"code":"b","target":"zone"}]}}`), "400 Bad Request: a [b (target zone)] (target tags)"},
		"policy": {respond(403, `{"error":{"code":"a","additionalInfo":[{"type":"Other","info":1},{"type":"PolicyViolation",
			"info":{"policyDefinitionDisplayName":"Allowed locations","policyAssignmentId":"/policyAssignments/b"}}]}}`), "403 Forbidden: a [Allowed locations of /policyAssignments/b]"},
		"cut":        {respond(400, `{"error":{"code":"a","message":"`+strings.Repeat("m", 2<<20)), "400 Bad Request: a; response too large: more than 1048576 bytes"},
		"other JSON": {respond(400, `{"title":"Blocked","detail":"by the firewall"}`), `400 Bad Request: {"title":"Blocked","detail":"by the firewall"}`},
		"partial":    {respond(206, `{"error":{"code":"Partial","message":"m"}}`), "206 Partial Content: unexpected response: a success, but not one of the operation's: Partial: m"},
		"permission": {respond(403, `{"error":{"message":"`+strings.Repeat("linked scope, ", 70)+`the last"}}`), "403 Forbidden: " + strings.Repeat("linked scope, ", 70) + "the last"},
		"one word":   {details(`{"code":"b","message":"b"}`), "400 Bad Request: a [b]"},
		"redirect": {respond(302, "<p>Found</p>", "Location", "https://proxy.example/login?code=a"),
			`302 Found: a redirect to the host "proxy.example" was not followed: Found (a page of HTML or XML)`},
	} {
		text := getJob(t.Context(), options(script(t, test.response))).Error()
		assert.Equal(t, getOperation+": "+test.want, strings.NewReplacer(", "+getPath, "", " ("+getPath+")", "").Replace(text), name)
	}
}

// maxErrorBytes bounds a printed error, its request id aside.
const maxErrorBytes = 2048

// The bound is used: an error that has much to say fills it.
func TestErrorLineFillsItsBound(t *testing.T) {
	t.Parallel()
	detail := `{"code":"` + strings.Repeat("c", 500) + `","message":"` + strings.Repeat("m", 500) + `"}`
	body := `{"error":{"code":"a","details":[` + strings.Repeat(detail+",", 3) + detail + `]}}`
	err := getJob(t.Context(), options(script(t, respond(400, body))))
	assert.Len(t, err.Error(), maxErrorBytes)
	assert.Regexp(t, regexp.QuoteMeta("… ("+getPath+")")+"$", err.Error())
	long := testkit.CredentialFunc(func() (azcore.AccessToken, error) {
		return azcore.AccessToken{}, errors.New(strings.Repeat("e", 10_000) + " visit a page")
	})
	err = failure(newFactory(t, long, options(script(t))).NewStandardAssignmentsClient().Get(t.Context(), "/subscriptions/"+jobsSubscription, jobsSubscription, nil))
	assert.Len(t, err.Error(), maxErrorBytes)
	assert.Regexp(t, "getting a token: e+… e+ visit a page$", err.Error(), "a long error keeps its end, which has the advice of a credential's")
}

// A 409 that asks azcore to register the resource provider says why that failed.
func TestErrorOfARegistration(t *testing.T) {
	t.Parallel()
	err := getJob(t.Context(), options(script(t, respond(409, `{"error":{"code":"MissingSubscriptionRegistration","message":"Not registered."}}`),
		respond(403, `{"error":{"code":"AuthorizationFailed","message":"No role."}}`, "x-ms-request-id", requestID))))
	assert.EqualError(t, err, getOperation+": 409 Conflict: MissingSubscriptionRegistration: Not registered; registering the resource provider failed: "+
		"403 Forbidden: AuthorizationFailed: No role. (request "+requestID+", /subscriptions/"+jobsSubscription+"/providers/Microsoft.SecurityInsights/register) ("+getPath+")")
	assert.ErrorIs(t, err, armsecops.ErrForbidden)
}

func TestHasCode(t *testing.T) {
	t.Parallel()
	service := func(code string, details ...armsecops.ErrorDetail) error {
		return &armsecops.CloudError{ServiceError: armsecops.ServiceError{Code: code, Details: details}}
	}
	conflict, other, detail := service("conflict"), service("Other"), armsecops.ErrorDetail{Details: []armsecops.ErrorDetail{{Code: "Conflict"}}}
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"nil":                     {nil, false},
		"code":                    {conflict, true},
		"another code":            {other, false},
		"of a detail":             {service("Other", armsecops.ErrorDetail{Code: "a"}, detail), true},
		"of a sentinel":           {armsecops.ErrConflict, false},
		"azcore's error":          {&azcore.ResponseError{ErrorCode: "conflict"}, true},
		"azcore's other error":    {fmt.Errorf("wrapped: %w", &azcore.ResponseError{ErrorCode: "Other"}), false},
		"azcore's without code":   {&azcore.ResponseError{}, false},
		"joined, first":           {errors.Join(conflict, other), true},
		"joined, last":            {errors.Join(other, conflict), true},
		"joined, azcore's last":   {errors.Join(other, &azcore.ResponseError{ErrorCode: "Conflict"}), true},
		"joined, neither":         {errors.Join(other, io.EOF, other), false},
		"joined, nested":          {errors.Join(other, fmt.Errorf("%w and %w", io.EOF, errors.Join(io.EOF, conflict))), true},
		"below a service's error": {fmt.Errorf("%w: %w", &armsecops.PageError{Err: other}, conflict), true},
		"of a subscription":       {&armsecops.SubscriptionError{Err: &armsecops.PageError{Err: conflict}}, true},
		"endless":                 {endlessError{}, false},
	} {
		assert.Equal(t, test.want, armsecops.HasCode(test.err, "Conflict"), name)
	}
	notFound := &azcore.ResponseError{StatusCode: 404, ErrorCode: "NotFound"} // of another client
	assert.Equal(t, []bool{true, false, false}, []bool{armsecops.IsMissing(notFound), armsecops.IsMissing(&azcore.ResponseError{StatusCode: 404}), armsecops.IsMissing(errors.Join(notFound, &azcore.ResponseError{ErrorCode: "SubscriptionNotFound"}))})
	gone := testkit.Respond(404, `{"error":{"code":"ResourceNotFound","message":"The Resource 'p/t/a' under resource group 'rg' was not found."}}`)
	for path, want := range map[string][]bool{"/providers/p/t/a": {true, false}, "/providers/P/t/a/providers/q": {false, true}, "/providers/p/t/ab": {false, false}} {
		err := runtime.NewResponseError(testkit.Must(gone(httptest.NewRequest("GET", path, nil))))
		assert.Equal(t, want, []bool{armsecops.IsMissing(err), armsecops.IsParentMissing(err)}, path)
	}
}

// endlessError wraps itself, twice.
type endlessError struct{}

func (endlessError) Error() string   { return "endless" }
func (endlessError) Unwrap() []error { return []error{endlessError{}, endlessError{}} }
func TestJobFailedErrorNamesTheFailures(t *testing.T) {
	t.Parallel()
	job := armsecops.Job{Name: jobName, Properties: armsecops.JobProperties{ProvisioningState: "Failed", ErrorMessage: "see the items"}}
	failed := armsecops.JobItem{Status: armsecops.JobItemStatusFailed}
	for n := range 12 {
		failed.ResourceID = fmt.Sprintf("/rules/%d", n)
		failed.Errors = []armsecops.JobItemError{{MemberResourceName: "member", ErrorMessage: "Forbidden.\nNo."}}
		job.Properties.Items = append(job.Properties.Items, failed)
	}
	job.Properties.Items[1].Errors = []armsecops.JobItemError{{ErrorMessage: "Gone."}}
	job.Properties.Items[2].Errors = []armsecops.JobItemError{{MemberResourceName: "member"}}
	job.Properties.Items[3].Errors = nil
	lines := strings.Split((&armsecops.JobFailedError{Job: job}).Error(), "; ")
	require.Len(t, lines, 12)
	assert.Equal(t, []string{
		"job " + jobName + ": Failed: 12 of 12 items failed: see the items", "/rules/0 at member member: Forbidden. No.", "/rules/1: Gone.",
		"/rules/2 at member member", "/rules/3",
	}, lines[:5])
	assert.Equal(t, "and 2 more", lines[11])
	job.Properties.Items = job.Properties.Items[:11]
	assert.True(t, strings.HasSuffix((&armsecops.JobFailedError{Job: job}).Error(), "; and 1 more"))
	job.Properties.Items, job.Properties.ErrorMessage = job.Properties.Items[:10], ""
	lines = strings.Split((&armsecops.JobFailedError{Job: job}).Error(), "; ")
	require.Len(t, lines, 11)
	assert.Equal(t, "job "+jobName+": Failed: 10 of 10 items failed", lines[0])
}

// A parameter shows what can't be seen, wherever it comes from.
func TestParameterErrorShowsWhatCannotBeSeen(t *testing.T) {
	t.Parallel()
	o := options(script(t))
	jobs, assignments, standards := newJobsClient(t, o), newAssignmentsClient(t, o), newFactory(t, &azfake.TokenCredential{}, o).NewStandardAssignmentsClient()
	const id = "00000000-0000-0000-0000-000000000000"
	for _, hidden := range []string{"\r", "\u00a0", "\u200b", " ", "\ufe0f", "\n"} {
		errs := []error{
			failure(armsecops.NewSecurityAssignmentsClient(id+hidden, &azfake.TokenCredential{}, nil)),
			failure(jobs.Get(t.Context(), "rg\""+hidden, "workspace", "assignment", "job", nil)),
			failure(jobs.Get(t.Context(), "rg", "workspace", "assignment", "job"+hidden, nil)),
			failure(standards.Get(t.Context(), "/subscriptions/"+id+hidden, testkit.AssignmentName, nil)),
			failure(armsecops.ParseJobID("/subscriptions/" + id + hidden)),
			failure(assignments.NewResourceGraphPager(&armsecops.ResourceGraphOptions{SubscriptionIDs: []string{id + hidden}}).NextPage(t.Context())),
			failure(assignments.NewResourceGraphPager(&armsecops.ResourceGraphOptions{Where: "a'" + hidden}).NextPage(t.Context())),
		}
		for _, err := range assignments.ListAcrossSubscriptions(t.Context(), []string{id + hidden}, nil) {
			errs = append(errs, err)
		}
		escaped := strings.Trim(strconv.QuoteToASCII(hidden), `"`) + `"`
		for _, err := range errs {
			assert.ErrorAs(t, err, new(*armsecops.ParameterError))
			assert.ErrorContains(t, err, escaped)
		}
	}
}

// An error keeps a part of its body, however long that is.
func TestErrorKeepsLittleOfItsBody(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 1<<20)
	testkit.EachCase(t, map[string]transportFunc{
		"message":            respond(400, `{"error":{"code":"c","message":"`+long+`"}}`),
		"member":             respond(400, `{"error":{"code":"c","other":"`+long+`"}}`),
		"details":            respond(400, `{"error":{"code":"c","details":[`+strings.Repeat(`{"code":"`+long[:1000]+`"},`, 1000)+`{}]}}`),
		"text":               respond(400, long),
		"unreadable":         respond(200, `{"name":"a","properties":{"startTime":"`+long+`"}}`),
		"unknown":            respond(200, `{"`+long+`":1}`),
		"unreadable, a name": respond(200, `{"properties":{"`+long+`":1,"`+long+`":2}}`),
	}, func(t *testing.T, transport transportFunc) {
		err := getJob(t.Context(), options(transport))
		e, azure := as[*armsecops.ServiceError](t, err), as[*azcore.ResponseError](t, err)
		body, readErr := io.ReadAll(azure.RawResponse.Body)
		require.NoError(t, readErr)
		fields, marshalErr := json.Marshal(e)
		require.NoError(t, marshalErr)
		assert.Less(t, len(body)+len(fields), 68<<10) // with the names of the fields
		for err := error(e); err != nil; err = errors.Unwrap(err) {
			assert.Less(t, len(err.Error()), 5000)
		}
	})
}
