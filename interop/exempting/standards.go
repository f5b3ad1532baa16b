package exempting

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"

	"github.com/armsecops/armsecops"
)

// exemptFromStandard renews the exemption of a resource from a recommendation, whatever
// standard it names, or makes one by the first standard that has the recommendation. It
// looks for standards in the subscription, or the resource if that is a management group,
// and then in the scopes above.
func exemptFromStandard(
	ctx context.Context, factory *armsecops.ClientFactory, recommendation armsecops.AssessmentMetadata, resourceID string, expires time.Time, above []string,
) (id string, err error) {
	resource, err := arm.ParseResourceID(resourceID)
	if err != nil {
		return "", err
	}
	own := armsecops.StandardAssignmentID{Scope: resourceID, Name: nameOf(resourceID, recommendation.Name)}
	existing, err := existingFromStandards(ctx, factory.NewExemptionsClient(), resource, recommendation.Name, expires)
	if err != nil {
		return "", err
	}
	for _, exemptionID := range append([]string{own.String()}, existing...) { // its own first: the query may not have it yet
		id, err := keepUntil(ctx, factory, exemptionID, expires)
		if !errors.Is(err, armsecops.ErrNotFound) {
			return id, err
		}
	}
	scope := resourceID
	if resource.SubscriptionID != "" {
		scope = "/subscriptions/" + resource.SubscriptionID
	}
	standardID, err := standardWith(ctx, factory.NewSecurityStandardsClient(), recommendation.Name, append([]string{scope}, above...))
	if err != nil {
		return "", err
	}
	made, err := factory.NewStandardAssignmentsClient().CreateOrUpdate(ctx, own.Scope, own.Name, armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{
		DisplayName: recommendation.Properties.DisplayName, Effect: armsecops.EffectExempt, ExpiresOn: expires, AssignedStandard: armsecops.AssignedStandardItem{ID: standardID},
		ExemptionData: armsecops.ExemptionData{ExemptionCategory: armsecops.ExemptionCategoryWaiver, AssignedAssessment: armsecops.AssignedAssessmentItem{AssessmentKey: recommendation.Name}},
	}}, nil)
	return made.ID, err
}

// existingFromStandards returns the ids of the exemptions of exactly a resource from all
// findings of a recommendation, as Azure Resource Graph has them: minutes old. Those from
// others as well are among them only if they hold until a time without a renewal.
func existingFromStandards(ctx context.Context, client *armsecops.ExemptionsClient, resource *arm.ResourceID, key string, until time.Time) (ids []string, err error) {
	options := &armsecops.ExemptionsClientListOptions{Kinds: []armsecops.ExemptionKind{armsecops.ExemptionKindStandardAssignment}}
	if resource.SubscriptionID != "" {
		options.SubscriptionIDs = []string{resource.SubscriptionID}
	} else {
		options.ManagementGroups = []string{resource.Name}
	}
	for exemption, err := range client.NewListPager(options).All(ctx) {
		if err != nil {
			return nil, err
		}
		ofAll := reflect.ValueOf(exemption.SubAssessmentExemptionRule.If).IsZero()
		named := slices.ContainsFunc(exemption.AssessmentKeys, func(k string) bool { return strings.EqualFold(k, key) })
		named = named && (len(exemption.AssessmentKeys) == 1 || !exemption.ExpiresBefore(until))
		if ofAll && named && strings.EqualFold(exemption.Scope, resource.String()) {
			ids = append(ids, exemption.ID)
		}
	}
	return ids, nil
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
