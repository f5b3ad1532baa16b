package test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/testkit"
)

// Whether the job may run is known if the context ends before there is a connection.
func TestCreateWhoseDialIsCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := newJobsClient(t, options(&http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		cancel()
		<-ctx.Done()
		return nil, ctx.Err()
	}}})).Create(ctx, "rg", "workspace", "assignment", nil)
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, armsecops.ErrOutcomeUnknown)
}

// A conflict after a write that may have been applied can be that write's doing;
// test/faults has the sentinels, and the other operations.
func TestConflictAfterALostWriteIsUnknown(t *testing.T) {
	t.Parallel()
	const look, again = "; get the resource before sending it again", "; it may have been carried out, and can be sent again"
	for status, want := range map[int]string{400: again, 409: look, 412: look} {
		client := newAssignmentsClient(t, options(script(t, respond(408), respond(status), lost, respond(status))))
		for _, err := range []error{errorOf(client.CreateOrUpdate(t.Context(), "rg", "id", armsecops.Assignment{}, nil)), errorOf(client.Delete(t.Context(), "rg", "id", nil))} {
			assert.Equal(t, want == look, errors.Is(err, armsecops.ErrOutcomeUnknown), err)
			assert.True(t, armsecops.MaybeCarriedOut(err) && strings.HasSuffix(err.Error(), want), err)
		}
	}
}

// A deletion is done if a 404 follows an attempt that may have been it. That another
// 404 came before the end of the context, or of azcore's registration, says nothing.
func TestDeletionThatIsGone(t *testing.T) {
	t.Parallel()
	gone := respond(404, `{"error":{"code":"NotFound"}}`)
	hang := func(req *http.Request) (*http.Response, error) {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	type test struct {
		responses []transportFunc
		retried   []int // status codes; nil for azcore's
		err       error
	}
	testkit.EachInBubble(t, map[string]test{
		"before the context's end": {[]transportFunc{gone, hang}, []int{404}, context.DeadlineExceeded},
		"of the registration":      {[]transportFunc{lost, respond(409, `{"error":{"code":"MissingRegistrationForResourceProvider"}}`), gone}, nil, armsecops.ErrOutcomeUnknown},
	}, func(t *testing.T, test test) {
		o := options(script(t, test.responses...))
		o.Retry.StatusCodes = test.retried
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		assert.ErrorIs(t, errorOf(newAssignmentsClient(t, o).Delete(ctx, "rg", "id", nil)), test.err)
	})
}

// Reads follow the caller's retry options, of the client and of the call.
func TestReadsFollowRetryOptions(t *testing.T) {
	t.Parallel()
	whole := respond(200, `{"name":"whole"}`)
	type test struct {
		retry     policy.RetryOptions
		responses []transportFunc
		err       string // empty: success
	}
	testkit.EachCase(t, map[string]test{
		"retries by default":     {policy.RetryOptions{}, []transportFunc{lost, lost, lost, whole}, ""},
		"no retries":             {policy.RetryOptions{MaxRetries: -1}, []transportFunc{respond(503)}, "503"},
		"one retry":              {policy.RetryOptions{MaxRetries: 1}, []transportFunc{respond(503), respond(503)}, "503"},
		"status code":            {policy.RetryOptions{StatusCodes: []int{418}}, []transportFunc{respond(418), whole}, ""},
		"another status code":    {policy.RetryOptions{StatusCodes: []int{418}}, []transportFunc{respond(503)}, "503"},
		"should retry":           {policy.RetryOptions{ShouldRetry: isStatus(404)}, []transportFunc{respond(404), whole}, ""},
		"should retry, and no":   {policy.RetryOptions{ShouldRetry: isStatus(404)}, []transportFunc{respond(503)}, "503"},
		"should retry, and lost": {policy.RetryOptions{ShouldRetry: isStatus(404)}, []transportFunc{lost}, "unexpected EOF"},
	}, func(t *testing.T, test test) {
		check := func(ctx context.Context, o *armsecops.ClientOptions) {
			t.Helper()
			resp, err := newAssignmentsClient(t, o).Get(ctx, "rg", "id", nil)
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, "whole", resp.Name)
		}
		test.retry.RetryDelay = 1
		perClient := options(script(t, test.responses...))
		perClient.Retry = test.retry
		check(t.Context(), perClient)
		check(policy.WithRetryOptions(t.Context(), test.retry), options(script(t, test.responses...)))
	})
}

// isStatus returns a ShouldRetry of one status code.
func isStatus(code int) func(*http.Response, error) bool {
	return func(resp *http.Response, err error) bool { return err == nil && resp.StatusCode == code }
}

// No call waits at a gate for longer than MaxRetryDelay, in all of its attempts; package throttle has more.
func TestNoCallWaitsLongerThanMaxRetryDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := options(respond(429, "", "Retry-After", "10"))
		o.Retry.MaxRetryDelay = 25 * time.Second // not the default
		client := newAssignmentsClient(t, o)
		var calls sync.WaitGroup
		for range 100 {
			calls.Go(func() {
				start := time.Now()
				assert.ErrorIs(t, errorOf(client.Get(t.Context(), "rg", "id", nil)), armsecops.ErrThrottled)
				assert.LessOrEqual(t, time.Since(start), 25*time.Second+3*10*time.Second+time.Second, "with azcore's own waits, up to three")
			})
		}
		calls.Wait()
	})
}

// A retry that would have to wait too long is the error of the 429 before it.
func TestErrorOfAHeldBackRetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, s := traced(respond(429, `{"error":{"code":"RateLimiting","message":"Busy."}}`, "x-ms-request-id", requestID,
			"x-ms-user-quota-remaining", "0", "x-ms-user-quota-resets-after", "00:02:00"))
		o.Retry.RetryDelay = 2 * time.Second
		_, err := newAssignmentsClient(t, o).NewResourceGraphPager(nil).NextPage(t.Context())
		require.ErrorIs(t, err, armsecops.ErrThrottled)
		assert.Regexp(t, `NewResourceGraphPager: 429 Too Many Requests: RateLimiting: Busy; throttled for another \d+m\d+s, not sent again `+
			`\(retry after .*, request `+requestID+`\)$`, err.Error())
		o.Transport, o.Retry.MaxRetryDelay = respond(429, "", "Retry-After", "20"), time.Minute
		client := newAssignmentsClient(t, o)
		for _, wait := range []string{"azcore's", "at the gate"} {
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
			err := getAssignment("id")(ctx, client)
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded, wait)
			assert.ErrorIs(t, err, armsecops.ErrThrottled, wait)
			assert.Equal(t, []float64{4}, s.last(t, "SecurityAssignmentsClient.Get").waits, wait)
		}
		o.Retry.MaxRetries, o.Retry.MaxRetryDelay = -1, time.Second
		client = newAssignmentsClient(t, o)
		for range 2 {
			require.ErrorIs(t, getAssignment("id")(t.Context(), client), armsecops.ErrThrottled)
		}
		refused := s.last(t, "SecurityAssignmentsClient.Get")
		assert.Equal(t, []any{true, 0}, []any{refused.attributes["throttled"], len(refused.waits)}, "refused at once")
	})
}

// A 429 closes one gate for every query of a factory's clients, until the quota resets, and no subscription's gate.
func TestQueriesShareAGate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var queries atomic.Int32
		o, s := traced(transportFunc(func(req *http.Request) (*http.Response, error) {
			if req.Method == http.MethodPost && queries.Add(1) == 1 {
				return respond(429, "", "x-ms-user-quota-resets-after", "00:00:20")(req)
			}
			return respond(200, minimal, "x-ms-user-quota-resets-after", "00:10:00", "x-ms-user-quota-remaining", "0")(req)
		}))
		o.Retry.MaxRetryDelay = time.Minute
		factory := newFactory(t, &azfake.TokenCredential{}, o)
		assignments := testkit.Must(factory.NewSecurityAssignmentsClient(assignmentsSubscription))
		start := time.Now()
		var calls sync.WaitGroup
		calls.Go(func() { assert.NoError(t, errorOf(assignments.NewResourceGraphPager(nil).NextPage(t.Context()))) })
		synctest.Wait() // the gate is closed
		calls.Go(func() {
			assert.NoError(t, errorOf(factory.NewStandardAssignmentsClient().NewResourceGraphPager(nil).NextPage(t.Context())))
			assert.GreaterOrEqual(t, time.Since(start), 20*time.Second)
		})
		calls.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			service, ok := errors.AsType[*armsecops.ServiceError](errorOf(factory.NewPolicyExemptionsClient().NewResourceGraphPager(nil).NextPage(ctx)))
			assert.True(t, ok && service.RetryAfter == 15*time.Second, "what is left of the 20 seconds")
		})
		calls.Go(func() {
			assert.NoError(t, errorOf(assignments.NewListBySubscriptionPager(nil).NextPage(t.Context())))
			assert.Zero(t, time.Since(start))
		})
		calls.Wait()
		assert.Less(t, time.Since(start), 22*time.Second)
		assert.EqualValues(t, 3, queries.Load())
		for _, client := range []string{"SecurityAssignmentsClient", "StandardAssignmentsClient"} { // one got the 429, the other was held back
			span := s.last(t, client+".NewResourceGraphPager")
			require.Len(t, span.waits, 1)
			assert.InDelta(t, 21, span.waits[0], 1)
			assert.Equal(t, true, span.attributes["throttled"])
		}
	})
}

var recovering = &armsecops.WorkspaceManagerJobsClientBeginCreateOptions{Recover: true}

// A lost response doesn't lose the job, and never starts a second one.
func TestRecover(t *testing.T) {
	t.Parallel()
	const create, list = "WorkspaceManagerJobsClient.Create", "WorkspaceManagerJobsClient.NewListPager"
	lost := fake.Fault{Operation: create, Disconnect: true}
	started := fake.Fault{Operation: create, Disconnect: true, CarriedOut: true}
	type test struct {
		faults   []fake.Fault
		others   int           // jobs that others start
		after    time.Duration // the request
		err      string        // empty if the job is recovered
		requests int           // that start jobs, the others' too
	}
	testkit.EachInBubble(t, map[string]test{
		"the job has started":          {[]fake.Fault{started}, 0, 0, "", 1},
		"it hasn't":                    {[]fake.Fault{lost}, 0, 0, "no job is new", 1},
		"it hasn't, another has":       {[]fake.Fault{lost}, 1, time.Second, "", 2},
		"another has, too":             {[]fake.Fault{started}, 1, time.Second, "2 jobs are new", 2},
		"two others have":              {[]fake.Fault{lost}, 2, time.Second, "2 jobs are new", 3},
		"the listing before fails":     {[]fake.Fault{{Operation: list, StatusCode: 403}}, 0, 0, "403", 0},
		"the listings after fail":      {[]fake.Fault{started, {Operation: list, StatusCode: 403, Skip: 1, Times: 100}}, 0, 0, "listing the jobs failed", 1},
		"the first one after fails":    {[]fake.Fault{started, {Operation: list, StatusCode: 403, Skip: 1}}, 0, 0, "", 1},
		"the request is refused":       {[]fake.Fault{{Operation: create, StatusCode: 409}}, 0, 0, "409", 1},
		"the response isn't readable":  {[]fake.Fault{{Operation: create, Body: "<html>", StatusCode: 200, CarriedOut: true}}, 0, 0, "", 1},
		"the response isn't a success": {[]fake.Fault{{Operation: create, StatusCode: 502, CarriedOut: true}}, 0, 0, "", 1},
	}, func(t *testing.T, test test) {
		srv := fake.NewServer(&fake.ServerOptions{JobSteps: 1, Now: time.Now})
		o, s := traced(srv)
		client := newJobsClient(t, o)
		another := func() { assert.NoError(t, errorOf(client.Create(t.Context(), "rg", "workspace", "assignment", nil))) }
		another() // which has nothing to do with it
		for _, fault := range test.faults {
			srv.Inject(fault)
		}
		for range test.others {
			time.AfterFunc(test.after, another)
		}
		poller, err := client.BeginCreate(t.Context(), "rg", "workspace", "assignment", recovering)
		requests := slices.DeleteFunc(srv.Requests(), func(r fake.Request) bool { return r.Operation != create })
		assert.Len(t, requests, 1+test.requests)
		synctest.Wait()                                              // for the others, whose calls have spans, too
		began := s.last(t, "WorkspaceManagerJobsClient.BeginCreate") // above the requests, some of which may fail
		assert.Equal(t, err != nil, began.failed)
		assert.Same(t, began, s.last(t, list).parent)
		if test.err != "" {
			require.ErrorContains(t, err, test.err)
			unknown := errors.Is(err, armsecops.ErrOutcomeUnknown)
			assert.Equal(t, test.err != "403" && test.err != "409", unknown)
			assert.Equal(t, unknown, strings.Contains(err.Error(), "BeginCreate: the fake server closed the connection: unexpected EOF (https://management.azure.com/subscriptions/"))
			assert.Equal(t, unknown, strings.Contains(err.Error(), "/assignment/jobs); "+armsecops.ErrOutcomeUnknown.Error()))
			return
		}
		require.NoError(t, err)
		assert.NotEqual(t, "outcomeUnknown", s.last(t, create).attributes["error.type"], "which BeginCreate found out")
		srv.Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Get", StatusCode: 404}) // it isn't shown everywhere yet
		job := testkit.Must(poller.PollUntilDone(t.Context(), nil))
		assert.Equal(t, armsecops.ProvisioningStateSucceeded, job.Properties.ProvisioningState)
		assert.Equal(t, job.Name, began.attributes["job"])
	})
}

// A context that ends while the job is looked for leaves the outcome unknown;
// listings that don't end take no longer than a minute.
func TestRecoverIsBounded(t *testing.T) {
	t.Parallel()
	endless := fake.Fault{Operation: "WorkspaceManagerJobsClient.NewListPager", Delay: time.Hour, Skip: 1, Times: 100}
	type test struct {
		listings      []fake.Fault
		context, want time.Duration
	}
	testkit.EachInBubble(t, map[string]test{
		"by its context": {nil, 12 * time.Second, 12 * time.Second},
		"by a minute":    {[]fake.Fault{endless}, time.Hour, time.Minute},
	}, func(t *testing.T, test test) {
		srv := fake.NewServer(nil)
		srv.Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Create", Disconnect: true, CarriedOut: test.listings != nil})
		for _, fault := range test.listings {
			srv.Inject(fault)
		}
		enough := fmt.Errorf("enough: %w", context.DeadlineExceeded)
		ctx, cancel := context.WithTimeoutCause(t.Context(), test.context, enough)
		defer cancel()
		start := time.Now()
		_, err := newJobsClient(t, options(srv)).BeginCreate(ctx, "rg", "workspace", "assignment", recovering)
		require.ErrorIs(t, err, armsecops.ErrOutcomeUnknown)
		assert.Equal(t, test.listings == nil, errors.Is(err, enough), err)
		assert.Equal(t, test.want, time.Since(start))
	})
}

// Poll returns the response as the service sent it, with its headers and the job as its body.
func TestPollReturnsTheResponse(t *testing.T) {
	t.Parallel()
	client := newJobsClient(t, options(testkit.Documented(t, "jobs_create_get_get")))
	poller := testkit.Must(client.BeginCreate(t.Context(), "myRg", "myWorkspace", testkit.JobsAssignment, nil))
	for _, want := range testkit.ReadExchanges(t, "jobs_create_get_get")[1:] {
		received := testkit.Must(poller.Poll(t.Context()))
		want.AssertReceived(t, received)
		body := testkit.Must(runtime.Payload(received))
		testkit.AssertSameJSON(t, want.Response.Body, body)
	}
}

// Scopes and the name of the documented exchanges.
const (
	managementGroup = "/providers/Microsoft.Management/managementGroups/contoso"
	virtualMachine  = "/subscriptions/212f9889-769e-45ae-ab43-6da33674bd26/resourceGroups/ANAT_TEST_RG/providers/Microsoft.Compute/virtualMachines/anatTestE2LA"
	standardName    = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
)
