package main

import (
	"context"
	"strings"

	"github.com/armsecops/armsecops"
)

// standardsOf returns the standards of a scope that have a recommendation.
func standardsOf(ctx context.Context, client *armsecops.SecurityStandardsClient, scope, key string) (found []armsecops.SecurityStandard, err error) {
	for standard, err := range client.NewListPager(scope, nil).All(ctx) {
		if err != nil {
			return nil, err
		}
		for _, assessment := range standard.Properties.Assessments {
			if strings.EqualFold(assessment.AssessmentKey, key) {
				found = append(found, standard)
			}
		}
	}
	return found, nil
}
