package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/commandtest"
	"github.com/armsecops/armsecops/fake"
)

func TestGraphFindsWhatListFinds(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		want int // exemptions
	}{
		"exemptions":    {nil, 25},
		"all":           {[]string{"-effect", ""}, 30},
		"attestations":  {[]string{"-effect", "attest"}, 5},
		"soon expired":  {[]string{"-expires-within", "16d"}, 4},
		"category":      {[]string{"-category", "Mitigated"}, 5},
		"all of them":   {[]string{"-category", "waiver", "-effect", "exempt", "-expires-within", "15d"}, 3},
		"kind":          {[]string{"-kind", "assignment"}, 9},
		"subscriptions": {[]string{tenantSubscription(3), tenantSubscription(4)}, 2},
		"inherited":     {[]string{"-inherited", "-kind", "policy", tenantSubscription(3), tenantSubscription(4)}, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, err := parseQuery("list", test.args, strings.NewReader(""))
			require.NoError(t, err)
			s, _, _ := commandtest.Streams()
			graph, err := q.collect(t.Context(), s.Err)
			require.NoError(t, err)
			assert.Len(t, graph, test.want)
			assert.NotContains(t, methods(q.connection), http.MethodGet, "but queries")

			q, err = parseQuery("list", append([]string{"-via", "list"}, test.args...), strings.NewReader(""))
			require.NoError(t, err)
			list, _ := q.collect(t.Context(), s.Err) // three subscriptions fail
			want := []string{}
			for _, e := range graph {
				if e.SubscriptionID != "" || q.inherited {
					want = append(want, e.ID)
				}
			}
			var got []string
			for _, e := range list {
				got = append(got, e.ID)
			}
			assert.Equal(t, want, got)
			for _, e := range list {
				if e.SubscriptionID == "" || e.Kind == armsecops.ExemptionKindPolicyExemption {
					continue // whose rows have no systemData
				}
				for _, other := range graph {
					if other.ID == e.ID {
						e.Properties, other.Properties = nil, nil
						assert.Equal(t, other, e)
					}
				}
			}
		})
	}
}

func TestKindsThatAreNotAskedForCostNoRequest(t *testing.T) {
	t.Parallel()
	for requests, args := range map[int][]string{
		1: {"-kind", "policy", "-expires-within", "30d", "-o", "ids"},
		2: {"-effect", "attest", "-o", "ids"},
		3: {"-expires-within", "30d", "-o", "ids"},
	} {
		n := newConnection(t)
		code, _, _ := execute(t, n, "", args...)
		assert.Zero(t, code)
		assert.Len(t, n.memory.Requests(), requests, args)
	}
}

// A kind of which rows are missing doesn't keep the others from being listed; after
// any other failure the program stops.
func TestRowsBesideAFailureArePrinted(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault fake.Fault
		rows  int
		want  string
	}{
		"incomplete": {fake.Fault{NextLink: fake.NextLinkTruncated}, 19, "-kind standard: ExemptionsClient.NewListPager: 200 OK: incomplete result: "},
		"refused":    {fake.Fault{StatusCode: http.StatusForbidden}, 5, "-kind standard: ExemptionsClient.NewListPager: 403 Forbidden"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newConnection(t)
			test.fault.Operation, test.fault.Skip = "ExemptionsClient.NewListPager", 1 // the page of policy exemptions
			n.memory.Inject(test.fault)
			code, stdout, stderr := execute(t, n, "", "-o", "ids")
			assert.Equal(t, 1, code)
			assert.Equal(t, test.rows, strings.Count(stdout, "\n"))
			assert.Contains(t, stderr, test.want)
			assert.NotContains(t, stderr, unreadable)
		})
	}
}

// Recommendations whose names can't be read are shown by their keys.
func TestNamesAreNotRequired(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"AssessmentsMetadataClient.NewListPager", "AssessmentsMetadataClient.GetInSubscription"} {
		n := newConnection(t)
		n.memory.Inject(fake.Fault{Operation: operation, StatusCode: http.StatusForbidden})
		code, stdout, stderr := execute(t, n, "", "list")
		assert.Zero(t, code)
		assert.Regexp(t, `build-20 +`+recommendations[2].key, stdout)
		assert.Contains(t, stderr, "Some recommendations are without their names: "+operation+": 403 Forbidden")
	}
}
