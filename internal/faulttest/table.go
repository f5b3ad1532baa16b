package faulttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/armsecops/armsecops/internal/routes"
)

// ReadRows returns the rows of a file, by fault.
func ReadRows(path string) (map[string]Row, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var rows []Row
	if err := json.Unmarshal(text, &rows); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	byFault := map[string]Row{}
	for _, row := range rows {
		byFault[row.Fault] = row
	}
	return byFault, nil
}

// WriteRows writes the rows to a file in their order.
func WriteRows(path string, rows []Row) error {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(rows); err != nil {
		return err
	}
	return os.WriteFile(path, text.Bytes(), 0o666)
}

type column struct {
	title      string
	operations []*routes.Route
}

// columns are the columns of a table: operations that are alike share one.
var columns = []column{
	{"Create", []*routes.Route{routes.JobsCreate}},
	{"Get", []*routes.Route{routes.Jobs.Get, routes.Assignments.Get, routes.StandardAssignments.Get}},
	{"lists", []*routes.Route{routes.Jobs.List, routes.Assignments.List, routes.AssignmentsListBySubscription, routes.StandardAssignments.List}},
	{"Resource Graph", []*routes.Route{routes.Assignments.Query, routes.StandardAssignments.Query}},
	{"CreateOrUpdate", []*routes.Route{routes.Assignments.CreateOrUpdate, routes.StandardAssignments.CreateOrUpdate}},
	{"Delete", []*routes.Route{routes.Jobs.Delete, routes.Assignments.Delete, routes.StandardAssignments.Delete}},
}

// Table returns the rows of one client as a Markdown table.
func Table(rows []Row) string {
	var b strings.Builder
	b.WriteString("| fault |")
	for _, c := range columns {
		b.WriteString(" " + c.title + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(columns)) + "\n")
	for _, row := range rows {
		b.WriteString("| " + row.Fault + " |")
		for _, cell := range row.cells(columns) {
			b.WriteString(" " + cell + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// Comparison returns a Markdown table of the rows in which two clients differ by
// more than the names of their errors, with the columns that both have. This
// library's rows are by fault.
func Comparison(ours map[string]Row, theirs []Row) string {
	var b strings.Builder
	b.WriteString("| fault | client |")
	both := slices.DeleteFunc(slices.Clone(columns), func(c column) bool { return !c.in(theirs) })
	for _, c := range both {
		b.WriteString(" " + c.title + " |")
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(both)) + "\n")
	for _, their := range theirs {
		our := ours[their.Fault]
		if !our.equivalent(their) {
			fmt.Fprintf(&b, "| %s | ours | %s |\n", their.Fault, strings.Join(our.cells(both), " | "))
			fmt.Fprintf(&b, "| | Microsoft's | %s |\n", strings.Join(their.cells(both), " | "))
		}
	}
	return b.String()
}

// in reports whether the rows have an outcome of the column's operations.
func (c column) in(rows []Row) bool {
	return slices.ContainsFunc(rows, func(row Row) bool {
		return slices.ContainsFunc(c.operations, func(route *routes.Route) bool { _, ok := row.Outcomes[route.Operation]; return ok })
	})
}

// Harms returns a Markdown table of what must not happen and did.
func Harms(rows []Row) string {
	var b strings.Builder
	b.WriteString("| fault | operations | harm |\n|---|---|---|\n")
	for _, row := range rows {
		var harms []string // in the order of the operations
		operations := map[string][]string{}
		for _, c := range columns {
			byHarm := map[string][]string{}
			for _, route := range c.operations {
				if harm := row.Outcomes[route.Operation].Harm; harm != "" {
					byHarm[harm] = append(byHarm[harm], route.Operation)
					if !slices.Contains(harms, harm) {
						harms = append(harms, harm)
					}
				}
			}
			for harm, names := range byHarm {
				if len(names) == len(c.operations) {
					names = []string{c.title}
				}
				operations[harm] = append(operations[harm], names...)
			}
		}
		for _, harm := range harms {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", row.Fault, strings.Join(operations[harm], ", "), harm)
		}
	}
	return b.String()
}

// equivalent reports whether the outcomes are the same except for the names of the errors.
// Operations that only one of the clients has don't count.
func (r Row) equivalent(other Row) bool {
	for operation, theirs := range other.Outcomes {
		ours, ok := r.Outcomes[operation]
		ours.Errors, theirs.Errors = "", ""
		if ok && ours != theirs {
			return false
		}
	}
	return true
}

// cells returns the outcomes by column. If operations of one column differ, the
// cell has each of their outcomes once.
func (r Row) cells(columns []column) []string {
	var cells []string
	for _, c := range columns {
		var texts []string
		for _, route := range c.operations {
			if o, ok := r.Outcomes[route.Operation]; ok && !slices.Contains(texts, o.String()) {
				texts = append(texts, o.String())
			}
		}
		cells = append(cells, strings.Join(texts, "; or "))
	}
	return cells
}

// Section returns the text with the content of its section of that name replaced.
func Section(text, name, content string) (string, error) {
	begin, end := "<!-- "+name+": begin -->\n", "<!-- "+name+": end -->"
	before, rest, ok := strings.Cut(text, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return "", fmt.Errorf("there is no section %q", name)
	}
	return before + begin + "\n" + content + "\n" + end + after, nil
}
