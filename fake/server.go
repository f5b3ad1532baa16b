package fake

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
)

// Server is the services in memory. It is a transport for the clients, without
// a socket, and an [http.Handler]. It is safe for concurrent use.
type Server struct {
	options ServerOptions

	mu        sync.Mutex
	overrides map[*routes.Route]http.Handler
	state
}

// state is what [Server.Reset] resets.
type state struct {
	resources map[string]*storedResource     // by key
	jobItems  map[string][]armsecops.JobItem // by key of the workspace manager assignment
	parents   map[string]bool                // by key: what exists if the server is strict
	results   map[string]graphRows           // of queries, for their next pages; empty after a change of a resource
	faults    []*pendingFault
	injected  int // faults
	requests  []Request
}

// ServerOptions holds the optional parameters of [NewServer].
type ServerOptions struct {
	// Samples stores the resources of the services' documentation, with their
	// documented ids: a job that failed, an assignment, a policy exemption, the
	// standard assignments of a management group and of a security connector, the
	// security standards of a subscription, a management group and a security
	// connector, and the metadata of three assessments. As documented, the standard
	// assignment of the management group has the id of a security standard, and that of
	// the connector a name that isn't its id's: neither can be written back as it is.
	Samples bool

	// PageSize is the number of items on a page of a list. 0 means all of them.
	PageSize int

	// JobSteps is the number of Gets for which a job that a client started stays
	// InProgress. 0 means that the first Get finds it ended.
	JobSteps int

	// JobDuration is the time for which a job that a client started stays
	// InProgress, on the server's clock. 0 means that JobSteps decides.
	JobDuration time.Duration

	// ShortLists makes the lists of standard assignments leave out what is below their
	// scope, as Azure's may. Queries have it.
	ShortLists bool

	// Strict refuses requests below a subscription, resource group, workspace or
	// workspace manager assignment that doesn't exist, with Azure's 404. It exists
	// if it is stored, if a test has put something below it, or has named it with
	// [Server.AddSubscription], [Server.AddResourceGroup], [Server.AddWorkspace] or
	// [Server.SetJobItems]. A server that isn't strict has all. Strict also refuses a
	// resource that lacks a required property, or has a value that its documented
	// enumeration lacks or a name where the id of a resource belongs, a workspace
	// manager group whose members don't exist or an assignment whose group doesn't, and
	// a query of Azure Resource Graph for management groups of which none exists. It
	// checks neither what a test puts, nor the management group that is the scope of a
	// list or resource, nor whether a job can publish: docs/fake.md lists what jobs lack.
	Strict bool

	// MaxRequests is the number of requests that [Server.Requests] returns at
	// most: the newest. 0 means 10,000.
	MaxRequests int

	// FlatAssessmentKeys makes the rows of Azure Resource Graph have the key of an
	// exempted assessment as exemptionData.assessmentKey, in place of
	// exemptionData.assignedAssessment.assessmentKey. Azure is seen to send both.
	FlatAssessmentKeys bool

	// APIVersions are accepted beside the documented version of each operation,
	// for clients with an APIVersion in their options.
	APIVersions []string

	// Next responds to the requests whose paths belong to no operation, so that one
	// server serves a program that also uses other services. The server doesn't
	// check them. nil means that they get Azure's 404.
	Next http.Handler

	// Now is the server's clock, for the times of jobs and systemData. nil means
	// [time.Now]. It must not call the server.
	Now func() time.Time

	// NewID returns the names of jobs and the content of etags and request ids.
	// It is never called concurrently, and must not call the server. nil means random UUIDs.
	NewID func() string
}

// NewServer returns a server.
//   - options: nil for an empty server
func NewServer(options *ServerOptions) *Server {
	s := &Server{overrides: map[*routes.Route]http.Handler{}, state: state{
		resources: map[string]*storedResource{},
		jobItems:  map[string][]armsecops.JobItem{},
		parents:   map[string]bool{},
		results:   map[string]graphRows{},
	}}
	if options != nil {
		s.options = *options
	}
	if s.options.Now == nil {
		s.options.Now = time.Now
	}
	if s.options.NewID == nil {
		s.options.NewID = newUUID
	}
	s.options.APIVersions = slices.Clone(s.options.APIVersions)
	s.options.PageSize = max(s.options.PageSize, 0)
	if s.options.MaxRequests <= 0 {
		s.options.MaxRequests = 10_000
	}
	if s.options.Samples {
		s.putSamples()
	}
	return s
}

// ClientOptions returns the options of a client that sends its requests to the server,
// without a socket: Transport is set. The credential of a test is the TokenCredential of
// azcore/fake.
func (s *Server) ClientOptions() *armsecops.ClientOptions {
	options := &armsecops.ClientOptions{}
	options.Transport = s
	return options
}

// Reset makes the server forget its requests, faults and resources, and what
// [Server.SetJobItems] and the Add methods have set. It restores the samples if
// the server has them. Overrides stay.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = NewServer(&s.options).state
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// precision is that of Azure's times.
const precision = 100 * time.Nanosecond

func (s *Server) now() time.Time { return s.options.Now().UTC().Truncate(precision) }

// errDisconnected is the error of a connection that a fault closes.
var errDisconnected = fmt.Errorf("the fake server closed the connection: %w", io.ErrUnexpectedEOF)

// Do responds to a request without a socket, so that a server can be the
// Transport of a client's options. It implements the Transporter of azcore's
// policy package. It returns an error if the request's context ends, a [Fault]
// disconnects, or an override closes the connection.
func (s *Server) Do(req *http.Request) (*http.Response, error) {
	resp, err := s.respond(req)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status:        strconv.Itoa(resp.status) + " " + http.StatusText(resp.status),
		StatusCode:    resp.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        resp.header,
		Body:          io.NopCloser(&bodyReader{resp.body, resp.bytesSent()}),
		ContentLength: int64(len(resp.body)),
		Request:       req,
	}, nil
}

// bodyReader reads a body up to the byte at which the connection is closed.
type bodyReader struct {
	body []byte
	sent int
}

func (b *bodyReader) Read(p []byte) (n int, err error) {
	switch {
	case len(b.body) == 0:
		return 0, io.EOF
	case b.sent == 0:
		return 0, errDisconnected
	}
	n = copy(p, b.body[:b.sent])
	b.body, b.sent = b.body[n:], b.sent-n
	return n, nil
}

// ServeHTTP implements [http.Handler], for [net/http/httptest.NewTLSServer]: the example has
// the Transport and the Cloud that clients need then.
// Where Do returns an error, it panics with [http.ErrAbortHandler], which closes
// the connection or, with HTTP/2, the stream.
func (s *Server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	resp, err := s.respond(req)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	for name, values := range resp.header {
		w.Header()[name] = values
	}
	if len(resp.body) > 0 {
		// net/http closes the connection after a body that is shorter.
		w.Header().Set("Content-Length", strconv.Itoa(len(resp.body)))
	}
	w.WriteHeader(resp.status)
	_, _ = w.Write(resp.body[:resp.bytesSent()]) // fails only if the client is gone
}

// respond records a request and returns its response, changed by faults.
func (s *Server) respond(req *http.Request) (*response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	if req.Body != nil {
		defer req.Body.Close()
	}
	r, fault, err := s.receive(req)
	if err != nil {
		return nil, err
	}
	resp, err := s.handleWithFault(r, fault)
	if err != nil {
		return nil, err
	}
	if r.Method == http.MethodHead {
		resp.body = nil
	}
	if s.isForeign(r) {
		return resp, nil
	}
	resp.setCommonHeaders(r)
	resp.compress(r)
	return resp, nil
}

// isForeign reports whether a request is for another service.
func (s *Server) isForeign(r *request) bool { return len(r.pathRoutes) == 0 && s.options.Next != nil }

// handle checks a request and passes it to the override of its operation, or carries it out.
func (s *Server) handle(r *request) (*response, error) {
	if s.isForeign(r) {
		return serve(s.options.Next, r.forHandler(r.wholeBody()))
	}
	if refused := s.check(r); refused != nil {
		return refused, nil
	}
	if handler := s.override(r.route); handler != nil && r.Method != http.MethodHead {
		return s.overridden(handler, r)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.carryOut(r), nil
}

// wait returns after the delay, or when the context ends.
func wait(ctx context.Context, delay time.Duration) error {
	if delay <= 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
