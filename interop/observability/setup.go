package main

import (
	"io"
	"log/slog"

	"github.com/Azure/azure-sdk-for-go/sdk/tracing/azotel"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/armsecops/armsecops"
)

// newHandler returns a handler that writes lines of JSON. The errors of the library
// have the same members in all of them, also where the program wraps them.
func newHandler(w io.Writer) slog.Handler {
	return slog.NewJSONHandler(w, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if err, ok := a.Value.Any().(error); ok {
				a.Value = armsecops.LogValue(err)
			}
			return a
		},
	})
}

// newProvider returns a provider of OpenTelemetry that writes spans as JSON. Another
// exporter sends them elsewhere.
func newProvider(w io.Writer) (*sdktrace.TracerProvider, error) {
	exporter, err := stdouttrace.New(stdouttrace.WithWriter(w))
	if err != nil {
		return nil, err
	}
	return sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter)), nil
}

// newOptions returns options for clients whose calls are traced.
func newOptions(provider *sdktrace.TracerProvider) *armsecops.ClientOptions {
	options := &armsecops.ClientOptions{}
	options.TracingProvider = azotel.NewTracingProvider(provider, nil)
	return options
}
