package publishing

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/securityinsights/armsecurityinsights/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/test/driver"
)

const (
	subscription = "00000000-0000-0000-0000-000000000001"
	central      = "/subscriptions/" + subscription + "/resourceGroups/rg/providers/Microsoft.OperationalInsights/workspaces/central/providers/Microsoft.SecurityInsights/"
)

func TestPublish(t *testing.T) {
	t.Parallel()
	alertRules, deleted := "", ""
	server := fake.NewServer(&fake.ServerOptions{Next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			deleted = r.URL.Path
			return
		}
		values := []string{`{"kind":"Scheduled"}`, `{"kind":"NRT"}`} // without properties
		for rule := range strings.SplitSeq(alertRules, ",") {
			part := strings.Fields(rule)
			values = append(values, fmt.Sprintf(`{"kind":%q,"id":%q,"properties":{"displayName":%q}}`, part[0], central+"alertRules/"+part[1], part[2]))
		}
		fmt.Fprintf(w, `{"value":[%s]}`, strings.Join(values, ","))
	})})
	options, credential := driver.Options(server), &azfake.TokenCredential{}
	factory, err := armsecops.NewClientFactory(credential, options)
	require.NoError(t, err)
	groups, _ := factory.NewWorkspaceManagerGroupsClient(subscription)
	assignments, _ := factory.NewWorkspaceManagerAssignmentsClient(subscription)
	jobs, _ := factory.NewWorkspaceManagerJobsClient(subscription)
	rules, err := armsecurityinsights.NewAlertRulesClient(subscription, credential, &options.ClientOptions)
	require.NoError(t, err)
	p := publisher{rules, groups, assignments, jobs}
	id := armsecops.WorkspaceManagerAssignmentID{SubscriptionID: subscription, ResourceGroupName: "rg", WorkspaceName: "central", Name: "nightly"}
	for name, members := range map[string]int{"branches": 1000, "others": 1001} {
		group := armsecops.WorkspaceManagerGroup{Properties: armsecops.WorkspaceManagerGroupProperties{MemberResourceNames: make([]string, members)}}
		server.Put(armsecops.WorkspaceManagerGroupID{SubscriptionID: subscription, ResourceGroupName: "rg", WorkspaceName: "central", Name: name}, group)
	}
	for _, run := range []struct {
		group, rules, published string
		writes                  bool
	}{
		{"branches", "Scheduled a shared-a,NRT b shared-b,Scheduled c own-c,Fusion d shared-d", "a b", true},
		{"BRANCHES", "NRT B shared-b,Scheduled A shared-a", "a b", false},
		{"branches", "NRT B shared-b,NRT e shared-e", "b e", true}, // the item of b is kept
		{"others", "NRT b shared-b,NRT e shared-e", "", false},     // 2,002 publications
		{"others", "NRT b shared-b", "b", true},
		{"others", "NRT b own-b", "", false},
	} {
		running, err := jobs.Create(t.Context(), "rg", "central", "nightly", nil)
		require.NoError(t, err)
		before := len(server.Requests())
		alertRules = run.rules
		job, err := p.publish(t.Context(), id, run.group, "shared-")
		require.Equal(t, run.published == "", err != nil, "%v: %v", run, err)
		published := ""
		for _, item := range job.Properties.Items {
			published += strings.Replace(item.ResourceID, central+"alertRules/", " ", 1)
		}
		assert.Equal(t, run.published, strings.TrimSpace(published), run)
		requests := server.Requests()[before:]
		first := func(method string) int {
			return slices.IndexFunc(requests, func(r fake.Request) bool { return r.Method == method })
		}
		assert.Equal(t, run.writes, first(http.MethodPut) >= 0, run)
		waits := slices.IndexFunc(requests, func(r fake.Request) bool { return strings.HasSuffix(r.URL.Path, running.Name) })
		assert.True(t, err != nil || waits >= 0 && waits < first(http.MethodPost), run)
	}
	require.NoError(t, retire(t.Context(), credential, &options.ClientOptions, central+"alertRules/a"))
	assert.Equal(t, central+"alertRules/a", deleted)
	require.ErrorContains(t, retire(t.Context(), credential, &options.ClientOptions, central+"automationRules/a"), "is not an alert rule")
}
