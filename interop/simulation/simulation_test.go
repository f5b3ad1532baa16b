// Package simulation holds a listing across a large tenant against what latency,
// concurrency and Azure Resource Manager's limits allow at best.
//
// The tests run the client on a clock that takes no time. To write the page docs/simulation.md, in the interop folder:
//
//	go test -count 1 ./simulation -out ../../docs/simulation.md
package simulation

import (
	_ "embed"
	"flag"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"text/template"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
)

// The tenant, and Azure Resource Manager's limits for each subscription and principal.
const (
	subscriptions = 5000
	latency       = 50 * time.Millisecond // of a call
	burst         = 250                   // reads
	refill        = 25                    // reads in a second
)

var concurrencies = []int{1, 8, 32, 128, 512}

// subscription is one of the tenant.
type subscription struct {
	pages  int
	tokens float64   // in its bucket
	refill float64   // tokens in a second
	filled time.Time // zero: before the first call
}

// shortest returns how long its listing takes at least: each page after the one before, and none before there is a token for it.
func (s subscription) shortest() time.Duration {
	longest := time.Duration(0)
	for page := range s.pages {
		wait := max(0, float64(page+1)-s.tokens) / s.refill * float64(time.Second)
		longest = max(longest, time.Duration(wait)+time.Duration(s.pages-page)*latency)
	}
	return longest
}

// tenant is Azure as far as a listing sees it.
type tenant struct {
	ids   []string
	items string // of a page, as JSON

	traffic
	subscriptions map[string]*subscription
}

// traffic is what a service has seen.
type traffic struct {
	mu               sync.Mutex
	calls, throttled int // a throttled call is one that got a 429
	bytes            int // of the bodies of responses
}

// respond counts a response and returns it. The caller has the lock.
func (s *traffic) respond(req *http.Request, status int, body string, header ...string) (*http.Response, error) {
	s.calls++
	s.bytes += len(body)
	if status == http.StatusTooManyRequests {
		s.throttled++
	}
	return testkit.Respond(status, append([]string{body}, header...)...)(req)
}

// newTenant returns a tenant in which nine of ten subscriptions have one page of
// assignments, nearly all others two to ten, and five a hundred.
//   - shared: the part of the subscriptions that another program of that
//     principal reads: it keeps their buckets empty, and leaves a token a second
//     from the first call on; those with a hundred pages are spared
func newTenant(shared float64) *tenant {
	random := rand.New(rand.NewPCG(1, 1))
	t := &tenant{items: "{}", subscriptions: map[string]*subscription{}}
	for n := range subscriptions {
		s := &subscription{pages: 1, tokens: burst, refill: refill}
		switch {
		case n < 5:
			s.pages = 100
		case n < subscriptions/10:
			s.pages = 2 + random.IntN(9)
		}
		if random.Float64() < shared && s.pages < 100 {
			s.tokens, s.refill = 0, 1
		}
		id := fmt.Sprintf("5ec0ffee-0000-4000-8000-%012d", n)
		t.ids = append(t.ids, id)
		t.subscriptions[id] = s
	}
	random.Shuffle(len(t.ids), func(i, j int) { t.ids[i], t.ids[j] = t.ids[j], t.ids[i] })
	return t
}

// shortest returns how long a listing takes at least, with any client: the calls at the concurrency, and the longest listing.
func (t *tenant) shortest(concurrency int) time.Duration {
	longest := time.Duration(0)
	for _, s := range t.subscriptions {
		longest = max(longest, s.shortest())
	}
	return max(longest, time.Duration(t.pages())*latency/time.Duration(concurrency))
}

func (t *tenant) pages() (n int) {
	for _, s := range t.subscriptions {
		n += s.pages
	}
	return n
}

// Do responds to a call after the latency, if there is a token for it.
func (t *tenant) Do(req *http.Request) (*http.Response, error) {
	defer time.Sleep(latency) // without the lock
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.subscriptions[strings.Split(req.URL.Path, "/")[2]]
	now := time.Now()
	if s.filled.IsZero() {
		s.filled = now
	}
	s.tokens = min(burst, s.tokens+now.Sub(s.filled).Seconds()*s.refill)
	s.filled = now
	if s.tokens < 1 {
		const body = `{"error":{"code":"SubscriptionRequestsThrottled","message":"Too many requests."}}`
		return t.respond(req, http.StatusTooManyRequests, body, "Retry-After", strconv.Itoa(int(math.Ceil((1-s.tokens)/s.refill))))
	}
	s.tokens--
	page, _ := strconv.Atoi(req.URL.Query().Get("$skipToken"))
	link := ""
	if page+1 < s.pages {
		link = fmt.Sprintf(`,"nextLink":"https://%s%s?$skipToken=%d"`, req.URL.Host, req.URL.Path, page+1)
	}
	body := fmt.Sprintf(`{"value":[%s]%s}`, t.items, link)
	return t.respond(req, http.StatusOK, body, "x-ms-ratelimit-remaining-subscription-reads", strconv.Itoa(int(s.tokens)))
}

// listAcross lists the subscriptions to the end and returns the number of assignments.
func listAcross(t testing.TB, client *armsecops.SecurityAssignmentsClient, ids []string, concurrency int) int {
	options := &armsecops.SecurityAssignmentsClientListAcrossSubscriptionsOptions{Concurrency: concurrency}
	return count(t, client.ListAcrossSubscriptions(t.Context(), ids, options))
}

func count[T any](t testing.TB, listing iter.Seq2[T, error]) (items int) {
	for _, err := range listing {
		assert.NoError(t, err)
		items++
	}
	return items
}

// reading is one way to read the tenant, and what it took.
type reading struct {
	How                     string
	Items, Calls, Throttled int
	Took                    time.Duration
	Bytes                   int // of the bodies of responses
}

// readFunc reads all that a service has, and returns the number of items.
type readFunc = func(*testing.T, *armsecops.ClientOptions) int

// measure reads a service on a clock that takes no time.   - seen: its traffic
func measure(t *testing.T, how string, service policy.Transporter, seen *traffic, read readFunc) (r reading) {
	synctest.Test(t, func(t *testing.T) {
		options := &armsecops.ClientOptions{} // with the waits of the default
		options.Transport = service
		start, items := time.Now(), read(t, options)
		r = reading{how, items, seen.calls, seen.throttled, time.Since(start), seen.bytes}
	})
	return r
}

// result is one listing of the tenant.
type result struct {
	reading
	Concurrency int
	Shortest    time.Duration
}

// Ratio is how much longer than the shortest the listing took.
func (r result) Ratio() float64 { return r.Took.Seconds() / r.Shortest.Seconds() }

// simulate lists the tenant at each concurrency.
func simulate(t *testing.T, shared float64) (results []result) {
	for _, concurrency := range concurrencies {
		azure := newTenant(shared)
		shortest := azure.shortest(concurrency)
		r := measure(t, "", azure, &azure.traffic, func(t *testing.T, options *armsecops.ClientOptions) int {
			return listAcross(t, driver.NewAssignmentsClient(t, options), azure.ids, concurrency)
		})
		require.Equal(t, azure.pages(), r.Items)
		results = append(results, result{r, concurrency, shortest})
	}
	return results
}

var out = flag.String("out", "", "the file to write the page to")

//go:embed page.md.tmpl
var page string

func TestSimulation(t *testing.T) {
	alone, shared := simulate(t, 0), simulate(t, 0.02)
	for _, r := range alone {
		t.Logf("alone: %+v, ratio %.2f", r, r.Ratio())
		longest := 100 * latency // a long listing that is begun late can take the time once more
		assert.LessOrEqual(t, r.Took, time.Duration(1.05*float64(r.Shortest))+longest)
		assert.Zero(t, r.Throttled, "a listing alone doesn't reach the limit")
	}
	for _, r := range shared {
		t.Logf("shared: %+v, ratio %.2f", r, r.Ratio())
		assert.NotZero(t, r.Throttled)
		assert.Equal(t, alone[0].Calls+r.Throttled, r.Calls, "no page is asked for twice but where it is refused")
	}
	if *out == "" {
		return
	}
	text := render(t, page, map[string]any{
		"Subscriptions": subscriptions, "Pages": newTenant(0).pages(), "Burst": burst, "Refill": refill, "Latency": latency,
		"Alone": alone, "Shared": shared, "Go": runtime.Version(), "Date": time.Now().UTC().Format("2 January 2006"),
		"Memory":  testing.Benchmark(BenchmarkListAcrossInMemory).Extra[unit],
		"Network": testing.Benchmark(BenchmarkListAcrossOverTLS).Extra[unit],
		"Graph":   graphSection(t, compare(t), compareExemptions(t)),
	})
	require.NoError(t, os.WriteFile(*out, []byte(text), 0o644))
}

// render fills in a page.
func render(t *testing.T, page string, report map[string]any) string {
	functions := template.FuncMap{
		"milliseconds": func(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) },
		"seconds":      func(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) },
		"round":        func(f float64) string { return fmt.Sprintf("%.0f", math.Round(f/100)*100) },
		"places":       func(f float64) string { return fmt.Sprintf("%.0f", math.Round(f*latency.Seconds()/10)*10) },
		"size": func(n int) string {
			if n < 1e6 {
				return fmt.Sprintf("%.1f kB", float64(n)/1e3)
			}
			return fmt.Sprintf("%.1f MB", float64(n)/1e6)
		},
	}
	var text strings.Builder
	require.NoError(t, template.Must(template.New("").Funcs(functions).Parse(page)).Execute(&text, report))
	return text.String()
}

const unit = "subscriptions/s"

// item is an assignment with the members that a service fills in.
const item = `{"id":"/subscriptions/5ec0ffee-0000-4000-8000-000000000000/resourceGroups/security/providers/Microsoft.Security/assignments/exemption-0",` +
	`"name":"exemption-0","type":"Microsoft.Security/assignments","etag":"\"0a00d2b3-0000-0d00-0000-5ec0ffee0000\"","properties":{` +
	`"displayName":"Storage accounts behind the gateway","description":"The gateway has the control that the standard asks for.",` +
	`"assignedStandard":{"id":"/providers/Microsoft.Security/securityStandards/1f3afdf9-d0c9-4c3d-847f-89da613e70a8"},"effect":"Exempt",` +
	`"expiresOn":"2026-01-02T03:04:00.1234567Z","additionalData":{"exemptionCategory":"waiver"},"metadata":{"owner":"platform","reviewed":true,"ticket":0},` +
	`"scope":"/subscriptions/5ec0ffee-0000-4000-8000-000000000000"},"systemData":{` +
	`"createdBy":"alex@example.com","createdByType":"User","createdAt":"2026-01-02T03:04:00.1234567Z",` +
	`"lastModifiedBy":"alex@example.com","lastModifiedByType":"User","lastModifiedAt":"2026-01-02T03:04:00.1234567Z"}}`

// tenItems are those of a page, some 8 KB.
var tenItems = strings.TrimSuffix(strings.Repeat(item+",", itemsOfPage), ",")

// pageOfTen is a page of ten assignments.
var pageOfTen = `{"value":[` + tenItems + "]}"

// benchmarkListAcross measures how many subscriptions with a page of ten assignments one core lists in a second.
func benchmarkListAcross(b *testing.B, client *armsecops.SecurityAssignmentsClient) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	ids, listed := newTenant(0).ids, 0
	for b.Loop() {
		listAcross(b, client, ids, 64)
		listed += len(ids)
	}
	b.ReportMetric(float64(listed)/b.Elapsed().Seconds(), unit)
}

func BenchmarkListAcrossInMemory(b *testing.B) {
	benchmarkListAcross(b, driver.NewAssignmentsClient(b, driver.Options(testkit.Respond(http.StatusOK, pageOfTen))))
}

// The server shares the core, so that a client alone does more.
func BenchmarkListAcrossOverTLS(b *testing.B) {
	body := []byte(pageOfTen)
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })
	benchmarkListAcross(b, driver.NewAssignmentsClient(b, driver.NewTLSServer(b, handler, true)))
}
