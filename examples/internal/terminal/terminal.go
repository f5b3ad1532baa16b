// Package terminal has the example programs' functions for output to a terminal.
package terminal

import (
	"io"
	"os"
	"strings"
	"unicode"
)

// Is reports whether w is a character device, such as a terminal.
func Is(w io.Writer) bool {
	file, ok := w.(interface{ Stat() (os.FileInfo, error) })
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
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
