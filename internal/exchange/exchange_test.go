package exchange

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/throttle"
)

// transportFunc is a transport that is a function.
type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) Do(req *http.Request) (*http.Response, error) { return f(req) }

// respond returns a transport with one response: its status, its body, and pairs
// of header names and values.
func respond(status int, body string, header ...string) transportFunc {
	return func(*http.Request) (*http.Response, error) {
		resp := &http.Response{StatusCode: status, Header: http.Header{}, Body: newBody(body)}
		for i := 0; i < len(header); i += 2 {
			resp.Header.Set(header[i], header[i+1])
		}
		return resp, nil
	}
}

func fail(err error) transportFunc {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// traced returns a transport that reports what the function does with its trace, and fails.
func traced(err error, report func(*httptrace.ClientTrace)) transportFunc {
	return func(req *http.Request) (*http.Response, error) {
		report(httptrace.ContextClientTrace(req.Context()))
		return nil, err
	}
}

// send reports that a request is sent, as net/http does over HTTP/1.1.
func send(trace *httptrace.ClientTrace, fields ...string) {
	connect(trace)
	for i := 0; i < len(fields); i += 2 {
		trace.WroteHeaderField(fields[i], fields[i+1:i+2])
	}
	trace.WroteHeaders()
}

func sendThis(trace *httptrace.ClientTrace)    { send(trace, "Host", "a", "Content-Length", "0") }
func sendAnother(trace *httptrace.ClientTrace) { send(trace, "Host", "a", "Content-Length", "10") }

func connect(trace *httptrace.ClientTrace) { trace.GotConn(httptrace.GotConnInfo{}) }

func failHandshake(trace *httptrace.ClientTrace) {
	trace.TLSHandshakeDone(tls.ConnectionState{}, errHandshake)
}

var (
	errHandshake   = errors.New("certificate refused")
	errHeaderLimit = errors.New("http2: request header list larger than peer's advertised limit")
)

// breakOff returns a transport whose response ends in its body.
func breakOff(status int, text string) transportFunc {
	return func(*http.Request) (*http.Response, error) {
		body := io.NopCloser(io.MultiReader(strings.NewReader(text), failingReader{io.ErrUnexpectedEOF}))
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: body}, nil
	}
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// statusError is the error of a response in these tests.
type statusError struct {
	status int
	body   string
	reason error
}

func (e *statusError) Error() string {
	if e.reason != nil {
		return fmt.Sprintf("%d, %s", e.status, strings.ReplaceAll(e.reason.Error(), "body download policy: ", ""))
	}
	return fmt.Sprintf("%d %s", e.status, e.body)
}

func (e *statusError) Unwrap() error { return e.reason }

func newStatusError(f Failure) error {
	body, err := runtime.Payload(f.Response)
	if err != nil {
		body = []byte(err.Error())
	}
	return &statusError{f.Response.StatusCode, string(body), f.Reason}
}

// setup is one pipeline over a transport of the test's.
type setup struct {
	options  arm.ClientOptions
	gates    *throttle.Gates
	requests atomic.Int32
}

// pipeline returns the pipeline, whose requests are counted. The last of the
// responses is for all requests that are left.
func (s *setup) pipeline(responses ...transportFunc) runtime.Pipeline {
	s.options.Transport = transportFunc(func(req *http.Request) (*http.Response, error) {
		n := int(s.requests.Add(1))
		return responses[min(n, len(responses))-1](req)
	})
	return s.pipelineTo()
}

// pipelineTo returns the pipeline to the transport of the options.
func (s *setup) pipelineTo() runtime.Pipeline {
	if s.options.Retry.RetryDelay == 0 {
		s.options.Retry.RetryDelay = 1 // ns
	}
	options := s.options
	if s.gates == nil {
		s.gates = throttle.NewGates(s.options.Retry)
	}
	Configure(&options, s.gates, 1000, 100)
	return runtime.NewPipeline("module", "v1.0.0", runtime.PipelineOptions{}, &options.ClientOptions)
}

// quiet drops what servers log.
var quiet = log.New(io.Discard, "", 0)

// create is a request that must not be repeated.
func create() Call {
	return Call{Success: []int{200, 201}, Gate: "gate", NewError: newStatusError}
}

// read is a request that may be repeated.
func read() Call {
	return Call{Success: []int{200}, Repeatable: true, Gate: "gate", NewError: newStatusError}
}

func newRequest(t *testing.T, ctx context.Context, call Call) *policy.Request { //nolint:revive // as in testing.T's own helpers
	t.Helper()
	method := http.MethodPost
	if call.Repeatable {
		method = http.MethodGet
	}
	ctx = context.WithValue(ctx, runtime.CtxAPINameKey{}, "operation")
	req, err := runtime.NewRequest(ctx, method, "https://management.azure.com/")
	require.NoError(t, err)
	return req
}

// Errors of responses that could not be read.
const (
	eofInBody = "200, reading the response: unexpected EOF"
	tooLarge  = "200, reading the response: response too large"
)

// tooLong is one byte longer than a body may be.
var tooLong = strings.Repeat("a", 1001)

var (
	refusedDial = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	resetRead   = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
)

func TestRequestThatMustNotBeRepeated(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		responses []transportFunc
		requests  int
		unknown   bool
		err       string // empty: success
	}{
		"success":                          {[]transportFunc{respond(200, "")}, 1, false, ""},
		"other success":                    {[]transportFunc{respond(201, "")}, 1, false, ""},
		"success of another operation":     {[]transportFunc{respond(202, "")}, 1, true, "202 "},
		"299":                              {[]transportFunc{respond(299, "")}, 1, true, "299 "},
		"300":                              {[]transportFunc{respond(300, "")}, 1, true, "300 "},
		"301":                              {[]transportFunc{respond(301, "")}, 1, false, "301 "},
		"302":                              {[]transportFunc{respond(302, "")}, 1, true, "302 "},
		"303":                              {[]transportFunc{respond(303, "")}, 1, true, "303 "},
		"304":                              {[]transportFunc{respond(304, "")}, 1, true, "304 "},
		"307":                              {[]transportFunc{respond(307, "")}, 1, false, "307 "},
		"308":                              {[]transportFunc{respond(308, "")}, 1, false, "308 "},
		"client error":                     {[]transportFunc{respond(409, "no")}, 1, false, "409 no"},
		"408":                              {[]transportFunc{respond(408, "")}, 1, true, "408 "},
		"429, then success":                {[]transportFunc{respond(429, ""), respond(200, "")}, 2, false, ""},
		"429, then 503":                    {[]transportFunc{respond(429, ""), respond(503, "")}, 2, true, "503 "},
		"429 each time":                    {[]transportFunc{respond(429, "")}, 4, false, "429 "},
		"499":                              {[]transportFunc{respond(499, "")}, 1, false, "499 "},
		"500":                              {[]transportFunc{respond(500, "")}, 1, true, "500 "},
		"503 with Retry-After":             {[]transportFunc{respond(503, "", "Retry-After", "1")}, 1, true, "503 "},
		"504":                              {[]transportFunc{respond(504, "")}, 1, true, "504 "},
		"lost":                             {[]transportFunc{fail(io.EOF)}, 1, true, "EOF"},
		"reset while read":                 {[]transportFunc{fail(resetRead)}, 1, true, resetRead.Error()},
		"broken in the body":               {[]transportFunc{breakOff(200, `{"name":"`)}, 1, true, eofInBody},
		"broken in the body of an error":   {[]transportFunc{breakOff(409, "no")}, 1, false, "409 no"},
		"broken in the body of a 500":      {[]transportFunc{breakOff(500, "no")}, 1, true, "500 no"},
		"untraced refused dial":            {[]transportFunc{fail(refusedDial), respond(200, "")}, 2, false, ""},
		"untraced refused dial each time":  {[]transportFunc{fail(refusedDial)}, 4, false, refusedDial.Error()},
		"untraced unknown host":            {[]transportFunc{fail(&net.DNSError{Err: "none"}), respond(200, "")}, 2, false, ""},
		"handshake failed":                 {[]transportFunc{traced(errHandshake, failHandshake), respond(200, "")}, 2, false, ""},
		"another error after a handshake":  {[]transportFunc{traced(io.EOF, failHandshake)}, 1, true, "EOF"},
		"connected":                        {[]transportFunc{traced(io.EOF, connect)}, 1, true, "EOF"},
		"connected, redial refused":        {[]transportFunc{traced(refusedDial, connect)}, 1, true, refusedDial.Error()},
		"connected, header too large":      {[]transportFunc{traced(errHeaderLimit, connect)}, 4, false, errHeaderLimit.Error()},
		"sent, redial refused":             {[]transportFunc{traced(refusedDial, sendThis)}, 1, true, refusedDial.Error()},
		"sent, then header too large":      {[]transportFunc{traced(errHeaderLimit, sendThis)}, 1, true, errHeaderLimit.Error()},
		"another request, dial refused":    {[]transportFunc{traced(refusedDial, sendAnother), respond(200, "")}, 2, false, ""},
		"another request, another error":   {[]transportFunc{traced(io.EOF, sendAnother)}, 1, true, "EOF"},
		"dial refused, then lost":          {[]transportFunc{fail(refusedDial), fail(io.EOF)}, 2, true, "EOF"},
		"dial refused, then client error":  {[]transportFunc{fail(refusedDial), respond(400, "no")}, 2, false, "400 no"},
		"body beyond its bound":            {[]transportFunc{respond(200, tooLong)}, 1, true, tooLarge},
		"body of an error beyond its own":  {[]transportFunc{respond(400, tooLong)}, 1, false, "400 " + tooLong[:101]},
		"body of success at its bound":     {[]transportFunc{respond(200, tooLong[1:])}, 1, false, ""},
		"neither a response nor an error":  {[]transportFunc{fail(nil)}, 1, true, "received nil response"},
		"a response and an error, dropped": {[]transportFunc{responseAndError(200, io.EOF)}, 1, true, "EOF"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s setup
			resp, unknown, err := Do(s.pipeline(test.responses...), newRequest(t, t.Context(), create()), create())
			assert.EqualValues(t, test.requests, s.requests.Load())
			assert.Equal(t, test.unknown, unknown)
			if test.err != "" {
				assert.Nil(t, resp)
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			assert.Contains(t, create().Success, resp.StatusCode)
		})
	}
}

// responseAndError returns a transport that returns both, as http.Client.Do does for a refused redirect.
func responseAndError(status int, err error) transportFunc {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: http.NoBody}, err
	}
}

func TestRequestThatMayBeRepeated(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		responses []transportFunc
		requests  int
		unknown   bool
		err       string // empty: success
	}{
		"lost, then success":         {[]transportFunc{fail(io.EOF), respond(200, "whole")}, 2, false, ""},
		"broken, then success":       {[]transportFunc{breakOff(200, "half"), respond(200, "whole")}, 2, false, ""},
		"408, then success":          {[]transportFunc{respond(408, ""), respond(200, "whole")}, 2, false, ""},
		"500, then success":          {[]transportFunc{respond(500, ""), respond(200, "whole")}, 2, false, ""},
		"refused, then success":      {[]transportFunc{fail(refusedDial), respond(200, "whole")}, 2, false, ""},
		"429, then success":          {[]transportFunc{respond(429, ""), respond(200, "whole")}, 2, false, ""},
		"lost each time":             {[]transportFunc{fail(io.EOF)}, 4, true, "EOF"},
		"broken each time":           {[]transportFunc{breakOff(200, "half")}, 4, true, eofInBody},
		"lost, then not found":       {[]transportFunc{fail(io.EOF), respond(404, "none")}, 2, true, "404 none"},
		"503, then not found":        {[]transportFunc{respond(503, ""), respond(404, "none")}, 2, true, "404 none"},
		"refused, then not found":    {[]transportFunc{fail(refusedDial), respond(404, "none")}, 2, false, "404 none"},
		"429, then not found":        {[]transportFunc{respond(429, ""), respond(404, "none")}, 2, false, "404 none"},
		"not found":                  {[]transportFunc{respond(404, "none")}, 1, false, "404 none"},
		"success of another kind":    {[]transportFunc{respond(204, "")}, 1, true, "204 "},
		"beyond its bound, not read": {[]transportFunc{respond(200, tooLong)}, 1, true, tooLarge},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s setup
			resp, unknown, err := Do(s.pipeline(test.responses...), newRequest(t, t.Context(), read()), read())
			assert.EqualValues(t, test.requests, s.requests.Load())
			if test.err != "" {
				assert.Nil(t, resp)
				assert.Equal(t, test.unknown, unknown)
				require.EqualError(t, err, test.err)
				return
			}
			require.NoError(t, err)
			assert.False(t, unknown, "the success is known")
			body, err := runtime.Payload(resp)
			require.NoError(t, err)
			assert.Equal(t, "whole", string(body))
		})
	}
}

// givesUp is a policy that returns an error while the request is in flight.
func givesUp(inFlight <-chan struct{}) policyFunc {
	return func(req *policy.Request) (*http.Response, error) {
		done := make(chan error, 1)
		var resp *http.Response
		go func() {
			r, err := req.Next()
			resp = r
			done <- err
		}()
		select {
		case err := <-done:
			return resp, err
		case <-inFlight:
			return nil, errors.New("given up")
		}
	}
}

// hedging is a policy that sends a request three times at once, and returns the first success.
var hedging policyFunc = func(req *policy.Request) (*http.Response, error) {
	type result struct {
		resp *http.Response
		err  error
	}
	results := make(chan result, 3)
	for range cap(results) {
		go func() {
			resp, err := req.Clone(req.Raw().Context()).Next()
			results <- result{resp, err}
		}()
	}
	var last result
	for range cap(results) {
		if last = <-results; last.err == nil && last.resp.StatusCode < 300 {
			return last.resp, nil
		}
	}
	return last.resp, last.err
}

// What must not be repeated is sent once, however attempts overlap, and the
// outcome is unknown if one is under way.
func TestOverlappingAttempts(t *testing.T) {
	t.Parallel()
	perCall := func(o *arm.ClientOptions, p policy.Policy) { o.PerCallPolicies = []policy.Policy{p} }
	perRetry := func(o *arm.ClientOptions, p policy.Policy) { o.PerRetryPolicies = []policy.Policy{p} }
	for name, put := range map[string]func(*arm.ClientOptions, policy.Policy){"per call": perCall, "per retry": perRetry} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				inFlight, leave := make(chan struct{}), make(chan struct{})
				var s setup
				put(&s.options, givesUp(inFlight))
				s.options.Retry.ShouldRetry = func(*http.Response, error) bool { return true }
				_, unknown, err := Do(s.pipeline(func(*http.Request) (*http.Response, error) {
					close(inFlight) // which a second request can't
					<-leave
					return respond(200, "")(nil)
				}), newRequest(t, t.Context(), create()), create())
				require.Error(t, err)
				assert.True(t, unknown)
				close(leave)
				synctest.Wait()

				s = setup{}
				put(&s.options, hedging)
				_, unknown, err = Do(s.pipeline(func(*http.Request) (*http.Response, error) {
					<-time.After(time.Second)
					return respond(200, "")(nil)
				}), newRequest(t, t.Context(), create()), create())
				require.NoError(t, err)
				assert.False(t, unknown)
				assert.EqualValues(t, 1, s.requests.Load())
			})
		})
	}
}

// An attempt that still waits for its turn when the call ends is not sent.
func TestNothingIsSentAfterTheCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, call := range []Call{create(), read()} {
			var s setup
			s.gates = throttle.NewGates(policy.RetryOptions{})
			s.gates.Observe("gate", &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {"5"}}})
			gaveUp := make(chan struct{})
			time.AfterFunc(time.Second, func() { close(gaveUp) })
			s.options.PerCallPolicies = []policy.Policy{givesUp(gaveUp)}
			_, unknown, err := Do(s.pipeline(respond(200, "")), newRequest(t, t.Context(), call), call)
			require.EqualError(t, err, "given up")
			assert.False(t, unknown)
			time.Sleep(time.Minute)
			assert.Zero(t, s.requests.Load())
		}
	})
}

// What may be sent again after a response depends on its status, not on the options.
func TestOnlyARefusalGivesThePlaceBack(t *testing.T) {
	t.Parallel()
	unregistered := func(code string) transportFunc { return respond(409, `{"error":{"code":"`+code+`"}}`) }
	tests := map[string]struct {
		first    transportFunc
		requests int
		unknown  bool
	}{
		"401":                         {respond(401, ""), 2, false},
		"429":                         {respond(429, ""), 2, false},
		"409, not registered":         {unregistered("MissingSubscriptionRegistration"), 2, false},
		"409, not registered, casing": {unregistered("missingregistrationforresourceprovider"), 2, false},
		"409":                         {unregistered("Conflict"), 1, false},
		"409, no JSON":                {respond(409, "<html>"), 1, false},
		"400":                         {respond(400, "no"), 1, false},
		"404":                         {respond(404, "no"), 1, false},
		"301":                         {respond(301, "no"), 1, false},
		"303":                         {respond(303, "no"), 1, true},
		"204":                         {respond(204, ""), 1, true},
		"503":                         {respond(503, "no"), 1, true},
		"lost":                        {fail(io.EOF), 1, true},
		"dial":                        {fail(refusedDial), 2, false},
	}
	again := policyFunc(func(req *policy.Request) (*http.Response, error) {
		_, _ = req.Next() //nolint:bodyclose // in memory
		return req.Next()
	})
	for name, test := range tests {
		for _, way := range []string{"ShouldRetry", "a policy"} {
			t.Run(name+"/"+way, func(t *testing.T) {
				t.Parallel()
				var s setup
				if way == "a policy" {
					s.options.PerRetryPolicies = []policy.Policy{again}
				} else {
					s.options.Retry.ShouldRetry = func(resp *http.Response, _ error) bool { return resp == nil || resp.StatusCode != 200 }
				}
				_, unknown, err := Do(s.pipeline(test.first, respond(200, "")), newRequest(t, t.Context(), create()), create())
				assert.EqualValues(t, test.requests, s.requests.Load())
				assert.Equal(t, test.unknown, unknown)
				assert.Equal(t, test.requests == 1, err != nil, err)
			})
		}
	}
}

// A body without a length that ends in its JSON is read again, but not after a
// request that must not be repeated.
func TestBodyThatIsCutWithoutALength(t *testing.T) {
	t.Parallel()
	body := func(text string, length int64, closes bool) transportFunc {
		return func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: newBody(text), ContentLength: length, Close: closes}, nil
		}
	}
	tests := map[string]struct {
		first    transportFunc
		requests int
	}{
		"cut, until the connection closes":        {body(`{"a":{"b":1}`, -1, true), 2},
		"cut in a string":                         {body("\xef\xbb\xbf"+`{"a":"b`, -1, true), 2},
		"cut, another framing":                    {body(`{"a":{"b":1`, -1, false), 2},
		"cut, another framing, looks complete":    {body(`{"a":{"b":1}`, -1, false), 1},
		"complete":                                {body(`{"a":{"b":1}}`+"\n", -1, true), 1},
		"complete, another framing":               {body(`{"a":{"b":1}}`+"\n", -1, false), 1},
		"not JSON":                                {body(`<html>`, -1, true), 1},
		"nothing":                                 {body(``, -1, true), 1},
		"as long as it says: the service's fault": {body(`{"a":{"b":1`, 11, true), 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s setup
			_, _, err := Do(s.pipeline(test.first, respond(200, "{}")), newRequest(t, t.Context(), read()), read())
			require.NoError(t, err)
			assert.EqualValues(t, test.requests, s.requests.Load())

			s = setup{}
			_, _, err = Do(s.pipeline(test.first), newRequest(t, t.Context(), create()), create())
			require.NoError(t, err, "what it says is for the caller to read")
			assert.EqualValues(t, 1, s.requests.Load())
		})
	}
	var s setup
	_, unknown, err := Do(s.pipeline(body("{", -1, true)), newRequest(t, t.Context(), read()), read())
	require.EqualError(t, err, eofInBody)
	assert.True(t, unknown)
	assert.EqualValues(t, 4, s.requests.Load())
}

// A request that has no attempts of this package is azcore's own, and goes through unchanged.
func TestRequestsOfAzcoreAreLeftAlone(t *testing.T) {
	t.Parallel()
	var s setup
	pipeline := s.pipeline(respond(503, ""), respond(503, ""), respond(202, "accepted"))
	resp, err := pipeline.Do(newRequest(t, t.Context(), create()))
	require.NoError(t, err)
	assert.Equal(t, 202, resp.StatusCode)
	assert.EqualValues(t, 3, s.requests.Load())
}

func TestContextThatHasEndedSendsNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, call := range []Call{create(), read()} {
		var s setup
		_, unknown, err := Do(s.pipeline(respond(200, "")), newRequest(t, ctx, call), call)
		require.ErrorIs(t, err, context.Canceled)
		assert.False(t, unknown)
		assert.Zero(t, s.requests.Load())
	}
}

// The error of a call whose context ends says why, and how the last attempt failed.
func TestContextErrorQuotesTheLastAttempt(t *testing.T) {
	t.Parallel()
	cause := errors.New("the operator went home")
	busy, lost := respond(503, "busy"), fail(io.EOF)
	tests := map[string]struct {
		responses []transportFunc // before the context ends
		cause     error
		want      string // after "context canceled"
	}{
		"a response":               {[]transportFunc{busy}, nil, "; the last attempt failed: 503 busy"},
		"a transport failure":      {[]transportFunc{lost}, nil, "; the last attempt failed: EOF"},
		"a cause":                  {[]transportFunc{busy}, cause, ": the operator went home; the last attempt failed: 503 busy"},
		"a failure after a status": {[]transportFunc{busy, lost}, nil, "; the last attempt failed: EOF"},
		"a status after a failure": {[]transportFunc{lost, busy}, nil, "; the last attempt failed: 503 busy"},
		"no attempt":               {nil, nil, ""},
		"no attempt, but a cause":  {nil, cause, ": the operator went home"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				hang := func(req *http.Request) (*http.Response, error) {
					cancel(test.cause)
					<-req.Context().Done()
					return nil, req.Context().Err()
				}
				var s setup
				_, unknown, err := Do(s.pipeline(append(test.responses, hang)...), newRequest(t, ctx, read()), read())
				require.EqualError(t, err, "context canceled"+test.want)
				require.ErrorIs(t, err, context.Canceled)
				if test.cause != nil {
					require.ErrorIs(t, err, test.cause)
				}
				assert.True(t, unknown, "the request in flight was sent")
				assert.EqualValues(t, len(test.responses)+1, s.requests.Load())
			})
		})
	}
}

// A caller's policy may shorten the time of a call, and its end is the call's.
func TestContextOfTheCallersPolicyCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := setup{options: arm.ClientOptions{ClientOptions: policy.ClientOptions{
			Retry: policy.RetryOptions{RetryDelay: time.Hour, MaxRetryDelay: time.Hour},
			PerCallPolicies: []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
				ctx, cancel := context.WithTimeout(req.Raw().Context(), 10*time.Second)
				defer cancel()
				return req.WithContext(ctx).Next()
			})},
		}}}
		_, _, err := Do(s.pipeline(respond(503, "busy")), newRequest(t, t.Context(), read()), read())
		require.EqualError(t, err, "context deadline exceeded; the last attempt failed: 503 busy")
	})
}

type policyFunc func(*policy.Request) (*http.Response, error)

func (f policyFunc) Do(req *policy.Request) (*http.Response, error) { return f(req) }

// What a caller's policy returns in the place of the service's response is taken as it is.
func TestResponsesOfTheCallersPolicies(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		policy policyFunc
		err    string // empty: success
	}{
		"nothing":       {func(*policy.Request) (*http.Response, error) { return nil, nil }, "neither a response nor an error"},
		"a success":     {func(*policy.Request) (*http.Response, error) { return &http.Response{StatusCode: 200}, nil }, ""},
		"a bare error":  {func(*policy.Request) (*http.Response, error) { return &http.Response{StatusCode: 404}, nil }, "404 "},
		"its own error": {func(*policy.Request) (*http.Response, error) { return nil, errors.New("open circuit") }, "open circuit"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup{options: arm.ClientOptions{ClientOptions: policy.ClientOptions{PerCallPolicies: []policy.Policy{test.policy}}}}
			call := create()
			call.NewError = func(f Failure) error {
				assert.NotNil(t, f.Response.Request)
				return newStatusError(f)
			}
			resp, unknown, err := Do(s.pipeline(respond(200, "")), newRequest(t, t.Context(), call), call)
			assert.False(t, unknown, "nothing was sent")
			assert.Zero(t, s.requests.Load())
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, 200, resp.StatusCode)
		})
	}
}

// A response that is complete is the result, even if the context ends with it.
func TestCompleteResponseCountsAfterItsContextEnded(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var s setup
	s.options.PerCallPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
		defer cancel()
		return req.Next()
	})}
	resp, unknown, err := Do(s.pipeline(respond(200, "whole")), newRequest(t, ctx, create()), create())
	require.NoError(t, err)
	assert.Equal(t, 200, resp.StatusCode)
	assert.False(t, unknown)
	require.Error(t, ctx.Err())
}

// The time that azcore gives to an attempt starts after the wait at the gate, and
// the call's own is over when it is.
func TestWaitAtTheGateIsNotAnAttempt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		try, delay time.Duration // of an attempt, and of the response
		err        error
	}{
		"a response in time": {200 * time.Millisecond, 150 * time.Millisecond, nil},
		"one too late":       {200 * time.Millisecond, 250 * time.Millisecond, context.DeadlineExceeded},
		"the call ends":      {time.Hour, time.Hour, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := setup{options: arm.ClientOptions{ClientOptions: policy.ClientOptions{
					Retry: policy.RetryOptions{TryTimeout: test.try, MaxRetries: -1},
				}}}
				s.gates = throttle.NewGates(policy.RetryOptions{})
				s.gates.Observe("gate", &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {"5"}}})
				pipeline := s.pipeline(func(req *http.Request) (*http.Response, error) {
					select {
					case <-time.After(test.delay):
						return respond(200, "whole")(req)
					case <-req.Context().Done():
						return nil, req.Context().Err()
					}
				})
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				start := time.Now()
				_, _, err := Do(pipeline, newRequest(t, ctx, read()), read())
				require.ErrorIs(t, err, test.err)
				assert.GreaterOrEqual(t, time.Since(start), 5*time.Second)
				assert.LessOrEqual(t, time.Since(start), 10*time.Second)
			})
		})
	}
}

func TestWaitAtTheGateEndsWithTheCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s setup
		s.gates = throttle.NewGates(policy.RetryOptions{})
		s.gates.Observe("gate", &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {"50"}}})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		_, unknown, err := Do(s.pipeline(respond(200, "")), newRequest(t, ctx, create()), create())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 5*time.Second, time.Since(start))
		assert.False(t, unknown)
		assert.Zero(t, s.requests.Load())
	})
}

// A request that would wait too long is not sent: its error is that of a 429
// which asks to wait for what is left, in whole seconds.
func TestTooLongAWaitIsAnErrorWithoutARequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s setup
		pipeline := s.pipeline(respond(429, "first", "Retry-After", "3600"))
		_, _, err := Do(pipeline, newRequest(t, t.Context(), create()), create())
		require.EqualError(t, err, "429 first")
		time.Sleep(500 * time.Millisecond)
		call := create()
		call.NewError = func(f Failure) error {
			assert.Equal(t, "3600", f.Response.Header.Get("Retry-After"), "rounded up")
			assert.Equal(t, "429 Too Many Requests", f.Response.Status)
			assert.NotNil(t, f.Response.Request)
			return newStatusError(f)
		}
		_, unknown, err := Do(pipeline, newRequest(t, t.Context(), call), call)
		require.EqualError(t, err, `429 {"error":{"message":"throttled for another 1h0m0s, not sent"}}`)
		assert.False(t, unknown)
		assert.EqualValues(t, 1, s.requests.Load())
	})
}
