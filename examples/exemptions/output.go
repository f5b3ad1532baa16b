package main

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/armsecops/armsecops/examples/internal/terminal"
)

// columns are the columns of the formats table and csv.
var columns = []struct {
	title string
	value func(exemption) string
}{
	{"expires", func(e exemption) string { return formatTime(e.expiresOn) }},
	{"display name", func(e exemption) string { return e.displayName }},
	{"category", func(e exemption) string { return string(e.category) }},
	{"effect", func(e exemption) string { return string(e.effect) }},
	{"source", func(e exemption) string { return e.source }},
	{"subscription", func(e exemption) string { return e.subscriptionID }},
	{"resource group", exemption.resourceGroup},
	{"name", func(e exemption) string { return e.name }},
	{"scope", func(e exemption) string { return e.scope }},
	{"id", func(e exemption) string { return e.id }},
}

func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// write writes the exemptions in the format.
func write(out *terminal.Output, format string, found []exemption) error {
	switch format {
	case "csv":
		writeCSV(out, found)
	case "json":
		return writeJSON(out, found)
	default:
		writeTable(out, found)
	}
	return nil
}

func writeTable(out *terminal.Output, found []exemption) {
	rows := [][]string{make([]string, len(columns))}
	for i, c := range columns {
		rows[0][i] = strings.ToUpper(c.title)
	}
	for _, e := range found {
		row := make([]string, len(columns))
		for i, c := range columns {
			row[i] = c.value(e)
		}
		rows = append(rows, row)
	}
	out.Table(rows)
}

// writeCSV writes all columns. To a terminal it writes no control characters of a service.
func writeCSV(out *terminal.Output, found []exemption) {
	row := make([]string, len(columns))
	for i, c := range columns {
		row[i] = c.title
	}
	fmt.Fprintln(out, strings.Join(row, ",")) // out keeps its error
	for _, e := range found {
		for i, c := range columns {
			cell := c.value(e)
			if out.Width() > 0 {
				cell = terminal.Printable(cell)
			}
			row[i] = quote(escapeFormulas(cell))
		}
		fmt.Fprintln(out, strings.Join(row, ","))
	}
}

// quote returns a cell that is one cell where a semicolon or a tab separates as
// well as a comma, for which encoding/csv would not quote it.
func quote(cell string) string {
	if !strings.ContainsAny(cell, ",;\t\r\n\"") && strings.TrimSpace(cell) == cell {
		return cell
	}
	return `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
}

// escapeFormulas returns a cell that a spreadsheet doesn't take for a formula, nor
// a part of it. A spreadsheet with another separator than the comma sees no
// quotes within a line, and takes what follows its separator for a cell.
func escapeFormulas(cell string) string {
	var escaped strings.Builder
	written, part, begins := 0, 0, true // begins: nothing visible is before in the part
	for i, r := range cell {
		switch {
		case strings.ContainsRune(";\t\r\n", r):
			part, begins = i+1, true
		case begins && strings.ContainsRune("=+-@＝＋－＠", r):
			escaped.WriteString(cell[written:part] + "'")
			written, begins = part, false
		case r != '"' && unicode.IsPrint(r) && !unicode.IsSpace(r):
			begins = false
		}
	}
	return escaped.String() + cell[written:]
}

// writeJSON writes an array of exemptions: where each is, and the resource with
// all members that the service sent.
func writeJSON(out *terminal.Output, found []exemption) error {
	type row struct {
		Source         string `json:"source"`
		SubscriptionID string `json:"subscriptionId"`
		ResourceGroup  string `json:"resourceGroup"`
		Scope          string `json:"scope"`
		ID             string `json:"id"`
		Resource       any    `json:"resource"`
	}
	rows := make([]row, len(found))
	for i, e := range found {
		rows[i] = row{e.source, e.subscriptionID, e.resourceGroup(), e.scope, e.id, e.resource}
	}
	return out.JSON(rows)
}
