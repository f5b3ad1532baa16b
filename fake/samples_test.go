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

// The names of the samples.
const (
	sampleJob = "/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/myRg" +
		"/providers/Microsoft.OperationalInsights/workspaces/myWorkspace" +
		"/providers/Microsoft.SecurityInsights/workspaceManagerAssignments/47cdc5f5-37c4-47b5-bd5f-83c84b8bdd58" +
		"/jobs/cfbe1338-8276-4d5d-8b96-931117f9fa0e"
	sampleSubscription  = "20ff7fc3-e762-44dd-bd96-b71116dcdc23"
	sampleResourceGroup = "myResourceGroup"
	sampleAssignment    = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
)

func TestSamplesAreAsDocumented(t *testing.T) {
	t.Parallel()
	const (
		scope       = endpoint + "/subscriptions/" + sampleSubscription
		assignments = "/providers/Microsoft.Security/assignments"
		group       = scope + "/resourceGroups/" + sampleResourceGroup + assignments
	)
	tests := map[string]string{ // file and URL
		"Job.json":                           endpoint + sampleJob + jobsVersion,
		"Assignment.json":                    group + "/" + sampleAssignment + assignmentsVersion,
		"ListAssignments.json":               group + assignmentsVersion,
		"ListBySubscriptionAssignments.json": scope + assignments + assignmentsVersion,
	}
	for file, url := range tests {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(filepath.Join("samples", file))
			require.NoError(t, err)
			resp, body := get(t, fake.NewServer(&fake.ServerOptions{Samples: true}), url)
			assert.Equal(t, http.StatusOK, resp.StatusCode)
			assert.JSONEq(t, string(want), body)
		})
	}
}

// The documented ids have no first slash, or the type of another resource.
func TestPutOfASampleCorrectsItsID(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{Samples: true})
	assignments := newAssignments(t, sampleSubscription, options(srv))
	got, err := assignments.Get(t.Context(), sampleResourceGroup, sampleAssignment, nil)
	require.NoError(t, err)
	put, err := assignments.CreateOrUpdate(t.Context(), sampleResourceGroup, sampleAssignment, got.Assignment, nil)
	require.NoError(t, err)
	assert.Equal(t, "/"+got.ID, put.ID)

	standards := newStandards(t, options(srv))
	standard, err := standards.Get(t.Context(), managementGroup, standardName, nil)
	require.NoError(t, err)
	putStandard, err := standards.CreateOrUpdate(t.Context(), managementGroup, standardName, standard.StandardAssignment, nil)
	require.NoError(t, err)
	assert.Equal(t, managementGroup+standardsType+"/"+standardName, putStandard.ID)
}

// Each documented list has the sample assignment twice. The duplicates don't
// outlive the assignment as it was documented.
func TestSampleDuplicatesAreRemovedWithTheirAssignment(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*testing.T, *fake.Server, *armsecops.SecurityAssignmentsClient) error
		want   int // assignments left
	}{
		"update": {func(t *testing.T, _ *fake.Server, client *armsecops.SecurityAssignmentsClient) error {
			_, err := client.CreateOrUpdate(t.Context(), sampleResourceGroup, sampleAssignment, armsecops.Assignment{}, nil)
			return err
		}, 1},
		"delete": {func(t *testing.T, _ *fake.Server, client *armsecops.SecurityAssignmentsClient) error {
			_, err := client.Delete(t.Context(), sampleResourceGroup, sampleAssignment, nil)
			return err
		}, 0},
		"put": {func(_ *testing.T, srv *fake.Server, _ *armsecops.SecurityAssignmentsClient) error {
			srv.PutAssignment(armsecops.AssignmentID{
				SubscriptionID: sampleSubscription, ResourceGroupName: sampleResourceGroup, Name: sampleAssignment,
			}, armsecops.Assignment{})
			return nil
		}, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := fake.NewServer(&fake.ServerOptions{Samples: true, PageSize: 1})
			assignments := newAssignments(t, sampleSubscription, options(srv))
			require.NoError(t, test.change(t, srv, assignments))
			names, err := collect(t, assignments.NewListPager(sampleResourceGroup, nil), assignmentName)
			require.NoError(t, err)
			assert.Len(t, names, test.want)
			names, err = collect(t, assignments.NewListBySubscriptionPager(nil), assignmentName)
			require.NoError(t, err)
			assert.Len(t, names, test.want)
		})
	}
}
