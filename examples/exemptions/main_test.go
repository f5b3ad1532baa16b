package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/command"
	"github.com/armsecops/armsecops/examples/internal/commandtest"
)

const (
	build            = "/subscriptions/5ec0ffee-0000-4000-8000-000000000001/resourceGroups/lab/providers/Microsoft.Compute/virtualMachines/build"
	standard         = "/providers/Microsoft.Security/securityStandards/1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
	policyAssignment = managementGroups + "platform/providers/Microsoft.Authorization/policyAssignments/Security"
	standardID4      = "/subscriptions/5ec0ffee-0000-4000-8000-000000000004/resourceGroups/lab/providers/Microsoft.Compute/virtualMachines/build-04/providers/Microsoft.Security/standardAssignments/5ec0ffee-0001-4000-8000-000000000004"
	endedID          = "/subscriptions/5ec0ffee-0000-4000-8000-000000000001/resourceGroups/security/providers/Microsoft.Security/assignments/exemption-1"
)

// standardArgs returns the arguments that create an exemption of a standard, and more, the later ones winning.
func standardArgs(more ...string) []string {
	args := strings.Fields("create -expires never -category Waiver -scope " + build + " -assessment " + recommendations[0].key + " -standard " + standard)
	return override(append(args, "-name", "Build machine <1>"), more)
}

// policyArgs returns the arguments that create a policy exemption, and more of them.
func policyArgs(more ...string) []string {
	args := strings.Fields("create -expires never -category mitigated -name Firewall -policy-assignment " + policyAssignment)
	if !slices.Contains(more, "-reference") {
		args = slices.Insert(args, 1, "-whole")
	}
	return override(append(args, "-scope", managementGroups+"platform"), more)
}

// override returns a command with pairs of a flag and its value, and more, which
// replaces those that it has, unless the flag can be repeated.
func override(args, more []string) []string {
	for i := len(args) - 2; i > 0; i -= 2 {
		if args[i] != "-assessment" && slices.Contains(more, args[i]) {
			args = slices.Delete(args, i, i+2)
		}
	}
	return append(args, more...)
}

// The golden files have the standard output, the standard error and the exit code.
func TestRunMatchesGoldenFiles(t *testing.T) {
	t.Parallel()
	one, id := tenantSubscription(4), recommendations[0].key
	for name, args := range map[string][]string{ // by name of the file
		"list":             {"list", "-via", "list", "-verify", "-expires-within", "90d"},
		"expiring":         {"expiring", "-within", "50d", "-wide"},
		"csv":              {"-expires-within", "90d", "-category", "Waiver", "-o", "csv"},
		"json":             {"-via", "list", "-o", "json", one},
		"ids":              {"expiring", "-o", "ids"},
		"none":             {"-o", "json", tenantSubscription(6)},
		"none-table":       {"-subscription", tenantSubscription(6)},
		"verified":         {"list", "-verify", "-kind", "policy", "-subscription", one, tenantSubscription(7)},
		"verified-none":    {"list", "-verify", tenantSubscription(7)},
		"unknown-group":    {"list", "-management-group", "plattform"},
		"inherited":        {"list", "-inherited", "-subscription", one},
		"management-group": {"list", "-via", "list", "-management-group", "platform"},
		"effect":           {"list", "-effect", "", tenantSubscription(5)},
		"unknown":          {"list", "-via", "list", "-subscription", tenantSubscription(tenantSubscriptions + 1)},
		"list-dry-run":     {"expiring", "-dry-run", "-kind", "standard", one},
		"list-dry-filters": {"-dry-run", "-category", "waiver", "-effect", "Audit", "-inherited", "-verify", one},
		"create":           standardArgs("-dry-run", "-id", id, "-expires", "90d", "-description", "Shut down in autumn."),
		"create-cve":       standardArgs("-dry-run", "-id", id, "-standard", "", "-cve", "cve-2020-1347", "-expires", "2026-12-31"),
		"create-several":   standardArgs("-dry-run", "-id", id, "-assessment", recommendations[1].key, "-assessment", recommendations[1].key),
		"created":          standardArgs("-id", id),
		"created-policy":   policyArgs("-id", id),
		"create-whole":     policyArgs("-dry-run", "-id", id),
		"renewed":          {"renew", "-ended", "-expires", "90d", standardID4, endedID},
		"create-policy":    policyArgs("-dry-run", "-id", id, "-reference", "diskEncryption", "-reference", "firewall"),
		"renew-dry-run":    {"renew", "-dry-run", "-expires", "90d", policyID(3), standardID4, endedID},
		"renew-none":       {"renew", "-expires", "90d", "-"},
		"active":           {"expiring", "-active"},
		"delete-none":      {"delete", "-file", os.DevNull},
		"delete-dry-run":   {"delete", policyID(3), "-dry-run", policyID(4), endedID},
	} {
		s, output, _ := commandtest.Streams()
		s.Err = s.Out
		code := run(t.Context(), args, s)
		commandtest.AssertGolden(t, name, fmt.Sprintf("%sexit status %d\n", requestID.ReplaceAllString(output.String(), "request N"), code))
	}
	s, stdout, stderr := commandtest.Streams()
	assert.Zero(t, run(t.Context(), nil, s))
	commandtest.AssertGolden(t, "output", stdout.String())
	assert.Equal(t, unreadable+"\nThis was a tenant in memory on 1 June 2026, with invented exemptions: -live reads Azure.\n", stderr.String())
}

// requestID depends on which of several requests comes first.
var requestID = regexp.MustCompile(`request \d+`)

func policyID(n int) string {
	return "/subscriptions/" + tenantSubscription(n) + "/resourceGroups/lab/providers/Microsoft.Authorization/policyExemptions/lab-3"
}

func TestScreensFitTheTerminal(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"help": {"help"}, "list-help": {"help", "list"}, "expiring-help": {"expiring", "-h"}, "create-help": {"create", "-h"}, "renew-help": {"renew", "-h"},
		"delete-help": {"-h", "delete"}, "expiring": {"expiring"}, "list": {"-via", "list", tenantSubscription(4), tenantSubscription(11)},
	} {
		commandtest.AssertScreens(t, name, func(s command.Streams) int { return run(t.Context(), args, s) })
	}
}

func TestRunRefusesInvalidFlags(t *testing.T) {
	t.Parallel()
	const noUUID = " must be a UUID, as in 00000000-0000-0000-0000-000000000000"
	one, file := tenantSubscription(1), filepath.Join(t.TempDir(), "subscriptions.txt")
	require.NoError(t, os.WriteFile(file, []byte(one+"\r\nproduction"), 0o600))
	invisible := file + ".invisible"
	require.NoError(t, os.WriteFile(invisible, []byte(one+"\u200b"), 0o600))
	for name, test := range map[string]struct {
		args []string
		want string // the line before where to find help
	}{
		"unknown command":           {[]string{"show"}, `unknown command "show": must be list, expiring, create, renew or delete`},
		"misspelt command":          {[]string{"lsit", "-o", "csv"}, `unknown command "lsit": did you mean list?`},
		"name elsewhere":            {[]string{"expire"}, `unknown command "expire": did you mean expiring?`},
		"help for no command":       {[]string{"help", "renwe"}, `unknown command "renwe": did you mean renew?`},
		"spoiled command":           {[]string{"list\r"}, `unknown command "list\r": did you mean list?`},
		"unknown output":            {[]string{"-o", "xml"}, `invalid value "xml" for flag -o: must be table, csv, json or ids`},
		"unknown kind":              {[]string{"-kind", "arc"}, `invalid value "arc" for flag -kind: must be all, policy, standard or assignment`},
		"two names of a flag":       {[]string{"-expires-within", "90d", "-within", "3d"}, "-within and -expires-within exclude each other"},
		"negative duration":         {[]string{"expiring", "-within", "-1h"}, "-within: not a duration such as 30d or 12h: -1h"},
		"too many days":             {[]string{"-expires-within", "999999d"}, "-expires-within: must be at most 36500d: 999999d"},
		"no subscriptions":          {[]string{"-live", "-via", "list"}, "-live with -via list needs subscriptions or a -management-group"},
		"nothing to verify":         {[]string{"-live", "-verify"}, "-live with -verify needs subscriptions"},
		"nothing that inherits":     {[]string{"-inherited"}, "-inherited needs subscriptions"},
		"metadata of no object":     {[]string{"renew", "-expires", "1d", "-metadata", "null", build}, "-metadata: must be a JSON object"},
		"endless and not":           {[]string{"list", "-endless", "-within", "1d"}, "-endless and -within exclude each other"},
		"groups that inherit":       {[]string{"-inherited", "-via", "list", "-management-group", "contoso"}, "-inherited needs subscriptions"},
		"two scopes":                {[]string{"-management-group", "a", one}, "-management-group doesn't go with subscriptions"},
		"no management group":       {[]string{"-management-group", "a/b", "x"}, "-management-group: not a name: a/b"},
		"trailing space of a flag":  {[]string{"create", "-name", " x"}, `-name has control or invisible characters, or white space at an end: " x"`},
		"trailing space":            {[]string{"-category=waiver "}, `an argument has control or invisible characters, or white space at an end: "-category=waiver "`},
		"misspelt category":         {[]string{"-category", "wavier"}, `invalid value "wavier" for flag -category: must be waiver or mitigated`},
		"empty input":               {[]string{"-"}, "the input has no subscriptions"},
		"no file":                   {[]string{"-file", "", one}, "-file has no name"},
		"unknown effect":            {[]string{"-effect", "exempted"}, `invalid value "exempted" for flag -effect: must be Audit, Exempt, Attest or Disable`},
		"empty subscription":        {[]string{""}, "a subscription is empty"},
		"empty -subscription":       {[]string{"-subscription", ""}, `invalid value "" for flag -subscription: is empty`},
		"late, its flags":           {[]string{"-live", "renew", "-expires", "90d", "-"}, "the command comes first: exemptions renew"},
		"late command":              {[]string{"-o", "ids", "expiring"}, "the command comes first: exemptions expiring"},
		"no subscription":           {[]string{one, "production"}, `argument "production"` + noUUID},
		"no -subscription":          {[]string{"-subscription", "mine", one}, `-subscription "mine"` + noUUID},
		"an invisible character":    {[]string{"-file", invisible}, "-file: line 1 of " + invisible + ` has control or invisible characters: "` + one + `\u200b"`},
		"no line":                   {[]string{"-file", file, "mine"}, "line 2 of " + file + ` "production"` + noUUID},
		"create without scope":      {standardArgs("-scope", ""), "create needs -scope"},
		"create without standard":   {standardArgs("-standard", ""), "create needs -standard"},
		"create without assessment": {[]string{"create", "-scope", build}, "create needs -assessment, -standard, -category, -name and -expires; -policy-assignment replaces -assessment and -standard"},
		"create without assignment": {policyArgs("-policy-assignment", ""), "create needs -policy-assignment"},
		"create, unknown kind":      {standardArgs("-kind", "assignment"), `invalid value "assignment" for flag -kind: must be standard or policy`},
		"create, no duration":       {standardArgs("-expires", "soon"), "-expires: not a date such as 2026-12-31, nor a duration such as 30d or 12h: soon"},
		"create, of the whole":      {append(policyArgs("-reference", "a"), "-whole"), "-whole and -reference exclude each other"},
		"create, of nothing":        {slices.Delete(policyArgs(), 1, 2), "create needs -reference or -whole"},
		"create, no scope":          {standardArgs("-scope", "build"), "-scope: not a resource id: build"},
		"create, other standard":    {standardArgs("-standard", build), "-standard: not the resource id of a security standard: " + build},
		"create, id is empty":       {standardArgs("-id", ""), "-id: not a UUID: "},
		"create, empty description": {standardArgs("-description", ""), "-description is empty"},
		"renew, empty description":  {[]string{"renew", "-expires", "9d", "-description", "", "-"}, "-description is empty"},
		"create, UUID in braces":    {standardArgs("-assessment", "{"+one+"}"), "-assessment: not a UUID: {" + one + "}"},
		"create, no CVE":            {standardArgs("-cve", "2020-1347"), "-cve: not a CVE such as CVE-2020-1347: 2020-1347"},
		"create, policy of another": {standardArgs("-reference", "a"), "-reference doesn't go with -kind standard"},
		"create, other assignment":  {policyArgs("-policy-assignment", build), "-policy-assignment: not the resource id of a policy assignment: " + build},
		"create, standard of a":     {policyArgs("-cve", "CVE-2020-1347"), "-cve doesn't go with -kind policy"},
		"create, both kinds":        {standardArgs("-policy-assignment", policyAssignment), "-standard doesn't go with -kind policy"},
		"create, only another's":    {[]string{"create", "-kind", "policy", "-assessment", one}, "-assessment doesn't go with -kind policy"},
		"list, no such exemptions":  {[]string{"list", "-kind", "policy", "-effect", "attest"}, "-effect Attest doesn't go with -kind policy, whose exemptions have the effect Exempt"},
		"renew without expiry":      {[]string{"renew", standardID4}, "renew needs -expires"},
		"renew without ids":         {[]string{"renew", "-expires", "1d"}, "renew needs ids of exemptions"},
		"renew in the past":         {[]string{"renew", "-expires", "2020-01-01", "x"}, "-expires: must be in the future: 2020-01-01"},
		"delete without ids":        {[]string{"delete"}, "delete needs ids of exemptions"},
		"delete a machine":          {[]string{"delete", standardID4, build}, `argument "` + build + `" is not the id of an exemption`},
		"delete a line":             {[]string{"delete", "-file", file}, "line 1 of " + file + ` "` + one + `" is not the id of an exemption`},
	} {
		stderr := commandtest.AssertNoOutput(t, command.BadUsage, func(s command.Streams) int { return run(t.Context(), test.args, s) }, name)
		message, help, _ := strings.Cut(stderr, "\n")
		assert.Equal(t, test.want, message, name)
		assert.Regexp(t, "^For help: exemptions( list| expiring| create| renew| delete)? -h\n$", help, name)
	}
}

// Which shows what is standard output: the help, too.
func TestRunReportsAFullDisk(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"-o table", "-o csv", "-o json", "-o ids", "help", "help list", "expiring -h", "help create", "help renew", "delete -h"} {
		commandtest.AssertLostOutput(t, func(s command.Streams) int { return run(t.Context(), strings.Fields(args), s) }, args)
	}
	stderr := commandtest.AssertLostOutput(t, func(s command.Streams) int { return run(t.Context(), standardArgs("-id", tenantSubscription(9)), s) })
	assert.Contains(t, stderr, "It was created with -id "+tenantSubscription(9)+".\n")
}

func TestRunEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for args, want := range map[string]string{ // the exit code, the standard output and the standard error
		"-via list -o json":    "1 This was a tenant in memory on 1 June 2026, with invented exemptions: -live reads Azure.\ninterrupted: 40 of 40 subscriptions not finished\n",
		"-o json":              "1 This was a tenant in memory on 1 June 2026, with invented exemptions: -live reads Azure.\ninterrupted\n",
		"-o csv -kind policy":  "1 This was a tenant in memory on 1 June 2026, with invented exemptions: -live reads Azure.\ninterrupted\n",
		"list -":               "1 standard input: interrupted\n",
		"renew -expires 90d -": "1 standard input: interrupted\n",
		"delete " + standardID4 + " " + policyID(3): "3 " + standardID4 + ": not begun\n" + policyID(3) +
			": not begun\nThis was a tenant in memory on 1 June 2026, of which nothing remains: -live changes Azure.\n0 of 2 exemptions failed, 2 not finished: interrupted\n",
	} {
		s, stdout, stderr := commandtest.Streams()
		s.In, _ = io.Pipe() // which never ends
		code := run(ctx, strings.Fields(args), s)
		assert.Equal(t, want, fmt.Sprintf("%d %s%s", code, stdout, stderr))
	}
}

func TestRunReportsUnreadableInput(t *testing.T) {
	t.Parallel()
	long := filepath.Join(t.TempDir(), "long")
	require.NoError(t, os.WriteFile(long, []byte("\n"+strings.Repeat("x", 1<<16)), 0o600))
	windows := filepath.Join(t.TempDir(), "windows")
	require.NoError(t, os.WriteFile(windows, []byte("\xff\xfeo\x00n\x00e\x00"), 0o600))
	for _, args := range [][]string{{"-"}, {"delete", "-"}, {"-file", filepath.Join(t.TempDir(), "none")}, {"-file", long}, {"-file", windows}} {
		s, stdout, stderr := commandtest.Streams()
		s.In = iotest.ErrReader(errors.New("broken pipe"))
		assert.Equal(t, command.Failed, run(t.Context(), args, s))
		assert.Empty(t, stdout.String())
		assert.Regexp(t, "^(standard input: broken pipe|-file: open .*: no such file or directory|-file: line 2 is longer than 65535 bytes|-file: the text is UTF-16: save it as UTF-8)\n$", stderr.String())
	}
}

func TestInputHasNoDuplicates(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "subscriptions.txt")
	require.NoError(t, os.WriteFile(file, []byte("\ufeff# production\r\n one\r\n\r\ntwo"), 0o600))
	for name, test := range map[string]struct{ args, file, stdin, want string }{
		"none":                 {"", "", "three", ""},
		"arguments":            {"four five", "", "three", "four five"},
		"file":                 {"", file, "three", "one two"},
		"standard input":       {"-", "", "three\n#\nfour\n", "three four"},
		"all of them":          {"four - ONE", file, "three\nFour", "one two four three"},
		"file of that name":    {"one", "-", "three", "three one"},
		"standard input twice": {"- -", "", "three", "three"},
	} {
		got, err := readInput(t.Context(), "an id", strings.Fields(test.args), test.file, strings.NewReader(test.stdin))
		require.NoError(t, err, name)
		assert.Equal(t, test.want, strings.Join(texts(got), " "), name)
	}
}

// All subscriptions, kinds and exemptions fail for the same reason. An empty list would say that there are none.
func TestFailedCredentialIsReportedOnce(t *testing.T) {
	t.Parallel()
	credential := &azfake.TokenCredential{}
	credential.SetError(errors.New("no account"))
	factory, err := armsecops.NewClientFactory(credential, nil)
	require.NoError(t, err)
	for _, args := range [][]string{
		{"-via", "list"}, {"-o", "json"}, {"-o", "csv", "-kind", "policy"}, {"delete", policyID(3), standardID4}, {"renew", "-expires", "9d", policyID(3)},
		standardArgs("-assessment", recommendations[1].key), policyArgs(),
	} {
		code, stdout, stderr := execute(t, connection{factory: factory}, "", args...)
		assert.Equal(t, command.Failed, code, args)
		assert.Empty(t, stdout)
		assert.Regexp(t, "^Sign in with az login, .*\n[A-Za-z.]+: .*no account.*\n$", stderr)
	}
}

func TestNothingBeginsAfterASignInFailed(t *testing.T) {
	t.Parallel()
	s, stdout, _ := commandtest.Streams()
	found, err := survey(t.Context(), s.Err, "subscription", []string{"1", "2", "3"}, func(_ context.Context, scope string) ([]armsecops.Exemption, error) {
		return []armsecops.Exemption{{ID: "inherited"}}, map[string]error{"3": armsecops.ErrCredential}[scope]
	})
	require.ErrorIs(t, err, armsecops.ErrCredential)
	assert.Len(t, found, 1)
	var begun atomic.Int64
	first := make(chan struct{})
	err = apply(t.Context(), s, make([]string, 100), func(context.Context, string) (done, error) {
		if begun.Add(1) == 1 {
			close(first)
			return done{text: "done"}, nil
		}
		<-first
		return done{}, armsecops.ErrCredential
	})
	require.ErrorIs(t, err, errPartly)
	require.ErrorIs(t, err, armsecops.ErrCredential)
	assert.Equal(t, "done\n", stdout.String())
	assert.Less(t, begun.Load(), int64(20))
}

func TestLeavingTheLoopEndsTheCalls(t *testing.T) {
	t.Parallel()
	var begun, ended atomic.Int64
	for range each(t.Context(), append([]string{"first"}, make([]string, 199)...), func(ctx context.Context, item string) (int, error) {
		begun.Add(1)
		defer ended.Add(1)
		if item != "first" {
			<-ctx.Done()
		}
		return 0, nil
	}) {
		break
	}
	assert.LessOrEqual(t, begun.Load(), int64(9))
	assert.Equal(t, begun.Load(), ended.Load())
}
