package exempting

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/armsecops/armsecops"
)

// row is an exemption of an inventory.
type row struct {
	armsecops.Exemption
	From []string // the names of recommendations; the id of a policy or recommendation without a name here
	Err  error    // why From or CreatedBy is missing; gone finds a policy assignment that no longer exists
}

// recommendations returns the display names of the recommendations of subscriptions, by
// their keys and by the ids of the policy definitions that turn them on, in lower case.
// Several recommendations may have the same policy.
func recommendations(ctx context.Context, client *armsecops.AssessmentsMetadataClient, subscriptionIDs ...string) (map[string][]string, error) {
	names := map[string][]string{}
	for _, subscriptionID := range subscriptionIDs {
		for recommendation, err := range client.NewListBySubscriptionPager(subscriptionID, nil).All(ctx) {
			if err != nil {
				return nil, err
			}
			for _, id := range []string{recommendation.Name, recommendation.Properties.PolicyDefinitionID} {
				id = strings.ToLower(id) // empty for one without a policy
				names[id] = add(names[id], recommendation.Properties.DisplayName)
			}
		}
	}
	delete(names, "")
	return names, nil
}

// inventory returns a row for each exemption, in the order of the listing. It gets those
// whose rows lack who created them, and leaves out what is deleted meanwhile. From is
// empty for an exemption from a whole standard.
func inventory(
	ctx context.Context, client *armsecops.ExemptionsClient, exemptions iter.Seq2[armsecops.Exemption, error], policies *policies, names map[string][]string,
) (rows []row, err error) {
	for exemption, err := range exemptions {
		if err != nil {
			return rows, err
		}
		r := row{Exemption: exemption}
		if r.CreatedBy == "" {
			got, err := client.Get(ctx, r.ID, nil)
			if errors.Is(err, armsecops.ErrNotFound) {
				continue
			}
			if err == nil {
				r.Exemption = got.Exemption
			}
			r.Err = err
		}
		ids := r.AssessmentKeys
		if r.Kind == armsecops.ExemptionKindPolicyExemption {
			ids, err = policies.exempted(ctx, exemption)
			r.Err = errors.Join(err, r.Err)
		}
		for _, id := range ids {
			if known := names[strings.ToLower(id)]; len(known) > 0 {
				r.From = add(r.From, known...)
			} else {
				r.From = add(r.From, id)
			}
		}
		rows = append(rows, r)
	}
	return rows, nil
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
