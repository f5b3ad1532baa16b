package main

import (
	"context"
	"errors"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/security/armsecurity"
)

// status is what a recommendation finds of a resource.
type status struct {
	code               armsecurity.AssessmentStatusCode // Healthy, Unhealthy or NotApplicable
	cause, description string                           // of the code, where the service has them
}

// statusOf returns the status of a resource by the key of a recommendation.
func statusOf(ctx context.Context, client *armsecurity.AssessmentsClient, resourceID, key string) (status, error) {
	got, err := client.Get(ctx, resourceID, key, nil)
	return statusIn(got.AssessmentResponse), err
}

// unhealthy returns the ids of the resources of a scope, such as a subscription, that a
// recommendation finds unhealthy. It reads the assessments of all recommendations there.
func unhealthy(ctx context.Context, client *armsecurity.AssessmentsClient, scope, key string) (resourceIDs []string, err error) {
	for pager := client.NewListPager(scope, nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, assessment := range page.Value {
			if assessment == nil || assessment.ID == nil {
				return nil, errors.New("an assessment in the list has no id")
			}
			id, err := arm.ParseResourceID(*assessment.ID)
			if err != nil {
				return nil, err
			}
			if strings.EqualFold(id.Name, key) && statusIn(*assessment).code == armsecurity.AssessmentStatusCodeUnhealthy {
				resourceIDs = append(resourceIDs, id.Parent.String())
			}
		}
	}
	return resourceIDs, nil
}

func statusIn(assessment armsecurity.AssessmentResponse) (s status) {
	if assessment.Properties == nil || assessment.Properties.Status == nil {
		return s
	}
	got := assessment.Properties.Status
	if got.Code != nil {
		s.code = *got.Code
	}
	if got.Cause != nil {
		s.cause = *got.Cause
	}
	if got.Description != nil {
		s.description = *got.Description
	}
	return s
}
