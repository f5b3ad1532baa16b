package exchange

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/internal/wire"
)

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	tests := map[string]struct {
		length int
		end    error // in the place of io.EOF
		left   int64
		bound  error
		read   int
		err    error
	}{
		"success within":                {9, nil, 10, wire.ErrTooLarge, 9, nil},
		"success at its bound":          {10, nil, 10, wire.ErrTooLarge, 10, nil},
		"success beyond":                {11, nil, 10, wire.ErrTooLarge, 10, wire.ErrTooLarge},
		"success far beyond":            {1000, nil, 10, wire.ErrTooLarge, 10, wire.ErrTooLarge},
		"success, broken":               {9, broken, 10, wire.ErrTooLarge, 9, broken},
		"success, broken at its bound":  {10, broken, 10, wire.ErrTooLarge, 10, broken},
		"success, empty":                {0, nil, 10, wire.ErrTooLarge, 0, nil},
		"success, nothing allowed":      {1, nil, 0, wire.ErrTooLarge, 0, wire.ErrTooLarge},
		"error within":                  {9, nil, 10, io.EOF, 9, nil},
		"error at its bound":            {10, nil, 10, io.EOF, 10, nil},
		"error beyond":                  {11, nil, 10, io.EOF, 10, nil},
		"error, broken: what it said":   {9, broken, 10, io.EOF, 9, nil},
		"error, broken at once":         {0, broken, 10, io.EOF, 0, nil},
		"error, broken after its bound": {11, broken, 10, io.EOF, 10, nil},
	}
	readers := map[string]func(io.Reader) io.Reader{
		"whole":          func(r io.Reader) io.Reader { return r },
		"byte by byte":   iotest.OneByteReader,
		"data with err":  iotest.DataErrReader,
		"halves of asks": iotest.HalfReader,
	}
	for name, test := range tests {
		for way, reader := range readers {
			var text io.Reader = strings.NewReader(strings.Repeat("a", test.length))
			if test.end != nil {
				text = io.MultiReader(text, iotest.ErrReader(test.end))
			}
			got, err := io.ReadAll(&boundedBody{io.NopCloser(reader(text)), test.left, test.bound})
			assert.Len(t, got, test.read, "%s, %s", name, way)
			assert.ErrorIs(t, err, test.err, "%s, %s", name, way)
		}
	}
}

// azcore relies on the request and the body of a response, which a transport may leave out.
func TestResponsesAreCompleted(t *testing.T) {
	t.Parallel()
	for _, own := range []*http.Request{nil, {}} { // the transport's own is kept
		req := httptest.NewRequest(http.MethodGet, "https://management.azure.com/", nil)
		resp, err := newTransport(transportFunc(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Request: own}, nil
		}), 1000, 1000).Do(req)
		require.NoError(t, err)
		assert.Same(t, cmp.Or(own, req), resp.Request)
		assert.Equal(t, http.NoBody, resp.Body)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status, _ := strconv.Atoi(r.URL.Path[1:]); status > 0 {
			http.Redirect(w, r, "/", status)
		}
	}))
	defer server.Close()
	client := server.Client()
	for name, next := range map[string]policy.Transporter{"default": nil, "caller's": client} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			req := testkit.Must(http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprint(server.URL, "/", status), nil))
			resp := testkit.Must(newTransport(next, 1000, 1000).Do(req))
			require.NoError(t, resp.Body.Close())
			assert.Equal(t, status, resp.StatusCode, name)
		}
	}
	assert.Nil(t, client.CheckRedirect, "the caller's client is not changed")
}

// All clients without a transport of the caller's share one, with azcore's settings.
func TestOwnClient(t *testing.T) {
	t.Parallel()
	own := ownClient().Transport.(*http.Transport)
	assert.NotNil(t, own.Proxy)
	assert.True(t, own.ForceAttemptHTTP2)
	assert.Equal(t, 10, own.MaxIdleConnsPerHost)
	assert.Equal(t, tls.RenegotiateFreelyAsClient, own.TLSClientConfig.Renegotiation)
	assert.False(t, own.TLSClientConfig.InsecureSkipVerify)
	for _, limit := range []time.Duration{own.IdleConnTimeout, own.TLSHandshakeTimeout, own.HTTP2.SendPingTimeout, own.HTTP2.PingTimeout} {
		assert.Positive(t, limit)
	}
	assert.LessOrEqual(t, own.HTTP2.SendPingTimeout+own.HTTP2.PingTimeout, 15*time.Second)
	server, connections := newCountingServer(t, false, func(http.ResponseWriter, *http.Request) {})
	for range 50 {
		client := newTransport(nil, 1000, 1000)
		assert.Same(t, own, client.Transporter.(*http.Client).Transport)
		req := testkit.Must(http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil))
		resp := testkit.Must(client.Do(req))
		_, _ = io.Copy(io.Discard, resp.Body)
		require.NoError(t, resp.Body.Close())
	}
	assert.LessOrEqual(t, connections.Load(), int32(fewConnections))
}

// fewConnections is how many connections calls one after the other may take, instead
// of one: net/http gives up a connection that a busy machine doesn't let it finish with.
const fewConnections = 5

// newCountingServer starts a server and returns the number of its connections.
func newCountingServer(t *testing.T, http2 bool, handler http.HandlerFunc) (*httptest.Server, *atomic.Int32) {
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(handler)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	if server.EnableHTTP2 = http2; http2 {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server, &connections
}

// Deletions whose success has a body give their connection back, unless the body is long or late, and succeed anyway.
func TestDeletionsGiveTheirConnectionBack(t *testing.T) {
	t.Parallel()
	write := func(size int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, size)) }
	}
	stall := func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("{"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	type test struct {
		handler      http.HandlerFunc
		http2        bool
		calls, conns int
	}
	testkit.EachCase(t, map[string]test{
		"HTTP/1.1":           {write(10_000), false, 50, fewConnections},
		"HTTP/2":             {write(10_000), true, 50, fewConnections},
		"HTTP/1.1, too long": {write(10 << 20), false, 2, 2},
		"HTTP/1.1, stalls":   {stall, false, 2, 2},
		"HTTP/2, stalls":     {stall, true, 2, 1},
	}, func(t *testing.T, test test) {
		var broken atomic.Int32
		server, connections := newCountingServer(t, test.http2, func(w http.ResponseWriter, r *http.Request) {
			test.handler(w, r)
			if r.Context().Err() != nil {
				broken.Add(1)
			}
		})
		transport := newTransport(server.Client(), 1000, 1000)
		for range test.calls {
			req := testkit.Must(http.NewRequestWithContext(t.Context(), http.MethodDelete, server.URL, nil))
			resp := testkit.Must(transport.Do(req))
			assert.Equal(t, 200, resp.StatusCode)
			assert.Equal(t, http.NoBody, resp.Body)
		}
		if test.calls == 2 {
			assert.EqualValues(t, test.conns, connections.Load())
		} else {
			assert.LessOrEqual(t, connections.Load(), int32(test.conns))
			assert.Zero(t, broken.Load(), "streams reset")
		}
	})
}

// Only a redirect that was followed is one: a transport may send the request elsewhere.
func TestFollowedRedirectsAreRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change   func(*http.Request)
		followed bool
	}{
		"the same":          {func(*http.Request) {}, false},
		"another host":      {func(r *http.Request) { r.URL.Host = "127.0.0.1" }, false},
		"a path prefix":     {func(r *http.Request) { r.URL.Path = "/prefix" + r.URL.Path }, false},
		"a query parameter": {func(r *http.Request) { r.URL.RawQuery += "&code=1" }, false},
		"no method: GET":    {func(r *http.Request) { r.Method = "" }, false},
		"another method":    {func(r *http.Request) { r.Method = http.MethodHead }, true},
		"after a response":  {func(r *http.Request) { r.Response = &http.Response{} }, true},
	} {
		inner := transportFunc(func(req *http.Request) (*http.Response, error) {
			req = req.Clone(req.Context())
			test.change(req)
			return &http.Response{StatusCode: 200, Request: req}, nil
		})
		_, err := newTransport(inner, 1000, 1000).Do(httptest.NewRequest(http.MethodGet, "https://management.azure.com/a?b=c", nil))
		assert.Equal(t, test.followed, err != nil, "%s: %v", name, err)
	}
}
