// Package routes is the one table of the operations' routes. The clients build
// their requests from it, the id parsers and the fake server read paths by it,
// and the tests check both against it.
package routes

import (
	"net/http"
	"net/url"
	"strings"
)

// Route is one operation of one of the services.
type Route struct {
	Operation  string // the client's method, as in "WorkspaceManagerJobsClient.Get"
	Method     string
	Path       string // template; every {element} is a parameter, named as in the REST documentation
	APIVersion string
	Page       string // of the REST documentation
	Success    []int  // the status codes of success

	// Repeatable reports whether carrying out the request twice leaves what once does.
	Repeatable bool

	elements []element // Path, cut at its slashes
}

// element is one segment of a path: a literal, or a parameter to be filled in. A
// scope, which is always the first element, is one segment or more.
type element struct {
	text      string
	parameter *parameter // nil: a literal
}

const (
	jobsVersion                = "2025-04-01-preview"
	assignmentsVersion         = "2021-08-01-preview"
	standardAssignmentsVersion = "2024-08-01"
	resourceGraphVersion       = "2024-04-01"

	jobsPath = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}" +
		"/providers/Microsoft.OperationalInsights/workspaces/{workspaceName}" +
		"/providers/Microsoft.SecurityInsights/workspaceManagerAssignments/{workspaceManagerAssignmentName}/jobs"
	assignmentsPath = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}" +
		"/providers/Microsoft.Security/assignments"
	subscriptionAssignmentsPath = "/subscriptions/{subscriptionId}/providers/Microsoft.Security/assignments"
	standardAssignmentsPath     = scopePrefix + "providers/Microsoft.Security/standardAssignments"
	resourceGraphPath           = "/providers/Microsoft.ResourceGraph/resources"

	jobsPage                = "https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-assignment-jobs/"
	assignmentsPage         = "https://learn.microsoft.com/rest/api/defenderforcloud/assignments/"
	standardAssignmentsPage = "https://learn.microsoft.com/rest/api/defenderforcloud/standard-assignments/"
	resourceGraphPage       = "https://learn.microsoft.com/rest/api/azureresourcegraph/resourcegraph/resources/resources"

	// The beginnings of a path that say to what it belongs. A scope is a resource
	// id; it is the only parameter that spans segments.
	subscriptionPrefix = "/subscriptions/{subscriptionId}/"
	scopePrefix        = "/{scope}/"
)

// The operations.
var (
	JobsCreate = add("WorkspaceManagerJobsClient.Create", http.MethodPost, jobsPath, jobsVersion, jobsPage+"create", 200, 201)
	JobsGet    = add("WorkspaceManagerJobsClient.Get", http.MethodGet, jobsPath+"/{jobName}", jobsVersion, jobsPage+"get", 200)
	JobsList   = add("WorkspaceManagerJobsClient.NewListPager", http.MethodGet, jobsPath, jobsVersion, jobsPage+"list", 200)
	JobsDelete = add("WorkspaceManagerJobsClient.Delete", http.MethodDelete, jobsPath+"/{jobName}", jobsVersion, jobsPage+"delete", 200, 204)

	AssignmentsGet                = add("SecurityAssignmentsClient.Get", http.MethodGet, assignmentsPath+"/{assignmentId}", assignmentsVersion, assignmentsPage+"get", 200)
	AssignmentsList               = add("SecurityAssignmentsClient.NewListPager", http.MethodGet, assignmentsPath, assignmentsVersion, assignmentsPage+"list", 200)
	AssignmentsListBySubscription = add("SecurityAssignmentsClient.NewListBySubscriptionPager", http.MethodGet, subscriptionAssignmentsPath, assignmentsVersion, assignmentsPage+"list-by-subscription", 200)
	AssignmentsCreateOrUpdate     = add("SecurityAssignmentsClient.CreateOrUpdate", http.MethodPut, assignmentsPath+"/{assignmentId}", assignmentsVersion, assignmentsPage+"create-or-update", 200, 201)
	AssignmentsDelete             = add("SecurityAssignmentsClient.Delete", http.MethodDelete, assignmentsPath+"/{assignmentId}", assignmentsVersion, assignmentsPage+"delete", 200, 204)

	StandardAssignmentsGet            = add("StandardAssignmentsClient.Get", http.MethodGet, standardAssignmentsPath+"/{standardAssignmentName}", standardAssignmentsVersion, standardAssignmentsPage+"get", 200)
	StandardAssignmentsList           = add("StandardAssignmentsClient.NewListPager", http.MethodGet, standardAssignmentsPath, standardAssignmentsVersion, standardAssignmentsPage+"list", 200)
	StandardAssignmentsCreateOrUpdate = add("StandardAssignmentsClient.CreateOrUpdate", http.MethodPut, standardAssignmentsPath+"/{standardAssignmentName}", standardAssignmentsVersion, standardAssignmentsPage+"create", 200, 201)
	StandardAssignmentsDelete         = add("StandardAssignmentsClient.Delete", http.MethodDelete, standardAssignmentsPath+"/{standardAssignmentName}", standardAssignmentsVersion, standardAssignmentsPage+"delete", 200, 204)

	// The queries of Azure Resource Graph differ in the bodies of their requests only.
	AssignmentsResourceGraph         = addQuery("SecurityAssignmentsClient.NewResourceGraphPager")
	StandardAssignmentsResourceGraph = addQuery("StandardAssignmentsClient.NewResourceGraphPager")
)

// All holds every route, in the order of the documentation.
var All []*Route

func add(operation, method, path, apiVersion, page string, success ...int) *Route {
	r := &Route{Operation: operation, Method: method, Path: path, APIVersion: apiVersion, Page: page, Success: success, Repeatable: method != http.MethodPost}
	for text := range strings.SplitSeq(path[1:], "/") {
		if name, ok := strings.CutPrefix(text, "{"); ok {
			text = strings.TrimSuffix(name, "}")
		}
		r.elements = append(r.elements, element{text, parameters[text]})
	}
	All = append(All, r)
	return r
}

// addQuery adds a query of Azure Resource Graph: a POST that only reads.
func addQuery(operation string) *Route {
	r := add(operation, http.MethodPost, resourceGraphPath, resourceGraphVersion, resourceGraphPage, 200)
	r.Repeatable = true
	return r
}

// IsQuery reports whether the route is a query of Azure Resource Graph.
func (r *Route) IsQuery() bool { return r.Path == resourceGraphPath }

// OfSubscription reports whether the first parameter of the path is a subscription.
func (r *Route) OfSubscription() bool { return strings.HasPrefix(r.Path, subscriptionPrefix) }

// OfScope reports whether the first parameter of the path is a scope.
func (r *Route) OfScope() bool { return strings.HasPrefix(r.Path, scopePrefix) }

// Parameters returns the Go names of the path's parameters, in their order.
func (r *Route) Parameters() []string {
	var names []string
	for _, e := range r.elements {
		if e.parameter != nil {
			names = append(names, e.parameter.goName)
		}
	}
	return names
}

// Check returns the first parameter whose value breaks its documented rule,
// with the value and the rule, or "" if there is none.
func (r *Route) Check(values []string) (parameter, value, reason string) {
	n := 0
	for _, e := range r.elements {
		if e.parameter == nil {
			continue
		}
		if reason := e.parameter.check(values[n]); reason != "" {
			return e.text, values[n], reason
		}
		n++
	}
	return "", "", ""
}

// URLPath returns the path with every parameter filled in and escaped: as one
// segment, or as those of a scope.
func (r *Route) URLPath(values ...string) string { return r.fill(values, escape) }

// ID returns the path with the values unchanged, which is the form of a resource
// id. Only the first slash of a scope, which the path has already, is left out.
func (r *Route) ID(values ...string) string { return r.fill(values, unchanged) }

// fill returns the path with every parameter filled in.
//   - form: of a value as a segment
func (r *Route) fill(values []string, form func(string) string) string {
	size := len(r.Path)
	for _, value := range values {
		size += len(value)
	}
	var b strings.Builder
	b.Grow(size)
	for i, e := range r.elements {
		if e.parameter == nil {
			b.WriteByte('/')
			b.WriteString(e.text)
			continue
		}
		segments := values[:1]
		if i == 0 { // a scope
			segments = strings.Split(trimSlash(values[0]), "/")
		}
		for _, segment := range segments {
			b.WriteByte('/')
			b.WriteString(form(segment))
		}
		values = values[1:]
	}
	return b.String()
}

func unchanged(segment string) string { return segment }

// escape is url.PathEscape, which takes longer to find that there is nothing to escape.
func escape(segment string) string {
	if isPlain(segment) {
		return segment
	}
	return url.PathEscape(segment)
}

// Match reports whether the segments are a path of the route, ignoring the case
// of its literals, and returns the values of its parameters. A scope, which has
// no first slash, reaches as far as it can.
func (r *Route) Match(segments []string) (values []string, ok bool) {
	if n := len(segments) - len(r.elements) + 1; r.OfScope() && n > 0 {
		scope := strings.Join(segments[:n], "/")
		if segments[0] == "" || strings.Count(scope, "/") >= n { // a second slash first, or an escaped one in a segment
			return nil, false
		}
		segments = append([]string{scope}, segments[n:]...)
	}
	if len(segments) != len(r.elements) {
		return nil, false
	}
	for i, e := range r.elements {
		switch {
		case e.parameter != nil:
			values = append(values, segments[i])
		case len(e.text) != len(segments[i]) || !strings.EqualFold(e.text, segments[i]): // letters of other scripts fold to ASCII, too
			return nil, false
		}
	}
	return values, true
}
