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
// there is made by the first standard that has the recommendation, in the scopes of the
// resource and then in those above.
func (e *exempter) placeOfStandards(ctx context.Context, recommendation armsecops.AssessmentMetadata, resource *arm.ResourceID, above []string) (place, error) {
	resourceID := resource.String()
	own := armsecops.StandardAssignmentID{Scope: resourceID, Name: nameOf(resourceID, recommendation.Name)}
	found, err := e.existingByKey(ctx, resource, recommendation.Name, own.String())
	return place{recommendation.Name, found, own.String(), func(ctx context.Context, g grant, dryRun bool) error {
		standardID, err := e.standardWith(ctx, recommendation.Name, append(scopesOf(resource), above...))
		if err != nil || dryRun {
			return err
		}
		_, err = e.factory.NewStandardAssignmentsClient().CreateOrUpdate(ctx, own.Scope, own.Name, armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{
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
func (e *exempter) existingByKey(ctx context.Context, resource *arm.ResourceID, key string, ids ...string) (found []existing, err error) {
	client := e.factory.NewExemptionsClient()
	rows, err := e.byKey.get(cmp.Or(resource.SubscriptionID, resource.String()), func() ([]armsecops.Exemption, error) {
		options := &armsecops.ExemptionsClientListOptions{Kinds: []armsecops.ExemptionKind{armsecops.ExemptionKindStandardAssignment, armsecops.ExemptionKindAssignment}}
		if resource.SubscriptionID != "" {
			options.SubscriptionIDs = []string{resource.SubscriptionID}
		} else {
			options.ManagementGroups = []string{resource.Name}
		}
		return collect(client.NewListPager(options).All(ctx))
	})
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
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

// scopesOf returns what has standards of its own and is a resource or above it, by its id.
func scopesOf(resource *arm.ResourceID) (scopes []string) {
	for ; resource != nil; resource = resource.Parent {
		switch strings.ToLower(resource.ResourceType.String()) {
		case "microsoft.security/securityconnectors", "microsoft.resources/subscriptions", "microsoft.management/managementgroups":
			scopes = append(scopes, resource.String())
		}
	}
	return scopes
}

// standardWith returns the id of the first standard of scopes that has a recommendation.
func (e *exempter) standardWith(ctx context.Context, key string, scopes []string) (string, error) {
	has := func(a armsecops.PartialAssessmentProperties) bool { return strings.EqualFold(a.AssessmentKey, key) }
	for _, scope := range scopes {
		standards, err := e.standards.get(scope, func() ([]armsecops.SecurityStandard, error) {
			return collect(e.factory.NewSecurityStandardsClient().NewListPager(scope, nil).All(ctx))
		})
		if err != nil {
			return "", err
		}
		for _, standard := range standards {
			if slices.ContainsFunc(standard.Properties.Assessments, has) {
				return standard.ID, nil
			}
		}
	}
	return "", fmt.Errorf("no standard of %s has the recommendation %s", strings.Join(scopes, " or "), key)
}
