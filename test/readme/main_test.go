package main

import (
	"errors"
	"testing"
	"testing/synctest"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

// A strict server refuses a step without the ones before it.
func TestProgramPublishes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		items  []armsecops.JobItem
		failed bool
	}{
		"succeeded": {nil, false},
		"failed":    {[]armsecops.JobItem{{ResourceID: rule, Errors: []armsecops.JobItemError{{MemberResourceName: "branch", ErrorMessage: "Forbidden."}}}}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := fake.NewServer(&fake.ServerOptions{Strict: true, JobSteps: 1})
				// A workspace exists once something is below it.
				server.Put(armsecops.WorkspaceManagerConfigurationID{SubscriptionID: subscription, ResourceGroupName: group, WorkspaceName: workspace, Name: "default"},
					armsecops.WorkspaceManagerConfiguration{})
				options := &armsecops.ClientOptions{}
				options.Transport = server
				factory, err := armsecops.NewClientFactory(&azfake.TokenCredential{}, options)
				if err != nil {
					t.Fatal(err)
				}
				if err := setUp(t.Context(), factory); err != nil {
					t.Fatal(err)
				}
				if test.items != nil {
					id := armsecops.WorkspaceManagerAssignmentID{SubscriptionID: subscription, ResourceGroupName: group, WorkspaceName: workspace, Name: "rules"}
					server.SetJobItems(id, test.items)
				}
				err = run(t.Context(), factory)
				if _, failed := errors.AsType[*armsecops.JobFailedError](err); failed != test.failed || err != nil && !failed {
					t.Errorf("got %v", err)
				}
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
