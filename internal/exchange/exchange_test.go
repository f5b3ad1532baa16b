package exchange

import (
	"context"
	"errors"
	"fmt"
	"go/scanner"
	"io"
	"net"
	"net/http"
	"strconv"
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

	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/internal/throttle"
)

type (
	transportFunc = testkit.TransportFunc
	policyFunc    = testkit.PolicyFunc
)

var respond = testkit.Respond

func fail(err error) transportFunc {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// breakOff returns a transport whose response ends in its body.
func breakOff(status int, text string) transportFunc {
	return func(req *http.Request) (*http.Response, error) {
		resp, err := testkit.BreakOff(text)(req)
		resp.StatusCode = status
		return resp, err
	}
}

// newStatusError returns the error of a response in these tests.
func newStatusError(f Failure) error {
	if f.Reason != nil {
		return fmt.Errorf("%d, %w", f.Response.StatusCode, f.Reason)
	}
	body, err := runtime.Payload(f.Response)
	if err != nil {
		body = []byte(err.Error())
	}
	return fmt.Errorf("%d %s", f.Response.StatusCode, body)
}

// setup is one pipeline over a transport of the test's.
type setup struct {
	options  arm.ClientOptions
	gates    *throttle.Gates
	requests atomic.Int32
}

// pipeline returns the pipeline, whose requests are counted. The last of the responses is for all requests that are left.
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

// closeGate closes the gate of the calls for some seconds.
func (s *setup) closeGate(seconds string) {
	if s.gates == nil {
		s.gates = throttle.NewGates(policy.RetryOptions{})
	}
	resp, _ := respond(429, "", "Retry-After", seconds)(nil) // in memory
	s.gates.Observe("gate", resp)
}

// create is a request that must not be repeated.
func create() Call {
	return Call{Success: []int{200, 201}, Gate: "gate", NewError: newStatusError}
}

// read is a request that may be repeated.
func read() Call {
	return Call{Success: []int{200}, Repeatable: true, Gate: "gate", NewError: newStatusError}
}

func newRequest(t *testing.T, ctx context.Context, call Call) *policy.Request { // as in testing.T's own helpers
	method := http.MethodPost
	if call.Repeatable {
		method = http.MethodGet
	}
	ctx = WithCall(ctx, call)
	return testkit.Must(runtime.NewRequest(ctx, method, "https://management.azure.com/"))
}

// Errors of responses that could not be read. azcore names itself after a POST.
const (
	reading     = "200, reading the response: "
	readingOnce = reading + "body download policy: "
)

// tooLong is one byte longer than a body may be.
var tooLong = strings.Repeat("a", 1001)

var (
	refusedDial = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	resetRead   = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
)

// outcome is what becomes of a request.
type outcome struct {
	responses []transportFunc // the last one is for all further requests
	requests  int
	unknown   bool
	err       string // empty: success, with the last response
}

func testOutcomes(t *testing.T, call Call, outcomes map[string]outcome) {
	testkit.EachCase(t, outcomes, func(t *testing.T, test outcome) {
		var s setup
		resp, unknown, err := Do(s.pipeline(test.responses...), newRequest(t, t.Context(), call))
		assert.EqualValues(t, test.requests, s.requests.Load())
		assert.Equal(t, test.unknown, unknown)
		if test.err != "" {
			assert.Nil(t, resp)
			require.EqualError(t, err, test.err)
			return
		}
		require.NoError(t, err)
		last, _ := test.responses[len(test.responses)-1](nil) // in memory
		assert.Equal(t, last.StatusCode, resp.StatusCode)
		got := testkit.Must(runtime.Payload(resp))
		want, _ := io.ReadAll(last.Body)
		assert.Equal(t, want, got)
	})
}

func TestRequestThatMustNotBeRepeated(t *testing.T) {
	t.Parallel()
	outcomes := map[string]outcome{
		"success":                          {[]transportFunc{respond(200, "")}, 1, false, ""},
		"other success":                    {[]transportFunc{respond(201, "")}, 1, false, ""},
		"client error":                     {[]transportFunc{respond(409, "no")}, 1, false, "409 no"},
		"429, then 503":                    {[]transportFunc{respond(429, ""), respond(503, "")}, 2, true, "503 "},
		"429 each time":                    {[]transportFunc{respond(429, "")}, 4, false, "429 "},
		"503 with Retry-After":             {[]transportFunc{respond(503, "", "Retry-After", "1")}, 1, true, "503 "},
		"lost":                             {[]transportFunc{fail(io.EOF)}, 1, true, "EOF"},
		"reset while read":                 {[]transportFunc{fail(resetRead)}, 1, true, resetRead.Error()},
		"broken in the body":               {[]transportFunc{breakOff(200, `{"name":"`)}, 1, true, readingOnce + "unexpected EOF"},
		"broken in the body of an error":   {[]transportFunc{breakOff(409, "no")}, 1, false, "409 no"},
		"broken in the body of a 500":      {[]transportFunc{breakOff(500, "no")}, 1, true, "500 no"},
		"untraced refused dial each time":  {[]transportFunc{fail(refusedDial)}, 4, false, refusedDial.Error()},
		"untraced unknown host":            {[]transportFunc{fail(&net.DNSError{Err: "none"}), respond(200, "")}, 2, false, ""},
		"dial refused, then lost":          {[]transportFunc{fail(refusedDial), fail(io.EOF)}, 2, true, "EOF"},
		"dial refused, then client error":  {[]transportFunc{fail(refusedDial), respond(400, "no")}, 2, false, "400 no"},
		"body beyond its bound":            {[]transportFunc{respond(200, tooLong)}, 1, true, readingOnce + "response too large: more than 1000 bytes, the bound of ClientOptions.MaxResponseBytes"},
		"body of an error beyond its own":  {[]transportFunc{respond(400, tooLong)}, 1, false, "400 " + tooLong[:101]},
		"body of success at its bound":     {[]transportFunc{respond(200, tooLong[1:])}, 1, false, ""},
		"neither a response nor an error":  {[]transportFunc{fail(nil)}, 1, true, "received nil response"},
		"a redirect that was followed":     {[]transportFunc{followed}, 1, true, `the transport followed a redirect to "management.azure.com"`},
		"a response and an error, dropped": {[]transportFunc{responseAndError(200, io.EOF)}, 1, true, "EOF"},
	}
	for status, unknown := range map[int]bool{
		202: true, 299: true, 300: true, 301: false, 302: true, 303: true, 304: true, 307: false, 308: false, 408: true, 499: false, 500: true, 504: true,
	} {
		outcomes[strconv.Itoa(status)] = outcome{[]transportFunc{respond(status, "")}, 1, unknown, fmt.Sprint(status, " ")}
	}
	testOutcomes(t, create(), outcomes)
}

// followed is a transport that returns the response of a redirect's target.
func followed(req *http.Request) (*http.Response, error) {
	target := req.Clone(req.Context())
	target.Response = &http.Response{}
	return respond(200, "not the service's")(target)
}

// responseAndError returns a transport that returns both, as http.Client.Do does for a refused redirect.
func responseAndError(status int, err error) transportFunc {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: http.NoBody}, err
	}
}

func TestRequestThatMayBeRepeated(t *testing.T) {
	t.Parallel()
	testOutcomes(t, read(), map[string]outcome{
		"lost, then success":         {[]transportFunc{fail(io.EOF), respond(200, "whole")}, 2, false, ""},
		"broken, then success":       {[]transportFunc{breakOff(200, "half"), respond(200, "whole")}, 2, false, ""},
		"408, then success":          {[]transportFunc{respond(408, ""), respond(200, "whole")}, 2, false, ""},
		"500, then success":          {[]transportFunc{respond(500, ""), respond(200, "whole")}, 2, false, ""},
		"lost each time":             {[]transportFunc{fail(io.EOF)}, 4, true, "EOF"},
		"broken each time":           {[]transportFunc{breakOff(200, "half")}, 4, true, reading + "unexpected EOF"},
		"lost, then not found":       {[]transportFunc{fail(io.EOF), respond(404, "none")}, 2, true, "404 none"},
		"503, then not found":        {[]transportFunc{respond(503, ""), respond(404, "none")}, 2, true, "404 none"},
		"refused, then not found":    {[]transportFunc{fail(refusedDial), respond(404, "none")}, 2, false, "404 none"},
		"429, then not found":        {[]transportFunc{respond(429, ""), respond(404, "none")}, 2, false, "404 none"},
		"not found":                  {[]transportFunc{respond(404, "none")}, 1, false, "404 none"},
		"success of another kind":    {[]transportFunc{respond(204, "")}, 1, true, "204 "},
		"beyond its bound, not read": {[]transportFunc{respond(200, tooLong)}, 1, true, reading + "response too large: more than 1000 bytes, the bound of ClientOptions.MaxResponseBytes"},
	})
}

// What may be sent again after a response depends on its status, not on the options,
// nor on policies that repeat a request whatever comes back, in a context of theirs.
func TestOnlyARefusalGivesThePlaceBack(t *testing.T) {
	t.Parallel()
	unregistered := func(code string) transportFunc { return respond(409, `{"error":{"code":"`+code+`"}}`) }
	again := policyFunc(func(req *policy.Request) (*http.Response, error) {
		req = req.WithContext(context.Background())
		_, _ = req.Next() // in memory
		return req.Next()
	})
	for name, test := range map[string]struct {
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
	} {
		for way, set := range map[string]func(*arm.ClientOptions){
			"a policy per call":  func(o *arm.ClientOptions) { o.PerCallPolicies = []policy.Policy{again} },
			"a policy per retry": func(o *arm.ClientOptions) { o.PerRetryPolicies = []policy.Policy{again} },
			"StatusCodes":        func(o *arm.ClientOptions) { o.Retry.StatusCodes = []int{204, 301, 303, 400, 401, 404, 409, 429, 503} },
			"ShouldRetry": func(o *arm.ClientOptions) {
				o.Retry.ShouldRetry = func(resp *http.Response, _ error) bool { return resp == nil || resp.StatusCode != 200 }
			},
		} {
			var s setup
			set(&s.options)
			_, unknown, err := Do(s.pipeline(test.first, respond(200, "")), newRequest(t, t.Context(), create()))
			assert.EqualValues(t, test.requests, s.requests.Load(), "%s, %s", name, way)
			if err != nil && test.requests == 2 && way == "a policy per call" { // it repeats the success of azcore's retry
				assert.True(t, unknown, name)
				continue
			}
			assert.Equal(t, test.unknown, unknown, "%s, %s", name, way)
			assert.Equal(t, test.requests == 1, err != nil, "%s, %s: %v", name, way, err)
		}
	}
}

// A body without a length that ends in its JSON is read again, but not after a request that must not be repeated.
func TestBodyThatIsCutWithoutALength(t *testing.T) {
	t.Parallel()
	body := func(text string, length int64, closes bool) transportFunc {
		return func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: newBody(text), ContentLength: length, Close: closes}, nil
		}
	}
	for name, test := range map[string]struct {
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
	} {
		var s setup
		_, _, err := Do(s.pipeline(test.first, respond(200, "{}")), newRequest(t, t.Context(), read()))
		require.NoError(t, err, name)
		assert.EqualValues(t, test.requests, s.requests.Load(), name)
		s = setup{}
		_, _, err = Do(s.pipeline(test.first), newRequest(t, t.Context(), create()))
		require.NoError(t, err, "%s: what it says is for the caller to read", name)
		assert.EqualValues(t, 1, s.requests.Load(), name)
	}
	testOutcomes(t, read(), map[string]outcome{"each time": {[]transportFunc{body("{", -1, true)}, 4, true, reading + "unexpected EOF"}})
}

// A request that has no attempts of this package is azcore's own, and goes through unchanged.
func TestRequestsOfAzcoreAreLeftAlone(t *testing.T) {
	t.Parallel()
	var s setup
	pipeline := s.pipeline(respond(503, ""), respond(503, ""), respond(202, "accepted"))
	req := testkit.Must(runtime.NewRequest(context.WithValue(WithCall(t.Context(), create()), runtime.CtxAPINameKey{}, nil), http.MethodPost, "https://management.azure.com/")) // as azcore denies it
	resp := testkit.Must(pipeline.Do(req))
	assert.Equal(t, 202, resp.StatusCode)
	assert.EqualValues(t, 3, s.requests.Load())
}

func TestContextThatHasEndedSendsNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, call := range []Call{create(), read()} {
		var s setup
		_, unknown, err := Do(s.pipeline(respond(200, "")), newRequest(t, ctx, call))
		require.ErrorIs(t, err, context.Canceled)
		assert.False(t, unknown)
		assert.Zero(t, s.requests.Load())
	}
}

// The error of a call whose context ends says why, and how the last attempt failed.
func TestContextErrorQuotesTheLastAttempt(t *testing.T) {
	t.Parallel()
	cause := fmt.Errorf("the operator went home: %w", io.ErrShortBuffer)
	busy, lost := respond(503, "busy"), fail(io.EOF)
	for name, test := range map[string]struct {
		responses []transportFunc // before the context ends
		cause     error
		want      string // after the context's error
	}{
		"a response":               {[]transportFunc{busy}, nil, "; the last attempt failed: 503 busy"},
		"a transport failure":      {[]transportFunc{lost}, nil, "; the last attempt failed: EOF"},
		"a cause":                  {[]transportFunc{busy}, cause, ": the operator went home: short buffer; the last attempt failed: 503 busy"},
		"a failure after a status": {[]transportFunc{busy, lost}, nil, "; the last attempt failed: EOF"},
		"a status after a failure": {[]transportFunc{lost, busy}, nil, "; the last attempt failed: 503 busy"},
		"no attempt":               {nil, nil, ""},
		"no attempt, but a cause":  {nil, cause, ": the operator went home: short buffer"},
	} {
		for _, ended := range []error{context.Canceled, context.DeadlineExceeded} {
			synctest.Test(t, func(t *testing.T) {
				limited, stop := context.WithTimeoutCause(t.Context(), time.Hour, test.cause)
				defer stop()
				ctx, cancel := context.WithCancelCause(limited)
				hang := func(req *http.Request) (*http.Response, error) {
					if errors.Is(ended, context.Canceled) {
						cancel(test.cause)
					}
					<-req.Context().Done()
					return nil, req.Context().Err()
				}
				var s setup // where a token that is to be renewed still holds
				s.options.PerRetryPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
					NoToken(req.Raw().Context(), io.ErrNoProgress)
					return req.Next()
				})}
				_, unknown, err := Do(s.pipeline(append(test.responses, hang)...), newRequest(t, ctx, read()))
				require.EqualError(t, err, ended.Error()+test.want, name)
				require.ErrorIs(t, err, ended, name)
				require.ErrorIs(t, err, context.Cause(ctx), name)
				require.NotErrorIs(t, err, io.ErrShortBuffer, "the cause may be how another call failed")
				assert.True(t, unknown, "the request in flight was sent")
				assert.EqualValues(t, len(test.responses)+1, s.requests.Load(), name)
			})
		}
	}
	assert.NotErrorIs(t, causedError{io.EOF, scanner.ErrorList{}}, scanner.ErrorList{}, "which can't be compared")
}

// What else a caller's policy may return is in package test.
func TestPolicyThatReturnsNothing(t *testing.T) {
	t.Parallel()
	var s setup
	s.options.PerCallPolicies = []policy.Policy{policyFunc(func(*policy.Request) (*http.Response, error) { return nil, nil })}
	_, unknown, err := Do(s.pipeline(respond(200, "")), newRequest(t, t.Context(), create()))
	require.ErrorContains(t, err, "neither a response nor an error")
	assert.False(t, unknown)
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
	resp, unknown, err := Do(s.pipeline(respond(200, "whole")), newRequest(t, ctx, create()))
	require.NoError(t, err)
	assert.Equal(t, 200, resp.StatusCode)
	assert.False(t, unknown)
	require.Error(t, ctx.Err())
}

// The time that azcore gives to an attempt starts after the wait at the gate, and the call's own is over when it is, also at the gate.
func TestWaitAtTheGateIsNotAnAttempt(t *testing.T) {
	t.Parallel()
	type test struct {
		closed     string
		try, delay time.Duration // of an attempt, and of the response
		requests   int32
		earliest   time.Duration
		latest     time.Duration
		err        error
		says       string
	}
	testkit.EachInBubble(t, map[string]test{
		"a response in time": {"5", 200 * time.Millisecond, 150 * time.Millisecond, 1, 5 * time.Second, 7 * time.Second, nil, "<nil>"},
		"one too late": {"5", 200 * time.Millisecond, 250 * time.Millisecond, 1, 5 * time.Second, 7 * time.Second, context.DeadlineExceeded,
			"context deadline exceeded: that of an attempt, as Retry.TryTimeout sets it, not of the call"},
		"the call ends": {"5", time.Hour, time.Hour, 1, 10 * time.Second, 10 * time.Second, context.DeadlineExceeded, "context deadline exceeded"},
		"the call ends before": {"50", time.Hour, time.Hour, 0, 10 * time.Second, 10 * time.Second, context.DeadlineExceeded,
			"context deadline exceeded; it was throttled until then, and not sent"},
	}, func(t *testing.T, test test) {
		var s setup
		s.options.Retry = policy.RetryOptions{TryTimeout: test.try, MaxRetries: -1}
		s.closeGate(test.closed)
		s.options.PerRetryPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
			NoToken(req.Raw().Context(), io.ErrNoProgress) // one that was to be renewed, and still holds
			return req.Next()
		})}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		_, unknown, err := Do(s.pipeline(func(req *http.Request) (*http.Response, error) {
			select {
			case <-time.After(test.delay):
				return respond(200, "whole")(req)
			case <-req.Context().Done():
				return nil, req.Context().Err()
			}
		}), newRequest(t, ctx, create()))
		require.ErrorIs(t, err, test.err)
		assert.Equal(t, err != nil && test.requests > 0, unknown)
		assert.Equal(t, test.says, fmt.Sprint(err))
		assert.Equal(t, test.requests, s.requests.Load())
		assert.GreaterOrEqual(t, time.Since(start), test.earliest)
		assert.LessOrEqual(t, time.Since(start), test.latest)
	})
}
