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

func TestAssignmentState(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{NewID: counter(), Now: clock()})
	put := func(name, body string) (int, string) {
		req := newRequest(t, http.MethodPut, assignmentsURL+"/"+name+assignVersion, body)
		req.Header.Set("Content-Type", "application/json")
		resp, body := do(t, srv, req)
		return resp.StatusCode, body
	}
	get := func(name string) (int, string) {
		resp, body := do(t, srv, newRequest(t, http.MethodGet, assignmentsURL+"/"+name+assignVersion, ""))
		return resp.StatusCode, body
	}

	// What the caller sends of the members that the server sets has no effect.
	status, created := put("Standard", `{"id":"x","name":"x","type":"x","etag":"x","systemData":{"createdBy":"x"},"new":[1.50],
		"properties":{"metadata":{"ticketId":12345678901234567890},"new":null}}`)
	require.Equal(t, http.StatusCreated, status)
	require.JSONEq(t, `{
		"id": "/subscriptions/`+subscription+`/resourceGroups/group/providers/Microsoft.Security/assignments/Standard",
		"name": "Standard", "type": "Microsoft.Security/assignments", "etag": "\"id-2\"",
		"properties": {"metadata": {"ticketId": 12345678901234567890}, "new": null},
		"systemData": {
			"createdBy": "user@contoso.com", "createdByType": "User", "createdAt": "2026-01-02T03:05:05.1234567Z",
			"lastModifiedBy": "user@contoso.com", "lastModifiedByType": "User", "lastModifiedAt": "2026-01-02T03:05:05.1234567Z"
		},
		"new": [1.50]
	}`, created)
	require.Contains(t, created, "12345678901234567890")
	require.Contains(t, created, "1.50")
	status, got := get("STANDARD")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, created, got)

	status, updated := put("STANDARD", `{"properties":{"effect":"audit"}}`)
	require.Equal(t, http.StatusOK, status)
	require.JSONEq(t, `{
		"id": "/subscriptions/`+subscription+`/resourceGroups/group/providers/Microsoft.Security/assignments/Standard",
		"name": "Standard", "type": "Microsoft.Security/assignments", "etag": "\"id-5\"",
		"properties": {"effect": "audit"},
		"systemData": {
			"createdBy": "user@contoso.com", "createdByType": "User", "createdAt": "2026-01-02T03:05:05.1234567Z",
			"lastModifiedBy": "user@contoso.com", "lastModifiedByType": "User", "lastModifiedAt": "2026-01-02T03:06:05.1234567Z"
		}
	}`, updated)

	for _, want := range []int{http.StatusOK, http.StatusNoContent} {
		resp, body := do(t, srv, newRequest(t, http.MethodDelete, assignmentsURL+"/standard"+assignVersion, ""))
		require.Equal(t, want, resp.StatusCode)
		require.Empty(t, body)
	}
	status, _ = get("Standard")
	require.Equal(t, http.StatusNotFound, status)
}

func TestAssignmentScopes(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	other := strings.Replace(subscription, "1", "9", 1)
	for _, id := range []armsecops.AssignmentID{
		{SubscriptionID: subscription, ResourceGroupName: "Group", AssignmentID: "one"},
		{SubscriptionID: subscription, ResourceGroupName: "group2", AssignmentID: "two"},
		{SubscriptionID: subscription, ResourceGroupName: "gruppe-ü", AssignmentID: "three"},
		{SubscriptionID: other, ResourceGroupName: "group", AssignmentID: "four"},
	} {
		srv.PutAssignment(id, armsecops.Assignment{})
	}
	assignments := newAssignments(t, subscription, options(srv))
	for group, want := range map[string][]string{"GROUP": {"one"}, "group2": {"two"}, "Gruppe-Ü": {"three"}, "nobody": nil} {
		names, err := collect(t, assignments.NewListPager(group, nil), assignmentName)
		require.NoError(t, err)
		assert.Equal(t, want, names, group)
	}
	names, err := collect(t, assignments.NewListBySubscriptionPager(nil), assignmentName)
	require.NoError(t, err)
	assert.Equal(t, []string{"one", "two", "three"}, names)
}

func TestPutAssignment(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	model := armsecops.Assignment{Tags: map[string]string{"a": "1"}}
	srv.PutAssignment(assignmentID, model)
	model.Tags["a"] = "2"
	got, err := newAssignments(t, subscription, options(srv)).Get(t.Context(), resourceGroup, "standard", nil)
	require.NoError(t, err)
	assert.Equal(t, assignmentID.String(), got.ID)
	assert.Equal(t, "standard", got.Name)
	assert.Equal(t, "Microsoft.Security/assignments", got.Type)
	assert.Regexp(t, `^"[0-9a-f-]{36}"$`, got.ETag)
	assert.Equal(t, map[string]string{"a": "1"}, got.Tags)

	bad := assignmentID
	bad.SubscriptionID = "mine"
	assert.Panics(t, func() { srv.PutAssignment(bad, model) })
	model.Properties.Metadata = map[string]any{"x": json.Number("x")}
	assert.Panics(t, func() { srv.PutAssignment(assignmentID, model) })
}
