package fake_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/testkit"
)

func TestOverrideIsAnHTTPHandler(t *testing.T) {
	t.Parallel()
	const jsonType, text, status = "application/json; charset=utf-8", "text/plain; charset=utf-8", http.StatusAccepted
	job, detail := armsecops.Job{Name: "a"}, armsecops.ErrorDetail{Code: "a", Message: "b"}
	type test struct {
		handler         http.Handler
		status          int
		header, errCode string // Content-Type and x-ms-error-code
		body            string
	}
	testkit.EachCase(t, map[string]test{
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
		resp, body := expect(t, srv, test.status, newRequest(t, http.MethodGet, jobURL, ""))
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
	resp, body := expect(t, srv, http.StatusCreated, req)
	assert.Equal(t, "PUT "+endpoint+"/subscriptions/mine/providers/Microsoft.Compute/disks/a?a=%zz", body)
	assert.Empty(t, resp.Header.Get("x-ms-request-id"))
	require.Len(t, srv.Requests(), 1)
	assert.Empty(t, srv.Requests()[0].Operation)
	srv.Inject(fake.Fault{StatusCode: http.StatusServiceUnavailable})
	expect(t, srv, http.StatusServiceUnavailable, newRequest(t, http.MethodGet, endpoint+"/", ""))
	assertRefused(t, srv, newRequest(t, http.MethodGet, jobURL, ""), http.StatusNotFound, "ResourceNotFound", "job")
}

func TestResponseHasAzuresHeaders(t *testing.T) {
	t.Parallel()
	type test struct{ method, url, remaining string } // the name of the throttling header
	testkit.EachCase(t, map[string]test{
		"read":   {http.MethodGet, jobURL, "x-ms-ratelimit-remaining-subscription-reads"},
		"write":  {http.MethodPost, jobsURL, "x-ms-ratelimit-remaining-subscription-writes"},
		"delete": {http.MethodDelete, jobURL, "x-ms-ratelimit-remaining-subscription-deletes"},
	}, func(t *testing.T, test test) {
		srv := fake.NewServer(&fake.ServerOptions{NewID: counter()})
		for _, correlation := range []string{"", "mine"} {
			req := newRequest(t, test.method, test.url, "")
			req.Header.Set("x-ms-correlation-request-id", correlation)
			resp, _ := do(t, srv, req)
			id := resp.Header.Get("x-ms-request-id")
			assert.Equal(t, cmp.Or(correlation, id), resp.Header.Get("x-ms-correlation-request-id"))
			assert.Regexp(t, `^id-\d$`, id)
			assert.Regexp(t, `^WESTEUROPE:\d{8}T\d{6}Z:`+id+`$`, resp.Header.Get("x-ms-routing-request-id"))
			for name, value := range map[string]string{
				"Cache-Control": "no-cache", "Pragma": "no-cache", "Expires": "-1", test.remaining: "199",
				"Strict-Transport-Security": "max-age=31536000; includeSubDomains", "X-Content-Type-Options": "nosniff",
			} {
				assert.Equal(t, value, resp.Header.Get(name), name)
			}
		}
	})
}

func TestClientRequestIDIsReturnedIfAskedFor(t *testing.T) {
	t.Parallel()
	for asked, want := range map[string][]string{"": nil, "false": nil, "true": {"mine"}, "True": {"mine"}} {
		req := newRequest(t, http.MethodGet, jobURL, "")
		req.Header.Set("x-ms-client-request-id", "mine")
		req.Header.Set("x-ms-return-client-request-id", asked)
		resp, _ := do(t, fake.NewServer(nil), req)
		assert.Equal(t, want, resp.Header.Values("x-ms-client-request-id"), asked)
	}
}

func TestResponseIsCompressedIfAccepted(t *testing.T) {
	t.Parallel()
	for header, compressed := range map[string]bool{
		"": false, "identity": false, "gzip": true, "br, GZIP;q=0.5": true, "gzip;q=0": false, "gzip; q=0.000, br": false, "deflate,gzip;q=1.0": true,
	} {
		srv := fake.NewServer(nil)
		srv.Put(jobID, armsecops.Job{})
		req := newRequest(t, http.MethodGet, jobURL, "")
		req.Header.Set("Accept-Encoding", header)
		resp, body := do(t, srv, req)
		assert.Equal(t, int64(len(body)), resp.ContentLength)
		if compressed {
			require.Equal(t, "gzip", resp.Header.Get("Content-Encoding"), header)
			r := testkit.Must(gzip.NewReader(strings.NewReader(body)))
			text := testkit.Must(io.ReadAll(r))
			body = string(text)
		}
		assert.Contains(t, body, `"name":"job"`, header)
		req.Method = http.MethodDelete // whose response is empty
		resp, body = do(t, srv, req)
		assert.Empty(t, resp.Header.Get("Content-Encoding"))
		assert.Empty(t, body)
	}
}

func TestFaultWithACompressedBodyIsSentAsItIs(t *testing.T) {
	t.Parallel()
	var compressed bytes.Buffer
	w := gzip.NewWriter(&compressed)
	require.NoError(t, errorOf(w.Write([]byte(`{"name":"other"}`))))
	require.NoError(t, w.Close())
	srv := fake.NewServer(nil)
	srv.Inject(fake.Fault{StatusCode: 200, Body: compressed.String(), Header: http.Header{"Content-Encoding": {"gzip"}}})
	got := testkit.Must(newJobs(t, overTLS(t, srv, "HTTP/1.1")).Get(t.Context(), resourceGroup, workspace, assignment, "job", nil))
	assert.Equal(t, "other", got.Name)
}
