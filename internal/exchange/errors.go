package exchange

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/armsecops/armsecops/internal/throttle"
)

// LastAttempt is what an error says before that of the last attempt.
const LastAttempt = "the last attempt failed: "

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
	return a.NewError(Failure{&kept, reason, a.sent})
}

// contextError returns the error of a call whose context has ended: that of the
// context, its cause if there is one, and how the last attempt failed.
func (a *attempts) contextError(req *http.Request) error {
	ended := a.expired.Err()
	err := ended
	switch {
	case a.noToken == nil || errors.Is(ended, context.Canceled):
	case errors.Is(a.noToken, ended):
		err = a.noToken
	default:
		err = fmt.Errorf("%w; %w", ended, a.noToken)
	}
	err = WithCause(err, a.expired)
	last := a.lastError()
	if last == nil && a.heldBack {
		err = heldBackError{
			fmt.Errorf("%w; it was throttled until then, and not sent", err), a.newError(tooManyRequests("throttled", a.closed), req, nil),
		}
	}
	if last != nil && !errors.Is(last, ended) {
		err = fmt.Errorf("%w; "+LastAttempt+"%w", err, unnamedError{last, a.Operation})
	}
	return err
}

// WithCause returns an error of a context that has ended, with the cause if that
// is another. An errgroup cancels with the error of another call: how that one failed
// must not be taken for how this one did, so only the cause itself is found.
func WithCause(err error, ctx context.Context) error {
	cause := context.Cause(ctx)
	if cause == ctx.Err() {
		return err
	}
	return causedError{err, cause}
}

type causedError struct{ error, cause error }

func (e causedError) Error() string { return e.error.Error() + ": " + e.cause.Error() }
func (e causedError) Unwrap() error { return e.error }
func (e causedError) Is(target error) bool {
	return reflect.TypeOf(target).Comparable() && target == e.cause
}

// lastError returns why the last attempt failed; nil if none has ended.
func (a *attempts) lastError() error {
	if a.failure == nil && a.response != nil {
		return a.newError(a.response, a.response.Request, nil)
	}
	return a.failure
}

// unnamedError prints an error without the operation, which the error around it has.
type unnamedError struct {
	error
	operation string
}

func (e unnamedError) Error() string { return strings.TrimPrefix(e.error.Error(), e.operation+": ") }
func (e unnamedError) Unwrap() error { return e.error }

// throttled returns the error of a request that would have to wait too long.
func (a *attempts) throttled(req *http.Request, closed *throttle.ClosedError) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.Waited != nil {
		a.Waited(0) // and not sent after all
	}
	if a.response != nil && a.response.StatusCode == http.StatusTooManyRequests {
		return finalError{a.newError(a.response, req, fmt.Errorf("%w, not sent again", closed))}
	}
	last := a.lastError()
	said := closed.Error() + ", not sent"
	if last != nil {
		said += " again"
	}
	err := a.newError(tooManyRequests(said, closed.Delay), req, nil)
	if last != nil {
		err = fmt.Errorf("%w; "+LastAttempt+"%w", unnamedError{err, a.Operation}, unnamedError{last, a.Operation})
	}
	return finalError{err}
}

// tooManyRequests returns the response in the place of one that a request, which is
// held back, would have got.
func tooManyRequests(said string, delay time.Duration) *http.Response {
	header := http.Header{}
	if delay > 0 {
		header.Set("Retry-After", strconv.FormatInt(int64((delay+time.Second-1)/time.Second), 10))
	}
	return &http.Response{
		Status:     strconv.Itoa(http.StatusTooManyRequests) + " " + http.StatusText(http.StatusTooManyRequests),
		StatusCode: http.StatusTooManyRequests,
		Header:     header,
		Body:       newBody(`{"error":{"message":"` + said + `"}}`),
	}
}

// heldBackError is the error of a context that ended while a request was held back,
// and that of a 429 as well.
type heldBackError struct {
	error
	throttled error
}

func (e heldBackError) Unwrap() []error { return []error{e.error, e.throttled} }

// ofAttempt returns the error of an attempt, which says so if its time was over.
func ofAttempt(err error) error {
	if errors.Is(err, context.DeadlineExceeded) && strings.HasSuffix(err.Error(), context.DeadlineExceeded.Error()) {
		return fmt.Errorf("%w: that of an attempt, as Retry.TryTimeout sets it, not of the call", err)
	}
	return err
}

// registrationError returns why azcore could not register the resource provider that a
// 409 asks for; nil if the 409 doesn't, or could not be read.
func registrationError(resp *http.Response, err error) error {
	switch {
	case strings.HasPrefix(err.Error(), "unmarshalling type "): // the 409, of which NewError reads what there is
		return nil
	case !refused(resp):
		return err
	}
	return RegistrationError{err}
}

// RegistrationError is why azcore could not register a resource provider.
type RegistrationError struct{ error }

func (e RegistrationError) Unwrap() error { return e.error }
