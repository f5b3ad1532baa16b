package armsecops_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// The scopes and the name of the documented exchanges.
const (
	managementGroup = "/providers/Microsoft.Management/managementGroups/contoso"
	subscription    = "/subscriptions/" + assignmentsSubscription
	connector       = subscription + "/resourceGroups/gcpResourceGroup/providers/Microsoft.Security/securityConnectors/gcpconnector"
	virtualMachine  = "/subscriptions/212f9889-769e-45ae-ab43-6da33674bd26/resourceGroups/ANAT_TEST_RG/providers/Microsoft.Compute/virtualMachines/anatTestE2LA"
	standardName    = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"

	standardAssignmentsOf = "/providers/Microsoft.Security/standardAssignments"
)

func newStandardsClient(t testing.TB, o *armsecops.ClientOptions) *armsecops.StandardAssignmentsClient {
	t.Helper()
	client, err := armsecops.NewStandardAssignmentsClient(&azfake.TokenCredential{}, o)
	require.NoError(t, err)
	return client
}

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
