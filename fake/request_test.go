package fake_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

func TestRequestsRecordsEveryRequest(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	assert.Empty(t, srv.Requests())
	assignments := newAssignments(t, subscription, options(srv))
	_, err := assignments.CreateOrUpdate(t.Context(), resourceGroup, "standard", armsecops.Assignment{Kind: "kind"}, nil)
	require.NoError(t, err)
	get(t, srv, endpoint+"/nowhere")

	requests := srv.Requests()
	require.Len(t, requests, 2)
	assert.Equal(t, http.MethodPut, requests[0].Method)
	assert.Equal(t, assignmentURL, requests[0].URL.String())
	assert.Equal(t, "SecurityAssignmentsClient.CreateOrUpdate", requests[0].Operation)
	assert.Equal(t, "application/json", requests[0].Header.Get("Content-Type"))
	assert.JSONEq(t, `{"kind":"kind"}`, string(requests[0].Body))
	assert.Empty(t, requests[1].Operation)
}

func TestRequestsReturnsCopies(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	req := newRequest(t, http.MethodPut, assignmentURL, `{"kind":"kind"}`)
	do(t, srv, req)
	req.Header.Set("Content-Type", "changed")
	request := srv.Requests()[0]
	request.Body[0] = 'x'
	request.URL.Host = "elsewhere"
	request.Header.Set("Content-Type", "changed")

	again := srv.Requests()[0]
	assert.JSONEq(t, `{"kind":"kind"}`, string(again.Body))
	assert.Equal(t, "management.azure.com", again.URL.Host)
	assert.Equal(t, "application/json; charset=utf-8", again.Header.Get("Content-Type"))
}

func TestRequestWithUnreadableBodyIsNotRecorded(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	req := newRequest(t, http.MethodPost, jobsURL, "")
	broken := errors.New("broken")
	reader, writer := io.Pipe()
	writer.CloseWithError(broken)
	req.Body = reader
	_, err := srv.Do(req)
	require.ErrorIs(t, err, broken)
	assert.Empty(t, srv.Requests())
}

func TestRequestsKeepsTheNewest(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{MaxRequests: 3})
	paths := func() (paths []string) {
		for _, request := range srv.Requests() {
			paths = append(paths, request.URL.Path)
		}
		return paths
	}
	for i := range 10 {
		get(t, srv, fmt.Sprintf("%s/%d", endpoint, i))
	}
	assert.Equal(t, []string{"/7", "/8", "/9"}, paths())
	get(t, srv, endpoint+"/10")
	assert.Equal(t, []string{"/8", "/9", "/10"}, paths())
}

func TestRequestsKeeps10000IfNotTold(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	for range 10_002 {
		resp, err := srv.Do(newRequest(t, http.MethodGet, endpoint, ""))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
	}
	assert.Len(t, srv.Requests(), 10_000)
}

func TestLongBodyIsKeptAsItsHash(t *testing.T) {
	t.Parallel()
	const limit = 64 << 10
	for size, kept := range map[int]bool{2: true, limit: true, limit + 1: false} {
		srv := fake.NewServer(nil)
		body := "{}" + strings.Repeat(" ", size-2)
		seen := 0
		srv.Inject(fake.Fault{Delay: 1, Match: func(r fake.Request) bool {
			seen = len(r.Body)
			return true
		}})
		resp, text := do(t, srv, newRequest(t, http.MethodPut, assignmentURL, body))
		require.Equal(t, http.StatusCreated, resp.StatusCode, text)
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
