//go:build !race

package fake_test

import (
	"flag"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

var requestsFlag = flag.Int("requests", 100_000, "`number` of requests of TestRequestsDontGrowTheHeap")

// Not parallel: it measures the heap of the process.
func TestRequestsDontGrowTheHeap(t *testing.T) {
	if testing.Short() {
		t.Skip("sends 100,000 requests")
	}
	srv := fake.NewServer(&fake.ServerOptions{MaxRequests: 1000, Samples: true, PageSize: 1})
	overrideJobList(srv, 2)
	srv.Put(jobID, armsecops.Job{})
	body := `{"properties":{"displayName":"` + strings.Repeat("x", 70<<10) + `"}}`
	const query = `{"query":"policyresources | project id | order by name asc"}`
	send := func(n int) {
		for i := range n {
			method, url, text := http.MethodGet, jobURL, ""
			switch i % 10 {
			case 1: // a page of an override, which has a next one
				url = jobsURL
			case 2:
				srv.Inject(fake.Fault{StatusCode: http.StatusServiceUnavailable})
			case 3:
				method, url, text = http.MethodPut, assignmentURL, "{}"
			case 4: // and with it the resource
				method, url = http.MethodDelete, assignmentURL
			case 5: // a query, each of which keeps its result for the next page
				method, url, text = http.MethodPost, graphURL, strings.Replace(query, "id", fmt.Sprintf("id, c%d = 1", i), 1)
			}
			if i%1000 == 0 { // a body that is kept as its hash
				method, url, text = http.MethodPut, assignmentURL, body
			}
			resp, err := srv.Do(newRequest(t, method, url, text))
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
		}
	}
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	send(10_000)
	before, most := heap(), int64(0)
	for i := range 10 {
		send(*requestsFlag / 10)
		after := heap()
		most = max(most, after)
		t.Logf("%d requests: from %d to %d KiB", *requestsFlag/10*(i+1), before>>10, after>>10)
	}
	assert.Less(t, most-before, int64(1<<20))
	assert.Len(t, srv.Requests(), 1000)
}
