package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/command"
	"github.com/armsecops/armsecops/examples/internal/terminal"
)

// column is a column of a table or of CSV.
type column struct {
	title string
	value func(row) string
}

// columns returns the columns of the table: first the short ones, which fit a
// narrow terminal beside the name.
func (q query) columns() []column {
	expires := column{"expires", func(r row) string {
		switch {
		case r.ExpiresOn.IsZero():
			return "never"
		case r.ExpiresOn.After(q.now):
			return formatDate(r.ExpiresOn)
		}
		return formatDate(r.ExpiresOn) + "!"
	}}
	if q.wide {
		wide := q.allColumns()
		wide[slices.IndexFunc(wide, func(c column) bool { return c.title == expires.title })] = expires
		return wide
	}
	return slices.Concat([]column{
		{"name", func(r row) string { return cmp.Or(r.DisplayName, r.Name) }},
		expires,
		{"kind", func(r row) string { return kindName(r.Kind) }},
		{"category", func(r row) string { return string(r.Category) }},
	}, q.effectColumn(), []column{
		{"scope", func(r row) string { return scopeName(r.Scope) }},
		{"from", func(r row) string { return r.From }},
		{"created by", func(r row) string { return r.CreatedBy }},
	})
}

// effectColumn returns the column that the other effects take, if the query is for any.
func (q query) effectColumn() []column {
	if q.effect != "" {
		return nil
	}
	return []column{{"effect", func(r row) string { return string(effectOf(r.Exemption)) }}}
}

// allColumns returns the columns of CSV.
func (q query) allColumns() []column {
	return append([]column{
		{"name", func(r row) string { return r.Name }},
		{"scope", func(r row) string { return r.Scope }},
		{"from", func(r row) string { return r.From }},
		{"expires", func(r row) string { return formatTime(r.ExpiresOn) }},
		{"category", func(r row) string { return string(r.Category) }},
		{"kind", func(r row) string { return kindName(r.Kind) }},
		{"created by", func(r row) string { return r.CreatedBy }},
		{"created on", func(r row) string { return formatTime(r.CreatedOn) }},
		{"display name", func(r row) string { return r.DisplayName }},
		{"description", func(r row) string { return r.Description }},
		{"subscription", func(r row) string { return r.SubscriptionID }},
		{"resource group", func(r row) string { return r.ResourceGroupName }},
		{"standard", func(r row) string { return r.StandardID }},
		{"assessments", func(r row) string { return strings.Join(r.AssessmentKeys, " ") }},
		{"policy assignment", func(r row) string { return r.PolicyAssignmentID }},
		{"findings", func(r row) string { return string(findings(r.Exemption)) }},
		{"policies", func(r row) string { return strings.Join(r.PolicyDefinitionReferenceIDs, " ") }},
		{"id", func(r row) string { return r.ID }},
	}, q.effectColumn()...)
}

func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// formatDate returns the day of a time, or never.
func formatDate(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.DateOnly)
}

// write writes the rows in the query's format.
func (q query) write(out *terminal.Output, rows []row) error {
	switch {
	case q.format == "csv":
		writeCSV(out, q.allColumns(), rows)
	case q.format == "json":
		return out.JSON(rows)
	case q.format == "ids":
		for _, r := range rows {
			fmt.Fprintln(out, terminal.Printable(r.ID)) // out keeps its error
		}
	case len(rows) > 0:
		q.writeTable(out, rows)
	}
	return nil
}

// writeTable writes the columns that the query leaves different, and that the rows
// have something in.
func (q query) writeTable(out *terminal.Output, rows []row) {
	columns := slices.DeleteFunc(q.columns(), func(c column) bool {
		return c.title == "category" && q.category != "" || c.title == "kind" && q.kind != "all" ||
			!slices.ContainsFunc(rows, func(r row) bool { return c.value(r) != "" })
	})
	table := make([][]string, 1+len(rows))
	for _, c := range columns {
		table[0] = append(table[0], strings.ToUpper(c.title))
		for i, r := range rows {
			table[1+i] = append(table[1+i], c.value(r))
		}
	}
	if q.wide {
		out = &terminal.Output{Writer: out} // as wide as it is
	}
	out.Table(table)
}

// writeCSV writes all columns. To a terminal it writes no control characters of a service.
func writeCSV(out *terminal.Output, columns []column, rows []row) {
	line := make([]string, len(columns))
	for i, c := range columns {
		line[i] = c.title
	}
	fmt.Fprintln(out, strings.Join(line, ",")) // out keeps its error
	for _, r := range rows {
		for i, c := range columns {
			cell := c.value(r)
			if out.Width() > 0 {
				cell = terminal.Printable(cell)
			}
			line[i] = quote(escapeFormulas(cell))
		}
		fmt.Fprintln(out, strings.Join(line, ","))
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

// describe says what the query lists, and how.
func (q query) describe() string {
	options := q.options()
	text := "would query Azure Resource Graph for "
	if q.via == "list" {
		text = "would list each scope for "
	}
	var names []string
	for _, kind := range options.Kinds {
		names = append(names, string(kind))
	}
	text += strings.Join(names, ", ") + " of "
	switch {
	case len(q.subscriptions) > 0:
		text += command.Count(len(q.subscriptions), "subscription")
	case len(q.managementGroups) > 0:
		text += "management groups " + strings.Join(q.managementGroups, ", ")
		if q.via == "list" {
			text += ", without what is below them"
		}
	default:
		text += "all that the identity may read"
	}
	if !q.expiresBefore.IsZero() {
		text += ", ending before " + formatTime(q.expiresBefore)
	}
	if q.endless {
		text += ", only those that never end"
	}
	if q.active {
		text += ", not those that have ended"
	}
	if q.category != "" {
		text += ", of category " + string(q.category)
	}
	if !q.effect.Is(armsecops.EffectExempt) {
		text += fmt.Sprintf(", with the effect %q", q.effect)
	}
	if q.inherited {
		text += ", with what they inherit"
	}
	if q.verify {
		text += ", and a page of each kind in each subscription"
	}
	return text
}
