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
	"testing/iotest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/command"
	"github.com/armsecops/armsecops/examples/internal/commandtest"
	"github.com/armsecops/armsecops/examples/internal/terminal"
)

// The golden files have the standard output, and the exit code below it unless
// that is 0.
func TestRunMatchesGoldenFiles(t *testing.T) {
	t.Parallel()
	failures, err := os.ReadFile("testdata/failures.golden")
	require.NoError(t, err)
	tests := map[string]struct { // by name of the file
		args   []string
		code   int
		stderr string
	}{
		"output": {nil, 0, freshness + "\n"},
		"list":   {[]string{"-via", "list", "-expires-within", "90d"}, 1, string(failures)},
		"csv":    {[]string{"-expires-within", "90d", "-category", "Waiver", "-o", "csv"}, 0, freshness + "\n"},
		"json":   {[]string{"-via", "list", "-o", "json", "-effect", "", tenantSubscription(4)}, 0, ""},
		"none":   {[]string{"-o", "json", tenantSubscription(1)}, 0, freshness + "\n"},
		"create": {createArgs("-dry-run", "-expires", "90d", "-description", "Shut down in autumn."), 0, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, stdout, stderr := commandtest.Streams()
			code := run(t.Context(), test.args, s)
			assert.Equal(t, test.code, code)
			assert.Equal(t, test.stderr, stderr.String())
			if code != 0 {
				fmt.Fprintln(stdout, "exit status", code)
			}
			commandtest.AssertGolden(t, name, stdout.String())
		})
	}
}

func TestRunRefusesInvalidFlags(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		want string // the line before where to find help
	}{
		"unknown flag":             {[]string{"-verbose"}, "flag provided but not defined: -verbose"},
		"unknown output":           {[]string{"-o", "xml"}, `invalid value "xml" for flag -o: must be table, csv or json`},
		"unknown cloud":            {[]string{"-cloud", "moon"}, `invalid value "moon" for flag -cloud: must be public, china or government`},
		"no duration":              {[]string{"-expires-within", "soon"}, "-expires-within: not a duration such as 30d or 12h: soon"},
		"negative duration":        {[]string{"-expires-within", "-1h"}, "-expires-within: not a duration such as 30d or 12h: -1h"},
		"negative days":            {[]string{"-expires-within", "-1d"}, "-expires-within: not a duration such as 30d or 12h: -1d"},
		"empty duration":           {[]string{"-expires-within", ""}, "-expires-within: not a duration such as 30d or 12h: "},
		"too many days":            {[]string{"-expires-within", "999999d"}, "-expires-within: not a duration such as 30d or 12h: 999999d"},
		"flag after subscriptions": {[]string{tenantSubscription(1), "-live"}, "flags come before the subscriptions: -live"},
		"no subscriptions":         {[]string{"-live", "-via", "list"}, "-live -via list needs subscriptions"},
		"create without category":  {createArgs("-category", ""), "create needs -category"},
		"create, unknown category": {createArgs("-category", "risk"), "-category: must be waiver or mitigated: risk"},
		"create, no duration":      {createArgs("-expires", "soon"), "-expires: not a duration such as 30d or 12h: soon"},
		"create, empty duration":   {createArgs("-expires", ""), "-expires: not a duration such as 30d or 12h: "},
		"create, no scope":         {createArgs("-scope", "build"), "-scope: not a resource id: build"},
		"create, unknown flag":     {createArgs("-o", "json"), "flag provided but not defined: -o"},
		"create, unknown cloud":    {createArgs("-cloud", "moon"), `invalid value "moon" for flag -cloud: must be public, china or government`},
		"create, argument":         {createArgs("build"), "unexpected argument: build"},
		"create, no UUID":          {createArgs("-assessment", "disk"), "-assessment: not a UUID: disk"},
		"create, id is no UUID":    {createArgs("-id", "disk"), "-id: not a UUID: disk"},
		"create, id is empty":      {createArgs("-id", ""), "-id: not a UUID: "},
		"create, no hexadecimals": {
			createArgs("-assessment", "1195afff-c881-495e-9bc5-1486211ae03g"),
			"-assessment: not a UUID: 1195afff-c881-495e-9bc5-1486211ae03g",
		},
		"create, UUID in braces": {
			createArgs("-assessment", "{1195afff-c881-495e-9bc5-1486211ae03f}"),
			"-assessment: not a UUID: {1195afff-c881-495e-9bc5-1486211ae03f}",
		},
		"control characters": {[]string{"-\x1b[2J"}, `an argument has control characters, or white space at an end: "-\x1b[2J"`},
		"empty input":        {[]string{"-"}, "the input has no subscriptions"},
		"empty file":         {[]string{"-file", os.DevNull}, "the input has no subscriptions"},
		"no file":            {[]string{"-file", ""}, "the input has no subscriptions"},
		"effect of a query":  {[]string{"-effect", "' or true or '"}, "-effect: must be a word of letters: ' or true or '"},
		"category with a \\": {[]string{"-category", `waiver\`}, `-category: must be a word of letters: waiver\`},
		"empty subscription": {[]string{""}, "a subscription is empty"},
		"no subscription": {
			[]string{tenantSubscription(1), "production"},
			`parameter subscriptionID "production" must be a UUID, as in 00000000-0000-0000-0000-000000000000`,
		},
	}
	for name, value := range map[string]string{"-scope": "", "-standard": "", "-assessment": "", "-name": ""} {
		tests["create without "+name] = struct {
			args []string
			want string
		}{createArgs(name, value), "create needs " + name}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, stdout, stderr := commandtest.Streams()
			assert.Equal(t, command.BadUsage, run(t.Context(), test.args, s))
			assert.Empty(t, stdout.String())
			message, help, _ := strings.Cut(stderr.String(), "\n")
			assert.Equal(t, test.want, message)
			assert.Regexp(t, "^For help: exemptions( create)? -h\n$", help)
		})
	}
}

func TestScreensFitTheTerminal(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"help": {"-h"}, "create-help": {"create", "-h"}, "screen": {"-expires-within", "30d"},
		"list-screen": {"-via", "list", "-expires-within", "30d", tenantSubscription(4)},
	} {
		commandtest.AssertScreens(t, name, func(s command.Streams) int { return run(t.Context(), args, s) })
	}
}

func TestRunEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, stdout, stderr := commandtest.Streams()
	assert.Equal(t, 1, run(ctx, []string{"-via", "list", "-o", "json"}, s))
	assert.Equal(t, "[]\n", stdout.String())
	assert.Equal(t, "40 of 40 subscriptions failed:\n  40 not finished: context canceled\n", stderr.String())

	s, stdout, stderr = commandtest.Streams()
	assert.Equal(t, 1, run(ctx, []string{"-o", "json"}, s))
	assert.Equal(t, "[]\n", stdout.String())
	assert.Equal(t, "SecurityAssignmentsClient.NewResourceGraphPager: context canceled\n", stderr.String())
}

func TestRunReportsAFullDisk(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"table", "csv", "json"} {
		s, _, stderr := commandtest.Streams()
		s.Out = &terminal.Output{Writer: commandtest.FullDisk{}}
		assert.Equal(t, command.LostOutput, run(t.Context(), []string{"-o", format, tenantSubscription(2)}, s), format)
		assert.Equal(t, freshness+"\nstandard output: no space left on device\n", stderr.String())
	}
}

func TestRunReportsUnreadableInput(t *testing.T) {
	t.Parallel()
	s, stdout, stderr := commandtest.Streams()
	s.In = iotest.ErrReader(errors.New("broken pipe"))
	assert.Equal(t, command.Failed, run(t.Context(), []string{"-"}, s))
	assert.Empty(t, stdout.String())
	assert.Equal(t, "standard input: broken pipe\n", stderr.String())

	s, _, stderr = commandtest.Streams()
	assert.Equal(t, command.Failed, run(t.Context(), []string{"-file", filepath.Join(t.TempDir(), "none")}, s))
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
	for text, want := range map[string]time.Duration{"0d": 0, "30d": 720 * time.Hour, "12h": 12 * time.Hour, "90m": 90 * time.Minute} {
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

// noToken is a credential that fails.
type noToken struct{}

func (noToken) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{}, errors.New("no account")
}

// All subscriptions would fail for the same reason.
func TestListingReportsFailedCredentialOnce(t *testing.T) {
	t.Parallel()
	q, err := parseQuery([]string{"-via", "list"}, strings.NewReader(""))
	require.NoError(t, err)
	q.factory, err = armsecops.NewClientFactory(noToken{}, q.connection.options)
	require.NoError(t, err)
	s, _, stderr := commandtest.Streams()
	assert.Equal(t, command.Failed, q.Exit(q.run(t.Context(), s), s))
	assert.Contains(t, stderr.String(), "no account\n")
	assert.Equal(t, 1, strings.Count(stderr.String(), "\n"))
}

func TestProgressCountsSubscriptions(t *testing.T) {
	t.Parallel()
	q, err := parseQuery([]string{"-via", "list"}, strings.NewReader(""))
	require.NoError(t, err)
	var progress bytes.Buffer
	found, err := q.collect(t.Context(), commandtest.Terminal(&progress, 100))
	require.ErrorContains(t, err, "3 of 40 subscriptions failed:")
	assert.NotEmpty(t, found)
	lines := strings.Split(progress.String(), "\r")
	assert.Contains(t, lines, "assignments: 40 of 40 subscriptions, 3 failed, 56 items")
	assert.Equal(t, "standardAssignments: 40 of 40 subscriptions, 3 failed, 66 items", lines[len(lines)-1])
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
		assert.Equal(t, want, q.connection.options.Cloud)
		assert.Nil(t, q.connection.options.Transport, "must be the network")
		assert.NotNil(t, q.connection.credential)
		assert.WithinDuration(t, time.Now().Add(24*time.Hour), q.filter.expiresUntil, time.Minute)
	}
}
