package test

import (
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
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
	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/testkit"
)

// failWith returns an error response.
func failWith(status int, header ...string) transportFunc {
	return respond(status, append([]string{`{"error":{"code":"Refused","message":"No."}}`}, header...)...)
}

// clientOf returns a client of the tenant whose only retry is that of a 429.
func clientOf(t testing.TB, s *testkit.Tenant) *armsecops.SecurityAssignmentsClient {
	o := options(s)
	o.Retry.MaxRetryDelay = time.Minute
	o.Retry.StatusCodes = []int{http.StatusTooManyRequests}
	return newAssignmentsClient(t, o)
}

type acrossOptions = armsecops.SecurityAssignmentsClientListAcrossSubscriptionsOptions

func TestListingAcrossSubscriptionsListsEightAtATimeByDefault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := testkit.NewTenant(1)
		s.Delay = time.Second
		assert.Len(t, readAll(t, clientOf(t, s).ListAcrossSubscriptions(t.Context(), subscriptionIDs(20), nil)), 20)
		assert.Equal(t, 8, s.Most)
	})
}

// failedSubscription returns the subscription that an error of the listing is about.
func failedSubscription(t testing.TB, err error) string {
	e, ok := err.(*armsecops.SubscriptionError)
	require.True(t, ok, "%v", err)
	return e.SubscriptionID
}

// failPage returns a fault of one page.
func failPage(subscription string, page int, response transportFunc) func(string, int) transportFunc {
	return func(s string, p int) transportFunc {
		if s == subscription && p == page {
			return response
		}
		return nil
	}
}

func TestListingAcrossSubscriptionsReportsEachThatTheContextEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		s := testkit.NewTenant(1, 1)
		s.Delay = time.Second
		items, errs := collect(clientOf(t, s).ListAcrossSubscriptions(ctx, subscriptionIDs(5), &acrossOptions{Concurrency: 2}))
		var failed []string
		for _, err := range errs {
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.ErrorAs(t, err, new(*armsecops.PageError))
			failed = append(failed, failedSubscription(t, err))
		}
		assert.Len(t, items, 2)
		assert.ElementsMatch(t, subscriptionIDs(5), failed, "one error for each")
		assert.Len(t, s.Requests, 2, "no request after the end")
	})
}

// The listing can be ranged over again, and is the same again.
func TestListingAcrossSubscriptionsListsEachOnce(t *testing.T) {
	t.Parallel()
	s := testkit.NewTenant(1)
	a, b := subscriptionID(1), subscriptionID(2)
	ids := []string{a, strings.ToUpper(b), a, b, strings.ToUpper(a)}
	listing := clientOf(t, s).ListAcrossSubscriptions(t.Context(), ids, nil)
	ids[0] = "changed since"
	for n := range 2 {
		assert.Len(t, readAll(t, listing), 2)
		assert.Equal(t, map[string]int{a: n + 1, strings.ToUpper(b): n + 1}, s.Requests, "in the case they had first")
	}
	assert.Empty(t, readAll(t, clientOf(t, s).ListAcrossSubscriptions(t.Context(), nil, nil)))
}

// acrossListing lists many subscriptions, and returns those of the items.
type acrossListing func(context.Context, []string, *acrossOptions) ([]string, []error)

// acrossListings returns the listings across subscriptions, by the operation of their requests.
func acrossListings(f *armsecops.ClientFactory) map[string]acrossListing {
	assignments, _ := f.NewSecurityAssignmentsClient("")
	return map[string]acrossListing{
		"SecurityAssignmentsClient.NewListBySubscriptionPager": subscriptionsOf(assignments.ListAcrossSubscriptions),
		"PolicyExemptionsClient.NewListPager":                  subscriptionsOf(f.NewPolicyExemptionsClient().ListAcrossSubscriptions),
		"StandardAssignmentsClient.NewListPager":               subscriptionsOf(f.NewStandardAssignmentsClient().ListAcrossSubscriptions),
		"SecurityStandardsClient.NewListPager":                 subscriptionsOf(f.NewSecurityStandardsClient().ListAcrossSubscriptions),
		"AssessmentsMetadataClient.NewListBySubscriptionPager": subscriptionsOf(f.NewAssessmentsMetadataClient().ListAcrossSubscriptions),
	}
}

func subscriptionsOf[P any](list func(context.Context, []string, *acrossOptions) iter.Seq2[armsecops.Resource[P], error]) acrossListing {
	return func(ctx context.Context, subscriptionIDs []string, o *acrossOptions) (ids []string, errs []error) {
		items, errs := collect(list(ctx, subscriptionIDs, o))
		for _, item := range items {
			ids = append(ids, item.SubscriptionID())
		}
		return ids, errs
	}
}

func TestListingAcrossSubscriptionsReportsEachThatFails(t *testing.T) {
	t.Parallel()
	s, forbidden := testkit.NewTenant(1, 1), subscriptionID(1)
	for operation, list := range acrossListings(newFactory(t, &azfake.TokenCredential{}, options(s))) {
		s.Fault = failPage(forbidden, 1, failWith(403))
		ids := append(subscriptionIDs(5), "production")
		listed, errs := list(t.Context(), ids, &acrossOptions{ContinuationTokens: map[string]string{ids[2]: "no token"}})
		got, failed := map[string]int{}, map[string]error{}
		for _, id := range listed {
			got[id]++
		}
		for _, err := range errs {
			failed[failedSubscription(t, err)] = err
		}
		assert.Equal(t, map[string]int{ids[0]: 2, forbidden: 1, ids[3]: 2, ids[4]: 2}, got)
		assert.Len(t, errs, 3, "one error for each")
		require.ErrorIs(t, failed[forbidden], armsecops.ErrForbidden)
		assert.ErrorContains(t, failed[forbidden], "subscription "+forbidden+": "+operation+": 403 Forbidden: Refused: No. (/subscriptions/"+forbidden+"/providers/")
		client, _, _ := strings.Cut(operation, ".")
		assert.Contains(t, armsecops.LogValue(failed[forbidden]).String(), "operation="+client+".ListAcrossSubscriptions request="+operation)
		assertParameterError(t, failed["production"], "subscriptionID")
		assertParameterError(t, failed[ids[2]], "ContinuationToken")
		// The token of the error resumes with the page that failed.
		s.Fault = failPage("", 0, nil) // no page fails now
		page, ok := errors.AsType[*armsecops.PageError](failed[forbidden])
		require.True(t, ok)
		for id, tokenOf := range map[string]string{forbidden: strings.ToUpper(forbidden), strings.ToUpper(forbidden): forbidden} {
			rest, errs := list(t.Context(), []string{id}, &acrossOptions{ContinuationTokens: map[string]string{tokenOf: page.ContinuationToken}})
			assert.Empty(t, errs)
			assert.Len(t, rest, 1)
		}
	}
}

// Each kind of each subscription fails on its own; what isn't an exemption is left out.
func TestExemptionsAcrossSubscriptions(t *testing.T) {
	t.Parallel()
	const policies, standards, old = armsecops.ExemptionKindPolicyExemption, armsecops.ExemptionKindStandardAssignment, armsecops.ExemptionKindAssignment
	year, ids := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), subscriptionIDs(3)
	server := fake.NewServer(nil)
	exemption := armsecops.PolicyExemption{Properties: armsecops.PolicyExemptionProperties{DisplayName: "d"}}
	server.Put(armsecops.PolicyExemptionID{Scope: "/providers/Microsoft.Management/managementGroups/m", Name: "inherited"}, exemption)
	for _, id := range ids {
		server.Put(armsecops.PolicyExemptionID{Scope: "/subscriptions/" + id, Name: "p"}, exemption)
		for _, effect := range []armsecops.Effect{armsecops.EffectExempt, "audit", "EXEMPT", ""} {
			name := uuid.NewString()
			server.Put(armsecops.StandardAssignmentID{Scope: "/subscriptions/" + id, Name: name}, armsecops.StandardAssignment{
				Properties: armsecops.StandardAssignmentProperties{Effect: effect, ExpiresOn: year},
			})
			server.Put(armsecops.AssignmentID{SubscriptionID: id, ResourceGroupName: "rg", Name: name}, armsecops.Assignment{Properties: armsecops.AssignmentProperties{Effect: effect, DisplayName: "d"}})
		}
	}
	client := newFactory(t, &azfake.TokenCredential{}, options(server)).NewExemptionsClient()
	type acrossOptions = armsecops.ExemptionsClientListAcrossSubscriptionsOptions
	type counts map[armsecops.ExemptionKind]int
	for o, want := range map[*acrossOptions]counts{
		nil:                               {policies: 4, standards: 6, old: 6},
		{ListsOnly: true, Concurrency: 1}: {policies: 4, standards: 6, old: 6},
		{Kinds: []armsecops.ExemptionKind{"microsoft.security/assignments"}}: {old: 6},
		{ExpiresBefore: year.Add(1)}:                                         {standards: 6},
		{ExpiresBefore: year}:                                                {},
	} {
		listing, got := client.ListAcrossSubscriptions(t.Context(), ids, o), counts{}
		readAll(t, listing)
		for _, e := range readAll(t, listing) { // the same again
			got[e.Kind]++
		}
		assert.Equal(t, want, got)
	}
	server.Inject(fake.Fault{Operation: "StandardAssignmentsClient.NewListPager", StatusCode: 403})
	partly := client.ListAcrossSubscriptions(t.Context(), ids, &acrossOptions{Concurrency: 1})
	found, errs := collect(partly)
	all, noErrs := collect(partly)
	isOfEmpty := func(r fake.Request) bool { return strings.Contains(string(r.Body), `"subscriptions":[""`) }
	assert.Equal(t, []any{4 + 4 + 6, 4 + 6 + 6, 0, false}, []any{len(found), len(all), len(noErrs), slices.ContainsFunc(server.Requests(), isOfEmpty)}, "the same listing again has all")
	require.Len(t, errs, 1)
	require.ErrorIs(t, errs[0], armsecops.ErrForbidden)
	assert.ErrorContains(t, errs[0], "subscription "+failedSubscription(t, errs[0])+": StandardAssignmentsClient.NewListPager: 403")
	ids = append(append([]string{"production"}, ids...), "Production") // which concerns all kinds
	given, invalid := slices.Clone(ids), client.ListAcrossSubscriptions(t.Context(), ids, nil)
	again, _ := collect(invalid)
	found, errs = collect(invalid)
	assert.Equal(t, []any{given, len(again)}, []any{ids, len(found)}, "the caller's slice stays as it is")
	ids = ids[1:4]
	require.Len(t, errs, 1)
	assertParameterError(t, errs[0], "subscriptionID")
	assert.ErrorContains(t, errs[0], "subscription production: ExemptionsClient.ListAcrossSubscriptions: parameter ")
	assert.Equal(t, armsecops.ExemptionKind(""), errs[0].(*armsecops.SubscriptionError).Kind)
	isQuery := func(r fake.Request) bool { return r.Method == http.MethodPost }
	for operation, want := range map[string][]int{"PolicyExemptionsClient.NewListPager": {1, 2}, "StandardAssignmentsClient.NewListPager": {0, 0}} { // exemptions, queries
		server := fake.NewServer(&fake.ServerOptions{ShortLists: true})
		server.Put(armsecops.StandardAssignmentID{Scope: "/subscriptions/" + ids[0] + "/resourceGroups/rg", Name: ids[0]}, armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{Effect: armsecops.EffectExempt}})
		server.Inject(fake.Fault{Operation: operation, StatusCode: 403})
		found, errs := collect(newFactory(t, &azfake.TokenCredential{}, options(server)).NewExemptionsClient().ListAcrossSubscriptions(t.Context(), ids[:1], nil))
		assert.Equal(t, append(want, 1), []int{len(found), len(server.Requests()) - len(slices.DeleteFunc(server.Requests(), isQuery)), len(errs)}, operation)
	}
	for operation, want := range map[string]int{"PolicyExemptionsClient.NewListPager": 2, "ExemptionsClient.NewListPager": 3, "StandardAssignmentsClient.Get": 3} {
		synctest.Test(t, func(t *testing.T) { // one request doesn't end, and holds back nothing else
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			server := fake.NewServer(&fake.ServerOptions{ShortLists: true})
			for _, id := range ids[:3] {
				server.Put(armsecops.PolicyExemptionID{Scope: "/subscriptions/" + id, Name: "p"}, exemption)
			}
			server.Put(armsecops.StandardAssignmentID{Scope: "/subscriptions/" + ids[0] + "/resourceGroups/rg", Name: ids[0]}, armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{Effect: armsecops.EffectExempt}})
			server.Inject(fake.Fault{Operation: operation, Delay: time.Hour})
			found, errs := collect(newFactory(t, &azfake.TokenCredential{}, options(server)).NewExemptionsClient().ListAcrossSubscriptions(ctx, ids[:3], &acrossOptions{Concurrency: 2}))
			assert.Len(t, found, want, operation)
			require.Len(t, errs, map[bool]int{true: 2, false: 1}[want == 2])
			require.ErrorIs(t, errs[0], context.DeadlineExceeded)
			last := errs[len(errs)-1].(*armsecops.SubscriptionError)
			assert.Equal(t, []any{"", true, armsecops.ExemptionKindStandardAssignment}, []any{last.SubscriptionID, errors.Is(last, context.DeadlineExceeded), last.Kind}, "of the query, that is done last")
			assert.Regexp(t, map[bool]string{true: `^subscription \S+: `, false: `^what the lists of the subscriptions lack: (ExemptionsClient\.Get: )?`}[want == 2]+operation, errs[0].Error())
			assert.Equal(t, want == 2, errs[0].(*armsecops.SubscriptionError).Kind == "", "of all kinds")
		})
	}
	var none context.Context
	for parameter, listing := range map[string]iter.Seq2[armsecops.Exemption, error]{
		"ctx":             client.ListAcrossSubscriptions(none, ids, nil),
		"subscriptionIDs": client.ListAcrossSubscriptions(t.Context(), nil, nil),
		"Concurrency":     client.ListAcrossSubscriptions(t.Context(), ids, &acrossOptions{Concurrency: -1}),
		"Kinds":           client.ListAcrossSubscriptions(t.Context(), ids, &acrossOptions{Kinds: []armsecops.ExemptionKind{"locks"}}),
		"ExpiresBefore":   client.ListAcrossSubscriptions(t.Context(), ids, &acrossOptions{ExpiresBefore: year.AddDate(9000, 0, 0)}),
	} {
		_, errs := collect(listing)
		require.Len(t, errs, 1)
		assertParameterError(t, errs[0], parameter)
		assert.ErrorContains(t, errs[0], "ExemptionsClient.ListAcrossSubscriptions: ")
	}
	refused := credentialFunc(func() (azcore.AccessToken, error) { return azcore.AccessToken{}, io.EOF })
	_, errs = collect(newFactory(t, refused, options(server)).NewExemptionsClient().ListAcrossSubscriptions(t.Context(), ids, nil))
	require.Len(t, errs, 1, "of all subscriptions and kinds")
	require.ErrorIs(t, errs[0], armsecops.ErrCredential)
}

// Two tokens for one subscription are not a matter of a map's order.
func TestListingAcrossSubscriptionsChecksItsOptions(t *testing.T) {
	t.Parallel()
	for o, name := range map[*acrossOptions]string{
		{Concurrency: -1}: "Concurrency", {MaxPages: -1}: "MaxPages", {ContinuationTokens: map[string]string{jobsSubscription + " ": ""}}: "ContinuationTokens",
		{ContinuationTokens: map[string]string{jobsSubscription: "", strings.ToUpper(jobsSubscription): "a"}}: "ContinuationTokens",
	} {
		s := testkit.NewTenant(1)
		items, errs := collect(clientOf(t, s).ListAcrossSubscriptions(t.Context(), append(subscriptionIDs(3), jobsSubscription), o))
		assert.Empty(t, items)
		require.Len(t, errs, 1)
		assertParameterError(t, errs[0], name)
		assert.Empty(t, s.Requests)
	}
}

// MaxPages ends each subscription without an error, with the token of its next page.
func TestMaxPagesEndsEachSubscription(t *testing.T) {
	t.Parallel()
	s := testkit.NewTenant(1, 1, 1, 1, 1)
	tokens, got := map[string]string{}, map[string][]string{}
	for loop, want := range []int{2, 4, 5, 5} {
		o := &acrossOptions{MaxPages: 2, ContinuationTokens: tokens, Progress: func(id, token string) { tokens[id] = token }}
		for _, item := range readAll(t, clientOf(t, s).ListAcrossSubscriptions(t.Context(), subscriptionIDs(3), o)) {
			got[item.SubscriptionID()] = append(got[item.SubscriptionID()], item.Name)
		}
		for _, id := range subscriptionIDs(3) {
			assert.Equal(t, numbers(want), got[id])
			assert.Equal(t, loop >= 2, tokens[id] == "", "finished")
			assert.Equal(t, want, s.Requests[id])
		}
	}
}

// A deadline that passes while the credential gets a token is an error of both. Of a listing, it is that of each subscription.
func TestContextEndsGettingAToken(t *testing.T) {
	t.Parallel()
	type test struct {
		err  error // of the credential; nil for that of its context
		want string
	}
	testkit.EachInBubble(t, map[string]test{
		"deadline":                {nil, "getting a token: context deadline exceeded"},
		"deadline, another error": {errors.New("no host"), "context deadline exceeded; getting a token: no host"},
		"canceled":                {nil, "context canceled"},
	}, func(t *testing.T, test test) {
		ending := func() context.Context {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			t.Cleanup(cancel)
			if test.want == "context canceled" {
				time.AfterFunc(time.Millisecond, cancel)
			}
			return ctx
		}
		client, err := armsecops.NewSecurityAssignmentsClient(subscriptionID(0), tokenFunc(func(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
			<-ctx.Done()
			return azcore.AccessToken{}, cmp.Or(test.err, ctx.Err())
		}), options(testkit.NewTenant(1)))
		require.NoError(t, err)
		ctx := ending()
		_, err = client.Get(ctx, "rg", "id", nil)
		require.ErrorContains(t, err, "SecurityAssignmentsClient.Get: "+test.want)
		require.ErrorIs(t, err, ctx.Err())
		assert.Equal(t, test.want != "context canceled", errors.Is(err, armsecops.ErrCredential))
		failed := map[string]bool{}
		for _, err := range client.ListAcrossSubscriptions(ending(), subscriptionIDs(20), nil) {
			require.ErrorIs(t, err, ctx.Err())
			failed[failedSubscription(t, err)] = true
		}
		assert.Len(t, failed, 20)
	})
}

// A challenge of one subscription that the credential can't meet ends that one; a
// credential that has no token at all ends the listing.
func TestCredentialErrorsEndTheListingUnlessASubscriptionAsksForClaims(t *testing.T) {
	t.Parallel()
	const header = `Bearer realm="", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="`
	challenged := subscriptionID(3)
	for always, want := range map[bool]int{false: 9, true: 0} { // subscriptions that are listed
		s := testkit.NewTenant(1)
		s.Fault = failPage(challenged, 0, failWith(401, "WWW-Authenticate", header))
		credential := tokenFunc(func(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
			if always || o.Claims != "" {
				return azcore.AccessToken{}, errors.New("interaction required")
			}
			return azcore.AccessToken{Token: "token", ExpiresOn: time.Now().Add(time.Hour)}, nil
		})
		client := testkit.Must(armsecops.NewSecurityAssignmentsClient(challenged, credential, options(s)))
		items, errs := collect(client.ListAcrossSubscriptions(t.Context(), subscriptionIDs(10), &acrossOptions{Concurrency: 1}))
		assert.Len(t, items, want)
		require.Len(t, errs, 1)
		require.ErrorIs(t, errs[0], armsecops.ErrCredential)
		one, ok := errors.AsType[*armsecops.SubscriptionError](errs[0])
		assert.Equal(t, want > 0, ok)
		assert.True(t, !ok || one.SubscriptionID == challenged, errs[0])
	}
}

// tokenFunc is a credential that is a function.
type tokenFunc func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error)

func (f tokenFunc) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return f(ctx, o)
}

// acrossRun is a listing that is read in several loops, each of which resumes where the one before ended.
type acrossRun struct {
	tenant *testkit.Tenant
	ids    []string
	tokens map[string]string // given to each loop, and written by its Progress
	got    map[string][]string
}

// finished reports whether Progress has said so of every subscription.
func (r *acrossRun) finished() bool {
	return !slices.ContainsFunc(r.ids, func(id string) bool { token, known := r.tokens[id]; return !known || token != "" })
}

// loop runs one loop: it breaks after so many items or pages, and cancels the context after so many items; 0 for none of them.
func (r *acrossRun) loop(t *testing.T, concurrency, breakAfterItems, breakAfterPages, cancelAfterItems int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	items, pages := 0, 0
	o := &acrossOptions{Concurrency: concurrency, ContinuationTokens: r.tokens, Progress: func(id, token string) {
		r.tokens[id] = token
		pages++
	}}
	for item, err := range clientOf(t, r.tenant).ListAcrossSubscriptions(ctx, r.ids, o) {
		if pages >= breakAfterPages {
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
// exactly once if no loop ended in the middle of a page. Sizes, faults and ends are
// by chance.
func FuzzListingAcrossSubscriptionsResumes(f *testing.F) {
	for seed := range uint64(25) {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, seed uint64, exactly bool) {
		random := rand.New(rand.NewPCG(seed, 1))
		sizes, want := map[string][]int{}, map[string][]string{}
		ids := subscriptionIDs(1 + random.IntN(12))
		for _, id := range ids {
			items := 0
			for range 4 { // pages
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
		s := testkit.NewTenant()
		s.Sizes = func(id string) []int { return sizes[id] }
		s.Fault = func(string, int) transportFunc {
			if float64(chance(1000))/1000 < failing {
				return failWith(http.StatusBadGateway)
			}
			return nil
		}
		run := &acrossRun{s, ids, map[string]string{}, map[string][]string{}}
		for tries := 0; !run.finished(); tries++ {
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
