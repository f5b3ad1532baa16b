package exempting

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/google/uuid"

	"github.com/armsecops/armsecops"
)

// exempt exempts a resource from a recommendation where that is exempted. From one that a
// policy turns on, it does so by one exemption from each policy assignment that has the
// policy: one that can't be made doesn't keep the others from it. A second run changes the
// exemptions of the first.
func exempt(ctx context.Context, factory *armsecops.ClientFactory, policies *policies, recommendation armsecops.AssessmentMetadata, resourceID string, expires time.Time) error {
	if recommendation.Properties.ExemptedBy() == armsecops.ExemptionKindStandardAssignment {
		return exemptFromStandard(ctx, factory, recommendation, resourceID, expires)
	}
	assigned, err := policies.of(ctx, resourceID, recommendation.Properties.PolicyDefinitionID)
	if err != nil {
		return err
	}
	if len(assigned) == 0 {
		return fmt.Errorf("%q is not assigned to %s, or its policy assignment can't be read", recommendation.Properties.DisplayName, resourceID)
	}
	var errs []error
	for assignmentID, referenceIDs := range assigned {
		name := uuid.NewSHA1(uuid.NameSpaceURL, []byte(strings.ToLower(resourceID+assignmentID)+recommendation.Name)).String() // the same in a second run
		_, err := factory.NewPolicyExemptionsClient().CreateOrUpdate(ctx, resourceID, name, armsecops.PolicyExemption{Properties: armsecops.PolicyExemptionProperties{
			DisplayName: recommendation.Properties.DisplayName, ExemptionCategory: armsecops.ExemptionCategoryWaiver, ExpiresOn: expires,
			PolicyAssignmentID: assignmentID, PolicyDefinitionReferenceIDs: referenceIDs,
		}}, nil)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// exemptFromStandard exempts a resource by the first standard of its subscription, or of
// a management group, that has the recommendation.
func exemptFromStandard(ctx context.Context, factory *armsecops.ClientFactory, recommendation armsecops.AssessmentMetadata, resourceID string, expires time.Time) error {
	resource, err := arm.ParseResourceID(resourceID)
	if err != nil {
		return err
	}
	scope := resourceID // of a management group
	if resource.SubscriptionID != "" {
		scope = "/subscriptions/" + resource.SubscriptionID
	}
	name := uuid.NewSHA1(uuid.NameSpaceURL, []byte(strings.ToLower(resourceID)+recommendation.Name)).String()
	has := func(a armsecops.PartialAssessmentProperties) bool {
		return strings.EqualFold(a.AssessmentKey, recommendation.Name)
	}
	for standard, err := range factory.NewSecurityStandardsClient().NewListPager(scope, nil).All(ctx) {
		if err != nil {
			return err
		}
		if slices.ContainsFunc(standard.Properties.Assessments, has) {
			_, err = factory.NewStandardAssignmentsClient().CreateOrUpdate(ctx, resourceID, name, armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{
				DisplayName: recommendation.Properties.DisplayName, Effect: armsecops.EffectExempt, ExpiresOn: expires, AssignedStandard: armsecops.AssignedStandardItem{ID: standard.ID},
				ExemptionData: armsecops.ExemptionData{ExemptionCategory: armsecops.ExemptionCategoryWaiver, AssignedAssessment: armsecops.AssignedAssessmentItem{AssessmentKey: recommendation.Name}},
			}}, nil)
			return err
		}
	}
	return fmt.Errorf("no standard of %s has %q", scope, recommendation.Properties.DisplayName)
}
