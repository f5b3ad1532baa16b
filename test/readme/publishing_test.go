package main

import (
	"testing"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

func TestPublish(t *testing.T) {
	t.Parallel()
	const subscription = "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"
	server := fake.NewServer(nil)
	server.SetJobItems(armsecops.WorkspaceManagerAssignmentID{
		SubscriptionID: subscription, ResourceGroupName: "rg", WorkspaceName: "workspace", Name: "assignment",
	}, []armsecops.JobItem{
		{ResourceID: "/rules/one", Status: armsecops.JobItemStatusSucceeded},
		{ResourceID: "/rules/two", Status: armsecops.JobItemStatusFailed, Errors: []armsecops.JobItemError{
			{MemberResourceName: "member", ErrorMessage: "Forbidden."},
		}},
	})
	options := &armsecops.ClientOptions{}
	options.Transport = server
	client, err := armsecops.NewWorkspaceManagerJobsClient(subscription, &azfake.TokenCredential{}, options)
	if err != nil {
		t.Fatal(err)
	}
	failures, err := publish(t.Context(), client, "rg", "workspace", "assignment")
	if err != nil {
		t.Fatal(err)
	}
	want := armsecops.JobFailure{ResourceID: "/rules/two", MemberResourceName: "member", ErrorMessage: "Forbidden."}
	if len(failures) != 1 || failures[0] != want {
		t.Errorf("got %v, want %v", failures, want)
	}
}
