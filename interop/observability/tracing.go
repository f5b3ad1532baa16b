package main

import (
	"github.com/Azure/azure-sdk-for-go/sdk/tracing/azotel"
	"go.opentelemetry.io/otel/trace"

	"github.com/armsecops/armsecops"
)

// tracingOptions returns options of clients that send their spans to OpenTelemetry.
func tracingOptions(provider trace.TracerProvider) *armsecops.ClientOptions {
	options := &armsecops.ClientOptions{}
	options.TracingProvider = azotel.NewTracingProvider(provider, nil)
	return options
}
