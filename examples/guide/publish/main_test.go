package main

import (
	"testing"
	"testing/synctest"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

func Example() {
	main()
	// Output:
	// Succeeded
	// 1 of 1 items published
}

func TestProgramReportsFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, options := newTenant(), &armsecops.ClientOptions{}
		options.Transport = server
		factory, err := armsecops.NewClientFactory(&azfake.TokenCredential{}, options)
		require.NoError(t, err)
		require.NoError(t, setUp(t.Context(), factory))
		rules := armsecops.WorkspaceManagerAssignmentID{SubscriptionID: subscription, ResourceGroupName: resourceGroup, WorkspaceName: workspace, Name: assignment}
		server.SetJobItems(rules, []armsecops.JobItem{{ResourceID: rule, Errors: []armsecops.JobItemError{{MemberResourceName: "branch", ErrorMessage: "Forbidden."}}}})
		require.ErrorAs(t, run(t.Context(), factory), new(*armsecops.JobFailedError))
	})
}
