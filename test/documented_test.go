package test

import (
	"encoding/json"
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

// documentedAssignment is the assignment of the documented exchanges.
func documentedAssignment() armsecops.Assignment {
	at := time.Date(2021, 8, 31, 13, 47, 50, 328000000, time.UTC)
	return armsecops.Assignment{
		ID: "subscriptions/" + assignmentsSubscription +
			"/resourceGroups/myResourceGroup/providers/Microsoft.Security/assignments/" + assignmentName,
		Name:     assignmentName,
		Type:     "Microsoft.Security/assignments",
		Location: "East US",
		ETag:     "etag value",
		Properties: armsecops.AssignmentProperties{
			DisplayName:      "ASC Default",
			Description:      "Set of policies monitored by Azure Security Center for cross cloud",
			AssignedStandard: armsecops.AssignedStandardItem{ID: "/providers/Microsoft.Security/Standards/" + assignmentName},
			Effect:           "Exempt",
			ExpiresOn:        time.Date(2022, 5, 1, 19, 50, 47, 83633000, time.UTC),
			AdditionalData:   armsecops.AdditionalData{ExemptionCategory: "waiver"},
			Metadata:         json.RawMessage(`{"ticketId":12345}`),
			Scope:            "/subscriptions/ae640e6b-ba3e-4256-9d62-2993eecfa6f2/ResourceGroup/rg",
		},
		SystemData: armsecops.SystemData{
			CreatedBy: "user@contoso.com", CreatedByType: armsecops.CreatedByTypeUser, CreatedAt: at,
			LastModifiedBy: "user@contoso.com", LastModifiedByType: armsecops.CreatedByTypeUser, LastModifiedAt: at,
		},
	}
}

func TestAssignmentsGetReturnsTheWholeAssignment(t *testing.T) {
	t.Parallel()
	client := newAssignmentsClient(t, options(documented(t, "assignments_get")))
	resp, err := client.Get(t.Context(), "myResourceGroup", assignmentName, nil)
	require.NoError(t, err)
	assert.Equal(t, documentedAssignment(), resp.Assignment)
}

// The scopes and the name of the documented exchanges.
const (
	managementGroup = "/providers/Microsoft.Management/managementGroups/contoso"
	subscription    = "/subscriptions/" + assignmentsSubscription
	connector       = subscription + "/resourceGroups/gcpResourceGroup/providers/Microsoft.Security/securityConnectors/gcpconnector"
	virtualMachine  = "/subscriptions/212f9889-769e-45ae-ab43-6da33674bd26/resourceGroups/ANAT_TEST_RG/providers/Microsoft.Compute/virtualMachines/anatTestE2LA"
	standardName    = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
)

// documentedExemption is the exemption of the documented exchanges, without what
// the service sets.
func documentedExemption() armsecops.StandardAssignment {
	return armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{
		DisplayName:      "Test exemption",
		Description:      "Exemption description",
		AssignedStandard: armsecops.AssignedStandardItem{ID: "/providers/Microsoft.Security/Standards/" + standardName},
		Effect:           "Exempt",
		ExpiresOn:        time.Date(2022, 5, 1, 19, 50, 47, 83633000, time.UTC),
		ExemptionData: armsecops.ExemptionData{
			ExemptionCategory:  "waiver",
			AssignedAssessment: armsecops.AssignedAssessmentItem{AssessmentKey: "1195afff-c881-495e-9bc5-1486211ae03f"},
		},
	}}
}

// asStored returns the standard assignment with what the service sets.
func asStored(a armsecops.StandardAssignment, id string) armsecops.StandardAssignment {
	at := time.Date(2022, 11, 10, 8, 31, 26, 799312400, time.UTC)
	a.ID, a.Name, a.Type = id, standardName, "Microsoft.Security/standardAssignments"
	a.Properties.Metadata = armsecops.StandardMetadata{
		CreatedBy: "c23b5354-ff0a-4b2a-9f92-6f144effd936", CreatedOn: at,
		LastUpdatedBy: "c23b5354-ff0a-4b2a-9f92-6f144effd936", LastUpdatedOn: at,
	}
	return a
}

func TestStandardAssignmentsGetReturnsTheWholeAssignment(t *testing.T) {
	t.Parallel()
	for _, scope := range []string{managementGroup, managementGroup[1:]} {
		client := newStandardsClient(t, options(documented(t, "standard_assignments_get")))
		resp, err := client.Get(t.Context(), scope, standardName, nil)
		require.NoError(t, err)
		// The documented id has the type of another resource.
		want := asStored(documentedExemption(), managementGroup+"/providers/Microsoft.Security/securityStandards/"+standardName)
		assert.Equal(t, want, resp.StandardAssignment)
	}
}
