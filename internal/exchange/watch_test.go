package exchange

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/testkit"
)

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
func connect(trace *httptrace.ClientTrace)     { trace.GotConn(httptrace.GotConnInfo{}) }
func failHandshake(trace *httptrace.ClientTrace) {
	trace.TLSHandshakeDone(tls.ConnectionState{}, errHandshake)
}

var (
	errHandshake   = errors.New("certificate refused")
	errHeaderLimit = errors.New("http2: request header list larger than peer's advertised limit")
)

// What the transport reports says whether the request was sent.
func TestReportsOfTheTransport(t *testing.T) {
	t.Parallel()
	testOutcomes(t, create(), map[string]outcome{
		"handshake failed":                {[]transportFunc{traced(errHandshake, failHandshake), respond(200, "")}, 2, false, ""},
		"a server without TLS":            {[]transportFunc{fail(http.ErrSchemeMismatch), respond(200, "")}, 2, false, ""},
		"another error after a handshake": {[]transportFunc{traced(io.EOF, failHandshake)}, 1, true, "EOF"},
		"connected":                       {[]transportFunc{traced(io.EOF, connect)}, 1, true, "EOF"},
		"connected, redial refused":       {[]transportFunc{traced(refusedDial, connect)}, 1, true, refusedDial.Error()},
		"connected, header too large":     {[]transportFunc{traced(errHeaderLimit, connect)}, 4, false, errHeaderLimit.Error()},
		"sent, redial refused":            {[]transportFunc{traced(refusedDial, sendThis)}, 1, true, refusedDial.Error()},
		"sent, then header too large":     {[]transportFunc{traced(errHeaderLimit, sendThis)}, 1, true, errHeaderLimit.Error()},
		"another request, dial refused":   {[]transportFunc{traced(refusedDial, sendAnother), respond(200, "")}, 2, false, ""},
		"another request, another error":  {[]transportFunc{traced(io.EOF, sendAnother)}, 1, true, "EOF"},
	})
}

// service counts the requests that must not be repeated, by their paths.
type service struct {
	*httptest.Server
	setup // of its client

	mu    sync.Mutex
	posts map[string]int
}

func newService(t *testing.T, http2 bool, handler http.HandlerFunc) *service {
	s := &service{posts: map[string]int{}}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.ContentLength != 0 {
			return // a request of the transport's own
		}
		s.mu.Lock()
		s.posts[r.URL.Path]++
		s.mu.Unlock()
		handler(w, r)
	}))
	s.EnableHTTP2 = http2
	s.Server.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Server.Config.MaxHeaderBytes = 8 << 10
	s.StartTLS()
	t.Cleanup(s.Close)
	s.options.Transport = s.Client()
	return s
}

// create sends a request that must not be repeated.
func (s *service) create(t *testing.T, ctx context.Context, path string) (sent int, unknown bool, err error) { // as in testing.T's own helpers
	ctx = WithCall(ctx, create())
	req := testkit.Must(runtime.NewRequest(ctx, http.MethodPost, s.URL+path))
	_, unknown, err = Do(s.pipelineTo(), req)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.posts[path], unknown, err
}

func ok(http.ResponseWriter, *http.Request) {}

// hangUp closes the connection, or resets the stream, without a response.
func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// hangUpLater waits for the other requests of the transport.
func hangUpLater(http.ResponseWriter, *http.Request) {
	<-time.After(5 * time.Millisecond)
	panic(http.ErrAbortHandler)
}

// detached retries with a context that the call doesn't end.
func detached(next http.RoundTripper) http.RoundTripper {
	return transportFunc(func(req *http.Request) (*http.Response, error) {
		return testkit.Retrying(next).RoundTrip(req.WithContext(context.WithoutCancel(req.Context())))
	})
}

// A POST that must not be repeated arrives once at most, and its outcome is
// unknown if it arrived and failed, whatever the transport does by itself.
func TestRequestIsSentOnceByEveryTransport(t *testing.T) {
	t.Parallel()
	transports := map[string]struct {
		wrap func(*http.Transport) http.RoundTripper
		only string // the protocol; empty: both
	}{
		"net/http": {func(next *http.Transport) http.RoundTripper { return next }, ""},
		"retries":  {func(next *http.Transport) http.RoundTripper { return testkit.Retrying(next) }, ""},
		"detached": {func(next *http.Transport) http.RoundTripper { return detached(next) }, "HTTP/1.1"},
		"hedges":   {func(next *http.Transport) http.RoundTripper { return testkit.Hedging(next) }, ""},
		"silent":   {func(next *http.Transport) http.RoundTripper { return testkit.Silent(next) }, ""},
		"token": {func(next *http.Transport) http.RoundTripper {
			return testkit.Retrying(testkit.Asking("/token", 7, next))
		}, ""},
		"retry all": {func(next *http.Transport) http.RoundTripper {
			return testkit.Asking("/health", 0, testkit.Retrying(next))
		}, ""},
		"slow closes": {func(next *http.Transport) http.RoundTripper {
			next.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, network, address)
				return testkit.SlowConn{Conn: conn}, err
			}
			return testkit.Retrying(next)
		}, ""},
		"registered for https": {func(next *http.Transport) http.RoundTripper {
			outer := next.Clone()
			outer.RegisterProtocol("https", testkit.Silent(next))
			return outer
		}, "HTTP/1.1"},
	}
	handlers := map[string]http.HandlerFunc{"success": ok, "hangs up": hangUp, "hangs up later": hangUpLater}
	for protocol, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		for name, transport := range transports {
			if transport.only != "" && transport.only != protocol {
				continue
			}
			for outcome, handler := range handlers {
				t.Run(protocol+"/"+name+"/"+outcome, func(t *testing.T) {
					t.Parallel()
					s := newService(t, http2, handler)
					client := s.Client()
					client.Transport = transport.wrap(client.Transport.(*http.Transport))
					s.options.Retry.ShouldRetry = func(_ *http.Response, err error) bool { return err != nil }
					for n := range 8 {
						_, _ = client.Get(s.URL) // leaves an idle connection
						sent, unknown, err := s.create(t, t.Context(), "/"+strconv.Itoa(n))
						assert.LessOrEqual(t, sent, 1)
						if err != nil && sent > 0 {
							assert.True(t, unknown, "%v", err)
						}
						if outcome == "success" && name != "hedges" {
							require.NoError(t, err)
						}
					}
				})
			}
		}
	}
}

// A RoundTripper for HTTP/2 of the caller's own doesn't report its connections.
func TestOwnHTTP2IsNotBelievedToReport(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{io.EOF, context.DeadlineExceeded} {
		s := newService(t, true, ok)
		var sent atomic.Int32
		transport := s.Client().Transport.(*http.Transport)
		transport.ForceAttemptHTTP2 = false
		transport.TLSClientConfig.NextProtos = []string{"h2"}
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{
			"h2": func(string, *tls.Conn) http.RoundTripper {
				return transportFunc(func(*http.Request) (*http.Response, error) {
					sent.Add(1)
					return nil, failure
				})
			},
		}
		for n := range 3 { // the first makes the connection
			_, unknown, err := s.create(t, t.Context(), "/")
			require.ErrorIs(t, err, failure)
			assert.True(t, unknown)
			assert.EqualValues(t, n+1, sent.Load())
		}
	}
}

// Headers that make net/http send a POST again don't reach it, whoever sets them.
func TestIdempotencyKeysAreRemoved(t *testing.T) {
	t.Parallel()
	ctx := policy.WithHTTPHeader(t.Context(), http.Header{"Idempotency-Key": {"1"}, "X-Idempotency-Key": {"2"}, "Other": {"3"}})
	for _, http2 := range []bool{false, true} {
		s := newService(t, http2, func(_ http.ResponseWriter, r *http.Request) {
			assert.NotContains(t, r.Header, "Idempotency-Key")
			assert.NotContains(t, r.Header, "X-Idempotency-Key")
			assert.Equal(t, "3", r.Header.Get("Other"))
			panic(http.ErrAbortHandler)
		})
		s.options.PerRetryPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
			req.Raw().Header["idempotency-key"] = []string{"4"}
			return req.Next()
		})}
		for n := range 20 {
			_, _ = s.Client().Get(s.URL) // leaves an idle connection
			sent, unknown, err := s.create(t, ctx, "/"+strconv.Itoa(n))
			require.Error(t, err)
			assert.True(t, unknown)
			assert.LessOrEqual(t, sent, 1)
		}
	}
}

// A header that net/http refuses, or that is larger than a server over HTTP/2 allows, is not sent.
func TestHeaderThatIsRefusedIsNotSent(t *testing.T) {
	t.Parallel()
	s := newService(t, true, ok)
	testkit.Must(s.Client().Get(s.URL)) // learns the limit
	s.options.Retry.MaxRetries = -1
	for _, test := range []struct {
		next        policy.Transporter
		value, want string
	}{{http.DefaultClient, "a\nb", "invalid header"}, {nil, "a\nb", "invalid header"}, {s.Client(), strings.Repeat("a", 64<<10), "header list larger"}} {
		s.options.Transport = test.next
		s.options.PerRetryPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
			req.Raw().Header["X-Bad"] = []string{test.value}
			return req.Next()
		})}
		sent, unknown, err := s.create(t, t.Context(), "/")
		assert.Zero(t, sent)
		require.ErrorContains(t, err, test.want)
		require.ErrorContains(t, errors.Unwrap(err), test.want, "what callers look for is in the chain")
		assert.False(t, unknown)
	}
}

// hedging is a policy that sends a request three times at once, and returns the first success.
var hedging policyFunc = func(req *policy.Request) (*http.Response, error) {
	responses := make(chan *http.Response, 3)
	for range cap(responses) {
		go func() {
			resp, err := req.Clone(req.Raw().Context()).Next()
			if err != nil {
				resp = nil
			}
			responses <- resp
		}()
	}
	for range cap(responses) {
		if resp := <-responses; resp != nil && resp.StatusCode < 300 {
			return resp, nil
		}
	}
	return nil, errors.New("all attempts failed")
}

// What must not be repeated is sent once, however attempts overlap. That the outcome is unknown if a policy leaves one under way is in test/faults.
func TestOverlappingAttempts(t *testing.T) {
	t.Parallel()
	for _, put := range []func(*arm.ClientOptions){
		func(o *arm.ClientOptions) { o.PerCallPolicies = []policy.Policy{hedging} },
		func(o *arm.ClientOptions) { o.PerRetryPolicies = []policy.Policy{hedging} },
	} {
		synctest.Test(t, func(t *testing.T) {
			var s setup
			put(&s.options)
			_, unknown, err := Do(s.pipeline(func(*http.Request) (*http.Response, error) {
				<-time.After(time.Second)
				return respond(200, "")(nil)
			}), newRequest(t, t.Context(), create()))
			require.NoError(t, err)
			assert.False(t, unknown)
			assert.EqualValues(t, 1, s.requests.Load())
		})
	}
}

// A policy returns while its attempt continues, whose header a claims challenge changes,
// and whose response azcore reads. The race detector sees what they share.
func TestAttemptThatIsGivenUp(t *testing.T) {
	t.Parallel()
	for range 50 {
		var s setup
		ctx, cancel := context.WithCancel(t.Context())
		sent, ended := make(chan struct{}), make(chan struct{})
		first := sync.OnceFunc(func() { close(sent) })
		s.options.PerCallPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
			go func() { defer close(ended); _, _ = req.Next() }() // the response is in memory
			<-sent
			cancel()
			return nil, ctx.Err()
		})}
		s.options.PerRetryPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
			resp, err := req.Next()
			first()
			req.Raw().Header.Set("Authorization", "another")
			return resp, err
		})}
		req := newRequest(t, ctx, read())
		_, _, err := Do(s.pipeline(respond(503, "busy")), req)
		require.ErrorIs(t, err, context.Canceled)
		SentOf(req)
		<-ended
	}
}

// An attempt that still waits for its turn when the call ends is not sent.
func TestNothingIsSentAfterTheCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, call := range []Call{create(), read()} {
			var s setup
			s.closeGate("5")
			s.options.PerCallPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
				go func() { _, _ = req.Next() }() // there is none
				time.Sleep(time.Second)
				return nil, errors.New("given up")
			})}
			_, unknown, err := Do(s.pipeline(respond(200, "")), newRequest(t, t.Context(), call))
			require.EqualError(t, err, "given up")
			assert.False(t, unknown)
			time.Sleep(time.Minute)
			assert.Zero(t, s.requests.Load())
		}
	})
}

// A request that would wait too long is not sent: its error is that of a 429 which asks to wait for what is left, in whole seconds.
func TestTooLongAWaitIsAnErrorWithoutARequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s setup
		pipeline := s.pipeline(respond(429, "first", "Retry-After", "3600"))
		_, _, err := Do(pipeline, newRequest(t, t.Context(), create()))
		require.EqualError(t, err, "429 first")
		time.Sleep(500 * time.Millisecond)
		call, told := create(), 0
		call.NewError = func(f Failure) error {
			assert.Equal(t, "3600", f.Response.Header.Get("Retry-After"), "rounded up")
			assert.Equal(t, "429 Too Many Requests", f.Response.Status)
			assert.NotNil(t, f.Response.Request)
			return newStatusError(f)
		}
		call.Waited = func(time.Duration) { told++ }
		_, unknown, err := Do(pipeline, newRequest(t, t.Context(), call))
		require.EqualError(t, err, `429 {"error":{"message":"throttled for another 1h0m0s, not sent"}}`)
		assert.Equal(t, []any{false, 1, int32(1)}, []any{unknown, told, s.requests.Load()})
		var other setup
		other.closeGate("0")
		_, unknown, err = Do(other.pipeline(func(req *http.Request) (*http.Response, error) {
			other.closeGate("3600") // meanwhile, for another call
			return nil, io.EOF
		}), newRequest(t, t.Context(), read()))
		require.ErrorContains(t, err, `s, not sent again"}}; the last attempt failed: EOF`)
		assert.True(t, unknown)
	})
}
