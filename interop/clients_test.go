package interop

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/security/armsecurity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/securityinsights/armsecurityinsights/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// The names of the resources that the calls are about.
const (
	subscriptionID = "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"
	resourceGroup  = "myRg"
	escapedGroup   = "myRg-(ü)" // with something to escape
	workspace      = "myWorkspace"
	publication    = "47cdc5f5-37c4-47b5-bd5f-83c84b8bdd58"
	jobName        = "cfbe1338-8276-4d5d-8b96-931117f9fa0e"
	assignmentID   = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
)

func ourJobs(t testing.TB, transport policy.Transporter) *armsecops.WorkspaceManagerJobsClient {
	client, err := armsecops.NewWorkspaceManagerJobsClient(subscriptionID, &azfake.TokenCredential{}, ourOptions(transport))
	require.NoError(t, err)
	return client
}

func ourAssignments(t testing.TB, transport policy.Transporter) *armsecops.SecurityAssignmentsClient {
	client, err := armsecops.NewSecurityAssignmentsClient(subscriptionID, &azfake.TokenCredential{}, ourOptions(transport))
	require.NoError(t, err)
	return client
}

func ourOptions(transport policy.Transporter) *armsecops.ClientOptions {
	options := &armsecops.ClientOptions{}
	options.Transport = transport
	return options
}

func theirJobs(t testing.TB, transport policy.Transporter) *armsecurityinsights.WorkspaceManagerAssignmentJobsClient {
	client, err := armsecurityinsights.NewWorkspaceManagerAssignmentJobsClient(subscriptionID, &azfake.TokenCredential{}, theirOptions(transport))
	require.NoError(t, err)
	return client
}

func theirAssignments(t testing.TB, transport policy.Transporter) *armsecurity.AssignmentsClient {
	client, err := armsecurity.NewAssignmentsClient(subscriptionID, &azfake.TokenCredential{}, theirOptions(transport))
	require.NoError(t, err)
	return client
}

func theirOptions(transport policy.Transporter) *arm.ClientOptions {
	options := &arm.ClientOptions{}
	options.Transport = transport
	return options
}

// assertSame compares two models member by member, in their JSON form.
func assertSame(t testing.TB, want, got any) {
	t.Helper()
	assert.Equal(t, members(t, want), members(t, got))
}

// members returns a model as JSON has it: numbers with every digit, times as
// instants, because the two sides write their fractions and zones differently.
func members(t testing.TB, model any) any {
	t.Helper()
	text, err := json.Marshal(model)
	require.NoError(t, err)
	var value any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&value))
	return withInstants(value)
}

func withInstants(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name := range v {
			v[name] = withInstants(v[name])
		}
	case []any:
		for i := range v {
			v[i] = withInstants(v[i])
		}
	case string:
		if instant, err := time.Parse(time.RFC3339, v); err == nil {
			return instant.UTC()
		}
	}
	return value
}

// decode reads a model from its wire form.
func decode[T any](t testing.TB, text []byte) (model T) {
	t.Helper()
	require.NoError(t, json.Unmarshal(text, &model))
	return model
}
