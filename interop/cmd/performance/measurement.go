package main

import (
	"fmt"
	"io"
	"runtime"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
)

// measurement is what the benchmarks said on one toolchain.
type measurement struct {
	GoVersion, CPU string
	Cores          int

	toolchain string
	samples   map[key][]float64
}

// key is one number of a benchmark.
type key struct {
	work   string // the benchmark, without the client and the number of processors
	client string
	unit   string
}

// The clients that are compared, by their names in the benchmarks.
const (
	ours          = "armsecops"
	theirs        = "microsoft"
	floorPipeline = "floor-pipeline"
	floorValidate = "floor-validate"
)

// The units that are reported.
const (
	unitTime        = "sec/op"
	unitBytes       = "B/op"
	unitAllocations = "allocs/op"
	unitPeak        = "peak-B"
)

func newMeasurement(toolchain string) (*measurement, error) {
	version, err := goCommand(toolchain, "env", "GOVERSION").Output()
	if err != nil {
		return nil, err
	}
	return &measurement{
		GoVersion: strings.TrimSpace(string(version)),
		Cores:     runtime.NumCPU(),
		toolchain: toolchain,
		samples:   map[key][]float64{},
	}, nil
}

// read collects the results in the output of go test.
func (m *measurement) read(output io.Reader) error {
	reader := benchfmt.NewReader(output, "go test")
	for reader.Scan() {
		switch result := reader.Result().(type) {
		case *benchfmt.Result:
			m.CPU = result.GetConfig("cpu")
			work, client := splitName(result.Name)
			for _, v := range result.Values {
				k := key{work, client, v.Unit}
				m.samples[k] = append(m.samples[k], v.Value)
			}
		case *benchfmt.SyntaxError:
			return result
		}
	}
	return reader.Err()
}

// splitName takes the client out of the name of a benchmark.
func splitName(name benchfmt.Name) (work, client string) {
	base, parts := name.Parts()
	work = string(base)
	for _, part := range parts {
		switch text := string(part); {
		case strings.HasPrefix(text, "/client="):
			client = strings.TrimPrefix(text, "/client=")
		case !strings.HasPrefix(text, "-"):
			work += text
		}
	}
	return work, client
}

// sample returns the runs that there are of a number, or nil.
func (m *measurement) sample(work, client, unit string) *benchmath.Sample {
	values := m.samples[key{work, client, unit}]
	if len(values) == 0 {
		return nil
	}
	return benchmath.NewSample(values, &benchmath.DefaultThresholds)
}

// median returns the median of a number, and false where it was not measured.
func (m *measurement) median(work, client, unit string) (benchmath.Summary, bool) {
	sample := m.sample(work, client, unit)
	if sample == nil {
		return benchmath.Summary{}, false
	}
	return benchmath.AssumeNothing.Summary(sample, 0.95), true
}

// ratio returns how many times more one client takes than another, as "14.2×",
// with a tilde where the runs don't tell the two apart (Mann-Whitney, p ≥ 0.05).
func (m *measurement) ratio(work, more, less, unit string) string {
	a, b := m.sample(work, more, unit), m.sample(work, less, unit)
	if a == nil || b == nil {
		return ""
	}
	x, _ := m.median(work, more, unit)
	y, _ := m.median(work, less, unit)
	if y.Center == 0 {
		return ""
	}
	text := fmt.Sprintf("%.1f×", x.Center/y.Center)
	comparison := benchmath.AssumeNothing.Compare(a, b)
	if len(comparison.Warnings) == 0 && comparison.P >= comparison.Alpha { // warned of: too few runs to tell
		text = "~" + text
	}
	return text
}
