package terminal

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

const gap = 2 // columns between two cells

// leastWidth returns how narrow a cell may become: a date and a …, and a third of
// what it has. Cells at the end that don't fit then are left out.
func leastWidth(natural int) int { return min(natural, max(11, natural/3)) }

// Table prints a table, whose first row is its header. On a terminal it cuts
// cells, so that no row wraps.
func (o *Output) Table(rows [][]string) {
	cells := make([][]string, len(rows))
	natural := make([]int, len(rows[0]))
	for i, row := range rows {
		for j, cell := range row {
			cell = cmp.Or(Printable(cell), "-")
			cells[i] = append(cells[i], cell)
			natural[j] = max(natural[j], textWidth(cell))
		}
	}
	widths := natural
	if columns := o.Width(); columns > 0 {
		widths = fit(natural, columns)
	}
	for i, row := range cells {
		var line strings.Builder
		for j, columns := range widths {
			cell := cut(row[j], columns)
			line.WriteString(cell + strings.Repeat(" ", columns-textWidth(cell)+gap))
		}
		if i == 0 && len(widths) < len(natural) {
			line.WriteString("…")
		}
		fmt.Fprintln(o, strings.TrimRight(line.String(), " "))
	}
}

// fit returns the widths of a table's cells on a terminal, at most their natural
// ones. It leaves out cells at the end that don't fit, and then room for a … in
// the header.
func fit(natural []int, columns int) []int {
	for shown := len(natural); ; shown-- {
		room := columns - gap*(shown-1)
		if shown < len(natural) {
			room -= gap + 1
		}
		widths := slices.Clone(natural[:shown])
		for i := range widths {
			widths[i] = leastWidth(widths[i])
			room -= widths[i]
		}
		if room < 0 && shown > 1 {
			continue
		}
		if room < 0 { // a very narrow terminal
			return []int{max(1, widths[0]+room)}
		}
		for ; room > 0; room-- { // widen the narrowest cell that is cut
			narrowest := -1
			for i := range widths {
				if widths[i] < natural[i] && (narrowest < 0 || widths[i] < widths[narrowest]) {
					narrowest = i
				}
			}
			if narrowest < 0 {
				break
			}
			widths[narrowest]++
		}
		return widths
	}
}
