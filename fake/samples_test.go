package fake_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/testkit"
)

func TestSamplesAreAsDocumented(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{Samples: true})
	for file, route := range map[string]*routes.Route{
		"Job.json":                     routes.Jobs.Get,
		"Assignment.json":              routes.Assignments.Get,
		"StandardAssignment.json":      routes.StandardAssignments.Get,
		"ListStandardAssignments.json": routes.StandardAssignments.List,
		"PolicyExemption.json":         routes.PolicyExemptions.Get,
		"ListAssessmentMetadata.json":  routes.AssessmentsMetadata.List,
	} {
		want, err := os.ReadFile(filepath.Join("samples", file))
		require.NoError(t, err)
		resp, body := get(t, srv, endpoint+route.URLPath(testkit.CallOf(route).Values...)+"?api-version="+route.APIVersion)
		assert.Equal(t, http.StatusOK, resp.StatusCode, file)
		assert.JSONEq(t, string(want), body, file)
	}
}

// The documented ids have no first slash, or the type of another resource.
func TestPutOfASampleCorrectsItsID(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{Samples: true})
	for _, route := range []*routes.Route{routes.Assignments.Get, routes.StandardAssignments.Get} {
		id := route.ID(testkit.CallOf(route).Values...)
		version := "?api-version=" + route.APIVersion
		_, sample := get(t, srv, endpoint+id+version)
		assert.NotContains(t, sample, `"id":"`+id+`"`)
		resp, body := do(t, srv, newRequest(t, http.MethodPut, endpoint+id+version, sample))
		assert.Equal(t, http.StatusOK, resp.StatusCode)
		assert.Contains(t, body, `"id":"`+id+`"`)
	}
}
