package simulation

import (
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
	"github.com/armsecops/armsecops/test/faults"
)

// The quota of Azure Resource Graph for a principal.
const (
	quota       = 15 // queries
	quotaWindow = 5 * time.Second
)

const rowsOfQuery = 1000

// graph is Azure Resource Graph with the rows of a tenant.
type graph struct {
	rows    int
	matches int           // rows that a predicate of the caller matches
	latency time.Duration // of a query

	traffic
	window time.Time // when the quota was reset
	used   int       // since then
}

func (g *graph) Do(req *http.Request) (*http.Response, error) {
	var query struct {
		Query   string
		Options struct {
			SkipToken string `json:"$skipToken"`
		}
	}
	if err := json.NewDecoder(req.Body).Decode(&query); err != nil {
		return nil, err
	}
	rows := g.rows
	if strings.Contains(query.Query, "few") || strings.Contains(query.Query, "expiresOn") {
		rows = g.matches
	}
	var kind armsecops.ExemptionKind
	for _, k := range armsecops.PossibleExemptionKindValues() {
		if strings.Contains(query.Query, "'"+strings.ToLower(string(k))+"'") {
			kind = k
		}
	}
	row := strings.ReplaceAll(row(), string(armsecops.ExemptionKindAssignment), string(kind))
	first, _ := strconv.Atoi(query.Options.SkipToken)
	n, token := min(rowsOfQuery, rows-first), ""
	if first+n < rows {
		token = fmt.Sprintf(`,"$skipToken":"%d"`, first+n)
	}
	body := fmt.Sprintf(`{"totalRecords":%d,"count":%d,"data":[%s],"facets":[],"resultTruncated":"false"%s}`,
		rows, n, strings.TrimSuffix(strings.Repeat(row+",", n), ","), token)
	defer time.Sleep(g.latency) // without the lock
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if now.Sub(g.window) >= quotaWindow {
		g.window, g.used = now, 0
	}
	status := http.StatusOK
	if g.used == quota {
		status = http.StatusTooManyRequests
		body = `{"error":{"code":"RateLimiting","message":"Please provide below info when asking for support."}}`
	} else {
		g.used++
	}
	left := quotaWindow - now.Sub(g.window)
	return g.respond(req, status, body, "x-ms-user-quota-remaining", strconv.Itoa(quota-g.used),
		"x-ms-user-quota-resets-after", fmt.Sprintf("00:00:%02.0f", math.Ceil(left.Seconds())))
}

// row is an assignment as Azure Resource Graph has it.
var row = sync.OnceValue(func() string {
	var columns map[string]any
	_ = json.Unmarshal([]byte(item), &columns) // a nil map would panic
	delete(columns, "etag")
	delete(columns, "systemData")
	columns["tenantId"], columns["subscriptionId"] = "5ec0ffee-0000-4000-8000-000000000000", "5ec0ffee-0000-4000-8000-000000000000"
	columns["resourceGroup"], columns["kind"], columns["location"], columns["tags"] = "security", "", "", nil
	text, _ := json.Marshal(columns) // of JSON
	return string(text)
})

const (
	itemsOfPage  = 10
	slowQuery    = 500 * time.Millisecond
	matchedOfAll = 12
)

// newFullTenant returns a tenant that another program reads, too, with whole assignments.
func newFullTenant() *tenant {
	azure := newTenant(0.02)
	azure.items = tenItems
	return azure
}

// compare reads the same tenant by listings of its subscriptions and by queries.
func compare(t *testing.T) (results []reading) {
	for _, concurrency := range []int{8, 32, 128} {
		azure := newFullTenant()
		how := fmt.Sprintf("`ListAcrossSubscriptions`, %d at a time", concurrency)
		results = append(results, measure(t, how, azure, &azure.traffic, func(t *testing.T, options *armsecops.ClientOptions) int {
			return listAcross(t, driver.NewAssignmentsClient(t, options), azure.ids, concurrency)
		}))
	}
	total := newTenant(0).pages() * itemsOfPage
	type queryOptions = armsecops.ResourceGraphOptions
	queries := []struct {
		how     string
		latency time.Duration
		options queryOptions
	}{
		{"`NewResourceGraphPager`", slowQuery, queryOptions{}},
		{"`NewResourceGraphPager`, queries as fast as calls", latency, queryOptions{}},
		{"`NewResourceGraphPager` with 5,000 `SubscriptionIDs`", slowQuery, queryOptions{SubscriptionIDs: newTenant(0).ids}},
		{"`NewResourceGraphPager` with a `Where` that few match", slowQuery, queryOptions{Where: "few"}},
	}
	for _, q := range queries {
		azure := &graph{rows: total, matches: matchedOfAll, latency: q.latency}
		if n := len(q.options.SubscriptionIDs) / rowsOfQuery; n > 1 {
			azure.rows = total / n // of each query
		}
		results = append(results, measure(t, q.how, azure, &azure.traffic, func(t *testing.T, options *armsecops.ClientOptions) int {
			return count(t, driver.NewAssignmentsClient(t, options).NewResourceGraphPager(&q.options).All(t.Context()))
		}))
	}
	return results
}

// compareExemptions reads the exemptions of all three kinds by three listings of each subscription and by ExemptionsClient.
func compareExemptions(t *testing.T) (results []reading) {
	for _, concurrency := range []int{1, 32} {
		azure := newFullTenant()
		how := fmt.Sprintf("three listings of each subscription, %d at a time", concurrency)
		results = append(results, measure(t, how, azure, &azure.traffic, func(t *testing.T, options *armsecops.ClientOptions) int {
			return listKinds(t, options, azure.ids, concurrency)
		}))
	}
	for _, q := range []struct {
		how    string
		before time.Time
	}{
		{"`ExemptionsClient`", time.Time{}},
		{"`ExemptionsClient` with `ExpiresBefore`, which few match", time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)},
	} {
		azure := &graph{rows: newTenant(0).pages() * itemsOfPage, matches: matchedOfAll, latency: slowQuery}
		results = append(results, measure(t, q.how, azure, &azure.traffic, func(t *testing.T, options *armsecops.ClientOptions) int {
			client := testkit.Must(armsecops.NewExemptionsClient(&azfake.TokenCredential{}, options))
			return count(t, client.NewListPager(&armsecops.ExemptionsClientListOptions{ExpiresBefore: q.before}).All(t.Context()))
		}))
	}
	return results
}

// listKinds lists the three kinds in every subscription and returns the number of exemptions.
func listKinds(t *testing.T, options *armsecops.ClientOptions, ids []string, concurrency int) int {
	factory := driver.NewFactory(t, &azfake.TokenCredential{}, options)
	o := &armsecops.ListAcrossSubscriptionsOptions{Concurrency: concurrency}
	return count(t, factory.NewPolicyExemptionsClient().ListAcrossSubscriptions(t.Context(), ids, o)) +
		count(t, factory.NewStandardAssignmentsClient().ListAcrossSubscriptions(t.Context(), ids, o)) +
		listAcross(t, driver.NewAssignmentsClient(t, options), ids, concurrency)
}

var graphOut = flag.String("graph-out", "", "the file whose section on Azure Resource Graph to write")

//go:embed graph.md.tmpl
var graphPage string

func TestQueryTakesFewerCallsThanListing(t *testing.T) {
	results, exemptions := compare(t), compareExemptions(t)
	for _, r := range slices.Concat(results, exemptions) {
		t.Logf("%+v", r)
	}
	listing, query, filtered := results[0], results[3], results[6]
	assert.Equal(t, listing.Items, query.Items)
	assert.Less(t, 90*query.Calls, listing.Calls)
	assert.Equal(t, []int{matchedOfAll, 1}, []int{filtered.Items, filtered.Calls})
	assert.NotZero(t, results[4].Throttled, "fast queries use up the quota")
	byHand, all, expiring := exemptions[1], exemptions[2], exemptions[3]
	assert.Equal(t, byHand.Items, all.Items)
	assert.Less(t, 90*all.Calls, byHand.Calls)
	assert.Equal(t, []int{3 * matchedOfAll, 3}, []int{expiring.Items, expiring.Calls})
	if *graphOut == "" {
		return
	}
	section := testkit.Must(faults.Section(testkit.ReadFile(t, *graphOut), "graph", graphSection(t, results, exemptions)))
	require.NoError(t, os.WriteFile(*graphOut, []byte(section), 0o644))
}

// graphSection returns the section of the page.
func graphSection(t *testing.T, results, exemptions []reading) string {
	return render(t, graphPage, map[string]any{
		"Results": results, "Exemptions": exemptions, "Subscriptions": subscriptions, "Latency": latency, "Slow": slowQuery,
		"Quota": quota, "Window": quotaWindow, "ItemsOfPage": itemsOfPage, "Go": runtime.Version(),
	})
}
