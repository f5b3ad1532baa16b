package armsecops_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/armsecops/armsecops"
)

func exampleWorkspaceManagerAssignmentsClient() *armsecops.WorkspaceManagerAssignmentsClient {
	client, err := exampleFactory().NewWorkspaceManagerAssignmentsClient(jobsSubscriptionID)
	if err != nil {
		log.Fatal(err)
	}
	return client
}

func ExampleWorkspaceManagerAssignmentsClient_CreateOrUpdate() {
	client := exampleWorkspaceManagerAssignmentsClient()
	assignment, err := client.CreateOrUpdate(context.Background(), "myRg", "myWorkspace", "bank-rules", armsecops.WorkspaceManagerAssignment{
		Properties: armsecops.WorkspaceManagerAssignmentProperties{
			TargetResourceName: "banks",
			Items: []armsecops.WorkspaceManagerAssignmentItem{{
				ResourceID: "/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/myRg/providers/Microsoft.OperationalInsights/workspaces/myWorkspace/providers/Microsoft.SecurityInsights/alertRules/microsoftSecurityIncidentCreationRuleExample",
			}},
		},
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(assignment.Name, assignment.Properties.TargetResourceName)
	// Output: bank-rules banks
}

// To change one, get it, change the fields in question and put it back.
func ExampleWorkspaceManagerAssignmentsClient_Get() {
	client := exampleWorkspaceManagerAssignmentsClient()
	ctx := context.Background()
	if _, err := client.CreateOrUpdate(ctx, "myRg", "myWorkspace", "bank-rules", armsecops.WorkspaceManagerAssignment{
		Properties: armsecops.WorkspaceManagerAssignmentProperties{
			TargetResourceName: "banks",
			Items: []armsecops.WorkspaceManagerAssignmentItem{{
				ResourceID: "/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/myRg/providers/Microsoft.OperationalInsights/workspaces/myWorkspace/providers/Microsoft.SecurityInsights/alertRules/microsoftSecurityIncidentCreationRuleExample",
			}},
		},
	}, nil); err != nil {
		log.Fatal(err)
	}
	got, err := client.Get(ctx, "myRg", "myWorkspace", "bank-rules", nil)
	if err != nil {
		log.Fatal(err)
	}
	got.Properties.TargetResourceName = "all-banks"
	put, err := client.CreateOrUpdate(ctx, "myRg", "myWorkspace", "bank-rules", got.WorkspaceManagerAssignment, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(put.Properties.TargetResourceName)
	// Output: all-banks
}

func ExampleWorkspaceManagerAssignmentsClient_NewListPager() {
	client := exampleWorkspaceManagerAssignmentsClient()
	ctx := context.Background()
	if _, err := client.CreateOrUpdate(ctx, "myRg", "myWorkspace", "bank-rules", armsecops.WorkspaceManagerAssignment{
		Properties: armsecops.WorkspaceManagerAssignmentProperties{
			TargetResourceName: "banks",
			Items: []armsecops.WorkspaceManagerAssignmentItem{{
				ResourceID: "/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/myRg/providers/Microsoft.OperationalInsights/workspaces/myWorkspace/providers/Microsoft.SecurityInsights/alertRules/microsoftSecurityIncidentCreationRuleExample",
			}},
		},
	}, nil); err != nil {
		log.Fatal(err)
	}
	for assignment, err := range client.NewListPager("myRg", "myWorkspace", nil).All(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(assignment.Name)
	}
	// Output: bank-rules
}

func ExampleWorkspaceManagerAssignmentsClient_Delete() {
	client := exampleWorkspaceManagerAssignmentsClient()
	ctx := context.Background()
	if _, err := client.CreateOrUpdate(ctx, "myRg", "myWorkspace", "bank-rules", armsecops.WorkspaceManagerAssignment{
		Properties: armsecops.WorkspaceManagerAssignmentProperties{
			TargetResourceName: "banks",
			Items: []armsecops.WorkspaceManagerAssignmentItem{{
				ResourceID: "/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/myRg/providers/Microsoft.OperationalInsights/workspaces/myWorkspace/providers/Microsoft.SecurityInsights/alertRules/microsoftSecurityIncidentCreationRuleExample",
			}},
		},
	}, nil); err != nil {
		log.Fatal(err)
	}
	if _, err := client.Delete(ctx, "myRg", "myWorkspace", "bank-rules", nil); err != nil {
		log.Fatal(err)
	}
	_, err := client.Get(ctx, "myRg", "myWorkspace", "bank-rules", nil)
	fmt.Println(errors.Is(err, armsecops.ErrNotFound))
	// Output: true
}
