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

var update = flag.Bool("update", false, "write the golden files")

// server returns the server in memory of a publication.
func server(p publication) *fake.Server { return p.options.Transport.(*fake.Server) }

const subscription = "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"

// resumeToken is the token of the job in memory.
const resumeToken = `{"type":"WorkspaceManagerJobsClientCreateResponse","token":{"jobId":"/subscriptions/` + subscription +
	`/resourceGroups/security/providers/Microsoft.OperationalInsights/workspaces/central/providers/Microsoft.SecurityInsights` +
	`/workspaceManagerAssignments/baseline/jobs/0b8a3f6e-2f0c-4c62-9e4f-6a1d5c7e9b21","checksum":"9OjRDKEyCP4="}}`

// liveFlags returns valid flags for -live, and more.
func liveFlags(more ...string) []string {
	return append([]string{
		"-live", "-subscription", subscription, "-resource-group", "myRg",
		"-workspace", "myWorkspace", "-assignment", "myAssignment",
	}, more...)
}

// The files in testdata have the output, the exit code and the standard error of each run.
func TestRunMatchesGoldenFiles(t *testing.T) {
	t.Parallel()
	const (
		create = "WorkspaceManagerJobsClient.Create"
		get    = "WorkspaceManagerJobsClient.Get"
	)
	const canceled = `{"name":"job","properties":{"provisioningState":"canceled","errorMessage":"The assignment was deleted."}}`
	const forbidden = `{"error":{"code":"Forbidden","message":"Not yours."}}`
	succeed := func(p publication) { server(p).SetJobItems(p.assignment, items()[:3]) }
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
		"timed-out":                  {args: []string{"-timeout", "700ms"}, code: 4},
		"timed-out-json":             {args: []string{"-timeout", "300ms", "-json"}, code: 4},
		"timed-out-between-requests": {args: []string{"-interval", "2500ms", "-timeout", "3400ms"}, code: 4},
		"timed-out-in-request": {
			args: []string{"-timeout", "700ms"}, setUp: inject(fake.Fault{Operation: get, Skip: 1, Delay: time.Hour}), code: 4,
		},
		"interrupted": {interrupt: 900 * time.Millisecond, code: 4},
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
				var stdout, stderr bytes.Buffer
				code := p.run(ctx, &stdout, &stderr)
				assert.Equal(t, test.code, code)
				server(p).AssertFaultsConsumed(t)
				assertGolden(t, name, fmt.Sprintf("%sexit status %d\n-- standard error --\n%s", &stdout, code, &stderr))
				if p.json {
					assert.True(t, json.Valid(stdout.Bytes()))
				}
			})
		})
	}
}

// To update the files: go test ./examples/publish -update
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

func TestRunWithoutArguments(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), nil, &stdout, &stderr)
		assert.Equal(t, 1, code)
		assertGolden(t, "output", fmt.Sprintf("%sexit status %d\n", &stdout, code))
	})
}

func TestRunResumesWithAPrintedToken(t *testing.T) {
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

func TestRetryAfterOnlyLengthensTheDelay(t *testing.T) {
	t.Parallel()
	tests := map[string]time.Duration{
		"":                     time.Second,
		"3":                    3 * time.Second,
		"0":                    time.Second,
		"-3":                   time.Second,
		"soon":                 time.Second,
		"99999999999999999999": time.Second,
		"2147483647":           2147483647 * time.Second,
	}
	for retryAfter, want := range tests {
		t.Run(retryAfter, func(t *testing.T) {
			t.Parallel()
			resp := &http.Response{Header: http.Header{}}
			resp.Header.Set("Retry-After", retryAfter)
			assert.Equal(t, want, pollDelay(resp, time.Second))
		})
	}
}

func TestRunWaitsForRetryAfter(t *testing.T) {
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
}

func TestRunRefusesInvalidFlags(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		want string // the line before the usage
	}{
		"unknown flag":                     {[]string{"-verbose"}, "flag provided but not defined: -verbose"},
		"argument":                         {[]string{"now"}, "unexpected argument: now"},
		"argument with control characters": {[]string{"\x1b[2Jnow"}, "unexpected argument: [2Jnow"},
		"timeout without unit":             {[]string{"-timeout", "5"}, `invalid value "5" for flag -timeout: parse error`},
		"negative timeout":                 {[]string{"-timeout", "-1s"}, "-timeout must be greater than 0"},
		"no interval":                      {[]string{"-interval", "0"}, "-interval must be greater than 0"},
		"short interval":                   {liveFlags("-interval", "10ms"), "-interval must be at least 1s with -live"},
		"empty token":                      {[]string{"-resume", ""}, "-resume: the token is empty"},
		"resume without wait": {
			[]string{"-resume", resumeToken, "-wait=false"}, "-resume and -wait=false exclude each other",
		},
		"not a token": {
			[]string{"-resume", "{}"}, `parameter ResumeToken must be a token of such a poller`,
		},
		"without -live":                {[]string{"-workspace", "myWorkspace"}, "-workspace needs -live"},
		"-live alone":                  {[]string{"-live"}, "-live needs -subscription"},
		"-live without the assignment": {liveFlags()[:7], "-live needs -assignment"},
		"unknown cloud":                {liveFlags("-cloud", "moon"), "-cloud: no such cloud: moon"},
		"not a subscription": {
			liveFlags("-subscription", "mine"),
			`parameter subscriptionID "mine" must be a UUID, as in 00000000-0000-0000-0000-000000000000`,
		},
		"not a resource group": {
			liveFlags("-resource-group", ".."), `parameter resourceGroupName ".." must not end in a period`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), test.args, &stdout, &stderr)
			assert.Equal(t, 2, code)
			assert.Empty(t, stdout.String())
			assert.Equal(t, test.want+"\n"+usage+"\n", stderr.String())
		})
	}
}

func TestRunPrintsUsage(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	assert.Zero(t, run(t.Context(), []string{"-h"}, &stdout, &stderr))
	assert.Equal(t, usage+"\n", stdout.String())
	assert.Empty(t, stderr.String())
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
			assert.Equal(t, armsecops.JobID{
				SubscriptionID:                 subscription,
				ResourceGroupName:              "myRg",
				WorkspaceName:                  "myWorkspace",
				WorkspaceManagerAssignmentName: "myAssignment",
			}, p.assignment)
			assert.Equal(t, want, p.options.Cloud)
			assert.Nil(t, p.options.Transport, "must be the network")
			assert.NotNil(t, p.credential)
			assert.Equal(t, 5*time.Second, p.interval)
		})
	}
}

// brokenWriter fails every write, like a full disk.
type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestRunReportsLostOutput(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-wait=false"}, {"-wait=false", "-json"}} {
		var stderr bytes.Buffer
		assert.Equal(t, 1, run(t.Context(), args, brokenWriter{}, &stderr))
		assert.Contains(t, stderr.String(), io.ErrShortWrite.Error())
	}
}

func TestRunPrintsNoControlCharacters(t *testing.T) {
	t.Parallel()
	const get = "WorkspaceManagerJobsClient.Get"
	job := fake.Fault{Operation: get, Times: 100, Body: `{
		"name": "\u001b]0;title\u0007job",
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
			"Job ]0;titlejob: Failed, 1 of 1 items done, 1 failed\n",
			"gnp.exe  2J      one  two😀\n",
		}},
		"job as JSON":   {[]string{"-json"}, job, []string{`"errorMessage": "one\r\ntwo\u0000\ud83d\ude00"`}},
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
				var stdout, stderr bytes.Buffer
				assert.NotZero(t, p.run(t.Context(), &stdout, &stderr))
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
