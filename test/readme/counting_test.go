package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/test/driver"
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
	got := count(t.Context(), driver.NewAssignmentsClient(t, driver.Options(server)), []string{first, second, "not an id"})
	assert.Equal(t, map[string]int{first: 2, second: 1}, got)
}
