package fake_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

// The ids that most tests use.
const (
	subscription  = "11111111-2222-3333-4444-555555555555"
	resourceGroup = "group"
	workspace     = "workspace"
	assignment    = "assignment"
)

var (
	jobID        = armsecops.JobID{SubscriptionID: subscription, ResourceGroupName: resourceGroup, WorkspaceName: workspace, WorkspaceManagerAssignmentName: assignment, JobName: "job"}
	assignmentID = armsecops.AssignmentID{SubscriptionID: subscription, ResourceGroupName: resourceGroup, AssignmentID: "standard"}
)

// options returns those of a client whose transport is a server.
func options(transport policy.Transporter) *armsecops.ClientOptions {
	o := &armsecops.ClientOptions{}
	o.Transport = transport
	return o
}

func newJobs(t testing.TB, subscription string, o *armsecops.ClientOptions) *armsecops.WorkspaceManagerJobsClient {
	t.Helper()
	client, err := armsecops.NewWorkspaceManagerJobsClient(subscription, &azfake.TokenCredential{}, o)
	require.NoError(t, err)
	return client
}

func newAssignments(t testing.TB, subscription string, o *armsecops.ClientOptions) *armsecops.SecurityAssignmentsClient {
	t.Helper()
	client, err := armsecops.NewSecurityAssignmentsClient(subscription, &azfake.TokenCredential{}, o)
	require.NoError(t, err)
	return client
}

// collect returns the names of a list's items.
func collect[T any](t testing.TB, pager *armsecops.Pager[T], name func(T) string) (names []string, err error) {
	t.Helper()
	for item, err := range pager.All(t.Context()) {
		if err != nil {
			return names, err
		}
		names = append(names, name(item))
	}
	return names, nil
}

func jobName(job armsecops.Job) string             { return job.Name }
func assignmentName(a armsecops.Assignment) string { return a.Name }

func formatNames(n int, format string) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf(format, i))
	}
	return names
}

// waysIn are the ways to reach a server: each returns the options of a client.
var waysIn = map[string]func(t *testing.T, srv *fake.Server) *armsecops.ClientOptions{
	"transport": func(_ *testing.T, srv *fake.Server) *armsecops.ClientOptions { return options(srv) },
	"HTTP/1.1":  func(t *testing.T, srv *fake.Server) *armsecops.ClientOptions { return overTLS(t, srv, "HTTP/1.1") },
	"HTTP/2.0":  func(t *testing.T, srv *fake.Server) *armsecops.ClientOptions { return overTLS(t, srv, "HTTP/2.0") },
}

// overTLS puts the server behind a socket and sees to it that the protocol is used.
func overTLS(t *testing.T, srv *fake.Server, protocol string) *armsecops.ClientOptions {
	t.Helper()
	ts := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, protocol, r.Proto)
		assert.Equal(t, "gzip", r.Header.Get("Accept-Encoding"))
		srv.ServeHTTP(w, r)
	}))
	ts.EnableHTTP2 = protocol == "HTTP/2.0"
	ts.StartTLS()
	t.Cleanup(ts.Close)
	o := options(ts.Client())
	o.Cloud = cloud.Configuration{
		ActiveDirectoryAuthorityHost: "https://login.example",
		Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
			cloud.ResourceManager: {Endpoint: ts.URL, Audience: "https://management.example"},
		},
	}
	o.Retry.RetryDelay = time.Millisecond
	return o
}

func newRequest(t testing.TB, method, url, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer token")
	return req
}

const (
	endpoint       = "https://management.azure.com"
	jobVersion     = "?api-version=2025-04-01-preview"
	assignVersion  = "?api-version=2021-08-01-preview"
	jobsURL        = endpoint + "/subscriptions/" + subscription + "/resourceGroups/group/providers/Microsoft.OperationalInsights/workspaces/workspace/providers/Microsoft.SecurityInsights/workspaceManagerAssignments/assignment/jobs"
	assignmentsURL = endpoint + "/subscriptions/" + subscription + "/resourceGroups/group/providers/Microsoft.Security/assignments"
)

// do sends a request without a client and returns the answer with its body.
func do(t testing.TB, srv *fake.Server, req *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := srv.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(body)
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// clock is one that moves a minute each time it is looked at.
func clock() func() time.Time {
	now := time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.UTC)
	return func() time.Time {
		now = now.Add(time.Minute)
		return now
	}
}

// counter returns ids that count up.
func counter() func() string {
	n := 0
	return func() string {
		n++
		return fmt.Sprintf("id-%d", n)
	}
}

func item(name string, status armsecops.JobItemStatus, failures ...string) armsecops.JobItem {
	item := armsecops.JobItem{ResourceID: name, Status: status}
	for _, message := range failures {
		item.Errors = append(item.Errors, armsecops.JobItemError{MemberResourceName: "member", ErrorMessage: message})
	}
	return item
}

// putJobs puts jobs on the server whose names and start times run in opposite
// directions. The last one has no end.
func putJobs(srv *fake.Server, n int) {
	for i := range n {
		id := jobID
		id.JobName = fmt.Sprintf("job-%d", i)
		start := time.Date(2026, 1, 1, 0, 0, 0, n-i, time.UTC)
		job := armsecops.Job{Properties: armsecops.JobProperties{StartTime: start, EndTime: start.Add(time.Hour)}}
		if i == n-1 {
			job.Properties.EndTime = time.Time{}
		}
		srv.PutJob(id, job)
	}
}

// pages returns an override with three pages.
func pages(srv *fake.Server) {
	srv.Jobs.NewListPager = func(_, _, assignment string, _ *armsecops.WorkspaceManagerJobsClientListOptions) (pager azfake.PagerResponder[armsecops.JobList]) {
		for i := range 3 {
			pager.AddPage(http.StatusOK, armsecops.JobList{Value: []armsecops.Job{{Name: fmt.Sprintf("%s-%d", assignment, i)}}}, nil)
		}
		return pager
	}
}
