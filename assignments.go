package armsecops

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/armsecops/armsecops/internal/fanout"
	"github.com/armsecops/armsecops/internal/routes"
)

// SecurityAssignmentsClient reads and writes the assignments of security
// standards, and the exemptions from them, that are Microsoft.Security/assignments
// in Microsoft Defender for Cloud, api-version 2021-08-01-preview. The package
// documentation says where other exemptions are. It is safe for concurrent use.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assignments
type SecurityAssignmentsClient struct {
	client
}

// NewSecurityAssignmentsClient returns a client for the assignments of one subscription.
//   - subscriptionID: a UUID
//   - credential: an azidentity credential, or the TokenCredential of azcore/fake in a test
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError].
func NewSecurityAssignmentsClient(subscriptionID string, credential azcore.TokenCredential, options *ClientOptions) (*SecurityAssignmentsClient, error) {
	if err := checkSubscription(subscriptionID); err != nil {
		return nil, err
	}
	f, err := newFactory(credential, options)
	if err != nil {
		return nil, err
	}
	return f.NewSecurityAssignmentsClient(subscriptionID)
}

// WithSubscription returns a client for another subscription that shares this
// one's pipeline and token cache.
//   - subscriptionID: a UUID; another value is a [*ParameterError]
func (c *SecurityAssignmentsClient) WithSubscription(subscriptionID string) (*SecurityAssignmentsClient, error) {
	other, err := c.withSubscription(subscriptionID)
	if err != nil {
		return nil, err
	}
	return &SecurityAssignmentsClient{other}, nil
}

// Get returns an assignment.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - assignmentID: the assignment's name, without /, ? and #
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success a
// [*CloudError]; it is [ErrNotFound] if there is no such assignment.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assignments/get
func (c *SecurityAssignmentsClient) Get(ctx context.Context, resourceGroupName, assignmentID string, options *SecurityAssignmentsClientGetOptions) (SecurityAssignmentsClientGetResponse, error) {
	return run[SecurityAssignmentsClientGetResponse](ctx, c.client, call{
		route:  routes.AssignmentsGet,
		values: pathValues{resourceGroupName, assignmentID},
	})
}

// CreateOrUpdate creates an assignment, or replaces the one of that name. To
// change one, get it, change the fields in question and put it back: members
// that this version doesn't know are kept. A row of Azure Resource Graph isn't for
// that: it lacks the ETag, and may be minutes old.
//
// To put a copy under another name, clear its ID, Name, Type, ETag and SystemData
// first: Azure refuses the name of another resource, and a top-level member of
// AdditionalProperties that the resource doesn't have.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - assignmentID: the assignment's name, without /, ? and #
//   - assignment: all of the assignment
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success a
// [*CloudError]. The call is repeated if a response is lost; it leaves the same
// assignment however often it is carried out.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assignments/create-or-update
func (c *SecurityAssignmentsClient) CreateOrUpdate(ctx context.Context, resourceGroupName, assignmentID string, assignment Assignment, options *SecurityAssignmentsClientCreateOrUpdateOptions) (SecurityAssignmentsClientCreateOrUpdateResponse, error) {
	return run[SecurityAssignmentsClientCreateOrUpdateResponse](ctx, c.client, call{
		route:     routes.AssignmentsCreateOrUpdate,
		values:    pathValues{resourceGroupName, assignmentID},
		parameter: "assignment",
		body:      &assignment,
	})
}

// Delete deletes an assignment. Deleting one that doesn't exist is success if
// the service says 204; it is [ErrNotFound] if the service says 404.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - assignmentID: the assignment's name, without /, ? and #
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success a
// [*CloudError].
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assignments/delete
func (c *SecurityAssignmentsClient) Delete(ctx context.Context, resourceGroupName, assignmentID string, options *SecurityAssignmentsClientDeleteOptions) (SecurityAssignmentsClientDeleteResponse, error) {
	return run[SecurityAssignmentsClientDeleteResponse](ctx, c.client, call{
		route:  routes.AssignmentsDelete,
		values: pathValues{resourceGroupName, assignmentID},
	})
}

// NewListPager lists the assignments of a resource group.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - options: nil for the defaults
//
// Nothing is sent before the first page is read. See [Pager] for how to read it
// and for its errors; those of the service are [*CloudError].
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assignments/list
func (c *SecurityAssignmentsClient) NewListPager(resourceGroupName string, options *SecurityAssignmentsClientListOptions) *Pager[Assignment] {
	if options == nil {
		options = &SecurityAssignmentsClientListOptions{}
	}
	return newListPager[Assignment](c.client, call{
		route:  routes.AssignmentsList,
		values: pathValues{resourceGroupName},
	}, options.PageOptions)
}

// NewListBySubscriptionPager lists the assignments of the client's subscription.
//   - options: nil for the defaults
//
// Nothing is sent before the first page is read. See [Pager] for how to read it
// and for its errors; those of the service are [*CloudError].
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assignments/list-by-subscription
func (c *SecurityAssignmentsClient) NewListBySubscriptionPager(options *SecurityAssignmentsClientListBySubscriptionOptions) *Pager[Assignment] {
	if options == nil {
		options = &SecurityAssignmentsClientListBySubscriptionOptions{}
	}
	return newListPager[Assignment](c.client, call{route: routes.AssignmentsListBySubscription}, options.PageOptions)
}

const defaultConcurrency = 8

// ListAcrossSubscriptions lists the assignments of many subscriptions, some at a
// time. It yields the items as the pages arrive: those of one subscription in
// the service's order, those of different ones mixed.
//   - subscriptionIDs: UUIDs; one that is there twice, ignoring case, is listed once
//   - options: nil for the defaults
//
// The client may be one without a subscription; see [ClientFactory]. For more than
// some dozens of subscriptions, [SecurityAssignmentsClient.NewResourceGraphPager]
// takes far fewer requests; this listing is for what must be current to the second.
//
// A subscription that fails yields one [*SubscriptionError], and the others
// continue. When the context ends, every subscription that isn't finished yields
// one. An error that concerns all of them is yielded once, and last: a
// [*ParameterError] for an invalid option, or [ErrCredential], unless the token
// lacks claims that only one of the subscriptions asks for. Breaking out of
// the loop ends all requests and goroutines before the loop is left. No more
// pages are in memory than subscriptions are listed at a time.
//
// To resume a listing that ended early, in another process if need be, give the
// tokens that Progress was called with and the same subscriptions.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assignments/list-by-subscription
func (c *SecurityAssignmentsClient) ListAcrossSubscriptions(ctx context.Context, subscriptionIDs []string, options *SecurityAssignmentsClientListAcrossSubscriptionsOptions) iter.Seq2[SubscriptionAssignment, error] {
	var o SecurityAssignmentsClientListAcrossSubscriptionsOptions
	if options != nil {
		o = *options
	}
	if o.Concurrency == 0 {
		o.Concurrency = defaultConcurrency
	}
	listings, err := subscriptionListings(subscriptionIDs, o.ContinuationTokens)
	switch {
	case o.Concurrency < 0:
		err = &ParameterError{Name: "Concurrency", Reason: "must not be negative"}
	case o.MaxPages < 0:
		err = &ParameterError{Name: "MaxPages", Reason: "must not be negative"}
	}
	list := func(ctx context.Context, l subscriptionListing) iter.Seq[subscriptionPage] {
		return c.listSubscription(ctx, l, o.MaxPages)
	}
	return func(yield func(SubscriptionAssignment, error) bool) {
		const name = "SecurityAssignmentsClient.ListAcrossSubscriptions"
		ctx, endSpan := c.startParentSpan(ctx, name, routes.AssignmentsListBySubscription)
		var first error
		defer func() { endSpan(first) }()
		if first = err; err != nil {
			yield(SubscriptionAssignment{}, err)
			return
		}
		for page := range fanout.Merge(ctx, o.Concurrency, listings, list) {
			id := page.subscriptionID
			if failed, ok := errors.AsType[*credentialError](page.err); ok && !failed.claims { // the others would fail, too
				err := withOperation(name, failed)
				first = cmp.Or(first, err)
				yield(SubscriptionAssignment{}, err)
				return
			}
			if page.err != nil {
				err := &SubscriptionError{id, page.err}
				first = cmp.Or(first, error(err))
				if !yield(SubscriptionAssignment{SubscriptionID: id}, err) {
					return
				}
				continue
			}
			for i := range page.Value {
				if !yield(SubscriptionAssignment{id, page.Value[i]}, nil) {
					return
				}
			}
			if o.Progress != nil {
				o.Progress(id, page.next)
			}
		}
	}
}

// subscriptionListing is the listing of one subscription, and where it begins.
type subscriptionListing struct{ subscriptionID, token string }

// subscriptionListings returns what is left to list of the subscriptions, each
// of them once. It reads the tokens at once: Progress may write to the same map.
func subscriptionListings(subscriptionIDs []string, continuationTokens map[string]string) ([]subscriptionListing, error) {
	tokens := make(map[string]string, len(continuationTokens))
	for id, token := range continuationTokens {
		key := strings.ToLower(id)
		if _, twice := tokens[key]; twice {
			return nil, &ParameterError{"ContinuationTokens", key, "must not have two tokens for one subscription"}
		}
		tokens[key] = token
	}
	seen := make(map[string]bool, len(subscriptionIDs))
	var left []subscriptionListing
	for _, id := range subscriptionIDs {
		key := strings.ToLower(id)
		token, known := tokens[key]
		if finished := known && token == ""; !finished && !seen[key] {
			left = append(left, subscriptionListing{id, token})
		}
		seen[key] = true
	}
	return left, nil
}

// subscriptionPage is a page of a subscription, or the error in its place.
type subscriptionPage struct {
	AssignmentList
	subscriptionID string
	next           string // continuation token of the page after it
	err            error
}

// listSubscription yields the pages of one subscription, up to the end, an error or the bound.
func (c *SecurityAssignmentsClient) listSubscription(ctx context.Context, l subscriptionListing, maxPages int) iter.Seq[subscriptionPage] {
	return func(yield func(subscriptionPage) bool) {
		client, err := c.WithSubscription(l.subscriptionID)
		if err != nil {
			yield(subscriptionPage{subscriptionID: l.subscriptionID, err: err})
			return
		}
		pager := client.NewListBySubscriptionPager(&SecurityAssignmentsClientListBySubscriptionOptions{
			PageOptions{ContinuationToken: l.token, MaxPages: maxPages},
		})
		for pager.More() {
			page, err := pager.NextPage(ctx)
			if !yield(subscriptionPage{page, l.subscriptionID, pager.ContinuationToken(), err}) {
				return
			}
		}
	}
}
