package main

import (
	"context"
	"errors"
	"strings"

	"github.com/armsecops/armsecops"
)

// current returns the exemptions of subscriptions: those that their lists have, and those
// that only the index has, each as it is now. The error says what couldn't be read.
func current(ctx context.Context, client *armsecops.ExemptionsClient, subscriptionIDs []string) (found []armsecops.Exemption, err error) {
	var errs []error
	listed := map[string]bool{} // ids in lower case: the index has any casing
	for exemption, err := range client.ListAcrossSubscriptions(ctx, subscriptionIDs, &armsecops.ExemptionsClientListAcrossSubscriptionsOptions{IncludeInherited: true}) {
		if err != nil { // of one subscription and kind, and the others continue; or of all, and it ends
			errs = append(errs, err)
			continue
		}
		listed[strings.ToLower(exemption.ID)] = true
		found = append(found, exemption)
	}
	for row, err := range client.NewListPager(&armsecops.ExemptionsClientListOptions{SubscriptionIDs: subscriptionIDs, IncludeInherited: true}).All(ctx) {
		if err != nil {
			errs = append(errs, err)
		} else if !listed[strings.ToLower(row.ID)] {
			got, err := client.Get(ctx, row.ID, nil)
			if err == nil {
				found = append(found, got.Exemption)
			} else if !errors.Is(err, armsecops.ErrNotFound) { // which has been deleted meanwhile
				errs = append(errs, err)
			}
		}
	}
	return found, errors.Join(errs...)
}
