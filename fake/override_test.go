package fake_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

func TestOverridePanics(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"", "Get", "JobsClient.Get", "WorkspaceManagerJobsClient.BeginCreate", "SecurityAssignmentsClient.ListAcrossSubscriptions"} {
		assertPanics(t, "fake: ", func() { fake.NewServer(nil).Override(operation, http.NotFoundHandler()) })
	}
}

func TestRespond(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body    any
		want    string
		headers map[string]string
	}{
		"model":           {armsecops.Job{Name: "a"}, `{"name":"a"}`, map[string]string{"Content-Type": "application/json; charset=utf-8"}},
		"page":            {armsecops.JobList{}, `{"value":[]}`, nil},
		"error":           {armsecops.ErrorDetail{Code: "a", Message: "b"}, `{"error":{"code":"a","message":"b"}}`, map[string]string{"x-ms-error-code": "a"}},
		"pointer":         {&armsecops.ErrorDetail{Code: "a"}, `{"error":{"code":"a"}}`, nil},
		"response":        {armsecops.WorkspaceManagerJobsClientGetResponse{Job: armsecops.Job{Name: "a"}}, `{"name":"a"}`, nil},
		"nothing":         {nil, "", map[string]string{"Content-Type": ""}},
		"not UTF-8, text": {"\xff", `"` + "\ufffd" + `"`, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := fake.NewServer(nil)
			srv.Override(getOperation, fake.Respond(http.StatusAccepted, test.body))
			resp, body := get(t, srv, jobURL)
			assert.Equal(t, http.StatusAccepted, resp.StatusCode)
			assert.Equal(t, test.want, body)
			for name, value := range test.headers {
				assert.Equal(t, value, resp.Header.Get(name))
			}
		})
	}
	assertPanics(t, "fake: the value can't be encoded as JSON", func() { fake.Respond(http.StatusOK, func() {}) })
}

func TestOverrideIsAnHTTPHandler(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		handler http.HandlerFunc
		status  int
		header  string // Content-Type
		body    string
	}{
		"nothing":   {func(http.ResponseWriter, *http.Request) {}, 200, "", ""},
		"body only": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, 200, "text/html; charset=utf-8", "<html>"},
		"informational": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(103)
			w.WriteHeader(404)
			w.WriteHeader(500)
		}, 404, "", ""},
		"late header": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(200)
			w.Header().Set("Content-Type", "a")
		}, 200, "", ""},
		"standard library": {func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, r.PathValue("jobName"), 500)
		}, 500, "text/plain; charset=utf-8", "job\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := fake.NewServer(nil)
			srv.Override(getOperation, test.handler)
			resp, body := get(t, srv, jobURL)
			assert.Equal(t, test.status, resp.StatusCode)
			assert.Equal(t, test.header, resp.Header.Get("Content-Type"))
			assert.Equal(t, test.body, body)
		})
	}
}

func TestOverrideClosesTheConnection(t *testing.T) {
	t.Parallel()
	for name, transport := range transports {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := fake.NewServer(nil)
			srv.Override(createOperation, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
			_, err := newJobs(t, transport(t, srv)).Create(t.Context(), resourceGroup, workspace, assignment, nil)
			require.ErrorIs(t, err, armsecops.ErrOutcomeUnknown)
		})
	}
	broken := errors.New("broken")
	srv := fake.NewServer(nil)
	srv.Override(getOperation, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(broken) }))
	assert.PanicsWithError(t, "broken", func() { _, _ = srv.Do(newRequest(t, http.MethodGet, jobURL, "")) }) //nolint:bodyclose // there is none
}

// The server checks what an overridden operation gets.
func TestOverrideComesAfterTheChecks(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	called := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the override was called") })
	srv.Override(putOperation, called)
	srv.Override("SecurityAssignmentsClient.NewResourceGraphPager", called)
	assertRefused(t, srv, newRequest(t, http.MethodPut, assignmentURL, `{"properties":1}`), 400, "InvalidRequestContent", "not an assignment")
	assertRefused(t, srv, newRequest(t, http.MethodPut, assignmentURL, `{"kinds":""}`), 400, "InvalidRequestContent", "kinds")
	query := `{"query":"resources | where type =~ 'microsoft.security/assignments' | project id | order by id asc","options":{"$top":-1}}`
	assertRefused(t, srv, newRequest(t, http.MethodPost, graphURL, query), 400, "BadRequest", "$top")
}

func TestOverriddenListHasTheFaultsOfALink(t *testing.T) {
	t.Parallel()
	all := formatNames(2, "assignment-%d")
	tests := map[string]struct {
		fault fake.Fault
		names []string
		err   error
	}{
		"none":                     {fake.Fault{Delay: 1}, all, nil},
		"another host":             {fake.Fault{NextLink: fake.NextLinkForeignHost}, all[:1], armsecops.ErrUntrustedNextLink},
		"loop":                     {fake.Fault{NextLink: fake.NextLinkLoop}, all[:1], armsecops.ErrPagingLoop},
		"relative, after the last": {fake.Fault{NextLink: fake.NextLinkRelative, Times: 2}, all, nil},
		"without api-version":      {fake.Fault{NextLink: fake.NextLinkWithoutAPIVersion}, all, nil},
		"unescaped":                {fake.Fault{NextLink: fake.NextLinkUnescaped, Times: 2}, all, nil},
		"a lost page":              {fake.Fault{Skip: 1, Disconnect: true, Truncate: true}, all, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := fake.NewServer(nil)
			overrideJobList(srv, 2)
			srv.Inject(test.fault)
			o := options(srv)
			o.Retry.RetryDelay = 1
			names, err := collect(t, newJobs(t, o).NewListPager(resourceGroup, workspace, assignment, nil), jobName)
			require.ErrorIs(t, err, test.err)
			assert.Equal(t, test.names, names)
			srv.AssertFaultsConsumed(t)
		})
	}
}

// One server serves a program that also uses other services.
func TestNextServesOtherServices(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 5<<20)
	srv := fake.NewServer(&fake.ServerOptions{Next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.Len(t, body, len(long))
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, r.Method+" "+r.URL.String())
	})})
	req := newRequest(t, http.MethodPut, endpoint+"/subscriptions/mine/providers/Microsoft.Compute/disks/a?a=%zz", long)
	req.Header.Del("Authorization")
	resp, body := do(t, srv, req)
	assert.Equal(t, http.StatusCreated, resp.StatusCode)
	assert.Equal(t, "PUT "+endpoint+"/subscriptions/mine/providers/Microsoft.Compute/disks/a?a=%zz", body)
	assert.Empty(t, resp.Header.Get("x-ms-request-id"))
	require.Len(t, srv.Requests(), 1)
	assert.Empty(t, srv.Requests()[0].Operation)

	srv.Inject(fake.Fault{StatusCode: http.StatusServiceUnavailable})
	resp, _ = do(t, srv, newRequest(t, http.MethodGet, endpoint+"/", ""))
	assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	assertRefused(t, srv, newRequest(t, http.MethodGet, jobURL, ""), http.StatusNotFound, "ResourceNotFound", "job")
}
