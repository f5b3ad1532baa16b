package repository

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/routes"
)

// docs/api.md has every operation of the table of routes, with its REST page, and
// docs/observability.md has the names of their spans.
func TestAPIPage(t *testing.T) {
	t.Parallel()
	var page, spans strings.Builder
	page.WriteString(apiPage)
	var resource *routes.Resource
	for _, route := range routes.All {
		if route.Resource != resource {
			resource = route.Resource
			fmt.Fprintf(&page, "\n## %s\n\n`%s`\n\n| method | request | api-version | REST documentation |\n|---|---|---|---|\n", resource.Client, resource.Type)
		}
		method := strings.TrimPrefix(route.Operation, resource.Client+".")
		fmt.Fprintf(&page, "| `%s` | `%s %s` | %s | [%s](%s) |\n", method, route.Method, route.Path, route.APIVersion, path.Base(route.Page), route.Page)
		fmt.Fprintf(&spans, "| `%s` | %s | `HTTP %s` | `%s` |\n", route.Operation, route.Kind, route.Method, route.Namespace)
	}
	assertDerived(t, "docs/api.md", func(string) string { return page.String() })
	assertDerived(t, "docs/observability.md", func(text string) string {
		require.Regexp(t, spanRows, text)
		return spanRows.ReplaceAllLiteralString(text, spanHeader+spans.String())
	})
}

// assertDerived compares a file with what it is to be, or writes it.
func assertDerived(t *testing.T, name string, derive func(recorded string) string) {
	t.Helper()
	recorded, err := os.ReadFile("../../" + name)
	require.NoError(t, err)
	want := derive(string(recorded))
	if *update {
		require.NoError(t, os.WriteFile("../../"+name, []byte(want), 0o666))
		return
	}
	assert.Equal(t, string(recorded), want, "the operations change: write %s by: go test ./test/repository -run TestAPI -update", name)
}

const spanHeader = "| span of an operation | kind | request | `az.namespace` |\n|---|---|---|---|\n"

var spanRows = regexp.MustCompile(regexp.QuoteMeta(spanHeader) + `(\|.*\n)*`)

const apiPage = `# Operations

Every operation of every client, its request and its page of Azure's REST documentation.

These methods send the requests of others:

| method | sends |
|---|---|
| ` + "`WorkspaceManagerJobsClient.BeginCreate`" + ` | ` + "`Create`, then `Get` for each poll; with `Recover`, `NewListPager` before `Create`" + ` |
| ` + "`WorkspaceManagerJobsClient.NewJobPoller`" + ` | ` + "`Get` for each poll" + ` |
| ` + "`SecurityAssignmentsClient.ListAcrossSubscriptions`" + ` | ` + "`NewListBySubscriptionPager` for each subscription" + ` |
`
