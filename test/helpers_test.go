package test

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
)

// Short names of what the tests use most.
type (
	transportFunc  = testkit.TransportFunc
	policyFunc     = testkit.PolicyFunc
	credentialFunc = testkit.CredentialFunc
)

const (
	jobsSubscription        = testkit.JobsSubscription
	jobName                 = testkit.JobName
	assignmentsSubscription = testkit.AssignmentsSubscription

	minimal   = testkit.Minimal
	requestID = testkit.RequestID
)

var (
	options, withoutRetries, assertParameterError   = driver.Options, driver.WithoutRetries, driver.AssertParameterError
	newFactory, newJobsClient, newAssignmentsClient = driver.NewFactory, driver.NewJobsClient, driver.NewAssignmentsClient
	numbers, respond, script, lost, errorOf         = testkit.Numbers, testkit.Respond, testkit.Script, testkit.Lost, testkit.ErrorOf
	subscriptionID, subscriptionIDs                 = testkit.SubscriptionID, testkit.SubscriptionIDs
)

// collect returns the items that a loop yields, and the errors, without an item each.
func collect[T any](loop iter.Seq2[T, error]) (items []T, errs []error) {
	for item, err := range loop {
		if err != nil {
			errs = append(errs, err)
			if !reflect.ValueOf(&item).Elem().IsZero() {
				errs = append(errs, fmt.Errorf("an item beside the error: %v", item))
			}
			continue
		}
		items = append(items, item)
	}
	return items, errs
}

// readAll returns the items that a loop without an error yields.
func readAll[T any](t testing.TB, loop iter.Seq2[T, error]) []T {
	t.Helper()
	items, errs := collect(loop)
	require.Empty(t, errs)
	return items
}

// reader reads a listing to its end.
type reader[T any] = func(context.Context, *armsecops.Pager[T]) ([]T, []error)

// readers returns every reader.
func readers[T any]() map[string]reader[T] {
	itemsOf := func(loop iter.Seq2[armsecops.Page[T], error]) (items []T, errs []error) {
		pages, errs := collect(loop)
		for _, page := range pages {
			items = append(items, page.Value...)
		}
		return items, errs
	}
	return map[string]reader[T]{
		"All":   func(ctx context.Context, p *armsecops.Pager[T]) ([]T, []error) { return collect(p.All(ctx)) },
		"Pages": func(ctx context.Context, p *armsecops.Pager[T]) ([]T, []error) { return itemsOf(p.Pages(ctx)) },
		"NextPage": func(ctx context.Context, p *armsecops.Pager[T]) ([]T, []error) {
			return itemsOf(func(yield func(armsecops.Page[T], error) bool) {
				for p.More() && yield(p.NextPage(ctx)) {
				}
			})
		},
	}
}
