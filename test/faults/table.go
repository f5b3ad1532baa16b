package faults

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/armsecops/armsecops/internal/routes"
)

// ReadRows returns the rows of a file, by fault.
func ReadRows(path string) (map[string]Row, error) {
	var rows []Row
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &rows)
	}
	byFault := map[string]Row{}
	for _, row := range rows {
		byFault[row.Fault] = row
	}
	return byFault, err
}

// WriteRows writes the rows to a file in their order.
func WriteRows(path string, rows []Row) error {
	text, _ := json.MarshalIndent(rows, "", "  ") // of texts and numbers
	return os.WriteFile(path, append(text, '\n'), 0o666)
}

// columns are the columns of a table: the kinds of operations.
var columns = []struct {
	kind  routes.Kind
	title string
}{
	{routes.Action, "Create"},
	{routes.Get, "Get"},
	{routes.List, "lists"},
	{routes.Query, "Resource Graph"},
	{routes.CreateOrUpdate, "CreateOrUpdate"},
	{routes.Update, "Update"},
	{routes.Delete, "Delete"},
}

// kindsOf returns the kinds and the titles of the columns that the rows have.
func kindsOf(rows []Row) (kinds, titles []string) {
	for _, c := range columns {
		kind := c.kind.String()
		if slices.ContainsFunc(rows, func(row Row) bool { return len(row.Outcomes[kind]) > 0 }) {
			kinds, titles = append(kinds, kind), append(titles, c.title)
		}
	}
	return kinds, titles
}

// head returns the head of a Markdown table.
func head(titles ...string) string {
	return "| " + strings.Join(titles, " | ") + " |\n" + strings.Repeat("|---", len(titles)) + "|\n"
}

// Table returns the rows of one client as a Markdown table.
func Table(rows []Row) string {
	kinds, titles := kindsOf(rows)
	text := head(append([]string{"fault"}, titles...)...)
	for _, row := range rows {
		text += "| " + row.Fault + " | " + strings.Join(row.cells(kinds), " | ") + " |\n"
	}
	return text
}

// Comparison returns a Markdown table of the rows in which two clients differ by
// more than the names of their errors, with the columns that both have. This
// library's rows are by fault.
func Comparison(ours map[string]Row, theirs []Row) string {
	kinds, titles := kindsOf(theirs)
	text := head(append([]string{"fault", "client"}, titles...)...)
	for _, their := range theirs {
		if our := ours[their.Fault]; !our.equivalent(their) {
			text += fmt.Sprintf("| %s | ours | %s |\n", their.Fault, strings.Join(our.cells(kinds), " | "))
			text += fmt.Sprintf("| | Microsoft's | %s |\n", strings.Join(their.cells(kinds), " | "))
		}
	}
	return text
}

// Harms returns a Markdown table of what must not happen and did, with the kinds
// of the operations of which at least one did.
func Harms(rows []Row) string {
	text := head("fault", "operations", "harm")
	for _, row := range rows {
		titles := map[string][]string{} // by harm
		for _, c := range columns {
			for _, outcome := range row.Outcomes[c.kind.String()] {
				titles[outcome.Harm] = append(titles[outcome.Harm], c.title)
			}
		}
		delete(titles, "")
		for _, harm := range slices.Sorted(maps.Keys(titles)) {
			text += fmt.Sprintf("| %s | %s | %s |\n", row.Fault, strings.Join(titles[harm], ", "), harm)
		}
	}
	return text
}

// equivalent reports whether the outcomes are the same except for the names of the errors.
// Kinds of operations that only one of the clients has don't count.
func (r Row) equivalent(other Row) bool {
	for kind, theirs := range other.Outcomes {
		ours, ok := r.Outcomes[kind]
		if ok && !slices.EqualFunc(ours, theirs, func(our, their Outcome) bool {
			our.Errors, their.Errors = "", ""
			return our == their
		}) {
			return false
		}
	}
	return true
}

// cells returns the outcomes of the kinds.
func (r Row) cells(kinds []string) (cells []string) {
	for _, kind := range kinds {
		var texts []string
		for _, outcome := range r.Outcomes[kind] {
			texts = append(texts, outcome.String())
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
