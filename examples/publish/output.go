package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/command"
	"github.com/armsecops/armsecops/examples/internal/terminal"
)

// progress shows the progress of jobs: on a terminal, a bar that is redrawn in
// place; elsewhere, a line for each change of a job. Beside JSON, which is for
// programs, it shows nothing elsewhere.
type progress struct {
	out   *terminal.Output
	quiet bool
	start time.Time

	mu    sync.Mutex
	names []string
	jobs  []*armsecops.Job // nil before the first poll
	shown []string         // the last line of each job
}

func (p publication) newProgress(out *terminal.Output, jobs int) *progress {
	return &progress{
		out: out, quiet: p.format == "json", start: time.Now(),
		names: make([]string, jobs), jobs: make([]*armsecops.Job, jobs), shown: make([]string, jobs),
	}
}

// show shows the state of a job.
//   - i: its number
//   - name: of its assignment, if there are several jobs
func (p *progress) show(i int, name string, job armsecops.Job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.names[i], p.jobs[i] = terminal.Printable(name), &job
	line := describe(job)
	columns := p.out.Width()
	switch {
	case columns > 0:
		elapsed := ", " + time.Since(p.start).Truncate(time.Second).String()
		room := columns - 1 - len(bar(0, shortestBar)) - len(elapsed) // in the last column, the cursor may wrap
		if len(p.jobs) > 1 {
			line = p.summary(room)
		}
		line += elapsed
		p.out.Status(bar(p.done(), columns-terminal.TextWidth(line)-len("[] ")-1) + line)
	case p.quiet:
	case line != p.shown[i]:
		p.shown[i] = line
		if len(p.jobs) > 1 {
			line = p.names[i] + ": " + line
		}
		p.out.Println(line)
	}
}

// summary returns how many jobs have ended, and the progress of those that run. It
// cuts their names to fit the columns, and leaves them out if that is not enough.
func (p *progress) summary(columns int) string {
	ended, longest := 0, 0
	var running []int
	for i, job := range p.jobs {
		switch {
		case job == nil:
		case job.Properties.ProvisioningState.Terminal():
			ended++
		default:
			running = append(running, i)
			longest = max(longest, terminal.TextWidth(p.names[i]))
		}
	}
	text := fmt.Sprintf("%d of %s ended", ended, command.Count(len(p.jobs), "job"))
	if len(running) == 0 {
		return text
	}
	for name := longest; name >= min(longest, shortestName); name-- {
		line := text
		for _, i := range running {
			s := p.jobs[i].Properties.Summary()
			line += fmt.Sprintf(", %s %d/%d", terminal.Cut(p.names[i], name), s.Succeeded+s.Failed, s.Total)
		}
		if terminal.TextWidth(line) <= columns {
			return line
		}
	}
	return fmt.Sprintf("%s, %d running", text, len(running))
}

// done returns the part of the work that is done, 0 to 1.
func (p *progress) done() (done float64) {
	for _, job := range p.jobs {
		if job == nil {
			continue
		}
		if s := job.Properties.Summary(); s.Total > 0 {
			done += float64(s.Succeeded+s.Failed) / float64(s.Total)
		}
	}
	return done / float64(len(p.jobs))
}

// The columns that a bar and a name must have to be shown.
const (
	shortestBar  = 4
	shortestName = 3
)

func (p *progress) end() { p.out.EndStatus() }

// bar returns a bar of up to 24 columns, or "" if there are only a few.
func bar(done float64, columns int) string {
	columns = min(columns, 24)
	if columns < shortestBar {
		return ""
	}
	filled := int(done*float64(columns) + 1e-9)
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

// print prints an outcome as text.
func (p publication) print(out *terminal.Output, o outcome) {
	if o.job != nil {
		printJob(out, *o.job)
	}
	p.printResumption(out, "To wait for the job's end:", o)
}

// printMemoryNote says that what is printed as text isn't Azure's.
func (p publication) printMemoryNote(out *terminal.Output) {
	if !p.Live {
		out.Println("This was a server in memory, with invented assignments: -live uses Azure.")
	}
}

// commandLine returns the beginning of a command line of this program, for the cloud of this run.
func (p publication) commandLine() []string {
	words := []string{"go", "run", "./examples/publish"}
	if p.program != "" {
		words = []string{p.program}
	}
	if p.Live {
		words = append(words, "-live")
	}
	if p.Given("cloud") {
		words = append(words, "-cloud", p.Flags.Lookup("cloud").Value.String())
	}
	return words
}

// printResumption prints the command that waits for the jobs that haven't ended, or
// one for each workspace.
func (p publication) printResumption(out *terminal.Output, heading string, outcomes ...outcome) {
	var commands [][]string
	numbers := map[armsecops.WorkspaceManagerAssignmentID]int{} // of the commands, by workspace
	for _, o := range outcomes {
		token := o.resumeToken
		if errors.Is(o.err, errNotStarted) {
			token = o.target.token
		}
		if token == "" {
			continue
		}
		workspace := o.target.id
		workspace.Name = "" // is in the token
		i, found := numbers[workspace]
		if !found {
			i = len(commands)
			numbers[workspace] = i
			words := append(p.commandLine(), p.waitFlags()...)
			if p.Live {
				words = append(words, "-subscription", workspace.SubscriptionID,
					"-resource-group", workspace.ResourceGroupName, "-workspace", workspace.WorkspaceName)
			}
			commands = append(commands, words)
		}
		commands[i] = append(commands[i], "-resume", token)
	}
	if commands != nil {
		out.Println("\n" + heading)
	}
	for _, words := range commands {
		out.PrintCommand(words...)
	}
}

// printListing prints the command that lists the jobs of an assignment, for a start
// whose outcome is unknown. The jobs in memory are gone.
func (p publication) printListing(out *terminal.Output, id armsecops.WorkspaceManagerAssignmentID) {
	if !p.Live {
		return
	}
	path := url.URL{Path: id.String() + "/jobs", RawQuery: "api-version=2025-04-01-preview"}
	out.Println("To list the jobs:")
	out.PrintCommand("az", "rest", "--url", p.options.Cloud.Services[cloud.ResourceManager].Endpoint+path.String())
}

// jsonOutcome is the JSON of an outcome.
type jsonOutcome struct {
	Assignment  string         `json:"assignment,omitzero"` // resource id; absent if only an unread token has it
	Job         *armsecops.Job `json:"job,omitzero"`
	Failures    []jsonFailure  `json:"failures,omitzero"`
	ResumeToken string         `json:"resumeToken,omitzero"`
	Error       string         `json:"error,omitzero"`
}

type jsonFailure struct {
	ResourceID         string `json:"resourceId"`
	MemberResourceName string `json:"memberResourceName,omitzero"`
	ErrorMessage       string `json:"errorMessage,omitzero"`
}

func (o outcome) forJSON() jsonOutcome {
	printed := jsonOutcome{Job: o.job, ResumeToken: o.resumeToken}
	id := o.target.id
	if id.Name = nameOf(o.target, o.job); id.Name != "" {
		printed.Assignment = id.String()
	}
	if o.job != nil {
		for f := range o.job.Properties.Failures() {
			printed.Failures = append(printed.Failures, jsonFailure(f))
		}
	}
	if o.err != nil {
		printed.Error = o.err.Error()
	}
	return printed
}

// printJSON prints the outcomes of several assignments.
func printJSON(out *terminal.Output, outcomes []outcome) error {
	printed := make([]jsonOutcome, len(outcomes))
	for i, o := range outcomes {
		printed[i] = o.forJSON()
	}
	return out.JSON(map[string]any{"assignments": printed})
}

// printJob prints a job and its failures.
func printJob(out *terminal.Output, job armsecops.Job) {
	p := job.Properties
	out.Println("Job " + terminal.Printable(job.Name) + ": " + describe(job))
	out.Println("Started " + formatTime(p.StartTime) + ", ended " + formatTime(p.EndTime))
	if p.ErrorMessage != "" {
		out.Println(terminal.Printable(p.ErrorMessage))
	}
	printFailures(out, failuresOf("", job))
}

// failure is an item of an assignment that could not be published to a member.
type failure struct {
	assignment string // empty if there is only one
	armsecops.JobFailure
}

func failuresOf(assignment string, job armsecops.Job) (failures []failure) {
	for f := range job.Properties.Failures() {
		failures = append(failures, failure{assignment, f})
	}
	return failures
}

// printFailures prints a table for each member, the name of which can fill a line.
func printFailures(out *terminal.Output, failures []failure) {
	byMember := map[string][][]string{}
	for _, f := range failures {
		row := []string{typeAndName(f.ResourceID), f.ErrorMessage}
		if f.assignment != "" {
			row = slices.Insert(row, 1, f.assignment)
		}
		byMember[f.MemberResourceName] = append(byMember[f.MemberResourceName], row)
	}
	for _, member := range slices.Sorted(maps.Keys(byMember)) {
		rows := byMember[member]
		header := []string{"ITEM", "ERROR"}
		if len(rows[0]) > len(header) {
			header = slices.Insert(header, 1, "ASSIGNMENT")
		}
		out.Println("\nFailed at " + cmp.Or(terminal.Printable(member), "a member that the service doesn't name") + ":")
		out.Table(slices.Insert(rows, 0, header))
	}
}

// typeAndName returns what tells content items apart: the last two segments of a
// resource id, as in alertRules/mass-download. The names of real ones are UUIDs.
func typeAndName(id string) string {
	segments := strings.Split(strings.Trim(id, "/"), "/")
	return strings.Join(segments[max(0, len(segments)-2):], "/")
}

func formatTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}
