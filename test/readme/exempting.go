package main

import (
	"context"
	"errors"
	"time"

	"github.com/armsecops/armsecops"
)

// renew lets an exemption end later. One that ends later already, or never, stays as it is; one that has ended is ErrEnded.
func renew(ctx context.Context, client *armsecops.ExemptionsClient, id string, expiresOn time.Time, description string) error {
	_, err := client.Renew(ctx, id, expiresOn, &armsecops.ExemptionsClientRenewOptions{Description: description})
	if errors.Is(err, armsecops.ErrNotRenewed) {
		return nil
	}
	return err
}

// revoke deletes an exemption, unless it is gone already, or what it exempts is.
func revoke(ctx context.Context, client *armsecops.ExemptionsClient, id string) error {
	_, err := client.Delete(ctx, id, nil)
	if armsecops.IsMissing(err) || armsecops.IsParentMissing(err) {
		return nil
	}
	return err
}
