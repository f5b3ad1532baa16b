package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"

	"github.com/armsecops/armsecops"
)

// leftover returns the ids of what publishToAll of these workspaces and items doesn't
// need, in the order in which it can be deleted: the assignments and groups NAME-k beyond
// its groups, then the members of other workspaces, whoever made them. What another
// assignment or group uses is needed. It deletes nothing.
func (p *publisher) leftover(ctx context.Context, id armsecops.WorkspaceManagerAssignmentID, workspaces []workspace, items []string) (ids []string, err error) {
	size, err := groupSize(id, workspaces, items)
	if err != nil {
		return nil, err
	}
	listed := map[string]bool{} // by the keys of the workspaces; the names below are in lower case
	for _, w := range workspaces {
		if _, err := arm.ParseResourceID(w.id); err != nil {
			return nil, err // of a list that is wrong, a member could be missing
		}
		listed[key(w.id)] = true
	}
	beyond := func(name string) bool {
		number, ok := numberOf(name, id.Name)
		return ok && (number-1)*size >= len(listed)
	}
	usedGroups, usedMembers := map[string]bool{}, map[string]bool{}
	for assignment, err := range p.assignments.NewListPager(id.ResourceGroupName, id.WorkspaceName, nil).All(ctx) {
		if err != nil {
			return nil, err
		}
		target := assignment.Properties.TargetResourceName
		if beyond(assignment.Name) && strings.EqualFold(target, assignment.Name) {
			ids = append(ids, assignment.ID)
		} else {
			usedGroups[strings.ToLower(target)] = true
		}
	}
	for group, err := range p.groups.NewListPager(id.ResourceGroupName, id.WorkspaceName, nil).All(ctx) {
		if err != nil {
			return nil, err
		}
		if beyond(group.Name) && !usedGroups[strings.ToLower(group.Name)] {
			ids = append(ids, group.ID)
			continue
		}
		for _, member := range group.Properties.MemberResourceNames {
			usedMembers[strings.ToLower(member)] = true
		}
	}
	for member, err := range p.members.NewListPager(id.ResourceGroupName, id.WorkspaceName, nil).All(ctx) {
		if err != nil {
			return nil, err
		}
		if !listed[key(member.Properties.TargetWorkspaceResourceID)] && !usedMembers[strings.ToLower(member.Name)] {
			ids = append(ids, member.ID)
		}
	}
	return ids, nil
}

// numberOf returns k of NAME-k, which is at least 1.
func numberOf(name, prefix string) (number int, ok bool) {
	suffix, ok := strings.CutPrefix(strings.ToLower(name), strings.ToLower(prefix)+"-")
	number, err := strconv.Atoi(suffix)
	return number, ok && err == nil && number > 0 && strconv.Itoa(number) == suffix
}

// deletion deletes one resource.
type deletion func(ctx context.Context) error

// prune reads ids and deletes what they name, in their order, or would if dryRun is set. It writes
// the ids of what is deleted. One that fails doesn't keep the others from it, and one that is gone
// is done. If deletionOf refuses an id, such as one of another type, nothing is deleted. No ids
// are no error, only a note.
func prune(ctx context.Context, w, notes io.Writer, r io.Reader, dryRun bool, deletionOf func(id string) (deletion, error)) error {
	deletions := map[string]deletion{} // by id
	var ids []string
	var err error
	read := make(chan struct{})
	go func() { // so that it doesn't outlast the context
		defer close(read)
		ids, err = readLines(r, func(line string) (id string, err error) {
			if id, err = parseID(line); err == nil {
				deletions[id], err = deletionOf(id)
			}
			return id, err
		})
	}()
	select {
	case <-read:
	case <-ctx.Done():
		return fmt.Errorf("reading the standard input: %w", context.Cause(ctx))
	}
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		fmt.Fprintln(notes, "nothing to delete: the input has no ids")
	}
	var errs []error
	for _, id := range ids {
		if !dryRun {
			err = deletions[id](ctx)
		}
		if err != nil && !armsecops.IsMissing(err) {
			errs = append(errs, fmt.Errorf("deleting %s: %w", id, err))
			if endsAll(ctx, err) {
				break
			}
			continue
		}
		fmt.Fprintln(w, id)
	}
	return errors.Join(errs...)
}

// removal returns the deletions of assignments, groups and members by their ids, and
// refuses others.
func removal(factory *armsecops.ClientFactory) func(id string) (deletion, error) {
	return func(id string) (deletion, error) {
		if a, err := armsecops.ParseWorkspaceManagerAssignmentID(id); err == nil {
			client, err := factory.NewWorkspaceManagerAssignmentsClient(a.SubscriptionID)
			return func(ctx context.Context) error {
				_, err := client.Delete(ctx, a.ResourceGroupName, a.WorkspaceName, a.Name, nil)
				return err
			}, err
		}
		if g, err := armsecops.ParseWorkspaceManagerGroupID(id); err == nil {
			client, err := factory.NewWorkspaceManagerGroupsClient(g.SubscriptionID)
			return func(ctx context.Context) error {
				_, err := client.Delete(ctx, g.ResourceGroupName, g.WorkspaceName, g.Name, nil)
				return err
			}, err
		}
		m, err := armsecops.ParseWorkspaceManagerMemberID(id)
		if err != nil {
			return nil, fmt.Errorf("neither an assignment, nor a group, nor a member: %w", err)
		}
		client, err := factory.NewWorkspaceManagerMembersClient(m.SubscriptionID)
		return func(ctx context.Context) error {
			_, err := client.Delete(ctx, m.ResourceGroupName, m.WorkspaceName, m.Name, nil)
			return err
		}, err
	}
}
