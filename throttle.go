package armsecops

import (
	"context"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// throttle makes the goroutines that share a connection wait together where the
// service said 429. Azure Resource Manager counts requests by subscription and
// principal, so there is one gate for each subscription.
type throttle struct {
	maxDelay     time.Duration // a longer wait is not waited for
	defaultDelay time.Duration // where the service doesn't say how long

	mu     sync.Mutex
	closed map[string]time.Time // until when, by subscription in lower case
}

func newThrottle(retry policy.RetryOptions) *throttle {
	t := &throttle{closed: map[string]time.Time{}}
	// As azcore's retry policy reads these options.
	switch t.maxDelay = retry.MaxRetryDelay; {
	case t.maxDelay == 0:
		t.maxDelay = 60 * time.Second
	case t.maxDelay < 0:
		t.maxDelay = math.MaxInt64
	}
	switch t.defaultDelay = retry.RetryDelay; {
	case t.defaultDelay == 0:
		t.defaultDelay = 800 * time.Millisecond
	case t.defaultDelay < 0:
		t.defaultDelay = 0
	}
	return t
}

// observe closes the subscription's gate if the service said 429, and for a
// moment if it is about to.
func (t *throttle) observe(subscription string, resp *http.Response) {
	delay := t.pause(resp.Header)
	if resp.StatusCode == http.StatusTooManyRequests {
		delay = t.asked(resp)
	}
	if delay == 0 {
		return
	}
	subscription = strings.ToLower(subscription)
	t.mu.Lock()
	defer t.mu.Unlock()
	if until := time.Now().Add(delay); until.After(t.closed[subscription]) {
		t.closed[subscription] = until
	}
}

// The headers that say how many requests a subscription has left.
var remainingHeaders = []string{
	"X-Ms-Ratelimit-Remaining-Subscription-Reads",
	"X-Ms-Ratelimit-Remaining-Subscription-Resource-Requests",
	"X-Ms-Ratelimit-Remaining-Subscription-Writes",
}

const (
	fewRemaining = 10
	refill       = time.Second / 25 // for one request, as Azure Resource Manager documents it
)

// pause returns how long it takes until a subscription with few requests left has more.
func (t *throttle) pause(header http.Header) time.Duration {
	missing := 0
	for _, name := range remainingHeaders {
		if values := header[name]; len(values) > 0 {
			if n, err := strconv.Atoi(values[0]); err == nil && n >= 0 {
				missing = max(missing, fewRemaining-n)
			}
		}
	}
	return min(time.Duration(missing)*refill, t.maxDelay)
}

// wait returns when the gate of the exchange's subscription is open: at once,
// or a moment after it opened, so that those who wait don't all go at once.
func (t *throttle) wait(x *exchange) error {
	var waited time.Duration
	if x.response != nil && x.response.StatusCode == http.StatusTooManyRequests {
		waited = t.asked(x.response) // by the retry policy
	}
	for {
		delay := t.delay(x.client.subscriptionID)
		switch {
		case delay > t.maxDelay:
			return x.throttledError(delay)
		case delay > 0:
			waited = max(waited, delay)
		case waited > 0:
			delay, waited = rand.N(min(waited/4, maxJitter)+1), 0
		default:
			return nil
		}
		if err := sleep(x.ctx, delay); err != nil {
			return err
		}
	}
}

// maxJitter bounds the time over which the requests that waited for one gate are spread.
const maxJitter = time.Second

// asked returns how long an answer 429 asks to wait.
func (t *throttle) asked(resp *http.Response) time.Duration {
	if delay := retryAfter(resp.Header, time.Now()); delay > 0 {
		return delay
	}
	return t.defaultDelay
}

// delay returns how long the gate will be closed.
func (t *throttle) delay(subscription string) time.Duration {
	subscription = strings.ToLower(subscription)
	t.mu.Lock()
	defer t.mu.Unlock()
	until, ok := t.closed[subscription]
	if !ok {
		return 0
	}
	delay := time.Until(until)
	if delay <= 0 {
		delete(t.closed, subscription)
	}
	return delay
}

// throttledError is what a request gets that would have to wait too long. It was not sent.
func (x *exchange) throttledError(delay time.Duration) error {
	resp := &http.Response{
		StatusCode: http.StatusTooManyRequests,
		Status:     status(http.StatusTooManyRequests),
		Header:     http.Header{},
		Body:       http.NoBody,
	}
	return x.client.newError(ServiceError{
		Operation:  x.operation,
		StatusCode: resp.StatusCode,
		Message:    "the subscription is throttled for another " + delay.Round(time.Second).String(),
		RetryAfter: delay,
		response:   &azcore.ResponseError{StatusCode: resp.StatusCode, RawResponse: resp},
		cause:      errNotSent,
	})
}

// errNotSent keeps azcore's retry policy from trying what would wait as long.
var errNotSent error = notSentError{}

type notSentError struct{}

func (notSentError) Error() string { return "not sent" }
func (notSentError) NonRetriable() {}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
