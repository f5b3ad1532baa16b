package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/command"
	"github.com/armsecops/armsecops/examples/internal/terminal"
)

// freshness says how current the result of Azure Resource Graph is.
const freshness = "From Azure Resource Graph, which follows changes within minutes; -via list reads what is current."

// queryGraph queries Azure Resource Graph for the exemptions of the subscriptions,
// or of all that the identity may read if there are none. It returns what it
// found before an error, too.
func (q query) queryGraph(ctx context.Context, progress *terminal.Output) (found []exemption, err error) {
	assignments, err := q.factory.NewSecurityAssignmentsClient("") // a query names its own subscriptions
	if err != nil {
		return nil, err
	}
	show := func(source string, rows, total int) {
		if len(q.subscriptions) > 1000 { // several queries, each with a total of its own
			progress.Status(source + ": " + command.Count(rows, "row"))
		} else {
			progress.Status(fmt.Sprintf("%s: %d of %s", source, rows, command.Count(total, "row")))
		}
	}
	err = readPages(ctx, assignments.NewResourceGraphPager(&armsecops.ResourceGraphOptions{
		SubscriptionIDs: q.subscriptions,
		Where:           q.filter.where("properties.additionalData.exemptionCategory"),
	}), func(page []armsecops.SubscriptionAssignment, rows, total int) {
		for _, a := range page {
			found = append(found, fromAssignment(a))
		}
		show("assignments", rows, total)
	})
	if err != nil {
		return found, err
	}
	err = readPages(ctx, q.factory.NewStandardAssignmentsClient().NewResourceGraphPager(&armsecops.ResourceGraphOptions{
		SubscriptionIDs: q.subscriptions,
		Where:           q.filter.where("properties.exemptionData.exemptionCategory"),
	}), func(page []armsecops.StandardAssignment, rows, total int) {
		for _, a := range page {
			var subscriptionID string // none if the scope is a management group
			_ = json.Unmarshal(a.AdditionalProperties["subscriptionId"], &subscriptionID)
			found = append(found, fromStandardAssignment(subscriptionID, a))
		}
		show("standardAssignments", rows, total)
	})
	return found, err
}

// readPages reads all pages of a query.
//   - read: called with each page, the rows so far and the total
func readPages[T any](ctx context.Context, pager *armsecops.Pager[T], read func(page []T, rows, total int)) error {
	rows := 0
	for page, err := range pager.Pages(ctx) {
		if err != nil {
			return err
		}
		rows += len(page.Value)
		total := 0
		_ = json.Unmarshal(page.AdditionalProperties["totalRecords"], &total) // only shown
		read(page.Value, rows, total)
	}
	return nil
}

// where returns the filter as a predicate in the Kusto Query Language (KQL), or
// "" for an empty filter. Its values are an effect and a category of letters, as
// parseQuery makes sure, and a time.
//   - category: column of the category
func (f filter) where(category string) string {
	var predicates []string
	if f.effect != "" {
		predicates = append(predicates, "properties.effect =~ "+kqlString(string(f.effect)))
	}
	if f.category != "" {
		predicates = append(predicates, category+" =~ "+kqlString(string(f.category)))
	}
	if !f.expiresUntil.IsZero() { // null, which is never, isn't before any time
		predicates = append(predicates, "todatetime(properties.expiresOn) <= datetime("+f.expiresUntil.UTC().Format(time.RFC3339)+")")
	}
	return strings.Join(predicates, " and ")
}

// kqlString returns the string literal of a text in KQL.
func kqlString(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}
