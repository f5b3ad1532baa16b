package test

import (
	"encoding/json"
	"errors"
	"strings"
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

// The request of the put is documented to have every member that the get returned.
func TestChangedAssignmentIsPutWithItsUnknownMembers(t *testing.T) {
	t.Parallel()
	client := newAssignmentsClient(t, options(documented(t, "assignments_get_put")))
	got, err := client.Get(t.Context(), "myResourceGroup", assignmentName, nil)
	require.NoError(t, err)
	assert.Contains(t, got.AdditionalProperties, "managedBy")
	assert.Contains(t, got.Properties.AdditionalProperties, "resourceSelectors")
	assert.Contains(t, got.Properties.AssignedStandard.AdditionalProperties, "version")
	assert.Contains(t, got.Properties.AdditionalData.AdditionalProperties, "approvals")
	assert.Contains(t, got.SystemData.AdditionalProperties, "tenantId")

	assignment := got.Assignment
	assignment.Properties.ExpiresOn = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	put, err := client.CreateOrUpdate(t.Context(), "myResourceGroup", assignmentName, assignment, nil)
	require.NoError(t, err)
	readExchanges(t, "assignments_get_put")[1].AssertWireForm(t, put.Assignment)
}

// The scopes and the name of the documented exchanges.
const (
	managementGroup = "/providers/Microsoft.Management/managementGroups/contoso"
	subscription    = "/subscriptions/" + assignmentsSubscription
	connector       = subscription + "/resourceGroups/gcpResourceGroup/providers/Microsoft.Security/securityConnectors/gcpconnector"
	virtualMachine  = "/subscriptions/212f9889-769e-45ae-ab43-6da33674bd26/resourceGroups/ANAT_TEST_RG/providers/Microsoft.Compute/virtualMachines/anatTestE2LA"
	standardName    = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"

	standardAssignmentsOf = "/providers/Microsoft.Security/standardAssignments"
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

// The request of the put is documented to have every member that the get returned.
func TestChangedStandardAssignmentIsPutWithItsUnknownMembers(t *testing.T) {
	t.Parallel()
	client := newStandardsClient(t, options(documented(t, "standard_assignments_get_put")))
	got, err := client.Get(t.Context(), managementGroup, standardName, nil)
	require.NoError(t, err)
	p := got.Properties
	assert.Contains(t, got.AdditionalProperties, "managedBy")
	assert.Contains(t, p.AdditionalProperties, "resourceSelectors")
	assert.Contains(t, p.AssignedStandard.AdditionalProperties, "version")
	assert.Contains(t, p.ExemptionData.AdditionalProperties, "reviewer")
	assert.Contains(t, p.AttestationData.AdditionalProperties, "approvals")
	assert.Contains(t, p.AttestationData.AssignedAssessment.AdditionalProperties, "weight")
	require.Len(t, p.AttestationData.Evidence, 1)
	assert.Contains(t, p.AttestationData.Evidence[0].AdditionalProperties, "hash")
	assert.Contains(t, p.Metadata.AdditionalProperties, "ticket")
	assert.Contains(t, got.SystemData.AdditionalProperties, "tenantId")

	assert.True(t, p.Effect.Is(armsecops.EffectAttest))
	assert.True(t, p.AttestationData.ComplianceState.Is(armsecops.AttestationComplianceStateCompliant))
	assert.Equal(t, "https://contoso.com/audits/2022", p.AttestationData.Evidence[0].SourceURL)
	assert.Equal(t, time.Date(2022, 11, 10, 8, 31, 26, 799312400, time.UTC), p.AttestationData.ComplianceDate)

	attestation := got.StandardAssignment
	attestation.Properties.ExpiresOn = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	put, err := client.CreateOrUpdate(t.Context(), managementGroup, standardName, attestation, nil)
	require.NoError(t, err)
	readExchanges(t, "standard_assignments_get_put")[1].AssertWireForm(t, put.StandardAssignment)
}

func listConnector(t *testing.T, o *armsecops.ClientOptions, page armsecops.PageOptions) *armsecops.Pager[armsecops.StandardAssignment] {
	return newStandardsClient(t, o).NewListPager(connector, &armsecops.StandardAssignmentsClientListOptions{PageOptions: page})
}

// Links to next pages must lead to the listing's own scope.
func TestStandardAssignmentsListFollowsLinksOfItsScopeOnly(t *testing.T) {
	t.Parallel()
	const endpoint, query = "https://management.azure.com", "?$skipToken=2"
	tests := map[string]struct {
		link string
		want error
	}{
		"the scope":              {endpoint + connector + standardAssignmentsOf + query, nil},
		"in another casing":      {endpoint + strings.ToLower(connector+standardAssignmentsOf) + query, nil},
		"escaped":                {endpoint + strings.Replace(connector, "gcpconnector", "gcp%63onnector", 1) + standardAssignmentsOf + query, nil},
		"relative":               {connector + standardAssignmentsOf + query, nil},
		"a scope above":          {endpoint + subscription + standardAssignmentsOf + query, armsecops.ErrUntrustedNextLink},
		"a scope below":          {endpoint + connector + "/a/b" + standardAssignmentsOf + query, armsecops.ErrUntrustedNextLink},
		"another scope":          {endpoint + managementGroup + standardAssignmentsOf + query, armsecops.ErrUntrustedNextLink},
		"a resource of it":       {endpoint + connector + standardAssignmentsOf + "/" + standardName + query, armsecops.ErrUntrustedNextLink},
		"a slash that is a name": {endpoint + strings.Replace(connector, "/gcpconnector", "%2Fgcpconnector", 1) + standardAssignmentsOf + query, armsecops.ErrUntrustedNextLink},
		"climbing":               {endpoint + connector + "/a/../../b" + standardAssignmentsOf + query, armsecops.ErrUntrustedNextLink},
		"another host":           {"https://evil.example" + connector + standardAssignmentsOf + query, armsecops.ErrUntrustedNextLink},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page, err := json.Marshal(map[string]any{"value": []any{}, "nextLink": test.link})
			require.NoError(t, err)
			responses := []transportFunc{respond(200, string(page))}
			if test.want == nil {
				responses = append(responses, respond(200, minimal))
			}
			pager := listConnector(t, options(script(t, responses...)), armsecops.PageOptions{})
			_, err = pager.NextPage(t.Context())
			require.NoError(t, err)
			_, err = pager.NextPage(t.Context())
			require.ErrorIs(t, err, test.want)
		})
	}
}

// A token is bound to the scope of its listing.
func TestContinuationTokenIsOfItsScope(t *testing.T) {
	t.Parallel()
	token := listConnector(t, options(script(t)), armsecops.PageOptions{}).ContinuationToken()
	client := newStandardsClient(t, options(script(t)))
	page := armsecops.PageOptions{ContinuationToken: token}
	_, err := client.NewListPager(subscription, &armsecops.StandardAssignmentsClientListOptions{PageOptions: page}).NextPage(t.Context())
	assertParameterError(t, err, "ContinuationToken")
}

// Every part of what is assigned is written as the service reads it.
func TestStandardAssignmentIsWrittenWithoutWhatIsZero(t *testing.T) {
	t.Parallel()
	full := armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{
		Effect: "Attest", ExcludedScopes: []string{"/subscriptions/1"},
		AttestationData: armsecops.AttestationData{
			ComplianceState:    "nonCompliant",
			AssignedAssessment: armsecops.AssignedAssessmentItem{AssessmentKey: "key"},
			Evidence:           []armsecops.AttestationEvidence{{Description: "text", SourceURL: "https://contoso.com"}},
		},
	}}
	tests := map[string]struct {
		model any
		want  string
	}{
		"nothing": {armsecops.StandardAssignment{}, `{}`},
		"attestation": {full, `{"properties":{"effect":"Attest","excludedScopes":["/subscriptions/1"],"attestationData":{` +
			`"complianceState":"nonCompliant","assignedAssessment":{"assessmentKey":"key"},"evidence":[{"description":"text","sourceUrl":"https://contoso.com"}]}}}`},
		"pointer": {&full, `{"properties":{"effect":"Attest","excludedScopes":["/subscriptions/1"],"attestationData":{` +
			`"complianceState":"nonCompliant","assignedAssessment":{"assessmentKey":"key"},"evidence":[{"description":"text","sourceUrl":"https://contoso.com"}]}}}`},
		"page": {armsecops.StandardAssignmentsList{Value: []armsecops.StandardAssignment{{Name: "a"}}}, `{"value":[{"name":"a"}]}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachPackage(t, func(t *testing.T, marshal func(any) ([]byte, error), _ func([]byte, any) error) {
				text, err := marshal(test.model)
				require.NoError(t, err)
				assert.Equal(t, test.want, string(text))
			})
		})
	}
}
