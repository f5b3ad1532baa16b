package main

import (
	"context"
	"errors"
	"time"

	"github.com/armsecops/armsecops"
)

// renew lets every exemption of a tenant that is in force and ends soon end later. One that can't be
// renewed doesn't keep the others from it.
func renew(ctx context.Context, client *armsecops.ExemptionsClient, now, soon, later time.Time) error {
	var ids []string // before the first change, which would change the listing
	for exemption, err := range client.NewListPager(&armsecops.ExemptionsClientListOptions{ExpiresBefore: soon}).All(ctx) {
		if err != nil {
			return err
		}
		if !exemption.ExpiresBefore(now) { // one that has ended must not come back
			ids = append(ids, exemption.ID)
		}
	}
	errs := make([]error, len(ids))
	for i, id := range ids {
		_, errs[i] = client.Renew(ctx, id, later, nil)
	}
	return errors.Join(errs...)
}
