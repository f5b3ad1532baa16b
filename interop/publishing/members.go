package publishing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/google/uuid"

	"github.com/armsecops/armsecops"
)

// workspace is a workspace that content is published to, by its resource id.
type workspace struct{ id, tenantID string }

// groupTimeout is how long a group may take, so that a job that doesn't end doesn't keep
// the other groups from theirs. How long a job takes isn't documented.
const groupTimeout = time.Hour

// publishToAll publishes items to all workspaces. It makes members of those that aren't,
// and groups of members as large as the limit of publications allows: NAME-1, NAME-2, …
// by the name of the assignment, each with an assignment of its own. A workspace that
// can't be a member, and a group whose job fails or doesn't end, don't keep the others
// from theirs. A second run writes only what has changed.
func (p *publisher) publishToAll(ctx context.Context, id armsecops.WorkspaceManagerAssignmentID, workspaces []workspace, items []string) error {
	items = distinct(items)
	if len(items) == 0 || len(workspaces) == 0 {
		return fmt.Errorf("%d items for %d workspaces: nothing to publish by %s", len(items), len(workspaces), id.Name)
	}
	members, errs := p.enroll(ctx, id, workspaces)
	name, number := id.Name, 0
	for group := range slices.Chunk(members, max(1, maxPublications/len(items))) { // publish refuses too many items
		number++
		id.Name = fmt.Sprintf("%s-%d", name, number)
		if err := p.publishToGroup(ctx, id, group, items); err != nil {
			errs = append(errs, fmt.Errorf("group %s: %w", id.Name, err))
			if endsAll(ctx, err) {
				break
			}
		}
	}
	return errors.Join(errs...)
}

// endsAll reports whether what comes after an error would fail, too.
func endsAll(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, armsecops.ErrCredential)
}

// enroll returns the names of the members of workspaces, each once, and makes those that
// are missing. If all would fail, it returns none.
func (p *publisher) enroll(ctx context.Context, id armsecops.WorkspaceManagerAssignmentID, workspaces []workspace) (names []string, errs []error) {
	known := map[string]string{} // names by the ids of the workspaces, in lower case; empty for one that failed
	for member, err := range p.members.NewListPager(id.ResourceGroupName, id.WorkspaceName, nil).All(ctx) {
		if err != nil {
			return nil, []error{err}
		}
		known[strings.ToLower(member.Properties.TargetWorkspaceResourceID)] = member.Name
	}
	for _, w := range workspaces {
		key := strings.ToLower(w.id)
		if _, ok := known[key]; !ok {
			name, err := p.newMember(ctx, id, w)
			if err != nil {
				errs = append(errs, fmt.Errorf("workspace %s: %w", w.id, err))
				if endsAll(ctx, err) {
					return nil, errs
				}
				name = ""
			}
			known[key] = name
		}
		if known[key] != "" {
			names = append(names, known[key])
		}
	}
	return distinct(names), errs
}

// newMember makes a member of a workspace, and returns its name.
func (p *publisher) newMember(ctx context.Context, id armsecops.WorkspaceManagerAssignmentID, w workspace) (string, error) {
	target, err := arm.ParseResourceID(w.id)
	if err != nil {
		return "", err
	}
	// Several workspaces of a subscription may have the same name.
	name := target.Name + "-" + uuid.NewSHA1(uuid.NameSpaceURL, []byte(strings.ToLower(w.id))).String()
	_, err = p.members.CreateOrUpdate(ctx, id.ResourceGroupName, id.WorkspaceName, name, armsecops.WorkspaceManagerMember{
		Properties: armsecops.WorkspaceManagerMemberProperties{TargetWorkspaceResourceID: w.id, TargetWorkspaceTenantID: w.tenantID},
	}, nil)
	return name, err
}

// publishToGroup publishes items to the group of the assignment's name, of these members.
func (p *publisher) publishToGroup(ctx context.Context, id armsecops.WorkspaceManagerAssignmentID, members, items []string) error {
	ctx, cancel := context.WithTimeout(ctx, groupTimeout)
	defer cancel()
	if err := p.regroup(ctx, id, members); err != nil {
		return err
	}
	_, err := p.publish(ctx, id, id.Name, items)
	return err
}

// regroup makes the members those of the group of the assignment's name, all of them,
// after the jobs that still run.
func (p *publisher) regroup(ctx context.Context, id armsecops.WorkspaceManagerAssignmentID, members []string) error {
	if err := p.wait(ctx, id); err != nil {
		return err
	}
	got, err := p.groups.Get(ctx, id.ResourceGroupName, id.WorkspaceName, id.Name, nil)
	if err != nil && !errors.Is(err, armsecops.ErrNotFound) || slices.Equal(got.Properties.MemberResourceNames, members) {
		return err
	}
	got.Properties.DisplayName = cmp.Or(got.Properties.DisplayName, id.Name)
	got.Properties.MemberResourceNames = members
	_, err = p.groups.CreateOrUpdate(ctx, id.ResourceGroupName, id.WorkspaceName, id.Name, got.WorkspaceManagerGroup, nil)
	return err
}
