package repository

import (
	"fmt"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/routes"
)

// docs/api.md has every operation of the table of routes, with its REST page.
func TestAPIPage(t *testing.T) {
	t.Parallel()
	const name = "../../docs/api.md"
	var page strings.Builder
	page.WriteString(apiPage)
	var resource *routes.Resource
	for _, route := range routes.All {
		if route.Resource != resource {
			resource = route.Resource
			fmt.Fprintf(&page, "\n## %s\n\n`%s`\n\n| method | request | api-version | REST documentation |\n|---|---|---|---|\n", resource.Client, resource.Type)
		}
		method := strings.TrimPrefix(route.Operation, resource.Client+".")
		fmt.Fprintf(&page, "| `%s` | `%s %s` | %s | [%s](%s) |\n", method, route.Method, route.Path, route.APIVersion, path.Base(route.Page), route.Page)
	}
	if *update {
		require.NoError(t, os.WriteFile(name, []byte(page.String()), 0o666))
		return
	}
	recorded, err := os.ReadFile(name)
	require.NoError(t, err)
	assert.Equal(t, string(recorded), page.String(), "the operations change: write %s by: go test ./test/repository -run TestAPI -update", "docs/api.md")
}

const apiPage = `# Operations

Every operation of every client, its request and its page of Azure's REST documentation.

These methods send the requests of others:

| method | sends |
|---|---|
| ` + "`WorkspaceManagerJobsClient.BeginCreate`" + ` | ` + "`Create`, then `Get` for each poll; with `Recover`, `NewListPager` before `Create`" + ` |
| ` + "`WorkspaceManagerJobsClient.NewJobPoller`" + ` | ` + "`Get` for each poll" + ` |
| ` + "`SecurityAssignmentsClient.ListAcrossSubscriptions`" + ` | ` + "`NewListBySubscriptionPager` for each subscription" + ` |
`
