package armsecops_test

import (
	"context"
	"fmt"
	"log"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

// What is exempt, from what and until when: the exemptions that end this year, from
// all three places.
func ExampleExemptionsClient_NewListPager() {
	server := fake.NewServer(nil)
	server.Put(armsecops.PolicyExemptionID{Scope: "/providers/Microsoft.Management/managementGroups/contoso", Name: "legacy"},
		armsecops.PolicyExemption{Properties: armsecops.PolicyExemptionProperties{
			PolicyAssignmentID: "/providers/Microsoft.Management/managementGroups/contoso/providers/Microsoft.Authorization/policyAssignments/baseline",
			ExemptionCategory:  armsecops.ExemptionCategoryWaiver,
			ExpiresOn:          time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC),
		}})
	server.Put(armsecops.StandardAssignmentID{
		Scope: "/subscriptions/20ff7fc3-e762-44dd-bd96-b71116dcdc23/resourceGroups/web", Name: "1f3afdf9-d0c9-4c3d-847f-89da613e70a8",
	}, armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{
		Effect:    armsecops.EffectExempt,
		ExpiresOn: time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC),
	}})
	options := &armsecops.ClientOptions{}
	options.Transport = server
	client, err := armsecops.NewExemptionsClient(&azfake.TokenCredential{}, options)
	if err != nil {
		log.Fatal(err)
	}
	pager := client.NewListPager(&armsecops.ExemptionsClientListOptions{
		ExpiresBefore: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
	})
	for exemption, err := range pager.All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(exemption.Scope, exemption.ExpiresOn.Format(time.DateOnly))
	}
	// Output:
	// /providers/Microsoft.Management/managementGroups/contoso 2026-12-24
	// /subscriptions/20ff7fc3-e762-44dd-bd96-b71116dcdc23/resourceGroups/web 2026-12-31
}
