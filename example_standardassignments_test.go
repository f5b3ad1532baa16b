package armsecops_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"

	"github.com/armsecops/armsecops"
)

func exampleFactory() *armsecops.ClientFactory {
	factory, err := armsecops.NewClientFactory(&azfake.TokenCredential{}, exampleOptions())
	if err != nil {
		log.Fatal(err)
	}
	return factory
}

func exampleStandardsClient() *armsecops.StandardAssignmentsClient {
	return exampleFactory().NewStandardAssignmentsClient()
}

// The clients of a factory share one pipeline, token cache and set of throttling
// gates.
func ExampleNewClientFactory() {
	factory, err := armsecops.NewClientFactory(&azfake.TokenCredential{}, exampleOptions())
	if err != nil {
		log.Fatal(err)
	}
	jobs, err := factory.NewWorkspaceManagerJobsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0")
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	for job, err := range jobs.NewListPager("myRg", "myWorkspace", "47cdc5f5-37c4-47b5-bd5f-83c84b8bdd58", nil).All(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(job.Properties.ProvisioningState)
	}
	standards := factory.NewStandardAssignmentsClient()
	for standard, err := range standards.NewListPager("/providers/Microsoft.Management/managementGroups/contoso", nil).All(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(standard.Properties.DisplayName)
	}
	// Output:
	// Failed
	// Test exemption
}

// A listing across subscriptions needs no subscription of its own.
func ExampleClientFactory_NewSecurityAssignmentsClient() {
	client, err := exampleFactory().NewSecurityAssignmentsClient("")
	if err != nil {
		log.Fatal(err)
	}
	subscriptions := []string{"20ff7fc3-e762-44dd-bd96-b71116dcdc23", "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"}
	n := 0
	for _, err := range client.ListAcrossSubscriptions(context.Background(), subscriptions, nil) {
		if err != nil {
			log.Fatal(err)
		}
		n++
	}
	fmt.Println("assignments:", n)
	// Output: assignments: 1
}

func ExampleStandardAssignmentsClient_Get() {
	client := exampleStandardsClient()
	scope := "/providers/Microsoft.Management/managementGroups/contoso"
	exemption, err := client.Get(context.Background(), scope, "1f3afdf9-d0c9-4c3d-847f-89da613e70a8", nil)
	if err != nil {
		log.Fatal(err)
	}
	p := exemption.Properties
	fmt.Println(p.DisplayName, p.Effect, p.ExemptionData.ExemptionCategory, p.ExpiresOn)
	// Output: Test exemption Exempt waiver 2022-05-01 19:50:47.083633 +0000 UTC
}

// An exemption needs a display name, the effect Exempt, the standard, the
// category, and the key of the assessment that the scope is exempt from. Without
// ExpiresOn it never expires. The service sets everything else.
func ExampleStandardAssignmentsClient_CreateOrUpdate() {
	client := exampleStandardsClient()
	scope := "/subscriptions/212f9889-769e-45ae-ab43-6da33674bd26/resourceGroups/ANAT_TEST_RG" +
		"/providers/Microsoft.Compute/virtualMachines/anatTestE2LA"
	name := "7c1f4b0e-5a43-4c0e-9d3a-2b8f6f0a9d11" // a new UUID
	exemption, err := client.CreateOrUpdate(context.Background(), scope, name, armsecops.StandardAssignment{
		Properties: armsecops.StandardAssignmentProperties{
			DisplayName: "Test system without disk encryption",
			Description: "Accepted until it is shut down.",
			Effect:      armsecops.EffectExempt,
			AssignedStandard: armsecops.AssignedStandardItem{
				ID: "/providers/Microsoft.Security/securityStandards/1f3afdf9-d0c9-4c3d-847f-89da613e70a8",
			},
			ExemptionData: armsecops.ExemptionData{
				ExemptionCategory:  armsecops.ExemptionCategoryWaiver,
				AssignedAssessment: armsecops.AssignedAssessmentItem{AssessmentKey: "1195afff-c881-495e-9bc5-1486211ae03f"},
			},
			ExpiresOn: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
		},
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	id, err := armsecops.ParseStandardAssignmentID(exemption.ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(id.Scope == scope, id.Name)
	// Output: true 7c1f4b0e-5a43-4c0e-9d3a-2b8f6f0a9d11
}

func ExampleStandardAssignmentsClient_Delete() {
	client := exampleStandardsClient()
	ctx := context.Background()
	scope := "/providers/Microsoft.Management/managementGroups/contoso"
	if _, err := client.Delete(ctx, scope, "1f3afdf9-d0c9-4c3d-847f-89da613e70a8", nil); err != nil {
		log.Fatal(err)
	}
	_, err := client.Get(ctx, scope, "1f3afdf9-d0c9-4c3d-847f-89da613e70a8", nil)
	fmt.Println(errors.Is(err, armsecops.ErrNotFound))
	// Output: true
}

func ExampleStandardAssignmentsClient_NewListPager() {
	client := exampleStandardsClient()
	connector := "/subscriptions/20ff7fc3-e762-44dd-bd96-b71116dcdc23/resourceGroups/gcpResourceGroup" +
		"/providers/Microsoft.Security/securityConnectors/gcpconnector"
	for standard, err := range client.NewListPager(connector, nil).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(standard.Properties.Effect, standard.Properties.DisplayName)
	}
	// Output:
	// Audit ASC Default
	// Exempt Test exemption
}
