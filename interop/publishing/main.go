// Publishing publishes content of a central workspace to all other workspaces with
// Microsoft Sentinel that the identity may see, as a pipeline does every night. With
// -remove, it deletes what is left over of earlier nights instead.
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

	"github.com/armsecops/armsecops"
)

func main() {
	var c content
	workspaceID := flag.String("workspace", "", "resource `id` of the central workspace")
	name := flag.String("name", "nightly", "of the groups and their assignments: NAME-1, NAME-2, …")
	flag.StringVar(&c.prefix, "prefix", "shared-", "of the display names of the rules")
	flag.BoolVar(&c.automationRules, "automation-rules", false, "publish automation rules, too, not only analytics rules")
	flag.StringVar(&c.file, "items", "", "`file` with the resource ids of other items to publish, too, one a line")
	removes := flag.Bool("remove", false, "without -workspace: delete what is left over, by the ids in standard input, one a line")
	dryRun := flag.Bool("dry-run", false, "print the ids of the items and of the workspaces, or those to delete, and change nothing")
	timeout := flag.Duration("timeout", 5*time.Hour, "must end before the pipeline's own")
	if flag.Parse(); flag.NArg() > 0 || (*workspaceID == "") != *removes {
		flag.Usage()
		os.Exit(2)
	}
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	defer cancel()
	if *removes {
		err = prune(ctx, os.Stdout, os.Stdin, credential, &armsecops.ClientOptions{}, *dryRun)
	} else {
		err = publishContent(ctx, os.Stdout, credential, &armsecops.ClientOptions{}, *workspaceID, *name, c, *dryRun)
	}
	if err != nil {
		log.Fatal(err) // exits with 1
	}
}

// publishContent publishes content and writes what it did; with dryRun, it writes the ids
// of the items and workspaces instead.
func publishContent(
	ctx context.Context, w io.Writer, credential azcore.TokenCredential, options *armsecops.ClientOptions, workspaceID, name string, c content, dryRun bool,
) error {
	id, err := armsecops.ParseWorkspaceManagerAssignmentID(workspaceID + "/providers/Microsoft.SecurityInsights/workspaceManagerAssignments/" + name)
	if err != nil {
		return err
	}
	factory, err := armsecops.NewClientFactory(credential, options)
	if err != nil {
		return err
	}
	items, err := c.items(ctx, credential, &options.ClientOptions, id)
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
