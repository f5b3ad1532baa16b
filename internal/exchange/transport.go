package exchange

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"golang.org/x/net/http/httpguts"

	"github.com/armsecops/armsecops/internal/wire"
)

// transport is the last station before the network: it bounds what comes in.
type transport struct {
	policy.Transporter
	maxBytes, maxErrorBytes int64
	tooLarge                error
}

// newTransport returns a transport that follows no redirect: a redirect would
// take the token along, and none of the operations redirects.
func newTransport(next policy.Transporter, maxBytes, maxErrorBytes int64) transport {
	if next == nil {
		next = ownClient()
	}
	if c, ok := next.(*http.Client); ok {
		direct := *c
		direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		next = &direct
	}
	tooLarge := fmt.Errorf("%w: more than %d bytes, the bound of ClientOptions.MaxResponseBytes", wire.ErrTooLarge, maxBytes)
	return transport{next, maxBytes, maxErrorBytes, tooLarge}
}

// ownClient is the HTTP client of all clients without a transport of the caller's.
// Its settings are those of azcore's own. It is not a clone of net/http's default,
// which belongs to the program: cloning that one sets up its HTTP/2.
var ownClient = sync.OnceValue(func() *http.Client {
	return &http.Client{Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          100,
		MaxIdleConnsPerHost:   10,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		TLSClientConfig: &tls.Config{
			MinVersion:    tls.VersionTLS12,
			Renegotiation: tls.RenegotiateFreelyAsClient, // for client certificates at API Management
		},
		// A dead connection is noticed within 15 seconds.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second},
	}}
})

func (t transport) Do(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodPost {
		var err error
		if req, err = withoutIdempotencyKey(req); err != nil {
			return nil, finalError{unsentError{err}}
		}
	}
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
		// The rest of a long error body is dropped. One byte more shows that it was cut.
		resp.Body = &boundedBody{ReadCloser: resp.Body, left: t.maxErrorBytes + 1, end: io.EOF}
	case req.Method == http.MethodDelete: // the body says nothing, unless it is the page of a proxy
		page := drain(resp.Body)
		if resp.Body = http.NoBody; len(page) > 0 {
			resp.Body = io.NopCloser(bytes.NewReader(page))
		}
	default:
		resp.Body = &boundedBody{ReadCloser: resp.Body, left: t.maxBytes, end: t.tooLarge}
	}
	return resp, nil
}

// withoutIdempotencyKey returns the POST without the headers by which net/http
// sends it again. A call can set them after every policy. It refuses what
// net/http refuses before it reports anything.
func withoutIdempotencyKey(req *http.Request) (*http.Request, error) {
	var keys []string
	for name, values := range req.Header {
		if !httpguts.ValidHeaderFieldName(name) || slices.ContainsFunc(values, func(v string) bool { return !httpguts.ValidHeaderFieldValue(v) }) {
			return nil, fmt.Errorf("invalid header %.100q", name)
		}
		if strings.EqualFold(name, "Idempotency-Key") || strings.EqualFold(name, "X-Idempotency-Key") {
			keys = append(keys, name)
		}
	}
	if keys == nil {
		return req, nil
	}
	req = req.Clone(req.Context()) // the caller's header may still be read
	for _, name := range keys {
		delete(req.Header, name)
	}
	return req, nil
}

// Bounds on the body of a deletion.
const (
	maxDrained = 64 << 10
	maxPage    = 4 << 10
	drainTime  = 250 * time.Millisecond
)

// drain reads a body so that the next request can use the connection. One that is
// long or late isn't worth it. It returns the beginning of a page of HTML or XML.
func drain(body io.ReadCloser) (page []byte) {
	defer time.AfterFunc(drainTime, func() { _ = body.Close() }).Stop()
	page, _ = io.ReadAll(io.LimitReader(body, maxPage))
	_, _ = io.CopyN(io.Discard, body, maxDrained-maxPage)
	_ = body.Close()
	if !wire.IsPage(page) {
		return nil
	}
	return page
}

// redirected reports whether a transport of the caller's has followed a redirect.
// It may send the request to another host, path or query.
func redirected(sent, got *http.Request) bool {
	return got.URL != nil && (got.Response != nil || cmp.Or(got.Method, http.MethodGet) != cmp.Or(sent.Method, http.MethodGet))
}

// boundedBody ends a body at its bound.
type boundedBody struct {
	io.ReadCloser
	left int64
	end  error // io.EOF: as if the body were complete
}

func (b *boundedBody) Read(p []byte) (int, error) {
	cut := b.end == io.EOF
	if b.left == 0 && cut {
		return 0, io.EOF
	}
	if b.left == 0 {
		// Only a body that ends here is within its bound.
		if n, err := b.ReadCloser.Read(make([]byte, 1)); n == 0 {
			return 0, err
		}
		return 0, b.end
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if err != nil && cut {
		err = io.EOF // what has been read may well tell enough
	}
	return n, err
}

func newBody(text string) io.ReadCloser { return io.NopCloser(strings.NewReader(text)) }
