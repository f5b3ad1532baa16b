package fake_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/testkit"
)

const (
	getOperation    = "WorkspaceManagerJobsClient.Get"
	createOperation = "WorkspaceManagerJobsClient.Create"
	deleteOperation = "SecurityAssignmentsClient.Delete"
)

const deadline = 10 * time.Minute

// newServerWithFault returns a server with one job and a fault.
func newServerWithFault(fault fake.Fault) *fake.Server {
	srv := fake.NewServer(nil)
	srv.Put(jobID, armsecops.Job{})
	srv.Inject(fault)
	return srv
}

// So net/http closes the connection, and the client notices that a part is missing.
func TestFaultDisconnectsInTheMiddleOfTheBody(t *testing.T) {
	t.Parallel()
	srv := newServerWithFault(fake.Fault{Body: `{"name":"other"}`, Disconnect: true, Truncate: true, Times: 2})
	req := newRequest(t, http.MethodGet, jobURL, "")
	resp := testkit.Must(srv.Do(req))
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.Equal(t, `{"name":`, string(body))
	assert.Equal(t, int64(16), resp.ContentLength)
	recorder := httptest.NewRecorder()
	srv.ServeHTTP(recorder, req)
	assert.Equal(t, `{"name":`, recorder.Body.String())
	assert.Equal(t, "16", recorder.Header().Get("Content-Length"))
}

func TestFaultRoundsRetryAfterUp(t *testing.T) {
	t.Parallel()
	for retryAfter, want := range map[time.Duration]struct{ seconds, milliseconds string }{
		2 * time.Second: {"2", ""}, 1500 * time.Millisecond: {"2", "1500"}, time.Millisecond: {"1", "1"},
	} {
		resp, _ := get(t, newServerWithFault(fake.Fault{RetryAfter: retryAfter}), jobURL)
		assert.Equal(t, want.seconds, resp.Header.Get("Retry-After"), retryAfter)
		assert.Equal(t, want.milliseconds, resp.Header.Get("x-ms-retry-after-ms"), retryAfter)
	}
}

// The client has azcore's own retry options. Time is synctest's.
func TestFaultsOfACall(t *testing.T) {
	t.Parallel()
	type call struct {
		operation string
		do        func(context.Context, *testing.T, *fake.Server) error
	}
	get := call{getOperation, func(ctx context.Context, t *testing.T, srv *fake.Server) error {
		got, err := newJobs(t, options(srv)).Get(ctx, resourceGroup, workspace, assignment, "job", nil)
		assert.Equal(t, err == nil, got.Name == "job")
		return err
	}}
	create := call{createOperation, func(ctx context.Context, t *testing.T, srv *fake.Server) error {
		return errorOf(newJobs(t, options(srv)).Create(ctx, resourceGroup, workspace, assignment, nil))
	}}
	unknown, half := armsecops.ErrOutcomeUnknown, 500*time.Millisecond
	type test struct {
		call
		fault    fake.Fault
		err      error // nil for success
		requests int
		atLeast  time.Duration // that the call takes
		jobs     int           // stored in the end
	}
	testkit.EachInBubble(t, map[string]test{
		"error":                          {get, fake.Fault{StatusCode: 404}, armsecops.ErrNotFound, 1, 0, 1},
		"throttled":                      {get, fake.Fault{StatusCode: 429, RetryAfter: 30 * time.Second}, nil, 2, 30 * time.Second, 1},
		"throttled for part of a second": {get, fake.Fault{StatusCode: 429, RetryAfter: half}, nil, 2, half, 1},
		"delayed":                        {get, fake.Fault{Delay: time.Minute}, nil, 1, time.Minute, 1},
		"delayed beyond the deadline":    {get, fake.Fault{Delay: time.Hour}, context.DeadlineExceeded, 1, deadline, 1},
		"success with a body":            {get, fake.Fault{StatusCode: 200, Body: ` {"name":"job"}`}, nil, 1, 0, 1},
		"job not started, no response":   {create, fake.Fault{Disconnect: true}, unknown, 1, 0, 1},
		"job started, no response":       {create, fake.Fault{Disconnect: true, CarriedOut: true}, unknown, 1, 0, 2},
		"job started, half a response":   {create, fake.Fault{Disconnect: true, Truncate: true}, unknown, 1, 0, 2},
		"job started, error":             {create, fake.Fault{StatusCode: 504, CarriedOut: true}, unknown, 1, 0, 2},
		"job started, late response":     {create, fake.Fault{Delay: time.Hour, CarriedOut: true}, unknown, 1, deadline, 2},
		"job not started, delayed":       {create, fake.Fault{Delay: time.Hour}, unknown, 1, deadline, 1},
		"job started, delayed response":  {create, fake.Fault{Delay: time.Minute, CarriedOut: true}, nil, 1, time.Minute, 2},
	}, func(t *testing.T, test test) {
		test.fault.Operation = test.operation
		srv := newServerWithFault(test.fault)
		ctx, cancel := context.WithTimeout(t.Context(), deadline)
		defer cancel()
		start := time.Now()
		require.ErrorIs(t, test.do(ctx, t, srv), test.err)
		assert.GreaterOrEqual(t, time.Since(start), test.atLeast)
		assert.Len(t, srv.Requests(), test.requests)
		srv.AssertFaultsConsumed(t)
		assert.Len(t, mustCollect(t, pagerOfJobs(t, srv, nil)), test.jobs)
	})
}

func TestFaultsApplyInTheOrderOfInjection(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	srv.Put(jobID, armsecops.Job{})
	srv.Put(namedJob("other"), armsecops.Job{})
	srv.Inject(fake.Fault{Operation: getOperation, Skip: 2, StatusCode: 500, Times: 2})
	srv.Inject(fake.Fault{
		Operation: getOperation, StatusCode: 403, Skip: 1, Match: func(r fake.Request) bool { return r.URL.Path == jobsPath+"/other" },
	})
	srv.Inject(fake.Fault{Operation: deleteOperation, StatusCode: 418})
	srv.Inject(fake.Fault{StatusCode: 503})
	srv.Inject(fake.Fault{Operation: deleteOperation, StatusCode: 410, Always: true})
	statuses := func(name string, n int) (statuses []int) {
		for range n {
			resp, _ := get(t, srv, endpoint+jobsPath+name+jobsVersion)
			statuses = append(statuses, resp.StatusCode)
		}
		return statuses
	}
	assert.Equal(t, []int{503, 200, 500, 500, 200}, statuses("/job", 5))
	assert.Equal(t, []int{200, 403, 200}, statuses("/other", 3))
	for _, want := range []int{418, 410, 410} {
		expect(t, srv, want, newRequest(t, http.MethodDelete, assignmentURL, ""))
	}
	srv.AssertFaultsConsumed(t)
}

// testRecorder records the messages of a test.
type testRecorder struct {
	srv      *fake.Server // that the test looks at then
	messages []string
}

func (r *testRecorder) Helper() {}
func (r *testRecorder) Errorf(format string, args ...any) {
	r.srv.Requests()
	r.messages = append(r.messages, fmt.Sprintf(format, args...))
}

func TestAssertFaultsConsumedReportsFaultsThatAreLeft(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	srv.Inject(fake.Fault{Operation: getOperation, Skip: 1, Times: 3, StatusCode: 404})
	srv.Inject(fake.Fault{Operation: createOperation, Skip: 2, NoBody: true})
	srv.Inject(fake.Fault{Operation: deleteOperation, StatusCode: 429, RetryAfter: time.Second, Delay: time.Minute, CarriedOut: true})
	srv.Inject(fake.Fault{
		NextLink: fake.NextLinkHTTP, Body: "an upstream error of the proxy", Header: http.Header{"X-A": nil, "X-B": nil}, Truncate: true, Disconnect: true,
		Match: func(fake.Request) bool { return false }, Always: true,
	})
	for range 2 {
		get(t, srv, jobURL)
	}
	left := testRecorder{srv: srv}
	assert.False(t, srv.AssertFaultsConsumed(&left))
	assert.Equal(t, []string{
		`fault 1 (404) of WorkspaceManagerJobsClient.Get applied to 1 of 3 requests, after it skipped 1 of 1`,
		`fault 2 (NoBody) of WorkspaceManagerJobsClient.Create applied to 0 of 1 requests, after it skipped 0 of 2`,
		`fault 3 (429, Retry-After 1s, Delay 1m0s, CarriedOut) of SecurityAssignmentsClient.Delete applied to 0 of 1 requests`,
		`fault 4 (Body "an upstream error of", Header X-A, Header X-B, NextLink "http", Truncate, Disconnect, Match, Always) of any operation applied to 0 of 1 requests`,
	}, left.messages)
}

func TestFaultChangesTheResponse(t *testing.T) {
	t.Parallel()
	const (
		jsonType, text = "application/json; charset=utf-8", "text/plain; charset=utf-8"
		envelope       = `{"error":{"code":"BadGateway","message":"A fault of the fake server caused this error."}}`
	)
	type test struct {
		fault             fake.Fault
		status            int
		contentType, body string
	}
	testkit.EachCase(t, map[string]test{
		"error":           {fake.Fault{StatusCode: 502}, 502, jsonType, envelope},
		"object":          {fake.Fault{StatusCode: 502, Body: `{"a":1}`}, 502, jsonType, `{"a":1}`},
		"array":           {fake.Fault{StatusCode: 502, Body: " []"}, 502, jsonType, " []"},
		"HTML":            {fake.Fault{StatusCode: 502, Body: "<!DOCTYPE html>"}, 502, "text/html; charset=utf-8", "<!DOCTYPE html>"},
		"text":            {fake.Fault{StatusCode: 502, Body: "upstream error"}, 502, text, "upstream error"},
		"header":          {fake.Fault{StatusCode: 502, Body: "{}", Header: http.Header{"content-type": {text}}}, 502, text, "{}"},
		"no body":         {fake.Fault{StatusCode: 502, NoBody: true}, 502, "", ""},
		"another success": {fake.Fault{StatusCode: 202}, 202, "", ""},
		"half a body":     {fake.Fault{StatusCode: 200, Body: "one two", Truncate: true}, 200, text, "one"},
	}, func(t *testing.T, test test) {
		srv := newServerWithFault(test.fault)
		resp, body := expect(t, srv, test.status, newRequest(t, http.MethodGet, jobURL, ""))
		assert.Equal(t, test.contentType, resp.Header.Get("Content-Type"))
		assert.Equal(t, test.body, body)
		assert.EqualValues(t, len(body), resp.ContentLength)
		srv.AssertFaultsConsumed(t)
	})
}

// Nor does the server set a header that the fault has.
func TestInjectCopiesTheFault(t *testing.T) {
	t.Parallel()
	srv, values := fake.NewServer(nil), []string{"before"}
	srv.Inject(fake.Fault{Header: http.Header{"x-ms-request-id": values}, Times: 2})
	values[0] = "after"
	for range 2 {
		resp, _ := get(t, srv, jobsURL)
		assert.Equal(t, "before", resp.Header.Get("x-ms-request-id"))
		resp.Header["X-Ms-Request-Id"][0] = "after"
	}
	srv.Inject(fake.Fault{Header: http.Header{"x-ms-request-id": nil}})
	resp, _ := get(t, srv, jobsURL)
	assert.Empty(t, resp.Header["X-Ms-Request-Id"])
}
