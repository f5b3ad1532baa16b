package armsecops_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
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

func TestJobsCreateReturnsTheStartedJob(t *testing.T) {
	t.Parallel()
	client := newJobsClient(t, options(documented(t, "jobs_create")))
	var received *http.Response
	ctx := policy.WithCaptureResponse(t.Context(), &received)
	resp, err := client.Create(ctx, "myRg", "myWorkspace", jobsAssignment, nil)
	require.NoError(t, err)
	assert.Equal(t, startedDocumentedJob(), resp.Job)
	want := readExchanges(t, "jobs_create")[0]
	want.assertWireForm(t, resp.Job)
	want.assertReceived(t, received)
}

func TestJobsGetReturnsTheWholeJob(t *testing.T) {
	t.Parallel()
	client := newJobsClient(t, options(documented(t, "jobs_get")))
	var received *http.Response
	ctx := policy.WithCaptureResponse(t.Context(), &received)
	resp, err := client.Get(ctx, "myRg", "myWorkspace", jobsAssignment, jobName, nil)
	require.NoError(t, err)
	assert.Equal(t, failedDocumentedJob(), resp.Job)
	want := readExchanges(t, "jobs_get")[0]
	want.assertWireForm(t, resp.Job)
	want.assertReceived(t, received)
}

func TestJobsListSendsItsOptions(t *testing.T) {
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
			client := newJobsClient(t, options(documented(t, test.exchange)))
			pager := client.NewListPager("myRg", "myWorkspace", jobsAssignment, test.options)
			require.True(t, pager.More())
			var received *http.Response
			page, err := pager.NextPage(policy.WithCaptureResponse(t.Context(), &received))
			require.NoError(t, err)
			want := readExchanges(t, test.exchange)[0]
			want.assertWireForm(t, page)
			want.assertReceived(t, received)
			assert.False(t, pager.More())
			assert.Empty(t, pager.ContinuationToken())
			_, err = pager.NextPage(t.Context())
			assert.EqualError(t, err, "no more pages")
		})
	}
}

func listJobs(t *testing.T, o *armsecops.ClientOptions, page armsecops.PageOptions) *armsecops.Pager[armsecops.Job] {
	options := &armsecops.WorkspaceManagerJobsClientListOptions{PageOptions: page}
	return newJobsClient(t, o).NewListPager("myRg", "myWorkspace", jobsAssignment, options)
}

func TestJobsListReadsEveryPage(t *testing.T) {
	t.Parallel()
	testListing(t, "jobs_list_three_pages", listJobs)
}

// A job that exists is deleted with 200, one that doesn't with 204.
func TestJobsDeleteSucceedsWithEachDocumentedStatus(t *testing.T) {
	t.Parallel()
	client := newJobsClient(t, options(documented(t, "jobs_delete")))
	for _, want := range readExchanges(t, "jobs_delete") {
		var received *http.Response
		ctx := policy.WithCaptureResponse(t.Context(), &received)
		_, err := client.Delete(ctx, "myRg", "myWorkspace", jobsAssignment, jobName, nil)
		require.NoError(t, err)
		want.assertReceived(t, received)
	}
}

func TestJobIsFollowedFromCreateToItsEnd(t *testing.T) {
	t.Parallel()
	client := newJobsClient(t, options(documented(t, "jobs_create_get_get")))
	created, err := client.Create(t.Context(), "myRg", "myWorkspace", jobsAssignment, nil)
	require.NoError(t, err)
	assert.Equal(t, startedDocumentedJob(), created.Job)
	for _, want := range []armsecops.Job{startedDocumentedJob(), failedDocumentedJob()} {
		got, err := client.Get(t.Context(), "myRg", "myWorkspace", jobsAssignment, created.Name, nil)
		require.NoError(t, err)
		assert.Equal(t, want, got.Job)
		assert.Equal(t, want.Properties.ProvisioningState == armsecops.ProvisioningStateFailed, got.Properties.ProvisioningState.Terminal())
	}
}

// The poller sends the same requests as Create and Get do.
func TestPollerFollowsTheJobToItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		transport := documented(t, "jobs_create_get_get")
		client := newJobsClient(t, options(transport))
		poller, err := client.BeginCreate(t.Context(), "myRg", "myWorkspace", jobsAssignment, nil)
		require.NoError(t, err)
		assert.Equal(t, 1, transport.requests())
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
		want.assertReceived(t, received)
		body, err := runtime.Payload(received)
		require.NoError(t, err)
		assertSameJSON(t, want.Response.Body, body)
	}
}
