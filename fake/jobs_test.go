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

func TestJobRuns(t *testing.T) {
	t.Parallel()
	const (
		inProgress = armsecops.JobItemStatusInProgress
		succeeded  = armsecops.JobItemStatusSucceeded
		failed     = armsecops.JobItemStatusFailed
	)
	tests := []struct {
		name  string
		steps int
		items []armsecops.JobItem
		gets  [][]armsecops.JobItemStatus // of the items, Get by Get; the last one finds the job ended
		end   armsecops.ProvisioningState
	}{
		{"nothing to publish", 0, nil, [][]armsecops.JobItemStatus{{}}, armsecops.ProvisioningStateSucceeded},
		{"no steps", 0, []armsecops.JobItem{item("a", ""), item("b", "")},
			[][]armsecops.JobItemStatus{{succeeded, succeeded}}, armsecops.ProvisioningStateSucceeded},
		{"as many steps as items", 2, []armsecops.JobItem{item("a", ""), item("b", "")},
			[][]armsecops.JobItemStatus{{inProgress, inProgress}, {succeeded, inProgress}, {succeeded, succeeded}}, armsecops.ProvisioningStateSucceeded},
		{"more steps than items", 3, []armsecops.JobItem{item("a", "")},
			[][]armsecops.JobItemStatus{{inProgress}, {inProgress}, {inProgress}, {succeeded}}, armsecops.ProvisioningStateSucceeded},
		{"a failure by its errors", 1, []armsecops.JobItem{item("a", "", "Forbidden."), item("b", "")},
			[][]armsecops.JobItemStatus{{inProgress, inProgress}, {failed, succeeded}}, armsecops.ProvisioningStateFailed},
		{"a failure by its status", 0, []armsecops.JobItem{item("a", succeeded), item("b", "failed")},
			[][]armsecops.JobItemStatus{{succeeded, "failed"}}, armsecops.ProvisioningStateFailed},
		{"a status that nobody knows", 0, []armsecops.JobItem{item("a", "Skipped")},
			[][]armsecops.JobItemStatus{{"Skipped"}}, armsecops.ProvisioningStateSucceeded},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			srv := fake.NewServer(&fake.ServerOptions{JobSteps: test.steps, Now: clock()})
			srv.SetJobItems(jobID, test.items)
			jobs := newJobs(t, subscription, options(srv))
			created, err := jobs.Create(t.Context(), resourceGroup, workspace, assignment, nil)
			require.NoError(t, err)
			assert.Empty(t, created.Properties.Items)

			executed := map[string]time.Time{}
			for i, statuses := range test.gets {
				got, err := jobs.Get(t.Context(), resourceGroup, workspace, assignment, created.Name, nil)
				require.NoError(t, err)
				p := got.Properties
				ended := i == len(test.gets)-1
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
				assert.Equal(t, created.Properties.StartTime, p.StartTime)
				assert.Equal(t, ended, p.EndTime.After(p.StartTime))
				assert.Equal(t, ended, got.ETag != created.ETag)
				assert.Equal(t, ended, got.SystemData.LastModifiedAt.After(created.SystemData.LastModifiedAt))
				if ended {
					assert.Equal(t, test.end, p.ProvisioningState)
				} else {
					assert.Equal(t, armsecops.ProvisioningStateInProgress, p.ProvisioningState)
				}
			}
			last, err := jobs.Get(t.Context(), resourceGroup, workspace, assignment, created.Name, nil)
			require.NoError(t, err)
			again, err := jobs.Get(t.Context(), resourceGroup, workspace, assignment, created.Name, nil)
			require.NoError(t, err)
			assert.Equal(t, last, again, "a job that has ended doesn't change")
		})
	}
}

func TestCreateJob(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{NewID: counter(), Now: clock()})
	resp, body := do(t, srv, newRequest(t, http.MethodPost, jobsURL+jobVersion, ""))
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Equal(t, "id-1", resp.Header.Get("x-ms-request-id"))
	assert.JSONEq(t, `{
		"id": "/subscriptions/`+subscription+`/resourceGroups/group/providers/Microsoft.OperationalInsights/workspaces/workspace/providers/Microsoft.SecurityInsights/workspaceManagerAssignments/assignment/jobs/id-2",
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

// The items of one assignment's jobs are not those of another, nor of a job that runs already.
func TestSetJobItems(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{Now: clock()})
	jobs := newJobs(t, subscription, options(srv))
	items := func(name, assignment string) []armsecops.JobItem {
		got, err := jobs.Get(t.Context(), resourceGroup, workspace, assignment, name, nil)
		require.NoError(t, err)
		return got.Properties.Items
	}
	create := func(assignment string) string {
		created, err := jobs.Create(t.Context(), resourceGroup, workspace, assignment, nil)
		require.NoError(t, err)
		return created.Name
	}
	early := create(assignment)
	planned := []armsecops.JobItem{item("rule", "")}
	srv.SetJobItems(jobID, planned)
	planned[0].ResourceID = "changed"
	late, other := create(assignment), create("another")
	assert.Empty(t, items(early, assignment))
	assert.Empty(t, items(other, "another"))
	require.Len(t, items(late, assignment), 1)
	assert.Equal(t, "rule", items(late, assignment)[0].ResourceID)
	latest := create(assignment)
	assert.True(t, items(latest, assignment)[0].ExecutionTime.After(items(late, assignment)[0].ExecutionTime), "each job has its own items")
}

func TestDeleteJob(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{JobSteps: 5})
	jobs := newJobs(t, subscription, options(srv))
	created, err := jobs.Create(t.Context(), resourceGroup, workspace, assignment, nil)
	require.NoError(t, err)
	_, err = jobs.Get(t.Context(), resourceGroup, workspace, assignment, created.Name, nil)
	require.NoError(t, err)
	for _, status := range []int{http.StatusOK, http.StatusNoContent} {
		resp, body := do(t, srv, newRequest(t, http.MethodDelete, jobsURL+"/"+created.Name+jobVersion, ""))
		assert.Equal(t, status, resp.StatusCode)
		assert.Empty(t, body)
		assert.Empty(t, resp.Header.Get("Content-Type"))
	}
}

func TestPutJob(t *testing.T) {
	t.Parallel()
	t.Run("what is absent is filled in", func(t *testing.T) {
		t.Parallel()
		srv := fake.NewServer(nil)
		srv.PutJob(jobID, armsecops.Job{})
		got, err := newJobs(t, subscription, options(srv)).Get(t.Context(), resourceGroup, workspace, assignment, "job", nil)
		require.NoError(t, err)
		assert.Equal(t, jobID.String(), got.ID)
		assert.Equal(t, "job", got.Name)
		assert.Equal(t, "Microsoft.SecurityInsights/workspaceManagerAssignments/jobs", got.Type)
		assert.Regexp(t, `^"[0-9a-f-]{36}"$`, got.ETag)
	})
	t.Run("what is there stays", func(t *testing.T) {
		t.Parallel()
		srv := fake.NewServer(nil)
		model := armsecops.Job{
			ID: "an id", Name: "a name", Type: "a type", ETag: "an etag",
			Properties: armsecops.JobProperties{
				ProvisioningState:    "Paused",
				Items:                []armsecops.JobItem{item("rule", "Waiting")},
				AdditionalProperties: map[string]json.RawMessage{"new": json.RawMessage(`[1]`)},
			},
		}
		srv.PutJob(jobID, model)
		model.Properties.Items[0].ResourceID = "changed"
		model.Properties.AdditionalProperties["new"][1] = '2'
		jobs := newJobs(t, subscription, options(srv))
		for range 2 { // a job that was put doesn't go on by itself
			got, err := jobs.Get(t.Context(), "GROUP", "Workspace", "ASSIGNMENT", "JOB", nil)
			require.NoError(t, err)
			assert.Equal(t, armsecops.Job{
				ID: "an id", Name: "a name", Type: "a type", ETag: "an etag",
				Properties: armsecops.JobProperties{
					ProvisioningState:    "Paused",
					Items:                []armsecops.JobItem{item("rule", "Waiting")},
					AdditionalProperties: map[string]json.RawMessage{"new": json.RawMessage(`[1]`)},
				},
			}, got.Job)
		}
	})
	t.Run("what no client could ask for", func(t *testing.T) {
		t.Parallel()
		srv := fake.NewServer(nil)
		bad := jobID
		bad.WorkspaceName = "w"
		assert.PanicsWithValue(t, "fake: the id's workspaceName 'w' must match ^[A-Za-z0-9][A-Za-z0-9-]+[A-Za-z0-9]$", func() { srv.PutJob(bad, armsecops.Job{}) })
		assert.PanicsWithValue(t, "fake: the id's workspaceName 'w' must match ^[A-Za-z0-9][A-Za-z0-9-]+[A-Za-z0-9]$", func() { srv.SetJobItems(bad, nil) })
		broken := armsecops.Job{AdditionalProperties: map[string]json.RawMessage{"x": json.RawMessage("{")}}
		assert.Panics(t, func() { srv.PutJob(jobID, broken) })
	})
}
