package main

import (
	"fmt"
	"testing"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
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
	server.AddResourceGroup(subscription, "test")
	options := &armsecops.ClientOptions{}
	options.Transport = server
	factory, err := armsecops.NewClientFactory(&azfake.TokenCredential{}, options)
	if err != nil {
		t.Fatal(err)
	}
	standards, err := standardsOf(t.Context(), factory.NewSecurityStandardsClient(), scope, disks)
	if err != nil || len(standards) != 1 || standards[0].ID != standardID.String() {
		t.Fatalf("got %v and %v, want the standard", standards, err)
	}

	for _, recommendation := range []string{"Close ports", "Encrypt disks", "Encrypt disks"} {
		if err := exempt(t.Context(), factory, recommendation, machine, policy, "closePorts", standards[0].ID); err != nil {
			t.Fatal(err)
		}
	}
	if err := exempt(t.Context(), factory, "Unknown", machine, "", "", ""); err == nil {
		t.Error("no error")
	}

	var found []string
	inDays := func(days int) time.Time { return time.Now().AddDate(0, 0, days) }
	for e, err := range factory.NewPolicyExemptionsClient().NewListPager(machine, nil).All(t.Context()) {
		if p := e.Properties; err != nil || !p.ExpiresBefore(inDays(91)) || p.ExpiresBefore(inDays(89)) {
			t.Errorf("got %v and %v", e, err)
		}
		found = append(found, e.Properties.PolicyAssignmentID, e.Properties.PolicyDefinitionReferenceIDs[0])
	}
	for e, err := range factory.NewStandardAssignmentsClient().NewListPager(machine, nil).All(t.Context()) {
		if p := e.Properties; err != nil || !p.ExpiresBefore(inDays(91)) || p.ExpiresBefore(inDays(89)) {
			t.Errorf("got %v and %v", e, err)
		}
		found = append(found, e.Properties.AssignedStandard.ID, e.Properties.ExemptionData.Key())
	}
	if want := []string{policy, "closePorts", standardID.String(), disks}; fmt.Sprint(found) != fmt.Sprint(want) {
		t.Errorf("got %q, want %q", found, want)
	}
}
