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
		found, err = q.list(ctx, progress)
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
		!(q.active && e.ExpiresBefore(q.now)) &&
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

// queryGraph queries Azure Resource Graph, a kind after the other: one that is
// incomplete doesn't keep the others from being found.
func (q query) queryGraph(ctx context.Context, progress *terminal.Output) (found []armsecops.Exemption, err error) {
	progress.Status("querying")
	options := q.options()
	for _, kind := range options.Kinds {
		show := func(rows, total int) {
			progress.Status(fmt.Sprintf("%s: %d of %s", kindName(kind), rows, command.Count(max(rows, total), "row")))
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
		if !errors.Is(failure, armsecops.ErrIncompleteResult) {
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
//   - show: called with the rows so far and the total, if it is known
func read[T any](
	ctx context.Context, pager *armsecops.Pager[T], convert func(T) armsecops.Exemption, show func(rows, total int),
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
		show(len(found), total)
	}
	return found, nil
}

// list lists each subscription or management group, and returns the exemptions and
// an error that names those that failed.
func (q query) list(ctx context.Context, progress *terminal.Output) ([]armsecops.Exemption, error) {
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
	return survey(ctx, progress, noun, scopes, q.listScope)
}

// listScope lists all kinds of a scope. It returns what it found with an error, too,
// which is the first one.
func (q query) listScope(ctx context.Context, scope string) (found []armsecops.Exemption, failure error) {
	subscriptionID, isSubscription := strings.CutPrefix(scope, "/subscriptions/")
	quiet := func(int, int) {}
	for _, kind := range q.options().Kinds {
		var rows []armsecops.Exemption
		var err error
		switch {
		case kind == armsecops.ExemptionKindPolicyExemption:
			rows, err = read(ctx, q.factory.NewPolicyExemptionsClient().NewListPager(scope, nil), fromPolicyExemption, quiet)
		case kind == armsecops.ExemptionKindStandardAssignment:
			rows, err = read(ctx, q.factory.NewStandardAssignmentsClient().NewListPager(scope, nil), fromStandardAssignment, quiet)
		case isSubscription: // which all assignments of 2021 are in
			var client *armsecops.SecurityAssignmentsClient
			if client, err = q.factory.NewSecurityAssignmentsClient(subscriptionID); err == nil {
				rows, err = read(ctx, client.NewListBySubscriptionPager(nil), fromAssignment, quiet)
			}
		}
		found = append(found, rows...)
		failure = cmp.Or(failure, err)
	}
	if isSubscription && !q.inherited {
		found = slices.DeleteFunc(found, func(e armsecops.Exemption) bool { return e.SubscriptionID == "" })
	}
	return found, failure
}

// check lists a page of each subscription, and returns an error that names those
// that failed.
func (q query) check(ctx context.Context, progress *terminal.Output) error {
	ids := q.subscriptions
	if len(ids) == 0 {
		ids = tenantSubscriptionIDs()
	}
	_, err := survey(ctx, progress, "subscription", ids, func(ctx context.Context, id string) ([]armsecops.Exemption, error) {
		client, err := q.factory.NewSecurityAssignmentsClient(id)
		if err == nil {
			_, err = client.NewListBySubscriptionPager(nil).NextPage(ctx)
		}
		return nil, err
	})
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
	for scope, result := range each(ctx, scopes, find) {
		found = append(found, result.value...)
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
	found = distinct(found, func(e armsecops.Exemption) string { return strings.ToLower(e.ID) })
	if len(failures) > 0 {
		err = fmt.Errorf("%d of %s failed:\n%w", len(failures), command.Count(len(scopes), noun), errors.Join(failures...))
	}
	if unfinished > 0 {
		err = errors.Join(err, fmt.Errorf("%w: %d of %s not finished", errInterrupted, unfinished, command.Count(len(scopes), noun)))
	}
	return found, err
}
