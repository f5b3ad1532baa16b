package fake_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/testkit"
)

const (
	standardsVersion = "?api-version=2024-08-01"
	standardName     = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
	standardsType    = "/providers/Microsoft.Security/standardAssignments"

	machine         = "/subscriptions/" + subscription + "/resourceGroups/group/providers/Microsoft.Compute/virtualMachines/vm"
	managementGroup = "/providers/Microsoft.Management/managementGroups/contoso"
	standardURL     = endpoint + machine + standardsType + "/" + standardName + standardsVersion
)

// What the server sets, it takes from no request. Others are stored, the newest casing of the id among them.
func TestPutSetsWhatTheServiceSets(t *testing.T) {
	t.Parallel()
	const (
		user   = "c23b5354-ff0a-4b2a-9f92-6f144effd936"
		first  = "2026-01-02T03:05:05.1234567Z"
		second = "2026-01-02T03:06:05.1234567Z"
	)
	systemData := func(modified string) string {
		return `"systemData":{"createdBy":"user@contoso.com","createdByType":"User","createdAt":"` + first + `",` +
			`"lastModifiedBy":"user@contoso.com","lastModifiedByType":"User","lastModifiedAt":"` + modified + `"}`
	}
	metadata := func(updated string) string {
		return `"metadata":{"createdBy":"` + user + `","createdOn":"` + first + `","lastUpdatedBy":"` + user + `","lastUpdatedOn":"` + updated + `"}`
	}
	identity := func(path, name, kind string) string {
		return `{"id":"` + path + `","name":"` + name + `","type":"` + kind + `",`
	}
	const (
		securityType = "/providers/Microsoft.Security/securityStandards"
		securityURL  = endpoint + groupScope + securityType + "/" + standardName + standardsVersion
		given        = `"id":"x","type":"x","etag":"x","systemData":{"createdBy":"x"}`
	)
	upper := strings.ToUpper(standardName)
	type test struct{ url, put, created, again, putAgain, updated string }
	testkit.EachCase(t, map[string]test{
		"assignment": {
			assignmentURL, `{` + given + `,"kind":"a","properties":{"effect":"Exempt","new":null}}`,
			identity(assignmentsPath+"/standard", "standard", "Microsoft.Security/assignments") +
				`"kind":"a","etag":"\"id-2\"","properties":{"effect":"Exempt","new":null},` + systemData(first) + `}`,
			strings.Replace(assignmentURL, "/standard", "/STANDARD", 1), `{"tags":{"a":"b"}}`,
			identity(assignmentsPath+"/STANDARD", "STANDARD", "Microsoft.Security/assignments") +
				`"etag":"\"id-4\"","tags":{"a":"b"},` + systemData(second) + `}`,
		},
		"standard assignment": {
			standardURL, `{` + given + `,"zones":[1.50],"properties":{"effect":"Attest","metadata":{"createdBy":"x"},
				"attestationData":{"complianceState":"compliant","complianceDate":"2020-01-01T00:00:00Z"}}}`,
			identity(machine+standardsType+"/"+standardName, standardName, "Microsoft.Security/standardAssignments") +
				`"zones":[1.50],"properties":{"effect":"Attest",` + metadata(first) + `,
				"attestationData":{"complianceState":"compliant","complianceDate":"` + first + `"}}}`,
			strings.Replace(standardURL, standardName, upper, 1), `{"properties":{"effect":"Audit","excludedScopes":[],
				"attestationData":{"complianceDate":"2020-01-01T00:00:00Z"}}}`,
			identity(machine+standardsType+"/"+upper, upper, "Microsoft.Security/standardAssignments") +
				`"properties":{"effect":"Audit","excludedScopes":[],` + metadata(second) + `}}`,
		},
		"security standard": {
			securityURL, `{"properties":{"standardType":"Default"}}`,
			identity(groupScope+securityType+"/"+standardName, standardName, "Microsoft.Security/securityStandards") +
				`"properties":{"standardType":"Custom",` + metadata(first) + `}}`,
			securityURL, `{"properties":{"standardType":"Compliance"}}`,
			identity(groupScope+securityType+"/"+standardName, standardName, "Microsoft.Security/securityStandards") +
				`"properties":{"standardType":"Custom",` + metadata(second) + `}}`,
		},
	}, func(t *testing.T, test test) {
		srv := fake.NewServer(&fake.ServerOptions{NewID: counter(), Now: clock()})
		_, body := expect(t, srv, http.StatusCreated, newRequest(t, http.MethodPut, test.url, test.put))
		assert.JSONEq(t, test.created, body)
		_, body = expect(t, srv, http.StatusOK, newRequest(t, http.MethodPut, test.again, test.putAgain))
		assert.JSONEq(t, test.updated, body)
	})
}

func TestListHasWhatIsBelowItsScope(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{PageSize: 2})
	const sub, group = "/subscriptions/" + subscription, "/subscriptions/" + subscription + "/resourceGroups/Group"
	other := strings.Replace(subscription, "1", "9", 1)
	for i, scope := range []string{sub, group, machine[1:], group + "2", managementGroup, "/subscriptions/" + other} {
		name := fmt.Sprintf("1f3afdf9-d0c9-4c3d-847f-%012d", i)
		srv.Put(armsecops.StandardAssignmentID{Scope: scope, Name: name}, armsecops.StandardAssignment{Kind: fmt.Sprint(i)})
	}
	for _, id := range []armsecops.AssignmentID{
		{SubscriptionID: subscription, ResourceGroupName: "Group", Name: "1"},
		{SubscriptionID: subscription, ResourceGroupName: "group2", Name: "2"},
		{SubscriptionID: subscription, ResourceGroupName: "gruppe-ü", Name: "3"},
		{SubscriptionID: other, ResourceGroupName: "group", Name: "4"},
	} {
		srv.Put(id, armsecops.Assignment{Kind: id.Name})
	}
	for scope, want := range map[string][]string{
		sub: {"0", "1", "2", "3"}, sub[1:]: {"0", "1", "2", "3"}, strings.ToUpper(group): {"1", "2"}, group + "2": {"3"},
		managementGroup: {"4"}, group + "3": nil, strings.Replace(sub, "1", "8", 1): nil,
	} {
		var kinds []string
		for standard, err := range newFactory(t, srv).NewStandardAssignmentsClient().NewListPager(scope, nil).All(t.Context()) {
			require.NoError(t, err)
			kinds = append(kinds, standard.Kind)
		}
		assert.ElementsMatch(t, want, kinds, scope)
	}
	assignments := newAssignments(t, options(srv))
	for group, want := range map[string][]string{"GROUP": {"1"}, "group2": {"2"}, "Gruppe-Ü": {"3"}, "empty": nil} {
		assert.Equal(t, want, mustCollect(t, assignments.NewListPager(group, nil)), group)
	}
	assert.Equal(t, []string{"1", "2", "3"}, mustCollect(t, assignments.NewListBySubscriptionPager(nil)))
}

func TestLocationInAnotherFormIsAccepted(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	srv.Put(assignmentID, armsecops.Assignment{Location: "East US"})
	for _, location := range []string{"eastus", "EAST us", ""} {
		expect(t, srv, http.StatusOK, newRequest(t, http.MethodPut, assignmentURL, `{"location":"`+location+`"}`))
		srv.Put(assignmentID, armsecops.Assignment{Location: "East US"})
	}
}

func TestSamplesAreAsDocumented(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{Samples: true})
	for file, route := range map[string]*routes.Route{
		"Job.json":                     routes.Jobs.Get,
		"Assignment.json":              routes.Assignments.Get,
		"StandardAssignment.json":      routes.StandardAssignments.Get,
		"ListStandardAssignments.json": routes.StandardAssignments.List,
		"PolicyExemption.json":         routes.PolicyExemptions.Get,
		"ListAssessmentMetadata.json":  routes.AssessmentsMetadata.List,
	} {
		_, body := expect(t, srv, http.StatusOK, newRequest(t, http.MethodGet, endpoint+route.URLPath(testkit.CallOf(route).Values...)+"?api-version="+route.APIVersion, ""))
		assert.JSONEq(t, testkit.ReadFile(t, "samples/"+file), body, file)
	}
}
