package faulttest

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault is one thing that can go wrong with a call. In a listing it goes wrong
// with the second of two pages.
type Fault struct {
	Name string

	refuse    int                                               // connections that are refused
	untrusted bool                                              // the certificate
	times     int                                               // requests that are struck; 0: every one
	strike    func(http.ResponseWriter, *http.Request, *Server) // answers a request that is struck
	change    *strings.Replacer                                 // makes the document what it should not be
	deadline  bool                                              // the call has one
	uncertain bool                                              // a request that is struck may have been carried out
	link      string                                            // of the second page; {path} and {version} are the listing's
	token     string                                            // that the link has, as the service is to get it
	endless   bool                                              // the second page has the link as well
}

// deadline is that of the calls that have one.
const deadline = 2 * time.Second

// Faults returns the faults of the matrix.
func Faults() []Fault {
	const (
		away  = "https://127.0.0.1{path}?api-version={version}&$skipToken=2"
		again = "https://" + endpointHost + "{path}?api-version={version}"
	)
	return []Fault{
		{Name: "none"},

		{Name: "connection refused once", refuse: 1},
		{Name: "connection refused for ever", refuse: math.MaxInt},
		{Name: "certificate of an unknown authority", untrusted: true},
		{Name: "connection reset before the header, once", times: 1, strike: reset, uncertain: true},
		{Name: "connection reset before the header, for ever", strike: reset, uncertain: true},
		{Name: "connection reset in the body, once", times: 1, strike: resetInBody, uncertain: true},
		{Name: "body cut, once", times: 1, strike: cutBody, uncertain: true},
		{Name: "body cut, for ever", strike: cutBody, uncertain: true},
		{Name: "Content-Length too short", strike: shortLength, uncertain: true},

		{Name: "no answer", strike: silence, deadline: true, uncertain: true},
		{Name: "body stalls", strike: stall, deadline: true, uncertain: true},
		{Name: "body drips, complete in time", strike: drip, deadline: true},
		{Name: "body drips for ever", strike: dripForEver, deadline: true, uncertain: true},

		{Name: "wrong content type", strike: header("Content-Type", "text/html")},
		{Name: "byte-order mark", strike: text(200, "\xef\xbb\xbf{body}")},
		{Name: "200 with a page of HTML", strike: text(200, "<html><body>Sign in</body></html>"), uncertain: true},
		{Name: "200 without a body", strike: text(200, ""), uncertain: true},
		{Name: "204", strike: text(204, "")},
		{Name: "JSON that is broken", change: strings.NewReplacer(`"properties":{`, `"properties":[`)},
		{Name: "a name twice in an object", change: strings.NewReplacer(`"name":"`, `"name":"another","name":"`)},
		{Name: "a time that is none", change: strings.NewReplacer(`"2022-06-14T04:47:52Z"`, `"yesterday"`)},
		{Name: "an unknown value of an enumeration", change: strings.NewReplacer(`"Succeeded"`, `"Paused"`, `"User"`, `"Agent"`)},
		{Name: "unknown members", change: strings.NewReplacer(`"properties":{`, `"sku":{"name":"a"},"properties":{"retention":[1,{"days":12345678901234567890}],`)},
		{Name: "a number of 20 digits", change: strings.NewReplacer(`"ticketId":12345`, `"ticketId":12345678901234567890`)},

		{Name: "gzip bomb of 16 MiB", strike: bomb, uncertain: true},
		{Name: "body of 16 MiB", strike: large(200), uncertain: true},
		{Name: "error of 16 MiB", strike: large(400)},

		{Name: "401 with a challenge, once", times: 1, strike: challenge},
		{Name: "401 with a challenge, for ever", strike: challenge},
		{Name: "403, the message is JSON", strike: text(403, `{"error":{"code":"Forbidden","message":"{\"error\":{\"code\":\"AuthorizationFailed\",\"message\":\"No.\"}}"}}`)},
		{Name: "404", strike: text(404, `{"error":{"code":"ResourceNotFound","message":"There is none."}}`)},
		{Name: "404 without an envelope", strike: text(404, `{"HttpStatusCode":404,"ErrorCode":"Not Found","Message":"Entity was not found"}`)},
		{Name: "409", strike: text(409, `{"error":{"code":"Conflict","message":"Another one runs."}}`)},
		{Name: "412, the code in the header", strike: withHeader("x-ms-error-code", "ETagMismatch", text(412, ""))},
		{Name: "429 with Retry-After, once", times: 1, strike: withHeader("Retry-After-Ms", "1", text(429, ""))},
		{Name: "429 with Retry-After of an hour", strike: withHeader("Retry-After", "3600", text(429, "")), deadline: true},
		{Name: "500 once", times: 1, strike: text(500, `{"error":{"code":"InternalServerError"}}`), uncertain: true},
		{Name: "502 for ever, a page of HTML", strike: text(502, "<html><body>Bad Gateway</body></html>"), uncertain: true},
		{Name: "503 once, Retry-After", times: 1, strike: withHeader("Retry-After-Ms", "1", text(503, "")), uncertain: true},

		{Name: "redirect to another host", strike: redirect(func(r *http.Request) string { return "https://127.0.0.1" + r.URL.RequestURI() })},
		{Name: "redirect to itself", strike: redirect(func(r *http.Request) string { return r.URL.RequestURI() })},

		{Name: "next link to another host", link: away},
		{Name: "next link by http", link: "http://" + endpointHost + "{path}?api-version={version}&$skipToken=2"},
		{Name: "next link to itself, for ever", endless: true},
		{Name: "next link to the first page", link: again},
		{Name: "next link, relative", link: "{path}?api-version={version}&$skipToken=2"},
		{Name: "next link with :443", link: "https://" + endpointHost + ":443{path}?api-version={version}&$skipToken=2"},
		{Name: "next link without api-version", link: "https://" + endpointHost + "{path}?$skipToken=2"},
		{Name: "next link with JSON, not escaped", link: again + `&$skipToken=[{"token":"a b"}]`, token: `[{"token":"a b"}]`},
		{Name: "next link with base64, not escaped", link: again + "&$skipToken=a+b/c==", token: "a+b/c=="},
	}
}

// listing reports whether the fault is one that only listings have.
func (f Fault) listing() bool { return f.link != "" || f.endless }

// skipToken returns the token of the second page.
func (f Fault) skipToken() string {
	if f.token != "" {
		return f.token
	}
	return "2"
}

func (f Fault) nextLink(r *http.Request) string {
	link := f.link
	if link == "" {
		link = "https://" + endpointHost + "{path}?api-version={version}&$skipToken=2"
	}
	return strings.NewReplacer("{path}", r.URL.EscapedPath(), "{version}", r.URL.Query().Get("api-version")).Replace(link)
}

func (f Fault) document(document string) string {
	if f.change == nil {
		return document
	}
	return f.change.Replace(document)
}

// text answers with a status and a body, in which {body} stands for that of the success.
func text(status int, body string) func(http.ResponseWriter, *http.Request, *Server) {
	return func(w http.ResponseWriter, r *http.Request, s *Server) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, strings.ReplaceAll(body, "{body}", s.body(r, false)))
	}
}

// header answers with the success, and with another header.
func header(name, value string) func(http.ResponseWriter, *http.Request, *Server) {
	return withHeader(name, value, text(200, "{body}"))
}

func withHeader(name, value string, strike func(http.ResponseWriter, *http.Request, *Server)) func(http.ResponseWriter, *http.Request, *Server) {
	return func(w http.ResponseWriter, r *http.Request, s *Server) {
		w.Header().Set(name, value)
		strike(w, r, s)
	}
}

func redirect(to func(*http.Request) string) func(http.ResponseWriter, *http.Request, *Server) {
	return func(w http.ResponseWriter, r *http.Request, _ *Server) {
		w.Header().Set("Location", to(r))
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
}

// challenge asks for a token with other claims, as Continuous Access Evaluation does.
func challenge(w http.ResponseWriter, _ *http.Request, _ *Server) {
	claims := base64.StdEncoding.EncodeToString([]byte(`{"access_token":{"nbf":{"essential":true,"value":"1655181000"}}}`))
	w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="", error="insufficient_claims", claims="%s"`, claims))
	refuse(w, http.StatusUnauthorized, "InvalidAuthenticationToken")
}

func reset(w http.ResponseWriter, _ *http.Request, _ *Server) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		tcp := conn.(*tls.Conn).NetConn().(*net.TCPConn)
		_ = tcp.SetLinger(0)
		_ = tcp.Close()
	}
}

// begin sends the header and half of the body, and returns when the client has the header.
func begin(w http.ResponseWriter, r *http.Request, s *Server) {
	body := s.body(r, false)
	for len(s.answered) > 0 {
		<-s.answered
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = io.WriteString(w, body[:len(body)/2])
	_ = http.NewResponseController(w).Flush()
	select {
	case <-s.answered:
	case <-r.Context().Done():
	}
}

func resetInBody(w http.ResponseWriter, r *http.Request, s *Server) {
	begin(w, r, s)
	reset(w, r, s)
}

// cutBody leaves by returning, as if all had been said.
func cutBody(w http.ResponseWriter, r *http.Request, s *Server) { begin(w, r, s) }

func stall(w http.ResponseWriter, r *http.Request, s *Server) {
	begin(w, r, s)
	<-r.Context().Done()
}

func silence(_ http.ResponseWriter, r *http.Request, _ *Server) { <-r.Context().Done() }

// shortLength promises less than it sends, which Go's server would refuse to do.
func shortLength(w http.ResponseWriter, r *http.Request, s *Server) {
	body := s.body(r, false)
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nx-ms-request-id: %s\r\nContent-Length: %d\r\n\r\n%s", RequestID, len(body)/2, body)
		_ = conn.Close()
	}
}

func drip(w http.ResponseWriter, r *http.Request, s *Server) {
	body := s.body(r, false)
	const size = 50
	for len(body) > 0 {
		n := min(size, len(body))
		if !pause(w, r, body[:n]) {
			return
		}
		body = body[n:]
	}
}

func dripForEver(w http.ResponseWriter, r *http.Request, _ *Server) {
	for pause(w, r, " ") {
	}
}

// pause sends a little of a body and waits a moment. It reports whether the client is still there.
func pause(w http.ResponseWriter, r *http.Request, text string) bool {
	_, _ = io.WriteString(w, text)
	_ = http.NewResponseController(w).Flush()
	select {
	case <-time.After(5 * time.Millisecond):
		return true
	case <-r.Context().Done():
		return false
	}
}

const largeBytes = 16 << 20

// large answers with a body that is much too long.
func large(status int) func(http.ResponseWriter, *http.Request, *Server) {
	return func(w http.ResponseWriter, _ *http.Request, _ *Server) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, largeText())
	}
}

var largeText = sync.OnceValue(func() string {
	return `{"error":{"code":"Large","message":"m"},"name":"` + strings.Repeat("a", largeBytes) + `"}`
})

var largeZipped = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	_, _ = io.WriteString(z, largeText())
	_ = z.Close()
	return b.Bytes()
})

func bomb(w http.ResponseWriter, _ *http.Request, _ *Server) {
	w.Header().Set("Content-Encoding", "gzip")
	_, _ = w.Write(largeZipped())
}
