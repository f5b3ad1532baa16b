// Package terminal is what the example programs know of the terminal they write to.
package terminal

import (
	"io"
	"os"
	"strings"
	"unicode"
)

// Is reports whether w is a device for characters, as a terminal is.
func Is(w io.Writer) bool {
	file, ok := w.(interface{ Stat() (os.FileInfo, error) })
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Printable returns text that came from a service as one line, without the
// characters that would let it write elsewhere on the terminal.
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
