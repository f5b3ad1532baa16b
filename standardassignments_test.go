package armsecops_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// The scopes and the name of the documented exchanges.
const (
	managementGroup = "/providers/Microsoft.Management/managementGroups/contoso"
	subscription    = "/subscriptions/" + assignmentsSubscription
	connector       = subscription + "/resourceGroups/gcpResourceGroup/providers/Microsoft.Security/securityConnectors/gcpconnector"
	virtualMachine  = "/subscriptions/212f9889-769e-45ae-ab43-6da33674bd26/resourceGroups/ANAT_TEST_RG/providers/Microsoft.Compute/virtualMachines/anatTestE2LA"
	standardName    = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"

	standardAssignmentsOf = "/providers/Microsoft.Security/standardAssignments"
)

func newStandardsClient(t testing.TB, o *armsecops.ClientOptions) *armsecops.StandardAssignmentsClient {
	t.Helper()
	client, err := armsecops.NewStandardAssignmentsClient(&azfake.TokenCredential{}, o)
	require.NoError(t, err)
	return client
}

// documentedExemption is the exemption of the documented exchanges, without what
// the service sets.
func documentedExemption() armsecops.StandardAssignment {
	return armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{
		DisplayName:      "Test exemption",
		Description:      "Exemption description",
		AssignedStandard: armsecops.AssignedStandardItem{ID: "/providers/Microsoft.Security/Standards/" + standardName},
		Effect:           "Exempt",
		ExpiresOn:        time.Date(2022, 5, 1, 19, 50, 47, 83633000, time.UTC),
		ExemptionData: armsecops.ExemptionData{
			ExemptionCategory:  "waiver",
			AssignedAssessment: armsecops.AssignedAssessmentItem{AssessmentKey: "1195afff-c881-495e-9bc5-1486211ae03f"},
		},
	}}
}

// documentedAudit is the audit of the documented exchanges, without what the service sets.
func documentedAudit() armsecops.StandardAssignment {
	return armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{
		DisplayName:      "ASC Default",
		Description:      "Set of policies monitored by Azure Security Center for cross cloud",
		AssignedStandard: armsecops.AssignedStandardItem{ID: "/providers/Microsoft.Security/securityStandards/" + standardName},
		Effect:           "Audit",
		ExcludedScopes:   []string{},
	}}
}

// asStored returns the standard assignment with what the service sets.
func asStored(a armsecops.StandardAssignment, id string) armsecops.StandardAssignment {
	at := time.Date(2022, 11, 10, 8, 31, 26, 799312400, time.UTC)
	a.ID, a.Name, a.Type = id, standardName, "Microsoft.Security/standardAssignments"
	a.Properties.Metadata = armsecops.StandardMetadata{
		CreatedBy: "c23b5354-ff0a-4b2a-9f92-6f144effd936", CreatedOn: at,
		LastUpdatedBy: "c23b5354-ff0a-4b2a-9f92-6f144effd936", LastUpdatedOn: at,
	}
	return a
}

func TestStandardAssignmentsGetReturnsTheWholeAssignment(t *testing.T) {
	t.Parallel()
	for _, scope := range []string{managementGroup, managementGroup[1:]} {
		client := newStandardsClient(t, options(documented(t, "standard_assignments_get")))
		resp, err := client.Get(t.Context(), scope, standardName, nil)
		require.NoError(t, err)
		// The documented id has the type of another resource.
		want := asStored(documentedExemption(), managementGroup+"/providers/Microsoft.Security/securityStandards/"+standardName)
		assert.Equal(t, want, resp.StandardAssignment)
	}
}

// The request of the put is documented to have every member that the get returned.
func TestChangedStandardAssignmentIsPutWithItsUnknownMembers(t *testing.T) {
	t.Parallel()
	client := newStandardsClient(t, options(documented(t, "standard_assignments_get_put")))
	got, err := client.Get(t.Context(), managementGroup, standardName, nil)
	require.NoError(t, err)
	p := got.Properties
	assert.Contains(t, got.AdditionalProperties, "managedBy")
	assert.Contains(t, p.AdditionalProperties, "resourceSelectors")
	assert.Contains(t, p.AssignedStandard.AdditionalProperties, "version")
	assert.Contains(t, p.ExemptionData.AdditionalProperties, "reviewer")
	assert.Contains(t, p.AttestationData.AdditionalProperties, "approvals")
	assert.Contains(t, p.AttestationData.AssignedAssessment.AdditionalProperties, "weight")
	require.Len(t, p.AttestationData.Evidence, 1)
	assert.Contains(t, p.AttestationData.Evidence[0].AdditionalProperties, "hash")
	assert.Contains(t, p.Metadata.AdditionalProperties, "ticket")
	assert.Contains(t, got.SystemData.AdditionalProperties, "tenantId")

	assert.True(t, p.Effect.Is(armsecops.EffectAttest))
	assert.True(t, p.AttestationData.ComplianceState.Is(armsecops.AttestationComplianceStateCompliant))
	assert.Equal(t, "https://contoso.com/audits/2022", p.AttestationData.Evidence[0].SourceURL)
	assert.Equal(t, time.Date(2022, 11, 10, 8, 31, 26, 799312400, time.UTC), p.AttestationData.ComplianceDate)

	attestation := got.StandardAssignment
	attestation.Properties.ExpiresOn = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	put, err := client.CreateOrUpdate(t.Context(), managementGroup, standardName, attestation, nil)
	require.NoError(t, err)
	readExchanges(t, "standard_assignments_get_put")[1].AssertWireForm(t, put.StandardAssignment)
}

func listConnector(t *testing.T, o *armsecops.ClientOptions, page armsecops.PageOptions) *armsecops.Pager[armsecops.StandardAssignment] {
	return newStandardsClient(t, o).NewListPager(connector, &armsecops.StandardAssignmentsClientListOptions{PageOptions: page})
}

// A scope's segments arrive as they are, each of them as one.
func TestScopesAreEscaped(t *testing.T) {
	t.Parallel()
	const machines = "/resourceGroups/gr%C3%B6%C3%9Fe%20%28a%29/providers/Microsoft.Compute/virtualMachines/"
	tests := map[string]struct{ scope, name, path string }{
		"with a slash first":    {subscription, standardName, subscription + standardAssignmentsOf + "/" + standardName},
		"without a slash first": {subscription[1:], standardName, subscription + standardAssignmentsOf + "/" + standardName},
		"braces":                {managementGroup, "{" + standardName + "}", managementGroup + standardAssignmentsOf + "/%7B" + standardName + "%7D"},
		"letters of other scripts": {
			subscription + "/resourceGroups/größe (a)/providers/Microsoft.Compute/virtualMachines/100%2F;",
			standardName, subscription + machines + "100%252F%3B" + standardAssignmentsOf + "/" + standardName,
		},
		"another one's scope": {
			managementGroup + standardAssignmentsOf + "/" + standardName, standardName,
			managementGroup + standardAssignmentsOf + "/" + standardName + standardAssignmentsOf + "/" + standardName,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newStandardsClient(t, options(script(t, func(req *http.Request) (*http.Response, error) {
				assert.Equal(t, test.path, req.URL.EscapedPath())
				assert.Equal(t, "api-version=2024-08-01", req.URL.RawQuery)
				return respond(200, minimal)(req)
			})))
			_, err := client.Get(t.Context(), test.scope, test.name, nil)
			require.NoError(t, err)
		})
	}
}

// Links to next pages must lead to the listing's own scope.
func TestStandardAssignmentsListFollowsLinksOfItsScopeOnly(t *testing.T) {
	t.Parallel()
	const endpoint, query = "https://management.azure.com", "?$skipToken=2"
	tests := map[string]struct {
		link string
		want error
	}{
		"the scope":              {endpoint + connector + standardAssignmentsOf + query, nil},
		"in another casing":      {endpoint + strings.ToLower(connector+standardAssignmentsOf) + query, nil},
		"escaped":                {endpoint + strings.Replace(connector, "gcpconnector", "gcp%63onnector", 1) + standardAssignmentsOf + query, nil},
		"relative":               {connector + standardAssignmentsOf + query, nil},
		"a scope above":          {endpoint + subscription + standardAssignmentsOf + query, armsecops.ErrUntrustedNextLink},
		"a scope below":          {endpoint + connector + "/a/b" + standardAssignmentsOf + query, armsecops.ErrUntrustedNextLink},
		"another scope":          {endpoint + managementGroup + standardAssignmentsOf + query, armsecops.ErrUntrustedNextLink},
		"a resource of it":       {endpoint + connector + standardAssignmentsOf + "/" + standardName + query, armsecops.ErrUntrustedNextLink},
		"a slash that is a name": {endpoint + strings.Replace(connector, "/gcpconnector", "%2Fgcpconnector", 1) + standardAssignmentsOf + query, armsecops.ErrUntrustedNextLink},
		"climbing":               {endpoint + connector + "/a/../../b" + standardAssignmentsOf + query, armsecops.ErrUntrustedNextLink},
		"another host":           {"https://evil.example" + connector + standardAssignmentsOf + query, armsecops.ErrUntrustedNextLink},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page, err := json.Marshal(map[string]any{"value": []any{}, "nextLink": test.link})
			require.NoError(t, err)
			responses := []transportFunc{respond(200, string(page))}
			if test.want == nil {
				responses = append(responses, respond(200, minimal))
			}
			pager := listConnector(t, options(script(t, responses...)), armsecops.PageOptions{})
			_, err = pager.NextPage(t.Context())
			require.NoError(t, err)
			_, err = pager.NextPage(t.Context())
			require.ErrorIs(t, err, test.want)
		})
	}
}

// A token is bound to the scope of its listing.
func TestContinuationTokenIsOfItsScope(t *testing.T) {
	t.Parallel()
	token := listConnector(t, options(script(t)), armsecops.PageOptions{}).ContinuationToken()
	client := newStandardsClient(t, options(script(t)))
	page := armsecops.PageOptions{ContinuationToken: token}
	_, err := client.NewListPager(subscription, &armsecops.StandardAssignmentsClientListOptions{PageOptions: page}).NextPage(t.Context())
	assertParameterError(t, err, "ContinuationToken")
}

func TestStandardAssignmentsErrorsAreCloudErrors(t *testing.T) {
	t.Parallel()
	client := newStandardsClient(t, options(respond(404, `{"error":{"code":"NotFound","message":"No."}}`)))
	_, err := client.Get(t.Context(), subscription, standardName, nil)
	require.ErrorIs(t, err, armsecops.ErrNotFound)
	require.ErrorAs(t, err, new(*armsecops.CloudError))
	require.EqualError(t, err, "StandardAssignmentsClient.Get: 404 Not Found: NotFound: No.")
}

// A 429 holds back what counts for the same subscription, whichever scope and
// client it is, or for the same scope where that has no subscription.
func TestStandardAssignmentsAreThrottledBySubscriptionOrScope(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		throttled, next string
		waits           bool
	}{
		"the same subscription":         {subscription, strings.ToUpper(connector[1:]), true},
		"another subscription":          {subscription, virtualMachine, false},
		"the same management group":     {managementGroup, managementGroup[1:], true},
		"another management group":      {managementGroup, managementGroup + "2", false},
		"of no subscription, then one":  {managementGroup, subscription, false},
		"of a subscription, then none":  {subscription, managementGroup, false},
		"the resource's subscription":   {virtualMachine, strings.Join(strings.Split(virtualMachine, "/")[:3], "/"), true},
		"a scope below the other scope": {managementGroup, managementGroup + "/providers/Microsoft.A/b/c", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o := options(script(t, respond(429, "", "Retry-After", "30"), respond(200, minimal)))
				o.Retry.MaxRetryDelay = time.Minute
				o.Retry.StatusCodes = []int{} // don't try again
				client := newStandardsClient(t, o)
				_, err := client.Get(t.Context(), test.throttled, standardName, nil)
				require.ErrorIs(t, err, armsecops.ErrThrottled)
				start := time.Now()
				_, err = client.NewListPager(test.next, nil).NextPage(t.Context())
				require.NoError(t, err)
				assert.Equal(t, test.waits, time.Since(start) >= 30*time.Second, time.Since(start))
			})
		})
	}
}

func TestSecurityAndStandardAssignmentsOfFactoryWaitTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := options(script(t, respond(429, "", "Retry-After", "30"), respond(200, minimal)))
		o.Retry.MaxRetryDelay = time.Minute
		o.Retry.StatusCodes = []int{} // don't try again
		f := newFactory(t, &credential{}, o)
		_, assignments := factoryClients(t, f)
		_, err := assignments.Get(t.Context(), "rg", "id", nil)
		require.ErrorIs(t, err, armsecops.ErrThrottled)
		start := time.Now()
		_, err = f.NewStandardAssignmentsClient().Get(t.Context(), connector, standardName, nil)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, time.Since(start), 30*time.Second)
	})
}

func TestNewStandardAssignmentsClientChecksItsParameters(t *testing.T) {
	t.Parallel()
	client, err := armsecops.NewStandardAssignmentsClient(nil, nil)
	assert.Nil(t, client)
	assertParameterError(t, err, "credential")
}

// Every part of what is assigned is written as the service reads it.
func TestStandardAssignmentIsWrittenWithoutWhatIsZero(t *testing.T) {
	t.Parallel()
	full := armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{
		Effect: "Attest", ExcludedScopes: []string{"/subscriptions/1"},
		AttestationData: armsecops.AttestationData{
			ComplianceState:    "nonCompliant",
			AssignedAssessment: armsecops.AssignedAssessmentItem{AssessmentKey: "key"},
			Evidence:           []armsecops.AttestationEvidence{{Description: "text", SourceURL: "https://contoso.com"}},
		},
	}}
	tests := map[string]struct {
		model any
		want  string
	}{
		"nothing": {armsecops.StandardAssignment{}, `{}`},
		"attestation": {full, `{"properties":{"effect":"Attest","excludedScopes":["/subscriptions/1"],"attestationData":{` +
			`"complianceState":"nonCompliant","assignedAssessment":{"assessmentKey":"key"},"evidence":[{"description":"text","sourceUrl":"https://contoso.com"}]}}}`},
		"pointer": {&full, `{"properties":{"effect":"Attest","excludedScopes":["/subscriptions/1"],"attestationData":{` +
			`"complianceState":"nonCompliant","assignedAssessment":{"assessmentKey":"key"},"evidence":[{"description":"text","sourceUrl":"https://contoso.com"}]}}}`},
		"page": {armsecops.StandardAssignmentsList{Value: []armsecops.StandardAssignment{{Name: "a"}}}, `{"value":[{"name":"a"}]}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachPackage(t, func(t *testing.T, marshal func(any) ([]byte, error), _ func([]byte, any) error) {
				text, err := marshal(test.model)
				require.NoError(t, err)
				assert.Equal(t, test.want, string(text))
			})
		})
	}
}

func TestComplianceStateIsComparedIgnoringCase(t *testing.T) {
	t.Parallel()
	values := armsecops.PossibleAttestationComplianceStateValues()
	assert.Len(t, values, 3)
	for _, state := range values {
		for _, other := range values {
			assert.Equal(t, state == other, armsecops.AttestationComplianceState(strings.ToUpper(string(state))).Is(other))
		}
	}
}

const sampleStandardID = connector + standardAssignmentsOf + "/" + standardName

func TestParseStandardAssignmentID(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		want armsecops.StandardAssignmentID
	}{
		"resource":              {sampleStandardID, armsecops.StandardAssignmentID{Scope: connector, Name: standardName}},
		"without a slash first": {sampleStandardID[1:], armsecops.StandardAssignmentID{Scope: connector, Name: standardName}},
		"management group": {
			managementGroup + standardAssignmentsOf + "/" + standardName, armsecops.StandardAssignmentID{Scope: managementGroup, Name: standardName},
		},
		"literals in upper case": {
			connector + strings.ToUpper(standardAssignmentsOf) + "/" + standardName, armsecops.StandardAssignmentID{Scope: connector, Name: standardName},
		},
		"braces": {
			subscription + standardAssignmentsOf + "/{" + standardName + "}", armsecops.StandardAssignmentID{Scope: subscription, Name: "{" + standardName + "}"},
		},
		"of another one": {
			sampleStandardID + standardAssignmentsOf + "/" + standardName, armsecops.StandardAssignmentID{Scope: sampleStandardID, Name: standardName},
		},
		"scope and name keep their case": {
			strings.ToUpper(sampleStandardID), armsecops.StandardAssignmentID{Scope: strings.ToUpper(connector), Name: strings.ToUpper(standardName)},
		},
		"other scripts": {
			subscription + "/resourceGroups/größe 100%25" + standardAssignmentsOf + "/" + standardName,
			armsecops.StandardAssignmentID{Scope: subscription + "/resourceGroups/größe 100%25", Name: standardName},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id, err := armsecops.ParseStandardAssignmentID(test.text)
			require.NoError(t, err)
			assert.Equal(t, test.want, id)
			assert.Equal(t, test.want.Scope+standardAssignmentsOf+"/"+test.want.Name, id.String())
			id.Scope = id.Scope[1:]
			assert.Equal(t, test.want.String(), id.String(), "the first slash may be missing")
		})
	}
}

func TestParseStandardAssignmentIDRefusesOthers(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"no scope":                         standardAssignmentsOf + "/" + standardName,
		"of a subscription that is none":   "/subscriptions/production" + standardAssignmentsOf + "/" + standardName,
		"of a resource group without name": subscription + "/resourceGroups" + standardAssignmentsOf + "/" + standardName,
		"name that is no UUID":             connector + standardAssignmentsOf + "/name",
		"list":                             connector + standardAssignmentsOf,
		"relative segments":                strings.Replace(sampleStandardID, "gcpconnector", "..", 1),
		"query in the scope":               strings.Replace(sampleStandardID, "gcpconnector", "a?b", 1),
		"fragment in the scope":            strings.Replace(sampleStandardID, "gcpconnector", "a#b", 1),
		"host":                             "management.azure.com" + sampleStandardID,
		"documented, of another type":      asStored(documentedExemption(), managementGroup+"/providers/Microsoft.Security/securityStandards/"+standardName).ID,
		"documented, without providers":    virtualMachine + "/Microsoft.Security/standardAssignments/" + standardName,
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id, err := armsecops.ParseStandardAssignmentID(text)
			assert.Zero(t, id)
			assertParameterError(t, err, "id")
		})
	}
}
