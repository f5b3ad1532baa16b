// Publish starts jobs of workspace manager assignments in Microsoft Sentinel, which
// publish the assignments' content to member workspaces. It waits until the jobs
// have ended and prints what could not be published, and where.
//
//	go run ./examples/publish
//	go run ./examples/publish -all
//
// Without -live it uses a server in memory that has three assignments; of one, two
// of 12 items fail. With -live it uses Azure, with azidentity's default credential,
// such as the account of az login:
//
//	go run ./examples/publish -live -all -subscription ID -resource-group NAME -workspace NAME
//	go run ./examples/publish -live /subscriptions/ID/.../workspaceManagerAssignments/NAME
//
// The outcome is printed to standard output, progress and errors to standard
// error. A run that ends before its jobs, as by Ctrl-C, prints the command
// that resumes it. -h prints the flags, their defaults, and the exit codes.
package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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

// The wait ended before the job, and when.
var (
	errTimedOut    = errors.New("timed out")
	errInterrupted = errors.New("interrupted")
	errRunning     = errors.New("while the job runs")
	errNotStarted  = errors.New("before a job was started")
)

// endOf returns why the wait of a context has ended, or nil.
func endOf(ctx context.Context) error {
	switch {
	case ctx.Err() == nil:
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return errTimedOut
	}
	return errInterrupted
}

var exitCodes = []command.ExitCode{
	{Code: 0, Meaning: "every job Succeeded, or was started with -wait=false"},
	{Code: command.Failed, Meaning: "a job Failed or was Canceled, an item failed, or anything else failed, such as a request"},
	{
		Code: 3, Meaning: "it is unknown whether a job was started: list the jobs, by the command that is printed with -live, before starting another",
		Errors: []error{armsecops.ErrOutcomeUnknown},
	},
	{
		Code: 4, Meaning: "the wait ended before a job, by -timeout, Ctrl-C, SIGTERM or SIGHUP",
		Errors: []error{errTimedOut, errInterrupted},
	},
	{
		Code:    command.LostOutput,
		Meaning: "the standard output could not be written, such as to a full disk or a closed pipe; jobs may have been started: list them",
	},
}

const several = "several are given by their resource ids, as arguments"

// publication is what to publish, where, and how to wait for it.
type publication struct {
	*command.Command

	assignment  armsecops.WorkspaceManagerAssignmentID // of the flags
	targets     []target                               // without -all
	all         bool
	concurrency int
	credential  azcore.TokenCredential
	options     *armsecops.ClientOptions
	factory     *armsecops.ClientFactory // of run: jobs that run at a time share its connection

	wait     bool
	recover  bool
	timeout  time.Duration // 0 for none
	interval time.Duration
	format   string
	program  string // of the streams
}

// target is an assignment to publish, or with a token the job of an earlier run.
type target struct {
	id    armsecops.WorkspaceManagerAssignmentID
	token string
}

// run publishes and prints the outcomes.
func (p publication) run(ctx context.Context, s command.Streams) (err error) {
	if p.factory, err = armsecops.NewClientFactory(p.credential, p.options); err != nil {
		return err
	}
	p.program = s.Program
	if p.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.timeout)
		defer cancel()
	}
	if p.all || len(p.targets) > 1 {
		return p.publishMany(ctx, s)
	}
	progress := p.newProgress(s.Err, 1)
	s.Err.Status("connecting")
	o := p.publish(ctx, p.targets[0], func(job armsecops.Job) { progress.show(0, "", job) })
	progress.end()
	if p.format == "json" {
		if failure := s.Out.JSON(o.forJSON()); failure != nil {
			return failure
		}
	} else {
		p.print(s.Out, o)
	}
	if o.job != nil {
		p.printMemoryNote(s.Err)
	}
	if s.Out.Err() != nil {
		p.printResumption(s.Err, "To wait for the job's end:", o)
	}
	_, failed := errors.AsType[*armsecops.JobFailedError](o.err)
	switch {
	case failed:
		return command.ErrReported // the printed outcome has the failures
	case errors.Is(o.err, armsecops.ErrOutcomeUnknown):
		s.Err.Println(command.Message(o.err))
		p.printListing(s.Err, o.target.id)
		return errors.Join(o.err, command.ErrReported)
	}
	return inUsersWords(o.err)
}

// publish starts a job, or resumes one, and waits for its end.
func (p publication) publish(ctx context.Context, t target, show func(armsecops.Job)) (o outcome) {
	o.target = t
	jobs, err := p.factory.NewWorkspaceManagerJobsClient(t.id.SubscriptionID)
	if err != nil {
		return o.with(err)
	}
	poller, err := jobs.BeginCreate(ctx, t.id.ResourceGroupName, t.id.WorkspaceName, t.id.Name,
		&armsecops.WorkspaceManagerJobsClientBeginCreateOptions{
			ResumeToken: t.token,
			Recover:     p.recover,
			Progress: func(job armsecops.Job) {
				o.job = &job
				show(job)
			},
		})
	if err != nil {
		return o.with(notStarted(ctx, p.explain(t, err)))
	}
	if p.wait {
		_, err = poller.PollUntilDone(ctx, &runtime.PollUntilDoneOptions{Frequency: p.interval})
	} else {
		_, err = poller.Poll(ctx)
	}
	switch {
	case poller.Done():
		resp, err := poller.Result(ctx)
		return o.withResult(resp.Job, err)
	case armsecops.IsMissing(err):
		return o.with(err)
	}
	o.resumeToken, _ = poller.ResumeToken() // fails only for a job that has ended
	if end := endOf(ctx); err != nil && end != nil {
		err = fmt.Errorf("%w %w", end, errRunning)
	}
	return o.with(err)
}

// explain returns an error of the start of a job, beginning with the assignment if that isn't there.
func (p publication) explain(t target, err error) error {
	elsewhere := armsecops.HasCode(err, armsecops.CodeResourceGroupNotFound) || armsecops.HasCode(err, armsecops.CodeSubscriptionNotFound)
	if !errors.Is(err, armsecops.ErrNotFound) || errors.Is(err, armsecops.ErrOutcomeUnknown) || elsewhere {
		return err
	}
	if !p.Live {
		return fmt.Errorf("no workspace manager assignment %s in memory, where there are %s: -live uses Azure\n  %w", t.id.Name, command.Join(memoryNames(), "and"), err)
	}
	return fmt.Errorf("no workspace manager assignment %s in workspace %s\n  %w", t.id.Name, t.id.WorkspaceName, err)
}

// notStarted returns errNotStarted for an error of a request before the start of a
// job, if the wait has ended and it is known that no job was started.
func notStarted(ctx context.Context, err error) error {
	if end := endOf(ctx); end != nil && !errors.Is(err, armsecops.ErrOutcomeUnknown) {
		return fmt.Errorf("%w %w", end, errNotStarted)
	}
	return err
}

// outcome is what is known of a job when the program ends.
type outcome struct {
	target      target
	job         *armsecops.Job // of the last poll; nil if none succeeded
	resumeToken string         // empty if there is nothing to wait for
	err         error
}

func (o outcome) with(err error) outcome {
	o.err = err
	return o
}

// withResult returns the outcome of a job that has ended, maybe before the first poll.
func (o outcome) withResult(job armsecops.Job, err error) outcome {
	failed, ok := errors.AsType[*armsecops.JobFailedError](err)
	switch {
	case ok:
		o.job = &failed.Job
	case err == nil:
		o.job = &job
	}
	return o.with(err)
}

// parse returns the publication that the program's arguments describe.
func parse(args []string) (p publication, err error) {
	p.Command = command.New("publish", exitCodes...)
	p.Arguments = "[ID...]"
	p.About = "Starts jobs of workspace manager assignments in Microsoft Sentinel, which publish the assignments' content to member " +
		"workspaces. Waits until the jobs have ended and prints what could not be published, and where.\n\n" +
		"An assignment is given by -assignment or its resource id, ID; -all publishes every one of a workspace. " +
		"Without -live these are in memory: baseline, of which two of 12 items fail, hunting and reporting.\n\n" +
		"A run that ends before its jobs, as by Ctrl-C, prints the command that resumes it, " +
		"or with -o json the resumeToken of each job.\n\n" +
		"With -o json, one assignment or token prints an object that has assignment, job, failures, resumeToken and error if there are any; " +
		"several, and -all, print {\"assignments\":[...]} with such objects."
	p.Example = `  go run ./examples/publish -all
  go run ./examples/publish -timeout 10m -live \
    -subscription 00000000-0000-0000-0000-000000000000 \
    -resource-group NAME -workspace NAME -assignment NAME`
	var tokens []string
	flags := p.Flags
	flags.BoolVar(&p.all, "all", false, "publish every assignment of the workspace")
	flags.IntVar(&p.concurrency, "concurrency", 4, "`number` of jobs that run at a time")
	flags.BoolVar(&p.wait, "wait", true, "wait for the jobs' end; -wait=false only starts them")
	flags.BoolVar(&p.recover, "recover", true, "if the response to the start of a job is lost, look for the job; -recover=false doesn't list the jobs before the start")
	flags.Func("resume", "wait for the job of this `token`, which an earlier run printed, instead of starting one; -live needs its -subscription, -resource-group and -workspace too; can be repeated",
		func(token string) error {
			if !slices.Contains(tokens, token) { // must not wait for one job twice
				tokens = append(tokens, token)
			}
			return nil
		})
	flags.DurationVar(&p.timeout, "timeout", 0, "stop waiting after this `duration`; 0 is never")
	flags.DurationVar(&p.interval, "interval", 0,
		"`duration` between two polls, at least 1s, unless the service sets it (default 5s, in memory 1s)")
	p.Choice(&p.format, "o", "output `format`", "text", "json")
	asJSON := flags.Bool("json", false, "the same as -o json")
	flags.StringVar(&p.assignment.SubscriptionID, "subscription", "", "`id` of the workspace's subscription; -live needs it")
	flags.StringVar(&p.assignment.ResourceGroupName, "resource-group", "", "`name` of the workspace's resource group; -live needs it")
	flags.StringVar(&p.assignment.WorkspaceName, "workspace", "", "`name` of the workspace; -live needs it")
	flags.StringVar(&p.assignment.Name, "assignment", "", "`name` or resource id of the workspace manager assignment to publish; "+several)
	p.Several = map[string]string{"assignment": several}
	if err := p.Parse(args); err != nil {
		return p, err
	}
	if *asJSON {
		p.format = "json"
	}
	switch {
	case p.Given("assignment") && p.assignment.Name == "", slices.Contains(p.Args, ""):
		return p, command.Usagef("the name or resource id of an assignment is empty")
	case *asJSON && p.Given("o"):
		return p, command.Usagef("-json and -o exclude each other")
	case slices.Contains(tokens, ""):
		return p, command.Usagef("-resume: the token is empty") // must not start another job
	case len(tokens) > 0 && !p.wait:
		return p, command.Usagef("-resume and -wait=false exclude each other")
	case p.timeout < 0:
		return p, command.Usagef("-timeout must not be negative")
	case p.concurrency < 1:
		return p, command.Usagef("-concurrency must be at least 1")
	case p.Given("interval") && p.interval < time.Second:
		return p, command.Usagef("-interval must be at least 1s")
	}
	if err := p.setTargets(tokens); err != nil {
		return p, err
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

// setTargets sets what to publish: the assignments of the ids, the jobs of the
// tokens, the assignment of the flags, or all.
func (p *publication) setTargets(tokens []string) error {
	ids := slices.Clone(p.Args)
	if strings.Contains(p.assignment.Name, "/") {
		ids = append(ids, p.assignment.Name)
		p.assignment.Name = ""
	}
	named := p.assignment.Name != ""
	switch {
	case p.all && (named || len(ids)+len(tokens) > 0):
		return command.Usagef("-all excludes -assignment, -resume and resource ids")
	case named && len(ids) > 0:
		return command.Usagef("-assignment and resource ids exclude each other: " + several)
	}
	for _, arg := range ids {
		id, err := armsecops.ParseWorkspaceManagerAssignmentID(arg)
		switch {
		case strings.HasPrefix(arg, "{"):
			return command.Usagef("a token goes after -resume, in single quotes")
		case err != nil && !strings.Contains(arg, "/"):
			return command.Usagef("unknown command %q: an argument is the resource id of a workspace manager assignment; for its name: %s", arg,
				terminal.ShellLine("-assignment", arg))
		case err != nil:
			return command.Usagef("not the resource id of a workspace manager assignment: %q", arg)
		case p.Given("subscription") && !strings.EqualFold(p.assignment.SubscriptionID, id.SubscriptionID),
			p.Given("resource-group") && !strings.EqualFold(p.assignment.ResourceGroupName, id.ResourceGroupName),
			p.Given("workspace") && !strings.EqualFold(p.assignment.WorkspaceName, id.WorkspaceName):
			return command.Usagef("-subscription, -resource-group and -workspace say another place than the resource id: %q", arg)
		}
		same := func(t target) bool { return strings.EqualFold(t.id.String(), id.String()) }
		if !slices.ContainsFunc(p.targets, same) { // must not start two jobs of one
			p.targets = append(p.targets, target{id: id})
		}
	}
	if !p.Live && !named {
		p.assignment.Name = "baseline"
	}
	if !p.Live {
		p.assignment.SubscriptionID, p.assignment.ResourceGroupName, p.assignment.WorkspaceName = memorySubscription, "security", "central"
	}
	for _, token := range tokens {
		id := p.assignment
		if !named {
			id.Name = "" // is in the token
		}
		p.targets = append(p.targets, target{id, token})
	}
	needed := []string{"subscription", "resource-group", "workspace"}
	switch {
	case len(ids) > 0 && len(tokens) == 0 && p.Live:
		return nil // the ids say it
	case !p.all && len(p.targets) == 0:
		p.targets = []target{{id: p.assignment}}
		if p.Live {
			needed = append(needed, "assignment")
		}
	}
	err := p.Require(needed...)
	if err != nil && p.Live && len(needed) == 4 {
		return command.Usagef("%w; a resource id has all of them, and -all and -resume need no -assignment", err)
	}
	return err
}

// inUsersWords returns an error that names the flag instead of the parameter.
func inUsersWords(err error) error {
	invalid, ok := errors.AsType[*armsecops.ParameterError](err)
	if !ok {
		return err
	}
	if invalid.Name == "ResumeToken" {
		return command.Usagef("-resume: not a token of a job of this workspace, or not of this -assignment: run the command that publish printed, as it is")
	}
	flagOf := map[string]string{
		"subscriptionID": "subscription", "resourceGroupName": "resource-group",
		"workspaceName": "workspace", "workspaceManagerAssignmentName": "assignment",
	}
	if name := flagOf[invalid.Name]; name != "" {
		return command.Usagef("-%s %q %s", name, invalid.Value, invalid.Reason)
	}
	return err
}
