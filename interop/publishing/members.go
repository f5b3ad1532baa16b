package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/google/uuid"

	"github.com/armsecops/armsecops"
)

// groupTimeout is how long a group may take, so that a job that doesn't end doesn't keep
// the other groups from theirs. How long a job takes isn't documented.
const groupTimeout = time.Hour

// groupsAtOnce is how many groups are published at a time. How many jobs the service runs
// at a time isn't documented.
const groupsAtOnce = 4

// outcome is what became of a group, or of a workspace that can't be a member.
type outcome struct {
	name    string        // of the group and its assignment, or the id of the workspace
	members []string      // names of the group's members; none of a workspace
	job     armsecops.Job // that ended, however it did; zero if none is known to have
	err     error         // nil if every item was published to every member
}

// publishToAll publishes items to all workspaces. It makes members of those that aren't,
// and groups of members as large as the limit of publications allows: NAME-1, NAME-2, …
// by the name of the assignment, each with an assignment of its own. A workspace that
// can't be a member, and a group whose job fails or doesn't end, don't keep the others
// from theirs: look at the error of each outcome. The error that it returns keeps it from
// the groups that weren't reached, whose outcomes say so. The next run begins with them.
// It writes each outcome as soon as it is known. A second run writes only what has changed.
func (p *publisher) publishToAll(ctx context.Context, id armsecops.WorkspaceManagerAssignmentID, workspaces []workspace, items []string) ([]outcome, error) {
	size, err := groupSize(id, workspaces, items)
	if err != nil {
		return nil, err
	}
	members, outcomes, err := p.enroll(ctx, id, workspaces)
	if err != nil {
		return outcomes, err
	}
	var groups []outcome
	for group := range slices.Chunk(members, size) {
		name := fmt.Sprintf("%s-%d", id.Name, len(groups)+1)
		groups = append(groups, outcome{name: name, members: group, err: fmt.Errorf("not reached: nothing was published to %s", strings.Join(group, ", "))})
	}
	err = p.publishGroups(ctx, id, groups, items)
	return append(outcomes, groups...), err
}

// publishGroups publishes items to groups, some at a time, and sets the outcomes of those
// that it reaches before the context ends. It writes all outcomes.
func (p *publisher) publishGroups(ctx context.Context, id armsecops.WorkspaceManagerAssignmentID, groups []outcome, items []string) error {
	queue, err := p.longestAgoFirst(ctx, id, groups)
	if err != nil {
		for _, o := range groups {
			p.report(o)
		}
		return err
	}
	var workers sync.WaitGroup
	for range groupsAtOnce {
		workers.Go(func() {
			for o := range queue {
				if ctx.Err() == nil {
					id := id // of this group
					id.Name = o.name
					*o = p.publishToGroup(ctx, id, o.members, items)
				}
				p.report(*o)
			}
		})
	}
	workers.Wait()
	if ctx.Err() != nil {
		return fmt.Errorf("ended before all groups were published: %w", context.Cause(ctx))
	}
	return nil
}

// report writes an outcome, in whole since other groups write, too.
func (p *publisher) report(o outcome) {
	if o.err == nil && p.dryRun {
		p.log.Printf("would publish %s to %d members", o.name, len(o.members))
		return
	}
	p.log.Print(describe(o.name, fmt.Sprintf(" to %d members", len(o.members)), o.job, o.err))
}

// longestAgoFirst returns the groups in the order in which their last jobs ended: what
// wasn't reached or had no job comes first, so that no night leaves out the same groups.
func (p *publisher) longestAgoFirst(ctx context.Context, id armsecops.WorkspaceManagerAssignmentID, groups []outcome) (<-chan *outcome, error) {
	ended := map[string]time.Time{} // by the names of the assignments, in lower case
	for assignment, err := range p.assignments.NewListPager(id.ResourceGroupName, id.WorkspaceName, nil).All(ctx) {
		if err != nil {
			return nil, err
		}
		ended[strings.ToLower(assignment.Name)] = assignment.Properties.LastJobEndTime
	}
	order := make([]*outcome, len(groups))
	for i := range groups {
		order[i] = &groups[i]
	}
	slices.SortStableFunc(order, func(a, b *outcome) int {
		return ended[strings.ToLower(a.name)].Compare(ended[strings.ToLower(b.name)])
	})
	queue := make(chan *outcome, len(order))
	for _, o := range order {
		queue <- o
	}
	close(queue)
	return queue, nil
}

// groupSize returns how many members a group may have. It refuses empty lists, which may
// come from a listing that failed, and the central workspace among the others.
func groupSize(id armsecops.WorkspaceManagerAssignmentID, workspaces []workspace, items []string) (int, error) {
	if len(items) == 0 || len(workspaces) == 0 {
		return 0, fmt.Errorf("%d items for %d workspaces: nothing to publish by %s", len(items), len(workspaces), id.Name)
	}
	if central := centralID(id); slices.ContainsFunc(workspaces, func(w workspace) bool { return key(w.id) == key(central) }) {
		return 0, fmt.Errorf("%s is the central workspace, which publishes to the others", central)
	}
	count := len(distinct(items))
	if count > maxPublications {
		return 0, fmt.Errorf("%d items are more than %d publications, even for one member", count, maxPublications)
	}
	return maxPublications / count, nil
}

// centralID returns the resource id of the workspace of the assignment.
func centralID(id armsecops.WorkspaceManagerAssignmentID) string {
	workspaceID, _, _ := strings.Cut(id.String(), "/providers/Microsoft.SecurityInsights/")
	return workspaceID
}

// key returns the resource id in lower case and without a slash at its end, to compare it.
func key(id string) string { return strings.ToLower(strings.TrimRight(id, "/")) }

// endsAll reports whether what comes after an error would fail, too.
func endsAll(ctx context.Context, err error) bool {
	return err != nil && (ctx.Err() != nil || errors.Is(err, armsecops.ErrCredential))
}

// enroll returns the names of the members of workspaces, each once. It makes those that
// are missing, and corrects their tenants. It returns an outcome for each that can't be
// written, and an error if all would fail.
func (p *publisher) enroll(ctx context.Context, id armsecops.WorkspaceManagerAssignmentID, workspaces []workspace) (names []string, failed []outcome, err error) {
	known := map[string]armsecops.WorkspaceManagerMember{} // by the keys of the workspaces; without a name if it failed
	for member, err := range p.members.NewListPager(id.ResourceGroupName, id.WorkspaceName, nil).All(ctx) {
		if err != nil {
			return nil, nil, err
		}
		known[key(member.Properties.TargetWorkspaceResourceID)] = member
	}
	for _, w := range workspaces {
		member, ok := known[key(w.id)]
		if !ok || member.Name != "" && !strings.EqualFold(member.Properties.TargetWorkspaceTenantID, w.tenantID) {
			member, err = p.putMember(ctx, id, member, w)
			if endsAll(ctx, err) {
				return nil, failed, fmt.Errorf("workspace %s: %w", w.id, err)
			}
			if err != nil {
				failed = append(failed, outcome{name: w.id, err: err})
				p.report(failed[len(failed)-1])
			}
			known[key(w.id)] = member
		}
		if member.Name != "" {
			names = append(names, member.Name)
		}
	}
	return distinct(names), failed, nil
}

// putMember makes a member of a workspace, or writes the tenant of the one that there is.
func (p *publisher) putMember(ctx context.Context, id armsecops.WorkspaceManagerAssignmentID, member armsecops.WorkspaceManagerMember, w workspace) (armsecops.WorkspaceManagerMember, error) {
	if member.Name == "" {
		target, err := arm.ParseResourceID(w.id)
		if err != nil {
			return member, err
		}
		// Several workspaces of a subscription may have the same name.
		member.Name = target.Name + "-" + uuid.NewSHA1(uuid.NameSpaceURL, []byte(key(w.id))).String()
		member.Properties.TargetWorkspaceResourceID = w.id
	}
	member.Properties.TargetWorkspaceTenantID = w.tenantID
	if p.would("write member %s: %s %s", member.Name, w.id, w.tenantID) {
		return member, nil
	}
	_, err := p.members.CreateOrUpdate(ctx, id.ResourceGroupName, id.WorkspaceName, member.Name, member, nil)
	if err != nil {
		return armsecops.WorkspaceManagerMember{}, err
	}
	return member, nil
}

// publishToGroup publishes items to the group of the assignment's name, of these members.
func (p *publisher) publishToGroup(ctx context.Context, id armsecops.WorkspaceManagerAssignmentID, members, items []string) outcome {
	ctx, cancel := context.WithTimeout(ctx, groupTimeout)
	defer cancel()
	o := outcome{name: id.Name, members: members}
	if o.err = p.regroup(ctx, id, members); o.err != nil {
		return o
	}
	o.job, o.err = p.publish(ctx, id, id.Name, items)
	return o
}

// regroup makes the members those of the group of the assignment's name, all of them,
// after the jobs that still run.
func (p *publisher) regroup(ctx context.Context, id armsecops.WorkspaceManagerAssignmentID, members []string) error {
	if err := p.wait(ctx, id); err != nil {
		return err
	}
	got, err := p.groups.Get(ctx, id.ResourceGroupName, id.WorkspaceName, id.Name, nil)
	if err != nil && !armsecops.IsMissing(err) || slices.Equal(got.Properties.MemberResourceNames, members) {
		return err
	}
	if p.would("write group %s: %d members", id.Name, len(members)) {
		return nil
	}
	got.Properties.DisplayName = cmp.Or(got.Properties.DisplayName, id.Name)
	got.Properties.MemberResourceNames = members
	_, err = p.groups.CreateOrUpdate(ctx, id.ResourceGroupName, id.WorkspaceName, id.Name, got.WorkspaceManagerGroup, nil)
	return err
}
