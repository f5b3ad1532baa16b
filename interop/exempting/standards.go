package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"

	"github.com/armsecops/armsecops"
)

// placeOfStandards returns the place of a recommendation without a policy. An exemption
// there is made by a standard that has the recommendation, in the scopes of the resource and
// then in those above: see standardWith.
func (e *exempter) placeOfStandards(ctx context.Context, recommendation armsecops.AssessmentMetadata, resource *arm.ResourceID, above []string) (place, error) {
	resourceID := resource.String()
	own := armsecops.StandardAssignmentID{Scope: resourceID, Name: nameOf(resourceID, recommendation.Name)}
	found, err := e.existingByKey(ctx, resource, recommendation.Name, own.String())
	return place{recommendation.Name, found, own.String(), func(ctx context.Context, g grant, dryRun bool) error {
		standardID, err := e.standardWith(ctx, recommendation.Name, resourceID, append(scopesOf(resource), above...))
		if err != nil || dryRun {
			return err
		}
		_, err = e.factory.NewExemptionsClient().CreateOrUpdate(ctx, own.Scope, own.Name, armsecops.Exemption{
			Kind:        armsecops.ExemptionKindStandardAssignment,
			DisplayName: recommendation.Properties.DisplayName, Description: g.description, Category: g.category, ExpiresOn: g.expires,
			StandardID: standardID, AssessmentKeys: []string{recommendation.Name},
		}, &armsecops.ExemptionsClientCreateOrUpdateOptions{RefuseExisting: true})
		return err
	}}, err
}

// existingByKey returns the exemptions from a recommendation by its key, whatever standard
// they name: standard assignments, and assignments of the preview of 2021. The rows of
// Azure Resource Graph are minutes old, so it gets each, and leaves out what is no longer
// from the recommendation.
//   - ids: of those that may have no row yet; one that is something else is an error
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
	names := func(e armsecops.Exemption) bool {
		return slices.ContainsFunc(e.AssessmentKeys, func(k string) bool { return strings.EqualFold(k, key) })
	}
	given := len(ids)
	for _, row := range rows {
		known := slices.ContainsFunc(ids, func(id string) bool { return strings.EqualFold(id, row.ID) })
		scope := cmp.Or(row.Scope, "/subscriptions/"+row.SubscriptionID) // one of 2021 may not say its scope
		if names(row) && !known && within(resource.String(), scope) {
			ids = append(ids, row.ID)
		}
	}
	for i, id := range ids {
		exemption, err := client.Get(ctx, id, nil)
		ofRow := i >= given
		switch {
		case deleted(err), ofRow && errors.Is(err, armsecops.ErrNotExemption):
			continue
		case err != nil:
			return nil, err
		case !names(exemption.Exemption) && ofRow:
			continue
		case !names(exemption.Exemption):
			return nil, fmt.Errorf("%s is an exemption from another recommendation by now", id)
		}
		covers := limits(exemption.Exemption) == "" && exemption.Scope != ""
		exact := covers && len(exemption.AssessmentKeys) == 1 && strings.EqualFold(exemption.Scope, resource.String())
		found = append(found, existing{exemption.ID, exemption.ExpiresOn, exemption.Category, covers, exact})
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

// standards are the security standards of a scope, and what assigns one there.
type standards struct {
	all       []armsecops.SecurityStandard
	audits    []armsecops.StandardAssignment
	forbidden error // if the identity may not read one of these
}

func (e *exempter) standardsOf(ctx context.Context, scope string) (standards, error) {
	return e.standards.get(scope, func() (s standards, err error) {
		s.all, err = collect(e.factory.NewSecurityStandardsClient().NewListPager(scope, nil).All(ctx))
		if err == nil {
			s.audits, err = collect(e.factory.NewStandardAssignmentsClient().NewListPager(scope, nil).All(ctx))
			s.audits = slices.DeleteFunc(s.audits, func(a armsecops.StandardAssignment) bool { return !a.Properties.Effect.Is(armsecops.EffectAudit) })
		}
		if errors.Is(err, armsecops.ErrForbidden) {
			s.forbidden, err = err, nil
		}
		return s, err
	})
}

// standardWith returns the id of a standard of scopes that has a recommendation: the first
// that is assigned to the resource there, or else the first. Scopes that the identity may
// not read are an error only if no standard is found before.
func (e *exempter) standardWith(ctx context.Context, key, resourceID string, scopes []string) (string, error) {
	has := func(a armsecops.PartialAssessmentProperties) bool { return strings.EqualFold(a.AssessmentKey, key) }
	isAbove := func(id string) bool { // or the resource itself
		return within(resourceID, id) || slices.ContainsFunc(scopes, func(scope string) bool { return strings.EqualFold(scope, id) })
	}
	var found []string            // the ids of those that have it
	assigned := map[string]bool{} // the names of those that are assigned, in lower case: their ids come with a scope and without
	for _, scope := range scopes {
		standards, err := e.standardsOf(ctx, scope)
		if err != nil {
			return "", err
		}
		for _, standard := range standards.all {
			if slices.ContainsFunc(standard.Properties.Assessments, has) {
				found = append(found, standard.ID)
			}
		}
		if len(found) == 0 && standards.forbidden != nil {
			return "", standards.forbidden
		}
		for _, audit := range standards.audits {
			id, err := armsecops.ParseStandardAssignmentID(audit.ID)
			if err == nil && isAbove(id.Scope) && !slices.ContainsFunc(audit.Properties.ExcludedScopes, isAbove) {
				assigned[strings.ToLower(path.Base(audit.Properties.AssignedStandard.ID))] = true
			}
		}
		for _, id := range found {
			if assigned[strings.ToLower(path.Base(id))] {
				return id, nil
			}
		}
	}
	if len(found) == 0 {
		return "", fmt.Errorf("no standard of %s has the recommendation %s", strings.Join(scopes, " or "), key)
	}
	return found[0], nil
}
