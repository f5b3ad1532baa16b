package main

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/armsecops/armsecops"
)

const concurrency = 8 // how many exemptions or policy assignments are read, or resources exempted, at a time

// row is an exemption of an inventory.
type row struct {
	armsecops.Exemption
	From  []string // the names of recommendations; the id of a policy or recommendation without a name here
	Stale bool     // its policy assignment no longer exists, so From is missing
	Err   error    // why From is missing otherwise, or why it is unknown whether the index's row still exists
}

// recommendations returns the display names of the recommendations of subscriptions, or of
// Microsoft's if no subscription is given, by
// their keys and by the ids of the policy definitions that turn them on, in lower case.
// Several recommendations may have the same policy. A subscription that can't be read
// doesn't keep the others from it: it is an *armsecops.SubscriptionError of the error.
func recommendations(ctx context.Context, client *armsecops.AssessmentsMetadataClient, subscriptionIDs ...string) (map[string][]string, error) {
	names := map[string][]string{}
	var errs []error
	listing := client.ListAcrossSubscriptions(ctx, subscriptionIDs, nil)
	if len(subscriptionIDs) == 0 {
		listing = client.NewListPager(nil).All(ctx)
	}
	for recommendation, err := range listing {
		if err != nil { // of one subscription, or of all, such as ErrCredential
			errs = append(errs, err)
			continue
		}
		for _, id := range []string{recommendation.Name, recommendation.Properties.PolicyDefinitionID} {
			id = strings.ToLower(id) // empty for one without a policy
			names[id] = add(names[id], recommendation.Properties.DisplayName)
		}
	}
	delete(names, "")
	for _, list := range names {
		slices.Sort(list) // the subscriptions arrive in any order
	}
	return names, cmp.Or(context.Cause(ctx), errors.Join(errs...))
}

// inventory returns a row for each exemption, in the order of two listings: of one that is
// current, and of the index of Azure Resource Graph, which is minutes old. It gets what
// only the index has, and leaves out what is deleted or no exemption meanwhile. From is empty for an
// exemption from a whole standard. The error has every subscription that can't be read,
// and the rows those of the others. An end of the context is an error, too.
func inventory(
	ctx context.Context, client *armsecops.ExemptionsClient, current, index iter.Seq2[armsecops.Exemption, error], policies *policies, names map[string][]string,
) ([]*row, error) {
	var (
		rows    []*row
		errs    []error
		group   sync.WaitGroup
		running = make(chan struct{}, concurrency)
		seen    = map[string]bool{} // ids in lower case: the index has any casing
	)
listings:
	for i, listing := range []iter.Seq2[armsecops.Exemption, error]{current, index} {
		for exemption, err := range listing {
			if err != nil {
				errs = append(errs, err)
				if _, ofOne := errors.AsType[*armsecops.SubscriptionError](err); ofOne && ctx.Err() == nil {
					continue
				}
				break listings
			}
			id := strings.ToLower(exemption.ID)
			if seen[id] {
				continue
			}
			seen[id] = true
			r := &row{Exemption: exemption}
			rows = append(rows, r)
			if i == 0 {
				continue
			}
			running <- struct{}{}
			group.Go(func() {
				defer func() { <-running }()
				got, err := client.Get(ctx, r.ID, nil)
				if err == nil {
					r.Exemption = got.Exemption
				}
				r.Err = err
			})
		}
	}
	group.Wait()
	rows = slices.DeleteFunc(rows, func(r *row) bool {
		return deleted(r.Err) || errors.Is(r.Err, armsecops.ErrNotExemption)
	})
	asked := map[string]bool{} // policy assignments, by id in lower case: each subscription has its own
	for _, r := range rows {
		id := strings.ToLower(r.PolicyAssignmentID)
		if r.Kind != armsecops.ExemptionKindPolicyExemption || asked[id] {
			continue
		}
		asked[id] = true
		running <- struct{}{}
		group.Go(func() {
			defer func() { <-running }()
			_, _ = policies.assignedBy(ctx, r.PolicyAssignmentID) // which keeps it
		})
	}
	group.Wait()
	for _, r := range rows {
		ids := r.AssessmentKeys
		if r.Kind == armsecops.ExemptionKindPolicyExemption {
			var err error
			ids, err = policies.exempted(ctx, r.Exemption)
			if r.Stale = gone(err); !r.Stale {
				r.Err = errors.Join(err, r.Err)
			}
		}
		for _, id := range ids {
			if known := names[strings.ToLower(id)]; len(known) > 0 {
				r.From = add(r.From, known...)
			} else {
				r.From = add(r.From, id)
			}
		}
	}
	return rows, errors.Join(append(errs, ctx.Err())...)
}

// add appends the names that a list lacks.
func add(list []string, names ...string) []string {
	for _, name := range names {
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}
