// Publishing publishes content of a central workspace to other workspaces with Microsoft
// Sentinel, all that the identity may see or those of a file, as a pipeline does every
// night. With -remove, it deletes what is left over of earlier nights instead.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/armsecops/armsecops"
)

var clouds = map[string]cloud.Configuration{"public": cloud.AzurePublic, "china": cloud.AzureChina, "government": cloud.AzureGovernment}

func main() {
	var n night
	var options armsecops.ClientOptions
	flag.StringVar(&n.workspaceID, "workspace", "", "resource `id` of the central workspace")
	flag.StringVar(&n.name, "name", "nightly", "of the groups and their assignments: NAME-1, NAME-2, …")
	flag.StringVar(&n.content.prefix, "prefix", "shared-", "of the display names of the rules")
	flag.BoolVar(&n.content.automationRules, "automation-rules", false, "publish automation rules, too, not only analytics rules")
	flag.StringVar(&n.content.file, "items", "", "`file` with the resource ids of other items to publish, too, one a line")
	flag.StringVar(&n.choice.file, "workspaces", "", "`file` with a resource id and a tenant id on each line: publish to these workspaces only")
	flag.StringVar(&n.choice.exclude, "exclude", "", "`file` with the resource ids of workspaces not to publish to, one a line")
	flag.BoolVar(&n.dryRun, "dry-run", false, "print the ids of the items and of the workspaces with their tenants, or those to delete, and change nothing")
	removes := flag.Bool("remove", false, "without -workspace: delete what is left over, by the ids in standard input, one a line")
	timeout := flag.Duration("timeout", 5*time.Hour, "must end before the pipeline's own")
	flag.Func("cloud", "`name` of Azure's cloud: public, china or government (default public)", func(name string) error {
		if options.Cloud = clouds[name]; options.Cloud.Services == nil {
			return errors.New("must be public, china or government")
		}
		return nil
	})
	if flag.Parse(); flag.NArg() > 0 || (n.workspaceID == "") != *removes {
		flag.Usage()
		os.Exit(2)
	}
	credential, err := azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: options.ClientOptions.ClientOptions})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second signal ends a program that doesn't
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	if *removes {
		err = prune(ctx, os.Stdout, os.Stdin, credential, &options, n.dryRun)
	} else {
		err = n.run(ctx, os.Stdout, credential, &options)
	}
	if err != nil {
		log.Fatal(err) // exits with 1
	}
}

// night is what is published, and to which workspaces.
type night struct {
	workspaceID string // of the central workspace
	name        string // of the groups and their assignments, without their numbers
	content     content
	choice      choice
	dryRun      bool
}

// run publishes the content and writes what it does; in a dry run, it writes the ids of
// the items and workspaces instead.
func (n night) run(ctx context.Context, w io.Writer, credential azcore.TokenCredential, options *armsecops.ClientOptions) error {
	id, err := armsecops.ParseWorkspaceManagerAssignmentID(n.workspaceID + "/providers/Microsoft.SecurityInsights/workspaceManagerAssignments/" + n.name)
	if err != nil {
		return err
	}
	factory, err := armsecops.NewClientFactory(credential, options)
	if err != nil {
		return err
	}
	items, err := n.content.items(ctx, credential, &options.ClientOptions, id)
	if err != nil {
		return err
	}
	workspaces, err := n.choice.workspaces(ctx, credential, options.ClientOptions, centralID(id))
	if err != nil {
		return err
	}
	if n.dryRun {
		for _, item := range items {
			fmt.Fprintln(w, item)
		}
		for _, workspace := range workspaces {
			fmt.Fprintln(w, workspace.id, workspace.tenantID) // as a file for -workspaces has it
		}
		return nil
	}
	_, err = nightly(ctx, w, factory, id, workspaces, items)
	return err
}
