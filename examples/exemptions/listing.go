package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/command"
	"github.com/armsecops/armsecops/examples/internal/terminal"
)

// exemption is an assignment of either kind, most often an exemption.
type exemption struct {
	source         string // the type of the resource, without its provider
	subscriptionID string
	id             string
	name           string
	displayName    string
	scope          string // resource id
	effect         armsecops.Effect
	category       armsecops.ExemptionCategory
	expiresOn      time.Time
	resource       any // all members that the service sent
}

func fromAssignment(a armsecops.Assignment) exemption {
	p := a.Properties
	return exemption{
		"assignments", a.SubscriptionID(), a.ID, a.Name, p.DisplayName, p.Scope,
		p.Effect, p.AdditionalData.ExemptionCategory, p.ExpiresOn, a,
	}
}

func fromStandardAssignment(subscriptionID string, a armsecops.StandardAssignment) exemption {
	p := a.Properties
	id, _ := armsecops.ParseStandardAssignmentID(a.ID) // no scope if the service's id is no such id
	return exemption{
		"standardAssignments", subscriptionID, a.ID, a.Name, p.DisplayName, id.Scope,
		p.Effect, p.ExemptionData.ExemptionCategory, p.ExpiresOn, a,
	}
}

// resourceGroup returns the resource group in the id of the exemption, or in its
// scope, or "" if neither has one.
func (e exemption) resourceGroup() string {
	for _, id := range []string{e.id, e.scope} {
		segments := strings.Split(id, "/")
		i := slices.IndexFunc(segments, func(s string) bool { return strings.EqualFold(s, "resourceGroups") })
		if i >= 0 && i+1 < len(segments) {
			return segments[i+1]
		}
	}
	return ""
}

// listing collects the exemptions of subscriptions.
type listing struct {
	subscriptions []string
	filter        filter
	progress      *terminal.Output

	mu       sync.Mutex
	found    []exemption
	items    int
	failures map[string]error // by subscription
}

// list lists the subscriptions. It returns the exemptions that match the filter,
// and an error that names the failed subscriptions.
func (q query) list(ctx context.Context, progress *terminal.Output) ([]exemption, error) {
	l := listing{subscriptions: q.subscriptions, filter: q.filter, progress: progress}
	err := l.listAssignments(ctx, q.factory)
	if err == nil {
		l.listStandardAssignments(ctx, q.factory)
		err = l.failure(ctx)
	}
	return l.found, err
}

// add adds what was read of a subscription.
func (l *listing) add(exemptions ...exemption) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.items += len(exemptions)
	for _, e := range exemptions {
		if l.filter.matches(e) {
			l.found = append(l.found, e)
		}
	}
}

// recordEnd records that a listing of a subscription has ended, and how.
func (l *listing) recordEnd(source, subscriptionID string, done *int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*done++
	if err != nil {
		if l.failures == nil {
			l.failures = map[string]error{}
		}
		l.failures[subscriptionID] = err
	}
	l.progress.Status(fmt.Sprintf("%s: %d of %s, %d failed, %s", source, *done,
		command.Count(len(l.subscriptions), "subscription"), len(l.failures), command.Count(l.items, "item")))
}

// listAssignments lists the Microsoft.Security/assignments of all subscriptions.
// The error is one that concerns all of them.
func (l *listing) listAssignments(ctx context.Context, factory *armsecops.ClientFactory) error {
	client, err := factory.NewSecurityAssignmentsClient("") // the listing names its own subscriptions
	if err != nil {
		return err
	}
	done := 0
	options := &armsecops.SecurityAssignmentsClientListAcrossSubscriptionsOptions{
		Progress: func(subscriptionID, continuationToken string) {
			if continuationToken == "" {
				l.recordEnd("assignments", subscriptionID, &done, nil)
			}
		},
	}
	for item, err := range client.ListAcrossSubscriptions(ctx, l.subscriptions, options) {
		failed, ok := errors.AsType[*armsecops.SubscriptionError](err)
		switch {
		case ok:
			l.recordEnd("assignments", failed.SubscriptionID, &done, err)
		case err != nil:
			return err
		default:
			l.add(fromAssignment(item))
		}
	}
	return nil
}

// listStandardAssignments lists the Microsoft.Security/standardAssignments of the
// subscriptions that have not failed, some at a time.
func (l *listing) listStandardAssignments(ctx context.Context, factory *armsecops.ClientFactory) {
	const concurrency = 8
	client := factory.NewStandardAssignmentsClient()
	done := len(l.failures)
	free := make(chan struct{}, concurrency)
	var running sync.WaitGroup
	for _, id := range l.subscriptions {
		if l.failed(id) {
			continue
		}
		free <- struct{}{}
		running.Go(func() {
			defer func() { <-free }()
			var failure error
			for a, err := range client.NewListPager("/subscriptions/"+id, nil).All(ctx) {
				if err != nil {
					failure = &armsecops.SubscriptionError{SubscriptionID: id, Err: err}
					break
				}
				l.add(fromStandardAssignment(id, a))
			}
			l.recordEnd("standardAssignments", id, &done, failure)
		})
	}
	running.Wait()
}

func (l *listing) failed(subscriptionID string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failures[subscriptionID] != nil
}

// failure returns an error with a line for each failed subscription. It only
// counts the subscriptions whose listing the context ended.
func (l *listing) failure(ctx context.Context) error {
	if len(l.failures) == 0 {
		return nil
	}
	lines := []string{fmt.Sprintf("%d of %s failed:", len(l.failures), command.Count(len(l.subscriptions), "subscription"))}
	unfinished := 0
	for _, err := range l.failures {
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			unfinished++
			continue
		}
		lines = append(lines, terminal.Printable(err.Error()))
	}
	slices.Sort(lines[1:]) // subscriptions fail in any order
	if unfinished > 0 {
		lines = append(lines, fmt.Sprintf("%d not finished: %v", unfinished, ctx.Err()))
	}
	return errors.New(strings.Join(lines, "\n  "))
}
