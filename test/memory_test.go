package test

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/testkit"
)

// A listing of a million assignments takes no more memory than one of a tenth
// of them. Not parallel: the tests share the heap.
func TestListingTakesNoMoreMemoryWithItsLength(t *testing.T) {
	if testing.Short() || testkit.RaceEnabled {
		t.Skip("decodes a gigabyte")
	}
	const pages, items = 1000, 1000
	document := string(readExchanges(t, "assignments_get")[0].Response.Body)
	body := `{"value":[` + strings.Repeat(document+",", items-1) + document + `],"nextLink":"`
	pager := newAssignmentsClient(t, options(transportFunc(func(req *http.Request) (*http.Response, error) {
		page, _ := strconv.Atoi(req.URL.Query().Get("$skipToken"))
		link := ""
		if page++; page < pages {
			link = fmt.Sprintf("?$skipToken=%d", page)
		}
		resp, err := respond(200)(req)
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(body), strings.NewReader(link+`"}`)))
		return resp, err
	}))).NewListBySubscriptionPager(nil)

	var heap, goroutines []int
	read := 0
	for n := 1; pager.More(); n++ {
		page, err := pager.NextPage(t.Context())
		require.NoError(t, err)
		read += len(page.Value)
		if n == pages/10 || n == pages {
			heap = append(heap, liveHeap())
			goroutines = append(goroutines, runtime.NumGoroutine())
		}
	}
	assert.Equal(t, pages*items, read)
	require.Len(t, heap, 2)
	t.Logf("live heap at page %d: %d bytes, at page %d: %d bytes", pages/10, heap[0], pages, heap[1])
	assert.Less(t, heap[1]-heap[0], pages*500, "bytes that nine hundred pages left behind: no more than their links")
	assert.Equal(t, goroutines[0], goroutines[1])
}

// liveHeap returns the bytes that are still in use after a collection.
func liveHeap() int {
	runtime.GC()
	runtime.GC() // what finalizers and pools held on to
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}
