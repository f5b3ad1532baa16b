// Package exempting finds what an exemption from a policy names, with armpolicy.
package exempting

import (
	"context"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armpolicy"
)

// policiesOf returns what an exemption from a policy names: the ids of the policy
// assignments of the factory's subscription, of what is above and below it, whose
// initiative has the policy, each with the reference ids of the policy in the initiative.
func policiesOf(ctx context.Context, factory *armpolicy.ClientFactory, policyDefinitionID string) (map[string][]string, error) {
	found := map[string][]string{}
	for pager := factory.NewAssignmentsClient().NewListPager(nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, assignment := range page.Value {
			policies, err := policiesIn(ctx, factory.NewSetDefinitionsClient(), *assignment.Properties.PolicyDefinitionID)
			if err != nil {
				return nil, err
			}
			for _, policy := range policies {
				if strings.EqualFold(*policy.PolicyDefinitionID, policyDefinitionID) {
					found[*assignment.ID] = append(found[*assignment.ID], *policy.PolicyDefinitionReferenceID)
				}
			}
		}
	}
	return found, nil
}

// policiesIn returns the policies of a built-in initiative, or of one of a subscription
// or management group; none for the id of a policy, which is assigned alone.
func policiesIn(ctx context.Context, client *armpolicy.SetDefinitionsClient, id string) ([]*armpolicy.DefinitionReference, error) {
	parsed, err := arm.ParseResourceID(id)
	if err != nil || !strings.EqualFold(parsed.ResourceType.Type, "policySetDefinitions") {
		return nil, err
	}
	var set armpolicy.SetDefinition
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
	return set.Properties.PolicyDefinitions, nil
}
