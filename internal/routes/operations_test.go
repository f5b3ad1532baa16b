package routes

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestByOperation(t *testing.T) {
	t.Parallel()
	for _, route := range All {
		found, err := ByOperation(route.Operation)
		require.NoError(t, err)
		assert.Same(t, route, found)
	}
	for name, want := range map[string]*Route{
		"WorkspaceManagerJobsClient.List":              Jobs.List,
		"SecurityAssignmentsClient.ListBySubscription": AssignmentsListBySubscription,
		"StandardAssignmentsClient.ResourceGraph":      StandardAssignments.Query,
		"ExemptionsClient.List":                        Exemptions,
	} {
		found, err := ByOperation(name)
		require.NoError(t, err)
		assert.Same(t, want, found)
	}
	for name, want := range map[string]string{
		"":                                       "there are WorkspaceManagerJobsClient.Get, ",
		"SecurityAssignmentsClient.Remove":       "there are SecurityAssignmentsClient.Get, ",
		"JobsClient.Create":                      "there are WorkspaceManagerJobsClient.Create",
		"WorkspaceManagerJobsClient.BeginCreate": "those of WorkspaceManagerJobsClient.Create",
		"SecurityAssignmentsClient.ListAcrossSubscriptions": "those of SecurityAssignmentsClient.NewListBySubscriptionPager",
	} {
		_, err := ByOperation(name)
		assert.ErrorContains(t, err, want)
	}
}

func TestSegments(t *testing.T) {
	t.Parallel()
	for path, want := range map[string][]string{
		"":               nil,
		"a/b":            nil,
		"/":              {""},
		"/a/b":           {"a", "b"},
		"/a/b/":          {"a", "b"},
		"/a//b//":        {"a", "", "b", ""},
		"/a%2Fb/%20c/%F": {"a/b", " c", "%F"},
	} {
		assert.Equal(t, want, Segments(path), path)
	}
	segments := Segments("/subscriptions/s/resourceGroups/a%2Fb/providers/p/t/n/u")
	assert.Equal(t, []Ancestor{
		{"subscriptions", "/subscriptions/s", "s"},
		{"resourceGroups", "/subscriptions/s/resourceGroups/a/b", "a/b"},
		{"p/t", "/subscriptions/s/resourceGroups/a/b/providers/p/t/n", "n"},
	}, AncestorsIn(segments))
}

func TestValues(t *testing.T) {
	t.Parallel()
	assert.Equal(t, map[string]string{"scope": "a/b", "standardAssignmentName": "c"}, StandardAssignments.Get.Values([]string{"a/b", "c"}))
}
