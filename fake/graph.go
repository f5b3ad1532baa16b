package fake

import (
	"cmp"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
)

// NextLinkTruncated is the fault of a page of Azure Resource Graph that lacks
// rows: it has no $skipToken, and says that the result is truncated. Other lists
// don't have it. Of the other faults, NextLinkLoop is the only one that a page of
// Azure Resource Graph has: its $skipToken leads to the page itself. To hit the
// limit on subscriptions, set the Header of a [Fault]:
//
//	http.Header{"X-Ms-Tenant-Subscription-Limit-Hit": {"true"}}
const NextLinkTruncated NextLink = "truncated"

// The bounds of Azure Resource Graph.
const (
	maxGraphRows          = 1000 // on a page
	maxGraphSubscriptions = 1000 // of a query
)

// tenantID is the tenant of all resources.
const tenantID = "72f988bf-86f1-41af-91ab-2d7cd011db47"

// graphQuery is the body of a request to Azure Resource Graph.
type graphQuery struct {
	Query            string   `json:"query"`
	Subscriptions    []string `json:"subscriptions"`
	ManagementGroups []string `json:"managementGroups"`
	Options          struct {
		Top                int    `json:"$top"`
		SkipToken          string `json:"$skipToken"`
		ResultFormat       string `json:"resultFormat"`
		AllowPartialScopes bool   `json:"allowPartialScopes"`

		AuthorizationScopeFilter string `json:"authorizationScopeFilter"`
	} `json:"options"`
}

// graphResult is the body of its response.
type graphResult struct {
	TotalRecords    int        `json:"totalRecords"`
	Count           int        `json:"count"`
	Data            []graphRow `json:"data"`
	Facets          []struct{} `json:"facets"`
	ResultTruncated string     `json:"resultTruncated"`
	SkipToken       string     `json:"$skipToken,omitzero"`
}

// graphRow has the values of a row by column.
type graphRow map[string]jsontext.Value

// kql is the query of NewResourceGraphPager, with the parts that differ.
var kql = regexp.MustCompile(`(?is)^\s*(\w+)\s*\|\s*where\s+type\s*=~\s*'([^']*)'\s*` +
	`(?:\|\s*where\s*\((.*)\)\s*)?\|\s*project\s+([\w\s,]+?)\s*\|\s*order\s+by\s+id\s+asc\s*$`)

// graphTables has the routes of the queries, by table and type.
var graphTables = map[[2]string]*routes.Route{
	{"resources", "microsoft.security/assignments"}:                 routes.Assignments.Query,
	{"securityresources", "microsoft.security/standardassignments"}: routes.StandardAssignments.Query,
}

// graphRoute returns the route of a query, or nil.
func graphRoute(body []byte) *routes.Route {
	var q graphQuery
	if json.Unmarshal(body, &q) != nil {
		return nil
	}
	parts := kql.FindStringSubmatch(q.Query)
	if parts == nil {
		return nil
	}
	return graphTables[[2]string{strings.ToLower(parts[1]), strings.ToLower(parts[2])}]
}

// parseGraphQuery returns the query and its parts, or an error response.
func parseGraphQuery(r *request) (q graphQuery, where string, columns []string, refused *response) {
	q, refused = parseModel[graphQuery](r, "a query")
	if refused != nil {
		return q, "", nil, refused
	}
	parts := kql.FindStringSubmatch(q.Query)
	message := ""
	switch top := q.Options.Top; {
	case graphRoute(r.body) != r.route:
		message = "The fake server has no KQL engine: it understands only the queries of NewResourceGraphPager."
	case len(q.Subscriptions) > 0 && len(q.ManagementGroups) > 0:
		message = "A query has subscriptions or managementGroups, not both."
	case len(q.Subscriptions) > maxGraphSubscriptions:
		message = "A query has at most " + strconv.Itoa(maxGraphSubscriptions) + " subscriptions."
	case top < 0 || top > maxGraphRows:
		message = "$top must be between 1 and " + strconv.Itoa(maxGraphRows) + "."
	case !strings.EqualFold(cmp.Or(q.Options.ResultFormat, "objectArray"), "objectArray"):
		message = "The fake server has no resultFormat but objectArray."
	}
	if message != "" {
		return q, "", nil, newErrorResponse(http.StatusBadRequest, "BadRequest", message)
	}
	for column := range strings.SplitSeq(parts[4], ",") {
		columns = append(columns, strings.TrimSpace(column))
	}
	return q, parts[3], columns, nil
}

func (s *Server) queryAssignments(r *request) *response {
	keys := func(yield func(string) bool) {
		for k, a := range s.assignments {
			if a.duplicateOf == "" && !yield(k) {
				return
			}
		}
	}
	return s.query(r, keys, func(k string) any { return s.assignments[k].Assignment })
}

func (s *Server) queryStandardAssignments(r *request) *response {
	return s.query(r, maps.Keys(s.standardAssignments), func(k string) any { return s.standardAssignments[k] })
}

// graphPage collects the first keys after a key. It sorts now and then only: a
// tenant may have many.
type graphPage struct {
	after string
	size  int
	keys  []string
	bound string // the first key that can't be on the page; empty: none is known
}

func (p *graphPage) add(key string) {
	if key <= p.after || p.bound != "" && key >= p.bound {
		return
	}
	p.keys = append(p.keys, key)
	if len(p.keys) > 2*p.size {
		slices.Sort(p.keys)
		p.keys, p.bound = p.keys[:p.size+1], p.keys[p.size]
	}
}

// sorted returns the page, and whether there is another one after it.
func (p *graphPage) sorted() (keys []string, more bool) {
	slices.Sort(p.keys)
	return p.keys[:min(p.size, len(p.keys))], len(p.keys) > p.size
}

// query responds to a query over resources.
//   - model: returns the resource of a key
func (s *Server) query(r *request, keys iter.Seq[string], model func(key string) any) *response {
	q, where, columns, refused := parseGraphQuery(r)
	if refused != nil {
		return refused
	}
	if where != "" && s.options.Where == nil {
		return newErrorResponse(http.StatusBadRequest, "BadRequest",
			"The fake server has no KQL engine: ServerOptions.Where must evaluate the predicate '"+where+"'.")
	}
	after := ""
	if q.Options.SkipToken != "" {
		var err error
		if _, after, err = parseSkipToken(q.Options.SkipToken); err != nil {
			return newErrorResponse(http.StatusBadRequest, "BadRequest", err.Error())
		}
	}
	inScope := q.scope()
	total := 0
	page := graphPage{after: after, size: min(cmp.Or(q.Options.Top, maxGraphRows), cmp.Or(s.options.PageSize, maxGraphRows))}
	for k := range keys {
		if !inScope(k) {
			continue
		}
		if where != "" {
			matches, err := evaluate(s.options.Where, where, k, model(k))
			if err != nil {
				return newErrorResponse(http.StatusBadRequest, "BadRequest", "ServerOptions.Where: "+err.Error())
			}
			if !matches {
				continue
			}
		}
		total++
		page.add(k)
	}
	found, more := page.sorted()
	rows := make([]graphRow, len(found))
	for i, k := range found {
		row, err := newGraphRow(k, model(k))
		if err != nil {
			return newErrorResponse(http.StatusNotImplemented, "InvalidModel", err.Error())
		}
		rows[i] = row.project(columns)
	}
	next := ""
	if more {
		next = newSkipToken("", found[len(found)-1])
	}
	return newGraphResponse(r, q, total, rows, next)
}

// newGraphResponse returns a page of a query, changed by the fault.
//   - next: the $skipToken of the next page; empty if there is none
func newGraphResponse(r *request, q graphQuery, total int, rows []graphRow, next string) *response {
	result := graphResult{TotalRecords: total, Count: len(rows), Data: rows, Facets: []struct{}{}, ResultTruncated: "false"}
	switch r.nextLink {
	case NextLinkTruncated:
		result.ResultTruncated = "true"
	case NextLinkLoop:
		result.SkipToken = cmp.Or(q.Options.SkipToken, newSkipToken("", "")) // which leads to the first page
	default:
		result.SkipToken = next
	}
	return newModelResponse(http.StatusOK, result)
}

// scope returns whether a key is in the scope of the query. The server knows
// nothing of what is below a management group: every subscription is below each.
func (q graphQuery) scope() func(key string) bool {
	ids := map[string]bool{}
	for _, id := range q.Subscriptions {
		ids[strings.ToLower(id)] = true
	}
	groups := map[string]bool{}
	for _, name := range q.ManagementGroups {
		groups[strings.ToLower(name)] = true
	}
	return func(key string) bool {
		if len(ids)+len(groups) == 0 {
			return true
		}
		subscription, group := owner(key)
		return ids[subscription] || groups[group] || len(groups) > 0 && subscription != ""
	}
}

// owner returns the subscription of a resource, or else its management group.
func owner(key string) (subscription, managementGroup string) {
	if rest, ok := strings.CutPrefix(key, "/subscriptions/"); ok {
		subscription, _, _ = strings.Cut(rest, "/")
	} else if rest, ok := strings.CutPrefix(key, "/providers/microsoft.management/managementgroups/"); ok {
		managementGroup, _, _ = strings.Cut(rest, "/")
	}
	return subscription, managementGroup
}

// newGraphRow returns all columns of a resource.
func newGraphRow(key string, model any) (row graphRow, err error) {
	text, err := encode(model)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &row); err != nil {
		return nil, err
	}
	group := ""
	if segments := strings.Split(key, "/"); len(segments) > 4 && segments[3] == "resourcegroups" {
		group = segments[4]
	}
	subscription, _ := owner(key)
	delete(row, "etag") // which the tables don't have
	delete(row, "systemData")
	var kind string
	_ = json.Unmarshal(row["type"], &kind) // the model's Type is text
	for name, value := range map[string]string{
		"type": strings.ToLower(kind), "tenantId": tenantID, "subscriptionId": subscription, "resourceGroup": group,
	} {
		row[name], _ = jsontext.AppendQuote(nil, value) // fails only for invalid UTF-8, which it replaces
	}
	return row, nil
}

// project returns the columns of the row; one that the resource doesn't have is null.
func (row graphRow) project(columns []string) graphRow {
	projected := graphRow{}
	for _, column := range columns {
		if projected[column] = row[column]; row[column] == nil {
			projected[column] = jsontext.Value("null")
		}
	}
	return projected
}

// evaluate returns whether a resource has the predicate.
func evaluate(where func(string, map[string]any) (bool, error), predicate, key string, model any) (bool, error) {
	row, err := newGraphRow(key, model)
	if err != nil {
		return false, err
	}
	text, err := encode(row)
	if err != nil {
		return false, err
	}
	var values map[string]any
	if err := json.Unmarshal(text, &values); err != nil {
		return false, err
	}
	return where(predicate, values)
}

func (s *Server) overrideQueryAssignments(r *request) (*response, error) {
	if s.Assignments.NewResourceGraphPager == nil {
		return nil, errNotOverridden
	}
	return overrideQuery(s, r, &s.subscriptionAssignmentPagers, func(o armsecops.ResourceGraphOptions) azfake.PagerResponder[armsecops.Page[armsecops.Assignment]] {
		return s.Assignments.NewResourceGraphPager(&o)
	})
}

func (s *Server) overrideQueryStandardAssignments(r *request) (*response, error) {
	if s.StandardAssignments.NewResourceGraphPager == nil {
		return nil, errNotOverridden
	}
	return overrideQuery(s, r, &s.standardAssignmentPagers, func(o armsecops.ResourceGraphOptions) azfake.PagerResponder[armsecops.StandardAssignmentsList] {
		return s.StandardAssignments.NewResourceGraphPager(&o)
	})
}

// overrideQuery responds with the next page of an overridden query: it is that of
// a list, whose link becomes the $skipToken.
func overrideQuery[T any](s *Server, r *request, p *pagers[T], newPager func(armsecops.ResourceGraphOptions) azfake.PagerResponder[armsecops.Page[T]]) (*response, error) {
	q, where, _, refused := parseGraphQuery(r)
	if refused != nil {
		return refused, nil
	}
	listed := *r
	listed.query = url.Values{"$skiptoken": {q.Options.SkipToken}}
	listed.nextLink = "" // a query has its own faults
	resp, err := p.nextPage(s, &listed, func() (azfake.PagerResponder[armsecops.Page[T]], error) {
		o := armsecops.ResourceGraphOptions{
			SubscriptionIDs:    q.Subscriptions,
			ManagementGroups:   q.ManagementGroups,
			Where:              where,
			AllowPartialScopes: q.Options.AllowPartialScopes,
			IncludeInherited:   strings.EqualFold(q.Options.AuthorizationScopeFilter, "AtScopeAboveAndBelow"),
		}
		if q.Options.Top != maxGraphRows { // the default
			o.PageSize = q.Options.Top
		}
		return newPager(o), nil
	})
	if err != nil || resp.status != http.StatusOK {
		return resp, err
	}
	var page armsecops.Page[graphRow]
	if err := json.Unmarshal(resp.body, &page); err != nil {
		return nil, err
	}
	next := ""
	if link, err := url.Parse(page.NextLink); err == nil {
		next = link.Query().Get("$skipToken")
	}
	return newGraphResponse(r, q, len(page.Value), page.Value, next), nil
}
