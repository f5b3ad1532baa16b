package terminal

import (
	"cmp"
	"fmt"
	"strings"
)

const gap = 2 // columns between two cells

// Table prints a table, whose first row is its header. It cuts nothing: on a
// terminal that is too narrow for the lines, the cells that don't fit follow on
// lines of their own, with the titles of their columns.
func (o *Output) Table(rows [][]string) {
	cells := make([][]string, len(rows))
	widths := make([]int, len(rows[0]))
	for i, row := range rows {
		for j, cell := range row {
			cells[i] = append(cells[i], Printable(cell))
			widths[j] = max(widths[j], TextWidth(cells[i][j]), len("-"))
		}
	}
	columns := fitting(widths, o.Width())
	for i, row := range cells {
		var line strings.Builder
		for j, cell := range row[:columns] {
			cell = cmp.Or(cell, "-")
			line.WriteString(cell + strings.Repeat(" ", widths[j]-TextWidth(cell)+gap))
		}
		fmt.Fprintln(o, strings.TrimRight(line.String(), " "))
		if i > 0 {
			o.titledCells(cells[0][columns:], row[columns:])
		}
	}
}

// fitting returns how many columns of a table fit on a terminal, at least one.
//   - width: of the terminal; 0 if there is none
func fitting(widths []int, width int) int {
	used := 0
	for i, w := range widths {
		used += w
		if width > 0 && used > width && i > 0 {
			return i
		}
		used += gap
	}
	return len(widths)
}

// titledCells prints the cells that have something in them, indented, as many on a
// line as fit. What is too long for a line is wrapped.
func (o *Output) titledCells(titles, cells []string) {
	indent, line := strings.Repeat(" ", gap), ""
	end := func() {
		if TextWidth(line) > o.Width() {
			line = strings.TrimPrefix(Wrap(indent+line, o.Width()), indent)
		}
		fmt.Fprintln(o, line)
	}
	for i, cell := range cells {
		cell = titles[i] + " " + cell
		switch {
		case cells[i] == "":
		case line == "":
			line = indent + cell
		case TextWidth(line)+gap+TextWidth(cell) <= o.Width():
			line += strings.Repeat(" ", gap) + cell
		default:
			end()
			line = indent + cell
		}
	}
	if line != "" {
		end()
	}
}
