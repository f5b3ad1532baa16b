package fake_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

const (
	inProgress = armsecops.JobItemStatusInProgress
	succeeded  = armsecops.JobItemStatusSucceeded
	failed     = armsecops.JobItemStatusFailed
)

func TestStartedJobRunsForJobSteps(t *testing.T) {
	t.Parallel()
	one, two := []armsecops.JobItem{item("a", "")}, []armsecops.JobItem{item("a", ""), item("b", "")}
	tests := map[string]struct {
		steps int
		items []armsecops.JobItem
		gets  [][]armsecops.JobItemStatus // the items' statuses, Get by Get; after the last one, the job has ended
		end   armsecops.ProvisioningState
	}{
		"no items": {0, nil, [][]armsecops.JobItemStatus{{}}, "Succeeded"},
		"no steps": {0, two, [][]armsecops.JobItemStatus{{succeeded, succeeded}}, "Succeeded"},
		"as many steps as items": {
			2, two, [][]armsecops.JobItemStatus{{inProgress, inProgress}, {succeeded, inProgress}, {succeeded, succeeded}}, "Succeeded",
		},
		"more steps than items": {
			3, one, [][]armsecops.JobItemStatus{{inProgress}, {inProgress}, {inProgress}, {succeeded}}, "Succeeded",
		},
		"item with errors": {
			1, []armsecops.JobItem{item("a", "", "Forbidden."), item("b", "")},
			[][]armsecops.JobItemStatus{{inProgress, inProgress}, {failed, succeeded}}, "Failed",
		},
		"item with status failed": {
			0, []armsecops.JobItem{item("a", succeeded), item("b", "failed")},
			[][]armsecops.JobItemStatus{{succeeded, "failed"}}, "Failed",
		},
		"item with unknown status": {0, []armsecops.JobItem{item("a", "Skipped")}, [][]armsecops.JobItemStatus{{"Skipped"}}, "Succeeded"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := fake.NewServer(&fake.ServerOptions{JobSteps: test.steps, Now: clock()})
			srv.SetJobItems(publicationID, test.items)
			jobs := newJobs(t, options(srv))
			created, err := jobs.Create(t.Context(), resourceGroup, workspace, assignment, nil)
			require.NoError(t, err)
			assert.Empty(t, created.Properties.Items)

			executed := map[string]time.Time{}
			for i, statuses := range test.gets {
				got, err := jobs.Get(t.Context(), resourceGroup, workspace, assignment, created.Name, nil)
				require.NoError(t, err)
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
			last, err := jobs.Get(t.Context(), resourceGroup, workspace, assignment, created.Name, nil)
			require.NoError(t, err)
			again, err := jobs.Get(t.Context(), resourceGroup, workspace, assignment, created.Name, nil)
			require.NoError(t, err)
			assert.Equal(t, last, again, "a job that has ended doesn't change")
		})
	}
}

// The clock alone decides, whether a client gets the job, lists it or waits.
func TestStartedJobRunsForJobDuration(t *testing.T) {
	t.Parallel()
	readers := map[string]func(*testing.T, *fake.Server, string) armsecops.Job{
		"Get": func(t *testing.T, srv *fake.Server, name string) armsecops.Job {
			got, err := newJobs(t, options(srv)).Get(t.Context(), resourceGroup, workspace, assignment, name, nil)
			require.NoError(t, err)
			return got.Job
		},
		"List": func(t *testing.T, srv *fake.Server, _ string) armsecops.Job {
			page, err := newJobs(t, options(srv)).NewListPager(resourceGroup, workspace, assignment, nil).NextPage(t.Context())
			require.NoError(t, err)
			require.Len(t, page.Value, 1)
			return page.Value[0]
		},
	}
	tests := map[string]struct {
		items    int
		reads    []time.Duration // after the start
		statuses [][]armsecops.JobItemStatus
	}{
		"no items": {0, []time.Duration{0, time.Minute - 1, time.Minute}, [][]armsecops.JobItemStatus{{}, {}, {}}},
		"two items": {
			2, []time.Duration{0, 29 * time.Second, 30 * time.Second, 59 * time.Second, time.Minute},
			[][]armsecops.JobItemStatus{
				{inProgress, inProgress}, {inProgress, inProgress}, {succeeded, inProgress}, {succeeded, inProgress}, {succeeded, succeeded},
			},
		},
		"read late": {2, []time.Duration{time.Hour}, [][]armsecops.JobItemStatus{{succeeded, succeeded}}},
	}
	for name, test := range tests {
		for reader, read := range readers {
			t.Run(name+"/"+reader, func(t *testing.T) {
				t.Parallel()
				start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
				now := start
				srv := fake.NewServer(&fake.ServerOptions{JobDuration: time.Minute, JobSteps: 1000, Now: func() time.Time { return now }})
				var items []armsecops.JobItem
				for _, resource := range formatNames(test.items, "rule-%d") {
					items = append(items, item(resource, ""))
				}
				srv.SetJobItems(publicationID, items)
				created, err := newJobs(t, options(srv)).Create(t.Context(), resourceGroup, workspace, assignment, nil)
				require.NoError(t, err)

				var last armsecops.Job
				for i, after := range test.reads {
					now = start.Add(after)
					last = read(t, srv, created.Name)
					statuses := []armsecops.JobItemStatus{}
					for _, item := range last.Properties.Items {
						statuses = append(statuses, item.Status)
					}
					assert.Equal(t, test.statuses[i], statuses, after)
					assert.Equal(t, after >= time.Minute, last.Properties.ProvisioningState.Terminal(), after)
				}
				assert.Equal(t, start.Add(time.Minute), last.Properties.EndTime)
				assert.Equal(t, start.Add(time.Minute), last.SystemData.LastModifiedAt)
				for i, item := range last.Properties.Items {
					assert.Equal(t, start.Add(time.Duration(i+1)*time.Minute/2), item.ExecutionTime)
				}
				now = now.Add(time.Hour)
				for _, again := range readers {
					assert.Equal(t, last, again(t, srv, created.Name), "a job that has ended doesn't change")
				}
			})
		}
	}
}

func TestCreateReturnsARunningJob(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{NewID: counter(), Now: clock()})
	resp, body := do(t, srv, newRequest(t, http.MethodPost, jobsURL, ""))
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Equal(t, "id-1", resp.Header.Get("x-ms-request-id"))
	assert.JSONEq(t, `{
		"id": "`+jobsPath+`/id-2",
		"name": "id-2",
		"type": "Microsoft.SecurityInsights/workspaceManagerAssignments/jobs",
		"etag": "\"id-3\"",
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
	jobs := newJobs(t, options(srv))
	create := func(assignment string) string {
		created, err := jobs.Create(t.Context(), resourceGroup, workspace, assignment, nil)
		require.NoError(t, err)
		return created.Name
	}
	getItems := func(name, assignment string) []armsecops.JobItem {
		got, err := jobs.Get(t.Context(), resourceGroup, workspace, assignment, name, nil)
		require.NoError(t, err)
		return got.Properties.Items
	}
	earlier := create(assignment)
	items := []armsecops.JobItem{item("rule", "")}
	srv.SetJobItems(publicationID, items)
	items[0].ResourceID = "changed"
	later, other := create(assignment), create("another")
	assert.Empty(t, getItems(earlier, assignment))
	assert.Empty(t, getItems(other, "another"))
	require.Len(t, getItems(later, assignment), 1)
	assert.Equal(t, "rule", getItems(later, assignment)[0].ResourceID)

	latest := create(assignment)
	assert.True(t, getItems(latest, assignment)[0].ExecutionTime.After(getItems(later, assignment)[0].ExecutionTime),
		"jobs share no items")
}

func TestSetJobItemsReplacesInvalidUTF8(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	srv.SetJobItems(publicationID, []armsecops.JobItem{item("rule\xff", "")})
	jobs := newJobs(t, options(srv))
	created, err := jobs.Create(t.Context(), resourceGroup, workspace, assignment, nil)
	require.NoError(t, err)
	got, err := jobs.Get(t.Context(), resourceGroup, workspace, assignment, created.Name, nil)
	require.NoError(t, err)
	require.Len(t, got.Properties.Items, 1)
	assert.Equal(t, "rule\ufffd", got.Properties.Items[0].ResourceID)
}

func TestStoredJobNeverChanges(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{JobDuration: 1})
	srv.Put(jobID, armsecops.Job{Properties: armsecops.JobProperties{
		ProvisioningState: "Paused", Items: []armsecops.JobItem{item("rule", "Waiting")},
	}})
	first, err := getJob(t, srv)
	require.NoError(t, err)
	_, err = listJobs(t, srv, nil)
	require.NoError(t, err)
	again, err := getJob(t, srv)
	require.NoError(t, err)
	assert.Equal(t, armsecops.ProvisioningState("Paused"), again.Properties.ProvisioningState)
	assert.Equal(t, first, again)
}

func TestSetJobItemsPanics(t *testing.T) {
	t.Parallel()
	invalid := publicationID
	invalid.WorkspaceName = "w"
	assertPanics(t, "fake: the id's workspaceName 'w' must match", func() { fake.NewServer(nil).SetJobItems(invalid, nil) })
	notJSON := armsecops.JobItem{AdditionalProperties: map[string]json.RawMessage{"x": json.RawMessage("{")}}
	assertPanics(t, "fake: the value can't be encoded as JSON", func() {
		fake.NewServer(nil).SetJobItems(publicationID, []armsecops.JobItem{notJSON})
	})
}
