package fake_test

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

func TestListJobs(t *testing.T) {
	t.Parallel()
	up := formatNames(5, "job-%d")
	down := slices.Clone(up)
	slices.Reverse(down)
	type listOptions = armsecops.WorkspaceManagerJobsClientListOptions
	tests := []struct {
		name     string
		pageSize int
		options  listOptions
		want     []string
		pages    int
	}{
		{"one page", 0, listOptions{}, up, 1},
		{"exactly one page", 5, listOptions{}, up, 1},
		{"pages", 2, listOptions{}, up, 3},
		{"pages of one", 1, listOptions{}, up, 5},
		{"top", 0, listOptions{Top: 3}, up[:3], 1},
		{"top of more than there is", 0, listOptions{Top: 9}, up, 1},
		{"top over pages", 2, listOptions{Top: 3}, up[:3], 2},
		{"top of full pages", 2, listOptions{Top: 4}, up[:4], 2},
		{"by name", 2, listOptions{OrderBy: "name"}, up, 3},
		{"by name downwards", 2, listOptions{OrderBy: "NAME DESC"}, down, 3},
		{"by start", 2, listOptions{OrderBy: "properties/startTime asc"}, down, 3},
		{"by start downwards", 2, listOptions{OrderBy: "properties/startTime desc", Top: 3}, up[:3], 2},
		{"by end", 2, listOptions{OrderBy: "properties/endTime"}, down, 3},
		{"by state, which all share", 2, listOptions{OrderBy: "properties/provisioningState desc"}, up, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			srv := fake.NewServer(&fake.ServerOptions{PageSize: test.pageSize})
			putJobs(srv, 5)
			got, err := collect(t, newJobs(t, subscription, options(srv)).NewListPager(resourceGroup, workspace, assignment, &test.options), jobName)
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
			assert.Len(t, srv.Requests(), test.pages)
		})
	}
}

// What comes and goes while a list runs neither moves nor repeats another item.
func TestListWhileThingsChange(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{PageSize: 2})
	putJobs(srv, 6)
	jobs := newJobs(t, subscription, options(srv))
	remove := func(name string) {
		_, err := jobs.Delete(t.Context(), resourceGroup, workspace, assignment, name, nil)
		require.NoError(t, err)
	}
	pager := jobs.NewListPager(resourceGroup, workspace, assignment, nil)
	var names []string
	next := func() {
		page, err := pager.NextPage(t.Context())
		require.NoError(t, err)
		for _, job := range page.Value {
			names = append(names, job.Name)
		}
	}
	next()
	remove("job-0")
	remove("job-1") // the one that the token names
	remove("job-4")
	early, late := jobID, jobID
	early.JobName, late.JobName = "job-00", "job-9"
	srv.PutJob(early, armsecops.Job{})
	srv.PutJob(late, armsecops.Job{})
	for pager.More() {
		next()
	}
	assert.Equal(t, []string{"job-0", "job-1", "job-2", "job-3", "job-5", "job-9"}, names)
}

// A link leads to the scheme and host that the list was asked for at.
func TestNextLinkForm(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{PageSize: 1})
	putJobs(srv, 3)
	o := &armsecops.WorkspaceManagerJobsClientListOptions{OrderBy: "name desc", Top: 3}
	page, err := newJobs(t, subscription, options(srv)).NewListPager(resourceGroup, workspace, assignment, o).NextPage(t.Context())
	require.NoError(t, err)
	assert.Regexp(t, `^`+jobsURL+`\?api-version=2025-04-01-preview&\$orderby=name%20desc&\$top=2&\$skipToken=%5B%7B%22after%22%3A%20%22[A-Za-z0-9_-]+%22%7D%5D$`, page.NextLink)

	// The token alone is good for another list.
	link, err := newRequest(t, "GET", page.NextLink, "").URL.Parse(page.NextLink)
	require.NoError(t, err)
	o = &armsecops.WorkspaceManagerJobsClientListOptions{OrderBy: "name desc", SkipToken: link.Query().Get("$skipToken")}
	names, err := collect(t, newJobs(t, subscription, options(srv)).NewListPager(resourceGroup, workspace, assignment, o), jobName)
	require.NoError(t, err)
	assert.Equal(t, []string{"job-1", "job-0"}, names)
}

func TestNextLinkWithoutTLS(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{PageSize: 1})
	putJobs(srv, 2)
	req := httptest.NewRequest("GET", strings.TrimPrefix(jobsURL, endpoint)+jobVersion, nil)
	req.Header.Set("Authorization", "Bearer token")
	recorder := httptest.NewRecorder()
	srv.ServeHTTP(recorder, req)
	assert.Contains(t, recorder.Body.String(), `"nextLink":"http://example.com/subscriptions/`)
}

func TestListOptionsAPIVersion(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{PageSize: 1, APIVersions: []string{"2030-01-01"}})
	putJobs(srv, 3)
	o := options(srv)
	o.APIVersion = "2030-01-01"
	names, err := collect(t, newJobs(t, subscription, o).NewListPager(resourceGroup, workspace, assignment, nil), jobName)
	require.NoError(t, err)
	assert.Equal(t, formatNames(3, "job-%d"), names)
	for _, request := range srv.Requests() {
		assert.Equal(t, "2030-01-01", request.URL.Query().Get("api-version"))
	}
}
