package main

import (
	"context"
	"errors"
	"time"

	"github.com/armsecops/armsecops"
)

// renewAttestations lets attestations end later, unless they do already. One that has ended
// comes back: leave it out. One that fails doesn't keep the others from it.
//   - ids: of rows of StandardAssignmentsClient.NewResourceGraphPager
func renewAttestations(ctx context.Context, client *armsecops.StandardAssignmentsClient, later time.Time, ids ...string) error {
	var errs []error
	for _, text := range ids {
		id, err := armsecops.ParseStandardAssignmentID(text)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		got, err := client.Get(ctx, id.Scope, id.Name, nil) // a row is for reading
		if err == nil && got.Properties.ExpiresBefore(later) {
			got.Properties.ExpiresOn = later
			_, err = client.CreateOrUpdate(ctx, id.Scope, id.Name, got.StandardAssignment, nil)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
