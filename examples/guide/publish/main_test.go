package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

func Example() {
	factory, _ := newFactory(false)
	if err := run(context.Background(), factory, []publication{rules}, os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// rules: job 0b8a3f6e-2f0c-4c62-9e4f-000000000011: Succeeded
	// rules: 1 of 1 items published
}

func TestRunJobPrintsAStateOnceAndAllFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, out := newTenant(), new(strings.Builder)
		factory, _ := armsecops.NewClientFactory(&azfake.TokenCredential{}, server.ClientOptions())
		require.NoError(t, setUp(t.Context(), factory, rules))
		id := armsecops.WorkspaceManagerAssignmentID{SubscriptionID: subscription, ResourceGroupName: resourceGroup, WorkspaceName: workspace, Name: rules.assignment}
		server.SetJobItems(id, []armsecops.JobItem{{ResourceID: rule, Errors: []armsecops.JobItemError{{MemberResourceName: "branch", ErrorMessage: "Forbidden."}}}})
		server.Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Get", Times: 2, Body: `{"name": "1", "properties": {"provisioningState": "InProgress"}}`})
		require.ErrorAs(t, runJob(t.Context(), factory, rules.assignment, out), new(*armsecops.JobFailedError))
		assert.Equal(t, "rules: job 1: InProgress\nrules: job 0b8a3f6e-2f0c-4c62-9e4f-000000000011: Failed\n"+
			"rules: "+rule+" at member branch: \"Forbidden.\"\nrules: 0 of 1 items published\n", out.String())
		server.Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Get", Body: `{"name": "1", "properties": {"provisioningState": "Succeeded", "items": [{"status": "Failed"}]}}`})
		assert.Regexp(t, "Succeeded: 1 of 1 items failed.*\njob 1 ended Succeeded: invalid argument$", runJob(t.Context(), factory, rules.assignment, (*os.File)(nil)), "the output is lost, too")
	})
}

// Without a token, nothing else can be published either.
func TestRunNamesWhatIsNotBegun(t *testing.T) {
	t.Parallel()
	broken := rules
	broken.assignment = "a"
	factory, _ := newFactory(false)
	require.ErrorContains(t, run(t.Context(), factory, []publication{broken, rules}, io.Discard), "a: WorkspaceManagerAssignmentsClient.CreateOrUpdate: parameter ")
	require.EqualError(t, run(t.Context(), factory, []publication{{assignment: "empty", members: rules.members}}, io.Discard), "empty: it has no members, or no items")
	credential := &azfake.TokenCredential{}
	credential.SetError(errors.New("no account"))
	factory, _ = armsecops.NewClientFactory(credential, newTenant().ClientOptions())
	assert.Regexp(t, `^rules: .*no account\nrules: not begun$`, run(t.Context(), factory, []publication{rules, rules}, io.Discard))
}
