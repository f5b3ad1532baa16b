package armsecops_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// tenant is a service with many subscriptions. Their items are named by number.
type tenant struct {
	pages    int                                                         // of every subscription; 0: 1
	pageSize func(subscription string, page int) int                     // nil: 1
	delay    time.Duration                                               // of a page
	answer   func(subscription string, page, request int) *http.Response // nil, or returns nil: the page

	mu       sync.Mutex
	requests map[string]int
	running  int
	most     int // requests that ran at a time
	fetched  int // pages
}

func (s *tenant) Do(req *http.Request) (*http.Response, error) {
	subscription := strings.Split(req.URL.Path, "/")[2]
	page, first := 0, 0
	if token := req.URL.Query().Get("$skipToken"); token != "" {
		if _, err := fmt.Sscanf(token, "%d-%d", &page, &first); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.requests == nil {
		s.requests = map[string]int{}
	}
	s.requests[subscription]++
	request := s.requests[subscription]
	s.running++
	s.most = max(s.most, s.running)
	defer func() { s.running-- }()
	if s.delay > 0 {
		s.mu.Unlock()
		select {
		case <-time.After(s.delay):
		case <-req.Context().Done():
		}
		s.mu.Lock()
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	if s.answer != nil {
		if resp := s.answer(subscription, page, request); resp != nil {
			resp.Request = req
			return resp, nil
		}
	}
	size := 1
	if s.pageSize != nil {
		size = s.pageSize(subscription, page)
	}
	list := armsecops.AssignmentList{}
	for n := range size {
		list.Value = append(list.Value, armsecops.Assignment{Name: fmt.Sprint(first + n)})
	}
	if page+1 < s.pages {
		list.NextLink = fmt.Sprintf("https://%s%s?$skipToken=%d-%d", req.URL.Host, req.URL.Path, page+1, first+size)
	}
	s.fetched++
	body, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(string(body))), Request: req}, nil
}

// failWith returns an answer without a request.
func failWith(status int, header ...string) *http.Response {
	resp, _ := respond(status, append([]string{`{"error":{"code":"Refused","message":"No."}}`}, header...)...)(nil)
	return resp
}

// client returns a client of the tenant that tries everything once, but waits where it is throttled.
func (s *tenant) client(t testing.TB) *armsecops.SecurityAssignmentsClient {
	o := options(s)
	o.Retry.MaxRetryDelay = time.Minute
	o.Retry.StatusCodes = []int{http.StatusTooManyRequests}
	return newAssignmentsClient(t, o)
}

func subscriptionID(n int) string { return fmt.Sprintf("aaaaaaaa-0000-0000-0000-%012d", n) }

func subscriptionIDs(n int) []string {
	var ids []string
	for i := range n {
		ids = append(ids, subscriptionID(i))
	}
	return ids
}

type sweepOptions = armsecops.SecurityAssignmentsClientListAcrossSubscriptionsOptions

func TestSweepKeepsAllPlacesBusy(t *testing.T) {
	t.Parallel()
	for _, pages := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			s := &tenant{delay: 50 * time.Millisecond, pages: pages}
			start, items := time.Now(), 0
			for _, err := range s.client(t).ListAcrossSubscriptions(t.Context(), subscriptionIDs(200), &sweepOptions{Concurrency: 20}) {
				require.NoError(t, err)
				items++
			}
			ideal := time.Duration(pages) * 200 / 20 * s.delay
			assert.LessOrEqual(t, time.Since(start), ideal*5/4)
			assert.Equal(t, 200*pages, items)
			assert.Equal(t, 20, s.most)
		})
	}
}

func TestSweepDefaultConcurrency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &tenant{delay: time.Second}
		for _, err := range s.client(t).ListAcrossSubscriptions(t.Context(), subscriptionIDs(20), nil) {
			require.NoError(t, err)
		}
		assert.Equal(t, 8, s.most)
	})
}

// A subscription that is throttled keeps its place, and slows nobody in another one.
func TestSweepThrottledSubscription(t *testing.T) {
	t.Parallel()
	const subscriptions, pages = 20, 3
	tests := map[string]struct {
		concurrency int
		others      time.Duration // when the last one of them is finished
	}{
		"a place for each":  {subscriptions, pages * 50 * time.Millisecond},
		"two places":        {2, (subscriptions - 1) * pages * 50 * time.Millisecond},
		"more than a place": {1000, pages * 50 * time.Millisecond},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				throttled := subscriptionID(0)
				s := &tenant{pages: pages, delay: 50 * time.Millisecond, answer: func(id string, _, request int) *http.Response {
					if id == throttled && request == 1 {
						return failWith(http.StatusTooManyRequests, "Retry-After", "10")
					}
					return nil
				}}
				start := time.Now()
				finished := map[string]time.Duration{}
				o := &sweepOptions{Concurrency: test.concurrency, Progress: func(id, token string) {
					if token == "" {
						finished[id] = time.Since(start)
					}
				}}
				for _, err := range s.client(t).ListAcrossSubscriptions(t.Context(), subscriptionIDs(subscriptions), o) {
					require.NoError(t, err)
				}
				require.Len(t, finished, subscriptions)
				assert.InDelta(t, 10.5, finished[throttled].Seconds(), 1)
				delete(finished, throttled)
				for id, after := range finished {
					assert.LessOrEqual(t, after, test.others, id)
				}
			})
		})
	}
}

// However a sweep ends, its requests and goroutines have ended when its loop
// has: the test's bubble would not end with one that is blocked.
func TestSweepLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t *testing.T, cancel func(), item armsecops.SubscriptionAssignment, err error) (goOn bool){
		"break at once":  func(*testing.T, func(), armsecops.SubscriptionAssignment, error) bool { return false },
		"break at error": func(_ *testing.T, _ func(), _ armsecops.SubscriptionAssignment, err error) bool { return err == nil },
		"cancel": func(_ *testing.T, cancel func(), _ armsecops.SubscriptionAssignment, _ error) bool {
			cancel()
			return true
		},
		"to the end": func(*testing.T, func(), armsecops.SubscriptionAssignment, error) bool { return true },
	}
	for name, step := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				s := &tenant{pages: 3, delay: time.Second, answer: func(id string, page, _ int) *http.Response {
					if page == 1 && id == subscriptionID(3) {
						return failWith(http.StatusForbidden)
					}
					return nil
				}}
				var last time.Time
				for item, err := range s.client(t).ListAcrossSubscriptions(ctx, subscriptionIDs(30), nil) {
					last = time.Now()
					if !step(t, cancel, item, err) {
						break
					}
				}
				assert.Equal(t, last, time.Now())
				s.mu.Lock()
				assert.Zero(t, s.running)
				s.mu.Unlock()
			})
		})
	}
	t.Run("panic", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := &tenant{delay: time.Second}
			assert.PanicsWithValue(t, "mine", func() {
				for range s.client(t).ListAcrossSubscriptions(t.Context(), subscriptionIDs(30), nil) {
					panic("mine")
				}
			})
		})
	})
}

func TestSweepCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		s := &tenant{pages: 2, delay: time.Second}
		failed, items := map[string]string{}, 0
		for item, err := range s.client(t).ListAcrossSubscriptions(ctx, subscriptionIDs(5), &sweepOptions{Concurrency: 2}) {
			if err == nil {
				items++
				continue
			}
			require.ErrorIs(t, err, context.DeadlineExceeded)
			e, ok := errors.AsType[*armsecops.PageError](err)
			require.True(t, ok)
			assert.Empty(t, failed[item.SubscriptionID], "one error for each")
			failed[item.SubscriptionID] = e.ContinuationToken
		}
		assert.Equal(t, 2, items)
		assert.Len(t, failed, 5)
		assert.Len(t, s.requests, 2, "nothing is asked for after the end")
	})
}

func TestSweepAsksOnce(t *testing.T) {
	t.Parallel()
	s := &tenant{}
	a, b := subscriptionID(1), subscriptionID(2)
	var got []string
	for item, err := range s.client(t).ListAcrossSubscriptions(t.Context(), []string{a, strings.ToUpper(b), a, b, strings.ToUpper(a)}, nil) {
		require.NoError(t, err)
		got = append(got, item.SubscriptionID)
	}
	assert.ElementsMatch(t, []string{a, strings.ToUpper(b)}, got, "in the casing they had first")
	assert.Equal(t, map[string]int{a: 1, strings.ToUpper(b): 1}, s.requests)

	for range s.client(t).ListAcrossSubscriptions(t.Context(), nil, nil) {
		t.Error("an item of no subscription")
	}
}

func TestSweepOrder(t *testing.T) {
	t.Parallel()
	s := &tenant{pages: 5, pageSize: func(_ string, page int) int { return page }} // the first one is empty
	got := map[string][]string{}
	for item, err := range s.client(t).ListAcrossSubscriptions(t.Context(), subscriptionIDs(20), nil) {
		require.NoError(t, err)
		got[item.SubscriptionID] = append(got[item.SubscriptionID], item.Name)
	}
	assert.Len(t, got, 20)
	for id, names := range got {
		assert.Equal(t, numbers(10), names, id)
	}
}

// With a slow caller, every place has one page and no more.
func TestSweepMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &tenant{pages: 4, pageSize: func(string, int) int { return 2 }}
		consumed := 0
		o := &sweepOptions{Concurrency: 3, Progress: func(string, string) { consumed++ }}
		most := 0
		for _, err := range s.client(t).ListAcrossSubscriptions(t.Context(), subscriptionIDs(10), o) {
			require.NoError(t, err)
			time.Sleep(time.Second)
			synctest.Wait()
			s.mu.Lock()
			most = max(most, s.fetched-consumed)
			s.mu.Unlock()
		}
		assert.Equal(t, 3, most)
		assert.Equal(t, 40, consumed)
	})
}

func TestSweepErrors(t *testing.T) {
	t.Parallel()
	forbidden := subscriptionID(1)
	s := &tenant{pages: 2, answer: func(id string, page, _ int) *http.Response {
		if id == forbidden && page == 1 {
			return failWith(http.StatusForbidden)
		}
		return nil
	}}
	ids := append(subscriptionIDs(5), "production")
	items, failed := map[string]int{}, map[string]error{}
	for item, err := range s.client(t).ListAcrossSubscriptions(t.Context(), ids, nil) {
		if err == nil {
			items[item.SubscriptionID]++
			continue
		}
		assert.Equal(t, armsecops.SubscriptionAssignment{SubscriptionID: item.SubscriptionID}, item)
		assert.NotContains(t, failed, item.SubscriptionID, "one error for each")
		e, ok := err.(*armsecops.SubscriptionError)
		require.True(t, ok)
		assert.Equal(t, item.SubscriptionID, e.SubscriptionID)
		failed[item.SubscriptionID] = err
	}
	assert.Equal(t, map[string]int{ids[0]: 2, forbidden: 1, ids[2]: 2, ids[3]: 2, ids[4]: 2}, items)
	require.Len(t, failed, 2)

	require.ErrorIs(t, failed[forbidden], armsecops.ErrForbidden)
	assert.ErrorAs(t, failed[forbidden], new(*armsecops.CloudError))
	assert.EqualError(t, failed[forbidden], "subscription "+forbidden+": SecurityAssignmentsClient.NewListBySubscriptionPager: 403 Forbidden: Refused: No.")
	assertParameterError(t, failed["production"], "subscriptionID")

	// The token of the error goes on with the page that failed.
	s.answer = nil
	page, ok := errors.AsType[*armsecops.PageError](failed[forbidden])
	require.True(t, ok)
	o := &sweepOptions{ContinuationTokens: map[string]string{strings.ToUpper(forbidden): page.ContinuationToken}}
	for item, err := range s.client(t).ListAcrossSubscriptions(t.Context(), []string{forbidden}, o) {
		require.NoError(t, err)
		assert.Equal(t, "1", item.Name)
	}
}

func TestSweepParameters(t *testing.T) {
	t.Parallel()
	n := 0
	for item, err := range (&tenant{}).client(t).ListAcrossSubscriptions(t.Context(), subscriptionIDs(3), &sweepOptions{Concurrency: -1}) {
		n++
		assert.Zero(t, item)
		assertParameterError(t, err, "Concurrency")
	}
	assert.Equal(t, 1, n)

	o := &sweepOptions{ContinuationTokens: map[string]string{subscriptionID(1): "no token"}}
	failed := 0
	for item, err := range (&tenant{}).client(t).ListAcrossSubscriptions(t.Context(), subscriptionIDs(3), o) {
		if err != nil {
			failed++
			assert.Equal(t, subscriptionID(1), item.SubscriptionID)
			assertParameterError(t, err, "ContinuationToken")
		}
	}
	assert.Equal(t, 1, failed)
}

// A sweep that is ended anywhere, and continued with the tokens that it told,
// yields every item; exactly once if it wasn't broken off in the middle of a page.
func TestSweepIsContinued(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		sizes := map[string][]int{}
		want := map[string][]string{}
		ids := subscriptionIDs(1 + random.IntN(12))
		const pages = 4
		for _, id := range ids {
			items := 0
			for range pages {
				size := random.IntN(4)
				sizes[id] = append(sizes[id], size)
				items += size
			}
			if items > 0 {
				want[id] = numbers(items)
			}
		}
		failing := random.Float64() / 3
		s := &tenant{pages: pages, pageSize: func(id string, page int) int { return sizes[id][page] }}
		s.answer = func(string, int, int) *http.Response { // holds the tenant's lock
			if random.Float64() < failing {
				return failWith(http.StatusBadGateway)
			}
			return nil
		}
		client := s.client(t)
		exactly := random.IntN(2) == 0
		got := map[string][]string{}
		tokens := map[string]string{}
		finished := 0
		for tries := 0; finished < len(ids); tries++ {
			require.Less(t, tries, 1000, "seed %d", seed)
			s.mu.Lock()
			breakAt, cancelAt, breakAtPageEnd := random.IntN(30), random.IntN(30), random.IntN(10)
			concurrency := random.IntN(5)
			s.mu.Unlock()
			ctx, cancel := context.WithCancel(t.Context())
			atPageEnd := false
			o := &sweepOptions{Concurrency: concurrency, ContinuationTokens: tokens, Progress: func(id, token string) {
				tokens[id] = token // the map that the sweep was begun with
				if token == "" {
					finished++
				}
				breakAtPageEnd--
				atPageEnd = breakAtPageEnd <= 0
			}}
			for item, err := range client.ListAcrossSubscriptions(ctx, ids, o) {
				if atPageEnd {
					break // before the next item
				}
				if e, ok := errors.AsType[*armsecops.PageError](err); ok {
					tokens[item.SubscriptionID] = e.ContinuationToken
					continue
				}
				require.NoError(t, err)
				got[item.SubscriptionID] = append(got[item.SubscriptionID], item.Name)
				if cancelAt--; cancelAt == 0 {
					cancel()
				}
				if breakAt--; breakAt <= 0 && !exactly {
					break // in the middle of a page, or after its last item: nobody knows
				}
			}
			cancel()
		}
		if !exactly {
			for id := range got {
				got[id] = slices.Compact(slices.SortedFunc(slices.Values(got[id]), func(a, b string) int {
					return slices.Index(want[id], a) - slices.Index(want[id], b)
				}))
			}
		}
		require.Equal(t, want, got, "seed %d", seed)
	}
}

// A sweep can be ranged over again, and is the same again.
func TestSweepAgain(t *testing.T) {
	t.Parallel()
	ids := subscriptionIDs(3)
	sweep := (&tenant{}).client(t).ListAcrossSubscriptions(t.Context(), ids, nil)
	ids[0] = "changed since"
	for range 2 {
		got := map[string]bool{}
		for item, err := range sweep {
			require.NoError(t, err)
			got[item.SubscriptionID] = true
		}
		assert.Len(t, got, 3)
	}
}

func TestSubscriptionAssignmentJSON(t *testing.T) {
	t.Parallel()
	id := subscriptionID(1)
	eachPackage(t, func(t *testing.T, marshal func(any) ([]byte, error), unmarshal func([]byte, any) error) {
		random := rand.New(rand.NewPCG(3, 4))
		for n := range 100 {
			document := randomAssignment(random)
			var item armsecops.SubscriptionAssignment
			require.NoError(t, unmarshal([]byte(document), &item))
			assert.Empty(t, item.SubscriptionID)
			item.SubscriptionID = id
			text, err := marshal(item)
			require.NoError(t, err)
			want := strings.TrimSuffix(`{"subscriptionId":"`+id+`",`+document[1:], ",}")
			want = strings.TrimSuffix(want, "}") + "}"
			require.Equal(t, canonical(t, want), canonical(t, string(text)), n)
			inside, err := marshal([]any{&item})
			require.NoError(t, err)
			require.Equal(t, "["+string(text)+"]", string(inside))

			var again armsecops.SubscriptionAssignment
			require.NoError(t, unmarshal(text, &again))
			require.Equal(t, id, again.SubscriptionID)
			require.NotContains(t, again.AdditionalProperties, "subscriptionId")
			twice, err := marshal(again)
			require.NoError(t, err)
			require.Equal(t, string(text), string(twice))
		}

		text, err := marshal(armsecops.SubscriptionAssignment{})
		require.NoError(t, err)
		assert.Equal(t, `{}`, string(text))

		// The service may have a member of that name one day.
		var a armsecops.Assignment
		require.NoError(t, unmarshal([]byte(`{"name":"a","subscriptionId":"theirs","other":1}`), &a))
		text, err = marshal(armsecops.SubscriptionAssignment{SubscriptionID: id, Assignment: a})
		require.NoError(t, err)
		assert.Equal(t, `{"subscriptionId":"`+id+`","name":"a","other":1}`, string(text))
		assert.Contains(t, a.AdditionalProperties, "subscriptionId", "that of the caller is left alone")

		var item armsecops.SubscriptionAssignment
		assert.ErrorContains(t, unmarshal([]byte(`{"name":1}`), &item), "/name")
		assert.Error(t, unmarshal([]byte(`{"subscriptionId":1}`), &item))
	})
}

// Not parallel: it counts what the whole process allocates.
func TestWithSubscriptionAllocations(t *testing.T) {
	jobs := newJobsClient(t, options(&tenant{}))
	assignments := newAssignmentsClient(t, options(&tenant{}))
	id := subscriptionID(1)
	var err error
	assert.EqualValues(t, 1, testing.AllocsPerRun(100, func() { jobs, err = jobs.WithSubscription(id) }), "the struct")
	require.NoError(t, err)
	assert.EqualValues(t, 1, testing.AllocsPerRun(100, func() { assignments, err = assignments.WithSubscription(id) }), "the struct")
	require.NoError(t, err)
}
