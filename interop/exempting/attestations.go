package main

import (
	"context"
	"fmt"
	"time"

	"github.com/armsecops/armsecops"
)

// renewAttestation lets an attestation end later, and returns what it did: renewed, or left
// for one that does already. One that has ended comes back.
//   - text: its id, such as that of a row of StandardAssignmentsClient.NewResourceGraphPager
//   - dryRun: read only, and return what would be done
func renewAttestation(ctx context.Context, client *armsecops.StandardAssignmentsClient, text string, later time.Time, dryRun bool) (done string, err error) {
	id, err := armsecops.ParseStandardAssignmentID(text)
	if err != nil {
		return "", err
	}
	got, err := client.Get(ctx, id.Scope, id.Name, nil) // a row is for reading
	switch {
	case err != nil:
		return "", err
	case !got.Properties.Effect.Is(armsecops.EffectAttest):
		return "", fmt.Errorf("not an attestation: its effect is %q", got.Properties.Effect)
	case !got.Properties.ExpiresBefore(later):
		return "left", nil
	case dryRun:
		return "renewed", nil
	}
	got.Properties.ExpiresOn = later
	_, err = client.CreateOrUpdate(ctx, id.Scope, id.Name, got.StandardAssignment, nil)
	return "renewed", err
}
