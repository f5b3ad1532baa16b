package main

import (
	"context"
	"log/slog"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
)

// logEvents writes azcore's events to a logger: requests, responses, retries and
// polls. Call it before the first client is made; it holds for every Azure client.
func logEvents(logger *slog.Logger) {
	log.SetListener(func(event log.Event, message string) {
		logger.LogAttrs(context.Background(), slog.LevelDebug, message, slog.String("event", string(event)))
	})
}
