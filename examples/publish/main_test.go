package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

var update = flag.Bool("update", false, "write testdata anew")

// server returns the server in memory that the publication goes to.
func server(p publication) *fake.Server { return p.options.Transport.(*fake.Server) }

// resumeToken is that of the job in memory.
const resumeToken = `{"type":"WorkspaceManagerJobsClientCreateResponse","token":{"jobId":"/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/security/providers/Microsoft.OperationalInsights/workspaces/central/providers/Microsoft.SecurityInsights/workspaceManagerAssignments/baseline/jobs/0b8a3f6e-2f0c-4c62-9e4f-6a1d5c7e9b21","checksum":"9OjRDKEyCP4="}}`

// Each case is a run whose output, progress, errors and exit code are in testdata.
func TestRun(t *testing.T) {
	t.Parallel()
	const operation = "WorkspaceManagerJobsClient."
	succeed := func(p publication) { server(p).SetJobItems(p.assignment, items()[:3]) }
	state := func(state armsecops.ProvisioningState, message string) func(publication) {
		return func(p publication) {
			job, err := json.Marshal(armsecops.Job{Name: "job", Properties: armsecops.JobProperties{ProvisioningState: state, ErrorMessage: message}})
			require.NoError(t, err)
			server(p).Inject(fake.Fault{Operation: operation + "Get", Body: string(job)})
		}
	}
	inject := func(fault fake.Fault) func(publication) {
		return func(p publication) {
			fault.Operation = operation + fault.Operation
			server(p).Inject(fault)
		}
	}
	tests := []struct {
		name      string // of the file
		args      []string
		setUp     func(publication) // nil: nothing to do
		interrupt time.Duration     // when Ctrl-C is pressed; 0: never
		code      int
	}{
		{name: "succeeded", setUp: succeed, code: 0},
		{name: "succeeded-json", args: []string{"-json"}, setUp: succeed, code: 0},
		{name: "not-waited-for", args: []string{"-wait=false"}, code: 0},
		{name: "resumed", args: []string{"-resume", resumeToken}, code: 1},
		{name: "failed", code: 1},
		{name: "failed-json", args: []string{"-json"}, code: 1},
		{name: "canceled", setUp: state("canceled", "The assignment was deleted."), code: 1},
		{name: "refused", setUp: inject(fake.Fault{Operation: "Create", StatusCode: 403, Body: `{"error":{"code":"Forbidden","message":"Not yours."}}`}), code: 1},
		{name: "poll-refused", setUp: inject(fake.Fault{Operation: "Get", Skip: 2, StatusCode: 403}), code: 1},
		{name: "deleted", setUp: inject(fake.Fault{Operation: "Get", Skip: 2, StatusCode: 404}), code: 1},
		{name: "another-token", args: []string{"-resume", strings.Replace(resumeToken, "central", "other", 1)}, code: 2},
		{name: "unknown", setUp: inject(fake.Fault{Operation: "Create", Disconnect: true, CarriedOut: true}), code: 3},
		{name: "unknown-json", args: []string{"-json"}, setUp: inject(fake.Fault{Operation: "Create", StatusCode: 504}), code: 3},
		{name: "timed-out", args: []string{"-timeout", "700ms"}, code: 4},
		{name: "timed-out-in-request", args: []string{"-timeout", "700ms"}, setUp: inject(fake.Fault{Operation: "Get", Skip: 1, Delay: time.Hour}), code: 4},
		{name: "timed-out-json", args: []string{"-timeout", "300ms", "-json"}, code: 4},
		{name: "timed-out-between-requests", args: []string{"-interval", "2500ms", "-timeout", "3400ms"}, code: 4},
		{name: "interrupted", interrupt: 900 * time.Millisecond, code: 4},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
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
				var stdout, stderr bytes.Buffer
				code := p.run(ctx, &stdout, &stderr)
				assert.Equal(t, test.code, code)
				server(p).AssertFaultsConsumed(t)
				assertGolden(t, test.name, fmt.Sprintf("%sexit status %d\n-- standard error --\n%s", &stdout, code, &stderr))
				if p.json {
					assert.True(t, json.Valid(stdout.Bytes()))
				}
			})
		})
	}
}

// To renew the files: go test ./examples/publish -update
func assertGolden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

// The program as it is run without arguments.
func TestRunWithoutArguments(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), nil, &stdout, &stderr)
		assert.Equal(t, 1, code)
		assertGolden(t, "output", fmt.Sprintf("%sexit status %d\n", &stdout, code))
	})
}

// The token that a run prints is the one that another run goes on with.
func TestResume(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var stdout, stderr bytes.Buffer
		require.Equal(t, 4, run(t.Context(), []string{"-timeout", "1s", "-json"}, &stdout, &stderr))
		var printed struct {
			ResumeToken string `json:"resumeToken"`
		}
		require.NoError(t, json.Unmarshal(stdout.Bytes(), &printed))
		assert.Equal(t, resumeToken, printed.ResumeToken)

		stdout.Reset()
		assert.Equal(t, 1, run(t.Context(), []string{"-resume", printed.ResumeToken}, &stdout, &stderr))
		assert.Contains(t, stdout.String(), "Failed, 12 of 12 items done, 2 failed")
	})
}

// The service may ask for fewer requests, not for more.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	tests := []struct {
		retryAfter string
		want       time.Duration
	}{
		{"", time.Second},
		{"3", 3 * time.Second},
		{"0", time.Second},
		{"-3", time.Second},
		{"soon", time.Second},
		{"99999999999999999999", time.Second},
		{"2147483647", 2147483647 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.retryAfter, func(t *testing.T) {
			t.Parallel()
			resp := &http.Response{Header: http.Header{}}
			resp.Header.Set("Retry-After", test.retryAfter)
			assert.Equal(t, test.want, pauseAfter(resp, time.Second))
		})
	}
	t.Run("of a job", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p, err := parse(nil)
			require.NoError(t, err)
			server(p).Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Get", RetryAfter: time.Minute})
			start := time.Now()
			var stdout, stderr bytes.Buffer
			assert.Equal(t, 1, p.run(t.Context(), &stdout, &stderr))
			assert.Equal(t, time.Minute+5*200*time.Millisecond, time.Since(start))
		})
	})
}

func TestFlags(t *testing.T) {
	t.Parallel()
	azure := func(more ...string) []string {
		return append([]string{"-live", "-subscription", "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0", "-resource-group", "myRg", "-workspace", "myWorkspace", "-assignment", "myAssignment"}, more...)
	}
	tests := []struct {
		name string
		args []string
		want string // the line before the usage
	}{
		{"unknown flag", []string{"-verbose"}, "flag provided but not defined: -verbose"},
		{"argument", []string{"now"}, "unexpected argument: now"},
		{"argument with control characters", []string{"\x1b[2Jnow"}, "unexpected argument: [2Jnow"},
		{"timeout without unit", []string{"-timeout", "5"}, `invalid value "5" for flag -timeout: parse error`},
		{"negative timeout", []string{"-timeout", "-1s"}, "-timeout must be more than 0"},
		{"no interval", []string{"-interval", "0"}, "-interval must be more than 0"},
		{"busy interval", azure("-interval", "10ms"), "-interval must be a second or more with -live"},
		{"empty token", []string{"-resume", ""}, "-resume: the token is empty"},
		{"resumed without a wait", []string{"-resume", resumeToken, "-wait=false"}, "-resume waits, -wait=false doesn't"},
		{"not a token", []string{"-resume", "{}"}, `parameter ResumeToken "{}" must be a token of such a poller: missing type value`},
		{"without -live", []string{"-workspace", "myWorkspace"}, "-workspace needs -live"},
		{"-live alone", []string{"-live"}, "-live needs -subscription"},
		{"-live without the assignment", azure()[:7], "-live needs -assignment"},
		{"unknown cloud", azure("-cloud", "moon"), "-cloud: no such cloud: moon"},
		{"not a subscription", azure("-subscription", "mine"), `parameter subscriptionID "mine" must be a UUID, as in 00000000-0000-0000-0000-000000000000`},
		{"not a resource group", azure("-resource-group", ".."), `parameter resourceGroupName ".." must not end in a period`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), test.args, &stdout, &stderr)
			assert.Equal(t, 2, code)
			assert.Empty(t, stdout.String())
			assert.Equal(t, test.want+"\n"+usage+"\n", stderr.String())
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	assert.Zero(t, run(t.Context(), []string{"-h"}, &stdout, &stderr))
	assert.Equal(t, usage+"\n", stdout.String())
	assert.Empty(t, stderr.String())
}

func TestLive(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]cloud.Configuration{"public": cloud.AzurePublic, "china": cloud.AzureChina, "government": cloud.AzureGovernment} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := parse([]string{"-live", "-cloud", name, "-resume", resumeToken,
				"-subscription", "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0", "-resource-group", "myRg", "-workspace", "myWorkspace", "-assignment", "myAssignment"})
			require.NoError(t, err)
			assert.Equal(t, armsecops.JobID{
				SubscriptionID:                 "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0",
				ResourceGroupName:              "myRg",
				WorkspaceName:                  "myWorkspace",
				WorkspaceManagerAssignmentName: "myAssignment",
			}, p.assignment)
			assert.Equal(t, want, p.options.Cloud)
			assert.Nil(t, p.options.Transport, "the network")
			assert.NotNil(t, p.credential)
			assert.Equal(t, 5*time.Second, p.interval)
		})
	}
}

// brokenWriter is where nothing can be written, such as a full disk.
type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestOutputIsLost(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-wait=false"}, {"-wait=false", "-json"}} {
		var stderr bytes.Buffer
		assert.Equal(t, 1, run(t.Context(), args, brokenWriter{}, &stderr))
		assert.Contains(t, stderr.String(), io.ErrShortWrite.Error())
	}
}

// What a service says cannot write elsewhere on the terminal.
func TestNoControlCharacters(t *testing.T) {
	t.Parallel()
	const job = `{
		"name": "\u001b]0;title\u0007job",
		"properties": {"provisioningState": "Fai\u0008led", "errorMessage": "a\r\n\u001b[2Jb", "items": [{
			"resourceId": "/rules/\u202egnp.exe", "status": "Failed",
			"errors": [{"memberResourceName": "\u009b2J", "errorMessage": "one\r\ntwo\u0000\ud83d\ude00"}]
		}]}
	}`
	for _, args := range [][]string{nil, {"-json"}} {
		for name, fault := range map[string]fake.Fault{
			"job":   {Operation: "WorkspaceManagerJobsClient.Get", Body: job, Times: 100},
			"error": {Operation: "WorkspaceManagerJobsClient.Get", StatusCode: 403, Body: `{"error":{"code":"\u001b[2J","message":"\u009b2J\u202e"}}`},
		} {
			t.Run(fmt.Sprint(name, args), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					p, err := parse(append([]string{"-timeout", "1s"}, args...))
					require.NoError(t, err)
					server(p).Inject(fault)
					var stdout, stderr bytes.Buffer
					assert.NotZero(t, p.run(t.Context(), &stdout, &stderr))
					for _, r := range stdout.String() + stderr.String() {
						assert.True(t, r == '\n' || unicode.IsPrint(r), "%q", r)
					}
					switch {
					case name == "job" && p.json:
						var printed struct{ Job armsecops.Job }
						require.NoError(t, json.Unmarshal(stdout.Bytes(), &printed))
						assert.Equal(t, "one\r\ntwo\x00😀", printed.Job.Properties.Items[0].Errors[0].ErrorMessage, "JSON keeps it")
					case name == "job":
						assert.Contains(t, stdout.String(), "Job ]0;titlejob: Failed, 1 of 1 items done, 1 failed\n")
						assert.Contains(t, stdout.String(), "gnp.exe  2J      one  two😀\n")
					}
				})
			})
		}
	}
}
