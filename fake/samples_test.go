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

const (
	sampleSubscription = "20ff7fc3-e762-44dd-bd96-b71116dcdc23"
	sampleAssignment   = "/resourceGroups/myResourceGroup/providers/Microsoft.Security/assignments/" + standardName
	sampleStandard     = managementGroup + standardsType + "/" + standardName
)

func TestSamplesAreAsDocumented(t *testing.T) {
	t.Parallel()
	const (
		job = "/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/myRg/providers/Microsoft.OperationalInsights" +
			"/workspaces/myWorkspace/providers/Microsoft.SecurityInsights/workspaceManagerAssignments" +
			"/47cdc5f5-37c4-47b5-bd5f-83c84b8bdd58/jobs/cfbe1338-8276-4d5d-8b96-931117f9fa0e"
		in        = "/subscriptions/" + sampleSubscription
		connector = in + "/resourceGroups/gcpResourceGroup/providers/Microsoft.Security/securityConnectors/gcpconnector"
		exemption = "/subscriptions/ae640e6b-ba3e-4256-9d62-2993eecfa6f2/resourceGroups/demoCluster" + exemptionsType + "/DemoExpensiveVM"
	)
	for file, url := range map[string]string{
		"Job.json":                     job + jobsVersion,
		"Assignment.json":              in + sampleAssignment + assignmentsVersion,
		"StandardAssignment.json":      sampleStandard + standardsVersion,
		"ListStandardAssignments.json": connector + standardsType + standardsVersion,
		"PolicyExemption.json":         exemption + exemptionsVersion,
		"ListAssessmentMetadata.json":  "/providers/Microsoft.Security/assessmentMetadata?api-version=2021-06-01",
	} {
		want, err := os.ReadFile(filepath.Join("samples", file))
		require.NoError(t, err)
		resp, body := get(t, fake.NewServer(&fake.ServerOptions{Samples: true}), endpoint+url)
		assert.Equal(t, http.StatusOK, resp.StatusCode, file)
		assert.JSONEq(t, string(want), body)
	}
}

// The documented ids have no first slash, or the type of another resource.
func TestPutOfASampleCorrectsItsID(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{Samples: true})
	const assignment = "/subscriptions/" + sampleSubscription + sampleAssignment
	for id, version := range map[string]string{assignment: assignmentsVersion, sampleStandard: standardsVersion} {
		_, sample := get(t, srv, endpoint+id+version)
		assert.NotContains(t, sample, `"id":"`+id+`"`)
		resp, body := do(t, srv, newRequest(t, http.MethodPut, endpoint+id+version, sample))
		assert.Equal(t, http.StatusOK, resp.StatusCode)
		assert.Contains(t, body, `"id":"`+id+`"`)
	}
}
