package fake_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
		scope     = endpoint + "/subscriptions/" + sampleSubscription + "/resourceGroups/"
		connector = scope + "gcpResourceGroup/providers/Microsoft.Security/securityConnectors/gcpconnector"
	)
	tests := map[string]string{ // file and URL
		"Job.json":                     endpoint + sampleJob + jobsVersion,
		"Assignment.json":              scope + sampleResourceGroup + "/providers/Microsoft.Security/assignments/" + sampleAssignment + assignmentsVersion,
		"StandardAssignment.json":      endpoint + managementGroup + standardsType + "/" + standardName + standardsVersion,
		"ListStandardAssignments.json": connector + standardsType + standardsVersion,
		"PolicyExemption.json": endpoint + "/subscriptions/ae640e6b-ba3e-4256-9d62-2993eecfa6f2/resourceGroups/demoCluster" + exemptionsType +
			"/DemoExpensiveVM" + exemptionsVersion,
		"ListAssessmentMetadata.json": endpoint + "/providers/Microsoft.Security/assessmentMetadata?api-version=2021-06-01",
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
