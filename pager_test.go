package armsecops_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// listing is a service with one listing: items named by number, page by page.
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
		select {
		case <-time.After(l.delay):
		case <-req.Context().Done():
			return nil, req.Context().Err()
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
	resp.Body = closing{resp.Body, func() { l.mu.Lock(); l.open--; l.mu.Unlock() }}
	return resp, nil
}

func (l *listing) pager(t testing.TB, o armsecops.PageOptions) *armsecops.Pager[armsecops.Assignment] {
	clientOptions := options(l)
	clientOptions.Retry.MaxRetries = -1
	return newAssignmentsClient(t, clientOptions).NewListBySubscriptionPager(&armsecops.SecurityAssignmentsClientListBySubscriptionOptions{PageOptions: o})
}

func numbers(n int) []string {
	var names []string
	for i := range n {
		names = append(names, strconv.Itoa(i))
	}
	return names
}

func names(page armsecops.AssignmentList) []string {
	var names []string
	for _, a := range page.Value {
		names = append(names, a.Name)
	}
	return names
}

// For random page sizes, faults, breaks and ways to read, the items are exactly the list.
func TestListingIsExact(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
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
		var got []string
		token := ""
		for tries := 0; ; tries++ {
			require.Less(t, tries, 500, "seed %d", seed)
			o := armsecops.PageOptions{ContinuationToken: token, MaxPages: random.IntN(4), Prefetch: random.IntN(3)}
			pager := l.pager(t, o)
			leave := random.IntN(5) // after so many pages
			var err error
			switch way := random.IntN(3); way {
			case 0:
				for n := 0; pager.More() && n < leave && err == nil; n++ {
					var page armsecops.AssignmentList
					if page, err = pager.NextPage(t.Context()); err == nil {
						got = append(got, names(page)...)
					}
				}
			case 1:
				n := 0
				for page, e := range pager.Pages(t.Context()) {
					if err = e; err == nil {
						got = append(got, names(page)...)
					}
					if n++; n >= leave {
						break
					}
				}
			default:
				for item, e := range pager.All(t.Context()) {
					if err = e; err == nil {
						got = append(got, item.Name)
					}
				}
			}
			token = pager.ContinuationToken()
			if err != nil {
				require.False(t, pager.More())
				e, ok := errors.AsType[*armsecops.PageError](err)
				require.True(t, ok)
				require.Equal(t, token, e.ContinuationToken)
				require.NotEmpty(t, token)
				_, again := pager.NextPage(t.Context())
				require.Equal(t, err, again)
			}
			if token == "" {
				break
			}
		}
		require.Equal(t, numbers(l.items), got, "seed %d", seed)
		require.Zero(t, l.open, "bodies left open")
	}
}

func TestPageShapes(t *testing.T) {
	t.Parallel()
	link := "https://management.azure.com/subscriptions/" + assignmentsSubscription + "/providers/Microsoft.Security/assignments?$skipToken=a"
	tests := map[string]struct {
		body string
		more bool
		want int
	}{
		"absent":                  {`{}`, false, 0},
		"null":                    {`{"value":null}`, false, 0},
		"empty":                   {`{"value":[]}`, false, 0},
		"empty link":              {`{"value":[{}],"nextLink":""}`, false, 1},
		"null link":               {`{"value":[{}],"nextLink":null}`, false, 1},
		"no items, but a link":    {`{"value":[],"nextLink":"` + link + `"}`, true, 0},
		"null items, but a link":  {`{"value":null,"nextLink":"` + link + `"}`, true, 0},
		"absent items, link only": {`{"nextLink":"` + link + `"}`, true, 0},
		"unknown members":         {`{"value":[{}],"count":7}`, false, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pager := newAssignmentsClient(t, options(respond(200, test.body))).NewListBySubscriptionPager(nil)
			page, err := pager.NextPage(t.Context())
			require.NoError(t, err)
			assert.Len(t, page.Value, test.want)
			assert.Equal(t, test.more, pager.More())
			assert.Equal(t, test.more, pager.ContinuationToken() != "")
			if name == "unknown members" {
				assert.Equal(t, json.RawMessage("7"), page.AdditionalProperties["count"])
			}
		})
	}
}

// A page is what a JSON package makes of its document, and All has its items,
// however many there are and whatever is open in them.
func TestPagesAreRead(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 6))
	for _, items := range []int{0, 1, 3, 4, 5, 8, 9, 100, 255, 256, 257, 600} {
		t.Run(fmt.Sprint(items, " items"), func(t *testing.T) {
			documents := []string{`{"properties":{"metadata":{}}}`, `{"properties":{"metadata":null}}`, `{"properties":{"metadata":{"a":{"b":[1,{}]}}}}`}
			for len(documents) < items {
				documents = append(documents, randomAssignment(random))
			}
			body := `{"value":[` + strings.Join(documents[:items], ",") + `],"count":1}`
			var want armsecops.AssignmentList
			require.NoError(t, json.Unmarshal([]byte(body), &want))
			require.Len(t, want.Value, items)

			list := func() *armsecops.Pager[armsecops.Assignment] {
				return newAssignmentsClient(t, options(respond(200, body))).NewListBySubscriptionPager(nil)
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
func TestNotAPage(t *testing.T) {
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
			pager := newAssignmentsClient(t, options(respond(200, body))).NewListBySubscriptionPager(nil)
			_, err := pager.NextPage(t.Context())
			require.ErrorContains(t, err, want)
		})
	}
}

func TestMaxPages(t *testing.T) {
	t.Parallel()
	for prefetch := range 3 {
		l := &listing{items: 5}
		pager := l.pager(t, armsecops.PageOptions{MaxPages: 2, Prefetch: prefetch})
		var got []string
		for item, err := range pager.All(t.Context()) {
			require.NoError(t, err)
			got = append(got, item.Name)
		}
		assert.Equal(t, numbers(2), got)
		assert.False(t, pager.More())
		assert.Equal(t, 2, l.requests)
		rest := l.pager(t, armsecops.PageOptions{ContinuationToken: pager.ContinuationToken()})
		for item, err := range rest.All(t.Context()) {
			require.NoError(t, err)
			got = append(got, item.Name)
		}
		assert.Equal(t, numbers(5), got)
	}
	for _, o := range []armsecops.PageOptions{{MaxPages: -1}, {Prefetch: -1}} {
		pager := (&listing{}).pager(t, o)
		assert.False(t, pager.More())
		_, err := pager.NextPage(t.Context())
		assert.ErrorAs(t, err, new(*armsecops.ParameterError))
	}
}

// Pages and All may be started again.
func TestStartAgain(t *testing.T) {
	t.Parallel()
	for prefetch := range 3 {
		size := func(int) int { return 2 }
		pages := (&listing{items: 6, pageSize: size}).pager(t, armsecops.PageOptions{Prefetch: prefetch})
		for page, err := range pages.Pages(t.Context()) {
			require.NoError(t, err)
			assert.Equal(t, []string{"0", "1"}, names(page))
			break
		}
		var rest []string
		for page, err := range pages.Pages(t.Context()) {
			require.NoError(t, err)
			rest = append(rest, names(page)...)
		}
		assert.Equal(t, []string{"2", "3", "4", "5"}, rest)
		for range pages.Pages(t.Context()) {
			t.Error("a page after the end")
		}

		// A page broken off in the middle comes again; one that was finished doesn't.
		all := (&listing{items: 6, pageSize: size}).pager(t, armsecops.PageOptions{Prefetch: prefetch})
		var got []string
		for _, leaveAfter := range []string{"2", "3", ""} {
			for item, err := range all.All(t.Context()) {
				require.NoError(t, err)
				got = append(got, item.Name)
				if item.Name == leaveAfter {
					break
				}
			}
		}
		assert.Equal(t, []string{"0", "1", "2", "2", "3", "4", "5"}, got)

		failing := (&listing{items: 2, fail: map[int]bool{1: true}}).pager(t, armsecops.PageOptions{Prefetch: prefetch})
		for range 2 {
			var last error
			for _, err := range failing.All(t.Context()) {
				last = err
			}
			assert.ErrorAs(t, last, new(*armsecops.PageError))
		}
	}
}

func TestContinuationTokenIsBound(t *testing.T) {
	t.Parallel()
	l := &listing{items: 3}
	pager := l.pager(t, armsecops.PageOptions{})
	_, err := pager.NextPage(t.Context())
	require.NoError(t, err)
	token := pager.ContinuationToken()
	l.requests = 0

	data, err := base64.RawURLEncoding.DecodeString(token)
	require.NoError(t, err)
	assert.NotContains(t, string(data), "fake_token")
	tokens := map[string]string{
		"empty checksum": base64.RawURLEncoding.EncodeToString(data[8:]),
		"cut":            token[:len(token)-4],
		"longer":         token + "AAAA",
		"not base64":     "!" + token[1:],
		"line end":       token + "\n",
		"nothing in it":  base64.RawURLEncoding.EncodeToString(nil) + "A",
		"too long":       strings.Repeat("A", 2<<20),
	}
	for i := range data {
		altered := slices.Clone(data)
		altered[i] ^= 1
		tokens[fmt.Sprintf("byte %d", i)] = base64.RawURLEncoding.EncodeToString(altered)
	}
	for name, token := range tokens {
		_, err := l.pager(t, armsecops.PageOptions{ContinuationToken: token}).NextPage(t.Context())
		assertParameterError(t, err, "ContinuationToken")
		assert.Less(t, len(err.Error()), 1000, name)
	}

	// A token of this listing, where another one is meant.
	o := armsecops.PageOptions{ContinuationToken: token}
	client := newAssignmentsClient(t, options(l))
	other, err := client.WithSubscription(jobsSubscription)
	require.NoError(t, err)
	elsewhere := options(l)
	elsewhere.Cloud = endpoint("https://management.example")
	for name, pager := range map[string]*armsecops.Pager[armsecops.Assignment]{
		"another listing":      client.NewListPager("rg", &armsecops.SecurityAssignmentsClientListOptions{PageOptions: o}),
		"another subscription": other.NewListBySubscriptionPager(&armsecops.SecurityAssignmentsClientListBySubscriptionOptions{PageOptions: o}),
		"another endpoint":     newAssignmentsClient(t, elsewhere).NewListBySubscriptionPager(&armsecops.SecurityAssignmentsClientListBySubscriptionOptions{PageOptions: o}),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := pager.NextPage(t.Context())
			assertParameterError(t, err, "ContinuationToken")
			assert.False(t, pager.More())
		})
	}
	assert.Zero(t, l.requests, "a bad token is refused before any request")

	// The token of a link that the service gave, but that nobody may follow.
	evil := newAssignmentsClient(t, options(respond(200, `{"nextLink":"https://evil.example"}`))).NewListBySubscriptionPager(nil)
	_, err = evil.NextPage(t.Context())
	require.NoError(t, err)
	_, err = l.pager(t, armsecops.PageOptions{ContinuationToken: evil.ContinuationToken()}).NextPage(t.Context())
	require.ErrorIs(t, err, armsecops.ErrUntrustedNextLink)
	assert.Zero(t, l.requests)
}

// Before the first page there is a token, too: that of the first page.
func TestContinuationTokenOfFirstPage(t *testing.T) {
	t.Parallel()
	l := &listing{items: 3, fail: map[int]bool{0: true}}
	pager := l.pager(t, armsecops.PageOptions{})
	before := pager.ContinuationToken()
	require.NotEmpty(t, before)
	_, err := pager.NextPage(t.Context())
	e, ok := errors.AsType[*armsecops.PageError](err)
	require.True(t, ok)
	assert.Equal(t, before, e.ContinuationToken)
	page, err := l.pager(t, armsecops.PageOptions{ContinuationToken: before}).NextPage(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"0"}, names(page))
}

func TestPagingLoops(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ before, cycle, requests int }{
		"first page to itself": {0, 1, 1},
		"a page to itself":     {3, 1, 4},
		"two pages":            {0, 2, 2},
		"late, three pages":    {10, 3, 13},
		"64 pages":             {1, 64, 65},
		"65 pages":             {0, 65, 192},
		"late, 500 pages":      {100, 500, 1023 + 500},
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
			require.GreaterOrEqual(t, len(got), test.before+test.cycle)
			assert.Equal(t, numbers(test.before+test.cycle), got[:test.before+test.cycle])
			assert.LessOrEqual(t, requests, test.requests)
		})
	}
}

// Fetching ahead overlaps the service's work with the caller's.
func TestPrefetchOverlaps(t *testing.T) {
	t.Parallel()
	took := func(t *testing.T, prefetch int) (d time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			pager := (&listing{items: 20, delay: 20 * time.Millisecond}).pager(t, armsecops.PageOptions{Prefetch: prefetch})
			var got []string
			for page, err := range pager.Pages(t.Context()) {
				require.NoError(t, err)
				got = append(got, names(page)...)
				time.Sleep(20 * time.Millisecond) // the caller's work, on synctest's clock
			}
			assert.Equal(t, numbers(20), got)
			d = time.Since(start)
		})
		return d
	}
	without := took(t, 0)
	assert.Equal(t, 800*time.Millisecond, without)
	with := took(t, 1)
	t.Logf("%v without, %v with", without, with)
	assert.LessOrEqual(t, with, without*65/100)
}

// No more pages are fetched than were asked for ahead.
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

// However a loop is left, no goroutine and no body is: synctest fails a test
// that leaves one of its goroutines behind.
func TestLeaving(t *testing.T) {
	t.Parallel()
	reason := errors.New("enough")
	ways := map[string]func(t *testing.T, loop iter.Seq[error], cancel context.CancelCauseFunc) error{
		"break": func(t *testing.T, loop iter.Seq[error], _ context.CancelCauseFunc) error {
			for err := range loop {
				return err
			}
			return nil
		},
		"cancel": func(t *testing.T, loop iter.Seq[error], cancel context.CancelCauseFunc) (last error) {
			for err := range loop {
				cancel(reason)
				last = err
			}
			require.ErrorIs(t, last, context.Canceled)
			require.ErrorIs(t, last, reason)
			return nil
		},
		"error": func(t *testing.T, loop iter.Seq[error], _ context.CancelCauseFunc) (last error) {
			for err := range loop {
				last = err
			}
			require.ErrorAs(t, last, new(*armsecops.PageError))
			return nil
		},
		"panic": func(t *testing.T, loop iter.Seq[error], _ context.CancelCauseFunc) error {
			assert.Panics(t, func() {
				for range loop {
					panic("the caller's")
				}
			})
			return nil
		},
	}
	for name, leave := range ways {
		for prefetch := range 4 {
			for _, all := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, prefetch %d, all %t", name, prefetch, all), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						ctx, cancel := context.WithCancelCause(t.Context())
						defer cancel(nil)
						l := &listing{items: 50, delay: time.Millisecond, fail: map[int]bool{7: true}}
						pager := l.pager(t, armsecops.PageOptions{Prefetch: prefetch})
						loop := func(yield func(error) bool) {
							if all {
								for _, err := range pager.All(ctx) {
									if !yield(err) {
										return
									}
								}
								return
							}
							for _, err := range pager.Pages(ctx) {
								if !yield(err) {
									return
								}
							}
						}
						require.NoError(t, leave(t, loop, cancel))
						sent := l.requests // without the lock: nobody else is there any more
						time.Sleep(time.Second)
						assert.Equal(t, sent, l.requests, "a request after the loop")
						assert.Zero(t, l.open)
					})
				})
			}
		}
	}
}

// Concurrent listings of one client don't disturb each other.
func TestConcurrentListings(t *testing.T) {
	t.Parallel()
	l := &listing{items: 30, pageSize: func(page int) int { return page % 4 }}
	client := newAssignmentsClient(t, options(l))
	var wait sync.WaitGroup
	for range 16 {
		wait.Go(func() {
			var got []string
			for item, err := range client.NewListBySubscriptionPager(&armsecops.SecurityAssignmentsClientListBySubscriptionOptions{PageOptions: armsecops.PageOptions{Prefetch: 2}}).All(t.Context()) {
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

// Whatever the token, it is refused or names a page of the listing.
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
		return respond(200, "{}")(req)
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
