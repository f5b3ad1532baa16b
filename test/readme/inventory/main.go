// This program prints every exemption of a tenant, and which of them end within 30 days.
package main

import (
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
	inventory(context.Background(), client, time.Now().AddDate(0, 0, 30))
}

func inventory(ctx context.Context, client *armsecops.ExemptionsClient, soon time.Time) {
	for e, err := range client.NewListPager(nil).All(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		expires := "never"
		if !e.ExpiresOn.IsZero() {
			expires = e.ExpiresOn.Format(time.DateOnly)
		}
		fmt.Println(expires, "soon:", e.ExpiresBefore(soon), e.Category, e.Kind, e.Scope)
	}
}
