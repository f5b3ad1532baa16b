package publisher

import (
	"context"
	"errors"

	"github.com/armsecops/armsecops"
)

// Exempting returns the ids of the assignments of 2021 that exempt something in the
// subscriptions. A subscription that can't be read doesn't keep the others from
// being listed: the error names all that failed, up to the end of the context.
func Exempting(ctx context.Context, client *armsecops.SecurityAssignmentsClient, subscriptionIDs []string) (ids []string, err error) {
	for assignment, failure := range client.ListAcrossSubscriptions(ctx, subscriptionIDs, nil) {
		switch {
		case failure != nil:
			if err = errors.Join(err, failure); ctx.Err() != nil { // the others fail alike
				return ids, err
			}
		case assignment.Properties.Effect.Is(armsecops.EffectExempt):
			ids = append(ids, assignment.ID)
		}
	}
	return ids, err
}
