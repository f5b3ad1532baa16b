package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

var today = time.Now().UTC().Truncate(24 * time.Hour).Add(48 * time.Hour) // so that what ends today hasn't ended

func factoryOf(server *fake.Server) *armsecops.ClientFactory {
	factory, _ := armsecops.NewClientFactory(&azfake.TokenCredential{}, server.ClientOptions())
	return factory
}

func Example() {
	if err := run(context.Background(), factoryOf(newTenant()), today, os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// "Management ports should be closed": exempted by /subscriptions/20ff7fc3-e762-44dd-bd96-b71116dcdc23/resourceGroups/test/providers/Microsoft.Compute/virtualMachines/build/providers/Microsoft.Authorization/policyExemptions/718b5b06-0fa8-5f26-a8eb-68c69b145f37
	// "Disks should be encrypted": exempted by /subscriptions/20ff7fc3-e762-44dd-bd96-b71116dcdc23/resourceGroups/test/providers/Microsoft.Compute/virtualMachines/build/providers/Microsoft.Security/standardAssignments/3124a23d-e545-5d34-8130-d3be4b7d3730
	// "Management ports should be closed": holds for /subscriptions/20ff7fc3-e762-44dd-bd96-b71116dcdc23/resourceGroups/test/providers/Microsoft.Compute/virtualMachines/build
	// "Disks should be encrypted": holds for /subscriptions/20ff7fc3-e762-44dd-bd96-b71116dcdc23/resourceGroups/test/providers/Microsoft.Compute/virtualMachines/build
	// "Management ports should be closed": renewed
	// "Disks should be encrypted": renewed
	// deleted /subscriptions/20ff7fc3-e762-44dd-bd96-b71116dcdc23/resourceGroups/test/providers/Microsoft.Compute/virtualMachines/build/providers/Microsoft.Authorization/policyExemptions/718b5b06-0fa8-5f26-a8eb-68c69b145f37
	// deleted /subscriptions/20ff7fc3-e762-44dd-bd96-b71116dcdc23/resourceGroups/test/providers/Microsoft.Compute/virtualMachines/build/providers/Microsoft.Security/standardAssignments/3124a23d-e545-5d34-8130-d3be4b7d3730
}

// A second run renews the exemption of the first, and never ends it earlier.
func TestExemptWritesToThePlaceOfTheRecommendation(t *testing.T) {
	t.Parallel()
	server, ctx, out := newTenant(), t.Context(), new(strings.Builder)
	factory := factoryOf(server)
	for i, name := range []string{disksName, "D57A4221-a804-52ca-3dea-768284f06bb7", disksName} {
		ends, want := today.AddDate(0, 0, i%2), today.AddDate(0, 0, min(i, 1))
		ports, done, portsErr := exempt(ctx, factory, machine, recommendations[0], ends)
		disks, _, disksErr := exempt(ctx, factory, machine, recommendation{displayName: name}, ends)
		assert.Equal(t, []string{isMade, isRenewed, isLeft}[i], done)
		found, err := collect(factory.NewExemptionsClient().NewListPager(nil).All(ctx), func(e armsecops.Exemption) bool { return covers(e.Scope, machine) })
		require.NoError(t, errors.Join(portsErr, disksErr, err))
		require.Len(t, found, 2)
		assert.Equal(t, []any{ports, want, reason, policyAssignment, []string{"closePorts"}}, []any{found[0].ID, found[0].ExpiresOn, found[0].Description, found[0].PolicyAssignmentID, found[0].PolicyDefinitionReferenceIDs})
		assert.Equal(t, []any{disks, want, disksName, []string{"d57a4221-a804-52ca-3dea-768284f06bb7"}}, []any{found[1].ID, found[1].ExpiresOn, found[1].DisplayName, found[1].AssessmentKeys})
	}
	runErr := run(ctx, factory, today, out)
	left, err := collect(factory.NewExemptionsClient().NewListPager(nil).All(ctx), func(armsecops.Exemption) bool { return true })
	assert.Equal(t, []any{2, 2, nil, nil, today.AddDate(0, 0, 90)}, []any{len(left), strings.Count(out.String(), ": "+isRenewed+" "), runErr, err, left[0].ExpiresOn}, "it deletes none of an earlier run")
	testOf := armsecops.ExemptionsClientRenewOptions{AllowEarlier: true, Description: "revoked"}
	_, endErr := factory.NewExemptionsClient().Renew(ctx, left[0].ID, time.Now().Add(-time.Hour), &testOf)
	_, _, err = exempt(ctx, factory, machine, recommendations[0], today)
	require.ErrorIs(t, errors.Join(endErr, err), armsecops.ErrEnded, "it stays so")
	second := armsecops.SecurityStandardID{Scope: scope, Name: "0f3afdf9-d0c9-4c3d-847f-89da613e70a8"} // which comes first
	server.Put(second, armsecops.SecurityStandard{Properties: armsecops.SecurityStandardProperties{Assessments: []armsecops.PartialAssessmentProperties{{AssessmentKey: left[1].AssessmentKeys[0]}}}})
	_, _, err = exempt(ctx, factory, machine, recommendations[1], today)
	require.NoError(t, err, "by another standard")
	server.Put(armsecops.AssessmentMetadataID{Name: "another"}, armsecops.AssessmentMetadata{Properties: armsecops.AssessmentMetadataProperties{DisplayName: disksName}})
	server.Put(armsecops.AssessmentMetadataID{Name: "tags"}, armsecops.AssessmentMetadata{Properties: armsecops.AssessmentMetadataProperties{DisplayName: "Ours", AssessmentType: "customPolicy"}})
	other := recommendations[0]
	other.referenceIDs = []string{"closePorts", "typo"}
	_, _, err = exempt(ctx, factory, machine, other, today)
	require.ErrorContains(t, err, ", and is from something else")
	_, _, err = exempt(ctx, factory, strings.Replace(machine, "20ff", "10ff", 1), recommendations[1], today)
	require.ErrorIs(t, err, armsecops.ErrNotFound, "of another subscription")
	for want, displayName := range map[string]string{"no recommendation": "Unknown", "PolicyDefinitionReferenceIDs": portsName, "several recommendations": disksName, "is a custom": "Ours"} {
		_, _, err := exempt(ctx, factory, machine, recommendation{displayName: displayName, policyAssignmentID: policyAssignment}, today)
		require.ErrorContains(t, err, want)
	}
	_, err = standardOf(ctx, factory.NewSecurityStandardsClient(), scope, "unknown")
	require.ErrorContains(t, err, "no standard")
	signedOut := &azfake.TokenCredential{}
	signedOut.SetError(errors.New("no account"))
	factory, _ = armsecops.NewClientFactory(signedOut, nil)
	err = run(ctx, factory, today, io.Discard)
	assert.Equal(t, 1, strings.Count(err.Error(), "no account"))
	require.ErrorContains(t, err, "\"Disks should be encrypted\": not begun")
}

// A management group's exemption holds, too, and what may exist is deleted, too.
func TestRunListsGroupsAndDeletesWhatMayExist(t *testing.T) {
	t.Parallel()
	for _, last := range []fake.Fault{{Disconnect: true}, {StatusCode: 504}, {StatusCode: 409}, {StatusCode: 403}, {StatusCode: 201, Body: "<html>"}} {
		synctest.Test(t, func(t *testing.T) {
			server, out, elsewhere := newTenant(), new(strings.Builder), armsecops.StandardAssignmentID{Scope: "/providers/Microsoft.Management/managementGroups/contoso", Name: "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"}
			server.AddManagementGroup("contoso")
			server.Put(elsewhere, armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{Effect: armsecops.EffectExempt, DisplayName: "Theirs"}})
			for _, fault := range []fake.Fault{{StatusCode: 503, CarriedOut: true, Times: 3}, last} {
				fault.Operation = "PolicyExemptionsClient.CreateOrUpdate"
				server.Inject(fault)
			}
			assert.True(t, armsecops.MaybeCarriedOut(run(t.Context(), factoryOf(server), today, out)))
			assert.Contains(t, out.String(), "\"Theirs\": holds for "+elsewhere.Scope+"\n")
			assert.Contains(t, out.String(), "deleted "+machine+"/providers/Microsoft.Authorization/policyExemptions/")
		})
	}
}

// Of a whole tenant.
func TestRenewLeavesOutWhatHasEndedAndWhatEndsLater(t *testing.T) {
	t.Parallel()
	server := newTenant()
	for name, expires := range map[string]time.Time{"ended": today.AddDate(0, 0, -10), "later": today.AddDate(0, 4, 0), "never": {}, "soon": today} {
		server.Put(armsecops.PolicyExemptionID{Scope: scope, Name: name}, armsecops.PolicyExemption{Properties: armsecops.PolicyExemptionProperties{
			DisplayName: name, ExpiresOn: expires, PolicyAssignmentID: policyAssignment, ExemptionCategory: armsecops.ExemptionCategoryWaiver,
		}})
	}
	client, out := factoryOf(server).NewExemptionsClient(), new(strings.Builder)
	server.Inject(fake.Fault{Operation: "StandardAssignmentsClient.NewListPager", StatusCode: 403, Times: 1})
	server.Inject(fake.Fault{Operation: "AssessmentsMetadataClient.NewListBySubscriptionPager", StatusCode: 403}) // neither keeps it from the rest
	assert.Regexp(t, `(?s)^\S+ from "Management ports should be closed": \S+: 403 .*\n.*StandardAssignmentsClient.NewListPager: 403 .*invalid argument$`, run(t.Context(), factoryOf(server), today, (*os.File)(nil)))
	found, err := collect(client.NewListPager(nil).All(t.Context()), func(armsecops.Exemption) bool { return true })
	for _, e := range found {
		err = errors.Join(err, renew(t.Context(), client, out, today.AddDate(0, 3, 0), "SEC-1043", e.ID))
	}
	require.NoError(t, err)
	assert.Regexp(t, `^"ended": \S+ not renewed, since it has ended, on \S+ \S+\n"later": \S+ not renewed: it ends later already, on \S+ \S+\n"never": \S+ not renewed: it never ends \S+\n"soon": renewed\n$`, out.String())
	got := map[string]string{}
	for exemption, err := range client.NewListPager(nil).All(t.Context()) {
		require.NoError(t, err)
		got[exemption.Name] = exemption.ExpiresOn.Format(time.DateOnly) + exemption.Description
	}
	date := func(months, days int) string { return today.AddDate(0, months, days).Format(time.DateOnly) }
	assert.Equal(t, map[string]string{"ended": date(0, -10), "later": date(4, 0), "never": "0001-01-01", "soon": date(3, 0) + "SEC-1043"}, got)
}

func TestCoversIgnoresCase(t *testing.T) {
	t.Parallel()
	for scope, want := range map[string]bool{
		machine: true, strings.ToUpper(machine): true, scope + "/resourcegroups/TEST": true, "/providers/Microsoft.Management/managementGroups/contoso": false,
		machine + "2": false, machine + "/extensions/x": false, scope + "/resourceGroups/tes": false, "/subscriptions/2": false, "": false,
	} {
		assert.Equal(t, want, covers(scope, machine), scope)
	}
}
