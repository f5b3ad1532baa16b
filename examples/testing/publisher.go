// Package publisher is a small service that uses the library. Its tests in
// publisher_test.go show how to test such a service.
package publisher

import (
	"context"
	"slices"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/armsecops/armsecops"
)

// Publisher publishes the content of workspace manager assignments to their members.
type Publisher struct {
	Jobs          *armsecops.WorkspaceManagerJobsClient
	ResourceGroup string
	Workspace     string
	Frequency     time.Duration // between two polls of a job
}

// Publish publishes an assignment and waits until the job has ended. Of a job that failed,
// or of which an item failed, it returns each failure with its reason, and a
// [*armsecops.JobFailedError]: a job that failed as a whole has a reason only there. It
// never publishes twice: if it is unknown whether a job was started, Recover looks for
// it, and the error is [armsecops.ErrOutcomeUnknown] if it isn't exactly one.
func (p *Publisher) Publish(ctx context.Context, assignment string) ([]armsecops.JobFailure, error) {
	options := &armsecops.WorkspaceManagerJobsClientBeginCreateOptions{Recover: true}
	poller, err := p.Jobs.BeginCreate(ctx, p.ResourceGroup, p.Workspace, assignment, options)
	if err != nil {
		return nil, err
	}
	job, err := armsecops.WaitForJob(ctx, poller, &runtime.PollUntilDoneOptions{Frequency: p.Frequency})
	return slices.Collect(job.Properties.Failures()), err
}
