package test

import (
	"crypto/x509"
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// The default transport checks the endpoint's certificate before anything is sent.
func TestDefaultTransportChecksTheCertificate(t *testing.T) {
	t.Parallel()
	o := newTLSServer(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") }))
	o.Transport = nil
	o.Retry.MaxRetries = -1
	_, err := newAssignmentsClient(t, o).Get(t.Context(), "rg", "id", nil)
	require.ErrorAs(t, err, new(x509.UnknownAuthorityError))
	_, err = newJobsClient(t, o).Create(t.Context(), "rg", "workspace", "assignment", nil)
	require.ErrorAs(t, err, new(x509.UnknownAuthorityError))
	assert.NotErrorIs(t, err, armsecops.ErrOutcomeUnknown, "no connection was made")
}

// An error of the transport names the operation and leaves out the query.
func TestTransportErrorLeavesOutTheQuery(t *testing.T) {
	t.Parallel()
	o := options(script(t, func(req *http.Request) (*http.Response, error) {
		return nil, &url.Error{Op: "Get", URL: req.URL.String(), Err: io.ErrUnexpectedEOF}
	}))
	o.Retry.MaxRetries = -1
	list := &armsecops.WorkspaceManagerJobsClientListOptions{SkipToken: "private"}
	_, err := newJobsClient(t, o).NewListPager("rg", "workspace", "assignment", list).NextPage(t.Context())
	assert.EqualError(t, err, "WorkspaceManagerJobsClient.NewListPager: unexpected EOF")
	assert.ErrorAs(t, err, new(*url.Error))
}
