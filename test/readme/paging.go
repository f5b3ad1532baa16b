package main

import (
	"context"

	"github.com/armsecops/armsecops"
)

// exemptions returns the exemptions among the assignments of the client's
// subscription. If the listing fails, it returns those found so far and a token.
// Called with that token, it returns the rest.
func exemptions(ctx context.Context, client *armsecops.SecurityAssignmentsClient, token string) (found []armsecops.Assignment, next string, err error) {
	pager := client.NewListBySubscriptionPager(&armsecops.SecurityAssignmentsClientListBySubscriptionOptions{PageOptions: armsecops.PageOptions{ContinuationToken: token}})
	for assignment, err := range pager.All(ctx) {
		if err != nil {
			return found, pager.ContinuationToken(), err
		}
		if assignment.Properties.Effect.Is(armsecops.EffectExempt) {
			found = append(found, assignment)
		}
	}
	return found, "", nil
}
