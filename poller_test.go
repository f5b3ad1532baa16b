package armsecops_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
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
	"github.com/armsecops/armsecops/internal/testkit"
)

// waitedJob is the job that the tests of pollers wait for.
var waitedJob = armsecops.JobID{jobsSubscription, "rg", "workspace", "assignment", "waited-job"}

// newFake returns a server that names the job it starts as waitedJob is named.
func newFake(steps int) *fake.Server {
	return fake.NewServer(&fake.ServerOptions{JobSteps: steps, NewID: func() string { return waitedJob.Name }})
}

// failingItems end a job Failed.
var failingItems = []armsecops.JobItem{{ResourceID: "/rules/one"}, {
	ResourceID: "/rules/two", Status: armsecops.JobItemStatusFailed,
	Errors: []armsecops.JobItemError{{MemberResourceName: "member", ErrorMessage: "Forbidden."}},
}}

type (
	beginOptions = armsecops.WorkspaceManagerJobsClientBeginCreateOptions
	waitOptions  = armsecops.WorkspaceManagerJobsClientNewJobPollerOptions
)

func beginCreate(t testing.TB, client *armsecops.WorkspaceManagerJobsClient, o *beginOptions) *armsecops.JobPoller {
	return testkit.Must(client.BeginCreate(t.Context(), "rg", "workspace", "assignment", o))
}

func newJobPoller(t testing.TB, client *armsecops.WorkspaceManagerJobsClient, o *waitOptions) *armsecops.JobPoller {
	return testkit.Must(client.NewJobPoller("rg", "workspace", "assignment", waitedJob.Name, o))
}

func resumeToken(t testing.TB, poller *armsecops.JobPoller) string {
	return testkit.Must(poller.ResumeToken())
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

// respondJob returns a transport whose response is waitedJob in a state, with pairs of header names and values.
func respondJob(state string, header ...string) transportFunc {
	body := fmt.Sprintf(`{"name":%q,"properties":{"provisioningState":%q}}`, waitedJob.Name, state)
	return respond(200, append([]string{body}, header...)...)
}

var running, succeeded, failed = respondJob("InProgress"), respondJob("Succeeded"), respondJob("Failed")

func TestPollerEndsInTerminalStatesAlone(t *testing.T) {
	t.Parallel()
	type end struct{ done, succeeded bool }
	for state, want := range map[armsecops.ProvisioningState]end{
		"Succeeded": {true, true}, "succeeded": {true, true}, "SUCCEEDED": {true, true}, "Completed": {true, true},
		"Failed": {true, false}, "Canceled": {true, false}, "canceled": {true, false}, "Cancelled": {true, false},
		"InProgress": {}, "Publishing": {}, "Paused": {}, "Succeeded ": {}, "": {},
	} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			poller := newJobPoller(t, newJobsClient(t, options(script(t, respondJob(string(state))))), nil)
			assert.False(t, poller.Done())
			require.NoError(t, failure(poller.Poll(t.Context())))
			assert.Equal(t, want.done, poller.Done())
			assert.Equal(t, want.done, state.Terminal())
			got, err := poller.Result(t.Context())
			failed, isFailed := errors.AsType[*armsecops.JobFailedError](err)
			assert.Equal(t, want.done && !want.succeeded, isFailed)
			assert.Equal(t, want.succeeded, err == nil)
			if isFailed {
				got.Job = failed.Job
			}
			if want.done {
				assert.Equal(t, state, got.Properties.ProvisioningState)
			}
		})
	}
}

func TestPollUntilDoneWaitsBetweenPolls(t *testing.T) {
	t.Parallel()
	type jobs = []transportFunc
	after := func(header, value string) transportFunc { return respondJob("InProgress", header, value) }
	type test struct {
		jobs      jobs // of Create, then of each Get
		frequency time.Duration
		takes     time.Duration
	}
	testkit.EachInBubble(t, map[string]test{
		"default frequency":     {jobs{running, running, running, succeeded}, 0, time.Minute},
		"frequency":             {jobs{running, running, succeeded}, 5 * time.Second, 5 * time.Second},
		"unknown states":        {jobs{respondJob("Accepted"), respondJob(""), running, succeeded}, time.Second, 2 * time.Second},
		"ended at once":         {jobs{succeeded}, time.Second, 0},
		"Retry-After of Create": {jobs{after("Retry-After", "7"), running, succeeded}, time.Second, 8 * time.Second},
		"ten years, of Create":  {jobs{after("Retry-After", "315360000"), running, succeeded}, time.Second, time.Hour + time.Second},
		"Retry-After of Get":    {jobs{running, after("Retry-After", "90"), running, succeeded}, time.Second, 91 * time.Second},
		"a shorter Retry-After": {jobs{running, after("Retry-After", "2"), succeeded}, time.Minute, 2 * time.Second},
		"ten years":             {jobs{running, after("Retry-After", "315360000"), succeeded}, time.Minute, time.Hour},
		"a longer frequency":    {jobs{running, after("Retry-After", "20211507185753197"), running, succeeded}, 2 * time.Hour, 3 * time.Hour},
		"not shown yet":         {jobs{running, respond(404), respond(404, "", "Retry-After", "7"), running, succeeded}, time.Second, 9 * time.Second},
		"not shown, ten years":  {jobs{running, respond(404, "", "Retry-After", "315360000"), succeeded}, time.Second, time.Hour},
	}, func(t *testing.T, test test) {
		client, start := newJobsClient(t, options(script(t, test.jobs...))), time.Now()
		got := testkit.Must(beginCreate(t, client, nil).PollUntilDone(t.Context(), &runtime.PollUntilDoneOptions{Frequency: test.frequency}))
		assert.Equal(t, armsecops.ProvisioningStateSucceeded, got.Properties.ProvisioningState)
		assert.Equal(t, waitedJob.Name, got.Name)
		assert.Equal(t, test.takes, time.Since(start))
	})
}

// Progress is called after every poll with the job as it is, and after nothing else.
func TestPollersReportProgress(t *testing.T) {
	t.Parallel()
	type states = []armsecops.ProvisioningState
	token := resumeToken(t, newJobPoller(t, newJobsClient(t, options(script(t))), nil))
	type test struct {
		begin     bool
		token     string
		responses []transportFunc
		want      states
	}
	testkit.EachInBubble(t, map[string]test{
		"BeginCreate":            {true, "", []transportFunc{running, running, succeeded}, states{"InProgress", "Succeeded"}},
		"BeginCreate, resumed":   {true, token, []transportFunc{running, failed}, states{"InProgress", "Failed"}},
		"BeginCreate, ended":     {true, "", []transportFunc{succeeded}, nil},
		"NewJobPoller":           {false, "", []transportFunc{running, failed}, states{"InProgress", "Failed"}},
		"NewJobPoller, resumed":  {false, token, []transportFunc{running, succeeded}, states{"InProgress", "Succeeded"}},
		"a poll that is retried": {false, "", []transportFunc{running, respond(503), succeeded}, states{"InProgress", "Succeeded"}},
		"a poll that fails":      {false, "", []transportFunc{running, respond(404)}, states{"InProgress"}},
	}, func(t *testing.T, test test) {
		var got states
		progress := func(job armsecops.Job) {
			assert.Equal(t, waitedJob.Name, job.Name)
			got = append(got, job.Properties.ProvisioningState)
		}
		client := newJobsClient(t, options(script(t, test.responses...)))
		var poller *armsecops.JobPoller
		if test.begin {
			poller = beginCreate(t, client, &beginOptions{ResumeToken: test.token, Progress: progress})
		} else {
			poller = newJobPoller(t, client, &waitOptions{ResumeToken: test.token, Progress: progress})
		}
		_, err := poller.PollUntilDone(t.Context(), nil)
		assert.Equal(t, test.want, got)
		assert.Equal(t, slices.Contains(test.want, "Failed"), errors.As(err, new(*armsecops.JobFailedError)))
	})
}

// Transient errors are retried within a Poll. If that doesn't help, the Poll fails, and the poller continues with the next one.
func TestPollerSurvivesTransientErrors(t *testing.T) {
	t.Parallel()
	const attempts = 4 // azcore's default
	type test struct {
		fault fake.Fault
		err   string
		is    error // nil for none in particular
	}
	testkit.EachInBubble(t, map[string]test{
		"429":          {fake.Fault{StatusCode: 429}, "429 Too Many Requests", armsecops.ErrThrottled},
		"503":          {fake.Fault{StatusCode: 503}, "503 Service Unavailable", nil},
		"disconnected": {fake.Fault{Disconnect: true}, "unexpected EOF", io.ErrUnexpectedEOF},
	}, func(t *testing.T, test test) {
		srv := newFake(100)
		poller := beginCreate(t, newJobsClient(t, options(srv)), nil)
		test.fault.Operation, test.fault.Times = "WorkspaceManagerJobsClient.Get", attempts
		srv.Inject(test.fault)
		_, err := poller.Poll(t.Context())
		require.ErrorContains(t, err, test.err)
		if test.is != nil {
			require.ErrorIs(t, err, test.is)
		}
		require.NotErrorIs(t, err, armsecops.ErrOutcomeUnknown, "the job is known")
		srv.AssertFaultsConsumed(t)
		assert.False(t, poller.Done())
		resumeToken(t, poller)
		test.fault.Times = attempts - 1
		srv.Inject(test.fault)
		require.NoError(t, failure(poller.Poll(t.Context())), "one more attempt helps")
		assert.Equal(t, 2*attempts, requestsOf(srv, "Get"))
		assert.Equal(t, 1, requestsOf(srv, "Create"))
	})
}

func TestPollUntilDoneEndsWithItsContext(t *testing.T) {
	t.Parallel()
	type test struct{ delay, timeout time.Duration } // of a response, of the wait
	testkit.EachInBubble(t, map[string]test{
		"before":               {0, 0},
		"between two requests": {0, 10 * time.Second},
		"in a request":         {time.Minute, 10 * time.Second},
	}, func(t *testing.T, test test) {
		srv := newFake(1)
		poller := beginCreate(t, newJobsClient(t, options(srv)), nil)
		srv.Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Get", Delay: max(test.delay, 1)})
		ctx, cancel := context.WithTimeout(t.Context(), test.timeout)
		defer cancel()
		start := time.Now()
		require.ErrorIs(t, failure(poller.PollUntilDone(ctx, nil)), context.DeadlineExceeded)
		assert.Equal(t, test.timeout, time.Since(start))
		require.NoError(t, failure(poller.PollUntilDone(t.Context(), nil)), "the poller is unchanged")
	})
}

// Only the poller that has just started the job waits for it to be shown.
func TestPollerReportsThatTheJobWasDeleted(t *testing.T) {
	t.Parallel()
	gone := respond(404, `{"error":{"code":"NotFound"}}`)
	client := newJobsClient(t, options(script(t, running, running, gone, gone, gone, gone, gone))) // a request for each error
	poller := beginCreate(t, client, nil)
	token := resumeToken(t, poller)
	require.NoError(t, failure(poller.Poll(t.Context())))
	for _, err := range []error{
		failure(poller.Poll(t.Context())),
		failure(poller.PollUntilDone(t.Context(), nil)),
		failure(newJobPoller(t, client, nil).PollUntilDone(t.Context(), nil)),
		failure(newJobPoller(t, client, &waitOptions{ResumeToken: token}).Poll(t.Context())),
		failure(beginCreate(t, client, &beginOptions{ResumeToken: token}).Poll(t.Context())),
	} {
		require.ErrorIs(t, err, armsecops.ErrNotFound)
		assert.ErrorAs(t, err, new(*armsecops.ErrorResponse))
		assert.Regexp(t, "404 Not Found.*the job was deleted while the poller waited", err.Error())
	}
	assert.False(t, poller.Done())
	for _, other := range []string{"<p>No route</p>", "No route", `{"detail":"No route"}`, "", `{"error":{"code":"SubscriptionNotFound"}}`} { // which say nothing of the job
		assert.NotContains(t, failure(newJobPoller(t, newJobsClient(t, options(respond(404, other))), nil).Poll(t.Context())).Error(), "deleted")
	}
}

// The error of a wait names the job: of one that its context ends, between two polls or in one, and of one whose poll fails.
func TestWaitForJob(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	wait := func(o *waitOptions, responses ...transportFunc) (armsecops.Job, error) {
		return armsecops.WaitForJob(ctx, newJobPoller(t, newJobsClient(t, options(script(t, responses...))), o), nil)
	}
	for body, runs := range map[string]bool{`{"error":{"code":"NotFound"}}`: false, `{"error":{"code":"ParentResourceNotFound"}}`: false, `{"error":{"code":"SubscriptionNotFound"}}`: true, "<html>": true} {
		assert.Equal(t, runs, strings.HasSuffix(failure(wait(nil, respond(404, body))).Error(), "; the job may still run"), body)
	}
	job, _ := wait(nil, succeeded)
	failing, jobErr := wait(nil, failed)
	assert.ErrorAs(t, jobErr, new(*armsecops.JobFailedError))
	assert.Equal(t, []string{waitedJob.Name, waitedJob.Name}, []string{job.Name, failing.Name}, "it is returned, too")
	for _, item := range []string{`{"status":"Failed"}`, `{"errors":[{"memberResourceName":"m"}]}`} {
		_, err := wait(nil, respond(200, `{"name":"j","properties":{"provisioningState":"Succeeded","items":[{"status":"Succeeded"},`+item+`]}}`))
		assert.ErrorContains(t, err, ": Succeeded: 1 of 2 items failed", "whatever its state")
	}
	const ended = "context canceled: job another: Failed: 0 of 0 items failed" // that of another job, as of an errgroup
	another := &armsecops.JobFailedError{Job: armsecops.Job{Name: "another", Properties: armsecops.JobProperties{ProvisioningState: "Failed"}}}
	left, err := wait(&waitOptions{Progress: func(armsecops.Job) { cancel(another) }}, running)
	assert.ErrorIs(t, err, armsecops.ErrJobMayRun)
	assert.Equal(t, armsecops.Job{ID: waitedJob.String(), Name: waitedJob.Name}, left)
	assert.EqualError(t, err, "WaitForJob: "+ended+"; the job "+waitedJob.String()+" may still run")
	assert.Subset(t, logged(t, err), map[string]any{"kind": "canceled", "message": ended + "; the job may still run", "job": waitedJob.Name, "jobId": waitedJob.String()})
	err = failure(wait(nil)) // whose request isn't sent
	assert.EqualError(t, err, "WaitForJob: WorkspaceManagerJobsClient.Get: "+ended+" (https://management.azure.com"+waitedJob.String()+"); the job may still run")
	assert.Subset(t, logged(t, err), map[string]any{"kind": "canceled", "message": ended + "; the job may still run", "job": waitedJob.Name, "request": "WorkspaceManagerJobsClient.Get"})
	assertParameterError(t, failure(armsecops.WaitForJob(ctx, nil, nil)), "poller") // and no wait
	refusing, _ := runtime.NewPoller(nil, runtime.Pipeline{}, &runtime.NewPollerOptions[armsecops.WorkspaceManagerJobsClientGetResponse]{Handler: refusingPoller{}})
	err = failure(armsecops.WaitForJob(t.Context(), refusing, &runtime.PollUntilDoneOptions{Frequency: time.Millisecond}))
	assertParameterError(t, err, "Frequency")
	assert.ErrorIs(t, err, armsecops.ErrJobMayRun, "it was started")
}

// refusingPoller has an error that isn't typed, as azcore's of the Frequency outside of tests.
type refusingPoller struct {
	runtime.PollingHandler[armsecops.WorkspaceManagerJobsClientGetResponse]
}

func (refusingPoller) Done() bool                                   { return false }
func (refusingPoller) Poll(context.Context) (*http.Response, error) { return nil, io.ErrNoProgress }

// Soon after its start, the service may not show a job everywhere.
func TestPollerWaitsForAJobThatIsNotShownYet(t *testing.T) {
	t.Parallel()
	const (
		started = "Fri, 02 Jan 2026 03:04:05 GMT"
		soon    = "Fri, 02 Jan 2026 03:06:04 GMT"
		late    = "Fri, 02 Jan 2026 03:06:05 GMT"
	)
	dated, missing := respondJob("InProgress", "Date", started), respond(404)
	missingAt := func(date string) transportFunc { return respond(404, "", "Date", date) }
	type test struct {
		responses []transportFunc // to Create, then to each Get
		after     time.Duration   // by the clock here
		notFound  bool            // at the last one
	}
	testkit.EachInBubble(t, map[string]test{
		"at once":                  {[]transportFunc{running, missing, missing}, 0, false},
		"within two minutes":       {[]transportFunc{running, missing}, 119 * time.Second, false},
		"after two minutes":        {[]transportFunc{running, missing}, 120 * time.Second, true},
		"seen, then deleted":       {[]transportFunc{running, missing, running, missing}, 0, true},
		"by the service's clock":   {[]transportFunc{dated, missingAt(soon)}, time.Hour, false},
		"late by its clock":        {[]transportFunc{dated, missingAt(soon), missingAt(late)}, 0, true},
		"a Date at the start only": {[]transportFunc{dated, missing}, 119 * time.Second, false},
		"later, by the same Date":  {[]transportFunc{dated, missing}, 120 * time.Second, true},
		"a Date of the 404 only":   {[]transportFunc{running, missingAt(soon)}, 2 * time.Minute, true},
		"shown at last":            {[]transportFunc{running, missing, missing, running}, 0, false},
	}, func(t *testing.T, test test) {
		poller := beginCreate(t, newJobsClient(t, options(script(t, test.responses...))), nil)
		time.Sleep(test.after)
		for i := range test.responses[1:] {
			resp, err := poller.Poll(t.Context())
			assert.False(t, poller.Done())
			if i == len(test.responses)-2 && test.notFound {
				require.ErrorIs(t, err, armsecops.ErrNotFound)
				return
			}
			require.NoError(t, err)
			assert.NotNil(t, resp)
			resumeToken(t, poller)
		}
	})
}

// A job that failed or was canceled is an error that holds the whole job. NewJobPoller
// sends nothing, and its poller never starts a job.
func TestPollerReturnsTheFailedJob(t *testing.T) {
	t.Parallel()
	srv := newFake(0)
	srv.Put(waitedJob, armsecops.Job{Properties: armsecops.JobProperties{
		ProvisioningState:    "canceled",
		ErrorMessage:         "see the items",
		Items:                failingItems,
		AdditionalProperties: map[string]json.RawMessage{"attempt": json.RawMessage("2")},
	}})
	client := newJobsClient(t, options(srv))
	poller := newJobPoller(t, client, nil)
	assert.Empty(t, srv.Requests())
	got, err := poller.PollUntilDone(t.Context(), nil)
	_, again := poller.Result(t.Context())
	assert.Len(t, srv.Requests(), 1)
	want, getErr := client.Get(t.Context(), "rg", "workspace", "assignment", waitedJob.Name, nil)
	require.NoError(t, getErr)
	for _, err := range []error{err, again} {
		failed := as[*armsecops.JobFailedError](t, err)
		assert.Equal(t, want.Job, failed.Job)
		assert.EqualError(t, err, "WorkspaceManagerJobsClient.NewJobPoller: job waited-job of assignment assignment in workspace workspace, resource group rg, subscription "+jobsSubscription+": canceled: 1 of 2 items failed: see the items; /rules/two at member member: Forbidden.")
	}
	assert.Zero(t, got)
	assert.True(t, poller.Done())
}

// A poller of a job that has ended sends nothing more.
func TestPollerOfEndedJobSendsNothing(t *testing.T) {
	t.Parallel()
	for state, failed := range map[string]bool{"Succeeded": false, "Failed": true} {
		poller := beginCreate(t, newJobsClient(t, options(script(t, respondJob(state)))), nil)
		assert.True(t, poller.Done())
		resp := testkit.Must(poller.Poll(t.Context()))
		body := testkit.Must(io.ReadAll(resp.Body))
		assert.JSONEq(t, `{"name":"waited-job","properties":{"provisioningState":"`+state+`"}}`, string(body), "the response to Create")
		require.Error(t, failure(poller.ResumeToken()), "there is nothing to wait for")
		job, hasFailed := waitFor(t, poller)
		assert.Equal(t, waitedJob.Name, job.Name)
		assert.Equal(t, failed, hasFailed)
	}
}

// A job without a usable name cannot be waited for, though it may well run.
func TestBeginCreateNeedsTheNameOfTheJob(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"properties":{"provisioningState":"InProgress"}}`, `{"properties":{"provisioningState":"Succeeded"}}`,
		`{}`, `{"name":null}`, `{"name":""}`, `{"name":"ab"}`, `{"name":"..."}`, `{"name":"../../jobs/other"}`, `{"name":"job?x=y"}`,
		`{"name":"\u001b[31mjob"}`, `{"name":"` + strings.Repeat("-", 10_000) + `"}`,
	} {
		client := newJobsClient(t, options(script(t, respond(200, body))))
		poller, err := client.BeginCreate(t.Context(), "rg", "workspace", "assignment", nil)
		require.ErrorIs(t, err, armsecops.ErrOutcomeUnknown, body)
		require.ErrorIs(t, err, armsecops.ErrUnexpectedResponse, body)
		assert.Equal(t, 200, as[*armsecops.ServiceError](t, err).StatusCode)
		assert.ErrorContains(t, err, "WorkspaceManagerJobsClient.BeginCreate: ")
		assert.NotContains(t, err.Error(), "\x1b")
		assert.Less(t, len(err.Error()), 1000)
		assert.Nil(t, poller)
	}
}

// waitFor waits with the poller and returns its job as it ended, and whether it failed.
func waitFor(t *testing.T, poller *armsecops.JobPoller) (job armsecops.Job, failed bool) {
	got, err := poller.PollUntilDone(t.Context(), nil)
	if failed, ok := errors.AsType[*armsecops.JobFailedError](err); ok {
		return failed.Job, true
	}
	require.NoError(t, err)
	return got.Job, false
}

// A second client, as another process would have it, has nothing but the token.
func TestResumeTokenIsEnoughForAnotherClient(t *testing.T) {
	t.Parallel()
	assignment := armsecops.WorkspaceManagerAssignmentID{jobsSubscription, "rg", "workspace", "assignment"}
	for _, items := range [][]armsecops.JobItem{failingItems, failingItems[:1]} {
		for _, begun := range []bool{true, false} { // by the poller that is resumed
			synctest.Test(t, func(t *testing.T) {
				srv := newFake(3)
				srv.SetJobItems(assignment, items)
				client, another := newJobsClient(t, options(srv)), newJobsClient(t, options(srv))
				poller := beginCreate(t, client, nil)
				require.NoError(t, failure(poller.Poll(t.Context())))
				var resumed *armsecops.JobPoller
				if begun {
					resumed = beginCreate(t, another, &beginOptions{ResumeToken: resumeToken(t, poller)})
				} else {
					resumed = newJobPoller(t, another, &waitOptions{ResumeToken: resumeToken(t, newJobPoller(t, client, nil))})
				}
				there, thereFailed := waitFor(t, resumed)
				here, hereFailed := waitFor(t, poller)
				assert.Equal(t, len(items) > 1, hereFailed)
				assert.Equal(t, hereFailed, thereFailed)
				assert.Len(t, here.Properties.Items, len(items))
				assert.Equal(t, here, there)
				assert.Equal(t, 1, requestsOf(srv, "Create"))
				assert.Equal(t, 5, requestsOf(srv, "Get"), "one here, three there up to the end, and one more here")
			})
		}
	}
}

// A token resumes the wait for its own job and for no other. Nothing is sent for one that doesn't fit.
func TestResumeTokenIsBoundToItsJob(t *testing.T) {
	t.Parallel()
	const name = "waited-job"
	own, otherSubscription := waitedJob, armsecops.JobID{assignmentsSubscription, "rg", "workspace", "assignment", name}
	type test struct {
		arguments armsecops.JobID
		old, new  string // what is altered in the token
		accepted  bool   // by NewJobPoller
		begin     bool   // by BeginCreate, which doesn't name the job
		reason    string // why not
	}
	tests := map[string]test{
		"own":                  {own, "", "", true, true, ""},
		"names from the token": {armsecops.JobID{SubscriptionID: jobsSubscription}, "", "", true, true, ""},
		"own, in another case": {armsecops.JobID{strings.ToUpper(jobsSubscription), "RG", "Workspace", "ASSIGNMENT", "Waited-Job"}, "", "", true, true, ""},
		"another subscription": {otherSubscription, "", "", false, false, "its job has another subscriptionID"},
		"another group":        {armsecops.JobID{jobsSubscription, "rg2", "workspace", "assignment", name}, "", "", false, false, "its job has another resourceGroupName"},
		"another workspace":    {armsecops.JobID{jobsSubscription, "rg", "workspace2", "assignment", name}, "", "", false, false, ""},
		"another assignment":   {armsecops.JobID{jobsSubscription, "rg", "workspace", "assignment2", name}, "", "", false, false, ""},
		"another job":          {armsecops.JobID{jobsSubscription, "rg", "workspace", "assignment", "another-job"}, "", "", false, true, "its job has another jobName"},
		"altered job":          {own, name, "other-job", false, false, ""},
		"altered subscription": {otherSubscription, jobsSubscription, assignmentsSubscription, false, false, ""},
		"path that climbs":     {own, name, "..", false, false, ""},
		"of another client":    {own, "WorkspaceManagerJobsClient", "AnotherClient", false, false, ""},
		"control characters":   {own, "WorkspaceManagerJobsClient", `\u001b[31m`, false, false, ""},
		"of an earlier Create": {own, "ClientGetResponse", "ClientCreateResponse", true, true, ""},
		"of azcore's fakes":    {own, `"jobId"`, `"fakeURL":"https://elsewhere.example","jobId"`, true, true, ""},
	}
	client := newJobsClient(t, options(newFake(1)))
	tokens := []string{resumeToken(t, beginCreate(t, client, nil)), resumeToken(t, newJobPoller(t, client, nil))}
	testkit.EachCase(t, tests, func(t *testing.T, test test) {
		id, assignment := test.arguments, test.arguments.WorkspaceManagerAssignmentName
		client := testkit.Must(newFactory(t, &azfake.TokenCredential{}, options(script(t))).NewWorkspaceManagerJobsClient(id.SubscriptionID))
		check := func(err error, accepted bool) {
			if accepted {
				require.NoError(t, err)
				return
			}
			assertParameterError(t, err, "ResumeToken")
			assert.ErrorContains(t, err, " must be a token of ")
			assert.ErrorContains(t, err, test.reason)
			assert.NotContains(t, err.Error(), "\x1b")
			assert.NotContains(t, err.Error(), waitedJob.Name, "a token appears in no error")
		}
		for _, token := range tokens {
			require.Contains(t, token, test.old)
			token = strings.Replace(token, test.old, test.new, 1)
			check(failure(client.BeginCreate(t.Context(), id.ResourceGroupName, id.WorkspaceName, assignment, &beginOptions{ResumeToken: token})), test.begin)
			check(failure(client.NewJobPoller(id.ResourceGroupName, id.WorkspaceName, assignment, id.Name, &waitOptions{ResumeToken: token})), test.accepted)
		}
	})
}
