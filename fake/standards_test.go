package fake_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

const (
	standardsVersion = "?api-version=2024-08-01"
	standardName     = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
	standardsType    = "/providers/Microsoft.Security/standardAssignments"

	machine         = "/subscriptions/" + subscription + "/resourceGroups/group/providers/Microsoft.Compute/virtualMachines/vm"
	managementGroup = "/providers/Microsoft.Management/managementGroups/contoso"
	standardURL     = endpoint + machine + standardsType + "/" + standardName + standardsVersion
)

var standardID = armsecops.StandardAssignmentID{Scope: machine, Name: standardName}

// Short names for long types.
type (
	standardPagerResponder = azfake.PagerResponder[armsecops.StandardAssignmentsList]
	getStandardOptions     = armsecops.StandardAssignmentsClientGetOptions
	getStandardResponse    = armsecops.StandardAssignmentsClientGetResponse
	putStandardOptions     = armsecops.StandardAssignmentsClientCreateOrUpdateOptions
	putStandardResponse    = armsecops.StandardAssignmentsClientCreateOrUpdateResponse
	deleteStandardOptions  = armsecops.StandardAssignmentsClientDeleteOptions
	deleteStandardResponse = armsecops.StandardAssignmentsClientDeleteResponse
	listStandardsOptions   = armsecops.StandardAssignmentsClientListOptions
)

func newStandards(t testing.TB, o *armsecops.ClientOptions) *armsecops.StandardAssignmentsClient {
	t.Helper()
	client, err := armsecops.NewStandardAssignmentsClient(&azfake.TokenCredential{}, o)
	require.NoError(t, err)
	return client
}

func standardAssignmentName(a armsecops.StandardAssignment) string { return a.Name }

func TestStandardAssignmentIsStoredUntilDeleted(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{NewID: counter(), Now: clock()})
	upper := strings.ToUpper(standardURL[:strings.Index(standardURL, "?")]) + standardsVersion
	const (
		id   = `"id": "` + machine + standardsType + "/" + standardName + `", "name": "` + standardName + `", "type": "Microsoft.Security/standardAssignments"`
		user = "c23b5354-ff0a-4b2a-9f92-6f144effd936"
	)

	// Members that the server sets are ignored; others are stored.
	resp, created := do(t, srv, newRequest(t, http.MethodPut, standardURL, `{
		"id": "x", "type": "x", "systemData": {"createdBy": "x"}, "zones": [1.50],
		"properties": {
			"effect": "Attest", "metadata": {"createdBy": "x"}, "new": null,
			"attestationData": {"complianceState": "compliant", "complianceDate": "2020-01-01T00:00:00Z"}
		}
	}`))
	require.Equal(t, http.StatusCreated, resp.StatusCode)
	require.JSONEq(t, `{
		`+id+`,
		"properties": {
			"effect": "Attest", "new": null,
			"attestationData": {"complianceState": "compliant", "complianceDate": "2026-01-02T03:05:05.1234567Z"},
			"metadata": {
				"createdBy": "`+user+`", "createdOn": "2026-01-02T03:05:05.1234567Z",
				"lastUpdatedBy": "`+user+`", "lastUpdatedOn": "2026-01-02T03:05:05.1234567Z"
			}
		},
		"systemData": {
			"createdBy": "user@contoso.com", "createdByType": "User", "createdAt": "2026-01-02T03:05:05.1234567Z",
			"lastModifiedBy": "user@contoso.com", "lastModifiedByType": "User", "lastModifiedAt": "2026-01-02T03:05:05.1234567Z"
		},
		"zones": [1.50]
	}`, created)
	resp, got := get(t, srv, upper)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, created, got)

	resp, updated := do(t, srv, newRequest(t, http.MethodPut, upper, `{
		"properties": {"effect": "Audit", "excludedScopes": [], "attestationData": {"complianceDate": "2020-01-01T00:00:00Z"}}
	}`))
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.JSONEq(t, `{
		`+id+`,
		"properties": {
			"effect": "Audit", "excludedScopes": [],
			"metadata": {
				"createdBy": "`+user+`", "createdOn": "2026-01-02T03:05:05.1234567Z",
				"lastUpdatedBy": "`+user+`", "lastUpdatedOn": "2026-01-02T03:06:05.1234567Z"
			}
		},
		"systemData": {
			"createdBy": "user@contoso.com", "createdByType": "User", "createdAt": "2026-01-02T03:05:05.1234567Z",
			"lastModifiedBy": "user@contoso.com", "lastModifiedByType": "User", "lastModifiedAt": "2026-01-02T03:06:05.1234567Z"
		}
	}`, updated)

	for _, status := range []int{http.StatusOK, http.StatusNoContent} {
		resp, body := do(t, srv, newRequest(t, http.MethodDelete, standardURL, ""))
		require.Equal(t, status, resp.StatusCode)
		require.Empty(t, body)
	}
	assertRefused(t, srv, newRequest(t, http.MethodGet, standardURL, ""), http.StatusNotFound, "ResourceNotFound", machine+standardsType)
}

func TestListHasTheStandardAssignmentsOfItsScopeAndBelow(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(&fake.ServerOptions{PageSize: 2})
	name := func(n int) string { return fmt.Sprintf("1f3afdf9-d0c9-4c3d-847f-%012d", n) }
	const sub, group = "/subscriptions/" + subscription, "/subscriptions/" + subscription + "/resourceGroups/Group"
	for i, scope := range []string{sub, group, machine[1:], group + "2", managementGroup, strings.Replace(sub, "1", "9", 1)} {
		srv.PutStandardAssignment(armsecops.StandardAssignmentID{Scope: scope, Name: name(i)}, armsecops.StandardAssignment{})
	}
	tests := map[string]struct {
		scope string
		want  []string
	}{
		"subscription":         {sub, []string{name(1), name(2), name(3), name(0)}},
		"without a slash":      {sub[1:], []string{name(1), name(2), name(3), name(0)}},
		"resource group":       {strings.ToUpper(group), []string{name(2), name(1)}},
		"longer name":          {group + "2", []string{name(3)}},
		"management group":     {managementGroup, []string{name(4)}},
		"nothing there":        {group + "3", nil},
		"another subscription": {strings.Replace(sub, "1", "8", 1), nil},
	}
	for test, data := range tests {
		t.Run(test, func(t *testing.T) {
			t.Parallel()
			names, err := collect(t, newStandards(t, options(srv)).NewListPager(data.scope, nil), standardAssignmentName)
			require.NoError(t, err)
			assert.ElementsMatch(t, data.want, names)
		})
	}
}

func TestPutStandardAssignmentSetsWhatIsAbsent(t *testing.T) {
	t.Parallel()
	for _, scope := range []string{machine, machine[1:]} {
		srv := fake.NewServer(nil)
		srv.PutStandardAssignment(armsecops.StandardAssignmentID{Scope: scope, Name: standardName}, armsecops.StandardAssignment{})
		got, err := newStandards(t, options(srv)).Get(t.Context(), machine, standardName, nil)
		require.NoError(t, err)
		assert.Equal(t, standardID.String(), got.ID)
		assert.Equal(t, standardName, got.Name)
		assert.Equal(t, "Microsoft.Security/standardAssignments", got.Type)
	}
}

func TestPutStandardAssignmentStoresACopy(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	newModel := func() armsecops.StandardAssignment {
		return armsecops.StandardAssignment{ID: "an id", Name: "a name", Type: "a type", Properties: armsecops.StandardAssignmentProperties{
			ExcludedScopes: []string{"one"},
		}}
	}
	model := newModel()
	srv.PutStandardAssignment(standardID, model)
	model.Properties.ExcludedScopes[0] = "two"
	got, err := newStandards(t, options(srv)).Get(t.Context(), machine, standardName, nil)
	require.NoError(t, err)
	assert.Equal(t, newModel(), got.StandardAssignment)
}

func TestPutStandardAssignmentPanics(t *testing.T) {
	t.Parallel()
	notJSON := armsecops.StandardAssignment{AdditionalProperties: map[string]json.RawMessage{"x": json.RawMessage("{")}}
	tests := map[string]struct {
		id      armsecops.StandardAssignmentID
		model   armsecops.StandardAssignment
		message string
	}{
		"scope":    {armsecops.StandardAssignmentID{Scope: "rg", Name: standardName}, armsecops.StandardAssignment{}, "fake: the id's scope 'rg' must be a resource id"},
		"name":     {armsecops.StandardAssignmentID{Scope: machine, Name: "a"}, armsecops.StandardAssignment{}, "fake: the id's standardAssignmentName 'a' must be a UUID"},
		"not JSON": {standardID, notJSON, "fake: the resource can't be encoded as JSON"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := fake.NewServer(nil)
			assertPanics(t, test.message, func() { srv.PutStandardAssignment(test.id, test.model) })
		})
	}
}

func TestInvalidStandardAssignmentIsRefused(t *testing.T) {
	t.Parallel()
	const listURL = endpoint + machine + standardsType + standardsVersion
	replace := func(url, old, with string) string { return strings.Replace(url, old, with, 1) }
	tests := map[string]struct {
		method, url, body string
		status            int
		code, message     string
	}{
		"name":                     {"GET", replace(standardURL, standardName, "name"), "", 400, "InvalidParameter", "standardAssignmentName"},
		"scope":                    {"GET", replace(listURL, "/subscriptions/", "/resourceGroups/"), "", 400, "InvalidParameter", "scope"},
		"subscription":             {"GET", replace(listURL, subscription, "mine"), "", 400, "InvalidSubscriptionId", "'mine'"},
		"escaped slash in a scope": {"GET", replace(listURL, "/vm/", "/v%2Fm/"), "", 404, "InvalidResourceType", "/v/m/"},
		"no scope":                 {"GET", endpoint + standardsType + standardsVersion, "", 404, "InvalidResourceType", standardsType},
		"method":                   {"DELETE", listURL, "", 405, "MethodNotAllowed", "allows GET"},
		"another api-version":      {"GET", replace(listURL, standardsVersion, assignmentsVersion), "", 400, "NoRegisteredProviderFound", "2024-08-01"},
		"array":                    {"PUT", standardURL, "[]", 400, "InvalidRequestContent", "a standard assignment"},
		"value of wrong type":      {"PUT", standardURL, `{"properties":{"exemptionData":1}}`, 400, "InvalidRequestContent", "exemptionData"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assertRefused(t, fake.NewServer(nil), newRequest(t, test.method, test.url, test.body), test.status, test.code, test.message)
		})
	}
}

func TestStandardAssignmentSamplesAreAsDocumented(t *testing.T) {
	t.Parallel()
	const connector = "/subscriptions/" + sampleSubscription + "/resourceGroups/gcpResourceGroup/providers/Microsoft.Security/securityConnectors/gcpconnector"
	tests := map[string]string{ // file and path
		"StandardAssignment.json":      managementGroup + standardsType + "/" + standardName,
		"ListStandardAssignments.json": connector + standardsType,
	}
	for file, path := range tests {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(filepath.Join("samples", file))
			require.NoError(t, err)
			resp, body := get(t, fake.NewServer(&fake.ServerOptions{Samples: true}), endpoint+path+standardsVersion)
			assert.Equal(t, http.StatusOK, resp.StatusCode)
			assert.JSONEq(t, string(want), body)
		})
	}
}

func TestStandardAssignmentsHaveFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault fake.Fault
		want  error
	}{
		"status":                {fake.Fault{StatusCode: http.StatusConflict}, armsecops.ErrConflict},
		"name in the REST API":  {fake.Fault{Operation: "StandardAssignmentsClient.List", StatusCode: http.StatusForbidden}, armsecops.ErrForbidden},
		"link to another host":  {fake.Fault{NextLink: fake.NextLinkForeignHost}, armsecops.ErrUntrustedNextLink},
		"link to another path":  {fake.Fault{NextLink: fake.NextLinkOtherPath}, armsecops.ErrUntrustedNextLink},
		"link to the same page": {fake.Fault{NextLink: fake.NextLinkLoop}, armsecops.ErrPagingLoop},
		"relative link":         {fake.Fault{NextLink: fake.NextLinkRelative}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := fake.NewServer(&fake.ServerOptions{PageSize: 1})
			srv.PutStandardAssignment(standardID, armsecops.StandardAssignment{})
			srv.Inject(test.fault)
			_, err := collect(t, newStandards(t, options(srv)).NewListPager(machine, nil), standardAssignmentName)
			require.ErrorIs(t, err, test.want)
			srv.AssertFaultsConsumed(t)
		})
	}
}
