package test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// The poller sends the same requests as Create and Get do.
func TestPollerFollowsTheJobToItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		transport := documented(t, "jobs_create_get_get")
		client := newJobsClient(t, options(transport))
		poller, err := client.BeginCreate(t.Context(), "myRg", "myWorkspace", jobsAssignment, nil)
		require.NoError(t, err)
		assert.Equal(t, 1, transport.Requests())
		assert.False(t, poller.Done())
		start := time.Now()
		_, err = poller.PollUntilDone(t.Context(), &runtime.PollUntilDoneOptions{Frequency: 5 * time.Second})
		failed, ok := errors.AsType[*armsecops.JobFailedError](err)
		require.True(t, ok, "%v", err)
		readExchanges(t, "jobs_create_get_get")[2].AssertWireForm(t, failed.Job)
		assert.Equal(t, 5*time.Second, time.Since(start), "one wait, between the two polls")
		assert.True(t, poller.Done())
	})
}

// Poll returns the response as the service sent it, with its headers and the job as its body.
func TestPollReturnsTheResponse(t *testing.T) {
	t.Parallel()
	client := newJobsClient(t, options(documented(t, "jobs_create_get_get")))
	poller, err := client.BeginCreate(t.Context(), "myRg", "myWorkspace", jobsAssignment, nil)
	require.NoError(t, err)
	for _, want := range readExchanges(t, "jobs_create_get_get")[1:] {
		received, err := poller.Poll(t.Context())
		require.NoError(t, err)
		want.AssertReceived(t, received)
		body, err := runtime.Payload(received)
		require.NoError(t, err)
		assertSameJSON(t, want.Response.Body, body)
	}
}

// Scopes and the name of the documented exchanges.
const (
	managementGroup = "/providers/Microsoft.Management/managementGroups/contoso"
	virtualMachine  = "/subscriptions/212f9889-769e-45ae-ab43-6da33674bd26/resourceGroups/ANAT_TEST_RG/providers/Microsoft.Compute/virtualMachines/anatTestE2LA"
	standardName    = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
)
