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
// The exit code is 0, 1 if a service returned an error, or 2 for invalid flags.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/terminal"
	"github.com/armsecops/armsecops/fake"
)

const usage = "usage: quickstart " +
	"[-live -subscription ID -resource-group NAME -workspace NAME -assignment NAME -job NAME [-cloud public|china|government]]"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program; it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	q, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(stdout, usage)
		return 0
	}
	if err == nil {
		err = q.report(ctx, stdout)
	}
	return exitCode(err, stderr)
}

// exitCode prints the error, if there is one, and returns the exit code.
func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, terminal.Printable(err.Error()))
	_, badFlag := errors.AsType[flagError](err)
	_, badValue := errors.AsType[*armsecops.ParameterError](err)
	if badFlag || badValue {
		fmt.Fprintln(stderr, usage)
		return 2
	}
	return 1
}

// query is what the program reads, and how it reaches the services.
type query struct {
	job          armsecops.JobID
	subscription string // of the assignments
	credential   azcore.TokenCredential
	options      *armsecops.ClientOptions
}

// report prints the job, then the assignments of the subscription.
func (q query) report(ctx context.Context, w io.Writer) error {
	jobs, err := armsecops.NewWorkspaceManagerJobsClient(q.job.SubscriptionID, q.credential, q.options)
	if err != nil {
		return err
	}
	assignments, err := armsecops.NewSecurityAssignmentsClient(q.subscription, q.credential, q.options)
	if err != nil {
		return err
	}
	resp, err := jobs.Get(ctx, q.job.ResourceGroupName, q.job.WorkspaceName, q.job.WorkspaceManagerAssignmentName, q.job.JobName, nil)
	if err != nil {
		return err
	}
	if err := printJob(w, resp.Job); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nAssignments of subscription %s\n\n", q.subscription)
	return printAssignments(ctx, w, assignments.NewListBySubscriptionPager(nil))
}

func printJob(w io.Writer, job armsecops.Job) error {
	p := job.Properties
	fmt.Fprintf(w, "Job %s: %s\n", terminal.Printable(job.Name), terminal.Printable(string(p.ProvisioningState)))
	fmt.Fprintf(w, "Started %s, ended %s\n\n", formatTime(p.StartTime), formatTime(p.EndTime))

	t := newTable(w, "ITEM", "STATUS", "MEMBER", "ERROR")
	for _, item := range p.Items {
		name, status := path.Base(item.ResourceID), string(item.Status)
		if len(item.Errors) == 0 {
			t.row(name, status, "", "")
		}
		for _, e := range item.Errors {
			t.row(name, status, e.MemberResourceName, e.ErrorMessage)
		}
	}
	return t.Flush()
}

// printAssignments prints every assignment of the listing. If the listing fails,
// it prints the assignments before the error.
func printAssignments(ctx context.Context, w io.Writer, pager *armsecops.Pager[armsecops.Assignment]) error {
	t := newTable(w, "NAME", "EFFECT", "CATEGORY", "EXPIRES", "SCOPE")
	for a, err := range pager.All(ctx) {
		if err != nil {
			return errors.Join(t.Flush(), err)
		}
		p := a.Properties
		t.row(a.Name, string(p.Effect), string(p.AdditionalData.ExemptionCategory), formatTime(p.ExpiresOn), p.Scope)
	}
	return t.Flush()
}

// table aligns its columns when it is flushed.
type table struct{ *tabwriter.Writer }

func newTable(w io.Writer, header ...string) table {
	t := table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	t.row(header...)
	return t
}

func (t table) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = cmp.Or(terminal.Printable(cell), "-")
	}
	fmt.Fprintln(t, strings.Join(cells, "\t"))
}

func formatTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// flagError is the error of an invalid flag.
type flagError struct{ error }

func (e flagError) Unwrap() error { return e.error }

var clouds = map[string]cloud.Configuration{
	"public":     cloud.AzurePublic,
	"china":      cloud.AzureChina,
	"government": cloud.AzureGovernment,
}

// parse returns the query that the program's arguments describe.
func parse(args []string) (query, error) {
	q := query{options: &armsecops.ClientOptions{}}
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // run prints the error
	live := flags.Bool("live", false, "read from Azure")
	cloudName := flags.String("cloud", "public", "one of Azure's clouds")
	flags.StringVar(&q.job.SubscriptionID, "subscription", "", "of the job and of the assignments")
	flags.StringVar(&q.job.ResourceGroupName, "resource-group", "", "of the workspace")
	flags.StringVar(&q.job.WorkspaceName, "workspace", "", "of the workspace manager")
	flags.StringVar(&q.job.WorkspaceManagerAssignmentName, "assignment", "", "of the job")
	flags.StringVar(&q.job.JobName, "job", "", "to read")
	if err := flags.Parse(args); err != nil {
		return q, flagError{err}
	}

	azure, known := clouds[*cloudName]
	switch {
	case flags.NArg() > 0:
		return q, flagError{errors.New("unexpected argument: " + flags.Arg(0))}
	case !known:
		return q, flagError{errors.New("-cloud: no such cloud: " + *cloudName)}
	case !*live && flags.NFlag() > 0:
		return q, flagError{errors.New("the other flags need -live")}
	case !*live:
		return q.fromSamples(), nil
	}
	for _, name := range []string{"subscription", "resource-group", "workspace", "assignment", "job"} {
		if flags.Lookup(name).Value.String() == "" {
			return q, flagError{errors.New("-live needs -" + name)}
		}
	}
	return q.fromAzure(azure)
}

// fromSamples reads the samples of the REST documentation from a server in memory.
func (q query) fromSamples() query {
	q.job = armsecops.JobID{
		SubscriptionID:                 "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0",
		ResourceGroupName:              "myRg",
		WorkspaceName:                  "myWorkspace",
		WorkspaceManagerAssignmentName: "47cdc5f5-37c4-47b5-bd5f-83c84b8bdd58",
		JobName:                        "cfbe1338-8276-4d5d-8b96-931117f9fa0e",
	}
	q.subscription = "20ff7fc3-e762-44dd-bd96-b71116dcdc23"
	q.credential = &azfake.TokenCredential{}
	q.options.Transport = fake.NewServer(&fake.ServerOptions{Samples: true})
	return q
}

// fromAzure reads from Azure with azidentity's default credential.
func (q query) fromAzure(in cloud.Configuration) (query, error) {
	q.subscription = q.job.SubscriptionID
	q.options.Cloud = in
	var err error
	q.credential, err = azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{
		ClientOptions: q.options.ClientOptions.ClientOptions,
	})
	return q, err
}
