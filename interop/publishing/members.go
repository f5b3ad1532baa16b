package publishing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/google/uuid"

	"github.com/armsecops/armsecops"
)

// workspace is a workspace that content is published to, by its resource id.
type workspace struct{ id, tenantID string }

// publishToAll publishes items to all workspaces. It makes members of those that aren't,
// and groups of members as large as the limit of publications allows: NAME-1, NAME-2, …
// by the name of the assignment, each with an assignment of its own. A group whose job
// fails doesn't keep the others from theirs. A second run writes only what has changed.
func (p *publisher) publishToAll(ctx context.Context, id armsecops.WorkspaceManagerAssignmentID, workspaces []workspace, items []string) error {
	members, err := p.enroll(ctx, id, workspaces)
	if err != nil {
		return err
	}
	size := max(1, maxPublications/max(1, len(items))) // publish refuses too many items, and none
	var errs []error
	name := id.Name
	for group := range slices.Chunk(members, size) {
		id.Name = fmt.Sprintf("%s-%d", name, len(errs)+1)
		err := p.regroup(ctx, id, group)
		if err == nil {
			_, err = p.publish(ctx, id, id.Name, items)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// enroll returns the names of the members of workspaces, and makes those that are missing.
func (p *publisher) enroll(ctx context.Context, id armsecops.WorkspaceManagerAssignmentID, workspaces []workspace) (names []string, err error) {
	known := map[string]string{} // names by the ids of the workspaces, in lower case
	for member, err := range p.members.NewListPager(id.ResourceGroupName, id.WorkspaceName, nil).All(ctx) {
		if err != nil {
			return nil, err
		}
		known[strings.ToLower(member.Properties.TargetWorkspaceResourceID)] = member.Name
	}
	for _, w := range workspaces {
		name, ok := known[strings.ToLower(w.id)]
		if !ok {
			target, err := arm.ParseResourceID(w.id)
			if err != nil {
				return nil, err
			}
			// Several workspaces of a subscription may have the same name.
			name = target.Name + "-" + uuid.NewSHA1(uuid.NameSpaceURL, []byte(strings.ToLower(w.id))).String()
			if _, err := p.members.CreateOrUpdate(ctx, id.ResourceGroupName, id.WorkspaceName, name, armsecops.WorkspaceManagerMember{
				Properties: armsecops.WorkspaceManagerMemberProperties{TargetWorkspaceResourceID: w.id, TargetWorkspaceTenantID: w.tenantID},
			}, nil); err != nil {
				return nil, err
			}
		}
		names = append(names, name)
	}
	return names, nil
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
