// This program prints the exemptions among the assignments of a subscription.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/armsecops/armsecops"
)

func main() {
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		log.Fatal(err)
	}
	client, err := armsecops.NewSecurityAssignmentsClient(os.Getenv("AZURE_SUBSCRIPTION_ID"), credential, nil)
	if err != nil {
		log.Fatal(err)
	}
	for assignment, err := range client.NewListBySubscriptionPager(nil).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		if assignment.Properties.Effect.Is(armsecops.EffectExempt) {
			fmt.Println(assignment.Properties.DisplayName, assignment.Properties.Scope)
		}
	}
}
