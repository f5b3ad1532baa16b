package test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"path"
	"strings"
	"testing"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/testkit"
)

const exemptSubscription = "/subscriptions/aaaaaaaa-0000-0000-0000-000000000001"

var findings = armsecops.SubAssessmentExemptionRule{If: armsecops.SubAssessmentCondition{Field: "f"}}
var whole, refusing = &armsecops.ExemptionsClientCreateOrUpdateOptions{AllowWhole: true}, &armsecops.ExemptionsClientCreateOrUpdateOptions{AllowWhole: true, AllowEndless: true, RefuseExisting: true}

// tables responds to the queries for exemptions with rows by table.
type tables struct {
	rows    map[string][]string       // by table
	queries []string                  // the bodies of the requests
	fail    func(n int) transportFunc // nil for the nth query to succeed
	recase  bool                      // the ids of a query of one subscription are in upper case
}

func (s *tables) respond(t testing.TB, req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodGet { // the list of a subscription
		table := map[string]string{"policyExemptions": "policyresources", "standardAssignments": "securityresources", "assignments": "resources"}[path.Base(req.URL.Path)]
		return respond(200, `{"value":[`+strings.Join(s.rows[table], ",")+`]}`)(req)
	}
	text, q := readGraphRequest(t, req)
	n := len(s.queries)
	s.queries = append(s.queries, string(text))
	if s.fail != nil {
		if fail := s.fail(n); fail != nil {
			return fail(req)
		}
	}
	table, _, _ := strings.Cut(q.Query, "\n")
	rows, first := s.rows[table], 0
	_, _ = fmt.Sscan(q.Options.SkipToken, &first)
	token := ""
	if rows = rows[first:]; len(rows) > 1 {
		rows, token = rows[:1], fmt.Sprint(first+1)
	}
	data := strings.Join(rows, ",")
	if s.recase && len(q.Subscriptions) == 1 {
		data = strings.ReplaceAll(data, policyRow, strings.ToUpper(policyRow))
	}
	return respond(200, fmt.Sprintf(`{"count":%d,"data":[%s],"resultTruncated":"false","$skipToken":%q}`, len(rows), data, token))(req)
}

func (s *tables) options(t testing.TB) *armsecops.ClientOptions {
	return options(transportFunc(func(req *http.Request) (*http.Response, error) { return s.respond(t, req) }))
}

func (s *tables) client(t testing.TB) *armsecops.ExemptionsClient {
	return newFactory(t, &azfake.TokenCredential{}, s.options(t)).NewExemptionsClient()
}

// across lists one subscription.
func (s *tables) across(t testing.TB) iter.Seq2[armsecops.Exemption, error] {
	o := &armsecops.ExemptionsClientListAcrossSubscriptionsOptions{ListsOnly: true}
	return s.client(t).ListAcrossSubscriptions(t.Context(), subscriptionIDs(1), o)
}

// exemptRow returns a row as Azure Resource Graph has it.
func exemptRow(id, kind, properties string) string {
	return fmt.Sprintf(`{"id":%q,"name":"n","type":%q,"subscriptionId":"row","resourceGroup":"row","properties":%s}`, id, strings.ToLower(kind), properties)
}

const (
	policyRow         = "/providers/Microsoft.Management/managementGroups/m/providers/Microsoft.Authorization/policyExemptions/p"
	standardRow       = exemptSubscription + "/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm/providers/Microsoft.Security/standardAssignments/1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
	recommendationKey = "1195afff-c881-495e-9bc5-1486211ae03f"
	oldRow            = exemptSubscription + "/resourceGroups/rg/providers/Microsoft.Security/assignments/a"
	anAssignment      = exemptSubscription + "/providers/Microsoft.Authorization/policyAssignments/a"
	aStandard         = "/providers/Microsoft.Security/Standards/s"
)

func TestExemptionsOfAllPlaces(t *testing.T) {
	t.Parallel()
	expires := time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)
	type test struct {
		table, row string
		want       armsecops.Exemption // without Name and Properties
	}
	testkit.EachCase(t, map[string]test{
		"policy exemption": {
			"policyresources", exemptRow(policyRow, "Microsoft.Authorization/policyExemptions", `{"displayName":"d","description":"e","policyAssignmentId":"pa",
				"policyDefinitionReferenceIds":["r"],"exemptionCategory":"Waiver","expiresOn":"2026-12-31T00:00:00Z","assignmentScopeValidation":null,"resourceSelectors":[{"name":"s"}],
				"metadata":{"createdBy":"me","createdOn":"last week"},"systemData":{"createdBy":"you","createdAt":"2026-12-31T00:00:00Z","lastModifiedBy":"they"}}`),
			armsecops.Exemption{
				Kind: armsecops.ExemptionKindPolicyExemption, ID: policyRow, Scope: "/providers/Microsoft.Management/managementGroups/m", DisplayName: "d", Description: "e",
				Category: armsecops.ExemptionCategoryWaiver, ExpiresOn: expires, PolicyAssignmentID: "pa", PolicyDefinitionReferenceIDs: []string{"r"}, CreatedBy: "you", CreatedOn: expires, LastModifiedBy: "they",
				ResourceSelectors: []armsecops.PolicyResourceSelector{{Name: "s"}}, Metadata: json.RawMessage(`{"createdBy":"me","createdOn":"last week"}`),
			},
		},
		"standard assignment": {
			"securityresources", exemptRow(standardRow, "Microsoft.Security/standardAssignments", `{"assignedStandard":{"id":"s"},"effect":"Exempt",
				"exemptionData":{"exemptionCategory":"Mitigated","assignedAssessment":{"assessmentKey":"k"},"subAssessmentExemptionRule":{"if":{"field":"f"}}},"metadata":{"createdBy":"me","lastUpdatedBy":"you","lastUpdatedOn":"2026-12-31T00:00:00Z"}}`),
			armsecops.Exemption{
				Kind: armsecops.ExemptionKindStandardAssignment, ID: standardRow, Scope: exemptSubscription + "/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm",
				SubscriptionID: "aaaaaaaa-0000-0000-0000-000000000001", ResourceGroupName: "rg", Category: armsecops.ExemptionCategoryMitigated,
				AssessmentKeys: []string{"k"}, StandardID: "s", CreatedBy: "me", LastModifiedBy: "you", LastModifiedOn: expires,
				SubAssessmentExemptionRule: findings,
			},
		},
		"assignment of 2021": {
			"resources", exemptRow(oldRow, "Microsoft.Security/assignments", `{"scope":"subscriptions/x","effect":"exempt","assignedStandard":{"id":"s"},
				"assignedComponent":{"key":"k"},"additionalData":{"exemptionCategory":"other"},"metadata":"text"}`),
			armsecops.Exemption{
				Kind: armsecops.ExemptionKindAssignment, ID: oldRow, Scope: "/subscriptions/x", SubscriptionID: "row", ResourceGroupName: "row",
				Category: "other", AssessmentKeys: []string{"k"}, StandardID: "s",
			},
		},
		"an id of another form": {
			"resources", exemptRow("a", "Microsoft.Security/assignments", `{"effect":"exempt"}`),
			armsecops.Exemption{Kind: armsecops.ExemptionKindAssignment, ID: "a", SubscriptionID: "row", ResourceGroupName: "row"},
		},
	}, func(t *testing.T, test test) {
		s := &tables{rows: map[string][]string{test.table: {test.row}}}
		got := readAll(t, s.client(t).NewListPager(nil).All(t.Context()))
		require.Len(t, got, 1)
		assert.NotEmpty(t, got[0].Properties)
		test.want.Name, test.want.Properties = "n", got[0].Properties
		assert.Equal(t, test.want, got[0])
		assert.Len(t, s.queries, 3)
		assert.Equal(t, got, readAll(t, s.across(t)), "a list has the same")
	})
}

// A key of zeros stands for several, which the row may name.
func TestKeysOfAnExemption(t *testing.T) {
	t.Parallel()
	const zeros = "00000000-0000-0000-0000-000000000000"
	for data, want := range map[string][]string{
		`{"assessmentKey":"k"}`:                                        {"k"},
		`{"assessmentKey":"` + zeros + `"}`:                            {zeros},
		`{"assessmentKey":"` + zeros + `","assessmentKeys":["a","b"]}`: {"a", "b"},
	} {
		row := exemptRow(standardRow, "Microsoft.Security/standardAssignments", `{"exemptionData":`+data+`}`)
		s := &tables{rows: map[string][]string{"securityresources": {row}}}
		got := readAll(t, s.client(t).NewListPager(nil).All(t.Context()))
		require.Len(t, got, 1)
		assert.Equal(t, want, got[0].AssessmentKeys)
	}
}

func TestExemptionQueries(t *testing.T) {
	t.Parallel()
	ends := time.Date(2026, 12, 28, 1, 2, 3, 400, time.FixedZone("", 3600))
	const project = "\n| project id, name, type, subscriptionId, resourceGroup, properties\n| order by id asc"
	type test struct {
		options armsecops.ExemptionsClientListOptions
		want    []string // the queries, without the projection
	}
	testkit.EachCase(t, map[string]test{
		"all": {armsecops.ExemptionsClientListOptions{}, []string{
			"policyresources\n| where type =~ 'microsoft.authorization/policyexemptions'",
			"securityresources\n| where type =~ 'microsoft.security/standardassignments'\n| where (properties.effect =~ 'exempt')",
			"resources\n| where type =~ 'microsoft.security/assignments'\n| where (properties.effect =~ 'exempt')",
		}},
		"some kinds, in the order of the listing": {
			armsecops.ExemptionsClientListOptions{
				Kinds: []armsecops.ExemptionKind{"microsoft.security/ASSIGNMENTS", armsecops.ExemptionKindPolicyExemption}, ExpiresBefore: ends,
			},
			[]string{
				"policyresources\n| where type =~ 'microsoft.authorization/policyexemptions'\n| where (todatetime(properties.expiresOn) < datetime(2026-12-28T00:02:03.0000004Z))",
				"resources\n| where type =~ 'microsoft.security/assignments'\n| where (properties.effect =~ 'exempt' and todatetime(properties.expiresOn) < datetime(2026-12-28T00:02:03.0000004Z))",
			},
		},
	}, func(t *testing.T, test test) {
		s := &tables{}
		assert.Empty(t, readAll(t, s.client(t).NewListPager(&test.options).All(t.Context())))
		var got []string
		for _, text := range s.queries {
			q := testkit.Decode[struct {
				Query   string
				Options map[string]any
			}](t, text)
			assert.EqualValues(t, 1000, q.Options["$top"], "a large tenant takes few requests")
			got = append(got, strings.TrimSuffix(q.Query, project))
		}
		assert.Equal(t, test.want, got)
	})
}

func TestExemptionsParameters(t *testing.T) {
	t.Parallel()
	tests := map[string]armsecops.ExemptionsClientListOptions{
		"Kinds":            {Kinds: []armsecops.ExemptionKind{"Microsoft.Security/pricings"}},
		"SubscriptionIDs":  {SubscriptionIDs: []string{"production"}},
		"ManagementGroups": {ManagementGroups: []string{"a/b"}},
		"IncludeInherited": {IncludeInherited: true},
		"PageSize":         {PageSize: 1001},
		"ExpiresBefore":    {ExpiresBefore: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
		"MaxPages":         {PageOptions: armsecops.PageOptions{MaxPages: -1}},
	}
	for parameter, o := range tests {
		assertParameterError(t, errorOf((&tables{}).client(t).NewListPager(&o).NextPage(t.Context())), parameter)
	}
}

// A row that can't be read is an error that names it, and the page can be resumed.
func TestExemptionThatCannotBeReadIsNoHole(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ table, row, want string }{
		"properties":     {"policyresources", exemptRow(policyRow, "Microsoft.Authorization/policyExemptions", "null"), "policyExemptions/p"},
		"properties, 2":  {"securityresources", exemptRow(standardRow, "Microsoft.Security/standardAssignments", "null"), "standardAssignments/"},
		"time":           {"policyresources", exemptRow(policyRow, "Microsoft.Authorization/policyExemptions", `{"expiresOn":"TOMORROW"}`), "policyExemptions/p"},
		"type":           {"policyresources", exemptRow(policyRow, "Microsoft.Authorization/locks", "{}"), "policyExemptions/p"},
		"id":             {"securityresources", exemptRow("/subscriptions/s/policyExemptions/p", "Microsoft.Security/standardAssignments", `{"effect":"Exempt"}`), "policyExemptions/p"},
		"text for an id": {"resources", strings.Replace(exemptRow(policyRow, "Microsoft.Security/assignments", `{"effect":"Exempt"}`), policyRow, "", 1), ""},
	}
	testkit.EachCase(t, tests, func(t *testing.T, test struct{ table, row, want string }) {
		good := exemptRow(oldRow, "Microsoft.Security/assignments", "{}")
		s := &tables{rows: map[string][]string{"resources": {good}}}
		s.rows[test.table] = append(s.rows[test.table], test.row)
		for _, listing := range []iter.Seq2[armsecops.Exemption, error]{s.client(t).NewListPager(nil).All(t.Context()), s.across(t)} {
			_, errs := collect(listing)
			require.Len(t, errs, 1)
			require.ErrorIs(t, errs[0], armsecops.ErrUnexpectedResponse)
			require.ErrorAs(t, errs[0], new(*armsecops.CloudError))
			assert.ErrorContains(t, errs[0], test.want)
		}
	})
}

// A page that fails resumes in another process, in any of the three queries.
func TestExemptionsResume(t *testing.T) {
	t.Parallel()
	s := &tables{rows: map[string][]string{}}
	for i := range 3 {
		n := fmt.Sprint(i)
		s.rows["policyresources"] = append(s.rows["policyresources"], exemptRow(policyRow+n, "Microsoft.Authorization/policyExemptions", "{}"))
		s.rows["securityresources"] = append(s.rows["securityresources"], exemptRow(standardRow[:len(standardRow)-1]+n, "Microsoft.Security/standardAssignments", "{}"))
		s.rows["resources"] = append(s.rows["resources"], exemptRow(oldRow+n, "Microsoft.Security/assignments", "{}"))
	}
	want := readAll(t, s.client(t).NewListPager(nil).All(t.Context()))
	require.Len(t, want, 9)
	for failing := range 9 {
		s := &tables{rows: s.rows, fail: func(n int) transportFunc {
			if n == failing {
				return failWith(http.StatusForbidden)
			}
			return nil
		}}
		got, errs := collect(s.client(t).NewListPager(nil).All(t.Context()))
		require.Len(t, errs, 1)
		assert.ErrorContains(t, errs[0], "; in the query for "+string(armsecops.PossibleExemptionKindValues()[failing/3]))
		page, ok := errs[0].(*armsecops.PageError)
		require.True(t, ok)
		o := &armsecops.ExemptionsClientListOptions{PageOptions: armsecops.PageOptions{ContinuationToken: page.ContinuationToken}}
		assert.Equal(t, want, append(got, readAll(t, s.client(t).NewListPager(o).All(t.Context()))...))
	}
}

// What two queries of subscriptions inherit from one management group comes once,
// also where another pager read the first query.
func TestInheritedExemptionsComeOnce(t *testing.T) {
	t.Parallel()
	s := &tables{recase: true, rows: map[string][]string{"policyresources": {
		exemptRow(policyRow+"1", "Microsoft.Authorization/policyExemptions", "{}"), exemptRow(policyRow+"2", "Microsoft.Authorization/policyExemptions", "{}"),
	}}}
	o := &armsecops.ExemptionsClientListOptions{
		SubscriptionIDs: subscriptionIDs(1001), IncludeInherited: true, Kinds: []armsecops.ExemptionKind{armsecops.ExemptionKindPolicyExemption},
	}
	assert.Len(t, readAll(t, s.client(t).NewListPager(o).All(t.Context())), 2)
	o.MaxPages = 2
	first := s.client(t).NewListPager(o)
	assert.Len(t, readAll(t, first.All(t.Context())), 2)
	o.ContinuationToken, o.MaxPages = first.ContinuationToken(), 0
	assert.Empty(t, readAll(t, s.client(t).NewListPager(o).All(t.Context())))
	assert.Contains(t, s.queries[len(s.queries)-1], "AtScopeAboveAndBelow")
	policies := newFactory(t, &azfake.TokenCredential{}, s.options(t)).NewPolicyExemptionsClient()
	query := &graphOptions{SubscriptionIDs: subscriptionIDs(1001), IncludeInherited: true}
	assert.Len(t, readAll(t, policies.NewResourceGraphPager(query).All(t.Context())), 2)
}

func TestExemptionJSON(t *testing.T) {
	t.Parallel()
	e := armsecops.Exemption{Kind: armsecops.ExemptionKindAssignment, ID: "i", StandardID: "s", ExpiresOn: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), Properties: json.RawMessage(`{"a":1}`)}
	text := testkit.Must(json.Marshal(e))
	assert.JSONEq(t, `{"kind":"Microsoft.Security/assignments","id":"i","standardId":"s","expiresOn":"2026-01-02T00:00:00Z","properties":{"a":1}}`, string(text))
	assert.Contains(t, e.LogValue().String(), "expiresOn=2026-01-02")
}

func TestExemptsSame(t *testing.T) {
	t.Parallel()
	e := armsecops.Exemption{Kind: armsecops.ExemptionKindPolicyExemption, PolicyAssignmentID: anAssignment, PolicyDefinitionReferenceIDs: []string{"a", "b"}}
	e.StandardID, e.AssessmentKeys, e.ExpiresOn = aStandard, []string{recommendationKey}, time.Now()
	same := e
	same.PolicyAssignmentID, same.StandardID, same.ExpiresOn = strings.ToUpper(anAssignment), strings.ToUpper(aStandard), time.Time{}
	same.PolicyDefinitionReferenceIDs, same.AssessmentKeys, same.ResourceSelectors = []string{"B", "A", "b"}, []string{strings.ToUpper(recommendationKey)}, []armsecops.PolicyResourceSelector{}
	assert.True(t, e.ExemptsSame(same))
	testkit.EachCase(t, map[string]func(other *armsecops.Exemption){
		"kind":              func(other *armsecops.Exemption) { other.Kind = armsecops.ExemptionKindAssignment },
		"policy assignment": func(other *armsecops.Exemption) { other.PolicyAssignmentID += "2" },
		"policies":          func(other *armsecops.Exemption) { other.PolicyDefinitionReferenceIDs = []string{"a"} },
		"resources": func(other *armsecops.Exemption) {
			other.ResourceSelectors = []armsecops.PolicyResourceSelector{{Name: "s"}}
		},
		"standard":       func(other *armsecops.Exemption) { other.StandardID += "2" },
		"recommendation": func(other *armsecops.Exemption) { other.AssessmentKeys = nil },
		"findings":       func(other *armsecops.Exemption) { other.SubAssessmentExemptionRule = findings },
	}, func(t *testing.T, change func(*armsecops.Exemption)) {
		other := e
		change(&other)
		assert.False(t, e.ExemptsSame(other))
	})
}

// An exemption of each place is read, renewed with all that it has, and deleted by its id, in any casing.
func TestExemptionsByID(t *testing.T) {
	t.Parallel()
	expires := time.Date(2127, 1, 2, 2, 0, 0, 0, time.FixedZone("", 2*60*60))
	for id, test := range map[string]struct{ kind, properties string }{
		policyRow:   {"Microsoft.Authorization/policyExemptions", `{"policyAssignmentId":"/a","exemptionCategory":"Waiver","expiresOn":"2026-01-02T00:00:00Z","unknown":[1],"additionalData":"text","exemptionData":null}`},
		standardRow: {"Microsoft.Security/standardAssignments", `{"effect":"exempt","exemptionData":{"exemptionCategory":"waiver","unknown":null},"unknown":{"a":1},"metadata":null}`},
		oldRow:      {"Microsoft.Security/assignments", `{"effect":"Exempt","scope":"s","expiresOn":"2026-01-02T00:00:00Z","additionalData":{"exemptionCategory":"waiver"},"unknown":1.50,"exemptionData":[1]}`},
	} {
		stored := fmt.Sprintf(`{"id":%q,"type":%q,"tags":{"a":"b"},"systemData":{"createdBy":"me","lastModifiedBy":"you"},"properties":%s}`, id, test.kind, test.properties)
		o, s := traced(transportFunc(func(req *http.Request) (*http.Response, error) {
			switch req.Method {
			case http.MethodPut:
				body := testkit.Must(io.ReadAll(req.Body))
				stored = string(body)
			case http.MethodDelete:
				stored = ""
				return respond(200)(req)
			}
			if stored == "" {
				return failWith(404)(req)
			}
			return respond(200, stored)(req)
		}))
		client := newFactory(t, &azfake.TokenCredential{}, o).NewExemptionsClient()
		before := testkit.Must(client.Get(t.Context(), strings.ToUpper(id), nil))
		assert.Equal(t, id, before.ID)
		assert.Equal(t, test.kind, string(before.Kind))
		assert.Equal(t, armsecops.ExemptionCategoryWaiver, before.Category)
		assert.Equal(t, "me, you", before.CreatedBy+", "+before.LastModifiedBy)
		assert.JSONEq(t, test.properties, string(before.Properties))
		left, err := client.Renew(t.Context(), id, expires, nil)
		assert.Equal(t, []bool{before.ExpiresOn.IsZero(), !before.ExpiresOn.IsZero()}, []bool{errors.Is(err, armsecops.ErrNotRenewed), errors.Is(err, armsecops.ErrEnded)})
		assert.Equal(t, before.Exemption, left.Exemption)
		assert.Regexp(t, `^ExemptionsClient.Renew: not renewed(: it never ends|, since it has ended, on 2026-01-02T00:00:00Z) \(`+id+`\)$`, err)
		assert.Contains(t, armsecops.LogValue(err).String(), "kind=notRenewed")
		renewed := testkit.Must(client.Renew(t.Context(), id, expires, &armsecops.ExemptionsClientRenewOptions{Description: "SEC-17", AllowEarlier: true, AllowEnded: true}))
		_, err = client.Renew(t.Context(), id, expires.AddDate(0, 0, -1), &armsecops.ExemptionsClientRenewOptions{AllowEnded: true})
		require.ErrorContains(t, err, "not renewed: it ends later already, on 2127-01-02T00:00:00Z (")
		testkit.Must(client.Renew(t.Context(), id, expires.Add(-time.Second/2), nil)) // which a service may have rounded
		after := testkit.Must(client.Renew(t.Context(), id, expires, nil))            // the same again
		assert.Equal(t, renewed, after)
		assert.Equal(t, expires.UTC(), after.ExpiresOn)
		assert.JSONEq(t, strings.Replace(`{"description":"SEC-17","expiresOn":"2127-01-02T00:00:00Z",`+test.properties[1:], `,"expiresOn":"2026-01-02T00:00:00Z"`, "", 1), string(after.Properties))
		assert.Contains(t, stored, `"tags":{"a":"b"}`)
		other := &armsecops.ExemptionsClientRenewOptions{Category: "MITIGATED"}
		ofPolicy := before.Kind == armsecops.ExemptionKindPolicyExemption
		if ofPolicy {
			other.Metadata = json.RawMessage(`{"ticketRef":"SEC-18"}`)
		}
		changed := testkit.Must(client.Renew(t.Context(), id, expires, other))
		assert.Equal(t, []any{armsecops.ExemptionCategoryMitigated, other.Metadata}, []any{changed.Category, changed.Metadata})
		assert.Contains(t, stored, map[bool]string{true: `"exemptionCategory":"Mitigated"`, false: `Data":{"exemptionCategory":"mitigated"`}[ofPolicy])
		assert.Len(t, changed.Properties, len(after.Properties)+len("mitigated")-len("waiver")+map[bool]int{true: len(`"metadata":{"ticketRef":"SEC-18"},`)}[ofPolicy], "the rest is as it was")
		written := s.list[len(s.list)-2] // above that of the request
		assert.Contains(t, written.name, "Client.CreateOrUpdate")
		assert.Same(t, s.last(t, "ExemptionsClient.Renew"), written.parent)
		require.NoError(t, errorOf(client.Delete(t.Context(), id, nil)))
		for _, err := range []error{
			errorOf(client.Get(t.Context(), id, nil)), errorOf(client.Renew(t.Context(), id, expires, nil)), errorOf(client.Delete(t.Context(), id, nil)),
		} {
			require.ErrorIs(t, err, armsecops.ErrNotFound)
			require.ErrorAs(t, err, new(*armsecops.CloudError))
		}
	}
}

// An exemption is put where its kind says, also one of a listing, and is read as the same.
func TestExemptionsAreCreated(t *testing.T) {
	t.Parallel()
	for want, exemption := range map[string]armsecops.Exemption{ // by the properties that are sent
		`"exemptionCategory":"Waiver","policyAssignmentId":"` + anAssignment + `","policyDefinitionReferenceIds":["r"],"resourceSelectors":[{"name":"s"}],"metadata":{"ticketRef":"1"}`: {
			Kind: armsecops.ExemptionKindPolicyExemption, PolicyAssignmentID: anAssignment, PolicyDefinitionReferenceIDs: []string{"r"}, ResourceSelectors: []armsecops.PolicyResourceSelector{{Name: "s"}}, Metadata: json.RawMessage(`{"ticketRef":"1"}`),
		},
		`"effect":"Exempt","exemptionData":{"exemptionCategory":"waiver","assignedAssessment":{"assessmentKey":"` + recommendationKey + `"},"subAssessmentExemptionRule":{"if":{"field":"f"}}}`: {
			Kind: armsecops.ExemptionKindStandardAssignment, AssessmentKeys: []string{recommendationKey}, SubAssessmentExemptionRule: findings,
		},
		`"effect":"Exempt","assignedStandard":{"id":"` + aStandard + `"},"exemptionData":{"exemptionCategory":"waiver"}`: {Kind: armsecops.ExemptionKindStandardAssignment, StandardID: aStandard},
	} {
		server, listed := fake.NewServer(nil), exemption
		o, s := traced(server)
		client := newFactory(t, &azfake.TokenCredential{}, o).NewExemptionsClient()
		listed.Kind, listed.Category = armsecops.ExemptionKind(strings.ToLower(string(exemption.Kind))), "WAIVER"
		listed.DisplayName, listed.Description, listed.ExpiresOn = "d", "e", time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)
		listed.ID, listed.Name, listed.Scope, listed.CreatedBy, listed.Properties = oldRow, "p", "/", "me", json.RawMessage("{") // of another one
		created := testkit.Must(client.CreateOrUpdate(t.Context(), exemptSubscription[1:], standardName, listed, refusing))
		assert.Equal(t, exemptSubscription+"/providers/"+string(exemption.Kind)+"/"+standardName, created.ID)
		put := server.Requests()[1]
		assert.JSONEq(t, `{"properties":{"displayName":"d","description":"e","expiresOn":"2027-01-02T00:00:00Z",`+want+`}}`, string(put.Body))
		assert.Same(t, s.last(t, "ExemptionsClient.CreateOrUpdate"), s.last(t, put.Operation).parent)
		read := testkit.Must(client.Get(t.Context(), created.ID, nil))
		assert.Equal(t, read.Exemption, created.Exemption)
		again, err := client.CreateOrUpdate(t.Context(), exemptSubscription, standardName, listed, refusing)
		require.ErrorIs(t, err, armsecops.ErrExists)
		assert.Contains(t, armsecops.LogValue(err).String(), "kind=exists message=it exists ("+created.ID+")")
		assert.Equal(t, created, again)
		server.Inject(fake.Fault{StatusCode: 403})
		require.ErrorIs(t, errorOf(client.CreateOrUpdate(t.Context(), exemptSubscription, subscriptionID(7), listed, refusing)), armsecops.ErrForbidden)
		server.Inject(fake.Fault{StatusCode: 404, Body: "<html>"})
		require.ErrorIs(t, errorOf(client.CreateOrUpdate(t.Context(), exemptSubscription, subscriptionID(7), listed, refusing)), armsecops.ErrNotFound)
		assert.Equal(t, []string{http.MethodGet, http.MethodGet}, []string{server.Requests()[4].Method, server.Requests()[5].Method})
		server.Inject(fake.Fault{Operation: put.Operation, StatusCode: 201, Body: "<html>"})
		lost, err := client.CreateOrUpdate(t.Context(), exemptSubscription[1:], subscriptionID(7), listed, refusing)
		named := armsecops.Exemption{Kind: exemption.Kind, ID: strings.Replace(created.ID, standardName, subscriptionID(7), 1), Name: subscriptionID(7), Scope: exemptSubscription}
		assert.Equal(t, []any{true, named}, []any{armsecops.MaybeCarriedOut(err), lost.Exemption})
		server.Inject(fake.Fault{Operation: strings.Replace(put.Operation, "CreateOrUpdate", "Delete", 1), StatusCode: 200, Body: " <html>"})
		assert.True(t, armsecops.MaybeCarriedOut(errorOf(client.Delete(t.Context(), created.ID, nil))), "the page of a proxy")
	}
}

// What the place of an exemption doesn't have is refused, and never dropped.
func TestCreatedExemptionsAreChecked(t *testing.T) {
	t.Parallel()
	const policies, standards = armsecops.ExemptionKindPolicyExemption, armsecops.ExemptionKindStandardAssignment
	client := newFactory(t, &azfake.TokenCredential{}, options(script(t))).NewExemptionsClient()
	refuse := func(ctx context.Context, scope, name string, e armsecops.Exemption, parameter string) {
		err := errorOf(client.CreateOrUpdate(ctx, scope, name, e, whole))
		assertParameterError(t, err, parameter)
		assert.ErrorContains(t, err, "ExemptionsClient.CreateOrUpdate: parameter "+parameter+" ")
	}
	for parameter, exemptions := range map[string][]armsecops.Exemption{
		"Kind":                         {{}, {Kind: armsecops.ExemptionKindAssignment, StandardID: aStandard}},
		"PolicyAssignmentID":           {{Kind: policies, Category: "waiver"}, {Kind: policies, Category: "waiver", PolicyAssignmentID: "a", PolicyDefinitionReferenceIDs: []string{"r"}}, {Kind: standards, PolicyAssignmentID: anAssignment}, {Kind: policies, Category: "waiver", PolicyAssignmentID: strings.Replace(anAssignment, "policyAssignments", "policySetDefinitions", 1), PolicyDefinitionReferenceIDs: []string{"r"}}},
		"Category":                     {{Kind: policies, PolicyAssignmentID: anAssignment}, {Kind: standards, StandardID: aStandard}},
		"PolicyDefinitionReferenceIDs": {{Kind: standards, PolicyDefinitionReferenceIDs: []string{"r"}}, {Kind: policies, Category: "waiver", PolicyAssignmentID: anAssignment, PolicyDefinitionReferenceIDs: []string{"r", ""}}, {Kind: policies, Category: "waiver", PolicyAssignmentID: anAssignment, PolicyDefinitionReferenceIDs: []string{"r", "providers/Microsoft.Authorization/policyDefinitions/p"}}, {Kind: policies, Category: "waiver", PolicyAssignmentID: anAssignment, PolicyDefinitionReferenceIDs: []string{" "}}},
		"Metadata":                     {{Kind: standards, Metadata: json.RawMessage("{}")}},
		"ResourceSelectors":            {{Kind: standards, ResourceSelectors: []armsecops.PolicyResourceSelector{{}}}},
		"StandardID":                   {{Kind: policies, StandardID: aStandard}, {Kind: standards, StandardID: "s", AssessmentKeys: []string{recommendationKey}}, {Kind: standards, StandardID: anAssignment, AssessmentKeys: []string{recommendationKey}}, {Kind: standards, StandardID: aStandard[:len(aStandard)-1], AssessmentKeys: []string{recommendationKey}}, {Kind: standards, AssessmentKeys: []string{recommendationKey}}},
		"SubAssessmentExemptionRule":   {{Kind: policies, SubAssessmentExemptionRule: findings}},
		"AssessmentKeys": {
			{Kind: policies, AssessmentKeys: []string{"k"}}, {Kind: standards}, {Kind: standards, AssessmentKeys: []string{recommendationKey, recommendationKey}}, {Kind: standards, AssessmentKeys: []string{"Disks should be encrypted"}},
			{Kind: standards, StandardID: aStandard, AssessmentKeys: []string{""}}, {Kind: standards, StandardID: aStandard, AssessmentKeys: []string{"00000000-0000-0000-0000-000000000000"}},
		},
		"ExpiresOn": {{Kind: standards, StandardID: aStandard, Category: "waiver", ExpiresOn: time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)}, {Kind: standards, StandardID: aStandard, Category: "waiver"}},
	} {
		for _, e := range exemptions {
			refuse(t.Context(), exemptSubscription, standardName, e, parameter)
		}
	}
	for scope, assigned := range map[string]string{"/subscriptions/" + subscriptionID(7): exemptSubscription, exemptSubscription: exemptSubscription + "/resourceGroups/rg"} {
		refuse(t.Context(), scope, standardName, armsecops.Exemption{Kind: policies, Category: "waiver", PolicyAssignmentID: assigned + strings.TrimPrefix(anAssignment, exemptSubscription), ExpiresOn: time.Now()}, "PolicyAssignmentID")
	}
	var none context.Context
	for _, e := range []armsecops.Exemption{{Kind: policies, Category: "waiver", PolicyAssignmentID: anAssignment}, {Kind: standards, StandardID: aStandard, Category: "waiver"}} {
		e.ExpiresOn = time.Now()
		refuse(t.Context(), "production", standardName, e, "scope")
		refuse(t.Context(), policyRow[1:], standardName, e, "scope")
		refuse(t.Context(), exemptSubscription, "a.b", e, "name")
		refuse(none, exemptSubscription, standardName, e, "ctx")
		assert.Regexp(t, "parameter (PolicyDefinitionReferenceIDs|AssessmentKeys) .* must not be empty without AllowWhole: it would be from ", errorOf(client.CreateOrUpdate(t.Context(), exemptSubscription, standardName, e, nil)))
	}
}

// What isn't an exemption is neither changed nor deleted.
func TestOnlyExemptionsAreRenewedAndDeleted(t *testing.T) {
	t.Parallel()
	body := `{"id":"` + standardRow + `","type":"Microsoft.Security/standardAssignments","properties":{"effect":"Audit"}}`
	client := newFactory(t, &azfake.TokenCredential{}, options(respond(200, body))).NewExemptionsClient()
	soon := time.Now().Add(time.Hour)
	for name, change := range map[string]func(ctx context.Context, id string) error{
		"Get":    func(ctx context.Context, id string) error { return errorOf(client.Get(ctx, id, nil)) },
		"Renew":  func(ctx context.Context, id string) error { return errorOf(client.Renew(ctx, id, soon, nil)) },
		"Delete": func(ctx context.Context, id string) error { return errorOf(client.Delete(ctx, id, nil)) },
	} {
		err := change(t.Context(), standardRow)
		require.ErrorIs(t, err, armsecops.ErrNotExemption, name)
		assert.EqualError(t, err, "ExemptionsClient."+name+`: StandardAssignmentsClient.Get: 200 OK: not an exemption: its effect is "Audit" (`+standardRow+")")
		assertParameterError(t, change(t.Context(), exemptSubscription), "id")
		assert.ErrorContains(t, change(t.Context(), ""), "ExemptionsClient."+name+": parameter id ")
	}
	refused := errorOf(client.CreateOrUpdate(t.Context(), exemptSubscription, standardName, armsecops.Exemption{Kind: armsecops.ExemptionKindStandardAssignment, StandardID: aStandard, Category: "c"}, refusing))
	require.ErrorIs(t, refused, armsecops.ErrNotExemption)
	assert.ErrorContains(t, refused, "ExemptionsClient.CreateOrUpdate: it exists: StandardAssignmentsClient.Get: 200 OK: not an exemption: ")
	exempt := respond(200, strings.Replace(body, "Audit", "Exempt", 1))
	writing := newFactory(t, &azfake.TokenCredential{}, options(script(t, exempt, respond(200, body), respond(201, body), lost, failWith(409)))).NewExemptionsClient()
	create := func() error {
		e := armsecops.Exemption{Kind: armsecops.ExemptionKindStandardAssignment, StandardID: aStandard, Category: "waiver"}
		return errorOf(writing.CreateOrUpdate(t.Context(), exemptSubscription, standardName, e, &armsecops.ExemptionsClientCreateOrUpdateOptions{AllowWhole: true, AllowEndless: true}))
	}
	for _, written := range []error{errorOf(writing.Renew(t.Context(), standardRow, soon, &armsecops.ExemptionsClientRenewOptions{Category: "waiver", AllowEarlier: true})), create()} {
		require.ErrorIs(t, written, armsecops.ErrUnexpectedResponse)
		require.NotErrorIs(t, written, armsecops.ErrNotExemption, "it may have been written")
	}
	conflict := create()
	require.ErrorIs(t, conflict, armsecops.ErrOutcomeUnknown)
	assert.ErrorContains(t, conflict, "ExemptionsClient.CreateOrUpdate: StandardAssignmentsClient.CreateOrUpdate: 409 Conflict")
	assert.Contains(t, armsecops.LogValue(conflict).String(), "operation=ExemptionsClient.CreateOrUpdate request=StandardAssignmentsClient.CreateOrUpdate kind=outcomeUnknown")
	object := json.RawMessage("{}")
	for _, expires := range []time.Time{{}, time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)} {
		assertParameterError(t, errorOf(client.Renew(t.Context(), standardRow, expires, &armsecops.ExemptionsClientRenewOptions{Metadata: object})), "expiresOn")
	}
	for id, metadata := range map[string][]json.RawMessage{standardRow: {object}, oldRow: {object}, policyRow: {[]byte("[]"), []byte("{"), []byte("null"), []byte("{}{}")}} {
		for _, m := range metadata {
			assertParameterError(t, errorOf(client.Renew(t.Context(), id, soon, &armsecops.ExemptionsClientRenewOptions{Metadata: m})), "Metadata")
		}
	}
	err := errorOf(client.Get(t.Context(), strings.Replace(standardRow, "aaaaaaaa", "x", 1), nil))
	assert.ErrorContains(t, err, "has an invalid scope: it must be below a subscription")
}
