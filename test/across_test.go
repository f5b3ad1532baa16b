package test

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

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// tenant is a service with many subscriptions. Their items are named by number.
type tenant struct {
	pages    int                                                         // of every subscription; 0: 1
	pageSize func(subscription string, page int) int                     // nil: 1
	delay    time.Duration                                               // of a page
	fault    func(subscription string, page, request int) *http.Response // nil, or returns nil: the page is sent

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
	if s.fault != nil {
		if resp := s.fault(subscription, page, request); resp != nil {
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
		list.Value = append(list.Value, armsecops.Assignment{ID: "/subscriptions/" + subscription + "/a/b", Name: fmt.Sprint(first + n)})
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

// failWith returns an error response.
func failWith(status int, header ...string) *http.Response {
	resp, _ := respond(status, append([]string{`{"error":{"code":"Refused","message":"No."}}`}, header...)...)(nil)
	return resp
}

// client returns a client of the tenant whose only retry is that of a 429.
func (s *tenant) client(t testing.TB) *armsecops.SecurityAssignmentsClient {
	o := options(s)
	o.Retry.MaxRetryDelay = time.Minute
	o.Retry.StatusCodes = []int{http.StatusTooManyRequests}
	return newAssignmentsClient(t, o)
}

type acrossOptions = armsecops.SecurityAssignmentsClientListAcrossSubscriptionsOptions

func TestListingAcrossSubscriptionsListsEightAtATimeByDefault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &tenant{delay: time.Second}
		for _, err := range s.client(t).ListAcrossSubscriptions(t.Context(), subscriptionIDs(20), nil) {
			require.NoError(t, err)
		}
		assert.Equal(t, 8, s.most)
	})
}

// However the listing ends, its requests and goroutines have ended when the loop
// has: synctest fails a test that leaves one of its goroutines behind.
func TestListingAcrossSubscriptionsLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	tests := map[string]func(cancel func(), err error) (proceed bool){
		"break at once":  func(func(), error) bool { return false },
		"break at error": func(_ func(), err error) bool { return err == nil },
		"cancel":         func(cancel func(), _ error) bool { cancel(); return true },
		"to the end":     func(func(), error) bool { return true },
	}
	for name, step := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				s := &tenant{pages: 3, delay: time.Second, fault: forbid(subscriptionID(3), 1)}
				var last time.Time
				for _, err := range s.client(t).ListAcrossSubscriptions(ctx, subscriptionIDs(30), nil) {
					last = time.Now()
					if !step(cancel, err) {
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
			assert.PanicsWithValue(t, "the caller's", func() {
				for range s.client(t).ListAcrossSubscriptions(t.Context(), subscriptionIDs(30), nil) {
					panic("the caller's")
				}
			})
		})
	})
}

// failedSubscription returns the subscription that an error of the listing is about.
func failedSubscription(t testing.TB, err error) string {
	e, ok := err.(*armsecops.SubscriptionError)
	require.True(t, ok, "%v", err)
	return e.SubscriptionID
}

// forbid returns a fault of one page.
func forbid(subscription string, page int) func(string, int, int) *http.Response {
	return func(s string, p, _ int) *http.Response {
		if s == subscription && p == page {
			return failWith(http.StatusForbidden)
		}
		return nil
	}
}

func TestListingAcrossSubscriptionsReportsEachThatTheContextEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		s := &tenant{pages: 2, delay: time.Second}
		failed, items := map[string]string{}, 0
		for _, err := range s.client(t).ListAcrossSubscriptions(ctx, subscriptionIDs(5), &acrossOptions{Concurrency: 2}) {
			if err == nil {
				items++
				continue
			}
			require.ErrorIs(t, err, context.DeadlineExceeded)
			e, ok := errors.AsType[*armsecops.PageError](err)
			require.True(t, ok)
			id := failedSubscription(t, err)
			assert.Empty(t, failed[id], "one error for each")
			failed[id] = e.ContinuationToken
		}
		assert.Equal(t, 2, items)
		assert.Len(t, failed, 5)
		assert.Len(t, s.requests, 2, "no request after the end")
	})
}

func TestListingAcrossSubscriptionsListsEachOnce(t *testing.T) {
	t.Parallel()
	s := &tenant{}
	a, b := subscriptionID(1), subscriptionID(2)
	var got []string
	for item, err := range s.client(t).ListAcrossSubscriptions(t.Context(), []string{a, strings.ToUpper(b), a, b, strings.ToUpper(a)}, nil) {
		require.NoError(t, err)
		got = append(got, item.SubscriptionID())
	}
	assert.ElementsMatch(t, []string{a, strings.ToUpper(b)}, got, "in the case they had first")
	assert.Equal(t, map[string]int{a: 1, strings.ToUpper(b): 1}, s.requests)

	for range s.client(t).ListAcrossSubscriptions(t.Context(), nil, nil) {
		t.Error("an item of no subscription")
	}
}

func TestListingAcrossSubscriptionsReportsEachThatFails(t *testing.T) {
	t.Parallel()
	forbidden := subscriptionID(1)
	s := &tenant{pages: 2, fault: forbid(forbidden, 1)}
	ids := append(subscriptionIDs(5), "production")
	items, failed := map[string]int{}, map[string]error{}
	for item, err := range s.client(t).ListAcrossSubscriptions(t.Context(), ids, nil) {
		if err == nil {
			items[item.SubscriptionID()]++
			continue
		}
		assert.Empty(t, item)
		id := failedSubscription(t, err)
		assert.NotContains(t, failed, id, "one error for each")
		failed[id] = err
	}
	assert.Equal(t, map[string]int{ids[0]: 2, forbidden: 1, ids[2]: 2, ids[3]: 2, ids[4]: 2}, items)
	require.Len(t, failed, 2)

	require.ErrorIs(t, failed[forbidden], armsecops.ErrForbidden)
	assert.ErrorAs(t, failed[forbidden], new(*armsecops.CloudError))
	assert.EqualError(t, failed[forbidden], "subscription "+forbidden+
		": SecurityAssignmentsClient.NewListBySubscriptionPager: 403 Forbidden: Refused: No.")
	assertParameterError(t, failed["production"], "subscriptionID")

	// The token of the error resumes with the page that failed.
	s.fault = nil
	page, ok := errors.AsType[*armsecops.PageError](failed[forbidden])
	require.True(t, ok)
	o := &acrossOptions{ContinuationTokens: map[string]string{strings.ToUpper(forbidden): page.ContinuationToken}}
	for item, err := range s.client(t).ListAcrossSubscriptions(t.Context(), []string{forbidden}, o) {
		require.NoError(t, err)
		assert.Equal(t, "1", item.Name)
	}
}

// Progress is called for each page that is read, and never says that a subscription
// which failed is finished.
func TestProgressOfASubscriptionThatFails(t *testing.T) {
	t.Parallel()
	failing, other := subscriptionID(0), subscriptionID(1)
	s := &tenant{pages: 3, fault: forbid(failing, 1)}
	got := map[string][]string{}
	o := &acrossOptions{Progress: func(id, token string) { got[id] = append(got[id], token) }}
	failures := 0
	var page *armsecops.PageError
	for _, err := range s.client(t).ListAcrossSubscriptions(t.Context(), []string{failing, other}, o) {
		if errors.As(err, &page) {
			failures++
		}
	}
	require.Equal(t, 1, failures)
	assert.Equal(t, []string{page.ContinuationToken}, got[failing], "the token of the page that failed, from the page before it")
	assert.NotEmpty(t, page.ContinuationToken)
	require.Len(t, got[other], 3)
	assert.NotEmpty(t, got[other][0])
	assert.NotEmpty(t, got[other][1])
	assert.Empty(t, got[other][2], "finished")
}

// Progress is called after the last item of its page, in the goroutine of the loop.
func TestProgressFollowsTheItemsOfItsPage(t *testing.T) {
	t.Parallel()
	s := &tenant{pages: 2, pageSize: func(string, int) int { return 3 }}
	items := 0 // without a lock
	var at []int
	o := &acrossOptions{Progress: func(string, string) { at = append(at, items) }}
	for _, err := range s.client(t).ListAcrossSubscriptions(t.Context(), subscriptionIDs(1), o) {
		require.NoError(t, err)
		items++
	}
	assert.Equal(t, []int{3, 6}, at)
}

func TestListingAcrossSubscriptionsRefusesNegativeNumbers(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]*acrossOptions{"Concurrency": {Concurrency: -1}, "MaxPages": {MaxPages: -1}} {
		s := &tenant{}
		n := 0
		for item, err := range s.client(t).ListAcrossSubscriptions(t.Context(), subscriptionIDs(3), o) {
			n++
			assert.Zero(t, item)
			assertParameterError(t, err, name)
		}
		assert.Equal(t, 1, n)
		assert.Empty(t, s.requests)
	}
}

// MaxPages ends each subscription without an error, with the token of its next page.
func TestMaxPagesEndsEachSubscription(t *testing.T) {
	t.Parallel()
	s := &tenant{pages: 5}
	tokens, got := map[string]string{}, map[string][]string{}
	for loop, want := range []int{2, 4, 5, 5} {
		o := &acrossOptions{MaxPages: 2, ContinuationTokens: tokens, Progress: func(id, token string) { tokens[id] = token }}
		for item, err := range s.client(t).ListAcrossSubscriptions(t.Context(), subscriptionIDs(3), o) {
			require.NoError(t, err)
			got[item.SubscriptionID()] = append(got[item.SubscriptionID()], item.Name)
		}
		for _, id := range subscriptionIDs(3) {
			assert.Equal(t, numbers(want), got[id])
			assert.Equal(t, loop >= 2, tokens[id] == "", "finished")
			assert.Equal(t, want, s.requests[id])
		}
	}
}

// A challenge of one subscription that the credential can't meet ends that one; a
// credential that has no token at all ends the listing.
func TestCredentialErrorsEndTheListingUnlessASubscriptionAsksForClaims(t *testing.T) {
	t.Parallel()
	const header = `Bearer realm="", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="`
	challenged := subscriptionID(3)
	for name, test := range map[string]struct {
		fails func(policy.TokenRequestOptions) bool
		want  int // subscriptions that are listed
	}{
		"claims":    {func(o policy.TokenRequestOptions) bool { return o.Claims != "" }, 9},
		"every one": {func(policy.TokenRequestOptions) bool { return true }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &tenant{fault: func(id string, _, _ int) *http.Response {
				if id == challenged {
					return failWith(401, "WWW-Authenticate", header)
				}
				return nil
			}}
			credential := tokenFunc(func(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
				if test.fails(o) {
					return azcore.AccessToken{}, errors.New("interaction required")
				}
				return azcore.AccessToken{Token: "token", ExpiresOn: time.Now().Add(time.Hour)}, nil
			})
			client, err := armsecops.NewSecurityAssignmentsClient(challenged, credential, options(s))
			require.NoError(t, err)
			items, failures := 0, 0
			for _, err := range client.ListAcrossSubscriptions(t.Context(), subscriptionIDs(10), nil) {
				if err == nil {
					items++
					continue
				}
				failures++
				require.ErrorIs(t, err, armsecops.ErrCredential)
				one, ok := errors.AsType[*armsecops.SubscriptionError](err)
				assert.Equal(t, test.want > 0, ok)
				if ok {
					assert.Equal(t, challenged, one.SubscriptionID)
				}
			}
			assert.Equal(t, test.want, items)
			assert.Equal(t, 1, failures)
		})
	}
}

// tokenFunc is a credential that is a function.
type tokenFunc func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error)

func (f tokenFunc) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return f(ctx, o)
}

func TestListingAcrossSubscriptionsReportsAnInvalidToken(t *testing.T) {
	t.Parallel()
	o := &acrossOptions{ContinuationTokens: map[string]string{subscriptionID(1): "no token"}}
	failed := 0
	for _, err := range (&tenant{}).client(t).ListAcrossSubscriptions(t.Context(), subscriptionIDs(3), o) {
		if err != nil {
			failed++
			assert.Equal(t, subscriptionID(1), failedSubscription(t, err))
			assertParameterError(t, err, "ContinuationToken")
		}
	}
	assert.Equal(t, 1, failed)
}

// acrossRun is a listing that is read in several loops, each of which resumes
// where the one before ended.
type acrossRun struct {
	tenant *tenant
	ids    []string
	tokens map[string]string // given to each loop, and written by its Progress
	got    map[string][]string
	left   map[string]bool // not finished
}

func newAcrossRun(s *tenant, ids []string) *acrossRun {
	r := &acrossRun{s, ids, map[string]string{}, map[string][]string{}, map[string]bool{}}
	for _, id := range ids {
		r.left[id] = true
	}
	return r
}

// loop runs one loop: it breaks after so many items or pages, and cancels the
// context after so many items; 0 for none of them.
func (r *acrossRun) loop(t *testing.T, concurrency, breakAfterItems, breakAfterPages, cancelAfterItems int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	items, pages, between := 0, 0, false
	o := &acrossOptions{Concurrency: concurrency, ContinuationTokens: r.tokens, Progress: func(id, token string) {
		r.tokens[id] = token
		if token == "" {
			delete(r.left, id)
		}
		pages++
		between = breakAfterPages > 0 && pages >= breakAfterPages
	}}
	for item, err := range r.tenant.client(t).ListAcrossSubscriptions(ctx, r.ids, o) {
		if between {
			return // before the next item counts
		}
		if e, ok := errors.AsType[*armsecops.PageError](err); ok {
			r.tokens[failedSubscription(t, err)] = e.ContinuationToken
			continue
		}
		require.NoError(t, err)
		r.got[item.SubscriptionID()] = append(r.got[item.SubscriptionID()], item.Name)
		switch items++; items {
		case cancelAfterItems:
			cancel()
		case breakAfterItems:
			return
		}
	}
}

// A listing that ends anywhere, and is resumed by its tokens, yields every item;
// exactly once if no loop ended in the middle of a page.
func TestListingAcrossSubscriptionsResumes(t *testing.T) {
	t.Parallel()
	type loop struct{ breakAfterItems, breakAfterPages, cancelAfterItems int }
	tests := map[string]struct {
		loops []loop
		fault func(string, int, int) *http.Response
		want  []string // of the only subscription, with 3 pages of 2 items
	}{
		"to the end":            {[]loop{{}}, nil, numbers(6)},
		"break between pages":   {[]loop{{breakAfterPages: 1}, {breakAfterPages: 1}, {}}, nil, numbers(6)},
		"break in a page":       {[]loop{{breakAfterItems: 3}, {}}, nil, []string{"0", "1", "2", "2", "3", "4", "5"}},
		"break at a page's end": {[]loop{{breakAfterItems: 2}, {}}, nil, []string{"0", "1", "0", "1", "2", "3", "4", "5"}},
		"cancel":                {[]loop{{cancelAfterItems: 3}, {}}, nil, numbers(6)},
		"an error each time":    {[]loop{{}, {}}, forbidOnce(), numbers(6)},
		"again after the end":   {[]loop{{}, {}}, nil, numbers(6)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &tenant{pages: 3, pageSize: func(string, int) int { return 2 }, fault: test.fault}
			run := newAcrossRun(s, subscriptionIDs(1))
			for _, l := range test.loops {
				run.loop(t, 1, l.breakAfterItems, l.breakAfterPages, l.cancelAfterItems)
			}
			assert.Equal(t, map[string][]string{subscriptionID(0): test.want}, run.got)
			assert.Empty(t, run.left)
		})
	}
}

// forbidOnce returns a fault of the second page's first request.
func forbidOnce() func(string, int, int) *http.Response {
	return func(_ string, page, request int) *http.Response {
		if page == 1 && request == 2 {
			return failWith(http.StatusForbidden)
		}
		return nil
	}
}

// As TestListingAcrossSubscriptionsResumes, with sizes, faults and ends by chance.
func FuzzListingAcrossSubscriptionsResumes(f *testing.F) {
	for seed := range uint64(25) {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, seed uint64, exactly bool) {
		random := rand.New(rand.NewPCG(seed, 1))
		sizes, want := map[string][]int{}, map[string][]string{}
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
		var mu sync.Mutex // of the faults: loops and requests share the generator
		chance := func(n int) int { mu.Lock(); defer mu.Unlock(); return random.IntN(n) }
		s := &tenant{pages: pages, pageSize: func(id string, page int) int { return sizes[id][page] }}
		s.fault = func(string, int, int) *http.Response {
			if float64(chance(1000))/1000 < failing {
				return failWith(http.StatusBadGateway)
			}
			return nil
		}
		run := newAcrossRun(s, ids)
		for tries := 0; len(run.left) > 0; tries++ {
			require.Less(t, tries, 1000)
			breakAfterItems := chance(30)
			if exactly {
				breakAfterItems = 0
			}
			run.loop(t, chance(5), breakAfterItems, 1+chance(10), chance(30))
		}
		if !exactly {
			for id, names := range run.got { // repeated items
				slices.SortFunc(names, func(a, b string) int { return slices.Index(want[id], a) - slices.Index(want[id], b) })
				run.got[id] = slices.Compact(names)
			}
		}
		require.Equal(t, want, run.got)
	})
}

// The listing can be ranged over again, and is the same again.
func TestListingAcrossSubscriptionsCanBeRepeated(t *testing.T) {
	t.Parallel()
	ids := subscriptionIDs(3)
	listing := (&tenant{}).client(t).ListAcrossSubscriptions(t.Context(), ids, nil)
	ids[0] = "changed since"
	for range 2 {
		got := map[string]bool{}
		for item, err := range listing {
			require.NoError(t, err)
			got[item.SubscriptionID()] = true
		}
		assert.Len(t, got, 3)
	}
}

// The error of a credential that waited for the context is the context's.
func TestContextEndsListingAcrossSubscriptionsWhileGettingToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		c := tokenFunc(func(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
			<-ctx.Done()
			return azcore.AccessToken{}, ctx.Err()
		})
		client, err := newFactory(t, c, options(script(t))).NewSecurityAssignmentsClient("")
		require.NoError(t, err)
		failed := map[string]bool{}
		for _, err := range client.ListAcrossSubscriptions(ctx, subscriptionIDs(20), nil) {
			require.ErrorIs(t, err, context.DeadlineExceeded)
			failed[failedSubscription(t, err)] = true
		}
		assert.Len(t, failed, 20)
	})
}

func TestClientWithoutSubscriptionListsAcrossSubscriptions(t *testing.T) {
	t.Parallel()
	client, err := newFactory(t, &azfake.TokenCredential{}, options(&tenant{})).NewSecurityAssignmentsClient("")
	require.NoError(t, err)
	items := 0
	for _, err := range client.ListAcrossSubscriptions(t.Context(), subscriptionIDs(3), nil) {
		require.NoError(t, err)
		items++
	}
	assert.Equal(t, 3, items)
}
