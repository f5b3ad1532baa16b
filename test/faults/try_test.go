package faults

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
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
		Has: func(route *routes.Route) bool {
			return slices.Contains([]*routes.Route{routes.Assignments.Get, routes.JobsCreate, routes.Jobs.List}, route)
		},
		Call: func(ctx context.Context, s *Server, call testkit.Call) ([]any, error) {
			switch call.Route {
			case routes.Assignments.Get:
				go func() { <-leave }()
				_, err := get(ctx, s, "https://127.0.0.1/")
				return []any{map[string]any{}}, err
			case routes.JobsCreate:
				for range 2 {
					_, _ = get(ctx, s, "https://example.com/?api-version=1")
				}
				return nil, io.ErrUnexpectedEOF
			}
			return nil, ErrEndless
		},
		Errors: []NamedError{{"EOF", io.ErrUnexpectedEOF}},
		After: func(_ *Server, call testkit.Call, _ []any, err error) error {
			if call.Route == routes.Jobs.List {
				return errors.New("looked at")
			}
			return nil
		},
	}
}

func TestTryFindsHarm(t *testing.T) {
	t.Parallel()
	require.True(t, slices.Contains(driver.Operations(), routes.JobsCreate), "WorkspaceManagerJobsClient is incomplete: other tests say what it needs")
	leave := make(chan struct{})
	client := careless(leave)
	outcomes, err := Fault{Name: "x", respond: reset, times: 1, uncertain: true}.Try(t.Context(), client, client.Operations(true))
	close(leave)
	require.EqualError(t, err, "x: WorkspaceManagerJobsClient.NewListPager: looked at")
	assert.Equal(t, map[*routes.Route]Outcome{
		routes.Assignments.Get: {Result: "ok", Harm: "token sent to another host, nothing returned, no error, goroutines left: 1"},
		routes.JobsCreate:      {Errors: "EOF", Result: "connection lost", Requests: 2, Harm: "up to 2 jobs started"},
		routes.Jobs.List:       {Result: "given up after 10 pages", Harm: "never ends"},
	}, outcomes)
}

// One operation of each kind and form of path stands for the others.
func TestOperationsAreOneOfEachKindAndForm(t *testing.T) {
	t.Parallel()
	all := Client{Has: func(*routes.Route) bool { return true }}
	require.True(t, slices.Contains(driver.Operations(), routes.JobsCreate), "WorkspaceManagerJobsClient is incomplete: other tests say what it needs")
	assert.Equal(t, driver.Operations(), all.Operations(true))
	some := all.Operations(false)
	assert.Subset(t, some, []*routes.Route{routes.JobsCreate, routes.Jobs.Get, routes.StandardAssignments.Get, routes.Assignments.Query})
	assert.NotContains(t, some, routes.Assignments.Get)
}

func TestTablesShowRows(t *testing.T) {
	t.Parallel()
	lost := Outcome{Result: "ok", Requests: 1, Harm: "lost"}
	ours := []Row{newRow(Fault{Name: "a fault"}, map[*routes.Route]Outcome{
		routes.Jobs.Get:        {Result: "ok", Requests: 2},
		routes.Assignments.Get: {Result: "404 Code", Errors: "ErrNotFound", Requests: 1},
		routes.JobsCreate:      {Result: "ok", Requests: 1},
	})}
	theirs := []Row{newRow(Fault{Name: "a fault"}, map[*routes.Route]Outcome{routes.Jobs.Get: lost, routes.Assignments.Get: lost})}
	assert.Equal(t, "| fault | Create | Get |\n|---|---|---|\n| a fault | ok (1) | ok (2); or ErrNotFound, 404 Code (1) |\n", Table(ours))
	assert.Equal(t, "| fault | client | Get |\n|---|---|---|\n"+
		"| a fault | ours | ok (2); or ErrNotFound, 404 Code (1) |\n| | Microsoft's | ok (1) **lost** |\n", Comparison(map[string]Row{"a fault": ours[0]}, theirs))
	assert.Equal(t, "| fault | operations | harm |\n|---|---|---|\n| a fault | Get | lost |\n", Harms(theirs))
	assert.NotContains(t, Harms(ours), "a fault")
	assert.NotContains(t, Comparison(map[string]Row{"a fault": ours[0]}, ours), "a fault")
	path := t.TempDir() + "/rows.json"
	require.NoError(t, WriteRows(path, ours))
	rows := testkit.Must(ReadRows(path))
	assert.Equal(t, map[string]Row{"a fault": ours[0]}, rows)
}

func TestSectionReplacesContent(t *testing.T) {
	t.Parallel()
	text := testkit.Must(Section("a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb", "x", "new"))
	assert.Equal(t, "a\n<!-- x: begin -->\n\nnew\n<!-- x: end -->\nb", text)
	_, err := Section(text, "y", "new")
	assert.Error(t, err)
}

// What the transport of net/http makes of the faults, the same on every version of Go.
func TestHTTP2Faults(t *testing.T) {
	t.Parallel()
	internalError, refused := resetStream(http2.ErrCodeInternal), resetStream(http2.ErrCodeRefusedStream)
	ok := func(requests int) Outcome { return Outcome{Result: "ok", Requests: requests} }
	lost := Outcome{Result: "connection lost", Requests: 1}
	tooOften := Outcome{Result: "400 SentTooOften", Requests: 10, Harm: "sent 10 times in one attempt"}
	retried := Outcome{Result: "ok", Requests: 2, Harm: "a graceful GOAWAY cost an attempt"}
	resent := Outcome{Result: "ok", Requests: 5, Harm: "sent 5 times in one attempt"}
	type test struct {
		fault    Fault
		attempts int
		want     Outcome
	}
	testkit.EachNamed(t, map[string]test{
		"none":                   {Fault{}, 5, ok(5)},
		"reset":                  {Fault{respond: internalError}, 1, lost},
		"reset once":             {Fault{respond: internalError, times: 1}, 2, ok(2)},
		"refused":                {Fault{respond: refused, times: 1}, 1, ok(2)},
		"GOAWAY before":          {Fault{respond: goAwayBefore, times: 1, graceful: true}, 1, ok(2)},
		"GOAWAY and a retry":     {Fault{graceful: true}, 2, retried},
		"GOAWAY before, 3 times": {Fault{respond: goAwayBefore, times: 3}, 1, ok(4)},
		"GOAWAY before, 4 times": {Fault{respond: goAwayBefore, times: 4}, 1, resent},
		"GOAWAY before, forever": {Fault{respond: goAwayBefore}, 1, tooOften},
		"GOAWAY after":           {Fault{respond: goAwayAfter}, 1, lost},
	}, func(t *testing.T, name string, test test) {
		fault := test.fault
		fault.Name, fault.http2 = name, true
		client := Client{Call: func(ctx context.Context, s *Server, _ testkit.Call) (models []any, err error) {
			for range test.attempts {
				body, getErr := get(ctx, s, "https://example.com/?api-version=1")
				models, err = []any{json.RawMessage(body)}, getErr
			}
			return models, err
		}}
		outcomes := testkit.Must(fault.Try(t.Context(), client, []*routes.Route{routes.Assignments.Get}))
		assert.Equal(t, test.want, outcomes[routes.Assignments.Get])
	})
}
