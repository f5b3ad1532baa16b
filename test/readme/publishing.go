package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/armsecops/armsecops"
)

// publish publishes the content of an assignment, waits until the job ends, and
// returns the failures by member workspace.
func publish(ctx context.Context, client *armsecops.WorkspaceManagerJobsClient, resourceGroup, workspace, assignment string) ([]armsecops.JobFailure, error) {
	poller, err := client.BeginCreate(ctx, resourceGroup, workspace, assignment, nil)
	if err != nil {
		return nil, err
	}
	_, err = poller.PollUntilDone(ctx, &runtime.PollUntilDoneOptions{Frequency: 5 * time.Second})
	if failed, ok := errors.AsType[*armsecops.JobFailedError](err); ok {
		return slices.Collect(failed.Job.Properties.Failures()), nil
	}
	return nil, err
}
