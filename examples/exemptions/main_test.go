package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The golden files have the standard output, and the exit code below it unless
// that is 0. To update one in this folder, without the exit code:
//
//	go run . ARGUMENTS >testdata/NAME.golden
func TestRunMatchesGoldenFiles(t *testing.T) {
	t.Parallel()
	failures, err := os.ReadFile("testdata/failures.golden")
	require.NoError(t, err)
	tests := map[string]struct { // by name of the file
		args   []string
		code   int
		stderr string
	}{
		"output": {nil, 1, string(failures)},
		"csv":    {[]string{"-expires-within", "90d", "-category", "Waiver", "-o", "csv"}, 1, string(failures)},
		"json":   {[]string{"-o", "json", "-effect", "", tenantSubscription(4)}, 0, ""},
		"none":   {[]string{"-o", "json", tenantSubscription(1)}, 0, ""},
		"create": {createArgs("-dry-run", "-expires", "90d", "-description", "Shut down in autumn."), 0, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile("testdata/" + name + ".golden")
			require.NoError(t, err)
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), test.args, strings.NewReader(""), &stdout, &stderr)
			if code != 0 {
				fmt.Fprintln(&stdout, "exit status", code)
			}
			assert.Equal(t, test.code, code)
			assert.Equal(t, string(want), stdout.String())
			assert.Equal(t, test.stderr, stderr.String())
		})
	}
}

func TestRunRefusesInvalidFlags(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		want string // the line before the usage
	}{
		"unknown flag":             {[]string{"-verbose"}, "flag provided but not defined: -verbose"},
		"unknown output":           {[]string{"-o", "xml"}, "-o: no such output: xml"},
		"unknown cloud":            {[]string{"-cloud", "moon"}, "-cloud: no such cloud: moon"},
		"no duration":              {[]string{"-expires-within", "soon"}, "-expires-within: not a duration such as 30d or 12h: soon"},
		"negative duration":        {[]string{"-expires-within", "-1h"}, "-expires-within: not a duration such as 30d or 12h: -1h"},
		"negative days":            {[]string{"-expires-within", "-1d"}, "-expires-within: not a duration such as 30d or 12h: -1d"},
		"too many days":            {[]string{"-expires-within", "999999d"}, "-expires-within: not a duration such as 30d or 12h: 999999d"},
		"flag after subscriptions": {[]string{tenantSubscription(1), "-live"}, "flags come before the subscriptions: -live"},
		"no subscriptions":         {[]string{"-live"}, "-live needs subscriptions"},
		"create without category":  {createArgs("-category", ""), "-category: must be one of [waiver mitigated]: "},
		"create, unknown category": {createArgs("-category", "risk"), "-category: must be one of [waiver mitigated]: risk"},
		"create, no duration":      {createArgs("-expires", "soon"), "-expires: not a duration such as 30d or 12h: soon"},
		"create, no scope":         {createArgs("-scope", "build"), "-scope: not a resource id: build"},
		"create, unknown flag":     {createArgs("-o", "json"), "flag provided but not defined: -o"},
		"create, unknown cloud":    {createArgs("-cloud", "moon"), "-cloud: no such cloud: moon"},
		"create, argument":         {createArgs("build"), "no such argument: build"},
		"control characters":       {[]string{"-o", "\x1b[2J\n"}, "-o: no such output: [2J "},
	}
	for name, value := range map[string]string{"-scope": "", "-standard": "", "-assessment": "", "-name": ""} {
		tests["create without "+name] = struct {
			args []string
			want string
		}{createArgs(name, value), "create needs -scope, -standard, -assessment, -category and -name"}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			assert.Equal(t, 2, run(t.Context(), test.args, strings.NewReader(""), &stdout, &stderr))
			assert.Empty(t, stdout.String())
			assert.Equal(t, test.want+"\n"+usage+"\n", stderr.String())
		})
	}
}

func TestRunPrintsUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-h"}, {"create", "-h"}} {
		var stdout, stderr bytes.Buffer
		assert.Zero(t, run(t.Context(), args, strings.NewReader(""), &stdout, &stderr))
		assert.Equal(t, usage+"\n", stdout.String())
		assert.Contains(t, usage, "policyExemptions", "what it doesn't list")
		assert.Empty(t, stderr.String())
	}
}

func TestRunListsTheRestIfASubscriptionIsInvalid(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"-o", "csv", "prod\x1buction", tenantSubscription(2)}, strings.NewReader(""), &stdout, &stderr)
	assert.Equal(t, 1, code)
	assert.Equal(t, 2, strings.Count(stdout.String(), "\n"))
	assert.Contains(t, stdout.String(), "assignments,"+tenantSubscription(2)+",security,exemption-1,")
	assert.Contains(t, stderr.String(), "1 of 2 subscriptions failed:\n  subscription production: parameter subscriptionID ")
	assert.NotContains(t, stderr.String(), "\x1b")
}

func TestRunEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	assert.Equal(t, 1, run(ctx, []string{"-o", "json"}, strings.NewReader(""), &stdout, &stderr))
	assert.Equal(t, "[]\n", stdout.String())
	assert.Equal(t, "40 of 40 subscriptions failed:\n  40 not finished: context canceled\n", stderr.String())
}

// broken is a file that can't be read or written.
type broken struct{}

var errBroken = errors.New("broken pipe")

func (broken) Read([]byte) (int, error)  { return 0, errBroken }
func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestRunReportsBrokenPipes(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"table", "csv", "json"} {
		var stderr bytes.Buffer
		assert.Equal(t, 1, run(t.Context(), []string{"-o", format, tenantSubscription(2)}, strings.NewReader(""), broken{}, &stderr), format)
		assert.Equal(t, "broken pipe\n", stderr.String())
	}
	var stdout, stderr bytes.Buffer
	assert.Equal(t, 1, run(t.Context(), []string{"-"}, broken{}, &stdout, &stderr))
	assert.Empty(t, stdout.String())
	assert.Equal(t, "standard input: broken pipe\n", stderr.String())

	stderr.Reset()
	assert.Equal(t, 1, run(t.Context(), []string{"-file", filepath.Join(t.TempDir(), "none")}, strings.NewReader(""), &stdout, &stderr))
	assert.Contains(t, stderr.String(), "no such file")
}

func TestSubscriptionsHasNoDuplicates(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "subscriptions.txt")
	require.NoError(t, os.WriteFile(file, []byte("# production\r\n one\r\n\r\ntwo"), 0o600))
	tests := map[string]struct {
		args  []string
		file  string
		stdin string
		want  []string
	}{
		"none":                 {nil, "", "three", nil},
		"arguments":            {[]string{"four", "five"}, "", "three", []string{"four", "five"}},
		"file":                 {nil, file, "three", []string{"one", "two"}},
		"standard input":       {[]string{"-"}, "", "three\n#\nfour\n", []string{"three", "four"}},
		"all of them":          {[]string{"four", "-", "ONE"}, file, "three\nFour", []string{"one", "two", "four", "three"}},
		"standard input twice": {[]string{"-", "-"}, "", "three", []string{"three"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := subscriptions(test.args, test.file, strings.NewReader(test.stdin))
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}

func TestParseDurationReadsDays(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"": 0, "0d": 0, "30d": 720 * time.Hour, "12h": 12 * time.Hour, "90m": 90 * time.Minute} {
		got, err := parseDuration(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
}

func TestFilterMatchesIgnoringCase(t *testing.T) {
	t.Parallel()
	today := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	waiver := func(expires time.Time) exemption {
		return exemption{effect: "exempt", category: "Waiver", expiresOn: expires}
	}
	tests := map[string]struct {
		filter  filter
		expires time.Time
		want    bool
	}{
		"empty filter":       {filter{}, time.Time{}, true},
		"never expires":      {filter{expiresUntil: today}, time.Time{}, false},
		"expires in time":    {filter{expiresUntil: today}, today, true},
		"has expired":        {filter{expiresUntil: today}, today.AddDate(-1, 0, 0), true},
		"expires later":      {filter{expiresUntil: today}, today.Add(1), false},
		"category":           {filter{category: "waiver"}, today, true},
		"another category":   {filter{category: "mitigated"}, today, false},
		"effect":             {filter{effect: "Exempt"}, today, true},
		"another effect":     {filter{effect: "audit"}, today, false},
		"all of them":        {filter{today, "waiver", "Exempt"}, today, true},
		"all but the expiry": {filter{today, "waiver", "Exempt"}, today.Add(1), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, test.filter.matches(waiver(test.expires)))
		})
	}
}

func TestProgressCountsSubscriptions(t *testing.T) {
	t.Parallel()
	q, err := parseQuery(nil, strings.NewReader(""))
	require.NoError(t, err)
	var progress bytes.Buffer
	found, err := q.collect(t.Context(), &progress)
	require.ErrorContains(t, err, "3 of 40 subscriptions failed:")
	assert.NotEmpty(t, found)
	text, ended := strings.CutSuffix(progress.String(), "\n")
	assert.True(t, ended)
	lines := strings.Split(text, "\r")
	assert.Contains(t, lines, "assignments: 40 of 40 subscriptions, 56 items, 3 failures ")
	assert.Equal(t, "standardAssignments: 40 of 40 subscriptions, 66 items, 3 failures ", lines[len(lines)-1])
	assert.Len(t, lines, 1+40+37)
}

func TestParseReadsLiveFlags(t *testing.T) {
	t.Parallel()
	tests := map[string]cloud.Configuration{
		"public":     cloud.AzurePublic,
		"china":      cloud.AzureChina,
		"government": cloud.AzureGovernment,
	}
	for name, want := range tests {
		q, err := parseQuery([]string{"-live", "-cloud", name, "-expires-within", "1d", "-"}, strings.NewReader(tenantSubscription(1)))
		require.NoError(t, err)
		assert.Equal(t, []string{tenantSubscription(1)}, q.subscriptions)
		assert.Equal(t, want, q.place.options.Cloud)
		assert.Nil(t, q.place.options.Transport, "must be the network")
		assert.NotNil(t, q.place.credential)
		assert.WithinDuration(t, time.Now().Add(24*time.Hour), q.filter.expiresUntil, time.Minute)
	}
}
