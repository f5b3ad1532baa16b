// Package exchange sends one request through azcore's pipeline, and knows what
// azcore doesn't: which requests must not be sent twice, when the service may
// have acted although no response says so, and how much of a response to read.
package exchange

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/armsecops/armsecops/internal/throttle"
)

// Call says how a request is to be sent.
type Call struct {
	Success    []int               // the status codes of success
	Repeatable bool                // to carry the request out twice leaves what once does
	Gate       string              // the gate that a 429 closes: a subscription
	NewError   func(Failure) error // makes the error of a response
}

// Failure is a response that isn't success, or that could not be read.
type Failure struct {
	Response *http.Response // with the Request that it responds to
	Reason   error          // why the response could not be read; nil: it could
}

// Configure puts this package into the pipeline that the options describe: its
// policies are the last before azcore's retry and inside it, and its transport
// wraps the caller's.
//   - maxBytes, maxErrorBytes: bounds on the body of a success and of an error
func Configure(options *arm.ClientOptions, gates *throttle.Gates, maxBytes, maxErrorBytes int64) {
	if len(options.PerCallPolicies) > 0 { // else the context of all attempts is that of the call
		options.PerCallPolicies = append(options.PerCallPolicies, callPolicy{})
	}
	options.PerRetryPolicies = append(options.PerRetryPolicies, attemptPolicy{gates, traces(options.Transport)})
	options.Transport = newTransport(options.Transport, maxBytes, maxErrorBytes)
}

// attempts is the state of one call across its attempts.
type attempts struct {
	Call
	ctx     context.Context // of the call; that of an attempt may end earlier
	expired context.Context // that had ended when the attempts had; nil: none
	waited  time.Duration   // at gates

	response *http.Response // of the last attempt
	failure  error          // of the last attempt, if it had no response
	unknown  bool           // the service may have carried a request out without saying so
	last     error          // of every further attempt to send what must not be repeated; nil: it may be sent
}

// Do sends the request and returns the response of success, with its body in
// memory. The error is that of Call.NewError if there is a response.
//   - unknown: whether the service may have carried out the request, by this
//     attempt or an earlier one, without saying so
func Do(pipeline runtime.Pipeline, req *policy.Request, call Call) (resp *http.Response, unknown bool, err error) {
	ctx := req.Raw().Context()
	a := &attempts{Call: call, ctx: ctx}
	req.SetOperationValue(a)
	resp, err = pipeline.Do(req)
	if a.expired == nil && ctx.Err() != nil {
		a.expired = ctx
	}
	final, isFinal := errors.AsType[finalError](err)
	switch {
	case resp != nil && a.succeeded(resp) && (err == nil || a.failure == nil && a.expired != nil):
		return resp, false, nil // even if the context has ended since
	case err != nil && a.expired != nil:
		err = a.contextError()
	case isFinal:
		err = final.error
	case err == nil && resp == nil:
		err = errors.New("a policy returned neither a response nor an error")
	case resp != nil && !a.succeeded(resp):
		err = a.newError(resp, req.Raw(), err)
	}
	return nil, a.unknown || a.last != nil, err
}

// callPolicy is the last policy before azcore's retry: the context it sees is
// that of all attempts. The policy that made the context may end it afterwards,
// which says nothing of the call.
type callPolicy struct{}

func (callPolicy) Do(req *policy.Request) (*http.Response, error) {
	var a *attempts
	if req.OperationValue(&a) {
		a.ctx, a.expired = req.Raw().Context(), nil
		defer func() {
			if a.ctx.Err() != nil {
				a.expired = a.ctx
			}
		}()
	}
	return req.Next()
}

// attemptPolicy is the innermost policy inside azcore's retry. azcore's own
// download of the body comes after it, so a connection that is lost in the body
// is a failure of the attempt.
type attemptPolicy struct {
	gates  *throttle.Gates
	traces bool // the transport is known to report each connection that it uses
}

func (p attemptPolicy) Do(req *policy.Request) (*http.Response, error) {
	var a *attempts
	if !req.OperationValue(&a) {
		return req.Next() // a request of azcore's own, such as the registration of a provider
	}
	if a.last != nil {
		return nil, a.last
	}
	req, cancel, err := p.wait(a, req)
	if err != nil {
		return nil, err
	}
	defer cancel()
	resp, err := a.send(req, p.traces)
	if resp != nil {
		throttle.Bound(resp, math.MaxInt64)
		p.gates.Observe(a.Gate, resp)
	}
	if err == nil {
		a.response, a.failure = resp, nil
	} else if a.ctx.Err() == nil { // else the attempt before says more about what went wrong
		a.response, a.failure = nil, err
	}
	return resp, err
}

// wait waits at the gate. That is no part of the attempt: the time that azcore
// gives to an attempt starts after it.
func (p attemptPolicy) wait(a *attempts, req *policy.Request) (*policy.Request, context.CancelFunc, error) {
	attempt := req.Raw().Context()
	deadline, limited := attempt.Deadline()
	var left time.Duration
	if limited {
		left = time.Until(deadline)
	}
	waited, err := p.gates.Wait(a.ctx, a.Gate, a.waited)
	a.waited += waited
	if closed, ok := errors.AsType[*throttle.ClosedError](err); ok {
		return nil, nil, a.throttled(req.Raw(), closed)
	}
	if err != nil || waited == 0 || !limited {
		return req, func() {}, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(attempt), left)
	stop := context.AfterFunc(a.ctx, cancel)
	return req.WithContext(ctx), func() { stop(); cancel() }, nil
}

// send passes the request on, and finds out whether the service may have
// carried it out without saying so.
func (a *attempts) send(req *policy.Request, traces bool) (*http.Response, error) {
	if err := req.Raw().Context().Err(); err != nil {
		return nil, err
	}
	resends := maxResends
	if !a.Repeatable {
		resends = 0
		for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key"} { // by which net/http sends a POST again
			req.Raw().Header.Del(name)
		}
	}
	w := watch(req.Raw().Context(), resends)
	defer w.cancel()
	resp, err := req.WithContext(w.ctx).Next()
	switch {
	case err != nil && resp != nil:
		return nil, a.unconfirmed(a.newError(resp, req.Raw(), fmt.Errorf("reading the response: %w", err)))
	case err != nil && w.notSent(traces, err):
		return nil, err
	case err != nil:
		return nil, a.unconfirmed(w.explain(err))
	case a.succeeded(resp):
		if !a.Repeatable {
			a.last = finalError{errors.New("the service has already responded to this request, which must not be repeated")}
		}
	case resp.StatusCode < 300, resp.StatusCode == http.StatusRequestTimeout, resp.StatusCode >= 500:
		if a.unknown = true; !a.Repeatable {
			a.last = finalError{a.newError(resp, req.Raw(), nil)}
			return resp, a.last
		}
	}
	return resp, nil
}

// succeeded reports whether the status is one of the operation's own.
func (a *attempts) succeeded(resp *http.Response) bool {
	return slices.Contains(a.Success, resp.StatusCode)
}

// unconfirmed notes that the service may have carried out the request, and keeps
// azcore from sending one again that must not be.
func (a *attempts) unconfirmed(err error) error {
	a.unknown = true
	if a.Repeatable {
		return err
	}
	a.last = finalError{err}
	return a.last
}

// finalError keeps azcore's retry policy from another attempt.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }
func (finalError) NonRetriable()   {}

// newError makes the error of a response. What a caller's policy returned may
// lack what azcore's errors print.
func (a *attempts) newError(resp *http.Response, req *http.Request, reason error) error {
	kept := *resp
	if kept.Request == nil {
		kept.Request = req
	}
	if kept.Body == nil {
		kept.Body = http.NoBody
	}
	return a.NewError(Failure{&kept, reason})
}

// contextError returns the error of a call whose context has ended: that of the
// context, its cause if there is one, and how the last attempt failed.
func (a *attempts) contextError() error {
	err := a.expired.Err()
	if cause := context.Cause(a.expired); !errors.Is(cause, err) {
		err = fmt.Errorf("%w: %w", err, cause)
	}
	last := a.failure
	if last == nil && a.response != nil {
		last = a.newError(a.response, a.response.Request, nil)
	}
	if last != nil && !errors.Is(last, a.expired.Err()) {
		err = fmt.Errorf("%w; the last attempt failed: %w", err, last)
	}
	return err
}

// throttled returns the error of a request that would have to wait too long.
func (a *attempts) throttled(req *http.Request, closed *throttle.ClosedError) error {
	seconds := int64((closed.Delay + time.Second - 1) / time.Second)
	body := fmt.Sprintf(`{"error":{"message":"%v, not sent"}}`, closed)
	return finalError{a.newError(&http.Response{
		Status:     strconv.Itoa(http.StatusTooManyRequests) + " " + http.StatusText(http.StatusTooManyRequests),
		StatusCode: http.StatusTooManyRequests,
		Header:     http.Header{"Retry-After": {strconv.FormatInt(seconds, 10)}},
		Body:       newBody(body),
	}, req, nil)}
}
