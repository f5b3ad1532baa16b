package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// logError logs an error by any handler: its text, and the members of the library's
// error that it wraps.
func logError(ctx context.Context, logger *slog.Logger, message string, err error) {
	attrs := []slog.Attr{slog.String("text", fmt.Sprint(err))} // also of a nil pointer
	var logged slog.LogValuer
	if errors.As(err, &logged) && logged.LogValue().Kind() == slog.KindGroup {
		attrs = append(attrs, logged.LogValue().Group()...)
	}
	logger.LogAttrs(ctx, slog.LevelError, message, slog.GroupAttrs("err", attrs...))
}
