package fake_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
)

// Every operation of every client works with the server, on every transport.
func TestEveryClientWorksWithTheServer(t *testing.T) {
	t.Parallel()
	testkit.EachNamed(t, driver.Ours, func(t *testing.T, client string, _ any) {
		testkit.EachCase(t, transports, func(t *testing.T, transport func(*testing.T, *fake.Server) *armsecops.ClientOptions) {
			o := transport(t, fake.NewServer(&fake.ServerOptions{PageSize: 2}))
			called := map[*routes.Route]bool{}
			for _, step := range driver.Play(t, driver.Ours, client, driver.Ours.Has, o) {
				called[step.Call.Route] = true
			}
			for _, route := range driver.Operations() {
				assert.True(t, called[route] || route.Resource.Client != client || !driver.Ours.Has(route), route.Operation)
			}
		})
	})
}

func TestDisconnectIsTheSameOnEveryTransport(t *testing.T) {
	t.Parallel()
	testkit.EachCase(t, transports, func(t *testing.T, transport func(*testing.T, *fake.Server) *armsecops.ClientOptions) {
		for _, truncate := range []bool{false, true} {
			srv := fake.NewServer(nil)
			srv.Put(jobID, armsecops.Job{})
			jobs := newJobs(t, transport(t, srv))
			testkit.Must(jobs.Get(t.Context(), resourceGroup, workspace, assignment, "job", nil)) // connects
			srv.Inject(fake.Fault{Operation: createOperation, Disconnect: true, Truncate: truncate})
			require.ErrorIs(t, errorOf(jobs.Create(t.Context(), resourceGroup, workspace, assignment, nil)), armsecops.ErrOutcomeUnknown)
			srv.Inject(fake.Fault{Operation: getOperation, Disconnect: true, Truncate: truncate})
			require.NoError(t, errorOf(jobs.Get(t.Context(), resourceGroup, workspace, assignment, "job", nil)), "a Get is retried")
			srv.AssertFaultsConsumed(t)
			srv.Override(createOperation, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
			require.ErrorIs(t, errorOf(jobs.Create(t.Context(), resourceGroup, workspace, assignment, nil)), armsecops.ErrOutcomeUnknown)
		}
	})
}

func TestCallsOfATestPanic(t *testing.T) {
	t.Parallel()
	invalid := publicationID
	invalid.Name = "-"
	notJSON := []armsecops.JobItem{{AdditionalProperties: map[string]json.RawMessage{"x": json.RawMessage("{")}}}
	const jobs, assignments = "WorkspaceManagerJobsClient.", "SecurityAssignmentsClient."
	inject := func(fault fake.Fault) func(*fake.Server) { return func(srv *fake.Server) { srv.Inject(fault) } }
	injectOf := func(operation string, link fake.NextLink) func(*fake.Server) {
		return inject(fake.Fault{Operation: operation, NextLink: link})
	}
	put := func(id fmt.Stringer, job armsecops.Job) func(*fake.Server) {
		return func(srv *fake.Server) { srv.Put(id, job) }
	}
	type test struct {
		call    func(*fake.Server)
		message string
	}
	testkit.EachCase(t, map[string]test{
		"subscription":     {func(srv *fake.Server) { srv.AddSubscription("mine") }, "the id's subscriptionId 'mine' must be a UUID"},
		"resource group":   {func(srv *fake.Server) { srv.AddResourceGroup(subscription, "a.") }, "the id's resourceGroupName 'a.' must not end"},
		"workspace":        {func(srv *fake.Server) { srv.AddWorkspace(subscription, "group", "-") }, "the id's workspaceName '-' must"},
		"management group": {func(srv *fake.Server) { srv.AddManagementGroup("a/b") }, "the name of the management group 'a/b' must"},
		"assignment":       {func(srv *fake.Server) { srv.SetJobItems(invalid, nil) }, "the id's workspaceManagerAssignmentName '-' must consist of 3"},
		"job items":        {func(srv *fake.Server) { srv.SetJobItems(publicationID, notJSON) }, "the value can't be encoded as JSON"},
		"body":             {func(*fake.Server) { fake.Respond(http.StatusOK, func(armsecops.Job) {}) }, "marshal from Go func(armsecops.Job)"},
		"status below 200": {func(*fake.Server) { fake.Respond(0, nil) }, "the status of a response must be between 200 and 599, not 0"},
		"status above 599": {func(*fake.Server) { fake.Respond(9999, nil) }, "the status of a response must be between 200 and 599, not 9999"},
		"no id":            {put(nil, armsecops.Job{}), "'<nil>' is not the id of a resource that the server can store"},
		"handler's panic": {func(srv *fake.Server) {
			srv.Override(getOperation, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("fake: broken") }))
			_, _ = srv.Do(newRequest(t, http.MethodGet, jobURL, "")) // there is none
		}, "broken"},
		"unknown client":     {func(srv *fake.Server) { srv.Override("JobsClient.Get", http.NotFoundHandler()) }, "no client has the operation"},
		"fault of no client": {injectOf("JobsClient.Get", ""), `no client has the operation "JobsClient.Get"; there are ` + jobs + "Get, "},
		"fault of nothing":   {inject(fake.Fault{Operation: jobs + "Get", Skip: 1, CarriedOut: true}), "the fault changes nothing: set its StatusCode"},
		"negative Skip":      {inject(fake.Fault{NoBody: true, Skip: -1}), "Skip and Times"},
		"negative Times":     {inject(fake.Fault{NoBody: true, Times: -1}), "Skip and Times"},
		"Always and Times":   {inject(fake.Fault{NoBody: true, Always: true, Times: 1}), "a fault that applies Always can't have Times"},
		"no response":        {inject(fake.Fault{Disconnect: true, StatusCode: 503}), "can't change the response, unless it is to Truncate it"},
		"negative Delay":     {inject(fake.Fault{Delay: -1}), "RetryAfter and Delay"},
		"least StatusCode":   {inject(fake.Fault{StatusCode: 199}), "StatusCode of a fault must be between 200 and 599"},
		"most StatusCode":    {inject(fake.Fault{StatusCode: 600}), "StatusCode of a fault must be between 200 and 599"},
		"Body and NoBody":    {inject(fake.Fault{NoBody: true, Body: "a"}), "a fault with NoBody can't have a Body"},
		"half of no body":    {inject(fake.Fault{NoBody: true, Truncate: true}), "a fault with NoBody can't have a Body, nor Truncate it"},
		"header with space":  {inject(fake.Fault{Header: http.Header{"X A": {"a"}}}), `the Header of a fault must not have the name "X A"`},
		"unknown NextLink":   {injectOf(assignments+"List", "HTTP"), `"relative" "truncated" "unescaped" "without api-version"], not "HTTP"`},
		"link of a Get":      {injectOf(getOperation, fake.NextLinkLoop), jobs + `Get can't have a fault with the NextLink "loop"`},
		"link of a query":    {injectOf(assignments+"NewResourceGraphPager", fake.NextLinkHTTP), `Pager can't have`},
		"truncated listing":  {injectOf(assignments+"List", fake.NextLinkTruncated), assignments + `List can't have`},
	}, func(t *testing.T, test test) {
		defer func() {
			text, _ := recover().(string)
			assert.Regexp(t, "^fake: ", text)
			assert.Contains(t, text, test.message)
		}()
		test.call(fake.NewServer(nil))
	})
}

// 64 goroutines write to, read and list one server. A listing has every assignment exactly once that is stored throughout.
func TestServerIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{PageSize: 3, JobSteps: 1})
	stored := testkit.Names(20, "stored-%02d")
	for _, name := range stored {
		srv.Put(namedAssignment(name), armsecops.Assignment{})
	}
	overrideJobList(srv, 4)
	jobs, assignments := newJobs(t, options(srv)), newAssignments(t, options(srv))
	ctx := t.Context()
	uses := []func(name string){
		func(name string) { // put and delete
			for range 5 {
				assert.NoError(t, errorOf(assignments.CreateOrUpdate(ctx, resourceGroup, name, armsecops.Assignment{}, nil)))
				assert.NoError(t, errorOf(assignments.Delete(ctx, resourceGroup, name, nil)))
			}
		},
		func(string) { // start and read a job
			created, err := jobs.Create(ctx, resourceGroup, workspace, assignment, nil)
			assert.NoError(t, err)
			for range 3 {
				assert.NoError(t, errorOf(jobs.Get(ctx, resourceGroup, workspace, assignment, created.Name, nil)))
			}
			assert.NotEmpty(t, srv.Requests())
		},
		func(string) { // list state
			names, err := collect(t, assignments.NewListBySubscriptionPager(nil))
			assert.NoError(t, err)
			assert.Subset(t, names, stored)
			assert.Len(t, slices.Compact(slices.Sorted(slices.Values(names))), len(names))
		},
		func(name string) { // list from an override
			names, err := collect(t, jobs.NewListPager(resourceGroup, workspace, name, nil))
			assert.NoError(t, err)
			assert.Equal(t, testkit.Names(4, name+"-%d"), names)
		},
	}
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() { uses[i%len(uses)](fmt.Sprintf("changed-%02d", i)) })
	}
	wg.Wait()
}

func TestResetForgetsAllButOptionsAndOverrides(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{Samples: true})
	overrideJobList(srv, 1)
	srv.Put(assignmentID, armsecops.Assignment{})
	srv.Put(standardID, armsecops.StandardAssignment{})
	srv.SetJobItems(publicationID, []armsecops.JobItem{item("rule", "")})
	standards := newFactory(t, srv).NewStandardAssignmentsClient()
	require.NoError(t, errorOf(standards.Delete(t.Context(), managementGroup, standardName, nil)))
	srv.Inject(fake.Fault{StatusCode: http.StatusForbidden, Times: 100})
	srv.Reset()
	assert.Empty(t, srv.Requests())
	assert.True(t, srv.AssertFaultsConsumed(t))
	assert.Equal(t, []string{standardName}, mustCollect(t, standards.NewListPager(managementGroup, nil)), "the sample is there again")
	for _, url := range []string{assignmentURL, standardURL} {
		expect(t, srv, http.StatusNotFound, newRequest(t, http.MethodGet, url, ""))
	}
	assert.Equal(t, []string{assignment + "-0"}, mustCollect(t, pagerOfJobs(t, srv, nil)), "the override is still there")
	assert.Empty(t, readJob(t, srv, startJob(t, srv).Name).Properties.Items)
}
