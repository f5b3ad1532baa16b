package exempting

import (
	"context"
	"iter"
	"strings"

	"github.com/armsecops/armsecops"
)

// recommendations returns the display names of the recommendations of a subscription,
// by their keys and by the ids of the policy definitions that turn them on, in lower
// case. Several recommendations may have the same policy.
func recommendations(ctx context.Context, client *armsecops.AssessmentsMetadataClient, subscriptionID string) (map[string][]string, error) {
	names := map[string][]string{}
	for recommendation, err := range client.NewListBySubscriptionPager(subscriptionID, nil).All(ctx) {
		if err != nil {
			return nil, err
		}
		for _, id := range []string{recommendation.Name, recommendation.Properties.PolicyDefinitionID} {
			id = strings.ToLower(id) // empty for one without a policy
			names[id] = append(names[id], recommendation.Properties.DisplayName)
		}
	}
	delete(names, "")
	return names, nil
}

// inventory returns the names of the recommendations that each exemption is from, and
// the errors of those whose policies can't be read, by the exemption's id: gone finds
// stale exemptions. An exemption from a whole standard has no names here.
func inventory(
	ctx context.Context, exemptions iter.Seq2[armsecops.Exemption, error], policies *policies, names map[string][]string,
) (from map[string][]string, failed map[string]error, err error) {
	from, failed = map[string][]string{}, map[string]error{}
	for exemption, err := range exemptions {
		if err != nil {
			return nil, nil, err
		}
		ids := exemption.AssessmentKeys
		if exemption.Kind == armsecops.ExemptionKindPolicyExemption {
			ids, err = policies.exempted(ctx, exemption)
		}
		if err != nil {
			failed[exemption.ID] = err
		}
		for _, id := range ids {
			from[exemption.ID] = append(from[exemption.ID], names[strings.ToLower(id)]...)
		}
	}
	return from, failed, nil
}
