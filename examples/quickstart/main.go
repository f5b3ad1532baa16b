// Quickstart prints a job of Microsoft Sentinel's workspace manager, then the assignments of a subscription in Defender for Cloud.
package main

import (
	"bufio"
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
	"syscall"
	"unicode"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

var errUsage, clouds = errors.New("for help: quickstart -h"), map[string]cloud.Configuration{"public": cloud.AzurePublic, "china": cloud.AzureChina, "government": cloud.AzureGovernment}

func main() {
	signal.Ignore(syscall.SIGPIPE) // so that a closed pipe is lost output
	os.Exit(run(context.Background(), os.Args[1:], nil, os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, memory *fake.Server, stdout, stderr io.Writer) (code int) { // a test has its own server in memory
	out := bufio.NewWriter(stdout) // keeps the error of a write for Flush, which is before that of quickstart
	err, lost := quickstart(ctx, args, memory, out), out.Flush()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		code = 1
		if errors.Is(err, errUsage) || errors.As(err, new(*armsecops.ParameterError)) {
			code = 2
		} else if errors.Is(err, armsecops.ErrCredential) {
			printLine(stderr, "Sign in with az login, or mend the credential named below: https://aka.ms/azsdk/go/identity/troubleshoot")
		}
		printLine(stderr, "%v", err)
	}
	if lost != nil {
		code = 5
		printLine(stderr, "standard output: %v", lost)
	}
	return code
}

func quickstart(ctx context.Context, args []string, memory *fake.Server, out io.Writer) error {
	id, subscription, credential, options, err := parse(args, memory, out)
	if err != nil {
		return err
	}
	jobs, noJobs := armsecops.NewWorkspaceManagerJobsClient(id.SubscriptionID, credential, &options)
	assignments, noAssignments := armsecops.NewSecurityAssignmentsClient(subscription, credential, &options)
	if err := cmp.Or(noJobs, noAssignments); err != nil {
		return err
	}
	job, err := jobs.Get(ctx, id.ResourceGroupName, id.WorkspaceName, id.WorkspaceManagerAssignmentName, id.Name, nil)
	if err != nil {
		return err
	}
	printLine(out, "Job %s: %s", job.Name, job.Properties.ProvisioningState)
	for failure := range job.Properties.Failures() {
		printLine(out, "Not published: %s/%s", path.Base(path.Dir(failure.ResourceID)), path.Base(failure.ResourceID))
		printLine(out, "  %s: %s", failure.MemberResourceName, failure.ErrorMessage)
	}
	printLine(out, "Assignments of subscription %s", subscription)
	for a, err := range assignments.NewListBySubscriptionPager(nil).All(ctx) {
		if err != nil {
			return err
		}
		expires := "never"
		if !a.Properties.ExpiresOn.IsZero() {
			expires = a.Properties.ExpiresOn.Format("2006-01-02")
		}
		printLine(out, "%s  %s, %s, expires %s", a.Name, a.Properties.DisplayName, a.Properties.Effect, expires)
		printLine(out, "  %s", a.Properties.Scope)
	}
	return nil
}

func parse(args []string, memory *fake.Server, help io.Writer) (id armsecops.JobID, subscription string, credential azcore.TokenCredential, options armsecops.ClientOptions, err error) {
	var usage strings.Builder // which -h prints
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(&usage)
	live, cloudName := flags.Bool("live", false, "use Azure instead of samples, after az login; needs all flags but -cloud"), flags.String("cloud", "public", "`name` of Azure's cloud: public, china or government")
	flags.StringVar(&id.SubscriptionID, "subscription", "", "`id` of the subscription")
	flags.StringVar(&id.ResourceGroupName, "resource-group", "", "`name` of the resource group")
	flags.StringVar(&id.WorkspaceName, "workspace", "", "`name` of the central workspace")
	flags.StringVar(&id.WorkspaceManagerAssignmentName, "assignment", "", "`name` of the workspace manager assignment")
	flags.StringVar(&id.Name, "job", "", "`name` of the job")
	err = flags.Parse(args)
	options.Cloud, subscription = clouds[strings.ToLower(*cloudName)], id.SubscriptionID
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(help, "Prints a job of Sentinel and assignments of Defender.\n\n", usage.String(), "\nExit codes (1 with go run): 1 failed, 2 wrong usage, 5 lost output\n")
	case err != nil:
		err = fmt.Errorf("%s; %w", strings.Replace(err.Error(), "flag provided but not defined", "unknown flag", 1), errUsage)
	case len(args) == 0:
		options.Transport = cmp.Or(memory, fake.NewServer(&fake.ServerOptions{Samples: true}))
		credential, subscription = &azfake.TokenCredential{}, "20ff7fc3-e762-44dd-bd96-b71116dcdc23"
		id, err = armsecops.ParseJobID("/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/myRg/providers/Microsoft.OperationalInsights/workspaces/myWorkspace/providers/Microsoft.SecurityInsights/workspaceManagerAssignments/47cdc5f5-37c4-47b5-bd5f-83c84b8bdd58/jobs/cfbe1338-8276-4d5d-8b96-931117f9fa0e")
	case options.Cloud.Services == nil:
		err = fmt.Errorf("invalid value %q for flag -cloud: must be public, china or government; %w", *cloudName, errUsage)
	case flags.NArg() > 0 || !*live || strings.Contains(id.String()+"/", "//"): // a name is empty
		err = fmt.Errorf("%q: give all of -live, -subscription, -resource-group, -workspace, -assignment and -job, or nothing; %w", cmp.Or(flags.Arg(0), args[0]), errUsage)
	default:
		credential, err = azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: options.ClientOptions.ClientOptions})
	}
	return id, subscription, credential, options, err
}

func printLine(out io.Writer, format string, v ...any) { // without the characters with which a service could write elsewhere on a terminal
	fmt.Fprintln(out, strings.Join(strings.FieldsFunc(fmt.Sprintf(format, v...), func(r rune) bool { return !unicode.IsPrint(r) }), " "))
}
