// Package throttle makes requests wait together where Azure Resource Manager has
// said 429. It counts requests by subscription and principal, so there is one
// gate for each subscription of a credential.
package throttle

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// Gates are the gates of the clients that share a connection. They are safe for
// concurrent use.
type Gates struct {
	maxDelay     time.Duration // a longer wait is refused
	defaultDelay time.Duration // where a 429 doesn't say how long

	mu     sync.Mutex
	closed map[string]time.Time // until when, by name in lower case
}

// NewGates returns open gates.
//   - retry: as azcore's retry policy reads them
func NewGates(retry policy.RetryOptions) *Gates {
	g := &Gates{maxDelay: retry.MaxRetryDelay, defaultDelay: retry.RetryDelay, closed: map[string]time.Time{}}
	switch {
	case g.maxDelay == 0:
		g.maxDelay = 60 * time.Second
	case g.maxDelay < 0:
		g.maxDelay = math.MaxInt64
	}
	switch {
	case g.defaultDelay == 0:
		g.defaultDelay = 800 * time.Millisecond
	case g.defaultDelay < 0:
		g.defaultDelay = 0
	}
	return g
}

// Observe closes the gate if the response is a 429, for as long as it asks.
func (g *Gates) Observe(name string, resp *http.Response) {
	if resp.StatusCode != http.StatusTooManyRequests {
		return
	}
	until := time.Now().Add(g.asked(resp))
	name = strings.ToLower(name)
	g.mu.Lock()
	defer g.mu.Unlock()
	if until.After(g.closed[name]) {
		g.closed[name] = until
	}
}

// ClosedError is a gate that stays closed for longer than a request may wait.
type ClosedError struct {
	Delay time.Duration // until it opens
}

func (e *ClosedError) Error() string {
	return "throttled for another " + e.Delay.Round(time.Second).String()
}

// Wait returns once the gate is open, and reports whether it had to wait: it
// returns at once if the gate is open, else a moment after it opened, so that
// the requests that waited don't all leave at once.
//   - last: of the attempt before this one, for which the retry policy has waited; nil: none
//
// The error is a [*ClosedError] or that of the context.
func (g *Gates) Wait(ctx context.Context, name string, last *http.Response) (waited bool, err error) {
	name = strings.ToLower(name)
	var longest time.Duration
	if last != nil && last.StatusCode == http.StatusTooManyRequests {
		longest = g.asked(last)
	}
	for {
		delay := g.delay(name)
		switch {
		case delay > g.maxDelay:
			return waited, &ClosedError{delay}
		case delay > 0:
			longest = max(longest, delay)
		case longest > 0:
			delay, longest = rand.N(min(longest/4, maxJitter)+1), 0
		default:
			return waited, nil
		}
		waited = true
		if err := sleep(ctx, delay); err != nil {
			return waited, err
		}
	}
}

// maxJitter bounds the time over which the requests that waited at one gate are spread.
const maxJitter = time.Second

// asked returns how long a 429 asks to wait.
func (g *Gates) asked(resp *http.Response) time.Duration {
	if delay := RetryAfter(resp.Header, time.Now()); delay > 0 {
		return delay
	}
	return g.defaultDelay
}

// delay returns how long the gate stays closed.
func (g *Gates) delay(name string) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	until, ok := g.closed[name]
	if !ok {
		return 0
	}
	delay := time.Until(until)
	if delay <= 0 {
		delete(g.closed, name)
	}
	return delay
}

// RetryAfter returns how long the headers ask to wait: in milliseconds, in
// seconds, or until a date. It is 0 if they don't, or can't be read.
func RetryAfter(header http.Header, now time.Time) time.Duration {
	const longest = 1000 * time.Hour
	for _, h := range []struct {
		name string
		unit time.Duration
	}{{"retry-after-ms", time.Millisecond}, {"x-ms-retry-after-ms", time.Millisecond}, {"retry-after", time.Second}} {
		value := strings.TrimSpace(header.Get(h.name))
		if n, err := strconv.ParseUint(value, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
			if n > uint64(longest/h.unit) {
				return longest
			}
			if n > 0 {
				return time.Duration(n) * h.unit
			}
		} else if date, err := http.ParseTime(value); err == nil && h.unit == time.Second {
			return min(max(date.Sub(now), 0), longest)
		}
	}
	return 0
}

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
