package fake_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

func TestOverrideIsAnHTTPHandler(t *testing.T) {
	t.Parallel()
	const jsonType, text, status = "application/json; charset=utf-8", "text/plain; charset=utf-8", http.StatusAccepted
	job := armsecops.Job{Name: "a"}
	detail := armsecops.ErrorDetail{Code: "a", Message: "b"}
	type test struct {
		handler         http.Handler
		status          int
		header, errCode string // Content-Type and x-ms-error-code
		body            string
	}
	each(t, map[string]test{
		"model":           {fake.Respond(status, job), 202, jsonType, "", `{"name":"a"}`},
		"page":            {fake.Respond(status, armsecops.JobList{}), 202, jsonType, "", `{"value":[]}`},
		"error":           {fake.Respond(status, detail), 202, jsonType, "a", `{"error":{"code":"a","message":"b"}}`},
		"pointer":         {fake.Respond(status, &detail), 202, jsonType, "a", `{"error":{"code":"a","message":"b"}}`},
		"response":        {fake.Respond(status, armsecops.WorkspaceManagerJobsClientGetResponse{Job: job}), 202, jsonType, "", `{"name":"a"}`},
		"no body":         {fake.Respond(status, nil), 202, "", "", ""},
		"not UTF-8, text": {fake.Respond(status, "\xff"), 202, jsonType, "", `"` + "\ufffd" + `"`},
		"nothing":         {http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), 200, "", "", ""},
		"body only": {http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "<html>")
		}), 200, "text/html; charset=utf-8", "", "<html>"},
		"informational, late": {http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(103)
			w.WriteHeader(404)
			w.WriteHeader(500)
			w.Header().Set("Content-Type", "a")
		}), 404, "", "", ""},
		"standard library": {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, r.PathValue("jobName"), 500)
		}), 500, text, "", "job\n"},
	}, func(t *testing.T, test test) {
		srv := fake.NewServer(nil)
		srv.Override(getOperation, test.handler)
		resp, body := get(t, srv, jobURL)
		assert.Equal(t, test.status, resp.StatusCode)
		assert.Equal(t, test.header, resp.Header.Get("Content-Type"))
		assert.Equal(t, test.errCode, resp.Header.Get("x-ms-error-code"))
		assert.Equal(t, test.body, body)
	})
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
