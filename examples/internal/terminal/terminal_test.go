package terminal_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/examples/internal/commandtest"
	"github.com/armsecops/armsecops/examples/internal/terminal"
)

func TestFilesAreNoTerminals(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"terminal_test.go", os.DevNull} { // which is a character device
		file, err := os.Open(name)
		require.NoError(t, err)
		assert.Zero(t, terminal.New(file).Width())
		require.NoError(t, file.Close())
	}
}

func TestACommandIsQuotedForAShellAndNotWrapped(t *testing.T) {
	t.Parallel()
	out, text := commandtest.Screen(10)
	out.PrintCommand("az", "-name", "a b", "it's", "", `{"a":1}`, "*", "/a/b-c_1.d", "~")
	assert.Equal(t, `az -name 'a b' 'it'\''s' '' '{"a":1}' '*' /a/b-c_1.d '~'`+"\n", text.String())
}

func TestWrapBreaksBetweenWords(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		columns    int
		line, want string
	}{
		"no terminal":          {0, "one two  three", "one two  three"},
		"fits":                 {14, "one two  three", "one two  three"},
		"too long":             {7, "one two three", "one two\nthree"},
		"one column too long":  {6, "one two", "one\ntwo"},
		"indented":             {6, "  one two", "  one\n  two"},
		"word wider than that": {8, "a subscription id", "a\nsubscription\nid"},
		"wide characters":      {8, "条件 条件", "条件\n条件"},
		"combining characters": {3, "e\u0301 e\u0301", "e\u0301 e\u0301"},
		"empty":                {5, "", ""},
	} {
		assert.Equal(t, test.want, terminal.Wrap(test.line, test.columns), name)
	}
}

func TestTableFitsTheTerminal(t *testing.T) {
	t.Parallel()
	rows := [][]string{{"NAME", "EFFECT", "SCOPE", "FROM"}, {"a\x1b[2Jn 条件", "", "/subscriptions/1", "two\nwords"}, {"b", "Exempt", "c", "d"}}
	const whole = "NAME        EFFECT  SCOPE             FROM\na[2Jn 条件  -       /subscriptions/1  two words\nb           Exempt  c                 d\n"
	for columns, want := range map[int]string{
		0:  whole,
		47: whole,
		46: "NAME        EFFECT  SCOPE\na[2Jn 条件  -       /subscriptions/1\n  FROM two words\nb           Exempt  c\n  FROM d\n",
		18: "NAME        EFFECT\na[2Jn 条件  -\n  SCOPE\n    /subscriptions/1\n  FROM two words\nb           Exempt\n  SCOPE c  FROM d\n",
		17: "NAME\na[2Jn 条件\n  SCOPE\n    /subscriptions/1\n  FROM two words\nb\n  EFFECT Exempt\n  SCOPE c  FROM d\n",
		16: "NAME\na[2Jn 条件\n  SCOPE\n    /subscriptions/1\n  FROM two words\nb\n  EFFECT Exempt\n  SCOPE c\n  FROM d\n",
		1:  "NAME\na[2Jn 条件\n  SCOPE\n    /subscriptions/1\n  FROM\n    two\n    words\nb\n  EFFECT\n    Exempt\n  SCOPE\n    c\n  FROM\n    d\n",
	} {
		out, text := commandtest.Screen(columns)
		out.Table(rows)
		assert.Equal(t, want, text.String(), columns)
	}
}

func TestWithoutATerminalTextIsWrappedAndStatusIsNotPrinted(t *testing.T) {
	t.Parallel()
	out, text := commandtest.Screen(0)
	out.Status("1 of 2")
	out.EndStatus()
	line := strings.TrimSpace(strings.Repeat("word ", 17))
	out.Text(line)
	out.Println(line)
	assert.Equal(t, line[:79]+"\n"+line[80:]+"\n"+line+"\n", text.String())
}

// A line that wrapped would stay on the screen.
func TestStatusNeverWraps(t *testing.T) {
	t.Parallel()
	out, text := commandtest.Screen(10)
	out.Status("0123456789")
	out.Status("01")
	out.Status("01234567")
	out.Columns = func() int { return 5 } // a narrower window
	out.Status("0")
	out.Status("012345")
	out.Println("done")
	out.Println("")
	assert.Equal(t, "\r01234567…\r01       \r01234567\r0   \r012…\r    \rdone\n\n", text.String())
}

func TestJSONKeepsEveryCharacter(t *testing.T) {
	t.Parallel()
	out, text := commandtest.Screen(10)
	require.NoError(t, out.JSON("größe <1> 😀 \x1b\u009b\u202e\U000e0001\n"))
	assert.Equal(t, `"größe <1> 😀 \u001b\u009b\u202e\udb40\udc01\n"`+"\n", text.String())
	assert.Error(t, out.JSON(func() {}))
}

func TestOutputKeepsItsFirstError(t *testing.T) {
	t.Parallel()
	out, text := commandtest.Screen(0)
	out.Println("one")
	require.NoError(t, out.Err())
	out.Writer = commandtest.FullDisk{}
	out.Println("two")
	out.Writer = text // has space again
	out.Table([][]string{{"three"}})
	assert.Equal(t, commandtest.ErrFullDisk, out.Err())
	assert.Equal(t, "one\n", text.String())
}
