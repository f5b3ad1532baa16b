package faults

import (
	"cmp"
	"compress/gzip"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"

	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/testkit"
)

// Fault is one thing that can go wrong with a call. In a listing of two pages it
// affects the second one.
type Fault struct {
	Name string

	refusals  int               // connections that are refused
	untrusted bool              // the certificate's authority is unknown
	respond   handler           // to the affected requests; nil: there are none
	times     int               // number of affected requests; 0: all
	change    *strings.Replacer // of the response; its document must be returned changed
	deadline  time.Duration     // of the call, from the first affected request on; 0: none
	uncertain bool              // the service may have carried out an affected request
	http2     bool              // the protocol
	resent    bool              // by net/http itself on Go 1.26 only, whose outcomes the tests expect
	graceful  bool              // must not cost a read an attempt
	link      string            // to the second page; {path} and {version} are the listing's
	token     string            // of that link, as the service must receive it
	endless   bool              // the second page has the link too
	empty     bool              // no page after the first one has an item, and each has a link to another one
	query     bool              // only queries of Azure Resource Graph have it
	create    bool              // only requests that must not be repeated have it

	transport func(http.RoundTripper) http.RoundTripper // around the client's; nil for none
	perCall   func(flight) testkit.PolicyFunc           // nil for none
	perRetry  func(flight) testkit.PolicyFunc           // nil for none
}

// handler responds to a request that a fault affects.
type handler func(http.ResponseWriter, *http.Request, *Server)

// Faults returns the faults of the matrix.
func Faults() []Fault {
	const (
		soon  = 200 * time.Millisecond // the service says nothing more
		later = 2 * time.Second        // it asks to come again

		endpoint = "https://" + endpointHost + "{path}?api-version={version}"
	)
	large := `{"error":{"code":"Large","message":"m"},"name":"` + strings.Repeat("a", 16<<20) + `"}` // beyond every bound
	heldFirst := inTurn(held, send(200, "{body}"))
	protocolError, refusedStream := resetStream(http2.ErrCodeProtocol), resetStream(http2.ErrCodeRefusedStream)
	return []Fault{
		{Name: "none"},

		{Name: "connection refused once", refusals: 1},
		{Name: "connection refused forever", refusals: math.MaxInt},
		{Name: "certificate of an unknown authority", untrusted: true},
		{Name: "connection reset before the header, once", times: 1, respond: reset, uncertain: true},
		{Name: "connection reset before the header, forever", respond: reset, uncertain: true},
		{Name: "connection reset in the body, once", times: 1, respond: resetInBody, uncertain: true},
		{Name: "body cut, once", times: 1, respond: sendHalf, uncertain: true},
		{Name: "body cut, forever", respond: sendHalf, uncertain: true},
		{Name: "body cut without a length, once", times: 1, respond: cutWithoutLength, uncertain: true},
		{Name: "body cut without a length, forever", respond: cutWithoutLength, uncertain: true},
		{Name: "Content-Length too short", respond: shortLength, uncertain: true},

		{Name: "no response", respond: noResponse, deadline: soon, uncertain: true},
		{Name: "body stalls", respond: stall, deadline: soon, uncertain: true},
		{Name: "body drips, complete in time", respond: drip("{body}")},
		{Name: "body drips forever", respond: drip(strings.Repeat(" ", MaxResponseBytes)), deadline: soon, uncertain: true},

		{Name: "wrong content type", respond: withHeader("Content-Type", "text/html", send(200, "{body}"))},
		{Name: "byte-order mark", respond: send(200, "\xef\xbb\xbf{body}")},
		{Name: "200 with an HTML page", respond: send(200, "<html><body>Sign in</body></html>"), uncertain: true},
		{Name: "200 with null", respond: send(200, "null"), uncertain: true},
		{Name: "200 with {}", respond: send(200, "{}"), uncertain: true},
		{Name: "200 with an error", respond: send(200, `{"error":{"code":"GatewayTimeout","message":"No upstream."}}`), uncertain: true},
		{Name: "200 with another status in its body", respond: send(200, `{"statusCode":500,"message":"No."}`), uncertain: true},
		{Name: "200 with a portal's JSON", respond: send(200, `{"status":"login required"}`), uncertain: true},
		{Name: "200 without a body", respond: send(200, ""), uncertain: true},
		{Name: "204", respond: send(204, "")},
		{Name: "malformed JSON", change: strings.NewReplacer(`"properties":{`, `"properties":[`)},
		{Name: "duplicate name in an object", change: strings.NewReplacer(`"name":"`, `"name":"another","name":"`)},
		{Name: "invalid time", change: strings.NewReplacer(`"2022-06-14T04:47:52Z"`, `"yesterday"`)},
		{Name: "unknown enum value", change: strings.NewReplacer(`"Succeeded"`, `"Paused"`, `"User"`, `"Agent"`)},
		{Name: "unknown members", change: strings.NewReplacer(`"properties":{`, `"sku":{"name":"a"},"properties":{"retention":[1,{"days":12345678901234567890}],`)},
		{Name: "number of 20 digits", change: strings.NewReplacer(`"ticketId":12345`, `"ticketId":12345678901234567890`)},

		{Name: "gzip bomb of 16 MiB", respond: withHeader("Content-Encoding", "gzip", send(200, zipped(large))), uncertain: true},
		{Name: "body of 16 MiB", respond: send(200, large), uncertain: true},
		{Name: "error of 16 MiB", respond: send(400, large)},

		{Name: "401 with a challenge, once", times: 1, respond: challenge},
		{Name: "401 with a challenge, forever", respond: challenge},
		{Name: "403, the message is JSON", respond: send(403, `{"error":{"code":"Forbidden","message":"{\"error\":{\"code\":\"AuthorizationFailed\",\"message\":\"No.\"}}"}}`)},
		{Name: "404", respond: send(404, `{"error":{"code":"ResourceNotFound","message":"There is none."}}`)},
		{Name: "404 without an envelope", respond: send(404, `{"HttpStatusCode":404,"ErrorCode":"Not Found","Message":"Entity was not found"}`)},
		{Name: "409", respond: send(409, `{"error":{"code":"Conflict","message":"Another one runs."}}`)},
		{Name: "412, the code in the header", respond: withHeader("x-ms-error-code", "ETagMismatch", send(412, ""))},
		{Name: "429 with Retry-After, once", times: 1, respond: withHeader("Retry-After-Ms", "1", send(429, ""))},
		{Name: "429 with Retry-After of an hour", respond: withHeader("Retry-After", "3600", send(429, "")), deadline: later},
		{Name: "429 once, Retry-After by a clock ten minutes ahead", times: 1, respond: clockAhead(send(429, ""))},
		{Name: "500 once", times: 1, respond: send(500, `{"error":{"code":"InternalServerError"}}`), uncertain: true},
		{Name: "502 forever, an HTML page", respond: send(502, "<html><body>Bad Gateway</body></html>"), uncertain: true},
		{Name: "503 once, Retry-After", times: 1, respond: withHeader("Retry-After-Ms", "1", send(503, "")), uncertain: true},

		{Name: "connection reset once, then 409", respond: inTurn(reset, send(409, "")), uncertain: true},
		{Name: "connection reset once, then 412", respond: inTurn(reset, send(412, "")), uncertain: true},

		{Name: "303 to a resource", create: true, respond: inTurn(redirect(303, root), send(200, "{body}")), uncertain: true},
		{Name: "redirect to another host", respond: redirect(307, otherHost)},
		{Name: "redirect to itself", respond: redirect(307, sameURI)},

		{Name: "next link to another host", link: "https://127.0.0.1{path}?api-version={version}&$skipToken=2"},
		{Name: "next link over http", link: "http://" + endpointHost + "{path}?api-version={version}&$skipToken=2"},
		{Name: "next link to itself, forever", endless: true},
		{Name: "next link to the first page", link: endpoint},
		{Name: "next link, relative", link: "{path}?api-version={version}&$skipToken=2"},
		{Name: "next link with :443", link: "https://" + endpointHost + ":443{path}?api-version={version}&$skipToken=2"},
		{Name: "next link without api-version", link: "https://" + endpointHost + "{path}?$skipToken=2"},
		{Name: "next link with JSON, not escaped", link: endpoint + `&$skipToken=[{"token":"a b"}]`, token: `[{"token":"a b"}]`},
		{Name: "next link with base64, not escaped", link: endpoint + "&$skipToken=a+b/c==", token: "a+b/c=="},

		{Name: "result truncated without a token", query: true, change: strings.NewReplacer(`"resultTruncated":"false"`, `"resultTruncated":"true"`)},
		{Name: "fewer rows than counted", query: true, change: strings.NewReplacer(`"count":1`, `"count":2`)},
		{Name: "limit on subscriptions hit", query: true, respond: withHeader("x-ms-tenant-subscription-limit-hit", "true", send(200, "{body}"))},

		{Name: "a policy per retry gives up in flight", create: true, respond: held, perRetry: flight.giveUp, uncertain: true},
		{Name: "a policy per call gives up in flight", create: true, respond: held, perCall: flight.giveUp, uncertain: true},
		{Name: "a policy per retry hedges", create: true, respond: heldFirst, perRetry: flight.hedge, uncertain: true},
		{Name: "a policy per call hedges", create: true, respond: heldFirst, perCall: flight.hedge, uncertain: true},
		{Name: "connection reset, the transport reports nothing", create: true, respond: reset, transport: testkit.Silent, uncertain: true},
		{Name: "connection reset, the transport retries", create: true, respond: reset, transport: testkit.Retrying, uncertain: true},

		{Name: "HTTP/2: none", http2: true},
		{Name: "HTTP/2: pages without an item, forever", http2: true, empty: true},
		{Name: "HTTP/2: PROTOCOL_ERROR, once", http2: true, times: 1, respond: protocolError, uncertain: true},
		{Name: "HTTP/2: PROTOCOL_ERROR, forever, on Go 1.26", http2: true, respond: protocolError, uncertain: true, resent: true},
		{Name: "HTTP/2: INTERNAL_ERROR, once", http2: true, times: 1, respond: resetStream(http2.ErrCodeInternal), uncertain: true},
		{Name: "HTTP/2: ENHANCE_YOUR_CALM, once", http2: true, times: 1, respond: resetStream(http2.ErrCodeEnhanceYourCalm), uncertain: true},
		{Name: "HTTP/2: REFUSED_STREAM, once", http2: true, times: 1, respond: refusedStream},
		{Name: "HTTP/2: REFUSED_STREAM, forever", http2: true, respond: refusedStream, deadline: later},
		{Name: "HTTP/2: GOAWAY before the request, once", http2: true, times: 1, respond: goAwayBefore, graceful: true},
		{Name: "HTTP/2: GOAWAY before the request, forever", http2: true, respond: goAwayBefore},
		{Name: "HTTP/2: GOAWAY after the request, once", http2: true, times: 1, respond: goAwayAfter, uncertain: true},
	}
}

// affects reports whether calls of the operation can have the fault.
func (f Fault) affects(route *routes.Route) bool {
	switch {
	case f.query:
		return route.Kind == routes.Query
	case f.create:
		return !route.Repeatable
	case f.link != "":
		return isListing(route) && route.Kind != routes.Query // which has no links
	case f.endless, f.empty:
		return isListing(route)
	}
	return true
}

// skipToken returns the token of the second page.
func (f Fault) skipToken() string { return cmp.Or(f.token, "2") }

func (f Fault) nextLink(r *http.Request, token string) string {
	link := cmp.Or(f.link, "https://"+endpointHost+"{path}?api-version={version}&$skipToken=2")
	version := r.URL.Query().Get("api-version")
	return strings.NewReplacer("{path}", r.URL.EscapedPath(), "{version}", version, "skipToken=2", "skipToken="+token).Replace(link)
}

func (f Fault) changed(text string) string {
	return cmp.Or(f.change, strings.NewReplacer()).Replace(text)
}

// send responds with the status and the body, in which {body} stands for the body of the success.
func send(status int, body string) handler {
	return func(w http.ResponseWriter, r *http.Request, s *Server) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, strings.ReplaceAll(body, "{body}", s.body(r, false)))
	}
}

// refuse responds with an error as the services do.
func refuse(status int, code string) handler {
	return send(status, `{"error":{"code":"`+code+`","message":"The request was refused."}}`)
}

// withHeader responds with a header too, in which {uri} stands for the request's.
func withHeader(name, value string, respond handler) handler {
	return func(w http.ResponseWriter, r *http.Request, s *Server) {
		w.Header().Set(name, strings.ReplaceAll(value, "{uri}", r.URL.RequestURI()))
		respond(w, r, s)
	}
}

// clockAhead asks to wait for a second, by a date of its own clock.
func clockAhead(respond handler) handler {
	return func(w http.ResponseWriter, r *http.Request, s *Server) {
		now := time.Now().Add(10 * time.Minute).UTC()
		w.Header().Set("Date", now.Format(http.TimeFormat))
		w.Header().Set("Retry-After", now.Add(time.Second).Format(http.TimeFormat))
		respond(w, r, s)
	}
}

func redirect(status int, location string) handler {
	return withHeader("Location", location, send(status, ""))
}

const (
	sameURI   = "{uri}"
	otherHost = "https://127.0.0.1{uri}"
	root      = "https://" + endpointHost + "/?api-version=1" // where the result is, to be had by GET
)

// challenge asks for a token with other claims, as Continuous Access Evaluation does.
var challenge = withHeader("WWW-Authenticate", `Bearer realm="", error="insufficient_claims", claims="`+
	base64.StdEncoding.EncodeToString([]byte(`{"access_token":{"nbf":{"essential":true,"value":"1655181000"}}}`))+`"`,
	refuse(http.StatusUnauthorized, "InvalidAuthenticationToken"))

func reset(w http.ResponseWriter, _ *http.Request, _ *Server) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		tcp := conn.(*tls.Conn).NetConn().(*net.TCPConn)
		_ = tcp.SetLinger(0)
		_ = tcp.Close()
	}
}

// sendHalf sends the header and half of the body, and returns when the client has the header.
// A handler that returns then has cut the body.
func sendHalf(w http.ResponseWriter, r *http.Request, s *Server) {
	body := s.body(r, false)
	for len(s.received) > 0 {
		<-s.received
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = io.WriteString(w, body[:len(body)/2])
	_ = http.NewResponseController(w).Flush()
	select {
	case <-s.received:
	case <-r.Context().Done():
	case <-time.After(time.Second): // a request that was given up took it
	}
}

func resetInBody(w http.ResponseWriter, r *http.Request, s *Server) {
	sendHalf(w, r, s)
	reset(w, r, s)
}

// cutWithoutLength sends half of a body whose end is that of the connection.
func cutWithoutLength(w http.ResponseWriter, r *http.Request, s *Server) {
	body := s.body(r, false)
	sendRaw(w, "Connection: close", body[:len(body)/2])
}

// shortLength sends more than its Content-Length.
func shortLength(w http.ResponseWriter, r *http.Request, s *Server) {
	body := s.body(r, false)
	sendRaw(w, fmt.Sprintf("Content-Length: %d", len(body)/2), body)
}

// sendRaw sends a success as it is, which net/http's server may refuse, and closes the connection.
func sendRaw(w http.ResponseWriter, header, body string) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nx-ms-request-id: %s\r\n%s\r\n\r\n%s", testkit.RequestID, header, body)
		_ = conn.Close()
	}
}

// inTurn responds to the first request in one way, and to all others in another.
func inTurn(first, then handler) handler {
	return func(w http.ResponseWriter, r *http.Request, s *Server) {
		s.mu.Lock()
		respond := then
		if s.affected == 1 {
			respond = first
		}
		s.mu.Unlock()
		respond(w, r, s)
	}
}

func stall(w http.ResponseWriter, r *http.Request, s *Server) {
	sendHalf(w, r, s)
	noResponse(w, r, s)
}

func noResponse(_ http.ResponseWriter, r *http.Request, _ *Server) {
	<-r.Context().Done()
	panic(http.ErrAbortHandler) // a return would respond, and the client may still read that
}

// drip sends a body, in which {body} stands for that of the success, a few bytes at a time.
func drip(text string) handler {
	return func(w http.ResponseWriter, r *http.Request, s *Server) {
		for drop := range slices.Chunk([]byte(strings.ReplaceAll(text, "{body}", s.body(r, false))), 50) {
			_, _ = w.Write(drop)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-time.After(5 * time.Millisecond):
			case <-r.Context().Done():
				panic(http.ErrAbortHandler) // as noResponse
			}
		}
	}
}

func zipped(text string) string {
	var b strings.Builder
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text)
	_ = z.Close()
	return b.String()
}

// assignmentOf returns the name in the path of a request.
func assignmentOf(r *http.Request) string { return path.Base(path.Dir(r.URL.Path)) }

func startedJob(r *http.Request) string {
	return fmt.Sprintf(`{"name":%q,"properties":{"provisioningState":"InProgress"}}`, assignmentOf(r))
}

func respondStarted(w http.ResponseWriter, r *http.Request, _ *Server) {
	_, _ = w.Write([]byte(startedJob(r)))
}

// respondAndClose closes the connection, which the client takes for idle, after the response.
func respondAndClose(w http.ResponseWriter, r *http.Request, _ *Server) {
	job := startedJob(r)
	sendRaw(w, fmt.Sprintf("Content-Length: %d", len(job)), job)
}
