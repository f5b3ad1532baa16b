package publishing

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/armsecops/armsecops"
)

const maxLeftover = 10 // that a night deletes; more may come from a wrong list of workspaces

// nightly publishes items to all workspaces, deletes what is left over, and writes what
// it did. Its error is nil if all was published and deleted.
func nightly(ctx context.Context, w io.Writer, factory *armsecops.ClientFactory, id armsecops.WorkspaceManagerAssignmentID, workspaces []workspace, items []string) error {
	p, err := newPublisher(factory, id.SubscriptionID)
	if err != nil {
		return err
	}
	outcomes, err := p.publishToAll(ctx, id, workspaces, items)
	failed := report(w, outcomes)
	if err != nil {
		return err
	}
	ids, err := p.leftover(ctx, id, workspaces, items)
	for _, id := range ids {
		fmt.Fprintln(w, "left over:", id)
	}
	switch {
	case err != nil:
	case len(ids) > maxLeftover:
		err = fmt.Errorf("%d resources are left over, more than %d: none is deleted", len(ids), maxLeftover)
	default:
		err = remove(ctx, factory, ids)
	}
	if failed > 0 {
		err = errors.Join(fmt.Errorf("%d of %d groups and workspaces failed", failed, len(outcomes)), err)
	}
	return err
}

// report writes a line for each outcome, and one for each failure of an item at a member.
// It returns how many outcomes failed.
func report(w io.Writer, outcomes []outcome) (failed int) {
	for _, o := range outcomes {
		if o.err != nil {
			failed++
			fmt.Fprintf(w, "%s: %v\n", o.name, o.err)
		} else {
			fmt.Fprintf(w, "%s: %d items published to %d members by job %s\n", o.name, len(o.job.Properties.Items), len(o.members), o.job.Name)
		}
		for f := range o.job.Properties.Failures() { // all, of which the error has ten at most
			fmt.Fprintf(w, "\t%s at member %s: %q\n", f.ResourceID, f.MemberResourceName, f.ErrorMessage)
		}
	}
	return failed
}
