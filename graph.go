package armsecops

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/armsecops/armsecops/internal/exchange"
	"github.com/armsecops/armsecops/internal/fanout"
	"github.com/armsecops/armsecops/internal/nextlink"
	"github.com/armsecops/armsecops/internal/printable"
	"github.com/armsecops/armsecops/internal/resume"
	"github.com/armsecops/armsecops/internal/routes"
)

const (
	maxGraphPageSize = 1000 // rows; the service's bound

	// graphSubscriptions is how many subscriptions one query may name.
	graphSubscriptions = 1000

	// maxSkipTokenBytes bounds the service's token of the next page, which a
	// continuation token has to hold.
	maxSkipTokenBytes = 32 << 10
)

// graphQuery is the body of a request to Azure Resource Graph.
type graphQuery struct {
	Query            string            `json:"query"`
	Subscriptions    []string          `json:"subscriptions,omitzero"`
	ManagementGroups []string          `json:"managementGroups,omitzero"`
	Options          graphQueryOptions `json:"options"`

	resourceType string // of the rows
}

type graphQueryOptions struct {
	Top                int    `json:"$top"`
	SkipToken          string `json:"$skipToken,omitzero"`
	ResultFormat       string `json:"resultFormat"`
	AllowPartialScopes bool   `json:"allowPartialScopes,omitzero"`

	AuthorizationScopeFilter string `json:"authorizationScopeFilter,omitzero"`
}

// graphResult is the body of a response of Azure Resource Graph.
type graphResult[T any] struct {
	Data      elements[T]     `json:"data"`
	SkipToken string          `json:"$skipToken"`
	Truncated json.RawMessage `json:"resultTruncated"` // "true" or "false", text

	AdditionalProperties map[string]json.RawMessage `json:",embed"`
}

func (r *graphResult[T]) unexpected(bool) error {
	switch {
	case isError(r.AdditionalProperties):
		return unexpected("it is an error")
	case !r.Data.present:
		return unexpected("it has no data")
	}
	return nil
}

// graph is the source of pages that Azure Resource Graph has: those of one query
// after the other. The link of a place is the number of the query, a colon and
// the service's $skipToken, if it isn't the first page of the query.
type graph[T any] struct {
	client  client
	route   *routes.Route
	queries []graphQuery // at least one
}

// newGraphPager returns a pager of the rows of the route's resource.
//   - columns: those that the model has
func newGraphPager[T any](c client, route *routes.Route, columns string, options *ResourceGraphOptions) *Pager[T] {
	if options == nil {
		options = &ResourceGraphOptions{}
	}
	p := newPager[T](graph[T]{c, route, graphQueries(route.Resource, columns, options)}, place{}, options.PageOptions)
	if err := checkGraphOptions(options); err != nil {
		p.refuse(err)
	}
	return p
}

// graphQueries returns the queries for the rows of a resource, alike but for their scopes.
func graphQueries(resource *routes.Resource, columns string, options *ResourceGraphOptions) []graphQuery {
	query := graphQuery{
		resourceType: resource.Type,
		Query:        resource.Table + "\n| where type =~ '" + strings.ToLower(resource.Type) + "'",
		Options: graphQueryOptions{
			Top:                cmp.Or(options.PageSize, maxGraphPageSize),
			ResultFormat:       "objectArray",
			AllowPartialScopes: options.AllowPartialScopes,
		},
	}
	if options.IncludeInherited {
		query.Options.AuthorizationScopeFilter = aboveAndBelow
	}
	if options.Where != "" {
		query.Query += "\n| where (" + options.Where + ")"
	}
	query.Query += projection + columns + "\n| order by id asc"
	query.ManagementGroups = distinct(options.ManagementGroups)
	if len(options.SubscriptionIDs) == 0 {
		return []graphQuery{query}
	}
	var queries []graphQuery
	for ids := range slices.Chunk(distinct(options.SubscriptionIDs), graphSubscriptions) {
		query.Subscriptions = ids
		queries = append(queries, query)
	}
	return queries
}

const (
	// aboveAndBelow makes a query of subscriptions see what they inherit, too.
	aboveAndBelow = "AtScopeAboveAndBelow"

	projection = "\n| project "
)

// distinct returns each of the names once, sorted, both ignoring case: a
// continuation token holds whatever their order.
func distinct(names []string) []string {
	seen := make(map[string]bool, len(names))
	var once []string
	for _, name := range names {
		if key := strings.ToLower(name); !seen[key] {
			seen[key] = true
			once = append(once, name)
		}
	}
	slices.SortFunc(once, func(a, b string) int { return cmp.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return once
}

func checkGraphOptions(options *ResourceGraphOptions) error {
	for _, id := range options.SubscriptionIDs {
		if reason := routes.CheckSubscription(id); reason != "" {
			return invalid("SubscriptionIDs", id, reason)
		}
	}
	for _, name := range options.ManagementGroups {
		if reason := routes.CheckManagementGroup(name); reason != "" {
			return invalid("ManagementGroups", name, reason)
		}
	}
	switch {
	case len(options.SubscriptionIDs) > 0 && len(options.ManagementGroups) > 0:
		return &ParameterError{Name: "ManagementGroups", Reason: "must be empty if there are SubscriptionIDs"}
	case options.IncludeInherited && len(options.SubscriptionIDs) == 0:
		return invalid("IncludeInherited", "true", "must not be set without SubscriptionIDs, which are empty")
	case options.PageSize < 0 || options.PageSize > maxGraphPageSize:
		return invalid("PageSize", strconv.Itoa(options.PageSize), "must be between 1 and 1000, or 0 for 1000")
	}
	if reason := routes.CheckPredicate(options.Where); reason != "" {
		return invalid("Where", options.Where, reason)
	}
	return nil
}

func (g graph[T]) operation() string { return g.route.Operation }

func (g graph[T]) startSpan(ctx context.Context) (context.Context, func(error)) {
	return g.client.startSpan(ctx, g.operation(), &call{route: g.route})
}

// listing returns what a continuation token is bound to: the endpoint, the query
// and its scopes, ignoring their case and order.
func (g graph[T]) listing() (resume.Listing, error) {
	hash := sha256.New()
	for _, q := range g.queries {
		scopes := strings.ToLower(fmt.Sprintf("%q\n%q\n", q.Subscriptions, q.ManagementGroups))
		_, _ = fmt.Fprintf(hash, "[%q]\n%s", q.Query, scopes) // never fails
		if filter := q.Options.AuthorizationScopeFilter; filter != "" {
			_, _ = fmt.Fprintf(hash, "%q\n", filter)
		}
	}
	l, err := g.client.resumable(&call{route: g.route})
	l.Path += "#" + hex.EncodeToString(hash.Sum(nil))
	return l, err
}

// fetch returns the page at a place, and where the next one is.
func (g graph[T]) fetch(ctx context.Context, at place) (page Page[T], next place, err error) {
	n, skipToken, err := g.parseLink(at.link)
	if err != nil {
		return page, at, err
	}
	query := g.queries[n]
	query.Options.SkipToken = skipToken
	result, resp, err := runResponse[graphResult[T]](ctx, g.client, call{
		route: g.route,
		body:  &query,
		visit: func(string) error { return at.visit(graphLink(n, skipToken)) }, // all pages have one URL
	})
	if err == nil && len(result.SkipToken) > maxSkipTokenBytes {
		err = g.client.serviceError(g.route.Operation, g.route, exchange.Failure{
			Response: resp,
			Reason:   fmt.Errorf("the $skipToken is longer than %d bytes", maxSkipTokenBytes),
		})
	}
	if HasCode(err, CodeResponsePayloadTooLarge) {
		err = &wrappedError{more: "a page is too large: set a smaller PageSize", errs: []error{err}}
	}
	if err != nil {
		return page, at, g.ofQuery(n, wrongLine(query.Query, at.linkError(g.client, g.route, err)))
	}
	next = at
	next.from = withoutBody(resp)
	switch {
	case result.SkipToken != "": // whatever resultTruncated says
		next.link = graphLink(n, result.SkipToken)
	case n+1 < len(g.queries):
		next.link = graphLink(n+1, "")
	default:
		next.end = true
	}
	if reason := result.missing(resp, query.Options); reason != "" {
		next.err = g.ofQuery(n, g.client.serviceError(g.route.Operation, g.route, exchange.Failure{
			Response: resp,
			Reason:   fmt.Errorf("%w: %s", ErrIncompleteResult, reason),
		}))
	}
	rows, err := g.once(ctx, at, n, result.Data.list)
	if err != nil {
		return page, at, err
	}
	return Page[T]{Value: rows, AdditionalProperties: result.AdditionalProperties}, next, nil
}

// wrongLine returns the error of a query. If that is in the caller's predicate, it
// shows its line.
func wrongLine(query string, err error) error {
	service, ok := errors.AsType[*ServiceError](err)
	if !ok {
		return err
	}
	lines := strings.Split(query, "\n")
	for _, d := range service.Details {
		n, _ := strconv.Atoi(string(d.AdditionalProperties["line"]))
		if n >= 1 && n <= len(lines) && strings.HasPrefix(lines[n-1], "| where (") {
			return &wrappedError{more: fmt.Sprintf("line %d is %s", n, printable.Quote(lines[n-1])), errs: []error{err}}
		}
	}
	return err
}

// ofQuery returns the error of a query, which says what it was for if the queries differ in that.
func (g graph[T]) ofQuery(n int, err error) error {
	if g.queries[0].resourceType == g.queries[len(g.queries)-1].resourceType || errors.Is(err, ErrCredential) {
		return err
	}
	return &wrappedError{more: "in the query for " + g.queries[n].resourceType, errs: []error{err}}
}

// once leaves out the rows that an earlier query had as well: what subscriptions of
// both inherit from a management group.
func (g graph[T]) once(ctx context.Context, at place, n int, rows []T) ([]T, error) {
	if len(g.queries) == 1 || g.queries[n].Options.AuthorizationScopeFilter != aboveAndBelow {
		return rows, nil
	}
	if at.pages == 0 { // another pager read the earlier queries
		for _, query := range g.queries[:n] {
			if err := g.noteInherited(ctx, at.seen, query); err != nil {
				return nil, err
			}
		}
	}
	return slices.DeleteFunc(rows, func(row T) bool {
		id := any(&row).(identified).resourceID()
		return routes.SubscriptionOf(id) == "" && at.seen.Again(inherited+strings.ToLower(id), at.pages)
	}), nil
}

// identified is a row of Azure Resource Graph.
type identified interface{ resourceID() string }

func (r *Resource[P]) resourceID() string { return r.ID }

// inherited tells the ids of rows, in lower case, from links.
const inherited = "inherited:"

// noteInherited notes what the subscriptions of a query inherit from management groups.
func (g graph[T]) noteInherited(ctx context.Context, seen nextlink.Seen, query graphQuery) error {
	query = query.ofManagementGroups()
	for range maxEmptyPages {
		result, err := run[graphResult[T]](ctx, g.client, call{route: g.route, body: &query})
		if err != nil {
			return err
		}
		for i := range result.Data.list {
			seen.Again(inherited+strings.ToLower(any(&result.Data.list[i]).(identified).resourceID()), -1)
		}
		if result.SkipToken == "" {
			return nil
		}
		query.Options.SkipToken = result.SkipToken
	}
	return ErrPagingLoop
}

// ofManagementGroups returns the query for the rows without a subscription.
func (q graphQuery) ofManagementGroups() graphQuery {
	q.Query = strings.Replace(q.Query, projection, "\n| where isempty(subscriptionId)"+projection, 1)
	return q
}

// missing returns what the result of a query lacks, or "" if it is complete.
func (r graphResult[T]) missing(resp *http.Response, query graphQueryOptions) string {
	truncated := bytes.EqualFold(bytes.Trim(r.Truncated, `"`), []byte("true"))
	limited := strings.EqualFold(resp.Header.Get("x-ms-tenant-subscription-limit-hit"), "true")
	onlyPage := query.SkipToken == "" && r.SkipToken == ""
	switch {
	case truncated && r.SkipToken == "":
		return "the service truncated it without a token for the rest of the rows; query fewer subscriptions, or filter more"
	case limited && !query.AllowPartialScopes:
		return "it has the first 10,000 subscriptions of the scope only; query subscriptions or smaller management groups, or set AllowPartialScopes"
	case !r.counts("count"):
		return fmt.Sprintf("it has %d rows, and says that there are %.20s", len(r.Data.list), r.AdditionalProperties["count"])
	case onlyPage && !r.counts("totalRecords"): // later, the index may have moved
		return fmt.Sprintf("it has %d rows, and says that the query has %.20s", len(r.Data.list), r.AdditionalProperties["totalRecords"])
	}
	return ""
}

// counts reports whether a member is absent or the number of rows.
func (r graphResult[T]) counts(name string) bool {
	text, ok := r.AdditionalProperties[name]
	if !ok || string(text) == "null" {
		return true
	}
	n, err := strconv.ParseFloat(string(bytes.Trim(text, `"`)), 64)
	return err == nil && n == float64(len(r.Data.list))
}

func graphLink(query int, skipToken string) string { return strconv.Itoa(query) + ":" + skipToken }

// parseLink returns the number of the query and the $skipToken. A pager's own
// links are never invalid, those of a continuation token may be.
func (g graph[T]) parseLink(link string) (query int, skipToken string, err error) {
	if link == "" {
		return 0, "", nil
	}
	number, skipToken, ok := strings.Cut(link, ":")
	query, err = strconv.Atoi(number)
	if !ok || err != nil || query < 0 || query >= len(g.queries) || len(skipToken) > maxSkipTokenBytes {
		return 0, "", &ParameterError{Name: "ContinuationToken", Reason: resume.AlteredPageToken}
	}
	return query, skipToken, nil
}

// listUnlisted yields the standard assignments of Azure Resource Graph that a listing lacks, as
// they are now. An error that isn't of one subscription is the last.
//   - subscriptionIDs: what was listed
//   - listed: the exemptions that the listing had, by id in lower case
func (c *ExemptionsClient) listUnlisted(ctx context.Context, subscriptionIDs []string, concurrency int, listed map[string]bool) iter.Seq2[Exemption, error] {
	type result struct {
		row, exemption Exemption
		err            error
	}
	get := func(ctx context.Context, row Exemption) iter.Seq[result] {
		return func(yield func(result) bool) {
			if row.Kind != "" { // it is whole
				yield(result{row, row, nil})
				return
			}
			var response *http.Response // rather than the caller's, as in listSubscription
			got, err := c.Get(policy.WithCaptureResponse(ctx, &response), row.ID, nil)
			yield(result{row, got.Exemption, err})
		}
	}
	return func(yield func(Exemption, error) bool) {
		rows, errs := c.queryUnlisted(ctx, subscriptionIDs, listed)
		for r := range fanout.Merge(ctx, cmp.Or(concurrency, defaultConcurrency), rows, get) {
			id := r.row.SubscriptionID
			switch failed := ofAll(ctx, r.err); {
			case failed != nil:
				yield(Exemption{}, withOperation(listExemptionsAcross, inLine(append(errs, failed))))
				return
			case endedBy(ctx, r.err):
				yield(Exemption{}, unlisted(append(errs, r.err)))
				return
			case r.err == nil:
				if !yield(r.exemption, nil) {
					return
				}
			case IsMissing(r.err), IsParentMissing(r.err), errors.Is(r.err, ErrNotExemption):
				// by now; a management group that isn't found may be one that the identity can't see
			case id == "":
				errs = append(errs, r.err)
			default:
				if i := slices.IndexFunc(subscriptionIDs, func(asked string) bool { return strings.EqualFold(asked, id) }); i >= 0 {
					id = subscriptionIDs[i] // as the caller wrote it
				}
				if !yield(Exemption{}, &SubscriptionError{
					SubscriptionID: id, Kind: ExemptionKindStandardAssignment, Operation: routes.StandardAssignments.Get.Operation, Err: r.err, operation: listExemptionsAcross,
				}) {
					return
				}
			}
		}
		if len(errs) > 0 {
			yield(Exemption{}, unlisted(errs))
		}
	}
}

// unlisted returns the error of what [ExemptionsClient.listUnlisted] couldn't find or get.
func unlisted(errs []error) error {
	return &SubscriptionError{Kind: ExemptionKindStandardAssignment, Operation: routes.Exemptions.Operation, Err: inLine(errs), operation: listExemptionsAcross}
}

// queryUnlisted returns the rows of [ExemptionsClient.listUnlisted], and why some may be missing.
// Those to get have no Kind; the others are whole.
func (c *ExemptionsClient) queryUnlisted(ctx context.Context, subscriptionIDs []string, listed map[string]bool) (rows []Exemption, errs []error) {
	if len(subscriptionIDs) == 0 {
		return nil, nil
	}
	var response *http.Response // rather than the caller's, as in listSubscription
	ctx = policy.WithCaptureResponse(ctx, &response)
	options := ExemptionsClientListOptions{Kinds: []ExemptionKind{ExemptionKindStandardAssignment}, SubscriptionIDs: subscriptionIDs}
	queries := exemptionQueries(&options)
	options.SubscriptionIDs, options.AllowPartialScopes = nil, true // whose rows are in no subscription
	queries = append(queries, exemptionQueries(&options)[0].ofManagementGroups())
	pager := newPager[Exemption](exemptionPages{graph[exemptionRow]{c.client, routes.Exemptions, queries}}, place{}, PageOptions{})
	queried := map[string]bool{} // the rows so far, by id in lower case
	for e, err := range pager.All(ctx) {
		id := strings.ToLower(e.ID)
		switch {
		case err != nil:
			errs = append(errs, err)
		case !listed[id] && !queried[id]:
			queried[id] = true
			if _, err := c.find(e.ID); err == nil { // or nothing can get it, as in a sample
				e = Exemption{ID: e.ID, Scope: e.Scope, SubscriptionID: e.SubscriptionID}
			}
			rows = append(rows, e)
		}
	}
	inherited := func(e Exemption) bool { return routes.IsBelow(e.ID, managementGroups) }
	if !slices.ContainsFunc(rows, inherited) {
		return rows, errs
	}
	above, err := c.groupsAbove(ctx, subscriptionIDs)
	if err != nil {
		errs = append(errs, err)
	}
	return slices.DeleteFunc(rows, func(e Exemption) bool { return inherited(e) && above != nil && !above[strings.ToLower(e.Scope)] }), errs
}

// subscriptionRow is a subscription in Azure Resource Graph.
type subscriptionRow struct {
	ID         string `json:"id"`
	Properties struct {
		GroupsAbove []struct {
			Name string `json:"name"`
		} `json:"managementGroupAncestorsChain"`
	} `json:"properties"`
}

// groupsAbove returns the ids of the management groups above subscriptions, in lower case; nil
// if Azure Resource Graph doesn't say what is above each of them.
func (c *ExemptionsClient) groupsAbove(ctx context.Context, subscriptionIDs []string) (map[string]bool, error) {
	table := &routes.Resource{Type: "Microsoft.Resources/subscriptions", Table: "resourcecontainers"}
	queries := graphQueries(table, exemptionColumnNames, &ResourceGraphOptions{SubscriptionIDs: subscriptionIDs})
	above, known := map[string]bool{}, map[string]bool{} // by id in lower case
	for row, err := range newPager[subscriptionRow](graph[subscriptionRow]{c.client, routes.Exemptions, queries}, place{}, PageOptions{}).All(ctx) {
		if err != nil {
			return above, err
		}
		if row.Properties.GroupsAbove != nil {
			known[strings.ToLower(row.ID)] = true
		}
		for _, group := range row.Properties.GroupsAbove {
			above[strings.ToLower(managementGroups+"/"+group.Name)] = true
		}
	}
	if len(known) < len(distinct(subscriptionIDs)) {
		return nil, nil
	}
	return above, nil
}

// inLine joins errors as [errors.Join] does, but prints them in one line.
func inLine(errs []error) error {
	all := errs[0]
	for _, err := range errs[1:] {
		all = fmt.Errorf("%w; %w", all, err)
	}
	return all
}
