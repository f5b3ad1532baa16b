package armsecops_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

// waitedJob is the job that the tests of pollers wait for.
var waitedJob = armsecops.JobID{
	SubscriptionID:                 jobsSubscription,
	ResourceGroupName:              "rg",
	WorkspaceName:                  "workspace",
	WorkspaceManagerAssignmentName: "assignment",
	Name:                           "waited-job",
}

// waitedAssignment is the workspace manager assignment of waitedJob.
var waitedAssignment = armsecops.WorkspaceManagerAssignmentID{
	SubscriptionID: waitedJob.SubscriptionID, ResourceGroupName: waitedJob.ResourceGroupName,
	WorkspaceName: waitedJob.WorkspaceName, Name: waitedJob.WorkspaceManagerAssignmentName,
}

// newFake returns a server that names the job it starts as waitedJob is named.
func newFake(steps int) *fake.Server {
	return fake.NewServer(&fake.ServerOptions{JobSteps: steps, NewID: func() string { return waitedJob.Name }})
}

// failingItems end a job Failed.
var failingItems = []armsecops.JobItem{
	{ResourceID: "/rules/one"},
	{
		ResourceID: "/rules/two",
		Status:     armsecops.JobItemStatusFailed,
		Errors:     []armsecops.JobItemError{{MemberResourceName: "member", ErrorMessage: "Forbidden."}},
	},
}

func beginCreate(t testing.TB, client *armsecops.WorkspaceManagerJobsClient) *armsecops.JobPoller {
	t.Helper()
	poller, err := client.BeginCreate(t.Context(), "rg", "workspace", "assignment", nil)
	require.NoError(t, err)
	return poller
}

func newJobPoller(t testing.TB, client *armsecops.WorkspaceManagerJobsClient) *armsecops.JobPoller {
	t.Helper()
	poller, err := client.NewJobPoller("rg", "workspace", "assignment", waitedJob.Name, nil)
	require.NoError(t, err)
	return poller
}

// requestsOf counts the requests of an operation that came in.
func requestsOf(srv *fake.Server, operation string) (n int) {
	for _, r := range srv.Requests() {
		if r.Operation == "WorkspaceManagerJobsClient."+operation {
			n++
		}
	}
	return n
}

func resumeCreate(t testing.TB, client *armsecops.WorkspaceManagerJobsClient, token string) *armsecops.JobPoller {
	t.Helper()
	options := &armsecops.WorkspaceManagerJobsClientBeginCreateOptions{ResumeToken: token}
	poller, err := client.BeginCreate(t.Context(), "rg", "workspace", "assignment", options)
	require.NoError(t, err)
	return poller
}

func resumeJobPoller(t testing.TB, client *armsecops.WorkspaceManagerJobsClient, token string) *armsecops.JobPoller {
	t.Helper()
	options := &armsecops.WorkspaceManagerJobsClientNewJobPollerOptions{ResumeToken: token}
	poller, err := client.NewJobPoller("rg", "workspace", "assignment", waitedJob.Name, options)
	require.NoError(t, err)
	return poller
}

// respondJob returns a transport whose response is waitedJob in a state, with
// pairs of header names and values.
func respondJob(state string, header ...string) transportFunc {
	body := fmt.Sprintf(`{"name":%q,"properties":{"provisioningState":%q}}`, waitedJob.Name, state)
	return respond(200, append([]string{body}, header...)...)
}

func TestPollerEndsInTerminalStatesAlone(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		done, succeeded bool
	}{
		"Succeeded":  {true, true},
		"succeeded":  {true, true},
		"Failed":     {true, false},
		"Canceled":   {true, false},
		"Cancelled":  {true, false},
		"Completed":  {true, true},
		"InProgress": {false, false},
		"Publishing": {false, false},
		"Succeeded ": {false, false},
		"":           {false, false},
	}
	for state, test := range tests {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			poller := newJobPoller(t, newJobsClient(t, options(script(t, respondJob(state)))))
			assert.False(t, poller.Done())
			_, err := poller.Poll(t.Context())
			require.NoError(t, err)
			assert.Equal(t, test.done, poller.Done())
			got, err := poller.Result(t.Context())
			if test.succeeded {
				require.NoError(t, err)
				assert.EqualValues(t, state, got.Properties.ProvisioningState)
				return
			}
			require.Error(t, err)
			failed, ok := errors.AsType[*armsecops.JobFailedError](err)
			assert.Equal(t, test.done, ok)
			if ok {
				assert.EqualValues(t, state, failed.Job.Properties.ProvisioningState)
			}
		})
	}
}

func TestPollUntilDoneWaitsBetweenPolls(t *testing.T) {
	t.Parallel()
	type jobs = []transportFunc
	running, succeeded := respondJob("InProgress"), respondJob("Succeeded")
	after := func(header, value string) transportFunc { return respondJob("InProgress", header, value) }
	tests := map[string]struct {
		jobs      jobs // of Create, then of each Get
		frequency time.Duration
		takes     time.Duration
	}{
		"default frequency":     {jobs{running, running, running, succeeded}, 0, time.Minute},
		"frequency":             {jobs{running, running, succeeded}, 5 * time.Second, 5 * time.Second},
		"unknown states":        {jobs{respondJob("Accepted"), respondJob(""), running, succeeded}, time.Second, 2 * time.Second},
		"ended at once":         {jobs{succeeded}, time.Second, 0},
		"Retry-After of Create": {jobs{after("Retry-After", "7"), running, succeeded}, time.Second, 8 * time.Second},
		"Retry-After of Get":    {jobs{running, after("Retry-After", "90"), running, succeeded}, time.Second, 91 * time.Second},
		"a shorter Retry-After": {jobs{running, after("Retry-After", "2"), succeeded}, time.Minute, 2 * time.Second},
		"milliseconds":          {jobs{running, after("Retry-After-Ms", "1500"), succeeded}, time.Minute, 1500 * time.Millisecond},
		"ten years":             {jobs{running, after("Retry-After", "315360000"), succeeded}, time.Minute, time.Hour},
		"a date of the service": {jobs{running, respondJob("InProgress", "Date", "Fri, 02 Jan 2026 03:14:05 GMT", "Retry-After", "Fri, 02 Jan 2026 03:14:15 GMT"), succeeded}, time.Minute, 10 * time.Second},
		"a longer frequency":    {jobs{running, after("Retry-After", "20211507185753197"), running, succeeded}, 2 * time.Hour, 3 * time.Hour},
		"not shown yet":         {jobs{running, respond(404), respond(404, "", "Retry-After", "7"), running, succeeded}, time.Second, 9 * time.Second},
		"not shown, ten years":  {jobs{running, respond(404, "", "Retry-After", "315360000"), succeeded}, time.Second, time.Hour},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := newJobsClient(t, options(script(t, test.jobs...)))
				start := time.Now()
				got, err := beginCreate(t, client).PollUntilDone(t.Context(), &runtime.PollUntilDoneOptions{Frequency: test.frequency})
				require.NoError(t, err)
				assert.Equal(t, armsecops.ProvisioningStateSucceeded, got.Properties.ProvisioningState)
				assert.Equal(t, waitedJob.Name, got.Name)
				assert.Equal(t, test.takes, time.Since(start))
			})
		})
	}
}

// Progress is called after every poll with the job as it is, and after nothing else.
func TestPollersReportProgress(t *testing.T) {
	t.Parallel()
	type (
		states       = []armsecops.ProvisioningState
		beginOptions = armsecops.WorkspaceManagerJobsClientBeginCreateOptions
		waitOptions  = armsecops.WorkspaceManagerJobsClientNewJobPollerOptions
	)
	running, succeeded, failed := respondJob("InProgress"), respondJob("Succeeded"), respondJob("Failed")
	begin := func(ctx context.Context, c *armsecops.WorkspaceManagerJobsClient, token string, progress func(armsecops.Job)) error {
		poller, err := c.BeginCreate(ctx, "rg", "workspace", "assignment", &beginOptions{ResumeToken: token, Progress: progress})
		if err != nil {
			return err
		}
		_, err = poller.PollUntilDone(ctx, nil)
		return err
	}
	wait := func(ctx context.Context, c *armsecops.WorkspaceManagerJobsClient, token string, progress func(armsecops.Job)) error {
		poller, err := c.NewJobPoller("rg", "workspace", "assignment", waitedJob.Name, &waitOptions{ResumeToken: token, Progress: progress})
		if err != nil {
			return err
		}
		_, err = poller.PollUntilDone(ctx, nil)
		return err
	}
	token, err := newJobPoller(t, newJobsClient(t, options(script(t)))).ResumeToken()
	require.NoError(t, err)
	tests := map[string]struct {
		run       func(context.Context, *armsecops.WorkspaceManagerJobsClient, string, func(armsecops.Job)) error
		token     string
		responses []transportFunc
		want      states
	}{
		"BeginCreate":            {begin, "", []transportFunc{running, running, succeeded}, states{"InProgress", "Succeeded"}},
		"BeginCreate, resumed":   {begin, token, []transportFunc{running, failed}, states{"InProgress", "Failed"}},
		"BeginCreate, ended":     {begin, "", []transportFunc{succeeded}, nil},
		"NewJobPoller":           {wait, "", []transportFunc{running, failed}, states{"InProgress", "Failed"}},
		"NewJobPoller, resumed":  {wait, token, []transportFunc{running, succeeded}, states{"InProgress", "Succeeded"}},
		"a poll that is retried": {wait, "", []transportFunc{running, respond(503), succeeded}, states{"InProgress", "Succeeded"}},
		"a poll that fails":      {wait, "", []transportFunc{running, respond(404)}, states{"InProgress"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var got states
				err := test.run(t.Context(), newJobsClient(t, options(script(t, test.responses...))), test.token, func(job armsecops.Job) {
					assert.Equal(t, waitedJob.Name, job.Name)
					got = append(got, job.Properties.ProvisioningState)
				})
				assert.Equal(t, test.want, got)
				last := test.want != nil && test.want[len(test.want)-1] == armsecops.ProvisioningStateFailed
				assert.Equal(t, last, errors.As(err, new(*armsecops.JobFailedError)))
			})
		})
	}
}

// Transient errors are retried within a Poll. If that doesn't help, the Poll
// fails, and the poller continues with the next one.
func TestPollerSurvivesTransientErrors(t *testing.T) {
	t.Parallel()
	const attempts = 4 // azcore's default
	tests := map[string]struct {
		fault fake.Fault
		err   string // of a Poll whose attempts all fail
		is    error  // nil for none in particular
	}{
		"429":                      {fake.Fault{StatusCode: 429}, "429 Too Many Requests", armsecops.ErrThrottled},
		"500":                      {fake.Fault{StatusCode: 500}, "500 Internal Server Error", nil},
		"503":                      {fake.Fault{StatusCode: 503}, "503 Service Unavailable", nil},
		"disconnected":             {fake.Fault{Disconnect: true}, "unexpected EOF", io.ErrUnexpectedEOF},
		"disconnected in the body": {fake.Fault{Disconnect: true, Truncate: true}, "unexpected EOF", io.ErrUnexpectedEOF},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newFake(100)
				poller := beginCreate(t, newJobsClient(t, options(srv)))
				fault := test.fault
				fault.Operation = "WorkspaceManagerJobsClient.Get"

				srv.Inject(fault)
				_, err := poller.Poll(t.Context())
				require.NoError(t, err, "one more attempt helps")
				assert.Equal(t, 2, requestsOf(srv, "Get"))

				fault.Times = attempts
				srv.Inject(fault)
				_, err = poller.Poll(t.Context())
				require.ErrorContains(t, err, test.err)
				if test.is != nil {
					require.ErrorIs(t, err, test.is)
				}
				require.NotErrorIs(t, err, armsecops.ErrOutcomeUnknown, "the job is known")
				assert.Equal(t, 2+attempts, requestsOf(srv, "Get"))
				srv.AssertFaultsConsumed(t)
				assert.False(t, poller.Done())
				_, err = poller.ResumeToken()
				require.NoError(t, err)

				_, err = poller.Poll(t.Context())
				require.NoError(t, err)
				assert.Equal(t, 1, requestsOf(srv, "Create"))
			})
		})
	}
}

func TestPollUntilDoneResumesAfterAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newFake(3)
		poller := beginCreate(t, newJobsClient(t, options(srv)))
		srv.Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Get", Skip: 1, StatusCode: 429, RetryAfter: time.Hour})
		_, err := poller.PollUntilDone(t.Context(), nil)
		require.ErrorIs(t, err, armsecops.ErrThrottled)
		e, ok := errors.AsType[*armsecops.ErrorResponse](err)
		require.True(t, ok)
		assert.Equal(t, time.Hour, e.RetryAfter)

		time.Sleep(e.RetryAfter)
		got, err := poller.PollUntilDone(t.Context(), nil)
		require.NoError(t, err)
		assert.Equal(t, armsecops.ProvisioningStateSucceeded, got.Properties.ProvisioningState)
		assert.Equal(t, 1, requestsOf(srv, "Create"))
	})
}

func TestPollUntilDoneEndsWithItsContext(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		delay   time.Duration // of a response
		timeout time.Duration
	}{
		"before":               {0, 0},
		"between two requests": {0, 10 * time.Second},
		"in a request":         {time.Minute, 10 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newFake(1)
				poller := beginCreate(t, newJobsClient(t, options(srv)))
				srv.Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Get", Delay: max(test.delay, 1)})
				ctx, cancel := context.WithTimeout(t.Context(), test.timeout)
				defer cancel()
				start := time.Now()
				_, err := poller.PollUntilDone(ctx, nil)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				assert.Equal(t, test.timeout, time.Since(start))

				_, err = poller.PollUntilDone(t.Context(), nil)
				require.NoError(t, err, "the poller is unchanged")
			})
		})
	}
}

func TestPollerReportsThatTheJobWasDeleted(t *testing.T) {
	t.Parallel()
	srv := newFake(100)
	client := newJobsClient(t, options(srv))
	poller := beginCreate(t, client)
	_, err := poller.Poll(t.Context())
	require.NoError(t, err)
	_, err = client.Delete(t.Context(), "rg", "workspace", "assignment", waitedJob.Name, nil)
	require.NoError(t, err)

	_, pollErr := poller.Poll(t.Context())
	_, untilErr := poller.PollUntilDone(t.Context(), nil)
	_, otherErr := newJobPoller(t, client).PollUntilDone(t.Context(), nil)
	for _, err := range []error{pollErr, untilErr, otherErr} {
		require.ErrorIs(t, err, armsecops.ErrNotFound)
		assert.ErrorAs(t, err, new(*armsecops.ErrorResponse))
		assert.ErrorContains(t, err, "the job was deleted while the poller waited")
		assert.ErrorContains(t, err, "404 Not Found")
	}
	assert.False(t, poller.Done())
	assert.Equal(t, 4, requestsOf(srv, "Get"), "one request of each")
}

// Soon after its start, the service may not show a job everywhere.
func TestPollerWaitsForAJobThatIsNotShownYet(t *testing.T) {
	t.Parallel()
	const (
		started = "Fri, 02 Jan 2026 03:04:05 GMT"
		soon    = "Fri, 02 Jan 2026 03:06:04 GMT"
		late    = "Fri, 02 Jan 2026 03:06:05 GMT"
	)
	missing := func(date string) transportFunc { return respond(404, "", "Date", date) }
	tests := map[string]struct {
		create    transportFunc
		after     time.Duration // by the clock here
		responses []transportFunc
		notFound  bool // at the last one
	}{
		"at once":                  {respondJob("InProgress"), 0, []transportFunc{respond(404), respond(404)}, false},
		"within two minutes":       {respondJob("InProgress"), 119 * time.Second, []transportFunc{respond(404)}, false},
		"after two minutes":        {respondJob("InProgress"), 120 * time.Second, []transportFunc{respond(404)}, true},
		"seen, then deleted":       {respondJob("InProgress"), 0, []transportFunc{respond(404), respondJob("InProgress"), respond(404)}, true},
		"by the service's clock":   {respondJob("InProgress", "Date", started), time.Hour, []transportFunc{missing(soon)}, false},
		"late by its clock":        {respondJob("InProgress", "Date", started), 0, []transportFunc{missing(soon), missing(late)}, true},
		"a Date at the start only": {respondJob("InProgress", "Date", started), 119 * time.Second, []transportFunc{respond(404)}, false},
		"a Date of the 404 only":   {respondJob("InProgress"), 2 * time.Minute, []transportFunc{missing(soon)}, true},
		"shown at last":            {respondJob("InProgress"), 0, []transportFunc{respond(404), respond(404), respondJob("InProgress")}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				poller := beginCreate(t, newJobsClient(t, options(script(t, append([]transportFunc{test.create}, test.responses...)...))))
				time.Sleep(test.after)
				for i := range test.responses {
					resp, err := poller.Poll(t.Context())
					assert.False(t, poller.Done())
					if i == len(test.responses)-1 && test.notFound {
						require.ErrorIs(t, err, armsecops.ErrNotFound)
						return
					}
					require.NoError(t, err)
					assert.NotNil(t, resp)
					_, err = poller.ResumeToken()
					require.NoError(t, err)
				}
			})
		})
	}
}

// The pollers of tokens, and of jobs that were started elsewhere, have no such time.
func TestOnlyThePollerOfTheStartWaitsForItsJob(t *testing.T) {
	t.Parallel()
	client := newJobsClient(t, options(script(t, respondJob("InProgress"), respond(404), respond(404), respond(404))))
	token, err := beginCreate(t, client).ResumeToken()
	require.NoError(t, err)
	for _, poller := range []*armsecops.JobPoller{newJobPoller(t, client), resumeJobPoller(t, client, token), resumeCreate(t, client, token)} {
		_, err := poller.Poll(t.Context())
		require.ErrorIs(t, err, armsecops.ErrNotFound)
	}
}

// A job that failed or was canceled is an error that holds the whole job.
func TestPollerReturnsTheFailedJob(t *testing.T) {
	t.Parallel()
	for _, state := range []armsecops.ProvisioningState{"Failed", "Canceled", "canceled", "Cancelled"} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			srv := newFake(0)
			job := armsecops.Job{Properties: armsecops.JobProperties{
				ProvisioningState:    state,
				ErrorMessage:         "see the items",
				Items:                failingItems,
				AdditionalProperties: map[string]json.RawMessage{"attempt": json.RawMessage("2")},
			}}
			srv.Put(waitedJob, job)
			client := newJobsClient(t, options(srv))
			want, err := client.Get(t.Context(), "rg", "workspace", "assignment", waitedJob.Name, nil)
			require.NoError(t, err)

			poller := newJobPoller(t, client)
			got, err := poller.PollUntilDone(t.Context(), nil)
			_, again := poller.Result(t.Context())
			for _, err := range []error{err, again} {
				failed, ok := errors.AsType[*armsecops.JobFailedError](err)
				require.True(t, ok, "%T: %v", err, err)
				assert.Equal(t, want.Job, failed.Job)
				assert.EqualError(t, err, "job waited-job: "+string(state)+": 1 of 2 items failed: see the items"+
					"; /rules/two at member member: Forbidden.")
			}
			assert.Zero(t, got)
			assert.True(t, poller.Done())
		})
	}
}

// A poller of a job that has ended sends nothing more.
func TestPollerOfEndedJobSendsNothing(t *testing.T) {
	t.Parallel()
	begin := func(t *testing.T, state string) *armsecops.JobPoller {
		poller := beginCreate(t, newJobsClient(t, options(script(t, respondJob(state)))))
		assert.True(t, poller.Done())
		resp, err := poller.Poll(t.Context())
		require.NoError(t, err)
		got, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.JSONEq(t, `{"name":"waited-job","properties":{"provisioningState":"`+state+`"}}`, string(got), "the response to Create")
		_, err = poller.ResumeToken()
		require.Error(t, err, "there is nothing to wait for")
		return poller
	}
	got, err := begin(t, "Succeeded").PollUntilDone(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, waitedJob.Name, got.Name)
	_, err = begin(t, "Failed").PollUntilDone(t.Context(), nil)
	assert.ErrorAs(t, err, new(*armsecops.JobFailedError))
}

// A job without a usable name cannot be waited for, though it may well run.
func TestBeginCreateNeedsTheNameOfTheJob(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"no name":             `{"properties":{"provisioningState":"InProgress"}}`,
		"empty object":        `{}`,
		"null":                `{"name":null}`,
		"empty":               `{"name":""}`,
		"too short":           `{"name":"ab"}`,
		"relative":            `{"name":"..."}`,
		"path":                `{"name":"../../jobs/other"}`,
		"query":               `{"name":"job?x=y"}`,
		"control characters":  `{"name":"\u001b[31mjob"}`,
		"too long to print":   `{"name":"` + strings.Repeat("-", 10_000) + `"}`,
		"has ended, nameless": `{"properties":{"provisioningState":"Succeeded"}}`,
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newJobsClient(t, options(script(t, respond(200, body))))
			poller, err := client.BeginCreate(t.Context(), "rg", "workspace", "assignment", nil)
			require.ErrorIs(t, err, armsecops.ErrOutcomeUnknown)
			assert.ErrorContains(t, err, "WorkspaceManagerJobsClient.BeginCreate: ")
			assert.NotContains(t, err.Error(), "\x1b")
			assert.Less(t, len(err.Error()), 1000)
			assert.Nil(t, poller)
		})
	}
}

// NewJobPoller sends nothing, and its poller never starts a job.
func TestNewJobPollerStartsNothing(t *testing.T) {
	t.Parallel()
	srv := newFake(0)
	srv.Put(waitedJob, armsecops.Job{Properties: armsecops.JobProperties{ProvisioningState: "Succeeded"}})
	poller := newJobPoller(t, newJobsClient(t, options(srv)))
	assert.Empty(t, srv.Requests())
	got, err := poller.PollUntilDone(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, waitedJob.String(), got.ID)
	assert.Equal(t, 1, requestsOf(srv, "Get"))
	assert.Len(t, srv.Requests(), 1)
}

// outcome is how the wait for a job ended.
type outcome struct {
	Job    armsecops.Job
	Failed bool
}

func newOutcome(t *testing.T, job armsecops.Job, err error) outcome {
	t.Helper()
	if failed, ok := errors.AsType[*armsecops.JobFailedError](err); ok {
		return outcome{failed.Job, true}
	}
	require.NoError(t, err)
	return outcome{job, false}
}

// waitFor waits with the poller and returns how its job ended.
func waitFor(t *testing.T, poller *armsecops.JobPoller) outcome {
	t.Helper()
	got, err := poller.PollUntilDone(t.Context(), nil)
	return newOutcome(t, got.Job, err)
}

// A second client, as another process would have it, has nothing but the token.
func TestResumeTokenIsEnoughForAnotherClient(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		items  []armsecops.JobItem
		failed bool
	}{
		"failed":    {failingItems, true},
		"succeeded": {failingItems[:1], false},
	}
	for name, test := range tests {
		for _, begun := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, begun by the poller %t", name, begun), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv := newFake(3)
					srv.SetJobItems(waitedAssignment, test.items)
					client, another := newJobsClient(t, options(srv)), newJobsClient(t, options(srv))
					poller := beginCreate(t, client)
					_, err := poller.Poll(t.Context())
					require.NoError(t, err)
					var there outcome
					if begun {
						token, err := poller.ResumeToken()
						require.NoError(t, err)
						there = waitFor(t, resumeCreate(t, another, token))
					} else {
						token, err := newJobPoller(t, client).ResumeToken()
						require.NoError(t, err)
						there = waitFor(t, resumeJobPoller(t, another, token))
					}
					here := waitFor(t, poller)
					assert.Equal(t, test.failed, here.Failed)
					assert.Len(t, here.Job.Properties.Items, len(test.items))
					assert.Equal(t, here, there)
					assert.Equal(t, 1, requestsOf(srv, "Create"))
					assert.Equal(t, 5, requestsOf(srv, "Get"), "one here, three there up to the end, and one more here")
				})
			})
		}
	}
}

// arguments name a job.
type arguments struct{ subscription, group, workspace, assignment, job string }

// replaced returns a function that replaces text in a token, which must have it.
func replaced(t *testing.T, old, replacement string) func(token string) string {
	return func(token string) string {
		t.Helper()
		require.Contains(t, token, old)
		return strings.Replace(token, old, replacement, 1)
	}
}

// A token resumes the wait for its own job and for no other. Nothing is sent for one that doesn't fit.
func TestResumeTokenIsBoundToItsJob(t *testing.T) {
	t.Parallel()
	own := arguments{jobsSubscription, "rg", "workspace", "assignment", waitedJob.Name}
	with := func(change func(*arguments)) arguments {
		a := own
		change(&a)
		return a
	}
	same := func(token string) string { return token }
	otherCase := arguments{strings.ToUpper(jobsSubscription), "RG", "Workspace", "ASSIGNMENT", "Waited-Job"}
	otherSubscription := with(func(a *arguments) { a.subscription = assignmentsSubscription })
	tests := map[string]struct {
		arguments arguments
		alter     func(token string) string
		accepted  bool // by NewJobPoller
		begin     bool // by BeginCreate, which doesn't name the job
	}{
		"own":                  {own, same, true, true},
		"names from the token": {arguments{subscription: jobsSubscription}, same, true, true},
		"own, in another case": {otherCase, same, true, true},
		"another subscription": {otherSubscription, same, false, false},
		"another group":        {with(func(a *arguments) { a.group = "rg2" }), same, false, false},
		"another workspace":    {with(func(a *arguments) { a.workspace = "workspace2" }), same, false, false},
		"another assignment":   {with(func(a *arguments) { a.assignment = "assignment2" }), same, false, false},
		"another job":          {with(func(a *arguments) { a.job = "another-job" }), same, false, true},
		"altered job":          {own, replaced(t, "waited-job", "other-job"), false, false},
		"altered subscription": {otherSubscription, replaced(t, jobsSubscription, assignmentsSubscription), false, false},
		"path that climbs":     {own, replaced(t, "waited-job", ".."), false, false},
		"of another client":    {own, replaced(t, "WorkspaceManagerJobsClient", "AnotherClient"), false, false},
		"control characters":   {own, replaced(t, "WorkspaceManagerJobsClient", `\u001b[31m`), false, false},
		"of an earlier Create": {own, replaced(t, "ClientGetResponse", "ClientCreateResponse"), true, true},
		"of azcore's fakes":    {own, replaced(t, `"jobId"`, `"fakeURL":"https://elsewhere.example","jobId"`), true, true},
	}
	client := newJobsClient(t, options(newFake(1)))
	createToken, err := beginCreate(t, client).ResumeToken()
	require.NoError(t, err)
	getToken, err := newJobPoller(t, client).ResumeToken()
	require.NoError(t, err)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := test.arguments
			client, err := newFactory(t, &azfake.TokenCredential{}, options(script(t))).NewWorkspaceManagerJobsClient(a.subscription)
			require.NoError(t, err)
			begin := func(token string) error {
				options := &armsecops.WorkspaceManagerJobsClientBeginCreateOptions{ResumeToken: token}
				_, err := client.BeginCreate(t.Context(), a.group, a.workspace, a.assignment, options)
				return err
			}
			wait := func(token string) error {
				options := &armsecops.WorkspaceManagerJobsClientNewJobPollerOptions{ResumeToken: token}
				_, err := client.NewJobPoller(a.group, a.workspace, a.assignment, a.job, options)
				return err
			}
			check := func(err error, accepted bool) {
				t.Helper()
				if accepted {
					require.NoError(t, err)
					return
				}
				assertParameterError(t, err, "ResumeToken")
				assert.ErrorContains(t, err, " must be a token of ")
				assert.NotContains(t, err.Error(), "\x1b")
				assert.NotContains(t, err.Error(), waitedJob.Name, "a token appears in no error")
			}
			check(begin(test.alter(createToken)), test.begin)
			check(wait(test.alter(getToken)), test.accepted)
			check(begin(test.alter(getToken)), test.begin)
			check(wait(test.alter(createToken)), test.accepted)
		})
	}
}
