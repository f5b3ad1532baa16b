package testkit

import (
	"bytes"
	"cmp"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/routes"
)

// Exchange is one of testdata/exchanges. testdata/README.md describes them.
type Exchange struct {
	Operation string   `json:"operation"` // as in routes.Route
	Source    string   `json:"source"`    // the page of the REST documentation
	Note      string   `json:"note"`      // what the source doesn't have; empty if it has all
	Request   Request  `json:"request"`
	Response  Response `json:"response"`
}

// Request is the request of an exchange.
type Request struct {
	Method string            `json:"method"`
	URL    string            `json:"url"`
	Header map[string]string `json:"header"`
	Body   jsontext.Value    `json:"body"`
}

// Response is the response of an exchange.
type Response struct {
	Status int               `json:"status"`
	Header map[string]string `json:"header"`
	Body   jsontext.Value    `json:"body"` // JSON, without white space
	Text   string            `json:"text"` // anything else
}

// Root returns the folder of the module that the test, or its module, is in.
func Root() string {
	for dir, err := os.Getwd(); err == nil && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if text, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil && bytes.HasPrefix(text, []byte("module github.com/armsecops/armsecops\n")) {
			return dir
		}
	}
	panic("the test runs outside the module")
}

// ReadFile returns the text of a file.
func ReadFile(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// Documented returns a script of the exchanges in a file of testdata/exchanges:
// Documented(t, "jobs_get"). The test fails over a request that isn't the documented one.
func Documented(t testing.TB, name string) *Scripted {
	t.Helper()
	return Replay(t, ReadExchanges(t, name))
}

// Replay returns a script of the exchanges.
func Replay(t testing.TB, exchanges []Exchange) *Scripted {
	t.Helper()
	var responses []TransportFunc
	for _, e := range exchanges {
		responses = append(responses, e.Transport(t))
	}
	return Script(t, responses...)
}

// ReadExchanges returns the exchanges in a file of testdata/exchanges.
func ReadExchanges(t testing.TB, name string) []Exchange {
	t.Helper()
	exchanges := slices.Clone(exchangesByFile()[name])
	require.NotEmpty(t, exchanges, name)
	return exchanges
}

// AllExchanges yields the exchanges of every file, in order, with the file's name.
func AllExchanges(yield func(string, []Exchange) bool) {
	for _, name := range slices.Sorted(maps.Keys(exchangesByFile())) {
		if !yield(name, exchangesByFile()[name]) {
			return
		}
	}
}

var exchangesByFile = sync.OnceValue(func() map[string][]Exchange {
	byFile := map[string][]Exchange{}
	files, _ := filepath.Glob(filepath.Join(Root(), "testdata", "exchanges", "*.json"))
	for _, file := range files {
		var exchanges []Exchange
		text, _ := os.ReadFile(file) // nothing is no JSON
		if err := json.Unmarshal(text, &exchanges, json.RejectUnknownMembers(true)); err != nil {
			panic(file + ": " + err.Error())
		}
		for i := range exchanges {
			_ = exchanges[i].Response.Body.Compact() // it has been read, or there is none
		}
		byFile[strings.TrimSuffix(filepath.Base(file), ".json")] = exchanges
	}
	return byFile
})

// ExchangeOf returns the first documented exchange of an operation that is a success.
func ExchangeOf(route *routes.Route) (Exchange, bool) {
	for _, exchanges := range AllExchanges {
		for _, e := range exchanges {
			if e.Operation == route.Operation && e.Response.Status < 300 {
				return e, true
			}
		}
	}
	return Exchange{}, false
}

// Route returns the route of the exchange, and the values in the path of its request.
func (e Exchange) Route() (route *routes.Route, values []string) {
	route, err := routes.ByOperation(e.Operation)
	u, urlErr := url.Parse(e.Request.URL)
	if err := cmp.Or(err, urlErr); err != nil {
		panic(err)
	}
	values, ok := route.Match(routes.Segments(u.EscapedPath()))
	if !ok {
		panic("the exchange of " + e.Operation + " has the path of " + e.Request.URL + ", and its route " + route.Path)
	}
	return route, values
}

// Transport returns a transport that checks the request, to the last member of
// its body, and gives the response.
func (e Exchange) Transport(t testing.TB) TransportFunc {
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
		body, err := io.ReadAll(cmp.Or[io.Reader](req.Body, http.NoBody))
		assert.NoError(t, err)
		AssertSameJSON(t, e.Request.Body, body)
		return Respond(e.Response.Status, text...)(req)
	}
}

// AssertReceived checks that the caller has the status and the headers of the
// response, as policy.WithCaptureResponse and Poll return them.
func (e Exchange) AssertReceived(t testing.TB, resp *http.Response) {
	t.Helper()
	require.NotNil(t, resp)
	assert.Equal(t, e.Response.Status, resp.StatusCode)
	for name, value := range e.Response.Header {
		assert.Equal(t, value, resp.Header.Get(name), name)
	}
}

// AssertWireForm checks that the model's JSON is the body of the response, to the last member.
func (e Exchange) AssertWireForm(t testing.TB, model any) {
	t.Helper()
	data, err := json.Marshal(model)
	require.NoError(t, err)
	AssertSameJSON(t, Normal(e.Response.Body), Normal(data))
}

// Normal returns a response without the members that are false, which a model doesn't
// tell from absent ones if they are optional, and with one of the two forms of UTC.
func Normal(text []byte) []byte {
	isFalse := regexp.MustCompile(`,\s*"\w+":\s*false\b|"\w+":\s*false\s*,`)
	return bytes.ReplaceAll(isFalse.ReplaceAll(text, nil), []byte(`+00:00"`), []byte(`Z"`))
}

// AssertSameJSON checks that two texts are the same JSON, or both empty. The
// order of members and white space may differ; a digit of a number may not. The
// services send both GA and ga for one member, and both forms of UTC.
func AssertSameJSON(t testing.TB, want, got []byte) {
	t.Helper()
	normalize := func(text []byte) string {
		value := jsontext.Value(bytes.Clone(text))
		if len(text) > 0 {
			assert.NoError(t, value.Format(jsontext.ReorderRawObjects(true), jsontext.Multiline(true)), "%s", text)
		}
		return strings.NewReplacer(`"ga":`, `"GA":`, `+00:00"`, `Z"`).Replace(string(value))
	}
	assert.Equal(t, normalize(want), normalize(got))
}

// The ids of the documented exchanges, and of responses.
const (
	JobsSubscription        = "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"
	JobsAssignment          = "47cdc5f5-37c4-47b5-bd5f-83c84b8bdd58"
	JobName                 = "cfbe1338-8276-4d5d-8b96-931117f9fa0e"
	AssignmentsSubscription = "20ff7fc3-e762-44dd-bd96-b71116dcdc23"
	AssignmentName          = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
	RequestID               = "5e0c1a56-6a3b-4b7c-9d6f-0f1f5b0a7a11"
	CorrelationID           = "c0ffee00-6a3b-4b7c-9d6f-0f1f5b0a7a11"
)
