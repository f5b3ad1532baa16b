// This program publishes an analytics rule of a central workspace to a member
// workspace: from the configuration of the workspace manager to the end of a job.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

const (
	subscription  = "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"
	resourceGroup = "security"
	workspace     = "central"

	rule = "/subscriptions/" + subscription + "/resourceGroups/" + resourceGroup + "/providers/Microsoft.OperationalInsights/workspaces/" + workspace +
		"/providers/Microsoft.SecurityInsights/alertRules/9a1b6f0e-5d0f-4d8e-8f57-3f1f6b0c2c11"
	memberSubscription = "7aef9d48-814f-45ad-b644-b0343316e174"
	memberWorkspace    = "branch"
	memberWorkspaceID  = "/subscriptions/" + memberSubscription + "/resourceGroups/security/providers/Microsoft.OperationalInsights/workspaces/" + memberWorkspace
	memberTenant       = "f676d436-8d16-42db-81b7-ab578e110ccd" // of the member's workspace, which may be another tenant than the central one's
)

func main() {
	flag.Usage = func() { fmt.Fprintln(os.Stderr, "usage: publish, without arguments: edit the constants in main.go") }
	if flag.Parse(); flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	// For Azure, with names of your own above, import github.com/Azure/azure-sdk-for-go/sdk/azidentity
	// instead of azcore/fake, and replace the three lines below by these:
	//	credential, err := azidentity.NewDefaultAzureCredential(nil)
	//	if err != nil {
	//		log.Fatal(err)
	//	}
	//	factory, err := armsecops.NewClientFactory(credential, nil)
	options := &armsecops.ClientOptions{}
	options.Transport = newTenant()
	factory, err := armsecops.NewClientFactory(&azfake.TokenCredential{}, options)
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour) // a job that takes longer continues, and the error names it
	defer cancel()
	if err := setUp(ctx, factory, "branches", "rules"); err != nil {
		log.Fatal(err)
	}
	if err := run(ctx, factory, "rules"); err != nil {
		log.Fatal(err)
	}
}

// setUp makes what a publication needs, with a group and an assignment of these names.
// Each step replaces what has that name already, and can be repeated.
func setUp(ctx context.Context, factory *armsecops.ClientFactory, group, assignment string) error {
	configurations, err := factory.NewWorkspaceManagerConfigurationsClient(subscription)
	if err != nil {
		return err
	}
	members, err := factory.NewWorkspaceManagerMembersClient(subscription)
	if err != nil {
		return err
	}
	groups, err := factory.NewWorkspaceManagerGroupsClient(subscription)
	if err != nil {
		return err
	}
	assignments, err := factory.NewWorkspaceManagerAssignmentsClient(subscription)
	if err != nil {
		return err
	}

	if _, err := configurations.CreateOrUpdate(ctx, resourceGroup, workspace, "default", armsecops.WorkspaceManagerConfiguration{
		Properties: armsecops.WorkspaceManagerConfigurationProperties{Mode: armsecops.WorkspaceManagerModeEnabled},
	}, nil); err != nil {
		return err
	}
	member := memberWorkspace + "(" + memberSubscription + ")"
	if _, err := members.CreateOrUpdate(ctx, resourceGroup, workspace, member, armsecops.WorkspaceManagerMember{
		Properties: armsecops.WorkspaceManagerMemberProperties{TargetWorkspaceResourceID: memberWorkspaceID, TargetWorkspaceTenantID: memberTenant},
	}, nil); err != nil {
		return err
	}
	if _, err := groups.CreateOrUpdate(ctx, resourceGroup, workspace, group, armsecops.WorkspaceManagerGroup{
		Properties: armsecops.WorkspaceManagerGroupProperties{DisplayName: group, MemberResourceNames: []string{member}},
	}, nil); err != nil {
		return err
	}
	_, err = assignments.CreateOrUpdate(ctx, resourceGroup, workspace, assignment, armsecops.WorkspaceManagerAssignment{
		Properties: armsecops.WorkspaceManagerAssignmentProperties{
			TargetResourceName: group,
			Items:              []armsecops.WorkspaceManagerAssignmentItem{{ResourceID: rule}},
		},
	}, nil)
	return err
}

// run publishes the items of an assignment and prints the outcome.
func run(ctx context.Context, factory *armsecops.ClientFactory, assignment string) error {
	jobs, err := factory.NewWorkspaceManagerJobsClient(subscription)
	if err != nil {
		return err
	}
	poller, err := jobs.BeginCreate(ctx, resourceGroup, workspace, assignment, &armsecops.WorkspaceManagerJobsClientBeginCreateOptions{
		Recover:  true, // finds the job if the response is lost
		Progress: func(job armsecops.Job) { fmt.Println(job.Properties.ProvisioningState) },
	})
	if err != nil { // which says so if it is unknown whether a job was started
		return err
	}
	job, err := armsecops.WaitForJob(ctx, poller, &runtime.PollUntilDoneOptions{Frequency: 5 * time.Second})
	if failed, ok := errors.AsType[*armsecops.JobFailedError](err); ok {
		for f := range failed.Job.Properties.Failures() { // all, of which the error names ten at most
			fmt.Printf("%s at member %s: %q\n", f.ResourceID, f.MemberResourceName, f.ErrorMessage)
		}
	}
	if err != nil {
		return err
	}
	summary := job.Properties.Summary()
	fmt.Printf("%d of %d items published\n", summary.Succeeded, summary.Total)
	return nil
}

// newTenant returns a tenant in memory, with the central workspace.
func newTenant() *fake.Server {
	server := fake.NewServer(&fake.ServerOptions{Strict: true}) // refuses what names something that isn't there
	server.AddWorkspace(subscription, resourceGroup, workspace)
	return server
}
