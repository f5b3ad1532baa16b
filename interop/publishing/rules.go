// Package publishing publishes the alert rules of a central workspace, which it lists
// with armsecurityinsights.
package publishing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/securityinsights/armsecurityinsights/v2"

	"github.com/armsecops/armsecops"
)

// publisher publishes rules of the central workspaces of one subscription.
type publisher struct {
	rules       *armsecurityinsights.AlertRulesClient
	groups      *armsecops.WorkspaceManagerGroupsClient
	assignments *armsecops.WorkspaceManagerAssignmentsClient
	jobs        *armsecops.WorkspaceManagerJobsClient
}

// publish publishes to a group the rules whose display names have a prefix, and
// waits for the end of the job. Jobs that still run, such as that of a run that timed
// out, end first. A second run publishes again, and writes the assignment only if its
// rules or its group have changed.
func (p *publisher) publish(ctx context.Context, id armsecops.WorkspaceManagerAssignmentID, groupName, prefix string) (armsecops.Job, error) {
	if err := p.wait(ctx, id); err != nil {
		return armsecops.Job{}, err
	}
	rules, err := list(ctx, p.rules, id.ResourceGroupName, id.WorkspaceName, prefix)
	if err != nil {
		return armsecops.Job{}, err
	}
	if len(rules) == 0 {
		return armsecops.Job{}, fmt.Errorf("no rule of %s has a name that begins with %q", id.WorkspaceName, prefix)
	}
	group, err := p.groups.Get(ctx, id.ResourceGroupName, id.WorkspaceName, groupName, nil)
	if err != nil {
		return armsecops.Job{}, err
	}
	if members := len(group.Properties.MemberResourceNames); members*len(rules) > 2000 { // the documented limit
		return armsecops.Job{}, fmt.Errorf("%d rules for the %d members of %s are more than 2,000 publications", len(rules), members, groupName)
	}
	if err := p.assign(ctx, id, groupName, rules); err != nil {
		return armsecops.Job{}, err
	}
	options := &armsecops.WorkspaceManagerJobsClientBeginCreateOptions{Recover: true} // finds the job of a lost response
	poller, err := p.jobs.BeginCreate(ctx, id.ResourceGroupName, id.WorkspaceName, id.Name, options)
	if err != nil {
		return armsecops.Job{}, err
	}
	return armsecops.WaitForJob(ctx, poller, nil)
}

// wait waits for the jobs of the assignment that still run, however they end.
func (p *publisher) wait(ctx context.Context, id armsecops.WorkspaceManagerAssignmentID) error {
	for job, err := range p.jobs.NewListPager(id.ResourceGroupName, id.WorkspaceName, id.Name, nil).All(ctx) {
		if errors.Is(err, armsecops.ErrNotFound) { // the assignment doesn't exist yet
			return nil
		}
		if err != nil {
			return err
		}
		if job.Properties.ProvisioningState.Terminal() {
			continue
		}
		poller, err := p.jobs.NewJobPoller(id.ResourceGroupName, id.WorkspaceName, id.Name, job.Name, nil)
		if err != nil {
			return err
		}
		_, err = armsecops.WaitForJob(ctx, poller, nil)
		if _, failed := errors.AsType[*armsecops.JobFailedError](err); err != nil && !failed {
			return err
		}
	}
	return nil
}

// list returns the ids of the scheduled and near-real-time rules of a workspace
// whose display names have a prefix.
func list(ctx context.Context, client *armsecurityinsights.AlertRulesClient, resourceGroupName, workspaceName, prefix string) (ids []string, err error) {
	for pager := client.NewListPager(resourceGroupName, workspaceName, nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, rule := range page.Value {
			var name *string
			switch rule := rule.(type) {
			case *armsecurityinsights.ScheduledAlertRule:
				if rule.Properties != nil {
					name = rule.Properties.DisplayName
				}
			case *armsecurityinsights.NrtAlertRule:
				if rule.Properties != nil {
					name = rule.Properties.DisplayName
				}
			}
			if name != nil && strings.HasPrefix(*name, prefix) {
				ids = append(ids, *rule.GetAlertRule().ID)
			}
		}
	}
	return ids, nil
}

// assign makes the rules the items of the assignment, all of them, and the group its
// target. What else the assignment has is kept.
func (p *publisher) assign(ctx context.Context, id armsecops.WorkspaceManagerAssignmentID, groupName string, rules []string) error {
	got, err := p.assignments.Get(ctx, id.ResourceGroupName, id.WorkspaceName, id.Name, nil)
	if err != nil && !errors.Is(err, armsecops.ErrNotFound) {
		return err
	}
	before := got.Properties.Items // none of an assignment that doesn't exist
	changed := len(before) != len(rules) || !strings.EqualFold(got.Properties.TargetResourceName, groupName)
	items := make([]armsecops.WorkspaceManagerAssignmentItem, len(rules))
	for i, rule := range rules {
		same := func(item armsecops.WorkspaceManagerAssignmentItem) bool {
			return strings.EqualFold(item.ResourceID, rule)
		}
		if j := slices.IndexFunc(before, same); j >= 0 {
			items[i] = before[j]
		} else {
			items[i].ResourceID, changed = rule, true
		}
	}
	if !changed {
		return nil
	}
	got.Properties.TargetResourceName, got.Properties.Items = groupName, items
	_, err = p.assignments.CreateOrUpdate(ctx, id.ResourceGroupName, id.WorkspaceName, id.Name, got.WorkspaceManagerAssignment, nil)
	return err
}
