package armsecops_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// What the recorded exchanges are about.
const (
	jobsSubscription        = "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"
	jobsAssignment          = "47cdc5f5-37c4-47b5-bd5f-83c84b8bdd58"
	jobName                 = "cfbe1338-8276-4d5d-8b96-931117f9fa0e"
	assignmentsSubscription = "20ff7fc3-e762-44dd-bd96-b71116dcdc23"
	assignmentName          = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
)

// recorded is an exchange in testdata/exchanges: a request, and what the service said.
type recorded struct {
	Request struct {
		Method, URL string
		Header      map[string]string
		Body        json.RawMessage
	}
	Response struct {
		Status int
		Header map[string]string
		Body   json.RawMessage // JSON
		Text   string          // anything else
	}
}

func readRecorded(t testing.TB, name string) recorded {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "exchanges", name+".json"))
	require.NoError(t, err)
	var r recorded
	require.NoError(t, json.Unmarshal(data, &r))
	return r
}

// replayer answers requests with recorded exchanges, in order, and fails the
// test over one that differs, wasn't recorded, or wasn't asked for.
type replayer struct {
	t  testing.TB
	mu sync.Mutex

	left []recorded
}

func replay(t testing.TB, names ...string) *replayer {
	t.Helper()
	r := &replayer{t: t}
	for _, name := range names {
		r.left = append(r.left, readRecorded(t, name))
	}
	t.Cleanup(func() { assert.Empty(t, r.left, "recorded exchanges that were not asked for") })
	return r
}

func (r *replayer) Do(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !assert.NotEmpty(r.t, r.left, "an exchange that was not recorded: %s %s", req.Method, req.URL) {
		return nil, io.ErrUnexpectedEOF
	}
	want := r.left[0]
	r.left = r.left[1:]
	assert.Equal(r.t, want.Request.Method, req.Method)
	assert.Equal(r.t, want.Request.URL, req.URL.String())
	assert.Equal(r.t, "Bearer fake_token", req.Header.Get("Authorization"))
	for _, name := range []string{"Accept", "Content-Type"} {
		assert.Equal(r.t, want.Request.Header[name], req.Header.Get(name), name)
	}
	if want.Request.Body == nil {
		assert.Nil(r.t, req.Body)
	} else {
		body, err := io.ReadAll(req.Body)
		assert.NoError(r.t, err)
		assert.JSONEq(r.t, string(want.Request.Body), string(body))
	}
	header := http.Header{}
	for name, value := range want.Response.Header {
		header.Set(name, value)
	}
	return &http.Response{
		StatusCode: want.Response.Status,
		Status:     http.StatusText(want.Response.Status),
		Header:     header,
		Body:       io.NopCloser(strings.NewReader(string(want.Response.Body) + want.Response.Text)),
		Request:    req,
	}, nil
}

// transportFunc is a transport that is a function.
type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) Do(req *http.Request) (*http.Response, error) { return f(req) }

// answer returns a transport that gives every request the same answer.
func answer(status int, body string, header ...string) transportFunc {
	return func(req *http.Request) (*http.Response, error) {
		h := http.Header{}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
	}
}

// options returns options with a transport, and with retries that don't wait.
func options(transport interface {
	Do(*http.Request) (*http.Response, error)
}) *armsecops.ClientOptions {
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
