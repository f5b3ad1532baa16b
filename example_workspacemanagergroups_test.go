package armsecops_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/armsecops/armsecops"
)

func exampleWorkspaceManagerGroupsClient() *armsecops.WorkspaceManagerGroupsClient {
	client, err := exampleFactory().NewWorkspaceManagerGroupsClient(jobsSubscriptionID)
	if err != nil {
		log.Fatal(err)
	}
	return client
}

func ExampleWorkspaceManagerGroupsClient_CreateOrUpdate() {
	client := exampleWorkspaceManagerGroupsClient()
	group, err := client.CreateOrUpdate(context.Background(), "myRg", "myWorkspace", "banks", armsecops.WorkspaceManagerGroup{
		Properties: armsecops.WorkspaceManagerGroupProperties{DisplayName: "Banks", MemberResourceNames: []string{"paris"}},
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(group.Name, group.Properties.MemberResourceNames)
	// Output: banks [paris]
}

// To change one, get it, change the fields in question and put it back.
func ExampleWorkspaceManagerGroupsClient_Get() {
	client := exampleWorkspaceManagerGroupsClient()
	ctx := context.Background()
	if _, err := client.CreateOrUpdate(ctx, "myRg", "myWorkspace", "banks", armsecops.WorkspaceManagerGroup{
		Properties: armsecops.WorkspaceManagerGroupProperties{DisplayName: "Banks", MemberResourceNames: []string{"paris"}},
	}, nil); err != nil {
		log.Fatal(err)
	}
	got, err := client.Get(ctx, "myRg", "myWorkspace", "banks", nil)
	if err != nil {
		log.Fatal(err)
	}
	got.Properties.MemberResourceNames = append(got.Properties.MemberResourceNames, "oslo")
	put, err := client.CreateOrUpdate(ctx, "myRg", "myWorkspace", "banks", got.WorkspaceManagerGroup, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(put.Properties.MemberResourceNames)
	// Output: [paris oslo]
}

func ExampleWorkspaceManagerGroupsClient_NewListPager() {
	client := exampleWorkspaceManagerGroupsClient()
	ctx := context.Background()
	if _, err := client.CreateOrUpdate(ctx, "myRg", "myWorkspace", "banks", armsecops.WorkspaceManagerGroup{
		Properties: armsecops.WorkspaceManagerGroupProperties{DisplayName: "Banks", MemberResourceNames: []string{"paris"}},
	}, nil); err != nil {
		log.Fatal(err)
	}
	for group, err := range client.NewListPager("myRg", "myWorkspace", nil).All(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(group.Name)
	}
	// Output: banks
}

func ExampleWorkspaceManagerGroupsClient_Delete() {
	client := exampleWorkspaceManagerGroupsClient()
	ctx := context.Background()
	if _, err := client.CreateOrUpdate(ctx, "myRg", "myWorkspace", "banks", armsecops.WorkspaceManagerGroup{
		Properties: armsecops.WorkspaceManagerGroupProperties{DisplayName: "Banks", MemberResourceNames: []string{"paris"}},
	}, nil); err != nil {
		log.Fatal(err)
	}
	if _, err := client.Delete(ctx, "myRg", "myWorkspace", "banks", nil); err != nil {
		log.Fatal(err)
	}
	_, err := client.Get(ctx, "myRg", "myWorkspace", "banks", nil)
	fmt.Println(errors.Is(err, armsecops.ErrNotFound))
	// Output: true
}
