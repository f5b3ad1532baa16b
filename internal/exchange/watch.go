package exchange

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// maxResends is how often net/http may send a repeatable request again within
// one attempt. It does so without a bound where a server resets HTTP/2 streams.
const maxResends = 3

// watcher watches what the transport does with one attempt, as it reports it to
// net/http/httptrace, and stops the transport before it sends the request once
// too often. A transport may send requests of its own with the context of this
// one, such as one for a token.
type watcher struct {
	ctx    context.Context // of the attempt
	cancel context.CancelFunc
	trace  httptrace.ClientTrace

	once           bool   // the request must not be sent again: other requests don't count as one
	method, length string // by which the headers of the request are known

	mu        sync.Mutex
	limit     int        // of sends
	sends     int        // of the request
	asked     bool       // for a connection
	pending   int        // requests that have a connection, of which nothing else is known yet
	fields    bool       // the transport reports headers
	headers   headers    // that are being written
	conns     []net.Conn // of HTTP/1.1, on which the request may have been or may be sent
	shaken    bool       // a handshake of TLS has succeeded
	handshake error      // why one failed
	ended     bool       // by the watcher
}

// headers says whose headers are being written.
type headers int

const (
	unknownHeaders headers = iota
	likelyHeaders          // of the request, without a length
	knownHeaders           // and counted
)

func watch(req *http.Request, once bool) *watcher {
	w := &watcher{once: once, limit: 1 + maxResends}
	if once {
		w.limit, w.method, w.length = 1, req.Method, strconv.FormatInt(req.ContentLength, 10)
		w.trace.WroteHeaderField = w.wroteHeaderField
	}
	if req.Method != http.MethodGet { // which changes nothing, sent or not
		w.trace.GetConn = w.getConn
		w.trace.TLSHandshakeDone = w.tlsHandshakeDone
	}
	w.trace.GotConn = w.gotConn
	w.trace.WroteHeaders = w.wroteHeaders
	w.ctx, w.cancel = context.WithCancel(req.Context())
	w.ctx = httptrace.WithClientTrace(w.ctx, &w.trace)
	return w
}

func (w *watcher) getConn(string) {
	w.mu.Lock()
	w.asked = true
	w.unlock(false)
}

// gotConn ends the attempt if the next request would be one too many. Over
// HTTP/1.1, wroteHeaderField does, because it knows which request it is. Over
// HTTP/2 that would be too late.
func (w *watcher) gotConn(info httptrace.GotConnInfo) {
	w.mu.Lock()
	w.pending++
	tooMany := w.sends >= w.limit
	if w.once {
		if isHTTP2(info.Conn) {
			tooMany = tooMany || w.pending > 1
		} else {
			tooMany = tooMany && !w.fields
			w.conns = append(w.conns, info.Conn)
		}
	}
	w.unlock(tooMany)
}

// wroteHeaderField counts the request by the length of its body, which HTTP/1.1
// states before anything has been sent.
func (w *watcher) wroteHeaderField(name string, values []string) {
	w.mu.Lock()
	w.fields = true
	value := strings.Join(values, ",")
	switch length := strings.EqualFold(name, "Content-Length"); {
	case length && value == w.length:
		w.known(true)
	case length, name == ":method" && value != w.method:
		w.known(false)
	case name == ":method":
		w.headers = likelyHeaders
	}
	w.unlock(w.sends > w.limit)
}

func (w *watcher) wroteHeaders() {
	w.mu.Lock()
	if w.headers != knownHeaders {
		w.known(!w.once || !w.fields || w.headers == likelyHeaders)
	}
	w.headers = unknownHeaders
	w.unlock(w.once && w.sends > w.limit)
}

// known notes whether the headers that are being written are those of the request.
func (w *watcher) known(request bool) {
	if w.headers != knownHeaders {
		w.pending--
	}
	if request {
		w.sends++
	}
	w.headers = knownHeaders
}

func (w *watcher) tlsHandshakeDone(_ tls.ConnectionState, err error) {
	w.mu.Lock()
	w.shaken, w.handshake = w.shaken || err == nil, err
	w.unlock(false)
}

// unlock also ends the attempt if the request is sent too often. The context
// alone doesn't keep HTTP/1.1 from writing to a connection that it has.
func (w *watcher) unlock(tooOften bool) {
	w.ended = w.ended || tooOften
	ended, conns := w.ended, w.conns
	w.mu.Unlock()
	if !ended {
		return
	}
	w.cancel()
	for _, conn := range slices.Backward(conns) {
		if conn != nil {
			_ = conn.Close()
		}
	}
}

// notSent reports whether an attempt that failed has not sent the request. It
// believes what was reported on this attempt: a transport may use connections of
// which it reports none.
//   - ended: the context of the call has
func (w *watcher) notSent(p *attemptPolicy, err error, ended bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := errors.AsType[unsentError](err); w.sends > 0 || ok {
		return ok
	}
	// net/http's error has no type.
	if strings.HasSuffix(err.Error(), "http2: request header list larger than peer's advertised limit") {
		return true
	}
	switch {
	case w.pending > 0:
		return false
	case p.own, isDialError(err), errors.Is(err, http.ErrSchemeMismatch), w.handshake != nil && errors.Is(err, w.handshake):
		return true
	case w.shaken:
		p.silent.Store(true)
		return false
	}
	return ended && w.asked && !p.silent.Load() // no connection yet, as far as is known
}

// explain returns the error of an attempt that the watcher ended, or else err.
func (w *watcher) explain(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended && err != nil {
		return errors.New("the connection failed, and the transport was about to send the request once more")
	}
	return err
}

// isDialError reports whether the error says that the connection was never made.
func isDialError(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "dial" || op.Op == "proxyconnect" || op.Op == "socks connect") {
		return true
	}
	_, ok := errors.AsType[*net.DNSError](err)
	return ok
}

func isHTTP2(conn net.Conn) bool {
	c, ok := conn.(interface{ ConnectionState() tls.ConnectionState })
	return ok && c.ConnectionState().NegotiatedProtocol == "h2"
}

// unsentError is the error of a request that did not leave this package.
type unsentError struct{ error }

func (e unsentError) Unwrap() error { return e.error }
