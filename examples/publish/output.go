package main

import (
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/command"
	"github.com/armsecops/armsecops/examples/internal/terminal"
)

// progress shows the progress of a job: on a terminal, a bar that is redrawn in
// place; elsewhere, a line for each change.
type progress struct {
	out   *terminal.Output
	start time.Time
	shown string // the last line; empty if there is none
}

func newProgress(out *terminal.Output) *progress { return &progress{out: out, start: time.Now()} }

// show shows the state of the job.
func (p *progress) show(job armsecops.Job) {
	line := describe(job)
	columns := p.out.Width()
	switch {
	case columns > 0:
		line += ", " + time.Since(p.start).Truncate(time.Second).String()
		p.out.Status(bar(job, columns-len(line)-len("[] ")-1) + line)
	case line != p.shown:
		p.out.Println(line)
		p.shown = line
	}
}

func (p *progress) end() { p.out.EndStatus() }

// bar returns a bar of up to 24 columns, or "" if there are only a few.
func bar(job armsecops.Job, columns int) string {
	columns = min(columns, 24)
	if columns < 4 {
		return ""
	}
	filled := 0
	if s := job.Properties.Summary(); s.Total > 0 {
		filled = columns * (s.Succeeded + s.Failed) / s.Total
	}
	return "[" + strings.Repeat("#", filled) + strings.Repeat(".", columns-filled) + "] "
}

// describe returns the job's state and the number of its items that are done.
func describe(job armsecops.Job) string {
	state, s := terminal.Printable(string(job.Properties.ProvisioningState)), job.Properties.Summary()
	if s.Total == 0 {
		return state
	}
	return fmt.Sprintf("%s, %d of %s done, %d failed", state, s.Succeeded+s.Failed, command.Count(s.Total, "item"), s.Failed)
}

// printJob prints a job and a table of its failures.
func printJob(out *terminal.Output, job armsecops.Job) {
	p := job.Properties
	out.Println("Job " + terminal.Printable(job.Name) + ": " + describe(job))
	out.Println("Started " + formatTime(p.StartTime) + ", ended " + formatTime(p.EndTime))
	if p.ErrorMessage != "" {
		out.Println(terminal.Printable(p.ErrorMessage))
	}
	rows := [][]string{{"ITEM", "MEMBER", "ERROR"}}
	for f := range p.Failures() {
		rows = append(rows, []string{path.Base(f.ResourceID), f.MemberResourceName, f.ErrorMessage})
	}
	if len(rows) > 1 {
		out.Println("")
		out.Table(rows)
	}
}

func formatTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}
