package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armpolicy"
	"github.com/go-json-experiment/json"

	"github.com/armsecops/armsecops"
)

// policies reads policy assignments, and the policies of their initiatives, each once: make
// another one to see later changes. It is safe for concurrent use.
type policies struct {
	credential  azcore.TokenCredential
	options     *arm.ClientOptions
	listed      kept[[]*armpolicy.Assignment]          // by subscription or management group
	assigned    kept[outcome]                          // by the id of an assignment
	initiatives kept[[]*armpolicy.DefinitionReference] // by id
}

// kept keeps what is read by a key, ignoring case. The zero value keeps nothing yet.
type kept[T any] struct{ entries sync.Map }

// get returns what is kept by a key, or else reads it. Those that ask for it meanwhile wait.
// An error isn't kept.
func (k *kept[T]) get(key string, read func() (T, error)) (T, error) {
	type entry struct {
		lock  sync.Mutex
		known bool
		value T
	}
	found, _ := k.entries.LoadOrStore(strings.ToLower(key), new(entry))
	e := found.(*entry)
	e.lock.Lock()
	defer e.lock.Unlock()
	if e.known {
		return e.value, nil
	}
	value, err := read()
	if err == nil {
		e.value, e.known = value, true
	}
	return value, err
}

// outcome is the id of the policy or initiative of an assignment, or the error of one that is gone.
type outcome struct {
	id  string
	err error
}

// of returns what exemptions of a resource from a policy name, one exemption for each:
// the ids of the policy assignments of the resource and above it whose initiative has the
// policy, each with the policy's reference ids in it. An assignment of the policy alone
// needs none. The resource may be a resource group, subscription or management group.
// An assignment that excludes the resource, or a scope above it, isn't found.
//   - above: the ids of the management groups above, which an assignment may exclude
func (p *policies) of(ctx context.Context, resourceID, policyDefinitionID string, above ...string) (map[string][]string, error) {
	resource, err := arm.ParseResourceID(resourceID)
	if err != nil {
		return nil, err
	}
	assignments, err := p.listed.get(cmp.Or(resource.SubscriptionID, resource.String()), func() ([]*armpolicy.Assignment, error) {
		return p.list(ctx, resource)
	})
	if err != nil {
		return nil, err
	}
	excludes := func(notScope *string) bool {
		excluded := func(id string) bool { return within(id, *notScope) }
		return notScope != nil && (excluded(resourceID) || slices.ContainsFunc(above, excluded))
	}
	found := map[string][]string{}
	for _, listed := range assignments {
		assignment := value(listed)
		assignmentID, err := arm.ParseResourceID(value(assignment.ID))
		if err != nil {
			return nil, fmt.Errorf("a policy assignment in the list: %w", err)
		}
		properties := value(assignment.Properties)
		scope := assignmentID.Parent // or else a management group
		if scope.SubscriptionID != "" && !within(resourceID, scope.String()) {
			continue // of something else in the subscription
		}
		if slices.ContainsFunc(properties.NotScopes, excludes) {
			continue
		}
		id := value(properties.PolicyDefinitionID)
		if strings.EqualFold(id, policyDefinitionID) {
			found[*assignment.ID] = nil
		}
		assigned, err := p.in(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("the policy of %s: %w", assignmentID, err)
		}
		for _, reference := range assigned {
			policy := value(reference)
			if strings.EqualFold(value(policy.PolicyDefinitionID), policyDefinitionID) {
				if policy.PolicyDefinitionReferenceID == nil {
					return nil, fmt.Errorf("%s has the policy without a reference id", id)
				}
				found[*assignment.ID] = append(found[*assignment.ID], *policy.PolicyDefinitionReferenceID)
			}
		}
	}
	return found, nil
}

// within reports whether a resource is a scope or below it, going by their ids.
func within(resourceID, scope string) bool {
	return strings.HasPrefix(strings.ToLower(resourceID)+"/", strings.ToLower(scope)+"/")
}

// list returns the policy assignments of a management group and of those above it, or of
// the whole subscription of another resource and of the management groups above it.
func (p *policies) list(ctx context.Context, resource *arm.ResourceID) (found []*armpolicy.Assignment, err error) {
	client, err := armpolicy.NewAssignmentsClient(resource.SubscriptionID, p.credential, p.options)
	if err != nil {
		return nil, err
	}
	if resource.SubscriptionID == "" {
		filter := "atScope()"
		options := &armpolicy.AssignmentsClientListForManagementGroupOptions{Filter: &filter}
		for pager := client.NewListForManagementGroupPager(resource.Name, options); pager.More(); {
			page, err := pager.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			found = append(found, page.Value...)
		}
		return found, nil
	}
	for pager := client.NewListPager(nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		found = append(found, page.Value...)
	}
	return found, nil
}

// exempted returns the ids of the policy definitions that an exemption is from, and the
// reference ids that the initiative doesn't have, which exempt from nothing. If its
// policy assignment no longer exists, the exemption is stale, and gone finds the error.
func (p *policies) exempted(ctx context.Context, exemption armsecops.Exemption) (ids []string, err error) {
	id, err := p.assignedBy(ctx, exemption.PolicyAssignmentID)
	if err != nil {
		return nil, err
	}
	assigned, err := p.in(ctx, id)
	if assigned == nil { // a policy that is assigned alone
		return []string{id}, err
	}
	references := exemption.PolicyDefinitionReferenceIDs
	for _, reference := range assigned {
		policy := value(reference)
		named := func(id string) bool { return strings.EqualFold(id, value(policy.PolicyDefinitionReferenceID)) }
		if policy.PolicyDefinitionID != nil && (len(references) == 0 || slices.ContainsFunc(references, named)) {
			ids = append(ids, *policy.PolicyDefinitionID)
		}
	}
	for _, id := range references {
		is := func(r *armpolicy.DefinitionReference) bool {
			return strings.EqualFold(value(value(r).PolicyDefinitionReferenceID), id)
		}
		if err == nil && !slices.ContainsFunc(assigned, is) {
			ids = append(ids, id+" (not in the initiative)")
		}
	}
	return ids, err
}

// limits returns the findings or resources, as JSON, that an exemption is limited to; empty
// for none. It is from nothing else of what it names.
func limits(e armsecops.Exemption) string {
	var limit any = e.SubAssessmentExemptionRule.If
	if len(e.ResourceSelectors) > 0 { // of Azure Policy, which has no findings
		limit = e.ResourceSelectors
	}
	if reflect.ValueOf(limit).IsZero() {
		return ""
	}
	text, _ := json.Marshal(limit) // which was JSON
	return string(text)
}

// deleted reports whether an error says that an exemption doesn't exist, or what it was below.
func deleted(err error) bool {
	return armsecops.IsMissing(err) || armsecops.IsParentMissing(err)
}

// gone reports whether an error says that a policy assignment, or its resource group, doesn't
// exist. What the identity may not see can be a 404, too, but of another code.
func gone(err error) bool {
	response, ok := errors.AsType[*azcore.ResponseError](err)
	return ok && (response.ErrorCode == "PolicyAssignmentNotFound" || response.ErrorCode == armsecops.CodeResourceGroupNotFound)
}

// assignedBy returns the id of the policy or initiative of an assignment.
func (p *policies) assignedBy(ctx context.Context, assignmentID string) (string, error) {
	found, err := p.assigned.get(assignmentID, func() (outcome, error) {
		client, err := armpolicy.NewAssignmentsClient("", p.credential, p.options)
		if err != nil {
			return outcome{}, err
		}
		assignment, err := client.GetByID(ctx, assignmentID, nil)
		if gone(err) {
			return outcome{err: err}, nil
		}
		return outcome{id: value(value(assignment.Properties).PolicyDefinitionID)}, err
	})
	return found.id, cmp.Or(found.err, err)
}

// in returns the policies of a built-in initiative, or of one of a subscription or
// management group; none for the id of a policy.
func (p *policies) in(ctx context.Context, id string) ([]*armpolicy.DefinitionReference, error) {
	parsed, err := arm.ParseResourceID(id)
	if err != nil || !strings.EqualFold(parsed.ResourceType.Type, "policySetDefinitions") {
		return nil, err
	}
	return p.initiatives.get(id, func() ([]*armpolicy.DefinitionReference, error) {
		set, err := p.initiative(ctx, parsed)
		if err == nil && set.Properties == nil {
			err = fmt.Errorf("%s has no properties", id)
		}
		if err != nil {
			return nil, err
		}
		return set.Properties.PolicyDefinitions, nil
	})
}

func (p *policies) initiative(ctx context.Context, id *arm.ResourceID) (armpolicy.SetDefinition, error) {
	client, err := armpolicy.NewSetDefinitionsClient(id.SubscriptionID, p.credential, p.options)
	if err != nil {
		return armpolicy.SetDefinition{}, err
	}
	switch parent := id.Parent; parent.ResourceType.String() {
	case arm.TenantResourceType.String():
		got, err := client.GetBuiltIn(ctx, id.Name, nil)
		return got.SetDefinition, err
	case arm.SubscriptionResourceType.String():
		got, err := client.Get(ctx, id.Name, nil)
		return got.SetDefinition, err
	default:
		got, err := client.GetAtManagementGroup(ctx, parent.Name, id.Name, nil)
		return got.SetDefinition, err
	}
}

// value returns what a member of Microsoft's clients points to; the zero value for one that
// a response lacks.
func value[T any](member *T) (v T) {
	if member != nil {
		v = *member
	}
	return v
}
