package routes

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPartsOfIDs(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ subscription, group string }{
		"/" + machine:                   {subscription, "rg"},
		machine:                         {subscription, "rg"},
		strings.ToUpper(machine):        {strings.ToUpper(subscription), "RG"},
		"/" + subscriptionScope:         {subscription, ""},
		subscriptionScope + "/":         {subscription, ""},
		subscriptionScope + "/rg":       {subscription, ""},
		"/" + managementGroup:           {},
		"resourceGroups/rg":             {},
		"/" + "/" + subscriptionScope:   {},
		"ſubscriptions/" + subscription: {},
		"subscriptions":                 {},
		"":                              {},
		"/":                             {},
	}
	for id, want := range tests {
		assert.Equal(t, want.subscription, SubscriptionOf(id), id)
		assert.Equal(t, want.group, ResourceGroupOf(id), id)
	}
}

func TestAncestors(t *testing.T) {
	t.Parallel()
	workspace := "/subscriptions/" + subscription + "/resourceGroups/rg/providers/Microsoft.OperationalInsights/workspaces/workspace"
	assignment := workspace + "/providers/Microsoft.SecurityInsights/workspaceManagerAssignments/assignment"
	assert.Equal(t, []Ancestor{
		{"subscriptions", "/subscriptions/" + subscription, subscription},
		{"resourceGroups", "/subscriptions/" + subscription + "/resourceGroups/rg", "rg"},
		{"Microsoft.OperationalInsights/workspaces", workspace, "workspace"},
		{"Microsoft.SecurityInsights/workspaceManagerAssignments", assignment, "assignment"},
		{"Microsoft.SecurityInsights/workspaceManagerAssignments/jobs", assignment + "/jobs/job", "job"},
	}, Ancestors(jobID))
	assert.Equal(t, []Ancestor{{"Microsoft.Management/managementGroups", "/" + managementGroup, "contoso"}}, Ancestors(managementGroup))
	for _, id := range []string{"", "/", "subscriptions"} {
		assert.Empty(t, Ancestors(id), id)
	}
}

// The type and the operations of a resource follow from its path.
func TestResourcesAreConsistent(t *testing.T) {
	t.Parallel()
	for _, route := range All {
		assert.NotNil(t, route.Resource)
		if route.Kind != Get {
			continue
		}
		ancestors := Ancestors(strings.TrimPrefix(route.Path, "/{scope}"))
		assert.Equal(t, route.Resource.Type, ancestors[len(ancestors)-1].Type)
		for _, e := range route.elements {
			assert.Equal(t, strings.Contains(route.Path, "{"+e.text+"}"), e.parameter != nil, "every parameter has a rule: %s", e.text)
		}
	}
}

func TestIsBelow(t *testing.T) {
	t.Parallel()
	tests := []struct {
		id, above string
		want      bool
	}{
		{"/a/b/c", "/a/b", true},
		{"/A/B/c", "a/b", true},
		{"a/b", "", true},
		{"/a/b", "/a/b", false},
		{"/a/bc", "/a/b", false},
		{"/a", "/a/b", false},
		{"/x/b/c", "/a/b", false},
	}
	for _, test := range tests {
		assert.Equal(t, test.want, IsBelow(test.id, test.above), "%s below %s", test.id, test.above)
	}
}

func TestScopeOf(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"/" + exemptionOfItself:                               "/" + managementGroup,
		strings.ToUpper(exemptionOfItself):                    "/" + strings.ToUpper(managementGroup),
		"/" + machine + "/providers/Microsoft.Other/things/a": "/" + machine,
		"/" + managementGroup:                                 "",
		"/" + machine + "/providers/Microsoft.Other/things":   "",
		jobID: "",
		"":    "",
	} {
		assert.Equal(t, want, ScopeOf(id), id)
	}
}
