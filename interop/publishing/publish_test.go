package publishing

import (
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

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
	group        = "/subscriptions/" + subscription + "/resourceGroups/rg"
	workspaces   = "/providers/Microsoft.OperationalInsights/workspaces/"
	central      = group + workspaces + "central/providers/Microsoft.SecurityInsights/"
)

func TestPublish(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testPublish)
}

func testPublish(t *testing.T) {
	server := fake.NewServer(&fake.ServerOptions{Next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, "testdata/rules.json")
	})})
	credential, options := &azfake.TokenCredential{}, driver.Options(server)
	p, err := newPublisher(driver.NewFactory(t, credential, options), subscription)
	require.NoError(t, err)
	id := armsecops.WorkspaceManagerAssignmentID{SubscriptionID: subscription, ResourceGroupName: "rg", WorkspaceName: "central", Name: "nightly"}
	for name, members := range map[string]int{"branches": 1000, "others": 1001} {
		group := armsecops.WorkspaceManagerGroup{Properties: armsecops.WorkspaceManagerGroupProperties{MemberResourceNames: make([]string, members)}}
		server.Put(armsecops.WorkspaceManagerGroupID{SubscriptionID: subscription, ResourceGroupName: "rg", WorkspaceName: "central", Name: name}, group)
	}
	for _, run := range []struct {
		group, items string
		fails        bool
		writes       int
	}{
		{"branches", "/a /b", false, 1},
		{"BRANCHES", "/A /B", false, 0},
		{"branches", "/b /e", false, 1}, // the item of b is kept
		{"branches", "/b /B", false, 1}, // without the item of e
		{"others", "/b /e", true, 0},    // 2,002 publications
		{"others", "/b", false, 1},
		{"others", "", true, 0},
	} {
		running, err := p.jobs.Create(t.Context(), "rg", "central", "nightly", nil)
		require.NoError(t, err)
		before := len(server.Requests())
		job, err := p.publish(t.Context(), id, run.group, strings.Fields(run.items))
		require.Equal(t, run.fails, err != nil, "%v: %v", run, err)
		requests := server.Requests()[before:]
		assert.Equal(t, run.writes, count(requests, http.MethodPut), run)
		if waits := slices.IndexFunc(requests, func(r fake.Request) bool { return path.Base(r.URL.Path) == running.Name }); !run.fails {
			assert.True(t, waits >= 0 && count(requests[:waits], http.MethodPost) == 0, run)
			same := func(item armsecops.JobItem, id string) bool { return strings.EqualFold(item.ResourceID, id) }
			assert.True(t, slices.EqualFunc(job.Properties.Items, distinct(strings.Fields(run.items)), same), run)
		}
	}
	rules, _ := armsecurityinsights.NewAlertRulesClient(subscription, credential, &options.ClientOptions)
	got, err := alertRules(t.Context(), rules, "rg", "central", "shared-")
	assert.Equal(t, []any{[]string{"a", "b"}, nil}, []any{got, err})
	automations, _ := armsecurityinsights.NewAutomationRulesClient(subscription, credential, &options.ClientOptions)
	got, err = automationRules(t.Context(), automations, "rg", "central", "shared-")
	assert.Equal(t, []any{[]string{"a", "b", "d"}, nil}, []any{got, err})
	require.NoError(t, retire(t.Context(), credential, &options.ClientOptions, central+"alertRules/a"))
	assert.Equal(t, central+"alertRules/a", server.Requests()[len(server.Requests())-1].URL.Path)
	require.ErrorContains(t, retire(t.Context(), credential, &options.ClientOptions, central+"automationRules/a"), "is not an alert rule")

	all, ids := []workspace{{group + workspaces + "soc", subscription}, {group + "-2" + workspaces + "soc", subscription}, {group + workspaces + "x", subscription}, {group + workspaces + "y", subscription}}, make([]string, 667)
	for i := range ids {
		ids[i] = fmt.Sprint("/a", i)
	}
	for _, run := range []struct {
		workspaces, items, writes, jobs int
		slow, fails                     string // an operation that fails in the end
	}{
		{2, 667, 2 + 2, 1, "", ""}, // members, a group and its assignment
		{2, 667, 0, 1, "", ""},
		{4, 667, 2 + 2, 2, "WorkspaceManagerMembersClient.CreateOrUpdate", "403"}, // of the third
		{3, 667, 1 + 1, 2, "", ""},
		{3, 666, 2, 1, "", ""}, // the second group has nothing left
		{3, 667, 0, 1, "WorkspaceManagerGroupsClient.Get", "deadline"}, // of the first group only
		{0, 667, 0, 0, "", "nothing to publish"},
	} {
		if run.slow != "" {
			server.Inject(fake.Fault{Operation: run.slow, StatusCode: http.StatusForbidden, Delay: 2 * groupTimeout})
		}
		before := len(server.Requests())
		err := p.publishToAll(t.Context(), id, slices.Concat(all[:run.workspaces], all[:run.workspaces]), slices.Repeat(ids[:run.items], 2))
		assert.True(t, (run.fails != "") == (err != nil) && strings.Contains(fmt.Sprint(err), run.fails), err)
		requests := server.Requests()[before:]
		assert.Equal(t, []int{run.writes, run.jobs}, []int{count(requests, http.MethodPut), count(requests, http.MethodPost)}, run)
	}
}

func count(requests []fake.Request, method string) int {
	return len(slices.DeleteFunc(slices.Clone(requests), func(r fake.Request) bool { return r.Method != method }))
}
