package terminal

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

const (
	gap   = 2  // columns between two cells
	least = 11 // columns of a cell that is cut, such as a date and a …
)

// Style says how a column of a table is shortened; the zero value cuts the end of
// its cells.
type Style int

// The other styles.
const (
	Whole Style = iota + 1 // never cut, and left out last
	End                    // cut at the beginning, if leaving out the first style's columns is no help
)

// Table prints a table, whose first row is its header. On a terminal it cuts cells
// and leaves out columns at the end, so that no row wraps; the first column stays.
//   - styles: of the columns, by position
func (o *Output) Table(rows [][]string, styles ...Style) {
	cells := make([][]string, len(rows))
	natural := make([]int, len(rows[0]))
	for i, row := range rows {
		for j, cell := range row {
			cell = cmp.Or(Printable(cell), "-")
			cells[i] = append(cells[i], cell)
			natural[j] = max(natural[j], textWidth(cell))
		}
	}
	styles = append(styles, make([]Style, max(0, len(natural)-len(styles)))...)
	widths := natural
	if width := o.Width(); width > 0 {
		widths = fit(styles, natural, width)
	}
	for i, row := range cells {
		var line strings.Builder
		for j, width := range widths {
			if width == 0 {
				continue
			}
			cell := cut(row[j], width)
			if styles[j] == End {
				cell = cutBeginning(row[j], width)
			}
			line.WriteString(cell + strings.Repeat(" ", width-textWidth(cell)+gap))
		}
		if i == 0 && slices.Contains(widths, 0) {
			line.WriteString("…")
		}
		fmt.Fprintln(o, strings.TrimRight(line.String(), " "))
	}
}

// fit returns the widths of a table's cells on a terminal, at most their natural
// ones, or 0 for a column that is left out.
func fit(styles []Style, natural []int, width int) []int {
	widths, room := leaveOut(styles, natural, width, true)
	if room < 0 {
		widths, room = leaveOut(styles, natural, width, false)
	}
	if room < 0 && styles[0] != Whole { // a very narrow terminal
		widths[0] = max(1, widths[0]+room)
	}
	for ; room > 0; room-- { // widen the narrowest cell that is cut
		narrowest := -1
		for i := range widths {
			if widths[i] > 0 && widths[i] < natural[i] && (narrowest < 0 || widths[i] < widths[narrowest]) {
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

// leaveOut returns the least widths of the columns, 0 for those that don't fit, and
// the room that is left for wider ones, with a … in the header if columns are left out.
//   - wholeEnds: never cut nor leave out the style End, so that there may be no room
func leaveOut(styles []Style, natural []int, width int, wholeEnds bool) (widths []int, room int) {
	widths = slices.Clone(natural)
	room = width + gap
	for i, style := range styles {
		if style == 0 || style == End && !wholeEnds {
			widths[i] = min(natural[i], least)
		}
		room -= widths[i] + gap
	}
	order := []Style{0}
	if !wholeEnds {
		order = []Style{0, End, Whole}
	}
	complete := true
	for _, style := range order {
		for i := len(styles) - 1; i > 0 && room < 0; i-- {
			if styles[i] != style {
				continue
			}
			if complete {
				complete = false
				room -= gap + 1
			}
			room += widths[i] + gap
			widths[i] = 0
		}
	}
	return widths, room
}
