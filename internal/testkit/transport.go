// Package testkit is what the tests of the module and of interop share: transports
// that follow a script, the documented exchanges and their calls, and documents of
// every type.
package testkit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
)

// TransportFunc is a transport that is a function.
type TransportFunc func(*http.Request) (*http.Response, error)

// Do calls the function.
func (f TransportFunc) Do(req *http.Request) (*http.Response, error) { return f(req) }

// RoundTrip calls the function.
func (f TransportFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// Respond returns a transport that gives every request the same response:
// Respond(503), Respond(200, body), Respond(429, body, "Retry-After", "1").
func Respond(status int, bodyAndHeader ...string) TransportFunc {
	body, header := strings.Join(bodyAndHeader[:min(1, len(bodyAndHeader))], ""), http.Header{}
	for i := 1; i < len(bodyAndHeader); i += 2 {
		header.Set(bodyAndHeader[i], bodyAndHeader[i+1])
	}
	return func(req *http.Request) (*http.Response, error) {
		return &http.Response{
			Status:     fmt.Sprint(status, " ", http.StatusText(status)),
			StatusCode: status,
			Header:     header.Clone(),
			Body:       io.NopCloser(strings.NewReader(body)),
			Request:    req,
		}, nil
	}
}

// Minimal is the least body of any success: of a resource, a page and a result of
// Azure Resource Graph.
const Minimal = `{"name":"a","value":[],"data":[]}`

// Scripted is the transport that Script returns.
type Scripted struct {
	t testing.TB

	mu   sync.Mutex
	made int // requests
	left []TransportFunc
}

// Script returns a transport for the requests of a whole test: the first of the
// responses is for the first request, and so on. The test fails over a request
// that has no response left, and over a response that no request has used. A
// response is any transport: Respond(503), one of testdata/exchanges (see
// Documented), or a function that fails, waits or looks at the request. Requests
// may be concurrent; they are numbered as they arrive.
func Script(t testing.TB, responses ...TransportFunc) *Scripted {
	t.Helper()
	s := &Scripted{t: t, left: responses}
	t.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.left) > 0 {
			t.Errorf("%d requests were made, %d more were expected", s.made, len(s.left))
		}
	})
	return s
}

// ErrUnexpectedRequest is the error of a request that has no response left.
var ErrUnexpectedRequest = errors.New("unexpected request")

// Do responds to the request with the next response of the script.
func (s *Scripted) Do(req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.made++
	n, next := s.made, TransportFunc(nil)
	if len(s.left) > 0 {
		next, s.left = s.left[0], s.left[1:]
	}
	s.mu.Unlock()
	if next == nil {
		s.t.Errorf("request %d was not expected: %s %s", n, req.Method, req.URL)
		return nil, ErrUnexpectedRequest
	}
	return next(req)
}

// Requests returns how many requests have been made.
func (s *Scripted) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.made
}

// Lost is a transport on which the response never comes.
func Lost(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

// BreakOff returns a transport whose response, a success, ends in its body.
func BreakOff(text string) TransportFunc {
	return func(req *http.Request) (*http.Response, error) {
		resp, err := Respond(200)(req)
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(text), iotest.ErrReader(io.ErrUnexpectedEOF)))
		return resp, err
	}
}

// Retrying is a transport that sends a request again if it fails.
func Retrying(next http.RoundTripper) http.RoundTripper {
	return TransportFunc(func(req *http.Request) (resp *http.Response, err error) {
		for range 3 {
			if resp, err = next.RoundTrip(req); err == nil {
				return resp, nil
			}
		}
		return resp, err
	})
}

// Hedging is a transport that sends a request several times at once.
func Hedging(next http.RoundTripper) http.RoundTripper {
	return TransportFunc(func(req *http.Request) (*http.Response, error) {
		var group sync.WaitGroup
		var resp atomic.Pointer[http.Response]
		for range 4 {
			group.Go(func() {
				if got, err := next.RoundTrip(req.Clone(req.Context())); err == nil && !resp.CompareAndSwap(nil, got) {
					_ = got.Body.Close()
				}
			})
		}
		group.Wait()
		if resp.Load() == nil {
			return nil, errors.New("all requests failed")
		}
		return resp.Load(), nil
	})
}

// Asking is a transport that sends a request of its own before each, with its context.
//   - length: of the body of a POST; 0: it is a GET
func Asking(path string, length int, next http.RoundTripper) http.RoundTripper {
	return TransportFunc(func(req *http.Request) (*http.Response, error) {
		method, body := http.MethodGet, io.Reader(nil)
		if length > 0 {
			method, body = http.MethodPost, strings.NewReader(strings.Repeat("a", length))
		}
		own, _ := http.NewRequestWithContext(req.Context(), method, req.URL.JoinPath(path).String(), body) // as valid as req
		resp, err := next.RoundTrip(own)
		if err != nil {
			return nil, fmt.Errorf("asking: %w", err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		clone := req.Clone(req.Context())
		clone.URL.RawQuery += "&code=1" // as function keys are
		return next.RoundTrip(clone)
	})
}

// Silent is a transport that reports nothing to net/http/httptrace, and doesn't retry.
func Silent(next http.RoundTripper) http.RoundTripper {
	return TransportFunc(func(req *http.Request) (*http.Response, error) {
		return next.RoundTrip(req.WithContext(untraced{req.Context()}))
	})
}

type untraced struct{ context.Context }

func (untraced) Value(any) any { return nil }

// SlowConn is a connection that takes a while to close.
type SlowConn struct{ net.Conn }

// Close waits, and closes the connection.
func (c SlowConn) Close() error {
	<-time.After(5 * time.Millisecond)
	return c.Conn.Close()
}

// Endpoint returns the cloud whose Resource Manager has the URL.
func Endpoint(url string) cloud.Configuration {
	return cloud.Configuration{
		ActiveDirectoryAuthorityHost: "https://login.example",
		Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
			cloud.ResourceManager: {Audience: "https://management.example", Endpoint: url},
		},
	}
}
