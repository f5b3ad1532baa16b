package armsecops_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

const (
	sampleJobID = "/subscriptions/" + jobsSubscription + "/resourceGroups/myRg" +
		"/providers/Microsoft.OperationalInsights/workspaces/myWorkspace" +
		"/providers/Microsoft.SecurityInsights/workspaceManagerAssignments/" + jobsAssignment + "/jobs/" + jobName
	sampleAssignmentID = "/subscriptions/" + assignmentsSubscription + "/resourceGroups/myResourceGroup" +
		"/providers/Microsoft.Security/assignments/" + assignmentName
)

// notIDs are neither the id of a job nor that of an assignment.
var notIDs = map[string]string{
	"empty":                      "",
	"slash":                      "/",
	"word":                       "assignments",
	"two slashes first":          "/" + sampleAssignmentID,
	"slash last":                 sampleAssignmentID + "/",
	"two slashes in the middle":  strings.Replace(sampleAssignmentID, "/providers", "//providers", 1),
	"more segments":              sampleJobID + "/items/1",
	"fewer segments":             strings.TrimSuffix(sampleJobID, "/"+jobName),
	"misspelled segment":         strings.Replace(sampleAssignmentID, "assignments", "assignements", 1),
	"literal of the same length": strings.Replace(sampleAssignmentID, "/assignments/", "/assignmentt/", 1),
	"another provider":           strings.Replace(sampleAssignmentID, "Microsoft.Security", "Microsoft.SecurityInsights", 1),
	"another resource":           strings.Replace(sampleJobID, "workspaceManagerAssignments", "workspaceManagerGroups", 1),
	"subscription's name":        strings.Replace(sampleAssignmentID, assignmentsSubscription, "production", 1),
	"subscription in braces":     strings.Replace(sampleAssignmentID, assignmentsSubscription, "{"+assignmentsSubscription+"}", 1),
	"empty resource group":       strings.Replace(sampleAssignmentID, "myResourceGroup", "", 1),
	"resource group, dots":       strings.Replace(sampleAssignmentID, "myResourceGroup", "..", 1),
	"name, dots":                 strings.Replace(sampleAssignmentID, assignmentName, "..", 1),
	"empty name":                 strings.Replace(sampleAssignmentID, assignmentName, "", 1),
	"job name with two letters":  strings.Replace(sampleJobID, jobName, "ab", 1),
	"workspace with a space":     strings.Replace(sampleJobID, "myWorkspace", "my workspace", 1),
	"query":                      sampleAssignmentID + "?api-version=1",
	"URL":                        "https://management.azure.com" + sampleAssignmentID,
	"white space first":          " " + sampleAssignmentID,
	"line end":                   sampleJobID + "\n",
	"escaped slashes":            strings.ReplaceAll(sampleAssignmentID, "/", "%2F"),
	"backslashes":                strings.ReplaceAll(sampleAssignmentID, "/", `\`),
	"not UTF-8":                  sampleAssignmentID + "\xff",
	"letters that fold to ASCII": strings.Replace(sampleAssignmentID, "assignments", "aſſignments", 1),
}

func TestParseJobID(t *testing.T) {
	t.Parallel()
	want := armsecops.JobID{
		SubscriptionID:                 jobsSubscription,
		ResourceGroupName:              "myRg",
		WorkspaceName:                  "myWorkspace",
		WorkspaceManagerAssignmentName: jobsAssignment,
		Name:                           jobName,
	}
	assert.Equal(t, sampleJobID, want.String())
	tests := map[string]string{
		"as documented":         readJob(t).ID,
		"without a slash first": sampleJobID[1:],
		"literals in another case": strings.NewReplacer("subscriptions", "SUBSCRIPTIONS", "resourceGroups", "resourcegroups",
			"Microsoft.OperationalInsights", "microsoft.operationalinsights",
			"workspaceManagerAssignments", "WorkspaceManagerAssignments", "jobs", "Jobs").Replace(sampleJobID),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id, err := armsecops.ParseJobID(text)
			require.NoError(t, err)
			assert.Equal(t, want, id)
			assert.Equal(t, sampleJobID, id.String())
		})
	}
	t.Run("names keep their case", func(t *testing.T) {
		t.Parallel()
		id, err := armsecops.ParseJobID(strings.ToUpper(sampleJobID))
		require.NoError(t, err)
		assert.Equal(t, "MYWORKSPACE", id.WorkspaceName)
		assert.Equal(t, strings.ToUpper(jobName), id.Name)
		assert.True(t, strings.HasPrefix(id.String(), "/subscriptions/"+strings.ToUpper(jobsSubscription)+"/resourceGroups/MYRG/"), id)
	})
}

func TestParseWorkspaceManagerAssignmentID(t *testing.T) {
	t.Parallel()
	want := armsecops.WorkspaceManagerAssignmentID{
		SubscriptionID: jobsSubscription, ResourceGroupName: "myRg", WorkspaceName: "myWorkspace", Name: jobsAssignment,
	}
	text := strings.TrimSuffix(sampleJobID, "/jobs/"+jobName)
	assert.Equal(t, text, want.String())
	for _, text := range []string{text, text[1:], strings.Replace(text, "providers", "Providers", 1)} {
		id, err := armsecops.ParseWorkspaceManagerAssignmentID(text)
		require.NoError(t, err)
		assert.Equal(t, want, id)
	}
	for _, text := range []string{"", sampleJobID, text + "/", strings.Replace(text, "myRg", "..", 1)} {
		_, err := armsecops.ParseWorkspaceManagerAssignmentID(text)
		require.ErrorAs(t, err, new(*armsecops.ParameterError))
	}
}

func readJob(t *testing.T) armsecops.Job {
	t.Helper()
	resp, err := newJobsClient(t, options(documented(t, "jobs_get"))).Get(t.Context(), "myRg", "myWorkspace", jobsAssignment, jobName, nil)
	require.NoError(t, err)
	return resp.Job
}

func TestParseAssignmentID(t *testing.T) {
	t.Parallel()
	want := armsecops.AssignmentID{
		SubscriptionID:    assignmentsSubscription,
		ResourceGroupName: "myResourceGroup",
		Name:              assignmentName,
	}
	assert.Equal(t, sampleAssignmentID, want.String())
	tests := map[string]string{
		"as documented":      documentedAssignment().ID,
		"with a slash first": sampleAssignmentID,
		"literals in another case": strings.NewReplacer("resourceGroups", "resourcegroups",
			"Microsoft.Security", "MICROSOFT.SECURITY").Replace(sampleAssignmentID),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id, err := armsecops.ParseAssignmentID(text)
			require.NoError(t, err)
			assert.Equal(t, want, id)
			assert.Equal(t, sampleAssignmentID, id.String())
		})
	}
	t.Run("other scripts", func(t *testing.T) {
		t.Parallel()
		text := strings.NewReplacer("myResourceGroup", "größe_(東京)", assignmentName, "a b;c=100%25").Replace(sampleAssignmentID)
		id, err := armsecops.ParseAssignmentID(text)
		require.NoError(t, err)
		assert.Equal(t, "größe_(東京)", id.ResourceGroupName)
		assert.Equal(t, "a b;c=100%25", id.Name)
		assert.Equal(t, text, id.String())
	})
	// One of the documented samples is misspelled. The model keeps it unchanged,
	// but it is no id.
	t.Run("documented, but misspelled", func(t *testing.T) {
		t.Parallel()
		client := newAssignmentsClient(t, options(documented(t, "assignments_list_by_subscription")))
		page, err := client.NewListBySubscriptionPager(nil).NextPage(t.Context())
		require.NoError(t, err)
		require.Contains(t, page.Value[0].ID, "assignements")
		_, err = armsecops.ParseAssignmentID(page.Value[0].ID)
		assertParameterError(t, err, "id")
	})
}

func TestParsersRefuseOtherIDs(t *testing.T) {
	t.Parallel()
	for name, text := range notIDs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			job, err := armsecops.ParseJobID(text)
			assert.Zero(t, job)
			assertParameterError(t, err, "id")
			assignment, err := armsecops.ParseAssignmentID(text)
			assert.Zero(t, assignment)
			assertParameterError(t, err, "id")
		})
	}
	_, err := armsecops.ParseJobID(sampleAssignmentID)
	assertParameterError(t, err, "id")
	_, err = armsecops.ParseAssignmentID(sampleJobID)
	assertParameterError(t, err, "id")
}

func TestParseErrorNamesThePart(t *testing.T) {
	t.Parallel()
	_, err := armsecops.ParseJobID(notIDs["job name with two letters"])
	require.ErrorContains(t, err, "has an invalid jobName: it must match")
	_, err = armsecops.ParseAssignmentID(notIDs["subscription in braces"])
	require.ErrorContains(t, err, "has an invalid subscriptionID: it must be a UUID")
	_, err = armsecops.ParseAssignmentID("a")
	require.ErrorContains(t, err, "must have the form /subscriptions/{subscriptionId}/")
}
