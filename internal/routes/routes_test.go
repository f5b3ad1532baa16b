package routes

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	subscription = "20ff7fc3-e762-44dd-bd96-b71116dcdc23"
	jobID        = "/subscriptions/" + subscription + "/resourceGroups/rg/providers/Microsoft.OperationalInsights/workspaces/workspace" +
		"/providers/Microsoft.SecurityInsights/workspaceManagerAssignments/assignment/jobs/job"
)

var jobValues = []string{subscription, "rg", "workspace", "assignment", "job"}

func TestURLPathAndID(t *testing.T) {
	t.Parallel()
	assert.Equal(t, jobID, Jobs.Get.URLPath(jobValues...))
	assert.Equal(t, jobID, Jobs.Get.ID(jobValues...))
	const list = "/providers/Microsoft.Security/assignments/"
	assert.Equal(t, "/subscriptions/s/resourceGroups/gr%C3%B6%C3%9Fe%20%28a%29"+list+"a%2Fb%3Fc%23d%2525",
		Assignments.Get.URLPath("s", "größe (a)", "a/b?c#d%25"))
	assert.Equal(t, "/subscriptions/s/resourceGroups/größe (a)"+list+"100%25", Assignments.Get.ID("s", "größe (a)", "100%25"))
}

func TestURL(t *testing.T) {
	t.Parallel()
	const group = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Security/assignments?"
	for name, test := range map[string]struct{ endpoint, group, apiVersion, query, want string }{
		"path":              {"https://a.example", "rg", "", "", "https://a.example" + group + "api-version=2021-08-01-preview"},
		"another version":   {"https://a.example", "rg", "a b&c", "", "https://a.example" + group + "api-version=a+b%26c"},
		"query":             {"https://a.example", "rg", "1", "$top=5&$skipToken=a%26", "https://a.example" + group + "$top=5&$skipToken=a%26&api-version=1"},
		"endpoint's path":   {"http://a.example:8443/a%2Fb/", "rg", "1", "", "http://a.example:8443/a%2Fb" + group + "api-version=1"},
		"value with escape": {"https://a.example", "größe (a)", "1", "", "https://a.example" + strings.Replace(group, "rg", "gr%C3%B6%C3%9Fe%20%28a%29", 1) + "api-version=1"},
	} {
		endpoint, err := url.Parse(test.endpoint)
		require.NoError(t, err, name)
		u := Assignments.List.URL(endpoint, test.apiVersion, test.query, "s", test.group)
		assert.Equal(t, test.want, u.String(), name)
		parsed, err := url.Parse(test.want)
		require.NoError(t, err, name)
		assert.Equal(t, parsed.Path, u.Path, name)
		assert.Equal(t, parsed.EscapedPath(), u.EscapedPath(), name)
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	anotherCase := strings.NewReplacer("subscriptions", "SUBSCRIPTIONS", "Microsoft.", "microsoft.", "jobs", "Jobs")
	job, assignment := Jobs.Get, StandardAssignments.Get
	const ofMachine = machine + standardsOf + "/" + standard
	capitals := strings.Replace(ofMachine, standardsOf, strings.ToUpper(standardsOf), 1)
	for name, test := range map[string]struct {
		route *Route
		path  string
		want  []string // nil: no match
	}{
		"itself":                     {job, jobID, jobValues},
		"another case":               {job, anotherCase.Replace(jobID), jobValues},
		"values keep theirs":         {job, strings.TrimSuffix(jobID, "job") + "JOB", []string{subscription, "rg", "workspace", "assignment", "JOB"}},
		"empty value":                {job, strings.TrimSuffix(jobID, "job"), []string{subscription, "rg", "workspace", "assignment", ""}},
		"fewer segments":             {job, strings.TrimSuffix(jobID, "/job"), nil},
		"more segments":              {job, jobID + "/a", nil},
		"slash last":                 {job, jobID + "/", nil},
		"another literal":            {job, strings.Replace(jobID, "workspaces", "workspace", 1), nil},
		"literal of the same length": {job, strings.Replace(jobID, "workspaces", "workspacet", 1), nil},
		"another provider":           {job, strings.Replace(jobID, "Microsoft.SecurityInsights", "Microsoft.Security", 1), nil},
		"letters that fold to s":     {job, strings.Replace(jobID, "/jobs/", "/jobſ/", 1), nil},
		"a sign that folds to k":     {job, strings.Replace(jobID, "workspaces", "wor\u212aspaces", 1), nil},
		"literals and values moved":  {job, "/resourceGroups/rg" + strings.Replace(jobID, "/resourceGroups/rg", "", 1), nil},
		"scope":                      {assignment, "/" + ofMachine, []string{machine, standard}},
		"scope, another casing":      {assignment, "/" + capitals, []string{machine, standard}},
		"scope, empty":               {assignment, "/" + standardsOf + "/" + standard, nil},
		"scope, two slashes first":   {assignment, "//" + ofMachine, nil},
		"scope, none":                {assignment, standardsOf + "/" + standard, nil},
		"scope, nothing":             {assignment, "/", nil},
		"scope, more segments":       {assignment, "/" + ofMachine + "/a", nil},
		"scope, slash last":          {assignment, "/" + ofMachine + "/", nil},
		"scope, list":                {assignment, "/" + machine + standardsOf, nil},
		"scope, another type":        {assignment, "/" + strings.Replace(ofMachine, "standardAssignments", "securityStandards", 1), nil},
		"scope, without providers":   {assignment, "/" + strings.Replace(ofMachine, standardsOf, standardsOf[len("/providers"):], 1), nil},
	} {
		values, ok := test.route.Match(strings.Split(test.path[1:], "/"))
		assert.Equal(t, test.want != nil, ok, name)
		assert.Equal(t, test.want, values, name)
	}
	for _, segments := range [][]string{nil, {"subscriptions/" + subscription, "providers", "Microsoft.Security", "standardAssignments", standard}} {
		_, ok := assignment.Match(segments)
		assert.False(t, ok, "nothing, and an escaped slash: %q", segments)
	}
}

const (
	standard          = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
	standardsOf       = "/providers/Microsoft.Security/standardAssignments"
	machine           = subscriptionScope + "/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm"
	managementGroup   = "providers/Microsoft.Management/managementGroups/contoso"
	exemptionOfItself = managementGroup + standardsOf + "/" + standard
)

func TestScopeSpansSegments(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ scope, path string }{
		"without a slash first": {machine, "/" + machine},
		"with a slash first":    {"/" + machine, "/" + machine},
		"management group":      {managementGroup, "/" + managementGroup},
		"another scope in it":   {exemptionOfItself, "/" + exemptionOfItself},
		"segments are escaped":  {subscriptionScope + "/resourceGroups/größe%2F {a}", "/" + subscriptionScope + "/resourceGroups/gr%C3%B6%C3%9Fe%252F%20%7Ba%7D"},
	} {
		scope := strings.TrimPrefix(test.scope, "/")
		for _, route := range []*Route{StandardAssignments.Get, StandardAssignments.List} {
			values := []string{test.scope, standard}[:len(route.Parameters())]
			want := []string{scope, standard}[:len(values)]
			rest := strings.TrimPrefix(route.Path, "/{scope}")
			path := route.URLPath(values...)
			assert.Equal(t, test.path+strings.Replace(rest, "{standardAssignmentName}", standard, 1), path, name)
			id := route.ID(values...)
			assert.True(t, strings.HasPrefix(id, "/"+scope+"/providers/"), "%s: %s", name, id)
			got, ok := route.Match(strings.Split(id[1:], "/"))
			assert.True(t, ok, name)
			assert.Equal(t, want, got, name)
		}
	}
}

func TestEveryParameterHasARule(t *testing.T) {
	t.Parallel()
	for _, route := range All {
		for _, match := range regexp.MustCompile(`{(\w+)}`).FindAllStringSubmatch(route.Path, -1) {
			assert.NotNil(t, parameters[match[1]], "%s: %s needs a line in parameters.go", route.Operation, match[1])
		}
	}
}

func TestByOperation(t *testing.T) {
	t.Parallel()
	for _, route := range All {
		found, err := ByOperation(route.Operation)
		require.NoError(t, err)
		assert.Same(t, route, found)
	}
	for name, want := range map[string]*Route{
		"WorkspaceManagerJobsClient.List":              Jobs.List,
		"SecurityAssignmentsClient.ListBySubscription": AssignmentsListBySubscription,
		"StandardAssignmentsClient.ResourceGraph":      StandardAssignments.Query,
		"ExemptionsClient.List":                        Exemptions,
	} {
		found, err := ByOperation(name)
		require.NoError(t, err)
		assert.Same(t, want, found)
	}
	for name, want := range map[string]string{
		"":                                       "there are WorkspaceManagerJobsClient.Get, ",
		"SecurityAssignmentsClient.Remove":       "there are SecurityAssignmentsClient.Get, ",
		"JobsClient.Create":                      "there are WorkspaceManagerJobsClient.Create",
		"WorkspaceManagerJobsClient.BeginCreate": "those of WorkspaceManagerJobsClient.Create",
		"SecurityAssignmentsClient.ListAcrossSubscriptions": "those of SecurityAssignmentsClient.NewListBySubscriptionPager",
		"ExemptionsClient.CreateOrUpdate":                   "those of the CreateOrUpdate of the exemption's client, such as",
		"ExemptionsClient.Renew":                            "those of the Get and CreateOrUpdate of the exemption's client, such as",
	} {
		_, err := ByOperation(name)
		assert.ErrorContains(t, err, want)
	}
}

func TestSegments(t *testing.T) {
	t.Parallel()
	for path, want := range map[string][]string{
		"":               nil,
		"a/b":            nil,
		"/":              {""},
		"/a/b":           {"a", "b"},
		"/a/b/":          {"a", "b"},
		"/a//b//":        {"a", "", "b", ""},
		"/a%2Fb/%20c/%F": {"a/b", " c", "%F"},
	} {
		assert.Equal(t, want, Segments(path), path)
	}
	segments := Segments("/subscriptions/s/resourceGroups/a%2Fb/providers/p/t/n/u")
	assert.Equal(t, []Ancestor{
		{"subscriptions", "/subscriptions/s", "s"},
		{"resourceGroups", "/subscriptions/s/resourceGroups/a/b", "a/b"},
		{"p/t", "/subscriptions/s/resourceGroups/a/b/providers/p/t/n", "n"},
	}, AncestorsIn(segments))
}
