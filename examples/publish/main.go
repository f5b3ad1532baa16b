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
// The outcome is printed to standard output, progress and errors to standard
// error. A run that ends before its job prints the token to resume with. -h prints
// the flags, their defaults, and the exit codes.
package main

import (
	"context"
	"errors"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/command"
	"github.com/armsecops/armsecops/examples/internal/terminal"
)

func main() { command.Main(run) }

// run is the program; it returns the exit code.
func run(ctx context.Context, args []string, s command.Streams) int {
	p, err := parse(args)
	if err == nil {
		err = p.run(ctx, s)
	}
	return p.Exit(err, s)
}

// The wait ended before the job.
var (
	errTimedOut    = errors.New("timed out while the job runs")
	errInterrupted = errors.New("interrupted while the job runs")
)

var exitCodes = []command.ExitCode{
	{Code: 0, Meaning: "the job Succeeded, or was started with -wait=false"},
	{Code: command.Failed, Meaning: "the job Failed or was Canceled, or anything else failed, such as a request"},
	{
		Code: 3, Meaning: "it is unknown whether the job was started: list the jobs before starting another",
		Errors: []error{armsecops.ErrOutcomeUnknown},
	},
	{Code: 4, Meaning: "the wait ended before the job, by -timeout, Ctrl-C, SIGTERM or SIGHUP", Errors: []error{errTimedOut, errInterrupted}},
	{
		Code:    command.LostOutput,
		Meaning: "the standard output could not be written, for example to a full disk; the job may have been started: list the jobs",
	},
}

// publication is what to publish, where, and how to wait for it.
type publication struct {
	*command.Command

	assignment armsecops.WorkspaceManagerAssignmentID
	credential azcore.TokenCredential
	options    *armsecops.ClientOptions

	resumeToken string // of a job that was started before; empty to start one
	wait        bool
	timeout     time.Duration // 0 for none
	interval    time.Duration
	json        bool
}

// run publishes and prints the outcome.
func (p publication) run(ctx context.Context, s command.Streams) error {
	progress := newProgress(s.Err)
	o, err := p.publish(ctx, progress)
	progress.end()
	if p.json {
		if failure := o.printJSON(s.Out, err); failure != nil {
			return failure
		}
	} else {
		o.print(s.Out)
	}
	if _, failed := errors.AsType[*armsecops.JobFailedError](err); failed {
		return command.ErrReported // the printed outcome has the failures
	}
	return err
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
	poller, err := jobs.BeginCreate(ctx, id.ResourceGroupName, id.WorkspaceName, id.Name,
		&armsecops.WorkspaceManagerJobsClientBeginCreateOptions{
			ResumeToken: p.resumeToken,
			Progress: func(job armsecops.Job) {
				o.job = &job
				progress.show(job)
			},
		})
	if err != nil {
		return o, err
	}
	if p.wait {
		_, err = poller.PollUntilDone(ctx, &runtime.PollUntilDoneOptions{Frequency: p.interval})
	} else {
		_, err = poller.Poll(ctx)
	}
	switch {
	case poller.Done():
		return o.withResult(poller.Result(ctx))
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

// outcome is what is known of a job when the program ends.
type outcome struct {
	job         *armsecops.Job // of the last poll; nil if none succeeded
	resumeToken string         // empty if there is nothing to wait for
}

// withResult returns the outcome of a job that has ended, maybe before the first poll.
func (o outcome) withResult(resp armsecops.WorkspaceManagerJobsClientGetResponse, err error) (outcome, error) {
	failed, ok := errors.AsType[*armsecops.JobFailedError](err)
	switch {
	case ok:
		o.job = &failed.Job
	case err == nil:
		o.job = &resp.Job
	}
	return o, err
}

// print prints the outcome as text.
func (o outcome) print(out *terminal.Output) {
	if o.job != nil {
		printJob(out, *o.job)
	}
	if o.resumeToken != "" {
		out.Println("\nTo wait for the job's end, add -resume '" + o.resumeToken + "'")
	}
}

// printJSON prints the outcome as JSON.
func (o outcome) printJSON(out *terminal.Output, err error) error {
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
	return out.JSON(printed)
}

// parse returns the publication that the program's arguments describe.
func parse(args []string) (p publication, err error) {
	p.Command = command.New("publish", exitCodes...)
	p.About = "Starts a job of a workspace manager assignment in Microsoft Sentinel, which publishes the assignment's content to its " +
		"member workspaces. Waits until the job has ended and prints what could not be published, and where. " +
		"Without -live it uses a server in memory, where two of a job's 12 items fail.\n\n" +
		"A run that ends before its job prints the token to resume with."
	p.Example = `  go run ./examples/publish -timeout 10m -live \
    -subscription 00000000-0000-0000-0000-000000000000 \
    -resource-group NAME -workspace NAME -assignment NAME`
	flags := p.Flags
	flags.BoolVar(&p.wait, "wait", true, "wait for the job's end; -wait=false only starts it")
	flags.StringVar(&p.resumeToken, "resume", "", "wait for the job of this `token`, which an earlier run printed, instead of starting one")
	flags.DurationVar(&p.timeout, "timeout", 0, "stop waiting after this `duration`; 0 is never")
	flags.DurationVar(&p.interval, "interval", 0,
		"`duration` between two polls, at least 1s, unless the service sets it (default 5s, in memory 1s)")
	flags.BoolVar(&p.json, "json", false, "print the outcome as JSON")
	flags.StringVar(&p.assignment.SubscriptionID, "subscription", "", "`id` of the workspace's subscription; -live needs it")
	flags.StringVar(&p.assignment.ResourceGroupName, "resource-group", "", "`name` of the workspace's resource group; -live needs it")
	flags.StringVar(&p.assignment.WorkspaceName, "workspace", "", "`name` of the workspace; -live needs it")
	flags.StringVar(&p.assignment.Name, "assignment", "",
		"`name` of the workspace manager assignment to publish; -live needs it")
	if err := p.Parse(args, "subscription", "resource-group", "workspace", "assignment"); err != nil {
		return p, err
	}
	switch {
	case p.Given("resume") && p.resumeToken == "":
		return p, command.Usagef("-resume: the token is empty") // must not start another job
	case p.Given("resume") && !p.wait:
		return p, command.Usagef("-resume and -wait=false exclude each other")
	case p.timeout < 0:
		return p, command.Usagef("-timeout must not be negative")
	case p.Given("interval") && p.interval < time.Second:
		return p, command.Usagef("-interval must be at least 1s")
	}
	if !p.Live {
		return p.inMemory()
	}
	if !p.Given("interval") {
		p.interval = 5 * time.Second
	}
	p.credential, p.options, err = p.Connect(nil)
	return p, err
}
