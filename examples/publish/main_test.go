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
	"unicode"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/command"
	"github.com/armsecops/armsecops/examples/internal/commandtest"
	"github.com/armsecops/armsecops/examples/internal/terminal"
	"github.com/armsecops/armsecops/fake"
)

// server returns the server in memory of a publication.
func server(p publication) *fake.Server { return p.options.Transport.(*fake.Server) }

const subscription = "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"

// resumeToken is the token of the job in memory.
const resumeToken = `{"type":"WorkspaceManagerJobsClientGetResponse","token":{"jobId":"/subscriptions/` + subscription +
	`/resourceGroups/security/providers/Microsoft.OperationalInsights/workspaces/central/providers/Microsoft.SecurityInsights` +
	`/workspaceManagerAssignments/baseline/jobs/0b8a3f6e-2f0c-4c62-9e4f-6a1d5c7e9b21","checksum":"9OjRDKEyCP4="}}`

const (
	assignmentID = "/subscriptions/" + subscription + "/resourceGroups/security/providers/Microsoft.OperationalInsights" +
		"/workspaces/central/providers/Microsoft.SecurityInsights/workspaceManagerAssignments/hunting"
	notAToken = "-resume: not a token of a job of this workspace: copy all that publish printed, in single quotes, and the flags of that run"
)

// liveFlags returns valid flags for -live, and more.
func liveFlags(more ...string) []string {
	return append([]string{
		"-live", "-subscription", subscription, "-resource-group", "myRg",
		"-workspace", "myWorkspace", "-assignment", "myAssignment",
	}, more...)
}

// TestMain runs the program instead of the tests if the environment says so.
func TestMain(m *testing.M) {
	if os.Getenv(runAsProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

const runAsProgram = "ARMSECOPS_RUN_PUBLISH"

func TestSignalsPrintTheResumeToken(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("a process can't send these signals to another one")
	}
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			if signal.Ignored(s) {
				t.Skip("the program inherits that it is ignored")
			}
			program := exec.CommandContext(t.Context(), os.Args[0], "-interval", "1h")
			program.Env = append(os.Environ(), runAsProgram+"=1")
			var stdout bytes.Buffer
			program.Stdout = &stdout
			stderr, err := program.StderrPipe()
			require.NoError(t, err)
			require.NoError(t, program.Start())
			lines := bufio.NewReader(stderr)
			line, err := lines.ReadString('\n')
			require.NoError(t, err)
			assert.Contains(t, line, "InProgress")
			require.NoError(t, program.Process.Signal(s))
			_, err = io.Copy(io.Discard, lines)
			require.NoError(t, err)
			require.Error(t, program.Wait())
			assert.Equal(t, 4, program.ProcessState.ExitCode())
			assert.Contains(t, stdout.String(), "-resume '"+resumeToken+"'")
		})
	}
}

// The files in testdata have the output, the exit code and the standard error of each run.
func TestRunMatchesGoldenFiles(t *testing.T) {
	t.Parallel()
	const (
		create = "WorkspaceManagerJobsClient.Create"
		get    = "WorkspaceManagerJobsClient.Get"
		list   = "WorkspaceManagerAssignmentsClient.NewListPager"
	)
	const canceled = `{"name":"job","properties":{"provisioningState":"canceled","errorMessage":"The assignment was deleted."}}`
	const forbidden = `{"error":{"code":"Forbidden","message":"Not yours."}}`
	succeed := func(p publication) { server(p).SetJobItems(p.assignment, items("baseline")[:3]) }
	inject := func(fault fake.Fault) func(publication) {
		return func(p publication) { server(p).Inject(fault) }
	}
	tests := map[string]struct { // by name of the golden file
		args      []string
		setUp     func(publication) // nil if there is nothing to set up
		interrupt time.Duration     // when Ctrl-C is pressed; 0 for never
		code      int
	}{
		"succeeded":                  {setUp: succeed, code: 0},
		"succeeded-json":             {args: []string{"-json"}, setUp: succeed, code: 0},
		"not-waited-for":             {args: []string{"-wait=false"}, code: 0},
		"resumed":                    {args: []string{"-resume", resumeToken}, code: 1},
		"failed":                     {code: 1},
		"failed-json":                {args: []string{"-json"}, code: 1},
		"canceled":                   {setUp: inject(fake.Fault{Operation: get, Body: canceled}), code: 1},
		"refused":                    {setUp: inject(fake.Fault{Operation: create, StatusCode: 403, Body: forbidden}), code: 1},
		"poll-refused":               {setUp: inject(fake.Fault{Operation: get, Skip: 2, StatusCode: 403}), code: 1},
		"deleted":                    {setUp: inject(fake.Fault{Operation: get, Skip: 2, StatusCode: 404}), code: 1},
		"another-token":              {args: []string{"-resume", strings.Replace(resumeToken, "central", "other", 1)}, code: 2},
		"unknown":                    {setUp: inject(fake.Fault{Operation: create, Disconnect: true, CarriedOut: true}), code: 3},
		"unknown-json":               {args: []string{"-json"}, setUp: inject(fake.Fault{Operation: create, StatusCode: 504}), code: 3},
		"timed-out":                  {args: []string{"-timeout", "2500ms"}, code: 4},
		"timed-out-json":             {args: []string{"-timeout", "1500ms", "-json"}, code: 4},
		"timed-out-between-requests": {args: []string{"-interval", "2500ms", "-timeout", "3400ms"}, code: 4},
		"timed-out-in-request": {
			args: []string{"-timeout", "1700ms"}, setUp: inject(fake.Fault{Operation: get, Skip: 1, Delay: time.Hour}), code: 4,
		},
		"interrupted": {interrupt: 1900 * time.Millisecond, code: 4},
		"one-by-id":   {args: []string{"-assignment", assignmentID, strings.ToUpper(assignmentID)}, code: 0},
		"recovered": {
			args: []string{"-recover"}, setUp: inject(fake.Fault{Operation: create, Disconnect: true, CarriedOut: true}), code: 1,
		},
		"unknown-assignment": {args: []string{strings.Replace(assignmentID, "hunting", "other", 1)}, code: 1},
		"all":                {args: []string{"-all", "-concurrency", "1"}, code: 1},
		"all-json":           {args: []string{"-all", "-o", "json", "-concurrency", "1"}, code: 1},
		"all-not-waited-for": {args: []string{"-all", "-concurrency", "1", "-wait=false"}, code: 0},
		"all-unknown":        {args: []string{"-all", "-concurrency", "1"}, setUp: inject(fake.Fault{Operation: create, Disconnect: true, Skip: 1}), code: 3},
		"all-list-refused":   {args: []string{"-all"}, setUp: inject(fake.Fault{Operation: list, StatusCode: 403, Body: forbidden}), code: 1},
		"all-interrupted":    {args: []string{"-all", "-concurrency", "1"}, interrupt: 4900 * time.Millisecond, code: 4},
		"all-timed-out-json": {args: []string{"-all", "-concurrency", "1", "-json", "-timeout", "500ms"}, code: 4},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p, err := parse(test.args)
				require.NoError(t, err)
				p.options.Retry.MaxRetries = -1
				if test.setUp != nil {
					test.setUp(p)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if test.interrupt > 0 {
					time.AfterFunc(test.interrupt, cancel)
				}
				s, stdout, stderr := commandtest.Streams()
				code := p.Exit(p.run(ctx, s), s)
				assert.Equal(t, test.code, code)
				server(p).AssertFaultsConsumed(t)
				commandtest.AssertGolden(t, name, fmt.Sprintf("%sexit status %d\n-- standard error --\n%s", stdout, code, stderr))
				if p.format == "json" {
					assert.True(t, json.Valid(stdout.Bytes()))
				}
			})
		})
	}
}

func TestRunWithoutArguments(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, stdout, _ := commandtest.Streams()
		code := run(t.Context(), nil, s)
		assert.Equal(t, 1, code)
		commandtest.AssertGolden(t, "output", fmt.Sprintf("%sexit status %d\n", stdout, code))
	})
}

func TestRunResumesWithAPrintedToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, stdout, _ := commandtest.Streams()
		require.Equal(t, 4, run(t.Context(), []string{"-timeout", "1500ms", "-json"}, s))
		var printed struct {
			ResumeToken string `json:"resumeToken"`
		}
		require.NoError(t, json.Unmarshal(stdout.Bytes(), &printed))
		assert.Equal(t, resumeToken, printed.ResumeToken)

		stdout.Reset()
		assert.Equal(t, 1, run(t.Context(), []string{"-resume", printed.ResumeToken}, s))
		assert.Contains(t, stdout.String(), "Failed, 12 of 12 items done, 2 failed")
	})
}

func TestSomeJobsRunAtATime(t *testing.T) {
	t.Parallel()
	for concurrency, want := range map[string]time.Duration{"1": 9 * time.Second, "2": 6 * time.Second, "3": 3 * time.Second, "100": 3 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			p, err := parse([]string{"-all", "-concurrency", concurrency})
			require.NoError(t, err)
			s, stdout, stderr := commandtest.Streams()
			start := time.Now()
			assert.Equal(t, 1, p.Exit(p.run(t.Context(), s), s))
			assert.Equal(t, want, time.Since(start), concurrency)
			for _, name := range []string{"baseline", "hunting", "reporting"} {
				assert.Contains(t, stdout.String(), "\n"+name+" ")
				assert.Contains(t, stderr.String(), name+": InProgress, 0 of ")
			}
		})
	}
}

// What Ctrl-C prints leads to the end of the jobs that run and the start of the others.
func TestInterruptedRunOfAllIsResumed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		s, stdout, _ := commandtest.Streams()
		assert.Equal(t, 4, run(ctx, []string{"-all", "-concurrency", "2"}, s))
		var args, ids []string
		for line := range strings.Lines(stdout.String()) {
			if token, ok := strings.CutPrefix(strings.TrimSpace(line), "-resume "); ok {
				args = append(args, "-resume", strings.Trim(token, "'"))
			} else if strings.HasPrefix(line, "/subscriptions/") {
				ids = append(ids, strings.TrimSpace(line))
			}
		}
		require.Len(t, args, 4)
		require.Len(t, ids, 1)
		s, stdout, _ = commandtest.Streams()
		assert.Equal(t, 1, run(t.Context(), append(args, ids...), s))
		for _, want := range []string{"\nbaseline    Failed     12", "\nhunting     Succeeded  3", "\nreporting   Succeeded  2"} {
			assert.Contains(t, stdout.String(), want)
		}
	})
}

func TestRunWaitsForRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, err := parse(nil)
		require.NoError(t, err)
		server(p).Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Get", RetryAfter: time.Minute})
		start := time.Now()
		s, _, _ := commandtest.Streams()
		assert.Equal(t, 1, p.Exit(p.run(t.Context(), s), s))
		assert.Equal(t, time.Minute+2*time.Second, time.Since(start))
	})
}

func TestRunRefusesInvalidFlags(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		want string // the line before where to find help
	}{
		"unknown flag": {[]string{"-verbose"}, "unknown flag: -verbose"},
		"unknown command": {
			[]string{"now"}, `unknown command "now": an argument is the resource id of a workspace manager assignment`,
		},
		"id of a job":         {[]string{assignmentID + "/jobs/1"}, `not the resource id of a workspace manager assignment: "` + assignmentID + `/jobs/1"`},
		"token":               {[]string{resumeToken}, "a token goes after -resume, in single quotes"},
		"flags last":          {[]string{assignmentID, "-all"}, "flags come before the arguments: -all"},
		"all and one":         {[]string{"-all", assignmentID}, "-all excludes -assignment, -resume and resource ids"},
		"all and -assignment": {[]string{"-all", "-assignment", "hunting"}, "-all excludes -assignment, -resume and resource ids"},
		"id and -assignment":  {[]string{"-assignment", "hunting", assignmentID}, "-assignment and resource ids exclude each other"},
		"id and workspace": {
			[]string{"-live", "-workspace", "other", assignmentID},
			`-subscription, -resource-group and -workspace say another place than the resource id: "` + assignmentID + `"`,
		},
		"none at a time":                   {[]string{"-all", "-concurrency", "0"}, "-concurrency must be at least 1"},
		"all without its place":            {[]string{"-live", "-all"}, "-live needs -subscription, -resource-group and -workspace"},
		"several, one no token":            {[]string{"-resume", resumeToken, "-resume", "{}"}, notAToken},
		"argument with control characters": {[]string{"\x1b[2Jnow"}, `an argument has control characters, or white space at an end: "\x1b[2Jnow"`},
		"timeout without unit":             {[]string{"-timeout", "5"}, `invalid value "5" for flag -timeout: must be a duration, such as 90s or 10m`},
		"negative timeout":                 {[]string{"-timeout", "-1s"}, "-timeout must not be negative"},
		"no interval":                      {[]string{"-interval", "0"}, "-interval must be at least 1s"},
		"short interval":                   {liveFlags("-interval", "999ms"), "-interval must be at least 1s"},
		"empty token":                      {[]string{"-resume", ""}, "-resume: the token is empty"},
		"resume without wait": {
			[]string{"-resume", resumeToken, "-wait=false"}, "-resume and -wait=false exclude each other",
		},
		"not a token": {
			[]string{"-resume", "{}"}, notAToken,
		},
		"without -live":                {[]string{"-workspace", "myWorkspace"}, "-workspace needs -live"},
		"-live alone":                  {[]string{"-live"}, "-live needs -subscription, -resource-group, -workspace and -assignment"},
		"-live without the assignment": {liveFlags()[:7], "-live needs -assignment"},
		"not a subscription": {
			liveFlags("-subscription", "mine"),
			`-subscription "mine" must be a UUID, as in 00000000-0000-0000-0000-000000000000`,
		},
		"not a resource group": {
			liveFlags("-resource-group", ".."), `-resource-group ".." must not end in a period`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, stdout, stderr := commandtest.Streams()
			assert.Equal(t, command.BadUsage, run(t.Context(), test.args, s))
			assert.Empty(t, stdout.String())
			assert.Equal(t, test.want+"\nFor help: publish -h\n", stderr.String())
		})
	}
}

func TestScreensFitTheTerminal(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"help": {"-h"}, "output": nil, "all": {"-all", "-concurrency", "1", "-timeout", "5500ms"}, "timed-out": {"-interval", "2500ms", "-timeout", "3400ms"},
	} {
		synctest.Test(t, func(t *testing.T) {
			commandtest.AssertScreens(t, name, func(s command.Streams) int { return run(t.Context(), args, s) })
		})
	}
}

func TestParseReadsLiveFlags(t *testing.T) {
	t.Parallel()
	tests := map[string]cloud.Configuration{
		"public":     cloud.AzurePublic,
		"china":      cloud.AzureChina,
		"government": cloud.AzureGovernment,
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := parse(liveFlags("-cloud", name, "-resume", resumeToken))
			require.NoError(t, err)
			assert.Equal(t, armsecops.WorkspaceManagerAssignmentID{
				SubscriptionID:    subscription,
				ResourceGroupName: "myRg",
				WorkspaceName:     "myWorkspace",
				Name:              "myAssignment",
			}, p.assignment)
			assert.Equal(t, want, p.options.Cloud)
			assert.Nil(t, p.options.Transport, "must be the network")
			assert.NotNil(t, p.credential)
			assert.Equal(t, 5*time.Second, p.interval)
		})
	}
}

func TestRunReportsAFullDisk(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-wait=false"}, {"-wait=false", "-json"}, {"-resume", resumeToken}, {"-h"}} {
		synctest.Test(t, func(t *testing.T) {
			s, _, stderr := commandtest.Streams()
			s.Out = &terminal.Output{Writer: commandtest.FullDisk{}}
			assert.Equal(t, command.LostOutput, run(t.Context(), args, s))
			assert.Contains(t, stderr.String(), "standard output: no space left on device\n")
		})
	}
}

func TestJobThatEndsAtOnceIsPrinted(t *testing.T) {
	t.Parallel()
	for state, code := range map[string]int{"Succeeded": 0, "Failed": 1} {
		p, err := parse([]string{"-json"})
		require.NoError(t, err)
		server(p).Inject(fake.Fault{
			Operation: "WorkspaceManagerJobsClient.Create",
			Body:      `{"name":"job","properties":{"provisioningState":"` + state + `"}}`,
		})
		s, stdout, _ := commandtest.Streams()
		assert.Equal(t, code, p.Exit(p.run(t.Context(), s), s))
		assert.Contains(t, stdout.String(), `"provisioningState": "`+state+`"`)
	}
}

func TestRunPrintsNoControlCharacters(t *testing.T) {
	t.Parallel()
	const get = "WorkspaceManagerJobsClient.Get"
	job := fake.Fault{Operation: get, Times: 100, Body: `{
		"name": "\u001b]0;title\u0007\njob",
		"properties": {"provisioningState": "Fai\u0008led", "errorMessage": "a\r\n\u001b[2Jb", "items": [{
			"resourceId": "/rules/\u202egnp.exe", "status": "Failed",
			"errors": [{"memberResourceName": "\u009b2J", "errorMessage": "one\r\ntwo\u0000\ud83d\ude00"}]
		}]}
	}`}
	failed := fake.Fault{Operation: get, StatusCode: 403, Body: `{"error":{"code":"\u001b[2J","message":"\u009b2J\u202e"}}`}
	tests := map[string]struct {
		args  []string
		fault fake.Fault
		want  []string // parts of the output
	}{
		"job": {nil, job, []string{
			"Job ]0;title job: Failed, 1 of 1 item done, 1 failed\n",
			"\na  [2Jb\n",
			"\nFailed at 2J:\n",
			"\nrules/gnp.exe  one  two😀\n",
		}},
		"job as JSON":   {[]string{"-json"}, job, []string{`"errorMessage": "one\r\ntwo\u0000😀"`}},
		"error":         {nil, failed, nil},
		"error as JSON": {[]string{"-json"}, failed, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p, err := parse(append([]string{"-timeout", "1s"}, test.args...))
				require.NoError(t, err)
				server(p).Inject(test.fault)
				s, stdout, stderr := commandtest.Streams()
				assert.NotZero(t, p.Exit(p.run(t.Context(), s), s))
				for _, r := range stdout.String() + stderr.String() {
					assert.True(t, r == '\n' || unicode.IsPrint(r), "%q", r)
				}
				for _, want := range test.want {
					assert.Contains(t, stdout.String(), want)
				}
			})
		})
	}
}
