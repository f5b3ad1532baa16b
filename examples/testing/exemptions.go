package publisher

import (
	"context"
	"errors"

	"github.com/armsecops/armsecops"
)

// Exempting returns the ids of the exemptions of the subscriptions, from all three
// places, and of management groups. A subscription that can't be read doesn't keep the
// others from being listed: the error names all that failed, once for each kind.
func Exempting(ctx context.Context, client *armsecops.ExemptionsClient, subscriptionIDs []string) (ids []string, err error) {
	var failures []error // joined once: a join for each nests them, and their text takes the square of the time
	for exemption, failure := range client.ListAcrossSubscriptions(ctx, subscriptionIDs, nil) {
		if failure != nil {
			failures = append(failures, failure)
		} else {
			ids = append(ids, exemption.ID)
		}
	}
	return ids, errors.Join(failures...)
}
