// Publish starts a job of a workspace manager assignment in Microsoft Sentinel,
// which publishes the assignment's content to its member workspaces, waits for
// the job's end and tells what could not be published where.
//
//	go run ./examples/publish
//
// Without -live it asks a server in memory, where a job of 12 items fails for
// two of them. With -live it asks Azure, signed in by the first way that
// azidentity finds, such as az login:
//
//	go run ./examples/publish -live -subscription ID -resource-group NAME -workspace NAME -assignment NAME
//
// The other flags:
//
//	-wait=false      start the job, and don't wait for it
//	-timeout 10m     wait no longer than that
//	-resume TOKEN    wait for a job that an earlier run started
//	-interval 5s     ask that often how the job goes on, or less often if the service says so
//	-json            print the outcome as JSON
//
// The outcome goes to the standard output, progress and errors to the standard
// error. A run that ends before its job prints the token to go on with.
//
// The exit code tells the outcome:
//
//	0  the job Succeeded, or was started with -wait=false
//	1  the job Failed or was Canceled, or a service refused
//	2  flags that make no sense
//	3  unknown: the job may or may not run, list the jobs before starting another
//	4  the wait ended before the job, by -timeout or Ctrl-C
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/terminal"
)

const usage = "usage: publish [-wait=false] [-resume TOKEN] [-timeout DURATION] [-interval DURATION] [-json] " +
	"[-live -subscription ID -resource-group NAME -workspace NAME -assignment NAME [-cloud public|china|government]]"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program; it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	p, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(stdout, usage)
		return 0
	}
	if err != nil {
		return finish(err, stderr)
	}
	return p.run(ctx, stdout, stderr)
}

// run publishes and prints the outcome; it returns the exit code.
func (p publication) run(ctx context.Context, stdout, stderr io.Writer) int {
	o, err := p.publish(ctx, newProgress(stderr))
	write := o.print
	if p.json {
		write = func(w io.Writer) error { return o.printJSON(w, err) }
	}
	if failure := write(stdout); err == nil {
		err = failure
	}
	return finish(err, stderr)
}

// finish prints the error, if there is one, and returns the exit code.
func finish(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	if _, failed := errors.AsType[*armsecops.JobFailedError](err); failed {
		return 1 // the outcome says it all
	}
	fmt.Fprintln(stderr, terminal.Printable(err.Error()))
	_, badFlag := errors.AsType[flagError](err)
	_, badValue := errors.AsType[*armsecops.ParameterError](err)
	switch {
	case badFlag || badValue:
		fmt.Fprintln(stderr, usage)
		return 2
	case errors.Is(err, armsecops.ErrOutcomeUnknown):
		return 3
	case errors.Is(err, errTimedOut), errors.Is(err, errInterrupted):
		return 4
	}
	return 1
}

// The wait ended before the job.
var (
	errTimedOut    = errors.New("timed out while the job runs")
	errInterrupted = errors.New("interrupted while the job runs")
)

// publication is what to publish, where, and how to wait for it.
type publication struct {
	assignment armsecops.JobID // without the name of a job
	credential azcore.TokenCredential
	options    *armsecops.ClientOptions

	resumeToken string // of a job that was started before; empty: start one
	wait        bool
	timeout     time.Duration // 0: none
	interval    time.Duration
	json        bool
}

// publish starts a job and waits for its end. The outcome is what is known of
// the job, even where there is an error.
func (p publication) publish(ctx context.Context, progress *progress) (o outcome, err error) {
	if p.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.timeout)
		defer cancel()
	}
	jobs, err := armsecops.NewWorkspaceManagerJobsClient(p.assignment.SubscriptionID, p.credential, p.options)
	if err != nil {
		return o, err
	}
	poller, err := jobs.BeginCreate(ctx, p.assignment.ResourceGroupName, p.assignment.WorkspaceName, p.assignment.WorkspaceManagerAssignmentName,
		&armsecops.WorkspaceManagerJobsClientBeginCreateOptions{ResumeToken: p.resumeToken})
	if err != nil {
		return o, err
	}
	o.job, err = p.follow(ctx, poller, progress)
	switch {
	case poller.Done():
		_, err = poller.Result(ctx)
		return o, err
	case errors.Is(err, armsecops.ErrNotFound):
		return o, err
	}
	o.resumeToken, _ = poller.ResumeToken() // fails only for a job that has ended
	switch {
	case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = errTimedOut
	case err != nil && ctx.Err() != nil:
		err = errInterrupted
	}
	return o, err
}

// follow shows how the job goes on until its end, or once without -wait. It
// returns the job as it was last seen; nil: it wasn't.
func (p publication) follow(ctx context.Context, poller *runtime.Poller[armsecops.WorkspaceManagerJobsClientCreateResponse], progress *progress) (seen *armsecops.Job, err error) {
	defer progress.end()
	for {
		resp, err := poller.Poll(ctx)
		if err != nil {
			return seen, err
		}
		var job armsecops.Job
		if err := runtime.UnmarshalAsJSON(resp, &job); err != nil {
			return seen, err
		}
		seen = &job
		progress.show(job)
		if poller.Done() || !p.wait {
			return seen, nil
		}
		if err := progress.pause(ctx, pauseAfter(resp, p.interval)); err != nil {
			return seen, err
		}
	}
}

// pauseAfter returns when to ask again: after the interval, or later if the service says so.
func pauseAfter(resp *http.Response, interval time.Duration) time.Duration {
	seconds, err := strconv.ParseInt(resp.Header.Get("Retry-After"), 10, 32)
	if err != nil {
		return interval
	}
	return max(interval, time.Duration(seconds)*time.Second)
}

// outcome is what is known of a job when the program ends.
type outcome struct {
	job         *armsecops.Job // as it was last seen; nil: it wasn't
	resumeToken string         // empty: there is nothing to wait for
}

// print prints the outcome for people.
func (o outcome) print(w io.Writer) error {
	if o.job != nil {
		if err := printJob(w, *o.job); err != nil {
			return err
		}
	}
	if o.resumeToken == "" {
		return nil
	}
	_, err := fmt.Fprintf(w, "\nTo wait for the job's end, add -resume '%s'\n", o.resumeToken)
	return err
}

// printJSON prints the outcome for programs. Every character beyond ASCII is
// escaped, so that none of them reaches a terminal.
func (o outcome) printJSON(w io.Writer, failure error) error {
	type failed struct {
		ResourceID         string `json:"resourceId"`
		MemberResourceName string `json:"memberResourceName,omitzero"`
		ErrorMessage       string `json:"errorMessage,omitzero"`
	}
	printed := struct {
		Job         *armsecops.Job `json:"job,omitzero"`
		Failures    []failed       `json:"failures,omitzero"`
		ResumeToken string         `json:"resumeToken,omitzero"`
		Error       string         `json:"error,omitzero"`
	}{Job: o.job, ResumeToken: o.resumeToken}
	if o.job != nil {
		for f := range o.job.Properties.Failures() {
			printed.Failures = append(printed.Failures, failed(f))
		}
	}
	if failure != nil {
		printed.Error = failure.Error()
	}
	data, err := json.MarshalIndent(printed, "", "  ")
	if err == nil {
		_, err = fmt.Fprintln(w, ascii(data))
	}
	return err
}

// flagError is a flag that makes no sense.
type flagError struct{ error }

func (e flagError) Unwrap() error { return e.error }

var clouds = map[string]cloud.Configuration{
	"public":     cloud.AzurePublic,
	"china":      cloud.AzureChina,
	"government": cloud.AzureGovernment,
}

// parse turns the program's arguments into what to publish.
func parse(args []string) (publication, error) {
	p := publication{options: &armsecops.ClientOptions{}}
	flags := flag.NewFlagSet("publish", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // run prints the error
	flags.BoolVar(&p.wait, "wait", true, "for the job's end")
	flags.StringVar(&p.resumeToken, "resume", "", "waiting for the job of this token")
	flags.DurationVar(&p.timeout, "timeout", 0, "of the wait")
	flags.DurationVar(&p.interval, "interval", 0, "between two requests")
	flags.BoolVar(&p.json, "json", false, "print the outcome as JSON")
	live := flags.Bool("live", false, "ask Azure")
	cloudName := flags.String("cloud", "public", "which of Azure's clouds")
	flags.StringVar(&p.assignment.SubscriptionID, "subscription", "", "of the workspace")
	flags.StringVar(&p.assignment.ResourceGroupName, "resource-group", "", "of the workspace")
	flags.StringVar(&p.assignment.WorkspaceName, "workspace", "", "of the workspace manager")
	flags.StringVar(&p.assignment.WorkspaceManagerAssignmentName, "assignment", "", "to publish")
	if err := flags.Parse(args); err != nil {
		return p, flagError{err}
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	refuse := func(reason string) (publication, error) { return p, flagError{errors.New(reason)} }

	azure, known := clouds[*cloudName]
	switch {
	case flags.NArg() > 0:
		return refuse("unexpected argument: " + flags.Arg(0))
	case !known:
		return refuse("-cloud: no such cloud: " + *cloudName)
	case given["resume"] && p.resumeToken == "":
		return refuse("-resume: the token is empty") // and must not start another job
	case given["resume"] && !p.wait:
		return refuse("-resume waits, -wait=false doesn't")
	case given["timeout"] && p.timeout <= 0:
		return refuse("-timeout must be more than 0")
	case given["interval"] && p.interval <= 0:
		return refuse("-interval must be more than 0")
	case *live && given["interval"] && p.interval < time.Second:
		return refuse("-interval must be a second or more with -live")
	}
	for _, name := range []string{"subscription", "resource-group", "workspace", "assignment", "cloud"} {
		switch {
		case given[name] && !*live:
			return refuse("-" + name + " needs -live")
		case *live && flags.Lookup(name).Value.String() == "":
			return refuse("-live needs -" + name)
		}
	}
	if *live {
		return p.toAzure(azure)
	}
	return p.toMemory()
}

// toAzure publishes for real, signed in by the first way that azidentity finds.
func (p publication) toAzure(in cloud.Configuration) (publication, error) {
	if p.interval == 0 {
		p.interval = 5 * time.Second
	}
	p.options.Cloud = in
	var err error
	p.credential, err = azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{
		ClientOptions: p.options.ClientOptions.ClientOptions,
	})
	return p, err
}
