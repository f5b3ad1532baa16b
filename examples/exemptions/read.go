package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/command"
	"github.com/armsecops/armsecops/examples/internal/terminal"
)

// kinds are the kinds of exemptions by their names as flags, in the order of a listing.
var kinds = []struct {
	name string
	kind armsecops.ExemptionKind
}{
	{"policy", armsecops.ExemptionKindPolicyExemption},
	{"standard", armsecops.ExemptionKindStandardAssignment},
	{"assignment", armsecops.ExemptionKindAssignment},
}

// kindName returns the name of a kind as a flag.
func kindName(kind armsecops.ExemptionKind) string {
	for _, k := range kinds {
		if k.kind == kind {
			return k.name
		}
	}
	return string(kind)
}

// collect returns the exemptions that match the query, those that end first at the
// top, and an error that names what failed.
func (q query) collect(ctx context.Context, progress *terminal.Output) (found []armsecops.Exemption, err error) {
	if q.via == "graph" {
		found, err = q.queryGraph(ctx, progress)
	} else {
		found, err = q.list(ctx, progress, true)
	}
	if q.verify && (err == nil || errors.Is(err, armsecops.ErrForbidden)) { // which doesn't name the subscriptions
		err = errors.Join(err, q.check(ctx, progress))
	}
	found = slices.DeleteFunc(found, func(e armsecops.Exemption) bool { return !q.matches(e) })
	slices.SortFunc(found, func(a, b armsecops.Exemption) int {
		if a.ExpiresOn.IsZero() != b.ExpiresOn.IsZero() {
			return -a.ExpiresOn.Compare(b.ExpiresOn) // never comes last
		}
		return cmp.Or(a.ExpiresOn.Compare(b.ExpiresOn), cmp.Compare(strings.ToLower(a.ID), strings.ToLower(b.ID)))
	})
	return found, err
}

func (q query) matches(e armsecops.Exemption) bool {
	return (q.expiresBefore.IsZero() || e.ExpiresBefore(q.expiresBefore)) &&
		(q.category == "" || e.Category.Is(q.category)) &&
		!(q.active && e.ExpiresBefore(q.now)) && !(q.endless && !e.ExpiresOn.IsZero()) &&
		(q.effect == "" || effectOf(e).Is(q.effect))
}

// effectOf returns the effect of the assignment.
func effectOf(e armsecops.Exemption) armsecops.Effect {
	properties := struct{ Effect armsecops.Effect }{armsecops.EffectExempt} // which policy exemptions don't say
	_ = json.Unmarshal(e.Properties, &properties)
	return properties.Effect
}

// asks reports whether the query is for a kind.
func (q query) asks(kind armsecops.ExemptionKind) bool {
	onlyExempt := kind == armsecops.ExemptionKindPolicyExemption // has no other effect
	return (q.kind == "all" || q.kind == kindName(kind)) && !(onlyExempt && q.effect != "" && !q.effect.Is(armsecops.EffectExempt))
}

// options returns what the query asks Azure Resource Graph for.
func (q query) options() armsecops.ExemptionsClientListOptions {
	options := armsecops.ExemptionsClientListOptions{
		SubscriptionIDs: q.subscriptions, ManagementGroups: q.managementGroups, ExpiresBefore: q.expiresBefore, IncludeInherited: q.inherited,
	}
	for _, k := range kinds {
		if q.asks(k.kind) {
			options.Kinds = append(options.Kinds, k.kind)
		}
	}
	return options
}

// queryGraph queries Azure Resource Graph, a kind after the other: one that fails doesn't
// keep the others from being found, unless they would fail for the same reason.
func (q query) queryGraph(ctx context.Context, progress *terminal.Output) (found []armsecops.Exemption, err error) {
	progress.Status("querying")
	options := q.options()
	for _, kind := range options.Kinds {
		show := func(rows, total int) bool {
			progress.Status(fmt.Sprintf("%s: %d of %s", kindName(kind), rows, command.Count(max(rows, total), "row")))
			return true
		}
		assignments := &armsecops.ResourceGraphOptions{SubscriptionIDs: q.subscriptions, ManagementGroups: q.managementGroups}
		if q.effect != "" {
			assignments.Where = "properties.effect =~ '" + string(q.effect) + "'"
		}
		var rows []armsecops.Exemption
		var failure error
		switch {
		case kind == armsecops.ExemptionKindPolicyExemption, q.effect.Is(armsecops.EffectExempt):
			one := options
			one.Kinds = []armsecops.ExemptionKind{kind}
			rows, failure = read(ctx, q.factory.NewExemptionsClient().NewListPager(&one), same, show)
		case kind == armsecops.ExemptionKindStandardAssignment:
			rows, failure = read(ctx, q.factory.NewStandardAssignmentsClient().NewResourceGraphPager(assignments), fromStandardAssignment, show)
		default:
			client, err := q.factory.NewSecurityAssignmentsClient("") // a query names its own subscriptions
			if err != nil {
				return nil, err
			}
			rows, failure = read(ctx, client.NewResourceGraphPager(assignments), fromAssignment, show)
		}
		found = append(found, rows...)
		if failure == nil {
			continue
		}
		err = errors.Join(err, q.ofKind(kind, failure))
		if errors.Is(failure, armsecops.ErrCredential) || armsecops.HasCode(failure, armsecops.CodeNoValidSubscriptionsInQueryRequest) || ctx.Err() != nil {
			break
		}
	}
	return found, err
}

// ofKind returns the error of a query for a kind, with the kind. A failed sign-in has
// none, nor has a query that finds nothing to look into, which the service says in
// words for its support.
func (q query) ofKind(kind armsecops.ExemptionKind, err error) error {
	switch {
	case errors.Is(err, armsecops.ErrCredential):
		return err
	case errors.Is(err, context.Canceled):
		return errInterrupted
	case armsecops.HasCode(err, armsecops.CodeNoValidSubscriptionsInQueryRequest):
		what := "no subscription"
		if len(q.subscriptions) > 0 {
			what = "none of the given subscriptions, or they don't exist"
		} else if len(q.managementGroups) > 0 {
			what = "none of the given management groups, or they don't exist"
		}
		return fmt.Errorf("the identity can read %s: %w", what, err)
	case q.kind != "all":
		return fmt.Errorf("-kind %s: %w", kindName(kind), err)
	}
	return fmt.Errorf("exemptions of kind %s: %w", kindName(kind), err)
}

// read returns the exemptions that a pager yields, before an error too.
//   - more: called after each page with the rows so far and the total, if it is
//     known; reports whether to read another page
func read[T any](
	ctx context.Context, pager *armsecops.Pager[T], convert func(T) armsecops.Exemption, more func(rows, total int) bool,
) (found []armsecops.Exemption, err error) {
	for page, err := range pager.Pages(ctx) {
		if err != nil {
			return found, err
		}
		for _, item := range page.Value {
			found = append(found, convert(item))
		}
		total := 0
		_ = json.Unmarshal(page.AdditionalProperties["totalRecords"], &total) // only shown
		if !more(len(found), total) {
			break
		}
	}
	return found, nil
}

// list lists each subscription or management group, and returns the exemptions and
// an error that names those that failed.
//   - all: all pages, or else the first of each kind
func (q query) list(ctx context.Context, progress *terminal.Output, all bool) ([]armsecops.Exemption, error) {
	var scopes []string
	for _, id := range q.subscriptions {
		scopes = append(scopes, "/subscriptions/"+id)
	}
	for _, name := range q.managementGroups {
		scopes = append(scopes, managementGroups+name)
	}
	noun := "subscription"
	if len(q.managementGroups) > 0 {
		noun = "management group"
	}
	return survey(ctx, progress, noun, scopes, func(ctx context.Context, scope string) ([]armsecops.Exemption, error) {
		return q.listScope(ctx, scope, all)
	})
}

// listScope lists the kinds of a scope that the query asks for. It returns what it
// found with an error, too, which names the kinds that failed and is that of the first.
func (q query) listScope(ctx context.Context, scope string, all bool) (found []armsecops.Exemption, err error) {
	subscriptionID, isSubscription := strings.CutPrefix(scope, "/subscriptions/")
	more := func(int, int) bool { return all }
	var failed []string
	var first error
	for _, kind := range q.options().Kinds {
		var rows []armsecops.Exemption
		var failure error
		switch {
		case kind == armsecops.ExemptionKindPolicyExemption:
			rows, failure = read(ctx, q.factory.NewPolicyExemptionsClient().NewListPager(scope, nil), fromPolicyExemption, more)
		case kind == armsecops.ExemptionKindStandardAssignment:
			rows, failure = read(ctx, q.factory.NewStandardAssignmentsClient().NewListPager(scope, nil), fromStandardAssignment, more)
		case isSubscription: // which all assignments of 2021 are in
			var client *armsecops.SecurityAssignmentsClient
			if client, failure = q.factory.NewSecurityAssignmentsClient(subscriptionID); failure == nil {
				rows, failure = read(ctx, client.NewListBySubscriptionPager(nil), fromAssignment, more)
			}
		}
		if isSubscription && !q.inherited {
			rows = slices.DeleteFunc(rows, func(e armsecops.Exemption) bool { return e.SubscriptionID == "" })
		}
		found = append(found, rows...)
		if errors.Is(failure, armsecops.ErrCredential) { // which is the same for all
			return found, failure
		}
		if failure != nil {
			failed, first = append(failed, kindName(kind)), cmp.Or(first, failure)
		}
	}
	if failed != nil {
		err = fmt.Errorf("exemptions of kind %s: %w", command.Join(failed, "and"), first)
	}
	return found, err
}

// check lists a page of each subscription and kind that the query asks for, and
// returns an error that names those that failed.
func (q query) check(ctx context.Context, progress *terminal.Output) error {
	if len(q.subscriptions) == 0 {
		q.subscriptions, q.managementGroups = tenantSubscriptionIDs(), nil
	}
	_, err := q.list(ctx, progress, false)
	return err
}

// survey returns the exemptions that a function finds in each of several scopes,
// each once, and an error with a line for each scope that failed. It only counts the
// ones that the context ended.
//   - noun: what a scope is
func survey(
	ctx context.Context, progress *terminal.Output, noun string, scopes []string,
	find func(ctx context.Context, scope string) ([]armsecops.Exemption, error),
) (found []armsecops.Exemption, err error) {
	done, unfinished, failures := 0, 0, []error{}
	seen := map[string]bool{} // ids in lower case
	for scope, result := range each(ctx, scopes, find) {
		for _, e := range result.value {
			if id := strings.ToLower(e.ID); !seen[id] {
				seen[id] = true
				found = append(found, e)
			}
		}
		switch {
		case result.err == nil:
		case errors.Is(result.err, armsecops.ErrCredential): // which is the same for all
			return found, result.err
		case ctx.Err() != nil && errors.Is(result.err, ctx.Err()):
			unfinished++
		default:
			failures = append(failures, fmt.Errorf("  %s %s: %w", noun, terminal.Printable(lastSegment(scope)), result.err))
		}
		done++
		progress.Status(fmt.Sprintf("%d of %s, %d failed, %s",
			done, command.Count(len(scopes), noun), len(failures)+unfinished, command.Count(len(found), "row")))
	}
	if len(failures) > 0 {
		err = fmt.Errorf("%d of %s failed:\n%w", len(failures), command.Count(len(scopes), noun), errors.Join(failures...))
	}
	if unfinished > 0 {
		err = errors.Join(err, fmt.Errorf("%w: %d of %s not finished", errInterrupted, unfinished, command.Count(len(scopes), noun)))
	}
	return found, err
}
