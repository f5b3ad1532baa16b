package fake_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/testkit"
)

// $top is the size of a page, as in Microsoft Sentinel: a client that wants no more than that must stop by itself.
func TestListIsSortedAndPaged(t *testing.T) {
	t.Parallel()
	ascending := testkit.Names(5, "job-%d")
	descending := slices.Clone(ascending)
	slices.Reverse(descending)
	type test struct {
		pageSize int
		query    string
		want     []string
		pages    []int // their sizes
	}
	testkit.EachCase(t, map[string]test{
		"one page":                  {0, "", ascending, []int{5}},
		"exactly one page":          {5, "", ascending, []int{5}},
		"several pages":             {2, "", ascending, []int{2, 2, 1}},
		"top":                       {0, "&$TOP=2", ascending, []int{2, 2, 1}},
		"top of more than there is": {0, "&$top=9", ascending, []int{5}},
		"top below the page size":   {3, "&$top=2", ascending, []int{2, 2, 1}},
		"top above the page size":   {2, "&$top=3", ascending, []int{2, 2, 1}},
		"by name":                   {2, "&$orderby=name", ascending, []int{2, 2, 1}},
		"by name, descending":       {2, "&$orderby=NAME%20DESC", descending, []int{2, 2, 1}},
		"by start":                  {2, "&$orderby=properties/startTime%20asc", descending, []int{2, 2, 1}},
		"by start, descending":      {2, "&$orderby=properties/startTime%20desc", ascending, []int{2, 2, 1}},
		"by end":                    {2, "&$orderby=properties/endTime", descending, []int{2, 2, 1}},
		"by state, equal for all":   {2, "&$orderby=properties/provisioningState%20desc", ascending, []int{2, 2, 1}},
	}, func(t *testing.T, test test) {
		srv := newJobServer(fake.ServerOptions{PageSize: test.pageSize}, 5)
		var names []string
		var pages []int
		for next := jobsURL + test.query; next != "" && len(pages) < 9; {
			page := getJobs(t, srv, next)
			for _, job := range page.Value {
				names = append(names, job.Name)
			}
			pages, next = append(pages, len(page.Value)), page.NextLink
		}
		assert.Equal(t, test.want, names)
		assert.Equal(t, test.pages, pages)
	})
}

// getJobs returns the page of jobs at the URL.
func getJobs(t *testing.T, srv *fake.Server, url string) armsecops.JobList {
	t.Helper()
	_, body := get(t, srv, url)
	return testkit.Decode[armsecops.JobList](t, body)
}

func TestListKeepsItsPlaceWhileResourcesChange(t *testing.T) {
	t.Parallel()
	srv := newJobServer(fake.ServerOptions{PageSize: 2}, 6)
	pager := pagerOfJobs(t, srv, nil)
	page := testkit.Must(pager.NextPage(t.Context()))
	require.Len(t, page.Value, 2)
	for _, name := range []string{"job-0", "job-1", "job-4"} { // the skip token names job-1
		do(t, srv, newRequest(t, http.MethodDelete, endpoint+jobsPath+"/"+name+jobsVersion, ""))
	}
	srv.Put(namedJob("job-00"), armsecops.Job{})
	srv.Put(namedJob("job-9"), armsecops.Job{})
	assert.Equal(t, []string{"job-2", "job-3", "job-5", "job-9"}, mustCollect(t, pager))
}

func TestNextLinkContinuesTheList(t *testing.T) {
	t.Parallel()
	srv := newJobServer(fake.ServerOptions{PageSize: 1}, 3)
	list, token, ok := strings.Cut(getJobs(t, srv, jobsURL+"&$orderby=name%20desc&$top=3").NextLink, "&$skipToken=")
	require.True(t, ok)
	assert.Equal(t, jobsURL+"&$orderby=name%20desc&$top=3", list)
	assert.Regexp(t, `^%5B%7B%22after%22%3A%20%22[A-Za-z0-9_-]+%22%7D%5D$`, token)
	// The token is valid without the link.
	token = testkit.Must(url.QueryUnescape(token))
	names := mustCollect(t, pagerOfJobs(t, srv, &listJobsOptions{OrderBy: "name desc", SkipToken: token}))
	assert.Equal(t, []string{"job-1", "job-0"}, names)
}

func TestNextLinkHasTheHostAndAPIVersionOfTheRequest(t *testing.T) {
	t.Parallel()
	req := newRequest(t, http.MethodGet, jobsPath+"?api-version=2030-01-01", "")
	req.Host = "example.com"
	recorder := httptest.NewRecorder()
	newJobServer(fake.ServerOptions{PageSize: 1, APIVersions: []string{"2030-01-01"}}, 2).ServeHTTP(recorder, req)
	assert.Contains(t, recorder.Body.String(), `"nextLink":"http://example.com`+jobsPath+`?api-version=2030-01-01&`)
}

// The links of a stored and of an overridden list. The last page has no next one: with a second fault, its link leads to an empty page.
func TestNextLinkOfAFault(t *testing.T) {
	t.Parallel()
	const (
		list  = jobsPath + jobsVersion
		token = "&$skipToken=%5B%7B%22after%22%3A%20%22"
	)
	type test struct {
		link      fake.NextLink
		url, want string // want is the start of the link
		err       error  // of a listing; nil for success
		requests  int
	}
	untrusted := armsecops.ErrUntrustedNextLink
	testkit.EachCase(t, map[string]test{
		"none":                {"", jobsURL, jobsURL + token, nil, 2},
		"foreign host":        {fake.NextLinkForeignHost, jobsURL, "https://management.azure.example" + list + token, untrusted, 1},
		"HTTP":                {fake.NextLinkHTTP, jobsURL, "http://management.azure.com" + list + token, untrusted, 1},
		"other path":          {fake.NextLinkOtherPath, jobsURL, endpoint + "/subscriptions" + jobsVersion + token, untrusted, 1},
		"loop":                {fake.NextLinkLoop, jobsURL, jobsURL, armsecops.ErrPagingLoop, 1},
		"relative":            {fake.NextLinkRelative, jobsURL, list + token, nil, 3},
		"default port":        {fake.NextLinkDefaultPort, jobsURL, endpoint + ":443" + list + token, nil, 3},
		"another port":        {fake.NextLinkDefaultPort, endpoint + ":444" + list, endpoint + ":444" + list + token, nil, 3},
		"unescaped":           {fake.NextLinkUnescaped, jobsURL, jobsURL + `&$skipToken=[{"after": "`, nil, 3},
		"without api-version": {fake.NextLinkWithoutAPIVersion, jobsURL, endpoint + jobsPath + "?" + token[1:], nil, 3},
		"truncated":           {fake.NextLinkTruncated, jobsURL, jobsURL + token, nil, 2}, // of a query only
	}, func(t *testing.T, test test) {
		stored, overridden := newJobServer(fake.ServerOptions{PageSize: 1}, 2), fake.NewServer(nil)
		stored.Inject(fake.Fault{NextLink: test.link, RetryAfter: 1}) // so that the fault without a link is one, too
		link := getJobs(t, stored, test.url).NextLink
		assert.True(t, strings.HasPrefix(link, test.want), "%q doesn't start with %q", link, test.want)
		overrideJobList(overridden, 2)
		for format, srv := range map[string]*fake.Server{"job-%d": stored, "assignment-%d": overridden} {
			before := len(srv.Requests())
			srv.Inject(fake.Fault{NextLink: test.link, RetryAfter: 1, Times: 2})
			names, err := collect(t, pagerOfJobs(t, srv, nil))
			require.ErrorIs(t, err, test.err)
			assert.Equal(t, testkit.Names(min(test.requests, 2), format), names)
			assert.Len(t, srv.Requests(), before+test.requests)
		}
	})
}
