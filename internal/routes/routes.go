// Package routes is the one table of the services' resources and of the
// operations on them. The clients build their requests from it, the id parsers
// and the fake server read paths by it, and the tests walk it. Nothing else reads
// a path.
package routes

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"
)

// Resource is one type of resource and its operations.
type Resource struct {
	Client     string // its client, as in "WorkspaceManagerJobsClient"
	Type       string // as in "Microsoft.Security/assignments"
	Path       string // of one resource, a template; every {element} is a parameter, named as in the REST documentation
	APIVersion string
	Page       string // the directory of the REST documentation's pages
	Table      string // of Azure Resource Graph; empty if it has none

	pages map[Kind]string // in the directory, where they aren't called after the kind

	// The operations; nil for what the service doesn't have.
	Get, List, CreateOrUpdate, Update, Delete, Query *Route
}

// TypeName returns the type without the namespace of its resource provider.
func (r *Resource) TypeName() string { return r.Type[strings.IndexByte(r.Type, '/')+1:] }

// Route is one operation of one resource.
type Route struct {
	Resource   *Resource
	Kind       Kind
	Operation  string // the client's method, as in "WorkspaceManagerJobsClient.Get"
	Method     string // of HTTP
	Path       string // template
	APIVersion string
	Page       string // of the REST documentation
	Success    []int  // the status codes of success
	Namespace  string // of the resource provider

	// Repeatable reports whether carrying out the request twice has the same result as once.
	Repeatable bool

	elements []element // Path, cut at its slashes
	version  string    // the query of APIVersion
}

// Kind is what an operation does.
type Kind int

// The kinds of operations.
const (
	Get            Kind = iota // returns a resource
	List                       // returns a page of resources
	CreateOrUpdate             // replaces a resource, or creates it
	Update                     // changes some members of a resource
	Delete                     // deletes a resource
	Action                     // does something that must not be done twice
	Query                      // returns rows of Azure Resource Graph
)

// kinds is what the operations of a kind have in common.
var kinds = [...]struct {
	name       string // of the client's method
	page       string // of the REST documentation
	method     string
	success    []int
	repeatable bool
}{
	Get:            {"Get", "get", http.MethodGet, []int{200}, true},
	List:           {"NewListPager", "list", http.MethodGet, []int{200}, true},
	CreateOrUpdate: {"CreateOrUpdate", "create-or-update", http.MethodPut, []int{200, 201}, true},
	Update:         {"Update", "update", http.MethodPatch, []int{200}, true},
	Delete:         {"Delete", "delete", http.MethodDelete, []int{200, 204}, true},
	Action:         {"", "", http.MethodPost, []int{200, 201}, false},
	Query:          {"NewResourceGraphPager", "", http.MethodPost, []int{200}, true},
}

// String returns the kind as the client's methods name it.
func (k Kind) String() string {
	return [...]string{"Get", "List", "CreateOrUpdate", "Update", "Delete", "Action", "Query"}[k]
}

// OfResource reports whether the path of an operation of the kind is that of one resource.
func (k Kind) OfResource() bool {
	return k == Get || k == CreateOrUpdate || k == Update || k == Delete
}

// element is one segment of a path: a literal, or a parameter to be filled in. A
// scope, which is always the first element, is one segment or more.
type element struct {
	text      string
	parameter *parameter // nil for a literal
}

const (
	sentinelVersion  = "2025-04-01-preview"
	standardsVersion = "2024-08-01"

	inSubscription = "/subscriptions/{subscriptionId}"
	group          = inSubscription + "/resourceGroups/{resourceGroupName}"
	metadata       = "/providers/Microsoft.Security/assessmentMetadata"
	workspace      = group + "/providers/Microsoft.OperationalInsights/workspaces/{workspaceName}/providers/Microsoft.SecurityInsights"
	graphPath      = "/providers/Microsoft.ResourceGraph/resources"
	scoped         = "/{scope}/providers/"

	sentinelPages = "https://learn.microsoft.com/rest/api/securityinsights/"
	defenderPages = "https://learn.microsoft.com/rest/api/defenderforcloud/"
	graphPage     = "https://learn.microsoft.com/rest/api/azureresourcegraph/resourcegraph/resources/resources"
)

// The resources, each with the operations of the kinds named after it, and the
// routes that are their own.
var (
	Jobs = add(Resource{
		Client: "WorkspaceManagerJobsClient", Type: "Microsoft.SecurityInsights/workspaceManagerAssignments/jobs", APIVersion: sentinelVersion,
		Path: workspace + "/workspaceManagerAssignments/{workspaceManagerAssignmentName}/jobs/{jobName}", Page: sentinelPages + "workspace-manager-assignment-jobs/",
	}, Get, List, Delete)
	JobsCreate = Jobs.add(Action, "Create", Jobs.List.Path, "create")

	Assignments = add(Resource{
		Client: "SecurityAssignmentsClient", Type: "Microsoft.Security/assignments", APIVersion: "2021-08-01-preview",
		Path: group + "/providers/Microsoft.Security/assignments/{assignmentId}", Page: defenderPages + "assignments/", Table: "resources",
	}, Get, List, CreateOrUpdate, Delete, Query)
	AssignmentsListBySubscription = Assignments.add(List, "NewListBySubscriptionPager", inSubscription+"/providers/Microsoft.Security/assignments", "list-by-subscription")

	StandardAssignments = add(Resource{
		Client: "StandardAssignmentsClient", Type: "Microsoft.Security/standardAssignments", APIVersion: standardsVersion,
		Path: scoped + "Microsoft.Security/standardAssignments/{standardAssignmentName}", Page: defenderPages + "standard-assignments/", Table: "securityresources",
		pages: map[Kind]string{CreateOrUpdate: "create"},
	}, Get, List, CreateOrUpdate, Delete, Query)

	SecurityStandards = add(Resource{
		Client: "SecurityStandardsClient", Type: "Microsoft.Security/securityStandards", APIVersion: standardsVersion,
		Path: scoped + "Microsoft.Security/securityStandards/{standardId}", Page: defenderPages + "security-standards/",
	}, Get, List, CreateOrUpdate, Delete)

	AssessmentsMetadata = add(Resource{
		Client: "AssessmentsMetadataClient", Type: "Microsoft.Security/assessmentMetadata", APIVersion: "2021-06-01",
		Path: metadata + "/{assessmentMetadataName}", Page: defenderPages + "assessments-metadata/",
	}, Get, List)
	AssessmentsMetadataGetInSubscription  = AssessmentsMetadata.add(Get, "GetInSubscription", inSubscription+metadata+"/{assessmentMetadataName}", "get-in-subscription")
	AssessmentsMetadataListBySubscription = AssessmentsMetadata.add(List, "NewListBySubscriptionPager", inSubscription+metadata, "list-by-subscription")

	PolicyExemptions = add(Resource{
		Client: "PolicyExemptionsClient", Type: "Microsoft.Authorization/policyExemptions", APIVersion: "2022-07-01-preview",
		Path: scoped + "Microsoft.Authorization/policyExemptions/{policyExemptionName}", Page: "https://learn.microsoft.com/rest/api/policy/policy-exemptions/", Table: "policyresources",
	}, Get, List, CreateOrUpdate, Update, Delete, Query)

	// Exemptions are the rows of three resources.
	Exemptions = (&Resource{Client: "ExemptionsClient", Type: "Microsoft.ResourceGraph/resources"}).add(Query, "NewListPager", graphPath, "")

	Configurations = add(Resource{
		Client: "WorkspaceManagerConfigurationsClient", Type: "Microsoft.SecurityInsights/workspaceManagerConfigurations", APIVersion: sentinelVersion,
		Path: workspace + "/workspaceManagerConfigurations/{workspaceManagerConfigurationName}", Page: sentinelPages + "workspace-manager-configurations/",
	}, Get, List, CreateOrUpdate, Delete)
	Members = add(Resource{
		Client: "WorkspaceManagerMembersClient", Type: "Microsoft.SecurityInsights/workspaceManagerMembers", APIVersion: sentinelVersion,
		Path: workspace + "/workspaceManagerMembers/{workspaceManagerMemberName}", Page: sentinelPages + "workspace-manager-members/",
	}, Get, List, CreateOrUpdate, Delete)
	Groups = add(Resource{
		Client: "WorkspaceManagerGroupsClient", Type: "Microsoft.SecurityInsights/workspaceManagerGroups", APIVersion: sentinelVersion,
		Path: workspace + "/workspaceManagerGroups/{workspaceManagerGroupName}", Page: sentinelPages + "workspace-manager-groups/",
	}, Get, List, CreateOrUpdate, Delete)
	ManagerAssignments = add(Resource{
		Client: "WorkspaceManagerAssignmentsClient", Type: "Microsoft.SecurityInsights/workspaceManagerAssignments", APIVersion: sentinelVersion,
		Path: workspace + "/workspaceManagerAssignments/{workspaceManagerAssignmentName}", Page: sentinelPages + "workspace-manager-assignments/",
	}, Get, List, CreateOrUpdate, Delete)
)

// All holds every route, in the order of the table.
var All []*Route

// add adds a resource with operations of the kinds.
func add(resource Resource, operations ...Kind) *Resource {
	r := &resource
	for _, kind := range operations {
		path := r.Path
		switch kind {
		case List:
			path = path[:strings.LastIndexByte(path, '/')]
		case Query:
			path = graphPath
		}
		route := r.add(kind, kinds[kind].name, path, cmp.Or(r.pages[kind], kinds[kind].page))
		*map[Kind]**Route{Get: &r.Get, List: &r.List, CreateOrUpdate: &r.CreateOrUpdate, Update: &r.Update, Delete: &r.Delete, Query: &r.Query}[kind] = route
	}
	return r
}

// add adds an operation of the resource.
//   - name: of the client's method
//   - page: in the directory of the resource's pages
func (r *Resource) add(kind Kind, name, path, page string) *Route {
	k := kinds[kind]
	route := &Route{
		Resource: r, Kind: kind, Operation: r.Client + "." + name, Method: k.method, Path: path, APIVersion: r.APIVersion,
		Page: r.Page + page, Success: k.success, Repeatable: k.repeatable, Namespace: r.Type[:strings.IndexByte(r.Type, '/')],
	}
	if kind == Query {
		route.APIVersion, route.Page, route.Namespace = "2024-04-01", graphPage, "Microsoft.ResourceGraph"
	}
	route.version = "api-version=" + url.QueryEscape(route.APIVersion)
	for text := range strings.SplitSeq(path[1:], "/") {
		if name, ok := strings.CutPrefix(text, "{"); ok {
			text = strings.TrimSuffix(name, "}")
		}
		route.elements = append(route.elements, element{text, parameters[text]})
	}
	All = append(All, route)
	return route
}

// OfSubscription reports whether the first parameter of the path is a subscription.
func (r *Route) OfSubscription() bool {
	return len(r.elements) > 1 && r.elements[1].parameter == parameters["subscriptionId"]
}

// OfScope reports whether the first parameter of the path is a scope.
func (r *Route) OfScope() bool { return r.elements[0].parameter == scope }

// Gate returns what the service counts the requests of the route for: a
// subscription, another scope, or the principal.
func (r *Route) Gate(values []string) string {
	switch {
	case r.OfSubscription():
		return values[0]
	case r.OfScope():
		if subscription := SubscriptionOf(values[0]); subscription != "" {
			return subscription
		}
		return trimSlash(values[0])
	}
	return r.Path
}

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

// Values returns the values of the path's parameters by the REST API's names.
//   - values: in the order of the path
func (r *Route) Values(values []string) map[string]string {
	named := map[string]string{}
	for _, e := range r.elements {
		if e.parameter != nil {
			named[e.text], values = values[0], values[1:]
		}
	}
	return named
}

// Check returns the first parameter whose value breaks its documented rule,
// with the value and the rule, or "" if there is none.
func (r *Route) Check(values []string) (name, value, rule string) {
	return r.firstBroken(values, func(p *parameter) func(string) string { return p.check })
}

// CheckNew is Check for a resource that is created: some names are stricter than
// those of resources that exist.
func (r *Route) CheckNew(values []string) (name, value, rule string) {
	return r.firstBroken(values, func(p *parameter) func(string) string {
		if p.checkNew != nil {
			return p.checkNew
		}
		return p.check
	})
}

func (r *Route) firstBroken(values []string, check func(*parameter) func(string) string) (name, value, rule string) {
	n := 0
	for _, e := range r.elements {
		if e.parameter == nil {
			continue
		}
		if rule := check(e.parameter)(values[n]); rule != "" {
			return e.text, values[n], rule
		}
		n++
	}
	return "", "", ""
}

// URLPath returns the path with every parameter filled in and escaped: as one
// segment, or as those of a scope.
func (r *Route) URLPath(values ...string) string { return r.fill("", values, escape) }

// URL returns the URL of a request: the path below the endpoint, the query, and
// the api-version behind it.
//   - apiVersion: empty for the route's own
//   - query: escaped, without api-version; empty for none
func (r *Route) URL(endpoint *url.URL, apiVersion, query string, values ...string) url.URL {
	u := url.URL{
		Scheme:   endpoint.Scheme,
		Host:     endpoint.Host,
		Path:     r.fill(strings.TrimSuffix(endpoint.EscapedPath(), "/"), values, escape),
		RawQuery: r.version,
	}
	if apiVersion != "" {
		u.RawQuery = "api-version=" + url.QueryEscape(apiVersion)
	}
	if query != "" {
		u.RawQuery = query + "&" + u.RawQuery
	}
	if strings.Contains(u.Path, "%") {
		u.RawPath = u.Path
		u.Path, _ = url.PathUnescape(u.Path) // never fails: we have escaped it
	}
	return u
}

// ID returns the path with the values unchanged, which is the form of a resource
// id. Only the first slash of a scope, which the path has already, is left out.
func (r *Route) ID(values ...string) string { return r.fill("", values, unchanged) }

// fill returns the path with every parameter filled in, behind a prefix.
//   - form: of a value as a segment
func (r *Route) fill(prefix string, values []string, form func(string) string) string {
	size := len(prefix) + len(r.Path)
	for _, value := range values {
		size += len(value)
	}
	var b strings.Builder
	b.Grow(size)
	b.WriteString(prefix)
	for _, e := range r.elements {
		if e.parameter == nil {
			b.WriteByte('/')
			b.WriteString(e.text)
			continue
		}
		segments := values[:1]
		if e.parameter == scope {
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
		case !equalFold(e.text, segments[i]):
			return nil, false
		}
	}
	return values, true
}

// Segments returns the segments of the escaped path of a URL, unescaped. An
// escaped slash stays part of its segment. Like Azure, it ignores a slash at the
// end. A path without a first slash has none.
func Segments(escapedPath string) []string {
	path, ok := strings.CutPrefix(escapedPath, "/")
	if !ok {
		return nil
	}
	segments := strings.Split(strings.TrimSuffix(path, "/"), "/")
	for i, segment := range segments {
		if unescaped, err := url.PathUnescape(segment); err == nil {
			segments[i] = unescaped
		}
	}
	return segments
}

// MatchID is Match for the text of a resource id, whose first slash may be missing.
func (r *Route) MatchID(id string) (values []string, ok bool) {
	return r.Match(strings.Split(trimSlash(id), "/"))
}

// equalFold reports whether two texts of which one is ASCII are the same,
// ignoring case. Letters of other scripts that fold to ASCII are longer.
func equalFold(a, b string) bool { return len(a) == len(b) && strings.EqualFold(a, b) }
