package fake

import (
	"cmp"
	stdjson "encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/wire"
)

// NextLinkTruncated is the fault of a page of Azure Resource Graph that lacks
// rows: it has no $skipToken, and says that the result is truncated. Other lists
// don't have it. Of the other faults, NextLinkLoop is the only one that a page of
// Azure Resource Graph has: its $skipToken leads to the page itself. On the first page, which has
// no token of its own to compare, it takes Always to be [armsecops.ErrPagingLoop]. To hit the
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
	Query            string           `json:"query"`
	Subscriptions    []string         `json:"subscriptions"`
	ManagementGroups []string         `json:"managementGroups"`
	Facets           []jsontext.Value `json:"facets"`
	Options          struct {
		Top                *int   `json:"$top"`
		Skip               int    `json:"$skip"`
		SkipToken          string `json:"$skipToken"`
		ResultFormat       string `json:"resultFormat"`
		AuthorizationScope string `json:"authorizationScopeFilter"`
		AllowPartialScopes bool   `json:"allowPartialScopes"`
	} `json:"options"`

	kql   *kqlQuery // what Query says; nil if it can't be read
	wrong *kqlError
}

func parseGraphQuery(body []byte) (q graphQuery, err error) {
	if err = wire.Unmarshal(body, &q); err == nil {
		q.kql, q.wrong = parseKQL(q.Query)
	}
	return q, err
}

// graphResult is the body of its response.
type graphResult struct {
	TotalRecords    int              `json:"totalRecords"`
	Count           int              `json:"count"`
	Data            []jsontext.Value `json:"data"`
	Facets          []struct{}       `json:"facets"`
	ResultTruncated string           `json:"resultTruncated"`
	SkipToken       string           `json:"$skipToken,omitzero"`
}

// exemptionColumns are the columns that the queries of ExemptionsClient have.
var exemptionColumns = []string{"id", "name", "type", "subscriptionId", "resourceGroup", "properties"}

// otherQuery is the route of queries that no client makes.
var otherQuery = func() *routes.Route {
	route := *routes.Exemptions
	route.Operation = ""
	return &route
}()

// route returns the route of a query. The table and type tell the queries of
// NewResourceGraphPager apart, and the columns those of ExemptionsClient.
func (q *graphQuery) route() *routes.Route {
	if q.kql == nil {
		return otherQuery
	}
	for _, resource := range graphTables[q.kql.table] {
		switch {
		case q.kql.ofType != key(resource.Type):
		case slices.Equal(q.kql.columns, exemptionColumns):
			return routes.Exemptions
		case resource.Query != nil:
			return resource.Query
		}
	}
	return otherQuery
}

// checkGraphQuery refuses a query that the server can't carry out.
func (s *Server) checkGraphQuery(r *request) (refused *response) {
	if r.route.Kind != routes.Query {
		return nil
	}
	if r.graph, refused = parseBody(r.body, "a query", parseGraphQuery); refused != nil {
		return refused
	}
	q, top := &r.graph, cmp.Or(r.graph.Options.Top, new(maxGraphRows))
	message := ""
	switch {
	case len(q.Subscriptions) > 0 && len(q.ManagementGroups) > 0:
		message = "A query has subscriptions or managementGroups, not both."
	case len(q.Subscriptions) > maxGraphSubscriptions:
		message = "A query has at most " + strconv.Itoa(maxGraphSubscriptions) + " subscriptions."
	case *top < 1 || *top > maxGraphRows:
		message = "$top must be between 1 and " + strconv.Itoa(maxGraphRows) + ", not " + strconv.Itoa(*top) + "."
	case q.Options.Skip < 0:
		message = "$skip must not be negative."
	case len(q.Facets) > 0:
		message = "The fake server doesn't serve facets."
	case graphScopes[q.authorizationScope()] == nil:
		message = "The authorizationScopeFilter '" + q.Options.AuthorizationScope + "' is none of AtScopeAndBelow, AtScopeAndAbove, AtScopeAboveAndBelow and AtScopeExact."
	case !strings.EqualFold(cmp.Or(q.Options.ResultFormat, "objectArray"), "objectArray"):
		message = "The fake server doesn't serve the resultFormat '" + q.Options.ResultFormat + "', only objectArray."
	case q.wrong != nil:
		return s.newGraphError(r, q.wrong.detail())
	case graphTables[q.kql.table] == nil:
		return s.newGraphError(r, armsecops.ErrorDetail{
			Code: "DisallowedLogicalTableName", Message: kqlMessage(q.kql.table, "Table "+q.kql.table+" is invalid, unsupported or disallowed."),
		})
	default:
		return nil
	}
	return newErrorResponse(http.StatusBadRequest, "BadRequest", message)
}

// graphTables has the tables that the server serves, with the types in them.
var graphTables = func() map[string][]*routes.Resource {
	tables := map[string][]*routes.Resource{}
	for resource := range rows {
		if resource.Table != "" {
			tables[resource.Table] = append(tables[resource.Table], resource)
		}
	}
	tables["resourcecontainers"] = containers
	return tables
}()

// containers are the types in the table of what resources are in.
var containers = []*routes.Resource{
	{Type: "Microsoft.Resources/subscriptions"}, {Type: "Microsoft.Resources/subscriptions/resourceGroups"}, {Type: "Microsoft.Management/managementGroups"},
}

// checkGraphScope refuses a query none of whose subscriptions exists and, if the
// server is strict, none of whose management groups does. Azure leaves out those
// that don't exist if there are others. The caller holds the lock.
func (s *Server) checkGraphScope(r *request) *response {
	ids, format := r.graph.Subscriptions, "/subscriptions/"
	if len(ids) == 0 && s.options.Strict {
		ids, format = r.graph.ManagementGroups, managementGroups
	}
	if len(ids) == 0 || slices.ContainsFunc(ids, func(id string) bool { return s.parents[key(format+id)] }) {
		return nil
	}
	return s.newGraphDetails(r, armsecops.ErrorDetail{
		Code:    armsecops.CodeNoValidSubscriptionsInQueryRequest,
		Message: "There must be at least one subscription that is eligible to contain resources. Given: '" + strings.Join(ids, ",") + "'.",
	})
}

const managementGroups = "/providers/Microsoft.Management/managementGroups/"

// newGraphError returns the error of a query that is wrong.
func (s *Server) newGraphError(r *request, detail armsecops.ErrorDetail) *response {
	return s.newGraphDetails(r, armsecops.ErrorDetail{
		Code:    "InvalidQuery",
		Message: "Query is invalid. Please refer to the documentation for the Azure Resource Graph service and fix the error before retrying.",
	}, detail)
}

func (s *Server) newGraphDetails(r *request, details ...armsecops.ErrorDetail) *response {
	return newModelResponse(http.StatusBadRequest, errorBody{armsecops.ErrorDetail{
		Code: "BadRequest",
		Message: "Please provide below info when asking for support: timestamp = " + s.now().Format("2006-01-02T15:04:05.0000000Z") +
			", correlationId = " + cmp.Or(r.Header.Get("x-ms-correlation-request-id"), r.id) + ".",
		Details: details,
	}})
}

// detail returns the error as Azure sends it.
func (e *kqlError) detail() armsecops.ErrorDetail {
	detail := armsecops.ErrorDetail{Code: e.Code, Message: e.Message}
	if e.Code == "UnknownFunction" {
		return detail
	}
	detail.AdditionalProperties = map[string]stdjson.RawMessage{
		"line": stdjson.RawMessage(strconv.Itoa(e.Line)), "characterPositionInLine": stdjson.RawMessage(strconv.Itoa(e.Character)),
		"token": stdjson.RawMessage(mustEncode(e.Token)),
	}
	if e.Expected != "" {
		detail.AdditionalProperties["expectedToken"] = stdjson.RawMessage(mustEncode(e.Expected))
	}
	return detail
}

// graphRows is the result of a query: what it keeps of the resources of a table,
// sorted by key if the query doesn't order it otherwise.
type graphRows []*kqlRow

// maxGraphResults bounds how many results are kept for their next pages.
const maxGraphResults = 8

// query responds to a query. The result is kept for its next pages, until a
// resource changes.
func (s *Server) query(r *request) *response {
	if refused := s.checkGraphScope(r); refused != nil {
		return refused
	}
	q := &r.graph
	id := string(mustEncode([]any{q.Query, q.Subscriptions, q.ManagementGroups, q.authorizationScope()}))
	result, ok := s.results[id]
	if !ok || q.Options.SkipToken == "" { // a first page is of now
		result = q.kql.run(s.graphRows(q))
	}
	start := q.Options.Skip
	if q.Options.SkipToken != "" {
		order, after, err := parseSkipToken(q.Options.SkipToken)
		number, notNumber := strconv.Atoi(after)
		switch {
		case err != nil || order != "" && notNumber != nil:
			return s.newGraphDetails(r, armsecops.ErrorDetail{Code: "CouldNotDecodeSkipToken", Message: "Could not decode the skip token."})
		case order != "":
			start = max(number, 0)
		default: // the row may be gone
			start, _ = slices.BinarySearchFunc(result, after, func(row *kqlRow, after string) int { return cmp.Or(cmp.Compare(row.key, after), -1) })
		}
	}
	size := min(*cmp.Or(q.Options.Top, new(maxGraphRows)), cmp.Or(s.options.PageSize, maxGraphRows))
	start = min(start, len(result))
	end := min(start+size, len(result))
	page := make([]jsontext.Value, 0, end-start)
	for _, row := range result[start:end] {
		page = append(page, q.kql.encode(row))
	}
	next, truncated := "", false
	switch pages := slices.Contains(q.kql.columns, "id") && !q.kql.hasLimit; {
	case end == len(result):
		delete(s.results, id)
	case !pages:
		truncated = true
	case q.kql.ordered:
		next = newSkipToken("ordered", strconv.Itoa(end))
	default:
		next = newSkipToken("", result[end-1].key)
	}
	if next != "" {
		if len(s.results) >= maxGraphResults {
			clear(s.results)
		}
		s.results[id] = result
	}
	return newGraphResponse(r, len(result), page, next, truncated)
}

// newGraphResponse returns a page of a query, changed by the fault.
//   - next: the $skipToken of the next page; empty if there is none
//   - truncated: there are more rows although there is no next page
func newGraphResponse(r *request, total int, rows []jsontext.Value, next string, truncated bool) *response {
	result := graphResult{TotalRecords: total, Count: len(rows), Data: rows, Facets: []struct{}{}, ResultTruncated: "false"}
	if truncated || r.nextLink == NextLinkTruncated {
		result.ResultTruncated = "true"
	}
	switch r.nextLink {
	case NextLinkTruncated:
	case NextLinkLoop:
		result.SkipToken = cmp.Or(r.graph.Options.SkipToken, newSkipToken("", "")) // which leads to the first page
	default:
		result.SkipToken = next
	}
	return newModelResponse(http.StatusOK, result)
}

// graphRows returns the rows of the table that are in the scope of the query,
// sorted by key.
func (s *Server) graphRows(q *graphQuery) graphRows {
	var table []*kqlRow
	inScope, now := q.scope(), s.now()
	if q.kql.table == "resourcecontainers" {
		table = s.containerRows(inScope)
	}
	for k, res := range s.resources {
		if res.of.Table == q.kql.table && (q.kql.ofType == "" || q.kql.ofType == key(res.of.Type)) && inScope(k, res) {
			table = append(table, &kqlRow{key: k, cells: s.graphCells(k, res), now: now})
		}
	}
	slices.SortFunc(table, func(a, b *kqlRow) int { return cmp.Compare(a.key, b.key) })
	return table
}

// containerRows returns the subscriptions, resource groups and management groups that exist.
// Every management group is above every subscription, and none above another.
func (s *Server) containerRows(inScope func(string, *storedResource) bool) (table []*kqlRow) {
	type group struct {
		Name string `json:"name"`
	}
	groups := []group{}
	for k := range s.parents {
		if name, ok := strings.CutPrefix(k, key(managementGroups)); ok {
			groups = append(groups, group{name})
		}
	}
	slices.SortFunc(groups, func(a, b group) int { return cmp.Compare(a.Name, b.Name) })
	const chain = "managementGroupAncestorsChain"
	for k := range s.parents {
		segments := strings.Split(k, "/")
		of, properties := containers[1], map[string]any{"provisioningState": "Succeeded"}
		switch {
		case strings.HasPrefix(k, key(managementGroups)):
			of, properties = containers[2], map[string]any{"details": map[string]any{chain: []group{}}}
		case len(segments) == 3:
			of, properties = containers[0], map[string]any{"state": "Enabled", chain: groups}
		case len(segments) != 5:
			continue
		}
		if res := (&storedResource{document: document{ID: k, Name: segments[len(segments)-1], Properties: mustEncode(properties)}, of: of}); inScope(k, res) {
			table = append(table, &kqlRow{key: k, cells: s.graphCells(k, res), now: s.now()})
		}
	}
	return table
}

func (q *graphQuery) authorizationScope() string {
	return strings.ToLower(cmp.Or(q.Options.AuthorizationScope, "AtScopeAndBelow"))
}

// graphScopes has, by authorizationScopeFilter, whether a query sees a resource by
// where it is: at the scope, below it, or above it.
var graphScopes = map[string]func(at, below, above bool) bool{
	"atscopeandbelow":      func(at, below, _ bool) bool { return at || below },
	"atscopeandabove":      func(at, _, above bool) bool { return at || above },
	"atscopeaboveandbelow": func(at, below, above bool) bool { return at || below || above },
	"atscopeexact":         func(at, _, _ bool) bool { return at },
}

// scope returns whether a resource is in the scope of the query. The server knows
// nothing of what is below a management group: every subscription is below each.
// The filter matters to policy exemptions only.
func (q *graphQuery) scope() func(k string, res *storedResource) bool {
	if len(q.Subscriptions)+len(q.ManagementGroups) == 0 {
		return func(string, *storedResource) bool { return true }
	}
	scopes := map[string]bool{} // by key
	for _, id := range q.Subscriptions {
		scopes[key("/subscriptions/"+id)] = true
	}
	for _, name := range q.ManagementGroups {
		scopes[key(managementGroups+name)] = true
	}
	sees := graphScopes[q.authorizationScope()]
	return func(k string, res *storedResource) bool {
		ancestors := routes.Ancestors(k)
		named, inSubscription := scopes[ancestors[0].ID], ancestors[0].Type == "subscriptions"
		at := named && len(ancestors) == 2
		below := named && !at || len(q.ManagementGroups) > 0 && inSubscription
		if res.of != routes.PolicyExemptions {
			return at || below
		}
		return sees(at, below, !named && !inSubscription)
	}
}

// graphCells returns the columns of a resource. It has no others.
func (s *Server) graphCells(k string, res *storedResource) map[string]any {
	cells := map[string]any{
		"id": res.ID, "name": res.Name, "type": key(res.of.Type), "tenantId": tenantID,
		"resourceGroup": routes.ResourceGroupOf(k), "subscriptionId": routes.SubscriptionOf(k), "properties": s.graphProperties(res),
	}
	for name, text := range map[string]string{"kind": res.Kind, "location": res.Location} {
		if text != "" {
			cells[name] = text
		}
	}
	if res.Tags != nil {
		cells["tags"] = mustEncode(res.Tags)
	}
	for _, c := range kqlColumns {
		if value, ok := res.AdditionalProperties[c.name]; ok && cells[c.name] == nil {
			cells[c.name] = jsontext.Value(value)
		}
	}
	return cells
}

// graphProperties returns the properties of a resource as its row has them.
func (s *Server) graphProperties(res *storedResource) jsontext.Value {
	var nulls []string
	if row := rows[res.of]; row != nil {
		nulls = row.nulls
	}
	flat := s.options.FlatAssessmentKeys && res.of == routes.StandardAssignments
	if nulls == nil && !flat {
		return res.Properties
	}
	properties := map[string]jsontext.Value{}
	for _, name := range nulls {
		properties[name] = jsontext.Value("null")
	}
	maps.Copy(properties, mustParse[map[string]jsontext.Value](res.Properties))
	if data := mustParse[map[string]jsontext.Value](properties["exemptionData"]); flat && data != nil {
		if assessment := valueAt(data["assignedAssessment"], "assessmentKey"); assessment != nil {
			data["assessmentKey"] = assessment
			delete(data, "assignedAssessment")
			properties["exemptionData"] = mustEncode(data)
		}
	}
	return mustEncode(properties)
}
