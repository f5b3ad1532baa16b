package main

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/test/driver"
)

var rules = armsecops.WorkspaceManagerAssignmentID{SubscriptionID: subscription, ResourceGroupName: group, WorkspaceName: workspace, Name: "rules"}

func TestPublishNamesTheFailures(t *testing.T) {
	t.Parallel()
	server := fake.NewServer(nil)
	server.SetJobItems(rules, forbiddenAtBranch)
	err := publish(t.Context(), driver.NewJobsClient(t, driver.Options(server)), rules)
	require.ErrorAs(t, err, new(*armsecops.JobFailedError))
	assert.True(t, strings.HasSuffix(err.Error(), rule+" at member branch: Forbidden."), err)
}

func TestPublishFindsTheJobOfALostResponse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := fake.NewServer(nil)
		server.Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Create", Disconnect: true, CarriedOut: true})
		require.NoError(t, publish(t.Context(), driver.NewJobsClient(t, driver.Options(server)), rules))
		posts := 0
		for _, request := range server.Requests() {
			if request.Method == http.MethodPost {
				posts++
			}
		}
		assert.Equal(t, 1, posts, "jobs are started")
	})
}
