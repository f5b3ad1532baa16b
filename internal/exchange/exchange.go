// Package exchange sends one request through azcore's pipeline, and knows what
// azcore doesn't: which requests must not be sent twice, when the service may
// have acted although no response says so, and how much of a response to read.
package exchange

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/armsecops/armsecops/internal/throttle"
	"github.com/armsecops/armsecops/internal/wire"
)

// Call says how a request is to be sent.
type Call struct {
	Operation  string              // its name, for policies of the caller's
	Success    []int               // the status codes of success
	Repeatable bool                // carrying the request out twice has the same result as once
	Gate       string              // the gate that a 429 closes: a subscription
	NewError   func(Failure) error // makes the error of a response
	Waited     func(time.Duration) // is told of a wait after a 429 or at the gate, and by 0 of a request that is held back; may be nil
}

// Failure is a response that isn't success, or that could not be read.
type Failure struct {
	Response *http.Response // with the Request that it responds to
	Reason   error          // why the response could not be read; nil if it could
	Sent     Sent
}

// Sent is what errors need of the headers that the attempts of a call sent: a program
// sets some by the context, which azcore adds to each attempt. An attempt that a policy
// gave up may still change its own.
type Sent struct {
	Authorization   [2]string // the last one, and the one before
	ClientRequestID string
}

// Note notes the headers of an attempt.
func (s *Sent) Note(header http.Header) {
	s.ClientRequestID = header.Get("X-Ms-Client-Request-Id") // canonical, which takes no allocation
	if authorization := header.Get("Authorization"); authorization != s.Authorization[0] {
		s.Authorization = [2]string{authorization, s.Authorization[0]}
	}
}

// Configure puts this package into the pipeline that the options describe: its
// policies are the last before azcore's retry and inside it, and its transport
// wraps the caller's.
//   - maxBytes, maxErrorBytes: bounds on the body of a success and of an error
func Configure(options *arm.ClientOptions, gates *throttle.Gates, maxBytes, maxErrorBytes int64) {
	policies := len(options.PerCallPolicies)+len(options.PerRetryPolicies) > 0
	if policies { // which may replace the context of a request
		options.PerCallPolicies = slices.Concat([]policy.Policy{firstPolicy{}}, options.PerCallPolicies, []policy.Policy{callPolicy{}})
	}
	options.PerRetryPolicies = append(options.PerRetryPolicies, &attemptPolicy{gates: gates, policies: policies, own: options.Transport == nil})
	options.Transport = newTransport(options.Transport, maxBytes, maxErrorBytes)
}

// attempts is the state of one call across its attempts, which may overlap: a
// policy of the caller's may give one up that is under way, or hedge.
type attempts struct {
	Call

	bodies sync.Mutex // held while an attempt reads the request's body

	mu       sync.Mutex
	ctx      context.Context // of the call; that of an attempt may end earlier
	expired  context.Context // that had ended when the attempts had; nil for none
	passed   error           // to the caller's policies, of all attempts
	waited   time.Duration   // at gates
	heldBack bool            // at the last of them, until the context ended
	closed   time.Duration   // for how long the gate was closed then
	refused  time.Time       // when the last attempt got a 429; zero for none
	ended    bool            // the call; an attempt that a policy gave up may not know
	open     int             // attempts that the service may have carried out
	last     error           // of every further attempt to send what must not be repeated
	response *http.Response  // of the last attempt
	failure  error           // of the last attempt, if it had no response
	noToken  error           // of the credential
	sent     Sent
}

type attemptsKey struct{}

// callContext is the context of a call's request: that of the call, with its
// attempts and, as azcore's clients have it, its name.
type callContext struct {
	context.Context
	attempts attempts
	name     any // a string
}

func (c *callContext) Value(key any) any {
	switch key.(type) {
	case attemptsKey:
		return &c.attempts
	case runtime.CtxAPINameKey:
		return c.name
	}
	return c.Context.Value(key)
}

// attemptsOf returns the attempts that a request belongs to; nil if it is one of
// azcore's own, such as the registration of a provider. Operation values are
// azcore's way to find them, but not safe for attempts that overlap. A context is,
// although a caller's policy may replace it, and azcore's own requests inherit it,
// without the name of the operation.
func attemptsOf(req *policy.Request) *attempts {
	ctx := req.Raw().Context()
	if a, ok := ctx.Value(attemptsKey{}).(*attempts); ok && ctx.Value(runtime.CtxAPINameKey{}) != nil {
		return a
	}
	var a *attempts
	req.OperationValue(&a)
	return a
}

// WithCall returns a context for the request of the call.
func WithCall(ctx context.Context, call Call) context.Context {
	return &callContext{Context: ctx, attempts: attempts{Call: call, ctx: ctx}, name: call.Operation}
}

// NoToken notes that the credential got no token in the context of a request. azcore
// forgets its error if that context has ended.
func NoToken(ctx context.Context, err error) {
	if a, ok := ctx.Value(attemptsKey{}).(*attempts); ok {
		a.mu.Lock()
		a.noToken = err
		a.mu.Unlock()
	}
}

// Do sends a request whose context is one of [WithCall], and returns the response
// of success, with its body in memory. The error is that of Call.NewError if there
// is a response.
//   - unknown: whether the service may have carried out the request, by this
//     attempt or an earlier one, without saying so
func Do(pipeline runtime.Pipeline, req *policy.Request) (resp *http.Response, unknown bool, err error) {
	a, ctx := attemptsOf(req), req.Raw().Context()
	resp, err = pipeline.Do(req)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = true
	if a.expired == nil && ctx.Err() != nil {
		a.expired = ctx
	}
	if a.expired != nil {
		a.noteWait(0) // of azcore, which ended with the context
	}
	final, isFinal := errors.AsType[finalError](err)
	if isFinal {
		err = final.error
	}
	if a.expired == nil && a.noToken == nil { // a credential may have a time limit of its own
		err = ofAttempt(err)
	}
	switch {
	case resp != nil && a.succeeded(resp) && (err == nil || a.failure == nil && a.expired != nil):
		a.response = nil        // a pager keeps the request, and with its context this: not the body, too
		return resp, false, nil // even if the context has ended since
	case err != nil && a.expired != nil:
		ended := a.contextError(req.Raw())
		if ctx.Err() == nil && a.passed != nil && !errors.Is(a.passed, err) { // a policy's own, whose context ended
			ended = fmt.Errorf("%w; %w", err, ended)
		}
		err = ended
	case isFinal:
	case err == nil && resp == nil:
		err = errors.New("a policy returned neither a response nor an error")
	case resp != nil && !a.succeeded(resp):
		if err != nil && resp.StatusCode == http.StatusConflict {
			err = registrationError(resp, err)
		}
		err = a.newError(resp, req.Raw(), err)
	}
	return nil, a.open > 0, err
}

// SentOf returns what the attempts of a request sent, or would have.
func SentOf(req *policy.Request) Sent {
	a := attemptsOf(req)
	a.mu.Lock()
	defer a.mu.Unlock()
	sent := a.sent
	if sent == (Sent{}) { // none was
		sent.Note(req.Raw().Header)
	}
	return sent
}

// firstPolicy is before the policies of the caller's: the attempts are found even if
// one of those replaces the context.
type firstPolicy struct{}

func (firstPolicy) Do(req *policy.Request) (*http.Response, error) {
	req.SetOperationValue(attemptsOf(req))
	return req.Next()
}

// callPolicy is the last policy before azcore's retry: the context it sees is
// that of all attempts. The policy that made the context may end it afterwards,
// which says nothing of the call.
type callPolicy struct{}

func (callPolicy) Do(req *policy.Request) (*http.Response, error) {
	if a := attemptsOf(req); a != nil {
		ctx := req.Raw().Context()
		a.mu.Lock()
		a.ctx, a.expired = ctx, nil
		a.mu.Unlock()
		resp, err := req.Next()
		a.mu.Lock()
		defer a.mu.Unlock()
		a.passed = err
		if ctx.Err() != nil {
			a.expired = ctx
		}
		return resp, err
	}
	return req.Next()
}

// attemptPolicy is the innermost policy inside azcore's retry. azcore's own
// download of the body comes after it, so a connection that is lost in the body
// is a failure of the attempt.
type attemptPolicy struct {
	gates    *throttle.Gates
	policies bool        // the caller has some
	own      bool        // the transport is the library's own
	silent   atomic.Bool // the transport has used a connection that it did not report
}

func (p *attemptPolicy) Do(req *policy.Request) (*http.Response, error) {
	a := attemptsOf(req)
	if a == nil {
		return req.Next()
	}
	a.mu.Lock()
	a.noToken = nil // there is one, even if it was to be renewed
	call, err := a.ctx, a.refusal()
	a.mu.Unlock()
	if err != nil {
		return nil, err
	}
	req, cancel, err := p.wait(a, call, req)
	if err != nil {
		return nil, err
	}
	defer cancel()
	resp, err := p.send(a, req)
	if resp != nil {
		throttle.Bound(resp, math.MaxInt64)
		p.gates.Observe(a.Gate, resp)
	}
	return resp, err
}

// wait waits at the gate. That is no part of the attempt: the time that azcore
// gives to an attempt starts after it.
func (p *attemptPolicy) wait(a *attempts, call context.Context, req *policy.Request) (*policy.Request, context.CancelFunc, error) {
	attempt := req.Raw().Context()
	deadline, limited := attempt.Deadline()
	var left time.Duration
	if limited {
		left = time.Until(deadline)
	}
	a.mu.Lock()
	before := a.waited
	a.mu.Unlock()
	waited, err := p.gates.Wait(call, a.Gate, before)
	var closed time.Duration
	if err != nil {
		closed = p.gates.Closed(a.Gate)
	}
	a.mu.Lock()
	a.waited += waited
	a.heldBack, a.closed = err != nil, closed
	a.noteWait(waited)
	a.mu.Unlock()
	if closed, ok := errors.AsType[*throttle.ClosedError](err); ok {
		return nil, nil, a.throttled(req.Raw(), closed)
	}
	if err != nil || waited == 0 || !limited {
		return req, func() {}, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(attempt), left)
	stop := context.AfterFunc(call, cancel)
	return req.WithContext(ctx), func() { stop(); cancel() }, nil
}

// noteWait tells of a wait: of that at the gate, or of all since a 429.
func (a *attempts) noteWait(atGate time.Duration) {
	wait := atGate
	if !a.refused.IsZero() {
		wait, a.refused = time.Since(a.refused), time.Time{}
	}
	if wait > 0 && a.Waited != nil {
		a.Waited(wait)
	}
}

// refusal returns the error of an attempt that must not be sent; nil if it may be.
func (a *attempts) refusal() error {
	switch {
	case a.ended:
		return finalError{errors.New("the call has ended")}
	case a.last != nil:
		return a.last
	case !a.Repeatable && a.open > 0:
		return finalError{errors.New("another attempt of this request, which must not be repeated, is under way")}
	}
	return nil
}

// begin opens an attempt: from now on the service may carry it out. A request
// that must not be repeated has one at a time.
func (a *attempts) begin() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.refusal()
	if err == nil {
		a.open++
	}
	return err
}

// send passes the request on, and finds out whether the service may have
// carried it out without saying so.
func (p *attemptPolicy) send(a *attempts, req *policy.Request) (*http.Response, error) {
	if err := req.Raw().Context().Err(); err != nil {
		return nil, err
	}
	body, err := p.readBody(a, req)
	if err != nil {
		return nil, err
	}
	if err := a.begin(); err != nil {
		return nil, err
	}
	w := watch(req.Raw(), !a.Repeatable)
	defer w.cancel()
	req = req.WithContext(w.ctx)
	setBody(req.Raw(), body)
	resp, err := req.Next()

	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent.Note(req.Raw().Header)
	sent := err == nil || resp != nil || !w.notSent(p, err, a.ctx.Err() != nil)
	resp, err = a.result(req.Raw(), resp, w.explain(err), sent)
	if err == nil {
		a.response, a.failure = p.kept(a, resp), nil
		if resp.StatusCode == http.StatusTooManyRequests {
			a.refused = time.Now()
		}
	} else if a.ctx.Err() == nil { // else the attempt before says more about what went wrong
		a.response, a.failure = nil, err
	}
	return resp, err
}

// kept returns a response for an error that may be made of it later. The caller's policy
// may return before azcore's retry has read the body of the attempt that it repeats.
func (p *attemptPolicy) kept(a *attempts, resp *http.Response) *http.Response {
	if !p.policies || a.succeeded(resp) {
		return resp
	}
	body, err := runtime.Payload(resp)
	if err != nil {
		return resp
	}
	kept := *resp
	kept.Body = io.NopCloser(bytes.NewReader(body))
	return &kept
}

// result closes the attempt if the service has not carried it out, keeps azcore
// from sending again what must not be, and returns the attempt's result.
func (a *attempts) result(req *http.Request, resp *http.Response, err error, sent bool) (*http.Response, error) {
	if err == nil && a.Repeatable && a.succeeded(resp) && isCut(resp) {
		err = io.ErrUnexpectedEOF
	}
	switch {
	case err != nil && resp != nil:
		if a.ctx.Err() == nil {
			err = ofAttempt(err)
		}
		return nil, a.unconfirmed(a.newError(resp, req, fmt.Errorf("reading the response: %w", err)))
	case err != nil && !sent:
		a.open--
		return nil, err
	case err != nil:
		return nil, a.unconfirmed(err)
	case a.succeeded(resp):
		if !a.Repeatable {
			a.last = finalError{errors.New("the service has already responded to this request, which must not be repeated")}
		}
	case uncertain(resp.StatusCode):
		if !a.Repeatable {
			a.last = finalError{a.newError(resp, req, nil)}
			return resp, a.last
		}
	default:
		a.open--
		if !a.Repeatable && !refused(resp) {
			a.last = finalError{a.newError(resp, req, nil)}
		}
	}
	return resp, nil
}

// uncertain reports whether the service may have carried out a request although
// the status, which isn't one of success, doesn't say so. 301, 307 and 308 say
// that the request belongs elsewhere.
func uncertain(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return false
	case http.StatusRequestTimeout:
		return true
	}
	return status < 400 || status >= 500
}

// refused reports whether the response asks to send the request again: with other
// claims, later, or once azcore has registered the resource provider.
func refused(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusUnauthorized, http.StatusTooManyRequests:
		return true
	case http.StatusConflict:
		body, _ := runtime.Payload(resp)
		var failure struct{ Error struct{ Code string } }
		_ = json.Unmarshal(body, &failure)
		return slices.ContainsFunc(unregistered, func(code string) bool { return strings.EqualFold(code, failure.Error.Code) })
	}
	return false
}

// unregistered are the codes on which azcore registers the resource provider.
var unregistered = []string{
	"MissingSubscriptionRegistration", "MissingRegistrationForResourceProvider", "Subscription Not Registered", "SubscriptionNotRegistered",
}

// isCut reports whether the body is the beginning of a JSON document. Without a
// length, a gateway that loses its own connection can end the body there.
func isCut(resp *http.Response) bool {
	if resp.ContentLength >= 0 || resp.Uncompressed {
		return false
	}
	body, _ := runtime.Payload(resp)
	if !resp.Close && bytes.HasSuffix(bytes.TrimRight(body, " \t\r\n"), []byte("}")) {
		return false // the framing says that it is complete, and it looks so
	}
	return wire.IsCut(body)
}

// succeeded reports whether the status is one of the operation's own.
func (a *attempts) succeeded(resp *http.Response) bool {
	return slices.Contains(a.Success, resp.StatusCode)
}

// unconfirmed keeps azcore from sending a request again that the service may have
// carried out, and that must not be repeated.
func (a *attempts) unconfirmed(err error) error {
	if a.Repeatable {
		return err
	}
	a.last = finalError{err}
	return a.last
}
