package publisher

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

var rules = armsecops.JobID{
	SubscriptionID:                 "11111111-2222-3333-4444-555555555555",
	ResourceGroupName:              "security",
	WorkspaceName:                  "central",
	WorkspaceManagerAssignmentName: "rules",
}

// newPublisher returns a publisher whose Azure is the server.
func newPublisher(t *testing.T, srv *fake.Server) *Publisher {
	options := &armsecops.ClientOptions{}
	options.Transport = srv
	jobs, err := armsecops.NewWorkspaceManagerJobsClient(rules.SubscriptionID, &azfake.TokenCredential{}, options)
	require.NoError(t, err)
	return &Publisher{Jobs: jobs, ResourceGroup: rules.ResourceGroupName, Workspace: rules.WorkspaceName, Frequency: 5 * time.Second}
}

// jobsStarted counts the requests that start a job.
func jobsStarted(srv *fake.Server) (n int) {
	for _, r := range srv.Requests() {
		if r.Operation == "WorkspaceManagerJobsClient.Create" {
			n++
		}
	}
	return n
}

// State: the job is in progress for two Gets, and ends as the test said. The
// clock is synctest's: waiting takes no time, and can be measured.
func TestPublish(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		items []armsecops.JobItem
		want  Failures
	}{
		"everything": {[]armsecops.JobItem{{ResourceID: "alertRules/one"}}, nil},
		"not to all members": {[]armsecops.JobItem{
			{ResourceID: "alertRules/one", Errors: []armsecops.JobItemError{{MemberResourceName: "paris"}}},
			{ResourceID: "alertRules/two", Errors: []armsecops.JobItemError{{MemberResourceName: "paris"}, {MemberResourceName: "oslo"}}},
			{ResourceID: "alertRules/three"},
		}, Failures{"paris": {"alertRules/one", "alertRules/two"}, "oslo": {"alertRules/two"}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := fake.NewServer(&fake.ServerOptions{JobSteps: 2})
				srv.SetJobItems(rules, test.items)
				start := time.Now()
				failures, err := newPublisher(t, srv).Publish(t.Context(), rules.WorkspaceManagerAssignmentName)
				require.NoError(t, err)
				assert.Equal(t, test.want, failures)
				assert.Equal(t, 1, jobsStarted(srv))
				assert.GreaterOrEqual(t, time.Since(start), 10*time.Second)
			})
		})
	}
}

// Faults: what goes wrong on the way. AssertFaultsConsumed fails the test if the
// service never met one of them.
func TestPublishWithFaults(t *testing.T) {
	t.Parallel()
	const create, get, list = "WorkspaceManagerJobsClient.Create", "WorkspaceManagerJobsClient.Get", "WorkspaceManagerJobsClient.NewListPager"
	tests := map[string]struct {
		faults []fake.Fault
		jobs   int   // started
		err    error // nil: none
	}{
		"throttled":            {[]fake.Fault{{Operation: create, StatusCode: 429, RetryAfter: 10 * time.Second}}, 2, nil},
		"service out of order": {[]fake.Fault{{Operation: get, StatusCode: 503, Times: 2}}, 1, nil},
		"answer lost":          {[]fake.Fault{{Operation: create, Disconnect: true, CarriedOut: true}}, 1, nil},
		"request lost":         {[]fake.Fault{{Operation: create, Disconnect: true}}, 1, armsecops.ErrOutcomeUnknown},
		"answer and list lost": {[]fake.Fault{
			{Operation: create, Disconnect: true, CarriedOut: true}, {Operation: list, StatusCode: 403},
		}, 1, armsecops.ErrForbidden},
		"not allowed": {[]fake.Fault{{Operation: create, StatusCode: 403}}, 1, armsecops.ErrForbidden},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := fake.NewServer(&fake.ServerOptions{JobSteps: 2})
				for _, fault := range test.faults {
					srv.Inject(fault)
				}
				failures, err := newPublisher(t, srv).Publish(t.Context(), rules.WorkspaceManagerAssignmentName)
				require.ErrorIs(t, err, test.err)
				assert.Empty(t, failures)
				assert.Equal(t, test.jobs, jobsStarted(srv), "requests")
				srv.AssertFaultsConsumed(t)
			})
		})
	}
}

// Overrides: an answer that the server's state never leads to.
func TestPublishCanceled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := fake.NewServer(&fake.ServerOptions{JobSteps: 1})
		srv.Jobs.Get = func(_ context.Context, _, _, _, jobName string, _ *armsecops.WorkspaceManagerJobsClientGetOptions) (resp azfake.Responder[armsecops.WorkspaceManagerJobsClientGetResponse], _ azfake.ErrorResponder) {
			job := armsecops.Job{Name: jobName, Properties: armsecops.JobProperties{ProvisioningState: armsecops.ProvisioningStateCanceled}}
			resp.SetResponse(http.StatusOK, armsecops.WorkspaceManagerJobsClientGetResponse{Job: job}, nil)
			return
		}
		failures, err := newPublisher(t, srv).Publish(t.Context(), rules.WorkspaceManagerAssignmentName)
		require.ErrorAs(t, err, new(*armsecops.JobFailedError))
		assert.ErrorContains(t, err, "Canceled")
		assert.Empty(t, failures)
	})
}
