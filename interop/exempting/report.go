package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"

	"github.com/armsecops/armsecops"
)

// selection is what a report has the exemptions of, by one of its fields; if none is set,
// all subscriptions in use.
type selection struct {
	subscriptions    []*arm.ResourceID // with what is below, and management groups
	managementGroups []*arm.ResourceID // with what is below
	resources        []*arm.ResourceID // with what is above; may be subscriptions and management groups, too
}

// report writes the rows of all that can be read. The error says what can't.
//   - before: only of exemptions that end before it; zero for all
//   - stale: write the ids of stale exemptions instead, one a line
func report(ctx context.Context, w io.Writer, credential azcore.TokenCredential, options *armsecops.ClientOptions, of selection, before time.Time, stale bool) error {
	factory, err := armsecops.NewClientFactory(credential, options)
	if err != nil {
		return err
	}
	var ids []string // of the subscriptions to list
	for _, id := range slices.Concat(of.subscriptions, of.resources) {
		if id.SubscriptionID != "" {
			ids = add(ids, strings.ToLower(id.SubscriptionID))
		}
	}
	if of.subscriptions == nil && of.managementGroups == nil && of.resources == nil {
		if ids, err = subscriptions(ctx, credential, &options.ClientOptions); err != nil {
			return err
		}
		if len(ids) == 0 {
			return errors.New("the identity sees no subscription that is in use")
		}
	}
	var aboveErr error
	wanted := func(e armsecops.Exemption) bool {
		isOf := func(id string) bool { return strings.EqualFold(id, e.SubscriptionID) }
		return e.SubscriptionID == "" || of.managementGroups != nil || slices.ContainsFunc(ids, isOf)
	}
	if of.resources != nil {
		wanted, aboveErr = appliesTo(ctx, credential, &options.ClientOptions, of.resources)
	}
	names, namesErr := recommendations(ctx, factory.NewAssessmentsMetadataClient(), ids...)
	client := factory.NewExemptionsClient()
	current := func(func(armsecops.Exemption, error) bool) {} // of management groups alone, the lists have nothing
	if len(ids) > 0 {
		current = client.ListAcrossSubscriptions(ctx, ids, &armsecops.ExemptionsClientListAcrossSubscriptionsOptions{ListsOnly: true})
	}
	indexed := &armsecops.ExemptionsClientListOptions{}
	for _, group := range of.managementGroups {
		indexed.ManagementGroups = append(indexed.ManagementGroups, group.Name)
	}
	isGroup := func(id *arm.ResourceID) bool { return id.SubscriptionID == "" }
	if of.managementGroups == nil && !slices.ContainsFunc(of.resources, isGroup) {
		// Whether the lists of subscriptions have the standard assignments of single resources and
		// of management groups isn't documented. The index of the whole tenant has them.
		indexed.Kinds = []armsecops.ExemptionKind{armsecops.ExemptionKindStandardAssignment}
	}
	index := client.NewListPager(indexed).All(ctx)
	rows, rowsErr := inventory(ctx, client, filter(current, wanted), filter(index, wanted), &policies{credential: credential, options: &options.ClientOptions}, names)
	if !before.IsZero() { // by what is current: the index may have another end
		rows = slices.DeleteFunc(rows, func(r *row) bool { return r.Err == nil && !r.ExpiresBefore(before) })
	}
	var failed error
	staleIDs := ""
	records := [][]string{{"id", "name", "kind", "scope", "from", "standard or assignment", "limited to", "stale", "category", "description", "expires", "created by", "created on", "last modified by", "last modified on", "metadata", "error"}}
	for _, r := range rows {
		if r.Stale {
			staleIDs += r.ID + "\n"
		}
		records = append(records, r.record())
		if r.Err != nil {
			failed = fmt.Errorf("the column error says what some rows lack, such as that of %s", r.ID)
			if stale {
				failed = fmt.Errorf("whether some exemptions are stale is unknown, such as %s: %w", r.ID, r.Err)
			}
		}
	}
	if stale {
		_, err := io.WriteString(w, staleIDs)
		return errors.Join(aboveErr, rowsErr, failed, err)
	}
	return errors.Join(aboveErr, namesErr, rowsErr, failed, csv.NewWriter(w).WriteAll(records))
}

// appliesTo returns a function that reports whether an exemption is of one of the resources,
// or of a scope above it: going by its id, or a management group that Azure Resource Graph
// names. One of 2021 that doesn't say its scope may be of any resource of its subscription.
// The error says where these groups are unknown, whose exemptions are missing.
func appliesTo(ctx context.Context, credential azcore.TokenCredential, options *arm.ClientOptions, resources []*arm.ResourceID) (func(armsecops.Exemption) bool, error) {
	var errs []error
	above := map[string][]string{} // the management groups, by subscription or management group
	of := func(r *arm.ResourceID) string { return strings.ToLower(cmp.Or(r.SubscriptionID, r.String())) }
	for _, r := range resources {
		if _, known := above[of(r)]; known {
			continue
		}
		groups, err := groupsAbove(ctx, credential, options, r)
		if err == nil && groups == nil {
			err = errors.New("no row of it in Azure Resource Graph")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("looking for the management groups above %s: %w", r, err))
		}
		above[of(r)] = groups
	}
	return func(e armsecops.Exemption) bool {
		scope := cmp.Or(e.Scope, "/subscriptions/"+e.SubscriptionID)
		is := func(id string) bool { return strings.EqualFold(id, scope) }
		return slices.ContainsFunc(resources, func(r *arm.ResourceID) bool {
			return within(r.String(), scope) || slices.ContainsFunc(above[of(r)], is)
		})
	}, errors.Join(errs...)
}

// filter returns a listing of the exemptions that are wanted, with all errors.
func filter(listing iter.Seq2[armsecops.Exemption, error], wanted func(armsecops.Exemption) bool) iter.Seq2[armsecops.Exemption, error] {
	return func(yield func(armsecops.Exemption, error) bool) {
		for e, err := range listing {
			if (err != nil || wanted(e)) && !yield(e, err) {
				return
			}
		}
	}
}

// formula is what a spreadsheet takes for a formula: at the beginning of a cell, or after
// what separates cells where the comma doesn't.
var formula = regexp.MustCompile(`(^|[;\t\r\n])((?:"|[^\pL\pM\pN\pP\pS\t\r\n])*[-=+@＝＋－＠])`)

// record returns the cells of a row, with an apostrophe before a formula.
func (r *row) record() []string {
	stale, problem := "", ""
	if r.Stale {
		stale = "yes"
	}
	if r.Err != nil {
		problem = oneLine(r.Err.Error())
	}
	var metadata bytes.Buffer
	if string(r.Metadata) != "null" {
		_ = json.Compact(&metadata, r.Metadata) // which was JSON, or is empty
	}
	cells := []string{
		r.ID, cmp.Or(r.DisplayName, r.Name), string(r.Kind), r.Scope, strings.Join(r.From, " | "), cmp.Or(r.StandardID, r.PolicyAssignmentID), limits(r.Exemption), stale, string(r.Category),
		r.Description, cmp.Or(timestamp(r.ExpiresOn), "never"), r.CreatedBy, timestamp(r.CreatedOn), r.LastModifiedBy, timestamp(r.LastModifiedOn), metadata.String(), problem,
	}
	for i, cell := range cells {
		cells[i] = formula.ReplaceAllString(cell, "$1'$2")
	}
	return cells
}

func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
