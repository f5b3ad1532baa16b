package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/armsecops/armsecops"
)

// current returns the exemptions of subscriptions, policy exemptions of the groups above them, and standard assignments of
// all groups: those that the lists have, and those that only the index has, each as it is now. The error says what couldn't be read.
func current(ctx context.Context, client *armsecops.ExemptionsClient, subscriptionIDs []string) (found []armsecops.Exemption, err error) {
	var errs []error
	listed := map[string]bool{} // ids in lower case: the index has any casing
	for exemption, err := range client.ListAcrossSubscriptions(ctx, subscriptionIDs, &armsecops.ExemptionsClientListAcrossSubscriptionsOptions{IncludeInherited: true}) {
		if ctx.Err() != nil {
			return found, errors.Join(append(errs, ctx.Err())...)
		} else if err != nil { // of one subscription and kind, and the others continue; or of all, and it ends
			errs = append(errs, err)
			continue
		}
		listed[strings.ToLower(exemption.ID)] = true
		found = append(found, exemption)
	}
	options := &armsecops.ExemptionsClientListOptions{Kinds: []armsecops.ExemptionKind{armsecops.ExemptionKindStandardAssignment}} // of which the lists may lack some
	for row, err := range client.NewListPager(options).All(ctx) {
		if ctx.Err() != nil {
			return found, errors.Join(append(errs, ctx.Err())...)
		} else if err != nil {
			errs = append(errs, err)
		} else if !listed[strings.ToLower(row.ID)] && (row.SubscriptionID == "" || slices.ContainsFunc(subscriptionIDs, func(id string) bool { return strings.EqualFold(id, row.SubscriptionID) })) {
			if got, err := client.Get(ctx, row.ID, nil); err == nil {
				found = append(found, got.Exemption)
			} else if !errors.Is(err, armsecops.ErrNotFound) && !errors.Is(err, armsecops.ErrNotExemption) { // as it is by now
				errs = append(errs, err)
			}
		}
	}
	return found, errors.Join(errs...)
}
