package test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
)

// span is one span as a tracing provider receives it.
type span struct {
	name, status string
	parent       *span
	failed       bool
	ended        bool
	tracing      tracing.Span
	attributes   map[string]any
	waits        []float64 // of its events, in seconds
}

// spans is a tracing provider that records.
type spans struct {
	mu   sync.Mutex
	list []*span
}

// traced returns options with a transport and a tracing provider, and its spans.
func traced(transport policy.Transporter) (*armsecops.ClientOptions, *spans) {
	s, o := &spans{}, options(transport)
	o.TracingProvider = tracing.NewProvider(func(string, string) tracing.Tracer {
		return tracing.NewTracer(s.start, &tracing.TracerOptions{SpanFromContext: func(ctx context.Context) tracing.Span {
			if current, ok := ctx.Value(spanKey{}).(*span); ok {
				return current.tracing
			}
			return tracing.Span{}
		}})
	}, nil)
	return o, s
}

type spanKey struct{}

func (s *spans) start(ctx context.Context, name string, o *tracing.SpanOptions) (context.Context, tracing.Span) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := &span{name: name, attributes: map[string]any{}}
	one.parent, _ = ctx.Value(spanKey{}).(*span)
	s.list = append(s.list, one)
	set := func(attributes ...tracing.Attribute) {
		for _, a := range attributes {
			one.attributes[a.Key] = a.Value
		}
	}
	set(o.Attributes...)
	one.tracing = tracing.NewSpan(tracing.SpanImpl{
		End:           func() { one.ended = true },
		SetAttributes: set,
		AddEvent:      func(_ string, a ...tracing.Attribute) { one.waits = append(one.waits, a[0].Value.(float64)) },
		SetStatus: func(status tracing.SpanStatus, description string) {
			one.failed = status == tracing.SpanStatusError
			one.status = description
		},
	})
	return context.WithValue(ctx, spanKey{}, one), one.tracing
}

// names returns the names of the spans, each of which must have ended.
func (s *spans) names(t *testing.T) []string {
	var names []string
	for _, one := range s.list {
		assert.True(t, one.ended, one.name)
		names = append(names, one.name)
	}
	return names
}

// last returns the last span of the name.
func (s *spans) last(t *testing.T, name string) *span {
	names := s.names(t)
	require.Contains(t, names, name)
	slices.Reverse(names)
	return s.list[len(names)-1-slices.Index(names, name)]
}

func getAssignment(id string) func(context.Context, *armsecops.SecurityAssignmentsClient) error {
	return func(ctx context.Context, c *armsecops.SecurityAssignmentsClient) error {
		return errorOf(c.Get(ctx, "rg", id, nil))
	}
}

// listPagesOf returns the error of a listing of so many pages.
func listPagesOf(pages int) func(ctx context.Context, c *armsecops.SecurityAssignmentsClient) error {
	return func(ctx context.Context, c *armsecops.SecurityAssignmentsClient) error {
		list := &armsecops.SecurityAssignmentsClientListOptions{PageOptions: armsecops.PageOptions{MaxPages: pages}}
		_, errs := collect(c.NewListPager("rg", list).Pages(ctx))
		return errors.Join(errs...)
	}
}

func queryPages(ctx context.Context, c *armsecops.SecurityAssignmentsClient) error {
	_, errs := collect(c.NewResourceGraphPager(nil).Pages(ctx))
	return errors.Join(errs...)
}

// The span of an operation has its final error, whichever step that comes from.
func TestSpansHaveTheFinalError(t *testing.T) {
	t.Parallel()
	const get, list, graph = "SecurityAssignmentsClient.Get", "SecurityAssignmentsClient.NewListPager", "SecurityAssignmentsClient.NewResourceGraphPager"
	type test struct {
		response transportFunc
		call     func(context.Context, *armsecops.SecurityAssignmentsClient) error
		name     string
		kind     any    // nil: success
		status   string // empty: success
	}
	testkit.EachCase(t, map[string]test{
		"success":     {respond(200, minimal), getAssignment("id"), get, nil, ""},
		"argument":    {nil, getAssignment(""), get, "parameter", "*armsecops.ParameterError:\nSecurityAssignmentsClient.Get: parameter assignmentID \"\" must not be empty"},
		"response":    {respond(404, `{"error":{"code":"NotFound"}}`), getAssignment("id"), get, "service", get + ": 404 Not Found: NotFound"},
		"decoding":    {respond(200, `[]`), getAssignment("id"), get, "response", "*armsecops.CloudError:\n" + get + ": 200 OK: decoding the response"},
		"connection":  {lost, getAssignment("id"), get, "transport", get + ": " + io.ErrUnexpectedEOF.Error()},
		"a quotation": {quote, getAssignment("id"), get, "transport", "no Bearer "},
		"option":      {nil, listPagesOf(-1), list, "parameter", "MaxPages"},
		"rows":        {respond(200, `{"totalRecords":1,"count":1,"data":[{}],"resultTruncated":"true"}`), queryPages, graph, "incomplete", "incomplete result"},
		"link":        {respond(200, `{"value":null,"nextLink":"https://evil.example"}`), listPagesOf(2), list, "response", "untrusted next link"},
	}, func(t *testing.T, test test) {
		o, s := traced(transportFunc(func(req *http.Request) (*http.Response, error) {
			assert.Equal(t, test.name, req.Context().Value(runtime.CtxAPINameKey{}))
			return test.response(req)
		}))
		o.Retry.MaxRetries = -1
		err, last := test.call(t.Context(), newAssignmentsClient(t, o)), s.last(t, test.name)
		assert.Equal(t, [2]bool{test.status != "", test.status != ""}, [2]bool{err != nil, last.failed})
		assert.Contains(t, last.status, test.status)
		assert.NotContains(t, last.status, "fake_token")
		assert.Equal(t, []any{test.kind, test.kind == "service"}, []any{last.attributes["error.type"], last.attributes["error.code"] == "NotFound"})
	})
}

// Every operation has a span of its name, whose az.namespace is that of the resource, whatever the scope and the path.
func TestSpansNameTheResourceProvider(t *testing.T) {
	t.Parallel()
	testkit.EachOperation(t, driver.Operations(), func(t *testing.T, route *routes.Route) {
		o, s := traced(script(t, respond(200, testkit.Minimal)))
		require.NoError(t, errorOf(driver.Call(t.Context(), testkit.CallOf(route), o)))
		providers := strings.Split(route.Path, "/providers/")
		namespace, _, _ := strings.Cut(providers[len(providers)-1], "/")
		attributes := s.last(t, route.Operation).attributes
		assert.Equal(t, namespace, attributes["az.namespace"])
		assert.True(t, !route.OfSubscription() || attributes["az.subscription_id"] != nil)
	})
}

// A listing across subscriptions has one span above those of its pages, which has
// the first error of the loop.
func TestListingAcrossSubscriptionsHasOneSpan(t *testing.T) {
	t.Parallel()
	const across, page = "SecurityAssignmentsClient.ListAcrossSubscriptions", "SecurityAssignmentsClient.NewListBySubscriptionPager"
	ok := respond(200, `{"value":[{},{}]}`)
	forbidden := respond(403, `{"error":{"code":"AuthorizationFailed"}}`)
	firstForbidden := func(req *http.Request) (*http.Response, error) {
		if strings.Contains(req.URL.Path, jobsSubscription) {
			return forbidden(req)
		}
		return ok(req)
	}
	type test struct {
		transport   transportFunc
		credential  azcore.TokenCredential
		concurrency int
		loops       int // items after which the caller leaves the loop; 0 for all
		pages       int
		kind        any    // nil: success
		status      string // empty: success
	}
	testkit.EachCase(t, map[string]test{
		"success":             {ok, &azfake.TokenCredential{}, 1, 0, 2, nil, ""},
		"a subscription":      {firstForbidden, &azfake.TokenCredential{}, 1, 0, 2, "service", "*armsecops.SubscriptionError:\nsubscription " + jobsSubscription},
		"every subscription":  {forbidden, &azfake.TokenCredential{}, 1, 0, 2, "service", "*armsecops.SubscriptionError:\nsubscription " + jobsSubscription},
		"the caller leaves":   {ok, &azfake.TokenCredential{}, 1, 1, 1, nil, ""},
		"leaves at an error":  {forbidden, &azfake.TokenCredential{}, 1, 1, 1, "service", "*armsecops.SubscriptionError:\nsubscription " + jobsSubscription},
		"a credential":        {ok, credentialFunc(func() (azcore.AccessToken, error) { return azcore.AccessToken{}, errors.New("run az login") }), 1, 0, 1, "credential", across + ": getting a token: run az login"},
		"an invalid argument": {ok, &azfake.TokenCredential{}, -1, 0, 0, "parameter", "*armsecops.ParameterError:\nSecurityAssignmentsClient.ListAcrossSubscriptions: parameter Concurrency"},
	}, func(t *testing.T, test test) {
		o, s := traced(test.transport)
		o.Retry.MaxRetries = -1
		client := testkit.Must(armsecops.NewSecurityAssignmentsClient(assignmentsSubscription, test.credential, o))
		list := &armsecops.SecurityAssignmentsClientListAcrossSubscriptionsOptions{Concurrency: test.concurrency}
		loops := 0
		for range client.ListAcrossSubscriptions(t.Context(), []string{jobsSubscription, assignmentsSubscription}, list) {
			if loops++; loops == test.loops {
				break
			}
		}
		parent := s.last(t, across)
		assert.Nil(t, parent.parent)
		assert.Equal(t, test.kind != nil, parent.failed)
		assert.Contains(t, parent.status, test.status)
		assert.Equal(t, test.kind, parent.attributes["error.type"])
		pages := 0
		for _, one := range s.list {
			if one.name == page {
				assert.Same(t, parent, one.parent)
				assert.Equal(t, true, one.attributes["nested"])
				pages++
			}
		}
		assert.GreaterOrEqual(t, pages, test.pages)
	})
}

// Listings at the same time share no state of a tracer: the race detector sees it,
// since this tracer has none of its own.
func TestListingsAtTheSameTimeAreTraced(t *testing.T) {
	t.Parallel()
	var started atomic.Int32
	start := func(ctx context.Context, _ string, _ *tracing.SpanOptions) (context.Context, tracing.Span) {
		started.Add(1)
		return ctx, tracing.Span{}
	}
	o := options(respond(200, minimal))
	o.TracingProvider = tracing.NewProvider(func(string, string) tracing.Tracer { return tracing.NewTracer(start, nil) }, nil)
	for _, err := range newAssignmentsClient(t, o).ListAcrossSubscriptions(t.Context(), subscriptionIDs(40), nil) {
		require.NoError(t, err)
	}
	assert.EqualValues(t, 81, started.Load(), "one of the listing, and of each page and its request")
}

func quote(req *http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("no %s %s", req.Header.Get("Authorization"), req.URL.Query())
}

// Each attempt of a call has a span of its own, below that of the call, without secrets.
func TestRetriesHaveSpans(t *testing.T) {
	t.Parallel()
	o, s := traced(script(t, respond(503, "", "x-ms-request-id", "Bearer fake_token"), quote, respond(200, minimal)))
	list := &armsecops.WorkspaceManagerJobsClientListOptions{SkipToken: "a secret/"}
	require.NoError(t, errorOf(newJobsClient(t, o).NewListPager("rg", "workspace", "assignment", list).NextPage(t.Context())))
	require.Equal(t, []string{"WorkspaceManagerJobsClient.NewListPager", "HTTP GET", "HTTP GET", "HTTP GET"}, s.names(t))
	for i, failed := range []bool{false, true, true, false} {
		assert.Equal(t, failed, s.list[i].failed)
		assert.True(t, i == 0 || s.list[i].parent == s.list[0])
		assert.Equal(t, []any{nil, 503, nil, 200}[i], s.list[i].attributes["http.status_code"])
		assert.NotRegexp(t, "secret|fake_token", fmt.Sprint(s.list[i].attributes, s.list[i].status))
	}
}

// Pollers trace their waiting, those of a resume token as well.
func TestPollersAreTraced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, s := traced(fake.NewServer(&fake.ServerOptions{JobSteps: 1, NewID: func() string { return jobName }}))
		c := newJobsClient(t, o)
		require.NoError(t, errorOf(c.Create(t.Context(), "rg", "workspace", "assignment", nil)))
		token := ""
		for range 2 {
			poller := testkit.Must(c.NewJobPoller("rg", "workspace", "assignment", jobName, &armsecops.WorkspaceManagerJobsClientNewJobPollerOptions{ResumeToken: token}))
			token, _ = poller.ResumeToken()
			require.NoError(t, errorOf(poller.PollUntilDone(t.Context(), nil)))
			assert.False(t, s.last(t, "Poller[WorkspaceManagerJobsClientGetResponse].PollUntilDone").failed)
		}
		for resumed, kind := range map[string]any{token: nil, "none": "parameter"} {
			_, _ = c.BeginCreate(t.Context(), "", "", "", &armsecops.WorkspaceManagerJobsClientBeginCreateOptions{ResumeToken: resumed})
			assert.Equal(t, kind, s.last(t, "WorkspaceManagerJobsClient.BeginCreate").attributes["error.type"])
		}
	})
}

// The span of PollUntilDone has what is known of the error that it returns, not of
// a poll that failed meanwhile.
func TestPollersSpansHaveTheFinalError(t *testing.T) {
	t.Parallel()
	job := func(state string) transportFunc {
		return respond(200, `{"name":"`+jobName+`","properties":{"provisioningState":"`+state+`"}}`)
	}
	forbidden := respond(403, `{"error":{"code":"AuthorizationFailed"}}`)
	type test struct {
		polls              []transportFunc
		kind, status, code any
	}
	testkit.EachInBubble(t, map[string]test{
		"not shown at first": {[]transportFunc{respond(404), job("Succeeded")}, nil, nil, nil},
		"a failed job":       {[]transportFunc{job("InProgress"), job("Failed")}, "job", nil, nil},
		"refused":            {[]transportFunc{job("InProgress"), forbidden}, "service", 403, "AuthorizationFailed"},
		"refused earlier":    {[]transportFunc{forbidden, job("InProgress"), job("InProgress"), job("InProgress")}, "timeout", nil, nil},
		"out of time":        {[]transportFunc{respond(404), job("InProgress"), job("InProgress"), job("InProgress")}, "timeout", nil, nil},
	}, func(t *testing.T, test test) {
		o, s := traced(script(t, append([]transportFunc{job("InProgress")}, test.polls...)...))
		ctx, cancel := context.WithTimeoutCause(t.Context(), 80*time.Second, errors.New("enough"))
		defer cancel()
		poller := testkit.Must(newJobsClient(t, o).BeginCreate(ctx, "rg", "workspace", "assignment", nil))
		_, _ = poller.Poll(ctx) // which has a span of its own
		assert.Equal(t, test.kind != nil, errorOf(poller.PollUntilDone(ctx, nil)) != nil)
		span := s.last(t, "Poller[WorkspaceManagerJobsClientGetResponse].PollUntilDone")
		assert.Equal(t, test.kind != nil, span.failed)
		assert.Equal(t, test.kind == "timeout", strings.HasSuffix(span.status, ": enough"))
		a := span.attributes
		assert.Equal(t, []any{jobsSubscription, jobName, test.kind, test.status, test.code},
			[]any{a["az.subscription_id"], a["job"], a["error.type"], a["http.status_code"], a["error.code"]})
	})
}
