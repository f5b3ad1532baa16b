package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/armsecops/armsecops"
)

func main() {
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		log.Fatal(err)
	}
	client, err := armsecops.NewExemptionsClient(credential, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := list(context.Background(), client); err != nil {
		log.Fatal(err)
	}
}

func list(ctx context.Context, client *armsecops.ExemptionsClient) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	for exemption, err := range client.NewListPager(nil).All(ctx) {
		if err != nil {
			return err
		}
		expires := "never"
		if !exemption.ExpiresOn.IsZero() {
			expires = exemption.ExpiresOn.Format(time.DateOnly)
		}
		if exemption.ExpiresBefore(time.Now()) {
			expires += " (ended)"
		}
		fmt.Printf("%-18s  %q  %s\n", expires, cmp.Or(exemption.DisplayName, exemption.Name), cmp.Or(exemption.Scope, exemption.ID))
	}
	return nil
}
