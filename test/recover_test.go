package test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/testkit"
)

var recovering = &armsecops.WorkspaceManagerJobsClientBeginCreateOptions{Recover: true}

// A lost response doesn't lose the job, and never starts a second one.
func TestRecover(t *testing.T) {
	t.Parallel()
	const create, list = "WorkspaceManagerJobsClient.Create", "WorkspaceManagerJobsClient.NewListPager"
	lost := fake.Fault{Operation: create, Disconnect: true}
	started := fake.Fault{Operation: create, Disconnect: true, CarriedOut: true}
	type test struct {
		faults   []fake.Fault
		others   int           // jobs that others start
		after    time.Duration // the request
		err      string        // empty if the job is recovered
		requests int           // that start jobs, the others' too
	}
	each(t, map[string]test{
		"the job has started":          {[]fake.Fault{started}, 0, 0, "", 1},
		"it hasn't":                    {[]fake.Fault{lost}, 0, 0, "no job is new", 1},
		"it hasn't, another has":       {[]fake.Fault{lost}, 1, time.Second, "", 2},
		"another has, too":             {[]fake.Fault{started}, 1, time.Second, "2 jobs are new", 2},
		"two others have":              {[]fake.Fault{lost}, 2, time.Second, "2 jobs are new", 3},
		"the listing before fails":     {[]fake.Fault{{Operation: list, StatusCode: 403}}, 0, 0, "403", 0},
		"the listings after fail":      {[]fake.Fault{started, {Operation: list, StatusCode: 403, Skip: 1, Times: 100}}, 0, 0, "listing the jobs failed", 1},
		"the first one after fails":    {[]fake.Fault{started, {Operation: list, StatusCode: 403, Skip: 1}}, 0, 0, "", 1},
		"the request is refused":       {[]fake.Fault{{Operation: create, StatusCode: 409}}, 0, 0, "409", 1},
		"the response isn't readable":  {[]fake.Fault{{Operation: create, Body: "<html>", StatusCode: 200, CarriedOut: true}}, 0, 0, "", 1},
		"the response isn't a success": {[]fake.Fault{{Operation: create, StatusCode: 502, CarriedOut: true}}, 0, 0, "", 1},
	}, func(t *testing.T, test test) {
		synctest.Test(t, func(t *testing.T) {
			srv := fake.NewServer(&fake.ServerOptions{JobSteps: 1, Now: time.Now})
			var s spans
			o := options(srv)
			o.TracingProvider = s.provider()
			client := newJobsClient(t, o)
			another := func() { assert.NoError(t, errorOf(client.Create(t.Context(), "rg", "workspace", "assignment", nil))) }
			another() // which has nothing to do with it
			for _, fault := range test.faults {
				srv.Inject(fault)
			}
			for range test.others {
				time.AfterFunc(test.after, another)
			}
			poller, err := client.BeginCreate(t.Context(), "rg", "workspace", "assignment", recovering)
			requests := slices.DeleteFunc(srv.Requests(), func(r fake.Request) bool { return r.Operation != create })
			assert.Len(t, requests, 1+test.requests)
			synctest.Wait()                                              // for the others, whose calls have spans, too
			began := s.last(t, "WorkspaceManagerJobsClient.BeginCreate") // above the requests, some of which may fail
			assert.Equal(t, err != nil, began.failed)
			assert.Same(t, began, s.last(t, list).parent)
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				unknown := errors.Is(err, armsecops.ErrOutcomeUnknown)
				assert.Equal(t, test.err != "403" && test.err != "409", unknown)
				assert.Equal(t, unknown, strings.Contains(err.Error(), "BeginCreate: the fake server closed the connection: unexpected EOF (https://management.azure.com/subscriptions/"))
				assert.Equal(t, unknown, strings.Contains(err.Error(), "/assignment/jobs); "+armsecops.ErrOutcomeUnknown.Error()))
				return
			}
			require.NoError(t, err)
			assert.NotEqual(t, "outcomeUnknown", s.last(t, create).attributes["error.type"], "which BeginCreate found out")
			srv.Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Get", StatusCode: 404}) // it isn't shown everywhere yet
			job, err := poller.PollUntilDone(t.Context(), nil)
			require.NoError(t, err)
			assert.Equal(t, armsecops.ProvisioningStateSucceeded, job.Properties.ProvisioningState)
			assert.Equal(t, job.Name, began.attributes["job"])
		})
	})
}

// A context that ends while the job is looked for leaves the outcome unknown;
// listings that don't end take no longer than a minute.
func TestRecoverIsBounded(t *testing.T) {
	t.Parallel()
	endless := fake.Fault{Operation: "WorkspaceManagerJobsClient.NewListPager", Delay: time.Hour, Skip: 1, Times: 100}
	type test struct {
		listings      []fake.Fault
		context, want time.Duration
	}
	each(t, map[string]test{
		"by its context": {nil, 12 * time.Second, 12 * time.Second},
		"by a minute":    {[]fake.Fault{endless}, time.Hour, time.Minute},
	}, func(t *testing.T, test test) {
		synctest.Test(t, func(t *testing.T) {
			srv := fake.NewServer(nil)
			srv.Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Create", Disconnect: true, CarriedOut: test.listings != nil})
			for _, fault := range test.listings {
				srv.Inject(fault)
			}
			enough := fmt.Errorf("enough: %w", context.DeadlineExceeded)
			ctx, cancel := context.WithTimeoutCause(t.Context(), test.context, enough)
			defer cancel()
			start := time.Now()
			_, err := newJobsClient(t, options(srv)).BeginCreate(ctx, "rg", "workspace", "assignment", recovering)
			require.ErrorIs(t, err, armsecops.ErrOutcomeUnknown)
			assert.Equal(t, test.listings == nil, errors.Is(err, enough), err)
			assert.Equal(t, test.want, time.Since(start))
		})
	})
}

// Poll returns the response as the service sent it, with its headers and the job as its body.
func TestPollReturnsTheResponse(t *testing.T) {
	t.Parallel()
	client := newJobsClient(t, options(testkit.Documented(t, "jobs_create_get_get")))
	poller, err := client.BeginCreate(t.Context(), "myRg", "myWorkspace", testkit.JobsAssignment, nil)
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
