// Package exempting finds what exemptions of Azure Policy name, with armpolicy.
package exempting

import (
	"context"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armpolicy"

	"github.com/armsecops/armsecops"
)

// policies reads policy assignments of a subscription and above it, and the policies
// of each initiative once.
type policies struct {
	factory     *armpolicy.ClientFactory
	initiatives map[string][]*armpolicy.DefinitionReference // by id, in lower case; nil at first
}

// of returns what an exemption from a policy names: the ids of the policy assignments
// whose initiative has the policy, each with the policy's reference ids in it. An
// assignment of the policy alone needs none.
func (p *policies) of(ctx context.Context, policyDefinitionID string) (map[string][]string, error) {
	found := map[string][]string{}
	for pager := p.factory.NewAssignmentsClient().NewListPager(nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, assignment := range page.Value {
			id := *assignment.Properties.PolicyDefinitionID
			if strings.EqualFold(id, policyDefinitionID) {
				found[*assignment.ID] = nil
			}
			assigned, err := p.in(ctx, id)
			if err != nil {
				return nil, err
			}
			for _, policy := range assigned {
				if strings.EqualFold(*policy.PolicyDefinitionID, policyDefinitionID) {
					found[*assignment.ID] = append(found[*assignment.ID], *policy.PolicyDefinitionReferenceID)
				}
			}
		}
	}
	return found, nil
}

// exempted returns the ids of the policy definitions that an exemption is from.
func (p *policies) exempted(ctx context.Context, exemption armsecops.Exemption) (ids []string, err error) {
	assignment, err := p.factory.NewAssignmentsClient().GetByID(ctx, exemption.PolicyAssignmentID, nil)
	if err != nil {
		return nil, err
	}
	id, references := *assignment.Properties.PolicyDefinitionID, exemption.PolicyDefinitionReferenceIDs
	assigned, err := p.in(ctx, id)
	if assigned == nil { // a policy that is assigned alone
		return []string{id}, err
	}
	for _, policy := range assigned {
		named := func(id string) bool { return strings.EqualFold(id, *policy.PolicyDefinitionReferenceID) }
		if len(references) == 0 || slices.ContainsFunc(references, named) {
			ids = append(ids, *policy.PolicyDefinitionID)
		}
	}
	return ids, err
}

// in returns the policies of a built-in initiative, or of one of the subscription or
// a management group; none for the id of a policy.
func (p *policies) in(ctx context.Context, id string) ([]*armpolicy.DefinitionReference, error) {
	key := strings.ToLower(id)
	if known, ok := p.initiatives[key]; ok {
		return known, nil
	}
	parsed, err := arm.ParseResourceID(id)
	if err != nil || !strings.EqualFold(parsed.ResourceType.Type, "policySetDefinitions") {
		return nil, err
	}
	client, set := p.factory.NewSetDefinitionsClient(), armpolicy.SetDefinition{}
	switch parent := parsed.Parent; parent.ResourceType.String() {
	case arm.TenantResourceType.String():
		got, failed := client.GetBuiltIn(ctx, parsed.Name, nil)
		set, err = got.SetDefinition, failed
	case arm.SubscriptionResourceType.String():
		got, failed := client.Get(ctx, parsed.Name, nil)
		set, err = got.SetDefinition, failed
	default:
		got, failed := client.GetAtManagementGroup(ctx, parent.Name, parsed.Name, nil)
		set, err = got.SetDefinition, failed
	}
	if err != nil {
		return nil, err
	}
	if p.initiatives == nil {
		p.initiatives = map[string][]*armpolicy.DefinitionReference{}
	}
	p.initiatives[key] = set.Properties.PolicyDefinitions
	return p.initiatives[key], nil
}
