package main

import (
	"testing"
	"testing/synctest"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

func Example() {
	main()
	// Output:
	// Succeeded
	// 1 of 1 items published
}

// A strict server refuses a step without the ones before it.
func TestProgramReportsFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := fake.NewServer(&fake.ServerOptions{Strict: true, JobSteps: 1})
		// A workspace exists once something is below it.
		server.Put(armsecops.WorkspaceManagerConfigurationID{SubscriptionID: subscription, ResourceGroupName: group, WorkspaceName: workspace, Name: "default"},
			armsecops.WorkspaceManagerConfiguration{})
		options := &armsecops.ClientOptions{}
		options.Transport = server
		factory, err := armsecops.NewClientFactory(&azfake.TokenCredential{}, options)
		require.NoError(t, err)
		require.NoError(t, setUp(t.Context(), factory))
		require.NoError(t, run(t.Context(), factory))

		rules := armsecops.WorkspaceManagerAssignmentID{SubscriptionID: subscription, ResourceGroupName: group, WorkspaceName: workspace, Name: "rules"}
		server.SetJobItems(rules, []armsecops.JobItem{{ResourceID: rule, Errors: []armsecops.JobItemError{{MemberResourceName: "branch", ErrorMessage: "Forbidden."}}}})
		require.ErrorAs(t, run(t.Context(), factory), new(*armsecops.JobFailedError))
	})
}
