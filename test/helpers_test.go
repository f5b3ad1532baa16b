package test

import (
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/testkit"
)

// The ids of the documented exchanges.
const (
	jobsSubscription        = "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"
	jobsAssignment          = "47cdc5f5-37c4-47b5-bd5f-83c84b8bdd58"
	jobName                 = "cfbe1338-8276-4d5d-8b96-931117f9fa0e"
	assignmentsSubscription = "20ff7fc3-e762-44dd-bd96-b71116dcdc23"
	assignmentName          = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
)

// Short names of what the tests use most.
type (
	transportFunc  = testkit.TransportFunc
	policyFunc     = testkit.PolicyFunc
	credentialFunc = testkit.CredentialFunc
)

const (
	minimal   = testkit.Minimal
	requestID = testkit.RequestID
)

var (
	options              = testkit.Options
	respond              = testkit.Respond
	script               = testkit.Script
	subscriptionID       = testkit.SubscriptionID
	subscriptionIDs      = testkit.SubscriptionIDs
	lost                 = testkit.Lost
	breakOff             = testkit.BreakOff
	readExchanges        = testkit.ReadExchanges
	assertParameterError = testkit.AssertParameterError
	assertHarmlessLine   = testkit.AssertHarmlessLine
)

func newTLSServer(t testing.TB, handler http.Handler) *armsecops.ClientOptions {
	t.Helper()
	return testkit.NewTLSServer(t, handler, false)
}

func newJobsClient(t testing.TB, o *armsecops.ClientOptions) *armsecops.WorkspaceManagerJobsClient {
	t.Helper()
	client, err := armsecops.NewWorkspaceManagerJobsClient(jobsSubscription, &azfake.TokenCredential{}, o)
	require.NoError(t, err)
	return client
}

func newAssignmentsClient(t testing.TB, o *armsecops.ClientOptions) *armsecops.SecurityAssignmentsClient {
	t.Helper()
	client, err := armsecops.NewSecurityAssignmentsClient(assignmentsSubscription, &azfake.TokenCredential{}, o)
	require.NoError(t, err)
	return client
}

func newFactory(t testing.TB, credential azcore.TokenCredential, o *armsecops.ClientOptions) *armsecops.ClientFactory {
	t.Helper()
	factory, err := armsecops.NewClientFactory(credential, o)
	require.NoError(t, err)
	return factory
}
