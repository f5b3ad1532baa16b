package exempting

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/armsecops/armsecops"
)

// exemptOrRenew exempts a resource from a recommendation where that is exempted, and
// returns the ids of the exemptions. From a recommendation that a policy turns on, each
// policy assignment that has the policy takes an exemption: one that fails doesn't keep the
// others from it. An exemption from the same that exists, whoever made it, is renewed
// instead. One that exempts from it and ends later, or never, stays as it is.
//   - above: ids of scopes above the resource that aren't in its id, such as management groups
func exemptOrRenew(
	ctx context.Context, factory *armsecops.ClientFactory, policies *policies, recommendation armsecops.AssessmentMetadata, resourceID string, expires time.Time, above ...string,
) (ids []string, err error) {
	if expires.IsZero() {
		return nil, errors.New("an exemption needs an end")
	}
	if recommendation.Properties.ExemptedBy() == armsecops.ExemptionKindStandardAssignment {
		id, err := exemptFromStandard(ctx, factory, recommendation, resourceID, expires, above)
		if err != nil {
			return nil, err
		}
		return []string{id}, nil
	}
	assigned, err := policies.of(ctx, resourceID, recommendation.Properties.PolicyDefinitionID, above...)
	if err != nil {
		return nil, err
	}
	if len(assigned) == 0 {
		return nil, fmt.Errorf("%q is not assigned to %s, or excludes it, or its policy assignment can't be read", recommendation.Properties.DisplayName, resourceID)
	}
	var existing []armsecops.PolicyExemption
	ofResource := &armsecops.PolicyExemptionsClientListOptions{Filter: "atExactScope()"}
	for exemption, err := range factory.NewPolicyExemptionsClient().NewListPager(resourceID, ofResource).All(ctx) {
		if err != nil {
			return nil, err
		}
		existing = append(existing, exemption)
	}
	var errs []error
	for _, assignmentID := range slices.Sorted(maps.Keys(assigned)) {
		id, err := exemptFromPolicy(ctx, factory, resourceID, existing, armsecops.PolicyExemptionProperties{
			DisplayName: recommendation.Properties.DisplayName, ExemptionCategory: armsecops.ExemptionCategoryWaiver, ExpiresOn: expires,
			PolicyAssignmentID: assignmentID, PolicyDefinitionReferenceIDs: assigned[assignmentID],
		})
		if err == nil {
			ids = append(ids, id)
		}
		errs = append(errs, err)
	}
	return ids, errors.Join(errs...)
}

// exemptFromPolicy makes an exemption, unless one that exists holds for as long. It renews
// one that is from the same, and from nothing else.
func exemptFromPolicy(
	ctx context.Context, factory *armsecops.ClientFactory, resourceID string, existing []armsecops.PolicyExemption, wanted armsecops.PolicyExemptionProperties,
) (id string, err error) {
	for _, exemption := range existing {
		p := exemption.Properties
		switch {
		case !includes(p, wanted):
		case !p.ExpiresBefore(wanted.ExpiresOn): // also one that never ends
			return exemption.ID, nil
		case len(p.PolicyDefinitionReferenceIDs) == len(wanted.PolicyDefinitionReferenceIDs):
			return keepUntil(ctx, factory, exemption.ID, wanted.ExpiresOn)
		}
	}
	name := nameOf(append([]string{resourceID, wanted.PolicyAssignmentID}, wanted.PolicyDefinitionReferenceIDs...)...)
	made, err := factory.NewPolicyExemptionsClient().CreateOrUpdate(ctx, resourceID, name, armsecops.PolicyExemption{Properties: wanted}, nil)
	return made.ID, err
}

// includes reports whether an exemption of the same scope is from all that is wanted.
func includes(exemption, wanted armsecops.PolicyExemptionProperties) bool {
	lacks := func(reference string) bool {
		return !slices.ContainsFunc(exemption.PolicyDefinitionReferenceIDs, func(id string) bool { return strings.EqualFold(id, reference) })
	}
	switch {
	case !strings.EqualFold(exemption.PolicyAssignmentID, wanted.PolicyAssignmentID), len(exemption.ResourceSelectors) > 0:
		return false
	case len(exemption.PolicyDefinitionReferenceIDs) == 0: // from the whole policy assignment
		return true
	}
	return len(wanted.PolicyDefinitionReferenceIDs) > 0 && !slices.ContainsFunc(wanted.PolicyDefinitionReferenceIDs, lacks)
}

// keepUntil lets an exemption end at a time, unless it ends later or never.
func keepUntil(ctx context.Context, factory *armsecops.ClientFactory, exemptionID string, expires time.Time) (id string, err error) {
	kept, err := factory.NewExemptionsClient().Renew(ctx, exemptionID, expires, &armsecops.ExemptionsClientRenewOptions{OnlyLater: true})
	return kept.ID, err
}

// nameOf returns a UUID that is the same in a second run.
func nameOf(parts ...string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(strings.ToLower(strings.Join(parts, "")))).String()
}
