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

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/terminal"
)

// columns are the columns of the formats table and csv.
var columns = []struct {
	title string
	value func(armsecops.SubscriptionAssignment) string
}{
	{"subscription", func(a armsecops.SubscriptionAssignment) string { return a.SubscriptionID }},
	{"name", func(a armsecops.SubscriptionAssignment) string { return a.Name }},
	{"effect", func(a armsecops.SubscriptionAssignment) string { return string(a.Properties.Effect) }},
	{"category", func(a armsecops.SubscriptionAssignment) string {
		return string(a.Properties.AdditionalData.ExemptionCategory)
	}},
	{"expires", func(a armsecops.SubscriptionAssignment) string { return formatTime(a.Properties.ExpiresOn) }},
	{"display name", func(a armsecops.SubscriptionAssignment) string { return a.Properties.DisplayName }},
	{"scope", func(a armsecops.SubscriptionAssignment) string { return a.Properties.Scope }},
}

func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// write writes the assignments in the format. To a terminal it writes no control
// characters of a service.
func write(w io.Writer, format string, found []armsecops.SubscriptionAssignment) error {
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

func writeTable(w io.Writer, found []armsecops.SubscriptionAssignment) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	cells := make([]string, len(columns))
	for i, c := range columns {
		cells[i] = strings.ToUpper(c.title)
	}
	fmt.Fprintln(t, strings.Join(cells, "\t"))
	for _, a := range found {
		for i, c := range columns {
			cells[i] = cmp.Or(terminal.Printable(c.value(a)), "-")
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	return t.Flush()
}

func writeCSV(w io.Writer, found []armsecops.SubscriptionAssignment) error {
	out := csv.NewWriter(w)
	row := make([]string, len(columns))
	for i, c := range columns {
		row[i] = c.title
	}
	_ = out.Write(row) // Error returns its error
	for _, a := range found {
		for i, c := range columns {
			row[i] = escapeFormula(c.value(a))
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

// writeJSON writes an array of assignments with all members that the service
// sent, and subscriptionId.
func writeJSON(w io.Writer, found []armsecops.SubscriptionAssignment) error {
	if found == nil {
		found = []armsecops.SubscriptionAssignment{}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(found)
}

// printableLines is [terminal.Printable] for several lines.
func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = terminal.Printable(lines[i])
	}
	return strings.Join(lines, "\n")
}
