package exempting

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/security/armsecurity"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/test/driver"
)

const (
	subscription = "/subscriptions/00000000-0000-0000-0000-000000000001"
	other        = "00000000-0000-0000-0000-000000000002"
	group        = "/providers/Microsoft.Management/managementGroups/m"
	policy       = "/providers/Microsoft.Authorization/policyDefinitions/p"
	assignment   = "/providers/Microsoft.Authorization/policyAssignments/"
	resources    = subscription + "/resourceGroups/test"
	machine      = resources + "/providers/Microsoft.Compute/virtualMachines/build"
)

// testdata/azure.json has what Azure Policy and Defender for Cloud respond, by path and filter.
func TestExempting(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/azure.json")
	require.NoError(t, err)
	bodies, asked := map[string]json.RawMessage{}, map[string]int{}
	require.NoError(t, json.Unmarshal(text, &bodies))
	server := fake.NewServer(&fake.ServerOptions{Next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimSuffix(r.URL.Path+"?"+r.URL.Query().Get("$filter"), "?")
		if asked[path]++; bodies[path] == nil {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write(bodies[path])
	})})
	options := driver.Options(server)
	p := policies{credential: &azfake.TokenCredential{}, options: &options.ClientOptions}
	factory, err := armsecops.NewClientFactory(p.credential, options)
	require.NoError(t, err)
	client := factory.NewPolicyExemptionsClient()
	recommendation := armsecops.AssessmentMetadata{Name: "key", Properties: armsecops.AssessmentMetadataProperties{DisplayName: "Close ports", PolicyDefinitionID: policy}}
	server.Put(armsecops.AssessmentMetadataID{Name: "key"}, recommendation)
	for scope, want := range map[string]map[string][]string{
		machine: {
			subscription + assignment + "a": {"builtIn"}, resources + assignment + "b": {"own"}, group + assignment + "c": {"inherited"},
			strings.ToUpper(machine) + assignment + "d": nil, resources + assignment + "e": {"builtIn"},
		},
		group: {group + assignment + "c": {"inherited"}},
	} {
		for range 2 { // the second run changes the exemptions of the first
			require.NoError(t, exempt(t.Context(), factory, &p, recommendation, scope, time.Now()))
			made := map[string][]string{}
			for exemption, err := range client.NewListPager(scope, &armsecops.PolicyExemptionsClientListOptions{Filter: "atExactScope()"}).All(t.Context()) {
				require.NoError(t, err)
				assert.NotContains(t, made, exemption.Properties.PolicyAssignmentID)
				made[exemption.Properties.PolicyAssignmentID] = exemption.Properties.PolicyDefinitionReferenceIDs
			}
			assert.Equal(t, want, made)
		}
	}

	for name, from := range map[string]string{"other": resources + assignment + "b OTHER", "whole": resources + assignment + "b", "gone": "/gone", "gone-2": "/GONE"} {
		properties := armsecops.PolicyExemptionProperties{PolicyAssignmentID: strings.Fields(from)[0], PolicyDefinitionReferenceIDs: strings.Fields(from)[1:]}
		server.Put(armsecops.PolicyExemptionID{Scope: machine, Name: name}, armsecops.PolicyExemption{Properties: properties})
	}
	byStandard := armsecops.AssessmentMetadata{Name: "KEY", Properties: armsecops.AssessmentMetadataProperties{DisplayName: "Close ports"}}
	require.ErrorContains(t, exempt(t.Context(), factory, &p, byStandard, machine, time.Now()), "no standard of "+subscription)
	standard := armsecops.SecurityStandardProperties{Assessments: []armsecops.PartialAssessmentProperties{{AssessmentKey: "key"}}}
	server.Put(armsecops.SecurityStandardID{Scope: subscription, Name: "20ff7fc3-e762-44dd-bd96-b71116dcdc23"}, armsecops.SecurityStandard{Properties: standard})
	require.NoError(t, exempt(t.Context(), factory, &p, byStandard, machine, time.Now()))
	id := strings.TrimPrefix(subscription, "/subscriptions/")
	server.Inject(fake.Fault{Match: func(r fake.Request) bool { return strings.HasPrefix(r.URL.Path, "/subscriptions/"+other) }, StatusCode: http.StatusForbidden})
	names, forbidden := recommendations(t.Context(), factory.NewAssessmentsMetadataClient(), id, other, id)
	assert.Equal(t, []bool{true, true}, []bool{errors.Is(forbidden, armsecops.ErrForbidden), strings.Contains(forbidden.Error(), other)})
	signedOut := &azfake.TokenCredential{}
	signedOut.SetError(errors.New("no account"))
	_, err = recommendations(t.Context(), driver.NewFactory(t, signedOut, options).NewAssessmentsMetadataClient(), id, other)
	assert.Equal(t, 1, strings.Count(err.Error(), "no account"), err)                                                                            // rather than for each subscription
	server.Inject(fake.Fault{StatusCode: http.StatusNotFound, Match: func(r fake.Request) bool { return strings.HasPrefix(r.URL.Path, group) }}) // the exemption is deleted meanwhile
	rows, err := inventory(t.Context(), factory.NewExemptionsClient(), func(yield func(armsecops.Exemption, error) bool) {
		yield(armsecops.Exemption{}, forbidden)
		factory.NewExemptionsClient().NewListPager(nil).All(t.Context())(yield)
	}, &p, names)
	assert.Equal(t, errors.Join(forbidden), err)
	counts := map[string]int{}
	for _, row := range rows {
		counts[strings.Join(row.From, ",")]++
		assert.Equal(t, strings.HasPrefix(row.Name, "gone"), gone(row.Err), row)
		assert.Equal(t, row.DisplayName != "", row.CreatedBy != "", row) // of those that exempt has made
	}
	assert.Equal(t, map[string]int{"Close ports": 6, "/other": 1, "/other,Close ports": 1, "": 2}, counts)
	assert.Equal(t, []int{1, 1, 1}, []int{asked["/gone"] + asked["/GONE"], asked[subscription+strings.TrimSuffix(assignment, "/")], asked["/providers/Microsoft.Authorization/policySetDefinitions/builtIn"]})
	recommendation.Properties.PolicyDefinitionID = "/unknown"
	require.ErrorContains(t, exempt(t.Context(), factory, &p, recommendation, machine, time.Now()), "is not assigned")

	assessments, err := armsecurity.NewAssessmentsClient(p.credential, p.options)
	require.NoError(t, err)
	found, err := unhealthy(t.Context(), assessments, subscription, "key")
	require.NoError(t, err)
	assert.Equal(t, []string{machine, subscription}, found)
	got, err := statusOf(t.Context(), assessments, machine, "key")
	require.NoError(t, err)
	assert.Equal(t, status{armsecurity.AssessmentStatusCodeNotApplicable, "Exempt", "Exempt by a waiver"}, got)
	inUse, err := subscriptions(t.Context(), p.credential, p.options)
	require.NoError(t, err)
	assert.Equal(t, []string{"Enabled", "Warned", "PastDue", "stateless"}, inUse)
}

func TestInventoryGetsSomeAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := fake.NewServer(nil)
		factory := driver.NewFactory(t, &azfake.TokenCredential{}, driver.Options(server))
		for name := 'a'; name <= 'z'; name++ {
			id := armsecops.AssignmentID{SubscriptionID: other, ResourceGroupName: "test", Name: string(name)}
			server.Put(id, armsecops.Assignment{Properties: armsecops.AssignmentProperties{Effect: armsecops.EffectExempt}})
		}
		server.Inject(fake.Fault{Operation: "SecurityAssignmentsClient.Get", Delay: time.Second, StatusCode: http.StatusForbidden, Always: true})
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		rows, err := inventory(ctx, factory.NewExemptionsClient(), factory.NewExemptionsClient().NewListPager(nil).All(ctx), &policies{}, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		for i, row := range rows {
			assert.Equal(t, []any{string(rune('a' + i)), i < 16}, []any{row.Name, errors.Is(row.Err, armsecops.ErrForbidden)}, row.Err)
		}
	})
}
