package fake_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

func TestAssignmentIsStoredUntilDeleted(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{NewID: counter(), Now: clock()})
	url := func(name string) string { return endpoint + assignmentsPath + "/" + name + assignmentsVersion }

	// Members that the server sets are ignored; others are stored.
	resp, created := do(t, srv, newRequest(t, http.MethodPut, url("Standard"), `{
		"id": "x", "type": "x", "etag": "x", "systemData": {"createdBy": "x"}, "zones": [1.50],
		"properties": {"metadata": {"ticketId": 12345678901234567890}, "new": null}
	}`))
	require.Equal(t, http.StatusCreated, resp.StatusCode)
	require.JSONEq(t, `{
		"id": "`+assignmentsPath+`/Standard",
		"name": "Standard", "type": "Microsoft.Security/assignments", "etag": "\"id-2\"",
		"properties": {"metadata": {"ticketId": 12345678901234567890}, "new": null},
		"systemData": {
			"createdBy": "user@contoso.com", "createdByType": "User", "createdAt": "2026-01-02T03:05:05.1234567Z",
			"lastModifiedBy": "user@contoso.com", "lastModifiedByType": "User", "lastModifiedAt": "2026-01-02T03:05:05.1234567Z"
		},
		"zones": [1.50]
	}`, created)
	require.Contains(t, created, "12345678901234567890")
	require.Contains(t, created, "1.50")
	resp, got := get(t, srv, url("STANDARD"))
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, created, got)

	resp, updated := do(t, srv, newRequest(t, http.MethodPut, url("STANDARD"), `{"properties":{"effect":"audit"}}`))
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.JSONEq(t, `{
		"id": "`+assignmentsPath+`/Standard",
		"name": "Standard", "type": "Microsoft.Security/assignments", "etag": "\"id-5\"",
		"properties": {"effect": "audit"},
		"systemData": {
			"createdBy": "user@contoso.com", "createdByType": "User", "createdAt": "2026-01-02T03:05:05.1234567Z",
			"lastModifiedBy": "user@contoso.com", "lastModifiedByType": "User", "lastModifiedAt": "2026-01-02T03:06:05.1234567Z"
		}
	}`, updated)

	for _, status := range []int{http.StatusOK, http.StatusNoContent} {
		resp, body := do(t, srv, newRequest(t, http.MethodDelete, url("standard"), ""))
		require.Equal(t, status, resp.StatusCode)
		require.Empty(t, body)
	}
	resp, _ = get(t, srv, url("Standard"))
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
}

func TestListsHaveTheAssignmentsOfTheirScope(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	for _, id := range []armsecops.AssignmentID{
		{SubscriptionID: subscription, ResourceGroupName: "Group", Name: "one"},
		{SubscriptionID: subscription, ResourceGroupName: "group2", Name: "two"},
		{SubscriptionID: subscription, ResourceGroupName: "gruppe-ü", Name: "three"},
		{SubscriptionID: strings.Replace(subscription, "1", "9", 1), ResourceGroupName: "group", Name: "four"},
	} {
		srv.PutAssignment(id, armsecops.Assignment{})
	}
	assignments := newAssignments(t, subscription, options(srv))
	for group, want := range map[string][]string{"GROUP": {"one"}, "group2": {"two"}, "Gruppe-Ü": {"three"}, "empty": nil} {
		names, err := collect(t, assignments.NewListPager(group, nil), assignmentName)
		require.NoError(t, err)
		assert.Equal(t, want, names, group)
	}
	names, err := collect(t, assignments.NewListBySubscriptionPager(nil), assignmentName)
	require.NoError(t, err)
	assert.Equal(t, []string{"one", "two", "three"}, names)
}

func TestPutAssignmentSetsWhatIsAbsent(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	srv.PutAssignment(assignmentID, armsecops.Assignment{})
	got, err := newAssignments(t, subscription, options(srv)).Get(t.Context(), resourceGroup, "standard", nil)
	require.NoError(t, err)
	assert.Equal(t, assignmentID.String(), got.ID)
	assert.Equal(t, "standard", got.Name)
	assert.Equal(t, "Microsoft.Security/assignments", got.Type)
	assert.Regexp(t, `^"[0-9a-f-]{36}"$`, got.ETag)
}

func TestPutAssignmentStoresACopy(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	newModel := func() armsecops.Assignment {
		return armsecops.Assignment{ID: "an id", Name: "a name", Type: "a type", ETag: "an etag", Tags: map[string]string{"a": "1"}}
	}
	model := newModel()
	srv.PutAssignment(assignmentID, model)
	model.Tags["a"] = "2"
	got, err := newAssignments(t, subscription, options(srv)).Get(t.Context(), resourceGroup, "standard", nil)
	require.NoError(t, err)
	assert.Equal(t, newModel(), got.Assignment)
}

func TestPutAssignmentPanics(t *testing.T) {
	t.Parallel()
	invalid := assignmentID
	invalid.SubscriptionID = "mine"
	notJSON := armsecops.Assignment{AdditionalProperties: map[string]json.RawMessage{"x": json.RawMessage("{")}}
	tests := map[string]struct {
		id      armsecops.AssignmentID
		model   armsecops.Assignment
		message string
	}{
		"invalid id": {invalid, armsecops.Assignment{}, "fake: the id's subscriptionId 'mine' must be a UUID"},
		"not JSON":   {assignmentID, notJSON, "fake: the resource can't be encoded as JSON"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := fake.NewServer(nil)
			assertPanics(t, test.message, func() { srv.PutAssignment(test.id, test.model) })
		})
	}
}
