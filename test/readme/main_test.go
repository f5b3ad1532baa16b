package main

import (
	"testing"
	"testing/synctest"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/test/driver"
)

// forbiddenAtBranch are the items of a job that failed.
var forbiddenAtBranch = []armsecops.JobItem{{ResourceID: rule, Errors: []armsecops.JobItemError{{MemberResourceName: "branch", ErrorMessage: "Forbidden."}}}}

// A strict server refuses a step without the ones before it.
func TestProgramPublishes(t *testing.T) {
	t.Parallel()
	for name, items := range map[string][]armsecops.JobItem{"succeeded": nil, "failed": forbiddenAtBranch} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := fake.NewServer(&fake.ServerOptions{Strict: true, JobSteps: 1})
				// A workspace exists once something is below it.
				server.Put(armsecops.WorkspaceManagerConfigurationID{SubscriptionID: subscription, ResourceGroupName: group, WorkspaceName: workspace, Name: "default"},
					armsecops.WorkspaceManagerConfiguration{})
				factory := driver.NewFactory(t, &azfake.TokenCredential{}, driver.Options(server))
				require.NoError(t, setUp(t.Context(), factory))
				if items == nil {
					require.NoError(t, run(t.Context(), factory))
					return
				}
				server.SetJobItems(rules, items)
				require.ErrorAs(t, run(t.Context(), factory), new(*armsecops.JobFailedError))
			})
		})
	}
}

func Example() {
	main()
	// Output:
	// Succeeded
	// 1 of 1 items published
}
