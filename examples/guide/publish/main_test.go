package main

import (
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
	main()
	// Output:
	// rules: job 0b8a3f6e-2f0c-4c62-9e4f-000000000011: Succeeded
	// rules: 1 of 1 items published
}

func TestRunPrintsAStateOnceAndAllFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, out := newTenant(), new(strings.Builder)
		factory, _ := armsecops.NewClientFactory(&azfake.TokenCredential{}, server.ClientOptions())
		require.NoError(t, setUp(t.Context(), factory, rules))
		id := armsecops.WorkspaceManagerAssignmentID{SubscriptionID: subscription, ResourceGroupName: resourceGroup, WorkspaceName: workspace, Name: rules.assignment}
		server.SetJobItems(id, []armsecops.JobItem{{ResourceID: rule, Errors: []armsecops.JobItemError{{MemberResourceName: "branch", ErrorMessage: "Forbidden."}}}})
		server.Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Get", Times: 2, Body: `{"name": "1", "properties": {"provisioningState": "InProgress"}}`})
		require.ErrorAs(t, run(t.Context(), factory, rules.assignment, out), new(*armsecops.JobFailedError))
		assert.Equal(t, "rules: job 1: InProgress\nrules: job 0b8a3f6e-2f0c-4c62-9e4f-000000000011: Failed\n"+
			"rules: "+rule+" at member branch: \"Forbidden.\"\nrules: 0 of 1 items published\n", out.String())
		server.Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Get", Body: `{"name": "1", "properties": {"provisioningState": "Succeeded", "items": [{"status": "Failed"}]}}`})
		assert.Regexp(t, "Succeeded: 1 of 1 items failed.*\ninvalid argument$", run(t.Context(), factory, rules.assignment, (*os.File)(nil)), "the output is lost, too")
	})
}
