package armsecops_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// documentedAssignment is that of the recorded exchanges.
func documentedAssignment() armsecops.Assignment {
	at := time.Date(2021, 8, 31, 13, 47, 50, 328000000, time.UTC)
	return armsecops.Assignment{
		ID:       "subscriptions/20ff7fc3-e762-44dd-bd96-b71116dcdc23/resourceGroups/myResourceGroup/providers/Microsoft.Security/assignments/1f3afdf9-d0c9-4c3d-847f-89da613e70a8",
		Name:     assignmentName,
		Type:     "Microsoft.Security/assignments",
		Location: "East US",
		ETag:     "etag value",
		Properties: armsecops.AssignmentProperties{
			DisplayName:      "ASC Default",
			Description:      "Set of policies monitored by Azure Security Center for cross cloud",
			AssignedStandard: armsecops.AssignedStandardItem{ID: "/providers/Microsoft.Security/Standards/1f3afdf9-d0c9-4c3d-847f-89da613e70a8"},
			Effect:           "Exempt",
			ExpiresOn:        time.Date(2022, 5, 1, 19, 50, 47, 83633000, time.UTC),
			AdditionalData:   armsecops.AdditionalData{ExemptionCategory: "waiver"},
			Metadata:         map[string]any{"ticketId": json.Number("12345")},
			Scope:            "/subscriptions/ae640e6b-ba3e-4256-9d62-2993eecfa6f2/ResourceGroup/rg",
		},
		SystemData: armsecops.SystemData{
			CreatedBy: "user@contoso.com", CreatedByType: armsecops.CreatedByTypeUser, CreatedAt: at,
			LastModifiedBy: "user@contoso.com", LastModifiedByType: armsecops.CreatedByTypeUser, LastModifiedAt: at,
		},
	}
}

func TestAssignmentsGet(t *testing.T) {
	t.Parallel()
	client := newAssignmentsClient(t, options(replay(t, "assignments_get")))
	resp, err := client.Get(t.Context(), "myResourceGroup", assignmentName, nil)
	require.NoError(t, err)
	assert.Equal(t, documentedAssignment(), resp.Assignment)
	assertWireForm(t, "assignments_get", resp.Assignment)
}

func TestAssignmentsCreateOrUpdate(t *testing.T) {
	t.Parallel()
	for _, exchange := range []string{"assignments_create_or_update_200", "assignments_create_or_update_201"} {
		t.Run(exchange, func(t *testing.T) {
			t.Parallel()
			assignment := documentedAssignment()
			assignment.Properties.AssignedComponent.Key = "1195afff-c881-495e-9bc5-1486211ae03f"
			client := newAssignmentsClient(t, options(replay(t, exchange)))
			resp, err := client.CreateOrUpdate(t.Context(), "myResourceGroup", assignmentName, armsecops.Assignment{Properties: assignment.Properties}, nil)
			require.NoError(t, err)
			assert.Equal(t, assignment, resp.Assignment)
			assertWireForm(t, exchange, resp.Assignment)
		})
	}
}

func TestAssignmentsDelete(t *testing.T) {
	t.Parallel()
	for _, exchange := range []string{"assignments_delete_200", "assignments_delete_204"} {
		t.Run(exchange, func(t *testing.T) {
			t.Parallel()
			client := newAssignmentsClient(t, options(replay(t, exchange)))
			_, err := client.Delete(t.Context(), "myResourceGroup", "8bb8be0a-6010-4789-812f-e4d661c4ed0e", nil)
			require.NoError(t, err)
		})
	}
}

func TestAssignmentsList(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*armsecops.SecurityAssignmentsClient) *armsecops.Pager[armsecops.Assignment]{
		"assignments_list": func(c *armsecops.SecurityAssignmentsClient) *armsecops.Pager[armsecops.Assignment] {
			return c.NewListPager("myResourceGroup", nil)
		},
		"assignments_list_by_subscription": func(c *armsecops.SecurityAssignmentsClient) *armsecops.Pager[armsecops.Assignment] {
			return c.NewListBySubscriptionPager(nil)
		},
	}
	for exchange, newPager := range tests {
		t.Run(exchange, func(t *testing.T) {
			t.Parallel()
			pager := newPager(newAssignmentsClient(t, options(replay(t, exchange))))
			page, err := pager.NextPage(t.Context())
			require.NoError(t, err)
			require.Len(t, page.Value, 2)
			assert.Equal(t, documentedAssignment().Properties, page.Value[0].Properties)
			assertWireForm(t, exchange, page)
			assert.False(t, pager.More())
		})
	}
}
