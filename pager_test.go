package armsecops_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/testkit"
)

// listing is a service with one listing, whose items are named by number.
type listing struct {
	items    int
	pageSize func(page int) int // nil: 1
	fail     map[int]bool       // the pages whose next request fails
	delay    time.Duration      // of a page

	mu       sync.Mutex
	requests int
	open     int // bodies
}

func (l *listing) Do(req *http.Request) (*http.Response, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests++
	page, first := 0, 0
	if token := req.URL.Query().Get("$skipToken"); token != "" {
		_, err := fmt.Sscanf(token, "page %d, item %d", &page, &first)
		if err != nil {
			return respond(400)(req)
		}
	}
	if l.delay > 0 {
		l.mu.Unlock()
		select {
		case <-time.After(l.delay):
		case <-req.Context().Done():
		}
		l.mu.Lock()
		if err := req.Context().Err(); err != nil {
			return nil, err
		}
	}
	if l.fail[page] {
		delete(l.fail, page)
		return respond(500, `{"error":{"code":"InternalServerError"}}`)(req)
	}
	size := 1
	if l.pageSize != nil {
		size = l.pageSize(page)
	}
	last := min(first+size, l.items)
	var body strings.Builder
	body.WriteString(`{"value":[`)
	for n := first; n < last; n++ {
		if n > first {
			body.WriteString(",")
		}
		fmt.Fprintf(&body, `{"name":"%d"}`, n)
	}
	body.WriteString("]")
	if last < l.items {
		fmt.Fprintf(&body, `,"nextLink":"https://%s%s?$skipToken=page %d, item %d"`, req.URL.Host, req.URL.Path, page+1, last)
	}
	body.WriteString("}")
	resp, _ := respond(200, body.String())(req)
	l.open++
	resp.Body = testkit.Closing{Reader: resp.Body, Closed: func() { l.mu.Lock(); l.open--; l.mu.Unlock() }}
	return resp, nil
}

func (l *listing) pager(t testing.TB, o armsecops.PageOptions) *armsecops.Pager[armsecops.Assignment] {
	clientOptions := options(l)
	clientOptions.Retry.MaxRetries = -1
	list := &armsecops.SecurityAssignmentsClientListBySubscriptionOptions{PageOptions: o}
	return newAssignmentsClient(t, clientOptions).NewListBySubscriptionPager(list)
}

// sent returns the number of requests.
func (l *listing) sent() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.requests
}

func names(page armsecops.AssignmentList) []string {
	var names []string
	for _, a := range page.Value {
		names = append(names, a.Name)
	}
	return names
}

// ways are the ways to read a pager. Each reads up to a number of pages, or to the
// end if that is 0, and returns the names of the items.
var ways = map[string]func(ctx context.Context, pager *armsecops.Pager[armsecops.Assignment], pages int) ([]string, error){
	"NextPage": func(ctx context.Context, pager *armsecops.Pager[armsecops.Assignment], pages int) (got []string, _ error) {
		for n := 1; pager.More(); n++ {
			page, err := pager.NextPage(ctx)
			if err != nil {
				return got, err
			}
			got = append(got, names(page)...)
			if n == pages {
				break
			}
		}
		return got, nil
	},
	"Pages": func(ctx context.Context, pager *armsecops.Pager[armsecops.Assignment], pages int) (got []string, _ error) {
		n := 0
		for page, err := range pager.Pages(ctx) {
			if err != nil {
				return got, err
			}
			got = append(got, names(page)...)
			if n++; n == pages {
				break
			}
		}
		return got, nil
	},
	"All": func(ctx context.Context, pager *armsecops.Pager[armsecops.Assignment], _ int) (got []string, _ error) {
		for item, err := range pager.All(ctx) {
			if err != nil {
				return got, err
			}
			got = append(got, item.Name)
		}
		return got, nil
	},
}

// readOn reads a listing in one way, with a new pager wherever one ends, until
// nothing is left. The page sizes and the faults of pages are the listing's.
func (l *listing) readOn(t *testing.T, way string, pages int, o armsecops.PageOptions) (got []string) {
	t.Helper()
	for range 500 {
		pager := l.pager(t, o)
		items, err := ways[way](t.Context(), pager, pages)
		got = append(got, items...)
		o.ContinuationToken = pager.ContinuationToken()
		if err != nil {
			require.False(t, pager.More())
			e, ok := errors.AsType[*armsecops.PageError](err)
			require.True(t, ok)
			require.Equal(t, o.ContinuationToken, e.ContinuationToken)
			require.NotEmpty(t, o.ContinuationToken)
			_, again := pager.NextPage(t.Context())
			require.Equal(t, err, again)
		}
		if o.ContinuationToken == "" {
			require.Zero(t, l.open, "bodies left open")
			return got
		}
	}
	require.Fail(t, "the listing doesn't end")
	return nil
}

// However a listing is read, and wherever it is resumed, its items are yielded once each.
func TestListingIsExact(t *testing.T) {
	t.Parallel()
	sizes := map[string]func(page int) int{
		"pages of one":          nil,
		"pages of two":          func(int) int { return 2 },
		"empty pages":           func(page int) int { return page % 3 },
		"one page":              func(int) int { return 20 },
		"an empty page at last": func(page int) int { return max(0, 9-page) },
	}
	tests := map[string]struct {
		pages   int // read with each pager; 0: all
		options armsecops.PageOptions
		faults  []int
	}{
		"to the end":         {},
		"page by page":       {pages: 1},
		"two pages each":     {pages: 2},
		"MaxPages 1":         {options: armsecops.PageOptions{MaxPages: 1}},
		"MaxPages 2":         {options: armsecops.PageOptions{MaxPages: 2}},
		"fetched ahead":      {options: armsecops.PageOptions{Prefetch: 2}},
		"ahead, by two":      {pages: 2, options: armsecops.PageOptions{Prefetch: 3}},
		"ahead, MaxPages 2":  {options: armsecops.PageOptions{MaxPages: 2, Prefetch: 1}},
		"faults":             {faults: []int{0, 1, 3}},
		"faults, ahead":      {options: armsecops.PageOptions{Prefetch: 2}, faults: []int{0, 1, 3}},
		"faults, MaxPages 2": {options: armsecops.PageOptions{MaxPages: 2}, faults: []int{0, 2}},
	}
	for size, pageSize := range sizes {
		for name, test := range tests {
			for way := range ways {
				t.Run(size+", "+name+", "+way, func(t *testing.T) {
					t.Parallel()
					l := &listing{items: 10, pageSize: pageSize, fail: map[int]bool{}}
					for _, page := range test.faults {
						l.fail[page] = true
					}
					assert.Equal(t, numbers(10), l.readOn(t, way, test.pages, test.options))
				})
			}
		}
	}
}

// As TestListingIsExact, with sizes, faults and ways by chance.
func FuzzListingIsExact(f *testing.F) {
	for seed := range uint64(50) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 0))
		sizes := make([]int, 100)
		for i := range sizes {
			sizes[i] = random.IntN(6) // empty pages with a link among them
		}
		l := &listing{items: random.IntN(60), fail: map[int]bool{}, pageSize: func(page int) int {
			if page < len(sizes) {
				return sizes[page]
			}
			return 5
		}}
		for range random.IntN(4) {
			l.fail[random.IntN(12)] = true
		}
		way := slices.Sorted(maps.Keys(ways))[random.IntN(len(ways))]
		o := armsecops.PageOptions{MaxPages: random.IntN(4), Prefetch: random.IntN(3)}
		require.Equal(t, numbers(l.items), l.readOn(t, way, random.IntN(5), o))
	})
}

func TestPageMayLackItsMembers(t *testing.T) {
	t.Parallel()
	link := "https://management.azure.com/subscriptions/" + assignmentsSubscription + "/providers/Microsoft.Security/assignments?$skipToken=a"
	tests := map[string]struct {
		body string
		more bool
		want int
	}{
		"absent":                 {`{}`, false, 0},
		"null":                   {`{"value":null}`, false, 0},
		"empty":                  {`{"value":[]}`, false, 0},
		"empty link":             {`{"value":[{}],"nextLink":""}`, false, 1},
		"null link":              {`{"value":[{}],"nextLink":null}`, false, 1},
		"no items, but a link":   {`{"value":[],"nextLink":"` + link + `"}`, true, 0},
		"null items, but a link": {`{"value":null,"nextLink":"` + link + `"}`, true, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pager := newAssignmentsClient(t, options(script(t, respond(200, test.body)))).NewListBySubscriptionPager(nil)
			page, err := pager.NextPage(t.Context())
			require.NoError(t, err)
			assert.Len(t, page.Value, test.want)
			assert.Equal(t, test.more, pager.More())
			assert.Equal(t, test.more, pager.ContinuationToken() != "")
		})
	}
}

// A page is what a JSON package makes of its document, and All yields its items.
func TestPagesAreWhatTheirDocumentsSay(t *testing.T) {
	t.Parallel()
	documents := []string{
		`{"properties":{"metadata":{}}}`, `{"properties":{"metadata":null}}`, `{"properties":{"metadata":{"a":{"b":[1,{}]}}}}`,
		wholeAssignment, `{}`, `{"name":"a","other":[{}]}`,
	}
	for _, items := range []int{0, 1, 3, 4, 5, 8, 9, 100, 255, 256, 257, 600} {
		t.Run(fmt.Sprint(items, " items"), func(t *testing.T) {
			t.Parallel()
			var value []string
			for n := range items {
				value = append(value, documents[n%len(documents)])
			}
			body := `{"value":[` + strings.Join(value, ",") + `],"count":1}`
			var want armsecops.AssignmentList
			require.NoError(t, json.Unmarshal([]byte(body), &want))
			require.Len(t, want.Value, items)
			assert.Equal(t, json.RawMessage("1"), want.AdditionalProperties["count"])

			list := func() *armsecops.Pager[armsecops.Assignment] {
				return newAssignmentsClient(t, options(script(t, respond(200, body)))).NewListBySubscriptionPager(nil)
			}
			page, err := list().NextPage(t.Context())
			require.NoError(t, err)
			require.Equal(t, want, page)
			for page, err := range list().Pages(t.Context()) {
				require.NoError(t, err)
				require.Equal(t, want, page)
			}
			all := []armsecops.Assignment{}
			for assignment, err := range list().All(t.Context()) {
				require.NoError(t, err)
				all = append(all, assignment)
			}
			require.Equal(t, want.Value, all)
		})
	}
}

// A body that isn't a page is an error that says where, and what is wrong there.
// The slice of a page is made for all of its elements, and is no larger than the
// text if they are not what the first one makes expect. The allocator rounds up by
// less than a fifth.
func TestPageIsMadeInOnePiece(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 100*int(reflect.TypeFor[armsecops.Assignment]().Size()))
	tests := map[string]struct {
		body string
		room int
	}{
		"alike":           {`{"value":[` + strings.Repeat(wholeAssignment+",", 999) + wholeAssignment + `]}`, 1000},
		"after a link":    {`{"nextLink":"","value":[` + strings.Repeat(wholeAssignment+",", 99) + wholeAssignment + `]}`, 100},
		"a short one":     {`{"value":[{},{"name":"` + long + `"}]}`, 102},
		"a long one":      {`{"value":[{"name":"` + long + `"},{}]}`, 2},
		"a member beside": {`{"value":[{}],"other":"` + long + `"}`, 102},
		"none":            {`{"value":[],"other":"` + long + `"}`, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page, err := newAssignmentsClient(t, options(script(t, respond(200, test.body)))).NewListBySubscriptionPager(nil).NextPage(t.Context())
			require.NoError(t, err)
			assert.LessOrEqual(t, cap(page.Value), test.room*6/5)
		})
	}
}

func TestBodyThatIsNoPageIsAnError(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`[]`:                    "decoding the response: an array is not an object",
		`{"value":5}`:           "/value: a number is not an array",
		`{"value":[5]}`:         "/value/0: a number is not an object",
		`{"value":[{},{},[]]}`:  "/value/2: an array is not an object",
		`{"nextLink":7}`:        "/nextLink: a number is not a string",
		`{"value":[{"tags":{`:   "unexpected EOF",
		`{"value":[{"id":[]}]}`: "/value/0/id: an array is not a string",
		`{"value":[{"properties":{"expiresOn":"TOMORROW"}}]}`: `/value/0/properties/expiresOn: "TOMORROW" is not a time`,
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			pager := newAssignmentsClient(t, options(script(t, respond(200, body)))).NewListBySubscriptionPager(nil)
			_, err := pager.NextPage(t.Context())
			require.ErrorContains(t, err, want)
		})
	}
}

func TestMaxPagesEndsThePager(t *testing.T) {
	t.Parallel()
	for prefetch := range 3 {
		for way, read := range ways {
			l := &listing{items: 5}
			pager := l.pager(t, armsecops.PageOptions{MaxPages: 2, Prefetch: prefetch})
			got, err := read(t.Context(), pager, 0)
			require.NoError(t, err, way)
			assert.Equal(t, numbers(2), got)
			assert.False(t, pager.More())
			_, err = pager.NextPage(t.Context())
			require.EqualError(t, err, "no more pages")
			assert.Equal(t, 2, l.requests)
			rest, err := read(t.Context(), l.pager(t, armsecops.PageOptions{ContinuationToken: pager.ContinuationToken()}), 0)
			require.NoError(t, err)
			assert.Equal(t, numbers(5)[2:], rest)
		}
	}
}

func TestPageOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for _, o := range []armsecops.PageOptions{{MaxPages: -1}, {Prefetch: -1}, {Prefetch: 65}} {
		name := "Prefetch"
		if o.MaxPages != 0 {
			name = "MaxPages"
		}
		l := &listing{items: 5}
		pager := l.pager(t, o)
		assert.False(t, pager.More())
		_, err := pager.NextPage(t.Context())
		assertParameterError(t, err, name)
		for _, err := range l.pager(t, o).Pages(t.Context()) {
			assertParameterError(t, err, name)
		}
		for _, err := range l.pager(t, o).All(t.Context()) {
			assertParameterError(t, err, name)
		}
		_, err = ways["All"](t.Context(), l.pager(t, o), 0)
		require.Error(t, err, "yielded, not left out")
		_, err = ways["Pages"](t.Context(), l.pager(t, o), 0)
		require.Error(t, err, "yielded, not left out")
		assert.Zero(t, l.requests)
	}
	got, err := ways["All"](t.Context(), (&listing{items: 5}).pager(t, armsecops.PageOptions{Prefetch: 64}), 0)
	require.NoError(t, err)
	assert.Equal(t, numbers(5), got)
}

func TestPagesResumesAfterBreak(t *testing.T) {
	t.Parallel()
	for prefetch := range 3 {
		l := &listing{items: 6, pageSize: func(int) int { return 2 }}
		pager := l.pager(t, armsecops.PageOptions{Prefetch: prefetch})
		got, err := ways["Pages"](t.Context(), pager, 1)
		require.NoError(t, err)
		assert.Equal(t, []string{"0", "1"}, got)
		got, err = ways["Pages"](t.Context(), pager, 0)
		require.NoError(t, err)
		assert.Equal(t, []string{"2", "3", "4", "5"}, got)
		for range pager.Pages(t.Context()) {
			t.Error("a page after the end")
		}
	}
}

// After a break in a page its items are repeated; after its last item they aren't.
func TestAllResumesAfterBreak(t *testing.T) {
	t.Parallel()
	resumesAt := map[int]int{0: 0, 1: 0, 3: 0, 4: 5, 5: 5, 7: 5, 8: 5, 9: 10} // by the last item, in pages of five
	for last, first := range resumesAt {
		for prefetch := range 3 {
			t.Run(fmt.Sprintf("after item %d, prefetch %d", last, prefetch), func(t *testing.T) {
				t.Parallel()
				want := numbers(12)[first:]
				l := &listing{items: 12, pageSize: func(int) int { return 5 }}
				pager := l.pager(t, armsecops.PageOptions{Prefetch: prefetch})
				for item, err := range pager.All(t.Context()) {
					require.NoError(t, err)
					if item.Name == strconv.Itoa(last) {
						break
					}
				}
				token := pager.ContinuationToken()
				rest, err := ways["All"](t.Context(), pager, 0)
				require.NoError(t, err)
				assert.Equal(t, want, rest, "the same pager")
				rest, err = ways["All"](t.Context(), l.pager(t, armsecops.PageOptions{ContinuationToken: token}), 0)
				require.NoError(t, err)
				assert.Equal(t, want, rest, "another pager with the token")
			})
		}
	}
}

func TestFailedPagerRepeatsItsError(t *testing.T) {
	t.Parallel()
	for prefetch := range 3 {
		l := &listing{items: 2, fail: map[int]bool{1: true}}
		pager := l.pager(t, armsecops.PageOptions{Prefetch: prefetch})
		for range 2 {
			_, err := ways["All"](t.Context(), pager, 0)
			assert.ErrorAs(t, err, new(*armsecops.PageError))
		}
		assert.Equal(t, 2, l.requests)
	}
}

func TestContinuationTokenIsBoundToItsListing(t *testing.T) {
	t.Parallel()
	l := &listing{items: 3}
	pager := l.pager(t, armsecops.PageOptions{})
	_, err := pager.NextPage(t.Context())
	require.NoError(t, err)
	token := pager.ContinuationToken()
	l.requests = 0

	// That each altered byte is noticed is tested in package resume.
	data, err := base64.RawURLEncoding.DecodeString(token)
	require.NoError(t, err)
	assert.NotContains(t, string(data), "fake_token")
	altered := bytes.Replace(data, []byte("management"), []byte("managemant"), 1)
	require.NotEqual(t, data, altered)
	tokens := map[string]string{
		"altered":  base64.RawURLEncoding.EncodeToString(altered),
		"too long": strings.Repeat("A", 2<<20),
	}
	for name, token := range tokens {
		_, err := l.pager(t, armsecops.PageOptions{ContinuationToken: token}).NextPage(t.Context())
		assertParameterError(t, err, "ContinuationToken")
		assert.Less(t, len(err.Error()), 1000, name)
	}

	// A token of this listing, given to another one.
	o := armsecops.PageOptions{ContinuationToken: token}
	bySubscription := &armsecops.SecurityAssignmentsClientListBySubscriptionOptions{PageOptions: o}
	client := newAssignmentsClient(t, options(l))
	other, err := newFactory(t, &azfake.TokenCredential{}, options(l)).NewSecurityAssignmentsClient(jobsSubscription)
	require.NoError(t, err)
	elsewhere := options(l)
	elsewhere.Cloud = endpoint("https://management.example")
	for name, pager := range map[string]*armsecops.Pager[armsecops.Assignment]{
		"another listing":      client.NewListPager("rg", &armsecops.SecurityAssignmentsClientListOptions{PageOptions: o}),
		"another subscription": other.NewListBySubscriptionPager(bySubscription),
		"another endpoint":     newAssignmentsClient(t, elsewhere).NewListBySubscriptionPager(bySubscription),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := pager.NextPage(t.Context())
			assertParameterError(t, err, "ContinuationToken")
			assert.False(t, pager.More())
		})
	}
	assert.Zero(t, l.requests, "a bad token is refused before any request")

	// The token of a link that is not trusted.
	evil := newAssignmentsClient(t, options(script(t, respond(200, `{"value":[],"nextLink":"https://evil.example"}`)))).NewListBySubscriptionPager(nil)
	_, err = evil.NextPage(t.Context())
	require.NoError(t, err)
	_, err = l.pager(t, armsecops.PageOptions{ContinuationToken: evil.ContinuationToken()}).NextPage(t.Context())
	require.ErrorIs(t, err, armsecops.ErrUntrustedNextLink)
	assert.Zero(t, l.requests)
}

func TestPagingLoopsEndTheListing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ before, cycle int }{
		"first page to itself": {0, 1},
		"a page to itself":     {3, 1},
		"two pages":            {0, 2},
		"late, three pages":    {10, 3},
		"64 pages":             {1, 64},
		"65 pages":             {0, 65},
		"late, 500 pages":      {100, 500},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
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
			var got []string
			var last error
			for item, err := range client.NewListBySubscriptionPager(nil).All(t.Context()) {
				if last = err; err == nil {
					got = append(got, item.Name)
				}
			}
			require.ErrorIs(t, last, armsecops.ErrPagingLoop)
			assert.ErrorAs(t, last, new(*armsecops.PageError))
			assert.Equal(t, numbers(test.before+test.cycle), got, "each page once")
			assert.Equal(t, test.before+test.cycle, requests)
		})
	}
}

// What a pager keeps of its pages doesn't grow with their links.
func TestLinksAreNotKept(t *testing.T) {
	const pages = 500
	long := strings.Repeat("x", 60<<10)
	page := 0
	client := newAssignmentsClient(t, options(transportFunc(func(req *http.Request) (*http.Response, error) {
		page++
		return respond(200, fmt.Sprintf(`{"value":[{"name":"a"}],"nextLink":"?$skipToken=%d%s"}`, page, long))(req)
	})))
	pager := client.NewListBySubscriptionPager(nil)
	var before, after runtime.MemStats
	for _, m := range []*runtime.MemStats{&before, &after} {
		for range pages {
			_, err := pager.NextPage(t.Context())
			require.NoError(t, err)
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
			l := &listing{items: 20}
			read := 0
			for _, err := range l.pager(t, armsecops.PageOptions{Prefetch: prefetch}).Pages(t.Context()) {
				require.NoError(t, err)
				read++
				synctest.Wait()
				l.mu.Lock()
				assert.Equal(t, min(20, read+prefetch), l.requests)
				l.mu.Unlock()
			}
		})
	}
}

// Leaving a loop cancels the request in flight, rather than waiting for its response.
func TestLeavingCancelsTheRequestInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &listing{items: 50, delay: time.Hour}
		start := time.Now()
		for _, err := range l.pager(t, armsecops.PageOptions{Prefetch: 1}).All(t.Context()) {
			require.NoError(t, err)
			synctest.Wait() // for the request of the second page
			assert.Equal(t, 2, l.sent())
			break
		}
		assert.Equal(t, time.Hour, time.Since(start), "the first page")
	})
}

// The caller's context ends a listing, and the error has its cause.
func TestListingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for prefetch := range 3 {
		synctest.Test(t, func(t *testing.T) {
			reason := errors.New("enough")
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			l := &listing{items: 50, delay: time.Millisecond}
			var last error
			for _, err := range l.pager(t, armsecops.PageOptions{Prefetch: prefetch}).All(ctx) {
				cancel(reason)
				last = err
			}
			require.ErrorIs(t, last, context.Canceled)
			require.ErrorIs(t, last, reason)
			assert.Zero(t, l.open)
		})
	}
}

func TestConcurrentListingsDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	l := &listing{items: 30, pageSize: func(page int) int { return page % 4 }}
	client := newAssignmentsClient(t, options(l))
	o := &armsecops.SecurityAssignmentsClientListBySubscriptionOptions{PageOptions: armsecops.PageOptions{Prefetch: 2}}
	var wait sync.WaitGroup
	for range 16 {
		wait.Go(func() {
			var got []string
			for item, err := range client.NewListBySubscriptionPager(o).All(t.Context()) {
				if !assert.NoError(t, err) {
					return
				}
				got = append(got, item.Name)
			}
			assert.Equal(t, numbers(30), got)
		})
	}
	wait.Wait()
}

// A token is refused or names a page of the listing.
func FuzzContinuationToken(f *testing.F) {
	l := &listing{items: 2}
	pager := l.pager(f, armsecops.PageOptions{})
	f.Add(pager.ContinuationToken())
	_, err := pager.NextPage(f.Context())
	require.NoError(f, err)
	f.Add(pager.ContinuationToken())
	f.Add("")
	f.Add("AAAA")
	path := "/subscriptions/" + assignmentsSubscription + "/providers/Microsoft.Security/assignments"
	client := newAssignmentsClient(f, options(transportFunc(func(req *http.Request) (*http.Response, error) {
		if req.URL.Host != "management.azure.com" || req.URL.Path != path {
			f.Errorf("sent to %s", req.URL)
		}
		return respond(200, minimal)(req)
	})))
	f.Fuzz(func(t *testing.T, token string) {
		_, err := client.NewListBySubscriptionPager(&armsecops.SecurityAssignmentsClientListBySubscriptionOptions{
			PageOptions: armsecops.PageOptions{ContinuationToken: token},
		}).NextPage(t.Context())
		if err != nil && !errors.Is(err, armsecops.ErrUntrustedNextLink) {
			require.ErrorAs(t, err, new(*armsecops.ParameterError))
		}
	})
}

// The option APIVersion is sent with every page, whatever the link says.
func TestAPIVersionReplacesThatOfALink(t *testing.T) {
	t.Parallel()
	var query string
	o := options(script(t, respond(200, `{"value":[{"id":"/a"}],"nextLink":"?api-version=1&$skip=1"}`), func(req *http.Request) (*http.Response, error) {
		query = req.URL.RawQuery
		return respond(200, `{"value":[]}`)(req)
	}))
	o.APIVersion = "2030-01-01"
	for _, err := range newAssignmentsClient(t, o).NewListBySubscriptionPager(nil).All(t.Context()) {
		require.NoError(t, err)
	}
	assert.Equal(t, "$skip=1&api-version=2030-01-01", query)
}

// A token may hold any query: what is sent is one query, with one api-version. The
// page is the first, so that an object without members is an empty list.
func TestQueryOfATokenIsRepaired(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a#b c\n":                  "a%23b%20c%0A&api-version=2021-08-01-preview",
		"api-version=1&a=https://": "api-version=1&a=https://",
	} {
		var query string
		client := newAssignmentsClient(t, options(script(t, func(req *http.Request) (*http.Response, error) {
			query = req.URL.RawQuery
			return respond(200, `{}`)(req)
		})))
		o := armsecops.PageOptions{ContinuationToken: forge(t, client.NewListBySubscriptionPager(nil).ContinuationToken(), "query", text)}
		page, err := client.NewListBySubscriptionPager(&armsecops.SecurityAssignmentsClientListBySubscriptionOptions{PageOptions: o}).NextPage(t.Context())
		require.NoError(t, err)
		assert.Empty(t, page.Value)
		assert.Equal(t, want, query)
	}
}
