package armsecops_test

import (
	"context"
	"fmt"
	"log"

	"github.com/armsecops/armsecops"
)

// exampleClient returns a client that a method of the factory makes.
func exampleClient[T any](newClient func(subscriptionID string) (*T, error)) *T {
	client, err := newClient(jobsSubscriptionID)
	if err != nil {
		log.Fatal(err)
	}
	return client
}

const (
	exampleRuleID = "/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/myRg/providers/Microsoft.OperationalInsights" +
		"/workspaces/myWorkspace/providers/Microsoft.SecurityInsights/alertRules/microsoftSecurityIncidentCreationRuleExample"
	exampleMember   = "otherWorkspace(7aef9d48-814f-45ad-b644-b0343316e174)"
	exampleMemberID = "/subscriptions/7aef9d48-814f-45ad-b644-b0343316e174/resourceGroups/otherRg" +
		"/providers/Microsoft.OperationalInsights/workspaces/Example_Workspace"
	exampleTenant = "f676d436-8d16-42db-81b7-ab578e110ccd"
)

// examplePublishing returns a factory of clients of a workspace that publishes a rule
// to a group of banks.
func examplePublishing() *armsecops.ClientFactory {
	server := exampleServer()
	assignment := armsecops.WorkspaceManagerAssignmentProperties{
		TargetResourceName: "banks", Items: []armsecops.WorkspaceManagerAssignmentItem{{ResourceID: exampleRuleID}},
	}
	server.Put(armsecops.WorkspaceManagerAssignmentID{jobsSubscriptionID, "myRg", "myWorkspace", "bank-rules"},
		armsecops.WorkspaceManagerAssignment{Properties: assignment})
	configuration := armsecops.WorkspaceManagerConfigurationProperties{Mode: armsecops.WorkspaceManagerModeEnabled}
	server.Put(armsecops.WorkspaceManagerConfigurationID{jobsSubscriptionID, "myRg", "myWorkspace", "default"},
		armsecops.WorkspaceManagerConfiguration{Properties: configuration})
	group := armsecops.WorkspaceManagerGroupProperties{DisplayName: "Banks", MemberResourceNames: []string{"paris"}}
	server.Put(armsecops.WorkspaceManagerGroupID{jobsSubscriptionID, "myRg", "myWorkspace", "banks"},
		armsecops.WorkspaceManagerGroup{Properties: group})
	member := armsecops.WorkspaceManagerMemberProperties{TargetWorkspaceResourceID: exampleMemberID, TargetWorkspaceTenantID: exampleTenant}
	server.Put(armsecops.WorkspaceManagerMemberID{jobsSubscriptionID, "myRg", "myWorkspace", exampleMember},
		armsecops.WorkspaceManagerMember{Properties: member})
	return exampleFactoryOf(server)
}

func ExampleWorkspaceManagerAssignmentsClient_CreateOrUpdate() {
	client := exampleClient(exampleFactory().NewWorkspaceManagerAssignmentsClient)
	assignment, err := client.CreateOrUpdate(context.Background(), "myRg", "myWorkspace", "bank-rules", armsecops.WorkspaceManagerAssignment{
		Properties: armsecops.WorkspaceManagerAssignmentProperties{
			TargetResourceName: "banks",
			Items:              []armsecops.WorkspaceManagerAssignmentItem{{ResourceID: "/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/myRg/providers/Microsoft.OperationalInsights/workspaces/myWorkspace/providers/Microsoft.SecurityInsights/alertRules/microsoftSecurityIncidentCreationRuleExample"}},
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
	client := exampleClient(examplePublishing().NewWorkspaceManagerAssignmentsClient)
	ctx := context.Background()
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
	client := exampleClient(examplePublishing().NewWorkspaceManagerAssignmentsClient)
	for assignment, err := range client.NewListPager("myRg", "myWorkspace", nil).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(assignment.Name)
	}
	// Output: bank-rules
}

func ExampleWorkspaceManagerAssignmentsClient_Delete() {
	client := exampleClient(examplePublishing().NewWorkspaceManagerAssignmentsClient)
	_, err := client.Delete(context.Background(), "myRg", "myWorkspace", "bank-rules", nil)
	fmt.Println(err)
	// Output: <nil>
}

func ExampleWorkspaceManagerConfigurationsClient_CreateOrUpdate() {
	client := exampleClient(exampleFactory().NewWorkspaceManagerConfigurationsClient)
	configuration, err := client.CreateOrUpdate(context.Background(), "myRg", "myWorkspace", "default", armsecops.WorkspaceManagerConfiguration{
		Properties: armsecops.WorkspaceManagerConfigurationProperties{Mode: armsecops.WorkspaceManagerModeEnabled},
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(configuration.Name, configuration.Properties.Mode)
	// Output: default Enabled
}

func ExampleWorkspaceManagerConfigurationsClient_Get() {
	client := exampleClient(examplePublishing().NewWorkspaceManagerConfigurationsClient)
	got, err := client.Get(context.Background(), "myRg", "myWorkspace", "default", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(got.Properties.Mode)
	// Output: Enabled
}

func ExampleWorkspaceManagerConfigurationsClient_NewListPager() {
	client := exampleClient(examplePublishing().NewWorkspaceManagerConfigurationsClient)
	for configuration, err := range client.NewListPager("myRg", "myWorkspace", nil).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(configuration.Name)
	}
	// Output: default
}

func ExampleWorkspaceManagerConfigurationsClient_Delete() {
	client := exampleClient(examplePublishing().NewWorkspaceManagerConfigurationsClient)
	_, err := client.Delete(context.Background(), "myRg", "myWorkspace", "default", nil)
	fmt.Println(err)
	// Output: <nil>
}

func ExampleWorkspaceManagerGroupsClient_CreateOrUpdate() {
	client := exampleClient(exampleFactory().NewWorkspaceManagerGroupsClient)
	group, err := client.CreateOrUpdate(context.Background(), "myRg", "myWorkspace", "banks", armsecops.WorkspaceManagerGroup{
		Properties: armsecops.WorkspaceManagerGroupProperties{DisplayName: "Banks", MemberResourceNames: []string{"paris"}},
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(group.Name, group.Properties.MemberResourceNames)
	// Output: banks [paris]
}

func ExampleWorkspaceManagerGroupsClient_Get() {
	client := exampleClient(examplePublishing().NewWorkspaceManagerGroupsClient)
	group, err := client.Get(context.Background(), "myRg", "myWorkspace", "banks", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(group.Properties.MemberResourceNames)
	// Output: [paris]
}

func ExampleWorkspaceManagerGroupsClient_NewListPager() {
	client := exampleClient(examplePublishing().NewWorkspaceManagerGroupsClient)
	for group, err := range client.NewListPager("myRg", "myWorkspace", nil).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(group.Name)
	}
	// Output: banks
}

func ExampleWorkspaceManagerGroupsClient_Delete() {
	client := exampleClient(examplePublishing().NewWorkspaceManagerGroupsClient)
	_, err := client.Delete(context.Background(), "myRg", "myWorkspace", "banks", nil)
	fmt.Println(err)
	// Output: <nil>
}

func ExampleWorkspaceManagerMembersClient_CreateOrUpdate() {
	client := exampleClient(exampleFactory().NewWorkspaceManagerMembersClient)
	member, err := client.CreateOrUpdate(context.Background(), "myRg", "myWorkspace", "otherWorkspace(7aef9d48-814f-45ad-b644-b0343316e174)", armsecops.WorkspaceManagerMember{
		Properties: armsecops.WorkspaceManagerMemberProperties{
			TargetWorkspaceResourceID: "/subscriptions/7aef9d48-814f-45ad-b644-b0343316e174/resourceGroups/otherRg/providers/Microsoft.OperationalInsights/workspaces/Example_Workspace",
			TargetWorkspaceTenantID:   "f676d436-8d16-42db-81b7-ab578e110ccd",
		},
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(member.Name, member.Properties.TargetWorkspaceTenantID)
	// Output: otherWorkspace(7aef9d48-814f-45ad-b644-b0343316e174) f676d436-8d16-42db-81b7-ab578e110ccd
}

func ExampleWorkspaceManagerMembersClient_Get() {
	client := exampleClient(examplePublishing().NewWorkspaceManagerMembersClient)
	got, err := client.Get(context.Background(), "myRg", "myWorkspace", "otherWorkspace(7aef9d48-814f-45ad-b644-b0343316e174)", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(got.Properties.TargetWorkspaceTenantID)
	// Output: f676d436-8d16-42db-81b7-ab578e110ccd
}

func ExampleWorkspaceManagerMembersClient_NewListPager() {
	client := exampleClient(examplePublishing().NewWorkspaceManagerMembersClient)
	for member, err := range client.NewListPager("myRg", "myWorkspace", nil).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(member.Name)
	}
	// Output: otherWorkspace(7aef9d48-814f-45ad-b644-b0343316e174)
}

func ExampleWorkspaceManagerMembersClient_Delete() {
	client := exampleClient(examplePublishing().NewWorkspaceManagerMembersClient)
	_, err := client.Delete(context.Background(), "myRg", "myWorkspace", "otherWorkspace(7aef9d48-814f-45ad-b644-b0343316e174)", nil)
	fmt.Println(err)
	// Output: <nil>
}
