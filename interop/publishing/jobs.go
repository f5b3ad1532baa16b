package main

import (
	"context"
	"errors"
	"slices"

	"github.com/armsecops/armsecops"
)

// deleteJobs deletes the jobs of an assignment that have ended, except as many of the
// newest as keep says.
func (p *publisher) deleteJobs(ctx context.Context, id armsecops.WorkspaceManagerAssignmentID, keep int) error {
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
	for _, job := range ended[min(max(keep, 0), len(ended)):] {
		_, err := p.jobs.Delete(ctx, id.ResourceGroupName, id.WorkspaceName, id.Name, job.Name, nil)
		if err != nil && !errors.Is(err, armsecops.ErrNotFound) {
			return err
		}
	}
	return nil
}
