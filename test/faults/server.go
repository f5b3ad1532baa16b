package faults

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
)

// MaxResponseBytes is the bound on a response of clients that have such an option.
const MaxResponseBytes = 1 << 20

// maxSends is the number of requests in one attempt after which the server stops
// the transport from resending the request forever.
const maxSends = 10

// endpointHost is the host of the endpoint. The certificate of [httptest] is valid
// for it and for 127.0.0.1, which stands for another host.
const endpointHost = "example.com"

// Server is the service for one operation over TLS, with one fault.
type Server struct {
	fault   Fault
	route   *routes.Route
	clients []*http.Client              // the last one is in use
	expire  context.CancelCauseFunc     // ends the call
	cancel  context.CancelFunc          // releases what the call needed
	hosts   map[string]*httptest.Server // by the address that a client dials; "": every other host
	outcome Outcome                     // of the call
	err     error                       // what is wrong with it

	mu        sync.Mutex
	healed    bool
	affected  int             // requests
	refused   int             // connections
	requests  int             // that arrived
	carried   int             // of these, with the operation's method
	attempts  int             // calls of the transport
	current   int             // requests of the current attempt
	most      int             // requests of one attempt, at most
	elsewhere map[string]bool // what arrived at other hosts
	read      int             // bytes of bodies that the client read, decompressed

	flight   flight
	arrived  chan struct{} // one value per request that is held
	leave    chan struct{} // one value per request that is held no longer
	received chan struct{} // one value per response whose header the client has
}

func newServer(fault Fault, route *routes.Route) *Server {
	s := &Server{
		fault: fault, route: route, hosts: map[string]*httptest.Server{}, elsewhere: map[string]bool{},
		arrived: make(chan struct{}, 100), leave: make(chan struct{}, 100), received: make(chan struct{}, 2000),
	}
	s.flight = flight{func() <-chan struct{} { return s.arrived }, func() { s.leave <- struct{}{} }}
	for address, handle := range map[string]http.HandlerFunc{
		endpointHost + ":443": s.serve, endpointHost + ":80": s.serveElsewhere, "": s.serveElsewhere,
	} {
		server := httptest.NewUnstartedServer(handle)
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		if fault.http2 {
			server.TLS = &tls.Config{NextProtos: []string{"h2"}}
			server.Config.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){"h2": serveHTTP2}
		}
		if strings.HasSuffix(address, ":80") {
			server.Start()
		} else {
			server.StartTLS()
		}
		s.hosts[address] = server
	}
	s.addClient(!fault.untrusted)
	return s
}

// addClient adds an HTTP client that connects every host to its server.
func (s *Server) addClient(trusting bool) {
	roots := x509.NewCertPool()
	if trusting {
		roots.AddCert(s.hosts[""].Certificate())
	}
	var transport http.RoundTripper = observer{s, &http.Transport{
		DialContext:       s.dial,
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2: s.fault.http2,
		DisableKeepAlives: !s.fault.http2, // over HTTP/1.1 it is chance whether a connection is reused
	}}
	if s.fault.transport != nil {
		transport = s.fault.transport(transport)
	}
	s.clients = append(s.clients, &http.Client{Transport: transport})
}

func (s *Server) close() {
	s.cancel()
	for _, server := range s.hosts {
		server.CloseClientConnections()
		server.Close()
	}
}

func (s *Server) client() *http.Client { return s.clients[len(s.clients)-1] }

// Options returns the options of a client of the server whose retries don't wait.
func (s *Server) Options() arm.ClientOptions {
	o := driver.Options(s.client()).ClientOptions
	o.Cloud = testkit.Endpoint("https://" + endpointHost)
	if s.fault.perCall != nil {
		o.PerCallPolicies = []policy.Policy{s.fault.perCall(s.flight)}
	}
	if s.fault.perRetry != nil {
		o.PerRetryPolicies = []policy.Policy{s.fault.perRetry(s.flight)}
	}
	return o
}

// MaxPages is the number of pages after which a listing of two is considered
// endless, or one of pages without an item.
func (s *Server) MaxPages() int {
	if s.fault.empty {
		return 1100
	}
	return 10
}

// Uncertain reports whether the service may have carried out a request without
// telling the client.
func (s *Server) Uncertain() bool { return s.fault.uncertain }

// Heal ends the fault for clients created from then on.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.healed = true
	s.addClient(true)
}

// dial connects every host to its server, and refuses as many connections as the fault says.
func (s *Server) dial(ctx context.Context, network, address string) (net.Conn, error) {
	target := cmp.Or(s.hosts[address], s.hosts[""]).Listener.Addr().String()
	s.mu.Lock()
	if !s.healed && s.refused < s.fault.refusals {
		s.refused++
		target = "127.0.0.1:0" // nothing listens on port 0
	}
	s.mu.Unlock()
	return new(net.Dialer).DialContext(ctx, network, target)
}

// observer is a transport that notes when the header of a response has arrived,
// and how much of the body the client reads.
type observer struct {
	server *Server
	*http.Transport
}

func (o observer) RoundTrip(req *http.Request) (*http.Response, error) {
	o.server.mu.Lock()
	o.server.attempts++
	o.server.current = 0
	o.server.mu.Unlock()
	sent, done := context.WithCancel(context.Background())
	if body := req.Body; body == nil {
		done()
	} else { // its transport closes it when it has done with it
		req = req.WithContext(req.Context())
		req.Body = testkit.Closing{Reader: body, Closed: func() { done(); _ = body.Close() }}
	}
	resp, err := o.Transport.RoundTrip(req)
	<-sent.Done() // else net/http may read on from the one body that azcore has for all attempts
	if err == nil {
		body := resp.Body
		resp.Body = testkit.Closing{Reader: io.TeeReader(body, o), Closed: func() { _ = body.Close() }}
		o.server.received <- struct{}{}
	}
	return resp, err
}

func (o observer) Write(body []byte) (int, error) {
	o.server.mu.Lock()
	defer o.server.mu.Unlock()
	o.server.read += len(body)
	return len(body), nil
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // otherwise the end of the connection goes unnoticed
	query := r.URL.Query()
	if token := skipToken.FindSubmatch(body); token != nil && s.route.Kind == routes.Query {
		query.Set("$skipToken", string(token[1])) // where the token of a list is
		r.URL.RawQuery = query.Encode()
	}
	page := query.Get("$skipToken")

	s.mu.Lock()
	s.requests++
	if r.Method == s.route.Method {
		s.carried++
	}
	s.current++
	s.most = max(s.most, s.current)
	endless := s.current >= maxSends
	affected := !s.healed && s.fault.respond != nil && (s.fault.times == 0 || s.affected < s.fault.times) && (!isListing(s.route) || page != "")
	if affected {
		s.affected++
		if s.affected == 1 && s.fault.deadline > 0 {
			time.AfterFunc(s.fault.deadline, func() { s.expire(context.DeadlineExceeded) })
		}
	}
	healthy := s.healed
	s.mu.Unlock()

	w.Header().Set("x-ms-request-id", testkit.RequestID)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	switch {
	case query.Get("api-version") == "":
		refuse(http.StatusBadRequest, "MissingApiVersionParameter")(w, r, s)
	case isListing(s.route) && page != "" && page != s.fault.skipToken() && !s.fault.empty:
		refuse(http.StatusBadRequest, "InvalidSkipToken")(w, r, s)
	case endless:
		refuse(http.StatusBadRequest, "SentTooOften")(w, r, s)
	case affected:
		s.fault.respond(w, r, s)
	default:
		_, _ = io.WriteString(w, s.body(r, healthy))
	}
}

// skipToken finds the token in the body of a query of Azure Resource Graph.
var skipToken = regexp.MustCompile(`"\$skipToken":"([^"]*)"`)

// body returns the body of the success.
func (s *Server) body(r *http.Request, healthy bool) string {
	page := r.URL.Query().Get("$skipToken")
	first := isListing(s.route) && page == ""
	document, link, token := s.document(2), "", ""
	switch {
	case s.route.Kind == routes.Delete:
		return "{}"
	case first:
		document, token = s.document(1), s.fault.skipToken()
	case s.fault.endless:
		token = s.fault.skipToken()
	case s.fault.empty && !healthy:
		n, _ := strconv.Atoi(page)
		document, token = "", strconv.Itoa(n+1)
	}
	if token != "" {
		link = s.fault.nextLink(r, token)
	}
	text := document
	switch s.route.Kind {
	case routes.Query:
		text = fmt.Sprintf(`{"totalRecords":2,"count":%d,"data":[%s],"facets":[],"resultTruncated":"false","$skipToken":%q}`, min(len(document), 1), document, token)
	case routes.List:
		text = fmt.Sprintf(`{"value":[%s],"nextLink":%q}`, document, link)
	}
	if first || healthy {
		return text
	}
	return s.fault.changed(text)
}

func isListing(route *routes.Route) bool {
	return route.Kind == routes.List || route.Kind == routes.Query
}

// anyTime is a time in a document.
var anyTime = regexp.MustCompile(`"\d{4}-\d\d-\d\dT[^"]*"`)

// document returns one of the server's two documents: the documented resource, with
// the one time and the members that the faults change.
func (s *Server) document(n int) string {
	e, _ := testkit.ExchangeOf(s.route.Resource.Get)
	var members map[string]json.RawMessage
	_ = json.Unmarshal(e.Response.Body, &members) // it has been read
	members["id"], members["name"] = json.RawMessage(fmt.Sprintf(`"/resources/%d"`, n)), json.RawMessage(fmt.Sprintf(`"name-%d"`, n))
	if !anyTime.Match(e.Response.Body) {
		members["systemData"] = json.RawMessage(`{"createdByType":"User","createdAt":"2022-06-14T04:47:52Z"}`)
	}
	document, _ := json.Marshal(members)
	text := strings.ReplaceAll(string(document), `"ga":`, `"GA":`) // which is how the model writes it
	return anyTime.ReplaceAllString(text, `"2022-06-14T04:47:52Z"`)
}

// want returns the documents that a call must return.
func (s *Server) want() []string {
	switch {
	case s.route.Kind == routes.Delete:
		return nil
	case isListing(s.route):
		return []string{s.document(1), s.fault.changed(s.document(2))}
	}
	return []string{s.fault.changed(s.document(2))}
}

// serveElsewhere stands for the hosts that are not the service's. It responds as
// the service would, and notes what it received.
func (s *Server) serveElsewhere(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.elsewhere["request"] = true
	s.elsewhere["token"] = s.elsewhere["token"] || r.Header.Get("Authorization") != ""
	s.elsewhere["body"] = s.elsewhere["body"] || len(body) > 0
	s.mu.Unlock()
	_, _ = io.WriteString(w, s.body(r, true))
}
