package test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/testkit"
)

const startedJob = `{"name":"` + jobName + `","properties":{"provisioningState":"InProgress"}}`

// Handlers of a server that misbehaves.

// sendStatus returns a handler that sends an error with pairs of header names and values.
func sendStatus(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_, _ = fmt.Fprintf(w, `{"error":{"code":"Code%d"}}`, code)
	}
}

// sendText returns a handler that sends text as a success.
func sendText(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

func resetConnection(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		tcp := conn.(*tls.Conn).NetConn().(*net.TCPConn)
		_ = tcp.SetLinger(0)
		_ = tcp.Close()
	}
}

func closeConnection(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// sendHalf promises more than it sends.
func sendHalf(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, `{"name":"`)
}

// failDials makes the first connections fail before they are made.
func failDials(o *armsecops.ClientOptions, n int) {
	client := *o.Transport.(*http.Client)
	transport := client.Transport.(*http.Transport).Clone()
	var dials atomic.Int32
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if int(dials.Add(1)) <= n {
			return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	client.Transport = transport
	o.Transport = &client
}

// Over real connections, at most one request to start a job reaches a service
// that may have started it, however often it is tried; test/faults has more.
func TestCreateIsNeverDoubled(t *testing.T) {
	t.Parallel()
	type handlers = []http.HandlerFunc
	wait := sendStatus(429, "Retry-After-Ms", "1")
	tests := map[string]struct {
		handlers handlers // of the first requests; the others succeed
		dials    int      // that fail before a connection is made
		requests int      // that arrive
		err      string   // in the message; empty: success
		is       error    // nil for none in particular
		unknown  bool
	}{
		"success":                 {requests: 1},
		"dial refused, then not":  {dials: 2, requests: 1},
		"dial refused each time":  {dials: 100, err: "connection refused", is: syscall.ECONNREFUSED},
		"closed":                  {handlers: handlers{closeConnection}, requests: 1, err: "EOF", is: io.EOF, unknown: true},
		"half a response":         {handlers: handlers{sendHalf}, requests: 1, err: "200 OK", is: io.ErrUnexpectedEOF, unknown: true},
		"408":                     {handlers: handlers{sendStatus(408)}, requests: 1, err: "408 Request Timeout: Code408", unknown: true},
		"429 without Retry-After": {handlers: handlers{sendStatus(429)}, requests: 2},
		"500":                     {handlers: handlers{sendStatus(500)}, requests: 1, err: "500 Internal Server Error: Code500", unknown: true},
		"504":                     {handlers: handlers{sendStatus(504)}, requests: 1, err: "504 Gateway Timeout", unknown: true},
		"accepted":                {handlers: handlers{sendStatus(202)}, requests: 1, err: "202 Accepted", unknown: true},
		"dial refused, then 503":  {dials: 1, handlers: handlers{sendStatus(503)}, requests: 1, err: "503", unknown: true},
		"429, then reset":         {handlers: handlers{wait, resetConnection}, requests: 2, err: "reset", is: syscall.ECONNRESET, unknown: true},
		"429, then 409":           {handlers: handlers{wait, sendStatus(409)}, requests: 2, err: "409", is: armsecops.ErrConflict},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			o := newTLSServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if n := int(requests.Add(1)); n <= len(test.handlers) {
					test.handlers[n-1](w, r)
					return
				}
				sendText(startedJob)(w, r)
			}))
			failDials(o, test.dials)
			_, err := newJobsClient(t, o).BeginCreate(t.Context(), "rg", "workspace", "assignment", nil)
			assert.EqualValues(t, test.requests, requests.Load())
			if test.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.err)
			assert.ErrorContains(t, err, "WorkspaceManagerJobsClient.BeginCreate")
			if test.is != nil {
				require.ErrorIs(t, err, test.is)
			}
			assert.Equal(t, test.unknown, errors.Is(err, armsecops.ErrOutcomeUnknown), err)
			assert.Equal(t, test.unknown, strings.Contains(err.Error(), "list the jobs"), err)
		})
	}
}

// Whether the job may run is known if the context ends before the request is sent.
func TestCreateAndItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	o := newTLSServer(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	_, err := newJobsClient(t, o).Create(ctx, "rg", "workspace", "assignment", nil)
	require.ErrorIs(t, err, armsecops.ErrOutcomeUnknown)
	require.ErrorIs(t, err, context.Canceled)

	_, err = newJobsClient(t, o).Create(ctx, "rg", "workspace", "assignment", nil)
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, armsecops.ErrOutcomeUnknown, "nothing was sent")

	dialing, cancelDial := context.WithCancel(t.Context())
	client := *o.Transport.(*http.Client)
	client.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		cancelDial()
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	o.Transport = &client
	_, err = newJobsClient(t, o).Create(dialing, "rg", "workspace", "assignment", nil)
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, armsecops.ErrOutcomeUnknown, "no connection was made")
}

func TestCompleteResponseCountsEvenIfTheContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	client := newJobsClient(t, options(script(t, func(req *http.Request) (*http.Response, error) {
		resp, err := respond(200, startedJob)(req)
		resp.Body = testkit.Closing{Reader: resp.Body, Closed: cancel}
		return resp, err
	})))
	resp, err := client.Create(ctx, "rg", "workspace", "assignment", nil)
	require.NoError(t, err)
	assert.Equal(t, jobName, resp.Name)
	require.Error(t, ctx.Err())
}

// A conflict after an attempt that may have been applied can be that attempt's doing.
func TestConflictAfterALostWriteIsUnknown(t *testing.T) {
	t.Parallel()
	refused := func(*http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	first := map[string]struct {
		response transportFunc
		unknown  bool
	}{
		"lost": {lost, true}, "503": {respond(503), true}, "408": {respond(408), true},
		"429": {respond(429), false}, "not sent": {refused, false},
	}
	type client = *armsecops.SecurityAssignmentsClient
	calls := map[string]func(client) error{
		"CreateOrUpdate": func(c client) error {
			return errorOf(c.CreateOrUpdate(t.Context(), "rg", "id", armsecops.Assignment{}, nil))
		},
		"Delete": func(c client) error { return errorOf(c.Delete(t.Context(), "rg", "id", nil)) },
		"Get":    func(c client) error { return errorOf(c.Get(t.Context(), "rg", "id", nil)) },
	}
	for name, test := range first {
		for status, sentinel := range map[int]error{400: nil, 409: armsecops.ErrConflict, 412: armsecops.ErrPreconditionFailed} {
			for method, call := range calls {
				t.Run(fmt.Sprintf("%s/%d/%s", name, status, method), func(t *testing.T) {
					t.Parallel()
					err := call(newAssignmentsClient(t, options(script(t, test.response, respond(status)))))
					require.Error(t, err)
					if sentinel != nil {
						require.ErrorIs(t, err, sentinel)
					}
					assert.Equal(t, test.unknown && sentinel != nil && method != "Get", errors.Is(err, armsecops.ErrOutcomeUnknown), err)
				})
			}
		}
	}
}

// Reads follow the caller's retry options, of the client and of the call.
func TestReadsFollowRetryOptions(t *testing.T) {
	t.Parallel()
	whole := respond(200, `{"name":"whole"}`)
	tests := map[string]struct {
		retry     policy.RetryOptions
		responses []transportFunc
		err       string // empty: success
	}{
		"retries by default":     {policy.RetryOptions{}, []transportFunc{lost, lost, lost, whole}, ""},
		"no retries":             {policy.RetryOptions{MaxRetries: -1}, []transportFunc{respond(503)}, "503"},
		"one retry":              {policy.RetryOptions{MaxRetries: 1}, []transportFunc{respond(503), respond(503)}, "503"},
		"status code":            {policy.RetryOptions{StatusCodes: []int{418}}, []transportFunc{respond(418), whole}, ""},
		"another status code":    {policy.RetryOptions{StatusCodes: []int{418}}, []transportFunc{respond(503)}, "503"},
		"should retry":           {policy.RetryOptions{ShouldRetry: isStatus(404)}, []transportFunc{respond(404), whole}, ""},
		"should retry, and no":   {policy.RetryOptions{ShouldRetry: isStatus(404)}, []transportFunc{respond(503)}, "503"},
		"should retry, and lost": {policy.RetryOptions{ShouldRetry: isStatus(404)}, []transportFunc{lost}, "unexpected EOF"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
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
}

// isStatus returns a ShouldRetry of one status code.
func isStatus(code int) func(*http.Response, error) bool {
	return func(resp *http.Response, err error) bool { return err == nil && resp.StatusCode == code }
}

func TestCanceledCallReportsTheCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("the operator went home")
	ctx, cancel := context.WithCancelCause(t.Context())
	o := options(script(t, func(req *http.Request) (*http.Response, error) {
		defer cancel(cause)
		return respond(503, `{"error":{"code":"ServerBusy"}}`)(req)
	}))
	o.Retry.RetryDelay, o.Retry.MaxRetryDelay = time.Hour, time.Hour
	_, err := newJobsClient(t, o).Get(ctx, "rg", "workspace", "assignment", "job", nil)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, cause)
	assert.True(t, armsecops.HasCode(err, "ServerBusy"))
	assert.ErrorContains(t, err, "WorkspaceManagerJobsClient.Get: context canceled: the operator went home; the last attempt failed: ")
}
