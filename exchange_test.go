package armsecops_test

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

const startedJob = `{"name":"` + jobName + `","properties":{"provisioningState":"InProgress"}}`

// abort resets the connection that a handler answers on.
func abort(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		tcp := conn.(*tls.Conn).NetConn().(*net.TCPConn)
		_ = tcp.SetLinger(0)
		_ = tcp.Close()
	}
}

// newTLSServer starts a server, and returns options of a client that takes it for the endpoint.
func newTLSServer(t testing.TB, handler http.Handler) (*httptest.Server, *armsecops.ClientOptions) {
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	o := withEndpoint(server.URL)
	o.Transport = server.Client()
	o.Retry.RetryDelay = 1 // ns; azcore takes 0 for an overflow
	return server, o
}

// A table of what can happen to the request that starts a job. However often it
// is tried, at most one request reaches a service that may have carried it out.
func TestCreateIsNeverDoubled(t *testing.T) {
	t.Parallel()
	status := func(code int, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
			_, _ = fmt.Fprintf(w, `{"error":{"code":"Code%d"}}`, code)
		}
	}
	tests := map[string]struct {
		first    http.HandlerFunc // answers the first request; the others succeed
		dial     int              // connections that fail before one is made
		requests int              // that arrive
		err      error            // nil: success
		unknown  bool
		contains string
	}{
		"success":                   {first: nil, requests: 1},
		"dial refused, then not":    {dial: 2, requests: 1},
		"dial refused for ever":     {dial: 100, requests: 0, err: syscall.ECONNREFUSED},
		"reset after send":          {first: func(w http.ResponseWriter, _ *http.Request) { abort(w) }, requests: 1, err: syscall.ECONNRESET, unknown: true},
		"closed after send":         {first: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, requests: 1, err: io.EOF, unknown: true},
		"cut response":              {first: func(w http.ResponseWriter, _ *http.Request) { cut(w) }, requests: 1, err: io.ErrUnexpectedEOF, unknown: true, contains: "200 OK"},
		"answer that isn't JSON":    {first: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, requests: 1, err: errAny, unknown: true, contains: "200 OK"},
		"408":                       {first: status(408), requests: 1, err: errAny, unknown: true, contains: "408 Request Timeout: Code408"},
		"409":                       {first: status(409), requests: 1, err: armsecops.ErrConflict},
		"429 with Retry-After":      {first: status(429, "Retry-After-Ms", "1"), requests: 2},
		"429 without Retry-After":   {first: status(429), requests: 2},
		"429 with a long one":       {first: status(429, "Retry-After", "3600"), requests: 1, err: armsecops.ErrThrottled},
		"500":                       {first: status(500), requests: 1, err: errAny, unknown: true, contains: "500 Internal Server Error: Code500"},
		"502":                       {first: status(502), requests: 1, err: errAny, unknown: true, contains: "502 Bad Gateway"},
		"503":                       {first: status(503), requests: 1, err: errAny, unknown: true, contains: "503 Service Unavailable"},
		"503 with Retry-After":      {first: status(503, "Retry-After", "1"), requests: 1, err: errAny, unknown: true, contains: "503 Service Unavailable"},
		"504":                       {first: status(504), requests: 1, err: errAny, unknown: true, contains: "504 Gateway Timeout"},
		"redirect":                  {first: status(307, "Location", "https://elsewhere.example"), requests: 1, err: errAny, contains: "307 Temporary Redirect"},
		"accepted":                  {first: status(202), requests: 1, err: errAny, unknown: true, contains: "202 Accepted"},
		"no content":                {first: status(204), requests: 1, err: errAny, unknown: true, contains: "204 No Content"},
		"dial refused, then 503":    {dial: 1, first: status(503), requests: 1, err: errAny, unknown: true},
		"429, then a lost answer":   {first: status(429, "Retry-After-Ms", "1"), requests: 2}, // the second one succeeds
		"unauthorized, not retried": {first: status(401), requests: 1, err: armsecops.ErrUnauthorized},
	}
	calls := map[string]func(context.Context, *armsecops.WorkspaceManagerJobsClient) error{
		"Create": func(ctx context.Context, c *armsecops.WorkspaceManagerJobsClient) error {
			_, err := c.Create(ctx, "rg", "workspace", "assignment", nil)
			return err
		},
		"BeginCreate": func(ctx context.Context, c *armsecops.WorkspaceManagerJobsClient) error {
			_, err := c.BeginCreate(ctx, "rg", "workspace", "assignment", nil)
			return err
		},
	}
	for name, test := range tests {
		for method, call := range calls {
			t.Run(name+"/"+method, func(t *testing.T) {
				t.Parallel()
				var requests atomic.Int32
				_, o := newTLSServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					assert.Equal(t, http.MethodPost, r.Method)
					if n := requests.Add(1); n == 1 && test.first != nil {
						test.first(w, r)
						return
					}
					_, _ = w.Write([]byte(startedJob))
				}))
				failDials(o, test.dial)
				err := call(t.Context(), newJobsClient(t, o))
				assert.EqualValues(t, test.requests, requests.Load())
				if test.err == nil {
					require.NoError(t, err)
					return
				}
				require.Error(t, err)
				if !errors.Is(test.err, errAny) {
					require.ErrorIs(t, err, test.err)
				}
				assert.Equal(t, test.unknown, errors.Is(err, armsecops.ErrOutcomeUnknown), err)
				assert.Contains(t, err.Error(), test.contains)
				assert.Contains(t, err.Error(), "WorkspaceManagerJobsClient."+method)
				if test.unknown {
					assert.Contains(t, err.Error(), "list the jobs")
				}
			})
		}
	}
}

var errAny = errors.New("any")

// cut promises more than it sends.
func cut(w http.ResponseWriter) {
	w.Header().Set("Content-Length", "1000")
	_, _ = w.Write([]byte(`{"name":"`))
}

// failDials makes the first connections fail before they are made.
func failDials(o *armsecops.ClientOptions, n int) {
	client := *o.Transport.(*http.Client)
	transport := client.Transport.(*http.Transport).Clone()
	var dials atomic.Int32
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if int(dials.Add(1)) <= n {
			return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	client.Transport = transport
	o.Transport = &client
}

// No retry option lifts the rule, not even one that the caller sets for the call.
func TestCreateIgnoresRetryOptions(t *testing.T) {
	t.Parallel()
	requests := 0
	client := newJobsClient(t, options(transportFunc(func(req *http.Request) (*http.Response, error) {
		requests++
		return respond(503)(req)
	})))
	ctx := policy.WithRetryOptions(t.Context(), policy.RetryOptions{RetryDelay: 1})
	_, err := client.Create(ctx, "rg", "workspace", "assignment", nil)
	require.ErrorIs(t, err, armsecops.ErrOutcomeUnknown)
	assert.Equal(t, 1, requests)
}

// A context that ends tells whether the job may run: not if the request was never sent.
func TestCreateAndContext(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	_, o := newTLSServer(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	}))
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	_, err := newJobsClient(t, o).Create(ctx, "rg", "workspace", "assignment", nil)
	require.ErrorIs(t, err, armsecops.ErrOutcomeUnknown)
	require.ErrorIs(t, err, context.Canceled)

	_, err = newJobsClient(t, o).Create(ctx, "rg", "workspace", "assignment", nil)
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, armsecops.ErrOutcomeUnknown, "nothing was sent")

	dialing, cancelDial := context.WithCancel(t.Context())
	client := *o.Transport.(*http.Client)
	client.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		cancelDial()
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	o.Transport = &client
	_, err = newJobsClient(t, o).Create(dialing, "rg", "workspace", "assignment", nil)
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, armsecops.ErrOutcomeUnknown, "no connection was made")
}

// An answer that is complete counts, even if the context ends with it.
func TestAnswerBeatsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	client := newJobsClient(t, options(transportFunc(func(req *http.Request) (*http.Response, error) {
		resp, err := respond(200, startedJob)(req)
		resp.Body = closing{resp.Body, cancel}
		return resp, err
	})))
	resp, err := client.Create(ctx, "rg", "workspace", "assignment", nil)
	require.NoError(t, err)
	assert.Equal(t, jobName, resp.Name)
	require.Error(t, ctx.Err())
}

// What may be repeated is, and a repeated deletion that finds nothing has succeeded.
func TestIdempotentOperationsAreRepeated(t *testing.T) {
	t.Parallel()
	lost := func(req *http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }
	half := func(req *http.Request) (*http.Response, error) {
		resp, err := respond(200)(req)
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"name":"half`), errorReader{io.ErrUnexpectedEOF}))
		return resp, err
	}
	tests := map[string]struct {
		answers []transportFunc
		err     error
	}{
		"lost, done":           {[]transportFunc{lost, respond(200, `{"name":"whole"}`)}, nil},
		"half, done":           {[]transportFunc{half, respond(200, `{"name":"whole"}`)}, nil},
		"503, done":            {[]transportFunc{respond(503), respond(200, `{"name":"whole"}`)}, nil},
		"lost for ever":        {[]transportFunc{lost, lost, lost, lost}, io.ErrUnexpectedEOF},
		"lost, then not found": {[]transportFunc{lost, respond(404)}, armsecops.ErrNotFound},
		"503, then not found":  {[]transportFunc{respond(503), respond(404)}, armsecops.ErrNotFound},
		"not found":            {[]transportFunc{respond(404)}, armsecops.ErrNotFound},
		"429, then not found":  {[]transportFunc{respond(429), respond(404)}, armsecops.ErrNotFound},
		"lost, then conflict":  {[]transportFunc{lost, respond(409)}, armsecops.ErrConflict},
	}
	for name, test := range tests {
		for _, operation := range []string{"Get", "CreateOrUpdate", "Delete"} {
			t.Run(name+"/"+operation, func(t *testing.T) {
				t.Parallel()
				answers := test.answers
				if name == "half, done" && operation == "Delete" {
					answers = answers[:1] // the body of a deletion says nothing
				}
				client := newAssignmentsClient(t, options(transportFunc(func(req *http.Request) (*http.Response, error) {
					next := answers[0]
					answers = answers[1:]
					if req.Body != nil {
						body, err := io.ReadAll(req.Body)
						assert.NoError(t, err)
						assert.Equal(t, `{"name":"put"}`, string(body))
					}
					return next(req)
				})))
				var got armsecops.Assignment
				var err error
				switch operation {
				case "Get":
					var resp armsecops.SecurityAssignmentsClientGetResponse
					resp, err = client.Get(t.Context(), "rg", "id", nil)
					got = resp.Assignment
				case "CreateOrUpdate":
					var resp armsecops.SecurityAssignmentsClientCreateOrUpdateResponse
					resp, err = client.CreateOrUpdate(t.Context(), "rg", "id", armsecops.Assignment{Name: "put"}, nil)
					got = resp.Assignment
				case "Delete":
					_, err = client.Delete(t.Context(), "rg", "id", nil)
					got.Name = "whole"
				}
				assert.Empty(t, answers)
				if operation == "Delete" && (name == "lost, then not found" || name == "503, then not found") {
					require.NoError(t, err, "an earlier try deleted it")
					return
				}
				if test.err != nil {
					require.ErrorIs(t, err, test.err)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, armsecops.Assignment{Name: "whole"}, got)
			})
		}
	}
}

// Nothing stays of an answer that broke off, however much of it had been read.
func TestBrokenAnswerLeavesNothing(t *testing.T) {
	t.Parallel()
	thenWhole := func(half, whole string) *armsecops.ClientOptions {
		tries := 0
		return options(transportFunc(func(req *http.Request) (*http.Response, error) {
			if tries++; tries > 1 {
				return respond(200, whole)(req)
			}
			resp, err := respond(200)(req)
			resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(half), errorReader{io.ErrUnexpectedEOF}))
			return resp, err
		}))
	}

	const half = `{"name":"half","other":1,"properties":{"errorMessage":"half","items":[{"status":"Failed"}],`
	once := thenWhole(half, "")
	once.Retry.MaxRetries = -1
	job, err := newJobsClient(t, once).Get(t.Context(), "rg", "workspace", "assignment", "job", nil)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.Zero(t, job)

	job, err = newJobsClient(t, thenWhole(half, `{"id":"whole","properties":{}}`)).Get(t.Context(), "rg", "workspace", "assignment", "job", nil)
	require.NoError(t, err)
	var want armsecops.Job
	require.NoError(t, json.Unmarshal([]byte(`{"id":"whole","properties":{}}`), &want))
	assert.Equal(t, want, job.Job)

	page, err := newAssignmentsClient(t, thenWhole(`{"count":1,"nextLink":"?half","value":[{"name":"half"}],`, `{}`)).
		NewListBySubscriptionPager(nil).NextPage(t.Context())
	require.NoError(t, err)
	assert.Zero(t, page.Value)
	assert.Zero(t, page.NextLink)
	assert.NotContains(t, page.AdditionalProperties, "count")
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

func TestMaxResponseBytes(t *testing.T) {
	t.Parallel()
	body := `{"name":"` + strings.Repeat("a", 1000-11) + `"}`
	require.Len(t, body, 1000)
	page := func(w io.Writer) { _, _ = io.WriteString(w, body) }
	tests := map[string]struct {
		limit   int64
		handler http.HandlerFunc
		status  int
		tooBig  bool
	}{
		"just within":             {1000, func(w http.ResponseWriter, _ *http.Request) { page(w) }, 200, false},
		"one byte beyond":         {999, func(w http.ResponseWriter, _ *http.Request) { page(w) }, 200, true},
		"one byte more, no space": {1000, func(w http.ResponseWriter, _ *http.Request) { page(w); page(w) }, 200, true},
		"gzip bomb": {1 << 20, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, `{"name":"`)
			chunk := strings.Repeat("a", 1<<20)
			for range 1000 { // the client leaves long before the end
				if _, err := io.WriteString(z, chunk); err != nil {
					return
				}
			}
		}, 200, true},
		"error, just within": {1000, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(400); page(w) }, 400, false},
		"error beyond":       {999, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(400); page(w) }, 400, true},
		"error beyond 1 MiB": {0, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(400)
			_, _ = io.WriteString(w, `{"error":{"code":"Large","message":"m","x":"`+strings.Repeat("a", 2<<20)+`"}}`)
		}, 400, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requests := 0
			_, o := newTLSServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests++
				w.Header().Set("x-ms-request-id", requestID)
				test.handler(w, r)
			}))
			o.MaxResponseBytes = test.limit
			for _, logBodies := range []bool{false, true} {
				requests = 0
				o.Logging.IncludeBody = logBodies
				_, err := newJobsClient(t, o).Get(t.Context(), "rg", "workspace", "assignment", "job", nil)
				assert.Equal(t, 1, requests)
				assert.Equal(t, test.tooBig, errors.Is(err, armsecops.ErrResponseTooLarge), err)
				if !test.tooBig && test.status == 200 {
					require.NoError(t, err)
					continue
				}
				e, ok := errors.AsType[*armsecops.ErrorResponse](err)
				require.True(t, ok, "%T %v", err, err)
				assert.Equal(t, test.status, e.StatusCode)
				assert.Equal(t, requestID, e.RequestID)
				if name == "error beyond 1 MiB" {
					assert.Equal(t, "Large", e.Code)
				}
			}
		})
	}
}

// A bound on bytes bounds memory, too: elements that are next to nothing as text
// are not as models.
func TestManyEmptyElements(t *testing.T) {
	t.Parallel()
	elements := strings.Repeat("{},", 100_000) + "{}"
	for name, body := range map[string]string{
		"page":  `{"value":[` + elements + `]}`,
		"items": `{"properties":{"items":[` + elements + `]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newJobsClient(t, options(respond(200, body, "x-ms-request-id", requestID)))
			var err error
			if name == "page" {
				_, err = client.NewListPager("rg", "workspace", "assignment", nil).NextPage(t.Context())
			} else {
				_, err = client.Get(t.Context(), "rg", "workspace", "assignment", "job", nil)
			}
			require.ErrorIs(t, err, armsecops.ErrResponseTooLarge)
			e, ok := errors.AsType[*armsecops.ErrorResponse](err)
			require.True(t, ok)
			assert.Equal(t, requestID, e.RequestID)
		})
	}
}

// The token goes to nobody to whom a redirect leads.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		requests := 0
		_, o := newTLSServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests++
			http.Redirect(w, r, elsewhere.URL, status)
		}))
		_, err := newAssignmentsClient(t, o).Get(t.Context(), "rg", "id", nil)
		e, ok := errors.AsType[*armsecops.CloudError](err)
		require.True(t, ok)
		assert.Equal(t, status, e.StatusCode)
		assert.Equal(t, 1, requests)
	}
}

// A byte-order mark is dropped, as Azure's own clients do.
func TestByteOrderMark(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"\xef\xbb\xbf{\"name\":\"a\"}", "\xef\xbb\xbf{}", "{}"} {
		client := newAssignmentsClient(t, options(transportFunc(func(req *http.Request) (*http.Response, error) {
			resp, err := respond(200)(req)
			resp.Body = io.NopCloser(oneByte{strings.NewReader(body)})
			return resp, err
		})))
		_, err := client.Get(t.Context(), "rg", "id", nil)
		require.NoError(t, err)
	}
	_, err := newAssignmentsClient(t, options(respond(404, "\xef\xbb\xbf{\"error\":{\"code\":\"Marked\"}}"))).Get(t.Context(), "rg", "id", nil)
	assert.True(t, armsecops.HasCode(err, "Marked"))
}

type oneByte struct{ io.Reader }

func (r oneByte) Read(p []byte) (int, error) { return r.Reader.Read(p[:1]) }

// A goroutine that was told to wait makes all the others of its subscription wait.
func TestThrottling(t *testing.T) {
	t.Parallel()
	t.Run("together", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			var requests atomic.Int32
			o := options(transportFunc(func(req *http.Request) (*http.Response, error) {
				if requests.Add(1) == 1 {
					return respond(429, "", "Retry-After", "10")(req)
				}
				assert.GreaterOrEqual(t, time.Since(start), 10*time.Second, "sent while the service asked to wait")
				return respond(200, "{}")(req)
			}))
			o.Retry.MaxRetryDelay = time.Minute
			client := newAssignmentsClient(t, o)
			var ended [20]time.Duration
			var wait sync.WaitGroup
			for i := range ended {
				wait.Go(func() {
					time.Sleep(time.Duration(i) * 100 * time.Millisecond)
					_, err := client.Get(t.Context(), "rg", "id", nil)
					assert.NoError(t, err)
					ended[i] = time.Since(start)
				})
			}
			wait.Wait()
			distinct := map[time.Duration]bool{}
			for _, d := range ended {
				assert.Greater(t, d, 10*time.Second)
				assert.Less(t, d, 11*time.Second)
				distinct[d] = true
			}
			assert.Greater(t, len(distinct), 15, "they don't all go at once")
			assert.EqualValues(t, 21, requests.Load())
		})
	})
	t.Run("another subscription goes on", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			o := options(transportFunc(func(req *http.Request) (*http.Response, error) {
				if strings.Contains(req.URL.Path, assignmentsSubscription) {
					return respond(429, "", "Retry-After", "10")(req)
				}
				return respond(200, "{}")(req)
			}))
			o.Retry.MaxRetryDelay = time.Minute
			o.Retry.MaxRetries = 1
			throttled := newAssignmentsClient(t, o)
			go func() { _, _ = throttled.Get(t.Context(), "rg", "id", nil) }()
			synctest.Wait()
			free, err := throttled.WithSubscription(jobsSubscription)
			require.NoError(t, err)
			start := time.Now()
			_, err = free.Get(t.Context(), "rg", "id", nil)
			require.NoError(t, err)
			assert.Zero(t, time.Since(start))
			time.Sleep(time.Minute)
		})
	})
	t.Run("a subscription is the same in any casing", func(t *testing.T) {
		t.Parallel()
		requests := 0
		client := newAssignmentsClient(t, options(transportFunc(func(req *http.Request) (*http.Response, error) {
			requests++
			return respond(429, "", "Retry-After", "3600")(req)
		})))
		same, err := client.WithSubscription(strings.ToUpper(assignmentsSubscription))
		require.NoError(t, err)
		for _, c := range []*armsecops.SecurityAssignmentsClient{client, same} {
			_, err := c.Get(t.Context(), "rg", "id", nil)
			require.ErrorIs(t, err, armsecops.ErrThrottled)
		}
		assert.Equal(t, 1, requests)
	})
	t.Run("too long a wait", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			requests := 0
			o := options(transportFunc(func(req *http.Request) (*http.Response, error) {
				requests++
				return respond(429, "", "Retry-After", "3600")(req)
			}))
			client := newAssignmentsClient(t, o)
			for n := range 3 {
				_, err := client.Get(t.Context(), "rg", "id", nil)
				require.ErrorIs(t, err, armsecops.ErrThrottled)
				e, ok := errors.AsType[*armsecops.CloudError](err)
				require.True(t, ok)
				assert.Equal(t, time.Hour-time.Duration(n)*time.Minute, e.RetryAfter)
				time.Sleep(time.Minute)
			}
			assert.Equal(t, 1, requests, "the service was told only once")
			time.Sleep(time.Hour)
			_, _ = client.Get(t.Context(), "rg", "id", nil)
			assert.Equal(t, 2, requests)
		})
	})
	t.Run("no wait before a 429", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			client := newAssignmentsClient(t, options(respond(200, "{}", "x-ms-ratelimit-remaining-subscription-reads", "0")))
			start := time.Now()
			for range 130 {
				_, err := client.Get(t.Context(), "rg", "id", nil)
				require.NoError(t, err)
			}
			assert.Zero(t, time.Since(start), "a service that always says 0 must not starve its callers")
		})
	})
	t.Run("a wait ends with its context", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			o := options(respond(429, `{"error":{"code":"TooManyRequests"}}`, "Retry-After", "50"))
			o.Retry.MaxRetryDelay = time.Minute
			client := newAssignmentsClient(t, o)
			for range 2 {
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				_, err := client.Get(ctx, "rg", "id", nil)
				cancel()
				require.ErrorIs(t, err, context.DeadlineExceeded)
				assert.Equal(t, 5*time.Second, time.Since(start))
			}
		})
	})
}
