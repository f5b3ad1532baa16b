package throttle

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/testkit"
)

const subscription = "20ff7fc3-e762-44dd-bd96-b71116dcdc23"

// throttled returns a 429 with pairs of header names and values.
func throttled(header ...string) *http.Response {
	resp := &http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{}}
	for i := 0; i < len(header); i += 2 {
		resp.Header.Set(header[i], header[i+1])
	}
	return resp
}

// retryAfter returns a 429 that asks to wait.
func retryAfter(d time.Duration) *http.Response {
	return throttled("Retry-After", strconv.Itoa(int(d/time.Second)))
}

// closedFor returns gates of which a 429, or several at once, closed one.
func closedFor(d time.Duration, times int) *Gates {
	gates := NewGates(policy.RetryOptions{})
	for range times {
		gates.Observe(subscription, retryAfter(d))
	}
	return gates
}

// pass waits at the gate until it opens, and returns for how long.
func pass(t *testing.T, gates *Gates) (waited time.Duration) {
	t.Helper()
	start := time.Now()
	waited, err := gates.Wait(t.Context(), subscription, 0)
	assert.NoError(t, err)
	assert.Equal(t, time.Since(start), waited)
	return waited
}

func TestGateIsClosedAsLongAsA429Asks(t *testing.T) {
	t.Parallel()
	delay, longest := policy.RetryOptions{RetryDelay: 3 * time.Second}, policy.RetryOptions{MaxRetryDelay: 90 * time.Second}
	require.EqualError(t, &ClosedError{1100 * time.Millisecond}, "throttled for another 2s")
	type test struct {
		retry    policy.RetryOptions
		response *http.Response
		want     time.Duration // the wait, to which up to a quarter, and at most a second, is added
		refused  bool
	}
	testkit.EachInBubble(t, map[string]test{
		"Retry-After":                {response: retryAfter(17 * time.Second), want: 17 * time.Second},
		"none: azcore's delay":       {response: throttled(), want: 800 * time.Millisecond},
		"0: azcore's delay":          {response: throttled("Retry-After", "0"), want: 800 * time.Millisecond},
		"none: the caller's delay":   {delay, throttled(), 3 * time.Second, false},
		"none, negative delay":       {policy.RetryOptions{RetryDelay: -1}, throttled(), 0, false},
		"none, delay too long":       {policy.RetryOptions{RetryDelay: time.Hour, MaxRetryDelay: 2 * time.Second}, throttled(), 2 * time.Second, false},
		"none, negative longest":     {policy.RetryOptions{RetryDelay: time.Second, MaxRetryDelay: -1}, throttled(), time.Second, false},
		"beyond an hour":             {policy.RetryOptions{}, retryAfter(2 * time.Hour), time.Hour, true},
		"beyond any wait":            {policy.RetryOptions{}, throttled("Retry-After", "99999999999999"), time.Hour, true},
		"azcore's longest":           {response: retryAfter(60 * time.Second), want: 60 * time.Second},
		"beyond azcore's longest":    {response: retryAfter(61 * time.Second), want: 61 * time.Second, refused: true},
		"the caller's longest":       {longest, retryAfter(90 * time.Second), 90 * time.Second, false},
		"beyond the caller's":        {longest, retryAfter(91 * time.Second), 91 * time.Second, true},
		"negative longest: no bound": {policy.RetryOptions{MaxRetryDelay: -1}, retryAfter(time.Hour), time.Hour, false},
	}, func(t *testing.T, test test) {
		gates := NewGates(test.retry)
		gates.Observe(subscription, test.response)
		if test.refused {
			waited, err := gates.Wait(t.Context(), subscription, 0)
			assert.Zero(t, waited)
			assert.Equal(t, &ClosedError{test.want}, err)
			return
		}
		waited := pass(t, gates)
		assert.GreaterOrEqual(t, waited, test.want)
		assert.LessOrEqual(t, waited, test.want+min(test.want/4, time.Second))
		assert.Empty(t, gates.gates, "a gate that is open is forgotten")
		assert.Zero(t, pass(t, gates), "the gate is open again")
	})
}

func TestOnlyA429ClosesTheGate(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 408, 428, 430, 500, 503} {
		gates := NewGates(policy.RetryOptions{})
		header := http.Header{"Retry-After": {"50"}, "X-Ms-Ratelimit-Remaining-Subscription-Reads": {"0"}}
		gates.Observe(subscription, &http.Response{StatusCode: status, Header: header})
		waited := testkit.Must(gates.Wait(t.Context(), subscription, 0))
		assert.Zero(t, waited, status)
	}
}

func TestEachNameHasItsGateIgnoringCase(t *testing.T) {
	t.Parallel()
	gates := NewGates(policy.RetryOptions{})
	gates.Observe("ABC", retryAfter(time.Hour))
	for name, closed := range map[string]bool{"ABC": true, "abc": true, "aBc": true, "abd": false, "": false} {
		_, err := gates.Wait(t.Context(), name, 0)
		assert.Equal(t, closed, err != nil, name)
	}
}

// The longest wait counts, and a wait is refused whenever what is left of it is too long, not only at its start.
func TestGateThatIsClosedAgain(t *testing.T) {
	t.Parallel()
	type test struct {
		first, after, second time.Duration // for how long it is closed, and when again
		want                 time.Duration
		refused              error
	}
	testkit.EachInBubble(t, map[string]test{
		"the longer one last":  {5 * time.Second, 0, 30 * time.Second, 30 * time.Second, nil},
		"the longer one first": {30 * time.Second, 0, 5 * time.Second, 30 * time.Second, nil},
		"meanwhile":            {10 * time.Second, 5 * time.Second, 20 * time.Second, 25 * time.Second, nil},
		"meanwhile, too long":  {10 * time.Second, 5 * time.Second, 10 * time.Minute, 5 * time.Second, &ClosedError{10 * time.Minute}},
	}, func(t *testing.T, test test) {
		gates := closedFor(test.first, 1)
		if test.after == 0 {
			gates.Observe(subscription, retryAfter(test.second))
		} else {
			time.AfterFunc(test.after, func() { gates.Observe(subscription, retryAfter(test.second)) })
		}
		waited, err := gates.Wait(t.Context(), subscription, 0)
		assert.GreaterOrEqual(t, waited, test.want)
		assert.LessOrEqual(t, waited, test.want+time.Second)
		if test.refused == nil {
			require.NoError(t, err)
			return
		}
		assert.Equal(t, test.refused, err)
		assert.Equal(t, test.want, waited)
	})
}

// Requests that the gate held back don't leave together.
func TestRequestsAreSpread(t *testing.T) {
	t.Parallel()
	type test struct {
		gaveUp   int           // requests, after an earlier 429
		times    int           // that a 429 closed the gate
		delay    time.Duration // after which they wait
		oneByOne bool
	}
	testkit.EachInBubble(t, map[string]test{
		"that waited together":               {0, 1, 0, false},
		"that azcore's retry policy delayed": {0, 20, 10 * time.Second, false}, // they got the 429, and come back when the gate opens
		"that come back one by one":          {0, 20, 0, true},                 // none waits while another does
		"without those that gave up":         {1000, 1, 0, false},              // who get no part of the spread
	}, func(t *testing.T, test test) {
		gates := closedFor(10*time.Second, test.gaveUp)
		time.Sleep(time.Minute)
		for range test.times {
			gates.Observe(subscription, retryAfter(10*time.Second))
		}
		start, left := time.Now(), make([]time.Duration, 20)
		var group sync.WaitGroup
		for i := range left {
			group.Go(func() {
				time.Sleep(test.delay)
				pass(t, gates)
				left[i] = time.Since(start)
			})
			if test.oneByOne {
				group.Wait()
			}
		}
		group.Wait()
		slices.Sort(left)
		assert.GreaterOrEqual(t, left[0], 10*time.Second)
		assert.Greater(t, left[19], 10*time.Second+maxSpread/10)
		assert.LessOrEqual(t, left[19], 11*time.Second)
		assert.Greater(t, len(slices.Compact(left)), 15)
		assert.Zero(t, pass(t, gates), "a newcomer doesn't wait")
	})
}

// Requests leave in the order in which they came, also if the gate closes again meanwhile.
func TestRequestsLeaveInTheirOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gates := closedFor(10*time.Second, 1)
		var order []int
		var mu sync.Mutex
		var group sync.WaitGroup
		for i := range 30 {
			group.Go(func() {
				pass(t, gates)
				mu.Lock()
				order = append(order, i)
				again := len(order)%7 == 0
				mu.Unlock()
				if again {
					gates.Observe(subscription, retryAfter(10*time.Second))
				}
			})
			synctest.Wait() // it is in the queue
		}
		group.Wait()
		assert.True(t, slices.IsSorted(order), order)
	})
}

// One that gives up leaves the queue, wherever it stands.
func TestQueueContinuesWithoutThoseThatGiveUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gates, start := closedFor(10*time.Second, 1), time.Now()
		var group sync.WaitGroup
		for i := range 9 {
			ctx, cancel := context.WithCancel(t.Context())
			group.Go(func() {
				defer cancel()
				waited, err := gates.Wait(ctx, subscription, 0)
				assert.Equal(t, time.Since(start), waited)
				if i%3 == 0 {
					assert.ErrorIs(t, err, context.Canceled)
					assert.Equal(t, time.Second, waited)
				} else {
					assert.NoError(t, err)
				}
			})
			synctest.Wait()
			if i%3 == 0 {
				time.AfterFunc(time.Second, cancel)
			}
		}
		group.Wait()
		assert.LessOrEqual(t, time.Since(start), 11*time.Second)
		assert.Empty(t, gates.gates)
	})
}

// No call waits longer than its bound, in all of its attempts, however long the
// queue is and however often the gate closes again. All are sent that can be.
func TestWaitsOfOneCallAreBounded(t *testing.T) {
	t.Parallel()
	type test struct {
		requests int
		bound    time.Duration
		closes   time.Duration // for how long a 429 closes the gate
		again    int           // how many of the requests that leave get a 429, too
		refused  bool          // at least one
	}
	testkit.EachInBubble(t, map[string]test{
		"one 429 of ten seconds":           {100, time.Minute, 10 * time.Second, 0, false},
		"a 429 as long as the bound":       {100, 10 * time.Second, 10 * time.Second, 0, false},
		"a 429 for each":                   {100, time.Minute, 50 * time.Second, 100, true},
		"a 429 for each, short ones":       {100, time.Minute, time.Second, 100, true},
		"a 429 now and then, within bound": {100, time.Minute, time.Second, 20, false},
		"without a bound":                  {100, -1, 50 * time.Second, 100, false},
	}, func(t *testing.T, test test) {
		gates := NewGates(policy.RetryOptions{MaxRetryDelay: test.bound})
		gates.Observe(subscription, retryAfter(test.closes))
		var mu sync.Mutex
		left, refused := 0, 0
		var group sync.WaitGroup
		for range test.requests {
			group.Go(func() {
				waited := time.Duration(0)
				for attempt, throttled := 0, true; throttled && attempt < 4; attempt++ {
					start := time.Now()
					w, err := gates.Wait(t.Context(), subscription, waited)
					assert.Equal(t, time.Since(start), w)
					waited += w
					mu.Lock()
					throttled = err == nil && left < test.again
					left++
					if err != nil {
						assert.ErrorAs(t, err, new(*ClosedError))
						refused++
					}
					mu.Unlock()
					if throttled {
						gates.Observe(subscription, retryAfter(test.closes))
					}
				}
				if test.bound > 0 {
					assert.LessOrEqual(t, waited, test.bound)
				}
			})
			synctest.Wait()
		}
		group.Wait()
		assert.Equal(t, test.refused, refused > 0, "%d", refused)
	})
}

// Scopes that no request asks for again are forgotten when their gates have opened, and there are never more than so many.
func TestGatesOfAbandonedScopesAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gates := NewGates(policy.RetryOptions{})
		for i := range 2 * maxGates {
			gates.Observe(strconv.Itoa(i), retryAfter(10*time.Second))
		}
		assert.Len(t, gates.gates, maxGates)
		time.Sleep(12 * time.Second)
		gates.Observe(subscription, retryAfter(10*time.Second))
		assert.Len(t, gates.gates, 1)
		time.Sleep(12 * time.Second)
		testkit.Must(gates.Wait(t.Context(), "another", 0))
		assert.Empty(t, gates.gates)
	})
}

// A request that is refused at once hasn't waited, however long that took.
func TestRefusalIsNoWait(t *testing.T) {
	t.Parallel()
	gates := NewGates(policy.RetryOptions{MaxRetryDelay: time.Second})
	gates.Observe("gate", retryAfter(time.Hour))
	waited, _ := gates.Wait(t.Context(), "gate", 0)
	assert.Zero(t, waited)
}
