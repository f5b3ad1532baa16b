package fake_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

// Where the samples live.
const (
	sampleJobs = endpoint + "/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/myRg/providers/Microsoft.OperationalInsights/workspaces/myWorkspace/providers/Microsoft.SecurityInsights/workspaceManagerAssignments/47cdc5f5-37c4-47b5-bd5f-83c84b8bdd58/jobs"
	sampleRoot = endpoint + "/subscriptions/20ff7fc3-e762-44dd-bd96-b71116dcdc23"
	sampleName = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
	inGroup    = sampleRoot + "/resourceGroups/myResourceGroup/providers/Microsoft.Security/assignments"
)

// What the documentation says is what the server says, member by member.
func TestSamples(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, url, file string }{
		{"a job", sampleJobs + "/cfbe1338-8276-4d5d-8b96-931117f9fa0e" + jobVersion, "Job.json"},
		{"an assignment", inGroup + "/" + sampleName + assignVersion, "Assignment.json"},
		{"a resource group's assignments", inGroup + assignVersion, "ListAssignments.json"},
		{"a subscription's assignments", sampleRoot + "/providers/Microsoft.Security/assignments" + assignVersion, "ListBySubscriptionAssignments.json"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(filepath.Join("samples", test.file))
			require.NoError(t, err)
			resp, body := do(t, fake.NewServer(&fake.ServerOptions{Samples: true}), newRequest(t, http.MethodGet, test.url, ""))
			assert.Equal(t, http.StatusOK, resp.StatusCode)
			assert.JSONEq(t, string(want), body)
		})
	}
}

// The items that only a documented list has are gone when the assignment changes.
func TestSamplesChange(t *testing.T) {
	t.Parallel()
	for _, change := range []string{http.MethodPut, http.MethodDelete} {
		t.Run(change, func(t *testing.T) {
			t.Parallel()
			srv := fake.NewServer(&fake.ServerOptions{Samples: true, PageSize: 1})
			assignments := newAssignments(t, "20ff7fc3-e762-44dd-bd96-b71116dcdc23", options(srv))
			left := 0
			if change == http.MethodPut {
				left = 1
				_, err := assignments.CreateOrUpdate(t.Context(), "myResourceGroup", sampleName, armsecops.Assignment{}, nil)
				require.NoError(t, err)
			} else {
				_, err := assignments.Delete(t.Context(), "myResourceGroup", sampleName, nil)
				require.NoError(t, err)
			}
			names, err := collect(t, assignments.NewListPager("myResourceGroup", nil), assignmentName)
			require.NoError(t, err)
			assert.Len(t, names, left)
			names, err = collect(t, assignments.NewListBySubscriptionPager(nil), assignmentName)
			require.NoError(t, err)
			assert.Len(t, names, left)
		})
	}
}
