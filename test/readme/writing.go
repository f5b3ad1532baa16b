package main

import (
	"context"
	"time"

	"github.com/armsecops/armsecops"
)

// exempt exempts a resource for 90 days from one recommendation. What has the name already stays, and is ErrExists: ExemptsSame tells whether it is from the same.
func exempt(ctx context.Context, factory *armsecops.ClientFactory, resourceID, name, policyAssignmentID, referenceID string) (armsecops.Exemption, error) {
	created, err := factory.NewExemptionsClient().CreateOrUpdate(ctx, resourceID, name, armsecops.Exemption{
		Kind: armsecops.ExemptionKindPolicyExemption, PolicyAssignmentID: policyAssignmentID, PolicyDefinitionReferenceIDs: []string{referenceID},
		DisplayName: "SEC-1042: rebuilt by autumn", Category: armsecops.ExemptionCategoryWaiver, ExpiresOn: time.Now().AddDate(0, 0, 90),
	}, &armsecops.ExemptionsClientCreateOrUpdateOptions{RefuseExisting: true})
	return created.Exemption, err
}

// publish publishes an assignment that exists. After ErrJobMayRun, wait for the job by NewJobPoller, which takes its Name: another call starts another job.
func publish(ctx context.Context, factory *armsecops.ClientFactory, id armsecops.WorkspaceManagerAssignmentID) (armsecops.Job, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	jobs, err := factory.NewWorkspaceManagerJobsClient(id.SubscriptionID)
	if err != nil {
		return armsecops.Job{}, err
	}
	options := &armsecops.WorkspaceManagerJobsClientBeginCreateOptions{Recover: true} // finds the job of a lost response
	poller, err := jobs.BeginCreate(ctx, id.ResourceGroupName, id.WorkspaceName, id.Name, options)
	if err != nil {
		return armsecops.Job{}, err
	}
	return armsecops.WaitForJob(ctx, poller, nil)
}
