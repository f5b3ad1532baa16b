package test

import (
	"errors"
	"math"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// A 429 without Retry-After waits for RetryDelay, at most MaxRetryDelay, and is tried again.
func TestThrottledWithoutRetryAfter(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		retry, longest time.Duration
		want           time.Duration // at most
	}{
		"the defaults":                                 {0, 0, 3 * time.Second},
		"a delay beyond the longest":                   {time.Hour, 2 * time.Second, 3 * time.Second},
		"no delay, which azcore takes for the longest": {-1, time.Minute, 62 * time.Second},
		"no longest delay":                             {time.Second, -1, 3 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o := options(script(t, respond(429), respond(200, minimal)))
				o.Retry.RetryDelay, o.Retry.MaxRetryDelay = test.retry, test.longest
				start := time.Now()
				_, err := newAssignmentsClient(t, o).Get(t.Context(), "rg", "id", nil)
				require.NoError(t, err)
				assert.LessOrEqual(t, time.Since(start), test.want)
			})
		})
	}
}

// One header must not lock a subscription for days: the gate closes for an hour
// at most. What the service said is in the error.
func TestLongRetryAfterClosesTheGateForAnHour(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{"7200": 2 * time.Hour, "99999999999999": math.MaxInt64} {
		t.Run(header, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := newAssignmentsClient(t, options(script(t, respond(429, "", "Retry-After", header), respond(200, minimal))))
				retryAfter := func() time.Duration {
					_, err := client.Get(t.Context(), "rg", "id", nil)
					require.ErrorIs(t, err, armsecops.ErrThrottled)
					e, ok := errors.AsType[*armsecops.CloudError](err)
					require.True(t, ok)
					return e.RetryAfter
				}
				assert.Equal(t, want, retryAfter())
				assert.Equal(t, time.Hour, retryAfter(), "not sent")
				time.Sleep(time.Hour + time.Second)
				_, err := client.Get(t.Context(), "rg", "id", nil)
				require.NoError(t, err)
			})
		})
	}
}

// No call waits at a gate for longer than MaxRetryDelay, in all of its attempts,
// whatever the others in the queue do. One 429 fails none of them.
func TestNoCallWaitsLongerThanMaxRetryDelay(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		throttled int // Gets, of 100
		succeed   bool
	}{
		"one 429":       {1, true},
		"a 429 for all": {math.MaxInt, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var left atomic.Int64
				left.Store(int64(test.throttled))
				o := options(transportFunc(func(req *http.Request) (*http.Response, error) {
					if req.Method == http.MethodGet && left.Add(-1) >= 0 {
						return respond(429, "", "Retry-After", "10")(req)
					}
					return respond(200, `{"name":"a"}`)(req)
				}))
				o.Retry.MaxRetryDelay = 50 * time.Second // not the default
				client := newAssignmentsClient(t, o)
				var calls sync.WaitGroup
				for i := range 101 {
					calls.Go(func() {
						time.Sleep(time.Duration(i)) // in this order
						start := time.Now()
						var err error
						if i < 100 {
							_, err = client.Get(t.Context(), "rg", "id", nil)
							// azcore's own waits, up to three, come on top
							assert.LessOrEqual(t, time.Since(start), 81*time.Second)
						} else {
							_, err = client.Delete(t.Context(), "rg", "id", nil)
							assert.LessOrEqual(t, time.Since(start), 50*time.Second)
						}
						if test.succeed {
							assert.NoError(t, err)
						} else if err != nil {
							assert.ErrorIs(t, err, armsecops.ErrThrottled)
						}
					})
				}
				calls.Wait()
			})
		})
	}
}

// A 429 closes one gate for every query of a factory's clients, until the quota
// resets, and no subscription's gate.
func TestQueriesShareAGate(t *testing.T) {
	t.Parallel()
	quota := []string{"", "x-ms-user-quota-resets-after", "00:00:20"}
	for name, test := range map[string]struct {
		header []string
		want   time.Duration
	}{
		"quota":                      {quota, 20 * time.Second},
		"Retry-After takes priority": {append(quota, "Retry-After", "5"), 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var queries atomic.Int32
				o := options(transportFunc(func(req *http.Request) (*http.Response, error) {
					if req.Method == http.MethodPost && queries.Add(1) == 1 {
						return respond(429, test.header...)(req)
					}
					return respond(200, minimal, "x-ms-user-quota-resets-after", "00:10:00", "x-ms-user-quota-remaining", "0")(req)
				}))
				o.Retry.MaxRetryDelay = time.Minute
				factory := newFactory(t, &azfake.TokenCredential{}, o)
				assignments, err := factory.NewSecurityAssignmentsClient(assignmentsSubscription)
				require.NoError(t, err)
				start := time.Now()
				var calls sync.WaitGroup
				calls.Go(func() {
					_, err := assignments.NewResourceGraphPager(nil).NextPage(t.Context())
					assert.NoError(t, err)
				})
				synctest.Wait() // the gate is closed
				calls.Go(func() {
					_, err := factory.NewStandardAssignmentsClient().NewResourceGraphPager(nil).NextPage(t.Context())
					assert.NoError(t, err)
					assert.GreaterOrEqual(t, time.Since(start), test.want)
				})
				calls.Go(func() {
					_, err := assignments.NewListBySubscriptionPager(nil).NextPage(t.Context())
					assert.NoError(t, err)
					assert.Zero(t, time.Since(start))
				})
				calls.Wait()
				assert.Less(t, time.Since(start), test.want+2*time.Second)
				assert.EqualValues(t, 3, queries.Load())
			})
		})
	}
}
