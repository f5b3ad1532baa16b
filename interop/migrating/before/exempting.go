package before

import (
	"context"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armpolicy"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/security/armsecurity"
)

// Exempter finds recommendations and looks after the exemptions of Azure Policy.
type Exempter struct {
	recommendations *armsecurity.AssessmentsMetadataClient
	standards       *armsecurity.ArmSecurityStandardsClient
	defender        *armsecurity.StandardAssignmentsClient
	exemptions      *armpolicy.ExemptionsClient
	assignments     *armpolicy.AssignmentsClient
}

// NewExempter returns an exempter.
func NewExempter(subscriptionID string, credential azcore.TokenCredential, options arm.ClientOptions) (*Exempter, error) {
	security, err := armsecurity.NewClientFactory(subscriptionID, credential, &options)
	if err != nil {
		return nil, err
	}
	policy, err := armpolicy.NewClientFactory(subscriptionID, credential, &options)
	if err != nil {
		return nil, err
	}
	return &Exempter{
		security.NewAssessmentsMetadataClient(), security.NewArmSecurityStandardsClient(), security.NewStandardAssignmentsClient(),
		policy.NewExemptionsClient(), policy.NewAssignmentsClient(),
	}, nil
}

// Find returns the key of a recommendation, and whether Azure Policy exempts it.
func (e *Exempter) Find(ctx context.Context, displayName string) (key string, byPolicy bool, err error) {
	pager := e.recommendations.NewListPager(nil)
	for pager.More() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return "", false, err
		}
		for _, r := range page.Value {
			if r.Properties != nil && r.Properties.DisplayName != nil && *r.Properties.DisplayName == displayName {
				return *r.Name, r.Properties.PolicyDefinitionID != nil && *r.Properties.PolicyDefinitionID != "", nil
			}
		}
	}
	return "", false, nil
}

// Standards returns the names of the standards of a scope that have a recommendation.
func (e *Exempter) Standards(ctx context.Context, scope, key string) (names []string, err error) {
	pager := e.standards.NewListPager(scope, nil)
	for pager.More() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, s := range page.Value {
			if s.Properties == nil {
				continue
			}
			for _, a := range s.Properties.Assessments {
				if a.AssessmentKey != nil && strings.EqualFold(*a.AssessmentKey, key) {
					names = append(names, *s.Name)
				}
			}
		}
	}
	return names, nil
}

// Exempt exempts a resource from a recommendation of a standard.
func (e *Exempter) Exempt(ctx context.Context, resourceID, name, key string, expiresOn time.Time) error {
	_, err := e.defender.Create(ctx, resourceID, name, armsecurity.StandardAssignment{
		Properties: &armsecurity.StandardAssignmentProperties{
			Effect:    to.Ptr(armsecurity.EffectExempt),
			ExpiresOn: to.Ptr(expiresOn),
			ExemptionData: &armsecurity.StandardAssignmentPropertiesExemptionData{
				ExemptionCategory:  to.Ptr(armsecurity.ExemptionCategoryWaiver),
				AssignedAssessment: &armsecurity.AssignedAssessmentItem{AssessmentKey: to.Ptr(key)},
			},
		},
	}, nil)
	return err
}

// Assignments returns the ids of the policy assignments of an initiative.
func (e *Exempter) Assignments(ctx context.Context, initiativeID string) (ids []string, err error) {
	pager := e.assignments.NewListPager(nil)
	for pager.More() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, a := range page.Value {
			if a.Properties != nil && a.Properties.PolicyDefinitionID != nil && strings.EqualFold(*a.Properties.PolicyDefinitionID, initiativeID) {
				ids = append(ids, *a.ID)
			}
		}
	}
	return ids, nil
}

// Extend lets a policy exemption expire later.
func (e *Exempter) Extend(ctx context.Context, scope, name string, expiresOn time.Time) error {
	got, err := e.exemptions.Get(ctx, scope, name, nil)
	if err != nil {
		return err
	}
	got.Properties.ExpiresOn = to.Ptr(expiresOn)
	_, err = e.exemptions.CreateOrUpdate(ctx, scope, name, got.Exemption, nil)
	return err
}
