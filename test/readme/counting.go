package main

import (
	"context"
	"errors"
	"log"
	"strings"

	"github.com/armsecops/armsecops"
)

// count returns the number of assignments by subscription, in lower case. It leaves
// out the subscriptions that it cannot read, and prints why.
func count(ctx context.Context, client *armsecops.SecurityAssignmentsClient, subscriptionIDs []string) (map[string]int, error) {
	counts := map[string]int{}
	for assignment, err := range client.ListAcrossSubscriptions(ctx, subscriptionIDs, nil) {
		if failed, ok := errors.AsType[*armsecops.SubscriptionError](err); ok {
			delete(counts, strings.ToLower(failed.SubscriptionID))
			log.Println("left out:", failed)
		} else if err != nil { // which concerns all of them, such as ErrCredential
			return nil, err
		} else {
			counts[strings.ToLower(assignment.SubscriptionID())]++
		}
	}
	return counts, ctx.Err() // an end of the context is one error for each subscription
}
