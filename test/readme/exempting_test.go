package main

import (
	"testing"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/test/driver"
)

func TestExemptWritesToThePlaceOfTheRecommendation(t *testing.T) {
	t.Parallel()
	const (
		scope   = "/subscriptions/" + subscription
		machine = scope + "/resourceGroups/test/providers/Microsoft.Compute/virtualMachines/build"
		policy  = scope + "/providers/Microsoft.Authorization/policyAssignments/SecurityCenterBuiltIn"
		ports   = "bc303248-3d14-44c2-96a0-55f5c326b5fe"
		disks   = "21300918-b2e3-0346-785f-c77ff57d243b"
	)
	server := fake.NewServer(&fake.ServerOptions{Strict: true})
	server.AddSubscription(subscription)
	server.AddResourceGroup(subscription, "test")
	for key, properties := range map[string]armsecops.AssessmentMetadataProperties{
		ports: {DisplayName: "Close ports", PolicyDefinitionID: "/providers/Microsoft.Authorization/policyDefinitions/22730e10-96f6-4aac-ad84-9383d35b5917"},
		disks: {DisplayName: "Encrypt disks"},
	} {
		properties.AssessmentType, properties.Severity = armsecops.AssessmentTypeBuiltIn, armsecops.AssessmentSeverityHigh
		server.Put(armsecops.AssessmentMetadataID{Name: key}, armsecops.AssessmentMetadata{Properties: properties})
	}
	standardID := armsecops.SecurityStandardID{Scope: scope, Name: "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"}
	server.Put(standardID, armsecops.SecurityStandard{Properties: armsecops.SecurityStandardProperties{
		Assessments: []armsecops.PartialAssessmentProperties{{AssessmentKey: disks}},
	}})
	factory := driver.NewFactory(t, &azfake.TokenCredential{}, driver.Options(server))
	standards, err := standardsOf(t.Context(), factory.NewSecurityStandardsClient(), scope, disks)
	require.NoError(t, err)
	require.Len(t, standards, 1)
	require.Equal(t, standardID.String(), standards[0].ID)

	for _, recommendation := range []string{"Close ports", "Encrypt disks", "Encrypt disks"} {
		require.NoError(t, exempt(t.Context(), factory, recommendation, machine, policy, "closePorts", standards[0].ID))
	}
	require.Error(t, exempt(t.Context(), factory, "Unknown", machine, "", "", ""))

	var found []string
	in90Days, day := time.Now().AddDate(0, 0, 90), 24*time.Hour
	for e, err := range factory.NewPolicyExemptionsClient().NewListPager(machine, nil).All(t.Context()) {
		require.NoError(t, err)
		assert.WithinDuration(t, in90Days, e.Properties.ExpiresOn, day)
		found = append(found, e.Properties.PolicyAssignmentID, e.Properties.PolicyDefinitionReferenceIDs[0])
	}
	for e, err := range factory.NewStandardAssignmentsClient().NewListPager(machine, nil).All(t.Context()) {
		require.NoError(t, err)
		assert.WithinDuration(t, in90Days, e.Properties.ExpiresOn, day)
		found = append(found, e.Properties.AssignedStandard.ID, e.Properties.ExemptionData.Key())
	}
	assert.Equal(t, []string{policy, "closePorts", standardID.String(), disks}, found)
}
