package armsecops_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/armsecops/armsecops"
)

func exampleWorkspaceManagerConfigurationsClient() *armsecops.WorkspaceManagerConfigurationsClient {
	client, err := exampleFactory().NewWorkspaceManagerConfigurationsClient(jobsSubscriptionID)
	if err != nil {
		log.Fatal(err)
	}
	return client
}

func ExampleWorkspaceManagerConfigurationsClient_CreateOrUpdate() {
	client := exampleWorkspaceManagerConfigurationsClient()
	configuration, err := client.CreateOrUpdate(context.Background(), "myRg", "myWorkspace", "default", armsecops.WorkspaceManagerConfiguration{
		Properties: armsecops.WorkspaceManagerConfigurationProperties{Mode: armsecops.WorkspaceManagerModeEnabled},
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(configuration.Name, configuration.Properties.Mode)
	// Output: default Enabled
}

// To change one, get it, change the fields in question and put it back.
func ExampleWorkspaceManagerConfigurationsClient_Get() {
	client := exampleWorkspaceManagerConfigurationsClient()
	ctx := context.Background()
	if _, err := client.CreateOrUpdate(ctx, "myRg", "myWorkspace", "default", armsecops.WorkspaceManagerConfiguration{
		Properties: armsecops.WorkspaceManagerConfigurationProperties{Mode: armsecops.WorkspaceManagerModeEnabled},
	}, nil); err != nil {
		log.Fatal(err)
	}
	got, err := client.Get(ctx, "myRg", "myWorkspace", "default", nil)
	if err != nil {
		log.Fatal(err)
	}
	got.Properties.Mode = armsecops.WorkspaceManagerModeDisabled
	put, err := client.CreateOrUpdate(ctx, "myRg", "myWorkspace", "default", got.WorkspaceManagerConfiguration, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(put.Properties.Mode)
	// Output: Disabled
}

func ExampleWorkspaceManagerConfigurationsClient_NewListPager() {
	client := exampleWorkspaceManagerConfigurationsClient()
	ctx := context.Background()
	if _, err := client.CreateOrUpdate(ctx, "myRg", "myWorkspace", "default", armsecops.WorkspaceManagerConfiguration{
		Properties: armsecops.WorkspaceManagerConfigurationProperties{Mode: armsecops.WorkspaceManagerModeEnabled},
	}, nil); err != nil {
		log.Fatal(err)
	}
	for configuration, err := range client.NewListPager("myRg", "myWorkspace", nil).All(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(configuration.Name)
	}
	// Output: default
}

func ExampleWorkspaceManagerConfigurationsClient_Delete() {
	client := exampleWorkspaceManagerConfigurationsClient()
	ctx := context.Background()
	if _, err := client.CreateOrUpdate(ctx, "myRg", "myWorkspace", "default", armsecops.WorkspaceManagerConfiguration{
		Properties: armsecops.WorkspaceManagerConfigurationProperties{Mode: armsecops.WorkspaceManagerModeEnabled},
	}, nil); err != nil {
		log.Fatal(err)
	}
	if _, err := client.Delete(ctx, "myRg", "myWorkspace", "default", nil); err != nil {
		log.Fatal(err)
	}
	_, err := client.Get(ctx, "myRg", "myWorkspace", "default", nil)
	fmt.Println(errors.Is(err, armsecops.ErrNotFound))
	// Output: true
}
