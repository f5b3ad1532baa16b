package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"slices"
	"strings"

	"github.com/armsecops/armsecops"
)

// publisher publishes content of the central workspaces of one subscription.
type publisher struct {
	members     *armsecops.WorkspaceManagerMembersClient
	groups      *armsecops.WorkspaceManagerGroupsClient
	assignments *armsecops.WorkspaceManagerAssignmentsClient
	jobs        *armsecops.WorkspaceManagerJobsClient
	log         *log.Logger // of what it does; groups that are published at the same time share it
	dryRun      bool        // it reads only, and writes what it would do
}

// newPublisher returns a publisher that writes what it does, whole lines at a time.
func newPublisher(factory *armsecops.ClientFactory, subscriptionID string, w io.Writer) (*publisher, error) {
	members, err := factory.NewWorkspaceManagerMembersClient(subscriptionID)
	if err != nil {
		return nil, err
	}
	groups, err := factory.NewWorkspaceManagerGroupsClient(subscriptionID)
	if err != nil {
		return nil, err
	}
	assignments, err := factory.NewWorkspaceManagerAssignmentsClient(subscriptionID)
	if err != nil {
		return nil, err
	}
	jobs, err := factory.NewWorkspaceManagerJobsClient(subscriptionID)
	return &publisher{members, groups, assignments, jobs, log.New(w, "", 0), false}, err
}

// would writes what is about to be done, and reports whether it is left out.
func (p *publisher) would(format string, of ...any) bool {
	if p.dryRun {
		p.log.Printf("would "+format, of...)
	}
	return p.dryRun
}

const maxPublications = 2000 // the documented limit of a group: its members times the items

// publish publishes items, which are resource ids, to a group, and waits for the end of
// the job. Jobs that still run, such as that of a run that timed out, end first. A
// second run publishes again, and writes the assignment only if its items or its group
// have changed.
func (p *publisher) publish(ctx context.Context, id armsecops.WorkspaceManagerAssignmentID, groupName string, items []string) (armsecops.Job, error) {
	items = distinct(items)
	if len(items) == 0 { // a listing that finds none must not empty the assignment
		return armsecops.Job{}, fmt.Errorf("nothing to publish by %s", id.Name)
	}
	if p.dryRun { // the group may not exist yet
		return armsecops.Job{}, p.assign(ctx, id, groupName, items)
	}
	if err := p.wait(ctx, id); err != nil {
		return armsecops.Job{}, err
	}
	group, err := p.groups.Get(ctx, id.ResourceGroupName, id.WorkspaceName, groupName, nil)
	if err != nil {
		return armsecops.Job{}, err
	}
	if members := len(group.Properties.MemberResourceNames); members*len(items) > maxPublications {
		return armsecops.Job{}, fmt.Errorf("%d items for the %d members of %s are more than %d publications", len(items), members, groupName, maxPublications)
	}
	if err := p.assign(ctx, id, groupName, items); err != nil {
		return armsecops.Job{}, err
	}
	written := false
	options := &armsecops.WorkspaceManagerJobsClientBeginCreateOptions{
		Recover: true, // finds the job of a lost response
		Progress: func(job armsecops.Job) { // after the first poll, which is at once, so that a run that is killed has named the job
			if !written {
				p.log.Printf("%s: started job %s", id.Name, job.Name)
			}
			written = true
		},
	}
	poller, err := p.jobs.BeginCreate(ctx, id.ResourceGroupName, id.WorkspaceName, id.Name, options)
	if err != nil {
		return armsecops.Job{}, err
	}
	return armsecops.WaitForJob(ctx, poller, nil)
}

// wait waits for the jobs of the assignment that still run, however they end, and writes
// their outcomes.
func (p *publisher) wait(ctx context.Context, id armsecops.WorkspaceManagerAssignmentID) error {
	for job, err := range p.jobs.NewListPager(id.ResourceGroupName, id.WorkspaceName, id.Name, nil).All(ctx) {
		if armsecops.IsMissing(err) || armsecops.HasCode(err, armsecops.CodeParentResourceNotFound) { // the assignment doesn't exist yet
			return nil
		}
		if err != nil {
			return err
		}
		if job.Properties.ProvisioningState.Terminal() {
			continue
		}
		if p.would("wait for job %s of %s", job.Name, id.Name) {
			continue
		}
		poller, err := p.jobs.NewJobPoller(id.ResourceGroupName, id.WorkspaceName, id.Name, job.Name, nil)
		if err != nil {
			return err
		}
		p.log.Printf("%s: waiting for job %s, which still runs", id.Name, job.Name)
		ended, err := armsecops.WaitForJob(ctx, poller, nil)
		_, failed := errors.AsType[*armsecops.JobFailedError](err)
		if err != nil && !failed && !armsecops.IsMissing(err) { // deleted meanwhile
			return err
		}
		p.log.Print(describe(id.Name, "", ended, err))
	}
	return nil
}

// describe returns a line for a job that has ended, or its error, and one for each failure
// of an item at a member.
//   - to: whom it published to, such as " to 2 members"
func describe(name, to string, job armsecops.Job, err error) string {
	text := fmt.Sprintf("%s: %d items published%s by job %s\n", name, len(job.Properties.Items), to, job.Name)
	if err != nil {
		text = fmt.Sprintf("%s: %v\n", name, err)
	}
	return text + failures(job)
}

// failures returns a line for each failure of an item at a member: all, of which an error has
// ten at most.
func failures(job armsecops.Job) (lines string) {
	for f := range job.Properties.Failures() {
		lines += fmt.Sprintf("\t%s at member %s: %q\n", f.ResourceID, f.MemberResourceName, f.ErrorMessage)
	}
	return lines
}

// distinct returns the ids without those that come again, ignoring case.
func distinct(ids []string) (once []string) {
	seen := map[string]bool{}
	for _, id := range ids {
		if key := strings.ToLower(id); !seen[key] {
			seen[key] = true
			once = append(once, id)
		}
	}
	return once
}

// assign makes the items, each there once, those of the assignment, all of them, and the
// group its target. What else the assignment has is kept.
func (p *publisher) assign(ctx context.Context, id armsecops.WorkspaceManagerAssignmentID, groupName string, items []string) error {
	got, err := p.assignments.Get(ctx, id.ResourceGroupName, id.WorkspaceName, id.Name, nil)
	if err != nil && !armsecops.IsMissing(err) {
		return err
	}
	before := got.Properties.Items // none of an assignment that doesn't exist
	changed := len(before) != len(items) || !strings.EqualFold(got.Properties.TargetResourceName, groupName)
	after := make([]armsecops.WorkspaceManagerAssignmentItem, len(items))
	for i, id := range items {
		same := func(item armsecops.WorkspaceManagerAssignmentItem) bool {
			return strings.EqualFold(item.ResourceID, id)
		}
		if j := slices.IndexFunc(before, same); j >= 0 {
			after[i] = before[j]
		} else {
			after[i].ResourceID, changed = id, true
		}
	}
	if !changed {
		return nil
	}
	if p.would("write assignment %s: %d items", id.Name, len(items)) {
		return nil
	}
	got.Properties.TargetResourceName, got.Properties.Items = groupName, after
	_, err = p.assignments.CreateOrUpdate(ctx, id.ResourceGroupName, id.WorkspaceName, id.Name, got.WorkspaceManagerAssignment, nil)
	return err
}
