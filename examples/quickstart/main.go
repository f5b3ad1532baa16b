// Quickstart reads a job of a workspace manager assignment in Microsoft Sentinel,
// then lists the assignments of a subscription in Microsoft Defender for Cloud.
//
//	go run ./examples/quickstart
//
// Without flags it reads the samples of the REST documentation from a server in
// memory. With -live it reads from Azure, with azidentity's default credential,
// such as the account of az login:
//
//	go run ./examples/quickstart -live -subscription ID -resource-group NAME -workspace NAME -assignment NAME -job NAME
//
// -h prints the flags, their defaults, and the exit codes.
package main

import (
	"context"
	"path"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/command"
	"github.com/armsecops/armsecops/examples/internal/terminal"
	"github.com/armsecops/armsecops/fake"
)

func main() { command.Main(run) }

// run is the program; it returns the exit code.
func run(ctx context.Context, args []string, s command.Streams) int {
	q, err := parse(args)
	if err == nil {
		err = q.report(ctx, s.Out)
	}
	return q.Exit(err, s)
}

// query is what the program reads, and how it reaches the services.
type query struct {
	*command.Command
	job          armsecops.JobID
	subscription string // of the assignments
	credential   azcore.TokenCredential
	options      *armsecops.ClientOptions
}

// report prints the job, then the assignments of the subscription.
func (q query) report(ctx context.Context, out *terminal.Output) error {
	jobs, err := armsecops.NewWorkspaceManagerJobsClient(q.job.SubscriptionID, q.credential, q.options)
	if err != nil {
		return err
	}
	assignments, err := armsecops.NewSecurityAssignmentsClient(q.subscription, q.credential, q.options)
	if err != nil {
		return err
	}
	resp, err := jobs.Get(ctx, q.job.ResourceGroupName, q.job.WorkspaceName, q.job.WorkspaceManagerAssignmentName, q.job.Name, nil)
	if err != nil {
		return err
	}
	printJob(out, resp.Job)
	out.Println("\nAssignments of subscription " + q.subscription + "\n")
	return printAssignments(ctx, out, assignments.NewListBySubscriptionPager(nil))
}

func printJob(out *terminal.Output, job armsecops.Job) {
	p := job.Properties
	out.Println("Job " + terminal.Printable(job.Name) + ": " + terminal.Printable(string(p.ProvisioningState)))
	out.Println("Started " + formatTime(p.StartTime) + ", ended " + formatTime(p.EndTime) + "\n")

	rows := [][]string{{"ITEM", "STATUS", "MEMBER", "ERROR"}}
	for _, item := range p.Items {
		name, status := path.Base(item.ResourceID), string(item.Status)
		if len(item.Errors) == 0 {
			rows = append(rows, []string{name, status, "", ""})
		}
		for _, e := range item.Errors {
			rows = append(rows, []string{name, status, e.MemberResourceName, e.ErrorMessage})
		}
	}
	out.Table(rows)
}

// printAssignments prints every assignment of the listing. If the listing fails,
// it prints the assignments before the error.
func printAssignments(ctx context.Context, out *terminal.Output, pager *armsecops.Pager[armsecops.Assignment]) error {
	rows := [][]string{{"NAME", "DISPLAY NAME", "EFFECT", "CATEGORY", "EXPIRES", "SCOPE"}}
	var failure error
	for a, err := range pager.All(ctx) {
		if err != nil {
			failure = err
			break
		}
		p := a.Properties
		rows = append(rows, []string{
			a.Name, p.DisplayName, string(p.Effect), string(p.AdditionalData.ExemptionCategory), formatTime(p.ExpiresOn), p.Scope,
		})
	}
	out.Table(rows)
	return failure
}

func formatTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// parse returns the query that the program's arguments describe.
func parse(args []string) (q query, err error) {
	q.Command = command.New("quickstart")
	q.About = "Reads a job of a workspace manager assignment in Microsoft Sentinel, then lists the assignments of a subscription in " +
		"Microsoft Defender for Cloud. Without -live it reads the samples of the REST documentation from a server in memory."
	q.Example = `  go run ./examples/quickstart -live \
    -subscription 00000000-0000-0000-0000-000000000000 \
    -resource-group NAME -workspace NAME -assignment NAME \
    -job NAME`
	q.Flags.StringVar(&q.job.SubscriptionID, "subscription", "", "`id` of the subscription of the job and of the assignments; -live needs it")
	q.Flags.StringVar(&q.job.ResourceGroupName, "resource-group", "", "`name` of the workspace's resource group; -live needs it")
	q.Flags.StringVar(&q.job.WorkspaceName, "workspace", "", "`name` of the workspace; -live needs it")
	q.Flags.StringVar(&q.job.WorkspaceManagerAssignmentName, "assignment", "", "`name` of the job's workspace manager assignment; -live needs it")
	q.Flags.StringVar(&q.job.Name, "job", "", "`name` of the job; -live needs it")
	if err := q.Parse(args, "subscription", "resource-group", "workspace", "assignment", "job"); err != nil {
		return q, err
	}
	q.subscription = q.job.SubscriptionID
	if !q.Live { // read the documented samples
		q.job = armsecops.JobID{
			SubscriptionID:                 "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0",
			ResourceGroupName:              "myRg",
			WorkspaceName:                  "myWorkspace",
			WorkspaceManagerAssignmentName: "47cdc5f5-37c4-47b5-bd5f-83c84b8bdd58",
			Name:                           "cfbe1338-8276-4d5d-8b96-931117f9fa0e",
		}
		q.subscription = "20ff7fc3-e762-44dd-bd96-b71116dcdc23"
	}
	q.credential, q.options, err = q.Connect(fake.NewServer(&fake.ServerOptions{Samples: true}))
	return q, err
}
