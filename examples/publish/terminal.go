package main

import (
	"cmp"
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

// progress shows the progress of a job: on a terminal, a bar that is redrawn in
// place; elsewhere, a line for each change.
type progress struct {
	w        io.Writer
	terminal bool
	start    time.Time
	job      armsecops.Job // of the last show
	shown    string        // the last line; empty if there is none
}

func newProgress(w io.Writer) *progress {
	return &progress{w: w, terminal: terminal.Is(w), start: time.Now()}
}

// show shows the state of the job.
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

// draw draws the bar over the previous one.
func (p *progress) draw() {
	const width = 24
	summary := p.job.Properties.Summary()
	filled := 0
	if summary.Total > 0 {
		filled = width * (summary.Succeeded + summary.Failed) / summary.Total
	}
	p.shown = fmt.Sprintf("[%s%s] %s, %s", strings.Repeat("#", filled), strings.Repeat(".", width-filled),
		describe(p.job), time.Since(p.start).Truncate(time.Second))
	fmt.Fprint(p.w, "\r"+p.shown+"\x1b[K") // clears the rest of a longer bar
}

// wait returns after the delay or when the context ends. Meanwhile it redraws the
// bar every second.
func (p *progress) wait(ctx context.Context, delay time.Duration) error {
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

// end ends the line of the bar.
func (p *progress) end() {
	if p.terminal && p.shown != "" {
		fmt.Fprintln(p.w)
	}
}

// describe returns the job's state and the number of its items that are done.
func describe(job armsecops.Job) string {
	state, summary := terminal.Printable(string(job.Properties.ProvisioningState)), job.Properties.Summary()
	if summary.Total == 0 {
		return state
	}
	return fmt.Sprintf("%s, %d of %d items done, %d failed", state, summary.Succeeded+summary.Failed, summary.Total, summary.Failed)
}

// printJob prints a job and a table of its failures.
func printJob(w io.Writer, job armsecops.Job) error {
	p := job.Properties
	fmt.Fprintf(w, "Job %s: %s\n", orDash(job.Name), describe(job))
	fmt.Fprintf(w, "Started %s, ended %s\n", formatTime(p.StartTime), formatTime(p.EndTime))
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

func orDash(s string) string { return cmp.Or(terminal.Printable(s), "-") }

func formatTime(t time.Time) string {
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
