// Quickstart reads a job of Microsoft Sentinel's workspace manager, then the assignments of a subscription in Defender for Cloud.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"unicode"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

const help = `Usage: quickstart [-live -subscription ID -resource-group NAME -workspace NAME
  -assignment NAME -job NAME [-cloud public|china|government]]
Reads a job, then assignments: with -live in Azure after az login, else samples
Exit codes, which go run makes 1: 1 failed request, 2 wrong usage, 5 lost output`

var errUsage = errors.New("for help: quickstart -h")

func main() {
	os.Exit(run(context.Background(), os.Args[1:], fake.NewServer(&fake.ServerOptions{Samples: true}), os.Stdout, os.Stderr))
}

// run runs quickstart, prints its error and returns the exit code.
func run(ctx context.Context, args []string, memory *fake.Server, stdout, stderr io.Writer) (code int) {
	out := bufio.NewWriter(stdout)
	if err := quickstart(ctx, args, memory, out); err != nil {
		code = 1
		if errors.Is(err, errUsage) || errors.As(err, new(*armsecops.ParameterError)) {
			code = 2
		} else if errors.Is(err, armsecops.ErrCredential) {
			printLine(stderr, "Sign in with az login, or see https://aka.ms/azsdk/go/identity/troubleshoot")
		}
		printLine(stderr, "%.1600s", err)
	}
	if err := out.Flush(); err != nil {
		code = 5
		printLine(stderr, "standard output: %s", err)
	}
	return code
}

func quickstart(ctx context.Context, args []string, memory *fake.Server, out io.Writer) error {
	flags, id, options := flag.NewFlagSet("quickstart", flag.ContinueOnError), armsecops.JobID{}, &armsecops.ClientOptions{}
	flags.SetOutput(io.Discard) // run prints the error
	live, region := flags.Bool("live", false, ""), flags.String("cloud", "public", "")
	for name, value := range map[string]*string{"subscription": &id.SubscriptionID, "resource-group": &id.ResourceGroupName,
		"workspace": &id.WorkspaceName, "assignment": &id.WorkspaceManagerAssignmentName, "job": &id.Name} {
		flags.StringVar(value, name, "", "")
	}
	clouds := map[string]cloud.Configuration{"public": cloud.AzurePublic, "china": cloud.AzureChina, "government": cloud.AzureGovernment}
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(out, help)
		return nil
	case err != nil:
		return fmt.Errorf("%w; %w", err, errUsage)
	case flags.NArg() > 0:
		return fmt.Errorf("unknown command %q; %w", flags.Arg(0), errUsage)
	case *live && strings.Contains(id.String()+"/", "//") || clouds[*region].Services == nil:
		return fmt.Errorf("-live needs -subscription, -resource-group, -workspace, -assignment and -job; -cloud is public, china or government; %w", errUsage)
	case !*live && len(args) > 0:
		return fmt.Errorf("%s needs -live; %w", args[0], errUsage)
	}
	subscription, credential, err := id.SubscriptionID, azcore.TokenCredential(&azfake.TokenCredential{}), error(nil)
	if options.Cloud = clouds[*region]; *live {
		credential, err = azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: options.ClientOptions.ClientOptions})
	} else {
		subscription, options.Transport = "20ff7fc3-e762-44dd-bd96-b71116dcdc23", memory
		id, err = armsecops.ParseJobID("/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/myRg/providers/Microsoft.OperationalInsights/workspaces/myWorkspace" +
			"/providers/Microsoft.SecurityInsights/workspaceManagerAssignments/47cdc5f5-37c4-47b5-bd5f-83c84b8bdd58/jobs/cfbe1338-8276-4d5d-8b96-931117f9fa0e")
	}
	if err != nil {
		return err
	}
	jobs, err := armsecops.NewWorkspaceManagerJobsClient(id.SubscriptionID, credential, options)
	if err != nil {
		return err
	}
	job, err := jobs.Get(ctx, id.ResourceGroupName, id.WorkspaceName, id.WorkspaceManagerAssignmentName, id.Name, nil)
	if err != nil {
		return err
	}
	printLine(out, "Job %s: %s", job.Name, job.Properties.ProvisioningState)
	for _, item := range job.Properties.Items {
		printLine(out, "%s  %s/%s", item.Status, path.Base(path.Dir(item.ResourceID)), path.Base(item.ResourceID))
		for _, e := range item.Errors {
			printLine(out, "  %s: %s", e.MemberResourceName, e.ErrorMessage)
		}
	}
	assignments, err := armsecops.NewSecurityAssignmentsClient(subscription, credential, options)
	if err != nil {
		return err
	}
	printLine(out, "Assignments of subscription %s", subscription)
	for a, err := range assignments.NewListBySubscriptionPager(nil).All(ctx) {
		if err != nil {
			return err
		}
		printLine(out, "%s  %s, %s, expires %s", a.Name, a.Properties.DisplayName, a.Properties.Effect, strings.Replace(fmt.Sprintf("%.10s", a.Properties.ExpiresOn), "0001-01-01", "never", 1))
		printLine(out, "  %s", a.Properties.Scope)
	}
	return nil
}

// printLine prints one line, without characters with which a service could write elsewhere on a terminal.
func printLine(out io.Writer, format string, values ...any) {
	fmt.Fprintln(out, strings.Join(strings.FieldsFunc(fmt.Sprintf(format, values...), func(r rune) bool { return !unicode.IsPrint(r) }), " "))
}
