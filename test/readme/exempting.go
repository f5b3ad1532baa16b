package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/armsecops/armsecops"
)

// exempt exempts a virtual machine of a subscription from a recommendation for 90 days, in the place where that is exempted.
func exempt(ctx context.Context, factory *armsecops.ClientFactory, subscriptionID, displayName, machine, policyAssignmentID string, referenceIDs []string, standardID string) error {
	for recommendation, err := range factory.NewAssessmentsMetadataClient().NewListBySubscriptionPager(subscriptionID, nil).All(ctx) {
		if err != nil {
			return err
		}
		if recommendation.Properties.DisplayName != displayName {
			continue
		}
		kind, expires := recommendation.Properties.ExemptedBy(), time.Now().AddDate(0, 0, 90)
		fmt.Printf("%s is exempted by %s\n", recommendation.Name, kind)
		name := uuid.NewSHA1(uuid.NameSpaceURL, []byte(strings.ToLower(machine+policyAssignmentID+standardID)+recommendation.Name)).String() // the same in a second run
		if kind == armsecops.ExemptionKindPolicyExemption {
			if len(referenceIDs) == 0 {
				return fmt.Errorf("%q has no reference ids: without them, the whole policy assignment is exempted from", displayName)
			}
			_, err = factory.NewPolicyExemptionsClient().CreateOrUpdate(ctx, machine, name, armsecops.PolicyExemption{Properties: armsecops.PolicyExemptionProperties{
				DisplayName: displayName, ExemptionCategory: armsecops.ExemptionCategoryWaiver, ExpiresOn: expires,
				PolicyAssignmentID: policyAssignmentID, PolicyDefinitionReferenceIDs: referenceIDs,
			}}, nil)
			return err
		}
		_, err = factory.NewStandardAssignmentsClient().CreateOrUpdate(ctx, machine, name, armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{
			DisplayName: displayName, Effect: armsecops.EffectExempt, ExpiresOn: expires,
			AssignedStandard: armsecops.AssignedStandardItem{ID: standardID}, ExemptionData: armsecops.ExemptionData{
				ExemptionCategory: armsecops.ExemptionCategoryWaiver, AssignedAssessment: armsecops.AssignedAssessmentItem{AssessmentKey: recommendation.Name},
			},
		}}, nil)
		return err
	}
	return fmt.Errorf("no recommendation is called %q", displayName)
}
