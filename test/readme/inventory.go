package main

import (
	"context"
	"fmt"
	"time"

	"github.com/armsecops/armsecops"
)

// inventory prints every exemption of a tenant, and whether it ends soon.
func inventory(ctx context.Context, client *armsecops.ExemptionsClient, soon time.Time) error {
	for e, err := range client.NewListPager(nil).All(ctx) {
		if err != nil {
			return err
		}
		expires := "never"
		if !e.ExpiresOn.IsZero() {
			expires = e.ExpiresOn.Format(time.DateOnly)
		}
		fmt.Println(expires, "soon:", e.ExpiresBefore(soon), e.Category, e.Kind, e.Scope)
	}
	return nil
}
