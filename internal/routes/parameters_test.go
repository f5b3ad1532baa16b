package routes

import (
	"cmp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

const subscriptionScope = "subscriptions/" + subscription

// What the rules allow and what they don't, by parameter.
var ruleTests = map[string]struct{ allowed, refused []string }{
	"subscriptionId": {
		allowed: []string{subscription, strings.ToUpper(subscription), "00000000-0000-0000-0000-000000000000", "09afAF09-09af-AF09-09af-AF0909afAF09"},
		refused: []string{
			"", "production", "20ff7fc3e76244ddbd96b71116dcdc23", "{" + subscription + "}", "20ff7fc3-e76244-dd-bd96-b71116dcdc23",
			"20ff7fc3-e762-44dd-bd96-b71116dcdc2", subscription + "3", "20ff7fc3-e762-44dd-bd96-b71116dcdc\u00e9",
			// the neighbors of the hexadecimal digits, and another separator at each place
			"20ff7fc3-e762-44dd-bd96-b71116dcdc2/", "20ff7fc3-e762-44dd-bd96-b71116dcdc2:", "20ff7fc3-e762-44dd-bd96-b71116dcdc2@",
			"20ff7fc3-e762-44dd-bd96-b71116dcdc2G", "20ff7fc3-e762-44dd-bd96-b71116dcdc2`", "20ff7fc3-e762-44dd-bd96-b71116dcdc2g",
			"20ff7fc3_e762-44dd-bd96-b71116dcdc23", "20ff7fc3-e762_44dd-bd96-b71116dcdc23", "20ff7fc3-e762-44dd_bd96-b71116dcdc23",
			"20ff7fc3-e762-44dd-bd96_b71116dcdc23", "20ff7fc30e762-44dd-bd96-b71116dcdc23", "20ff7fc3-e762-44dd-bd96-b71116dcdc2-",
		},
	},
	"resourceGroupName": {
		allowed: []string{"a", "1", "_", "-", "rg", "my-RG_1.(a)", ".a", "..a", "größe", "東京", "٣", strings.Repeat("a", 90), strings.Repeat("ü", 90)},
		refused: []string{
			"", ".", "..", "rg.", strings.Repeat("a", 91), strings.Repeat("ü", 91),
			"a b", "a/b", `a\b`, "a?b", "a#b", "a%2fb", "a+b", "a\n", "a\x00", "a\xff", "a\ufffd", "½", "🙂",
		},
	},
	"workspaceName": {
		allowed: []string{"abc", "a-c", "123", "myWorkspace", strings.Repeat("a", 90)},
		refused: []string{"", "ab", "-bc", "ab-", "a_c", "a.c", "a c", "größe", "abc\n", "a/c", "...", strings.Repeat("a", 91)},
	},
	"workspaceManagerAssignmentName": {
		allowed: []string{"abc", "a-c", "a--c", "azAZ09", "47cdc5f5-37c4-47b5-bd5f-83c84b8bdd58", strings.Repeat("a", 1000)},
		refused: []string{
			"", "ab", "-bc", "ab-", "a_c", "a.c", "a c", "größe", "abc\n", "a/c", "...", "a\xffc",
			"a:c", "a@c", "a[c", "a`c", "a{c", ":bc", "ab@", // the neighbors of letters and digits
		},
	},
	"assignmentId": {
		allowed: []string{"a", "...", "1f3afdf9-d0c9-4c3d-847f-89da613e70a8", "a b", "100%25", "größe", `{"a":;}`, "a.", "a\\b"},
		refused: []string{"", ".", "..", "a/b", "a?b", "a#b", "a\nb", "\x00", "a\x7f", "\u0085", "a\xff"},
	},
	"scope": {
		allowed: []string{
			subscriptionScope, "/" + subscriptionScope, strings.ToUpper(subscriptionScope), subscriptionScope + "/resourceGroups/größe (a)",
			subscriptionScope + "/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/100%25 {a}:b",
			subscriptionScope + "/providers/a/b/c/d/e/providers/f/g/h",
			"providers/Microsoft.Management/managementGroups/contoso", "/PROVIDERS/Microsoft.Management/managementGroups/contoso",
		},
		refused: []string{
			"", "/", "//", "/" + "/" + subscriptionScope, subscriptionScope + "/", "subscriptions", "subscriptions/", "subscriptions/production", "providers",
			"providers/", "resourceGroups/rg", "rg", "a/b", subscriptionScope + "/resourceGroups", subscriptionScope + "//rg", subscriptionScope + "/a/.",
			subscriptionScope + "/../b", subscriptionScope + "/a/b?c", subscriptionScope + "/a/b#c", subscriptionScope + "/a/b\n", subscriptionScope + "/a/b\xff",
			"https://management.azure.com/" + subscriptionScope, "https:/" + subscriptionScope, "management.azure.com/a/" + subscriptionScope,
			subscriptionScope + "/a/b", subscriptionScope + "/resourceGroups/rg/a/b", subscriptionScope + "/providers/a", subscriptionScope + "/providers/a/providers/b",
			subscriptionScope + "/providers/a/providers/b/c/d", subscriptionScope + "/providers/a/b/c/resourceGroups", "https:management.azure.com/a/" + subscriptionScope, `subscriptions\` + subscription, "ſubscriptions/" + subscription,
		},
	},
	"standardAssignmentName": {
		allowed: []string{"1f3afdf9-d0c9-4c3d-847f-89da613e70a8", "{1F3AFDF9-D0C9-4C3D-847F-89DA613E70A8}"},
		refused: []string{
			"", "{}", "name", "1f3afdf9d0c94c3d847f89da613e70a8", "{{1f3afdf9-d0c9-4c3d-847f-89da613e70a8}}", "}1f3afdf9-d0c9-4c3d-847f-89da613e70a8{",
			"a1f3afdf9-d0c9-4c3d-847f-89da613e70a8", "1f3afdf9-d0c9-4c3d-847f-89da613e70a8/", "(1f3afdf9-d0c9-4c3d-847f-89da613e70a8)",
		},
	},
}

// sameRules has the parameters that have the rule of another one. Without one of its own, a name is a segment.
var sameRules = map[string]string{"standardId": "standardAssignmentName", "jobName": "workspaceManagerAssignmentName"}

func TestRules(t *testing.T) {
	t.Parallel()
	for parameter := range parameters {
		test, ok := ruleTests[cmp.Or(sameRules[parameter], parameter)]
		if !ok {
			test = ruleTests["assignmentId"]
		}
		t.Run(parameter, func(t *testing.T) {
			t.Parallel()
			for _, value := range test.allowed {
				assert.Empty(t, parameters[parameter].check(value), "%q", value)
			}
			for _, value := range test.refused {
				assert.Contains(t, parameters[parameter].check(value), "must", "%q", value)
			}
		})
	}
}

// Names of policy exemptions are stricter for new ones.
func TestCheckNew(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a", "a b", "größe", "(a)", `"a"`} {
		_, _, reason := PolicyExemptions.CreateOrUpdate.CheckNew([]string{subscriptionScope, name})
		assert.Empty(t, reason, name)
	}
	for _, name := range []string{"", ".", "a/b", "a<", "a>", "a*", "a%", "a&", "a:", `a\`, "a?", "a.b", "a+", "a ", "a#", "a\n"} {
		parameter, value, reason := PolicyExemptions.CreateOrUpdate.CheckNew([]string{subscriptionScope, name})
		assert.Equal(t, "policyExemptionName", parameter)
		assert.Equal(t, name, value)
		assert.Contains(t, reason, "must", name)
	}
	_, _, reason := PolicyExemptions.CreateOrUpdate.Check([]string{subscriptionScope, "a.b"})
	assert.Empty(t, reason, "it may exist")
	parameter, _, _ := PolicyExemptions.CreateOrUpdate.CheckNew([]string{"a", "b"})
	assert.Equal(t, "scope", parameter)
}

// The words of a rule follow the parameter's name.
func TestRulesInWords(t *testing.T) {
	t.Parallel()
	const name = "must consist of 3 or more letters, digits and hyphens, and begin and end with a letter or digit"
	for _, test := range []struct{ parameter, value, want string }{
		{"subscriptionId", "a", "must be a UUID, as in 00000000-0000-0000-0000-000000000000"},
		{"subscriptionId", "20ff7fc3_e762-44dd-bd96-b71116dcdc23", "must be a UUID, as in 00000000-0000-0000-0000-000000000000"},
		{"resourceGroupName", "", "must have 1 to 90 characters"},
		{"resourceGroupName", "a b", "must consist of letters, digits and _-.()"},
		{"resourceGroupName", "a.", "must not end in a period"},
		{"workspaceName", strings.Repeat("a", 91), "must have at most 90 characters"},
		{"workspaceName", "ab", name},
		{"jobName", "a_b", name},
		{"scope", subscriptionScope + "/", "must not end in a slash"},
		{"scope", "subscriptions/production", "must be below a subscription: its id must be a UUID, as in 00000000-0000-0000-0000-000000000000"},
		{"assignmentId", "", "must not be empty"},
		{"assignmentId", "..", "must not be a relative path segment"},
		{"assignmentId", "a/b", "must not contain /, ? or #"},
		{"assignmentId", "a\n", "must be text without control characters"},
	} {
		assert.Equal(t, test.want, parameters[test.parameter].check(test.value), "%s %q", test.parameter, test.value)
	}
}

// The Go names are those of the REST API, with its initialisms as Go writes them.
func TestGoNames(t *testing.T) {
	t.Parallel()
	for name := range parameters {
		want := name
		if base, ok := strings.CutSuffix(name, "Id"); ok {
			want = base + "ID"
		}
		assert.Equal(t, want, GoName(name))
	}
}

func TestGate(t *testing.T) {
	t.Parallel()
	for scope, want := range map[string]string{
		subscriptionScope:                 subscription,
		"/" + machine:                     subscription,
		"SUBSCRIPTIONS/" + subscription:   subscription,
		managementGroup:                   managementGroup,
		"/" + managementGroup:             managementGroup,
		"providers/subscriptions/a/b/c/d": "providers/subscriptions/a/b/c/d",
	} {
		assert.Equal(t, want, StandardAssignments.Get.Gate([]string{scope}), scope)
	}
	assert.Equal(t, subscription, Jobs.Get.Gate(jobValues))
	assert.Equal(t, Assignments.Query.Gate(nil), StandardAssignments.Query.Gate(nil), "the quota of the principal")
}
