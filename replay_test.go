package armsecops_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
)

func TestEveryOperationHasADocumentedExchange(t *testing.T) {
	t.Parallel()
	operations := documentedOperations(t)
	for _, route := range routes.All {
		assert.True(t, operations[route.Operation], "%s needs a documented exchange in testdata/exchanges", route.Operation)
	}
}

func TestEveryExchangeIsReplayed(t *testing.T) {
	t.Parallel()
	var tests strings.Builder
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		tests.Write(text)
	}
	for name, e := range allExchanges(t) {
		replayed := strings.Contains(tests.String(), strconv.Quote(name))
		assert.True(t, replayed, "%s needs a test that replays testdata/exchanges/%s.json", e.Operation, name)
	}
}

func TestEveryExchangeNamesItsSource(t *testing.T) {
	t.Parallel()
	sources := map[string]string{} // by operation
	for name, e := range allExchanges(t) {
		assert.Regexp(t, `^https://learn\.microsoft\.com/rest/api/(securityinsights|defenderforcloud|azureresourcegraph/resourcegraph)(/[a-z-]+){2}$`, e.Source, name)
		if source, ok := sources[e.Operation]; ok {
			assert.Equal(t, source, e.Source, name)
		}
		sources[e.Operation] = e.Source
	}
}

// newPagerFunc makes a pager of one listing.
type newPagerFunc[T any] func(*testing.T, *armsecops.ClientOptions, armsecops.PageOptions) *armsecops.Pager[T]

// testListing replays a documented listing in every way to read one.
func testListing[T any](t *testing.T, name string, newPager newPagerFunc[T]) {
	t.Helper()
	var want []jsontext.Value
	var links []string
	for _, e := range readExchanges(t, name) {
		var page struct {
			Value    []jsontext.Value `json:"value"`
			Data     []jsontext.Value `json:"data"` // of a query
			NextLink string           `json:"nextLink"`
		}
		require.NoError(t, json.Unmarshal(e.Response.Body, &page))
		want, links = append(append(want, page.Value...), page.Data...), append(links, page.NextLink)
	}
	check := func(t *testing.T, items []T) {
		t.Helper()
		require.Len(t, items, len(want))
		for i, item := range items {
			text, err := json.Marshal(item)
			require.NoError(t, err)
			assertSameJSON(t, want[i], text)
		}
	}

	nextPage := func(t *testing.T, pager *armsecops.Pager[T]) (items []T) {
		for i := 0; pager.More(); i++ {
			page, err := pager.NextPage(t.Context())
			require.NoError(t, err)
			assert.Equal(t, links[i], page.NextLink)
			items = append(items, page.Value...)
		}
		return items
	}
	pages := func(t *testing.T, pager *armsecops.Pager[T]) (items []T) {
		for page, err := range pager.Pages(t.Context()) {
			require.NoError(t, err)
			items = append(items, page.Value...)
		}
		return items
	}
	all := func(t *testing.T, pager *armsecops.Pager[T]) (items []T) {
		for item, err := range pager.All(t.Context()) {
			require.NoError(t, err)
			items = append(items, item)
		}
		return items
	}
	tests := map[string]struct {
		prefetch int
		read     func(*testing.T, *armsecops.Pager[T]) []T
	}{
		"NextPage":             {0, nextPage},
		"Pages":                {0, pages},
		"Pages, fetched ahead": {2, pages},
		"All":                  {0, all},
		"All, fetched ahead":   {2, all},
	}
	for way, test := range tests {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			transport := documented(t, name)
			pager := newPager(t, options(transport), armsecops.PageOptions{Prefetch: test.prefetch})
			assert.Zero(t, transport.requests(), "before anything is read")
			check(t, test.read(t, pager))
			assert.Empty(t, pager.ContinuationToken())
		})
	}
	t.Run("resumed by another client", func(t *testing.T) {
		t.Parallel()
		transport := documented(t, name)
		var items []T
		token := ""
		for n := 1; n == 1 || token != ""; n++ {
			pager := newPager(t, options(transport), armsecops.PageOptions{ContinuationToken: token})
			page, err := pager.NextPage(t.Context())
			require.NoError(t, err)
			assert.Equal(t, n, transport.requests())
			items, token = append(items, page.Value...), pager.ContinuationToken()
		}
		check(t, items)
	})
}

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

func newRequest(t *testing.T, e exchange, change func(*http.Request)) *http.Request {
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
	tests := map[string]struct {
		change  func(*http.Request)
		failure string // empty: none
	}{
		"the request":      {func(*http.Request) {}, ""},
		"method":           {func(r *http.Request) { r.Method = http.MethodPost }, "PUT"},
		"scheme":           {func(r *http.Request) { r.URL.Scheme = "http" }, "https"},
		"host":             {func(r *http.Request) { r.URL.Host = "evil.example" }, "evil.example"},
		"path":             {func(r *http.Request) { r.URL.Path += "/" }, "api-version"},
		"case of the path": {func(r *http.Request) { r.URL.Path = strings.ToLower(r.URL.Path) }, "resourcegroups"},
		"query":            {func(r *http.Request) { r.URL.RawQuery += "&a=b" }, "a=b"},
		"no query":         {func(r *http.Request) { r.URL.RawQuery = "" }, "api-version"},
		"another token":    {func(r *http.Request) { r.Header.Set("Authorization", "Bearer other") }, "Bearer other"},
		"no token":         {func(r *http.Request) { r.Header.Del("Authorization") }, "Bearer fake_token"},
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
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := readExchanges(t, "assignments_get_put")[1]
			r := &recorder{TB: t}
			resp, err := e.transport(r)(newRequest(t, e, test.change))
			require.NoError(t, err)
			e.assertReceived(t, resp)
			if test.failure == "" {
				assert.Empty(t, r.failures)
				return
			}
			assert.Contains(t, strings.Join(r.failures, "\n"), test.failure)
		})
	}
}

func TestScriptFailsOverMissingAndUnexpectedRequests(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		requests int
		failures []string
	}{
		"as expected":  {2, nil},
		"none":         {0, []string{"0 requests were made, 2 more were expected"}},
		"one too few":  {1, []string{"1 requests were made, 1 more were expected"}},
		"one too many": {3, []string{"request 3 was not expected: GET https://management.azure.com/"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &recorder{TB: t}
			s := script(r, respond(503), respond(200, "body", "Retry-After", "1"))
			for n := range test.requests {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://management.azure.com/", nil)
				require.NoError(t, err)
				resp, err := s.Do(req)
				if n >= 2 {
					require.ErrorIs(t, err, errUnexpectedRequest)
					continue
				}
				require.NoError(t, err)
				assert.Equal(t, []int{503, 200}[n], resp.StatusCode)
				assert.Equal(t, []string{"", "1"}[n], resp.Header.Get("Retry-After"))
			}
			assert.Equal(t, test.requests, s.requests())
			r.cleanup()
			assert.Equal(t, test.failures, r.failures)
		})
	}
}

func TestScriptGivesEachResponseToOneRequest(t *testing.T) {
	t.Parallel()
	var responses []transportFunc
	want := map[int]int{}
	for n := range 50 {
		responses = append(responses, respond(200+n))
		want[200+n] = 1
	}
	s := script(t, responses...)
	var mu sync.Mutex
	got := map[int]int{}
	var group sync.WaitGroup
	for range responses {
		group.Go(func() {
			resp, err := s.Do(&http.Request{})
			assert.NoError(t, err)
			mu.Lock()
			defer mu.Unlock()
			got[resp.StatusCode]++
		})
	}
	group.Wait()
	assert.Equal(t, want, got)
}
