package test

import (
	"fmt"
	"net/http"
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
