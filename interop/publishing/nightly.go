package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/armsecops/armsecops"
)

// night is what is published, and to which workspaces.
type night struct {
	workspaceID string // of the central workspace
	name        string // of the groups and their assignments, without their numbers
	content     content
	choice      choice
	dryRun      bool
	gone        bool // of rules: only those that the central workspace doesn't have
}

// id returns the id of the assignment whose name the groups have, before their numbers.
func (n night) id() (armsecops.WorkspaceManagerAssignmentID, error) {
	return armsecops.ParseWorkspaceManagerAssignmentID(n.workspaceID + "/providers/Microsoft.SecurityInsights/workspaceManagerAssignments/" + n.name)
}

// run publishes the content and writes what it does. In a dry run, it writes the ids of
// the items and workspaces, and what it would do.
func (n night) run(ctx context.Context, w io.Writer, factory *armsecops.ClientFactory, credential azcore.TokenCredential, options *armsecops.ClientOptions) error {
	id, err := n.id()
	if err != nil {
		return err
	}
	items, err := n.content.items(ctx, credential, &options.ClientOptions, centralID(id))
	if err != nil {
		return err
	}
	workspaces, err := n.choice.workspaces(ctx, credential, options.ClientOptions, centralID(id))
	if err != nil {
		return err
	}
	if n.dryRun {
		for _, item := range items {
			fmt.Fprintln(w, item)
		}
		for _, workspace := range workspaces {
			fmt.Fprintln(w, workspace.id, workspace.tenantID) // as a file for -workspaces has it
		}
	}
	_, err = nightly(ctx, w, factory, id, workspaces, items, n.dryRun)
	return err
}

const leftOver = "left over: " // before an id

// nightly publishes items to all workspaces, and writes what it does. Its error is nil if
// all was published. It returns the ids of what is left over, and deletes none of it.
//   - dryRun: read only, and write what would be done, without what would be left over
func nightly(
	ctx context.Context, w io.Writer, factory *armsecops.ClientFactory, id armsecops.WorkspaceManagerAssignmentID, workspaces []workspace, items []string, dryRun bool,
) (ids []string, err error) {
	if err := checkEnabled(ctx, factory, id); err != nil {
		return nil, err
	}
	p, err := newPublisher(factory, id.SubscriptionID, w)
	if err != nil {
		return nil, err
	}
	p.dryRun = dryRun
	outcomes, err := p.publishToAll(ctx, id, workspaces, items)
	if err != nil {
		return nil, err
	}
	if !dryRun { // whose groups still have their old members
		ids, err = p.leftover(ctx, id, workspaces, items)
	}
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
