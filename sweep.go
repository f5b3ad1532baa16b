package armsecops

import (
	"context"
	"iter"
	"log/slog"
	"maps"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// SubscriptionAssignment is an assignment and the subscription that it was listed for.
type SubscriptionAssignment struct {
	SubscriptionID string
	Assignment
}

// SubscriptionError is one subscription of a sweep that failed.
type SubscriptionError struct {
	SubscriptionID string

	// Err is why. Where it is a [*PageError], its ContinuationToken goes into
	// the options of the sweep that goes on.
	Err error
}

// Error returns the subscription and why it failed.
func (e *SubscriptionError) Error() string {
	return "subscription " + shorten(e.SubscriptionID) + ": " + e.Err.Error()
}

// Unwrap returns Err.
func (e *SubscriptionError) Unwrap() error { return e.Err }

// LogValue returns the subscription and the value of Err.
func (e *SubscriptionError) LogValue() slog.Value {
	return slog.GroupValue(slog.String("subscriptionId", shorten(e.SubscriptionID)), slog.Any("err", e.Err))
}

const defaultConcurrency = 8

// ListAcrossSubscriptions lists the assignments of many subscriptions, some at a
// time. It yields the items as the pages arrive: those of one subscription in
// the service's order, those of different ones mixed.
//   - subscriptionIDs: UUIDs; one that is there twice, in whatever casing, is listed once
//   - options: nil for the defaults
//
// A subscription that fails yields one [*SubscriptionError], and the others go
// on. When the context ends, every subscription that isn't finished yields one.
// Breaking out of the loop ends all requests and goroutines before the loop is
// left. No more pages are in memory than there are subscriptions at a time.
//
// A sweep that ended early, or a whole process that did, is continued with the
// tokens that Progress in the options was told, and the same subscriptions.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assignments/list-by-subscription
func (c *SecurityAssignmentsClient) ListAcrossSubscriptions(ctx context.Context, subscriptionIDs []string, options *SecurityAssignmentsClientListAcrossSubscriptionsOptions) iter.Seq2[SubscriptionAssignment, error] {
	var o SecurityAssignmentsClientListAcrossSubscriptionsOptions
	if options != nil {
		o = *options
	}
	s := sweep{client: c, listings: listings(subscriptionIDs, o.ContinuationTokens), concurrency: o.Concurrency}
	if s.concurrency == 0 {
		s.concurrency = defaultConcurrency
	}
	return func(yield func(SubscriptionAssignment, error) bool) {
		if s.concurrency < 0 {
			yield(SubscriptionAssignment{}, &ParameterError{Name: "Concurrency", Reason: "must not be negative"})
			return
		}
		for page := range s.pages(ctx) {
			id := page.subscriptionID
			if page.err != nil {
				if !yield(SubscriptionAssignment{SubscriptionID: id}, &SubscriptionError{id, page.err}) {
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

// sweep is what ListAcrossSubscriptions lists.
type sweep struct {
	client      *SecurityAssignmentsClient
	listings    []sweptListing
	concurrency int
}

// sweptListing is one subscription of a sweep, and where its listing begins.
type sweptListing struct{ subscriptionID, token string }

// listings returns what is left to list of the subscriptions, each of them once.
// The tokens are read here and now: Progress may well write to the same map.
func listings(subscriptionIDs []string, continuationTokens map[string]string) []sweptListing {
	tokens := make(map[string]string, len(continuationTokens))
	for id, token := range continuationTokens {
		tokens[strings.ToLower(id)] = token
	}
	seen := make(map[string]bool, len(subscriptionIDs))
	var left []sweptListing
	for _, id := range subscriptionIDs {
		key := strings.ToLower(id)
		token, told := tokens[key]
		if finished := told && token == ""; !finished && !seen[key] {
			left = append(left, sweptListing{id, token})
		}
		seen[key] = true
	}
	return left
}

// sweptPage is a page of a subscription, or the error in its place.
type sweptPage struct {
	AssignmentList
	subscriptionID string
	next           string // continuation token of the page after it
	err            error
}

// pages yields the pages of the listings, as many listings at a time as the
// concurrency says. A listing goes on to its next page when the caller is done
// with the one before. The goroutines have ended when the loop over it has.
func (s sweep) pages(ctx context.Context) iter.Seq[sweptPage] {
	return func(yield func(sweptPage) bool) {
		ctx, cancel := context.WithCancel(ctx)
		left := make(chan struct{}) // closed when the caller has left the loop
		pages := make(chan sweptPage)
		done := make(chan struct{}) // told when the caller is done with a page
		queue := make(chan sweptListing, len(s.listings))
		for _, l := range s.listings {
			queue <- l
		}
		close(queue)

		list := func() {
			for l := range queue {
				for page := range s.list(ctx, l) {
					select {
					case pages <- page:
					case <-left:
						return
					}
					select {
					case done <- struct{}{}:
					case <-left:
						return
					}
				}
			}
		}
		var workers sync.WaitGroup
		for range min(s.concurrency, len(s.listings)) {
			workers.Go(list)
		}
		go func() {
			workers.Wait()
			close(pages)
		}()
		defer func() {
			close(left)
			cancel()
			for range pages {
			}
		}()
		for page := range pages {
			if !yield(page) {
				return
			}
			<-done
		}
	}
}

// list yields the pages of one subscription, up to the end or an error.
func (s sweep) list(ctx context.Context, l sweptListing) iter.Seq[sweptPage] {
	return func(yield func(sweptPage) bool) {
		client, err := s.client.WithSubscription(l.subscriptionID)
		if err != nil {
			yield(sweptPage{subscriptionID: l.subscriptionID, err: err})
			return
		}
		pager := client.NewListBySubscriptionPager(&SecurityAssignmentsClientListBySubscriptionOptions{
			PageOptions{ContinuationToken: l.token},
		})
		for pager.More() {
			page, err := pager.NextPage(ctx)
			if !yield(sweptPage{page, l.subscriptionID, pager.ContinuationToken(), err}) {
				return
			}
		}
	}
}

// plainSubscriptionAssignment is the wire form: the assignment's members, and
// the subscription beside them. Without it, Assignment's own methods would be
// promoted and leave the subscription out.
type plainSubscriptionAssignment struct {
	SubscriptionID string `json:"subscriptionId,omitzero"`
	plainAssignment
}

// MarshalJSON implements [encoding/json.Marshaler].
func (a SubscriptionAssignment) MarshalJSON() ([]byte, error) { return json.Marshal(&a) }

// UnmarshalJSON implements [encoding/json.Unmarshaler].
func (a *SubscriptionAssignment) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, a) }

// MarshalJSONTo implements [json.MarshalerTo].
func (a SubscriptionAssignment) MarshalJSONTo(e *jsontext.Encoder) error {
	const name = "subscriptionId"
	if _, ok := a.AdditionalProperties[name]; ok { // of the service's: there can be only one
		a.AdditionalProperties = maps.Clone(a.AdditionalProperties)
		delete(a.AdditionalProperties, name)
	}
	return encode(e, &plainSubscriptionAssignment{a.SubscriptionID, plainAssignment(a.Assignment)})
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (a *SubscriptionAssignment) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	const name = "subscriptionId"
	if err := decode(d, &a.Assignment); err != nil {
		return err
	}
	id, ok := a.AdditionalProperties[name]
	if !ok {
		return nil
	}
	if delete(a.AdditionalProperties, name); len(a.AdditionalProperties) == 0 {
		a.AdditionalProperties = nil
	}
	return json.Unmarshal(id, &a.SubscriptionID)
}
