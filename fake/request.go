package fake

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/armsecops/armsecops/internal/routes"
)

// Request is a request that the server received.
type Request struct {
	Method    string
	URL       *url.URL    // absolute
	Operation string      // the client's method, as in "WorkspaceManagerJobsClient.Get"; empty if it is a request of none
	Header    http.Header // includes the token
	Body      []byte      // nil if it has more than 64 KiB
	BodySize  int64       // in bytes, of which the server reads at most 4 MiB and one byte

	// BodySHA256 is the hash of a body that has more than 64 KiB, in hexadecimal
	// digits; empty for others.
	BodySHA256 string
}

// Requests returns the requests that the server received, oldest first, including
// refused requests and requests with a [Fault]. It returns the newest
// [ServerOptions].MaxRequests of them.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := slices.Clone(s.requests)
	for i := range requests {
		requests[i] = requests[i].clone()
	}
	return requests
}

func (r Request) clone() Request {
	u := *r.URL
	r.URL, r.Header, r.Body = &u, r.Header.Clone(), bytes.Clone(r.Body)
	return r
}

// record adds a request to those that Requests returns. The caller holds the lock.
func (s *Server) record(r Request) {
	const maxBytes = 64 << 10
	if len(r.Body) > maxBytes {
		r.BodySHA256 = fmt.Sprintf("%x", sha256.Sum256(r.Body))
		r.Body = nil
	}
	if len(s.requests) == s.options.MaxRequests {
		s.requests = s.requests[1:]
	}
	s.requests = append(s.requests, r.clone())
}

// maxBodyBytes is Azure Resource Manager's bound on the body of a request.
const maxBodyBytes = 4 << 20

// request is a request while the server handles it.
type request struct {
	*http.Request
	id         string // the request id of the response
	url        *url.URL
	query      url.Values // names in lower case
	body       []byte     // at most one byte more than maxBodyBytes
	segments   []string   // of the path, unescaped
	ancestors  []routes.Ancestor
	pathRoutes []*routes.Route // the routes that have the path
	route      *routes.Route   // the one of pathRoutes that has the method; nil if there is none
	values     []string        // of the path's parameters
	content    jsontext.Value  // the body of a resource, with the names of its members in their documented casing
	document   document        // that is to be stored
	graph      graphQuery

	nextLink NextLink // how a fault changes the link to the next page
}

// receive reads and records a request. It returns the fault that applies to it, too.
func (s *Server) receive(req *http.Request) (*request, Fault, error) {
	r := &request{Request: req, url: absoluteURL(req), query: url.Values{}}
	if req.Body != nil {
		var err error
		if r.body, err = io.ReadAll(io.LimitReader(req.Body, maxBodyBytes+1)); err != nil {
			return nil, Fault{}, err
		}
	}
	for name, values := range r.url.Query() {
		name = strings.ToLower(name)
		r.query[name] = append(r.query[name], values...)
	}
	r.findRoute()
	operation := ""
	if r.route != nil && r.route.Method == r.Method { // not HEAD, which is no method of a client
		operation = r.route.Operation
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	r.id = s.options.NewID()
	received := Request{Method: req.Method, URL: r.url, Operation: operation, Header: req.Header, Body: r.body, BodySize: int64(len(r.body))}
	s.record(received)
	return r, s.nextFault(received), nil
}

// absoluteURL returns the URL that the client requested. The URL of a request to
// an [http.Handler] has neither scheme nor host.
func absoluteURL(req *http.Request) *url.URL {
	u := *req.URL
	if req.Host != "" {
		u.Host = req.Host
	}
	switch {
	case u.Scheme != "":
	case req.TLS != nil:
		u.Scheme = "https"
	default:
		u.Scheme = "http"
	}
	return &u
}

// findRoute finds the routes of the path.
func (r *request) findRoute() {
	r.segments = routes.Segments(r.url.EscapedPath())
	r.ancestors = routes.AncestorsIn(r.segments)
	for _, route := range routes.All {
		values, ok := route.Match(r.segments)
		if !ok {
			continue
		}
		r.pathRoutes = append(r.pathRoutes, route)
		if route.Method == r.Method || r.Method == http.MethodHead && route.Kind == routes.Get {
			r.route, r.values = route, values
		}
	}
	if r.route != nil && r.route.Kind == routes.Query { // the body tells the queries apart
		q, _ := parseGraphQuery(r.body) // checkGraphQuery says what is wrong with it
		r.route = q.route()
	}
}

// parseBody parses a JSON object of the request, or returns an error response.
//   - what: the object, as in "an assignment"
func parseBody[T any](text jsontext.Value, what string, parse func([]byte) (T, error)) (model T, refused *response) {
	if text.Kind() != '{' {
		return model, newErrorResponse(http.StatusBadRequest, "InvalidRequestContent", "The body must be a JSON object: "+what+".")
	}
	model, err := parse(text)
	if err != nil {
		reason := strings.TrimPrefix(err.Error(), "jsontext: ")
		return model, newErrorResponse(http.StatusBadRequest, "InvalidRequestContent", "The body is not "+what+": "+reason+".")
	}
	return model, nil
}
