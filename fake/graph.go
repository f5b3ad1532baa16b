package fake

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/wire"
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
		AuthorizationScope string `json:"authorizationScopeFilter"`
		AllowPartialScopes bool   `json:"allowPartialScopes"`
	} `json:"options"`

	where   string   // the predicate in Query
	columns []string // that Query projects
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

// graphTables has the routes of the queries, by table and type in lower case.
var graphTables = func() map[[2]string]*routes.Route {
	tables := map[[2]string]*routes.Route{}
	for _, route := range routes.All {
		if route.Kind == routes.Query {
			tables[[2]string{route.Resource.Table, key(route.Resource.Type)}] = route
		}
	}
	return tables
}()

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

// checkGraphQuery refuses a query that the server can't carry out.
func (s *Server) checkGraphQuery(r *request) (refused *response) {
	if r.route.Kind != routes.Query {
		return nil
	}
	r.graph, refused = parseBody(r.body, "a query", func(text []byte) (q graphQuery, err error) { return q, wire.Unmarshal(text, &q) })
	if refused != nil {
		return refused
	}
	q := &r.graph
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
	case q.authorizationScope() != "atscopeandbelow" && q.authorizationScope() != "atscopeaboveandbelow":
		message = "The fake server has no authorizationScopeFilter but AtScopeAndBelow and AtScopeAboveAndBelow."
	case !strings.EqualFold(cmp.Or(q.Options.ResultFormat, "objectArray"), "objectArray"):
		message = "The fake server has no resultFormat but objectArray."
	}
	if message != "" {
		return newErrorResponse(http.StatusBadRequest, "BadRequest", message)
	}
	q.where = parts[3]
	for column := range strings.SplitSeq(parts[4], ",") {
		q.columns = append(q.columns, strings.TrimSpace(column))
	}
	return nil
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

// query responds to a query over the resources of the row.
func (s *Server) query(r *request, row *row) *response {
	q := r.graph
	if q.where != "" && s.options.Where == nil {
		return newErrorResponse(http.StatusBadRequest, "BadRequest",
			"The fake server has no KQL engine: ServerOptions.Where must evaluate the predicate '"+q.where+"'.")
	}
	after := ""
	if q.Options.SkipToken != "" {
		var err error
		if _, after, err = parseSkipToken(q.Options.SkipToken); err != nil {
			return newErrorResponse(http.StatusBadRequest, "BadRequest", err.Error())
		}
	}
	inScope := q.scope(row.resource == routes.PolicyExemptions)
	total := 0
	page := graphPage{after: after, size: min(cmp.Or(q.Options.Top, maxGraphRows), cmp.Or(s.options.PageSize, maxGraphRows))}
	for k, res := range s.resources {
		if res.of != row.resource || !inScope(k) {
			continue
		}
		if q.where != "" {
			matches, err := evaluate(s.options.Where, q.where, newGraphRow(k, res))
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
		rows[i] = newGraphRow(k, s.resources[k]).project(q.columns)
	}
	next := ""
	if more {
		next = newSkipToken("", found[len(found)-1])
	}
	return newGraphResponse(r, total, rows, next)
}

// newGraphResponse returns a page of a query, changed by the fault.
//   - next: the $skipToken of the next page; empty if there is none
func newGraphResponse(r *request, total int, rows []graphRow, next string) *response {
	result := graphResult{TotalRecords: total, Count: len(rows), Data: rows, Facets: []struct{}{}, ResultTruncated: "false"}
	switch r.nextLink {
	case NextLinkTruncated:
		result.ResultTruncated = "true"
	case NextLinkLoop:
		result.SkipToken = cmp.Or(r.graph.Options.SkipToken, newSkipToken("", "")) // which leads to the first page
	default:
		result.SkipToken = next
	}
	return newModelResponse(http.StatusOK, result)
}

func (q graphQuery) authorizationScope() string {
	return strings.ToLower(cmp.Or(q.Options.AuthorizationScope, "AtScopeAndBelow"))
}

// scope returns whether a key is in the scope of the query. The server knows
// nothing of what is below a management group: every subscription is below each.
//   - inherits: resources of the type apply to what is below their scope
func (q graphQuery) scope(inherits bool) func(key string) bool {
	above := inherits && q.authorizationScope() == "atscopeaboveandbelow"
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
		return ids[subscription] || groups[group] || len(groups) > 0 && subscription != "" || above && group != ""
	}
}

// owner returns the subscription of a resource, or else its management group.
func owner(key string) (subscription, managementGroup string) {
	if top := routes.Ancestors(key)[0]; top.Type == "microsoft.management/managementgroups" {
		managementGroup = top.Name
	}
	return routes.SubscriptionOf(key), managementGroup
}

// newGraphRow returns all columns of a resource.
func newGraphRow(key string, res *storedResource) graphRow {
	doc := res.document
	doc.ETag, doc.SystemData = "", armsecops.SystemData{} // which the tables don't have
	doc.Type = strings.ToLower(doc.Type)
	row := mustParse[graphRow](mustEncode(doc))
	for name, value := range map[string]string{
		"tenantId": tenantID, "subscriptionId": routes.SubscriptionOf(key), "resourceGroup": routes.ResourceGroupOf(key),
	} {
		row[name] = mustEncode(value)
	}
	return row
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

// evaluate returns whether a row has the predicate.
func evaluate(where func(string, map[string]any) (bool, error), predicate string, row graphRow) (bool, error) {
	return where(predicate, mustParse[map[string]any](mustEncode(row)))
}
