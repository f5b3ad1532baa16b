package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"

	"github.com/armsecops/armsecops"
)

// placeOfStandards returns the place of a recommendation without a policy. An exemption
// there is made by the first standard that has the recommendation, in the subscription, or
// the resource if that is a management group, and then in the scopes above.
func placeOfStandards(
	ctx context.Context, factory *armsecops.ClientFactory, recommendation armsecops.AssessmentMetadata, resource *arm.ResourceID, above []string,
) (place, error) {
	resourceID := resource.String()
	own := armsecops.StandardAssignmentID{Scope: resourceID, Name: nameOf(resourceID, recommendation.Name)}
	found, err := existingByKey(ctx, factory.NewExemptionsClient(), resource, recommendation.Name, own.String())
	return place{recommendation.Name, found, own.String(), func(ctx context.Context, g grant, dryRun bool) error {
		scope := resourceID
		if resource.SubscriptionID != "" {
			scope = "/subscriptions/" + resource.SubscriptionID
		}
		standardID, err := standardWith(ctx, factory.NewSecurityStandardsClient(), recommendation.Name, append([]string{scope}, above...))
		if err != nil || dryRun {
			return err
		}
		_, err = factory.NewStandardAssignmentsClient().CreateOrUpdate(ctx, own.Scope, own.Name, armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{
			DisplayName: recommendation.Properties.DisplayName, Description: g.description, Effect: armsecops.EffectExempt, ExpiresOn: g.expires,
			AssignedStandard: armsecops.AssignedStandardItem{ID: standardID},
			ExemptionData:    armsecops.ExemptionData{ExemptionCategory: g.category, AssignedAssessment: armsecops.AssignedAssessmentItem{AssessmentKey: recommendation.Name}},
		}}, nil)
		return err
	}}, err
}

// existingByKey returns the exemptions from a recommendation by its key, whatever standard
// they name: standard assignments, and assignments of the preview of 2021. The rows of
// Azure Resource Graph are minutes old, so it gets each.
//   - ids: of those that may have no row yet
func existingByKey(ctx context.Context, client *armsecops.ExemptionsClient, resource *arm.ResourceID, key string, ids ...string) (found []existing, err error) {
	options := &armsecops.ExemptionsClientListOptions{Kinds: []armsecops.ExemptionKind{armsecops.ExemptionKindStandardAssignment, armsecops.ExemptionKindAssignment}}
	if resource.SubscriptionID != "" {
		options.SubscriptionIDs = []string{resource.SubscriptionID}
	} else {
		options.ManagementGroups = []string{resource.Name}
	}
	for row, err := range client.NewListPager(options).All(ctx) {
		if err != nil {
			return nil, err
		}
		named := slices.ContainsFunc(row.AssessmentKeys, func(k string) bool { return strings.EqualFold(k, key) })
		known := slices.ContainsFunc(ids, func(id string) bool { return strings.EqualFold(id, row.ID) })
		scope := cmp.Or(row.Scope, "/subscriptions/"+row.SubscriptionID) // one of 2021 may not say its scope
		if named && !known && within(resource.String(), scope) {
			ids = append(ids, row.ID)
		}
	}
	for _, id := range ids {
		exemption, err := client.Get(ctx, id, nil)
		switch {
		case errors.Is(err, armsecops.ErrNotFound):
			continue
		case err != nil:
			return nil, err
		}
		covers := limits(exemption.Exemption) == "" && exemption.Scope != ""
		exact := covers && len(exemption.AssessmentKeys) == 1 && strings.EqualFold(exemption.Scope, resource.String())
		found = append(found, existing{exemption.ID, exemption.ExpiresOn, covers, exact})
	}
	return found, nil
}

// standardWith returns the id of the first standard of scopes that has a recommendation.
func standardWith(ctx context.Context, client *armsecops.SecurityStandardsClient, key string, scopes []string) (string, error) {
	has := func(a armsecops.PartialAssessmentProperties) bool { return strings.EqualFold(a.AssessmentKey, key) }
	for _, scope := range scopes {
		for standard, err := range client.NewListPager(scope, nil).All(ctx) {
			if err != nil || slices.ContainsFunc(standard.Properties.Assessments, has) {
				return standard.ID, err
			}
		}
	}
	return "", fmt.Errorf("no standard of %s has the recommendation %s", strings.Join(scopes, " or "), key)
}
