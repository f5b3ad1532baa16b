package fake

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/routes"
)

func TestEveryRouteHasAnOperation(t *testing.T) {
	t.Parallel()
	for _, route := range routes.All {
		assert.NotNil(t, operations[route].handle, "%s has no handler", route.Operation)
		assert.NotNil(t, operations[route].override, "%s has no override", route.Operation)
	}
	assert.Len(t, operations, len(routes.All))
}

func TestRouteWithoutOperationIsRefused(t *testing.T) {
	t.Parallel()
	cancel := *routes.Jobs.Get // the same path and rules, but not in the table
	cancel.Operation = "WorkspaceManagerJobsClient.Cancel"
	path := "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/group" +
		"/providers/Microsoft.OperationalInsights/workspaces/workspace" +
		"/providers/Microsoft.SecurityInsights/workspaceManagerAssignments/assignment/jobs/job"
	req := httptest.NewRequest(http.MethodGet, path+"?api-version="+cancel.APIVersion, nil)
	req.Header.Set("Authorization", "Bearer token")
	srv := NewServer(nil)
	r, _, err := srv.receive(req)
	require.NoError(t, err)
	require.Same(t, routes.Jobs.Get, r.route)
	r.route = &cancel

	resp, err := srv.handle(r)
	require.NoError(t, err)
	assert.Equal(t, http.StatusNotImplemented, resp.status)
	assert.JSONEq(t, `{"error": {
		"code": "NotImplemented",
		"message": "The fake server has no handler for WorkspaceManagerJobsClient.Cancel."
	}}`, string(resp.body))
}
