package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/commandtest"
	"github.com/armsecops/armsecops/fake"
)

const (
	getJob          = "WorkspaceManagerJobsClient.Get"
	listAssignments = "SecurityAssignmentsClient.NewListBySubscriptionPager"

	// The flags for Azure.
	liveAssignment = "-live -subscription d0cfe6b2-9ac0-4464-9919-dccaee2e48c0 -resource-group myRg -workspace myWorkspace -assignment myAssignment "
	live           = liveAssignment + "-job myJob "
)

// runWith runs the program with the faults of the server in memory.
func runWith(t *testing.T, args string, faults ...fake.Fault) (code int, stdout, stderr string) {
	srv := fake.NewServer(&fake.ServerOptions{Samples: true, PageSize: 1})
	for _, fault := range faults {
		srv.Inject(fault)
	}
	var out, problems bytes.Buffer
	code = run(t.Context(), strings.Fields(args), srv, &out, &problems)
	return code, out.String(), problems.String()
}

func TestScreensFit80Columns(t *testing.T) {
	t.Parallel()
	for name, args := range map[string]string{"output": "", "help": "-h"} {
		code, stdout, stderr := runWith(t, args)
		assert.Zero(t, code)
		assert.Empty(t, stderr)
		commandtest.AssertGolden(t, name, stdout)
		for line := range strings.SplitSeq(stdout, "\n") {
			assert.LessOrEqual(t, utf8.RuneCountInString(line), 80, line)
		}
	}
}

func TestProgramIsShortAndOnItsOwn(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("main.go")
	require.NoError(t, err)
	assert.LessOrEqual(t, bytes.Count(source, []byte("\n")), 120, "a reader copies it")
	assert.NotContains(t, string(source), "/internal/")
}

func TestRunReportsAFullDisk(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"-h"}} {
		var stderr bytes.Buffer
		assert.Equal(t, 5, run(t.Context(), args, fake.NewServer(&fake.ServerOptions{Samples: true}), commandtest.FullDisk{}, &stderr))
		assert.Equal(t, "standard output: no space left on device\n", stderr.String())
	}
}

func TestRunRefusesInvalidFlags(t *testing.T) {
	t.Parallel()
	const all = ": give all of -live, -subscription, -resource-group, -workspace, -assignment and -job, or nothing; for help: quickstart -h"
	for args, want := range map[string]string{ // at the beginning of the error
		"-verbose":                  "unknown flag: -verbose; for help: quickstart -h",
		"now":                       `"now"` + all,
		"\x1b[2Jnow\u202e":          `"\x1b[2Jnow\u202e"` + all,
		"-live -job":                "flag needs an argument: -job; ",
		"-job myJob":                `"-job"` + all,
		"-live":                     `"-live"` + all,
		live + "now":                `"now"` + all,
		liveAssignment:              `"-live"` + all,
		live + "-workspace=":        `"-live"` + all,
		"-cloud moon":               `invalid value "moon" for flag -cloud: must be public, china or government; for help: quickstart -h`,
		live + "-subscription mine": `NewWorkspaceManagerJobsClient: parameter subscriptionID "mine" must be a UUID`,
		live + "-resource-group ..": `WorkspaceManagerJobsClient.Get: parameter resourceGroupName ".." must not end in a period`,
	} {
		code, stdout, stderr := runWith(t, args)
		assert.Equal(t, 2, code, args)
		assert.Empty(t, stdout, args)
		assert.True(t, strings.HasPrefix(stderr, want), stderr)
		assert.Equal(t, 1, strings.Count(stderr, "\n"), args)
	}
}

func TestLiveFlagsLeadToTheSignIn(t *testing.T) {
	t.Setenv("PATH", "")
	t.Setenv("AZURE_TOKEN_CREDENTIALS", "AzureCLICredential")
	for _, name := range []string{"public", "china", "government"} {
		code, stdout, stderr := runWith(t, live+"-cloud "+name)
		assert.Equal(t, 1, code)
		assert.Empty(t, stdout)
		assert.True(t, strings.HasPrefix(stderr, "Sign in with az login, "), stderr)
		assert.Contains(t, stderr, getJob+": ")
		assert.Contains(t, stderr, "AzureCLICredential")
	}
}

func TestAssignmentsBeforeAFailureArePrinted(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{Samples: true, PageSize: 1})
	id := armsecops.AssignmentID{SubscriptionID: "20ff7fc3-e762-44dd-bd96-b71116dcdc23", ResourceGroupName: "myResourceGroup", Name: "other"}
	srv.Put(id, armsecops.Assignment{})
	srv.Inject(fake.Fault{Operation: listAssignments, Skip: 1, StatusCode: 403})
	var screen bytes.Buffer
	assert.Equal(t, 1, run(t.Context(), nil, srv, &screen, &screen))
	assert.Regexp(t, `(?s)^Job .*ASC Default.*\nSecurityAssignmentsClient\.NewListBySubscriptionPager: 403 `, screen.String())
}

func TestNoControlCharactersArePrinted(t *testing.T) {
	t.Parallel()
	code, stdout, _ := runWith(t, "", fake.Fault{Operation: getJob, Body: `{
		"name": "\u001b]0;title\u0007job",
		"properties": {"provisioningState": "Fai\u0008led", "items": [{
			"resourceId": "/rules/\u202egnp.exe", "status": "Fai\tled",
			"errors": [{"memberResourceName": "\u009b2J", "errorMessage": "one\r\ntwo\u0000"}]
		}]}
	}`}, fake.Fault{Operation: listAssignments, Body: `{"value": [{"name": "\u001b[2J", "properties": {"effect": "Ex\nempt"}}]}`})
	assert.Zero(t, code)
	commandtest.AssertPrintable(t, stdout)
	for _, want := range []string{"Job  ]0;title job: Fai led\n", "Not published: rules/ gnp.exe\n", "  2J: one two\n", "[2J  , Ex empt, expires never\n"} {
		assert.Contains(t, stdout, want)
	}
	code, stdout, stderr := runWith(t, "", fake.Fault{
		Operation: getJob, StatusCode: 403, Body: `{"error":{"code":"Forbidden","message":"first\nsecond \u001b[31mred\u0007"}}`,
	})
	assert.Equal(t, 1, code)
	assert.Empty(t, stdout)
	assert.Regexp(t, `^WorkspaceManagerJobsClient\.Get: 403 Forbidden: Forbidden: first second \[31mred \(request .*\n$`, stderr)
}
