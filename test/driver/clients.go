package driver

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/testkit"
)

// NewFactory returns a factory of clients.
func NewFactory(t testing.TB, credential azcore.TokenCredential, o *armsecops.ClientOptions) *armsecops.ClientFactory {
	factory, err := armsecops.NewClientFactory(credential, o)
	require.NoError(t, err)
	return factory
}

// NewJobsClient returns a client of JobsSubscription.
func NewJobsClient(t testing.TB, o *armsecops.ClientOptions) *armsecops.WorkspaceManagerJobsClient {
	client, err := armsecops.NewWorkspaceManagerJobsClient(testkit.JobsSubscription, &azfake.TokenCredential{}, o)
	require.NoError(t, err)
	return client
}

// NewAssignmentsClient returns a client of AssignmentsSubscription.
func NewAssignmentsClient(t testing.TB, o *armsecops.ClientOptions) *armsecops.SecurityAssignmentsClient {
	client, err := armsecops.NewSecurityAssignmentsClient(testkit.AssignmentsSubscription, &azfake.TokenCredential{}, o)
	require.NoError(t, err)
	return client
}

// Options returns options with a transport, and with retries that don't wait.
func Options(transport policy.Transporter) *armsecops.ClientOptions {
	o := &armsecops.ClientOptions{}
	o.Transport = transport
	o.Retry.RetryDelay = 1 // ns; azcore takes 0 for an overflow
	o.Retry.MaxRetryDelay = time.Second
	return o
}

// WithoutRetries returns options with a transport, and without retries.
func WithoutRetries(transport policy.Transporter) *armsecops.ClientOptions {
	o := Options(transport)
	o.Retry.MaxRetries = -1
	return o
}

// NewTLSServer starts a server, and returns options of clients whose endpoint it is.
func NewTLSServer(t testing.TB, handler http.Handler, http2 bool) *armsecops.ClientOptions {
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.EnableHTTP2 = http2
	server.StartTLS()
	t.Cleanup(server.Close)
	o := Options(server.Client())
	o.Cloud = testkit.Endpoint(server.URL)
	return o
}

// AssertParameterError checks that an error refuses the parameter.
func AssertParameterError(t testing.TB, err error, name string) {
	e, ok := errors.AsType[*armsecops.ParameterError](err)
	if assert.True(t, ok, "%T: %v", err, err) {
		assert.Equal(t, name, e.Name)
		assert.Contains(t, e.Reason, "must")
	}
}
