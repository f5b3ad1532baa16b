package armsecops_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// documentedAssignment is the assignment of the documented exchanges.
func documentedAssignment() armsecops.Assignment {
	at := time.Date(2021, 8, 31, 13, 47, 50, 328000000, time.UTC)
	return armsecops.Assignment{
		ID: "subscriptions/" + assignmentsSubscription +
			"/resourceGroups/myResourceGroup/providers/Microsoft.Security/assignments/" + assignmentName,
		Name:     assignmentName,
		Type:     "Microsoft.Security/assignments",
		Location: "East US",
		ETag:     "etag value",
		Properties: armsecops.AssignmentProperties{
			DisplayName:      "ASC Default",
			Description:      "Set of policies monitored by Azure Security Center for cross cloud",
			AssignedStandard: armsecops.AssignedStandardItem{ID: "/providers/Microsoft.Security/Standards/" + assignmentName},
			Effect:           "Exempt",
			ExpiresOn:        time.Date(2022, 5, 1, 19, 50, 47, 83633000, time.UTC),
			AdditionalData:   armsecops.AdditionalData{ExemptionCategory: "waiver"},
			Metadata:         json.RawMessage(`{"ticketId":12345}`),
			Scope:            "/subscriptions/ae640e6b-ba3e-4256-9d62-2993eecfa6f2/ResourceGroup/rg",
		},
		SystemData: armsecops.SystemData{
			CreatedBy: "user@contoso.com", CreatedByType: armsecops.CreatedByTypeUser, CreatedAt: at,
			LastModifiedBy: "user@contoso.com", LastModifiedByType: armsecops.CreatedByTypeUser, LastModifiedAt: at,
		},
	}
}

func TestAssignmentsGetReturnsTheWholeAssignment(t *testing.T) {
	t.Parallel()
	client := newAssignmentsClient(t, options(documented(t, "assignments_get")))
	resp, err := client.Get(t.Context(), "myResourceGroup", assignmentName, nil)
	require.NoError(t, err)
	assert.Equal(t, documentedAssignment(), resp.Assignment)
}

// The request of the put is documented to have every member that the get returned.
func TestChangedAssignmentIsPutWithItsUnknownMembers(t *testing.T) {
	t.Parallel()
	client := newAssignmentsClient(t, options(documented(t, "assignments_get_put")))
	got, err := client.Get(t.Context(), "myResourceGroup", assignmentName, nil)
	require.NoError(t, err)
	assert.Contains(t, got.AdditionalProperties, "managedBy")
	assert.Contains(t, got.Properties.AdditionalProperties, "resourceSelectors")
	assert.Contains(t, got.Properties.AssignedStandard.AdditionalProperties, "version")
	assert.Contains(t, got.Properties.AdditionalData.AdditionalProperties, "approvals")
	assert.Contains(t, got.SystemData.AdditionalProperties, "tenantId")

	assignment := got.Assignment
	assignment.Properties.ExpiresOn = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	put, err := client.CreateOrUpdate(t.Context(), "myResourceGroup", assignmentName, assignment, nil)
	require.NoError(t, err)
	readExchanges(t, "assignments_get_put")[1].AssertWireForm(t, put.Assignment)
}
