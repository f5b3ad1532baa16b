package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/command"
	"github.com/armsecops/armsecops/examples/internal/terminal"
)

// publishMany publishes the targets, or every assignment of the workspace, some at
// a time, and prints the outcomes.
func (p publication) publishMany(ctx context.Context, s command.Streams) error {
	targets := p.targets
	err := p.checkTokens()
	if p.all {
		targets, err = p.list(ctx)
	}
	if err != nil {
		return inUsersWords(notStarted(ctx, err))
	}
	progress := p.newProgress(s.Err, len(targets))
	outcomes := make([]outcome, len(targets))
	slots := make(chan struct{}, p.concurrency)
	var running sync.WaitGroup
	for i, t := range targets {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			outcomes[i] = outcome{target: t, err: notStarted(ctx, ctx.Err())}
			continue
		}
		running.Go(func() {
			defer func() { <-slots }()
			outcomes[i] = p.publish(ctx, t, func(job armsecops.Job) { progress.show(i, nameOf(t, &job), job) })
		})
	}
	running.Wait()
	progress.end()
	if p.format == "json" {
		err = printJSON(s.Out, outcomes)
	} else {
		p.printOutcomes(s.Out, outcomes)
	}
	p.printMemoryNote(s.Err)
	if s.Out.Err() != nil {
		p.printResumption(s.Err, "To wait for the jobs that run:", outcomes...)
	}
	return errors.Join(err, p.printErrors(s.Err, outcomes, endOf(ctx)))
}

// checkTokens returns the error of a token that leads to no job, before anything is sent.
func (p publication) checkTokens() error {
	for _, t := range p.targets {
		if t.token == "" {
			continue
		}
		jobs, err := p.factory.NewWorkspaceManagerJobsClient(t.id.SubscriptionID)
		if err != nil {
			return err
		}
		options := &armsecops.WorkspaceManagerJobsClientNewJobPollerOptions{ResumeToken: t.token}
		if _, err := jobs.NewJobPoller(t.id.ResourceGroupName, t.id.WorkspaceName, t.id.Name, "", options); err != nil {
			return err
		}
	}
	return nil
}

// list returns the assignments of the workspace, each once.
func (p publication) list(ctx context.Context) (targets []target, err error) {
	id := p.assignment
	assignments, err := p.factory.NewWorkspaceManagerAssignmentsClient(id.SubscriptionID)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for assignment, err := range assignments.NewListPager(id.ResourceGroupName, id.WorkspaceName, nil).All(ctx) {
		if err != nil {
			return nil, err
		}
		if id.Name = assignment.Name; !seen[strings.ToLower(id.Name)] {
			targets = append(targets, target{id: id})
		}
		seen[strings.ToLower(id.Name)] = true
	}
	return targets, nil
}

// nameOf returns the name of the target's assignment, which a token has only in its job.
func nameOf(t target, job *armsecops.Job) string {
	if t.id.Name == "" && job != nil {
		id, _ := armsecops.ParseJobID(job.ID)
		return id.WorkspaceManagerAssignmentName
	}
	return t.id.Name
}

// printOutcomes prints a line for each assignment, the failures of all by member,
// and how to resume.
func (p publication) printOutcomes(out *terminal.Output, outcomes []outcome) {
	if len(outcomes) == 0 {
		out.Println("The workspace has no assignments.")
		return
	}
	rows := [][]string{{"ASSIGNMENT", "STATE", "ITEMS", "DONE", "FAILED"}}
	var failures []failure
	var notStarted []string
	for _, o := range outcomes {
		name := nameOf(o.target, o.job)
		row := []string{name, o.state(), "", "", ""}
		if o.job != nil {
			s := o.job.Properties.Summary()
			row = []string{name, o.state(), fmt.Sprint(s.Total), fmt.Sprint(s.Succeeded + s.Failed), fmt.Sprint(s.Failed)}
			failures = append(failures, failuresOf(name, *o.job)...)
		}
		rows = append(rows, row)
		if errors.Is(o.err, errNotStarted) && o.target.token == "" {
			notStarted = append(notStarted, o.target.id.String())
		}
	}
	out.Table(rows)
	printFailures(out, failures)
	p.printResumption(out, "To wait for the jobs that run:", outcomes...)
	if notStarted != nil {
		out.Println("\nTo publish those that were not started:")
		out.PrintCommand(slices.Concat(p.commandLine(), p.startFlags(), notStarted)...)
	}
}

// startFlags returns the flags of this run that say how to start jobs and wait for
// them, but not for how long.
func (p publication) startFlags() (words []string) {
	if !p.recover {
		words = append(words, "-recover=false")
	}
	if !p.wait {
		words = append(words, "-wait=false")
	}
	return append(words, p.waitFlags()...)
}

// waitFlags returns those that say how to wait.
func (p publication) waitFlags() (words []string) {
	for _, name := range []string{"concurrency", "interval"} {
		if p.Given(name) {
			words = append(words, "-"+name, p.Flags.Lookup(name).Value.String())
		}
	}
	return words
}

// state returns the state of the job, or what is known without one.
func (o outcome) state() string {
	switch {
	case o.job != nil:
		return string(o.job.Properties.ProvisioningState)
	case o.resumeToken != "":
		return "started"
	case errors.Is(o.err, armsecops.ErrOutcomeUnknown):
		return "unknown"
	case o.target.token != "":
		return "not read"
	default:
		return "not started"
	}
}

// printErrors prints the errors that the outcomes don't show, each once with its
// assignment. It returns all of them, for the exit code.
//   - end: why the wait has ended, or nil
func (p publication) printErrors(out *terminal.Output, outcomes []outcome, end error) error {
	var errs []error
	running, waiting := 0, 0 // jobs that the wait ended before
	printed := map[string]bool{}
	for _, o := range outcomes {
		if o.err == nil {
			continue
		}
		_, failed := errors.AsType[*armsecops.JobFailedError](o.err)
		_, invalid := errors.AsType[*armsecops.ParameterError](o.err)
		switch {
		case failed:
		case errors.Is(o.err, errRunning) || errors.Is(o.err, errNotStarted) && o.target.token != "":
			running++
		case errors.Is(o.err, errNotStarted):
			waiting++
		default:
			text := command.Message(o.err)
			if !errors.Is(o.err, armsecops.ErrCredential) { // which all have
				text = terminal.Printable(nameOf(o.target, o.job)) + ": " + text
			}
			if !printed[text] {
				out.Println(text)
				if errors.Is(o.err, armsecops.ErrOutcomeUnknown) {
					p.printListing(out, o.target.id)
				}
			}
			printed[text] = true
		}
		if !invalid { // the service's name, not the user's
			errs = append(errs, o.err)
		}
		errs = append(errs, command.ErrReported)
	}
	if running+waiting > 0 {
		out.Println(end.Error() + ": " + describeUnfinished(running, waiting))
	}
	return errors.Join(errs...)
}

// describeUnfinished says how many jobs the wait ended before, as in 2 jobs run, 1 job was not started.
func describeUnfinished(running, waiting int) string {
	var parts []string
	switch {
	case running == 1:
		parts = append(parts, "1 job runs")
	case running > 1:
		parts = append(parts, fmt.Sprintf("%d jobs run", running))
	}
	switch {
	case waiting == 1:
		parts = append(parts, "1 job was not started")
	case waiting > 1:
		parts = append(parts, fmt.Sprintf("%d jobs were not started", waiting))
	}
	return strings.Join(parts, ", ")
}
