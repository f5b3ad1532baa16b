package main

import (
	"errors"
	"fmt"
	"log/slog"
)

// errorAttr returns an error as an attribute for any handler: its text, and the
// members of the library's error that it wraps.
func errorAttr(err error) slog.Attr {
	attrs := []slog.Attr{slog.String("text", fmt.Sprint(err))} // also of a nil pointer
	var logged slog.LogValuer
	if errors.As(err, &logged) && logged.LogValue().Kind() == slog.KindGroup {
		attrs = append(attrs, logged.LogValue().Group()...)
	}
	return slog.GroupAttrs("err", attrs...)
}
