package fake_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

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
