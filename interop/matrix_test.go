package interop

import (
	"context"
	"flag"
	"os"
	"sync/atomic"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	azruntime "github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/security/armsecurity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/securityinsights/armsecurityinsights/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/faulttest"
)

var update = flag.Bool("update", false, "write testdata/matrix.json and ../docs/reliability.md")

const (
	matrixFile      = "testdata/matrix.json"
	ourMatrixFile   = "../testdata/matrix.json" // what the module's own test asserts
	reliabilityFile = "../docs/reliability.md"
)

// The fault matrix with Microsoft's clients. Their outcomes are recorded, not
// judged; docs/reliability.md shows them beside this library's.
func TestMatrix(t *testing.T) {
	t.Parallel()
	want, err := faulttest.ReadRows(matrixFile)
	if !*update {
		require.NoError(t, err)
	}
	faults := faulttest.Faults()
	theirs := make([]faulttest.Row, len(faults))
	var tried atomic.Int32
	t.Run("faults", func(t *testing.T) {
		for i, fault := range faults {
			t.Run(fault.Name, func(t *testing.T) {
				t.Parallel()
				row, err := fault.Try(t.Context(), microsoft)
				require.NoError(t, err)
				if !*update {
					assert.Equal(t, want[fault.Name], row)
				}
				theirs[i] = row
				tried.Add(1)
			})
		}
	})
	if int(tried.Load()) != len(faults) {
		return // some failed, or were left out by -run
	}
	if *update {
		require.NoError(t, faulttest.WriteRows(matrixFile, theirs))
	}
	assert.True(t, *update || len(want) == len(faults), "%s has other faults", matrixFile)
	recorded, err := faulttest.ReadRows(ourMatrixFile)
	require.NoError(t, err)
	ours := make([]faulttest.Row, len(faults))
	for i, fault := range faults {
		ours[i] = recorded[fault.Name]
	}
	text, err := os.ReadFile(reliabilityFile)
	require.NoError(t, err)
	generated, err := faulttest.Section(string(text), "harm", faulttest.Harms(theirs))
	require.NoError(t, err)
	generated, err = faulttest.Section(generated, "comparison", faulttest.Comparison(ours, theirs))
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile(reliabilityFile, []byte(generated), 0o666))
		return
	}
	assert.True(t, generated == string(text), "%s is out of date: go test -run TestMatrix -update", reliabilityFile)
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
			return items(ctx, theirMatrixJobs(s).NewListPager("rg", "workspace", "assignment", nil),
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
			return items(ctx, theirMatrixAssignments(s).NewListPager("rg", nil),
				func(page armsecurity.AssignmentsClientListResponse) []*armsecurity.Assignment { return page.Value })
		},
		"SecurityAssignmentsClient.NewListBySubscriptionPager": func(ctx context.Context, s *faulttest.Server) ([]any, error) {
			return items(ctx, theirMatrixAssignments(s).NewListBySubscriptionPager(nil),
				func(page armsecurity.AssignmentsClientListBySubscriptionResponse) []*armsecurity.Assignment {
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

func theirMatrixOptions(s *faulttest.Server) *arm.ClientOptions {
	options := s.Options()
	return &options
}

// items reads a listing to the end.
func items[Page, Item any](ctx context.Context, pager *azruntime.Pager[Page], value func(Page) []Item) (all []any, err error) {
	for pages := 0; pager.More(); pages++ {
		if pages == faulttest.MaxPages {
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
