package fake_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

// Fault by fault, what the client makes of it: with azcore's own retry options,
// on a clock that doesn't take any time.
func TestFaults(t *testing.T) {
	t.Parallel()
	const (
		get    = "WorkspaceManagerJobsClient.Get"
		create = "WorkspaceManagerJobsClient.Create"
		put    = "SecurityAssignmentsClient.CreateOrUpdate"
		remove = "SecurityAssignmentsClient.Delete"
	)
	// What a case calls.
	getJob := func(ctx context.Context, t *testing.T, srv *fake.Server) error {
		resp, err := newJobs(t, subscription, options(srv)).Get(ctx, resourceGroup, workspace, assignment, "job", nil)
		if err == nil && resp.Name != "job" {
			return fmt.Errorf("the job is called %q", resp.Name)
		}
		return err
	}
	createJob := func(ctx context.Context, t *testing.T, srv *fake.Server) error {
		_, err := newJobs(t, subscription, options(srv)).Create(ctx, resourceGroup, workspace, assignment, nil)
		return err
	}
	putAssignment := func(ctx context.Context, t *testing.T, srv *fake.Server) error {
		_, err := newAssignments(t, subscription, options(srv)).CreateOrUpdate(ctx, resourceGroup, "new", armsecops.Assignment{}, nil)
		return err
	}
	deleteAssignment := func(ctx context.Context, t *testing.T, srv *fake.Server) error {
		_, err := newAssignments(t, subscription, options(srv)).Delete(ctx, resourceGroup, "standard", nil)
		return err
	}
	// What a case expects.
	none := func(t *testing.T, err error) { require.NoError(t, err) }
	is := func(target error) func(*testing.T, error) {
		return func(t *testing.T, err error) { require.ErrorIs(t, err, target) }
	}
	service := func(check func(*testing.T, *armsecops.ErrorResponse)) func(*testing.T, error) {
		return func(t *testing.T, err error) {
			e, ok := errors.AsType[*armsecops.ErrorResponse](err)
			require.True(t, ok, "%v", err)
			check(t, e)
		}
	}

	tests := []struct {
		name        string
		fault       fake.Fault
		call        func(context.Context, *testing.T, *fake.Server) error
		check       func(*testing.T, error)
		requests    int
		atLeast     time.Duration // that the call takes
		jobs        int           // on the server afterwards
		assignments int
	}{
		{"an error", fake.Fault{Operation: get, StatusCode: 404}, getJob, is(armsecops.ErrNotFound), 1, 0, 1, 1},
		{"an error for any operation", fake.Fault{StatusCode: 403}, getJob, is(armsecops.ErrForbidden), 1, 0, 1, 1},
		{"another operation's", fake.Fault{Operation: create, Skip: 1, StatusCode: 403}, getJob, none, 1, 0, 1, 1},
		{"skipped", fake.Fault{Operation: get, Skip: 1, StatusCode: 403}, getJob, none, 1, 0, 1, 1},
		{"throttled once", fake.Fault{Operation: get, StatusCode: 429, RetryAfter: 30 * time.Second}, getJob, none, 2, 30 * time.Second, 1, 1},
		{"throttled for part of a second", fake.Fault{Operation: get, StatusCode: 429, RetryAfter: 20 * time.Millisecond}, getJob, none, 2, 20 * time.Millisecond, 1, 1},
		{"throttled too long", fake.Fault{Operation: get, StatusCode: 429, RetryAfter: time.Hour}, getJob, service(func(t *testing.T, e *armsecops.ErrorResponse) {
			assert.Equal(t, time.Hour, e.RetryAfter)
		}), 1, 0, 1, 1},
		{"unavailable twice", fake.Fault{Operation: get, StatusCode: 503, Times: 2}, getJob, none, 3, time.Second, 1, 1},
		{"broken for good", fake.Fault{Operation: get, StatusCode: 500, Times: 4}, getJob, service(func(t *testing.T, e *armsecops.ErrorResponse) {
			assert.Equal(t, 500, e.StatusCode)
			assert.Equal(t, "InternalServerError", e.Code)
			assert.NotEmpty(t, e.RequestID)
		}), 4, time.Second, 1, 1},
		{"a gateway's page", fake.Fault{Operation: get, StatusCode: 502, Times: 4, Body: "<html><h1>Bad Gateway</h1></html>"}, getJob, service(func(t *testing.T, e *armsecops.ErrorResponse) {
			assert.Equal(t, "Bad Gateway", e.Message)
		}), 4, time.Second, 1, 1},
		{"an empty body and a code in the header", fake.Fault{Operation: get, StatusCode: 403, NoBody: true, Header: http.Header{"X-Ms-Error-Code": {"LinkedAuthorizationFailed"}}}, getJob, service(func(t *testing.T, e *armsecops.ErrorResponse) {
			assert.Equal(t, "LinkedAuthorizationFailed", e.Code)
			assert.Empty(t, e.Message)
		}), 1, 0, 1, 1},
		{"an error without an envelope", fake.Fault{Operation: get, StatusCode: 404, Body: `{"HttpStatusCode":404,"ErrorCode":"Not Found","Message":"No job."}`}, getJob, service(func(t *testing.T, e *armsecops.ErrorResponse) {
			assert.Equal(t, "Not Found", e.Code)
			assert.Equal(t, "No job.", e.Message)
		}), 1, 0, 1, 1},
		{"another body", fake.Fault{Operation: get, Body: `{"name":"other"}`}, getJob, func(t *testing.T, err error) {
			require.EqualError(t, err, `the job is called "other"`)
		}, 1, 0, 1, 1},
		{"another status of success", fake.Fault{Operation: get, StatusCode: 200, Body: ` {"name":"job"}`}, getJob, none, 1, 0, 1, 1},
		{"a status that is no success", fake.Fault{Operation: get, StatusCode: 202}, getJob, service(func(t *testing.T, e *armsecops.ErrorResponse) {
			assert.Equal(t, 202, e.StatusCode)
		}), 1, 0, 1, 1},
		{"disconnected", fake.Fault{Operation: get, Disconnect: true}, getJob, none, 2, 0, 1, 1},
		{"disconnected for good", fake.Fault{Operation: get, Disconnect: true, Times: 4}, getJob, is(io.ErrUnexpectedEOF), 4, time.Second, 1, 1},
		{"disconnected in the body", fake.Fault{Operation: get, Disconnect: true, Truncate: true}, getJob, none, 2, 0, 1, 1},
		{"truncated", fake.Fault{Operation: get, Truncate: true}, getJob, service(func(t *testing.T, e *armsecops.ErrorResponse) {
			assert.Equal(t, 200, e.StatusCode)
			assert.Contains(t, e.Error(), "decoding the response")
		}), 1, 0, 1, 1},
		{"delayed", fake.Fault{Operation: get, Delay: time.Minute}, getJob, none, 1, time.Minute, 1, 1},
		{"delayed beyond the deadline", fake.Fault{Operation: get, Delay: time.Hour}, getJob, is(context.DeadlineExceeded), 1, deadline, 1, 1},

		{"a job refused", fake.Fault{Operation: create, StatusCode: 403}, createJob, is(armsecops.ErrForbidden), 1, 0, 1, 1},
		{"a job throttled", fake.Fault{Operation: create, StatusCode: 429, RetryAfter: time.Second}, createJob, none, 2, time.Second, 2, 1},
		{"a job not started, and no answer", fake.Fault{Operation: create, Disconnect: true}, createJob, is(armsecops.ErrOutcomeUnknown), 1, 0, 1, 1},
		{"a job started, and no answer", fake.Fault{Operation: create, Disconnect: true, CarriedOut: true}, createJob, is(armsecops.ErrOutcomeUnknown), 1, 0, 2, 1},
		{"a job started, and half an answer", fake.Fault{Operation: create, Disconnect: true, Truncate: true}, createJob, is(armsecops.ErrOutcomeUnknown), 1, 0, 2, 1},
		{"a job started, and an error", fake.Fault{Operation: create, StatusCode: 504, CarriedOut: true}, createJob, is(armsecops.ErrOutcomeUnknown), 1, 0, 2, 1},
		{"a job started, and an answer too late", fake.Fault{Operation: create, Delay: time.Hour, CarriedOut: true}, createJob, is(armsecops.ErrOutcomeUnknown), 1, deadline, 2, 1},
		{"an assignment put, and no answer", fake.Fault{Operation: put, Disconnect: true, CarriedOut: true}, putAssignment, none, 2, 0, 1, 2},
		{"an assignment deleted, and no answer", fake.Fault{Operation: remove, Disconnect: true, CarriedOut: true}, deleteAssignment, none, 2, 0, 1, 0},
		{"an assignment not deleted", fake.Fault{Operation: remove, StatusCode: 409}, deleteAssignment, is(armsecops.ErrConflict), 1, 0, 1, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := fake.NewServer(nil)
				srv.PutJob(jobID, armsecops.Job{})
				srv.PutAssignment(assignmentID, armsecops.Assignment{})
				srv.Inject(test.fault)
				ctx, cancel := context.WithTimeout(t.Context(), deadline)
				defer cancel()

				before := time.Now()
				err := test.call(ctx, t, srv)
				took := time.Since(before)

				test.check(t, err)
				assert.GreaterOrEqual(t, took, test.atLeast)
				assert.Len(t, srv.Requests(), test.requests)
				if test.fault.Skip == 0 {
					srv.AssertFaultsConsumed(t)
				}
				names, err := collect(t, newJobs(t, subscription, options(srv)).NewListPager(resourceGroup, workspace, assignment, nil), jobName)
				require.NoError(t, err)
				assert.Len(t, names, test.jobs)
				names, err = collect(t, newAssignments(t, subscription, options(srv)).NewListPager(resourceGroup, nil), assignmentName)
				require.NoError(t, err)
				assert.Len(t, names, test.assignments)
			})
		})
	}
}

const deadline = 10 * time.Minute

// Link by link, what the client makes of it.
func TestNextLinks(t *testing.T) {
	t.Parallel()
	all := formatNames(3, "job-%d")
	tests := []struct {
		link  fake.NextLink
		times int
		names []string
		err   error
		pages int
	}{
		{"", 1, all, nil, 2},
		{fake.NextLinkForeignHost, 1, all[:2], armsecops.ErrUntrustedNextLink, 1},
		{fake.NextLinkHTTP, 1, all[:2], armsecops.ErrUntrustedNextLink, 1},
		{fake.NextLinkOtherPath, 1, all[:2], armsecops.ErrUntrustedNextLink, 1},
		{fake.NextLinkLoop, 1, all[:2], armsecops.ErrPagingLoop, 1},
		{fake.NextLinkRelative, 1, all, nil, 2},
		{fake.NextLinkRelative, 2, all, nil, 3}, // the last page's link leads to an empty one
		{fake.NextLinkDefaultPort, 2, all, nil, 3},
		{fake.NextLinkUnescaped, 2, all, nil, 3},
		{fake.NextLinkWithoutAPIVersion, 2, all, nil, 3},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%s %d", test.link, test.times), func(t *testing.T) {
			t.Parallel()
			srv := fake.NewServer(&fake.ServerOptions{PageSize: 2})
			for _, name := range all {
				id := jobID
				id.JobName = name
				srv.PutJob(id, armsecops.Job{})
			}
			srv.Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.List", NextLink: test.link, Times: test.times})
			names, err := collect(t, newJobs(t, subscription, options(srv)).NewListPager(resourceGroup, workspace, assignment, nil), jobName)
			require.ErrorIs(t, err, test.err)
			assert.Equal(t, test.names, names)
			assert.Len(t, srv.Requests(), test.pages)
			srv.AssertFaultsConsumed(t)
		})
	}
}

// Faults stand in line, each with its own count of those to skip.
func TestInjectOrder(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	srv.PutJob(jobID, armsecops.Job{})
	const list = "SecurityAssignmentsClient.ListBySubscription"
	srv.Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Get", Skip: 1, StatusCode: 500, Times: 2})
	srv.Inject(fake.Fault{Operation: list, StatusCode: 418})
	srv.Inject(fake.Fault{StatusCode: 503})
	var statuses []int
	for range 5 {
		resp, _ := do(t, srv, newRequest(t, http.MethodGet, jobsURL+"/job"+jobVersion, ""))
		statuses = append(statuses, resp.StatusCode)
	}
	assert.Equal(t, []int{503, 500, 500, 200, 200}, statuses)
	resp, _ := do(t, srv, newRequest(t, http.MethodGet, endpoint+"/subscriptions/"+subscription+"/providers/Microsoft.Security/assignments"+assignVersion, ""))
	assert.Equal(t, 418, resp.StatusCode)
	srv.AssertFaultsConsumed(t)
}

// recorder is the test of a test.
type recorder struct{ messages []string }

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.messages = append(r.messages, fmt.Sprintf(format, args...))
}

func TestAssertFaultsConsumed(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	var before recorder
	assert.True(t, srv.AssertFaultsConsumed(&before))
	assert.Empty(t, before.messages)

	srv.Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Get", Skip: 1, Times: 3, StatusCode: 404})
	srv.Inject(fake.Fault{Operation: "JobsClient.Get", StatusCode: 404})
	for range 2 {
		do(t, srv, newRequest(t, http.MethodGet, jobsURL+"/job"+jobVersion, ""))
	}
	var after recorder
	assert.False(t, srv.AssertFaultsConsumed(&after))
	assert.Equal(t, []string{
		`a fault of "WorkspaceManagerJobsClient.Get" applied to 1 of 3 requests, after it skipped 1 of 1`,
		`the fault's Operation "JobsClient.Get" is not an operation`,
	}, after.messages)
}

func TestFaultBody(t *testing.T) {
	t.Parallel()
	for body, contentType := range map[string]string{
		`{"a":1}`:         "application/json; charset=utf-8",
		" []":             "application/json; charset=utf-8",
		"<!DOCTYPE html>": "text/html; charset=utf-8",
		"upstream error":  "text/plain; charset=utf-8",
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			srv := fake.NewServer(nil)
			srv.Inject(fake.Fault{StatusCode: http.StatusBadGateway, Body: body})
			resp, got := do(t, srv, newRequest(t, http.MethodGet, jobsURL+jobVersion, ""))
			assert.Equal(t, body, got)
			assert.Equal(t, contentType, resp.Header.Get("Content-Type"))
		})
	}
}

// What the test does with its values afterwards is its own affair.
func TestInjectCopies(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	values := []string{"before"}
	srv.Inject(fake.Fault{Header: http.Header{"x-custom": values}})
	values[0] = "after"
	resp, _ := do(t, srv, newRequest(t, http.MethodGet, jobsURL+jobVersion, ""))
	assert.Equal(t, "before", resp.Header.Get("x-custom"))
}
