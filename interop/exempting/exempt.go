package exempting

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/armsecops/armsecops"
)

// exempt exempts a resource from a recommendation that a policy turns on, by one
// exemption from each policy assignment that has the policy. One that can't be made
// doesn't keep the others from it. A second run changes the exemptions of the first.
func exempt(
	ctx context.Context, client *armsecops.PolicyExemptionsClient, policies *policies, recommendation armsecops.AssessmentMetadata, resourceID string, expires time.Time,
) error {
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
		_, err := client.CreateOrUpdate(ctx, resourceID, name, armsecops.PolicyExemption{Properties: armsecops.PolicyExemptionProperties{
			DisplayName: recommendation.Properties.DisplayName, ExemptionCategory: armsecops.ExemptionCategoryWaiver, ExpiresOn: expires,
			PolicyAssignmentID: assignmentID, PolicyDefinitionReferenceIDs: referenceIDs,
		}}, nil)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
