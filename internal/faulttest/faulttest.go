// Package faulttest tries clients with everything that can go wrong with a call:
// each fault against each operation, over real TLS. It is what the tests of the
// module and of interop have in common.
package faulttest

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/armsecops/armsecops/internal/routes"
)

// Call makes one call of an operation, and returns the models that it got: all
// items of a listing, and none of a deletion. It gives up a listing after
// [MaxPages] with [ErrEndless].
type Call func(context.Context, *Server) ([]any, error)

// MaxPages is the number of pages after which a listing of two is taken for one without an end.
const MaxPages = 10

// ErrEndless is a listing that went on and on.
var ErrEndless = errors.New("goes on for ever")

// Client is a client library that is tried.
type Client struct {
	Calls map[string]Call // by operation, named as the routes name them

	// Errors are those that the client has names for.
	Errors []NamedError

	// After, if not nil, looks at the outcome of a call, while its server is still there.
	After func(s *Server, operation string, got []any, err error) error
}

// NamedError is an error that [errors.Is] finds.
type NamedError struct {
	Name string
	Err  error
}

// Outcome is what became of one call.
type Outcome struct {
	Errors   string `json:"errors,omitempty"` // the names of those in the chain
	Result   string `json:"result"`           // "ok", or what the error says to every user of azcore
	Requests int    `json:"requests"`         // that reached the endpoint
	Harm     string `json:"harm,omitempty"`   // what must not be
}

// String returns the outcome as the documentation shows it.
func (o Outcome) String() string {
	text := strings.Trim(o.Errors+", "+o.Result, ", ") + " (" + strconv.Itoa(o.Requests) + ")"
	if o.Harm != "" {
		text += " **" + o.Harm + "**"
	}
	return text
}

// Row is a fault and its outcome by operation.
type Row struct {
	Fault    string             `json:"fault"`
	Outcomes map[string]Outcome `json:"outcomes"`
}

// Try tries every operation with the fault, all at a time.
func (f Fault) Try(ctx context.Context, client Client) (Row, error) {
	row := Row{f.Name, map[string]Outcome{}}
	var (
		mu      sync.Mutex
		errs    []error
		calls   sync.WaitGroup
		servers []*Server
	)
	for _, route := range routes.All {
		call, ok := client.Calls[route.Operation]
		s := newServer(f, route)
		servers = append(servers, s)
		if !ok || f.listing() && !s.listing() {
			continue
		}
		calls.Go(func() {
			// The goroutines that the call starts have the label as well.
			pprof.Do(ctx, pprof.Labels(label, f.labelOf(route)), func(ctx context.Context) {
				outcome, err := s.try(ctx, call, client)
				mu.Lock()
				defer mu.Unlock()
				row.Outcomes[route.Operation] = outcome
				if err != nil {
					errs = append(errs, fmt.Errorf("%s: %s: %w", f.Name, route.Operation, err))
				}
			})
		})
	}
	calls.Wait()
	for _, route := range routes.All {
		if left := goroutines(f.labelOf(route)); left > 0 {
			o := row.Outcomes[route.Operation]
			o.Harm = strings.TrimPrefix(fmt.Sprintf("%s, goroutines left: %d", o.Harm, left), ", ")
			row.Outcomes[route.Operation] = o
		}
	}
	for _, s := range servers {
		s.close()
	}
	return row, errors.Join(errs...)
}

const label = "matrix"

func (f Fault) labelOf(route *routes.Route) string { return f.Name + "/" + route.Operation }

// goroutines returns how many goroutines with the label are left when those
// that are about to end have had the time to.
func goroutines(value string) (left int) {
	want := strconv.Quote(label) + ":" + strconv.Quote(value)
	for until := time.Now().Add(2 * time.Second); ; time.Sleep(time.Millisecond) {
		var profile bytes.Buffer
		_ = pprof.Lookup("goroutine").WriteTo(&profile, 1)
		left = 0
		_, stacks, _ := strings.Cut(profile.String(), "\n")
		for stack := range strings.SplitSeq(stacks, "\n\n") {
			if strings.Contains(stack, want) {
				count, _, _ := strings.Cut(stack, " ")
				n, _ := strconv.Atoi(count)
				left += n
			}
		}
		if left == 0 || time.Now().After(until) {
			return left
		}
	}
}

// longest is how long a call without a deadline may take: it has nothing to
// wait for, and this machine may have other work.
const longest = 30 * time.Second

// try makes one call.
func (s *Server) try(ctx context.Context, call Call, client Client) (Outcome, error) {
	limit := longest
	if s.fault.deadline {
		limit = deadline
	}
	var limited context.Context
	limited, s.cancel = context.WithTimeout(ctx, limit) // not canceled before the goroutines are counted: that would end them
	start := time.Now()
	got, err := call(limited, s)
	took := time.Since(start)

	s.mu.Lock()
	o := Outcome{Result: result(err), Requests: s.requests, Harm: s.harm(got, err)}
	s.mu.Unlock()
	for _, known := range client.Errors {
		if errors.Is(err, known.Err) {
			o.Errors = strings.TrimPrefix(o.Errors+", "+known.Name, ", ")
		}
	}
	if o.Errors == "" && o.Result == "" {
		o.Result = "another error"
	}
	switch {
	case !s.fault.deadline && took > longest/2, s.fault.deadline && took > deadline+5*time.Second:
		return o, fmt.Errorf("took %v", took)
	case client.After != nil:
		return o, client.After(s, s.route.Operation, got, err)
	}
	return o, nil
}

// harm returns what must not have happened: a secret that went elsewhere, a job
// started twice, an item lost or doubled, a body without a bound, a listing
// without an end.
func (s *Server) harm(got []any, err error) string {
	var harm []string
	for _, what := range []string{"token", "body", "request"} {
		if s.elsewhere[what] {
			harm = append(harm, what+" sent to another host")
			break
		}
	}
	if s.route.Operation == routes.JobsCreate.Operation && s.fault.uncertain && s.requests > 1 {
		harm = append(harm, fmt.Sprintf("up to %d jobs started", s.requests))
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

// loss returns what the models don't say as the documents do, to the last member.
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

// members returns a document as JSON has it, numbers with every digit.
func members(document []byte) (object map[string]any) {
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	_ = d.Decode(&object)
	return object
}

// result returns what an error says to every user of azcore: the status, the
// code, and what happened to the connection or the body. It is empty where the
// error says something else.
func result(err error) string {
	if err == nil {
		return "ok"
	}
	var parts []string
	late := errors.Is(err, context.DeadlineExceeded)
	if e, ok := errors.AsType[*azcore.ResponseError](err); ok && !(late && e.StatusCode < 300) { // whose end is a matter of chance
		parts = append(parts, strings.TrimSpace(strconv.Itoa(e.StatusCode)+" "+e.ErrorCode))
	}
	text := err.Error()
	op, isOp := errors.AsType[*net.OpError](err)
	_, isCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case errors.Is(err, ErrEndless):
		parts = append(parts, fmt.Sprintf("given up after %d pages", MaxPages))
	case late:
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
