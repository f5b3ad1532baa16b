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

	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
)

// The names of the resources that the calls are about.
const (
	subscriptionID = testkit.JobsSubscription
	resourceGroup  = "myRg"
	escapedGroup   = "myRg-(ü)" // with something to escape
	workspace      = "myWorkspace"
	publication    = testkit.JobsAssignment
	jobName        = testkit.JobName
	assignmentID   = testkit.AssignmentName
)

func theirJobs(t testing.TB, transport policy.Transporter) *armsecurityinsights.WorkspaceManagerAssignmentJobsClient {
	credential, options := &azfake.TokenCredential{}, theirOptions(transport)
	client, err := armsecurityinsights.NewWorkspaceManagerAssignmentJobsClient(subscriptionID, credential, options)
	require.NoError(t, err)
	return client
}

func theirAssignments(t testing.TB, transport policy.Transporter) *armsecurity.AssignmentsClient {
	client, err := armsecurity.NewAssignmentsClient(testkit.AssignmentsSubscription, &azfake.TokenCredential{}, theirOptions(transport))
	require.NoError(t, err)
	return client
}

func theirOptions(transport policy.Transporter) *arm.ClientOptions {
	return &driver.Options(transport).ClientOptions
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
