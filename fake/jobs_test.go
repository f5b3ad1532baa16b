package fake_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/testkit"
)

const (
	inProgress = armsecops.JobItemStatusInProgress
	succeeded  = armsecops.JobItemStatusSucceeded
	failed     = armsecops.JobItemStatusFailed
)

func TestStartedJobRunsForJobSteps(t *testing.T) {
	t.Parallel()
	type statuses []armsecops.JobItemStatus
	type test struct {
		steps int
		items []armsecops.JobItem
		gets  []statuses // of the items, Get by Get; after the last one, the job has ended
		end   armsecops.ProvisioningState
	}
	one, two := []armsecops.JobItem{item("a", "")}, []armsecops.JobItem{item("a", ""), item("b", "")}
	first, both, none := statuses{succeeded, inProgress}, statuses{succeeded, succeeded}, statuses{inProgress, inProgress}
	half := []armsecops.JobItem{item("a", "", "Forbidden."), item("b", "")}
	named := []armsecops.JobItem{item("a", succeeded), item("b", "failed")}
	testkit.EachCase(t, map[string]test{
		"no items":                 {0, nil, []statuses{{}}, "Succeeded"},
		"no steps":                 {0, two, []statuses{both}, "Succeeded"},
		"as many steps as items":   {2, two, []statuses{none, first, both}, "Succeeded"},
		"more steps than items":    {3, one, []statuses{{inProgress}, {inProgress}, {inProgress}, {succeeded}}, "Succeeded"},
		"item with errors":         {1, half, []statuses{none, {failed, succeeded}}, "Failed"},
		"item with status failed":  {0, named, []statuses{{succeeded, "failed"}}, "Failed"},
		"item with unknown status": {0, []armsecops.JobItem{item("a", "Skipped")}, []statuses{{"Skipped"}}, "Succeeded"},
	}, func(t *testing.T, test test) {
		srv := fake.NewServer(&fake.ServerOptions{JobSteps: test.steps, Now: clock()})
		srv.SetJobItems(publicationID, test.items)
		created := startJob(t, srv)
		assert.Empty(t, created.Properties.Items)
		executed := map[string]time.Time{}
		for i, statuses := range test.gets {
			got := readJob(t, srv, created.Name)
			p := got.Properties
			require.Len(t, p.Items, len(statuses))
			for n, status := range statuses {
				item := p.Items[n]
				assert.Equal(t, status, item.Status, "Get %d, item %d", i, n)
				assert.Equal(t, status == inProgress, item.ExecutionTime.IsZero())
				if status == inProgress {
					assert.Empty(t, item.Errors)
					continue
				}
				assert.Len(t, item.Errors, len(test.items[n].Errors))
				if before, ok := executed[item.ResourceID]; ok {
					assert.Equal(t, before, item.ExecutionTime)
				}
				executed[item.ResourceID] = item.ExecutionTime
			}
			ended, state := i == len(test.gets)-1, armsecops.ProvisioningStateInProgress
			if ended {
				state = test.end
			}
			assert.Equal(t, state, p.ProvisioningState)
			assert.Equal(t, created.Properties.StartTime, p.StartTime)
			assert.Equal(t, ended, p.EndTime.After(p.StartTime))
			assert.Equal(t, ended, got.ETag != created.ETag)
			assert.Equal(t, ended, got.SystemData.LastModifiedAt.After(created.SystemData.LastModifiedAt))
		}
		assert.Equal(t, readJob(t, srv, created.Name), readJob(t, srv, created.Name), "a job that has ended doesn't change")
	})
}

// The clock alone decides, whether a client gets the job or lists it.
func TestStartedJobRunsForJobDuration(t *testing.T) {
	t.Parallel()
	type test struct {
		items     int
		reads     []time.Duration // after the start
		succeeded []int           // of the items, at each of the reads
	}
	testkit.EachCase(t, map[string]test{
		"no items":  {0, []time.Duration{0, time.Minute - 1, time.Minute}, []int{0, 0, 0}},
		"two items": {2, []time.Duration{0, 29 * time.Second, 30 * time.Second, 59 * time.Second, time.Minute}, []int{0, 0, 1, 1, 2}},
		"read late": {2, []time.Duration{time.Hour}, []int{2}},
	}, func(t *testing.T, test test) {
		start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		now := start
		srv := fake.NewServer(&fake.ServerOptions{JobDuration: time.Minute, JobSteps: 1000, Now: func() time.Time { return now }})
		srv.SetJobItems(publicationID, []armsecops.JobItem{item("a", ""), item("b", "")}[:test.items])
		created := startJob(t, srv)
		var last armsecops.Job
		for i, after := range test.reads {
			now = start.Add(after)
			last = getJobs(t, srv, jobsURL).Value[0]
			assert.Equal(t, last, readJob(t, srv, created.Name))
			require.Len(t, last.Properties.Items, test.items)
			for n, item := range last.Properties.Items {
				assert.Equal(t, n < test.succeeded[i], item.Status == succeeded, after)
				assert.Equal(t, n >= test.succeeded[i], item.Status == inProgress, after)
			}
			assert.Equal(t, after >= time.Minute, last.Properties.ProvisioningState.Terminal(), after)
		}
		assert.Equal(t, start.Add(time.Minute), last.Properties.EndTime)
		assert.Equal(t, start.Add(time.Minute), last.SystemData.LastModifiedAt)
		for i, item := range last.Properties.Items {
			assert.Equal(t, start.Add(time.Duration(i+1)*time.Minute/2), item.ExecutionTime)
		}
		now = now.Add(time.Hour)
		assert.Equal(t, last, readJob(t, srv, created.Name), "a job that has ended doesn't change")
	})
}

func TestCreateReturnsARunningJob(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{NewID: counter(), Now: clock()})
	resp, body := expect(t, srv, http.StatusOK, newRequest(t, http.MethodPost, jobsURL, ""))
	assert.Equal(t, "id-1", resp.Header.Get("x-ms-request-id"))
	assert.JSONEq(t, `{
		"id": "`+jobsPath+`/id-2", "name": "id-2", "type": "Microsoft.SecurityInsights/workspaceManagerAssignments/jobs", "etag": "\"id-3\"",
		"properties": {"startTime": "2026-01-02T03:05:05.1234567Z", "provisioningState": "InProgress"},
		"systemData": {
			"createdBy": "user@contoso.com", "createdByType": "User", "createdAt": "2026-01-02T03:05:05.1234567Z",
			"lastModifiedBy": "user@contoso.com", "lastModifiedByType": "User", "lastModifiedAt": "2026-01-02T03:05:05.1234567Z"
		}
	}`, body)
}

func TestSetJobItemsAppliesToLaterJobsOfItsAssignment(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{Now: clock()})
	earlier := startJob(t, srv)
	items := []armsecops.JobItem{item("rule\xff", "")} // is no UTF-8
	srv.SetJobItems(publicationID, items)
	items[0].ResourceID = "changed"
	later, latest := startJob(t, srv), startJob(t, srv)
	jobs := newJobs(t, options(srv))
	other := testkit.Must(jobs.Create(t.Context(), resourceGroup, workspace, "another", nil))
	got := testkit.Must(jobs.Get(t.Context(), resourceGroup, workspace, "another", other.Name, nil))
	assert.Empty(t, got.Properties.Items)
	assert.Empty(t, readJob(t, srv, earlier.Name).Properties.Items)
	read := readJob(t, srv, later.Name).Properties.Items
	require.Len(t, read, 1)
	assert.Equal(t, "rule\ufffd", read[0].ResourceID)
	assert.True(t, readJob(t, srv, latest.Name).Properties.Items[0].ExecutionTime.After(read[0].ExecutionTime), "jobs share no items")
}
