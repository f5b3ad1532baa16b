package main

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

// grant is why a resource is exempted, and until when.
type grant struct {
	category    armsecops.ExemptionCategory // of a new exemption; a renewed one keeps its own
	description string                      // such as a ticket and who approved it
	expires     time.Time
}

// place is where a resource is exempted from a recommendation: from a policy assignment,
// or by a standard.
type place struct {
	existing []existing
	create   func(ctx context.Context, g grant) (id string, err error)
}

// existing is an exemption of a resource, or of a scope above it, from a recommendation.
type existing struct {
	id      string
	expires time.Time // zero: never
	covers  bool      // it exempts the resource from all of it, rather than from some findings
	exact   bool      // it covers the resource, and exempts nothing else
}

// exemptOrRenew exempts a resource from a recommendation where that is exempted, and
// returns the ids of the exemptions. From a recommendation that a policy turns on, each
// policy assignment that has the policy takes an exemption: one that fails doesn't keep the
// others from it. One of the resource or above it that covers it for as long, whoever made
// it, stays as it is. Otherwise, one of exactly the resource from exactly that is renewed.
//   - above: ids of scopes above the resource that aren't in its id, such as management groups
func exemptOrRenew(
	ctx context.Context, factory *armsecops.ClientFactory, policies *policies, recommendation armsecops.AssessmentMetadata, resourceID string, g grant, above ...string,
) (ids []string, err error) {
	if g.category == "" || g.description == "" || g.expires.IsZero() {
		return nil, errors.New("an exemption needs a category, a description and an end")
	}
	if recommendation.Properties.AssessmentType.Is(armsecops.AssessmentTypeCustomPolicy) {
		return nil, fmt.Errorf("%q is a custom recommendation: Microsoft documents no exemptions from it", recommendation.Properties.DisplayName)
	}
	places, err := placesOf(ctx, factory, policies, recommendation, resourceID, above)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, p := range places {
		id, err := p.exempt(ctx, factory.NewExemptionsClient(), g)
		if err == nil {
			ids = append(ids, id)
		}
		errs = append(errs, err)
	}
	return ids, errors.Join(errs...)
}

// revoke deletes the exemptions of exactly a resource from a recommendation and nothing
// else. It returns the ids of those that still exempt the resource, which it leaves: they
// are from more, of a scope above, or of some findings or resources only.
//   - above: as for exemptOrRenew
func revoke(
	ctx context.Context, factory *armsecops.ClientFactory, policies *policies, recommendation armsecops.AssessmentMetadata, resourceID string, above ...string,
) (left []string, err error) {
	places, err := placesOf(ctx, factory, policies, recommendation, resourceID, above)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, p := range places {
		for _, e := range p.existing {
			if e.exact {
				_, err := factory.NewExemptionsClient().Delete(ctx, e.id, nil)
				if !errors.Is(err, armsecops.ErrNotFound) { // which is deleted already
					errs = append(errs, err)
				}
			} else if e.holdsUntil(time.Now()) {
				left = append(left, e.id)
			}
		}
	}
	return left, errors.Join(errs...)
}

// exempt makes an exemption, unless one covers the resource for as long, or can be renewed
// without exempting from more.
func (p place) exempt(ctx context.Context, client *armsecops.ExemptionsClient, g grant) (id string, err error) {
	for _, e := range p.existing {
		if e.covers && e.holdsUntil(g.expires) {
			return e.id, nil
		}
	}
	i := slices.IndexFunc(p.existing, func(e existing) bool { return e.exact })
	if i < 0 {
		return p.create(ctx, g)
	}
	renewed, err := client.Renew(ctx, p.existing[i].id, g.expires, &armsecops.ExemptionsClientRenewOptions{Description: g.description, OnlyLater: true})
	return renewed.ID, err
}

func (e existing) holdsUntil(t time.Time) bool { return e.expires.IsZero() || !e.expires.Before(t) }

// placesOf returns where a resource is exempted from a recommendation.
func placesOf(
	ctx context.Context, factory *armsecops.ClientFactory, policies *policies, recommendation armsecops.AssessmentMetadata, resourceID string, above []string,
) (places []place, err error) {
	if recommendation.Properties.ExemptedBy() == armsecops.ExemptionKindStandardAssignment {
		byStandard, err := placeOfStandards(ctx, factory, recommendation, resourceID, above)
		return []place{byStandard}, err
	}
	assigned, err := policies.of(ctx, resourceID, recommendation.Properties.PolicyDefinitionID, above...)
	if err != nil {
		return nil, err
	}
	if len(assigned) == 0 {
		return nil, fmt.Errorf("%q is not assigned to %s, or excludes it, or its policy assignment can't be read", recommendation.Properties.DisplayName, resourceID)
	}
	client := factory.NewPolicyExemptionsClient()
	var found []armsecops.PolicyExemption
	for exemption, err := range client.NewListPager(resourceID, &armsecops.PolicyExemptionsClientListOptions{Filter: "atScope()"}).All(ctx) {
		if err != nil {
			return nil, err
		}
		found = append(found, exemption)
	}
	for _, assignmentID := range slices.Sorted(maps.Keys(assigned)) {
		references := assigned[assignmentID]
		places = append(places, place{existingFrom(found, resourceID, assignmentID, references), func(ctx context.Context, g grant) (string, error) {
			name := nameOf(append([]string{resourceID, assignmentID}, references...)...)
			made, err := client.CreateOrUpdate(ctx, resourceID, name, armsecops.PolicyExemption{Properties: armsecops.PolicyExemptionProperties{
				DisplayName: recommendation.Properties.DisplayName, Description: g.description, ExemptionCategory: g.category, ExpiresOn: g.expires,
				PolicyAssignmentID: assignmentID, PolicyDefinitionReferenceIDs: references,
			}}, nil)
			return made.ID, err
		}})
	}
	return places, nil
}

// existingFrom returns the exemptions from policies of an assignment, by their reference
// ids in its initiative; none if a policy is assigned alone.
func existingFrom(exemptions []armsecops.PolicyExemption, resourceID, assignmentID string, references []string) (found []existing) {
	for _, exemption := range exemptions {
		p := exemption.Properties
		from := 0 // how many of the policies it names
		for _, reference := range references {
			if slices.ContainsFunc(p.PolicyDefinitionReferenceIDs, func(id string) bool { return strings.EqualFold(id, reference) }) {
				from++
			}
		}
		whole := len(p.PolicyDefinitionReferenceIDs) == 0 // from the whole policy assignment
		if !strings.EqualFold(p.PolicyAssignmentID, assignmentID) || !whole && from == 0 {
			continue
		}
		ofResource := armsecops.PolicyExemptionID{Scope: resourceID, Name: exemption.Name}
		covers := len(p.ResourceSelectors) == 0 && (whole || from == len(references))
		exact := covers && len(p.PolicyDefinitionReferenceIDs) == len(references) && strings.EqualFold(exemption.ID, ofResource.String())
		found = append(found, existing{exemption.ID, p.ExpiresOn, covers, exact})
	}
	return found
}

// nameOf returns a UUID that is the same in a second run.
func nameOf(parts ...string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(strings.ToLower(strings.Join(parts, "")))).String()
}
