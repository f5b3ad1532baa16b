// Package migrating tests the two programs of docs/migrating.md: what one does, the other does.
package migrating

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/security/armsecurity"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/interop/migrating/after"
	"github.com/armsecops/armsecops/interop/migrating/before"
	"github.com/armsecops/armsecops/test/driver"
)

const (
	subscription = "20ff7fc3-e762-44dd-bd96-b71116dcdc23"
	group        = "group"
)

// program is what both programs do.
type program interface {
	AddMember(ctx context.Context, group, workspace, name, targetID, tenantID string) error
	Assign(ctx context.Context, group, workspace, name, member, itemID string) error
	Publish(ctx context.Context, w io.Writer, group, workspace, assignment string) error
	PrintExpired(ctx context.Context, w io.Writer, now time.Time) error
	Extend(ctx context.Context, group, name string, expiresOn time.Time) (bool, error)
}

// forBoth runs a test with each program and a server of its own, in parallel with others.
func forBoth(t *testing.T, test func(t *testing.T, p program, server *fake.Server)) {
	t.Parallel()
	for _, name := range []string{"before", "after"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				// Microsoft's client has a later api-version, in which jobs are the same.
				server := fake.NewServer(&fake.ServerOptions{PageSize: 2, JobSteps: 3, APIVersions: []string{"2025-07-01-preview"}})
				var p program
				var err error
				if options := driver.Options(server).ClientOptions; name == "before" {
					p, err = before.New(subscription, &azfake.TokenCredential{}, options)
				} else {
					p, err = after.New(subscription, &azfake.TokenCredential{}, options)
				}
				require.NoError(t, err)
				test(t, p, server)
			})
		})
	}
}

// lastBody returns the body of the last request.
func lastBody(server *fake.Server) string {
	requests := server.Requests()
	return string(requests[len(requests)-1].Body)
}

func TestPublishPrintsFailuresAndReturnsErrors(t *testing.T) {
	id := armsecops.WorkspaceManagerAssignmentID{SubscriptionID: subscription, ResourceGroupName: group, WorkspaceName: "workspace", Name: "publication"}
	failures := []armsecops.JobItemError{{MemberResourceName: "member", ErrorMessage: "Forbidden."}, {MemberResourceName: "other", ErrorMessage: "Gone."}}
	forBoth(t, func(t *testing.T, p program, server *fake.Server) {
		for want, items := range map[string][]armsecops.JobItem{
			"Succeeded\n": {{ResourceID: "rules/one"}},
			"Failed\nrules/two at member: Forbidden.\nrules/two at other: Gone.\n": {{ResourceID: "rules/one"}, {ResourceID: "rules/two", Errors: failures}},
		} {
			server.SetJobItems(id, items)
			start := time.Now()
			var out bytes.Buffer
			require.NoError(t, p.Publish(t.Context(), &out, id.ResourceGroupName, id.WorkspaceName, id.Name))
			assert.Equal(t, want, out.String())
			assert.GreaterOrEqual(t, time.Since(start), 15*time.Second, "polled too often")
		}
		server.Inject(fake.Fault{StatusCode: http.StatusForbidden, Body: `{"error":{"code":"AuthorizationFailed"}}`})
		response, ok := errors.AsType[*azcore.ResponseError](p.Publish(t.Context(), io.Discard, group, id.WorkspaceName, id.Name))
		require.True(t, ok)
		assert.Equal(t, "403 AuthorizationFailed", fmt.Sprint(response.StatusCode, " ", response.ErrorCode))
	})
}

func TestPrintExpired(t *testing.T) {
	now := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	forBoth(t, func(t *testing.T, p program, server *fake.Server) {
		for name, properties := range map[string]armsecops.AssignmentProperties{
			"expired":          {Effect: "Exempt", ExpiresOn: now.Add(-time.Hour)},
			"expired-too":      {Effect: "Exempt", ExpiresOn: now.Add(-time.Second)},
			"later":            {Effect: "Exempt", ExpiresOn: now.Add(time.Hour)},
			"never":            {Effect: "Exempt"}, // its ExpiresOn is nil before, and zero after
			"not-an-exemption": {Effect: "Audit", ExpiresOn: now.Add(-time.Hour)},
			"without-effect":   {ExpiresOn: now.Add(-time.Hour)},
		} {
			id := armsecops.AssignmentID{SubscriptionID: subscription, ResourceGroupName: group, Name: name}
			server.Put(id, armsecops.Assignment{Properties: properties})
		}
		var out bytes.Buffer
		require.NoError(t, p.PrintExpired(t.Context(), &out, now))
		assert.Equal(t, "expired\nexpired-too\n", out.String())
	})
}

func TestExtend(t *testing.T) {
	expiresOn := time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)
	forBoth(t, func(t *testing.T, p program, server *fake.Server) {
		server.Put(armsecops.AssignmentID{SubscriptionID: subscription, ResourceGroupName: group, Name: "one"},
			armsecops.Assignment{Properties: armsecops.AssignmentProperties{DisplayName: "One", Effect: "Exempt"}})

		found, err := p.Extend(t.Context(), group, "one", expiresOn)
		assert.Equal(t, []any{true, nil}, []any{found, err})
		assert.Contains(t, lastBody(server), `"displayName":"One"`)
		var out bytes.Buffer
		require.NoError(t, p.PrintExpired(t.Context(), &out, expiresOn.Add(time.Second)))
		assert.Equal(t, "one\n", out.String())

		found, err = p.Extend(t.Context(), group, "none", expiresOn)
		assert.Equal(t, []any{false, nil}, []any{found, err})
	})
}

func TestAddMemberAndAssign(t *testing.T) {
	forBoth(t, func(t *testing.T, p program, server *fake.Server) {
		require.NoError(t, p.AddMember(t.Context(), group, "workspace", "branch("+subscription+")", "/the/workspace", "the tenant"))
		require.NoError(t, p.Assign(t.Context(), group, "workspace", "rules", "branch", "/the/rule"))
		sent := map[string]string{}
		for _, r := range server.Requests() {
			sent[r.Operation] = string(r.Body)
		}
		assert.JSONEq(t, `{"properties":{"targetWorkspaceResourceId":"/the/workspace","targetWorkspaceTenantId":"the tenant"}}`, sent["WorkspaceManagerMembersClient.CreateOrUpdate"])
		assert.JSONEq(t, `{"properties":{"mode":"Enabled"}}`, sent["WorkspaceManagerConfigurationsClient.CreateOrUpdate"])
		assert.JSONEq(t, `{"properties":{"displayName":"rules","memberResourceNames":["branch"]}}`, sent["WorkspaceManagerGroupsClient.CreateOrUpdate"])
		assert.JSONEq(t, `{"properties":{"targetResourceName":"rules","items":[{"resourceId":"/the/rule"}]}}`, sent["WorkspaceManagerAssignmentsClient.CreateOrUpdate"])
	})
}

// exempter is what both exempters do.
type exempter interface {
	Find(ctx context.Context, displayName string) (key string, byPolicy bool, err error)
	Standards(ctx context.Context, scope, key string) (names []string, err error)
	Exempt(ctx context.Context, resourceID, name, key string, expiresOn time.Time) error
	Assignments(ctx context.Context, initiativeID string) (ids []string, err error)
	Extend(ctx context.Context, scope, name string, expiresOn time.Time) error
}

func TestExempter(t *testing.T) {
	t.Parallel()
	const (
		scope        = "subscriptions/" + subscription
		ports, disks = "bc303248-3d14-44c2-96a0-55f5c326b5fe", "21300918-b2e3-0346-785f-c77ff57d243b"
		standard     = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
	)
	server := fake.NewServer(&fake.ServerOptions{PageSize: 1, APIVersions: []string{"2025-05-04"}, Next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/subscriptions/"+subscription+"/providers/Microsoft.Authorization/policyAssignments", r.URL.Path)
		fake.Respond(http.StatusOK, map[string]any{"value": []any{
			map[string]any{"id": "/one", "properties": map[string]any{"policyDefinitionId": "/initiative"}},
			map[string]any{"id": "/two", "properties": map[string]any{"policyDefinitionId": "/other"}},
		}}).ServeHTTP(w, r)
	})})
	server.Put(armsecops.AssessmentMetadataID{Name: ports}, armsecops.AssessmentMetadata{Properties: armsecops.AssessmentMetadataProperties{DisplayName: "Close ports", PolicyDefinitionID: "/policy"}})
	server.Put(armsecops.AssessmentMetadataID{Name: disks}, armsecops.AssessmentMetadata{Properties: armsecops.AssessmentMetadataProperties{DisplayName: "Encrypt disks"}})
	server.Put(armsecops.SecurityStandardID{Scope: scope, Name: standard}, armsecops.SecurityStandard{Properties: armsecops.SecurityStandardProperties{
		Assessments: []armsecops.PartialAssessmentProperties{{AssessmentKey: strings.ToUpper(disks)}},
	}})
	server.Put(armsecops.PolicyExemptionID{Scope: scope, Name: "one"}, armsecops.PolicyExemption{Properties: armsecops.PolicyExemptionProperties{DisplayName: "One"}})
	options := driver.Options(server).ClientOptions
	one, oneErr := before.NewExempter(subscription, &azfake.TokenCredential{}, options)
	other, otherErr := after.NewExempter(subscription, &azfake.TokenCredential{}, options)
	require.NoError(t, errors.Join(oneErr, otherErr))
	for i, e := range []exempter{one, other} {
		for displayName, want := range map[string]string{"Close ports": ports + " true", "Encrypt disks": disks + " false", "Unknown": " false"} {
			key, byPolicy, err := e.Find(t.Context(), displayName)
			require.NoError(t, err)
			assert.Equal(t, want, fmt.Sprint(key, " ", byPolicy))
		}
		names := testkit.Must(e.Standards(t.Context(), scope, disks))
		assert.Equal(t, []string{standard}, names)
		expiresOn := time.Date(2026+i, 12, 31, 0, 0, 0, 0, time.UTC)
		require.NoError(t, e.Extend(t.Context(), scope, "one", expiresOn))
		extended := testkit.Decode[armsecops.PolicyExemption](t, lastBody(server))
		assert.Equal(t, armsecops.PolicyExemptionProperties{DisplayName: "One", ExpiresOn: expiresOn}, extended.Properties)

		ids := testkit.Must(e.Assignments(t.Context(), "/INITIATIVE"))
		assert.Equal(t, []string{"/one"}, ids)
		require.NoError(t, e.Exempt(t.Context(), scope, standard, disks, expiresOn))
		assert.JSONEq(t, `{"properties":{"effect":"Exempt","expiresOn":"`+expiresOn.Format(time.RFC3339)+
			`","exemptionData":{"exemptionCategory":"waiver","assignedAssessment":{"assessmentKey":"`+disks+`"}}}}`, lastBody(server))
	}
}

func TestTicket(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{`{"properties":{"metadata":{"ticket":"SEC-17"}}}`: "SEC-17", `{"properties":{}}`: ""} {
		assert.Equal(t, want, before.Ticket(testkit.Decode[armsecurity.Assignment](t, body)))
		assert.Equal(t, want, after.Ticket(testkit.Decode[armsecops.Assignment](t, body)))
	}
}
