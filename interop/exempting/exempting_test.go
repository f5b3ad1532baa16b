package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/testkit"
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

var soon, later = time.Date(2127, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2127, 2, 1, 0, 0, 0, 0, time.UTC)
var approved = grant{armsecops.ExemptionCategoryMitigated, "SEC-1042, approved by the owner", later, nil}
var finding = armsecops.ExemptionData{AssessmentKey: "bc303248-3d14-44c2-96a0-55f5c326b5fe", SubAssessmentExemptionRule: armsecops.SubAssessmentExemptionRule{If: armsecops.SubAssessmentCondition{Field: "va.cve.cvss"}}}
var standard = armsecops.SecurityStandard{Properties: armsecops.SecurityStandardProperties{Assessments: []armsecops.PartialAssessmentProperties{{AssessmentKey: "BC303248-3D14-44C2-96A0-55F5C326B5FE"}}}}

// newAzure returns an exempter of a fake with the machine's exemptions of testdata/policyExemptions.json, of which all has ended,
// never and selected are from whole assignments, and gone and gone-2 from the same, and with the requests of testdata/azure.json.
func newAzure(t *testing.T) (server *fake.Server, e *exempter) {
	bodies := testkit.Decode[map[string]json.RawMessage](t, testkit.ReadFile(t, "testdata/azure.json"))
	server = fake.NewServer(&fake.ServerOptions{Next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimSuffix(r.URL.Path+"?"+r.URL.Query().Get("$filter"), "?")
		if bodies[path] == nil {
			http.Error(w, `{"error":{"code":"`+map[bool]string{true: "SubscriptionNotFound", false: "PolicyAssignmentNotFound"}[path == "/hidden"]+`"}}`, http.StatusNotFound)
		}
		_, _ = w.Write(bodies[path])
	})})
	server.Inject(fake.Fault{StatusCode: http.StatusOK, Body: `{"data": []}`, Always: true, Match: func(r fake.Request) bool { return strings.Contains(string(r.Body), `name =~ \"m-unseen\"`) }})
	server.Inject(fake.Fault{StatusCode: http.StatusOK, Body: string(bodies["/providers/Microsoft.ResourceGraph/resources"]), Always: true, Match: func(r fake.Request) bool { return strings.Contains(string(r.Body), "resourcecontainers") }})
	for name, properties := range testkit.Decode[map[string]armsecops.PolicyExemptionProperties](t, testkit.ReadFile(t, "testdata/policyExemptions.json")) {
		server.Put(armsecops.PolicyExemptionID{Scope: machine, Name: name}, armsecops.PolicyExemption{Properties: properties})
	}
	return server, &exempter{factory: driver.NewFactory(t, &azfake.TokenCredential{}, driver.Options(server)), policies: &policies{credential: &azfake.TokenCredential{}, options: &driver.Options(server).ClientOptions}}
}

// exempt returns the ids of exemptOrRenew: a second run with an earlier end shortens nothing.
func exempt(t *testing.T, e *exempter, policyID, resourceID, above string) (ids []string) {
	e = &exempter{factory: e.factory, policies: e.policies} // which sees what has changed
	recommendation := armsecops.AssessmentMetadata{Name: "bc303248-3d14-44c2-96a0-55f5c326b5fe", Properties: armsecops.AssessmentMetadataProperties{DisplayName: "Close ports", PolicyDefinitionID: policyID}}
	planned, planErr := e.exemptOrRenew(t.Context(), recommendation, resourceID, approved, true, above)
	first, firstErr := e.exemptOrRenew(t.Context(), recommendation, resourceID, approved, false, above)
	changes, err := e.exemptOrRenew(t.Context(), recommendation, resourceID, grant{"Waiver", "sooner", soon, nil}, false, above)
	assert.Equal(t, []any{first, nil}, []any{planned, errors.Join(planErr, firstErr, err)}, "the dry run has changed nothing")
	for _, done := range changes {
		ids = append(ids, done.id)
		got, err := e.factory.NewExemptionsClient().Get(t.Context(), done.id, nil)
		assert.Equal(t, []any{"left", false, got.CreatedBy != "", got.CreatedBy != "", nil}, []any{done.done, got.ExpiresBefore(later), got.Description == approved.description, got.Category == approved.category, err}, done.id)
	}
	return ids
}

// revokeAll returns the changes of revoke, which its dry run foretells.
func revokeAll(t *testing.T, e *exempter, recommendation armsecops.AssessmentMetadata, resourceID, above string) string {
	e = &exempter{factory: e.factory, policies: e.policies}
	planned, planErr := e.revoke(t.Context(), recommendation, resourceID, true, above)
	changes, err := e.revoke(t.Context(), recommendation, resourceID, false, above)
	assert.Equal(t, []any{changes, nil, nil}, []any{planned, planErr, err})
	return fmt.Sprint(changes)
}

// What exempts already stays or is renewed, whoever made it, and never ends earlier.
func TestExemptOrRenewFromPolicy(t *testing.T) {
	t.Parallel()
	server, e := newAzure(t)
	server.Inject(fake.Fault{Operation: "PolicyExemptionsClient.CreateOrUpdate", StatusCode: http.StatusForbidden})
	server.Put(armsecops.StandardAssignmentID{Scope: machine, Name: other}, armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{Effect: "exempt", ExemptionData: finding}})
	for name, properties := range map[string]armsecops.AssignmentProperties{"exact": {Scope: machine}, "vague": {}, "wide": {Scope: subscription[1:]}, "elsewhere": {Scope: resources + "-2"}, "group": {Scope: resources, ExpiresOn: soon.AddDate(0, 0, -1)}} {
		properties.Effect, properties.AssignedComponent.Key = armsecops.EffectExempt, "BC303248-3D14-44C2-96A0-55F5C326B5FE"
		server.Put(armsecops.AssignmentID{SubscriptionID: strings.TrimPrefix(subscription, "/subscriptions/"), ResourceGroupName: "test", Name: name}, armsecops.Assignment{Properties: properties})
	}
	recommendation := armsecops.AssessmentMetadata{Name: "bc303248-3d14-44c2-96a0-55f5c326b5fe", Properties: armsecops.AssessmentMetadataProperties{DisplayName: "Close ports", PolicyDefinitionID: policy}}
	changes, err := e.exemptOrRenew(t.Context(), recommendation, machine, approved, false, group)
	assert.Equal(t, []any{5, true}, []any{len(changes), errors.Is(err, armsecops.ErrForbidden)})
	server.Put(armsecops.PolicyExemptionID{Scope: resources, Name: "above"}, armsecops.PolicyExemption{Properties: armsecops.PolicyExemptionProperties{PolicyAssignmentID: resources + assignment + "e", PolicyDefinitionReferenceIDs: []string{"BUILTIN"}}})
	server.Put(armsecops.PolicyExemptionID{Scope: resources, Name: "sooner"}, armsecops.PolicyExemption{Properties: armsecops.PolicyExemptionProperties{PolicyAssignmentID: subscription + assignment + "a", PolicyDefinitionReferenceIDs: []string{"builtIn"}, ExpiresOn: soon.AddDate(0, 0, -1)}})
	want := `^\S+/exact \S+/[^/ ]{36} \S+/[^/ ]{36} \S+/soon \S+/never \S+/above$` // of d, c, a, b and e
	assert.Regexp(t, want, strings.Join(exempt(t, e, policy, machine, group), " "))
	exempt(t, e, policy, group, group)
	_, endless := e.exemptOrRenew(t.Context(), recommendation, machine, grant{approved.category, approved.description, time.Time{}, nil}, false)
	_, custom := e.exemptOrRenew(t.Context(), armsecops.AssessmentMetadata{Properties: armsecops.AssessmentMetadataProperties{AssessmentType: "custompolicy"}}, machine, grant{"Waiver", "x", later, nil}, false)
	require.Regexp(t, `and an end\n"" is a custom recommendation`, errors.Join(endless, custom))
	server.Inject(fake.Fault{Operation: "PolicyExemptionsClient.Delete", StatusCode: http.StatusForbidden})
	changes, err = e.revoke(t.Context(), recommendation, machine, false, group)
	assert.Contains(t, fmt.Sprint(changes, errors.Is(err, armsecops.ErrForbidden)), "/assignments/exact bc303248-3d14-44c2-96a0-55f5c326b5fe} ")
	assert.Regexp(t, `{left \S+`+other+` bc303248-3d14-44c2-96a0-55f5c326b5fe} {left \S+/group bc303248-3d14-44c2-96a0-55f5c326b5fe} {left \S+/vague bc303248-3d14-44c2-96a0-55f5c326b5fe} {left \S+/wide bc303248-3d14-44c2-96a0-55f5c326b5fe} .*{left \S+/half .*{left \S+/selected .*{left \S+/sooner .*{left \S+/two .*{left \S+/never .*{left \S+/above `, revokeAll(t, e, recommendation, machine, group))
	assert.Regexp(t, strings.NewReplacer("soon", "[^/ ]{36}", "exact", "wide").Replace(want), strings.Join(exempt(t, e, policy, machine, group), " "), "soon is deleted")
	recommendation.Properties.PolicyDefinitionID = ""
	assert.Regexp(t, `^\[{left \S+/vague bc303248-3d14-44c2-96a0-55f5c326b5fe} {deleted \S+/wide bc303248-3d14-44c2-96a0-55f5c326b5fe}\]\[\]$`, revokeAll(t, e, recommendation, subscription, group)+revokeAll(t, e, recommendation, group, group))
	assert.Regexp(t, `^\[\S+/group\]$`, exempt(t, e, "", resources, group), "renewed")
	recommendation.Properties.PolicyDefinitionID = "/unknown"
	changes, err = e.revoke(t.Context(), recommendation, resources, false)
	assert.Regexp(t, `^\[{deleted \S+/group bc303248-3d14-44c2-96a0-55f5c326b5fe} {left \S+/vague bc303248-3d14-44c2-96a0-55f5c326b5fe}\] "Close ports" is not assigned to `, fmt.Sprint(changes, " ", err))
}

func TestExemptOrRenewByStandard(t *testing.T) {
	t.Parallel()
	const connector = resources + "/providers/Microsoft.Security/securityConnectors/aws"
	for ids, scope := range map[[2]string]string{{machine, group}: group, {group, group + "-2"}: group, {connector, group}: connector, {connector + "/securityEntityData/bucket", group}: connector} {
		resourceID, above := ids[0], ids[1]
		for of, renews := range map[[2]string]bool{{"BC303248-3D14-44C2-96A0-55F5C326B5FE", ""}: true, {"BC303248-3D14-44C2-96A0-55F5C326B5FE", "va.cve.cvss"}: false, {"another", ""}: false, {"000", ""}: false} { // the second is of some findings, the last from several
			server, e := newAzure(t)
			first, audited := armsecops.SecurityStandardID{Scope: scope, Name: other[:35] + "1"}, armsecops.SecurityStandardID{Scope: scope, Name: other}
			for _, id := range []armsecops.SecurityStandardID{{Scope: subscription, Name: first.Name}, first, audited} {
				server.Put(id, standard)
			}
			for i, p := range []armsecops.StandardAssignmentProperties{{Effect: "audit", AssignedStandard: armsecops.AssignedStandardItem{ID: strings.TrimPrefix(audited.String(), scope)}}, {Effect: "attest"}, {Effect: "audit"}, {Effect: "audit", ExcludedScopes: []string{"/other", strings.ToUpper(resourceID)}}} {
				p.AssignedStandard.ID = cmp.Or(p.AssignedStandard.ID, first.String())
				server.Put(armsecops.StandardAssignmentID{Scope: []string{scope, scope, resources + "-2", scope}[i], Name: other[:35] + strconv.Itoa(i+3)}, armsecops.StandardAssignment{Properties: p})
			}
			properties := armsecops.StandardAssignmentProperties{Effect: "exempt", ExpiresOn: soon, ExemptionData: armsecops.ExemptionData{AssessmentKey: of[0], AdditionalProperties: map[string]json.RawMessage{"assessmentKeys": []byte(`["bc303248-3d14-44c2-96a0-55f5c326b5fe", "b"]`)}, SubAssessmentExemptionRule: armsecops.SubAssessmentExemptionRule{If: armsecops.SubAssessmentCondition{Field: of[1]}}}}
			server.Put(armsecops.StandardAssignmentID{Scope: strings.ToUpper(resourceID), Name: other}, armsecops.StandardAssignment{Properties: properties})
			assert.Equal(t, renews, strings.HasSuffix(exempt(t, e, "", resourceID, above)[0], other))
			server.Put(armsecops.StandardAssignmentID{Scope: subscription, Name: other}, armsecops.StandardAssignment{Properties: properties}) // ends sooner
			revoked := revokeAll(t, e, armsecops.AssessmentMetadata{Name: "bc303248-3d14-44c2-96a0-55f5c326b5fe"}, resourceID, above)
			assert.Equal(t, []bool{resourceID != group && of[0] != "another", of[1] != "" || of[0] == "000"}, []bool{strings.Contains(revoked, "{left "+subscription+"/providers/Microsoft.Security/standard"), strings.Contains(revoked, "{left "+strings.ToUpper(resourceID))})
			server.Override("ExemptionsClient.NewListPager", fake.Respond(http.StatusOK, map[string]any{"totalRecords": 0, "count": 0, "resultTruncated": "false", "data": []any{}}))
			created, err := e.factory.NewExemptionsClient().Get(t.Context(), exempt(t, e, "", resourceID, above)[0], nil)
			assert.Equal(t, []any{false, true, audited.String(), nil}, []any{created.Name == other, asked(server, scope+"/providers/Microsoft.Security/securityStandards")[0] > 0, created.StandardID, err}, "not in the index yet")
			assert.NotContains(t, revokeAll(t, e, armsecops.AssessmentMetadata{Name: "bc303248-3d14-44c2-96a0-55f5c326b5fe"}, resourceID, above), "{left", "its own")
		}
	}
}

// Of several that could be renewed, it is the one that ends last, in either place.
func TestExemptOrRenewTakesTheLast(t *testing.T) {
	t.Parallel()
	server, e := newAzure(t)
	server.Put(armsecops.SecurityStandardID{Scope: subscription, Name: other}, standard)
	for name, expires := range map[string]time.Time{other[:35] + "1": soon.AddDate(-200, 0, 0), other[:35] + "2": soon, other[:35] + "3": soon.AddDate(0, 0, -1)} {
		server.Put(armsecops.PolicyExemptionID{Scope: machine + "-9", Name: name}, armsecops.PolicyExemption{Properties: armsecops.PolicyExemptionProperties{PolicyAssignmentID: subscription + assignment + "a", PolicyDefinitionReferenceIDs: []string{"builtIn"}, ExpiresOn: expires}})
		server.Put(armsecops.StandardAssignmentID{Scope: machine + "-9", Name: name}, armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{Effect: "exempt", ExpiresOn: expires, ExemptionData: armsecops.ExemptionData{AssessmentKey: finding.AssessmentKey}}})
	}
	for _, policyID := range []string{policy, ""} {
		recommendation := armsecops.AssessmentMetadata{Name: "bc303248-3d14-44c2-96a0-55f5c326b5fe", Properties: armsecops.AssessmentMetadataProperties{PolicyDefinitionID: policyID}}
		planned, planErr := e.exemptOrRenew(t.Context(), recommendation, machine+"-9", approved, true, group)
		changes, err := e.exemptOrRenew(t.Context(), recommendation, machine+"-9", approved, false, group)
		assert.Regexp(t, `{renewed \S+02 [^}]*} {left \S+03 [^}]*}`, fmt.Sprint(changes))
		assert.NotRegexp(t, `\S+01 `, fmt.Sprint(changes), "which has ended")
		assert.Equal(t, []any{changes, nil, nil}, []any{planned, planErr, err})
	}
}

// What another program has done since the listing stays.
func TestExemptOrRenewLeavesWhatAnotherProgramHasDone(t *testing.T) {
	t.Parallel()
	server, e := newAzure(t)
	recommendation := armsecops.AssessmentMetadata{Name: "bc303248-3d14-44c2-96a0-55f5c326b5fe", Properties: armsecops.AssessmentMetadataProperties{PolicyDefinitionID: policy}}
	longer := grant{approved.category, approved.description, later.AddDate(1, 0, 0), nil}
	made := testkit.Must(e.exemptOrRenew(t.Context(), recommendation, machine+"-8", longer, false))
	got := testkit.Must(e.factory.NewPolicyExemptionsClient().NewListPager(machine+"-8", nil).NextPage(t.Context()))
	for i := range got.Value {
		got.Value[i].Properties.ExpiresOn = soon
	}
	for want, listed := range map[string][]armsecops.PolicyExemption{`^\[\] .*it exists \(` + made[0].id: {}, `{left ` + made[0].id + ` .*; it ends on 2128-02-01} .*<nil>$`: got.Value} {
		server.Override("PolicyExemptionsClient.NewListPager", fake.Respond(http.StatusOK, armsecops.Page[armsecops.PolicyExemption]{Value: listed}))
		changes, err := (&exempter{factory: e.factory, policies: e.policies}).exemptOrRenew(t.Context(), recommendation, machine+"-8", approved, false)
		assert.Regexp(t, want, fmt.Sprint(changes, " ", err))
	}
}

// A row may be of what is another's by now, and so may the id of what grant makes.
func TestExemptingLeavesWhatHasChanged(t *testing.T) {
	t.Parallel()
	recommendation := armsecops.AssessmentMetadata{Name: "bc303248-3d14-44c2-96a0-55f5c326b5fe"}
	for _, now := range []armsecops.StandardAssignmentProperties{{Effect: "audit"}, {Effect: "exempt", ExemptionData: armsecops.ExemptionData{AssessmentKey: "another"}}, {Effect: "exempt", ExpiresOn: soon, ExemptionData: finding}} {
		for name, free := range map[string]bool{other: true, nameOf(machine, recommendation.Name): false} {
			server, e := newAzure(t)
			server.Put(armsecops.SecurityStandardID{Scope: subscription, Name: other}, standard)
			server.Inject(fake.Fault{Operation: "SecurityStandardsClient.NewListPager", StatusCode: http.StatusForbidden, Match: func(r fake.Request) bool { return strings.HasPrefix(r.URL.Path, group) }}) // which doesn't keep it from that of the subscription
			id := armsecops.StandardAssignmentID{Scope: machine, Name: name}
			server.Put(id, armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{Effect: "exempt", ExpiresOn: soon, ExemptionData: armsecops.ExemptionData{AssessmentKey: recommendation.Name}}})
			_, err := e.revoke(t.Context(), recommendation, machine, true, group) // keeps the rows
			server.Put(id, armsecops.StandardAssignment{Properties: now})
			_, revokeErr := e.revoke(t.Context(), recommendation, machine, false, group)
			granted, grantErr := e.exemptOrRenew(t.Context(), recommendation, machine, approved, false, group)
			got, getErr := e.factory.NewStandardAssignmentsClient().Get(t.Context(), machine, name, nil)
			assert.Equal(t, []any{now, nil, free, free}, []any{got.Properties, errors.Join(err, getErr), errors.Join(revokeErr, grantErr) == nil, len(granted) == 1})
			_, _ = e.revoke(t.Context(), recommendation, machine, false, group)
			again, _ := e.exemptOrRenew(t.Context(), recommendation, machine, approved, false, group)
			assert.Equal(t, granted, again, "what is deleted is made again")
			server.Inject(fake.Fault{Operation: "StandardAssignmentsClient.Get", StatusCode: http.StatusNotFound, Match: func(r fake.Request) bool { return path.Base(r.URL.Path) == nameOf(machine, recommendation.Name) }})
			_, err = (&exempter{factory: e.factory, policies: e.policies}).exemptOrRenew(t.Context(), recommendation, machine, approved, false, group)
			assert.True(t, !free || errors.Is(err, armsecops.ErrExists), "what another program makes meanwhile stays: %v", err)
		}
	}
}

// Exemptions share what they read, also those that are made at the same time.
func TestExemptManyResources(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, e := newAzure(t)
		server.Put(armsecops.SecurityStandardID{Scope: subscription, Name: other}, standard)
		server.Put(armsecops.AssessmentMetadataID{Name: "bc303248-3d14-44c2-96a0-55f5c326b5fe"}, armsecops.AssessmentMetadata{})
		var all sync.WaitGroup
		ids, want := "", ""
		for i := range 50 {
			id := machine + strconv.Itoa(i)
			ids, want = ids+id+"\n", want+"left: "+id+`/providers/\S+, from bc303248-3d14-44c2-96a0-55f5c326b5fe\n`
			for _, policyID := range []string{policy, ""} {
				all.Go(func() {
					_, err := e.exemptOrRenew(t.Context(), armsecops.AssessmentMetadata{Name: "bc303248-3d14-44c2-96a0-55f5c326b5fe", Properties: armsecops.AssessmentMetadataProperties{PolicyDefinitionID: policyID}}, id, approved, false, group)
					assert.NoError(t, err)
				})
			}
		}
		all.Wait()
		assert.Equal(t, []int{1, 1, 2, 1, 1}, asked(server, subscription+strings.TrimSuffix(assignment, "/"), "/providers/Microsoft.Authorization/policySetDefinitions/builtIn", "/providers/Microsoft.ResourceGraph/resources", subscription+"/providers/Microsoft.Security/securityStandards", subscription+"/providers/Microsoft.Security/standardAssignments"))
		assert.Contains(t, run(t, e, "revoke -recommendation typo -resource -", ids), machine+`49: no recommendation is called "typo"`)
		assert.Equal(t, []int{1}, asked(server, subscription+"/providers/Microsoft.Security/assessmentMetadata"))
		server.Inject(fake.Fault{Operation: "StandardAssignmentsClient.Get", Delay: time.Second, Always: true})
		start := time.Now()
		assert.Regexp(t, "^"+want+"<nil>$", run(t, e, "grant -recommendation bc303248-3d14-44c2-96a0-55f5c326b5fe -expires 31d -category mitigated -description SEC-1042 -resource -", ids))
		assert.Equal(t, []any{[]int{2 + 3}, 7 * time.Second}, []any{asked(server, "/providers/Microsoft.ResourceGraph/resources"), time.Since(start)}, "also one for the groups above; 8 at a time")
	})
}

// asked returns how many requests have paths, ignoring case.
func asked(server *fake.Server, paths ...string) (counts []int) {
	for _, path := range paths {
		counts = append(counts, len(slices.DeleteFunc(server.Requests(), func(r fake.Request) bool { return !strings.EqualFold(r.URL.Path, path) })))
	}
	return counts
}

// run returns what a command writes, and its error.
func run(t *testing.T, e *exempter, args, stdin string) string {
	var out strings.Builder
	c, err := parse(strings.Fields(args), soon, strings.NewReader(stdin), &out)
	if err == nil {
		err = c.run(t.Context(), &out, e.policies.credential, &armsecops.ClientOptions{ClientOptions: *e.policies.options})
	}
	return out.String() + fmt.Sprint(err)
}

func TestReportWritesWhatCanBeRead(t *testing.T) {
	t.Parallel()
	server, e := newAzure(t)
	server.Put(armsecops.PolicyExemptionID{Scope: group, Name: "odd"}, armsecops.PolicyExemption{Properties: armsecops.PolicyExemptionProperties{DisplayName: "=1;+2", PolicyAssignmentID: "/gone", Description: "by \"+Lea\"", Metadata: json.RawMessage(`{"approvedBy": "Lea;=1"}`)}, SystemData: armsecops.SystemData{CreatedBy: "lea", CreatedAt: soon, LastModifiedBy: "max", LastModifiedAt: later}})
	for i, scope := range []string{machine, group, "/subscriptions/" + other, group, group, group, group} { // of the last four, one is deleted meanwhile, one can't be read, one is an audit by now, and the resource group of one is deleted
		server.Put(armsecops.StandardAssignmentID{Scope: scope, Name: other[:35] + strconv.Itoa(i)}, armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{Effect: "exempt", ExemptionData: finding, AssignedStandard: armsecops.AssignedStandardItem{ID: armsecops.SecurityStandardID{Scope: subscription, Name: other}.String()}, Metadata: armsecops.StandardMetadata{CreatedBy: "lea"}}})
	}
	server.Inject(fake.Fault{Match: func(r fake.Request) bool { return path.Base(r.URL.Path) == other[:35]+"3" }, StatusCode: http.StatusNotFound})
	server.Inject(fake.Fault{Match: func(r fake.Request) bool { return path.Base(r.URL.Path) == other[:35]+"4" }, StatusCode: http.StatusNotFound, Body: "<html>"})
	server.Inject(fake.Fault{Match: func(r fake.Request) bool { return path.Base(r.URL.Path) == other[:35]+"5" }, StatusCode: http.StatusOK, Body: `{"id": "i", "name": "n", "type": "t", "properties": {"effect": "Audit"}}`})
	server.Inject(fake.Fault{Match: func(r fake.Request) bool { return path.Base(r.URL.Path) == other[:35]+"6" }, StatusCode: http.StatusNotFound, Body: `{"error": {"code": "ResourceGroupNotFound"}}`})
	server.Put(armsecops.AssessmentMetadataID{Name: "bc303248-3d14-44c2-96a0-55f5c326b5fe"}, armsecops.AssessmentMetadata{Properties: armsecops.AssessmentMetadataProperties{DisplayName: "Close ports", PolicyDefinitionID: policy}})
	out, problems, _ := strings.Cut(run(t, e, "list", ""), "subscription Warned: ")
	assert.Regexp(t, "(?s)subscription PastDue: .*\nsubscription stateless: .*\nthe column error says what some rows lack, such as that of "+group+"/.*04$", problems)
	assert.Equal(t, []int{1, 1}, asked(server, "/gone", "/providers/Microsoft.Authorization/policySetDefinitions/builtIn"))
	for body, want := range map[string]string{`{"value":[]}`: "no subscription", `{"value":[null]}`: "has no id"} {
		server.Inject(fake.Fault{StatusCode: http.StatusOK, Body: body, Match: func(r fake.Request) bool { return r.URL.Path == "/subscriptions" }})
		assert.Contains(t, run(t, e, "list", ""), want)
	}
	assert.Equal(t, testkit.ReadFile(t, "testdata/exemptions.csv"), regexp.MustCompile("request [0-9a-f-]+").ReplaceAllString(out, "request ID"))
}

func TestCommands(t *testing.T) {
	t.Parallel()
	server, e := newAzure(t)
	server.Put(armsecops.SecurityStandardID{Scope: subscription, Name: other}, standard)
	for key, id := range map[string]string{"key": policy, "same": "", "SAME-2": "", "bc303248-3d14-44c2-96a0-55f5c326b5fe": ""} {
		server.Put(armsecops.AssessmentMetadataID{Name: key}, armsecops.AssessmentMetadata{Properties: armsecops.AssessmentMetadataProperties{DisplayName: "Name-" + strings.TrimSuffix(key, "-2"), PolicyDefinitionID: id}})
	}
	for scope, p := range map[string]armsecops.StandardAssignmentProperties{subscription: {Effect: "attest"}, machine: {Effect: "attest", ExpiresOn: soon.AddDate(0, 0, -1), AttestationData: armsecops.AttestationData{ComplianceState: "compliant", AssignedAssessment: armsecops.AssignedAssessmentItem{AssessmentKey: "key"}}}, resources: {Effect: "attest", ExpiresOn: soon.AddDate(-200, 0, 0)}, group: {Effect: "exempt", ExpiresOn: soon}, group + "-2": {Effect: "exempt"}} {
		p.DisplayName = "By\tLea"
		server.Put(armsecops.StandardAssignmentID{Scope: scope, Name: other}, armsecops.StandardAssignment{Properties: p})
	}
	text := strings.NewReplacer("{machine}", machine, "{resources}", resources, "{policy}", policy, "{group}", group, "{subscription}", subscription, "{other}", other, "{512}", strings.Repeat("é", 512)).Replace(testkit.ReadFile(t, "testdata/commands.txt"))
	for c := range strings.SplitSeq(text, "\n\n") { // arguments, and what the output and the error match
		args, want, _ := strings.Cut(strings.TrimSpace(c), "\n")
		args, empty := strings.CutSuffix(args, " < /dev/null")
		assert.Regexp(t, "(?s)"+want, run(t, e, args, map[bool]string{true: "\n", false: "\n" + machine + "\tUnhealthy\r\n"}[empty]), args)
	}
}

func TestInventoryGetsSomeAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := fake.NewServer(nil)
		factory := driver.NewFactory(t, &azfake.TokenCredential{}, driver.Options(server))
		for name := 'a'; name <= 'z'; name++ {
			server.Put(armsecops.AssignmentID{SubscriptionID: other, ResourceGroupName: "test", Name: string(name)}, armsecops.Assignment{Properties: armsecops.AssignmentProperties{Effect: armsecops.EffectExempt}})
		}
		server.Inject(fake.Fault{Operation: "SecurityAssignmentsClient.Get", Delay: time.Second, StatusCode: http.StatusForbidden, Always: true})
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		first := armsecops.Exemption{Name: "a", ID: strings.ToUpper(armsecops.AssignmentID{SubscriptionID: other, ResourceGroupName: "test", Name: "a"}.String())} // which the index has, too
		rows, err := inventory(ctx, factory.NewExemptionsClient(), func(yield func(armsecops.Exemption, error) bool) { yield(first, nil) }, factory.NewExemptionsClient().NewListPager(nil).All(ctx), &policies{}, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		for i, row := range rows {
			assert.Equal(t, []any{string(rune('a' + i)), 0 < i && i < 17}, []any{row.Name, errors.Is(row.Err, armsecops.ErrForbidden)}, row.Err)
		}
	})
}
