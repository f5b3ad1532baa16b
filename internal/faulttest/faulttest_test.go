package faulttest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/routes"
)

// get is a request of a client that follows none of the rules.
func get(ctx context.Context, s *Server, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, s.route.Method, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer fake_token")
	resp, err := s.client().Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, runtime.NewResponseError(resp)
	}
	return io.ReadAll(resp.Body)
}

// careless is a client that does harm.
func careless(leave chan struct{}) Client {
	return Client{
		Calls: map[string]Call{
			routes.Assignments.Get.Operation: func(ctx context.Context, s *Server) ([]any, error) {
				go func() { <-leave }()
				_, err := get(ctx, s, "https://127.0.0.1/")
				return []any{map[string]any{}}, err
			},
			routes.JobsCreate.Operation: func(ctx context.Context, s *Server) ([]any, error) {
				for range 2 {
					_, _ = get(ctx, s, "https://example.com/?api-version=1")
				}
				return nil, io.ErrUnexpectedEOF
			},
			routes.Jobs.List.Operation: func(context.Context, *Server) ([]any, error) { return nil, ErrEndless },
		},
		Errors: []NamedError{{"EOF", io.ErrUnexpectedEOF}},
		After: func(_ *Server, operation string, _ []any, err error) error {
			if operation == routes.Jobs.List.Operation {
				return errors.New("looked at")
			}
			return nil
		},
	}
}

func TestTryFindsHarm(t *testing.T) {
	t.Parallel()
	leave := make(chan struct{})
	row, err := Fault{Name: "x", respond: reset, times: 1, uncertain: true}.Try(t.Context(), careless(leave))
	close(leave)
	require.EqualError(t, err, "x: WorkspaceManagerJobsClient.NewListPager: looked at")
	assert.Equal(t, map[string]Outcome{
		routes.Assignments.Get.Operation: {Result: "ok", Harm: "token sent to another host, nothing returned, no error, goroutines left: 1"},
		routes.JobsCreate.Operation:      {Errors: "EOF", Result: "connection lost", Requests: 2, Harm: "up to 2 jobs started"},
		routes.Jobs.List.Operation:       {Result: "given up after 10 pages", Harm: "never ends"},
	}, row.Outcomes)
}

func TestTablesShowRows(t *testing.T) {
	t.Parallel()
	ours := []Row{{"a fault", map[string]Outcome{
		routes.Jobs.Get.Operation:        {Result: "ok", Requests: 2},
		routes.Assignments.Get.Operation: {Result: "404 Code", Errors: "ErrNotFound", Requests: 1},
	}}}
	theirs := []Row{{"a fault", map[string]Outcome{
		routes.Jobs.Get.Operation:                {Result: "ok", Requests: 1, Harm: "lost"},
		routes.Assignments.Get.Operation:         {Result: "ok", Requests: 1, Harm: "lost"},
		routes.StandardAssignments.Get.Operation: {Result: "ok", Requests: 1, Harm: "lost"},
	}}}
	assert.Equal(t, "| fault | Create | Get | lists | Resource Graph | CreateOrUpdate | Delete |\n|---|---|---|---|---|---|---|\n"+
		"| a fault |  | ok (2); or ErrNotFound, 404 Code (1) |  |  |  |  |\n", Table(ours))
	assert.Contains(t, Comparison(map[string]Row{"a fault": ours[0]}, theirs), "| fault | client | Get |\n|---|---|---|\n"+
		"| a fault | ours | ok (2); or ErrNotFound, 404 Code (1) |\n| | Microsoft's | ok (1) **lost** |\n")
	assert.Equal(t, "| fault | operations | harm |\n|---|---|---|\n"+
		"| a fault | Get | lost |\n", Harms(theirs))
	assert.NotContains(t, Harms(ours), "a fault")
	assert.NotContains(t, Comparison(map[string]Row{"a fault": ours[0]}, ours), "a fault")
	delete(theirs[0].Outcomes, routes.Jobs.Get.Operation)
	delete(theirs[0].Outcomes, routes.StandardAssignments.Get.Operation)
	assert.Contains(t, Harms(theirs), "| a fault | SecurityAssignmentsClient.Get | lost |\n")

	path := t.TempDir() + "/rows.json"
	require.NoError(t, WriteRows(path, ours))
	rows, err := ReadRows(path)
	require.NoError(t, err)
	assert.Equal(t, map[string]Row{"a fault": ours[0]}, rows)
}

// docs/reliability.md shows an operation only if a column has it.
func TestEveryOperationHasAColumn(t *testing.T) {
	t.Parallel()
	for _, route := range routes.All {
		shown := 0
		for _, c := range columns {
			if slices.Contains(c.operations, route) {
				shown++
			}
		}
		assert.Equal(t, 1, shown, "columns in table.go must have %s", route.Operation)
	}
}

func TestSectionReplacesContent(t *testing.T) {
	t.Parallel()
	text, err := Section("a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb", "x", "new")
	require.NoError(t, err)
	assert.Equal(t, "a\n<!-- x: begin -->\n\nnew\n<!-- x: end -->\nb", text)
	_, err = Section(text, "y", "new")
	assert.Error(t, err)
}
