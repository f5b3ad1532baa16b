package main

import (
	"context"
	"log"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/test/driver"
)

func Example_inventory() {
	const subscription = "00000000-0000-0000-0000-000000000001"
	today := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	server := fake.NewServer(nil)
	server.Put(armsecops.PolicyExemptionID{Scope: "/providers/Microsoft.Management/managementGroups/all", Name: "lab"},
		armsecops.PolicyExemption{Properties: armsecops.PolicyExemptionProperties{ExemptionCategory: "Waiver", ExpiresOn: today}})
	server.Put(armsecops.StandardAssignmentID{Scope: "/subscriptions/" + subscription, Name: "00000000-0000-0000-0000-000000000002"},
		armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{
			Effect: "Exempt", ExemptionData: armsecops.ExemptionData{ExemptionCategory: "mitigated"},
		}})
	server.Put(armsecops.AssignmentID{SubscriptionID: subscription, ResourceGroupName: "security", Name: "old"},
		armsecops.Assignment{Properties: armsecops.AssignmentProperties{
			Effect: "Exempt", Scope: "/subscriptions/" + subscription, ExpiresOn: today.AddDate(1, 0, 0),
			AdditionalData: armsecops.AdditionalData{ExemptionCategory: "waiver"},
		}})
	client, err := armsecops.NewExemptionsClient(&azfake.TokenCredential{}, driver.Options(server))
	if err != nil {
		log.Fatal(err)
	}
	if err := inventory(context.Background(), client, today.AddDate(0, 0, 30)); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 2026-06-01 soon: true waiver Microsoft.Authorization/policyExemptions /providers/Microsoft.Management/managementGroups/all
	// never soon: false mitigated Microsoft.Security/standardAssignments /subscriptions/00000000-0000-0000-0000-000000000001
	// 2027-06-01 soon: false waiver Microsoft.Security/assignments /subscriptions/00000000-0000-0000-0000-000000000001
}
