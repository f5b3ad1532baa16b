package main

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf16"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/terminal"
)

// progress shows how a job goes on: a bar that is redrawn in place on a
// terminal, else a line for each change.
type progress struct {
	w        io.Writer
	terminal bool
	start    time.Time
	job      armsecops.Job // as it was last shown
	shown    string        // the last line; empty: none
}

func newProgress(w io.Writer) *progress {
	return &progress{w: w, terminal: terminal.Is(w), start: time.Now()}
}

// show shows the job as it is now.
func (p *progress) show(job armsecops.Job) {
	p.job = job
	if p.terminal {
		p.draw()
		return
	}
	if line := describe(job); line != p.shown {
		fmt.Fprintln(p.w, line)
		p.shown = line
	}
}

// draw draws the bar over the one before.
func (p *progress) draw() {
	const width = 24
	summary := p.job.Properties.Summary()
	filled := 0
	if summary.Total > 0 {
		filled = width * (summary.Succeeded + summary.Failed) / summary.Total
	}
	p.shown = fmt.Sprintf("[%s%s] %s, %s", strings.Repeat("#", filled), strings.Repeat(".", width-filled),
		describe(p.job), time.Since(p.start).Truncate(time.Second))
	fmt.Fprint(p.w, "\r"+p.shown+"\x1b[K") // and clear what is left of a longer one
}

// pause returns after the delay or when the context ends; until then, the bar's clock runs.
func (p *progress) pause(ctx context.Context, delay time.Duration) error {
	end := time.NewTimer(delay)
	defer end.Stop()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-end.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-second.C:
			if p.terminal {
				p.draw()
			}
		}
	}
}

// end leaves the bar's line.
func (p *progress) end() {
	if p.terminal && p.shown != "" {
		fmt.Fprintln(p.w)
	}
}

// describe returns the job's state, and how many of its items are done.
func describe(job armsecops.Job) string {
	state, summary := terminal.Printable(string(job.Properties.ProvisioningState)), job.Properties.Summary()
	if summary.Total == 0 {
		return state
	}
	return fmt.Sprintf("%s, %d of %d items done, %d failed", state, summary.Succeeded+summary.Failed, summary.Total, summary.Failed)
}

// printJob prints a job, and a table of what it could not publish where.
func printJob(w io.Writer, job armsecops.Job) error {
	p := job.Properties
	fmt.Fprintf(w, "Job %s: %s\n", orDash(job.Name), describe(job))
	fmt.Fprintf(w, "Started %s, ended %s\n", when(p.StartTime), when(p.EndTime))
	if p.ErrorMessage != "" {
		fmt.Fprintln(w, terminal.Printable(p.ErrorMessage))
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	header := "\nITEM\tMEMBER\tERROR\n"
	for f := range p.Failures() {
		fmt.Fprintf(t, "%s%s\t%s\t%s\n", header, orDash(path.Base(f.ResourceID)), orDash(f.MemberResourceName), orDash(f.ErrorMessage))
		header = ""
	}
	return t.Flush()
}

func orDash(s string) string {
	if s = terminal.Printable(s); s == "" {
		return "-"
	}
	return s
}

func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// ascii returns JSON with every character beyond ASCII escaped.
func ascii(data []byte) string {
	var b strings.Builder
	for _, r := range string(data) {
		if r < 0x7f {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}
