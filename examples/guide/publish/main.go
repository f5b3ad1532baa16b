// This program publishes an analytics rule of a central workspace to a member
// workspace: from the configuration of the workspace manager to the end of a job.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"os/signal"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

const (
	subscription  = "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"
	resourceGroup = "security"
	workspace     = "central"

	// What is published, and where to: an analytics rule, and a member workspace, which may
	// be in another tenant than the central one.
	rule = "/subscriptions/" + subscription + "/resourceGroups/" + resourceGroup + "/providers/Microsoft.OperationalInsights/workspaces/" + workspace +
		"/providers/Microsoft.SecurityInsights/alertRules/9a1b6f0e-5d0f-4d8e-8f57-3f1f6b0c2c11"
	member            = "branch(7aef9d48-814f-45ad-b644-b0343316e174)"
	memberWorkspaceID = "/subscriptions/7aef9d48-814f-45ad-b644-b0343316e174/resourceGroups/security/providers/Microsoft.OperationalInsights/workspaces/branch"
	memberTenant      = "f676d436-8d16-42db-81b7-ab578e110ccd"
)

// publication is an assignment of items to a group of members.
type publication struct {
	assignment, group string
	members           map[string]armsecops.WorkspaceManagerMemberProperties // by their names
	items             []string                                              // resource ids
}

var rules = publication{
	assignment: "rules", group: "branches", items: []string{rule},
	members: map[string]armsecops.WorkspaceManagerMemberProperties{
		member: {TargetWorkspaceResourceID: memberWorkspaceID, TargetWorkspaceTenantID: memberTenant},
	},
}

func main() {
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: publish [-live]\nIt replaces what has the names in main.go, and starts a job: make them yours.")
		flag.PrintDefaults()
	}
	live := flag.Bool("live", false, "use Azure, after az login, instead of a tenant in memory")
	if flag.Parse(); flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "unexpected argument %q\n", flag.Arg(0))
		flag.Usage()
		os.Exit(2)
	}
	factory, err := newFactory(*live)
	if err != nil {
		log.Fatal(err)
	}
	// A pipe that is closed is an error of a write, and ends nothing halfway.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	// What nohup ignores stays ignored.
	signals := slices.DeleteFunc([]os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}, signal.Ignored)
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	context.AfterFunc(ctx, stop) // so that a second signal ends the program
	if err := run(ctx, factory, []publication{rules}, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// run does publications, one after the other. One that fails doesn't keep the others from theirs.
func run(ctx context.Context, factory *armsecops.ClientFactory, publications []publication, stdout io.Writer) error {
	var errs []error
	for i, p := range publications {
		err := publish(ctx, factory, p, stdout)
		if err != nil {
			err = fmt.Errorf("%s: %w", p.assignment, err)
		}
		if errs = append(errs, err); errors.Is(err, armsecops.ErrCredential) || ctx.Err() != nil {
			for _, rest := range publications[i+1:] {
				errs = append(errs, fmt.Errorf("%s: not begun", rest.assignment))
			}
			break
		}
	}
	return errors.Join(errs...)
}

// newFactory returns a factory of clients of Azure, or of a tenant in memory.
func newFactory(live bool) (*armsecops.ClientFactory, error) {
	if !live {
		return armsecops.NewClientFactory(&azfake.TokenCredential{}, newTenant().ClientOptions())
	}
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		return nil, err
	}
	return armsecops.NewClientFactory(credential, nil)
}

// publish does all of a publication, within an hour. A job that takes longer, or that the
// program no longer waits for after SIGTERM, continues, and the error names it: another run
// starts another job.
func publish(ctx context.Context, factory *armsecops.ClientFactory, p publication, stdout io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	if err := setUp(ctx, factory, p); err != nil {
		return err
	}
	return runJob(ctx, factory, p.assignment, stdout)
}

// setUp makes what a publication needs. Each step replaces what has that name already,
// and can be repeated.
func setUp(ctx context.Context, factory *armsecops.ClientFactory, p publication) error {
	if len(p.members) == 0 || len(p.items) == 0 { // which the service refuses after the first writes
		return errors.New("it has no members, or no items")
	}
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
	names := slices.Sorted(maps.Keys(p.members))
	for _, name := range names {
		if _, err := members.CreateOrUpdate(ctx, resourceGroup, workspace, name, armsecops.WorkspaceManagerMember{Properties: p.members[name]}, nil); err != nil {
			return err
		}
	}
	if _, err := groups.CreateOrUpdate(ctx, resourceGroup, workspace, p.group, armsecops.WorkspaceManagerGroup{
		Properties: armsecops.WorkspaceManagerGroupProperties{DisplayName: p.group, MemberResourceNames: names},
	}, nil); err != nil {
		return err
	}
	var items []armsecops.WorkspaceManagerAssignmentItem
	for _, id := range p.items {
		items = append(items, armsecops.WorkspaceManagerAssignmentItem{ResourceID: id})
	}
	_, err = assignments.CreateOrUpdate(ctx, resourceGroup, workspace, p.assignment, armsecops.WorkspaceManagerAssignment{
		Properties: armsecops.WorkspaceManagerAssignmentProperties{TargetResourceName: p.group, Items: items},
	}, nil)
	return err
}

// runJob publishes the items of an assignment and prints the outcome.
func runJob(ctx context.Context, factory *armsecops.ClientFactory, assignment string, stdout io.Writer) error {
	jobs, err := factory.NewWorkspaceManagerJobsClient(subscription)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(stdout) // keeps the error of a write for Flush
	var last armsecops.ProvisioningState
	poller, err := jobs.BeginCreate(ctx, resourceGroup, workspace, assignment, &armsecops.WorkspaceManagerJobsClientBeginCreateOptions{
		Recover: true, // finds the job if the response is lost
		Progress: func(job armsecops.Job) { // after each poll, the first of which is at once
			if state := job.Properties.ProvisioningState; state != last {
				fmt.Fprintf(out, "%s: job %s: %s\n", assignment, job.Name, state)
				out.Flush() // so that a run that is killed has named the job
				last = state
			}
		},
	})
	if err != nil { // which says so if it is unknown whether a job was started
		return err
	}
	job, err := armsecops.WaitForJob(ctx, poller, &runtime.PollUntilDoneOptions{Frequency: 5 * time.Second})
	if _, failed := errors.AsType[*armsecops.JobFailedError](err); err != nil && !failed { // the job may still run
		return err
	}
	for f := range job.Properties.Failures() { // all, of which the error names ten at most
		fmt.Fprintf(out, "%s: %s at member %s: %q\n", assignment, f.ResourceID, f.MemberResourceName, f.ErrorMessage)
	}
	summary := job.Properties.Summary()
	fmt.Fprintf(out, "%s: %d of %d items published\n", assignment, summary.Succeeded, summary.Total)
	if lost := out.Flush(); lost != nil {
		err = errors.Join(err, fmt.Errorf("job %s ended %s: %w", job.Name, job.Properties.ProvisioningState, lost))
	}
	return err
}

// newTenant returns a tenant in memory, with the central workspace.
func newTenant() *fake.Server {
	var ids atomic.Int64
	server := fake.NewServer(&fake.ServerOptions{
		Strict: true,                                                                              // refuses what names something that isn't there
		NewID:  func() string { return fmt.Sprintf("0b8a3f6e-2f0c-4c62-9e4f-%012d", ids.Add(1)) }, // the same in each run
	})
	server.AddWorkspace(subscription, resourceGroup, workspace)
	return server
}
