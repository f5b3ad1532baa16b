package armsecops_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

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
	JobName:                        "waited-job",
}

// newFake returns a server that names the job it starts as waitedJob is named.
func newFake(steps int) *fake.Server {
	return fake.NewServer(&fake.ServerOptions{JobSteps: steps, NewID: func() string { return waitedJob.JobName }})
}

// failingItems end a job Failed.
var failingItems = []armsecops.JobItem{
	{ResourceID: "/rules/one"},
	{ResourceID: "/rules/two", Status: armsecops.JobItemStatusFailed, Errors: []armsecops.JobItemError{{MemberResourceName: "member", ErrorMessage: "Forbidden."}}},
}

type (
	createPoller = runtime.Poller[armsecops.WorkspaceManagerJobsClientCreateResponse]
	getPoller    = runtime.Poller[armsecops.WorkspaceManagerJobsClientGetResponse]
)

func beginCreate(t testing.TB, client *armsecops.WorkspaceManagerJobsClient) *createPoller {
	t.Helper()
	poller, err := client.BeginCreate(t.Context(), "rg", "workspace", "assignment", nil)
	require.NoError(t, err)
	return poller
}

func newJobPoller(t testing.TB, client *armsecops.WorkspaceManagerJobsClient) *getPoller {
	t.Helper()
	poller, err := client.NewJobPoller("rg", "workspace", "assignment", waitedJob.JobName, nil)
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

// jobStates answers with a job in one state after the other.
func jobStates(t testing.TB, states ...string) transportFunc {
	return func(req *http.Request) (*http.Response, error) {
		if !assert.NotEmpty(t, states, "one request too many") {
			return nil, errAny
		}
		state := states[0]
		states = states[1:]
		return respond(200, fmt.Sprintf(`{"name":%q,"properties":{"provisioningState":%q}}`, waitedJob.JobName, state))(req)
	}
}

// Terminal states count in any casing; states that nobody knows keep waiting.
func TestPollerStates(t *testing.T) {
	t.Parallel()
	tests := []struct {
		state           string
		done, succeeded bool
	}{
		{"Succeeded", true, true},
		{"succeeded", true, true},
		{"SUCCEEDED", true, true},
		{"Failed", true, false},
		{"FAILED", true, false},
		{"Canceled", true, false},
		{"canceled", true, false},
		{"InProgress", false, false},
		{"inprogress", false, false},
		{"Publishing", false, false},
		{"Succeeded ", false, false},
		{"", false, false},
	}
	for _, test := range tests {
		t.Run(test.state, func(t *testing.T) {
			t.Parallel()
			poller := newJobPoller(t, newJobsClient(t, options(jobStates(t, test.state))))
			assert.False(t, poller.Done())
			_, err := poller.Poll(t.Context())
			require.NoError(t, err)
			assert.Equal(t, test.done, poller.Done())
			got, err := poller.Result(t.Context())
			failed, isFailed := errors.AsType[*armsecops.JobFailedError](err)
			assert.Equal(t, test.done && !test.succeeded, isFailed)
			switch {
			case test.succeeded:
				require.NoError(t, err)
				assert.EqualValues(t, test.state, got.Properties.ProvisioningState)
			case isFailed:
				assert.EqualValues(t, test.state, failed.Job.Properties.ProvisioningState)
			default:
				require.Error(t, err)
			}
		})
	}
}

func TestPollUntilDone(t *testing.T) {
	t.Parallel()
	// withRetryAfter has the service ask to wait after one of the requests.
	withRetryAfter := func(next transportFunc, request int, header ...string) transportFunc {
		n := 0
		return func(req *http.Request) (*http.Response, error) {
			resp, err := next(req)
			if n++; n == request {
				for i := 0; i < len(header); i += 2 {
					resp.Header.Set(header[i], header[i+1])
				}
			}
			return resp, err
		}
	}
	tests := []struct {
		name      string
		states    []string // of the answer to Create, then of those to Get
		request   int      // that is answered with the header
		header    []string
		frequency time.Duration
		takes     time.Duration
	}{
		{"default frequency", []string{"InProgress", "InProgress", "InProgress", "Succeeded"}, 0, nil, 0, time.Minute},
		{"frequency", []string{"InProgress", "InProgress", "Succeeded"}, 0, nil, 5 * time.Second, 5 * time.Second},
		{"unknown states", []string{"Accepted", "Publishing", "", "succeeded"}, 0, nil, time.Second, 2 * time.Second},
		{"at once", []string{"Succeeded"}, 0, nil, time.Second, 0},
		{"Retry-After of Create", []string{"InProgress", "InProgress", "Succeeded"}, 1, []string{"Retry-After", "7"}, time.Second, 8 * time.Second},
		{"Retry-After of Get", []string{"InProgress", "InProgress", "InProgress", "Succeeded"}, 2, []string{"Retry-After", "90"}, time.Second, 91 * time.Second},
		{"shorter Retry-After", []string{"InProgress", "InProgress", "Succeeded"}, 2, []string{"Retry-After", "2"}, time.Minute, 2 * time.Second},
		{"Retry-After in milliseconds", []string{"InProgress", "InProgress", "Succeeded"}, 2, []string{"Retry-After-Ms", "1500"}, time.Minute, 1500 * time.Millisecond},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				requests := 0
				states := jobStates(t, test.states...)
				client := newJobsClient(t, options(withRetryAfter(func(req *http.Request) (*http.Response, error) {
					requests++
					return states(req)
				}, test.request, test.header...)))
				start := time.Now()
				got, err := beginCreate(t, client).PollUntilDone(t.Context(), &runtime.PollUntilDoneOptions{Frequency: test.frequency})
				require.NoError(t, err)
				assert.True(t, got.Properties.ProvisioningState.Terminal())
				assert.Equal(t, waitedJob.JobName, got.Name)
				assert.Equal(t, test.takes, time.Since(start))
				assert.Equal(t, len(test.states), requests)
			})
		})
	}
}

// What passes is retried within a Poll. Where that doesn't help, the Poll fails
// and the poller goes on with the next one.
func TestPollerSurvivesTransientErrors(t *testing.T) {
	t.Parallel()
	const tries = 4 // azcore's default
	tests := []struct {
		name  string
		fault fake.Fault
		err   error // of a Poll whose tries all fail
	}{
		{"408", fake.Fault{StatusCode: 408}, errAny},
		{"429", fake.Fault{StatusCode: 429}, armsecops.ErrThrottled},
		{"429 with Retry-After", fake.Fault{StatusCode: 429, RetryAfter: time.Second}, armsecops.ErrThrottled},
		{"500", fake.Fault{StatusCode: 500}, errAny},
		{"502", fake.Fault{StatusCode: 502, Body: "<html>Bad gateway</html>"}, errAny},
		{"503", fake.Fault{StatusCode: 503}, errAny},
		{"503 with Retry-After", fake.Fault{StatusCode: 503, RetryAfter: time.Second}, errAny},
		{"504", fake.Fault{StatusCode: 504, NoBody: true}, errAny},
		{"disconnected", fake.Fault{Disconnect: true}, io.ErrUnexpectedEOF},
		{"disconnected in the body", fake.Fault{Disconnect: true, Truncate: true}, io.ErrUnexpectedEOF},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newFake(100)
				poller := beginCreate(t, newJobsClient(t, options(srv)))
				fault := test.fault
				fault.Operation = "WorkspaceManagerJobsClient.Get"

				srv.Inject(fault)
				_, err := poller.Poll(t.Context())
				require.NoError(t, err, "one more try helps")
				assert.Equal(t, 2, requestsOf(srv, "Get"))

				fault.Times = tries
				srv.Inject(fault)
				_, err = poller.Poll(t.Context())
				require.Error(t, err)
				if !errors.Is(test.err, errAny) {
					require.ErrorIs(t, err, test.err)
				}
				require.NotErrorIs(t, err, armsecops.ErrOutcomeUnknown, "the job is known")
				assert.Equal(t, 2+tries, requestsOf(srv, "Get"))
				srv.AssertFaultsConsumed(t)
				assert.False(t, poller.Done())
				_, err = poller.ResumeToken()
				require.NoError(t, err)

				_, err = poller.Poll(t.Context())
				require.NoError(t, err, "the poller goes on")
				assert.Equal(t, 1, requestsOf(srv, "Create"))
			})
		})
	}
}

// PollUntilDone ends with the error of a Poll, and can be called again.
func TestPollUntilDoneAgain(t *testing.T) {
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

func TestPollerContext(t *testing.T) {
	t.Parallel()
	canceled := func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return ctx, cancel
	}
	soon := func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, 10*time.Second)
	}
	tests := []struct {
		name    string
		delay   time.Duration // of an answer
		context func(context.Context) (context.Context, context.CancelFunc)
		err     error
		takes   time.Duration
	}{
		{"canceled before", 0, canceled, context.Canceled, 0},
		{"ended between two requests", 0, soon, context.DeadlineExceeded, 10 * time.Second},
		{"ended in a request", time.Minute, soon, context.DeadlineExceeded, 10 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newFake(1)
				poller := beginCreate(t, newJobsClient(t, options(srv)))
				if test.delay > 0 {
					srv.Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Get", Delay: test.delay})
				}
				ctx, cancel := test.context(t.Context())
				defer cancel()
				start := time.Now()
				_, err := poller.PollUntilDone(ctx, nil)
				require.ErrorIs(t, err, test.err)
				assert.Equal(t, test.takes, time.Since(start))

				_, err = poller.PollUntilDone(t.Context(), nil)
				require.NoError(t, err, "the poller goes on")
			})
		})
	}
}

func TestPollerOfDeletedJob(t *testing.T) {
	t.Parallel()
	srv := newFake(100)
	client := newJobsClient(t, options(srv))
	poller := beginCreate(t, client)
	_, err := poller.Poll(t.Context())
	require.NoError(t, err)
	_, err = client.Delete(t.Context(), "rg", "workspace", "assignment", waitedJob.JobName, nil)
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
	assert.Equal(t, 4, requestsOf(srv, "Get"), "it isn't asked for again")
}

// A job that failed or was canceled is an error that holds the whole of it.
func TestPollerOfFailedJob(t *testing.T) {
	t.Parallel()
	for _, state := range []armsecops.ProvisioningState{"Failed", "Canceled", "canceled"} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			srv := newFake(0)
			job := armsecops.Job{Properties: armsecops.JobProperties{
				ProvisioningState:    state,
				ErrorMessage:         "see the items",
				Items:                failingItems,
				AdditionalProperties: map[string]json.RawMessage{"attempt": json.RawMessage("2")},
			}}
			srv.PutJob(waitedJob, job)
			client := newJobsClient(t, options(srv))
			want, err := client.Get(t.Context(), "rg", "workspace", "assignment", waitedJob.JobName, nil)
			require.NoError(t, err)

			poller := newJobPoller(t, client)
			got, err := poller.PollUntilDone(t.Context(), nil)
			_, again := poller.Result(t.Context())
			for _, err := range []error{err, again} {
				failed, ok := errors.AsType[*armsecops.JobFailedError](err)
				require.True(t, ok, "%T: %v", err, err)
				assert.Equal(t, want.Job, failed.Job)
				assert.EqualError(t, err, "job waited-job: "+string(state)+": 1 of 2 items failed: see the items; /rules/two at member member: Forbidden.")
			}
			assert.Zero(t, got)
			assert.True(t, poller.Done())
		})
	}
}

// A job that has ended is not asked for again.
func TestPollerOfEndedJob(t *testing.T) {
	t.Parallel()
	const (
		succeeded = `{"name":"waited-job","properties":{"provisioningState":"Succeeded"}}`
		failed    = `{"name":"waited-job","properties":{"provisioningState":"Failed"}}`
	)
	for _, body := range []string{succeeded, failed} {
		requests := 0
		client := newJobsClient(t, options(transportFunc(func(req *http.Request) (*http.Response, error) {
			requests++
			return respond(200, body)(req)
		})))
		poller := beginCreate(t, client)
		assert.True(t, poller.Done())
		resp, err := poller.Poll(t.Context())
		require.NoError(t, err)
		got, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Equal(t, body, string(got), "of the answer to Create")
		_, err = poller.ResumeToken()
		require.Error(t, err, "there is nothing to wait for")
		result, err := poller.PollUntilDone(t.Context(), nil)
		if body == failed {
			assert.ErrorAs(t, err, new(*armsecops.JobFailedError))
		} else {
			require.NoError(t, err)
			assert.Equal(t, waitedJob.JobName, result.Name)
		}
		assert.Equal(t, 1, requests)
	}
}

// The body of a Poll's response is there for those who want more than the library reads.
func TestPollResponse(t *testing.T) {
	t.Parallel()
	poller := newJobPoller(t, newJobsClient(t, options(respond(200, startedJob, "Retry-After", "5"))))
	resp, err := poller.Poll(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 200, resp.StatusCode)
	assert.Equal(t, "5", resp.Header.Get("Retry-After"))
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, startedJob, string(body))
	body, err = runtime.Payload(resp)
	require.NoError(t, err)
	assert.Equal(t, startedJob, string(body))
}

// A job without a usable name cannot be waited for, though it may well run.
func TestBeginCreateWithoutJobName(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"no name":             `{"properties":{"provisioningState":"InProgress"}}`,
		"empty answer":        `{}`,
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
			requests := 0
			client := newJobsClient(t, options(transportFunc(func(req *http.Request) (*http.Response, error) {
				requests++
				return respond(200, body)(req)
			})))
			poller, err := client.BeginCreate(t.Context(), "rg", "workspace", "assignment", nil)
			require.ErrorIs(t, err, armsecops.ErrOutcomeUnknown)
			assert.ErrorContains(t, err, "WorkspaceManagerJobsClient.BeginCreate: ")
			assert.NotContains(t, err.Error(), "\x1b")
			assert.Less(t, len(err.Error()), 1000)
			assert.Nil(t, poller)
			assert.Equal(t, 1, requests)
		})
	}
}

// NewJobPoller sends nothing, and the poller never starts a job.
func TestNewJobPoller(t *testing.T) {
	t.Parallel()
	srv := newFake(0)
	srv.PutJob(waitedJob, armsecops.Job{Properties: armsecops.JobProperties{ProvisioningState: "Succeeded"}})
	poller := newJobPoller(t, newJobsClient(t, options(srv)))
	assert.Empty(t, srv.Requests())
	got, err := poller.PollUntilDone(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, waitedJob.String(), got.ID)
	assert.Equal(t, 1, requestsOf(srv, "Get"))
	assert.Len(t, srv.Requests(), 1)
}

// resumed is what a process is told that goes on with a poller, by its environment.
type resumed struct {
	Endpoint    string
	Certificate []byte // of the endpoint
	Token       string
	Begun       bool // by BeginCreate, not by NewJobPoller
}

const resumedVariable = "ARMSECOPS_TEST_RESUMED"

// outcome is how the wait for a job ended.
type outcome struct {
	Job    armsecops.Job
	Failed bool
}

func newOutcome(job armsecops.Job, err error) (outcome, error) {
	if failed, ok := errors.AsType[*armsecops.JobFailedError](err); ok {
		return outcome{failed.Job, true}, nil
	}
	return outcome{job, false}, err
}

// wait goes on with the poller and returns how its job ended.
func (r resumed) wait(t *testing.T) outcome {
	t.Helper()
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(r.Certificate))
	o := withEndpoint(r.Endpoint)
	o.Transport = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	client := newJobsClient(t, o)
	frequency := &runtime.PollUntilDoneOptions{Frequency: time.Millisecond}
	var ended outcome
	if r.Begun {
		poller, err := client.BeginCreate(t.Context(), "rg", "workspace", "assignment", &armsecops.WorkspaceManagerJobsClientBeginCreateOptions{ResumeToken: r.Token})
		require.NoError(t, err)
		got, err := poller.PollUntilDone(t.Context(), frequency)
		ended, err = newOutcome(got.Job, err)
		require.NoError(t, err)
	} else {
		poller, err := client.NewJobPoller("rg", "workspace", "assignment", waitedJob.JobName, &armsecops.WorkspaceManagerJobsClientNewJobPollerOptions{ResumeToken: r.Token})
		require.NoError(t, err)
		got, err := poller.PollUntilDone(t.Context(), frequency)
		ended, err = newOutcome(got.Job, err)
		require.NoError(t, err)
	}
	return ended
}

// The test runs itself in a second process, which has nothing but the token.
func TestResumeInAnotherProcess(t *testing.T) {
	t.Parallel()
	if told := os.Getenv(resumedVariable); told != "" {
		var r resumed
		require.NoError(t, json.Unmarshal([]byte(told), &r))
		require.NoError(t, json.NewEncoder(os.Stdout).Encode(r.wait(t)))
		return
	}
	for _, begun := range []bool{true, false} {
		for _, items := range [][]armsecops.JobItem{failingItems, failingItems[:1]} {
			t.Run(fmt.Sprintf("begun %t, %d items", begun, len(items)), func(t *testing.T) {
				t.Parallel()
				srv := newFake(3)
				srv.SetJobItems(waitedJob, items)
				server, o := newTLSServer(t, srv)
				client := newJobsClient(t, o)
				poller := beginCreate(t, client)
				_, err := poller.Poll(t.Context())
				require.NoError(t, err)
				token, err := poller.ResumeToken()
				require.NoError(t, err)
				if !begun {
					token, err = newJobPoller(t, client).ResumeToken()
					require.NoError(t, err)
				}
				there := waitInAnotherProcess(t, resumed{
					Endpoint:    server.URL,
					Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
					Token:       token,
					Begun:       begun,
				})

				got, err := poller.PollUntilDone(t.Context(), &runtime.PollUntilDoneOptions{Frequency: time.Millisecond})
				here, err := newOutcome(got.Job, err)
				require.NoError(t, err)
				assert.Equal(t, len(items) == 2, here.Failed)
				assert.Len(t, here.Job.Properties.Items, len(items))
				assert.Equal(t, here, there)
				assert.Equal(t, 1, requestsOf(srv, "Create"))
				assert.Equal(t, 5, requestsOf(srv, "Get"), "one here, three there up to the end, and one more here")
			})
		}
	}
}

func waitInAnotherProcess(t *testing.T, r resumed) outcome {
	t.Helper()
	told, err := json.Marshal(r)
	require.NoError(t, err)
	program, err := os.Executable()
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), program, "-test.run=^TestResumeInAnotherProcess$")
	command.Env = append(os.Environ(), resumedVariable+"="+string(told))
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
	var there outcome
	require.NoError(t, json.NewDecoder(bytes.NewReader(output)).Decode(&there), "%s", output) // the test's own output follows
	return there
}

// A token goes on with its own job and with no other. Nothing is sent for one that doesn't.
func TestResumeTokenIsChecked(t *testing.T) {
	t.Parallel()
	client := newJobsClient(t, options(newFake(1)))
	created := beginCreate(t, client)
	createToken, err := created.ResumeToken()
	require.NoError(t, err)
	getToken, err := newJobPoller(t, client).ResumeToken()
	require.NoError(t, err)

	type arguments struct{ subscription, group, workspace, assignment, job string }
	own := arguments{jobsSubscription, "rg", "workspace", "assignment", waitedJob.JobName}
	replaced := func(token, old, replacement string) string {
		require.Contains(t, token, old)
		return strings.Replace(token, old, replacement, 1)
	}
	with := func(change func(*arguments)) arguments {
		a := own
		change(&a)
		return a
	}
	tests := []struct {
		name      string
		alter     func(token string) string
		arguments arguments
		accepted  bool
		onlyGet   bool // what NewJobPoller alone can tell
	}{
		{name: "own", accepted: true, arguments: own},
		{name: "own, other casing", accepted: true, arguments: arguments{strings.ToUpper(jobsSubscription), "RG", "Workspace", "ASSIGNMENT", "Waited-Job"}},
		{name: "names from the token", accepted: true, arguments: arguments{subscription: jobsSubscription}},
		{name: "another subscription", arguments: with(func(a *arguments) { a.subscription = assignmentsSubscription })},
		{name: "another resource group", arguments: with(func(a *arguments) { a.group = "rg2" })},
		{name: "another workspace", arguments: with(func(a *arguments) { a.workspace = "workspace2" })},
		{name: "another assignment", arguments: with(func(a *arguments) { a.assignment = "assignment2" })},
		{name: "another job", arguments: with(func(a *arguments) { a.job = "another-job" }), onlyGet: true},
		{name: "not JSON", arguments: own, alter: func(string) string { return "token" }},
		{name: "cut", arguments: own, alter: func(s string) string { return s[:len(s)-1] }},
		{name: "longer", arguments: own, alter: func(s string) string { return s + "}" }},
		{name: "an array", arguments: own, alter: func(string) string { return "[]" }},
		{name: "null", arguments: own, alter: func(string) string { return "null" }},
		{name: "without job", arguments: own, alter: func(s string) string { return replaced(s, `"jobId"`, `"job"`) }},
		{name: "without checksum", arguments: own, alter: func(s string) string { return replaced(s, `"checksum"`, `"sum"`) }},
		{name: "altered job", arguments: own, alter: func(s string) string { return replaced(s, "waited-job", "other-job") }},
		{name: "altered casing", arguments: own, alter: func(s string) string { return replaced(s, "waited-job", "Waited-job") }},
		{name: "altered subscription", arguments: with(func(a *arguments) { a.subscription = assignmentsSubscription }),
			alter: func(s string) string { return replaced(s, jobsSubscription, assignmentsSubscription) }},
		{name: "altered path", arguments: own, alter: func(s string) string { return replaced(s, "/jobs/", "/tasks/") }},
		{name: "path that climbs", arguments: own, alter: func(s string) string { return replaced(s, "waited-job", "..") }},
		{name: "of another client", arguments: own, alter: func(s string) string { return replaced(s, "WorkspaceManagerJobsClient", "AnotherClient") }},
		{name: "type with control characters", arguments: own, alter: func(s string) string { return replaced(s, "WorkspaceManagerJobsClient", `\u001b[31m`) }},
		{name: "token null", arguments: own, alter: func(s string) string { return replaced(s, `"token":`, `"token":null,"rest":`) }},
		{name: "with more in it", accepted: true, arguments: own, alter: func(s string) string { return replaced(s, `"jobId"`, `"fakeURL":"https://elsewhere.example","jobId"`) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			client, err := newJobsClient(t, options(transportFunc(func(req *http.Request) (*http.Response, error) {
				requests.Add(1)
				return respond(200, startedJob)(req)
			}))).WithSubscription(test.arguments.subscription)
			require.NoError(t, err)
			alter := test.alter
			if alter == nil {
				alter = func(s string) string { return s }
			}
			a := test.arguments
			begin := func(token string) error {
				_, err := client.BeginCreate(t.Context(), a.group, a.workspace, a.assignment, &armsecops.WorkspaceManagerJobsClientBeginCreateOptions{ResumeToken: token})
				return err
			}
			wait := func(token string) error {
				_, err := client.NewJobPoller(a.group, a.workspace, a.assignment, a.job, &armsecops.WorkspaceManagerJobsClientNewJobPollerOptions{ResumeToken: token})
				return err
			}
			check := func(err error, accepted bool) {
				t.Helper()
				if accepted {
					require.NoError(t, err)
					return
				}
				assertParameterError(t, err, "ResumeToken")
				assert.NotContains(t, err.Error(), "\x1b")
				assert.NotContains(t, err.Error(), waitedJob.JobName, "a token appears in no error")
			}
			check(begin(alter(createToken)), test.accepted || test.onlyGet)
			check(wait(alter(getToken)), test.accepted)
			check(begin(alter(getToken)), test.accepted || test.onlyGet)
			check(wait(alter(createToken)), test.accepted)
			assert.Zero(t, requests.Load())
		})
	}
}
