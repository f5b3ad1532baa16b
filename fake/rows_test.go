package fake_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/testkit"
)

const (
	exemptionsType    = "/providers/Microsoft.Authorization/policyExemptions"
	exemptionsVersion = "?api-version=2022-07-01-preview"
	policyAssignment  = "/subscriptions/" + subscription + "/providers/Microsoft.Authorization/policyAssignments/it's"
	groupScope        = "/subscriptions/" + subscription + "/resourceGroups/group"
)

// newExemptions returns a server with an exemption at each of some scopes, named after it.
func newExemptions(o fake.ServerOptions) *fake.Server {
	o.Now = func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }
	srv := fake.NewServer(&o)
	for name, scope := range map[string]string{
		"root": managementGroup, "subscription": "/subscriptions/" + subscription, "group": groupScope, "machine": machine,
		"group2": groupScope + "2", "other": "/subscriptions/" + otherSubscription,
	} {
		exemption := armsecops.PolicyExemption{Properties: armsecops.PolicyExemptionProperties{ExemptionCategory: "Waiver"}}
		if name == "group" {
			exemption.Properties.ExpiresOn = o.Now()
			exemption.Properties.PolicyAssignmentID = strings.ToUpper(policyAssignment)
		}
		srv.Put(armsecops.PolicyExemptionID{Scope: scope, Name: name}, exemption)
	}
	return srv
}

func TestListOfPolicyExemptionsHasWhatItsScopeInherits(t *testing.T) {
	t.Parallel()
	const sub = "/subscriptions/" + subscription
	type test struct {
		scope, filter string
		want          []string
	}
	testkit.EachCase(t, map[string]test{
		"subscription":     {sub, "", []string{"root", "subscription", "group", "machine", "group2"}},
		"resource group":   {strings.ToUpper(groupScope[1:]), "", []string{"root", "subscription", "group", "machine"}},
		"resource":         {machine, "", []string{"root", "subscription", "group", "machine"}},
		"management group": {managementGroup, "", []string{"root"}},
		"at scope":         {groupScope, "atScope()", []string{"root", "subscription", "group"}},
		"at exact scope":   {groupScope, " ATEXACTSCOPE() ", []string{"group"}},
		"not expired":      {groupScope, "excludeExpired()", []string{"root", "subscription", "machine"}},
		"policyAssignment": {sub, "policyAssignmentId eq '" + strings.Replace(policyAssignment, "'", "''", 1) + "'", []string{"group"}},
	}, func(t *testing.T, test test) {
		client := newFactory(t, newExemptions(fake.ServerOptions{PageSize: 1})).NewPolicyExemptionsClient()
		o := &armsecops.PolicyExemptionsClientListOptions{Filter: test.filter}
		assert.ElementsMatch(t, test.want, mustCollect(t, client.NewListPager(test.scope, o)))
	})
	url := endpoint + groupScope + exemptionsType + exemptionsVersion
	for _, filter := range []string{"atScope", "atScope()%20or%20excludeExpired()", "policyAssignmentId%20eq%20a", "x%20eq%20'a'"} {
		req := newRequest(t, http.MethodGet, url+"&$filter="+filter, "")
		assertRefused(t, newExemptions(fake.ServerOptions{}), req, http.StatusBadRequest, "UnsupportedFilter", "Supported filters are 'atScope()'")
	}
}

func TestUpdateOfAPolicyExemption(t *testing.T) {
	t.Parallel()
	srv := newExemptions(fake.ServerOptions{Strict: true})
	url := endpoint + groupScope + exemptionsType + "/group" + exemptionsVersion
	steps := []struct {
		body   string
		status int
		want   string // of the response
	}{
		{`{"properties":{"assignmentScopeValidation":"DoNotValidate"}}`, 200, `"assignmentScopeValidation":"DoNotValidate"`},
		{`{"properties":{"resourceSelectors":[{"name":"a"}]}}`, 200, `"assignmentScopeValidation":"DoNotValidate"`},
		{`{"properties":{"resourceSelectors":[]}}`, 200, `"resourceSelectors":[]`},
		{`{"properties":{"resourceSelectors":null}}`, 200, `"properties":{"assignmentScopeValidation":"DoNotValidate","exemptionCategory":"Waiver","expiresOn":`},
		{`{}`, 200, `"exemptionCategory":"Waiver"`},
		{`{"properties":{"assignmentScopeValidation":"other"}}`, 400, "Error converting value 'other'"},
		{`{"properties":{"resourceSelectors":1}}`, 400, "not a policy exemption"},
		{`{"propertys":{}}`, 400, "propertys"},
	}
	for _, step := range steps {
		_, body := expect(t, srv, step.status, newRequest(t, http.MethodPatch, url, step.body))
		assert.Contains(t, body, step.want)
	}
	_, body := get(t, srv, url)
	assert.Contains(t, body, `"lastModifiedAt":"2026-01-01T00:00:00Z"`)
	none := strings.Replace(url, "/group?", "/none?", 1)
	assertRefused(t, srv, newRequest(t, http.MethodPatch, none, `{}`), http.StatusNotFound, "ResourceNotFound", "none")
}

// The names of new exemptions are stricter than those of old ones.
func TestNamesOfNewPolicyExemptions(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	url := endpoint + groupScope + exemptionsType + "/a.b" + exemptionsVersion
	assertRefused(t, srv, newRequest(t, http.MethodPut, url, `{}`), http.StatusBadRequest, "InvalidParameter", "policyExemptionName")
	srv.Put(armsecops.PolicyExemptionID{Scope: groupScope, Name: "a.b"}, armsecops.PolicyExemption{})
	for _, method := range []string{http.MethodPut, http.MethodPatch, http.MethodGet, http.MethodDelete} {
		expect(t, srv, http.StatusOK, newRequest(t, method, url, `{}`))
	}
}

func TestQueryOfPolicyExemptions(t *testing.T) {
	t.Parallel()
	const query = `{"query":"policyresources | where type =~ 'microsoft.authorization/policyexemptions' | project name | order by id asc"`
	sub := `,"subscriptions":["` + subscription + `"]`
	for options, want := range map[string][]string{
		"": {"group", "group2", "machine", "other", "root", "subscription"},
		sub + `,"options":{"authorizationScopeFilter":"AtScopeExact"}`:         {"subscription"},
		sub + `,"options":{"authorizationScopeFilter":"AtScopeAndAbove"}`:      {"root", "subscription"},
		sub + `,"options":{"authorizationScopeFilter":"AtScopeAndBelow"}`:      {"group", "group2", "machine", "subscription"},
		sub + `,"options":{"authorizationScopeFilter":"ATSCOPEABOVEANDBELOW"}`: {"group", "group2", "machine", "root", "subscription"},
	} {
		names, _ := queryPage(t, newExemptions(fake.ServerOptions{}), query+options+"}")
		assert.ElementsMatch(t, want, names, options)
	}
}

// A subscription has the metadata of the tenant, and its own.
func TestAssessmentMetadataOfASubscription(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{PageSize: 1})
	for name, subscription := range map[string]string{"all": "", "one": subscription, "two": otherSubscription} {
		srv.Put(armsecops.AssessmentMetadataID{SubscriptionID: subscription, Name: name}, armsecops.AssessmentMetadata{})
	}
	client := newFactory(t, srv).NewAssessmentsMetadataClient()
	assert.Equal(t, []string{"all"}, mustCollect(t, client.NewListPager(nil)))
	assert.Equal(t, []string{"all", "one"}, mustCollect(t, client.NewListBySubscriptionPager(strings.ToUpper(subscription), nil)))
	for name, want := range map[string]error{"all": nil, "one": nil, "two": armsecops.ErrNotFound} {
		require.ErrorIs(t, errorOf(client.GetInSubscription(t.Context(), subscription, name, nil)), want)
	}
	require.ErrorIs(t, errorOf(client.Get(t.Context(), "one", nil)), armsecops.ErrNotFound)
}

// A job publishes the items of the stored assignment.
func TestJobOfAStoredAssignment(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{Strict: true, Now: clock()})
	srv.Put(namedGroup("members"), armsecops.WorkspaceManagerGroup{})
	srv.Put(publicationID, armsecops.WorkspaceManagerAssignment{Properties: armsecops.WorkspaceManagerAssignmentProperties{
		TargetResourceName: "members", Items: []armsecops.WorkspaceManagerAssignmentItem{{ResourceID: "one"}, {ResourceID: "two"}},
	}})
	assignments := testkit.Must(newFactory(t, srv).NewWorkspaceManagerAssignmentsClient(subscription))
	run := func() armsecops.JobProperties { return readJob(t, srv, startJob(t, srv).Name).Properties }
	assert.Equal(t, armsecops.JobSummary{Total: 2, Succeeded: 2}, run().Summary())
	srv.SetJobItems(publicationID, []armsecops.JobItem{item("three", failed)})
	assert.Equal(t, armsecops.JobSummary{Total: 1, Failed: 1}, run().Summary())
	srv.SetJobItems(publicationID, nil)
	assert.Empty(t, run().Items)
	// Its jobs go with it.
	require.NoError(t, errorOf(assignments.Delete(t.Context(), resourceGroup, workspace, assignment, nil)))
	_, err := collect(t, pagerOfJobs(t, srv, nil))
	assert.True(t, armsecops.HasCode(err, "ParentResourceNotFound"), "%v", err)
	srv.Put(publicationID, armsecops.WorkspaceManagerAssignment{})
	assert.Empty(t, mustCollect(t, pagerOfJobs(t, srv, nil)))
}

func TestListsOfTheWorkspaceManagerAreSorted(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{PageSize: 1})
	for name, display := range map[string]string{"a": "3", "b (x)": "1", "c": "2"} {
		properties := armsecops.WorkspaceManagerGroupProperties{DisplayName: display}
		srv.Put(namedGroup(name), armsecops.WorkspaceManagerGroup{Properties: properties})
	}
	client := testkit.Must(newFactory(t, srv).NewWorkspaceManagerGroupsClient(subscription))
	for order, want := range map[string][]string{
		"": {"a", "b (x)", "c"}, "name desc": {"c", "b (x)", "a"}, "properties/displayName": {"b (x)", "c", "a"},
	} {
		o := &armsecops.WorkspaceManagerGroupsClientListOptions{OrderBy: order}
		assert.Equal(t, want, mustCollect(t, client.NewListPager(resourceGroup, workspace, o)), order)
	}
}

// The newest job counts, whether a client reads it or not, and no PUT changes it.
func TestAssignmentKnowsItsLastJob(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	first, second := now, now.Add(30*time.Second)
	canceled := armsecops.WorkspaceManagerAssignment{Properties: armsecops.WorkspaceManagerAssignmentProperties{LastJobProvisioningState: "Canceled"}}
	srv := fake.NewServer(&fake.ServerOptions{JobDuration: time.Minute, Now: func() time.Time { return now }})
	srv.Put(publicationID, armsecops.WorkspaceManagerAssignment{})
	assignments := testkit.Must(newFactory(t, srv).NewWorkspaceManagerAssignmentsClient(subscription))
	for i, step := range []struct {
		at, end time.Time
		state   armsecops.ProvisioningState
		create  bool
	}{
		{first, time.Time{}, "InProgress", true},
		{second, time.Time{}, "InProgress", true},
		{first.Add(time.Minute), time.Time{}, "InProgress", false},
		{second.Add(time.Hour), second.Add(time.Minute), "Succeeded", false},
	} {
		now = step.at
		if step.create {
			startJob(t, srv)
		}
		getJobs(t, srv, jobsURL) // the first one, too, which then has ended
		put := testkit.Must(assignments.CreateOrUpdate(t.Context(), resourceGroup, workspace, assignment, canceled, nil))
		got := testkit.Must(assignments.Get(t.Context(), resourceGroup, workspace, assignment, nil))
		page := testkit.Must(assignments.NewListPager(resourceGroup, workspace, nil).NextPage(t.Context()))
		for _, a := range append(page.Value, put.WorkspaceManagerAssignment, got.WorkspaceManagerAssignment) {
			assert.Equal(t, step.state, a.Properties.LastJobProvisioningState, i)
			assert.Equal(t, step.end, a.Properties.LastJobEndTime, i)
		}
	}
}
