package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/command"
	"github.com/armsecops/armsecops/examples/internal/commandtest"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/testkit"
)

// server returns the server in memory of a publication.
func server(p publication) *fake.Server { return p.options.Transport.(*fake.Server) }

func inject(fault fake.Fault) func(publication) {
	return func(p publication) { server(p).Inject(fault) }
}

// result is what a run printed, and how long it took.
type result struct {
	code           int
	stdout, stderr string
	took           time.Duration
}

// execute runs the program, without retries, on a clock that takes no time.
//   - interrupt: when Ctrl-C is pressed; 0 for never
//   - setUp: before it runs; nil for nothing
func execute(t *testing.T, args string, interrupt time.Duration, setUp func(publication)) (r result) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := testkit.Must(parse(strings.Fields(args)))
		p.options.Retry.MaxRetries = -1
		if setUp != nil {
			setUp(p)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if interrupt > 0 {
			time.AfterFunc(interrupt, cancel)
		}
		s, stdout, stderr := commandtest.Streams()
		start := time.Now()
		code := p.Exit(p.run(ctx, s), s)
		r = result{code, stdout.String(), stderr.String(), time.Since(start)}
		server(p).AssertFaultsConsumed(t)
	})
	return r
}

const (
	subscription = "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"
	assignments  = "/subscriptions/" + subscription + "/resourceGroups/security/providers/Microsoft.OperationalInsights/workspaces/central/providers/Microsoft.SecurityInsights/workspaceManagerAssignments/"
	assignmentID = assignments + "hunting"

	// resumeToken is the token of the job in memory.
	resumeToken = `{"type":"WorkspaceManagerJobsClientGetResponse","token":{"jobId":"` + assignments + `baseline/jobs/0b8a3f6e-2f0c-4c62-9e4f-6a1d5c7e9b21","checksum":"9OjRDKEyCP4="}}`
	notAToken   = "-resume: not a token of a job of this workspace, or not of this -assignment: run the command that publish printed, as it is"

	get          = "WorkspaceManagerJobsClient.Get"
	runAsProgram = "ARMSECOPS_RUN_PUBLISH" // variable of the environment

	livePlace = "-live -subscription " + subscription + " -resource-group myRg -workspace myWorkspace "
	live      = livePlace + "-assignment myAssignment "
)

// TestMain runs the program instead of the tests if the environment says so.
func TestMain(m *testing.M) {
	if os.Getenv(runAsProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

func TestSignalsPrintTheCommandThatResumes(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("a process can't send these signals to another one")
	}
	for s, names := range map[os.Signal][2]string{ // by which the program is started, and in the command
		os.Interrupt:    {"/opt/my tools/publish", "'/opt/my tools/publish'"},
		syscall.SIGTERM: {"/tmp/go-build1/b001/exe/publish", "go run ./examples/publish"},
		syscall.SIGHUP:  {"publish", "publish"},
	} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			if signal.Ignored(s) {
				t.Skip("the program inherits that it is ignored")
			}
			program := exec.CommandContext(t.Context(), os.Args[0], "-interval", "1h")
			program.Args[0], program.Env = names[0], append(os.Environ(), runAsProgram+"=1")
			var stdout bytes.Buffer
			program.Stdout = &stdout
			stderr := testkit.Must(program.StderrPipe())
			require.NoError(t, program.Start())
			lines := bufio.NewReader(stderr)
			line := testkit.Must(lines.ReadString('\n'))
			assert.Contains(t, line, "InProgress")
			require.NoError(t, program.Process.Signal(s))
			_, err := io.Copy(io.Discard, lines)
			require.NoError(t, err)
			require.Error(t, program.Wait())
			assert.Equal(t, 4, program.ProcessState.ExitCode())
			assert.Contains(t, stdout.String(), "\n"+names[1]+" -interval 1h0m0s -resume '"+resumeToken+"'\n")
		})
	}
}

// The files in testdata have the output, the exit code and the standard error of each run.
func TestRunMatchesGoldenFiles(t *testing.T) {
	t.Parallel()
	const (
		create = "WorkspaceManagerJobsClient.Create"
		list   = "WorkspaceManagerAssignmentsClient.NewListPager"

		ended     = `{"name":"job","properties":{"provisioningState":"%s"}}`
		canceled  = `{"name":"job","properties":{"provisioningState":"canceled","errorMessage":"The assignment was deleted."}}`
		forbidden = `{"error":{"code":"Forbidden","message":"Not yours."}}`
		all       = "-all -concurrency 1 "
	)
	succeed := func(p publication) { server(p).SetJobItems(p.assignment, items("baseline")[:3]) }
	lost := fake.Fault{Operation: create, Disconnect: true, CarriedOut: true}
	inChina := func(fault fake.Fault) func(publication) {
		return func(p publication) {
			p.Live, p.options.Cloud = true, cloud.AzureChina
			assert.NoError(t, p.Flags.Set("cloud", "china"))
			inject(fault)(p)
		}
	}
	for name, test := range map[string]struct { // by name of the golden file
		args      string
		setUp     func(publication)
		interrupt time.Duration
		code      int
	}{
		"succeeded":                  {setUp: succeed, code: 0},
		"succeeded-json":             {args: "-json", setUp: succeed, code: 0},
		"not-waited-for":             {args: "-wait=false", code: 0},
		"resumed":                    {args: "-resume " + resumeToken, code: 1},
		"resumed-once":               {args: "-resume " + resumeToken + " -resume " + resumeToken, code: 1},
		"failed":                     {code: 1},
		"failed-json":                {args: "-json", code: 1},
		"succeeded-at-once-json":     {args: "-json", setUp: inject(fake.Fault{Operation: create, Body: fmt.Sprintf(ended, "Succeeded")}), code: 0},
		"succeeded-with-failures":    {setUp: inject(fake.Fault{Operation: get, Body: `{"name":"job","properties":{"provisioningState":"Succeeded","items":[{"status":"Failed"},{"status":"Succeeded"}]}}`}), code: 1},
		"failed-at-once-json":        {args: "-json", setUp: inject(fake.Fault{Operation: create, Body: fmt.Sprintf(ended, "Failed")}), code: 1},
		"canceled":                   {setUp: inject(fake.Fault{Operation: get, Body: canceled}), code: 1},
		"refused":                    {setUp: inject(fake.Fault{Operation: create, StatusCode: 403, Body: forbidden}), code: 1},
		"poll-refused":               {setUp: inject(fake.Fault{Operation: get, Skip: 2, StatusCode: 403}), code: 1},
		"deleted":                    {setUp: inject(fake.Fault{Operation: get, Skip: 2, StatusCode: 404}), code: 1},
		"another-token":              {args: "-resume " + strings.Replace(resumeToken, "central", "other", 1), code: 2},
		"unknown":                    {args: "-recover=false", setUp: inject(lost), code: 3},
		"unknown-json":               {args: "-json -recover=false", setUp: inject(fake.Fault{Operation: create, StatusCode: 504}), code: 3},
		"timed-out":                  {args: "-timeout 2500ms", code: 4},
		"timed-out-json":             {args: "-timeout 1500ms -json", code: 4},
		"timed-out-between-requests": {args: "-interval 2500ms -timeout 3400ms", code: 4},
		"timed-out-in-request":       {args: "-timeout 1700ms", setUp: inject(fake.Fault{Operation: get, Skip: 1, Delay: time.Hour}), code: 4},
		"interrupted":                {interrupt: 1900 * time.Millisecond, code: 4},
		"one-by-id":                  {args: "-assignment " + assignmentID + " " + strings.ToUpper(assignmentID), code: 0},
		"recovered":                  {setUp: inject(lost), code: 1},
		"unknown-assignment":         {args: strings.Replace(assignmentID, "hunting", "other", 1), code: 1},
		"all":                        {args: all, code: 1},
		"all-json":                   {args: all + "-o json", code: 1},
		"all-not-waited-for":         {args: all + "-wait=false", code: 0},
		"all-unknown":                {args: all, setUp: inject(fake.Fault{Operation: create, Disconnect: true, Skip: 1}), code: 3},
		"unknown-live":               {args: "-recover=false -assignment hunting", setUp: inChina(lost), code: 3},
		"all-unknown-live":           {args: all + "-recover=false", setUp: inChina(fake.Fault{Operation: create, Disconnect: true}), interrupt: time.Second / 2, code: 3},
		"all-list-refused":           {args: "-all", setUp: inject(fake.Fault{Operation: list, StatusCode: 403, Body: forbidden}), code: 1},
		"all-interrupted":            {args: all + "-recover=false -interval 1s", interrupt: 4900 * time.Millisecond, code: 4},
		"all-timed-out-json":         {args: all + "-json -timeout 500ms", code: 4},
	} {
		r := execute(t, test.args, test.interrupt, test.setUp)
		assert.Equal(t, test.code, r.code, name)
		commandtest.AssertGolden(t, name, fmt.Sprintf("%sexit status %d\n-- standard error --\n%s", r.stdout, r.code, r.stderr))
		if strings.HasSuffix(name, "json") {
			assert.True(t, json.Valid([]byte(r.stdout)))
		}
	}
	r := execute(t, "", 0, nil)
	commandtest.AssertGolden(t, "output", fmt.Sprintf("%sexit status %d\n", r.stdout, r.code))
}

func TestSomeJobsRunAtATime(t *testing.T) {
	t.Parallel()
	for concurrency, want := range map[string]time.Duration{"1": 9 * time.Second, "2": 6 * time.Second, "3": 3 * time.Second, "100": 3 * time.Second} {
		r := execute(t, "-all -interval 1s -concurrency "+concurrency, 0, nil)
		assert.Equal(t, 1, r.code)
		assert.Equal(t, want, r.took, concurrency)
		for _, name := range []string{"baseline", "hunting", "reporting"} {
			assert.Contains(t, r.stdout, "\n"+name+" ")
			assert.Contains(t, r.stderr, name+": InProgress, 0 of ")
		}
	}
}

// What Ctrl-C prints leads to the end of the jobs that run and the start of the others.
func TestInterruptedRunOfAllIsResumed(t *testing.T) {
	t.Parallel()
	r := execute(t, "-all -concurrency 2", 1500*time.Millisecond, nil)
	assert.Equal(t, 4, r.code)
	assert.Contains(t, r.stderr, "\ninterrupted: 2 jobs run, 1 job was not started\n")
	var args []string
	for line := range strings.Lines(r.stdout) {
		if command, ok := strings.CutPrefix(line, "go run ./examples/publish "); ok {
			args = append(args, strings.ReplaceAll(command, "'", ""))
		}
	}
	require.Len(t, args, 2, r.stdout)
	r = execute(t, args[0], 0, nil)
	assert.Equal(t, 1, r.code)
	assert.Contains(t, r.stdout, "\nbaseline    Failed     12")
	assert.Contains(t, r.stdout, "\nhunting     Succeeded  3")
	r = execute(t, args[1], 0, nil)
	assert.Equal(t, 0, r.code)
	assert.Contains(t, r.stdout, "Succeeded, 2 of 2 items done")
}

func TestRunRefusesInvalidFlags(t *testing.T) {
	t.Parallel()
	const (
		instead   = "; a resource id has all of them, and -all and -resume need no -assignment"
		excluded  = "-all excludes -assignment, -resume and resource ids"
		elsewhere = `-subscription, -resource-group and -workspace say another place than the resource id: "` + assignmentID + `"`
	)
	for args, want := range map[string]string{ // the line before where to find help
		"now":                                    `unknown command "now": an argument is the resource id of a workspace manager assignment; for its name: -assignment now`,
		assignmentID + "/jobs/1":                 `not the resource id of a workspace manager assignment: "` + assignmentID + `/jobs/1"`,
		resumeToken:                              "a token goes after -resume, in single quotes",
		"-all " + assignmentID:                   excluded,
		"-all -assignment hunting":               excluded,
		"-assignment hunting -assignment other":  `invalid value "other" for flag -assignment: is given twice: ` + several,
		"-assignment hunting " + assignmentID:    "-assignment and resource ids exclude each other: " + several,
		"-live -workspace other " + assignmentID: elsewhere,
		"-all -concurrency 0":                    "-concurrency must be at least 1",
		"-live -all":                             "-live needs -subscription, -resource-group and -workspace",
		"-resume " + resumeToken + " -resume {}": notAToken,
		"\x1b[2Jnow":                             `an argument has control or invisible characters, or white space at an end: "\x1b[2Jnow"`,
		"-timeout -1s":                           "-timeout must not be negative",
		"-json -o text":                          "-json and -o exclude each other",
		"-assignment=":                           "the name or resource id of an assignment is empty",
		live + "-interval 999ms":                 "-interval must be at least 1s",
		"-resume=":                               "-resume: the token is empty",
		"-wait=false -resume " + resumeToken:     "-resume and -wait=false exclude each other",
		"-workspace myWorkspace":                 "-workspace needs -live",
		"-live":                                  "-live needs -subscription, -resource-group, -workspace and -assignment" + instead,
		livePlace:                                "-live needs -assignment" + instead,
		"-live -subscription mine -resource-group myRg -workspace myWorkspace -assignment a":                                 `-subscription "mine" must be a UUID, as in 00000000-0000-0000-0000-000000000000`,
		"-live -subscription d0cfe6b2-9ac0-4464-9919-dccaee2e48c0 -resource-group .. -workspace myWorkspace -assignment abc": `-resource-group ".." must not end in a period`,
	} {
		stderr := commandtest.AssertNoOutput(t, command.BadUsage, func(s command.Streams) int { return run(t.Context(), strings.Fields(args), s) }, args)
		assert.Equal(t, want+"\nFor help: publish -h\n", stderr, args)
	}
}

func TestScreensFitTheTerminal(t *testing.T) {
	t.Parallel()
	for name, args := range map[string]string{"help": "-h", "output": "", "all": "-all -concurrency 1 -timeout 5500ms", "timed-out": "-interval 2500ms -timeout 3400ms"} {
		synctest.Test(t, func(t *testing.T) {
			commandtest.AssertScreens(t, name, func(s command.Streams) int { return run(t.Context(), strings.Fields(args), s) })
		})
	}
}

func TestParseReadsLiveFlags(t *testing.T) {
	t.Parallel()
	id := armsecops.WorkspaceManagerAssignmentID{SubscriptionID: subscription, ResourceGroupName: "myRg", WorkspaceName: "myWorkspace", Name: "myAssignment"}
	for name, want := range map[string]cloud.Configuration{"public": cloud.AzurePublic, "china": cloud.AzureChina, "government": cloud.AzureGovernment} {
		p := testkit.Must(parse(strings.Fields(live + "-cloud " + name + " -resume " + resumeToken)))
		assert.Equal(t, id, p.assignment)
		assert.Equal(t, want, p.options.Cloud)
		assert.Nil(t, p.options.Transport, "must be the network")
		assert.NotNil(t, p.credential)
		assert.Equal(t, 5*time.Second, p.interval)
	}
}

func TestRunReportsAFullDisk(t *testing.T) {
	t.Parallel()
	for args, resumption := range map[string]int{"-wait=false": 1, "-all -wait=false": 3, "-wait=false -json": 1, "-resume " + resumeToken: 0, "-h": 0} {
		synctest.Test(t, func(t *testing.T) {
			stderr := commandtest.AssertLostOutput(t, func(s command.Streams) int { return run(t.Context(), strings.Fields(args), s) }, args)
			assert.Equal(t, resumption, strings.Count(stderr, " -resume '"), args)
		})
	}
}

// The reader of a pipe may leave. That must not end the program halfway.
func TestClosedPipeKeepsTheResumption(t *testing.T) {
	t.Parallel()
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, reader.Close())
	program := exec.CommandContext(t.Context(), os.Args[0], "-wait=false")
	var stderr bytes.Buffer
	program.Env, program.Stdout, program.Stderr = append(os.Environ(), runAsProgram+"=1"), writer, &stderr
	require.Error(t, program.Run())
	assert.Equal(t, command.LostOutput, program.ProcessState.ExitCode())
	assert.Contains(t, stderr.String(), " -resume '")
}

func TestRunPrintsNoControlCharacters(t *testing.T) {
	t.Parallel()
	job := fake.Fault{Operation: get, Body: `{
		"name": "\u001b]0;title\u0007\njob",
		"properties": {"provisioningState": "Fai\u0008led", "errorMessage": "a\r\n\u001b[2Jb", "items": [{
			"resourceId": "/rules/\u202egnp.exe", "status": "Failed",
			"errors": [{"memberResourceName": "\u009b2J", "errorMessage": "one\r\ntwo\u0000\ud83d\ude00"}]
		}]}
	}`}
	failed := fake.Fault{Operation: get, StatusCode: 403, Body: `{"error":{"code":"\u001b[2J","message":"\u009b2J\u202e"}}`}
	for name, test := range map[string]struct {
		args  string
		fault fake.Fault
		want  []string // parts of the output
	}{
		"job": {"", job, []string{
			"Job ]0;title job: Failed, 1 of 1 item done, 1 failed\n", "\na  [2Jb\n", "\nFailed at 2J:\n", "\nrules/gnp.exe  one  two😀\n",
		}},
		"job as JSON":   {"-json", job, []string{`"errorMessage": "one\r\ntwo\u0000😀"`}},
		"error":         {"", failed, nil},
		"error as JSON": {"-json", failed, nil},
	} {
		r := execute(t, test.args+" -timeout 500ms", 0, inject(test.fault))
		assert.NotZero(t, r.code, name)
		commandtest.AssertPrintable(t, r.stdout+r.stderr)
		for _, want := range test.want {
			assert.Contains(t, r.stdout, want, name)
		}
	}
}

func TestNamesAreCutBeforeTheTime(t *testing.T) {
	t.Parallel()
	for columns, want := range map[int]string{
		100: "[........................] 0 of 3 jobs ended, baseline 0/12, hunting 0/12, reporting 0/12, 0s",
		72:  "[.....] 0 of 3 jobs ended, baseli… 0/12, hunting 0/12, report… 0/12, 0s",
		60:  "[.....] 0 of 3 jobs ended, ba… 0/12, hu… 0/12, re… 0/12, 0s",
		58:  "[......................] 0 of 3 jobs ended, 3 running, 0s",
		39:  "0 of 3 jobs ended, 3 running, 0s",
	} {
		_, _, screen := commandtest.Streams()
		p := publication{}.newProgress(commandtest.Terminal(screen, columns), 3)
		for i, name := range []string{"baseline", "hunting", "reporting"} {
			p.show(i, name, armsecops.Job{Properties: armsecops.JobProperties{Items: make([]armsecops.JobItem, 12)}})
		}
		assert.Equal(t, want, strings.TrimSpace(screen.String()[strings.LastIndex(screen.String(), "\r"):]), columns)
	}
}
