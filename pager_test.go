package armsecops_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/testkit"
)

// readFrom returns a pager of the tenant's listing, which repeats no request.
func readFrom(t testing.TB, s *testkit.Tenant, o armsecops.PageOptions) *assignmentPager {
	return newPager(newAssignmentsClient(t, withoutRetries(s)), o)
}

// requests are so many, all to the one subscription of these tests.
func requests(n int) map[string]int { return map[string]int{assignmentsSubscription: n} }

// ones are the sizes of pages that have an item each.
func ones(pages int) []int { return slices.Repeat([]int{1}, pages) }

type assignmentPager = armsecops.Pager[armsecops.Assignment]

func newPager(client *armsecops.SecurityAssignmentsClient, o armsecops.PageOptions) *assignmentPager {
	return client.NewListBySubscriptionPager(&armsecops.SecurityAssignmentsClientListBySubscriptionOptions{PageOptions: o})
}

// pagerOf returns a pager for whose only request there is a body.
func pagerOf(t testing.TB, body string) *assignmentPager {
	return newPager(newAssignmentsClient(t, options(script(t, respond(200, body)))), armsecops.PageOptions{})
}

var ways = []string{"NextPage", "Pages", "All"}

// read reads a pager in one way, and returns the names of the items. It leaves after a number of pages, or of items of All; 0 for the end.
func read(ctx context.Context, way string, pager *assignmentPager, leave int) (got []string, _ error) {
	more := func(items ...armsecops.Assignment) bool {
		for _, a := range items {
			got = append(got, a.Name)
		}
		leave--
		return leave != 0
	}
	switch way {
	case "NextPage":
		for pager.More() {
			if page, err := pager.NextPage(ctx); err != nil || !more(page.Value...) {
				return got, err
			}
		}
	case "Pages":
		for page, err := range pager.Pages(ctx) {
			if err != nil || !more(page.Value...) {
				return got, err
			}
		}
	case "All":
		for item, err := range pager.All(ctx) {
			if err != nil || !more(item) {
				return got, err
			}
		}
	}
	return got, nil
}

// readOn reads a listing in one way, with a new pager wherever one ends, until nothing is left.
//   - failed: the last request that failed, by its number
func readOn(t *testing.T, s *testkit.Tenant, failed *int, way string, pages int, o armsecops.PageOptions) (got []string) {
	t.Helper()
	if way == "All" {
		pages = 0 // it would repeat what it has of a page
	}
	for range 500 {
		pager := readFrom(t, s, o)
		items, err := read(t.Context(), way, pager, pages)
		got = append(got, items...)
		o.ContinuationToken = pager.ContinuationToken()
		if err != nil {
			require.False(t, pager.More())
			e := as[*armsecops.PageError](t, err)
			require.Equal(t, o.ContinuationToken, e.ContinuationToken)
			require.NotEmpty(t, o.ContinuationToken)
			_, nextPage := pager.NextPage(t.Context())
			_, inPages := read(t.Context(), "Pages", pager, 0)
			_, inAll := read(t.Context(), "All", pager, 0)
			require.Equal(t, []error{err, err, err}, []error{nextPage, inPages, inAll})
			require.Equal(t, requests(*failed), s.Requests, "nothing is sent after the page that failed")
		}
		if o.ContinuationToken == "" {
			require.Zero(t, s.Open.Load(), "bodies left open")
			for range pager.Pages(t.Context()) {
				require.Fail(t, "a page after the end")
			}
			return got
		}
	}
	require.Fail(t, "the listing doesn't end")
	return nil
}

// However a listing is read, and wherever it is resumed, its items are yielded once each, with sizes, faults and ways by chance.
func FuzzListingIsExact(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		random, sizes := rand.New(rand.NewPCG(seed, 0)), make([]int, 100)
		for i := range sizes {
			sizes[i] = random.IntN(6) // empty pages with a link among them
		}
		items, pages := random.IntN(60), []int{}
		for left := items; len(pages) == 0 || left > 0; left -= pages[len(pages)-1] {
			pages = append(pages, min(left, sizes[len(pages)%len(sizes)]))
		}
		s, fail, failed := testkit.NewTenant(pages...), map[int]bool{}, 0
		s.Fault = func(_ string, page int) transportFunc {
			if !fail[page] {
				return nil
			}
			delete(fail, page)
			failed = s.Requests[assignmentsSubscription]
			return respond(500, `{"error":{"code":"InternalServerError"}}`)
		}
		for range random.IntN(4) {
			fail[random.IntN(12)] = true
		}
		way := ways[random.IntN(len(ways))]
		o := armsecops.PageOptions{MaxPages: random.IntN(4), Prefetch: random.IntN(4)}
		require.Equal(t, numbers(items), readOn(t, s, &failed, way, random.IntN(5), o))
	})
}

func TestPageMayLackItsMembers(t *testing.T) {
	t.Parallel()
	const link = `"nextLink":"https://management.azure.com/subscriptions/` + assignmentsSubscription +
		`/providers/Microsoft.Security/assignments?$skipToken=a"}`
	for body, items := range map[string]int{
		`{}`: 0, `{"value":null}`: 0, `{"value":[]}`: 0, `{"value":[{}],"nextLink":""}`: 1, `{"value":[{}],"nextLink":null}`: 1,
		`{"value":[],` + link: 0, `{"value":null,` + link: 0,
	} {
		pager := pagerOf(t, body)
		page, err := pager.NextPage(t.Context())
		require.NoError(t, err, body)
		assert.Len(t, page.Value, items, body)
		assert.Equal(t, strings.HasSuffix(body, link), pager.More(), body)
		assert.Equal(t, strings.HasSuffix(body, link), pager.ContinuationToken() != "", body)
	}
}

func TestMaxPagesEndsThePager(t *testing.T) {
	t.Parallel()
	for prefetch := range 3 {
		for _, way := range ways {
			s := testkit.NewTenant(ones(5)...)
			pager := readFrom(t, s, armsecops.PageOptions{MaxPages: 2, Prefetch: prefetch})
			got, err := read(t.Context(), way, pager, 0)
			require.NoError(t, err, way)
			assert.Equal(t, numbers(2), got)
			assert.False(t, pager.More())
			require.EqualError(t, failure(pager.NextPage(t.Context())), "no more pages")
			assert.Equal(t, requests(2), s.Requests)
		}
	}
}

func TestPageOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for o, name := range map[armsecops.PageOptions]string{
		{MaxPages: -1}: "MaxPages", {Prefetch: -1}: "Prefetch", {Prefetch: 65}: "Prefetch",
	} {
		s := testkit.NewTenant(ones(5)...)
		for _, way := range ways { // seen, not left out
			pager := readFrom(t, s, o)
			assertParameterError(t, failure(read(t.Context(), way, pager, 0)), name)
			assert.False(t, pager.More())
			assertParameterError(t, failure(pager.NextPage(t.Context())), name)
		}
		assert.Empty(t, s.Requests)
	}
	got := testkit.Must(read(t.Context(), "All", readFrom(t, testkit.NewTenant(ones(5)...), armsecops.PageOptions{Prefetch: 64}), 0))
	assert.Equal(t, numbers(5), got)
}

// A pager continues with the next page after a break, and with the same one if All has not yielded its last item.
func TestListingResumesAfterBreak(t *testing.T) {
	t.Parallel()
	resumesAt := map[string]map[int]int{ // item, by the number of pages or items before the break; in pages of five
		"All":      {1: 0, 2: 0, 4: 0, 5: 5, 6: 5, 8: 5, 9: 5, 10: 10},
		"Pages":    {1: 5, 2: 10},
		"NextPage": {1: 5, 2: 10},
	}
	for way, breaks := range resumesAt {
		for leave, first := range breaks {
			for prefetch := range 3 {
				s := testkit.NewTenant(5, 5, 2)
				pager := readFrom(t, s, armsecops.PageOptions{Prefetch: prefetch})
				require.NoError(t, failure(read(t.Context(), way, pager, leave)))
				another := readFrom(t, s, armsecops.PageOptions{ContinuationToken: pager.ContinuationToken()})
				for _, pager := range []*assignmentPager{pager, another} {
					rest := testkit.Must(read(t.Context(), way, pager, 0))
					assert.Equal(t, numbers(12)[first:], rest, "%s, left after %d, prefetch %d", way, leave, prefetch)
				}
			}
		}
	}
}

// What else a token may be, and which are refused, is tested in package resume.
func TestContinuationTokenIsBoundToItsListing(t *testing.T) {
	t.Parallel()
	s := testkit.NewTenant(ones(3)...)
	pager := readFrom(t, s, armsecops.PageOptions{})
	require.NoError(t, failure(pager.NextPage(t.Context())))
	o := armsecops.PageOptions{ContinuationToken: pager.ContinuationToken()}
	client := newAssignmentsClient(t, options(s))
	another := client.NewListPager("rg", &armsecops.SecurityAssignmentsClientListOptions{PageOptions: o})
	assertParameterError(t, failure(another.NextPage(t.Context())), "ContinuationToken")
	assert.False(t, another.More())
	// The tokens of links that are not trusted, one of which is too long for a token.
	for _, link := range []string{"https://evil.example", "?" + strings.Repeat("a", 9<<16)} {
		evil := pagerOf(t, `{"value":[],"nextLink":"`+link+`"}`)
		require.NoError(t, failure(evil.NextPage(t.Context())))
		_, err := newPager(client, armsecops.PageOptions{ContinuationToken: evil.ContinuationToken()}).NextPage(t.Context())
		require.ErrorIs(t, err, armsecops.ErrUntrustedNextLink)
		assert.Contains(t, armsecops.LogValue(err).Group(), slog.String("kind", "response"))
	}
	assert.Equal(t, requests(1), s.Requests, "a bad token is refused before any request")
}

func TestPagingLoopsEndTheListing(t *testing.T) {
	t.Parallel()
	type test struct{ before, cycle int }
	testkit.EachCase(t, map[string]test{
		"first page to itself": {0, 1},
		"a page to itself":     {3, 1},
		"two pages":            {0, 2},
		"late, three pages":    {10, 3},
		"64 pages":             {1, 64},
		"65 pages":             {0, 65},
		"late, 500 pages":      {100, 500},
	}, func(t *testing.T, test test) {
		requests := 0
		client := newAssignmentsClient(t, options(transportFunc(func(req *http.Request) (*http.Response, error) {
			requests++
			page, _ := strconv.Atoi(req.URL.Query().Get("$skipToken"))
			next := page + 1
			if next == test.before+test.cycle {
				next = test.before
			}
			query := "?$skipToken=" + strconv.Itoa(next)
			if next == 0 {
				query = "?api-version=2021-08-01-preview"
			}
			return respond(200, fmt.Sprintf(`{"value":[{"name":"%d"}],"nextLink":%q}`, page, query))(req)
		})))
		got, err := read(t.Context(), "All", newPager(client, armsecops.PageOptions{}), 0)
		require.ErrorIs(t, err, armsecops.ErrPagingLoop)
		assert.ErrorAs(t, err, new(*armsecops.PageError))
		assert.Equal(t, numbers(test.before+test.cycle), got, "each page once")
		assert.Equal(t, test.before+test.cycle, requests)
	})
}

// What a pager keeps of its pages doesn't grow with their links.
func TestLinksAreNotKept(t *testing.T) {
	const pages = 500
	long, page := strings.Repeat("x", 60<<10), 0
	client := newAssignmentsClient(t, options(transportFunc(func(req *http.Request) (*http.Response, error) {
		page++
		return respond(200, fmt.Sprintf(`{"value":[{"name":"a"}],"nextLink":"?$skipToken=%d%s"}`, page, long))(req)
	})))
	pager := client.NewListBySubscriptionPager(nil)
	var before, after runtime.MemStats
	for _, m := range []*runtime.MemStats{&before, &after} {
		for range pages {
			require.NoError(t, failure(pager.NextPage(t.Context())))
		}
		runtime.GC()
		runtime.ReadMemStats(m)
	}
	assert.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(4<<20), "of %d MiB of links", pages*len(long)>>20)
	runtime.KeepAlive(pager)
}

func TestPrefetchIsBounded(t *testing.T) {
	t.Parallel()
	for _, prefetch := range []int{0, 1, 3} {
		synctest.Test(t, func(t *testing.T) {
			s := testkit.NewTenant(ones(20)...)
			pages := readFrom(t, s, armsecops.PageOptions{Prefetch: prefetch}).Pages(t.Context())
			synctest.Wait()
			assert.Empty(t, s.Requests, "nothing happens before the loop")
			read := 0
			for _, err := range pages {
				require.NoError(t, err)
				read++
				synctest.Wait()
				assert.Equal(t, requests(min(20, read+prefetch)), s.Requests)
			}
		})
	}
}

// Leaving a loop cancels the request in flight, rather than waiting for its response.
func TestLeavingCancelsTheRequestInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := testkit.NewTenant(ones(50)...)
		s.Delay = time.Hour
		start := time.Now()
		for _, err := range readFrom(t, s, armsecops.PageOptions{Prefetch: 1}).All(t.Context()) {
			require.NoError(t, err)
			synctest.Wait() // for the request of the second page
			assert.Equal(t, requests(2), s.Requests)
			break
		}
		assert.Equal(t, time.Hour, time.Since(start), "the first page")
	})
}

// A pager has one loop at a time: another one would repeat pages, and with Prefetch use what the first one does.
func TestLoopInALoopIsAnError(t *testing.T) {
	t.Parallel()
	s := testkit.NewTenant(ones(50)...)
	p := readFrom(t, s, armsecops.PageOptions{Prefetch: 1})
	for _, err := range p.All(t.Context()) {
		require.NoError(t, err)
		assert.ErrorContains(t, failure(p.NextPage(t.Context())), "a loop over this pager")
		for _, err := range p.Pages(t.Context()) {
			assert.ErrorContains(t, err, "a loop over this pager")
		}
		break
	}
	assert.NoError(t, failure(p.NextPage(t.Context())))
}

// The caller's context ends a listing, and the error has its cause.
func TestListingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for prefetch := range 3 {
		synctest.Test(t, func(t *testing.T) {
			reason := errors.New("enough")
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			s := testkit.NewTenant(ones(50)...)
			s.Delay = time.Millisecond
			var last error
			for _, err := range readFrom(t, s, armsecops.PageOptions{Prefetch: prefetch}).All(ctx) {
				cancel(reason)
				last = err
			}
			require.ErrorIs(t, last, context.Canceled)
			require.ErrorIs(t, last, reason)
			assert.Zero(t, s.Open.Load())
		})
	}
}

// A token may hold any query: what is sent is one query, with one api-version. The
// page is the first, so that an object without members is an empty list.
func TestQueryOfATokenIsRepaired(t *testing.T) {
	t.Parallel()
	const url = "https://management.azure.com/subscriptions/" + assignmentsSubscription + "/providers/Microsoft.Security/assignments?"
	for text, want := range map[string]string{
		"a#b c\n":                  "a%23b%20c%0A&api-version=2021-08-01-preview",
		"api-version=1&a=https://": "api-version=1&a=https://",
	} {
		client := newAssignmentsClient(t, options(script(t, assertURL(t, url+want, respond(200, `{}`)))))
		token := testkit.Forge(t, newPager(client, armsecops.PageOptions{}).ContinuationToken(), "query", text)
		page := testkit.Must(newPager(client, armsecops.PageOptions{ContinuationToken: token}).NextPage(t.Context()))
		assert.Empty(t, page.Value)
	}
}
