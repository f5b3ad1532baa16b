package armsecops_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

const jobsWorkspace = "/subscriptions/" + jobsSubscription +
	"/resourceGroups/myRg/providers/Microsoft.OperationalInsights/workspaces/myWorkspace"

// documentedTime returns the documented time in a minute after 04:00.
func documentedTime(minute int) time.Time {
	return time.Date(2022, 6, 14, 4, minute, 52, 961495600, time.UTC)
}

// startedDocumentedJob is the documented job as Create returns it.
func startedDocumentedJob() armsecops.Job {
	return armsecops.Job{
		ID:   jobsWorkspace + "/providers/Microsoft.SecurityInsights/workspaceManagerAssignments/" + jobsAssignment + "/jobs/" + jobName,
		Name: jobName,
		Type: "Microsoft.SecurityInsights/workspaceManagerAssignments/jobs",
		ETag: `"f20a2523-7817-47b5-a3b2-21539c00c788"`,
		Properties: armsecops.JobProperties{
			StartTime:         documentedTime(47),
			ProvisioningState: armsecops.ProvisioningStateInProgress,
		},
	}
}

// failedDocumentedJob is the same job at its end.
func failedDocumentedJob() armsecops.Job {
	const rules = jobsWorkspace + "/providers/Microsoft.SecurityInsights/alertRules/"
	job := startedDocumentedJob()
	job.Properties.EndTime = documentedTime(52)
	job.Properties.ProvisioningState = armsecops.ProvisioningStateFailed
	job.Properties.Items = []armsecops.JobItem{
		{
			ResourceID:    rules + "microsoftSecurityIncidentCreationRuleExampleOne",
			Status:        armsecops.JobItemStatusSucceeded,
			ExecutionTime: documentedTime(49),
		},
		{
			ResourceID:    rules + "microsoftSecurityIncidentCreationRuleExampleTwo",
			Status:        armsecops.JobItemStatusFailed,
			ExecutionTime: documentedTime(50),
			Errors: []armsecops.JobItemError{{
				MemberResourceName: "f5fa104e-c0e3-4747-9182-d342dc048a9e",
				ErrorMessage:       "Failed to write. Status code: Forbidden.",
			}},
		},
	}
	return job
}

func TestJobsGetReturnsTheWholeJob(t *testing.T) {
	t.Parallel()
	client := newJobsClient(t, options(documented(t, "jobs_get")))
	resp, err := client.Get(t.Context(), "myRg", "myWorkspace", jobsAssignment, jobName, nil)
	require.NoError(t, err)
	assert.Equal(t, failedDocumentedJob(), resp.Job)
}

// The poller sends the same requests as Create and Get do.
func TestPollerFollowsTheJobToItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		transport := documented(t, "jobs_create_get_get")
		client := newJobsClient(t, options(transport))
		poller, err := client.BeginCreate(t.Context(), "myRg", "myWorkspace", jobsAssignment, nil)
		require.NoError(t, err)
		assert.Equal(t, 1, transport.Requests())
		assert.False(t, poller.Done())
		start := time.Now()
		_, err = poller.PollUntilDone(t.Context(), &runtime.PollUntilDoneOptions{Frequency: 5 * time.Second})
		failed, ok := errors.AsType[*armsecops.JobFailedError](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, failedDocumentedJob(), failed.Job)
		assert.Equal(t, 5*time.Second, time.Since(start), "one wait, between the two polls")
		assert.True(t, poller.Done())
	})
}

// Poll returns the response as the service sent it, with its headers and the job as its body.
func TestPollReturnsTheResponse(t *testing.T) {
	t.Parallel()
	client := newJobsClient(t, options(documented(t, "jobs_create_get_get")))
	poller, err := client.BeginCreate(t.Context(), "myRg", "myWorkspace", jobsAssignment, nil)
	require.NoError(t, err)
	for _, want := range readExchanges(t, "jobs_create_get_get")[1:] {
		received, err := poller.Poll(t.Context())
		require.NoError(t, err)
		want.AssertReceived(t, received)
		body, err := runtime.Payload(received)
		require.NoError(t, err)
		assertSameJSON(t, want.Response.Body, body)
	}
}
