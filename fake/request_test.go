package fake_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/fake"
)

// A caller can't change them.
func TestRequestsRecordsEveryRequest(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	req := newRequest(t, http.MethodPut, assignmentURL, `{"kind":"kind"}`)
	do(t, srv, req)
	get(t, srv, endpoint+"/nowhere")
	req.Header.Set("Content-Type", "changed")
	for range 2 {
		requests := srv.Requests()
		require.Len(t, requests, 2)
		put := requests[0]
		assert.Equal(t, http.MethodPut, put.Method)
		assert.Equal(t, assignmentURL, put.URL.String())
		assert.Equal(t, "SecurityAssignmentsClient.CreateOrUpdate", put.Operation)
		assert.Equal(t, "application/json; charset=utf-8", put.Header.Get("Content-Type"))
		assert.JSONEq(t, `{"kind":"kind"}`, string(put.Body))
		assert.Empty(t, requests[1].Operation)
		put.Body[0] = 'x'
		put.URL.Host = "elsewhere"
		put.Header.Set("Content-Type", "changed")
	}
}

func TestBrokenRequestIsNotRecorded(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, errorOf(srv.Do(newRequest(t, http.MethodPost, jobsURL, "").WithContext(ctx))), context.Canceled)
	unreadable := newRequest(t, http.MethodPost, jobsURL, "")
	unreadable.Body = io.NopCloser(iotest.ErrReader(io.ErrNoProgress))
	require.ErrorIs(t, errorOf(srv.Do(unreadable)), io.ErrNoProgress)
	assert.Empty(t, srv.Requests())
}

func TestRequestsKeepsTheNewest(t *testing.T) {
	t.Parallel()
	for most, kept := range map[int]int{3: 3, 0: 10_000} {
		srv := fake.NewServer(&fake.ServerOptions{MaxRequests: most})
		for i := range kept + 3 {
			get(t, srv, fmt.Sprintf("%s/%d", endpoint, i))
		}
		for i, request := range srv.Requests() {
			require.Equal(t, fmt.Sprintf("/%d", i+3), request.URL.Path)
		}
		assert.Len(t, srv.Requests(), kept)
	}
}

func TestLongBodyIsKeptAsItsHash(t *testing.T) {
	t.Parallel()
	const limit = 64 << 10
	for size, kept := range map[int]bool{2: true, limit: true, limit + 1: false} {
		srv, body := fake.NewServer(nil), "{}"+strings.Repeat(" ", size-2)
		seen := 0
		srv.Inject(fake.Fault{Delay: 1, Match: func(r fake.Request) bool {
			seen = len(r.Body)
			return true
		}})
		expect(t, srv, http.StatusCreated, newRequest(t, http.MethodPut, assignmentURL, body))
		request := srv.Requests()[0]
		assert.EqualValues(t, size, request.BodySize)
		assert.Equal(t, size, seen, "Match has the whole body")
		if kept {
			assert.Equal(t, body, string(request.Body))
			assert.Empty(t, request.BodySHA256)
			continue
		}
		assert.Nil(t, request.Body)
		assert.Equal(t, fmt.Sprintf("%x", sha256.Sum256([]byte(body))), request.BodySHA256)
	}
}
