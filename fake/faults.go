package fake

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/armsecops/armsecops/internal/routes"
)

// Fault is what goes wrong with requests of an operation. Its fields can be
// combined. A fault without StatusCode and without Disconnect changes the answer
// that the request would get anyway.
type Fault struct {
	// Operation is the client's method, as in "WorkspaceManagerJobsClient.Get".
	// That of a list is known under the REST API's name as well:
	// "WorkspaceManagerJobsClient.List" is "WorkspaceManagerJobsClient.NewListPager".
	// Empty means any operation, and requests that belong to none.
	Operation string

	// Skip is the number of requests that come through before the fault strikes.
	Skip int

	// Times is the number of requests that the fault strikes. 0 means one.
	Times int

	// StatusCode is that of the answer. From 400 on, the answer is an error in
	// Azure's envelope unless Body or NoBody says otherwise; below, it has no body.
	// The request is not carried out; see CarriedOut. 0 leaves the status as it is.
	StatusCode int

	// RetryAfter is sent in the header of that name, in seconds. A part of a
	// second is rounded up there and sent exactly in x-ms-retry-after-ms.
	RetryAfter time.Duration

	// Delay is waited for before the answer, or until the request's context ends.
	Delay time.Duration

	// Body replaces the body of the answer. Its Content-Type is that of JSON,
	// HTML or plain text, by its first character, unless Header says otherwise.
	Body string

	// NoBody empties the body of the answer.
	NoBody bool

	// Header is added to that of the answer, in the place of what is there.
	Header http.Header

	// NextLink is what becomes of the link to the next page. It has an effect on lists only.
	NextLink NextLink

	// Truncate cuts the body in half, and nothing in the answer shows it.
	Truncate bool

	// Disconnect closes the connection before any answer: [Server.Do] returns an
	// error that wraps [io.ErrUnexpectedEOF]. The request is not carried out; see
	// CarriedOut. With Truncate, the connection is closed in the middle of the
	// body instead.
	Disconnect bool

	// CarriedOut carries the request out although it gets an error or no answer
	// at all, and before Delay: a job is started, and the client doesn't hear of it.
	CarriedOut bool
}

// pendingFault is a fault that has not struck all of its requests yet.
type pendingFault struct {
	Fault
	skip, times int // left
}

// Inject adds a fault. Faults stand in line: a request meets those of its
// operation in the order in which they were injected, up to the first that
// strikes it. [Server.AssertFaultsConsumed] tells whether all of them did.
func (s *Server) Inject(fault Fault) {
	fault.Header = fault.Header.Clone()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &pendingFault{fault, fault.Skip, max(fault.Times, 1)})
}

// AssertFaultsConsumed fails the test for every fault that has not struck as
// often as it should, which a wrong operation or a client that tried less often
// than expected leads to. It reports whether there was none.
//   - t: a [testing.T]
func (s *Server) AssertFaultsConsumed(t interface {
	Helper()
	Errorf(format string, args ...any)
}) bool {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		isOperation := func(route *routes.Route) bool { return f.concerns(route.Operation) }
		if !slices.ContainsFunc(routes.All, isOperation) {
			t.Errorf("the fault's Operation %q is not an operation", f.Operation)
			continue
		}
		t.Errorf("a fault of %q did not strike %d of its %d requests, and skipped %d of %d",
			f.Operation, f.times, max(f.Times, 1), f.Skip-f.skip, f.Skip)
	}
	return len(s.faults) == 0
}

// concerns reports whether the fault is one of the operation.
func (f Fault) concerns(operation string) bool {
	if f.Operation == "" || f.Operation == operation {
		return true
	}
	// The list that the REST API calls List is read by NewListPager.
	client, method, _ := strings.Cut(operation, ".")
	rest, ok := strings.CutPrefix(method, "New")
	return ok && f.Operation == client+"."+strings.TrimSuffix(rest, "Pager")
}

// nextFault returns the fault that strikes a request of the operation; its zero
// value strikes none. The caller holds the lock.
func (s *Server) nextFault(operation string) Fault {
	for i, f := range s.faults {
		switch {
		case !f.concerns(operation):
		case f.skip > 0:
			f.skip--
		default:
			if f.times--; f.times == 0 {
				s.faults = slices.Delete(s.faults, i, i+1)
			}
			return f.Fault
		}
	}
	return Fault{}
}

// answerWithFault answers the request as the fault has it.
func (s *Server) answerWithFault(r *request, f Fault) (a *answer, err error) {
	r.nextLink = f.NextLink
	if f.CarriedOut {
		if a, err = s.carryOut(r); err != nil {
			return nil, err
		}
	}
	if err := wait(r.Context(), f.Delay); err != nil {
		return nil, err
	}
	switch {
	case f.Disconnect && !f.Truncate:
		return nil, errDisconnected
	case f.StatusCode >= http.StatusBadRequest:
		code := strings.ReplaceAll(http.StatusText(f.StatusCode), " ", "")
		a = refuse(f.StatusCode, code, "The fake server was told to answer with this error.")
	case f.StatusCode != 0:
		a = newAnswer(f.StatusCode, nil)
	case a == nil:
		if a, err = s.carryOut(r); err != nil {
			return nil, err
		}
	}
	f.change(a)
	return a, nil
}

// change changes the answer as the fault has it.
func (f Fault) change(a *answer) {
	switch {
	case f.NoBody:
		a.body = nil
		a.header.Del("Content-Type")
	case f.Body != "":
		a.body = []byte(f.Body)
		a.header.Set("Content-Type", contentType(f.Body))
	}
	if f.RetryAfter > 0 {
		seconds := (f.RetryAfter + time.Second - 1) / time.Second
		a.header.Set("Retry-After", strconv.Itoa(int(seconds)))
		if f.RetryAfter%time.Second != 0 {
			a.header.Set("x-ms-retry-after-ms", strconv.FormatInt(f.RetryAfter.Milliseconds(), 10))
		}
	}
	for name, values := range f.Header {
		a.header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	if f.Truncate && !f.Disconnect {
		a.body = a.body[:len(a.body)/2]
	}
	a.disconnect = f.Truncate && f.Disconnect
}

func contentType(body string) string {
	switch trimmed := strings.TrimSpace(body); {
	case strings.HasPrefix(trimmed, "{"), strings.HasPrefix(trimmed, "["):
		return "application/json; charset=utf-8"
	case strings.HasPrefix(trimmed, "<"):
		return "text/html; charset=utf-8"
	}
	return "text/plain; charset=utf-8"
}
