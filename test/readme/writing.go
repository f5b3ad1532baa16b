package main

import (
	"context"
	"time"

	"github.com/armsecops/armsecops"
)

// exempt exempts a resource from one recommendation for 90 days. A name that is taken is ErrExists, also if an earlier call took it whose response was lost.
func exempt(ctx context.Context, client *armsecops.ExemptionsClient, resourceID, name, policyAssignmentID, referenceID string) (armsecops.Exemption, error) {
	created, err := client.CreateOrUpdate(ctx, resourceID, name, armsecops.Exemption{
		Kind:               armsecops.ExemptionKindPolicyExemption,
		PolicyAssignmentID: policyAssignmentID, PolicyDefinitionReferenceIDs: []string{referenceID},
		DisplayName: "SEC-1042: rebuilt by autumn", Category: armsecops.ExemptionCategoryWaiver,
		ExpiresOn: time.Now().AddDate(0, 0, 90),
	}, &armsecops.ExemptionsClientCreateOrUpdateOptions{RefuseExisting: true})
	return created.Exemption, err
}

// publish publishes the items of an assignment, and waits for an hour at most. If the wait ends before the job, the error is ErrJobMayRun:
// wait again by NewJobPoller, which takes the Name of the job. Another call of publish would start another job.
func publish(ctx context.Context, client *armsecops.WorkspaceManagerJobsClient, resourceGroup, workspace, assignment string) (armsecops.Job, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	options := &armsecops.WorkspaceManagerJobsClientBeginCreateOptions{Recover: true} // finds the job if the response is lost
	poller, err := client.BeginCreate(ctx, resourceGroup, workspace, assignment, options)
	if err != nil {
		return armsecops.Job{}, err
	}
	return armsecops.WaitForJob(ctx, poller, nil)
}
