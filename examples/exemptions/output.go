package main

import (
	"encoding/csv"
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
	w := csv.NewWriter(out)
	row := make([]string, len(columns))
	for i, c := range columns {
		row[i] = c.title
	}
	_ = w.Write(row) // out keeps its error
	for _, e := range found {
		for i, c := range columns {
			row[i] = escapeFormula(c.value(e))
			if out.Width() > 0 {
				row[i] = terminal.Printable(row[i])
			}
		}
		_ = w.Write(row)
	}
	w.Flush()
}

// escapeFormula returns a cell that a spreadsheet doesn't take for a formula.
func escapeFormula(cell string) string {
	start := strings.TrimLeftFunc(cell, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) })
	if start != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(start)[0]) {
		return "'" + cell
	}
	return cell
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
