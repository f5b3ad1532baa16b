// Package terminal has the example programs' output: text, tables and a status
// line that fit the width of a terminal.
package terminal

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"

	"golang.org/x/term"
	"golang.org/x/text/width"
)

// Output is the standard output or the standard error of a program. After a
// write has failed it writes nothing more, so that a program only has to check
// Err, once. It sends neither colours nor other escape sequences to a terminal,
// so that there is nothing for NO_COLOR to turn off.
type Output struct {
	Writer  io.Writer
	Columns func() int // of the terminal; nil if there is none

	err    error
	status int // columns of the status line
}

// New returns the output to a file.
func New(file *os.File) *Output {
	o := &Output{Writer: file}
	if term.IsTerminal(int(file.Fd())) {
		o.Columns = func() int { return columns(file) }
	}
	return o
}

// columns returns the width of a terminal. The environment variable COLUMNS
// overrides it, as in other programs; a terminal of unknown width has 80.
func columns(file *os.File) int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if n, _, err := term.GetSize(int(file.Fd())); err == nil && n > 0 {
		return n
	}
	return 80
}

// Width returns the width of the terminal, or 0 if there is none.
func (o *Output) Width() int {
	if o.Columns == nil {
		return 0
	}
	return o.Columns()
}

// Write implements io.Writer.
func (o *Output) Write(p []byte) (n int, err error) {
	if o.err == nil {
		n, o.err = o.Writer.Write(p)
	}
	return n, o.err
}

// Err returns the error of the first write that failed.
func (o *Output) Err() error { return o.err }

// Println prints lines of text without control characters. On a terminal it
// wraps them between words.
func (o *Output) Println(text string) { o.print(text, o.Width()) }

// Text prints lines of text as Println does, but wraps them elsewhere too, at 80 columns.
func (o *Output) Text(text string) { o.print(text, o.textColumns()) }

// PrintCommand prints a command to copy: a line that isn't wrapped, which would end
// the command where the line ends.
func (o *Output) PrintCommand(words ...string) { o.print(ShellLine(words...), 0) }

// ShellLine returns words as a command line for a POSIX shell, in quotes where they
// need them.
func ShellLine(words ...string) string {
	var line strings.Builder
	for i, word := range words {
		if i > 0 {
			line.WriteByte(' ')
		}
		if word == "" || strings.Trim(word, plain) != "" {
			word = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		line.WriteString(word)
	}
	return line.String()
}

// plain are the characters that no shell takes for something else.
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@%+,"

func (o *Output) textColumns() int { return cmp.Or(o.Width(), 80) }

func (o *Output) print(text string, columns int) {
	o.EndStatus()
	for line := range strings.SplitSeq(text, "\n") {
		fmt.Fprintln(o, Wrap(Printable(line), columns))
	}
}

// Definitions prints terms, and their meanings to the right, wrapped as by Text.
func (o *Output) Definitions(definitions [][2]string) {
	terms := 0
	for _, d := range definitions {
		terms = max(terms, TextWidth(d[0]))
	}
	indent := strings.Repeat(" ", terms+2*gap)
	for _, d := range definitions {
		meaning := strings.TrimLeft(Wrap(indent+d[1], o.textColumns()), " ")
		fmt.Fprintf(o, "%*s%-*s%*s%s\n", gap, "", terms, d[0], gap, "", meaning)
	}
}

// JSON prints a value as indented JSON. It escapes the characters with which a
// service could write elsewhere on a terminal.
func (o *Output) JSON(value any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return err
	}
	var escaped strings.Builder
	for _, r := range text.String() {
		if r == '\n' || unicode.IsPrint(r) {
			escaped.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&escaped, `\u%04x`, unit)
		}
	}
	_, _ = io.WriteString(o, escaped.String()) // Err has its error
	return nil
}

// Status replaces the status line of a terminal. Elsewhere it prints nothing.
func (o *Output) Status(text string) {
	columns := o.Width()
	if columns == 0 {
		return
	}
	text = Cut(Printable(text), columns-1) // in the last column, the cursor may wrap
	before := min(o.status, columns-1)
	o.status = TextWidth(text)
	fmt.Fprint(o, "\r", text, strings.Repeat(" ", max(0, before-o.status)))
}

// EndStatus clears the status line, if there is one.
func (o *Output) EndStatus() {
	if o.status > 0 {
		fmt.Fprint(o, "\r", strings.Repeat(" ", min(o.status, max(0, o.Width()-1))), "\r")
		o.status = 0
	}
}

// Printable returns text from a service as one line, without the control
// characters with which it could write elsewhere on the terminal.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
}

// Wrap returns a line with line breaks between its words, so that it is at most
// as wide as the columns, unless a word is wider. Each part is indented as the
// line is. With 0 columns it returns the line unchanged.
func Wrap(line string, columns int) string {
	if columns == 0 || TextWidth(line) <= columns {
		return line
	}
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
	var wrapped strings.Builder
	used := 0
	for i, word := range strings.Fields(line) {
		switch {
		case i == 0:
			wrapped.WriteString(indent)
			used = len(indent)
		case used+1+TextWidth(word) > columns:
			wrapped.WriteString("\n" + indent)
			used = len(indent)
		default:
			wrapped.WriteByte(' ')
			used++
		}
		wrapped.WriteString(word)
		used += TextWidth(word)
	}
	return wrapped.String()
}

// TextWidth returns how many columns a terminal needs for printable text.
func TextWidth(s string) (columns int) {
	for _, r := range s {
		columns += runeWidth(r)
	}
	return columns
}

func runeWidth(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// Cut returns printable text that is at most as wide as the columns. Text that
// was cut ends in "…".
func Cut(s string, columns int) string {
	if TextWidth(s) <= columns {
		return s
	}
	used := 1 // by the …
	for i, r := range s {
		used += runeWidth(r)
		if used > columns {
			return s[:i] + "…"
		}
	}
	return s
}
