// This program prints why a job failed.
package main

import (
	"context"
	"fmt"
	"log"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

func main() {
	options := &armsecops.ClientOptions{}
	options.Transport = fake.NewServer(&fake.ServerOptions{Samples: true}) // in memory, instead of Azure

	client, err := armsecops.NewWorkspaceManagerJobsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0", &azfake.TokenCredential{}, options)
	if err != nil {
		log.Fatal(err)
	}
	job, err := client.Get(context.Background(), "myRg", "myWorkspace",
		"47cdc5f5-37c4-47b5-bd5f-83c84b8bdd58", "cfbe1338-8276-4d5d-8b96-931117f9fa0e", nil)
	if err != nil {
		log.Fatal(err)
	}

	summary := job.Properties.Summary()
	fmt.Printf("%s: %d of %d items failed\n", job.Properties.ProvisioningState, summary.Failed, summary.Total)
	for failure := range job.Properties.Failures() {
		fmt.Printf("at member %s: %s\n", failure.MemberResourceName, failure.ErrorMessage)
	}
}
