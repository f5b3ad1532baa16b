package after

import (
	"context"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armpolicy"

	"github.com/armsecops/armsecops"
)

// Exempter finds recommendations and looks after the exemptions of Azure Policy.
type Exempter struct {
	recommendations *armsecops.AssessmentsMetadataClient
	standards       *armsecops.SecurityStandardsClient
	defender        *armsecops.StandardAssignmentsClient
	exemptions      *armsecops.PolicyExemptionsClient
	assignments     *armpolicy.AssignmentsClient // has no counterpart
}

// NewExempter returns an exempter.
func NewExempter(subscriptionID string, credential azcore.TokenCredential, options arm.ClientOptions) (*Exempter, error) {
	factory, err := armsecops.NewClientFactory(credential, &armsecops.ClientOptions{ClientOptions: options})
	if err != nil {
		return nil, err
	}
	assignments, err := armpolicy.NewAssignmentsClient(subscriptionID, credential, &options)
	if err != nil {
		return nil, err
	}
	return &Exempter{
		factory.NewAssessmentsMetadataClient(), factory.NewSecurityStandardsClient(), factory.NewStandardAssignmentsClient(),
		factory.NewPolicyExemptionsClient(), assignments,
	}, nil
}

// Find returns the key of a recommendation, and whether Azure Policy exempts it.
func (e *Exempter) Find(ctx context.Context, displayName string) (key string, byPolicy bool, err error) {
	for r, err := range e.recommendations.NewListPager(nil).All(ctx) {
		if err != nil {
			return "", false, err
		}
		if r.Properties.DisplayName == displayName {
			return r.Name, r.Properties.ExemptedBy() == armsecops.ExemptionKindPolicyExemption, nil
		}
	}
	return "", false, nil
}

// Standards returns the names of the standards of a scope that have a recommendation.
func (e *Exempter) Standards(ctx context.Context, scope, key string) (names []string, err error) {
	for s, err := range e.standards.NewListPager(scope, nil).All(ctx) {
		if err != nil {
			return nil, err
		}
		for _, a := range s.Properties.Assessments {
			if strings.EqualFold(a.AssessmentKey, key) {
				names = append(names, s.Name)
			}
		}
	}
	return names, nil
}

// Exempt exempts a resource from a recommendation of a standard.
func (e *Exempter) Exempt(ctx context.Context, resourceID, name, key string, expiresOn time.Time) error {
	_, err := e.defender.CreateOrUpdate(ctx, resourceID, name, armsecops.StandardAssignment{
		Properties: armsecops.StandardAssignmentProperties{
			Effect:    armsecops.EffectExempt,
			ExpiresOn: expiresOn,
			ExemptionData: armsecops.ExemptionData{
				ExemptionCategory:  armsecops.ExemptionCategoryWaiver,
				AssignedAssessment: armsecops.AssignedAssessmentItem{AssessmentKey: key},
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
	got.Properties.ExpiresOn = expiresOn
	_, err = e.exemptions.CreateOrUpdate(ctx, scope, name, got.PolicyExemption, nil)
	return err
}
