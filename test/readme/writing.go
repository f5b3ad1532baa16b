package main

import (
	"context"
	"time"

	"github.com/armsecops/armsecops"
)

// exempt exempts a resource for 90 days from one recommendation, whose policy has the reference id in the assigned initiative. What has the name stays, and is ErrExists.
func exempt(ctx context.Context, client *armsecops.ExemptionsClient, resourceID, name, assignmentID, referenceID string) (id string, err error) {
	created, err := client.CreateOrUpdate(ctx, resourceID, name, armsecops.Exemption{
		Kind:        armsecops.ExemptionKindPolicyExemption,
		DisplayName: "SEC-1042: rebuilt by autumn", Category: armsecops.ExemptionCategoryWaiver, ExpiresOn: time.Now().AddDate(0, 0, 90),
		PolicyAssignmentID: assignmentID, PolicyDefinitionReferenceIDs: []string{referenceID},
	}, &armsecops.ExemptionsClientCreateOrUpdateOptions{RefuseExisting: true})
	return created.ID, err
}

// publish publishes an assignment that exists. If the context ends before the job, the error is ErrJobMayRun: wait again. If no job is found, it is ErrOutcomeUnknown.
func publish(ctx context.Context, client *armsecops.WorkspaceManagerJobsClient, resourceGroup, workspace, assignment string) error {
	options := &armsecops.WorkspaceManagerJobsClientBeginCreateOptions{Recover: true} // finds the job of a lost response
	poller, err := client.BeginCreate(ctx, resourceGroup, workspace, assignment, options)
	if err != nil {
		return err
	}
	_, err = armsecops.WaitForJob(ctx, poller, nil)
	return err
}
