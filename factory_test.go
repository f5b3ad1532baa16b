package armsecops_test

import (
	"net/http"
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
	"github.com/armsecops/armsecops/internal/testkit"
)

// factoryClients returns one client of each kind, as they are made by one factory.
func factoryClients(t testing.TB, f *armsecops.ClientFactory) (*armsecops.WorkspaceManagerJobsClient, *armsecops.SecurityAssignmentsClient) {
	t.Helper()
	jobs, err := f.NewWorkspaceManagerJobsClient(assignmentsSubscription)
	require.NoError(t, err)
	assignments, err := f.NewSecurityAssignmentsClient(assignmentsSubscription)
	require.NoError(t, err)
	return jobs, assignments
}

// TestEveryConstructorChecksItsParameters has the others: they all make a factory.
func TestFactoryParameters(t *testing.T) {
	t.Parallel()
	versioned := &armsecops.ClientOptions{}
	versioned.APIVersion = "2021-08-01-preview"
	elsewhere := &armsecops.ClientOptions{}
	elsewhere.Cloud.ActiveDirectoryAuthorityHost = "https://login.example"
	at := func(url string) *armsecops.ClientOptions {
		o := &armsecops.ClientOptions{}
		o.Cloud = endpoint(url)
		return o
	}
	withPolicies := func(perCall, perRetry []policy.Policy) *armsecops.ClientOptions {
		o := &armsecops.ClientOptions{}
		o.PerCallPolicies, o.PerRetryPolicies = perCall, perRetry
		return o
	}
	for name, test := range map[string]struct {
		options   *armsecops.ClientOptions
		parameter string
	}{
		"endpoint isn't a URL":  {at("management.example"), "Cloud"},
		"endpoint without host": {at("https://"), "Cloud"},
		"no Resource Manager":   {elsewhere, "options"},
		"api-version":           {versioned, "APIVersion"},
		"nil HTTP client":       {options((*http.Client)(nil)), "Transport"},
		"nil policy of a call":  {withPolicies([]policy.Policy{nil}, nil), "PerCallPolicies"},
		"of an attempt":         {withPolicies(nil, []policy.Policy{nil}), "PerRetryPolicies"},
	} {
		f, err := armsecops.NewClientFactory(&azfake.TokenCredential{}, test.options)
		assert.Nil(t, f, name)
		assertParameterError(t, err, test.parameter)
	}
}

func TestClientsOfFactoryShareOneToken(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	credential := testkit.CredentialFunc(func() (azcore.AccessToken, error) {
		calls.Add(1)
		return azcore.AccessToken{Token: "fake_token", ExpiresOn: time.Now().Add(time.Hour)}, nil
	})
	jobs, assignments := factoryClients(t, newFactory(t, credential, options(respond(200, minimal))))
	require.NoError(t, failure(jobs.Get(t.Context(), "rg", "workspace", "assignment", "job", nil)))
	require.NoError(t, failure(assignments.Get(t.Context(), "rg", "id", nil)))
	for _, err := range assignments.ListAcrossSubscriptions(t.Context(), testkit.SubscriptionIDs(20), nil) {
		require.NoError(t, err)
	}
	assert.EqualValues(t, 1, calls.Load())
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
		err := failure(jobs.Get(t.Context(), "rg", "workspace", "assignment", "job", nil))
		require.ErrorIs(t, err, armsecops.ErrThrottled)

		other, err := factory.NewSecurityAssignmentsClient(jobsSubscription)
		require.NoError(t, err)
		start := time.Now()
		require.NoError(t, failure(other.Get(t.Context(), "rg", "id", nil)))
		assert.Zero(t, time.Since(start))
		require.NoError(t, failure(assignments.Get(t.Context(), "rg", "id", nil)))
		assert.InDelta(t, 30.5, time.Since(start).Seconds(), 1)
	})
}
