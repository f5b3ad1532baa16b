package armsecops_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
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
	var received *http.Response
	ctx := policy.WithCaptureResponse(t.Context(), &received)
	resp, err := client.Get(ctx, "myResourceGroup", assignmentName, nil)
	require.NoError(t, err)
	assert.Equal(t, documentedAssignment(), resp.Assignment)
	want := readExchanges(t, "assignments_get")[0]
	want.assertWireForm(t, resp.Assignment)
	want.assertReceived(t, received)
}

// The first put creates the assignment, the second one replaces it.
func TestAssignmentsCreateOrUpdateReturnsTheAssignment(t *testing.T) {
	t.Parallel()
	exemption := documentedAssignment()
	exemption.Properties.AssignedComponent.Key = "1195afff-c881-495e-9bc5-1486211ae03f"
	audit := documentedAssignment()
	audit.Properties.Effect = "audit"
	audit.Properties.ExpiresOn = time.Time{}
	audit.Properties.AdditionalData = armsecops.AdditionalData{}
	audit.Properties.Metadata = nil
	tests := map[string]struct {
		exchanges  string
		assignment armsecops.Assignment
	}{
		"exemption": {"assignments_create_or_update", exemption},
		"audit":     {"assignments_create_or_update_default", audit},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newAssignmentsClient(t, options(documented(t, test.exchanges)))
			put := armsecops.Assignment{Properties: test.assignment.Properties}
			for _, want := range readExchanges(t, test.exchanges) {
				var received *http.Response
				ctx := policy.WithCaptureResponse(t.Context(), &received)
				resp, err := client.CreateOrUpdate(ctx, "myResourceGroup", assignmentName, put, nil)
				require.NoError(t, err)
				assert.Equal(t, test.assignment, resp.Assignment)
				want.assertWireForm(t, resp.Assignment)
				want.assertReceived(t, received)
			}
		})
	}
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
	readExchanges(t, "assignments_get_put")[1].assertWireForm(t, put.Assignment)
}

// An assignment that exists is deleted with 200, one that doesn't with 204.
func TestAssignmentsDeleteSucceedsWithEachDocumentedStatus(t *testing.T) {
	t.Parallel()
	client := newAssignmentsClient(t, options(documented(t, "assignments_delete")))
	for _, want := range readExchanges(t, "assignments_delete") {
		var received *http.Response
		ctx := policy.WithCaptureResponse(t.Context(), &received)
		_, err := client.Delete(ctx, "myResourceGroup", "8bb8be0a-6010-4789-812f-e4d661c4ed0e", nil)
		require.NoError(t, err)
		want.assertReceived(t, received)
	}
}

func listGroup(t *testing.T, o *armsecops.ClientOptions, page armsecops.PageOptions) *armsecops.Pager[armsecops.Assignment] {
	return newAssignmentsClient(t, o).NewListPager("myResourceGroup", &armsecops.SecurityAssignmentsClientListOptions{PageOptions: page})
}

func listSubscription(t *testing.T, o *armsecops.ClientOptions, page armsecops.PageOptions) *armsecops.Pager[armsecops.Assignment] {
	options := &armsecops.SecurityAssignmentsClientListBySubscriptionOptions{PageOptions: page}
	return newAssignmentsClient(t, o).NewListBySubscriptionPager(options)
}

func TestAssignmentsListReturnsWholeAssignments(t *testing.T) {
	t.Parallel()
	tests := map[string]newPagerFunc[armsecops.Assignment]{
		"assignments_list":                 listGroup,
		"assignments_list_by_subscription": listSubscription,
	}
	for name, newPager := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pager := newPager(t, options(documented(t, name)), armsecops.PageOptions{})
			var received *http.Response
			page, err := pager.NextPage(policy.WithCaptureResponse(t.Context(), &received))
			require.NoError(t, err)
			require.Len(t, page.Value, 2)
			assert.Equal(t, documentedAssignment().Properties, page.Value[0].Properties)
			want := readExchanges(t, name)[0]
			want.assertWireForm(t, page)
			want.assertReceived(t, received)
			assert.False(t, pager.More())
		})
	}
}

func TestAssignmentsListReadsEveryPage(t *testing.T) {
	t.Parallel()
	testListing(t, "assignments_list_three_pages", listGroup)
}

func TestAssignmentsListBySubscriptionReadsEveryPage(t *testing.T) {
	t.Parallel()
	testListing(t, "assignments_list_by_subscription_three_pages", listSubscription)
}
