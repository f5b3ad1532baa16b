package testkit

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// recorder is a test whose failures are recorded.
type recorder struct {
	testing.TB

	mu       sync.Mutex
	failures []string
	cleanup  func()
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanup = f }
func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func newRequest(t *testing.T, e Exchange, change func(*http.Request)) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), e.Request.Method, e.Request.URL, strings.NewReader(string(e.Request.Body)))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer fake_token")
	for name, value := range e.Request.Header {
		req.Header.Set(name, value)
	}
	change(req)
	return req
}

// setBody gives a request another body.
func setBody(req *http.Request, old, replacement string) {
	text, _ := io.ReadAll(req.Body)
	req.Body = io.NopCloser(strings.NewReader(strings.Replace(string(text), old, replacement, 1)))
}

func TestDocumentedExchangeIsMatchedInFull(t *testing.T) {
	t.Parallel()
	type test struct {
		change  func(*http.Request)
		failure string // empty: none
	}
	EachCase(t, map[string]test{
		"the request":      {func(*http.Request) {}, ""},
		"method":           {func(r *http.Request) { r.Method = http.MethodPost }, "PUT"},
		"scheme":           {func(r *http.Request) { r.URL.Scheme = "http" }, "https"},
		"host":             {func(r *http.Request) { r.URL.Host = "evil.example" }, "evil.example"},
		"case of the path": {func(r *http.Request) { r.URL.Path = strings.ToLower(r.URL.Path) }, "resourcegroups"},
		"query":            {func(r *http.Request) { r.URL.RawQuery += "&a=b" }, "a=b"},
		"another token":    {func(r *http.Request) { r.Header.Set("Authorization", "Bearer other") }, "Bearer other"},
		"accept":           {func(r *http.Request) { r.Header.Set("Accept", "*/*") }, "Accept"},
		"no content type":  {func(r *http.Request) { r.Header.Del("Content-Type") }, "Content-Type"},
		"no body":          {func(r *http.Request) { r.Body = nil }, "displayName"},
		"body of no JSON":  {func(r *http.Request) { setBody(r, "{", "") }, "jsontext"},
		"member left out":  {func(r *http.Request) { setBody(r, `"effect": "Exempt",`, "") }, "Exempt"},
		"member added":     {func(r *http.Request) { setBody(r, "{", `{"kind":"a",`) }, `"kind"`},
		"digit of number":  {func(r *http.Request) { setBody(r, "12345678901234567890", "12345678901234567891") }, "67891"},
		"text after":       {func(r *http.Request) { setBody(r, "{", `{}{`) }, "jsontext"},
		"order of members": {func(r *http.Request) {
			setBody(r, `"location": "East US",`, "")
			setBody(r, "{", `{"location":"East US",`)
		}, ""},
	}, func(t *testing.T, test test) {
		e, r := ReadExchanges(t, "assignments_get_put")[1], &recorder{TB: t}
		resp, err := e.Transport(r)(newRequest(t, e, test.change))
		require.NoError(t, err)
		e.AssertReceived(t, resp)
		if test.failure == "" {
			assert.Empty(t, r.failures)
			return
		}
		assert.Contains(t, strings.Join(r.failures, "\n"), test.failure)
	})
}

func TestScriptFailsOverMissingAndUnexpectedRequests(t *testing.T) {
	t.Parallel()
	type test struct {
		requests int
		failures []string
	}
	EachCase(t, map[string]test{
		"as expected":  {2, nil},
		"none":         {0, []string{"0 requests were made, 2 more were expected"}},
		"one too few":  {1, []string{"1 requests were made, 1 more were expected"}},
		"one too many": {3, []string{"request 3 was not expected: GET https://management.azure.com/"}},
	}, func(t *testing.T, test test) {
		r := &recorder{TB: t}
		s := Script(r, Respond(503), Respond(200, "body", "Retry-After", "1"))
		for n := range test.requests {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://management.azure.com/", nil)
			require.NoError(t, err)
			resp, err := s.Do(req)
			if n >= 2 {
				require.ErrorIs(t, err, ErrUnexpectedRequest)
				continue
			}
			require.NoError(t, err)
			assert.Equal(t, []int{503, 200}[n], resp.StatusCode)
			assert.Equal(t, []string{"", "1"}[n], resp.Header.Get("Retry-After"))
		}
		assert.Equal(t, test.requests, s.Requests())
		r.cleanup()
		assert.Equal(t, test.failures, r.failures)
	})
}
