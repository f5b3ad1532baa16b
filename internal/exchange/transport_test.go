package exchange

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/throttle"
	"github.com/armsecops/armsecops/internal/wire"
)

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	tests := map[string]struct {
		length int
		end    error // in the place of io.EOF
		left   int64
		cut    bool
		read   int
		err    error
	}{
		"success within":                {9, nil, 10, false, 9, nil},
		"success at its bound":          {10, nil, 10, false, 10, nil},
		"success beyond":                {11, nil, 10, false, 10, wire.ErrTooLarge},
		"success far beyond":            {1000, nil, 10, false, 10, wire.ErrTooLarge},
		"success, broken":               {9, broken, 10, false, 9, broken},
		"success, broken at its bound":  {10, broken, 10, false, 10, broken},
		"success, empty":                {0, nil, 10, false, 0, nil},
		"success, nothing allowed":      {1, nil, 0, false, 0, wire.ErrTooLarge},
		"error within":                  {9, nil, 10, true, 9, nil},
		"error at its bound":            {10, nil, 10, true, 10, nil},
		"error beyond":                  {11, nil, 10, true, 10, nil},
		"error, broken: what it said":   {9, broken, 10, true, 9, nil},
		"error, broken at once":         {0, broken, 10, true, 0, nil},
		"error, broken after its bound": {11, broken, 10, true, 10, nil},
	}
	readers := map[string]func(io.Reader) io.Reader{
		"whole":          func(r io.Reader) io.Reader { return r },
		"byte by byte":   iotest.OneByteReader,
		"data with err":  iotest.DataErrReader,
		"halves of asks": iotest.HalfReader,
	}
	for name, test := range tests {
		for way, reader := range readers {
			t.Run(name+", "+way, func(t *testing.T) {
				t.Parallel()
				var text io.Reader = strings.NewReader(strings.Repeat("a", test.length))
				if test.end != nil {
					text = io.MultiReader(text, iotest.ErrReader(test.end))
				}
				got, err := io.ReadAll(&boundedBody{io.NopCloser(reader(text)), test.left, test.cut})
				assert.Len(t, got, test.read)
				require.ErrorIs(t, err, test.err)
			})
		}
	}
}

// closeRecorder is a body that records whether it was read and closed.
type closeRecorder struct {
	io.Reader
	read, closed bool
}

func (c *closeRecorder) Read(p []byte) (int, error) { c.read = true; return c.Reader.Read(p) }
func (c *closeRecorder) Close() error               { c.closed = true; return nil }

// The body of a deletion is left unread, unless it is that of an error.
func TestBodiesOfDeletionsAreNotRead(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		method string
		status int
		read   bool
	}{
		"deletion":          {http.MethodDelete, 200, false},
		"deletion, refused": {http.MethodDelete, 404, true},
		"deletion, moved":   {http.MethodDelete, 300, true},
		"get":               {http.MethodGet, 200, true},
		"put":               {http.MethodPut, 201, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := &closeRecorder{Reader: strings.NewReader("text")}
			inner := transportFunc(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: test.status, Body: body}, nil
			})
			resp, err := newTransport(inner, 1000, 1000).Do(httptest.NewRequest(test.method, "https://management.azure.com/", nil))
			require.NoError(t, err)
			text, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			assert.Equal(t, test.read, string(text) == "text")
			assert.Equal(t, test.read, body.read)
			assert.True(t, body.closed)
		})
	}
}

// azcore relies on the request and the body of a response, which a transport may leave out.
func TestResponsesAreCompleted(t *testing.T) {
	t.Parallel()
	other := &http.Request{}
	inner := transportFunc(func(req *http.Request) (*http.Response, error) {
		if req.Method == http.MethodPut {
			return &http.Response{StatusCode: 200, Request: other}, nil
		}
		return &http.Response{StatusCode: 200}, nil
	})
	req := httptest.NewRequest(http.MethodGet, "https://management.azure.com/", nil)
	resp, err := newTransport(inner, 1000, 1000).Do(req)
	require.NoError(t, err)
	assert.Same(t, req, resp.Request)
	assert.Equal(t, http.NoBody, resp.Body)

	resp, err = newTransport(inner, 1000, 1000).Do(httptest.NewRequest(http.MethodPut, "https://management.azure.com/", nil))
	require.NoError(t, err)
	assert.Same(t, other, resp.Request, "the transport's own is kept")
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		var followed atomic.Bool
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				followed.Store(true)
			}
			http.Redirect(w, r, "/elsewhere", status)
		}))
		for name, client := range map[string]*http.Client{"default": nil, "caller's": server.Client()} {
			var next policy.Transporter
			if client != nil {
				next = client
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
			require.NoError(t, err)
			resp, err := newTransport(next, 1000, 1000).Do(req)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			assert.Equal(t, status, resp.StatusCode, name)
			assert.False(t, followed.Load(), name)
			if client != nil {
				assert.Nil(t, client.CheckRedirect, "the caller's client is not changed")
			}
		}
		server.Close()
	}
}

// Not parallel: it replaces the default transport of the process.
func TestDefaultTransport(t *testing.T) {
	check := func(transport *http.Transport) {
		t.Helper()
		assert.NotNil(t, transport.Proxy)
		assert.True(t, transport.ForceAttemptHTTP2)
		require.NotNil(t, transport.HTTP2)
		assert.Positive(t, transport.HTTP2.SendPingTimeout)
		assert.LessOrEqual(t, transport.HTTP2.SendPingTimeout+transport.HTTP2.PingTimeout, 15*time.Second)
	}
	standard := newHTTPTransport()
	check(standard)
	assert.NotSame(t, http.DefaultTransport, standard, "that of other packages is not changed")
	assert.Equal(t, http.DefaultTransport.(*http.Transport).IdleConnTimeout, standard.IdleConnTimeout)

	old := http.DefaultTransport
	http.DefaultTransport = roundTripper(nil)
	defer func() { http.DefaultTransport = old }()
	check(newHTTPTransport())
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// The caller's policies stay, and come before this package's.
func TestConfigureAppends(t *testing.T) {
	t.Parallel()
	first := policyFunc(func(req *policy.Request) (*http.Response, error) { return req.Next() })
	var options arm.ClientOptions
	options.PerCallPolicies = []policy.Policy{first}
	options.PerRetryPolicies = []policy.Policy{first}
	Configure(&options, throttle.NewGates(options.Retry), 1000, 100)
	require.Len(t, options.PerCallPolicies, 2)
	assert.IsType(t, callPolicy{}, options.PerCallPolicies[1])
	require.Len(t, options.PerRetryPolicies, 2)
	assert.IsType(t, attemptPolicy{}, options.PerRetryPolicies[1])
	configured, ok := options.Transport.(transport)
	require.True(t, ok)
	assert.EqualValues(t, 1000, configured.maxBytes)
	assert.EqualValues(t, 100, configured.maxErrorBytes)
	client, ok := configured.Transporter.(*http.Client)
	require.True(t, ok)
	assert.Same(t, defaultClient.Transport, client.Transport, "without a transport of the caller's")
}
