package armsecops

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"reflect"
	"slices"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/go-json-experiment/json"

	"github.com/armsecops/armsecops/internal/routes"
)

// exchange is what run and the pipeline know of one call between them.
type exchange struct {
	client    client
	route     *routes.Route
	operation string
	ctx       context.Context // the call's; that of a try may end earlier
	result    any             // to decode into; nil: nothing
	download  bool            // the body before decoding it, so that others can read it

	response  *http.Response // of the last try
	body      bodyReader     // of its response
	failure   error          // of the last try, where it had no response
	uncertain bool           // a request may have been carried out without an answer that says so
}

// exchangePolicy sits inside azcore's retry. It decodes a successful body while
// it streams in, so that a connection lost in the body is one more reason to
// try again, and it knows which requests must not be sent again.
type exchangePolicy struct{}

func (exchangePolicy) Do(req *policy.Request) (*http.Response, error) {
	var x *exchange
	if !req.OperationValue(&x) {
		return req.Next() // a request of azcore's own, such as a provider's registration
	}
	if err := x.client.throttle.wait(x); err != nil {
		return nil, err
	}
	resp, err := x.send(req)
	if err == nil {
		x.client.throttle.observe(x.client.subscriptionID, resp)
		if x.result != nil && x.succeeded(resp) {
			err = x.read(resp)
		}
	}
	switch {
	case err == nil:
		x.response, x.failure = resp, nil
		return resp, nil
	case x.ctx.Err() == nil: // else the try before says more of what went wrong
		x.response, x.failure = nil, err
	}
	return nil, err
}

// send passes the request on and finds out whether the service may have
// carried it out without saying so.
func (x *exchange) send(req *policy.Request) (*http.Response, error) {
	if err := req.Raw().Context().Err(); err != nil {
		return nil, err
	}
	var asked, connected bool
	if !x.repeatable() {
		req = req.WithContext(httptrace.WithClientTrace(req.Raw().Context(), &httptrace.ClientTrace{
			GetConn: func(string) { asked = true },
			GotConn: func(httptrace.GotConnInfo) { connected = true },
		}))
	}
	resp, err := req.Next()
	if err != nil && resp != nil {
		err = x.serviceError(resp, fmt.Errorf("reading the response: %w", err))
	}
	switch {
	case err == nil:
		switch status := resp.StatusCode; {
		case x.succeeded(resp):
		case status < 300, status == http.StatusRequestTimeout, status >= 500:
			x.uncertain = true
		}
		return resp, nil
	case asked && !connected, isDialError(err):
		return nil, err
	}
	return nil, x.unanswered(err)
}

// isDialError reports whether the connection was never made, for transports
// that don't trace their connections.
func isDialError(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	_, ok := errors.AsType[*net.DNSError](err)
	return ok
}

// repeatable reports whether carrying out the request twice leaves what
// carrying it out once does.
func (x *exchange) repeatable() bool { return x.route.Method != http.MethodPost }

// succeeded reports whether the status is one of the operation's own.
func (x *exchange) succeeded(resp *http.Response) bool {
	return slices.Contains(x.route.Success, resp.StatusCode)
}

// unanswered notes that the service may have carried out the request, and marks
// the error of one that must not be sent again.
func (x *exchange) unanswered(err error) error {
	x.uncertain = true
	if x.repeatable() {
		return err
	}
	return unansweredError{err}
}

// unansweredError keeps shouldRetry from sending the request again.
type unansweredError struct{ error }

func (e unansweredError) Unwrap() error { return e.error }

// read decodes the body of a success. A body that could not be read may be
// better the next time; one that makes no sense will not.
func (x *exchange) read(resp *http.Response) error {
	defer resp.Body.Close()
	x.body = bodyReader{ctx: x.ctx, Reader: resp.Body}
	reflect.ValueOf(x.result).Elem().SetZero() // nothing stays of a try that failed
	err := json.UnmarshalRead(&x.body, x.result, modelOptions)
	if kept, ok := resp.Body.(io.Seeker); ok { // azcore has downloaded it, for others to read
		_, _ = kept.Seek(0, io.SeekStart) // which never fails
	} else {
		resp.Body = http.NoBody
	}
	switch {
	case x.body.err != nil:
		return x.unanswered(x.serviceError(resp, fmt.Errorf("reading the response: %w", x.body.err)))
	case err != nil:
		return x.unanswered(x.serviceError(resp, decodeError{err}))
	}
	return nil
}

// decodeError is a body that is not the JSON it should be.
type decodeError struct{ error }

func (e decodeError) Error() string { return "decoding the response: " + e.error.Error() }
func (e decodeError) Unwrap() error { return e.error }

// NonRetriable tells azcore's retry policy that the next answer would be no better.
func (decodeError) NonRetriable() {}

// bodyReader tells a failure to read from a failure to decode, ends with the
// call, and drops a byte-order mark.
type bodyReader struct {
	io.Reader
	ctx     context.Context
	started bool
	err     error
}

func (b *bodyReader) Read(p []byte) (n int, err error) {
	if err = b.ctx.Err(); err == nil {
		if n, err = b.Reader.Read(p); !b.started && len(p) > 3 {
			for n < 3 && err == nil {
				var more int
				more, err = b.Reader.Read(p[n:])
				n += more
			}
			b.started = true
			if n >= 3 && string(p[:3]) == "\xef\xbb\xbf" {
				n = copy(p, p[3:n])
			}
		}
	}
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}

// finish makes the call's final error out of what the pipeline returned.
func (x *exchange) finish(resp *http.Response, err error) error {
	if resp != nil && resp.Body != nil {
		defer resp.Body.Close()
	}
	refused := resp != nil && !x.succeeded(resp)
	switch {
	case resp != nil && resp == x.response && x.failure == nil && !refused:
		return nil // even if the context has ended since
	case err == nil && x.alreadyDeleted(resp):
		return nil
	case err != nil && x.ctx.Err() != nil:
		err = x.ended()
	case refused:
		err = x.serviceError(resp, err)
	default:
		err = x.named(err)
	}
	if x.uncertain && !x.repeatable() {
		err = fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
	return err
}

// alreadyDeleted reports whether a repeated deletion found nothing, because an
// earlier try was carried out although its answer was lost.
func (x *exchange) alreadyDeleted(resp *http.Response) bool {
	return x.uncertain && x.route.Method == http.MethodDelete && resp.StatusCode == http.StatusNotFound
}

// ended returns the error of a call whose context has ended: that of the
// context, its cause where there is one, and how the last try failed.
func (x *exchange) ended() error {
	err := x.ctx.Err()
	if cause := context.Cause(x.ctx); !errors.Is(cause, err) {
		err = fmt.Errorf("%w: %w", err, cause)
	}
	last := x.failure
	if last == nil && x.response != nil {
		last = x.serviceError(x.response, nil)
	}
	if last != nil && !errors.Is(last, x.ctx.Err()) {
		err = fmt.Errorf("%w; the last try failed: %w", err, last)
	}
	return x.named(err)
}

// named puts the operation before an error that doesn't name it by itself. A
// ParameterError names the parameter instead.
func (x *exchange) named(err error) error {
	switch err.(type) {
	case *ErrorResponse, *CloudError, *ParameterError:
		return err
	case unansweredError:
		return x.named(errors.Unwrap(err))
	}
	return &callError{x.operation, err}
}

// transport is the last station before the network: it bounds what comes in.
type transport struct {
	policy.Transporter
	maxBytes, maxErrorBytes int64
}

// newTransport returns a transport that follows no redirect, which would carry
// the token along; none of the operations redirects.
func newTransport(next policy.Transporter, maxBytes, maxErrorBytes int64) transport {
	if next == nil {
		next = defaultHTTPClient
	}
	if c, ok := next.(*http.Client); ok {
		direct := *c
		direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		next = &direct
	}
	return transport{next, maxBytes, maxErrorBytes}
}

// defaultHTTPClient has azcore's settings.
var defaultHTTPClient = &http.Client{Transport: &http.Transport{
	Proxy:                 http.ProxyFromEnvironment,
	DialContext:           (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
	ForceAttemptHTTP2:     true,
	HTTP2:                 &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second},
	MaxIdleConns:          100,
	MaxIdleConnsPerHost:   10,
	IdleConnTimeout:       90 * time.Second,
	TLSHandshakeTimeout:   10 * time.Second,
	ExpectContinueTimeout: time.Second,
	TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
}}

func (t transport) Do(req *http.Request) (*http.Response, error) {
	resp, err := t.Transporter.Do(req)
	if err != nil || resp == nil {
		return resp, err
	}
	if resp.Request == nil {
		resp.Request = req
	}
	switch {
	case resp.Body == nil:
		resp.Body = http.NoBody
	case resp.StatusCode < 300:
		resp.Body = &boundedBody{ReadCloser: resp.Body, left: t.maxBytes}
	default:
		// An error says what it has to say within the bound. One byte more tells
		// that it was cut.
		resp.Body = &boundedBody{ReadCloser: resp.Body, left: t.maxErrorBytes + 1, cut: true}
	}
	return resp, nil
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
		// Only a body that has no more to say is within its bound.
		if n, err := b.ReadCloser.Read(make([]byte, 1)); n == 0 {
			return 0, err
		}
		return 0, ErrResponseTooLarge
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if err != nil && b.cut {
		err = io.EOF // what has been read may well tell enough
	}
	return n, err
}

// shouldRetry returns what decides on another try: the caller's rule or
// azcore's, except for requests that must not be sent twice.
func shouldRetry(options policy.RetryOptions) func(*http.Response, error) bool {
	statusCodes := options.StatusCodes
	if statusCodes == nil { // azcore's default
		statusCodes = []int{
			http.StatusRequestTimeout,
			http.StatusTooManyRequests,
			http.StatusInternalServerError,
			http.StatusBadGateway,
			http.StatusServiceUnavailable,
			http.StatusGatewayTimeout,
		}
	}
	return func(resp *http.Response, err error) bool {
		_, unanswered := errors.AsType[unansweredError](err)
		switch {
		case unanswered:
			return false
		case err == nil && resp.Request.Method == http.MethodPost:
			return resp.StatusCode == http.StatusTooManyRequests
		case options.ShouldRetry != nil:
			return options.ShouldRetry(resp, err)
		}
		return err != nil || runtime.HasStatusCode(resp, statusCodes...)
	}
}
