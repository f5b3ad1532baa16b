package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/armsecops/armsecops"
)

const leftOver = "left over: " // before an id

// nightly publishes items to all workspaces, and writes what it does. Its error is nil if
// all was published. It returns the ids of what is left over, and deletes none of it.
func nightly(ctx context.Context, w io.Writer, factory *armsecops.ClientFactory, id armsecops.WorkspaceManagerAssignmentID, workspaces []workspace, items []string) ([]string, error) {
	if err := checkEnabled(ctx, factory, id); err != nil {
		return nil, err
	}
	p, err := newPublisher(factory, id.SubscriptionID, w)
	if err != nil {
		return nil, err
	}
	outcomes, err := p.publishToAll(ctx, id, workspaces, items)
	if err != nil {
		return nil, err
	}
	ids, err := p.leftover(ctx, id, workspaces, items)
	for _, id := range ids {
		p.log.Print(leftOver + id)
	}
	failed := 0
	for _, o := range outcomes {
		if o.err != nil {
			failed++
		}
	}
	if failed > 0 {
		err = errors.Join(fmt.Errorf("%d of %d groups and workspaces failed", failed, len(outcomes)), err)
	}
	return ids, err
}

// checkEnabled returns an error unless the workspace manager is enabled: what the service
// does with jobs and members if it isn't, isn't documented.
func checkEnabled(ctx context.Context, factory *armsecops.ClientFactory, id armsecops.WorkspaceManagerAssignmentID) error {
	client, err := factory.NewWorkspaceManagerConfigurationsClient(id.SubscriptionID)
	if err != nil {
		return err
	}
	got, err := client.Get(ctx, id.ResourceGroupName, id.WorkspaceName, "default", nil)
	if errors.Is(err, armsecops.ErrNotFound) {
		return fmt.Errorf("%s has no configuration of the workspace manager: %w", centralID(id), err)
	}
	if err == nil && !got.Properties.Mode.Is(armsecops.WorkspaceManagerModeEnabled) {
		return fmt.Errorf("the workspace manager of %s is %q, not enabled", centralID(id), got.Properties.Mode)
	}
	return err
}
