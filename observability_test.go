package armsecops_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/testkit"
)

type dialTimeout struct{ error } // as package net has them

func (dialTimeout) Is(target error) bool { return target == context.DeadlineExceeded }

// logSchema is the type of each member that a log has of an error.
var logSchema = map[string]any{
	"operation": "", "kind": "", "subscriptionId": "", "parameter": "", "job": "", "jobId": "", "status": 0.0, "code": "", "message": "",
	"target": "", "host": "", "path": "", "request": "", "clientRequestId": "", "details": []any{}, "requestId": "", "correlationRequestId": "", "retryAfter": 0.0,
}

// logged returns what a JSON log has of an error, which must fit the schema.
func logged(t *testing.T, err error) map[string]any {
	t.Helper()
	require.Error(t, err)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Error("failed", "err", err)
	record := testkit.Decode[struct{ Err map[string]any }](t, log.Bytes())
	for name, value := range record.Err {
		assert.IsType(t, logSchema[name], value, name)
		assert.NotEmpty(t, value, name)
	}
	details, _ := record.Err["details"].([]any)
	for _, detail := range details {
		assert.IsType(t, "", detail)
	}
	return record.Err
}

const getOperation = "WorkspaceManagerJobsClient.Get"

// failedGet returns the error of a Get whose only attempt has the response.
func failedGet(response transportFunc) func(context.Context) error {
	return func(ctx context.Context) error { return getJob(ctx, withoutRetries(response)) }
}

type jobsCall func(context.Context, *armsecops.WorkspaceManagerJobsClient) error

// failedCall returns the error of a call whose every attempt has the response.
func failedCall(t *testing.T, response transportFunc, call jobsCall) func(context.Context) error {
	return func(ctx context.Context) error { return call(ctx, newJobsClient(t, options(response))) }
}

// failedListing returns the last error of a listing across subscriptions.
func failedListing(t *testing.T, response transportFunc, subscriptionIDs ...string) func(context.Context) error {
	return func(ctx context.Context) (last error) {
		for _, err := range newAssignmentsClient(t, options(response)).ListAcrossSubscriptions(ctx, subscriptionIDs, nil) {
			last = err
		}
		return last
	}
}

func createJob(ctx context.Context, client *armsecops.WorkspaceManagerJobsClient) error {
	return failure(client.Create(ctx, "rg", "workspace", "assignment", nil))
}

// wait returns the error of a wait for a job.
func wait(ctx context.Context, client *armsecops.WorkspaceManagerJobsClient) error {
	poller, err := client.NewJobPoller("rg", "workspace", "assignment", "the-job", nil)
	if err != nil {
		return err
	}
	return failure(poller.PollUntilDone(ctx, nil))
}

// Every error is logged by the same members, whatever its type and whoever wraps it.
func TestErrorsHaveOneSchemaInLogs(t *testing.T) {
	t.Parallel()
	const manyDetails = `{"error":{"code":"a","target":"t","details":[{"code":"b","message":"c"},{"code":"d"},{"message":"e"},{"code":"f"}]}}`
	const failedJob = `{"id":"/jobs/the-job","name":"the-job","properties":{"provisioningState":"Failed","errorMessage":"see the items","items":[
		{"resourceId":"/rules/one","status":"Failed","errors":[{"memberResourceName":"m","errorMessage":"Forbidden."}]}]}}`
	const said = `"status":403,"code":"AuthorizationFailed","message":"No.","requestId":"` + requestID + `"}`
	forbidden := respond(403, `{"error":{"code":"AuthorizationFailed","message":"No."}}`, "x-ms-request-id", requestID)
	loop := respond(200, `{"value":null,"nextLink":"?$skipToken=private"}`)
	untrusted := respond(200, `{"value":null,"nextLink":"https://evil.example/?x=private"}`)
	const path = `"path":"` + getPath + `"`
	const get, create = `{"operation":"` + getOperation + `",`, `{"operation":"WorkspaceManagerJobsClient.Create",`
	const exemptionID = "/providers/Microsoft.Management/managementGroups/contoso/providers/Microsoft.Security/standardAssignments/1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
	const list = `{"operation":"SecurityAssignmentsClient.ListAcrossSubscriptions","request":"SecurityAssignmentsClient.NewListBySubscriptionPager","subscriptionId":"` + assignmentsSubscription + `",`
	type test struct {
		call func(context.Context) error
		want string
	}
	testkit.EachInBubble(t, map[string]test{
		"a service's error": {failedGet(respond(404, `{"error":{"code":"NotFound","message":"No\n\u202ejob."}}`, "x-ms-request-id", requestID,
			"x-ms-correlation-request-id", correlationID)),
			get + `"kind":"service","status":404,"code":"NotFound","message":"No job.","subscriptionId":"` + jobsSubscription + `",` + path + `,` +
				`"requestId":"` + requestID + `","correlationRequestId":"` + correlationID + `"}`},
		"details":          {failedGet(respond(400, manyDetails)), get + `"kind":"service","status":400,"code":"a","target":"t","details":["b: c","d","e","1 more"]}`},
		"how long to wait": {failedGet(respond(429, "", "Retry-After", "7200")), get + `"kind":"service","status":429,"retryAfter":7200000000000}`},
		"an error that was cut after its message": {failedGet(respond(409, `{"error":{"message":"No."}}`+strings.Repeat(" ", 2<<20))),
			get + `"kind":"service","status":409,"message":"No; response too large: more than 1048576 bytes"}`},
		"a response that cannot be decoded": {failedGet(respond(200, `{"name":1}`)),
			get + `"kind":"response","status":200,"message":"decoding the response: /name: a number is not a string"}`},
		"another success": {failedGet(respond(202)), get + `"kind":"response","status":202,"message":"unexpected response: a success, but not one of the operation's"}`},
		"a redirect": {failedGet(respond(302, "<p>Found</p>", "Location", "https://a.b/c")),
			get + `"kind":"response","status":302,"message":"a redirect to the host \"a.b\" was not followed: Found"}`},
		"a lost connection": {failedGet(lost), get + `"kind":"transport","message":"unexpected EOF","host":"management.azure.com",` + path + `}`},
		"the program's id": {func(ctx context.Context) error {
			return failedGet(lost)(policy.WithHTTPHeader(ctx, http.Header{"X-Ms-Client-Request-Id": {"mine"}}))
		}, get + `"kind":"transport","message":"unexpected EOF","clientRequestId":"mine"}`},
		"a dial that took too long": {failedGet(func(*http.Request) (*http.Response, error) { return nil, dialTimeout{errors.New("i/o timeout")} }), get + `"kind":"transport","message":"i/o timeout"}`},
		"a call that took too long": {func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second/2)
			defer cancel()
			return getJob(ctx, options(respond(503, `{"error":{"code":"Busy","message":"Wait."}}`, "Retry-After", "1")))
		}, get + `"kind":"timeout","status":503,"code":"Busy","retryAfter":1000000000,
			"message":"context deadline exceeded; the last attempt failed: Wait."}`},
		"an attempt that was canceled": {func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			o := options(transportFunc(func(*http.Request) (*http.Response, error) { return nil, context.Canceled }))
			o.Retry.RetryDelay = time.Minute
			return getJob(ctx, o)
		}, get + `"kind":"timeout","message":"context deadline exceeded; the last attempt failed: context canceled"}`},
		"a parameter": {
			failedCall(t, lost, func(ctx context.Context, c *armsecops.WorkspaceManagerJobsClient) error {
				return failure(c.Get(ctx, "rg", "workspace", "assignment", "-", nil))
			}),
			get + `"kind":"parameter","parameter":"jobName","message":"parameter jobName \"-\" must consist of 3 or more letters, digits and hyphens, and begin and end with a letter or digit"}`,
		},
		"an unknown outcome": {failedCall(t, lost, createJob),
			create + `"kind":"outcomeUnknown","message":"unexpected EOF; ` + armsecops.ErrOutcomeUnknown.Error() + `; list the jobs of the assignment before sending it again"}`},
		"an unknown outcome with a response": {failedCall(t, respond(500, "", "x-ms-request-id", requestID), createJob),
			create + `"kind":"outcomeUnknown","status":500,"requestId":"` + requestID + `","message":"` + armsecops.ErrOutcomeUnknown.Error() + `; list the jobs of the assignment before sending it again"}`},
		"a part of an operation": {func(ctx context.Context) error {
			return failure(newFactory(t, &azfake.TokenCredential{}, options(forbidden)).NewExemptionsClient().Get(ctx, exemptionID, nil))
		}, `{"operation":"ExemptionsClient.Get","request":"StandardAssignmentsClient.Get","kind":"service",` + said},
		"a part without a response": {func(ctx context.Context) error {
			return failure(newFactory(t, &azfake.TokenCredential{}, withoutRetries(transportFunc(lost))).NewExemptionsClient().Get(ctx, exemptionID, nil))
		}, `{"operation":"ExemptionsClient.Get","request":"StandardAssignmentsClient.Get","kind":"transport","message":"unexpected EOF"}`},
		"a failed job": {failedCall(t, respond(200, failedJob), wait),
			`{"operation":"WorkspaceManagerJobsClient.NewJobPoller","kind":"job","job":"the-job","jobId":"/jobs/the-job","message":"Failed: 1 of 1 items failed: see the items","details":["/rules/one at member m: Forbidden."]}`},
		"a deleted job": {failedCall(t, respond(404, `{"error":{"code":"NotFound","message":"Gone."}}`), wait),
			get + `"kind":"service","status":404,"code":"NotFound","message":"Gone; the job was deleted while the poller waited, or never existed"}`},
		"a page": {
			failedCall(t, forbidden, func(ctx context.Context, c *armsecops.WorkspaceManagerJobsClient) error {
				list := &armsecops.WorkspaceManagerJobsClientListOptions{SkipToken: "private"}
				return failure(c.NewListPager("rg", "workspace", "assignment", list).NextPage(ctx))
			}),
			`{"operation":"WorkspaceManagerJobsClient.NewListPager","kind":"service",` + said,
		},
		"an untrusted link": {failedListing(t, untrusted, assignmentsSubscription),
			list + `"kind":"response","status":200,"message":"untrusted next link: host \"evil.example\""}`},
		"a link that leads back": {failedListing(t, loop, assignmentsSubscription),
			list + `"kind":"response","status":200,"message":"` + armsecops.ErrPagingLoop.Error() + `"}`},
		"an incomplete result": {func(context.Context) error { return &armsecops.PageError{Err: armsecops.ErrIncompleteResult} },
			`{"kind":"incomplete","message":"incomplete result"}`},
		"services' errors": {func(context.Context) error {
			first := &armsecops.ErrorResponse{ServiceError: armsecops.ServiceError{Operation: "a", StatusCode: 404, Code: "First"}}
			last := &armsecops.CloudError{ServiceError: armsecops.ServiceError{Operation: "b", StatusCode: 409, Code: "Last"}}
			return &armsecops.PageError{Err: errors.Join(first, last)}
		}, `{"operation":"a","kind":"service","status":404,"code":"First","message":"a: 404 Not Found: First b: 409 Conflict: Last"}`},
		"a subscription": {failedListing(t, forbidden, assignmentsSubscription), list + `"kind":"service",` + said},
		"a subscription that is no UUID": {failedListing(t, forbidden, "a"),
			strings.Replace(list, assignmentsSubscription, "a", 1) + `"kind":"parameter","parameter":"subscriptionID",
				"message":"parameter subscriptionID \"a\" must be a UUID, as in 00000000-0000-0000-0000-000000000000"}`},
	}, func(t *testing.T, test test) {
		want, err := testkit.Decode[map[string]any](t, test.want), test.call(t.Context())
		inArray, _ := json.Marshal([]error{err})
		assert.NotEqual(t, "[{}]", string(inArray))
		assert.Equal(t, slog.AnyValue(err).Resolve(), armsecops.LogValue(err))
		got := logged(t, err)
		maps.DeleteFunc(got, func(name string, _ any) bool {
			return want[name] == nil && slices.Contains([]string{"host", "path", "job", "jobId", "subscriptionId"}, name)
		})
		assert.Equal(t, want, got)
	})
}

// LogValue has what is known of an error that the program wraps, and its text.
func TestLogValueHasTheErrorThatIsWrapped(t *testing.T) {
	t.Parallel()
	own := &armsecops.ParameterError{Name: "a", Reason: "is b"}
	const members = `"kind":"parameter","parameter":"a","message":"parameter a is b"}`
	for want, err := range map[string]error{
		`{` + members: own,
		`{"text":"n: parameter a is b",` + members:                                                                       fmt.Errorf("n: %w", own),
		`{"text":"EOF\nparameter a is b\nparameter c ",` + members:                                                       errors.Join(io.EOF, own, &armsecops.ParameterError{Name: "c"}),
		`{"text":"%!v(PANIC=Error method: runtime error: invalid memory address or nil pointer dereference)",` + members: errors.Join((*armsecops.ParameterError)(nil), own),
		`{"text":"EOF"}`:                            io.EOF,
		`{"text":"<nil>"}`:                          (*armsecops.ParameterError)(nil),
		`{"text":"m: <nil>"}`:                       fmt.Errorf("m: %w", (*armsecops.CloudError)(nil)),
		`{"text":"o: <nil>"}`:                       fmt.Errorf("o: %w", (*url.Error)(nil)), // whose Unwrap panics
		`{"text":"*armsecops_test.panickingError"}`: &panickingError{},
		`null`: nil,
	} {
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Error("failed", "err", armsecops.LogValue(err))
		assert.Contains(t, log.String(), `"err":`+want+"}\n")
	}
}

// panickingError panics with itself, which package fmt can't print either.
type panickingError struct{}

func (e *panickingError) Error() string { panic(e) }

// What a log has of a server's text is bounded. The tokens and queries are those of test/secrets_test.go.
func TestLogsAreBoundedAndKeepSecrets(t *testing.T) {
	t.Parallel()
	detail := `{"code":"` + strings.Repeat("c", 5000) + `","message":"` + strings.Repeat("m", 5000) + `"}`
	body := fmt.Sprintf(`{"error":{"code":%[1]q,"message":%[1]q,"target":%[1]q,"details":[%[2]s]}}`,
		strings.Repeat("long\n", 10_000), strings.Repeat(detail+",", 100)+detail)
	items := []armsecops.JobItem{{ResourceID: strings.Repeat("i", 5000), Errors: make([]armsecops.JobItemError, 100)}}
	failed := &armsecops.JobFailedError{Job: armsecops.Job{
		Name: strings.Repeat("n", 5000), Properties: armsecops.JobProperties{ErrorMessage: strings.Repeat("m", 5000), Items: items},
	}}
	list := &armsecops.WorkspaceManagerJobsClientListOptions{PageOptions: armsecops.PageOptions{ContinuationToken: "secret"}}
	_, refused := newJobsClient(t, options(script(t))).NewListPager("rg", "workspace", "assignment", list).NextPage(t.Context())
	long := getJob(t.Context(), options(respond(400, body, "x-ms-request-id", strings.Repeat("r", 5000))))
	subscription := &armsecops.SubscriptionError{SubscriptionID: strings.Repeat("s", 5000), Err: long}
	for _, err := range []error{long, failed, refused, subscription} {
		record := logged(t, err)
		assert.NotContains(t, fmt.Sprint(record), "secret")
		details, _ := record["details"].([]any)
		assert.LessOrEqual(t, len(details), 11)
		delete(record, "details")
		for _, text := range slices.Concat(details, slices.Collect(maps.Values(record))) {
			testkit.AssertHarmlessLine(t, fmt.Sprint(text))
		}
		delete(record, "message")
		for name, value := range record {
			assert.LessOrEqual(t, len(fmt.Sprint(value)), 512, name)
		}
	}
}

// A credential that fails is known by a sentinel, and keeps its own error.
func TestCredentialFailureIsKnown(t *testing.T) {
	t.Parallel()
	errSignIn := errors.New("run az login\n" + strings.Repeat("-", 80)) // as azidentity writes it
	var calls atomic.Int32
	credential := testkit.CredentialFunc(func() (azcore.AccessToken, error) {
		calls.Add(1)
		return azcore.AccessToken{}, errSignIn
	})
	client := testkit.Must(newFactory(t, credential, options(script(t))).NewSecurityAssignmentsClient(assignmentsSubscription))
	err := failure(client.Get(t.Context(), "rg", "id", nil))
	require.ErrorIs(t, err, armsecops.ErrCredential)
	require.ErrorIs(t, err, errSignIn)
	require.EqualError(t, err, "SecurityAssignmentsClient.Get: getting a token: run az login")
	assert.Equal(t, map[string]any{"operation": "SecurityAssignmentsClient.Get", "kind": "credential", "message": "getting a token: run az login", "subscriptionId": assignmentsSubscription}, logged(t, err))
	assert.EqualValues(t, 1, calls.Load(), "a credential retries by itself")
	for _, err := range client.ListAcrossSubscriptions(t.Context(), []string{assignmentsSubscription}, nil) {
		require.ErrorIs(t, err, armsecops.ErrCredential)
		assert.Equal(t, map[string]any{"operation": "SecurityAssignmentsClient.ListAcrossSubscriptions", "kind": "credential", "message": "getting a token: run az login"}, logged(t, err))
	}
	assert.NotErrorIs(t, failedGet(respond(401))(t.Context()), armsecops.ErrCredential, "the service refused the token")
}

// The page on observability lists every member and every kind.
func TestObservabilityPageListsTheSchema(t *testing.T) {
	t.Parallel()
	page := testkit.ReadFile(t, "docs/observability.md")
	kinds := []string{"parameter", "credential", "service", "response", "incomplete", "transport", "timeout", "canceled", "outcomeUnknown", "job"}
	for _, name := range slices.AppendSeq(kinds, maps.Keys(logSchema)) {
		assert.Contains(t, page, "\n| `"+name+"` |", name)
	}
}
