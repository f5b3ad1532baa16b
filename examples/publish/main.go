// Publish starts a job of a workspace manager assignment in Microsoft Sentinel,
// which publishes the assignment's content to its member workspaces. It waits
// until the job has ended and prints what could not be published, and where.
//
//	go run ./examples/publish
//
// Without -live it uses a server in memory, where two of a job's 12 items fail.
// With -live it uses Azure, with azidentity's default credential, such as the
// account of az login:
//
//	go run ./examples/publish -live -subscription ID -resource-group NAME -workspace NAME -assignment NAME
//
// The other flags:
//
//	-wait=false      start the job without waiting for its end
//	-timeout 10m     stop waiting after this time
//	-resume TOKEN    wait for a job that an earlier run started
//	-interval 5s     time between two polls; longer if the service asks for it
//	-json            print the outcome as JSON
//
// The outcome is printed to standard output, progress and errors to standard
// error. A run that ends before its job prints the token to resume with.
//
// The exit code is
//
//	0  if the job Succeeded, or was started with -wait=false
//	1  if the job Failed or was Canceled, or a service returned an error
//	2  for invalid flags
//	3  if it is unknown whether the job was started: list the jobs before starting another
//	4  if the wait ended before the job, by -timeout or Ctrl-C
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
		return exitCode(err, stderr)
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
	return exitCode(err, stderr)
}

// exitCode prints the error, if there is one, and returns the exit code.
func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	if _, failed := errors.AsType[*armsecops.JobFailedError](err); failed {
		return 1 // the printed outcome has the failures
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

	resumeToken string // of a job that was started before; empty to start one
	wait        bool
	timeout     time.Duration // 0 for none
	interval    time.Duration
	json        bool
}

// publish starts a job and waits for its end. It returns the outcome, as far as
// it is known, with an error too.
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
	id := p.assignment
	poller, err := jobs.BeginCreate(ctx, id.ResourceGroupName, id.WorkspaceName, id.WorkspaceManagerAssignmentName,
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

// follow polls the job until it ends, or once without -wait, and shows its
// progress. It returns the job of the last poll, or nil if the first one failed.
func (p publication) follow(
	ctx context.Context, poller *runtime.Poller[armsecops.WorkspaceManagerJobsClientCreateResponse], progress *progress,
) (last *armsecops.Job, err error) {
	defer progress.end()
	for {
		resp, err := poller.Poll(ctx)
		if err != nil {
			return last, err
		}
		var job armsecops.Job
		if err := runtime.UnmarshalAsJSON(resp, &job); err != nil {
			return last, err
		}
		last = &job
		progress.show(job)
		if poller.Done() || !p.wait {
			return last, nil
		}
		if err := progress.wait(ctx, pollDelay(resp, p.interval)); err != nil {
			return last, err
		}
	}
}

// pollDelay returns the time until the next poll: the interval, or Retry-After if that is longer.
func pollDelay(resp *http.Response, interval time.Duration) time.Duration {
	seconds, err := strconv.ParseInt(resp.Header.Get("Retry-After"), 10, 32)
	if err != nil {
		return interval
	}
	return max(interval, time.Duration(seconds)*time.Second)
}

// outcome is what is known of a job when the program ends.
type outcome struct {
	job         *armsecops.Job // of the last poll; nil if none succeeded
	resumeToken string         // empty if there is nothing to wait for
}

// print prints the outcome as text.
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

// printJSON prints the outcome as JSON. It escapes every character beyond ASCII,
// so that a service can't send control characters to a terminal.
func (o outcome) printJSON(w io.Writer, err error) error {
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
	if err != nil {
		printed.Error = err.Error()
	}
	data, err := json.MarshalIndent(printed, "", "  ")
	if err == nil {
		_, err = fmt.Fprintln(w, ascii(data))
	}
	return err
}

// flagError is the error of an invalid flag.
type flagError struct{ error }

func (e flagError) Unwrap() error { return e.error }

var clouds = map[string]cloud.Configuration{
	"public":     cloud.AzurePublic,
	"china":      cloud.AzureChina,
	"government": cloud.AzureGovernment,
}

// parse returns the publication that the program's arguments describe.
func parse(args []string) (publication, error) {
	p := publication{options: &armsecops.ClientOptions{}}
	flags := flag.NewFlagSet("publish", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // run prints the error
	flags.BoolVar(&p.wait, "wait", true, "wait for the job's end")
	flags.StringVar(&p.resumeToken, "resume", "", "token of a job that an earlier run started")
	flags.DurationVar(&p.timeout, "timeout", 0, "of the wait")
	flags.DurationVar(&p.interval, "interval", 0, "between two polls")
	flags.BoolVar(&p.json, "json", false, "print the outcome as JSON")
	live := flags.Bool("live", false, "publish in Azure")
	cloudName := flags.String("cloud", "public", "one of Azure's clouds")
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
		return refuse("-resume: the token is empty") // must not start another job
	case given["resume"] && !p.wait:
		return refuse("-resume and -wait=false exclude each other")
	case given["timeout"] && p.timeout <= 0:
		return refuse("-timeout must be greater than 0")
	case given["interval"] && p.interval <= 0:
		return refuse("-interval must be greater than 0")
	case *live && given["interval"] && p.interval < time.Second:
		return refuse("-interval must be at least 1s with -live")
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
		return p.inAzure(azure)
	}
	return p.inMemory()
}

// inAzure publishes in Azure with azidentity's default credential.
func (p publication) inAzure(in cloud.Configuration) (publication, error) {
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
