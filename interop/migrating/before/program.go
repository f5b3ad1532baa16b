// Package before is a program that uses armsecurityinsights and armsecurity.
package before

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/security/armsecurity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/securityinsights/armsecurityinsights/v2"
)

// Program publishes content and looks after exemptions.
type Program struct {
	configurations *armsecurityinsights.WorkspaceManagerConfigurationsClient
	members        *armsecurityinsights.WorkspaceManagerMembersClient
	groups         *armsecurityinsights.WorkspaceManagerGroupsClient
	publications   *armsecurityinsights.WorkspaceManagerAssignmentsClient
	jobs           *armsecurityinsights.WorkspaceManagerAssignmentJobsClient
	assignments    *armsecurity.AssignmentsClient
}

// New returns a program for one subscription.
func New(subscriptionID string, credential azcore.TokenCredential, options arm.ClientOptions) (*Program, error) {
	insights, err := armsecurityinsights.NewClientFactory(subscriptionID, credential, &options)
	if err != nil {
		return nil, err
	}
	security, err := armsecurity.NewClientFactory(subscriptionID, credential, &options)
	if err != nil {
		return nil, err
	}
	return &Program{
		insights.NewWorkspaceManagerConfigurationsClient(), insights.NewWorkspaceManagerMembersClient(), insights.NewWorkspaceManagerGroupsClient(),
		insights.NewWorkspaceManagerAssignmentsClient(), insights.NewWorkspaceManagerAssignmentJobsClient(), security.NewAssignmentsClient(),
	}, nil
}

// AddMember makes a workspace a member of the central one.
func (p *Program) AddMember(ctx context.Context, group, workspace, name, targetID, tenantID string) error {
	_, err := p.members.CreateOrUpdate(ctx, group, workspace, name, armsecurityinsights.WorkspaceManagerMember{
		Properties: &armsecurityinsights.WorkspaceManagerMemberProperties{
			TargetWorkspaceResourceID: to.Ptr(targetID),
			TargetWorkspaceTenantID:   to.Ptr(tenantID),
		},
	}, nil)
	return err
}

// Assign enables the workspace manager, and assigns an item to a group with one member.
func (p *Program) Assign(ctx context.Context, group, workspace, name, member, itemID string) error {
	_, err := p.configurations.CreateOrUpdate(ctx, group, workspace, name, armsecurityinsights.WorkspaceManagerConfiguration{
		Properties: &armsecurityinsights.WorkspaceManagerConfigurationProperties{Mode: to.Ptr(armsecurityinsights.ModeEnabled)},
	}, nil)
	if err != nil {
		return err
	}
	_, err = p.groups.CreateOrUpdate(ctx, group, workspace, name, armsecurityinsights.WorkspaceManagerGroup{
		Properties: &armsecurityinsights.WorkspaceManagerGroupProperties{DisplayName: to.Ptr(name), MemberResourceNames: []*string{to.Ptr(member)}},
	}, nil)
	if err != nil {
		return err
	}
	_, err = p.publications.CreateOrUpdate(ctx, group, workspace, name, armsecurityinsights.WorkspaceManagerAssignment{
		Properties: &armsecurityinsights.WorkspaceManagerAssignmentProperties{
			TargetResourceName: to.Ptr(name), Items: []*armsecurityinsights.AssignmentItem{{ResourceID: to.Ptr(itemID)}},
		},
	}, nil)
	return err
}

// Publish starts a job, waits for its end, and prints what failed.
func (p *Program) Publish(ctx context.Context, w io.Writer, group, workspace, assignment string) error {
	created, err := p.jobs.Create(ctx, group, workspace, assignment, nil)
	if err != nil {
		return err
	}
	job := created.Job
	for *job.Properties.ProvisioningState == armsecurityinsights.ProvisioningStateInProgress {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Second):
		}
		got, err := p.jobs.Get(ctx, group, workspace, assignment, *job.Name, nil)
		if err != nil {
			return err
		}
		job = got.Job
	}
	fmt.Fprintln(w, *job.Properties.ProvisioningState)
	for _, item := range job.Properties.Items {
		for _, failure := range item.Errors {
			fmt.Fprintf(w, "%s at %s: %s\n", *item.ResourceID, *failure.MemberResourceName, *failure.ErrorMessage)
		}
	}
	return nil
}

// PrintExpired prints the exemptions that have expired.
func (p *Program) PrintExpired(ctx context.Context, w io.Writer, now time.Time) error {
	pager := p.assignments.NewListBySubscriptionPager(nil)
	for pager.More() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, a := range page.Value {
			if a.Properties == nil || a.Properties.Effect == nil || *a.Properties.Effect != "Exempt" {
				continue
			}
			if a.Properties.ExpiresOn != nil && a.Properties.ExpiresOn.Before(now) {
				fmt.Fprintln(w, *a.Name)
			}
		}
	}
	return nil
}

// Extend lets an exemption expire later. It reports whether there is one.
func (p *Program) Extend(ctx context.Context, group, name string, expiresOn time.Time) (bool, error) {
	got, err := p.assignments.Get(ctx, group, name, nil)
	var failed *azcore.ResponseError
	if errors.As(err, &failed) && failed.StatusCode == http.StatusNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	got.Properties.ExpiresOn = to.Ptr(expiresOn)
	_, err = p.assignments.CreateOrUpdate(ctx, group, name, got.Assignment, nil)
	return err == nil, err
}
