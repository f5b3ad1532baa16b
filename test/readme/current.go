package main

import (
	"context"
	"errors"

	"github.com/armsecops/armsecops"
)

// current returns the exemptions of subscriptions, and those of management groups, as they are now. The error says what couldn't be read.
func current(ctx context.Context, client *armsecops.ExemptionsClient, subscriptionIDs []string) (found []armsecops.Exemption, err error) {
	var errs []error
	options := &armsecops.ExemptionsClientListAcrossSubscriptionsOptions{IncludeInherited: true, IncludeUnlisted: true}
	for exemption, err := range client.ListAcrossSubscriptions(ctx, subscriptionIDs, options) {
		if err != nil { // of one subscription, and the others continue; or the last, such as ErrCredential
			errs = append(errs, err)
			continue
		}
		found = append(found, exemption)
	}
	return found, errors.Join(errs...)
}
