package exempting

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armpolicy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	subscription = "/subscriptions/00000000-0000-0000-0000-000000000001"
	group        = "/providers/Microsoft.Management/managementGroups/m"
	sets         = "/providers/Microsoft.Authorization/policySetDefinitions/"
	policy       = "/providers/Microsoft.Authorization/policyDefinitions/p"
)

// azure responds with four assignments, and to the path of any initiative with one
// that has the policy, whose reference id there is the path.
type azure struct{}

func (azure) Do(req *http.Request) (*http.Response, error) {
	body := `{"value":[`
	for i, assigned := range []string{sets + "builtIn", subscription + sets + "own", group + sets + "inherited", policy} {
		body += fmt.Sprintf(`{"id":"assignment %d","properties":{"policyDefinitionId":%q}},`, i, assigned)
	}
	body = strings.TrimSuffix(body, ",") + `]}`
	if strings.Contains(req.URL.Path, sets) {
		const policies = `{"properties":{"policyDefinitions":[{"policyDefinitionId":"/other","policyDefinitionReferenceId":"other"},{"policyDefinitionId":%q,"policyDefinitionReferenceId":%q}]}}`
		body = fmt.Sprintf(policies, strings.ToUpper(policy), req.URL.Path)
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
}

func TestPoliciesOf(t *testing.T) {
	t.Parallel()
	options := &arm.ClientOptions{}
	options.Transport = azure{}
	factory, err := armpolicy.NewClientFactory(strings.TrimPrefix(subscription, "/subscriptions/"), &azfake.TokenCredential{}, options)
	require.NoError(t, err)
	found, err := policiesOf(t.Context(), factory, policy)
	require.NoError(t, err)
	assert.Equal(t, map[string][]string{
		"assignment 0": {sets + "builtIn"}, "assignment 1": {subscription + sets + "own"}, "assignment 2": {group + sets + "inherited"},
	}, found)
}
