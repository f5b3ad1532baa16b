package main

import (
	_ "embed"
	"fmt"
	"io"
	"strings"
	"text/template"

	"golang.org/x/perf/benchunit"
)

// report is what is written of the measurements.
type report struct {
	Date         string
	Count        int
	Benchtime    string
	Theirs       []string // Microsoft's modules and their versions
	Measurements []*measurement
}

// work is one row of the report.
type work struct {
	Title string
	Name  string // of the benchmark
	Floor string // what it is measured against; empty: nothing
	Chart bool
}

// works are the rows of the report.
var works = []work{
	{"List call, page of 10 assignments", "ListPage/items=10", floorValidate, false},
	{"List call, page of 1,000 assignments", "ListPage/items=1000", floorValidate, true},
	{"List of 100 pages of 100", "List100Pages/items=100", "", true},
	{"Get of a job with 2,000 items", "GetJob/items=2000", floorValidate, true},
	{"Error decoded and printed", "Error", floorPipeline, false},
	{"Jobs Create", "Call/operation=JobsCreate", floorPipeline, false},
	{"Jobs Get", "Call/operation=JobsGet", floorPipeline, true},
	{"Jobs List", "Call/operation=JobsList", floorPipeline, false},
	{"Jobs Delete", "Call/operation=JobsDelete", floorPipeline, false},
	{"Assignments Get", "Call/operation=AssignmentsGet", floorPipeline, true},
	{"Assignments List", "Call/operation=AssignmentsList", floorPipeline, false},
	{"Assignments ListBySubscription", "Call/operation=AssignmentsListBySubscription", floorPipeline, false},
	{"Assignments CreateOrUpdate", "Call/operation=AssignmentsCreateOrUpdate", floorPipeline, true},
	{"Assignments Delete", "Call/operation=AssignmentsDelete", floorPipeline, false},
	{"Decode of one assignment", "DecodeAssignment", floorValidate, false},
	{"Decode of a page of 10", "DecodePage/items=10", floorValidate, false},
	{"Decode of a page of 100", "DecodePage/items=100", floorValidate, false},
	{"Decode of a page of 1,000", "DecodePage/items=1000", floorValidate, false},
	{"Decode of a page of 10,000", "DecodePage/items=10000", floorValidate, false},
	{"Decode of a job with 2,000 items", "DecodeJob/items=2000", floorValidate, false},
	{"Encode of one assignment", "EncodeAssignment", "", false},
}

// heap is the row on memory, which has a unit of its own.
const heap = "PeakHeap/pages=100/items=1000"

//go:embed page.md.tmpl
var pageTemplate string

func (r report) writePage(w io.Writer) error {
	functions := template.FuncMap{
		"works": func() []work { return works },
		"floorName": func(floor string) string {
			return map[string]string{floorPipeline: "bare pipeline", floorValidate: "validation"}[floor]
		},
		"time":    func(m *measurement, name, client string) string { return m.show(name, client, unitTime) },
		"peak":    func(m *measurement, client string) string { return m.show(heap, client, unitPeak) },
		"faster":  func(m *measurement, name string) string { return m.ratio(name, theirs, ours, unitTime) },
		"fewer":   func(m *measurement, name string) string { return m.ratio(name, theirs, ours, unitAllocations) },
		"less":    func(m *measurement, name string) string { return m.ratio(name, theirs, ours, unitBytes) },
		"over":    func(m *measurement, name, floor string) string { return m.ratio(name, ours, floor, unitTime) },
		"smaller": func(m *measurement) string { return m.ratio(heap, theirs, ours, unitPeak) },
	}
	t, err := template.New("page").Funcs(functions).Parse(pageTemplate)
	if err != nil {
		return err
	}
	return t.Execute(w, r)
}

// show returns a median with its unit and half the width of its confidence interval, as "6.52 ms ±3%".
func (m *measurement) show(work, client, unit string) string {
	s, ok := m.median(work, client, unit)
	if !ok {
		return ""
	}
	suffix := "s"
	class := benchunit.Decimal
	if unit == unitPeak {
		suffix, class = "B", benchunit.Binary
	}
	text := benchunit.Scale(s.Center, class) // as in "6.520m"
	number := strings.TrimRight(text, "nµmkMGTKi")
	text = number + " " + strings.TrimPrefix(text, number) + suffix
	if len(s.Warnings) == 0 { // warned of: too few runs for an interval
		text += " ±" + s.PctRangeString()
	}
	return text
}

// The chart's measures, in pixels.
const (
	chartWidth = 760
	labelWidth = 250
	barsWidth  = 400
	barHeight  = 12
	rowHeight  = 3*barHeight + 18
	headHeight = 64
)

//go:embed chart.svg.tmpl
var chartTemplate string

// bar is one bar of the chart, in pixels from the top left.
type bar struct {
	Class string
	Y     int
	Width float64
	Text  string
}

// row is one group of bars.
type row struct {
	Title string
	Y     int
	Bars  []bar
}

// writeChart draws the times of the first toolchain: each row has Microsoft's
// client at full width.
func (r report) writeChart(w io.Writer) error {
	m := r.Measurements[0]
	var rows []row
	for _, work := range works {
		full, ok := m.median(work.Name, theirs, unitTime)
		if !work.Chart || !ok {
			continue
		}
		row := row{Title: work.Title, Y: headHeight + len(rows)*rowHeight}
		for _, client := range []string{theirs, ours, work.Floor} {
			median, ok := m.median(work.Name, client, unitTime)
			if !ok {
				continue
			}
			class, _, _ := strings.Cut(client, "-") // both floors look the same
			row.Bars = append(row.Bars, bar{
				Class: class,
				Y:     row.Y + len(row.Bars)*barHeight,
				Width: max(1, barsWidth*median.Center/full.Center),
				Text:  m.show(work.Name, client, unitTime),
			})
		}
		rows = append(rows, row)
	}
	t, err := template.New("chart").Funcs(template.FuncMap{
		"add": func(a, b float64) float64 { return a + b },
	}).Parse(chartTemplate)
	if err != nil {
		return err
	}
	return t.Execute(w, map[string]any{
		"Width": chartWidth, "Height": headHeight + len(rows)*rowHeight, "Left": float64(labelWidth), "BarHeight": barHeight - 2,
		"Rows": rows, "Title": fmt.Sprintf("Time of one operation, %s, %s", m.GoVersion, m.CPU),
	})
}
