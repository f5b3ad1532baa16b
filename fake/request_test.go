package fake_test

import (
	"errors"
	"io"
	"net/http"
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
