package fake

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/armsecops/armsecops"
)

// Server is both services in memory. It is a transport for the clients, without
// a socket, and an [http.Handler]. It is safe for concurrent use once Jobs and
// Assignments are set.
type Server struct {
	// Jobs and Assignments override the answers of single operations.
	Jobs        JobsServer
	Assignments AssignmentsServer

	options            ServerOptions
	jobListings        listings[armsecops.Job]
	assignmentListings listings[armsecops.Assignment]

	mu          sync.Mutex
	jobs        map[string]*job // by id, in lower case
	jobItems    map[string][]armsecops.JobItem
	assignments map[string]*assignment // by id, in lower case
	faults      []*pendingFault
	requests    []Request
}

// ServerOptions holds the optional parameters of [NewServer].
type ServerOptions struct {
	// Samples puts the resources of the services' documentation on the server:
	// a job that failed and an assignment, with the ids they have there.
	Samples bool

	// PageSize is the number of items on one page of a list. 0 means all of them.
	PageSize int

	// JobSteps is how many Gets a job that was started stays InProgress. 0
	// means that the first Get finds it done.
	JobSteps int

	// APIVersions are accepted beside the version that the operation is
	// documented for, for clients with another APIVersion in their options.
	APIVersions []string

	// Now is the server's clock, for the times of jobs and of systemData. nil means [time.Now].
	Now func() time.Time

	// NewID returns the names of jobs, and what is inside of etags and request
	// ids. It is never called by two goroutines at a time. nil means random UUIDs.
	NewID func() string
}

// NewServer returns a server.
//   - options: nil for an empty server
func NewServer(options *ServerOptions) *Server {
	s := &Server{
		jobs:        map[string]*job{},
		jobItems:    map[string][]armsecops.JobItem{},
		assignments: map[string]*assignment{},
	}
	if options != nil {
		s.options = *options
	}
	if s.options.Now == nil {
		s.options.Now = time.Now
	}
	if s.options.NewID == nil {
		s.options.NewID = newUUID
	}
	if s.options.Samples {
		s.putSamples()
	}
	return s
}

// newID returns a new id. The caller doesn't hold the lock.
func (s *Server) newID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.options.NewID()
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// now returns the server's time, to the tenth of a microsecond as Azure has it.
func (s *Server) now() time.Time {
	return s.options.Now().UTC().Truncate(100 * time.Nanosecond)
}

// errDisconnected is a connection that was lost.
var errDisconnected = fmt.Errorf("the fake server closed the connection: %w", io.ErrUnexpectedEOF)

// Do answers a request without a socket, which makes the server the Transport
// of a client's options. It implements the Transporter of azcore's policy
// package. The error is that of the request's context, of a [Fault] that
// disconnects, or of an override that has one.
func (s *Server) Do(req *http.Request) (*http.Response, error) {
	a, err := s.answer(req)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status:        strconv.Itoa(a.status) + " " + http.StatusText(a.status),
		StatusCode:    a.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        a.header,
		Body:          io.NopCloser(&bodyReader{a.body, a.sent()}),
		ContentLength: int64(len(a.body)),
		Request:       req,
	}, nil
}

// bodyReader reads a body up to where the connection is lost.
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

// ServeHTTP implements [http.Handler], as behind [net/http/httptest.NewTLSServer].
// Where Do returns an error, it panics with [http.ErrAbortHandler], which closes
// the connection or, with HTTP/2, the stream.
func (s *Server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	a, err := s.answer(req)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if len(a.body) > 0 {
		// Where less is sent, net/http closes the connection.
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body[:a.sent()]) // a client that went away needs no body
}

// answer receives a request and returns what the server has to say, faults included.
func (s *Server) answer(req *http.Request) (*answer, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	r, fault, err := s.receive(req)
	if err != nil {
		return nil, err
	}
	a, err := s.answerWithFault(r, fault)
	if err != nil {
		return nil, err
	}
	a.finish(r)
	return a, nil
}

// carryOut does what the request asks for, if the rules allow it.
func (s *Server) carryOut(r *request) (*answer, error) {
	if refused := s.check(r); refused != nil {
		return refused, nil
	}
	operation, known := operations[r.route]
	if !known {
		return refuse(http.StatusNotImplemented, "NotImplemented", "The fake server has no handler for "+r.route.Operation+"."), nil
	}
	a, err := operation.override(s, r)
	if errors.Is(err, errNotOverridden) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return operation.handle(s, r), nil
	}
	return a, err
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
