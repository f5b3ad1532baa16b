package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// measured returns a measurement of two benchmarks, six runs each. Microsoft's
// client takes ten times as long in the first one, and as long in the second.
func measured(t *testing.T) *measurement {
	t.Helper()
	var output strings.Builder
	output.WriteString("goos: linux\ncpu: Example <1>\n")
	for i := range 6 {
		fmt.Fprintf(&output, "BenchmarkListPage/items=1000/client=armsecops-2 \t 10 \t %d ns/op \t 100 B/op \t 5 allocs/op\n", 1_000_000+i)
		fmt.Fprintf(&output, "BenchmarkListPage/items=1000/client=microsoft-2 \t 10 \t %d ns/op \t 300 B/op \t 50 allocs/op\n", 10_000_000+i)
		fmt.Fprintf(&output, "BenchmarkListPage/items=1000/client=floor-validate-2 \t 10 \t %d ns/op \t 0 B/op \t 0 allocs/op\n", 250_000+i)
		fmt.Fprintf(&output, "BenchmarkError/client=armsecops-2 \t 10 \t %d ns/op\n", 500+i)
		fmt.Fprintf(&output, "BenchmarkError/client=microsoft-2 \t 10 \t %d ns/op\n", 500+i)
	}
	output.WriteString("BenchmarkPeakHeap/pages=100/items=1000/client=armsecops-2 \t 1 \t 1048576 peak-B\n")
	output.WriteString("BenchmarkPeakHeap/pages=100/items=1000/client=microsoft-2 \t 1 \t 3145728 peak-B\n")
	m := &measurement{GoVersion: "go1.0", Cores: 2, samples: map[key][]float64{}}
	require.NoError(t, m.read(strings.NewReader(output.String())))
	return m
}

func TestMeasurement(t *testing.T) {
	t.Parallel()
	m := measured(t)
	const page = "ListPage/items=1000"
	assert.Equal(t, "Example <1>", m.CPU)
	assert.Equal(t, "10.0×", m.ratio(page, theirs, ours, unitTime))
	assert.Equal(t, "10.0×", m.ratio(page, theirs, ours, unitAllocations))
	assert.Equal(t, "3.0×", m.ratio(page, theirs, ours, unitBytes))
	assert.Equal(t, "4.0×", m.ratio(page, ours, floorValidate, unitTime))
	assert.Equal(t, "~1.0×", m.ratio("Error", theirs, ours, unitTime), "no difference that the runs show")
	assert.Empty(t, m.ratio(page, ours, floorPipeline, unitTime), "not measured")
	assert.Equal(t, "1.000 ms ±0%", m.show(page, ours, unitTime))
	assert.Equal(t, "1.000 MiB", m.show(heap, ours, unitPeak), "one run has no interval")
}

func TestReport(t *testing.T) {
	t.Parallel()
	r := report{Date: "1 January 2026", Count: 6, Benchtime: "200ms", Measurements: []*measurement{measured(t)}}

	var page strings.Builder
	require.NoError(t, r.writePage(&page))
	assert.Contains(t, page.String(), "| List call, page of 1,000 assignments | 1.000 ms ±0% | 10.00 ms ±0% | 10.0× | 10.0× | 3.0× | 4.0× validation |\n")
	assert.Contains(t, page.String(), "1.000 MiB, with Microsoft's client 3.000 MiB (3.0× as much)")
	assert.NotContains(t, page.String(), "Jobs Delete", "what was not measured is left out")

	var chart strings.Builder
	require.NoError(t, r.writeChart(&chart))
	assert.Contains(t, chart.String(), `<rect class="armsecops" x="250" y="76" width="40.0"`)
	decoder := xml.NewDecoder(strings.NewReader(chart.String()))
	for {
		if _, err := decoder.Token(); err == io.EOF {
			break
		} else {
			require.NoError(t, err)
		}
	}
}
