package main

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

var central = armsecops.WorkspaceManagerAssignmentID{
	SubscriptionID: "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0", ResourceGroupName: "rg", WorkspaceName: "central", Name: "rules",
}

func newJobsClient(t *testing.T, server *fake.Server) *armsecops.WorkspaceManagerJobsClient {
	t.Helper()
	options := &armsecops.ClientOptions{}
	options.Transport = server
	client, err := armsecops.NewWorkspaceManagerJobsClient(central.SubscriptionID, &azfake.TokenCredential{}, options)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestPublishNamesTheFailures(t *testing.T) {
	t.Parallel()
	server := fake.NewServer(nil)
	server.SetJobItems(central, []armsecops.JobItem{{
		ResourceID: "/rules/one", Errors: []armsecops.JobItemError{{MemberResourceName: "branch", ErrorMessage: "Forbidden."}},
	}})
	err := publish(t.Context(), newJobsClient(t, server), central)
	_, failed := errors.AsType[*armsecops.JobFailedError](err)
	if want := "/rules/one at member branch: Forbidden."; !failed || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestPublishFindsTheJobOfALostResponse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := fake.NewServer(nil)
		server.Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Create", Disconnect: true, CarriedOut: true})
		if err := publish(t.Context(), newJobsClient(t, server), central); err != nil {
			t.Fatal(err)
		}
		posts := 0
		for _, request := range server.Requests() {
			if request.Method == "POST" {
				posts++
			}
		}
		if posts != 1 {
			t.Errorf("%d jobs were started, want 1", posts)
		}
	})
}
