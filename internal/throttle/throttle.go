// Package throttle makes requests wait together where Azure Resource Manager has
// said 429. It counts requests by subscription and principal, so there is one
// gate for each subscription of a credential. Azure Resource Graph counts the
// queries of the principal: they have a gate of their own.
package throttle

import (
	"context"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// Gates are the gates of the clients that share a connection. They are safe for
// concurrent use.
type Gates struct {
	maxDelay     time.Duration // of one call, in all
	defaultDelay time.Duration // where a 429 doesn't say how long

	mu    sync.Mutex
	gates map[string]*gate // that are closed, or have a queue; by name in lower case
	swept time.Time        // when those that no request asks for again were last forgotten
}

// gate holds back the requests to one subscription. Those that wait leave in the
// order in which they came, one after the other, so that each gets its turn even
// where the service says 429 again and again.
type gate struct {
	opens  time.Time     // closed until then
	spread time.Duration // over which the requests leave that the gate held back
	held   int           // requests that wait, or are retried after a 429
	gap    time.Duration // between two of them, at most; 0 until the first one leaves
	next   time.Time     // when the next one may leave
	queue  []*waiter
}

// waiter is a request in the queue of a gate.
type waiter struct{ wake chan struct{} }

const (
	// maxClosed bounds how long one response closes a gate: a single header must
	// not lock a subscription for days.
	maxClosed = time.Hour

	// maxGates bounds how many gates are closed at a time. Beyond it, a 429 closes none.
	maxGates = 10_000

	// maxSpread bounds the time over which the requests that waited leave.
	maxSpread = time.Second
)

// NewGates returns open gates.
//   - retry: as azcore's retry policy reads them
func NewGates(retry policy.RetryOptions) *Gates {
	g := &Gates{maxDelay: retry.MaxRetryDelay, defaultDelay: retry.RetryDelay, gates: map[string]*gate{}}
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
	g.defaultDelay = min(g.defaultDelay, g.maxDelay)
	return g
}

// Observe closes the gate if the response is a 429, for as long as it asks but at
// most an hour.
func (g *Gates) Observe(name string, resp *http.Response) {
	if resp.StatusCode != http.StatusTooManyRequests {
		return
	}
	now := time.Now()
	closed := RetryAfter(resp, now)
	if closed <= 0 {
		closed = g.defaultDelay
	}
	closed = min(closed, maxClosed)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sweep(now)
	name = strings.ToLower(name)
	closing := g.gates[name]
	if closing == nil {
		if len(g.gates) >= maxGates {
			return
		}
		closing = &gate{}
		g.gates[name] = closing
	}
	if !closing.opens.After(now) {
		closing.held = 0
	}
	closing.held++
	if opens := now.Add(closed); opens.After(closing.opens) {
		closing.opens = opens
		closing.spread, closing.gap = min(closed/4, maxSpread), 0
		for _, w := range closing.queue {
			w.notify()
		}
	}
}

// notify makes the waiter look at its gate again.
func (w *waiter) notify() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// ClosedError is a gate that stays closed for longer than a request may wait.
type ClosedError struct {
	Delay time.Duration // until it opens
}

func (e *ClosedError) Error() string {
	return "throttled for another " + (e.Delay + time.Second - 1).Truncate(time.Second).String() // rounded up, as Retry-After is
}

// Wait returns when it is the request's turn, and how long it had to wait: it
// returns at once if the gate is open and nothing waits there. A request that has
// waited for as long as its call may is sent if the gate is open, although others
// are before it, and else refused; it is refused at once if the gate opens too
// late. The error is a [*ClosedError] or that of the context.
//   - before: how long the call has waited at gates, in earlier attempts
func (g *Gates) Wait(ctx context.Context, name string, before time.Duration) (waited time.Duration, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.gates) == 0 { // as nearly always
		return 0, nil
	}
	start := time.Now()
	g.sweep(start)
	name = strings.ToLower(name)
	closed := g.gates[name]
	if closed == nil {
		return 0, nil
	}
	w := &waiter{make(chan struct{}, 1)}
	closed.queue = append(closed.queue, w)
	defer func() { g.leave(name, closed, w) }()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for now := start; ; now = time.Now() {
		waited = now.Sub(start)
		left := max(g.maxDelay-before-waited, 0)
		if delay := closed.opens.Sub(now); delay > left {
			return waited, &ClosedError{delay}
		}
		delay := left
		if closed.queue[0] == w { // the others wait for the first
			delay = min(delay, closed.delay(now))
		}
		if delay <= 0 {
			closed.next = now
			if closed.held--; closed.held > 0 {
				closed.next = now.Add(rand.N(closed.gap + 1))
			}
			return waited, nil
		}
		timer.Reset(delay)
		g.mu.Unlock()
		select {
		case <-timer.C:
		case <-w.wake:
		case <-ctx.Done():
			err = ctx.Err()
		}
		g.mu.Lock()
		if err != nil {
			return time.Since(start), err
		}
	}
}

// Closed returns for how long a gate is closed; 0 if it is open.
func (g *Gates) Closed(name string) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if closed := g.gates[strings.ToLower(name)]; closed != nil {
		return max(time.Until(closed.opens), 0)
	}
	return 0
}

// delay returns how long the first of the queue has to wait. All that the gate
// held back, or that are retried after a 429, share the spread; at random,
// because other processes wait as well.
func (g *gate) delay(now time.Time) time.Duration {
	if delay := g.opens.Sub(now); delay > 0 {
		return delay
	}
	if g.gap == 0 && g.spread > 0 {
		g.held = max(g.held, len(g.queue))
		g.gap = max(1, g.spread/time.Duration(g.held))
		g.next = g.opens.Add(1 + rand.N(g.gap))
	}
	return g.next.Sub(now)
}

// sweep forgets, once a second at most, the gates that have opened and that no
// request has asked for since.
func (g *Gates) sweep(now time.Time) {
	if now.Sub(g.swept) < time.Second {
		return
	}
	g.swept = now
	maps.DeleteFunc(g.gates, func(_ string, old *gate) bool {
		return len(old.queue) == 0 && !old.opens.Add(old.spread).After(now) && !old.next.After(now)
	})
	if len(g.gates) == 0 {
		g.gates = map[string]*gate{} // a map keeps the memory of what it held
	}
}

// leave takes a waiter out of the queue, and forgets a gate that holds nothing back.
func (g *Gates) leave(name string, closed *gate, w *waiter) {
	i := slices.Index(closed.queue, w)
	closed.queue = slices.Delete(closed.queue, i, i+1)
	switch now := time.Now(); {
	case len(closed.queue) > 0:
		closed.queue[0].notify()
	case !closed.opens.After(now) && !closed.next.After(now):
		delete(g.gates, name)
	}
}
