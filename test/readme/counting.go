package main

import (
	"context"
	"errors"
	"log"
	"strings"

	"github.com/armsecops/armsecops"
)

// count returns the number of exemptions by subscription, in lower case. It leaves
// out the subscriptions that it cannot read in full, and prints why.
func count(ctx context.Context, client *armsecops.ExemptionsClient, subscriptionIDs []string) (map[string]int, error) {
	counts := map[string]int{}
	for _, id := range subscriptionIDs {
		counts[strings.ToLower(id)] = 0
	}
	var leftOut []string
	for exemption, err := range client.ListAcrossSubscriptions(ctx, subscriptionIDs, nil) {
		if failed, ok := errors.AsType[*armsecops.SubscriptionError](err); ok { // of one kind, or of all if the id is no UUID
			leftOut = append(leftOut, strings.ToLower(failed.SubscriptionID))
			log.Println("left out:", failed)
		} else if err != nil { // which concerns all of them, such as ErrCredential
			return nil, err
		} else {
			counts[strings.ToLower(exemption.SubscriptionID)]++
		}
	}
	for _, id := range leftOut {
		delete(counts, id)
	}
	return counts, ctx.Err() // an end of the context is one error for each subscription and kind
}
