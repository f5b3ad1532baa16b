// Package after is the program of package before on armsecops.
package after

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/armsecops/armsecops"
)

// Program publishes content and looks after exemptions.
type Program struct {
	configurations *armsecops.WorkspaceManagerConfigurationsClient
	members        *armsecops.WorkspaceManagerMembersClient
	groups         *armsecops.WorkspaceManagerGroupsClient
	publications   *armsecops.WorkspaceManagerAssignmentsClient
	jobs           *armsecops.WorkspaceManagerJobsClient
	assignments    *armsecops.SecurityAssignmentsClient
}

// New returns a program for one subscription.
func New(subscriptionID string, credential azcore.TokenCredential, options arm.ClientOptions) (*Program, error) {
	factory, err := armsecops.NewClientFactory(credential, &armsecops.ClientOptions{ClientOptions: options})
	if err != nil {
		return nil, err
	}
	var p Program
	var errs [6]error
	p.configurations, errs[0] = factory.NewWorkspaceManagerConfigurationsClient(subscriptionID)
	p.members, errs[1] = factory.NewWorkspaceManagerMembersClient(subscriptionID)
	p.groups, errs[2] = factory.NewWorkspaceManagerGroupsClient(subscriptionID)
	p.publications, errs[3] = factory.NewWorkspaceManagerAssignmentsClient(subscriptionID)
	p.jobs, errs[4] = factory.NewWorkspaceManagerJobsClient(subscriptionID)
	p.assignments, errs[5] = factory.NewSecurityAssignmentsClient(subscriptionID)
	return &p, errors.Join(errs[:]...)
}

// AddMember makes a workspace a member of the central one.
func (p *Program) AddMember(ctx context.Context, group, workspace, name, targetID, tenantID string) error {
	_, err := p.members.CreateOrUpdate(ctx, group, workspace, name, armsecops.WorkspaceManagerMember{
		Properties: armsecops.WorkspaceManagerMemberProperties{TargetWorkspaceResourceID: targetID, TargetWorkspaceTenantID: tenantID},
	}, nil)
	return err
}

// Assign enables the workspace manager, and assigns an item to a group with one member.
func (p *Program) Assign(ctx context.Context, group, workspace, name, member, itemID string) error {
	_, err := p.configurations.CreateOrUpdate(ctx, group, workspace, name, armsecops.WorkspaceManagerConfiguration{
		Properties: armsecops.WorkspaceManagerConfigurationProperties{Mode: armsecops.WorkspaceManagerModeEnabled},
	}, nil)
	if err != nil {
		return err
	}
	_, err = p.groups.CreateOrUpdate(ctx, group, workspace, name, armsecops.WorkspaceManagerGroup{
		Properties: armsecops.WorkspaceManagerGroupProperties{DisplayName: name, MemberResourceNames: []string{member}},
	}, nil)
	if err != nil {
		return err
	}
	_, err = p.publications.CreateOrUpdate(ctx, group, workspace, name, armsecops.WorkspaceManagerAssignment{
		Properties: armsecops.WorkspaceManagerAssignmentProperties{
			TargetResourceName: name, Items: []armsecops.WorkspaceManagerAssignmentItem{{ResourceID: itemID}},
		},
	}, nil)
	return err
}

// Publish starts a job, waits for its end, and prints what failed.
func (p *Program) Publish(ctx context.Context, w io.Writer, group, workspace, assignment string) error {
	poller, err := p.jobs.BeginCreate(ctx, group, workspace, assignment, nil)
	if err != nil {
		return err
	}
	done, err := poller.PollUntilDone(ctx, &runtime.PollUntilDoneOptions{Frequency: 5 * time.Second})
	job := done.Job
	if failed, ok := errors.AsType[*armsecops.JobFailedError](err); ok {
		job, err = failed.Job, nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(w, job.Properties.ProvisioningState)
	for failure := range job.Properties.Failures() {
		fmt.Fprintf(w, "%s at %s: %s\n", failure.ResourceID, failure.MemberResourceName, failure.ErrorMessage)
	}
	return nil
}

// PrintExpired prints the exemptions that have expired.
func (p *Program) PrintExpired(ctx context.Context, w io.Writer, now time.Time) error {
	for a, err := range p.assignments.NewListBySubscriptionPager(nil).All(ctx) {
		if err != nil {
			return err
		}
		if a.Properties.Effect.Is(armsecops.EffectExempt) && a.Properties.ExpiresBefore(now) {
			fmt.Fprintln(w, a.Name)
		}
	}
	return nil
}

// Extend lets an exemption expire later. It reports whether there is one.
func (p *Program) Extend(ctx context.Context, group, name string, expiresOn time.Time) (bool, error) {
	got, err := p.assignments.Get(ctx, group, name, nil)
	if errors.Is(err, armsecops.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	got.Properties.ExpiresOn = expiresOn
	_, err = p.assignments.CreateOrUpdate(ctx, group, name, got.Assignment, nil)
	return err == nil, err
}
