// Package printable makes text from a server fit for a log and a terminal.
package printable

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Max bounds one piece of text within a longer message, in bytes.
const Max = 512

const ellipsis = "…"

// Line returns s as one line of at most limit bytes (at least those of an
// ellipsis): every run of white space becomes one space, and whatever isn't valid
// UTF-8 or can't be seen is dropped. A line that is cut ends in an ellipsis. The
// cost depends on the limit, not on the length of s.
func Line(s string, limit int) string {
	limit = max(limit, len(ellipsis))
	head := s
	if len(s)/8 > limit {
		head = s[:8*limit] // enough, unless most of the text is white space or dropped
	}
	line := strings.Join(strings.Fields(strings.Map(visible, strings.ToValidUTF8(head, ""))), " ")
	if len(head) == len(s) && len(line) <= limit {
		return line
	}
	end := min(len(line), limit-len(ellipsis))
	for end < len(line) && !utf8.RuneStart(line[end]) {
		end--
	}
	return line[:end] + ellipsis
}

// Quote returns the [Line] of s, of at most [Max] bytes, in Go's quotes.
func Quote(s string) string { return strconv.Quote(Line(s, Max)) }

// Literal returns s in Go's quotes, with white space other than a space, and
// everything that can't be seen, in Go's escapes. Of a long text it has the
// beginning and the end, about [Max] bytes together.
func Literal(s string) string {
	const end = 16
	text, rest := escape(s, Max)
	if rest != "" {
		rest = rest[max(0, len(rest)-end):]
		for rest != "" && !utf8.RuneStart(rest[0]) {
			rest = rest[1:]
		}
		tail, _ := escape(rest, Max)
		text += ellipsis + tail
	}
	return `"` + text + `"`
}

// escape returns as much of s, escaped, as the limit allows, and the rest of s.
func escape(s string, limit int) (escaped, rest string) {
	var b strings.Builder
	for s != "" {
		r, size := utf8.DecodeRuneInString(s)
		text := s[:size]
		if r < utf8.RuneSelf || r == utf8.RuneError || visible(r) != r {
			quoted := strconv.QuoteToASCII(text)
			text = quoted[1 : len(quoted)-1]
		}
		if b.Len()+len(text) > limit {
			break
		}
		b.WriteString(text)
		s = s[size:]
	}
	return b.String(), s
}

// visible returns a space for white space, and -1 for a character that changes
// how its neighbors look, or that looks like nothing.
func visible(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case !unicode.IsPrint(r), unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
		return -1
	}
	return r
}
