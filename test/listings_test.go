package test

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// jobPages is a service that has ten jobs, two on a page, whatever $top says.
func jobPages(req *http.Request) (*http.Response, error) {
	first, _ := strconv.Atoi(req.URL.Query().Get("$skipToken"))
	var jobs []string
	for n := first; n < min(first+2, 10); n++ {
		jobs = append(jobs, fmt.Sprintf(`{"name":"job%d"}`, n))
	}
	link := ""
	if first+2 < 10 {
		link = fmt.Sprintf("https://management.azure.com%s?$skipToken=%d&$top=%s", req.URL.EscapedPath(), first+2, req.URL.Query().Get("$top"))
	}
	return respond(200, `{"value":[`+strings.Join(jobs, ",")+`],"nextLink":"`+link+`"}`)(req)
}

// Top bounds what a listing yields, whether the service takes it for the size of
// the listing or of a page. A page that was cut is repeated, none is lost.
func TestTopBoundsWhatAListingYields(t *testing.T) {
	t.Parallel()
	readers := map[string]func(*testing.T, *armsecops.Pager[armsecops.Job]) []string{
		"NextPage": func(t *testing.T, p *armsecops.Pager[armsecops.Job]) (names []string) {
			for p.More() {
				page, err := p.NextPage(t.Context())
				require.NoError(t, err)
				for _, job := range page.Value {
					names = append(names, job.Name)
				}
			}
			return names
		},
		"All": func(t *testing.T, p *armsecops.Pager[armsecops.Job]) (names []string) {
			for job, err := range p.All(t.Context()) {
				require.NoError(t, err)
				names = append(names, job.Name)
			}
			return names
		},
		"Pages": func(t *testing.T, p *armsecops.Pager[armsecops.Job]) (names []string) {
			for page, err := range p.Pages(t.Context()) {
				require.NoError(t, err)
				for _, job := range page.Value {
					names = append(names, job.Name)
				}
			}
			return names
		},
	}
	tests := map[string]struct {
		top, prefetch int
		want          int
		rest          int // jobs that a pager with the continuation token yields
	}{
		"none":                  {top: 0, want: 10},
		"one":                   {top: 1, want: 1, rest: 10},
		"a page":                {top: 2, want: 2, rest: 8},
		"a page and a half":     {top: 3, want: 3, rest: 8},
		"the same, prefetching": {top: 3, prefetch: 3, want: 3, rest: 8},
		"all":                   {top: 10, want: 10},
		"more than there are":   {top: 11, want: 10},
	}
	for name, test := range tests {
		for reader, read := range readers {
			t.Run(name+"/"+reader, func(t *testing.T) {
				t.Parallel()
				client := newJobsClient(t, options(transportFunc(jobPages)))
				pager := client.NewListPager("rg", "workspace", "assignment", &armsecops.WorkspaceManagerJobsClientListOptions{
					Top: int32(test.top), PageOptions: armsecops.PageOptions{Prefetch: test.prefetch},
				})
				names := read(t, pager)
				assert.Len(t, names, test.want)
				assert.False(t, pager.More())
				if test.rest == 0 {
					assert.Empty(t, pager.ContinuationToken())
					return
				}
				rest := read(t, client.NewListPager("rg", "workspace", "assignment", &armsecops.WorkspaceManagerJobsClientListOptions{
					PageOptions: armsecops.PageOptions{ContinuationToken: pager.ContinuationToken()},
				}))
				assert.Len(t, rest, test.rest)
				assert.Equal(t, "job9", rest[len(rest)-1])
			})
		}
	}
}

// The token of a first page that failed keeps the query of the listing.
func TestTokenOfTheFirstPageKeepsItsQuery(t *testing.T) {
	t.Parallel()
	var query string
	client := newJobsClient(t, options(script(t, respond(403), func(req *http.Request) (*http.Response, error) {
		query = req.URL.RawQuery
		return respond(200, minimal)(req)
	})))
	list := func(o *armsecops.WorkspaceManagerJobsClientListOptions) (string, error) {
		pager := client.NewListPager("rg", "workspace", "assignment", o)
		_, err := pager.NextPage(t.Context())
		return pager.ContinuationToken(), err
	}
	token, err := list(&armsecops.WorkspaceManagerJobsClientListOptions{OrderBy: "name desc", Top: 7, SkipToken: "a b"})
	require.ErrorIs(t, err, armsecops.ErrForbidden)
	_, err = list(&armsecops.WorkspaceManagerJobsClientListOptions{PageOptions: armsecops.PageOptions{ContinuationToken: token}})
	require.NoError(t, err)
	assert.Equal(t, "$orderby=name%20desc&$top=7&$skipToken=a%20b&api-version=2025-04-01-preview", query)
}

// Two tokens for one subscription are the caller's mistake, and not a matter of a
// map's order.
func TestTwoTokensForOneSubscription(t *testing.T) {
	t.Parallel()
	client := newAssignmentsClient(t, options(script(t)))
	n := 0
	for _, err := range client.ListAcrossSubscriptions(t.Context(), []string{jobsSubscription}, &armsecops.SecurityAssignmentsClientListAcrossSubscriptionsOptions{
		ContinuationTokens: map[string]string{jobsSubscription: "", strings.ToUpper(jobsSubscription): "a"},
	}) {
		assertParameterError(t, err, "ContinuationTokens")
		n++
	}
	assert.Equal(t, 1, n)
}

// A listing whose links only grow a $skip has no end but MaxPages.
func TestMaxPagesEndsAListingThatOnlyGrows(t *testing.T) {
	t.Parallel()
	n := 0
	client := newAssignmentsClient(t, options(transportFunc(func(req *http.Request) (*http.Response, error) {
		n++
		return respond(200, fmt.Sprintf(`{"value":[{}],"nextLink":"?$skip=%d"}`, n))(req)
	})))
	items := 0
	for _, err := range client.NewListPager("rg", &armsecops.SecurityAssignmentsClientListOptions{PageOptions: armsecops.PageOptions{MaxPages: 50}}).All(t.Context()) {
		require.NoError(t, err)
		items++
	}
	assert.Equal(t, 50, items)
}

// A listing that has pages but no items, forever, ends without the caller, and
// can be resumed. One item among them is enough.
func TestEmptyPagesEndTheListing(t *testing.T) {
	t.Parallel()
	const most = 1000
	number := func(req *http.Request) int { // of the page
		at := req.URL.Query().Get("$skipToken")
		if req.Method == http.MethodPost {
			_, query := readGraphRequest(t, req)
			at = query.Options.SkipToken
		}
		page, _ := strconv.Atoi(at)
		return page
	}
	tests := map[string]struct {
		pages int   // of the listing
		items []int // the pages that have one
		ends  int   // requests
		loop  bool
	}{
		"endless":                     {math.MaxInt, nil, most, true},
		"an item in the first page":   {math.MaxInt, []int{0}, 1 + most, true},
		"an item in the last of them": {math.MaxInt, []int{most - 1}, 2 * most, true},
		"just short enough":           {most, nil, most, false},
		"items now and then":          {3 * most, []int{most - 1, 2*most - 1}, 3 * most, false},
	}
	for name, test := range tests {
		for _, listing := range []string{"links", "queries", "across"} {
			t.Run(name+", "+listing, func(t *testing.T) {
				t.Parallel()
				requests := 0
				o := options(transportFunc(func(req *http.Request) (*http.Response, error) {
					requests++
					page := number(req)
					value, next := "", ""
					if slices.Contains(test.items, page) {
						value = `{"name":"a"}`
					}
					if page+1 < test.pages {
						next = strconv.Itoa(page + 1)
					}
					if listing == "queries" {
						return respond(200, fmt.Sprintf(`{"data":[%s],"$skipToken":%q}`, value, next))(req)
					}
					if next != "" {
						next = "?$skipToken=" + next
					}
					return respond(200, fmt.Sprintf(`{"value":[%s],"nextLink":%q}`, value, next))(req)
				}))
				client := newAssignmentsClient(t, o)
				items, token := 0, ""
				var last error
				count := func(err error) {
					if err == nil {
						items++
					} else if page, ok := errors.AsType[*armsecops.PageError](err); assert.True(t, ok) {
						last, token = err, page.ContinuationToken
					}
				}
				switch listing {
				case "links":
					for _, err := range client.NewListBySubscriptionPager(nil).All(t.Context()) {
						count(err)
					}
				case "queries":
					for _, err := range client.NewResourceGraphPager(nil).All(t.Context()) {
						count(err)
					}
				default:
					for _, err := range client.ListAcrossSubscriptions(t.Context(), subscriptionIDs(1), nil) {
						count(err)
					}
				}
				assert.Len(t, test.items, items)
				assert.Equal(t, test.ends, requests)
				if !test.loop {
					require.NoError(t, last)
					return
				}
				require.ErrorIs(t, last, armsecops.ErrPagingLoop)
				assert.ErrorContains(t, last, "1000 pages in a row have no items")
				assert.NotEmpty(t, token)
			})
		}
	}
}
