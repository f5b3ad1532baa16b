// Package publisher is a small service that uses the library. Its tests in
// publisher_test.go show how to test such a service.
package publisher

import (
	"context"
	"errors"
	"fmt"
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

// Failures are the content items that could not be published, by member workspace.
type Failures map[string][]string

// Publish publishes an assignment and waits until the job has ended. It returns
// the items that failed as failures, not as an error. It never publishes twice:
// if it is unknown whether a job was started, it looks for one that is new, and
// the error is [armsecops.ErrOutcomeUnknown] if there isn't exactly one.
func (p *Publisher) Publish(ctx context.Context, assignment string) (Failures, error) {
	err := p.publish(ctx, assignment)
	failed, ok := errors.AsType[*armsecops.JobFailedError](err)
	if !ok {
		return nil, err
	}
	failures := Failures{}
	for f := range failed.Job.Properties.Failures() {
		failures[f.MemberResourceName] = append(failures[f.MemberResourceName], f.ResourceID)
	}
	if len(failures) == 0 { // the job was canceled, for example
		return nil, err
	}
	return failures, nil
}

// publish starts a job and waits for its end.
func (p *Publisher) publish(ctx context.Context, assignment string) error {
	before, err := p.jobNames(ctx, assignment, nil)
	if err != nil {
		return err
	}
	poller, err := p.Jobs.BeginCreate(ctx, p.ResourceGroup, p.Workspace, assignment, nil)
	if errors.Is(err, armsecops.ErrOutcomeUnknown) {
		return p.waitForNew(ctx, assignment, before, err)
	}
	if err != nil {
		return err
	}
	_, err = poller.PollUntilDone(ctx, &runtime.PollUntilDoneOptions{Frequency: p.Frequency})
	return err
}

// waitForNew waits for the end of the job that wasn't there before the request
// whose outcome is unknown. The job may have ended in the meantime.
func (p *Publisher) waitForNew(ctx context.Context, assignment string, before []string, unknown error) error {
	names, err := p.jobNames(ctx, assignment, before)
	if err != nil {
		return errors.Join(unknown, err)
	}
	if len(names) != 1 { // none was started yet, or other programs started some as well
		return fmt.Errorf("%d new jobs: %w", len(names), unknown)
	}
	poller, err := p.Jobs.NewJobPoller(p.ResourceGroup, p.Workspace, assignment, names[0], nil)
	if err != nil {
		return err
	}
	_, err = poller.PollUntilDone(ctx, &runtime.PollUntilDoneOptions{Frequency: p.Frequency})
	return err
}

// jobNames returns the names of the assignment's jobs, each once, but for those in known.
func (p *Publisher) jobNames(ctx context.Context, assignment string, known []string) (names []string, err error) {
	for job, err := range p.Jobs.NewListPager(p.ResourceGroup, p.Workspace, assignment, nil).All(ctx) {
		if err != nil {
			return nil, err
		}
		if !slices.Contains(known, job.Name) && !slices.Contains(names, job.Name) {
			names = append(names, job.Name)
		}
	}
	return names, nil
}
