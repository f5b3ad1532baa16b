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
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/armsecops/armsecops"
)

// report writes the rows of all that can be read. The error says what can't.
//   - stale: write the ids of stale exemptions instead, one a line
//   - ids: of subscriptions; none for those in use
func report(ctx context.Context, w io.Writer, credential azcore.TokenCredential, options *armsecops.ClientOptions, stale bool, ids ...string) error {
	factory, err := armsecops.NewClientFactory(credential, options)
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		if ids, err = subscriptions(ctx, credential, &options.ClientOptions); err != nil {
			return err
		}
	}
	if len(ids) == 0 {
		return errors.New("the identity sees no subscription that is in use")
	}
	names, namesErr := recommendations(ctx, factory.NewAssessmentsMetadataClient(), ids...)
	client := factory.NewExemptionsClient()
	current := client.ListAcrossSubscriptions(ctx, ids, &armsecops.ExemptionsClientListAcrossSubscriptionsOptions{IncludeInherited: true})
	// Whether these lists have the standard assignments of single resources and of management
	// groups isn't documented. The index of the whole tenant has them.
	tenant := client.NewListPager(&armsecops.ExemptionsClientListOptions{Kinds: []armsecops.ExemptionKind{armsecops.ExemptionKindStandardAssignment}}).All(ctx)
	index := func(yield func(armsecops.Exemption, error) bool) {
		for e, err := range tenant {
			isOf := func(id string) bool { return strings.EqualFold(id, e.SubscriptionID) }
			if (e.SubscriptionID == "" || slices.ContainsFunc(ids, isOf)) && !yield(e, err) {
				return
			}
		}
	}
	rows, rowsErr := inventory(ctx, client, current, index, &policies{credential: credential, options: &options.ClientOptions}, names)
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
		return errors.Join(rowsErr, failed, err)
	}
	return errors.Join(namesErr, rowsErr, failed, csv.NewWriter(w).WriteAll(records))
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
