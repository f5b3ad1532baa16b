package armsecops_test

import (
	"net/http"
	"sync/atomic"
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
	factory := newFactory(t, credential, options(respond(200, minimal)))
	jobs, err := factory.NewWorkspaceManagerJobsClient(assignmentsSubscription)
	require.NoError(t, err)
	assignments, err := factory.NewSecurityAssignmentsClient(assignmentsSubscription)
	require.NoError(t, err)
	require.NoError(t, failure(jobs.Get(t.Context(), "rg", "workspace", "assignment", "job", nil)))
	require.NoError(t, failure(assignments.Get(t.Context(), "rg", "id", nil)))
	for _, err := range assignments.ListAcrossSubscriptions(t.Context(), testkit.SubscriptionIDs(20), nil) {
		require.NoError(t, err)
	}
	assert.EqualValues(t, 1, calls.Load())
}
