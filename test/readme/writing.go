package main

import (
	"context"
	"time"

	"github.com/armsecops/armsecops"
)

// exempt exempts a resource for 90 days from a recommendation, by the reference id that its policy has in the initiative that is assigned.
func exempt(ctx context.Context, client *armsecops.ExemptionsClient, resourceID, policyAssignmentID, referenceID string) error {
	exemption := armsecops.Exemption{
		Kind: armsecops.ExemptionKindPolicyExemption, PolicyAssignmentID: policyAssignmentID, PolicyDefinitionReferenceIDs: []string{referenceID},
		DisplayName: "Rebuilt by autumn", Category: armsecops.ExemptionCategoryWaiver, ExpiresOn: time.Now().AddDate(0, 0, 90),
	}
	options := &armsecops.ExemptionsClientCreateOrUpdateOptions{RefuseExisting: true} // what has the name stays, and is ErrExists
	_, err := client.CreateOrUpdate(ctx, resourceID, "SEC-1042", exemption, options)
	return err
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
