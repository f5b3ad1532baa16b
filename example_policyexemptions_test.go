package armsecops_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/armsecops/armsecops"
)

const exampleCluster = "/subscriptions/ae640e6b-ba3e-4256-9d62-2993eecfa6f2/resourceGroups/demoCluster"

// examplePolicyExemptions returns a client with one exemption, which has a member of
// a newer api-version.
func examplePolicyExemptions() *armsecops.PolicyExemptionsClient {
	client := exampleFactory().NewPolicyExemptionsClient()
	_, err := client.CreateOrUpdate(context.Background(), exampleCluster, "DemoExpensiveVM", armsecops.PolicyExemption{
		Properties: armsecops.PolicyExemptionProperties{
			PolicyAssignmentID: "/subscriptions/ae640e6b-ba3e-4256-9d62-2993eecfa6f2/providers/Microsoft.Authorization/policyAssignments/CostManagement",
			ExemptionCategory:  armsecops.ExemptionCategoryWaiver,
			ExpiresOn:          time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC),
			AdditionalProperties: map[string]json.RawMessage{
				"exemptionManagementMode": json.RawMessage(`"UserManaged"`),
			},
		},
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	return client
}

// Extending an exemption takes a get and a put of everything: members of newer
// api-versions survive it.
func ExamplePolicyExemptionsClient_CreateOrUpdate() {
	client := examplePolicyExemptions()
	ctx := context.Background()
	got, err := client.Get(ctx, exampleCluster, "DemoExpensiveVM", nil)
	if err != nil {
		log.Fatal(err)
	}
	exemption := got.PolicyExemption
	exemption.Properties.ExpiresOn = exemption.Properties.ExpiresOn.AddDate(0, 0, 90)
	put, err := client.CreateOrUpdate(ctx, exampleCluster, exemption.Name, exemption, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(put.Properties.ExpiresOn.Format(time.DateOnly), put.Properties.ExemptionCategory)
	fmt.Printf("%s\n", put.Properties.AdditionalProperties["exemptionManagementMode"])
	// Output:
	// 2027-03-31 Waiver
	// "UserManaged"
}

func ExamplePolicyExemptionsClient_Get() {
	client := examplePolicyExemptions()
	exemption, err := client.Get(context.Background(), exampleCluster, "DemoExpensiveVM", nil)
	if err != nil {
		log.Fatal(err)
	}
	p := exemption.Properties
	fmt.Println(p.ExemptionCategory.Is(armsecops.ExemptionCategoryWaiver), p.ExpiresOn.Format(time.DateOnly))
	// Output: true 2026-12-31
}

// Update changes the resource selectors alone.
func ExamplePolicyExemptionsClient_Update() {
	client := examplePolicyExemptions()
	exemption, err := client.Update(context.Background(), exampleCluster, "DemoExpensiveVM", armsecops.PolicyExemptionUpdate{
		Properties: armsecops.PolicyExemptionUpdateProperties{
			ResourceSelectors: []armsecops.PolicyResourceSelector{{
				Name:      "SDPRegions",
				Selectors: []armsecops.PolicySelector{{Kind: armsecops.PolicySelectorKindResourceLocation, In: []string{"eastus2euap"}}},
			}},
		},
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(exemption.Properties.ResourceSelectors[0].Name, exemption.Properties.ExpiresOn.Format(time.DateOnly))
	// Output: SDPRegions 2026-12-31
}

func ExamplePolicyExemptionsClient_Delete() {
	client := examplePolicyExemptions()
	ctx := context.Background()
	if _, err := client.Delete(ctx, exampleCluster, "DemoExpensiveVM", nil); err != nil {
		log.Fatal(err)
	}
	_, err := client.Get(ctx, exampleCluster, "DemoExpensiveVM", nil)
	fmt.Println(errors.Is(err, armsecops.ErrNotFound))
	// Output: true
}

// The filter leaves out what the scope inherits and what is below it.
func ExamplePolicyExemptionsClient_NewListPager() {
	client := examplePolicyExemptions()
	options := &armsecops.PolicyExemptionsClientListOptions{Filter: "atExactScope()"}
	for exemption, err := range client.NewListPager(exampleCluster, options).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(exemption.Name)
	}
	// Output: DemoExpensiveVM
}

// With IncludeInherited, the rows have the exemptions of management groups above the
// subscription, too.
func ExamplePolicyExemptionsClient_NewResourceGraphPager() {
	client := examplePolicyExemptions()
	options := &armsecops.ResourceGraphOptions{
		SubscriptionIDs:  []string{"ae640e6b-ba3e-4256-9d62-2993eecfa6f2"},
		IncludeInherited: true,
	}
	for exemption, err := range client.NewResourceGraphPager(options).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(exemption.Name, exemption.ResourceGroupName())
	}
	// Output: DemoExpensiveVM demoCluster
}
