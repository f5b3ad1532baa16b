package armsecops_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/armsecops/armsecops"
)

func exampleWorkspaceManagerMembersClient() *armsecops.WorkspaceManagerMembersClient {
	client, err := exampleFactory().NewWorkspaceManagerMembersClient(jobsSubscriptionID)
	if err != nil {
		log.Fatal(err)
	}
	return client
}

func ExampleWorkspaceManagerMembersClient_CreateOrUpdate() {
	client := exampleWorkspaceManagerMembersClient()
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

// To change one, get it, change the fields in question and put it back.
func ExampleWorkspaceManagerMembersClient_Get() {
	client := exampleWorkspaceManagerMembersClient()
	ctx := context.Background()
	if _, err := client.CreateOrUpdate(ctx, "myRg", "myWorkspace", "otherWorkspace(7aef9d48-814f-45ad-b644-b0343316e174)", armsecops.WorkspaceManagerMember{
		Properties: armsecops.WorkspaceManagerMemberProperties{
			TargetWorkspaceResourceID: "/subscriptions/7aef9d48-814f-45ad-b644-b0343316e174/resourceGroups/otherRg/providers/Microsoft.OperationalInsights/workspaces/Example_Workspace",
			TargetWorkspaceTenantID:   "f676d436-8d16-42db-81b7-ab578e110ccd",
		},
	}, nil); err != nil {
		log.Fatal(err)
	}
	got, err := client.Get(ctx, "myRg", "myWorkspace", "otherWorkspace(7aef9d48-814f-45ad-b644-b0343316e174)", nil)
	if err != nil {
		log.Fatal(err)
	}
	got.Properties.TargetWorkspaceTenantID = "0b8a3f6e-2f0c-4c62-9e4f-6a1d5c7e9b21"
	put, err := client.CreateOrUpdate(ctx, "myRg", "myWorkspace", "otherWorkspace(7aef9d48-814f-45ad-b644-b0343316e174)", got.WorkspaceManagerMember, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(put.Properties.TargetWorkspaceTenantID)
	// Output: 0b8a3f6e-2f0c-4c62-9e4f-6a1d5c7e9b21
}

func ExampleWorkspaceManagerMembersClient_NewListPager() {
	client := exampleWorkspaceManagerMembersClient()
	ctx := context.Background()
	if _, err := client.CreateOrUpdate(ctx, "myRg", "myWorkspace", "otherWorkspace(7aef9d48-814f-45ad-b644-b0343316e174)", armsecops.WorkspaceManagerMember{
		Properties: armsecops.WorkspaceManagerMemberProperties{
			TargetWorkspaceResourceID: "/subscriptions/7aef9d48-814f-45ad-b644-b0343316e174/resourceGroups/otherRg/providers/Microsoft.OperationalInsights/workspaces/Example_Workspace",
			TargetWorkspaceTenantID:   "f676d436-8d16-42db-81b7-ab578e110ccd",
		},
	}, nil); err != nil {
		log.Fatal(err)
	}
	for member, err := range client.NewListPager("myRg", "myWorkspace", nil).All(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(member.Name)
	}
	// Output: otherWorkspace(7aef9d48-814f-45ad-b644-b0343316e174)
}

func ExampleWorkspaceManagerMembersClient_Delete() {
	client := exampleWorkspaceManagerMembersClient()
	ctx := context.Background()
	if _, err := client.CreateOrUpdate(ctx, "myRg", "myWorkspace", "otherWorkspace(7aef9d48-814f-45ad-b644-b0343316e174)", armsecops.WorkspaceManagerMember{
		Properties: armsecops.WorkspaceManagerMemberProperties{
			TargetWorkspaceResourceID: "/subscriptions/7aef9d48-814f-45ad-b644-b0343316e174/resourceGroups/otherRg/providers/Microsoft.OperationalInsights/workspaces/Example_Workspace",
			TargetWorkspaceTenantID:   "f676d436-8d16-42db-81b7-ab578e110ccd",
		},
	}, nil); err != nil {
		log.Fatal(err)
	}
	if _, err := client.Delete(ctx, "myRg", "myWorkspace", "otherWorkspace(7aef9d48-814f-45ad-b644-b0343316e174)", nil); err != nil {
		log.Fatal(err)
	}
	_, err := client.Get(ctx, "myRg", "myWorkspace", "otherWorkspace(7aef9d48-814f-45ad-b644-b0343316e174)", nil)
	fmt.Println(errors.Is(err, armsecops.ErrNotFound))
	// Output: true
}
