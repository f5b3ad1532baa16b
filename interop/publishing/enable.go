package main

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/armsecops/armsecops"
)

// checkEnabled returns an error unless a configuration of the workspace manager, of any
// name, is enabled: what the service does with jobs and members if none is, isn't documented.
func checkEnabled(ctx context.Context, factory *armsecops.ClientFactory, id armsecops.WorkspaceManagerAssignmentID) error {
	client, err := factory.NewWorkspaceManagerConfigurationsClient(id.SubscriptionID)
	if err != nil {
		return err
	}
	found, enabled, err := configuration(ctx, client, id)
	switch {
	case err != nil || enabled:
		return err
	case found.Name == "":
		return fmt.Errorf("%s has no configuration of the workspace manager: publishing enable makes one", centralID(id))
	default:
		return fmt.Errorf("the workspace manager of %s isn't enabled: the mode of its configuration %s is %q; publishing enable enables it", centralID(id), found.Name, found.Properties.Mode)
	}
}

// configuration returns the configuration of the workspace manager that is enabled, or the
// first one, or none.
func configuration(ctx context.Context, client *armsecops.WorkspaceManagerConfigurationsClient, id armsecops.WorkspaceManagerAssignmentID) (found armsecops.WorkspaceManagerConfiguration, enabled bool, err error) {
	for c, err := range client.NewListPager(id.ResourceGroupName, id.WorkspaceName, nil).All(ctx) {
		if err != nil {
			return found, false, err
		}
		if enabled = c.Properties.Mode.Is(armsecops.WorkspaceManagerModeEnabled); enabled || found.Name == "" {
			found = c
		}
		if enabled {
			break
		}
	}
	return found, enabled, nil
}

// enable enables the workspace manager of the central workspace, by its configuration or a
// new one, and writes its id.
func (n night) enable(ctx context.Context, w io.Writer, factory *armsecops.ClientFactory) error {
	n.name = "default" // of a new configuration
	id, err := n.id()
	if err != nil {
		return err
	}
	client, err := factory.NewWorkspaceManagerConfigurationsClient(id.SubscriptionID)
	if err != nil {
		return err
	}
	found, enabled, err := configuration(ctx, client, id)
	if err != nil {
		return err
	}
	found.Name = cmp.Or(found.Name, n.name)
	found.ID = armsecops.WorkspaceManagerConfigurationID{SubscriptionID: id.SubscriptionID, ResourceGroupName: id.ResourceGroupName, WorkspaceName: id.WorkspaceName, Name: found.Name}.String()
	switch {
	case enabled:
		fmt.Fprintln(w, "is enabled:", found.ID)
		return nil
	case n.dryRun:
		fmt.Fprintln(w, "would enable:", found.ID)
		return nil
	}
	found.Properties.Mode = armsecops.WorkspaceManagerModeEnabled
	if _, err = client.CreateOrUpdate(ctx, id.ResourceGroupName, id.WorkspaceName, found.Name, found, nil); err == nil {
		fmt.Fprintln(w, "enabled:", found.ID)
	}
	return err
}
