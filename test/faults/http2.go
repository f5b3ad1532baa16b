package faults

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// onStream is a fault that ends the stream of a request.
func onStream(fault func(*stream, *http.Request)) handler {
	return func(w http.ResponseWriter, r *http.Request, _ *Server) {
		st := w.(*stream)
		st.failed = true
		fault(st, r)
	}
}

// resetStream resets the request's stream.
func resetStream(code http2.ErrCode) handler {
	return onStream(func(st *stream, _ *http.Request) { _ = st.framer.WriteRSTStream(st.id, code) })
}

// goAwayBefore is a graceful shutdown that did not process the request.
var goAwayBefore = onStream(func(st *stream, _ *http.Request) {
	_ = st.framer.WriteGoAway(st.id-1, http2.ErrCodeNo, nil)
	_ = st.conn.SetReadDeadline(time.Now().Add(time.Second)) // net/http's client doesn't always close it
})

// goAwayAfter shuts the connection down while it may be processing the request.
var goAwayAfter = onStream(func(st *stream, _ *http.Request) {
	_ = st.framer.WriteGoAway(st.id, http2.ErrCodeNo, nil)
	_ = st.conn.CloseWrite()
})

// stream is the response to one request over HTTP/2.
type stream struct {
	*httptest.ResponseRecorder
	conn   *tls.Conn
	framer *http2.Framer
	id     uint32
	failed bool // a fault has ended it
}

// serveHTTP2 serves a connection, one request after the other. The server of
// net/http cannot send the frames of the faults.
func serveHTTP2(_ *http.Server, conn *tls.Conn, handler http.Handler) {
	defer conn.Close()
	if _, err := io.CopyN(io.Discard, conn, int64(len(http2.ClientPreface))); err != nil {
		return
	}
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	_ = framer.WriteSettings()
	var request *http.Request
	var body bytes.Buffer
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				_ = framer.WriteSettingsAck()
			}
		case *http2.MetaHeadersFrame:
			request = httptest.NewRequest(f.PseudoValue("method"), f.PseudoValue("path"), &body)
			body.Reset() // of a request that was broken off
		case *http2.DataFrame:
			body.Write(f.Data())
			if n := len(f.Data()); n > 0 {
				_ = framer.WriteWindowUpdate(0, uint32(n))
			}
		}
		if f, ok := frame.(interface{ StreamEnded() bool }); !ok || !f.StreamEnded() {
			continue
		}
		st := &stream{httptest.NewRecorder(), conn, framer, frame.Header().StreamID, false}
		handler.ServeHTTP(st, request)
		if st.failed {
			continue
		}
		block.Reset()
		_ = encoder.WriteField(hpack.HeaderField{Name: ":status", Value: strconv.Itoa(st.Code)})
		for name := range st.Header() {
			_ = encoder.WriteField(hpack.HeaderField{Name: strings.ToLower(name), Value: st.Header().Get(name)})
		}
		_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: st.id, BlockFragment: block.Bytes(), EndHeaders: true})
		_ = framer.WriteData(st.id, true, st.Body.Bytes())
	}
}

// Faults of the soak.
var (
	respondAndCloseHTTP2 = onStream(func(st *stream, r *http.Request) {
		st.begin([]byte(startedJob(r)), true)
		_ = st.conn.Close()
	})
	resetConnection = onStream(func(st *stream, _ *http.Request) {
		tcp := st.conn.NetConn().(*net.TCPConn)
		_ = tcp.SetLinger(0)
		_ = tcp.Close()
	})
	sendHalfHTTP2 = onStream(func(st *stream, _ *http.Request) {
		st.begin([]byte(`{"name":`), false)
		_ = st.framer.WriteRSTStream(st.id, http2.ErrCodeInternal)
	})
	stallHTTP2 = onStream(func(st *stream, _ *http.Request) { st.begin([]byte(`{"name":`), false) })
	ignore     = onStream(func(*stream, *http.Request) {})
)

// goAwayAndClose also closes the connection, which net/http leaves open if the
// call has ended before the GOAWAY comes.
func goAwayAndClose(w http.ResponseWriter, r *http.Request, s *Server) {
	goAwayBefore(w, r, s)
	_ = w.(*stream).conn.CloseWrite()
}

// begin sends the header of a success and some of its body.
func (st *stream) begin(body []byte, end bool) {
	var block bytes.Buffer
	// Sensitive: not in the table of the connection's own encoder.
	_ = hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":status", Value: "200", Sensitive: true})
	_ = st.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: st.id, BlockFragment: block.Bytes(), EndHeaders: true})
	_ = st.framer.WriteData(st.id, end, body)
}
