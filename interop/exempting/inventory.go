package main

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/armsecops/armsecops"
)

const concurrency = 8 // subscriptions or exemptions that are read at a time

// row is an exemption of an inventory.
type row struct {
	armsecops.Exemption
	From  []string // the names of recommendations; the id of a policy or recommendation without a name here
	Stale bool     // its policy assignment no longer exists, so From is missing
	Err   error    // why From or CreatedBy is missing otherwise
}

// recommendations returns the display names of the recommendations of subscriptions, by
// their keys and by the ids of the policy definitions that turn them on, in lower case.
// Several recommendations may have the same policy. A subscription that can't be read
// doesn't keep the others from it: it is an *armsecops.SubscriptionError of the error.
func recommendations(ctx context.Context, client *armsecops.AssessmentsMetadataClient, subscriptionIDs ...string) (map[string][]string, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		names   = map[string][]string{}
		lock    sync.Mutex // of names
		group   sync.WaitGroup
		running = make(chan struct{}, concurrency)
		errs    = make([]error, len(subscriptionIDs))
	)
	for i, subscriptionID := range subscriptionIDs {
		running <- struct{}{}
		group.Go(func() {
			defer func() { <-running }()
			for recommendation, err := range client.NewListBySubscriptionPager(subscriptionID, nil).All(ctx) {
				if errors.Is(err, armsecops.ErrCredential) { // the others would fail, too
					cancel(err)
				}
				if err != nil {
					errs[i] = &armsecops.SubscriptionError{SubscriptionID: subscriptionID, Operation: "AssessmentsMetadataClient.NewListBySubscriptionPager", Err: err}
					return
				}
				lock.Lock()
				for _, id := range []string{recommendation.Name, recommendation.Properties.PolicyDefinitionID} {
					id = strings.ToLower(id) // empty for one without a policy
					names[id] = add(names[id], recommendation.Properties.DisplayName)
				}
				lock.Unlock()
			}
		})
	}
	group.Wait()
	delete(names, "")
	for _, list := range names {
		slices.Sort(list) // the subscriptions arrive in any order
	}
	return names, cmp.Or(context.Cause(ctx), errors.Join(errs...))
}

// inventory returns a row for each exemption, in the order of the listing. It gets those
// whose rows lack who created them, and leaves out what is deleted meanwhile. From is
// empty for an exemption from a whole standard. The error has every subscription that
// can't be read, and the rows those of the others. An end of the context is an error, too.
func inventory(
	ctx context.Context, client *armsecops.ExemptionsClient, exemptions iter.Seq2[armsecops.Exemption, error], policies *policies, names map[string][]string,
) ([]*row, error) {
	var (
		rows    []*row
		errs    []error
		group   sync.WaitGroup
		running = make(chan struct{}, concurrency)
	)
	for exemption, err := range exemptions {
		if err != nil {
			errs = append(errs, err)
			if _, ofOne := errors.AsType[*armsecops.SubscriptionError](err); ofOne && ctx.Err() == nil {
				continue
			}
			break
		}
		r := &row{Exemption: exemption}
		rows = append(rows, r)
		if r.CreatedBy == "" {
			running <- struct{}{}
			group.Go(func() {
				defer func() { <-running }()
				got, err := client.Get(ctx, r.ID, nil)
				if err == nil {
					r.Exemption = got.Exemption
				}
				r.Err = err
			})
		}
	}
	group.Wait()
	rows = slices.DeleteFunc(rows, func(r *row) bool { return errors.Is(r.Err, armsecops.ErrNotFound) })
	for _, r := range rows { // one after the other: most ask for the same assignments
		ids := r.AssessmentKeys
		if r.Kind == armsecops.ExemptionKindPolicyExemption {
			var err error
			ids, err = policies.exempted(ctx, r.Exemption)
			if r.Stale = gone(err); !r.Stale {
				r.Err = errors.Join(err, r.Err)
			}
		}
		for _, id := range ids {
			if known := names[strings.ToLower(id)]; len(known) > 0 {
				r.From = add(r.From, known...)
			} else {
				r.From = add(r.From, id)
			}
		}
	}
	return rows, errors.Join(append(errs, ctx.Err())...)
}

// formula is what a spreadsheet takes for a formula: at the beginning of a cell, or after
// what separates cells where the comma doesn't.
var formula = regexp.MustCompile(`(^|[;\t\r\n])((?:"|[^\pL\pM\pN\pP\pS\t\r\n])*[-=+@＝＋－＠])`)

// record returns the cells of a row, with an apostrophe before a formula.
func (r *row) record() []string {
	expires, problem := "never", ""
	if !r.ExpiresOn.IsZero() {
		expires = r.ExpiresOn.UTC().Format(time.RFC3339)
	}
	switch {
	case r.Err != nil:
		problem = strings.Join(strings.Fields(r.Err.Error()), " ") // on one line
	case r.Stale:
		problem = "its policy assignment no longer exists"
	}
	cells := []string{r.ID, cmp.Or(r.DisplayName, r.Name), r.Scope, strings.Join(r.From, " | "), string(r.Category), expires, r.CreatedBy, problem}
	for i, cell := range cells {
		cells[i] = formula.ReplaceAllString(cell, "$1'$2")
	}
	return cells
}

// add appends the names that a list lacks.
func add(list []string, names ...string) []string {
	for _, name := range names {
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}
