package armsecops_test

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// A listing of a million assignments takes no more memory than one of a tenth
// of them. Not parallel: the heap is everybody's.
func TestListingIsFlat(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("decodes a gigabyte")
	}
	const pages, items = 1000, 1000
	document := string(readRecorded(t, "assignments_get").Response.Body)
	body := `{"value":[` + strings.Repeat(document+",", items-1) + document + `],"nextLink":"`
	pager := newAssignmentsClient(t, options(transportFunc(func(req *http.Request) (*http.Response, error) {
		page, _ := strconv.Atoi(req.URL.Query().Get("$skipToken"))
		link := ""
		if page++; page < pages {
			link = fmt.Sprintf("?$skipToken=%d", page)
		}
		resp, err := answer(200, "")(req)
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
	assert.Less(t, heap[1]-heap[0], 64<<10, "bytes that nine hundred pages left behind")
	assert.Equal(t, goroutines[0], goroutines[1])
}

// A page that All goes through takes less memory than one that is handed out,
// and less and less of it. Not parallel: the heap is everybody's.
func TestPageInMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates, too")
	}
	body := pageOfAssignments(1000)
	list := func() *armsecops.Pager[armsecops.Assignment] {
		return newAssignmentsClient(t, options(answer(200, body))).NewListBySubscriptionPager(nil)
	}
	before := liveHeap()
	page, err := list().NextPage(t.Context())
	require.NoError(t, err)
	whole := liveHeap() - before
	runtime.KeepAlive(page)

	page.Value = nil
	before = liveHeap()
	var first, last, n int
	for _, err := range list().All(t.Context()) {
		require.NoError(t, err)
		switch n++; n {
		case 1:
			first = liveHeap() - before
		case 1000:
			last = liveHeap() - before
		}
	}
	t.Logf("live heap of a page: %d bytes; in All, at its first item: %d bytes, at its last: %d bytes", whole, first, last)
	assert.Less(t, first*4, whole*3)
	assert.Less(t, last*3, whole)
}

// A string that is kept keeps two kilobytes of others in memory, and not its page.
// Not parallel: the heap is everybody's.
func TestKeptStrings(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates, too")
	}
	body := pageOfAssignments(100)
	kept := make([]string, 200)
	before := liveHeap()
	for i := range kept {
		var page armsecops.AssignmentList
		name := fmt.Sprintf("%08x", i)
		require.NoError(t, json.Unmarshal([]byte(strings.ReplaceAll(body, "1f3afdf9", name)), &page))
		kept[i] = page.Value[i%len(page.Value)].Name
	}
	each := (liveHeap() - before) / len(kept)
	runtime.KeepAlive(kept)
	t.Logf("%d bytes for a name", each)
	assert.LessOrEqual(t, each, 2200)
}

// liveHeap returns the bytes that are still in use after a collection.
func liveHeap() int {
	runtime.GC()
	runtime.GC() // what finalizers and pools held on to
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}
