package armsecops_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// credential is a credential whose calls are counted, and fail if it has an error.
type credential struct {
	calls atomic.Int32
	err   func(context.Context) error // nil: success
}

func (c *credential) GetToken(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.calls.Add(1)
	if c.err != nil {
		return azcore.AccessToken{}, c.err(ctx)
	}
	return azcore.AccessToken{Token: "fake_token", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// factoryClients returns one client of each kind, as they are made by one factory.
func factoryClients(t testing.TB, f *armsecops.ClientFactory) (*armsecops.WorkspaceManagerJobsClient, *armsecops.SecurityAssignmentsClient) {
	t.Helper()
	jobs, err := f.NewWorkspaceManagerJobsClient(assignmentsSubscription)
	require.NoError(t, err)
	assignments, err := f.NewSecurityAssignmentsClient(assignmentsSubscription)
	require.NoError(t, err)
	return jobs, assignments
}

func TestFactoryParameters(t *testing.T) {
	t.Parallel()
	fake := &azfake.TokenCredential{}
	versioned := &armsecops.ClientOptions{}
	versioned.APIVersion = "2021-08-01-preview"
	at := func(url string) *armsecops.ClientOptions {
		o := &armsecops.ClientOptions{}
		o.Cloud = endpoint(url)
		return o
	}
	tests := map[string]struct {
		credential azcore.TokenCredential
		options    *armsecops.ClientOptions
		parameter  string
	}{
		"no credential":          {nil, nil, "credential"},
		"negative bound":         {fake, &armsecops.ClientOptions{MaxResponseBytes: -1}, "MaxResponseBytes"},
		"endpoint isn't a URL":   {fake, at("management.example"), "Cloud"},
		"endpoint without host":  {fake, at("https://"), "Cloud"},
		"endpoint without https": {fake, at("http://management.example"), "Cloud"},
		"api-version":            {fake, versioned, "APIVersion"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := armsecops.NewClientFactory(test.credential, test.options)
			assert.Nil(t, f)
			assertParameterError(t, err, test.parameter)
		})
	}
}

func TestClientsOfFactoryShareOneToken(t *testing.T) {
	t.Parallel()
	c := &credential{}
	jobs, assignments := factoryClients(t, newFactory(t, c, options(respond(200, minimal))))
	_, err := jobs.Get(t.Context(), "rg", "workspace", "assignment", "job", nil)
	require.NoError(t, err)
	_, err = assignments.Get(t.Context(), "rg", "id", nil)
	require.NoError(t, err)
	for _, err := range assignments.ListAcrossSubscriptions(t.Context(), subscriptionIDs(20), nil) {
		require.NoError(t, err)
	}
	assert.EqualValues(t, 1, c.calls.Load())
}

// A 429 of one client holds the others back in its subscription, and in no other.
func TestClientsOfFactoryWaitTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := options(script(t, respond(429, "", "Retry-After", "30"), respond(200, minimal), respond(200, minimal)))
		o.Retry.MaxRetryDelay = time.Minute
		o.Retry.StatusCodes = []int{} // don't try again
		factory := newFactory(t, &azfake.TokenCredential{}, o)
		jobs, assignments := factoryClients(t, factory)
		_, err := jobs.Get(t.Context(), "rg", "workspace", "assignment", "job", nil)
		require.ErrorIs(t, err, armsecops.ErrThrottled)

		other, err := factory.NewSecurityAssignmentsClient(jobsSubscription)
		require.NoError(t, err)
		start := time.Now()
		_, err = other.Get(t.Context(), "rg", "id", nil)
		require.NoError(t, err)
		assert.Zero(t, time.Since(start))
		_, err = assignments.Get(t.Context(), "rg", "id", nil)
		require.NoError(t, err)
		assert.InDelta(t, 30.5, time.Since(start).Seconds(), 1)
	})
}

func TestClientWithoutSubscriptionRefusesOtherOperations(t *testing.T) {
	t.Parallel()
	client, err := newFactory(t, &azfake.TokenCredential{}, options(script(t))).NewSecurityAssignmentsClient("")
	require.NoError(t, err)
	_, err = client.Get(t.Context(), "rg", "id", nil)
	assertParameterError(t, err, "subscriptionID")
	_, err = client.NewListBySubscriptionPager(nil).NextPage(t.Context())
	assertParameterError(t, err, "subscriptionID")
}

// errNoToken is an error of a credential.
type errNoToken struct{}

func (*errNoToken) Error() string { return "run az login" }

// A single call returns the credential's error, too.
func TestCredentialErrorIsInTheChain(t *testing.T) {
	t.Parallel()
	c := &credential{err: func(context.Context) error { return &errNoToken{} }}
	_, assignments := factoryClients(t, newFactory(t, c, options(script(t))))
	_, err := assignments.Get(t.Context(), "rg", "id", nil)
	require.ErrorAs(t, err, new(*errNoToken))
	require.EqualError(t, err, "SecurityAssignmentsClient.Get: run az login")
	assert.EqualValues(t, 1, c.calls.Load(), "a credential retries by itself")
}
