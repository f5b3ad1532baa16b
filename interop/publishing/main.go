// Publishing publishes content of a central workspace to other workspaces with Microsoft
// Sentinel, all that the identity may see or those of a file, as a pipeline does every
// night. Its other commands delete what is left over. -h shows them.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/interop/internal/signin"
)

const usage = `usage, after az login:
  publishing [publish] -workspace ID    publish to other workspaces, and print what is left over
  publishing enable -workspace ID       enable the workspace manager of the central workspace
  publishing status -workspace ID       print the newest job of each assignment, and what it didn't publish
  publishing remove                     delete what is left over, by the ids in standard input
  publishing rules -workspace ID        print the ids and names of rules of the members
  publishing retire -workspace ID       delete rules of other workspaces, by the ids in standard input
  publishing delete-jobs -workspace ID  delete the jobs that have ended, except the newest of each assignment, or one of any state
Each command has -cloud and -timeout, and those that change something have -dry-run. -h after
a command describes its flags.
`

var clouds = map[string]cloud.Configuration{"public": cloud.AzurePublic, "china": cloud.AzureChina, "government": cloud.AzureGovernment}

func main() {
	c, err := parse(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		os.Exit(2)
	}
	options := &armsecops.ClientOptions{}
	options.Cloud = c.cloud
	credential, err := signin.NewCredential(options.ClientOptions.ClientOptions)
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second signal ends a program that doesn't
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if err := c.run(ctx, os.Stdout, os.Stdin, credential, options); err != nil {
		log.Fatal(err) // exits with 1
	}
}

// command is what the arguments ask for.
type command struct {
	name    string // such as publish
	night   night  // of which each command has what its flags set
	keep    uint   // how many of the newest jobs
	job     string // the only one to delete
	timeout time.Duration
	cloud   cloud.Configuration
	notes   io.Writer // standard error
}

// parse returns the command of the arguments. It writes what is wrong with them.
func parse(args []string, w io.Writer) (c command, err error) {
	c.name, c.notes = "publish", w
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		c.name, args = args[0], args[1:]
	}
	flags := flag.NewFlagSet("publishing", flag.ContinueOnError)
	flags.SetOutput(w)
	flags.Usage = func() {
		fmt.Fprint(w, usage)
		flags.PrintDefaults()
	}
	refuse := func(problem string) error {
		fmt.Fprintln(w, problem)
		flags.Usage()
		return errors.New(problem)
	}
	n := &c.night
	if c.name != "rules" && c.name != "status" { // which change nothing
		flags.BoolVar(&n.dryRun, "dry-run", false, "print what would be done, and change nothing")
	}
	flags.DurationVar(&c.timeout, "timeout", 5*time.Hour, "must end before the pipeline's own")
	c.cloud = cloud.AzurePublic
	flags.Func("cloud", "`name` of Azure's cloud: public, china or government (default public)", func(name string) error {
		if c.cloud = clouds[strings.ToLower(name)]; c.cloud.Services == nil {
			return errors.New("must be public, china or government")
		}
		return nil
	})
	switch c.name {
	case "publish":
		n.prefixFlag(flags)
		flags.BoolVar(&n.content.automationRules, "automation-rules", false, "publish automation rules, too, not only analytics rules")
		flags.StringVar(&n.content.file, "items", "", "`file` with the resource ids of other items to publish, too, one a line")
		flags.StringVar(&n.choice.file, "workspaces", "", "`file` with a resource id and a tenant id on each line: publish to these workspaces only")
		flags.StringVar(&n.choice.exclude, "exclude", "", "`file` with the resource ids of workspaces not to publish to, one a line")
		n.flags(flags)
	case "delete-jobs":
		flags.UintVar(&c.keep, "keep", 365, "how many of the newest of each assignment stay")
		flags.Func("job", "`name` of a job: delete it alone, also if it hasn't ended", func(name string) error {
			if c.job = name; name == "" { // or the jobs of all assignments would be deleted
				return errors.New("must be the name of a job")
			}
			return nil
		})
		n.flags(flags)
	case "status":
		n.flags(flags)
	case "rules":
		n.prefixFlag(flags)
		flags.BoolVar(&n.gone, "gone", false, "only rules whose display names no rule of the central workspace has")
		flags.StringVar(&n.choice.file, "workspaces", "", "`file` with the resource ids of workspaces, one a line: their rules, not those of all members")
		n.workspaceFlag(flags)
	case "retire", "enable":
		n.workspaceFlag(flags)
	case "remove":
	default:
		return c, refuse("unknown command " + strconv.Quote(c.name))
	}
	if err := flags.Parse(args); err != nil {
		return c, err // which is written
	}
	if flags.NArg() > 0 {
		return c, refuse("unexpected argument " + strconv.Quote(flags.Arg(0)))
	}
	if flags.Lookup("workspace") != nil && n.workspaceID == "" {
		return c, refuse(c.name + " needs -workspace")
	}
	return c, nil
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
func (c command) run(ctx context.Context, w io.Writer, r io.Reader, credential azcore.TokenCredential, options *armsecops.ClientOptions) error {
	out := &output{Writer: w}
	err := c.do(ctx, out, r, credential, options)
	return errors.Join(err, out.err)
}

func (c command) do(ctx context.Context, w io.Writer, r io.Reader, credential azcore.TokenCredential, options *armsecops.ClientOptions) error {
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
