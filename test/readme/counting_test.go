package main

import (
	"maps"
	"testing"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

func TestCount(t *testing.T) {
	t.Parallel()
	const first, second = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"
	server := fake.NewServer(nil)
	for _, id := range []armsecops.AssignmentID{
		{SubscriptionID: first, ResourceGroupName: "rg", Name: "a"},
		{SubscriptionID: first, ResourceGroupName: "rg", Name: "b"},
		{SubscriptionID: second, ResourceGroupName: "rg", Name: "a"},
	} {
		server.Put(id, armsecops.Assignment{})
	}
	options := &armsecops.ClientOptions{}
	options.Transport = server
	client, err := armsecops.NewSecurityAssignmentsClient(first, &azfake.TokenCredential{}, options)
	if err != nil {
		t.Fatal(err)
	}
	got := count(t.Context(), client, []string{first, second, "not an id"})
	if want := map[string]int{first: 2, second: 1}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
