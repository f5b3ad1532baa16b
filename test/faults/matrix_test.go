package faults_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
	"github.com/armsecops/armsecops/test/faults"
)

var update = flag.Bool("update", false, "write testdata/matrix.json and docs/reliability.md")

// Every fault has, against every operation, the outcome in testdata/matrix.json and does no harm.
func TestMatrix(t *testing.T) {
	t.Parallel()
	rows := faults.Test(t, matrixClient, "../../testdata/matrix.json", *update)
	if rows == nil {
		return
	}
	for _, row := range rows {
		for kind, outcomes := range row.Outcomes {
			require.Len(t, outcomes, 1, "%s: operations of one kind (%s) differ", row.Fault, kind)
			assert.Empty(t, outcomes[0].Harm, "%s: %s", row.Fault, kind)
		}
	}
	faults.Document(t, "../../docs/reliability.md", *update, map[string]string{"matrix": faults.Table(rows)})
}

// matrixClient is this library.
var matrixClient = faults.Client{
	Has:  driver.Ours.Has,
	Call: callOurs,
	Errors: []faults.NamedError{
		{Name: "ErrOutcomeUnknown", Err: armsecops.ErrOutcomeUnknown},
		{Name: "ErrUnauthorized", Err: armsecops.ErrUnauthorized},
		{Name: "ErrForbidden", Err: armsecops.ErrForbidden},
		{Name: "ErrNotFound", Err: armsecops.ErrNotFound},
		{Name: "ErrConflict", Err: armsecops.ErrConflict},
		{Name: "ErrPreconditionFailed", Err: armsecops.ErrPreconditionFailed},
		{Name: "ErrThrottled", Err: armsecops.ErrThrottled},
		{Name: "ErrResponseTooLarge", Err: armsecops.ErrResponseTooLarge},
		{Name: "ErrUnexpectedResponse", Err: armsecops.ErrUnexpectedResponse},
		{Name: "ErrUntrustedNextLink", Err: armsecops.ErrUntrustedNextLink},
		{Name: "ErrPagingLoop", Err: armsecops.ErrPagingLoop},
		{Name: "ErrIncompleteResult", Err: armsecops.ErrIncompleteResult},
	},
	After: afterFault,
}

func callOurs(ctx context.Context, s *faults.Server, call testkit.Call) ([]any, error) {
	o := &armsecops.ClientOptions{ClientOptions: s.Options(), MaxResponseBytes: faults.MaxResponseBytes}
	return driver.Ours.All(ctx, call, o, s.MaxPages(), faults.ErrEndless)
}

// afterFault checks what holds for every error: it names the operation and hides
// the token; it says so if a job may have been started; a response keeps its type,
// operation and request id; and a listing resumes where it failed, without an item
// lost or doubled.
func afterFault(s *faults.Server, call testkit.Call, got []any, err error) error {
	route, operation := call.Route, call.Route.Operation
	if err == nil {
		return nil
	}
	if text := err.Error(); !strings.Contains(text, operation) || strings.Contains(text, "fake_token") || len(text) > 2500 {
		return fmt.Errorf("the text of the error is %q", text)
	}
	if !route.Repeatable && s.Uncertain() && !errors.Is(err, armsecops.ErrOutcomeUnknown) {
		return fmt.Errorf("not ErrOutcomeUnknown: %w", err)
	}
	if _, responded := errors.AsType[*azcore.ResponseError](err); responded {
		service, ok := errors.AsType[*armsecops.ServiceError](err)
		if !ok || service.Operation != operation || service.RequestID != testkit.RequestID || service.StatusCode == 0 {
			return fmt.Errorf("the response is %+v: %w", service, err)
		}
	}
	if route.Kind != routes.List && route.Kind != routes.Query {
		return nil
	}
	page, ok := errors.AsType[*armsecops.PageError](err)
	if !ok {
		return fmt.Errorf("no *PageError: %w", err)
	}
	if errors.Is(err, armsecops.ErrIncompleteResult) {
		if len(got) != 2 || page.ContinuationToken != "" {
			return fmt.Errorf("%d items before the error, then the token %q: %w", len(got), page.ContinuationToken, err)
		}
		return nil
	}
	s.Heal()
	resumed := call.With("ContinuationToken", page.ContinuationToken)
	rest, again := callOurs(context.Background(), s, resumed)
	switch {
	case errors.Is(err, armsecops.ErrUntrustedNextLink):
		if !errors.Is(again, armsecops.ErrUntrustedNextLink) {
			return fmt.Errorf("the token of an untrusted link was followed: %w", again)
		}
	case errors.Is(err, armsecops.ErrPagingLoop):
	case again != nil:
		return fmt.Errorf("resuming: %w", again)
	case len(got)+len(rest) != 2:
		return fmt.Errorf("%d items before the error and %d after it, not 2", len(got), len(rest))
	}
	return nil
}
