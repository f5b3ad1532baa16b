package exchange

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// maxResends is how often net/http may send a repeatable request again within
// one attempt. It does so without a bound where a server resets HTTP/2 streams.
const maxResends = 3

// watcher watches what the transport does with one attempt, as it reports it to
// net/http/httptrace, and ends the attempt before the transport sends the
// request once too often.
type watcher struct {
	ctx    context.Context // of the attempt
	cancel context.CancelFunc
	trace  httptrace.ClientTrace

	mu        sync.Mutex
	asked     bool // for a connection
	connected bool // at least once
	written   bool // the headers have been written to the last connection
	left      int  // resends
	ended     bool // by the watcher
}

func watch(ctx context.Context, resends int) *watcher {
	w := &watcher{left: resends}
	w.trace.GetConn = func(string) { w.next(&w.asked) }
	w.trace.GotConn = func(httptrace.GotConnInfo) { w.next(&w.connected) }
	w.trace.WroteHeaders = func() { w.set(&w.written) }
	ctx, w.cancel = context.WithCancel(ctx)
	w.ctx = httptrace.WithClientTrace(ctx, &w.trace)
	return w
}

// next notes a step towards another connection or stream. After the headers have
// been written, that is a resend.
func (w *watcher) next(step *bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*step = true
	if !w.written {
		return
	}
	w.written = false
	if w.left--; w.left < 0 {
		w.ended = true
		w.cancel()
	}
}

func (w *watcher) set(step *bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*step = true
}

// notSent reports whether an attempt that failed never reached a connection.
//   - traces: the transport is known to report its connections
func (w *watcher) notSent(traces bool, err error) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if traces || w.asked || w.connected {
		return !w.connected
	}
	return isDialError(err)
}

// explain returns the error of an attempt that the watcher ended, or else err.
func (w *watcher) explain(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return errors.New("the connection failed, and the transport was about to send the request once more")
	}
	return err
}

// isDialError reports whether the connection was never made, for transports
// that don't report their connections.
func isDialError(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	_, ok := errors.AsType[*net.DNSError](err)
	return ok
}

// traces reports whether a transport is known to report the connections that it uses.
func traces(transport policy.Transporter) bool {
	if transport == nil {
		return true
	}
	client, ok := transport.(*http.Client)
	if !ok {
		return false
	}
	roundTripper := client.Transport
	if roundTripper == nil {
		roundTripper = http.DefaultTransport
	}
	_, ok = roundTripper.(*http.Transport)
	return ok
}
