package exchange

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/armsecops/armsecops/internal/wire"
)

// transport is the last station before the network: it bounds what comes in.
type transport struct {
	policy.Transporter
	maxBytes, maxErrorBytes int64
}

// newTransport returns a transport that follows no redirect: a redirect would
// take the token along, and none of the operations redirects.
func newTransport(next policy.Transporter, maxBytes, maxErrorBytes int64) transport {
	if next == nil {
		next = defaultClient
	}
	if c, ok := next.(*http.Client); ok {
		direct := *c
		direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		next = &direct
	}
	return transport{next, maxBytes, maxErrorBytes}
}

// defaultClient notices a dead HTTP/2 connection within 15 seconds, as azcore's own does.
var defaultClient = &http.Client{Transport: newHTTPTransport()}

func newHTTPTransport() *http.Transport {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
	if d, ok := http.DefaultTransport.(*http.Transport); ok { // a program may have replaced it
		t = d.Clone()
	}
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second}
	return t
}

func (t transport) Do(req *http.Request) (*http.Response, error) {
	resp, err := t.Transporter.Do(req)
	if err != nil || resp == nil {
		return resp, err
	}
	if resp.Request == nil {
		resp.Request = req
	}
	if redirected(req, resp.Request) {
		if resp.Body != nil {
			_ = resp.Body.Close()
		}
		return nil, finalError{fmt.Errorf("the transport followed a redirect to %.100q", resp.Request.URL.Host)}
	}
	switch {
	case resp.Body == nil:
		resp.Body = http.NoBody
	case resp.StatusCode >= 300:
		// An error says enough within the bound. One byte more shows that it was cut.
		resp.Body = &boundedBody{ReadCloser: resp.Body, left: t.maxErrorBytes + 1, cut: true}
	case req.Method == http.MethodDelete: // the body says nothing
		_ = resp.Body.Close()
		resp.Body = http.NoBody
	default:
		resp.Body = &boundedBody{ReadCloser: resp.Body, left: t.maxBytes}
	}
	return resp, nil
}

// redirected reports whether a response is to another request than was sent: a
// transport of the caller's may follow redirects. It may also send the request
// to another host, as in tests.
func redirected(sent, got *http.Request) bool {
	return got.URL != nil && (got.Response != nil || got.Method != sent.Method ||
		got.URL != sent.URL && (got.URL.EscapedPath() != sent.URL.EscapedPath() || got.URL.RawQuery != sent.URL.RawQuery))
}

// boundedBody ends a body at its bound: with an error, or as if it were complete.
type boundedBody struct {
	io.ReadCloser
	left int64
	cut  bool
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left == 0 && b.cut {
		return 0, io.EOF
	}
	if b.left == 0 {
		// Only a body that ends here is within its bound.
		if n, err := b.ReadCloser.Read(make([]byte, 1)); n == 0 {
			return 0, err
		}
		return 0, wire.ErrTooLarge
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if err != nil && b.cut {
		err = io.EOF // what has been read may well tell enough
	}
	return n, err
}

func newBody(text string) io.ReadCloser { return io.NopCloser(strings.NewReader(text)) }
