package routes

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPartsOfIDs(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]struct{ subscription, group, namespace string }{
		"/" + machine:             {subscription, "rg", "Microsoft.Compute"},
		machine:                   {subscription, "rg", "Microsoft.Compute"},
		strings.ToUpper(machine):  {strings.ToUpper(subscription), "RG", "MICROSOFT.COMPUTE"},
		jobID:                     {subscription, "rg", "Microsoft.OperationalInsights"},
		"/" + subscriptionScope:   {subscription, "", ""},
		subscriptionScope + "/":   {subscription, "", ""},
		subscriptionScope + "/rg": {subscription, "", ""},
		subscriptionScope + "/resourceGroups/providers/locks/a": {subscription, "providers", ""},
		subscriptionScope + "/providers":                        {subscription, "", ""},
	} {
		assert.Equal(t, want.subscription, SubscriptionOf(id), id)
		assert.Equal(t, want.group, ResourceGroupOf(id), id)
		assert.Equal(t, want.namespace, NamespaceIn(strings.Split(trimSlash(id), "/")), id)
	}
	for _, id := range []string{"/" + managementGroup, "resourceGroups/rg", "//" + subscriptionScope, "ſubscriptions/" + subscription, "subscriptions", "", "/"} {
		assert.Empty(t, SubscriptionOf(id)+ResourceGroupOf(id), id)
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
		if route.Kind != Get {
			continue
		}
		ancestors := Ancestors(strings.TrimPrefix(route.Path, "/{scope}"))
		assert.Equal(t, route.Resource.Type, ancestors[len(ancestors)-1].Type)
	}
}

func TestIsBelow(t *testing.T) {
	t.Parallel()
	for below, pairs := range map[bool][][2]string{ // an id, and what it may be below
		true:  {{"/a/b/c", "/a/b"}, {"/A/B/c", "a/b"}, {"a/b", ""}},
		false: {{"/a/b", "/a/b"}, {"/a/bc", "/a/b"}, {"/a", "/a/b"}, {"/x/b/c", "/a/b"}},
	} {
		for _, pair := range pairs {
			assert.Equal(t, below, IsBelow(pair[0], pair[1]), "%q", pair)
		}
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
