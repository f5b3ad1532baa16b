package armsecops_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

func TestNewClientParameters(t *testing.T) {
	t.Parallel()
	credential := &azfake.TokenCredential{}
	tests := map[string]struct {
		subscriptionID string
		credential     azcore.TokenCredential
		options        *armsecops.ClientOptions
		parameter      string
	}{
		"no subscription":        {"", credential, nil, "subscriptionID"},
		"subscription's name":    {"production", credential, nil, "subscriptionID"},
		"no UUID":                {"d0cfe6b2-9ac0-4464-9919-dccaee2e48cg", credential, nil, "subscriptionID"},
		"UUID without hyphens":   {"d0cfe6b29ac044649919dccaee2e48c0", credential, nil, "subscriptionID"},
		"more than a UUID":       {jobsSubscription + "/", credential, nil, "subscriptionID"},
		"no credential":          {jobsSubscription, nil, nil, "credential"},
		"negative bound":         {jobsSubscription, credential, &armsecops.ClientOptions{MaxResponseBytes: -1}, "MaxResponseBytes"},
		"endpoint isn't a URL":   {jobsSubscription, credential, withEndpoint("management.example"), "Cloud"},
		"endpoint without https": {jobsSubscription, credential, withEndpoint("http://management.example"), "Cloud"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			jobs, err := armsecops.NewWorkspaceManagerJobsClient(test.subscriptionID, test.credential, test.options)
			assert.Nil(t, jobs)
			assertParameterError(t, err, test.parameter)
			assignments, err := armsecops.NewSecurityAssignmentsClient(test.subscriptionID, test.credential, test.options)
			assert.Nil(t, assignments)
			assertParameterError(t, err, test.parameter)
		})
	}
}

func withEndpoint(endpoint string) *armsecops.ClientOptions {
	o := &armsecops.ClientOptions{}
	o.Cloud = cloud.Configuration{Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
		cloud.ResourceManager: {Audience: "https://management.example", Endpoint: endpoint},
	}}
	return o
}

func assertParameterError(t *testing.T, err error, name string) {
	t.Helper()
	e, ok := errors.AsType[*armsecops.ParameterError](err)
	if assert.True(t, ok, "%T: %v", err, err) {
		assert.Equal(t, name, e.Name)
		assert.Contains(t, e.Reason, "must")
	}
}

// A parameter that breaks its rule is refused before anything is sent, whatever the operation.
func TestParameters(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 91)
	names := map[string]string{
		"empty": "", "two characters": "ab", "hyphen first": "-abc", "hyphen last": "abc-", "slash": "a/b",
		"dots": "...", "space": "a b", "letters of another script": "größe", "escape": "a%2fb", "line end": "abc\n",
	}
	resourceGroups := map[string]string{
		"empty": "", "too long": long, "dot": ".", "two dots": "..", "dot last": "rg.", "slash": "a/b", "space": "a b",
		"question mark": "rg?", "escape": "rg%2e", "not UTF-8": "rg\xff", "91 characters": strings.Repeat("ü", 91),
	}
	assignmentIDs := map[string]string{
		"empty": "", "dot": ".", "two dots": "..", "slash": "a/b", "question mark": "a?b", "fragment": "a#b", "line end": "a\nb", "not UTF-8": "a\xff",
	}
	send := options(transportFunc(func(*http.Request) (*http.Response, error) {
		t.Error("a request was sent")
		return nil, io.EOF
	}))
	jobs, assignments := newJobsClient(t, send), newAssignmentsClient(t, send)
	ctx := t.Context()

	// The operations that take each parameter.
	type operation = func(value string) error
	operations := map[string][]operation{
		"resourceGroupName": {
			func(v string) error { _, err := jobs.Create(ctx, v, "workspace", "assignment", nil); return err },
			func(v string) error { _, err := jobs.BeginCreate(ctx, v, "workspace", "assignment", nil); return err },
			func(v string) error { _, err := jobs.Get(ctx, v, "workspace", "assignment", "job", nil); return err },
			func(v string) error { _, err := jobs.Delete(ctx, v, "workspace", "assignment", "job", nil); return err },
			func(v string) error {
				_, err := jobs.NewJobPoller(v, "workspace", "assignment", "job", nil)
				return err
			},
			func(v string) error {
				_, err := jobs.NewListPager(v, "workspace", "assignment", nil).NextPage(ctx)
				return err
			},
			func(v string) error { _, err := assignments.Get(ctx, v, "id", nil); return err },
			func(v string) error {
				_, err := assignments.CreateOrUpdate(ctx, v, "id", armsecops.Assignment{}, nil)
				return err
			},
			func(v string) error { _, err := assignments.Delete(ctx, v, "id", nil); return err },
			func(v string) error { _, err := assignments.NewListPager(v, nil).NextPage(ctx); return err },
		},
		"workspaceName": {
			func(v string) error { _, err := jobs.Create(ctx, "rg", v, "assignment", nil); return err },
			func(v string) error { _, err := jobs.Get(ctx, "rg", v, "assignment", "job", nil); return err },
			func(v string) error { _, err := jobs.Delete(ctx, "rg", v, "assignment", "job", nil); return err },
			func(v string) error {
				_, err := jobs.NewListPager("rg", v, "assignment", nil).NextPage(ctx)
				return err
			},
		},
		"workspaceManagerAssignmentName": {
			func(v string) error { _, err := jobs.Create(ctx, "rg", "workspace", v, nil); return err },
			func(v string) error { _, err := jobs.Get(ctx, "rg", "workspace", v, "job", nil); return err },
			func(v string) error { _, err := jobs.Delete(ctx, "rg", "workspace", v, "job", nil); return err },
			func(v string) error {
				_, err := jobs.NewListPager("rg", "workspace", v, nil).NextPage(ctx)
				return err
			},
		},
		"jobName": {
			func(v string) error { _, err := jobs.Get(ctx, "rg", "workspace", "assignment", v, nil); return err },
			func(v string) error { _, err := jobs.Delete(ctx, "rg", "workspace", "assignment", v, nil); return err },
			func(v string) error { _, err := jobs.NewJobPoller("rg", "workspace", "assignment", v, nil); return err },
		},
		"assignmentID": {
			func(v string) error { _, err := assignments.Get(ctx, "rg", v, nil); return err },
			func(v string) error {
				_, err := assignments.CreateOrUpdate(ctx, "rg", v, armsecops.Assignment{}, nil)
				return err
			},
			func(v string) error { _, err := assignments.Delete(ctx, "rg", v, nil); return err },
		},
		"subscriptionID": {
			func(v string) error { _, err := jobs.WithSubscription(v); return err },
			func(v string) error { _, err := assignments.WithSubscription(v); return err },
		},
	}
	values := map[string]map[string]string{
		"resourceGroupName":              resourceGroups,
		"workspaceName":                  names,
		"workspaceManagerAssignmentName": names,
		"jobName":                        names,
		"assignmentID":                   assignmentIDs,
		"subscriptionID":                 {"empty": "", "name": "production"},
	}
	for parameter, list := range operations {
		for name, value := range values[parameter] {
			t.Run(parameter+"/"+name, func(t *testing.T) {
				for _, operation := range list {
					err := operation(value)
					assertParameterError(t, err, parameter)
					e, _ := errors.AsType[*armsecops.ParameterError](err)
					assert.Equal(t, value, e.Value)
				}
			})
		}
	}
	t.Run("workspaceName/too long", func(t *testing.T) {
		_, err := jobs.Create(ctx, "rg", long, "assignment", nil)
		assertParameterError(t, err, "workspaceName")
	})
	t.Run("Top", func(t *testing.T) {
		_, err := jobs.NewListPager("rg", "workspace", "assignment", &armsecops.WorkspaceManagerJobsClientListOptions{Top: -1}).NextPage(ctx)
		assertParameterError(t, err, "Top")
	})
	t.Run("assignment", func(t *testing.T) {
		assignment := armsecops.Assignment{Properties: armsecops.AssignmentProperties{Metadata: json.RawMessage("{")}}
		_, err := assignments.CreateOrUpdate(ctx, "rg", "id", assignment, nil)
		assertParameterError(t, err, "assignment")
	})
}

// Values that the rules allow arrive in one path segment each.
func TestPathsAreEscaped(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ resourceGroupName, assignmentID, path string }{
		"letters of other scripts": {"größe_(東京)-1.a", "id", "/resourceGroups/gr%C3%B6%C3%9Fe_%28%E6%9D%B1%E4%BA%AC%29-1.a/providers/Microsoft.Security/assignments/id"},
		"90 characters":            {strings.Repeat("ü", 90), "id", "/resourceGroups/" + strings.Repeat("%C3%BC", 90) + "/providers/Microsoft.Security/assignments/id"},
		"percent signs":            {"rg", "100%25", "/resourceGroups/rg/providers/Microsoft.Security/assignments/100%2525"},
		"spaces and the like":      {"rg", `a b;c="{d}"`, "/resourceGroups/rg/providers/Microsoft.Security/assignments/a%20b%3Bc=%22%7Bd%7D%22"},
		"dots in the middle":       {"rg", "...", "/resourceGroups/rg/providers/Microsoft.Security/assignments/..."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got *url.URL
			client := newAssignmentsClient(t, options(transportFunc(func(req *http.Request) (*http.Response, error) {
				got = req.URL
				return respond(200, "{}")(req)
			})))
			_, err := client.Get(t.Context(), test.resourceGroupName, test.assignmentID, nil)
			require.NoError(t, err)
			assert.Equal(t, "/subscriptions/"+assignmentsSubscription+test.path, got.EscapedPath())
		})
	}
}

func TestAPIVersionOverride(t *testing.T) {
	t.Parallel()
	var queries []string
	o := options(transportFunc(func(req *http.Request) (*http.Response, error) {
		queries = append(queries, req.URL.RawQuery)
		if len(queries) == 1 {
			return respond(200, `{"nextLink":"`+req.URL.String()+`&$skipToken=a"}`)(req)
		}
		return respond(200, `{}`)(req)
	}))
	o.APIVersion = "2030-01-01"
	for _, err := range newAssignmentsClient(t, o).NewListBySubscriptionPager(nil).Pages(t.Context()) {
		require.NoError(t, err)
	}
	assert.Equal(t, []string{"api-version=2030-01-01", "$skipToken=a&api-version=2030-01-01"}, queries)
}

// An endpoint may have a path of its own.
func TestEndpointWithPath(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{"https://proxy.example/arm", "https://proxy.example/arm/"} {
		var paths []string
		o := withEndpoint(endpoint)
		o.Transport = transportFunc(func(req *http.Request) (*http.Response, error) {
			paths = append(paths, req.URL.Host+req.URL.Path)
			if len(paths) == 1 {
				return respond(200, `{"nextLink":"/subscriptions/`+assignmentsSubscription+`/providers/Microsoft.Security/assignments?$skipToken=a"}`)(req)
			}
			return respond(200, `{}`)(req)
		})
		for _, err := range newAssignmentsClient(t, o).NewListBySubscriptionPager(nil).Pages(t.Context()) {
			require.NoError(t, err)
		}
		want := "proxy.example/arm/subscriptions/" + assignmentsSubscription + "/providers/Microsoft.Security/assignments"
		assert.Equal(t, []string{want, want}, paths)
	}
}

func TestWithSubscription(t *testing.T) {
	t.Parallel()
	const other = "ffffffff-9ac0-4464-9919-dccaee2e48c0"
	var paths []string
	send := options(transportFunc(func(req *http.Request) (*http.Response, error) {
		paths = append(paths, strings.Split(req.URL.Path, "/")[2])
		return respond(204)(req)
	}))
	jobs, assignments := newJobsClient(t, send), newAssignmentsClient(t, send)
	otherJobs, err := jobs.WithSubscription(other)
	require.NoError(t, err)
	otherAssignments, err := assignments.WithSubscription(other)
	require.NoError(t, err)
	for _, client := range []*armsecops.WorkspaceManagerJobsClient{otherJobs, jobs} {
		_, err := client.Delete(t.Context(), "rg", "workspace", "assignment", "job", nil)
		require.NoError(t, err)
	}
	for _, client := range []*armsecops.SecurityAssignmentsClient{otherAssignments, assignments} {
		_, err := client.Delete(t.Context(), "rg", "id", nil)
		require.NoError(t, err)
	}
	assert.Equal(t, []string{other, jobsSubscription, other, assignmentsSubscription}, paths)
}

// span is what a tracing provider was told of one span.
type span struct {
	name, status string
	failed       bool
	ended        bool
	attributes   map[string]any
}

// spans is a tracing provider that remembers.
type spans struct {
	mu   sync.Mutex
	list []*span
}

func (s *spans) provider() tracing.Provider {
	return tracing.NewProvider(func(string, string) tracing.Tracer {
		return tracing.NewTracer(func(ctx context.Context, name string, o *tracing.SpanOptions) (context.Context, tracing.Span) {
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
		}, &tracing.TracerOptions{SpanFromContext: func(ctx context.Context) tracing.Span {
			current, _ := ctx.Value(spanKey{}).(tracing.Span)
			return current
		}})
	}, nil)
}

type spanKey struct{}

// A span sees the final error of its operation, whichever step it comes from.
func TestSpans(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		transport transportFunc
		call      func(context.Context, *armsecops.SecurityAssignmentsClient) error
		name      string
		status    string // of the operation's span; empty: it didn't fail
	}{
		"success": {respond(200, "{}"), get("id"), "SecurityAssignmentsClient.Get", ""},
		"parameter": {respond(200, "{}"), get(""), "SecurityAssignmentsClient.Get",
			"*armsecops.ParameterError:\nparameter assignmentID must not be empty"},
		"answer": {respond(404, `{"error":{"code":"NotFound"}}`), get("id"), "SecurityAssignmentsClient.Get",
			"*armsecops.CloudError:\nSecurityAssignmentsClient.Get: 404 Not Found: NotFound"},
		"decoding": {respond(200, `[]`), get("id"), "SecurityAssignmentsClient.Get",
			"*armsecops.CloudError:\nSecurityAssignmentsClient.Get: 200 OK: decoding the response"},
		"connection": {func(*http.Request) (*http.Response, error) { return nil, io.ErrClosedPipe }, get("id"), "SecurityAssignmentsClient.Get",
			"SecurityAssignmentsClient.Get: io: read/write on closed pipe"},
		"link": {respond(200, `{"nextLink":"https://evil.example"}`), func(ctx context.Context, c *armsecops.SecurityAssignmentsClient) error {
			pager := c.NewListPager("rg", nil)
			if _, err := pager.NextPage(ctx); err != nil {
				return err
			}
			_, err := pager.NextPage(ctx)
			return err
		}, "SecurityAssignmentsClient.NewListPager", "untrusted next link"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s spans
			var names []any
			o := options(transportFunc(func(req *http.Request) (*http.Response, error) {
				names = append(names, req.Context().Value(runtime.CtxAPINameKey{}))
				return test.transport(req)
			}))
			o.Retry.MaxRetries = -1
			o.TracingProvider = s.provider()
			err := test.call(t.Context(), newAssignmentsClient(t, o))
			for _, one := range s.list {
				assert.True(t, one.ended, one.name)
			}
			for _, name := range names {
				assert.Equal(t, test.name, name)
			}
			last := s.list[len(s.list)-1]
			if strings.HasPrefix(last.name, "HTTP ") {
				assert.Equal(t, "Microsoft.Security", s.list[len(s.list)-2].attributes["az.namespace"])
				last = s.list[len(s.list)-2]
			}
			assert.Equal(t, test.name, last.name)
			if test.status == "" {
				require.NoError(t, err)
				assert.False(t, last.failed)
				return
			}
			require.Error(t, err)
			assert.True(t, last.failed)
			assert.Contains(t, last.status, test.status)
		})
	}
}

func get(assignmentID string) func(context.Context, *armsecops.SecurityAssignmentsClient) error {
	return func(ctx context.Context, c *armsecops.SecurityAssignmentsClient) error {
		_, err := c.Get(ctx, "rg", assignmentID, nil)
		return err
	}
}

// An error of the transport names the operation and keeps its query to itself.
func TestTransportError(t *testing.T) {
	t.Parallel()
	o := options(transportFunc(func(req *http.Request) (*http.Response, error) {
		return nil, &url.Error{Op: "Get", URL: req.URL.String(), Err: io.ErrUnexpectedEOF}
	}))
	o.Retry.MaxRetries = -1
	pager := newJobsClient(t, o).NewListPager("rg", "workspace", "assignment", &armsecops.WorkspaceManagerJobsClientListOptions{SkipToken: "private"})
	_, err := pager.NextPage(t.Context())
	assert.EqualError(t, err, "WorkspaceManagerJobsClient.NewListPager: unexpected EOF")
	assert.ErrorAs(t, err, new(*url.Error))
}

// A call ends with its context, says why, and what went wrong before.
func TestContextEnds(t *testing.T) {
	t.Parallel()
	t.Run("while waiting for another try", func(t *testing.T) {
		t.Parallel()
		reason := errors.New("the operator went home")
		ctx, cancel := context.WithCancelCause(t.Context())
		o := options(transportFunc(func(req *http.Request) (*http.Response, error) {
			defer cancel(reason)
			return respond(503, `{"error":{"code":"ServerBusy"}}`, "x-ms-request-id", requestID)(req)
		}))
		o.Retry.RetryDelay = time.Hour
		o.Retry.MaxRetryDelay = time.Hour
		_, err := newJobsClient(t, o).Get(ctx, "rg", "workspace", "assignment", "job", nil)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, reason)
		assert.True(t, armsecops.HasCode(err, "ServerBusy"))
		assert.EqualError(t, err, "WorkspaceManagerJobsClient.Get: context canceled: the operator went home; the last attempt failed: WorkspaceManagerJobsClient.Get: 503 Service Unavailable: ServerBusy (request "+requestID+")")
	})
	t.Run("when its deadline is over", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			o := options(respond(503, `{"error":{"code":"ServerBusy"}}`))
			o.Retry.RetryDelay = time.Second
			o.Retry.MaxRetries = 100
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			start := time.Now()
			_, err := newJobsClient(t, o).Get(ctx, "rg", "workspace", "assignment", "job", nil)
			assert.Equal(t, 10*time.Second, time.Since(start))
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.True(t, armsecops.HasCode(err, "ServerBusy"))
		})
	})
	t.Run("in the body of the next try", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			requests := 0
			client := newJobsClient(t, options(transportFunc(func(req *http.Request) (*http.Response, error) {
				if requests++; requests == 1 {
					return respond(503, `{"error":{"code":"ServerBusy"}}`)(req)
				}
				resp, err := respond(200)(req)
				resp.Body = io.NopCloser(readerFunc(func([]byte) (int, error) {
					<-req.Context().Done()
					return 0, req.Context().Err()
				}))
				return resp, err
			})))
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			_, err := client.Get(ctx, "rg", "workspace", "assignment", "job", nil)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.True(t, armsecops.HasCode(err, "ServerBusy"), err)
		})
	})
	t.Run("before the call", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithTimeout(t.Context(), 0)
		defer cancel()
		_, err := newJobsClient(t, options(respond(200, "{}"))).Get(ctx, "rg", "workspace", "assignment", "job", nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// The caller's own policies see the request as it is sent.
func TestCallersPolicies(t *testing.T) {
	t.Parallel()
	seen := 0
	o := options(respond(200, "{}"))
	o.PerCallPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
		seen++
		assert.Equal(t, "2021-08-01-preview", req.Raw().URL.Query().Get("api-version"))
		return req.Next()
	})}
	_, err := newAssignmentsClient(t, o).Get(t.Context(), "rg", "id", nil)
	require.NoError(t, err)
	assert.Equal(t, 1, seen)
	assert.Len(t, o.PerRetryPolicies, 0, "the caller's options are not changed")
}

type policyFunc func(*policy.Request) (*http.Response, error)

func (f policyFunc) Do(req *policy.Request) (*http.Response, error) { return f(req) }
