package main

import (
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

// The programs are tested as a user would: by the exported API alone.

func options(transport policy.Transporter) *armsecops.ClientOptions {
	o := &armsecops.ClientOptions{}
	o.Transport = transport
	return o
}

func newFactory(t *testing.T, transport policy.Transporter) *armsecops.ClientFactory {
	t.Helper()
	return must(armsecops.NewClientFactory(&azfake.TokenCredential{}, options(transport)))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

const subscription = "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"

var rules = armsecops.WorkspaceManagerAssignmentID{SubscriptionID: subscription, ResourceGroupName: "security", WorkspaceName: "central", Name: "rules"}

func TestExemptLeavesWhatExists(t *testing.T) {
	t.Parallel()
	server, scope := fake.NewServer(&fake.ServerOptions{Strict: true}), "/subscriptions/"+subscription
	server.AddSubscription(subscription)
	client := newFactory(t, server).NewExemptionsClient()
	made := must(exempt(t.Context(), client, scope, "name", scope+"/providers/Microsoft.Authorization/policyAssignments/SecurityCenterBuiltIn", "closePorts"))
	left, err := exempt(t.Context(), client, scope, "name", scope+"/providers/Microsoft.Authorization/policyAssignments/other", "closePorts")
	require.ErrorIs(t, err, armsecops.ErrExists)
	id := made.ID
	assert.Equal(t, []any{id, false}, []any{left.ID, left.ExemptsSame(armsecops.Exemption{})})
	require.NoError(t, errors.Join(renew(t.Context(), client, id, time.Now().AddDate(1, 0, 0), "approved"), renew(t.Context(), client, id, time.Now(), "")))
	got := must(client.Get(t.Context(), id, nil))
	assert.Equal(t, []any{"approved", false}, []any{got.Description, got.ExpiresBefore(time.Now().AddDate(0, 11, 0))})
	require.NoError(t, errors.Join(revoke(t.Context(), client, id), revoke(t.Context(), client, id)))
	require.ErrorIs(t, renew(t.Context(), client, id, time.Now(), ""), armsecops.ErrNotFound)
}

// The response to the start of the job is lost.
func TestPublishNamesTheFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := fake.NewServer(nil)
		server.SetJobItems(rules, []armsecops.JobItem{{ResourceID: "/rule", Errors: []armsecops.JobItemError{{MemberResourceName: "branch", ErrorMessage: "Forbidden."}}}})
		server.Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Create", Disconnect: true, CarriedOut: true})
		factory := newFactory(t, server)
		_, err := publish(t.Context(), must(factory.NewWorkspaceManagerJobsClient(subscription)), rules.ResourceGroupName, rules.WorkspaceName, rules.Name)
		require.ErrorAs(t, err, new(*armsecops.JobFailedError))
		assert.True(t, strings.HasSuffix(err.Error(), "/rule at member branch: Forbidden."), err)
		isPost := func(r fake.Request) bool { return r.Method == http.MethodPost }
		assert.Equal(t, 1, len(server.Requests())-len(slices.DeleteFunc(server.Requests(), isPost)), "jobs are started")
		server.Inject(fake.Fault{Operation: "PolicyExemptionsClient.CreateOrUpdate", Disconnect: true, Times: 4})
		_, err = exempt(t.Context(), factory.NewExemptionsClient(), "/subscriptions/"+subscription, "name", "/subscriptions/"+subscription+"/providers/Microsoft.Authorization/policyAssignments/a", "closePorts")
		assert.Regexp(t, "^send it again: ", advice(err))
	})
}

func TestAdvice(t *testing.T) {
	t.Parallel()
	forbidden := fake.Fault{StatusCode: http.StatusForbidden, Body: `{"error":{"code":"AuthorizationFailed"}}`}
	throttled := fake.Fault{StatusCode: http.StatusTooManyRequests, RetryAfter: time.Hour}
	tests := map[string]struct {
		assignmentID string
		faults       []fake.Fault
		credential   error
		want         string
	}{
		"invalid parameter": {"..", nil, nil, "correct the parameter: SecurityAssignmentsClient.Get: parameter assignmentID \"..\" must not be a relative path segment"},
		"not found":         {"none", nil, nil, "check the names: SecurityAssignmentsClient.Get: 404"},
		"throttled":         {"any", []fake.Fault{throttled}, nil, "try again in 1h0m0s: SecurityAssignmentsClient.Get: 429"},
		"changed meanwhile": {"any", []fake.Fault{{StatusCode: http.StatusPreconditionFailed}}, nil, "read the resource again before you change it: SecurityAssignmentsClient.Get: 412"},
		"wrong":             {"any", []fake.Fault{{StatusCode: http.StatusBadRequest}}, nil, "SecurityAssignmentsClient.Get: 400 Bad Request: "},
		"forbidden":         {"any", []fake.Fault{forbidden}, nil, "ask for a role, or for a policy that allows this: SecurityAssignmentsClient.Get: 403"},
		"no token":          {"any", nil, errors.New("no account"), "sign in, or give it more time: SecurityAssignmentsClient.Get: getting a token: no account"},
	}
	server := fake.NewServer(nil)
	server.Inject(throttled)
	held := must(newFactory(t, server).NewSecurityAssignmentsClient(subscription))
	_, sent := held.Get(t.Context(), "myResourceGroup", "any", nil)
	_, err := held.Get(t.Context(), "myResourceGroup", "any", nil)
	assert.Regexp(t, "^try again in .*, not sent", advice(errors.Join(err, sent)))
	assert.Equal(t, "mend the cause, and wait again for the job: the job may still run", advice(armsecops.ErrJobMayRun))
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, credential := fake.NewServer(nil), &azfake.TokenCredential{}
			for _, fault := range test.faults {
				server.Inject(fault)
			}
			if test.credential != nil {
				credential.SetError(test.credential)
			}
			client := must(armsecops.NewSecurityAssignmentsClient(subscription, credential, options(server)))
			_, err := client.Get(t.Context(), "myResourceGroup", test.assignmentID, nil)
			require.Error(t, err)
			assert.Truef(t, strings.HasPrefix(advice(err), test.want), "%s, of %v", advice(err), err)
		})
	}
}

func TestExtendWritesOnlyWhatItHasRead(t *testing.T) {
	t.Parallel()
	server := fake.NewServer(nil)
	client := must(newFactory(t, server).NewSecurityAssignmentsClient(subscription))
	created := must(client.CreateOrUpdate(t.Context(), "group", "name", armsecops.Assignment{}, nil))
	expiresOn := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	require.NoError(t, extend(t.Context(), client, "group", "name", expiresOn))
	requests := server.Requests()
	assert.Equal(t, string(created.ETag), requests[len(requests)-1].Header.Get("If-Match"))
	server.Inject(fake.Fault{StatusCode: http.StatusPreconditionFailed, Match: func(r fake.Request) bool { return r.Header.Get("If-Match") != "" }})
	require.ErrorIs(t, extend(t.Context(), client, "group", "name", expiresOn.AddDate(1, 0, 0)), armsecops.ErrPreconditionFailed)
	got := must(client.Get(t.Context(), "group", "name", nil))
	assert.Equal(t, expiresOn, got.Properties.ExpiresOn)
}

func TestInventoryHasWhatTheListsLack(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	server, id := fake.NewServer(&fake.ServerOptions{ShortLists: true}), armsecops.StandardAssignmentID{Scope: "/subscriptions/" + subscription + "/resourceGroups/rg", Name: subscription}
	server.Put(id, armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{Effect: armsecops.EffectExempt, Metadata: armsecops.StandardMetadata{CreatedBy: "lea"}}})
	client := must(armsecops.NewExemptionsClient(&azfake.TokenCredential{}, options(server)))
	require.ErrorContains(t, inventory(t.Context(), &out, client, nil), "must not be empty")
	require.ErrorContains(t, inventory(t.Context(), &out, client, []string{subscription, "not an id"}), "must be a UUID")
	assert.Equal(t, "never\t\"lea\"\t\""+subscription+"\"\t"+id.Scope+"\n", out.String())
	require.ErrorIs(t, inventory(t.Context(), (*os.File)(nil), client, []string{subscription}), os.ErrInvalid)
	for range client.ListAcrossSubscriptions(t.Context(), []string{subscription}, &armsecops.ExemptionsClientListAcrossSubscriptionsOptions{ListsOnly: true}) {
		t.Error("the lists have it")
	}
}
