package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
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

// liveFlags returns valid flags for -live, and more.
func liveFlags(more ...string) []string {
	return append([]string{
		"-live", "-subscription", "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0", "-resource-group", "myRg",
		"-workspace", "myWorkspace", "-assignment", "myAssignment", "-job", "myJob",
	}, more...)
}

func TestRunPrintsSamples(t *testing.T) {
	t.Parallel()
	streams, stdout, stderr := commandtest.Streams()
	assert.Zero(t, run(t.Context(), nil, streams))
	commandtest.AssertGolden(t, "output", stdout.String())
	assert.Empty(t, stderr.String())
}

func TestScreensFitTheTerminal(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{"output": nil, "help": {"-h"}, "bad-flag": {"-subscription", "1"}} {
		commandtest.AssertScreens(t, name, func(s command.Streams) int { return run(t.Context(), args, s) })
	}
}

func TestRunReportsAFullDisk(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"-h"}} {
		streams, _, stderr := commandtest.Streams()
		streams.Out = &terminal.Output{Writer: commandtest.FullDisk{}}
		assert.Equal(t, command.LostOutput, run(t.Context(), args, streams))
		assert.Equal(t, "standard output: no space left on device\n", stderr.String())
	}
}

func TestRunRefusesInvalidFlags(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		want string // the line before where to find help
	}{
		"unknown flag":                     {[]string{"-verbose"}, "flag provided but not defined: -verbose"},
		"argument":                         {[]string{"now"}, "unexpected argument: now"},
		"argument with control characters": {[]string{"\x1b[2Jnow"}, `an argument has control characters, or white space at an end: "\x1b[2Jnow"`},
		"no value":                         {[]string{"-live", "-job"}, "flag needs an argument: -job"},
		"without -live":                    {[]string{"-job", "myJob"}, "-job needs -live"},
		"-live alone":                      {[]string{"-live"}, "-live needs -subscription"},
		"-live without the job":            {liveFlags()[:9], "-live needs -job"},
		"empty value":                      {liveFlags("-workspace", ""), "-live needs -workspace"},
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
			streams, stdout, stderr := commandtest.Streams()
			code := run(t.Context(), test.args, streams)
			assert.Equal(t, 2, code)
			assert.Empty(t, stdout.String())
			assert.Equal(t, test.want+"\nFor help: quickstart -h\n", stderr.String())
		})
	}
}

func TestRunEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	streams, stdout, stderr := commandtest.Streams()
	assert.Equal(t, command.Failed, run(ctx, nil, streams))
	assert.Empty(t, stdout.String())
	assert.Equal(t, "WorkspaceManagerJobsClient.Get: context canceled\n", stderr.String())
}

func TestParseReadsLiveFlags(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		want cloud.Configuration
	}{
		"default":    {liveFlags(), cloud.AzurePublic},
		"public":     {liveFlags("-cloud", "public"), cloud.AzurePublic},
		"china":      {liveFlags("-cloud", "china"), cloud.AzureChina},
		"government": {liveFlags("-cloud", "government"), cloud.AzureGovernment},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, err := parse(test.args)
			require.NoError(t, err)
			assert.Equal(t, "/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/myRg"+
				"/providers/Microsoft.OperationalInsights/workspaces/myWorkspace"+
				"/providers/Microsoft.SecurityInsights/workspaceManagerAssignments/myAssignment/jobs/myJob", q.job.String())
			assert.Equal(t, q.job.SubscriptionID, q.subscription)
			assert.Equal(t, test.want, q.options.Cloud)
			assert.Nil(t, q.options.Transport, "must be the network")
			assert.NotNil(t, q.credential)
		})
	}
}

// response is a transport that returns the same response to every request.
type response struct {
	status int
	body   string
}

func (r response) Do(req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: r.status,
		Header:     http.Header{"Content-Type": {"application/json"}, "X-Ms-Request-Id": {"5e0c"}},
		Body:       io.NopCloser(strings.NewReader(r.body)),
		Request:    req,
	}, nil
}

func TestServiceErrorIsPrintedOnOneLine(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		response response
		want     string
	}{
		"not found": {
			response{404, `{"error":{"code":"ResourceNotFound","message":"The job was not found."}}`},
			"WorkspaceManagerJobsClient.Get: 404 Not Found: ResourceNotFound: The job was not found. (request 5e0c)",
		},
		"lines and control characters": {
			response{403, `{"error":{"code":"Forbidden","message":"first\nsecond \u001b[31mred\u0007"}}`},
			"WorkspaceManagerJobsClient.Get: 403 Forbidden: Forbidden: first second [31mred (request 5e0c)",
		},
		"not JSON": {
			response{502, "<html><body>Bad gateway</body></html>"},
			"WorkspaceManagerJobsClient.Get: 502 Bad Gateway: Bad gateway (request 5e0c)",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, err := parse(nil)
			require.NoError(t, err)
			q.options.Transport = test.response
			q.options.Retry.MaxRetries = -1
			streams, stdout, stderr := commandtest.Streams()
			assert.Equal(t, command.Failed, q.Exit(q.report(t.Context(), streams.Out), streams))
			assert.Empty(t, stdout.String())
			assert.Equal(t, test.want+"\n", stderr.String())
		})
	}
}

func TestAssignmentsBeforeAFailureArePrinted(t *testing.T) {
	t.Parallel()
	q, err := parse(nil)
	require.NoError(t, err)
	srv := fake.NewServer(&fake.ServerOptions{Samples: true, PageSize: 1})
	srv.Put(armsecops.AssignmentID{SubscriptionID: q.subscription, ResourceGroupName: "myResourceGroup", Name: "other"}, armsecops.Assignment{})
	srv.Inject(fake.Fault{Operation: "SecurityAssignmentsClient.NewListBySubscriptionPager", Skip: 1, StatusCode: 403})
	q.options.Transport = srv
	streams, stdout, _ := commandtest.Streams()
	require.ErrorIs(t, q.report(t.Context(), streams.Out), armsecops.ErrForbidden)
	assert.Equal(t, 1, strings.Count(stdout.String(), "ASC Default"))
}

func TestReportPrintsNoControlCharacters(t *testing.T) {
	t.Parallel()
	q, err := parse(nil)
	require.NoError(t, err)
	q.options.Transport = response{200, `{
		"name": "\u001b]0;title\u0007job",
		"properties": {"provisioningState": "Fai\u0008led", "items": [{
			"resourceId": "/rules/\u202egnp.exe", "status": "Fai\tled",
			"errors": [{"memberResourceName": "\u009b2J", "errorMessage": "one\r\ntwo\u0000"}]
		}]},
		"value": [{"name": "\u001b[2J", "properties": {"effect": "Ex\nempt"}}]
	}`}
	streams, stdout, _ := commandtest.Streams()
	require.NoError(t, q.report(t.Context(), streams.Out))
	for _, r := range stdout.String() {
		assert.True(t, r == '\n' || unicode.IsPrint(r), "%q in %q", r, stdout.String())
	}
	assert.Contains(t, stdout.String(), "Job ]0;titlejob: Failed\n")
	assert.Contains(t, stdout.String(), "gnp.exe  Fai led  2J      one  two\n")
	assert.Contains(t, stdout.String(), "[2J   -             Ex empt  -")
}
