package armsecops_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/faulttest"
)

var update = flag.Bool("update", false, "write api/armsecops.txt, testdata/matrix.json and docs/reliability.md")

// Every fault against every operation has the outcome in testdata/matrix.json and
// does no harm.
func TestMatrix(t *testing.T) {
	t.Parallel()
	rows := faulttest.Test(t, matrixClient, "testdata/matrix.json", *update)
	if rows == nil {
		return
	}
	for _, row := range rows {
		for operation, outcome := range row.Outcomes {
			assert.Empty(t, outcome.Harm, "%s: %s", row.Fault, operation)
		}
	}
	faulttest.Document(t, "docs/reliability.md", *update, map[string]string{"matrix": faulttest.Table(rows)})
}

// matrixClient is this library.
var matrixClient = faulttest.Client{
	Calls: map[string]faulttest.Call{
		"WorkspaceManagerJobsClient.Create": func(ctx context.Context, s *faulttest.Server) ([]any, error) {
			resp, err := matrixJobsClient(s).Create(ctx, "rg", "workspace", "assignment", nil)
			return []any{resp.Job}, err
		},
		"WorkspaceManagerJobsClient.Get": func(ctx context.Context, s *faulttest.Server) ([]any, error) {
			resp, err := matrixJobsClient(s).Get(ctx, "rg", "workspace", "assignment", "job", nil)
			return []any{resp.Job}, err
		},
		"WorkspaceManagerJobsClient.Delete": func(ctx context.Context, s *faulttest.Server) ([]any, error) {
			_, err := matrixJobsClient(s).Delete(ctx, "rg", "workspace", "assignment", "job", nil)
			return nil, err
		},
		"SecurityAssignmentsClient.Get": func(ctx context.Context, s *faulttest.Server) ([]any, error) {
			resp, err := matrixAssignmentsClient(s).Get(ctx, "rg", "id", nil)
			return []any{resp.Assignment}, err
		},
		"SecurityAssignmentsClient.CreateOrUpdate": func(ctx context.Context, s *faulttest.Server) ([]any, error) {
			resp, err := matrixAssignmentsClient(s).CreateOrUpdate(ctx, "rg", "id", documentedAssignment(), nil)
			return []any{resp.Assignment}, err
		},
		"SecurityAssignmentsClient.Delete": func(ctx context.Context, s *faulttest.Server) ([]any, error) {
			_, err := matrixAssignmentsClient(s).Delete(ctx, "rg", "id", nil)
			return nil, err
		},
		"StandardAssignmentsClient.Get": func(ctx context.Context, s *faulttest.Server) ([]any, error) {
			resp, err := matrixStandardsClient(s).Get(ctx, virtualMachine, standardName, nil)
			return []any{resp.StandardAssignment}, err
		},
		"StandardAssignmentsClient.CreateOrUpdate": func(ctx context.Context, s *faulttest.Server) ([]any, error) {
			resp, err := matrixStandardsClient(s).CreateOrUpdate(ctx, virtualMachine, standardName, documentedExemption(), nil)
			return []any{resp.StandardAssignment}, err
		},
		"StandardAssignmentsClient.Delete": func(ctx context.Context, s *faulttest.Server) ([]any, error) {
			_, err := matrixStandardsClient(s).Delete(ctx, virtualMachine, standardName, nil)
			return nil, err
		},
		"WorkspaceManagerJobsClient.NewListPager":              listCall("WorkspaceManagerJobsClient.NewListPager"),
		"SecurityAssignmentsClient.NewListPager":               listCall("SecurityAssignmentsClient.NewListPager"),
		"SecurityAssignmentsClient.NewListBySubscriptionPager": listCall("SecurityAssignmentsClient.NewListBySubscriptionPager"),
		"StandardAssignmentsClient.NewListPager":               listCall("StandardAssignmentsClient.NewListPager"),
		"SecurityAssignmentsClient.NewResourceGraphPager":      listCall("SecurityAssignmentsClient.NewResourceGraphPager"),
		"StandardAssignmentsClient.NewResourceGraphPager":      listCall("StandardAssignmentsClient.NewResourceGraphPager"),
	},
	Errors: []faulttest.NamedError{
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

func matrixOptions(s *faulttest.Server) *armsecops.ClientOptions {
	return &armsecops.ClientOptions{ClientOptions: s.Options(), MaxResponseBytes: faulttest.MaxResponseBytes}
}

func matrixJobsClient(s *faulttest.Server) *armsecops.WorkspaceManagerJobsClient {
	client, err := armsecops.NewWorkspaceManagerJobsClient(jobsSubscription, &azfake.TokenCredential{}, matrixOptions(s))
	if err != nil {
		panic(err)
	}
	return client
}

func matrixAssignmentsClient(s *faulttest.Server) *armsecops.SecurityAssignmentsClient {
	client, err := armsecops.NewSecurityAssignmentsClient(assignmentsSubscription, &azfake.TokenCredential{}, matrixOptions(s))
	if err != nil {
		panic(err)
	}
	return client
}

func matrixStandardsClient(s *faulttest.Server) *armsecops.StandardAssignmentsClient {
	client, err := armsecops.NewStandardAssignmentsClient(&azfake.TokenCredential{}, matrixOptions(s))
	if err != nil {
		panic(err)
	}
	return client
}

func listCall(operation string) faulttest.Call {
	return func(ctx context.Context, s *faulttest.Server) ([]any, error) { return list(ctx, s, operation, "") }
}

// list reads a listing from the token on.
func list(ctx context.Context, s *faulttest.Server, operation, token string) ([]any, error) {
	o := armsecops.PageOptions{ContinuationToken: token}
	switch operation {
	case "WorkspaceManagerJobsClient.NewListPager":
		options := &armsecops.WorkspaceManagerJobsClientListOptions{PageOptions: o}
		return readPages(ctx, s, matrixJobsClient(s).NewListPager("rg", "workspace", "assignment", options))
	case "SecurityAssignmentsClient.NewListPager":
		options := &armsecops.SecurityAssignmentsClientListOptions{PageOptions: o}
		return readPages(ctx, s, matrixAssignmentsClient(s).NewListPager("rg", options))
	case "StandardAssignmentsClient.NewListPager":
		options := &armsecops.StandardAssignmentsClientListOptions{PageOptions: o}
		return readPages(ctx, s, matrixStandardsClient(s).NewListPager(virtualMachine, options))
	case "SecurityAssignmentsClient.NewResourceGraphPager":
		options := &armsecops.ResourceGraphOptions{PageOptions: o}
		return readPages(ctx, s, matrixAssignmentsClient(s).NewResourceGraphPager(options))
	case "StandardAssignmentsClient.NewResourceGraphPager":
		options := &armsecops.ResourceGraphOptions{PageOptions: o}
		return readPages(ctx, s, matrixStandardsClient(s).NewResourceGraphPager(options))
	}
	options := &armsecops.SecurityAssignmentsClientListBySubscriptionOptions{PageOptions: o}
	return readPages(ctx, s, matrixAssignmentsClient(s).NewListBySubscriptionPager(options))
}

func readPages[T any](ctx context.Context, s *faulttest.Server, pager *armsecops.Pager[T]) (items []any, err error) {
	pages := 0
	for page, err := range pager.Pages(ctx) {
		if err != nil {
			return items, err
		}
		for _, item := range page.Value {
			items = append(items, item)
		}
		if pages++; pages == s.MaxPages() {
			return items, faulttest.ErrEndless
		}
	}
	return items, nil
}

// afterFault checks what holds for every error: it names the operation and hides
// the token; it says so if a job may have been started; a response keeps its type,
// operation and request id; and a listing resumes where it failed, without an item
// lost or doubled.
func afterFault(s *faulttest.Server, operation string, got []any, err error) error {
	if err == nil {
		return nil
	}
	if text := err.Error(); !strings.Contains(text, operation) || strings.Contains(text, "fake_token") || len(text) > 2500 {
		return fmt.Errorf("the text of the error is %q", text)
	}
	if operation == "WorkspaceManagerJobsClient.Create" && s.Uncertain() && !errors.Is(err, armsecops.ErrOutcomeUnknown) {
		return fmt.Errorf("not ErrOutcomeUnknown: %w", err)
	}
	if _, responded := errors.AsType[*azcore.ResponseError](err); responded {
		var service armsecops.ServiceError
		if strings.HasPrefix(operation, "WorkspaceManagerJobsClient.") {
			e, ok := errors.AsType[*armsecops.ErrorResponse](err)
			if !ok {
				return fmt.Errorf("no *ErrorResponse: %w", err)
			}
			service = e.ServiceError
		} else {
			e, ok := errors.AsType[*armsecops.CloudError](err)
			if !ok {
				return fmt.Errorf("no *CloudError: %w", err)
			}
			service = e.ServiceError
		}
		if service.Operation != operation || service.RequestID != faulttest.RequestID || service.StatusCode == 0 {
			return fmt.Errorf("operation %q, request id %q, status %d: %w", service.Operation, service.RequestID, service.StatusCode, err)
		}
	}
	if !strings.Contains(operation, "Pager") {
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
	rest, again := list(context.Background(), s, operation, page.ContinuationToken)
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
