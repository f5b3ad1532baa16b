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
		var values []string
		for rule := range strings.SplitSeq(alertRules, ",") {
			part := strings.Fields(rule)
			values = append(values, fmt.Sprintf(`{"kind":%q,"id":%q,"properties":{"displayName":%q}}`, part[0], central+"alertRules/"+part[1], part[2]))
		}
		fmt.Fprintf(w, `{"value":[%s]}`, strings.Join(values, ","))
	})})
	options, credential := &armsecops.ClientOptions{}, &azfake.TokenCredential{}
	options.Transport = server
	assignments, err := armsecops.NewWorkspaceManagerAssignmentsClient(subscription, credential, options)
	require.NoError(t, err)
	jobs, err := armsecops.NewWorkspaceManagerJobsClient(subscription, credential, options)
	require.NoError(t, err)
	rules, err := armsecurityinsights.NewAlertRulesClient(subscription, credential, &options.ClientOptions)
	require.NoError(t, err)
	p := publisher{rules, assignments, jobs}
	id := armsecops.WorkspaceManagerAssignmentID{SubscriptionID: subscription, ResourceGroupName: "rg", WorkspaceName: "central", Name: "nightly"}
	isPut := func(r fake.Request) bool { return r.Method == http.MethodPut }
	for _, run := range []struct {
		group, rules, published string
		writes                  bool
	}{
		{"branches", "Scheduled a shared-a,NRT b shared-b,Scheduled c own-c,Fusion d shared-d", "a b", true},
		{"BRANCHES", "NRT B shared-b,Scheduled A shared-a", "a b", false},
		{"branches", "NRT B shared-b,NRT e shared-e", "b e", true}, // the item of b is kept
		{"others", "NRT b shared-b,NRT e shared-e", "b e", true},
		{"others", "NRT b shared-b", "b", true},
		{"others", "NRT b own-b", "", false},
	} {
		before := len(server.Requests())
		alertRules = run.rules
		job, err := p.publish(t.Context(), id, run.group, "shared-")
		require.Equal(t, run.published == "", err != nil, "%v: %v", run, err)
		published := ""
		for _, item := range job.Properties.Items {
			published += strings.Replace(item.ResourceID, central+"alertRules/", " ", 1)
		}
		assert.Equal(t, run.published, strings.TrimSpace(published), run)
		assert.Equal(t, run.writes, slices.ContainsFunc(server.Requests()[before:], isPut), run)
	}
	require.NoError(t, retire(t.Context(), credential, &options.ClientOptions, central+"alertRules/a"))
	assert.Equal(t, central+"alertRules/a", deleted)
	require.ErrorContains(t, retire(t.Context(), credential, &options.ClientOptions, central+"automationRules/a"), "is not an alert rule")
}
