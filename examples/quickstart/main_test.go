package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// liveFlags returns valid flags for -live, and more.
func liveFlags(more ...string) []string {
	return append([]string{
		"-live", "-subscription", "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0", "-resource-group", "myRg",
		"-workspace", "myWorkspace", "-assignment", "myAssignment", "-job", "myJob",
	}, more...)
}

// To update the file: go run ./examples/quickstart >examples/quickstart/testdata/output.golden
func TestRunPrintsSamples(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile("testdata/output.golden")
	require.NoError(t, err)
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), nil, &stdout, &stderr)
	assert.Zero(t, code)
	assert.Equal(t, string(want), stdout.String())
	assert.Empty(t, stderr.String())
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
		"no value":                         {[]string{"-live", "-job"}, "flag needs an argument: -job"},
		"without -live":                    {[]string{"-job", "myJob"}, "the other flags need -live"},
		"-live alone":                      {[]string{"-live"}, "-live needs -subscription"},
		"-live without the job":            {liveFlags()[:9], "-live needs -job"},
		"empty value":                      {liveFlags("-workspace", ""), "-live needs -workspace"},
		"unknown cloud":                    {liveFlags("-cloud", "moon"), "-cloud: no such cloud: moon"},
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

func TestRunEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	assert.Equal(t, 1, run(ctx, nil, &stdout, &stderr))
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
			var stdout, stderr bytes.Buffer
			code := exitCode(q.report(t.Context(), &stdout), &stderr)
			assert.Equal(t, 1, code)
			assert.Empty(t, stdout.String())
			assert.Equal(t, test.want+"\n", stderr.String())
		})
	}
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
	var stdout bytes.Buffer
	require.NoError(t, q.report(t.Context(), &stdout))
	for _, r := range stdout.String() {
		assert.True(t, r == '\n' || unicode.IsPrint(r), "%q in %q", r, stdout.String())
	}
	assert.Contains(t, stdout.String(), "Job ]0;titlejob: Failed\n")
	assert.Contains(t, stdout.String(), "gnp.exe  Fai led  2J      one  two\n")
	assert.Contains(t, stdout.String(), "[2J   Ex empt  -")
}
