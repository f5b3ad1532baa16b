package exempting

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

const (
	subscription = "/subscriptions/00000000-0000-0000-0000-000000000001"
	group        = "/providers/Microsoft.Management/managementGroups/m"
	sets         = "/providers/Microsoft.Authorization/policySetDefinitions/"
	policy       = "/providers/Microsoft.Authorization/policyDefinitions/p"
)

// azure responds with five assignments, and to the path of any initiative, which it
// counts, with one that has the policy, whose reference id there is the path.
type azure struct{ initiatives int }

func (a *azure) Do(req *http.Request) (*http.Response, error) {
	assignments, body := map[string]string{}, ""
	for i, assigned := range []string{sets + "builtIn", subscription + sets + "own", group + sets + "inherited", policy, strings.ToUpper(sets + "builtIn")} {
		id := fmt.Sprintf("/assignment%d", i)
		assignments[id] = fmt.Sprintf(`{"id":%q,"properties":{"policyDefinitionId":%q}}`, id, assigned)
		body += "," + assignments[id]
	}
	body = cmp.Or(assignments[req.URL.Path], `{"value":[`+body[1:]+`]}`)
	if strings.Contains(req.URL.Path, sets) {
		a.initiatives++
		const policies = `{"properties":{"policyDefinitions":[{"policyDefinitionId":"/other","policyDefinitionReferenceId":"other"},{"policyDefinitionId":%q,"policyDefinitionReferenceId":%q}]}}`
		body = fmt.Sprintf(policies, strings.ToUpper(policy), req.URL.Path)
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	options, service := &arm.ClientOptions{}, &azure{}
	options.Transport = service
	p := policies{credential: &azfake.TokenCredential{}, options: options}
	found, err := p.of(t.Context(), "00000000-0000-0000-0000-000000000002", policy)
	require.NoError(t, err)
	assert.Equal(t, map[string][]string{
		"/assignment0": {sets + "builtIn"}, "/assignment1": {subscription + sets + "own"}, "/assignment2": {group + sets + "inherited"}, "/assignment3": nil, "/assignment4": {sets + "builtIn"},
	}, found)
	for id, want := range map[string][]string{"/assignment0 OTHER": {"/other"}, "/assignment1": {"/other", strings.ToUpper(policy)}, "/assignment3": {policy}} {
		exemption := armsecops.Exemption{PolicyAssignmentID: strings.Fields(id)[0], PolicyDefinitionReferenceIDs: strings.Fields(id)[1:]}
		exempted, err := p.exempted(t.Context(), exemption)
		require.NoError(t, err)
		assert.Equal(t, want, exempted, id)
	}
	assert.Equal(t, 3, service.initiatives)
}
