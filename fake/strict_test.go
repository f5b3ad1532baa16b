package fake_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/testkit"
)

func TestStrictServerRefusesWhatIsBelowNothing(t *testing.T) {
	t.Parallel()
	const (
		workspacePath = "/subscriptions/" + subscription + "/resourceGroups/group/providers/Microsoft.OperationalInsights/workspaces/workspace"
		workspaceIn   = endpoint + workspacePath + standardsType + standardsVersion
	)
	nothing := func(*fake.Server) {}
	addSubscription := func(srv *fake.Server) { srv.AddSubscription(strings.ToUpper(subscription)) }
	addGroup := func(srv *fake.Server) { srv.AddResourceGroup(subscription, "GROUP") }
	addWorkspace := func(srv *fake.Server) { srv.AddWorkspace(subscription, "group", "workspace") }
	const (
		parent       = workspacePath + "/providers/Microsoft.SecurityInsights/workspaceManagerAssignments/assignment"
		noAssignment = "Failed to perform 'write' on resource(s) of type 'standardAssignments', because the parent resource '" + parent + "' "
		belowJobs    = endpoint + parent + standardsType + "/" + standardName + standardsVersion
	)
	type test struct {
		add           func(*fake.Server)
		method, url   string
		code, message string
	}
	testkit.EachCase(t, map[string]test{
		"subscription of a scope":             {nothing, "PUT", standardURL, "SubscriptionNotFound", subscription},
		"resource group of a PUT":             {addSubscription, "PUT", assignmentURL, "ResourceGroupNotFound", "'group'"},
		"resource group of a scope":           {addSubscription, "GET", standardURL, "ResourceGroupNotFound", "'group'"},
		"workspace of a scope":                {addGroup, "GET", workspaceIn, "ResourceNotFound", "workspaces/workspace'"},
		"assignment of a scope":               {addWorkspace, "PUT", belowJobs, "ParentResourceNotFound", noAssignment},
		"assignment of a new job":             {addWorkspace, "POST", jobsURL, "ParentResourceNotFound", "'write'"},
		"assignment of a job that is deleted": {addWorkspace, "DELETE", jobURL, "ParentResourceNotFound", "'delete'"},
	}, func(t *testing.T, test test) {
		srv := fake.NewServer(&fake.ServerOptions{Strict: true})
		test.add(srv)
		assertRefused(t, srv, newRequest(t, test.method, test.url, "{}"), http.StatusNotFound, test.code, test.message)
		resp, _ := do(t, fake.NewServer(nil), newRequest(t, test.method, test.url, "{}"))
		assert.NotContains(t, resp.Header, "Allow", "without Strict, the request is one that the server knows")
	})
}

func TestStrictServerHasWhatWasPut(t *testing.T) {
	t.Parallel()
	type test struct {
		put func(*fake.Server)
		url string // of a list below it
	}
	const assignments = endpoint + assignmentsPath + assignmentsVersion
	testkit.EachCase(t, map[string]test{
		"job":                 {func(srv *fake.Server) { srv.Put(jobID, armsecops.Job{}) }, jobsURL},
		"job's items":         {func(srv *fake.Server) { srv.SetJobItems(publicationID, nil) }, jobsURL},
		"assignment":          {func(srv *fake.Server) { srv.Put(assignmentID, armsecops.Assignment{}) }, assignments},
		"standard assignment": {func(srv *fake.Server) { srv.Put(standardID, armsecops.StandardAssignment{}) }, assignments},
		"job that is deleted": {func(srv *fake.Server) { // a parent exists although its last resource is gone
			srv.Put(jobID, armsecops.Job{})
			do(t, srv, newRequest(t, http.MethodDelete, jobURL, ""))
		}, jobsURL},
	}, func(t *testing.T, test test) {
		srv := fake.NewServer(&fake.ServerOptions{Strict: true})
		test.put(srv)
		expect(t, srv, http.StatusOK, newRequest(t, http.MethodGet, test.url, ""))
		srv.Reset()
		expect(t, srv, http.StatusNotFound, newRequest(t, http.MethodGet, test.url, ""))
	})
}

func TestStrictServerRefusesReferencesToNothing(t *testing.T) {
	t.Parallel()
	const groups, assignments = "/workspaceManagerGroups", "/workspaceManagerAssignments"
	in := strings.TrimSuffix(jobsPath, assignments+"/"+assignment+"/jobs")
	type test struct{ path, properties, missing string }
	testkit.EachCase(t, map[string]test{
		"member":                     {groups, `"displayName":"a","memberResourceNames":["A (B)"]`, ""},
		"no members":                 {groups, `"displayName":"a","memberResourceNames":[]`, ""},
		"one member of two":          {groups, `"displayName":"a","memberResourceNames":["a (b)","c"]`, "/workspaceManagerMembers/c"},
		"group":                      {assignments, `"items":[],"targetResourceName":"Group"`, ""},
		"unknown group":              {assignments, `"items":[],"targetResourceName":"a (b)"`, "/workspaceManagerGroups/a (b)"},
		"group of another workspace": {assignments, `"items":[],"targetResourceName":"elsewhere"`, "/workspaceManagerGroups/elsewhere"},
	}, func(t *testing.T, test test) {
		for _, strict := range []bool{true, false} {
			srv := fake.NewServer(&fake.ServerOptions{Strict: strict})
			group := armsecops.WorkspaceManagerGroup{Properties: armsecops.WorkspaceManagerGroupProperties{MemberResourceNames: []string{"unchecked"}}}
			elsewhere := namedGroup("elsewhere")
			elsewhere.WorkspaceName = "other"
			srv.Put(armsecops.WorkspaceManagerMemberID(namedGroup("a (b)")), armsecops.WorkspaceManagerMember{})
			srv.Put(namedGroup("group"), group)
			srv.Put(elsewhere, group)
			req := newRequest(t, http.MethodPut, endpoint+in+test.path+"/new"+jobsVersion, `{"properties":{`+test.properties+`}}`)
			if strict && test.missing != "" {
				assertRefused(t, srv, req, http.StatusBadRequest, "InvalidResourceReference",
					"Resource "+in+test.missing+" referenced by resource "+in+test.path+"/new was not found.")
				continue
			}
			expect(t, srv, http.StatusCreated, req)
		}
	})
}
