// Package faults is the fault matrix: it tests clients with everything that can
// go wrong with a call, each fault against each operation, over TLS. The tests of
// the module and of interop share it.
package faults

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"regexp"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
)

// ErrEndless is the error of a listing that does not end.
var ErrEndless = errors.New("the listing does not end")

// Client is a client library to test.
type Client struct {
	Has func(*routes.Route) bool // reports whether it has the operation

	// Call calls an operation once and returns the models of its result: all items
	// of a listing, none of a deletion. It gives up a listing after [Server.MaxPages] pages
	// with [ErrEndless].
	Call func(context.Context, *Server, testkit.Call) ([]any, error)

	// Errors are the client's sentinel errors.
	Errors []NamedError

	// After, if not nil, checks the result of a call while its server still runs.
	After func(s *Server, call testkit.Call, got []any, err error) error
}

// NamedError is an error that [errors.Is] finds.
type NamedError struct {
	Name string
	Err  error
}

// Outcome is the outcome of one call.
type Outcome struct {
	Errors   string `json:"errors,omitempty"` // names of the sentinel errors in the chain
	Result   string `json:"result"`           // "ok", or what every user of azcore finds in the error
	Requests int    `json:"requests"`         // that reached the endpoint
	Harm     string `json:"harm,omitempty"`   // what must not happen
}

// String returns the outcome as the documentation shows it.
func (o Outcome) String() string {
	text := strings.Trim(o.Errors+", "+o.Result, ", ") + " (" + strconv.Itoa(o.Requests) + ")"
	if o.Harm != "" {
		text += " **" + o.Harm + "**"
	}
	return text
}

// Row is a fault and its outcomes by kind of operation: one, unless operations of
// the kind differ.
type Row struct {
	Fault    string               `json:"fault"`
	Outcomes map[string][]Outcome `json:"outcomes"`
}

// Operations returns the client's operations: every one, or the first one of each
// kind and form of path.
func (c Client) Operations(every bool) (operations []*routes.Route) {
	seen := map[string]bool{}
	for _, route := range driver.Operations() {
		form := fmt.Sprint(route.Kind, route.OfSubscription(), route.OfScope())
		if c.Has(route) && (every || !seen[form]) {
			operations = append(operations, route)
			seen[form] = true
		}
	}
	return operations
}

// maxCalls bounds the operations that are called at the same time: each has a time
// limit, and all share the processors.
const maxCalls = 8

// Try calls the operations with the fault, some at the same time.
func (f Fault) Try(ctx context.Context, client Client, operations []*routes.Route) (map[*routes.Route]Outcome, error) {
	var calls sync.WaitGroup
	var servers []*Server
	places := make(chan struct{}, maxCalls)
	if f.empty { // a thousand requests a call
		places = make(chan struct{}, 1)
	}
	for _, route := range operations {
		if !f.affects(route) {
			continue
		}
		s := newServer(f, route)
		servers = append(servers, s)
		places <- struct{}{}
		calls.Go(func() {
			defer func() { <-places }()
			// The goroutines that the call starts inherit the label.
			pprof.Do(ctx, pprof.Labels(label, f.labelOf(route)), func(ctx context.Context) { s.outcome, s.err = s.try(ctx, client) })
		})
	}
	calls.Wait()
	outcomes := map[*routes.Route]Outcome{}
	var errs []error
	for _, s := range servers {
		if left := s.goroutines(f.labelOf(s.route)); left > 0 {
			s.outcome.Harm = strings.TrimPrefix(fmt.Sprintf("%s, goroutines left: %d", s.outcome.Harm, left), ", ")
		}
		s.close()
		outcomes[s.route] = s.outcome
		if s.err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", f.Name, s.route.Operation, s.err))
		}
	}
	return outcomes, errors.Join(errs...)
}

const label = "matrix"

func (f Fault) labelOf(route *routes.Route) string { return f.Name + "/" + route.Operation }

// goroutines returns how many goroutines with the label are left after waiting
// for those that are about to end, and closing connections that are idle.
func (s *Server) goroutines(value string) (left int) {
	labels := regexp.QuoteMeta(strconv.Quote(label) + ":" + strconv.Quote(value))
	stacks := regexp.MustCompile(`(?m)^(\d+) @.*\n# labels: .*` + labels)
	for until := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		for _, client := range s.clients {
			client.CloseIdleConnections()
		}
		var profile bytes.Buffer
		_ = pprof.Lookup("goroutine").WriteTo(&profile, 1)
		left = 0
		for _, stack := range stacks.FindAllStringSubmatch(profile.String(), -1) {
			n, _ := strconv.Atoi(stack[1])
			left += n
		}
		if left == 0 || time.Now().After(until) {
			return left
		}
	}
}

// maxResends is how often a transport may resend a request by itself.
const maxResends = 3

// timeout ends a call that has no deadline. A call that takes half of it has not
// ended by itself or at its deadline: it has nothing else to wait for, but the
// machine may be busy.
const timeout = 5 * time.Minute

// limited is a context that another one ends, with its cause as the error.
type limited struct {
	context.Context
	ending context.Context
}

func (l limited) Done() <-chan struct{} { return l.ending.Done() }
func (l limited) Err() error            { return context.Cause(l.ending) }

// try calls the operation once.
func (s *Server) try(ctx context.Context, client Client) (Outcome, error) {
	call := testkit.CallOf(s.route)
	call.Options = nil
	ctx, s.cancel = context.WithTimeout(ctx, timeout) // canceled once the goroutines are counted: that ends them
	ending, expire := context.WithCancelCause(ctx)
	s.expire = expire
	start := time.Now()
	got, err := client.Call(limited{ctx, ending}, s, call)
	took := time.Since(start)

	s.mu.Lock()
	o := Outcome{Result: result(err, s.MaxPages()), Requests: s.requests, Harm: s.harm(got, err)}
	s.mu.Unlock()
	for _, known := range client.Errors {
		if errors.Is(err, known.Err) {
			o.Errors = strings.TrimPrefix(o.Errors+", "+known.Name, ", ")
		}
	}
	switch {
	case o.Result != "":
	case s.fault.http2 && !s.fault.empty:
		o.Result = "connection lost" // or the stream
	case o.Errors == "":
		o.Result = "another error"
	}
	switch {
	case took > timeout/2:
		return o, fmt.Errorf("took %v", took)
	case client.After != nil:
		return o, client.After(s, call, got, err)
	}
	return o, nil
}

// harm returns what must not happen and did: a request or secret sent to another
// host, a job started twice, an item lost or doubled, a body read without bound,
// an endless listing.
func (s *Server) harm(got []any, err error) string {
	var harm []string
	for _, what := range []string{"token", "body", "request"} {
		if s.elsewhere[what] {
			harm = append(harm, what+" sent to another host")
			break
		}
	}
	if s.route.Kind == routes.Action && s.fault.uncertain && s.carried > 1 {
		harm = append(harm, fmt.Sprintf("up to %d jobs started", s.carried))
	}
	if s.most > 1+maxResends {
		harm = append(harm, fmt.Sprintf("sent %d times in one attempt", s.most))
	}
	if s.fault.graceful && s.route.Method == http.MethodGet && s.attempts > len(s.want()) {
		harm = append(harm, "a graceful GOAWAY cost an attempt")
	}
	switch {
	case s.read > 2*MaxResponseBytes:
		harm = append(harm, fmt.Sprintf("%d MiB read", s.read>>20))
	case errors.Is(err, ErrEndless):
		harm = append(harm, "never ends")
	case err == nil:
		harm = append(harm, loss(got, s.want())...)
	}
	return strings.Join(harm, ", ")
}

// loss returns how the models differ from the documents.
func loss(models []any, documents []string) []string {
	if len(models) != len(documents) {
		return []string{fmt.Sprintf("%d of %d items returned, no error", len(models), len(documents))}
	}
	for i, model := range models {
		text, err := json.Marshal(model)
		switch got := members(text); {
		case err != nil, len(got) == 0:
			return []string{"nothing returned, no error"}
		case !reflect.DeepEqual(got, members([]byte(documents[i]))):
			return []string{"members lost or changed"}
		}
	}
	return nil
}

// members returns the members of a document, numbers with every digit.
func members(document []byte) (object map[string]any) {
	d := json.NewDecoder(bytes.NewReader(testkit.Normal(document)))
	d.UseNumber()
	_ = d.Decode(&object)
	return object
}

// result returns what every user of azcore finds in an error: the status, the
// code, and what happened to the connection or the body. It is empty if the error
// says something else.
func result(err error, maxPages int) string {
	if err == nil {
		return "ok"
	}
	var parts []string
	expired := errors.Is(err, context.DeadlineExceeded)
	if e, ok := errors.AsType[*azcore.ResponseError](err); ok && !(expired && e.StatusCode < 300) { // whether the header arrives in time is chance
		parts = append(parts, strings.TrimSpace(strconv.Itoa(e.StatusCode)+" "+e.ErrorCode))
	}
	text := err.Error()
	op, isOp := errors.AsType[*net.OpError](err)
	_, isCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case errors.Is(err, ErrEndless):
		parts = append(parts, fmt.Sprintf("given up after %d pages", maxPages))
	case expired:
		parts = append(parts, "deadline exceeded")
	case isOp && op.Op == "dial":
		parts = append(parts, "connection refused")
	case isCertificate:
		parts = append(parts, "certificate refused")
	case strings.Contains(text, "stopped after 10 redirects"):
		parts = append(parts, "ten redirects, each time")
	case strings.Contains(text, "decoding the response"), strings.Contains(text, "unmarshalling"):
		parts = append(parts, "unreadable")
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		parts = append(parts, "connection lost")
	case strings.Contains(text, "non-TLS"):
		parts = append(parts, "token not sent by http")
	case strings.Contains(text, "no Host"), strings.Contains(text, "unsupported protocol"):
		parts = append(parts, "not followed")
	}
	return strings.Join(parts, ", ")
}
