// Package publisher is a small service that uses the library. Its tests in
// publisher_test.go show how to test such a service.
package publisher

import (
	"context"
	"errors"
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

// Failures are the content items that could not be published, by member workspace.
type Failures map[string][]string

// Publish publishes an assignment and waits until the job has ended. It returns the
// items that failed as failures, without an error if all others were published. It
// never publishes twice: if it is unknown whether a job was started, Recover looks for
// it, and the error is [armsecops.ErrOutcomeUnknown] if it isn't exactly one.
func (p *Publisher) Publish(ctx context.Context, assignment string) (Failures, error) {
	job, err := p.publish(ctx, assignment)
	if _, failed := errors.AsType[*armsecops.JobFailedError](err); err != nil && !failed {
		return nil, err
	}
	failures, summary := Failures{}, job.Properties.Summary()
	for f := range job.Properties.Failures() {
		failures[f.MemberResourceName] = append(failures[f.MemberResourceName], f.ResourceID)
	}
	published := summary.Failed > 0 && summary.Failed+summary.Succeeded == summary.Total // but for the failures
	state := job.Properties.ProvisioningState
	if published && state.Is(armsecops.ProvisioningStateFailed) && job.Properties.ErrorMessage == "" || state.Is(armsecops.ProvisioningStateSucceeded) {
		return failures, nil
	}
	return failures, err // if any: the job was canceled, or failed as a whole
}

// publish starts a job and waits for its end.
func (p *Publisher) publish(ctx context.Context, assignment string) (armsecops.Job, error) {
	options := &armsecops.WorkspaceManagerJobsClientBeginCreateOptions{Recover: true}
	poller, err := p.Jobs.BeginCreate(ctx, p.ResourceGroup, p.Workspace, assignment, options)
	if err != nil {
		return armsecops.Job{}, err
	}
	return armsecops.WaitForJob(ctx, poller, &runtime.PollUntilDoneOptions{Frequency: p.Frequency})
}
