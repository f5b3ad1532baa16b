//go:build !race

package fake_test

import (
	"flag"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
	body := `{"properties":{"displayName":"` + strings.Repeat("x", 70<<10) + `"}}`
	send := func(n int) {
		for i := range n {
			method, url, text := http.MethodGet, jobURL, ""
			switch {
			case i%1000 == 0: // a body that is kept as its hash
				method, url, text = http.MethodPut, assignmentURL, body
			case i%10 == 1: // a page of an override, which has a next one
				url = jobsURL
			case i%10 == 2:
				srv.Inject(fake.Fault{StatusCode: http.StatusServiceUnavailable})
			}
			req := newRequest(t, method, url, text)
			resp, err := srv.Do(req)
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
	before := heap()
	send(*requestsFlag)
	after := heap()
	t.Logf("%d requests: from %d to %d KiB", *requestsFlag, before>>10, after>>10)
	assert.Less(t, after-before, int64(1<<20))
	assert.Len(t, srv.Requests(), 1000)
}
