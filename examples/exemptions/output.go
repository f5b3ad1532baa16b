package main

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/armsecops/armsecops/examples/internal/terminal"
)

// columns are the columns of the formats table and csv.
var columns = []struct {
	title string
	value func(exemption) string
}{
	{"source", func(e exemption) string { return e.source }},
	{"subscription", func(e exemption) string { return e.subscriptionID }},
	{"resource group", exemption.resourceGroup},
	{"name", func(e exemption) string { return e.name }},
	{"effect", func(e exemption) string { return string(e.effect) }},
	{"category", func(e exemption) string { return string(e.category) }},
	{"expires", func(e exemption) string { return formatTime(e.expiresOn) }},
	{"display name", func(e exemption) string { return e.displayName }},
	{"scope", func(e exemption) string { return e.scope }},
	{"id", func(e exemption) string { return e.id }},
}

func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// write writes the exemptions in the format. To a terminal it writes no control
// characters of a service.
func write(w io.Writer, format string, found []exemption) error {
	var text bytes.Buffer
	var err error
	switch format {
	case "csv":
		err = writeCSV(&text, found)
	case "json":
		err = writeJSON(&text, found)
	default:
		err = writeTable(&text, found)
	}
	if err != nil {
		return err
	}
	if terminal.Is(w) {
		_, err = io.WriteString(w, printableLines(text.String()))
	} else {
		_, err = text.WriteTo(w)
	}
	return err
}

func writeTable(w io.Writer, found []exemption) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	cells := make([]string, len(columns))
	for i, c := range columns {
		cells[i] = strings.ToUpper(c.title)
	}
	fmt.Fprintln(t, strings.Join(cells, "\t"))
	for _, e := range found {
		for i, c := range columns {
			cells[i] = cmp.Or(terminal.Printable(c.value(e)), "-")
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	return t.Flush()
}

func writeCSV(w io.Writer, found []exemption) error {
	out := csv.NewWriter(w)
	row := make([]string, len(columns))
	for i, c := range columns {
		row[i] = c.title
	}
	_ = out.Write(row) // Error returns its error
	for _, e := range found {
		for i, c := range columns {
			row[i] = escapeFormula(c.value(e))
		}
		_ = out.Write(row)
	}
	out.Flush()
	return out.Error()
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
func writeJSON(w io.Writer, found []exemption) error {
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
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(rows)
}

// printableLines is [terminal.Printable] for several lines.
func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = terminal.Printable(lines[i])
	}
	return strings.Join(lines, "\n")
}
