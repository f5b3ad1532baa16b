package fake_test

import (
	"encoding/json"
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
)

func TestListIsSortedAndPaged(t *testing.T) {
	t.Parallel()
	ascending := formatNames(5, "job-%d")
	descending := slices.Clone(ascending)
	slices.Reverse(descending)
	type test struct {
		pageSize int
		options  listJobsOptions
		want     []string
		pages    int
	}
	each(t, map[string]test{
		"one page":                  {0, listJobsOptions{}, ascending, 1},
		"exactly one page":          {5, listJobsOptions{}, ascending, 1},
		"several pages":             {2, listJobsOptions{}, ascending, 3},
		"pages of one":              {1, listJobsOptions{}, ascending, 5},
		"top":                       {0, listJobsOptions{Top: 3}, ascending[:3], 1},
		"top of more than there is": {0, listJobsOptions{Top: 9}, ascending, 1},
		"top in the second page":    {2, listJobsOptions{Top: 3}, ascending[:3], 2},
		"top of full pages":         {2, listJobsOptions{Top: 4}, ascending[:4], 2},
		"by name":                   {2, listJobsOptions{OrderBy: "name"}, ascending, 3},
		"by name, descending":       {2, listJobsOptions{OrderBy: "NAME DESC"}, descending, 3},
		"by start":                  {2, listJobsOptions{OrderBy: "properties/startTime asc"}, descending, 3},
		"by start, descending":      {2, listJobsOptions{OrderBy: "properties/startTime desc", Top: 3}, ascending[:3], 2},
		"by end":                    {2, listJobsOptions{OrderBy: "properties/endTime"}, descending, 3},
		"by state, equal for all":   {2, listJobsOptions{OrderBy: "properties/provisioningState desc"}, ascending, 3},
	}, func(t *testing.T, test test) {
		srv := newJobServer(fake.ServerOptions{PageSize: test.pageSize}, 5)
		got, err := listJobs(t, srv, &test.options)
		require.NoError(t, err)
		assert.Equal(t, test.want, got)
		assert.Len(t, srv.Requests(), test.pages)
	})
}

// As in Microsoft Sentinel: a client that wants no more than that must stop by itself.
func TestTopIsTheSizeOfAPage(t *testing.T) {
	t.Parallel()
	type test struct {
		pageSize int
		top      string
		pages    []int // the sizes of all pages
	}
	each(t, map[string]test{
		"without a page size":         {0, "2", []int{2, 2, 1}},
		"smaller than the page size":  {3, "2", []int{2, 2, 1}},
		"larger than the page size":   {2, "3", []int{2, 2, 1}},
		"equal to the number of jobs": {0, "5", []int{5}},
	}, func(t *testing.T, test test) {
		srv := newJobServer(fake.ServerOptions{PageSize: test.pageSize}, 5)
		var pages []int
		for next := jobsURL + "&$TOP=" + test.top; next != ""; {
			page := getJobs(t, srv, next)
			pages, next = append(pages, len(page.Value)), page.NextLink
		}
		assert.Equal(t, test.pages, pages)
	})
}

// getJobs returns the page of jobs at the URL.
func getJobs(t *testing.T, srv *fake.Server, url string) (page armsecops.JobList) {
	t.Helper()
	_, body := get(t, srv, url)
	require.NoError(t, json.Unmarshal([]byte(body), &page))
	return page
}

func TestListKeepsItsPlaceWhileResourcesChange(t *testing.T) {
	t.Parallel()
	srv := newJobServer(fake.ServerOptions{PageSize: 2}, 6)
	jobs := newJobs(t, options(srv))
	pager := jobs.NewListPager(resourceGroup, workspace, assignment, nil)
	page, err := pager.NextPage(t.Context())
	require.NoError(t, err)
	require.Len(t, page.Value, 2)

	for _, name := range []string{"job-0", "job-1", "job-4"} { // the skip token names job-1
		_, err := jobs.Delete(t.Context(), resourceGroup, workspace, assignment, name, nil)
		require.NoError(t, err)
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
	token, err := url.QueryUnescape(token)
	require.NoError(t, err)
	names, err := listJobs(t, srv, &listJobsOptions{OrderBy: "name desc", SkipToken: token})
	require.NoError(t, err)
	assert.Equal(t, []string{"job-1", "job-0"}, names)
}

func TestNextLinkHasTheSchemeAndHostOfTheRequest(t *testing.T) {
	t.Parallel()
	req := newRequest(t, http.MethodGet, jobsPath+jobsVersion, "")
	req.Host = "example.com"
	recorder := httptest.NewRecorder()
	newJobServer(fake.ServerOptions{PageSize: 1}, 2).ServeHTTP(recorder, req)
	assert.Contains(t, recorder.Body.String(), `"nextLink":"http://example.com/subscriptions/`)
}

func TestNextLinkOfAFault(t *testing.T) {
	t.Parallel()
	const (
		list  = jobsPath + jobsVersion
		token = "&$skipToken=%5B%7B%22after%22%3A%20%22"
	)
	type test struct {
		link      fake.NextLink
		url, want string // want is the start of the link
	}
	each(t, map[string]test{
		"none":                {"", jobsURL, jobsURL + token},
		"foreign host":        {fake.NextLinkForeignHost, jobsURL, "https://management.azure.example" + list + token},
		"HTTP":                {fake.NextLinkHTTP, jobsURL, "http://management.azure.com" + list + token},
		"other path":          {fake.NextLinkOtherPath, jobsURL, endpoint + "/subscriptions" + jobsVersion + token},
		"loop":                {fake.NextLinkLoop, jobsURL, jobsURL},
		"relative":            {fake.NextLinkRelative, jobsURL, list + token},
		"default port":        {fake.NextLinkDefaultPort, jobsURL, endpoint + ":443" + list + token},
		"another port":        {fake.NextLinkDefaultPort, endpoint + ":444" + list, endpoint + ":444" + list + token},
		"unescaped":           {fake.NextLinkUnescaped, jobsURL, jobsURL + `&$skipToken=[{"after": "`},
		"without api-version": {fake.NextLinkWithoutAPIVersion, jobsURL, endpoint + jobsPath + "?" + token[1:]},
	}, func(t *testing.T, test test) {
		srv := newJobServer(fake.ServerOptions{PageSize: 1}, 2)
		srv.Inject(fake.Fault{NextLink: test.link})
		link := getJobs(t, srv, test.url).NextLink
		assert.True(t, strings.HasPrefix(link, test.want), "%q doesn't start with %q", link, test.want)
	})
}

func TestNextLinkHasTheAPIVersionOfTheRequest(t *testing.T) {
	t.Parallel()
	srv := newJobServer(fake.ServerOptions{PageSize: 1, APIVersions: []string{"2030-01-01"}}, 3)
	o := options(srv)
	o.APIVersion = "2030-01-01"
	names := mustCollect(t, newJobs(t, o).NewListPager(resourceGroup, workspace, assignment, nil))
	assert.Equal(t, formatNames(3, "job-%d"), names)
	for _, request := range srv.Requests() {
		assert.Equal(t, "2030-01-01", request.URL.Query().Get("api-version"))
	}
}
