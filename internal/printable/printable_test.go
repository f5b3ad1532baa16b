package printable

import (
	"runtime"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var lineTests = map[string]struct{ text, want string }{
	"empty":               {"", ""},
	"plain":               {"No such job.", "No such job."},
	"other scripts":       {"größe 東京 ٣ 🙂", "größe 東京 ٣ 🙂"},
	"white space":         {" a\r\n\tb \v\f c ", "a b c"},
	"Unicode white space": {"a\u0085b\u00a0c\u2028d\u2029e\u3000f", "a b c d e f"},
	"control":             {"a\x00b\x07c\x7fd\u0080e", "abcde"},
	"escape sequence":     {"\x1b[31mred", "[31mred"},
	"bidi":                {"a\u202eb\u202cc\u2066d\u2069e\u200ff\u061cg", "abcdefg"},
	"zero width":          {"a\u200bb\u200cc\u200dd\u2060e\ufefff\u00adg", "abcdefg"},
	"tags":                {"a\U000e0041b\U000e007fc", "abc"},
	"variation selectors": {"a\ufe0fb\U000e0100c\u180bd", "abcd"},
	"fillers":             {"a\u3164b\u115fc\uffa0d\u034fe", "abcde"},
	"private, unassigned": {"a\ue000b\U0010ffffc\u0378d", "abcd"},
	"invalid UTF-8":       {"a\xffb\xc3c\xed\xa0\x80d", "abcd"},
	"between two spaces":  {"a \u200b \x00 b", "a b"},
	"replacement":         {"a\ufffdb", "a\ufffdb"},
	"as long as allowed":  {strings.Repeat("a", 32), strings.Repeat("a", 32)},
	"one byte too long":   {strings.Repeat("a", 33), strings.Repeat("a", 29) + "…"},
	"cut in a character":  {strings.Repeat("ü", 17), strings.Repeat("ü", 14) + "…"},
	"shrinks":             {strings.Repeat(" ", 100) + "a" + strings.Repeat("\x00", 100) + "b", "ab"},
	"all is looked at":    {strings.Repeat(" ", 255) + "ab", "ab"},
	"not all is":          {strings.Repeat(" ", 255) + "abcdefghi", "a…"},
	"nothing for long":    {strings.Repeat("\x00", 1000) + "a", "…"},
}

func TestLine(t *testing.T) {
	t.Parallel()
	for name, test := range lineTests {
		assert.Equal(t, test.want, Line(test.text, 32), name)
	}
}

func TestLineTakesAnyLimit(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]string{-1: "…", 0: "…", 2: "…", 3: "…", 4: "a…", 5: "abcde", int(^uint(0) >> 1): "abcde"} {
		assert.Equal(t, want, Line("abcde", limit), limit)
	}
	assert.Empty(t, Line("", 0))
}

func TestQuote(t *testing.T) {
	t.Parallel()
	assert.Equal(t, `"a \"b\" \\"`, Quote("a\n\"b\"\u202e \\"))
	assert.Equal(t, `"`+strings.Repeat("a", Max)+`"`, Quote(strings.Repeat("a", Max)))
	assert.Equal(t, `"`+strings.Repeat("a", Max-3)+`…"`, Quote(strings.Repeat("a", Max+1)))
}

// Not parallel: it counts what the whole process allocates.
func TestLineCostsNoMoreForLongText(t *testing.T) {
	long := strings.Repeat("a\x00\xff ", 16<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	line := Line(long, Max)
	runtime.ReadMemStats(&after)
	assert.Len(t, line, Max)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<10))
}

func FuzzLine(f *testing.F) {
	for _, test := range lineTests {
		f.Add(test.text, 32)
	}
	f.Add("abcde", 3)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		line := Line(text, limit)
		require.LessOrEqual(t, len(line), max(limit, len(ellipsis)))
		require.True(t, utf8.ValidString(line))
		for _, r := range line {
			require.True(t, unicode.IsPrint(r), "%q", line)
		}
		require.NotContains(t, line, "  ")
		require.Equal(t, strings.TrimSpace(line), line)
		require.Equal(t, line, Line(line, limit), "a line is a line already")
	})
}

func TestLiteralShowsWhatCannotBeSeen(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a b":                          `"a b"`,
		"a  ":                          `"a  "`,
		"a\r\n\t":                      `"a\r\n\t"`,
		"a\u00a0b\u3000":               `"a\u00a0b\u3000"`,
		"\u200ba\ufeff":                `"\u200ba\ufeff"`,
		"a\ufe0f\u3164\U000e0041":      `"a\ufe0f\u3164\U000e0041"`,
		"a\"b\\\x00\xff\ufffd":         `"a\"b\\\x00\xff\ufffd"`,
		"größe 東京":                     `"größe 東京"`,
		strings.Repeat("a", 512):       `"` + strings.Repeat("a", 512) + `"`,
		strings.Repeat("a", 600) + " ": `"` + strings.Repeat("a", 512) + "…" + strings.Repeat("a", 15) + ` "`,
	} {
		assert.Equal(t, want, Literal(text))
	}
	assert.Less(t, len(Literal(strings.Repeat("\u200b", 10_000))), 600)
}
