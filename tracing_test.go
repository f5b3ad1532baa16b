package armsecops_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// span is one span as a tracing provider receives it.
type span struct {
	name, status string
	failed       bool
	ended        bool
	attributes   map[string]any
}

// spans is a tracing provider that records.
type spans struct {
	mu   sync.Mutex
	list []*span
}

func (s *spans) provider() tracing.Provider {
	return tracing.NewProvider(func(string, string) tracing.Tracer {
		return tracing.NewTracer(s.start, &tracing.TracerOptions{SpanFromContext: func(ctx context.Context) tracing.Span {
			current, _ := ctx.Value(spanKey{}).(tracing.Span)
			return current
		}})
	}, nil)
}

type spanKey struct{}

func (s *spans) start(ctx context.Context, name string, o *tracing.SpanOptions) (context.Context, tracing.Span) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := &span{name: name, attributes: map[string]any{}}
	s.list = append(s.list, one)
	set := func(attributes ...tracing.Attribute) {
		for _, a := range attributes {
			one.attributes[a.Key] = a.Value
		}
	}
	set(o.Attributes...)
	tracingSpan := tracing.NewSpan(tracing.SpanImpl{
		End:           func() { one.ended = true },
		SetAttributes: set,
		AddEvent:      func(string, ...tracing.Attribute) {},
		SetStatus: func(status tracing.SpanStatus, description string) {
			one.failed = status == tracing.SpanStatusError
			one.status = description
		},
	})
	return context.WithValue(ctx, spanKey{}, tracingSpan), tracingSpan
}

// names returns the names of the spans, each of which must have ended.
func (s *spans) names(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, one := range s.list {
		assert.True(t, one.ended, one.name)
		names = append(names, one.name)
	}
	return names
}

// last returns the last span of the name.
func (s *spans) last(t *testing.T, name string) *span {
	t.Helper()
	names := s.names(t)
	require.Contains(t, names, name)
	slices.Reverse(names)
	return s.list[len(names)-1-slices.Index(names, name)]
}

func getAssignment(id string) func(context.Context, *armsecops.SecurityAssignmentsClient) error {
	return func(ctx context.Context, c *armsecops.SecurityAssignmentsClient) error {
		_, err := c.Get(ctx, "rg", id, nil)
		return err
	}
}

// listTwoPages returns the error of the second page, or of the first.
func listTwoPages(ctx context.Context, c *armsecops.SecurityAssignmentsClient) error {
	pager := c.NewListPager("rg", nil)
	if _, err := pager.NextPage(ctx); err != nil {
		return err
	}
	_, err := pager.NextPage(ctx)
	return err
}

// The span of an operation has its final error, whichever step that comes from.
func TestSpansHaveTheFinalError(t *testing.T) {
	t.Parallel()
	const get, list = "SecurityAssignmentsClient.Get", "SecurityAssignmentsClient.NewListPager"
	notFound := respond(404, `{"error":{"code":"NotFound"}}`)
	tests := map[string]struct {
		response transportFunc
		call     func(context.Context, *armsecops.SecurityAssignmentsClient) error
		name     string
		status   string // empty: success
	}{
		"success":    {respond(200, "{}"), getAssignment("id"), get, ""},
		"response":   {notFound, getAssignment("id"), get, "*armsecops.CloudError:\n" + get + ": 404 Not Found: NotFound"},
		"decoding":   {respond(200, `[]`), getAssignment("id"), get, "*armsecops.CloudError:\n" + get + ": 200 OK: decoding the response"},
		"connection": {lost, getAssignment("id"), get, get + ": " + io.ErrUnexpectedEOF.Error()},
		"link":       {respond(200, `{"nextLink":"https://evil.example"}`), listTwoPages, list, "untrusted next link"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s spans
			o := options(script(t, func(req *http.Request) (*http.Response, error) {
				assert.Equal(t, test.name, req.Context().Value(runtime.CtxAPINameKey{}))
				return test.response(req)
			}))
			o.Retry.MaxRetries = -1
			o.TracingProvider = s.provider()
			err := test.call(t.Context(), newAssignmentsClient(t, o))
			last := s.last(t, test.name)
			assert.Equal(t, test.status != "", err != nil)
			assert.Equal(t, test.status != "", last.failed)
			assert.Contains(t, last.status, test.status)
		})
	}
}

func TestSpansNameTheResourceProvider(t *testing.T) {
	t.Parallel()
	var s spans
	o := options(script(t, respond(200, "{}")))
	o.TracingProvider = s.provider()
	require.NoError(t, getAssignment("id")(t.Context(), newAssignmentsClient(t, o)))
	assert.Equal(t, "Microsoft.Security", s.last(t, "SecurityAssignmentsClient.Get").attributes["az.namespace"])
}

// A call that is refused before anything is sent has a span, too.
func TestSpanOfARefusedArgument(t *testing.T) {
	t.Parallel()
	var s spans
	o := options(script(t))
	o.TracingProvider = s.provider()
	err := getAssignment("")(t.Context(), newAssignmentsClient(t, o))
	assertParameterError(t, err, "assignmentID")
	last := s.last(t, "SecurityAssignmentsClient.Get")
	assert.True(t, last.failed)
	assert.Contains(t, last.status, "*armsecops.ParameterError:\nparameter assignmentID must not be empty")
}

// Pollers trace their waiting, those of a resume token as well.
func TestPollersAreTraced(t *testing.T) {
	t.Parallel()
	const create = "Poller[WorkspaceManagerJobsClientCreateResponse].PollUntilDone"
	const get = "Poller[WorkspaceManagerJobsClientGetResponse].PollUntilDone"
	tests := map[string]struct {
		wait func(*testing.T, *armsecops.WorkspaceManagerJobsClient) error
		name string
	}{
		"BeginCreate": {func(t *testing.T, c *armsecops.WorkspaceManagerJobsClient) error {
			_, err := beginCreate(t, c).PollUntilDone(t.Context(), nil)
			return err
		}, create},
		"BeginCreate, resumed": {func(t *testing.T, c *armsecops.WorkspaceManagerJobsClient) error {
			token, err := beginCreate(t, c).ResumeToken()
			require.NoError(t, err)
			_, err = resumeCreate(t, c, token).PollUntilDone(t.Context(), nil)
			return err
		}, create},
		"NewJobPoller": {func(t *testing.T, c *armsecops.WorkspaceManagerJobsClient) error {
			beginCreate(t, c)
			_, err := newJobPoller(t, c).PollUntilDone(t.Context(), nil)
			return err
		}, get},
		"NewJobPoller, resumed": {func(t *testing.T, c *armsecops.WorkspaceManagerJobsClient) error {
			beginCreate(t, c)
			token, err := newJobPoller(t, c).ResumeToken()
			require.NoError(t, err)
			_, err = resumeJobPoller(t, c, token).PollUntilDone(t.Context(), nil)
			return err
		}, get},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var s spans
				o := options(newFake(1))
				o.TracingProvider = s.provider()
				require.NoError(t, test.wait(t, newJobsClient(t, o)))
				assert.False(t, s.last(t, test.name).failed)
			})
		})
	}
}
