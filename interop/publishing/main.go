// Publishing publishes the analytics rules of a central workspace to all other workspaces
// with Microsoft Sentinel that the identity may see, as a pipeline does every night.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/securityinsights/armsecurityinsights/v2"

	"github.com/armsecops/armsecops"
)

func main() {
	workspaceID := flag.String("workspace", "", "resource `id` of the central workspace")
	name := flag.String("name", "nightly", "of the groups and their assignments: NAME-1, NAME-2, …")
	prefix := flag.String("prefix", "shared-", "of the display names of the rules")
	dryRun := flag.Bool("dry-run", false, "print the ids of the rules and of the workspaces, and change nothing")
	timeout := flag.Duration("timeout", 5*time.Hour, "must end before the pipeline's own")
	if flag.Parse(); flag.NArg() > 0 || *workspaceID == "" {
		flag.Usage()
		os.Exit(2)
	}
	id, err := armsecops.ParseWorkspaceManagerAssignmentID(*workspaceID + "/providers/Microsoft.SecurityInsights/workspaceManagerAssignments/" + *name)
	if err != nil {
		log.Fatal(err)
	}
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	defer cancel()
	if err := publishRules(ctx, os.Stdout, credential, &armsecops.ClientOptions{}, id, *prefix, *dryRun); err != nil {
		log.Fatal(err) // exits with 1
	}
}

// publishRules publishes the rules whose display names have a prefix, and writes what it
// did; with dryRun, it writes the ids of the rules and workspaces instead.
func publishRules(
	ctx context.Context, w io.Writer, credential azcore.TokenCredential, options *armsecops.ClientOptions, id armsecops.WorkspaceManagerAssignmentID, prefix string, dryRun bool,
) error {
	factory, err := armsecops.NewClientFactory(credential, options)
	if err != nil {
		return err
	}
	rules, err := armsecurityinsights.NewAlertRulesClient(id.SubscriptionID, credential, &options.ClientOptions)
	if err != nil {
		return err
	}
	items, err := alertRules(ctx, rules, id.ResourceGroupName, id.WorkspaceName, prefix)
	if err != nil {
		return err
	}
	workspaces, err := sentinelWorkspaces(ctx, credential, options.ClientOptions, centralID(id))
	if err != nil {
		return err
	}
	if dryRun {
		for _, item := range items {
			fmt.Fprintln(w, item)
		}
		for _, workspace := range workspaces {
			fmt.Fprintln(w, workspace.id)
		}
		return nil
	}
	_, err = nightly(ctx, w, factory, id, workspaces, items)
	return err
}
