package main

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/examples/internal/commandtest"
	"github.com/armsecops/armsecops/fake"
)

func parseGraphQuery(t *testing.T, args ...string) (query, *fake.Server) {
	t.Helper()
	q, err := parseQuery(args, strings.NewReader(""))
	require.NoError(t, err)
	return q, q.connection.options.Transport.(tenant).Server
}

func TestGraphFindsWhatListFinds(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		want int // exemptions
	}{
		"exemptions":    {nil, 51},
		"all":           {[]string{"-effect", ""}, 66},
		"attestations":  {[]string{"-effect", "attest"}, 5},
		"soon expired":  {[]string{"-expires-within", "30d"}, 7},
		"category":      {[]string{"-category", "Mitigated"}, 20},
		"all of them":   {[]string{"-category", "waiver", "-effect", "exempt", "-expires-within", "15d"}, 4},
		"subscriptions": {[]string{tenantSubscription(3), tenantSubscription(4)}, 5},
		"nothing":       {[]string{"-category", "other"}, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, server := parseGraphQuery(t, test.args...)
			s, _, _ := commandtest.Streams()
			graph, err := q.collect(t.Context(), s.Err)
			require.NoError(t, err)
			assert.Len(t, graph, test.want)
			for _, r := range server.Requests() {
				assert.Contains(t, r.Operation, "NewResourceGraphPager")
			}

			q, _ = parseGraphQuery(t, append([]string{"-via", "list"}, test.args...)...)
			list, _ := q.collect(t.Context(), s.Err) // three subscriptions fail
			for _, found := range [][]exemption{graph, list} {
				for i := range found {
					found[i].resource = nil // without etag in Azure Resource Graph
				}
			}
			assert.Equal(t, list, graph)
		})
	}
}

func TestFilterIsAPredicate(t *testing.T) {
	t.Parallel()
	until := time.Date(2026, 7, 1, 2, 0, 0, 999, time.FixedZone("", 7200))
	const column = "properties.exemptionData.exemptionCategory"
	tests := map[string]struct {
		filter filter
		want   string
	}{
		"empty":       {filter{}, ""},
		"effect":      {filter{effect: "Exempt"}, "properties.effect =~ 'Exempt'"},
		"category":    {filter{category: "waiver"}, column + " =~ 'waiver'"},
		"expiry":      {filter{expiresUntil: until}, "todatetime(properties.expiresOn) <= datetime(2026-07-01T00:00:00Z)"},
		"two of them": {filter{effect: "Exempt", category: "waiver"}, "properties.effect =~ 'Exempt' and " + column + " =~ 'waiver'"},
		"quotes":      {filter{effect: `' or '\`}, `properties.effect =~ '\' or \'\\'`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, test.filter.where(column))
		})
	}
}

func TestRowsBeforeAFailureArePrinted(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault fake.Fault
		rows  int
	}{
		"a later page":         {fake.Fault{Operation: "SecurityAssignmentsClient.NewResourceGraphPager", Skip: 2}, 4},
		"standard assignments": {fake.Fault{Operation: "StandardAssignmentsClient.NewResourceGraphPager"}, 46},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, server := parseGraphQuery(t, "-o", "csv")
			test.fault.StatusCode = http.StatusForbidden
			server.Inject(test.fault)
			s, stdout, stderr := commandtest.Streams()
			assert.Equal(t, 1, q.Exit(q.run(t.Context(), s), s))
			assert.Equal(t, 1+test.rows, strings.Count(stdout.String(), "\n"))
			assert.Contains(t, stderr.String(), test.fault.Operation+": 403 Forbidden")
			assert.NotContains(t, stderr.String(), freshness)
		})
	}
}

func TestProgressCountsRows(t *testing.T) {
	t.Parallel()
	q, _ := parseGraphQuery(t, "-expires-within", "30d")
	var progress bytes.Buffer
	_, err := q.collect(t.Context(), commandtest.Terminal(&progress, 100))
	require.NoError(t, err)
	assert.Equal(t, "\rassignments: 2 of 6 rows\rassignments: 4 of 6 rows\rassignments: 6 of 6 rows\rstandardAssignments: 1 of 1 row",
		progress.String())
}

// Each of several queries has a total of its own.
func TestProgressOfManySubscriptionsHasNoTotal(t *testing.T) {
	t.Parallel()
	var ids strings.Builder
	for n := range 1001 {
		fmt.Fprintln(&ids, tenantSubscription(n+1))
	}
	q, err := parseQuery([]string{"-expires-within", "30d", "-"}, strings.NewReader(ids.String()))
	require.NoError(t, err)
	q.connection.options.Transport.(tenant).AddSubscription(tenantSubscription(1001)) // the only one of the second query
	var progress bytes.Buffer
	found, err := q.collect(t.Context(), commandtest.Terminal(&progress, 100))
	require.NoError(t, err)
	assert.Len(t, found, 7)
	assert.Contains(t, progress.String(), "\rassignments: 6 rows")
	assert.NotContains(t, progress.String(), " of ")
}
