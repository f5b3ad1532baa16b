package publisher

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

var rules = armsecops.WorkspaceManagerAssignmentID{
	SubscriptionID: "11111111-2222-3333-4444-555555555555", ResourceGroupName: "security", WorkspaceName: "central", Name: "rules",
}

const (
	create = "WorkspaceManagerJobsClient.Create"
	get    = "WorkspaceManagerJobsClient.Get"
	list   = "WorkspaceManagerJobsClient.NewListPager"
)

// publish publishes through a publisher whose transport is the server.
func publish(t *testing.T, srv *fake.Server) ([]armsecops.JobFailure, error) {
	jobs, err := armsecops.NewWorkspaceManagerJobsClient(rules.SubscriptionID, &azfake.TokenCredential{}, srv.ClientOptions())
	require.NoError(t, err)
	p := &Publisher{Jobs: jobs, ResourceGroup: rules.ResourceGroupName, Workspace: rules.WorkspaceName, Frequency: 5 * time.Second}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour+time.Second) // of synctest's clock
	defer cancel()
	return p.Publish(ctx, rules.Name)
}

// inBubble returns a test that runs in parallel, with a clock of synctest's.
func inBubble(test func(*testing.T)) func(*testing.T) {
	return func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, test)
	}
}

// createRequests counts the requests that start a job.
func createRequests(srv *fake.Server) int {
	return len(slices.DeleteFunc(srv.Requests(), func(r fake.Request) bool { return r.Operation != create }))
}

// State: the job is in progress for two Gets and ends with the items that the
// test has set. With synctest's clock, waiting takes no time and can be measured.
func TestPublishReturnsFailures(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		items []armsecops.JobItem
		want  []armsecops.JobFailure
	}{
		"all items published": {[]armsecops.JobItem{{ResourceID: "alertRules/one"}}, nil},
		"items failed for members": {[]armsecops.JobItem{
			{ResourceID: "alertRules/one", Errors: []armsecops.JobItemError{{MemberResourceName: "paris", ErrorMessage: "Forbidden."}}},
			{ResourceID: "alertRules/two", Errors: []armsecops.JobItemError{{MemberResourceName: "paris"}, {MemberResourceName: "oslo"}}},
			{ResourceID: "alertRules/three"},
		}, []armsecops.JobFailure{
			{ResourceID: "alertRules/one", MemberResourceName: "paris", ErrorMessage: "Forbidden."},
			{ResourceID: "alertRules/two", MemberResourceName: "paris"}, {ResourceID: "alertRules/two", MemberResourceName: "oslo"},
		}},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			srv := fake.NewServer(&fake.ServerOptions{JobSteps: 2})
			srv.SetJobItems(rules, test.items)
			start := time.Now()
			failures, err := publish(t, srv)
			assert.Equal(t, test.want != nil, errors.As(err, new(*armsecops.JobFailedError)), err)
			assert.Equal(t, test.want, failures)
			assert.Equal(t, 1, createRequests(srv))
			assert.GreaterOrEqual(t, time.Since(start), 10*time.Second)
		}))
	}
}

// Faults: requests fail. AssertFaultsConsumed fails the test if a fault has not applied.
func TestPublishNeverStartsASecondJob(t *testing.T) {
	t.Parallel()
	lost := fake.Fault{Operation: create, Disconnect: true, CarriedOut: true}
	for name, test := range map[string]struct {
		faults   []fake.Fault
		requests int   // to start a job
		err      error // nil for success
	}{
		"throttled":              {[]fake.Fault{{Operation: create, StatusCode: 429, RetryAfter: 10 * time.Second}}, 2, nil},
		"service unavailable":    {[]fake.Fault{{Operation: get, StatusCode: 503, Times: 2}}, 1, nil},
		"not allowed":            {[]fake.Fault{{Operation: create, StatusCode: 403}}, 1, armsecops.ErrForbidden},
		"conflict":               {[]fake.Fault{{Operation: create, StatusCode: 409}}, 1, armsecops.ErrConflict},
		"list not allowed":       {[]fake.Fault{{Operation: list, StatusCode: 403}}, 0, armsecops.ErrForbidden},
		"response and list lost": {[]fake.Fault{lost, {Operation: list, Skip: 1, StatusCode: 403, Times: 12}}, 1, armsecops.ErrOutcomeUnknown},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			srv := fake.NewServer(&fake.ServerOptions{JobSteps: 2})
			putJob(srv, "running", armsecops.ProvisioningStateInProgress) // another program's, never the publisher's own
			for _, fault := range test.faults {
				srv.Inject(fault)
			}
			failures, err := publish(t, srv)
			require.ErrorIs(t, err, test.err)
			assert.Empty(t, failures)
			assert.Equal(t, test.requests, createRequests(srv))
			srv.AssertFaultsConsumed(t)
		}))
	}
}

// putJob stores a job of another program.
func putJob(srv *fake.Server, name string, state armsecops.ProvisioningState) {
	id := armsecops.JobID{
		SubscriptionID: rules.SubscriptionID, ResourceGroupName: rules.ResourceGroupName, WorkspaceName: rules.WorkspaceName,
		WorkspaceManagerAssignmentName: rules.Name, Name: name,
	}
	srv.Put(id, armsecops.Job{Properties: armsecops.JobProperties{ProvisioningState: state}})
}

// Time: the connection breaks a minute after the request to start a job. The server's clock is synctest's, too.
func TestPublishFindsTheJobOfALostResponse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		duration time.Duration // of the job; 0 if none was started
		another  bool          // whether another program starts a job as well
		err      error         // nil for success
	}{
		"job runs":         {time.Hour, false, nil},
		"job has ended":    {time.Second, false, nil},
		"no job started":   {0, false, armsecops.ErrOutcomeUnknown},
		"two jobs started": {time.Second, true, armsecops.ErrOutcomeUnknown},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			srv := fake.NewServer(&fake.ServerOptions{JobDuration: test.duration, NewID: func() string { return "new" }})
			srv.SetJobItems(rules, []armsecops.JobItem{{ResourceID: "alertRules/one"}})
			putJob(srv, "ended", armsecops.ProvisioningStateFailed)
			putJob(srv, "running", armsecops.ProvisioningStateInProgress)
			srv.Inject(fake.Fault{Operation: create, Disconnect: true, Delay: time.Minute, CarriedOut: test.duration > 0})
			if test.another {
				time.AfterFunc(30*time.Second, func() { putJob(srv, "another", armsecops.ProvisioningStateSucceeded) })
			}
			failures, err := publish(t, srv)
			require.ErrorIs(t, err, test.err)
			assert.Empty(t, failures)
			assert.Equal(t, 1, createRequests(srv))
		}))
	}
}

// Overrides: responses that the server's state never leads to.
func TestPublishFailsForAJobThatFails(t *testing.T) {
	t.Parallel()
	const failed, canceled = armsecops.ProvisioningStateFailed, armsecops.ProvisioningStateCanceled
	one := armsecops.JobItem{ResourceID: "alertRules/one", Status: armsecops.JobItemStatusFailed, Errors: []armsecops.JobItemError{{MemberResourceName: "paris"}}}
	two := armsecops.JobItem{ResourceID: "alertRules/two", Status: armsecops.JobItemStatusInProgress}
	for name, job := range map[string]armsecops.JobProperties{
		"canceled":                {ProvisioningState: canceled},
		"canceled after an item":  {ProvisioningState: canceled, ErrorMessage: "Stopped.", Items: []armsecops.JobItem{one}},
		"an item isn't published": {ProvisioningState: failed, Items: []armsecops.JobItem{one, two}},
		"a reason for all":        {ProvisioningState: failed, ErrorMessage: "No access.", Items: []armsecops.JobItem{one}},
		"Succeeded but for one":   {ProvisioningState: armsecops.ProvisioningStateSucceeded, Items: []armsecops.JobItem{one}},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			srv := fake.NewServer(&fake.ServerOptions{JobSteps: 1})
			srv.Override(get, fake.Respond(http.StatusOK, armsecops.Job{Name: "job", Properties: job}))
			failures, err := publish(t, srv)
			require.ErrorAs(t, err, new(*armsecops.JobFailedError))
			assert.ErrorContains(t, err, job.ErrorMessage)
			assert.Len(t, failures, min(1, len(job.Items)))
		}))
	}
}

// JobDuration: the job runs for longer than the context, whose error names it.
func TestPublishNamesTheJobThatStillRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, err := publish(t, fake.NewServer(&fake.ServerOptions{JobDuration: 3 * time.Hour, NewID: func() string { return "new" }}))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "/jobs/new may still run")
	})
}

// Match: the requests of one subscription fail, and the others are listed.
func TestExemptingNamesTheSubscriptionThatFails(t *testing.T) {
	t.Parallel()
	const forbidden = "22222222-2222-3333-4444-555555555555"
	srv := fake.NewServer(&fake.ServerOptions{ShortLists: true}) // as Azure's may be
	id := armsecops.StandardAssignmentID{Scope: "/subscriptions/" + rules.SubscriptionID + "/resourceGroups/build", Name: rules.SubscriptionID}
	srv.Put(id, armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{Effect: armsecops.EffectExempt}})
	below := func(r fake.Request) bool { return strings.HasPrefix(r.URL.Path, "/subscriptions/"+forbidden+"/") }
	srv.Inject(fake.Fault{StatusCode: 403, Always: true, Match: below})
	client, err := armsecops.NewExemptionsClient(&azfake.TokenCredential{}, srv.ClientOptions())
	require.NoError(t, err)
	ids, err := Exempting(t.Context(), client, []string{forbidden, rules.SubscriptionID})
	assert.Equal(t, []string{id.String()}, ids)
	require.ErrorIs(t, err, armsecops.ErrForbidden)
	assert.Equal(t, 3, strings.Count(err.Error(), "subscription "+forbidden+": "), "once for each kind")
}
