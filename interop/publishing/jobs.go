package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/armsecops/armsecops"
)

// eachAssignment calls do for the ids of the assignments NAME-k of the central workspace. One
// that fails doesn't keep the others from it. None is an error.
func (n night) eachAssignment(ctx context.Context, w io.Writer, factory *armsecops.ClientFactory, do func(*publisher, armsecops.WorkspaceManagerAssignmentID) error) error {
	id, err := n.id()
	if err != nil {
		return err
	}
	p, err := newPublisher(factory, id.SubscriptionID, w)
	if err != nil {
		return err
	}
	p.dryRun = n.dryRun
	found := false
	var errs []error
	for assignment, err := range p.assignments.NewListPager(id.ResourceGroupName, id.WorkspaceName, nil).All(ctx) {
		if _, ok := numberOf(assignment.Name, n.name); ok && err == nil {
			found, id.Name = true, assignment.Name
			err = do(p, id)
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil || found {
		return err
	}
	return fmt.Errorf("%s has no assignments %s-1, %s-2, …", n.workspaceID, n.name, n.name)
}

// newestFirst returns the jobs of an assignment.
func (p *publisher) newestFirst(ctx context.Context, id armsecops.WorkspaceManagerAssignmentID) (jobs []armsecops.Job, err error) {
	for job, err := range p.jobs.NewListPager(id.ResourceGroupName, id.WorkspaceName, id.Name, nil).All(ctx) {
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, job)
	}
	now := time.Now()
	started := func(job armsecops.Job) time.Time {
		if p := job.Properties; p.StartTime.IsZero() && !p.ProvisioningState.Terminal() {
			return now // it has no time yet
		}
		return job.Properties.StartTime
	}
	slices.SortStableFunc(jobs, func(a, b armsecops.Job) int { return started(b).Compare(started(a)) })
	return jobs, nil
}

// writeStatus writes the newest job of each of the assignments, and each failure of an item
// at a member.
func (n night) writeStatus(ctx context.Context, w io.Writer, factory *armsecops.ClientFactory) error {
	return n.eachAssignment(ctx, w, factory, func(p *publisher, id armsecops.WorkspaceManagerAssignmentID) error {
		jobs, err := p.newestFirst(ctx, id)
		if err != nil {
			return err
		}
		if len(jobs) == 0 {
			p.log.Printf("%s: no job", id.Name)
			return nil
		}
		job, summary := jobs[0], jobs[0].Properties.Summary()
		text := fmt.Sprintf("%s: %s, %d of %d items published by job %s", id.Name, job.Properties.ProvisioningState, summary.Succeeded, summary.Total, job.Name)
		if start := job.Properties.StartTime; !start.IsZero() {
			text += ", started " + start.Format(time.RFC3339)
		}
		if end := job.Properties.EndTime; !end.IsZero() {
			text += ", ended " + end.Format(time.RFC3339)
		}
		if reason := job.Properties.ErrorMessage; reason != "" { // of a job that failed as a whole
			text += fmt.Sprintf(": %q", reason)
		}
		p.log.Print(text + "\n" + failures(job))
		return nil
	})
}

// deleteJobs deletes the jobs that have ended, except as many of the newest as keep says, of
// each of the assignments. It writes their ids. One that fails doesn't keep the others from it.
func (n night) deleteJobs(ctx context.Context, w io.Writer, factory *armsecops.ClientFactory, keep uint) error {
	return n.eachAssignment(ctx, w, factory, func(p *publisher, id armsecops.WorkspaceManagerAssignmentID) error {
		jobs, err := p.newestFirst(ctx, id)
		if err != nil {
			return err
		}
		ended := slices.DeleteFunc(jobs, func(job armsecops.Job) bool { return !job.Properties.ProvisioningState.Terminal() })
		var errs []error
		for _, job := range ended[min(keep, uint(len(ended))):] {
			err := p.deleteJob(ctx, id, job)
			if errs = append(errs, err); endsAll(ctx, err) {
				break
			}
		}
		return errors.Join(errs...)
	})
}

// deleteOneJob deletes the job of a name, which may not have ended, of one of the
// assignments. It writes its id.
func (n night) deleteOneJob(ctx context.Context, w io.Writer, factory *armsecops.ClientFactory, name string) error {
	found := false
	err := n.eachAssignment(ctx, w, factory, func(p *publisher, id armsecops.WorkspaceManagerAssignmentID) error {
		job, err := p.jobs.Get(ctx, id.ResourceGroupName, id.WorkspaceName, id.Name, name, nil)
		if armsecops.IsMissing(err) {
			return nil
		}
		if found = true; err != nil {
			return err
		}
		return p.deleteJob(ctx, id, job.Job)
	})
	if err == nil && !found {
		err = fmt.Errorf("no assignment %s-1, %s-2, … has a job %s", n.name, n.name, name)
	}
	return err
}

// deleteJob deletes a job, unless the run is dry, and writes its id. One that is gone is done.
func (p *publisher) deleteJob(ctx context.Context, id armsecops.WorkspaceManagerAssignmentID, job armsecops.Job) error {
	if !p.dryRun {
		_, err := p.jobs.Delete(ctx, id.ResourceGroupName, id.WorkspaceName, id.Name, job.Name, nil)
		if err != nil && !armsecops.IsMissing(err) {
			return err
		}
	}
	p.log.Print(job.ID)
	return nil
}
