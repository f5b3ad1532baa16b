// Package commandtest tests the example programs: their output as a user sees it.
package commandtest

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/examples/internal/command"
	"github.com/armsecops/armsecops/examples/internal/terminal"
)

var update = flag.Bool("update", false, "write the golden files")

// Streams returns an empty input, and outputs without a terminal that write to buffers.
func Streams() (s command.Streams, stdout, stderr *bytes.Buffer) {
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	return command.Streams{
		In:  strings.NewReader(""),
		Out: &terminal.Output{Writer: stdout},
		Err: &terminal.Output{Writer: stderr},
	}, stdout, stderr
}

// Run runs a program without a terminal, and returns its exit code and what it prints.
func Run(program func(command.Streams) int) (code int, stdout, stderr string) {
	s, out, errs := Streams()
	code = program(s)
	return code, out.String(), errs.String()
}

// AssertNoOutput runs a program as Run does, and checks its exit code and that its
// standard output is empty. It returns the standard error.
func AssertNoOutput(t *testing.T, want int, program func(command.Streams) int, name ...any) string {
	t.Helper()
	code, stdout, stderr := Run(program)
	assert.Equal(t, want, code, name...)
	assert.Empty(t, stdout, name...)
	return stderr
}

// AssertLostOutput runs a program whose standard output fails every write, and checks
// that it reports that. It returns the standard error.
func AssertLostOutput(t *testing.T, program func(command.Streams) int, name ...any) string {
	t.Helper()
	s, _, stderr := Streams()
	s.Out = &terminal.Output{Writer: FullDisk{}}
	assert.Equal(t, command.LostOutput, program(s), name...)
	assert.Contains(t, stderr.String(), "standard output: no space left on device\n", name...)
	return stderr.String()
}

// Screen returns an output to a terminal of so many columns, or with 0 to none.
func Screen(columns int) (*terminal.Output, *bytes.Buffer) {
	text := new(bytes.Buffer)
	if columns == 0 {
		return &terminal.Output{Writer: text}, text
	}
	return Terminal(text, columns), text
}

// Terminal returns an output to a terminal of so many columns.
func Terminal(w io.Writer, columns int) *terminal.Output {
	return &terminal.Output{Writer: w, Columns: func() int { return columns }}
}

// AssertGolden compares text with the golden file of the name. To write the files
// of a package: go test ./examples/PACKAGE -update
func AssertGolden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got, name)
}

// AssertScreens runs a program on terminals of 60, 80 and 120 columns, and compares
// the screens with a golden file. In the file, "␍" is where a carriage return
// begins the line again. No line may be wider than the terminal, unless its only
// word is: an id, which users copy, or it is a whole command, which they copy too.
// The lines of an example in a help may have 80 columns on any terminal.
func AssertScreens(t *testing.T, name string, run func(s command.Streams) int) {
	t.Helper()
	var screens strings.Builder
	for _, columns := range []int{60, 80, 120} {
		var screen bytes.Buffer
		code := run(command.Streams{In: strings.NewReader(""), Out: Terminal(&screen, columns), Err: Terminal(&screen, columns)})
		got := strings.ReplaceAll(screen.String(), "\r", "␍\n")
		width := columns
		for line := range strings.SplitSeq(got, "\n") {
			switch line {
			case "Examples:":
				width = 80
			case "":
				width = columns
			}
			wide := utf8.RuneCountInString(strings.TrimSuffix(line, "␍")) > width
			command := strings.HasPrefix(line, "go run ") || strings.HasPrefix(line, "az ")
			assert.False(t, wide && !command && len(strings.Fields(line)) > 1, line)
		}
		assert.NotContains(t, got, "\x1b", "no escape sequences, with or without NO_COLOR")
		fmt.Fprintf(&screens, "== %d columns\n%sexit status %d\n", columns, got, code)
	}
	AssertGolden(t, name+"-screens", screens.String())
}

// AssertPrintable checks that a text has no control and bidi characters but line ends.
func AssertPrintable(t *testing.T, text string) {
	t.Helper()
	unseen := func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }
	assert.Equal(t, -1, strings.IndexFunc(text, unseen), "%q", text)
}

// FullDisk fails every write.
type FullDisk struct{}

// ErrFullDisk is its error.
var ErrFullDisk = errors.New("no space left on device")

func (FullDisk) Write([]byte) (int, error) { return 0, ErrFullDisk }
