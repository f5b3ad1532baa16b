package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/armsecops/armsecops/internal/testkit"
)

// The page shows the functions of this folder, what the program prints and logs, so
// that its names, parents and statuses of spans are those of OpenTelemetry, and the
// versions that it was tried with.
func TestPageShowsTheProgram(t *testing.T) {
	page, source := testkit.ReadFile(t, "../../docs/observability.md"), testkit.ReadFile(t, "main.go")
	for _, file := range []string{"setup.go", "traceids.go", "events.go"} {
		assert.Contains(t, page, "```go\n"+testkit.ReadFile(t, file)+"```\n", file)
	}
	start := regexp.MustCompile(`(?s)\tprovider, err := .*?\n\tlogger := .*?\n`).FindString(source)
	start = strings.NewReplacer("\n\t", "\n", "exported", "os.Stderr", "traceHandler{newHandler(logs)}", "newHandler(os.Stderr)").Replace(start)
	assert.Contains(t, page, "```go\n"+strings.TrimPrefix(start, "\t")+"```\n")
	for _, line := range []string{`ctx, span := provider.Tracer("report").Start(`, "defer span.End()", `logger.ErrorContext(ctx, "subscription failed", "err", err)`} {
		assert.Contains(t, source, "\t"+line)
		assert.Contains(t, page, "\n"+line)
	}
	for _, module := range regexp.MustCompile(`\S+@v\S+`).FindAllString(page, -1) {
		assert.Contains(t, testkit.ReadFile(t, "../go.mod"), "\t"+strings.Replace(module, "@", " ", 1)+"\n")
	}
	var spans, log, exported bytes.Buffer
	require.NoError(t, run(t.Context(), &spans, &log, &exported))
	assert.Contains(t, exported.String(), regexp.MustCompile(`"trace_id":"(\w+)"`).FindStringSubmatch(log.String())[1])
	assert.Contains(t, page, "$ go run -C interop ./observability 2>/dev/null\n"+spans.String()+"```\n")
	changing := regexp.MustCompile(`("time"|_id"):"[^"]+`)
	shown := strings.Split(strings.Split(page, "```json\n")[1], "```")[0]
	assert.JSONEq(t, changing.ReplaceAllString(shown, "$1:\"x"), changing.ReplaceAllString(log.String(), "$1:\"x"))
}

// Lines have the ids of the span that their context has.
func TestLinesHaveTheIDsOfTheirTrace(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(traceHandler{newHandler(&log)})
	logger.ErrorContext(t.Context(), "no span", "err", fmt.Errorf("nightly: %w", io.EOF))
	ctx, span := sdktrace.NewTracerProvider().Tracer("t").Start(t.Context(), "s")
	logger.With("a", 1).WithGroup("g").ErrorContext(ctx, "span")
	id := span.SpanContext()
	assert.Contains(t, log.String(), `"msg":"no span","err":{"text":"nightly: EOF"}}`)
	assert.Contains(t, log.String(), fmt.Sprintf(`"msg":"span","a":1,"g":{"trace_id":%q,"span_id":%q}}`, id.TraceID(), id.SpanID()))
}

// A log of azcore's events has each request, response and retry, without the token.
func TestEventsAreLogged(t *testing.T) {
	var text bytes.Buffer
	logEvents(slog.New(slog.NewJSONHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { log.SetListener(nil) })
	require.NoError(t, run(t.Context(), io.Discard, io.Discard, io.Discard))
	for part, want := range map[string]int{`"event":"Request"`: 6, `"event":"Response"`: 6, `"level":"DEBUG"`: strings.Count(text.String(), "\n")} { // one is a retry
		assert.Equal(t, want, strings.Count(text.String(), part), part)
	}
	assert.Subset(t, strings.Split(text.String(), `"`), []string{"Retry", "LongRunningOperation"})
	assert.NotContains(t, text.String(), "fake_token")
}
