package main

import (
	"context"

	"github.com/armsecops/armsecops"
)

// publish publishes an assignment, whose id ParseWorkspaceManagerAssignmentID reads. Give the context a deadline: the error is then ErrJobMayRun, or ErrOutcomeUnknown if no job is found.
func publish(ctx context.Context, factory *armsecops.ClientFactory, id armsecops.WorkspaceManagerAssignmentID) error {
	client, err := factory.NewWorkspaceManagerJobsClient(id.SubscriptionID)
	if err != nil {
		return err
	}
	options := &armsecops.WorkspaceManagerJobsClientBeginCreateOptions{Recover: true} // finds the job of a lost response
	poller, err := client.BeginCreate(ctx, id.ResourceGroupName, id.WorkspaceName, id.Name, options)
	if err != nil {
		return err
	}
	_, err = armsecops.WaitForJob(ctx, poller, nil)
	return err
}
