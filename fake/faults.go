package fake

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/armsecops/armsecops/internal/routes"
)

// Fault is what goes wrong with requests of an operation. Its fields can be
// combined, unless they contradict each other. A fault without StatusCode and
// Disconnect changes the response that the request would otherwise get.
type Fault struct {
	// Operation is the client's method, as in "WorkspaceManagerJobsClient.Get". The
	// requests of BeginCreate are those of Create and Get, which NewJobPoller sends
	// too, and with Recover of NewListPager. Those of ListAcrossSubscriptions are
	// NewListBySubscriptionPager's or NewListPager's; that of ExemptionsClient also sends
	// those of "ExemptionsClient.NewListPager" and "StandardAssignmentsClient.Get". Get,
	// CreateOrUpdate, Renew and Delete of ExemptionsClient send those of the clients of
	// the three places, such as "PolicyExemptionsClient.Get".
	// A list also has the REST API's name: "WorkspaceManagerJobsClient.List" is
	// "WorkspaceManagerJobsClient.NewListPager". Empty means every request, even
	// one that belongs to no operation.
	Operation string

	// Match picks requests by more than their operation, such as the resource in
	// the path of their URL. Others neither have the fault nor count for Skip. nil
	// means every request of the operation. Match has the whole body. It must not
	// call methods of the server, nor change the request. Those of one subscription:
	//
	//	func(r fake.Request) bool { return strings.HasPrefix(r.URL.Path, "/subscriptions/"+id+"/") }
	Match func(Request) bool

	// Skip is the number of requests that pass before the fault applies.
	Skip int

	// Times is the number of requests that the fault applies to. 0 means one.
	Times int

	// Always makes the fault apply to every request from the first one on, until
	// [Server.Reset]: a subscription that may not be read, a service that is down.
	// [Server.AssertFaultsConsumed] fails unless there was one. Times must be 0 then.
	Always bool

	// StatusCode is the status of the response. 0 leaves the status unchanged.
	// From 400 on, the body is an error in Azure's envelope, whose code is that of the
	// status, such as Forbidden, unless Body or NoBody is set; below 400 there is no body
	// unless Body is set. The server doesn't carry the request out unless CarriedOut is set.
	StatusCode int

	// RetryAfter is sent as the Retry-After header in seconds, rounded up. If it
	// isn't a whole number of them, x-ms-retry-after-ms has the exact value.
	RetryAfter time.Duration

	// Delay is the time before the response. It ends early with the request's
	// context.
	Delay time.Duration

	// Body replaces the body of the response. Its Content-Type is JSON, HTML or
	// plain text, depending on its first character, unless Header sets another.
	Body string

	// NoBody removes the body of the response.
	NoBody bool

	// Header is added to the header of the response and replaces what is there. A name without
	// values removes it: without X-Ms-Request-Id and X-Ms-Correlation-Request-Id, the response
	// is that of a proxy.
	Header http.Header

	// NextLink changes the link to the next page of a list. It has no effect on
	// other operations.
	NextLink NextLink

	// Truncate sends half of the body as if it were the whole.
	Truncate bool

	// Disconnect closes the connection before the response: [Server.Do] returns
	// an error that wraps [io.ErrUnexpectedEOF]. The server doesn't carry the
	// request out unless CarriedOut is set. With Truncate, the connection is
	// closed in the middle of the body instead.
	Disconnect bool

	// CarriedOut makes the server carry the request out, before Delay, although
	// the client gets an error or no response: a job is started, and the client
	// doesn't know.
	CarriedOut bool
}

// pendingFault is a fault that has not applied to all of its requests yet.
type pendingFault struct {
	Fault
	number      int           // in the order of injection, from 1
	route       *routes.Route // of the operation; nil for every request
	skip, times int           // left
}

// Inject adds a fault. A request goes through the faults of its operation in the
// order in which they were injected, until one applies to it: those before that
// one count it as skipped. Use [Server.AssertFaultsConsumed] to check that every
// fault has applied. Inject panics for an operation that no client has or whose requests
// are another method's, as of BeginCreate or ExemptionsClient.Get, and for a fault that
// changes nothing, that contradicts itself, or that the operation can't have.
func (s *Server) Inject(fault Fault) {
	route, err := fault.check()
	if err != nil {
		panic("fake: " + err.Error())
	}
	fault.Header = fault.Header.Clone()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.injected++
	s.faults = append(s.faults, &pendingFault{fault, s.injected, route, fault.Skip, max(fault.Times, 1)})
}

// check returns the route of the fault's operation, nil for a fault of every
// request, or what is wrong with a fault that could never apply as it says.
func (f Fault) check() (route *routes.Route, err error) {
	list, query := true, true
	if f.Operation != "" {
		if route, err = routes.ByOperation(f.Operation); err != nil {
			return nil, err
		}
		list, query = route.Kind == routes.List, route.Kind == routes.Query
	}
	lists, known := nextLinks[f.NextLink]
	changesResponse := f.Body != "" || f.NoBody || len(f.Header) > 0 || f.RetryAfter != 0 || f.NextLink != "" || f.Truncate
	switch {
	case !changesResponse && f.StatusCode == 0 && f.Delay == 0 && !f.Disconnect:
		return nil, errors.New("the fault changes nothing: set its StatusCode, Delay, Disconnect, or a part of the response")
	case f.Skip < 0 || f.Times < 0:
		return nil, errors.New("the Skip and Times of a fault must not be negative")
	case f.Always && f.Times != 0:
		return nil, errors.New("a fault that applies Always can't have Times")
	case f.RetryAfter < 0 || f.Delay < 0:
		return nil, errors.New("the RetryAfter and Delay of a fault must not be negative")
	case f.StatusCode != 0 && !isStatus(f.StatusCode):
		return nil, errors.New("the StatusCode of a fault must be between 200 and 599")
	case f.Disconnect && !f.Truncate && (changesResponse || f.StatusCode != 0):
		return nil, errors.New("a fault that closes the connection before the response can't change the response, unless it is to Truncate it")
	case f.NoBody && (f.Body != "" || f.Truncate):
		return nil, errors.New("a fault with NoBody can't have a Body, nor Truncate it")
	case !known:
		return nil, fmt.Errorf("the NextLink of a fault must be one of %q, not %q", slices.Sorted(maps.Keys(nextLinks))[1:], f.NextLink)
	}
	for name := range f.Header {
		if !httpguts.ValidHeaderFieldName(name) {
			return nil, fmt.Errorf("the Header of a fault must not have the name %q", name)
		}
	}
	switch {
	case f.NextLink == "", f.NextLink == NextLinkLoop && (list || query), lists && list, f.NextLink == NextLinkTruncated && query:
		return route, nil
	}
	return nil, fmt.Errorf("%s can't have a fault with the NextLink %q", f.Operation, f.NextLink)
}

// nextLinks has the faults of links, and whether lists have them.
var nextLinks = map[NextLink]bool{
	"": true, NextLinkForeignHost: true, NextLinkHTTP: true, NextLinkOtherPath: true, NextLinkLoop: true, NextLinkRelative: true,
	NextLinkDefaultPort: true, NextLinkUnescaped: true, NextLinkWithoutAPIVersion: true, NextLinkTruncated: false,
}

// isStatus reports whether a response can have the status.
func isStatus(status int) bool { return 200 <= status && status <= 599 }

// effect returns what the fault does, as in "(429, Retry-After 1s) of any operation".
func (f Fault) effect() string {
	var effects []string
	add := func(is bool, effect string, args ...any) {
		if is {
			effects = append(effects, fmt.Sprintf(effect, args...))
		}
	}
	add(f.StatusCode != 0, "%d", f.StatusCode)
	add(f.RetryAfter != 0, "Retry-After %v", f.RetryAfter)
	add(f.Delay != 0, "Delay %v", f.Delay)
	add(f.Body != "", "Body %.20q", f.Body)
	add(f.NoBody, "NoBody")
	for _, name := range slices.Sorted(maps.Keys(f.Header)) {
		add(true, "Header %s", name)
	}
	add(f.NextLink != "", "NextLink %q", f.NextLink)
	add(f.Truncate, "Truncate")
	add(f.Disconnect, "Disconnect")
	add(f.CarriedOut, "CarriedOut")
	add(f.Match != nil, "Match")
	add(f.Always, "Always")
	return fmt.Sprintf("(%s) of %s", strings.Join(effects, ", "), cmp.Or(f.Operation, "any operation"))
}

// AssertFaultsConsumed fails the test for every fault that has not applied Times
// times, such as one of a client that retries less often than expected, or not at all
// although it would Always. It reports whether all of them have.
//   - t: a [testing.T]
func (s *Server) AssertFaultsConsumed(t interface {
	Helper()
	Errorf(format string, args ...any)
}) bool {
	t.Helper()
	messages := s.unconsumed()
	for _, message := range messages { // without the lock: t may print the server's requests
		t.Errorf("%s", message)
	}
	return messages == nil
}

// unconsumed returns a message for each fault that has not applied as often as it should.
func (s *Server) unconsumed() (messages []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		times := max(f.Times, 1)
		if f.times < times && f.Always {
			continue
		}
		skipped := ""
		if f.Skip > 0 {
			skipped = fmt.Sprintf(", after it skipped %d of %d", f.Skip-f.skip, f.Skip)
		}
		messages = append(messages, fmt.Sprintf("fault %d %s applied to %d of %d requests%s", f.number, f.effect(), times-f.times, times, skipped))
	}
	return messages
}

// nextFault returns the fault that applies to a request, or the zero value, which
// changes nothing. The caller holds the lock.
func (s *Server) nextFault(r Request) Fault {
	for i, f := range s.faults {
		switch {
		case f.route != nil && f.route.Operation != r.Operation, f.Match != nil && !f.Match(r):
		case f.skip > 0:
			f.skip--
		default:
			if f.times--; f.times == 0 && !f.Always {
				s.faults = slices.Delete(s.faults, i, i+1)
			}
			return f.Fault
		}
	}
	return Fault{}
}

// handleWithFault handles a request that a fault applies to.
func (s *Server) handleWithFault(r *request, f Fault) (resp *response, err error) {
	r.nextLink = f.NextLink
	if f.CarriedOut {
		if resp, err = s.handle(r); err != nil {
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
		resp = newErrorResponse(f.StatusCode, code, "A fault of the fake server caused this error.")
	case f.StatusCode != 0:
		resp = newResponse(f.StatusCode, nil)
	case resp == nil:
		if resp, err = s.handle(r); err != nil {
			return nil, err
		}
	}
	f.apply(resp)
	return resp, nil
}

// apply changes the body and the header of a response.
func (f Fault) apply(resp *response) {
	switch {
	case f.NoBody:
		resp.body = nil
		resp.header.Del("Content-Type")
	case f.Body != "":
		resp.body = []byte(f.Body)
		resp.header.Set("Content-Type", contentType(f.Body))
	}
	if f.RetryAfter > 0 {
		seconds := (f.RetryAfter + time.Second - 1) / time.Second
		resp.header.Set("Retry-After", strconv.Itoa(int(seconds)))
		if f.RetryAfter%time.Second != 0 {
			resp.header.Set("x-ms-retry-after-ms", strconv.FormatInt(f.RetryAfter.Milliseconds(), 10))
		}
	}
	for name, values := range f.Header {
		resp.header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	if f.Truncate && !f.Disconnect {
		resp.body = resp.body[:len(resp.body)/2]
	}
	resp.disconnect = f.Truncate && f.Disconnect
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
