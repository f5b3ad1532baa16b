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
)

func TestResponseHasAzuresHeaders(t *testing.T) {
	t.Parallel()
	type test struct{ method, url, remaining string } // the name of the throttling header
	each(t, map[string]test{
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
			r, err := gzip.NewReader(strings.NewReader(body))
			require.NoError(t, err)
			text, err := io.ReadAll(r)
			require.NoError(t, err)
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
	got, err := newJobs(t, overTLS(t, srv, "HTTP/1.1")).Get(t.Context(), resourceGroup, workspace, assignment, "job", nil)
	require.NoError(t, err)
	assert.Equal(t, "other", got.Name)
}
