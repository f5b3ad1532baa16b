package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/commandtest"
	"github.com/armsecops/armsecops/fake"
)

// With no request for a kind that is not asked for.
func TestGraphFindsWhatListFinds(t *testing.T) {
	t.Parallel()
	subscriptions := tenantSubscription(3) + " " + tenantSubscription(4)
	for args, want := range map[string]struct{ exemptions, requests int }{ // a request is for up to five rows of a kind
		"":                    {25, 6},
		"-effect=":            {30, 7},
		"-effect attest":      {5, 2},
		"-expires-within 16d": {4, 3},
		"-category Mitigated": {5, 6},
		"-category waiver -effect exempt -expires-within 15d": {3, 3},
		"-kind ASSIGNMENT": {9, 2},
		subscriptions:      {2, 3},
		"-inherited -kind policy " + subscriptions: {2, 1},
	} {
		q, err := parseQuery(t.Context(), "list", strings.Fields(args), nil)
		require.NoError(t, err)
		s, _, _ := commandtest.Streams()
		graph, err := q.collect(t.Context(), s.Err)
		require.NoError(t, err)
		assert.Len(t, graph, want.exemptions, args)
		assert.Len(t, q.memory.Requests(), want.requests, args)
		assert.NotContains(t, methods(q.connection), http.MethodGet, "but queries")
		q, err = parseQuery(t.Context(), "list", strings.Fields("-via list "+args), nil)
		require.NoError(t, err)
		list, _ := q.collect(t.Context(), s.Err) // three subscriptions fail
		graph = slices.DeleteFunc(graph, func(e armsecops.Exemption) bool { return e.SubscriptionID == "" && !q.inherited })
		require.Len(t, list, len(graph), args)
		for i, e := range list {
			assert.Equal(t, graph[i].ID, e.ID)
			if e.SubscriptionID != "" && e.Kind != armsecops.ExemptionKindPolicyExemption { // whose rows have no systemData
				e.Properties, graph[i].Properties = nil, nil
				assert.Equal(t, graph[i], e)
			}
		}
	}
}

// A kind of which rows are missing doesn't keep the others from being listed; after any other failure the program stops.
func TestRowsBesideAFailureArePrinted(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault fake.Fault
		rows  int
		want  string
	}{
		"incomplete": {fake.Fault{NextLink: fake.NextLinkTruncated}, 19, "exemptions of kind standard: ExemptionsClient.NewListPager: 200 OK: incomplete result: "},
		"refused":    {fake.Fault{StatusCode: http.StatusForbidden}, 5, "exemptions of kind standard: ExemptionsClient.NewListPager: 403 Forbidden"},
	} {
		n := newConnection(t)
		test.fault.Operation, test.fault.Skip = "ExemptionsClient.NewListPager", 1 // the page of policy exemptions
		n.memory.Inject(test.fault)
		code, stdout, stderr := execute(t, n, "", "-o", "ids")
		assert.Equal(t, 1, code)
		assert.Equal(t, test.rows, strings.Count(stdout, "\n"), name)
		assert.Contains(t, stderr, test.want, name)
		assert.NotContains(t, stderr, unreadable)
	}
}

// Recommendations whose names can't be read are shown by their keys.
func TestNamesAreNotRequired(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"AssessmentsMetadataClient.NewListPager", "AssessmentsMetadataClient.GetInSubscription"} {
		n := newConnection(t)
		n.memory.Inject(fake.Fault{Operation: operation, StatusCode: http.StatusForbidden})
		succeed(t, n, "", "-o", "ids") // asks for none
		code, stdout, stderr := execute(t, n, "", "list")
		assert.Zero(t, code)
		assert.Regexp(t, `build-20 +`+recommendations[2].key, stdout)
		assert.Contains(t, stderr, "Some recommendations are without their names: "+operation+": 403 Forbidden")
	}
}

// A role can allow one kind and not another. Of each, -verify lists a page.
func TestVerifyNamesTheKindThatFails(t *testing.T) {
	t.Parallel()
	n := newConnection(t)
	for i := range 6 { // more than a page
		putPolicyExemption(n.memory, "/subscriptions/"+tenantSubscription(4), i, n.now)
	}
	n.memory.Inject(fake.Fault{Operation: "StandardAssignmentsClient.NewListPager", StatusCode: http.StatusForbidden})
	code, stdout, stderr := execute(t, n, "", "-verify", "-o", "ids", tenantSubscription(4))
	assert.Equal(t, []int{1, 7}, []int{code, strings.Count(stdout, "\n")})
	assert.Contains(t, stderr, "subscription "+tenantSubscription(4)+": exemptions of kind standard: StandardAssignmentsClient.NewListPager: 403 Forbidden")
	assert.Equal(t, 3, strings.Count(strings.Join(methods(n), " "), http.MethodGet))
}
