package fake_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
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

func TestAllOperations(t *testing.T) {
	t.Parallel()
	for name, wayIn := range waysIn {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := fake.NewServer(&fake.ServerOptions{PageSize: 2})
			o := wayIn(t, srv)
			jobs, assignments := newJobs(t, subscription, o), newAssignments(t, subscription, o)
			ctx := t.Context()

			var started []string
			for range 5 {
				created, err := jobs.Create(ctx, resourceGroup, workspace, assignment, nil)
				require.NoError(t, err)
				require.Equal(t, armsecops.ProvisioningStateInProgress, created.Properties.ProvisioningState)
				got, err := jobs.Get(ctx, resourceGroup, workspace, assignment, created.Name, nil)
				require.NoError(t, err)
				require.Equal(t, armsecops.ProvisioningStateSucceeded, got.Properties.ProvisioningState)
				started = append(started, created.Name)
			}
			listed, err := collect(t, jobs.NewListPager(resourceGroup, workspace, assignment, nil), jobName)
			require.NoError(t, err)
			assert.ElementsMatch(t, started, listed)
			_, err = jobs.Delete(ctx, resourceGroup, workspace, assignment, started[0], nil)
			require.NoError(t, err)
			_, err = jobs.Get(ctx, resourceGroup, workspace, assignment, started[0], nil)
			require.ErrorIs(t, err, armsecops.ErrNotFound)

			names := formatNames(5, "name %d & more") // to be escaped
			for _, name := range names {
				model := armsecops.Assignment{Properties: armsecops.AssignmentProperties{DisplayName: name}}
				_, err := assignments.CreateOrUpdate(ctx, resourceGroup, name, model, nil)
				require.NoError(t, err)
				got, err := assignments.Get(ctx, resourceGroup, name, nil)
				require.NoError(t, err)
				require.Equal(t, name, got.Properties.DisplayName)
			}
			listed, err = collect(t, assignments.NewListPager(resourceGroup, nil), assignmentName)
			require.NoError(t, err)
			assert.Equal(t, names, listed)
			listed, err = collect(t, assignments.NewListBySubscriptionPager(nil), assignmentName)
			require.NoError(t, err)
			assert.Equal(t, names, listed)
			_, err = assignments.Delete(ctx, resourceGroup, names[0], nil)
			require.NoError(t, err)
			_, err = assignments.Get(ctx, resourceGroup, names[0], nil)
			require.ErrorIs(t, err, armsecops.ErrNotFound)
		})
	}
}

// Faults of the connection look the same with and without one.
func TestLostConnections(t *testing.T) {
	t.Parallel()
	for name, wayIn := range waysIn {
		for _, truncate := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/truncate=%t", name, truncate), func(t *testing.T) {
				t.Parallel()
				srv := fake.NewServer(nil)
				srv.PutJob(jobID, armsecops.Job{})
				jobs := newJobs(t, subscription, wayIn(t, srv))
				_, err := jobs.Get(t.Context(), resourceGroup, workspace, assignment, "job", nil)
				require.NoError(t, err)

				srv.Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Create", Disconnect: true, Truncate: truncate})
				_, err = jobs.Create(t.Context(), resourceGroup, workspace, assignment, nil)
				require.ErrorIs(t, err, armsecops.ErrOutcomeUnknown)
				srv.AssertFaultsConsumed(t)
			})
		}
	}
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

func TestDo(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	srv.PutJob(jobID, armsecops.Job{})
	req := newRequest(t, http.MethodGet, jobsURL+"/job"+jobVersion, "")
	req.Header.Set("x-ms-correlation-request-id", "correlation")
	resp, body := do(t, srv, req)
	assert.Same(t, req, resp.Request)
	assert.Equal(t, "200 OK", resp.Status)
	assert.Equal(t, int64(len(body)), resp.ContentLength)
	assert.Equal(t, "application/json; charset=utf-8", resp.Header.Get("Content-Type"))
	assert.Empty(t, resp.Header.Get("Content-Encoding"))
	assert.Regexp(t, uuid, resp.Header.Get("x-ms-request-id"))
	assert.Equal(t, "correlation", resp.Header.Get("x-ms-correlation-request-id"))
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestGzip(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"":                   false,
		"identity":           false,
		"gzip":               true,
		"br, GZIP;q=0.5":     true,
		"gzip;q=0":           false,
		"gzip; q=0.000, br":  false,
		"deflate,gzip;q=1.0": true,
	}
	for header, compressed := range tests {
		t.Run(header, func(t *testing.T) {
			t.Parallel()
			srv := fake.NewServer(nil)
			srv.PutJob(jobID, armsecops.Job{})
			req := newRequest(t, http.MethodGet, jobsURL+"/job"+jobVersion, "")
			req.Header.Set("Accept-Encoding", header)
			resp, body := do(t, srv, req)
			if compressed {
				require.Equal(t, "gzip", resp.Header.Get("Content-Encoding"))
				r, err := gzip.NewReader(strings.NewReader(body))
				require.NoError(t, err)
				text, err := io.ReadAll(r)
				require.NoError(t, err)
				body = string(text)
			}
			assert.Contains(t, body, `"name":"job"`)
		})
	}
}

func TestContext(t *testing.T) {
	t.Parallel()
	t.Run("ended before", func(t *testing.T) {
		t.Parallel()
		srv := fake.NewServer(nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := srv.Do(newRequest(t, http.MethodPost, jobsURL+jobVersion, "").WithContext(ctx))
		require.ErrorIs(t, err, context.Canceled)
		assert.Empty(t, srv.Requests())
	})
	for _, carriedOut := range []bool{false, true} {
		t.Run(fmt.Sprintf("ended in a delay/carriedOut=%t", carriedOut), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := fake.NewServer(nil)
				srv.Inject(fake.Fault{Delay: time.Hour, CarriedOut: carriedOut})
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				before := time.Now()
				_, err := srv.Do(newRequest(t, http.MethodPost, jobsURL+jobVersion, "").WithContext(ctx))
				require.ErrorIs(t, err, context.DeadlineExceeded)
				assert.Equal(t, time.Minute, time.Since(before))
				names, err := collect(t, newJobs(t, subscription, options(srv)).NewListPager(resourceGroup, workspace, assignment, nil), jobName)
				require.NoError(t, err)
				assert.Equal(t, carriedOut, len(names) == 1)
			})
		})
	}
}

// 64 goroutines change, read and list one server. A list that runs meanwhile has
// every assignment that is there throughout, once.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{PageSize: 3, JobSteps: 1})
	stay := formatNames(20, "stay-%02d")
	for _, name := range stay {
		srv.PutAssignment(armsecops.AssignmentID{SubscriptionID: subscription, ResourceGroupName: resourceGroup, AssignmentID: name}, armsecops.Assignment{})
	}
	srv.Jobs.NewListPager = func(_, _, assignment string, _ *armsecops.WorkspaceManagerJobsClientListOptions) (pager azfake.PagerResponder[armsecops.JobList]) {
		for i := range 4 {
			pager.AddPage(http.StatusOK, armsecops.JobList{Value: []armsecops.Job{{Name: fmt.Sprint(assignment, i)}}}, nil)
		}
		return pager
	}
	jobs, assignments := newJobs(t, subscription, options(srv)), newAssignments(t, subscription, options(srv))
	ctx := t.Context()
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			mine := fmt.Sprintf("goes-%02d", i)
			switch i % 4 {
			case 0:
				for range 5 {
					_, err := assignments.CreateOrUpdate(ctx, resourceGroup, mine, armsecops.Assignment{}, nil)
					assert.NoError(t, err)
					_, err = assignments.Delete(ctx, resourceGroup, mine, nil)
					assert.NoError(t, err)
				}
			case 1:
				created, err := jobs.Create(ctx, resourceGroup, workspace, assignment, nil)
				assert.NoError(t, err)
				for range 3 {
					_, err = jobs.Get(ctx, resourceGroup, workspace, assignment, created.Name, nil)
					assert.NoError(t, err)
				}
				assert.NotEmpty(t, srv.Requests())
			case 2:
				names, err := collect(t, assignments.NewListBySubscriptionPager(nil), assignmentName)
				assert.NoError(t, err)
				seen := map[string]int{}
				for _, name := range names {
					seen[name]++
				}
				for _, name := range stay {
					assert.Equal(t, 1, seen[name], name)
				}
			case 3:
				names, err := collect(t, jobs.NewListPager(resourceGroup, workspace, mine, nil), jobName)
				assert.NoError(t, err)
				assert.Equal(t, formatNames(4, mine+"%d"), names)
			}
		})
	}
	wg.Wait()
}
