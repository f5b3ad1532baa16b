package main

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/armsecops/armsecops"
)

// deleteJobs deletes the jobs that have ended, except as many of the newest as keep says, of
// each of the assignments NAME-k. It writes their ids.
func (n night) deleteJobs(ctx context.Context, w io.Writer, factory *armsecops.ClientFactory, keep uint) error {
	id, err := n.id()
	if err != nil {
		return err
	}
	p, err := newPublisher(factory, id.SubscriptionID, w)
	if err != nil {
		return err
	}
	p.dryRun = n.dryRun
	var errs []error
	for assignment, err := range p.assignments.NewListPager(id.ResourceGroupName, id.WorkspaceName, nil).All(ctx) {
		if _, ok := numberOf(assignment.Name, n.name); ok {
			id.Name = assignment.Name
			err = p.deleteJobs(ctx, id, keep)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// deleteJobs deletes the jobs of an assignment that have ended, except as many of the
// newest as keep says.
func (p *publisher) deleteJobs(ctx context.Context, id armsecops.WorkspaceManagerAssignmentID, keep uint) error {
	var ended []armsecops.Job
	for job, err := range p.jobs.NewListPager(id.ResourceGroupName, id.WorkspaceName, id.Name, nil).All(ctx) {
		if err != nil {
			return err
		}
		if job.Properties.ProvisioningState.Terminal() {
			ended = append(ended, job)
		}
	}
	slices.SortFunc(ended, func(a, b armsecops.Job) int { return b.Properties.StartTime.Compare(a.Properties.StartTime) })
	for _, job := range ended[min(keep, uint(len(ended))):] {
		p.log.Print(job.ID)
		if p.dryRun {
			continue
		}
		_, err := p.jobs.Delete(ctx, id.ResourceGroupName, id.WorkspaceName, id.Name, job.Name, nil)
		if err != nil && !errors.Is(err, armsecops.ErrNotFound) {
			return err
		}
	}
	return nil
}
