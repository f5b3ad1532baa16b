// Publishing publishes content of a central workspace to other workspaces with Microsoft
// Sentinel, all that the identity may see or those of a file, as a pipeline does every
// night. Its other commands delete what is left over. -h shows them.
package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/interop/internal/command"
	"github.com/armsecops/armsecops/interop/internal/signin"
)

var program = command.Program{
	Name: "publishing",
	About: "Publishes content of a central workspace to other workspaces with Microsoft Sentinel, and deletes what is left over. " +
		"Sign in first, such as by az login. docs/publishing-command.md is its manual.",
	Commands: [][3]string{
		{"publish", "-workspace ID", "publish to other workspaces, and print what is left over"},
		{"enable", "-workspace ID", "enable the workspace manager of the central workspace"},
		{"status", "-workspace ID", "print the newest job of each assignment, and what it didn't publish"},
		{"remove", "", "delete what is left over, by the ids in standard input"},
		{"rules", "-workspace ID", "print the ids and names of rules of the members"},
		{"retire", "-workspace ID", "delete rules of other workspaces, by the ids in standard input"},
		{"delete-jobs", "-workspace ID", "delete the jobs that have ended, except the newest of each assignment, or one of any state"},
	},
}

func main() {
	c, err := parse(os.Args[1:], os.Stderr)
	if err != nil {
		os.Exit(command.Report(err, os.Stdout, os.Stderr))
	}
	options := &armsecops.ClientOptions{}
	options.Cloud = c.cloud
	credential, err := signin.NewCredential(options.ClientOptions.ClientOptions)
	if err != nil {
		os.Exit(command.Failed(err, os.Stderr))
	}
	ctx, cancel := command.Context(c.timeout)
	err = c.run(ctx, os.Stdout, os.Stdin, credential, options)
	cancel()
	if err != nil {
		os.Exit(command.Failed(err, os.Stderr)) // after all that could be done is written
	}
}

// call is what the arguments ask for.
type call struct {
	name    string // such as publish
	night   night  // of which each command has what its flags set
	keep    uint   // how many of the newest jobs
	job     string // the only one to delete
	timeout time.Duration
	cloud   cloud.Configuration
	notes   io.Writer // standard error
}

// parse returns what the arguments ask for.
func parse(args []string, notes io.Writer) (c call, err error) {
	flags, err := program.New(args, 5*time.Hour) // which must end before the pipeline's own
	if err != nil {
		return c, err
	}
	c.name, c.notes = flags.Command, notes
	n := &c.night
	if c.name != "rules" && c.name != "status" { // which change nothing
		flags.BoolVar(&n.dryRun, "dry-run", false, "print what would be done, and change nothing")
	}
	switch c.name {
	case "publish":
		n.prefixFlag(flags)
		flags.BoolVar(&n.content.automationRules, "automation-rules", false, "publish automation rules, too, not only analytics rules")
		flags.File(&n.content.file, "items", "`file` with the resource ids of other items to publish, too, one a line")
		flags.File(&n.choice.file, "workspaces", "`file` with a resource id and a tenant id on each line: publish to these workspaces only")
		flags.File(&n.choice.exclude, "exclude", "`file` with the resource ids of workspaces not to publish to, one a line")
		n.flags(flags)
	case "delete-jobs":
		flags.UintVar(&c.keep, "keep", 365, "`number` of the newest of each assignment that stay")
		flags.StringVar(&c.job, "job", "", "`name` of a job: delete it alone, also if it hasn't ended")
		n.flags(flags)
	case "status":
		n.flags(flags)
	case "rules":
		n.prefixFlag(flags)
		flags.BoolVar(&n.gone, "gone", false, "only rules whose display names no rule of the central workspace has")
		flags.File(&n.choice.file, "workspaces", "`file` with the resource ids of workspaces, one a line: their rules, not those of all members")
		n.workspaceFlag(flags)
	case "retire", "enable":
		n.workspaceFlag(flags)
	case "remove":
	}
	if err := flags.Parse(); err != nil {
		return c, err
	}
	if flags.Lookup("workspace") != nil && n.workspaceID == "" {
		return c, flags.Refuse("%s needs -workspace", c.name)
	}
	if _, err := n.id(); flags.Lookup("name") != nil && err != nil {
		return c, flags.Refuse("-name: not the name of an assignment: %q", n.name)
	}
	if _, err := flags.OneOf("job", "keep"); err != nil {
		return c, err
	}
	c.cloud, c.timeout = flags.Cloud, flags.Timeout
	return c, nil
}

func (n *night) workspaceFlag(flags *command.Command) {
	flags.Func("workspace", "resource `id` of the central workspace", func(id string) error {
		w, err := parseWorkspace(id)
		n.workspaceID = w.id
		return err
	})
}

func (n *night) prefixFlag(flags *command.Command) {
	flags.StringVar(&n.content.prefix, "prefix", "shared-", "`text` with which the display names of the rules begin")
}

// flags defines the flags that say of which workspace and names the assignments are.
func (n *night) flags(flags *command.Command) {
	n.workspaceFlag(flags)
	flags.StringVar(&n.name, "name", "nightly", "`name` of the groups and their assignments, before their numbers")
}

// output keeps the first error of a write.
type output struct {
	io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	o.err = cmp.Or(o.err, err)
	return n, err
}

// run writes what a command does, and returns the error of a write, too. It reads ids for
// those that take them.
func (c call) run(ctx context.Context, w io.Writer, r io.Reader, credential azcore.TokenCredential, options *armsecops.ClientOptions) error {
	out := &output{Writer: w}
	err := c.do(ctx, out, r, credential, options)
	return errors.Join(err, out.err)
}

func (c call) do(ctx context.Context, w io.Writer, r io.Reader, credential azcore.TokenCredential, options *armsecops.ClientOptions) error {
	factory, err := armsecops.NewClientFactory(credential, options)
	if err != nil {
		return err
	}
	credential = signIn{credential} // of Microsoft's clients
	switch c.name {
	case "remove":
		return prune(ctx, w, c.notes, r, c.night.dryRun, removal(factory))
	case "retire":
		return prune(ctx, w, c.notes, r, c.night.dryRun, retirement(c.night.workspaceID, credential, &options.ClientOptions))
	case "rules":
		return c.night.writeRules(ctx, w, factory, credential, options)
	case "enable":
		return c.night.enable(ctx, w, factory)
	case "status":
		return c.night.writeStatus(ctx, w, factory)
	case "delete-jobs":
		if c.job != "" {
			return c.night.deleteOneJob(ctx, w, factory, c.job)
		}
		return c.night.deleteJobs(ctx, w, factory, c.keep)
	default:
		return c.night.run(ctx, w, factory, credential, options)
	}
}
