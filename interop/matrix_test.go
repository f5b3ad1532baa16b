package interop

import (
	"context"
	"flag"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	azruntime "github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/security/armsecurity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/securityinsights/armsecurityinsights/v2"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/faulttest"
)

var update = flag.Bool("update", false, "write testdata/matrix.json and ../docs/reliability.md")

// The fault matrix with Microsoft's clients. Their outcomes are recorded, not
// judged; docs/reliability.md shows them beside this library's.
func TestMatrix(t *testing.T) {
	t.Parallel()
	theirs := faulttest.Test(t, microsoft, "testdata/matrix.json", *update)
	if theirs == nil {
		return
	}
	ours, err := faulttest.ReadRows("../testdata/matrix.json")
	require.NoError(t, err)
	faulttest.Document(t, "../docs/reliability.md", *update, map[string]string{
		"harm":       faulttest.Harms(theirs),
		"comparison": faulttest.Comparison(ours, theirs),
	})
}

// microsoft holds Microsoft's clients, by the names of this library's operations.
var microsoft = faulttest.Client{
	Calls: map[string]faulttest.Call{
		"WorkspaceManagerJobsClient.Create": func(ctx context.Context, s *faulttest.Server) ([]any, error) {
			resp, err := theirMatrixJobs(s).Create(ctx, "rg", "workspace", "assignment", nil)
			return []any{resp.Job}, err
		},
		"WorkspaceManagerJobsClient.Get": func(ctx context.Context, s *faulttest.Server) ([]any, error) {
			resp, err := theirMatrixJobs(s).Get(ctx, "rg", "workspace", "assignment", "job", nil)
			return []any{resp.Job}, err
		},
		"WorkspaceManagerJobsClient.Delete": func(ctx context.Context, s *faulttest.Server) ([]any, error) {
			_, err := theirMatrixJobs(s).Delete(ctx, "rg", "workspace", "assignment", "job", nil)
			return nil, err
		},
		"WorkspaceManagerJobsClient.NewListPager": func(ctx context.Context, s *faulttest.Server) ([]any, error) {
			return items(ctx, s, theirMatrixJobs(s).NewListPager("rg", "workspace", "assignment", nil),
				func(page armsecurityinsights.WorkspaceManagerAssignmentJobsClientListResponse) []*armsecurityinsights.Job {
					return page.Value
				})
		},
		"SecurityAssignmentsClient.Get": func(ctx context.Context, s *faulttest.Server) ([]any, error) {
			resp, err := theirMatrixAssignments(s).Get(ctx, "rg", "id", nil)
			return []any{resp.Assignment}, err
		},
		"SecurityAssignmentsClient.CreateOrUpdate": func(ctx context.Context, s *faulttest.Server) ([]any, error) {
			assignment := armsecurity.Assignment{Properties: &armsecurity.AssignmentProperties{Effect: new("Exempt")}}
			resp, err := theirMatrixAssignments(s).CreateOrUpdate(ctx, "rg", "id", assignment, nil)
			return []any{resp.Assignment}, err
		},
		"SecurityAssignmentsClient.Delete": func(ctx context.Context, s *faulttest.Server) ([]any, error) {
			_, err := theirMatrixAssignments(s).Delete(ctx, "rg", "id", nil)
			return nil, err
		},
		"SecurityAssignmentsClient.NewListPager": func(ctx context.Context, s *faulttest.Server) ([]any, error) {
			return items(ctx, s, theirMatrixAssignments(s).NewListPager("rg", nil),
				func(page armsecurity.AssignmentsClientListResponse) []*armsecurity.Assignment { return page.Value })
		},
		"SecurityAssignmentsClient.NewListBySubscriptionPager": func(ctx context.Context, s *faulttest.Server) ([]any, error) {
			return items(ctx, s, theirMatrixAssignments(s).NewListBySubscriptionPager(nil),
				func(page armsecurity.AssignmentsClientListBySubscriptionResponse) []*armsecurity.Assignment {
					return page.Value
				})
		},
		"StandardAssignmentsClient.Get": func(ctx context.Context, s *faulttest.Server) ([]any, error) {
			resp, err := theirMatrixStandards(s).Get(ctx, machine, assignmentID, nil)
			return []any{resp.StandardAssignment}, err
		},
		"StandardAssignmentsClient.CreateOrUpdate": func(ctx context.Context, s *faulttest.Server) ([]any, error) {
			exemption := armsecurity.StandardAssignment{Properties: &armsecurity.StandardAssignmentProperties{Effect: new(armsecurity.EffectExempt)}}
			resp, err := theirMatrixStandards(s).Create(ctx, machine, assignmentID, exemption, nil)
			return []any{resp.StandardAssignment}, err
		},
		"StandardAssignmentsClient.Delete": func(ctx context.Context, s *faulttest.Server) ([]any, error) {
			_, err := theirMatrixStandards(s).Delete(ctx, machine, assignmentID, nil)
			return nil, err
		},
		"StandardAssignmentsClient.NewListPager": func(ctx context.Context, s *faulttest.Server) ([]any, error) {
			return items(ctx, s, theirMatrixStandards(s).NewListPager(machine, nil),
				func(page armsecurity.StandardAssignmentsClientListResponse) []*armsecurity.StandardAssignment {
					return page.Value
				})
		},
	},
}

func theirMatrixJobs(s *faulttest.Server) *armsecurityinsights.WorkspaceManagerAssignmentJobsClient {
	client, err := armsecurityinsights.NewWorkspaceManagerAssignmentJobsClient(subscriptionID, &azfake.TokenCredential{}, theirMatrixOptions(s))
	if err != nil {
		panic(err)
	}
	return client
}

func theirMatrixAssignments(s *faulttest.Server) *armsecurity.AssignmentsClient {
	client, err := armsecurity.NewAssignmentsClient(subscriptionID, &azfake.TokenCredential{}, theirMatrixOptions(s))
	if err != nil {
		panic(err)
	}
	return client
}

func theirMatrixStandards(s *faulttest.Server) *armsecurity.StandardAssignmentsClient {
	client, err := armsecurity.NewStandardAssignmentsClient(&azfake.TokenCredential{}, theirMatrixOptions(s))
	if err != nil {
		panic(err)
	}
	return client
}

func theirMatrixOptions(s *faulttest.Server) *arm.ClientOptions {
	options := s.Options()
	return &options
}

// items reads a listing to the end.
func items[Page, Item any](ctx context.Context, s *faulttest.Server, pager *azruntime.Pager[Page], value func(Page) []Item) (all []any, err error) {
	for pages := 0; pager.More(); pages++ {
		if pages == s.MaxPages() {
			return all, faulttest.ErrEndless
		}
		page, err := pager.NextPage(ctx)
		if err != nil {
			return all, err
		}
		for _, item := range value(page) {
			all = append(all, item)
		}
	}
	return all, nil
}
