package main

import (
	"bytes"
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

// columns are those of a table and of CSV.
var columns = []struct {
	title string
	value func(armsecops.SubscriptionAssignment) string
}{
	{"subscription", func(a armsecops.SubscriptionAssignment) string { return a.SubscriptionID }},
	{"name", func(a armsecops.SubscriptionAssignment) string { return a.Name }},
	{"effect", func(a armsecops.SubscriptionAssignment) string { return a.Properties.Effect }},
	{"category", func(a armsecops.SubscriptionAssignment) string {
		return a.Properties.AdditionalData.ExemptionCategory
	}},
	{"expires", func(a armsecops.SubscriptionAssignment) string { return when(a.Properties.ExpiresOn) }},
	{"display name", func(a armsecops.SubscriptionAssignment) string { return a.Properties.DisplayName }},
	{"scope", func(a armsecops.SubscriptionAssignment) string { return a.Properties.Scope }},
}

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// write writes the assignments in the format. On a terminal, nothing that a
// service said has control characters.
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
	for i, c := range columns {
		if i > 0 {
			fmt.Fprint(t, "\t")
		}
		fmt.Fprint(t, strings.ToUpper(c.title))
	}
	fmt.Fprintln(t)
	for _, a := range found {
		for i, c := range columns {
			if i > 0 {
				fmt.Fprint(t, "\t")
			}
			if cell := terminal.Printable(c.value(a)); cell != "" {
				fmt.Fprint(t, cell)
			} else {
				fmt.Fprint(t, "-")
			}
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

func writeCSV(w io.Writer, found []armsecops.SubscriptionAssignment) error {
	out := csv.NewWriter(w)
	row := make([]string, len(columns))
	for i, c := range columns {
		row[i] = c.title
	}
	_ = out.Write(row) // Error tells
	for _, a := range found {
		for i, c := range columns {
			row[i] = harmless(c.value(a))
		}
		_ = out.Write(row)
	}
	out.Flush()
	return out.Error()
}

// harmless keeps a spreadsheet from taking a cell for a formula.
func harmless(cell string) string {
	start := strings.TrimLeftFunc(cell, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) })
	if start != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(start)[0]) {
		return "'" + cell
	}
	return cell
}

// writeJSON writes an array of assignments as the service sent them, with the
// member subscriptionId.
func writeJSON(w io.Writer, found []armsecops.SubscriptionAssignment) error {
	if found == nil {
		found = []armsecops.SubscriptionAssignment{}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(found)
}

// printableLines is printable for text of several lines.
func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = terminal.Printable(lines[i])
	}
	return strings.Join(lines, "\n")
}
