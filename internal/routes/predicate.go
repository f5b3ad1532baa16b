package routes

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// lineBreaks end a comment in the Kusto Query Language, or may.
const lineBreaks = "\n\r\v\f\u0085\u2028\u2029"

// CheckPredicate returns the rule that a predicate in the Kusto Query Language
// breaks, or "". It refuses what would change the query around the predicate,
// which has it in parentheses; the rest is the service's to check.
func CheckPredicate(predicate string) string {
	if strings.ContainsAny(predicate, lineBreaks) || !utf8.ValidString(predicate) {
		return "must be one line of UTF-8"
	}
	start := strings.TrimSpace(predicate)
	word := start
	if i := strings.IndexFunc(start, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }); i >= 0 {
		word = start[:i]
	}
	switch {
	case start == "" && predicate != "":
		return "must be a predicate, or empty"
	case strings.HasPrefix(start, "|"):
		return "must be a predicate alone, without the | before it: the query has that already"
	case len(word) == len("where") && strings.EqualFold(word, "where"):
		return "must be a predicate alone, without the where before it: the query has that already"
	}
	return checkTokens(predicate)
}

// checkTokens checks what is outside of string literals.
func checkTokens(rest string) string {
	const balanced = "must have balanced parentheses, brackets and braces"
	var open []byte // what closes the parentheses that are open
	for rest != "" {
		size, terminated := literal(rest)
		switch {
		case !terminated:
			return "must end its string literals"
		case size > 0:
		case strings.HasPrefix(rest, "//"):
			return "must not have a comment, which would take the rest of the line with it: a // that belongs to a text must be in quotes"
		case len(rest) > 1 && slices.Contains([]string{"==", "!=", "=~", "!~"}, rest[:2]): // an operator, whose ~ doesn't begin a ~~~
			size = 2
		default:
			size = 1
			switch c := rest[0]; c {
			case '(':
				open = append(open, ')')
			case '[':
				open = append(open, ']')
			case '{':
				open = append(open, '}')
			case ')', ']', '}':
				if len(open) == 0 || open[len(open)-1] != c {
					return balanced
				}
				open = open[:len(open)-1]
			}
		}
		rest = rest[size:]
	}
	if len(open) > 0 {
		return balanced
	}
	return ""
}

// literal returns the length of the string literal that a text begins with, 0 if
// it begins with none, and whether the literal ends. The h before one that is
// obfuscated is a letter like others here.
func literal(text string) (size int, terminated bool) {
	for _, quotes := range []string{"```", "~~~"} { // without escapes
		if body, ok := strings.CutPrefix(text, quotes); ok {
			end := strings.Index(body, quotes)
			return end + 2*len(quotes), end >= 0
		}
	}
	body, verbatim := strings.CutPrefix(text, "@")
	if body == "" || body[0] != '\'' && body[0] != '"' {
		return 0, true
	}
	start := len(text) - len(body)
	for i := 1; i < len(body); i++ {
		switch {
		case body[i] == '\\' && !verbatim:
			i++
		case body[i] != body[0]:
		case verbatim && i+1 < len(body) && body[i+1] == body[0]: // a quote, doubled
			i++
		default:
			return start + i + 1, true
		}
	}
	return 0, false
}
