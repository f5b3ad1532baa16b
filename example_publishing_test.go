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

// publishing returns a factory of clients of a server in memory, on which a workspace
// publishes a rule to a group of banks. In a program, the credential is one of
// azidentity's, and the options may be nil.
func publishing() *armsecops.ClientFactory {
	const subscription = "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"
	server := fake.NewServer(nil)
	server.Put(armsecops.WorkspaceManagerConfigurationID{SubscriptionID: subscription, ResourceGroupName: "myRg", WorkspaceName: "myWorkspace", Name: "default"},
		armsecops.WorkspaceManagerConfiguration{Properties: armsecops.WorkspaceManagerConfigurationProperties{Mode: armsecops.WorkspaceManagerModeEnabled}})
	server.Put(armsecops.WorkspaceManagerMemberID{SubscriptionID: subscription, ResourceGroupName: "myRg", WorkspaceName: "myWorkspace", Name: "paris"},
		armsecops.WorkspaceManagerMember{Properties: armsecops.WorkspaceManagerMemberProperties{
			TargetWorkspaceResourceID: "/subscriptions/7aef9d48-814f-45ad-b644-b0343316e174/resourceGroups/otherRg/providers/Microsoft.OperationalInsights/workspaces/paris",
			TargetWorkspaceTenantID:   "f676d436-8d16-42db-81b7-ab578e110ccd",
		}})
	server.Put(armsecops.WorkspaceManagerGroupID{SubscriptionID: subscription, ResourceGroupName: "myRg", WorkspaceName: "myWorkspace", Name: "banks"},
		armsecops.WorkspaceManagerGroup{Properties: armsecops.WorkspaceManagerGroupProperties{DisplayName: "Banks", MemberResourceNames: []string{"paris"}}})
	server.Put(armsecops.WorkspaceManagerAssignmentID{SubscriptionID: subscription, ResourceGroupName: "myRg", WorkspaceName: "myWorkspace", Name: "bank-rules"},
		armsecops.WorkspaceManagerAssignment{Properties: armsecops.WorkspaceManagerAssignmentProperties{TargetResourceName: "banks"}})
	options := &armsecops.ClientOptions{}
	options.Transport = server
	return must(armsecops.NewClientFactory(&azfake.TokenCredential{}, options))
}

// must returns a value, unless there is an error, which ends the program.
func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// The whole way of a publication, from the configuration to the end of a job.
func Example_publish() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	const subscription, resourceGroup, workspace = "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0", "myRg", "myWorkspace"
	factory := publishing()
	configurations := must(factory.NewWorkspaceManagerConfigurationsClient(subscription))
	members := must(factory.NewWorkspaceManagerMembersClient(subscription))
	groups := must(factory.NewWorkspaceManagerGroupsClient(subscription))
	assignments := must(factory.NewWorkspaceManagerAssignmentsClient(subscription))
	jobs := must(factory.NewWorkspaceManagerJobsClient(subscription))
	must(configurations.CreateOrUpdate(ctx, resourceGroup, workspace, "default", armsecops.WorkspaceManagerConfiguration{
		Properties: armsecops.WorkspaceManagerConfigurationProperties{Mode: armsecops.WorkspaceManagerModeEnabled},
	}, nil))
	must(members.CreateOrUpdate(ctx, resourceGroup, workspace, "oslo", armsecops.WorkspaceManagerMember{Properties: armsecops.WorkspaceManagerMemberProperties{
		TargetWorkspaceResourceID: "/subscriptions/7aef9d48-814f-45ad-b644-b0343316e174/resourceGroups/otherRg/providers/Microsoft.OperationalInsights/workspaces/oslo",
		TargetWorkspaceTenantID:   "f676d436-8d16-42db-81b7-ab578e110ccd",
	}}, nil))
	must(groups.CreateOrUpdate(ctx, resourceGroup, workspace, "north", armsecops.WorkspaceManagerGroup{
		Properties: armsecops.WorkspaceManagerGroupProperties{DisplayName: "North", MemberResourceNames: []string{"oslo"}},
	}, nil))
	rule := "/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/myRg/providers/Microsoft.OperationalInsights/workspaces/myWorkspace/providers/Microsoft.SecurityInsights/alertRules/mailbox-forwarding"
	must(assignments.CreateOrUpdate(ctx, resourceGroup, workspace, "north-rules", armsecops.WorkspaceManagerAssignment{
		Properties: armsecops.WorkspaceManagerAssignmentProperties{TargetResourceName: "north", Items: []armsecops.WorkspaceManagerAssignmentItem{{ResourceID: rule}}},
	}, nil))

	// Recover finds the job of a lost response.
	poller := must(jobs.BeginCreate(ctx, resourceGroup, workspace, "north-rules", &armsecops.WorkspaceManagerJobsClientBeginCreateOptions{Recover: true}))
	job := must(armsecops.WaitForJob(ctx, poller, nil)) // a *JobFailedError names items and members
	fmt.Println(job.Properties.Summary().Succeeded, "published")
	// Output: 1 published
}

func ExampleWorkspaceManagerAssignmentsClient_CreateOrUpdate() {
	client := must(publishing().NewWorkspaceManagerAssignmentsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
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
	client := must(publishing().NewWorkspaceManagerAssignmentsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
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
	client := must(publishing().NewWorkspaceManagerAssignmentsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	for assignment, err := range client.NewListPager("myRg", "myWorkspace", nil).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(assignment.Name)
	}
	// Output: bank-rules
}

func ExampleWorkspaceManagerAssignmentsClient_Delete() {
	client := must(publishing().NewWorkspaceManagerAssignmentsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	_, err := client.Delete(context.Background(), "myRg", "myWorkspace", "bank-rules", nil)
	fmt.Println(err)
	// Output: <nil>
}

func ExampleWorkspaceManagerConfigurationsClient_CreateOrUpdate() {
	client := must(publishing().NewWorkspaceManagerConfigurationsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
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
	client := must(publishing().NewWorkspaceManagerConfigurationsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	got, err := client.Get(context.Background(), "myRg", "myWorkspace", "default", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(got.Properties.Mode)
	// Output: Enabled
}

func ExampleWorkspaceManagerConfigurationsClient_NewListPager() {
	client := must(publishing().NewWorkspaceManagerConfigurationsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	for configuration, err := range client.NewListPager("myRg", "myWorkspace", nil).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(configuration.Name)
	}
	// Output: default
}

func ExampleWorkspaceManagerConfigurationsClient_Delete() {
	client := must(publishing().NewWorkspaceManagerConfigurationsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	_, err := client.Delete(context.Background(), "myRg", "myWorkspace", "default", nil)
	fmt.Println(err)
	// Output: <nil>
}

func ExampleWorkspaceManagerGroupsClient_CreateOrUpdate() {
	client := must(publishing().NewWorkspaceManagerGroupsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
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
	client := must(publishing().NewWorkspaceManagerGroupsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	group, err := client.Get(context.Background(), "myRg", "myWorkspace", "banks", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(group.Properties.MemberResourceNames)
	// Output: [paris]
}

func ExampleWorkspaceManagerGroupsClient_NewListPager() {
	client := must(publishing().NewWorkspaceManagerGroupsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	for group, err := range client.NewListPager("myRg", "myWorkspace", nil).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(group.Name)
	}
	// Output: banks
}

func ExampleWorkspaceManagerGroupsClient_Delete() {
	client := must(publishing().NewWorkspaceManagerGroupsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	_, err := client.Delete(context.Background(), "myRg", "myWorkspace", "banks", nil)
	fmt.Println(err)
	// Output: <nil>
}

func ExampleWorkspaceManagerMembersClient_CreateOrUpdate() {
	client := must(publishing().NewWorkspaceManagerMembersClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
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
	client := must(publishing().NewWorkspaceManagerMembersClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	got, err := client.Get(context.Background(), "myRg", "myWorkspace", "paris", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(got.Properties.TargetWorkspaceTenantID)
	// Output: f676d436-8d16-42db-81b7-ab578e110ccd
}

func ExampleWorkspaceManagerMembersClient_NewListPager() {
	client := must(publishing().NewWorkspaceManagerMembersClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	for member, err := range client.NewListPager("myRg", "myWorkspace", nil).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(member.Name)
	}
	// Output: paris
}

func ExampleWorkspaceManagerMembersClient_Delete() {
	client := must(publishing().NewWorkspaceManagerMembersClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	_, err := client.Delete(context.Background(), "myRg", "myWorkspace", "paris", nil)
	fmt.Println(err)
	// Output: <nil>
}
