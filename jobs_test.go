package armsecops_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

func TestJobsCreate(t *testing.T) {
	t.Parallel()
	client := newJobsClient(t, options(replay(t, "jobs_create")))
	resp, err := client.Create(t.Context(), "myRg", "myWorkspace", jobsAssignment, nil)
	require.NoError(t, err)
	assert.Equal(t, jobName, resp.Name)
	assert.Equal(t, armsecops.ProvisioningStateInProgress, resp.Properties.ProvisioningState)
	assert.Equal(t, time.Date(2022, 6, 14, 4, 47, 52, 961495600, time.UTC), resp.Properties.StartTime)
	assert.True(t, resp.Properties.EndTime.IsZero())
	assert.Nil(t, resp.Properties.Items)
}

func TestJobsGet(t *testing.T) {
	t.Parallel()
	client := newJobsClient(t, options(replay(t, "jobs_get")))
	resp, err := client.Get(t.Context(), "myRg", "myWorkspace", jobsAssignment, jobName, nil)
	require.NoError(t, err)
	const rules = "/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/myRg/providers/Microsoft.OperationalInsights/workspaces/myWorkspace/providers/Microsoft.SecurityInsights/alertRules/"
	at := func(minute int) time.Time { return time.Date(2022, 6, 14, 4, minute, 52, 961495600, time.UTC) }
	assert.Equal(t, armsecops.Job{
		ID:   "/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/myRg/providers/Microsoft.OperationalInsights/workspaces/myWorkspace/providers/Microsoft.SecurityInsights/workspaceManagerAssignments/47cdc5f5-37c4-47b5-bd5f-83c84b8bdd58/jobs/cfbe1338-8276-4d5d-8b96-931117f9fa0e",
		Name: jobName,
		Type: "Microsoft.SecurityInsights/workspaceManagerAssignments/jobs",
		ETag: `"f20a2523-7817-47b5-a3b2-21539c00c788"`,
		Properties: armsecops.JobProperties{
			StartTime:         at(47),
			EndTime:           at(52),
			ProvisioningState: armsecops.ProvisioningStateFailed,
			Items: []armsecops.JobItem{
				{
					ResourceID:    rules + "microsoftSecurityIncidentCreationRuleExampleOne",
					Status:        armsecops.JobItemStatusSucceeded,
					ExecutionTime: at(49),
				},
				{
					ResourceID:    rules + "microsoftSecurityIncidentCreationRuleExampleTwo",
					Status:        armsecops.JobItemStatusFailed,
					ExecutionTime: at(50),
					Errors: []armsecops.JobItemError{{
						MemberResourceName: "f5fa104e-c0e3-4747-9182-d342dc048a9e",
						ErrorMessage:       "Failed to write. Status code: Forbidden.",
					}},
				},
			},
		},
	}, resp.Job)
	assertWireForm(t, "jobs_get", resp.Job)
}

func TestJobsList(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		options  *armsecops.WorkspaceManagerJobsClientListOptions
		exchange string
	}{
		"no options": {nil, "jobs_list"},
		"all options": {
			&armsecops.WorkspaceManagerJobsClientListOptions{OrderBy: "properties/startTime desc", Top: 1, SkipToken: "abc+/=="},
			"jobs_list_options",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pager := newJobsClient(t, options(replay(t, test.exchange))).NewListPager("myRg", "myWorkspace", jobsAssignment, test.options)
			require.True(t, pager.More())
			page, err := pager.NextPage(t.Context())
			require.NoError(t, err)
			assertWireForm(t, test.exchange, page)
			assert.False(t, pager.More())
			assert.Empty(t, pager.ContinuationToken())
			_, err = pager.NextPage(t.Context())
			assert.EqualError(t, err, "no more pages")
		})
	}
}

func TestJobsDelete(t *testing.T) {
	t.Parallel()
	for _, exchange := range []string{"jobs_delete_200", "jobs_delete_204"} {
		t.Run(exchange, func(t *testing.T) {
			t.Parallel()
			client := newJobsClient(t, options(replay(t, exchange)))
			_, err := client.Delete(t.Context(), "myRg", "myWorkspace", jobsAssignment, jobName, nil)
			require.NoError(t, err)
		})
	}
}

// assertWireForm checks that the model's JSON is what the service sent, to the last member.
func assertWireForm(t *testing.T, exchange string, model any) {
	t.Helper()
	data, err := json.Marshal(model)
	require.NoError(t, err)
	assert.JSONEq(t, string(readRecorded(t, exchange).Response.Body), string(data))
}
