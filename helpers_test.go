package armsecops_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// Clients

// The ids of the documented exchanges.
const (
	jobsSubscription        = "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"
	jobsAssignment          = "47cdc5f5-37c4-47b5-bd5f-83c84b8bdd58"
	jobName                 = "cfbe1338-8276-4d5d-8b96-931117f9fa0e"
	assignmentsSubscription = "20ff7fc3-e762-44dd-bd96-b71116dcdc23"
	assignmentName          = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
)

// options returns options with a transport, and with retries that don't wait.
func options(transport policy.Transporter) *armsecops.ClientOptions {
	o := &armsecops.ClientOptions{}
	o.Transport = transport
	o.Retry.RetryDelay = 1 // ns; azcore takes 0 for an overflow
	o.Retry.MaxRetryDelay = time.Second
	return o
}

func newJobsClient(t testing.TB, o *armsecops.ClientOptions) *armsecops.WorkspaceManagerJobsClient {
	t.Helper()
	client, err := armsecops.NewWorkspaceManagerJobsClient(jobsSubscription, &azfake.TokenCredential{}, o)
	require.NoError(t, err)
	return client
}

func newAssignmentsClient(t testing.TB, o *armsecops.ClientOptions) *armsecops.SecurityAssignmentsClient {
	t.Helper()
	client, err := armsecops.NewSecurityAssignmentsClient(assignmentsSubscription, &azfake.TokenCredential{}, o)
	require.NoError(t, err)
	return client
}

// Transports

// transportFunc is a transport that is a function.
type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) Do(req *http.Request) (*http.Response, error) { return f(req) }

// minimal is the least body of any success: of a resource, a page and a result of
// Azure Resource Graph.
const minimal = `{"name":"a","value":[],"data":[]}`

// respond returns a transport that gives every request the same response:
// respond(503), respond(200, body), respond(429, body, "Retry-After", "1").
func respond(status int, bodyAndHeader ...string) transportFunc {
	body, header := "", http.Header{}
	if len(bodyAndHeader) > 0 {
		body = bodyAndHeader[0]
		for i := 1; i < len(bodyAndHeader); i += 2 {
			header.Set(bodyAndHeader[i], bodyAndHeader[i+1])
		}
	}
	return func(req *http.Request) (*http.Response, error) {
		return &http.Response{
			Status:     fmt.Sprint(status, " ", http.StatusText(status)),
			StatusCode: status,
			Header:     header.Clone(),
			Body:       io.NopCloser(strings.NewReader(body)),
			Request:    req,
		}, nil
	}
}

// scripted is the transport that script returns.
type scripted struct {
	t testing.TB

	mu   sync.Mutex
	made int // requests
	left []transportFunc
}

// script returns a transport for the requests of a whole test: the first of the
// responses is for the first request, and so on. The test fails over a request
// that has no response left, and over a response that no request has used. A
// response is any transport: respond(503), one of testdata/exchanges (see
// documented), or a function that fails, waits or looks at the request. Requests
// may be concurrent; they are numbered as they arrive.
func script(t testing.TB, responses ...transportFunc) *scripted {
	t.Helper()
	s := &scripted{t: t, left: responses}
	t.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.left) > 0 {
			t.Errorf("%d requests were made, %d more were expected", s.made, len(s.left))
		}
	})
	return s
}

var errUnexpectedRequest = errors.New("unexpected request")

func (s *scripted) Do(req *http.Request) (*http.Response, error) {
	next, n := s.next()
	if next == nil {
		s.t.Errorf("request %d was not expected: %s %s", n, req.Method, req.URL)
		return nil, errUnexpectedRequest
	}
	return next(req)
}

func (s *scripted) next() (response transportFunc, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made++
	if len(s.left) > 0 {
		response, s.left = s.left[0], s.left[1:]
	}
	return response, s.made
}

// requests returns how many requests have been made.
func (s *scripted) requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.made
}

// lost is a transport on which the response never comes.
func lost(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

// breakOff returns a transport whose response, a success, ends in its body.
func breakOff(text string) transportFunc {
	return func(req *http.Request) (*http.Response, error) {
		resp, err := respond(200)(req)
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(text), iotest.ErrReader(io.ErrUnexpectedEOF)))
		return resp, err
	}
}

// newTLSServer starts a server, and returns options of clients whose endpoint it is.
func newTLSServer(t testing.TB, handler http.Handler) *armsecops.ClientOptions {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	o := options(server.Client())
	o.Cloud = endpoint(server.URL)
	return o
}

// endpoint returns the cloud whose Resource Manager has the URL.
func endpoint(url string) cloud.Configuration {
	return cloud.Configuration{Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
		cloud.ResourceManager: {Audience: "https://management.example", Endpoint: url},
	}}
}

// Assertions

func assertParameterError(t testing.TB, err error, name string) {
	t.Helper()
	e, ok := errors.AsType[*armsecops.ParameterError](err)
	if assert.True(t, ok, "%T: %v", err, err) {
		assert.Equal(t, name, e.Name)
		assert.Contains(t, e.Reason, "must")
	}
}

// Documented exchanges

// exchange is one of testdata/exchanges. testdata/README.md describes them.
type exchange struct {
	Operation string           `json:"operation"` // as in routes.Route
	Source    string           `json:"source"`    // the page of the REST documentation
	Note      string           `json:"note"`      // what the source doesn't have; empty: it has all
	Request   documentRequest  `json:"request"`
	Response  documentResponse `json:"response"`
}

type documentRequest struct {
	Method string            `json:"method"`
	URL    string            `json:"url"`
	Header map[string]string `json:"header"`
	Body   jsontext.Value    `json:"body"`
}

type documentResponse struct {
	Status int               `json:"status"`
	Header map[string]string `json:"header"`
	Body   jsontext.Value    `json:"body"` // JSON, without white space
	Text   string            `json:"text"` // anything else
}

// documented returns a script of the exchanges in files of testdata/exchanges:
// documented(t, "jobs_get"). The test fails over a request that isn't the documented one.
func documented(t testing.TB, names ...string) *scripted {
	t.Helper()
	var responses []transportFunc
	for _, name := range names {
		for _, e := range readExchanges(t, name) {
			responses = append(responses, e.transport(t))
		}
	}
	return script(t, responses...)
}

// readExchanges returns the exchanges in a file of testdata/exchanges.
func readExchanges(t testing.TB, name string) (exchanges []exchange) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "exchanges", name+".json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &exchanges, json.RejectUnknownMembers(true)), name)
	require.NotEmpty(t, exchanges, name)
	for i := range exchanges {
		if body := &exchanges[i].Response.Body; *body != nil {
			require.NoError(t, body.Compact(), name)
		}
	}
	return exchanges
}

// allExchanges yields the exchanges of every file, in order, with the file's name.
func allExchanges(t testing.TB) iter.Seq2[string, exchange] {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "exchanges", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return func(yield func(string, exchange) bool) {
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".json")
			for _, e := range readExchanges(t, name) {
				if !yield(name, e) {
					return
				}
			}
		}
	}
}

// documentedOperations returns the operations of which the documentation has a
// whole exchange: one without a note. No page has the text of the library's own queries.
func documentedOperations(t testing.TB) map[string]bool {
	t.Helper()
	operations := map[string]bool{}
	for _, e := range allExchanges(t) {
		if e.Note == "" || strings.HasSuffix(e.Operation, ".NewResourceGraphPager") {
			operations[e.Operation] = true
		}
	}
	return operations
}

// transport returns a transport that checks the request, to the last member of
// its body, and gives the response.
func (e exchange) transport(t testing.TB) transportFunc {
	text := []string{string(e.Response.Body) + e.Response.Text}
	for name, value := range e.Response.Header {
		text = append(text, name, value)
	}
	return func(req *http.Request) (*http.Response, error) {
		assert.Equal(t, e.Request.Method, req.Method)
		assert.Equal(t, e.Request.URL, req.URL.String())
		assert.Equal(t, "Bearer fake_token", req.Header.Get("Authorization"))
		for _, name := range []string{"Accept", "Content-Type"} {
			assert.Equal(t, e.Request.Header[name], req.Header.Get(name), name)
		}
		var body []byte
		if req.Body != nil {
			var err error
			body, err = io.ReadAll(req.Body)
			assert.NoError(t, err)
		}
		assertSameJSON(t, e.Request.Body, body)
		return respond(e.Response.Status, text...)(req)
	}
}

// assertReceived checks that the caller has the status and the headers of the
// response, as policy.WithCaptureResponse and Poll return them.
func (e exchange) assertReceived(t testing.TB, resp *http.Response) {
	t.Helper()
	require.NotNil(t, resp)
	assert.Equal(t, e.Response.Status, resp.StatusCode)
	for name, value := range e.Response.Header {
		assert.Equal(t, value, resp.Header.Get(name), name)
	}
}

// assertWireForm checks that the model's JSON is the body of the response, to the last member.
func (e exchange) assertWireForm(t testing.TB, model any) {
	t.Helper()
	data, err := json.Marshal(model)
	require.NoError(t, err)
	assertSameJSON(t, e.Response.Body, data)
}

// assertSameJSON checks that two texts are the same JSON, or both empty. The
// order of members and white space may differ; a digit of a number may not.
func assertSameJSON(t testing.TB, want, got []byte) {
	t.Helper()
	normalize := func(text []byte) string {
		value := jsontext.Value(bytes.Clone(text))
		if len(text) > 0 {
			err := value.Format(jsontext.ReorderRawObjects(true), jsontext.Multiline(true))
			assert.NoError(t, err, "%s", text)
		}
		return string(value)
	}
	assert.Equal(t, normalize(want), normalize(got))
}
