package fake_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/test/driver"
)

func TestDisconnectIsTheSameOnEveryTransport(t *testing.T) {
	t.Parallel()
	each(t, transports, func(t *testing.T, transport func(*testing.T, *fake.Server) *armsecops.ClientOptions) {
		for _, truncate := range []bool{false, true} {
			srv := fake.NewServer(nil)
			srv.Put(jobID, armsecops.Job{})
			jobs := newJobs(t, transport(t, srv))
			_, err := jobs.Get(t.Context(), resourceGroup, workspace, assignment, "job", nil) // connects
			require.NoError(t, err)

			srv.Inject(fake.Fault{Operation: createOperation, Disconnect: true, Truncate: truncate})
			_, err = jobs.Create(t.Context(), resourceGroup, workspace, assignment, nil)
			require.ErrorIs(t, err, armsecops.ErrOutcomeUnknown)

			srv.Inject(fake.Fault{Operation: getOperation, Disconnect: true, Truncate: truncate})
			_, err = jobs.Get(t.Context(), resourceGroup, workspace, assignment, "job", nil)
			require.NoError(t, err, "a Get is retried")
			srv.AssertFaultsConsumed(t)
		}
	})
}

func TestDoReturnsACompleteResponse(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	srv.Put(jobID, armsecops.Job{})
	req := newRequest(t, http.MethodGet, jobURL, "")
	resp, body := do(t, srv, req)
	assert.Same(t, req, resp.Request)
	assert.Equal(t, "200 OK", resp.Status)
	assert.Equal(t, "HTTP/1.1", resp.Proto)
	assert.Equal(t, int64(len(body)), resp.ContentLength)
	assert.Equal(t, "application/json; charset=utf-8", resp.Header.Get("Content-Type"))
	assert.Empty(t, resp.Header.Get("Content-Encoding"))
	assert.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, resp.Header.Get("x-ms-request-id"))
}

func TestDelayEndsWithTheContext(t *testing.T) {
	t.Parallel()
	each(t, map[string]bool{"before the request is carried out": false, "after the request is carried out": true}, func(t *testing.T, carriedOut bool) {
		synctest.Test(t, func(t *testing.T) {
			srv := fake.NewServer(nil)
			srv.Inject(fake.Fault{Delay: time.Hour, CarriedOut: carriedOut})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			start := time.Now()
			_, err := srv.Do(newRequest(t, http.MethodPost, jobsURL, "").WithContext(ctx))
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, time.Minute, time.Since(start))
			names, err := listJobs(t, srv, nil)
			require.NoError(t, err)
			assert.Equal(t, carriedOut, len(names) == 1)
		})
	})
}

// 64 goroutines write to, read and list one server. A listing has every
// assignment exactly once that is stored throughout.
func TestServerIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{PageSize: 3, JobSteps: 1})
	stored := formatNames(20, "stored-%02d")
	for _, name := range stored {
		srv.Put(namedAssignment(name), armsecops.Assignment{})
	}
	overrideJobList(srv, 4)
	jobs, assignments := newJobs(t, options(srv)), newAssignments(t, subscription, options(srv))
	ctx := t.Context()

	uses := []func(name string){
		func(name string) { // put and delete
			for range 5 {
				_, err := assignments.CreateOrUpdate(ctx, resourceGroup, name, armsecops.Assignment{}, nil)
				assert.NoError(t, err)
				_, err = assignments.Delete(ctx, resourceGroup, name, nil)
				assert.NoError(t, err)
			}
		},
		func(string) { // start and read a job
			created, err := jobs.Create(ctx, resourceGroup, workspace, assignment, nil)
			assert.NoError(t, err)
			for range 3 {
				_, err := jobs.Get(ctx, resourceGroup, workspace, assignment, created.Name, nil)
				assert.NoError(t, err)
			}
			assert.NotEmpty(t, srv.Requests())
		},
		func(string) { // list state
			names, err := collect(t, assignments.NewListBySubscriptionPager(nil))
			assert.NoError(t, err)
			seen := map[string]int{}
			for _, name := range names {
				seen[name]++
			}
			for _, name := range stored {
				assert.Equal(t, 1, seen[name], name)
			}
		},
		func(name string) { // list from an override
			names, err := collect(t, jobs.NewListPager(resourceGroup, workspace, name, nil))
			assert.NoError(t, err)
			assert.Equal(t, formatNames(4, name+"-%d"), names)
		},
	}
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() { uses[i%len(uses)](fmt.Sprintf("changed-%02d", i)) })
	}
	wg.Wait()
}

func TestResetForgetsAllButOptionsAndOverrides(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{Samples: true})
	overrideJobList(srv, 1)
	srv.Put(assignmentID, armsecops.Assignment{})
	srv.Put(standardID, armsecops.StandardAssignment{})
	srv.SetJobItems(publicationID, []armsecops.JobItem{item("rule", "")})
	standards := driver.NewStandardsClient(t, options(srv))
	_, err := standards.Delete(t.Context(), managementGroup, standardName, nil)
	require.NoError(t, err)
	srv.Inject(fake.Fault{StatusCode: http.StatusForbidden, Times: 100})

	srv.Reset()
	assert.Empty(t, srv.Requests())
	assert.True(t, srv.AssertFaultsConsumed(t))
	assert.Equal(t, []string{standardName}, mustCollect(t, standards.NewListPager(managementGroup, nil)), "the sample is there again")
	for _, url := range []string{assignmentURL, standardURL} {
		resp, _ := get(t, srv, url)
		assert.Equal(t, http.StatusNotFound, resp.StatusCode)
	}
	names, err := listJobs(t, srv, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{assignment + "-0"}, names, "the override is still there")
	assert.Empty(t, readJob(t, srv, startJob(t, srv).Name).Properties.Items)
}
