package armsecops

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/armsecops/armsecops/internal/exchange"
	"github.com/armsecops/armsecops/internal/fanout"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/wire"
)

const (
	defaultConcurrency = 8
	managementGroups   = "/providers/Microsoft.Management/managementGroups"

	listExemptionsAcross = "ExemptionsClient.ListAcrossSubscriptions" // the operation
)

// ListAcrossSubscriptions lists the assignments of many subscriptions, some at a
// time: what [SecurityAssignmentsClient.NewListBySubscriptionPager] lists of each.
//   - subscriptionIDs: UUIDs; none lists nothing
//   - options: nil for the defaults; [ListAcrossSubscriptionsOptions] says what order the items have, what errors come, and how to resume
//
// The client may be one without a subscription, of
// [ClientFactory.NewSecurityAssignmentsClient]. For more than some dozens of
// subscriptions, [SecurityAssignmentsClient.NewResourceGraphPager] takes far fewer
// requests.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assignments/list-by-subscription
func (c *SecurityAssignmentsClient) ListAcrossSubscriptions(ctx context.Context, subscriptionIDs []string, options *ListAcrossSubscriptionsOptions) iter.Seq2[Assignment, error] {
	return listAcross[Assignment](ctx, c.client, "SecurityAssignmentsClient.ListAcrossSubscriptions", routes.AssignmentsListBySubscription, subscriptionIDs, options)
}

// ListAcrossSubscriptions lists the policy exemptions of many subscriptions, some at a
// time: what [PolicyExemptionsClient.NewListPager] lists of each. One that several of
// them inherit from a management group comes once for each.
//   - subscriptionIDs: UUIDs; none lists nothing
//   - options: nil for the defaults; [ListAcrossSubscriptionsOptions] says what order the items have, what errors come, and how to resume
//
// REST: https://learn.microsoft.com/rest/api/policy/policy-exemptions/list
func (c *PolicyExemptionsClient) ListAcrossSubscriptions(ctx context.Context, subscriptionIDs []string, options *ListAcrossSubscriptionsOptions) iter.Seq2[PolicyExemption, error] {
	return listAcross[PolicyExemption](ctx, c.client, "PolicyExemptionsClient.ListAcrossSubscriptions", routes.PolicyExemptions.List, subscriptionIDs, options)
}

// ListAcrossSubscriptions lists the standard assignments of many subscriptions, some at
// a time: what [StandardAssignmentsClient.NewListPager] lists of each, audits and
// attestations among them. Whether those of resource groups and single resources are among
// them isn't documented; [StandardAssignmentsClient.NewResourceGraphPager] has them.
//   - subscriptionIDs: UUIDs; none lists nothing
//   - options: nil for the defaults; [ListAcrossSubscriptionsOptions] says what order the items have, what errors come, and how to resume
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/standard-assignments/list
func (c *StandardAssignmentsClient) ListAcrossSubscriptions(ctx context.Context, subscriptionIDs []string, options *ListAcrossSubscriptionsOptions) iter.Seq2[StandardAssignment, error] {
	return listAcross[StandardAssignment](ctx, c.client, "StandardAssignmentsClient.ListAcrossSubscriptions", routes.StandardAssignments.List, subscriptionIDs, options)
}

// ListAcrossSubscriptions lists the security standards of many subscriptions, some at a
// time: what [SecurityStandardsClient.NewListPager] lists of each, which are those that the
// service considers relevant. A standard that is relevant for several of them, such as a
// built-in one, comes once for each. Whether those of management groups are among them isn't
// documented.
//   - subscriptionIDs: UUIDs; none lists nothing
//   - options: nil for the defaults; [ListAcrossSubscriptionsOptions] says what order the items have, what errors come, and how to resume
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/security-standards/list
func (c *SecurityStandardsClient) ListAcrossSubscriptions(ctx context.Context, subscriptionIDs []string, options *ListAcrossSubscriptionsOptions) iter.Seq2[SecurityStandard, error] {
	return listAcross[SecurityStandard](ctx, c.client, "SecurityStandardsClient.ListAcrossSubscriptions", routes.SecurityStandards.List, subscriptionIDs, options)
}

// ListAcrossSubscriptions lists the metadata of the assessments of many subscriptions, some
// at a time: what [AssessmentsMetadataClient.NewListBySubscriptionPager] lists of each. A
// built-in recommendation comes once for each subscription. The documented ids have no
// subscription: to know which one an item is of, use NewListBySubscriptionPager.
//   - subscriptionIDs: UUIDs; none lists nothing
//   - options: nil for the defaults; [ListAcrossSubscriptionsOptions] says what order the items have, what errors come, and how to resume
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assessments-metadata/list-by-subscription
func (c *AssessmentsMetadataClient) ListAcrossSubscriptions(ctx context.Context, subscriptionIDs []string, options *ListAcrossSubscriptionsOptions) iter.Seq2[AssessmentMetadata, error] {
	return listAcross[AssessmentMetadata](ctx, c.client, "AssessmentsMetadataClient.ListAcrossSubscriptions", routes.AssessmentsMetadataListBySubscription, subscriptionIDs, options)
}

// ListAcrossSubscriptions lists the exemptions of many subscriptions as they are now, from all
// three places, some subscriptions at a time. Each exemption comes once. It has:
//
//   - What the lists of the subscriptions have, to the second. Among them are the policy
//     exemptions of the management groups above.
//   - The standard assignments that these lists lack, unless ListsOnly is set: whether they have
//     those of resource groups and single resources isn't documented. A query of Azure Resource
//     Graph finds them, and each is got. Among them are those of the management groups above,
//     or of all groups, where Azure Resource Graph doesn't say which are above.
//
// The SubscriptionID of an exemption of a management group is empty.
//
// [ExemptionsClient.NewListPager] takes far fewer requests. Give the context a deadline: it is
// what ends the listing of a service that never ends its pages.
//   - subscriptionIDs: UUIDs, at least one; one that is there twice, ignoring case, is listed once
//   - options: nil for the defaults
//
// What was yielded before an error is valid. Without an error, the listing is complete, except
// that Azure Resource Graph has no row yet for a new standard assignment, and none for what the
// identity may not read there, such as one of a management group. These errors come:
//
//   - A [*SubscriptionError] for each kind of a subscription that can't be listed. The other
//     kinds and subscriptions continue: a role may allow one kind and not the other. What the
//     query would add of that subscription is left out, too. To repeat what failed, list these
//     subscriptions again, by Kinds: there are no tokens to resume.
//   - One without a Kind for a subscription that isn't finished when the context ends, and for
//     an id that is no UUID, whose Err is a [*ParameterError].
//   - One for each exemption that the query found and that couldn't be got, after those of the lists.
//   - One without a SubscriptionID for the query, and for exemptions of management groups that
//     couldn't be got, last: only what the query adds is incomplete then. So it is where the
//     context ends before the query, unless no subscription is finished. List the standard
//     assignments of all subscriptions again.
//   - Another error concerns all, and is the last: [ErrCredential], unless the token lacks claims
//     that only one of the subscriptions asks for, or a [*ParameterError] for an invalid
//     option or no subscription.
//
// The exemptions come as their pages arrive, those of different subscriptions mixed. Of one,
// those of Azure Policy come first, then those of Defender's standards, then Defender's
// assignments of 2021, each in the service's order; what the query adds is last. In memory are
// the ids of all exemptions, and no more pages than subscriptions are listed at a time.
// Breaking out of the loop ends all requests and goroutines before the loop is left.
//
// REST: the pages of [PolicyExemptionsClient.NewListPager], [StandardAssignmentsClient.NewListPager]
// and [SecurityAssignmentsClient.NewListBySubscriptionPager]; unless ListsOnly is set, also of
// [ExemptionsClient.NewListPager] and [StandardAssignmentsClient.Get]
func (c *ExemptionsClient) ListAcrossSubscriptions(
	ctx context.Context, subscriptionIDs []string, options *ExemptionsClientListAcrossSubscriptionsOptions,
) iter.Seq2[Exemption, error] {
	const name = listExemptionsAcross
	var o ExemptionsClientListAcrossSubscriptionsOptions
	if options != nil {
		o = *options
	}
	shared := ExemptionsClientListOptions{Kinds: slices.Clone(o.Kinds), ExpiresBefore: o.ExpiresBefore}
	err := shared.check()
	if len(subscriptionIDs) == 0 {
		err = cmp.Or[error](err, &ParameterError{Name: "subscriptionIDs", Reason: "must not be empty: NewListPager lists a whole tenant"})
	}
	var lists []*routes.Route
	kindOf := map[string]ExemptionKind{} // by operation
	for _, k := range exemptionKinds {
		if shared.asks(k.kind) {
			lists = append(lists, k.list)
			kindOf[k.list.Operation] = k.kind
		}
	}
	list := listEach[exemptionItem](c.client, name, subscriptionIDs, &ListAcrossSubscriptionsOptions{Concurrency: o.Concurrency}, lists...)
	subscriptionIDs = slices.DeleteFunc(slices.Clone(subscriptionIDs), func(id string) bool { return routes.CheckSubscription(id) != "" })
	return underSpan(ctx, c.client, name, routes.PolicyExemptions.List, func(ctx context.Context) iter.Seq2[Exemption, error] {
		return func(yield func(Exemption, error) bool) {
			if err != nil {
				yield(Exemption{}, withOperation(name, err))
				return
			}
			seen := map[string]bool{"": true} // the exemptions so far, by id in lower case; what isn't one has none
			wanted := func(e Exemption) bool {
				id := strings.ToLower(e.ID)
				again := seen[id]
				seen[id] = true
				return !again && (o.ExpiresBefore.IsZero() || e.ExpiresBefore(o.ExpiresBefore))
			}
			unread := map[string]bool{} // the subscriptions whose standard assignments couldn't be listed, in lower case
			ended := false
			for item, err := range list(ctx) {
				failed, ofOne := err.(*SubscriptionError)
				if ofOne {
					failed.Kind = kindOf[failed.Operation]
					if failed.Kind == ExemptionKindStandardAssignment {
						unread[strings.ToLower(failed.SubscriptionID)] = true
					}
					if rule := routes.CheckSubscription(failed.SubscriptionID); rule != "" {
						failed.Kind, failed.Operation, failed.Err = "", name, withOperation(name, invalid("subscriptionID", failed.SubscriptionID, rule))
					} else if endedBy(ctx, err) {
						failed.Kind, ended, unread[strings.ToLower(failed.SubscriptionID)] = "", true, true
					}
				}
				if (err != nil || wanted(item.Exemption)) && !yield(item.Exemption, err) {
					return
				}
				if err != nil && !ofOne {
					return
				}
			}
			read := slices.DeleteFunc(slices.Clone(subscriptionIDs), func(id string) bool { return unread[strings.ToLower(id)] })
			if len(read) == 0 || o.ListsOnly || !shared.asks(ExemptionKindStandardAssignment) {
				return
			}
			if ended { // of those that were listed, the query isn't done
				yield(Exemption{}, unlisted([]error{withOperation(routes.Exemptions.Operation, exchange.WithCause(ctx.Err(), ctx))}))
				return
			}
			for e, err := range c.listUnlisted(ctx, read, o.Concurrency, seen) {
				if (err != nil || wanted(e)) && !yield(e, err) {
					return
				}
			}
		}
	})
}

// endedBy reports whether an error is the end of the context.
func endedBy(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, ctx.Err())
}

// exemptionItem is an item of any of the three lists, read as an exemption; zero if it isn't one.
type exemptionItem struct{ Exemption }

// UnmarshalJSONFrom reads an item. The error names it.
func (r *exemptionItem) UnmarshalJSONFrom(d *jsontext.Decoder) (err error) {
	r.Exemption, err = decodeExemption(d, func(c exemptionColumns) bool {
		var properties exemptionProperties
		err := wire.Unmarshal(c.Properties, &properties)
		hasEffect := ExemptionKindStandardAssignment.Is(c.Type) || ExemptionKindAssignment.Is(c.Type)
		return err != nil || !wire.IsObject(c.Properties) || !hasEffect || properties.Effect.Is(EffectExempt)
	})
	return err
}

// listAcross lists many subscriptions with the requests of a route.
//   - name: the operation
func listAcross[T any](
	ctx context.Context, c client, name string, route *routes.Route, subscriptionIDs []string, options *ListAcrossSubscriptionsOptions,
) iter.Seq2[T, error] {
	return underSpan(ctx, c, name, route, listEach[T](c, name, subscriptionIDs, options, route))
}

// underSpan returns a listing below the span of an operation, which has the first error.
func underSpan[T any](ctx context.Context, c client, name string, route *routes.Route, list func(context.Context) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		if ctx == nil {
			yield(none, withOperation(name, errNilContext))
			return
		}
		ctx, endSpan := c.of("").startParentSpan(ctx, name, &call{route: route})
		var first error
		defer func() { endSpan(first) }()
		for item, err := range list(ctx) {
			first = cmp.Or(first, err)
			if !yield(item, err) {
				return
			}
		}
	}
}

// listEach returns the listing of many subscriptions, of each with the requests of one route
// after the other. It reads the subscriptions and options at once.
//   - name: the operation
func listEach[T any](
	c client, name string, subscriptionIDs []string, options *ListAcrossSubscriptionsOptions, lists ...*routes.Route,
) func(context.Context) iter.Seq2[T, error] {
	var o ListAcrossSubscriptionsOptions
	if options != nil {
		o = *options
	}
	if o.Concurrency == 0 {
		o.Concurrency = defaultConcurrency
	}
	listings, err := subscriptionListings(subscriptionIDs, o.ContinuationTokens)
	switch {
	case o.Concurrency < 0:
		err = invalid("Concurrency", strconv.Itoa(o.Concurrency), "must not be negative")
	case o.MaxPages < 0:
		err = invalid("MaxPages", strconv.Itoa(o.MaxPages), "must not be negative")
	}
	list := func(ctx context.Context, l subscriptionListing) iter.Seq[subscriptionPage[T]] {
		return func(yield func(subscriptionPage[T]) bool) {
			for _, route := range lists {
				pager := newSubscriptionPager[T](c, route, l.subscriptionID, PageOptions{ContinuationToken: l.token, MaxPages: o.MaxPages})
				for page := range listSubscription(ctx, l.subscriptionID, pager) {
					page.operation = route.Operation
					failsAlike := page.err != nil && (endedBy(ctx, page.err) || routes.CheckSubscription(l.subscriptionID) != "")
					if !yield(page) || failsAlike { // the other lists, too
						return
					}
				}
			}
		}
	}
	return func(ctx context.Context) iter.Seq2[T, error] {
		return func(yield func(T, error) bool) {
			var none T
			if err != nil {
				yield(none, withOperation(name, err))
				return
			}
			for page := range fanout.Merge(ctx, o.Concurrency, listings, list) {
				id := page.subscriptionID
				if failed := ofAll(ctx, page.err); failed != nil {
					yield(none, withOperation(name, failed))
					return
				}
				if page.err != nil {
					if !yield(none, &SubscriptionError{SubscriptionID: id, Operation: page.operation, Err: page.err, operation: name}) {
						return
					}
					continue
				}
				for i := range page.Value {
					if !yield(page.Value[i], nil) {
						return
					}
				}
				if o.Progress != nil {
					o.Progress(id, page.next)
				}
			}
		}
	}
}

// ofAll returns the error of a credential that would fail for all subscriptions; nil for another one.
func ofAll(ctx context.Context, err error) error {
	if failed, ok := errors.AsType[*credentialError](err); ok && !failed.claims && ctx.Err() == nil {
		return failed
	}
	return nil
}

// subscriptionListing is the listing of one subscription, and where it begins.
type subscriptionListing struct{ subscriptionID, token string }

// subscriptionListings returns what is left to list of the subscriptions, each
// of them once. It reads the tokens at once: Progress may write to the same map.
func subscriptionListings(subscriptionIDs []string, continuationTokens map[string]string) ([]subscriptionListing, error) {
	byID := make(map[string]string, len(continuationTokens))
	for id, token := range continuationTokens {
		key := strings.ToLower(id)
		if rule := routes.CheckSubscription(id); rule != "" {
			return nil, invalid("ContinuationTokens", id, "is no subscription: it "+rule)
		}
		if _, twice := byID[key]; twice {
			return nil, invalid("ContinuationTokens", key, "must not have two tokens for one subscription")
		}
		byID[key] = token
	}
	seen := make(map[string]bool, len(subscriptionIDs))
	var left []subscriptionListing
	for _, id := range subscriptionIDs {
		key := strings.ToLower(id)
		token, known := byID[key]
		if finished := known && token == ""; !finished && !seen[key] {
			left = append(left, subscriptionListing{id, token})
		}
		seen[key] = true
	}
	return left, nil
}

// newSubscriptionPager lists one subscription, which is a parameter of the route or its scope.
func newSubscriptionPager[T any](c client, route *routes.Route, subscriptionID string, options PageOptions) *Pager[T] {
	if !route.OfScope() {
		return newListPager[T](c.of(subscriptionID), call{route: route}, options)
	}
	p := newListPager[T](c, call{route: route, values: pathValues{"/subscriptions/" + subscriptionID}}, options)
	if rule := routes.CheckSubscription(subscriptionID); rule != "" {
		p.refuse(invalid("subscriptionID", subscriptionID, rule))
	}
	return p
}

// subscriptionPage is a page of a subscription, or the error in its place.
type subscriptionPage[T any] struct {
	Page[T]
	subscriptionID string
	next           string // continuation token of the page after it
	err            error
	operation      string
}

// listSubscription yields the pages of one subscription, up to the end, an error or the bound.
func listSubscription[T any](ctx context.Context, subscriptionID string, pager *Pager[T]) iter.Seq[subscriptionPage[T]] {
	return func(yield func(subscriptionPage[T]) bool) {
		var response *http.Response // rather than the variable of the caller's policy.WithCaptureResponse, at the same time
		ctx := policy.WithCaptureResponse(ctx, &response)
		for pager.More() {
			page, err := pager.NextPage(ctx)
			if !yield(subscriptionPage[T]{Page: page, subscriptionID: subscriptionID, next: pager.ContinuationToken(), err: err}) {
				return
			}
		}
	}
}

// SecurityAssignmentsClientListAcrossSubscriptionsOptions is [ListAcrossSubscriptionsOptions].
type SecurityAssignmentsClientListAcrossSubscriptionsOptions = ListAcrossSubscriptionsOptions

// ListAcrossSubscriptionsOptions holds the optional parameters of the listings of many
// subscriptions, such as [PolicyExemptionsClient.ListAcrossSubscriptions].
//
// A subscription that is there twice, ignoring case, is listed once. A listing of no
// subscriptions has no items, unlike a query of Azure Resource Graph, which has all.
//
// The items come as their pages arrive: those of one subscription in the service's order,
// those of different ones mixed. No more pages are in memory than subscriptions are listed
// at a time. Breaking out of the loop ends all requests and goroutines before the loop is
// left.
//
// A subscription that fails yields one [*SubscriptionError], and the others continue. An
// id that is no UUID fails so, too, with a [*ParameterError]. When the context ends, every
// subscription that isn't finished yields one. An error that concerns all of them is
// yielded once, and last: a [*ParameterError] for an invalid option, or [ErrCredential],
// unless the token lacks claims that only one of the subscriptions asks for.
//
// To resume a listing that ended early, in another process if need be, give the tokens
// that Progress was called with, or that errors carried, and the same subscriptions.
type ListAcrossSubscriptionsOptions struct {
	// Concurrency is the number of subscriptions that are listed at a time, and
	// the bound on the pages in memory. 0 means 8, and a negative number is a
	// [*ParameterError].
	Concurrency int

	// MaxPages bounds the number of pages that are read of each subscription. 0
	// means no bound, and a negative number is a [*ParameterError]. A subscription
	// that has more pages ends there without an error, and Progress has its token to
	// resume.
	MaxPages int

	// ContinuationTokens resumes a listing that ended early. It holds the tokens
	// that Progress was called with, or that errors carried, by subscription id,
	// ignoring case. A subscription without a token is listed from the start, one
	// with the token "" is finished. The token of a subscription that isn't listed is
	// ignored. The map is copied at once.
	ContinuationTokens map[string]string

	// Progress, if not nil, is called after the last item of every page with the
	// token of the subscription's next page, or "" if the subscription is
	// finished. It is called in the goroutine of the loop.
	Progress func(subscriptionID, continuationToken string)
}

// ExemptionsClientListAcrossSubscriptionsOptions holds the optional parameters of
// [ExemptionsClient.ListAcrossSubscriptions].
type ExemptionsClientListAcrossSubscriptionsOptions struct {
	// Kinds are the places to list, ignoring case and order; none means all three. A
	// kind that isn't listed costs no request, and an unknown one is a [*ParameterError].
	Kinds []ExemptionKind

	// ExpiresBefore leaves out the exemptions that end at this time or later, and those
	// that never end. Those that have ended are listed until someone deletes them. The
	// zero time means all. The library filters them: all are requested.
	ExpiresBefore time.Time

	// ListsOnly leaves out the standard assignments that only Azure Resource Graph has, such
	// as those of resource groups and single resources: the listing may be incomplete. It
	// saves the queries, and a request for each of these. Otherwise, they come after all others,
	// each as Get returns it now, or as the query has it if its id is none of an exemption,
	// as in a documented sample.
	ListsOnly bool

	// Concurrency is the number of subscriptions that are listed at a time, and
	// the bound on the pages in memory. 0 means 8, and a negative number is a
	// [*ParameterError].
	Concurrency int
}

// SubscriptionError is one subscription that failed in a listing across subscriptions. That of
// [ExemptionsClient] also has one for an exemption that couldn't be got, whose Operation is
// "StandardAssignmentsClient.Get" and whose id is in the text of Err.
type SubscriptionError struct {
	// SubscriptionID is the id of the subscription, as the caller wrote it. It is empty for the
	// query of [ExemptionsClient.ListAcrossSubscriptions], and for exemptions of management
	// groups that couldn't be got: the lists are complete then, and what they lack is not.
	SubscriptionID string

	// Kind is the kind of exemptions that can't be listed: list again what failed by its
	// Kinds. It is empty unless the listing is [ExemptionsClient]'s, and for what concerns all
	// kinds: the end of the context, and an id that is no UUID.
	Kind ExemptionKind

	// Operation is the client's method whose request failed, as in
	// "PolicyExemptionsClient.NewListPager". It is the listing of [ExemptionsClient] itself
	// for an id that is no UUID.
	Operation string

	// Err is why it failed. If it is a [*PageError], its ContinuationToken goes into the
	// options of the listing that resumes, unless that is [ExemptionsClient]'s, which has
	// no tokens.
	Err error

	operation string // the listing across subscriptions
}

// Error returns the subscription and why it failed, in one line of bounded length.
func (e *SubscriptionError) Error() string {
	of := "subscription " + line(e.SubscriptionID)
	if e.SubscriptionID == "" {
		of = "what the lists of the subscriptions lack"
	}
	return bounded(of + ": " + fmt.Sprint(e.Err))
}

// Unwrap returns Err.
func (e *SubscriptionError) Unwrap() error { return e.Err }
