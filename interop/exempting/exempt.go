package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/google/uuid"

	"github.com/armsecops/armsecops"
)

// exempter exempts resources and revokes that. What several of them have in common, it
// reads once: make another one to see later changes. It is safe for concurrent use.
type exempter struct {
	factory   *armsecops.ClientFactory
	policies  *policies
	standards kept[standards]             // by scope
	byKey     kept[[]armsecops.Exemption] // of those by the key of a recommendation, by subscription or management group
	made      sync.Map                    // of existing by madeAt, which lists don't have in a dry run, and the index not for minutes
	deleted   sync.Map                    // what a dry run of revoke would have deleted, by id in lower case
}

// madeAt is where exemptOrRenew has made or renewed an exemption, or would have in a dry run.
type madeAt struct {
	scope, from string // in lower case
	dryRun      bool
}

func newMadeAt(scope, from string, dryRun bool) madeAt {
	return madeAt{strings.ToLower(scope), strings.ToLower(from), dryRun}
}

// grant is why a resource is exempted, and until when.
type grant struct {
	category    armsecops.ExemptionCategory
	description string // such as a ticket and who approved it
	expires     time.Time
	metadata    json.RawMessage // any JSON object, of a policy exemption; nil for none, and to keep that of a renewed one
}

// place is where a resource is exempted from a recommendation: from a policy assignment,
// or by the key of the recommendation.
type place struct {
	from     string // the policy assignment and its reference ids, or the key of the recommendation
	existing []existing
	newID    string                                                // of what create makes
	create   func(ctx context.Context, g grant, dryRun bool) error // nil if none is made there
}

// existing is an exemption of a resource, or of a scope above it, from a recommendation.
type existing struct {
	id       string
	expires  time.Time // zero: never
	category armsecops.ExemptionCategory
	covers   bool // it exempts the resource from all of it, rather than from some findings
	exact    bool // it covers the resource, and exempts nothing else
}

// change is what happened to an exemption, or would in a dry run.
type change struct {
	done     string // created, renewed, deleted, or left as it is
	id, from string // from: as in place, and what stays although something else is granted
}

// exemptOrRenew exempts a resource from a recommendation where that is exempted, and
// returns what it did. From a recommendation that a policy turns on, each policy assignment
// that has the policy takes an exemption: one that fails doesn't keep the others from it.
// One of the resource or above it that covers it for as long, whoever made it, is left as
// it is. Otherwise, one of exactly the resource from exactly that is renewed. Whether an
// exemption by the key of the recommendation counts for a policy isn't documented: it is
// left, and those from the policy assignments are made as well.
//   - dryRun: read only, and return what would be done
//   - above: ids of scopes above the resource that aren't in its id, such as management groups
func (e *exempter) exemptOrRenew(
	ctx context.Context, recommendation armsecops.AssessmentMetadata, resourceID string, g grant, dryRun bool, above ...string,
) (changes []change, err error) {
	if g.category == "" || g.description == "" || g.expires.IsZero() {
		return nil, errors.New("an exemption needs a category, a description and an end")
	}
	if recommendation.Properties.AssessmentType.Is(armsecops.AssessmentTypeCustomPolicy) {
		return nil, fmt.Errorf("%q is a custom recommendation: Microsoft documents no exemptions from it", recommendation.Properties.DisplayName)
	}
	if len(g.metadata) > 0 && recommendation.Properties.ExemptedBy() == armsecops.ExemptionKindStandardAssignment {
		return nil, fmt.Errorf("metadata is of policy exemptions only, and a standard exempts from %q", recommendation.Properties.DisplayName)
	}
	places, err := e.placesOf(ctx, recommendation, resourceID, above)
	if err != nil {
		return nil, err
	}
	scopes := slices.Clone(above)
	for scope, _ := arm.ParseResourceID(resourceID); scope != nil; scope = scope.Parent {
		scopes = append(scopes, scope.String())
	}
	var errs []error
	for _, p := range places {
		for _, scope := range scopes {
			for _, inDryRun := range []bool{false, dryRun} {
				if made, ok := e.made.Load(newMadeAt(scope, p.from, inDryRun)); ok {
					old := made.(existing)
					old.exact = strings.EqualFold(scope, resourceID) // a later call of the same resource renews it
					p.existing = append(p.existing, old)
				}
			}
		}
		done, err := p.exempt(ctx, e.factory.NewExemptionsClient(), g, dryRun)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		changes = append(changes, done...)
		for _, c := range done {
			if c.done != "left" {
				e.made.Store(newMadeAt(resourceID, p.from, dryRun), existing{id: c.id, expires: g.expires, category: g.category, covers: true})
			}
		}
	}
	return changes, errors.Join(errs...)
}

// revoke deletes the exemptions of exactly a resource from a recommendation and nothing
// else, whether from a policy or by the key of the recommendation. Those left still exempt
// the resource: they are from more, of a scope above, or of some findings or resources only.
// One of the preview of 2021 that doesn't say its scope is left, too.
//   - dryRun, above: as for exemptOrRenew
func (e *exempter) revoke(ctx context.Context, recommendation armsecops.AssessmentMetadata, resourceID string, dryRun bool, above ...string) (changes []change, err error) {
	places, err := e.placesOf(ctx, recommendation, resourceID, above)
	errs := []error{err} // such as that no policy assignment is found: places may have others
	for _, p := range places {
		for _, old := range p.existing {
			if _, deleted := e.deleted.Load(strings.ToLower(old.id)); deleted && dryRun {
				continue
			}
			if !old.exact {
				if old.holdsUntil(time.Now()) {
					changes = append(changes, change{"left", old.id, p.from})
				}
				continue
			}
			if dryRun {
				e.deleted.Store(strings.ToLower(old.id), true)
			} else {
				e.made.Clear()
				_, err := e.factory.NewExemptionsClient().Delete(ctx, old.id, nil)
				if err != nil && !deleted(err) { // already
					errs = append(errs, err)
					continue
				}
			}
			changes = append(changes, change{"deleted", old.id, p.from})
		}
	}
	return changes, errors.Join(errs...)
}

// exempt makes an exemption, unless one covers the resource for as long, or can be renewed
// without exempting from more. Of several that can be, it renews the one that ends last, and
// leaves the others. It returns no change if there is nothing to do.
func (p place) exempt(ctx context.Context, client *armsecops.ExemptionsClient, g grant, dryRun bool) ([]change, error) {
	for _, e := range p.existing {
		if e.covers && e.holdsUntil(g.expires) {
			return []change{{"left", e.id, p.from + e.stays(g)}}, nil
		}
	}
	if p.create == nil {
		return nil, nil
	}
	exact := slices.DeleteFunc(slices.Clone(p.existing), func(e existing) bool { return !e.exact })
	if len(exact) == 0 {
		if slices.ContainsFunc(p.existing, func(e existing) bool { return strings.EqualFold(e.id, p.newID) }) {
			return nil, fmt.Errorf("%s is an exemption from more or less than %s by now", p.newID, p.from)
		}
		return []change{{"created", p.newID, p.from}}, p.create(ctx, g, dryRun)
	}
	last := slices.MaxFunc(exact, func(a, b existing) int { return a.expires.Compare(b.expires) })
	renewed := change{"renewed", last.id, p.from}
	if !dryRun {
		options := &armsecops.ExemptionsClientRenewOptions{Category: g.category, Description: g.description, Metadata: g.metadata, AllowEnded: true}
		got, err := client.Renew(ctx, last.id, g.expires, options)
		if errors.Is(err, armsecops.ErrNotRenewed) { // since another program has renewed it meanwhile
			renewed = change{"left", last.id, p.from + existing{id: last.id, expires: got.ExpiresOn, category: got.Category}.stays(g)}
		} else if err != nil {
			return nil, err
		}
	}
	changes := []change{renewed}
	for _, e := range exact {
		if !strings.EqualFold(e.id, last.id) && e.holdsUntil(time.Now()) {
			changes = append(changes, change{"left", e.id, p.from + e.stays(g)})
		}
	}
	return changes, nil
}

// stays returns what an exemption that is left keeps although something else is granted.
func (e existing) stays(g grant) (text string) {
	switch ends := e.expires.UTC().Format(time.DateOnly); {
	case e.expires.IsZero():
		text = "; it never ends"
	case ends != g.expires.UTC().Format(time.DateOnly):
		text = "; it ends on " + ends
	}
	if e.category != "" && !e.category.Is(g.category) {
		text += fmt.Sprintf("; its category stays %q", e.category)
	}
	if _, err := armsecops.ParsePolicyExemptionID(e.id); err == nil && len(g.metadata) > 0 { // others have none
		text += "; its metadata stays"
	}
	return text
}

func (e existing) holdsUntil(t time.Time) bool { return e.expires.IsZero() || !e.expires.Before(t) }

// placesOf returns where a resource is exempted from a recommendation. With an error, it
// returns those found before.
func (e *exempter) placesOf(ctx context.Context, recommendation armsecops.AssessmentMetadata, resourceID string, above []string) (places []place, err error) {
	resource, err := arm.ParseResourceID(resourceID)
	if err != nil {
		return nil, err
	}
	if recommendation.Properties.ExemptedBy() == armsecops.ExemptionKindStandardAssignment {
		byStandard, err := e.placeOfStandards(ctx, recommendation, resource, above)
		return []place{byStandard}, err
	}
	if recommendation.Name != "" { // empty for a policy that no recommendation has
		byKey, err := e.existingByKey(ctx, resource, recommendation.Name)
		if err != nil {
			return nil, err
		}
		places = append(places, place{from: recommendation.Name, existing: byKey})
	}
	assigned, err := e.policies.of(ctx, resourceID, recommendation.Properties.PolicyDefinitionID, above...)
	if err != nil {
		return places, err
	}
	if len(assigned) == 0 {
		return places, fmt.Errorf("%q is not assigned to %s, or excludes it, or its policy assignment can't be read", cmp.Or(recommendation.Properties.DisplayName, recommendation.Properties.PolicyDefinitionID), resourceID)
	}
	client := e.factory.NewPolicyExemptionsClient()
	found, err := collect(client.NewListPager(resourceID, &armsecops.PolicyExemptionsClientListOptions{Filter: "atScope()"}).All(ctx))
	if err != nil {
		return places, err
	}
	for _, assignmentID := range slices.Sorted(maps.Keys(assigned)) {
		references := assigned[assignmentID]
		from := append([]string{assignmentID}, references...)
		own := armsecops.PolicyExemptionID{Scope: resourceID, Name: nameOf(append([]string{resourceID}, from...)...)}
		existing := existingFrom(found, resourceID, assignmentID, references)
		places = append(places, place{strings.Join(from, " "), existing, own.String(), func(ctx context.Context, g grant, dryRun bool) error {
			if dryRun {
				return nil
			}
			_, err := e.factory.NewExemptionsClient().CreateOrUpdate(ctx, own.Scope, own.Name, armsecops.Exemption{
				Kind:        armsecops.ExemptionKindPolicyExemption,
				DisplayName: recommendation.Properties.DisplayName, Description: g.description, Category: g.category, ExpiresOn: g.expires,
				PolicyAssignmentID: assignmentID, PolicyDefinitionReferenceIDs: references, Metadata: g.metadata,
			}, &armsecops.ExemptionsClientCreateOrUpdateOptions{
				AllowWhole:     len(references) == 0, // of a policy that is assigned alone
				RefuseExisting: true,                 // since another program may have created it meanwhile
			})
			return err
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
		found = append(found, existing{exemption.ID, p.ExpiresOn, p.ExemptionCategory, covers, exact})
	}
	return found
}

// collect returns what a listing yields, without what comes before an error.
func collect[T any](listing iter.Seq2[T, error]) (all []T, err error) {
	for v, err := range listing {
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// nameOf returns a UUID that is the same in a second run.
func nameOf(parts ...string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(strings.ToLower(strings.Join(parts, "")))).String()
}
