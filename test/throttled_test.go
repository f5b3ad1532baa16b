package test

import (
	"context"
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

// No call waits at a gate for longer than MaxRetryDelay, in all of its attempts;
// package throttle has more.
func TestNoCallWaitsLongerThanMaxRetryDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := options(respond(429, "", "Retry-After", "10"))
		o.Retry.MaxRetryDelay = 25 * time.Second // not the default
		client := newAssignmentsClient(t, o)
		var calls sync.WaitGroup
		for range 100 {
			calls.Go(func() {
				start := time.Now()
				assert.ErrorIs(t, errorOf(client.Get(t.Context(), "rg", "id", nil)), armsecops.ErrThrottled)
				assert.LessOrEqual(t, time.Since(start), 25*time.Second+3*10*time.Second+time.Second, "with azcore's own waits, up to three")
			})
		}
		calls.Wait()
	})
}

// A retry that would have to wait too long is the error of the 429 before it.
func TestErrorOfAHeldBackRetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := options(respond(429, `{"error":{"code":"RateLimiting","message":"Busy."}}`, "x-ms-request-id", requestID,
			"x-ms-user-quota-remaining", "0", "x-ms-user-quota-resets-after", "00:02:00"))
		var s spans
		o.TracingProvider = s.provider()
		o.Retry.RetryDelay = 2 * time.Second
		_, err := newAssignmentsClient(t, o).NewResourceGraphPager(nil).NextPage(t.Context())
		require.ErrorIs(t, err, armsecops.ErrThrottled)
		assert.Regexp(t, `NewResourceGraphPager: 429 Too Many Requests: RateLimiting: Busy; throttled for another \d+m\d+s, not sent again `+
			`\(retry after .*, request `+requestID+`\)$`, err.Error())

		o.Transport, o.Retry.MaxRetryDelay = respond(429, "", "Retry-After", "20"), time.Minute
		client := newAssignmentsClient(t, o)
		for _, wait := range []string{"azcore's", "at the gate"} {
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
			err := getAssignment("id")(ctx, client)
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded, wait)
			assert.ErrorIs(t, err, armsecops.ErrThrottled, wait)
			assert.Equal(t, []float64{4}, s.last(t, "SecurityAssignmentsClient.Get").waits, wait)
		}
		o.Retry.MaxRetries, o.Retry.MaxRetryDelay = -1, time.Second
		client = newAssignmentsClient(t, o)
		for range 2 {
			require.ErrorIs(t, getAssignment("id")(t.Context(), client), armsecops.ErrThrottled)
		}
		refused := s.last(t, "SecurityAssignmentsClient.Get")
		assert.Equal(t, []any{true, 0}, []any{refused.attributes["throttled"], len(refused.waits)}, "refused at once")
	})
}

// A 429 closes one gate for every query of a factory's clients, until the quota
// resets, and no subscription's gate.
func TestQueriesShareAGate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var queries atomic.Int32
		o := options(transportFunc(func(req *http.Request) (*http.Response, error) {
			if req.Method == http.MethodPost && queries.Add(1) == 1 {
				return respond(429, "", "x-ms-user-quota-resets-after", "00:00:20")(req)
			}
			return respond(200, minimal, "x-ms-user-quota-resets-after", "00:10:00", "x-ms-user-quota-remaining", "0")(req)
		}))
		o.Retry.MaxRetryDelay = time.Minute
		var s spans
		o.TracingProvider = s.provider()
		factory := newFactory(t, &azfake.TokenCredential{}, o)
		assignments, err := factory.NewSecurityAssignmentsClient(assignmentsSubscription)
		require.NoError(t, err)
		start := time.Now()
		var calls sync.WaitGroup
		calls.Go(func() { assert.NoError(t, errorOf(assignments.NewResourceGraphPager(nil).NextPage(t.Context()))) })
		synctest.Wait() // the gate is closed
		calls.Go(func() {
			assert.NoError(t, errorOf(factory.NewStandardAssignmentsClient().NewResourceGraphPager(nil).NextPage(t.Context())))
			assert.GreaterOrEqual(t, time.Since(start), 20*time.Second)
		})
		calls.Go(func() {
			assert.NoError(t, errorOf(assignments.NewListBySubscriptionPager(nil).NextPage(t.Context())))
			assert.Zero(t, time.Since(start))
		})
		calls.Wait()
		assert.Less(t, time.Since(start), 22*time.Second)
		assert.EqualValues(t, 3, queries.Load())
		for _, client := range []string{"SecurityAssignmentsClient", "StandardAssignmentsClient"} { // one got the 429, the other was held back
			span := s.last(t, client+".NewResourceGraphPager")
			require.Len(t, span.waits, 1)
			assert.InDelta(t, 21, span.waits[0], 1)
			assert.Equal(t, true, span.attributes["throttled"])
		}
	})
}
