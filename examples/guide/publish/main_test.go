package main

import (
	"context"
	"errors"
	"fmt"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"

	"github.com/armsecops/armsecops"
)

func Example() {
	main()
	// Output:
	// rules: Succeeded
	// rules: 1 of 1 items published
}

func Example_failures() {
	server, options := newTenant(), &armsecops.ClientOptions{}
	options.Transport = server
	factory, _ := armsecops.NewClientFactory(&azfake.TokenCredential{}, options)
	fmt.Println(setUp(context.Background(), factory, rules))
	id := armsecops.WorkspaceManagerAssignmentID{SubscriptionID: subscription, ResourceGroupName: resourceGroup, WorkspaceName: workspace, Name: rules.assignment}
	server.SetJobItems(id, []armsecops.JobItem{{ResourceID: rule, Errors: []armsecops.JobItemError{{MemberResourceName: "branch", ErrorMessage: "Forbidden."}}}})
	fmt.Println(errors.As(run(context.Background(), factory, rules.assignment), new(*armsecops.JobFailedError)))
	// Output:
	// <nil>
	// rules: Failed
	// rules: /subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/security/providers/Microsoft.OperationalInsights/workspaces/central/providers/Microsoft.SecurityInsights/alertRules/9a1b6f0e-5d0f-4d8e-8f57-3f1f6b0c2c11 at member branch: "Forbidden."
	// rules: 0 of 1 items published
	// true
}
