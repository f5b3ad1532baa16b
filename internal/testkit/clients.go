package testkit

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// The ids of the documented exchanges.
const (
	JobsSubscription        = "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"
	JobsAssignment          = "47cdc5f5-37c4-47b5-bd5f-83c84b8bdd58"
	JobName                 = "cfbe1338-8276-4d5d-8b96-931117f9fa0e"
	AssignmentsSubscription = "20ff7fc3-e762-44dd-bd96-b71116dcdc23"
	AssignmentName          = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
)

// NewFactory returns a factory of clients.
func NewFactory(t testing.TB, credential azcore.TokenCredential, o *armsecops.ClientOptions) *armsecops.ClientFactory {
	t.Helper()
	factory, err := armsecops.NewClientFactory(credential, o)
	require.NoError(t, err)
	return factory
}

// NewJobsClient returns a client of JobsSubscription.
func NewJobsClient(t testing.TB, o *armsecops.ClientOptions) *armsecops.WorkspaceManagerJobsClient {
	t.Helper()
	client, err := armsecops.NewWorkspaceManagerJobsClient(JobsSubscription, &azfake.TokenCredential{}, o)
	require.NoError(t, err)
	return client
}

// NewAssignmentsClient returns a client of AssignmentsSubscription.
func NewAssignmentsClient(t testing.TB, o *armsecops.ClientOptions) *armsecops.SecurityAssignmentsClient {
	t.Helper()
	client, err := armsecops.NewSecurityAssignmentsClient(AssignmentsSubscription, &azfake.TokenCredential{}, o)
	require.NoError(t, err)
	return client
}

// NewStandardsClient returns a client of standard assignments.
func NewStandardsClient(t testing.TB, o *armsecops.ClientOptions) *armsecops.StandardAssignmentsClient {
	t.Helper()
	client, err := armsecops.NewStandardAssignmentsClient(&azfake.TokenCredential{}, o)
	require.NoError(t, err)
	return client
}

// Numbers returns the names of n items that are named by number.
func Numbers(n int) []string {
	var names []string
	for i := range n {
		names = append(names, strconv.Itoa(i))
	}
	return names
}

// Forge returns the continuation token with another member.
func Forge(t testing.TB, token, member, text string) string {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(token)
	require.NoError(t, err)
	const checksum = 8
	var content map[string]any
	require.NoError(t, json.Unmarshal(data[checksum:], &content))
	content[member] = text
	forged, err := json.Marshal(content)
	require.NoError(t, err)
	sum := sha256.Sum256(forged)
	return base64.RawURLEncoding.EncodeToString(append(sum[:checksum], forged...))
}
