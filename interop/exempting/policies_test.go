package exempting

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

const (
	subscription = "/subscriptions/00000000-0000-0000-0000-000000000001"
	group        = "/providers/Microsoft.Management/managementGroups/m"
	sets         = "/providers/Microsoft.Authorization/policySetDefinitions/"
	policy       = "/providers/Microsoft.Authorization/policyDefinitions/p"
	assignment   = "/providers/Microsoft.Authorization/policyAssignments/"
	resources    = subscription + "/resourceGroups/test"
	machine      = resources + "/providers/Microsoft.Compute/virtualMachines/build"
)

// assigned are what is assigned in a subscription and above it, by the assignment's id.
var assigned = map[string]string{
	subscription + assignment + "a":             sets + "builtIn",
	resources + assignment + "b":                subscription + sets + "own",
	group + assignment + "c":                    group + sets + "inherited",
	strings.ToUpper(machine) + assignment + "d": policy,
	resources + assignment + "e":                strings.ToUpper(sets + "builtIn"),
	resources + "-2" + assignment + "f":         policy, // doesn't apply to the machine
}

// azure responds with the assignments, and to the path of any initiative, which it
// counts, with one that has the policy, whose reference id there is the path.
type azure struct{ initiatives int }

func (a *azure) Do(req *http.Request) (*http.Response, error) {
	assignments, body := map[string]string{}, ""
	for _, id := range slices.Sorted(maps.Keys(assigned)) {
		assignments[id] = fmt.Sprintf(`{"id":%q,"properties":{"policyDefinitionId":%q}}`, id, assigned[id])
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
	options, server, service := &arm.ClientOptions{}, &armsecops.ClientOptions{}, &azure{}
	options.Transport, server.Transport = service, fake.NewServer(nil)
	p := policies{credential: &azfake.TokenCredential{}, options: options}
	found, err := p.of(t.Context(), machine, policy)
	require.NoError(t, err)
	want := map[string][]string{
		subscription + assignment + "a": {sets + "builtIn"}, resources + assignment + "b": {subscription + sets + "own"}, group + assignment + "c": {group + sets + "inherited"},
		strings.ToUpper(machine) + assignment + "d": nil, resources + assignment + "e": {sets + "builtIn"},
	}
	assert.Equal(t, want, found)
	for id, want := range map[string][]string{
		subscription + assignment + "a OTHER": {"/other"}, resources + assignment + "b": {"/other", strings.ToUpper(policy)}, strings.ToUpper(machine) + assignment + "d": {policy},
	} {
		exemption := armsecops.Exemption{PolicyAssignmentID: strings.Fields(id)[0], PolicyDefinitionReferenceIDs: strings.Fields(id)[1:]}
		exempted, err := p.exempted(t.Context(), exemption)
		require.NoError(t, err)
		assert.Equal(t, want, exempted, id)
	}

	client, err := armsecops.NewPolicyExemptionsClient(p.credential, server)
	require.NoError(t, err)
	recommendation := armsecops.AssessmentMetadata{Name: "key", Properties: armsecops.AssessmentMetadataProperties{PolicyDefinitionID: policy}}
	for range 2 { // the second run changes the exemptions of the first
		require.NoError(t, exempt(t.Context(), client, &p, recommendation, machine, time.Now()))
		made := map[string][]string{}
		for exemption, err := range client.NewListPager(machine, nil).All(t.Context()) {
			require.NoError(t, err)
			assert.NotContains(t, made, exemption.Properties.PolicyAssignmentID)
			made[exemption.Properties.PolicyAssignmentID] = exemption.Properties.PolicyDefinitionReferenceIDs
		}
		assert.Equal(t, want, made)
	}
	recommendation.Properties.PolicyDefinitionID = "/unknown"
	require.ErrorContains(t, exempt(t.Context(), client, &p, recommendation, machine, time.Now()), "is not assigned")
	assert.Equal(t, 3, service.initiatives)
}
