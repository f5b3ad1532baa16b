package test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/testkit"
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
	type test struct {
		top, prefetch int
		want          int
		rest          int // jobs that a pager with the continuation token yields
	}
	testkit.EachCase(t, map[string]test{
		"none":                  {top: 0, want: 10},
		"one":                   {top: 1, want: 1, rest: 10},
		"a page":                {top: 2, want: 2, rest: 8},
		"a page and a half":     {top: 3, want: 3, rest: 8},
		"the same, prefetching": {top: 3, prefetch: 3, want: 3, rest: 8},
		"all":                   {top: 10, want: 10},
		"more than there are":   {top: 11, want: 10},
	}, func(t *testing.T, test test) {
		testkit.EachCase(t, readers[armsecops.Job](), func(t *testing.T, read reader[armsecops.Job]) {
			list := func(o *armsecops.WorkspaceManagerJobsClientListOptions) (jobs []armsecops.Job, token string) {
				pager := newJobsClient(t, options(transportFunc(jobPages))).NewListPager("rg", "workspace", "assignment", o)
				jobs, errs := read(t.Context(), pager)
				assert.Empty(t, errs)
				assert.False(t, pager.More())
				return jobs, pager.ContinuationToken()
			}
			jobs, token := list(&armsecops.WorkspaceManagerJobsClientListOptions{
				Top: int32(test.top), PageOptions: armsecops.PageOptions{Prefetch: test.prefetch},
			})
			assert.Len(t, jobs, test.want)
			if test.rest == 0 {
				assert.Empty(t, token)
				return
			}
			rest, _ := list(&armsecops.WorkspaceManagerJobsClientListOptions{PageOptions: armsecops.PageOptions{ContinuationToken: token}})
			require.Len(t, rest, test.rest)
			assert.Equal(t, "job9", rest[len(rest)-1].Name)
		})
	})
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
	require.NoError(t, errorOf(list(&armsecops.WorkspaceManagerJobsClientListOptions{PageOptions: armsecops.PageOptions{ContinuationToken: token}})))
	assert.Equal(t, "$orderby=name%20desc&$top=7&$skipToken=a%20b&api-version=2025-04-01-preview", query)
}

// A token keeps the filter and order of its listing, also in the tokens after it, and is refused for others.
func TestTokenIsBoundToFilterAndOrder(t *testing.T) {
	t.Parallel()
	client := newJobsClient(t, options(respond(200, `{"value":[],"nextLink":"?$skipToken=a"}`)))
	next := func(orderBy, token string) (string, error) {
		pager := client.NewListPager("rg", "workspace", "assignment", &armsecops.WorkspaceManagerJobsClientListOptions{
			OrderBy: orderBy, Top: int32(len(token)), PageOptions: armsecops.PageOptions{ContinuationToken: token},
		})
		_, err := pager.NextPage(t.Context())
		return pager.ContinuationToken(), err
	}
	for name, test := range map[string]struct{ first, resumed string }{"the same": {"name", "name"}, "none": {"name", ""}, "neither": {"", ""}} {
		token, err := next(test.first, "")
		require.NoError(t, err, name)
		token, err = next(test.resumed, token)
		require.NoError(t, err, name)
		require.NoError(t, errorOf(next(test.first, token)), name)
		_, err = next("name desc", token)
		assertParameterError(t, err, "ContinuationToken")
		assert.ErrorContains(t, err, "another Filter or OrderBy", name)
	}
}

// A listing that has pages but no items, forever, ends without the caller, and can be resumed. One item among them is enough.
func TestEmptyPagesEndTheListing(t *testing.T) {
	t.Parallel()
	const most = 1000
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
	type client = *armsecops.SecurityAssignmentsClient
	listings := map[string]func(*testing.T, client) iter.Seq2[armsecops.Assignment, error]{
		"links": func(t *testing.T, c client) iter.Seq2[armsecops.Assignment, error] {
			return c.NewListBySubscriptionPager(nil).All(t.Context())
		},
		"queries": func(t *testing.T, c client) iter.Seq2[armsecops.Assignment, error] {
			return c.NewResourceGraphPager(nil).All(t.Context())
		},
		"across": func(t *testing.T, c client) iter.Seq2[armsecops.Assignment, error] {
			return c.ListAcrossSubscriptions(t.Context(), subscriptionIDs(1), nil)
		},
	}
	for name, test := range tests {
		for listing, list := range listings {
			t.Run(name+", "+listing, func(t *testing.T) {
				t.Parallel()
				requests := 0
				o := options(transportFunc(func(req *http.Request) (*http.Response, error) {
					at := req.URL.Query().Get("$skipToken")
					if listing == "queries" {
						_, query := readGraphRequest(t, req)
						at = query.Options.SkipToken
					}
					page, _ := strconv.Atoi(at)
					requests++
					value, next, link := "", "", ""
					if slices.Contains(test.items, page) {
						value = `{"name":"a"}`
					}
					if page+1 < test.pages {
						next = strconv.Itoa(page + 1)
						link = "?$skipToken=" + next
					}
					return respond(200, fmt.Sprintf(`{"value":[%s],"nextLink":%q,"data":[%[1]s],"$skipToken":%[3]q}`, value, link, next))(req)
				}))
				items, errs := collect(list(t, newAssignmentsClient(t, o)))
				assert.Len(t, items, len(test.items))
				assert.Equal(t, test.ends, requests)
				if !test.loop {
					assert.Empty(t, errs)
					return
				}
				require.Len(t, errs, 1)
				require.ErrorIs(t, errs[0], armsecops.ErrPagingLoop)
				assert.ErrorContains(t, errs[0], "1000 pages in a row have no items")
				page, ok := errors.AsType[*armsecops.PageError](errs[0])
				require.True(t, ok)
				assert.NotEmpty(t, page.ContinuationToken)
			})
		}
	}
}

// A context that is nil is refused as any other parameter is, before a goroutine has it.
func TestNilContextIsRefused(t *testing.T) {
	t.Parallel()
	var none context.Context
	client := newAssignmentsClient(t, options(script(t)))
	assertParameterError(t, errorOf(client.Get(none, "rg", "id", nil)), "ctx")
	jobs := newJobsClient(t, options(script(t)))
	assertParameterError(t, errorOf(jobs.BeginCreate(none, "rg", "workspace", "assignment", &armsecops.WorkspaceManagerJobsClientBeginCreateOptions{Recover: true})), "ctx")
	ahead := armsecops.SecurityAssignmentsClientListOptions{PageOptions: armsecops.PageOptions{Prefetch: 1}}
	for _, listing := range []iter.Seq2[armsecops.Assignment, error]{
		client.NewListPager("rg", &ahead).All(none), client.ListAcrossSubscriptions(none, []string{subscriptionID(1)}, nil),
	} {
		_, errs := collect(listing)
		require.Len(t, errs, 1)
		assertParameterError(t, errs[0], "ctx")
	}
}
