// Command observability publishes an assignment and lists the assignments of
// three subscriptions, all in memory. It prints the spans that OpenTelemetry gets,
// and logs the errors to standard error: with -events azcore's events, too, and with
// -spans the spans as an exporter has them.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

var subscriptionIDs = []string{
	"20ff7fc3-e762-44dd-bd96-b71116dcdc23", "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0", "ae640e6b-ba3e-4256-9d62-2993eecfa6f2",
}

const requestID = "5e0c1a56-6a3b-4b7c-9d6f-0f1f5b0a7a11" // of the request that fails

func main() {
	events := flag.Bool("events", false, "log azcore's events to standard error")
	spans := flag.Bool("spans", false, "write the spans as JSON to standard error")
	flag.Parse()
	if *events {
		logEvents(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})))
	}
	exported := io.Discard
	if *spans {
		exported = os.Stderr
	}
	if err := run(context.Background(), os.Stdout, os.Stderr, exported); err != nil {
		log.Fatal(err)
	}
}

// run prints a tree of the spans.
//   - logs: for the log
//   - exported: for the spans as JSON
func run(ctx context.Context, w, logs, exported io.Writer) error {
	provider, err := newProvider(exported)
	if err != nil {
		return err
	}
	defer provider.Shutdown(context.WithoutCancel(ctx)) // sends the spans that are left, also after a signal
	options := newOptions(provider)
	logger := slog.New(traceHandler{newHandler(logs)})

	recorder := tracetest.NewSpanRecorder() // for the tree
	provider.RegisterSpanProcessor(recorder)
	options.Transport = newServer()
	options.Retry.RetryDelay = time.Millisecond
	factory, err := armsecops.NewClientFactory(&azfake.TokenCredential{}, options)
	if err != nil {
		return err
	}
	if err := publish(ctx, factory); err != nil {
		return err
	}
	if err := list(ctx, factory, provider, logger); err != nil {
		return err
	}
	printSpans(w, recorder.Started(), trace.SpanID{}, "")
	return nil
}

// newServer returns a server that fails twice: a poll is unavailable once, and
// one of the subscriptions is forbidden.
func newServer() *fake.Server {
	server := fake.NewServer(nil)
	server.Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Get", StatusCode: http.StatusServiceUnavailable})
	server.Inject(fake.Fault{
		Operation:  "SecurityAssignmentsClient.NewListBySubscriptionPager",
		Skip:       1,
		StatusCode: http.StatusForbidden,
		Header:     http.Header{"X-Ms-Request-Id": {requestID}, "X-Ms-Correlation-Request-Id": {requestID}},
		Body:       `{"error":{"code":"AuthorizationFailed","message":"The identity has no role."}}`,
	})
	return server
}

func publish(ctx context.Context, factory *armsecops.ClientFactory) error {
	client, err := factory.NewWorkspaceManagerJobsClient(subscriptionIDs[0])
	if err != nil {
		return err
	}
	poller, err := client.BeginCreate(ctx, "myRg", "myWorkspace", "myAssignment", nil)
	if err != nil {
		return err
	}
	_, err = armsecops.WaitForJob(ctx, poller, nil)
	return err
}

// list lists the assignments of the subscriptions, and logs those that fail.
func list(ctx context.Context, factory *armsecops.ClientFactory, provider *sdktrace.TracerProvider, logger *slog.Logger) error {
	client, err := factory.NewSecurityAssignmentsClient("")
	if err != nil {
		return err
	}
	ctx, span := provider.Tracer("report").Start(ctx, "report") // above those of the calls
	defer span.End()
	one := &armsecops.SecurityAssignmentsClientListAcrossSubscriptionsOptions{Concurrency: 1} // for spans in order
	for _, err := range client.ListAcrossSubscriptions(ctx, subscriptionIDs, one) {
		if err != nil {
			logger.ErrorContext(ctx, "subscription failed", "err", err)
		}
	}
	return nil
}

// printSpans prints the spans below a parent, and those below them, in the order in which they started.
func printSpans(w io.Writer, spans []sdktrace.ReadWriteSpan, parent trace.SpanID, indent string) {
	for _, span := range spans {
		if span.Parent().SpanID() != parent {
			continue
		}
		fmt.Fprint(w, indent, span.Name())
		for _, attribute := range span.Attributes() {
			switch attribute.Key {
			case "az.namespace", "error.type", "http.status_code", "error.code":
				fmt.Fprintf(w, " %s=%s", attribute.Key, attribute.Value.String())
			}
		}
		if status := span.Status(); status.Description != "" {
			fmt.Fprintf(w, " %s: %s", status.Code, strings.ReplaceAll(status.Description, "\n", " "))
		}
		fmt.Fprintln(w)
		printSpans(w, spans, span.SpanContext().SpanID(), indent+"  ")
	}
}
