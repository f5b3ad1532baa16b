package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// The page shows the functions of this folder and what the program prints, so
// that its names, parents and statuses of spans are those of OpenTelemetry, and
// the function of the example of logs.
func TestPageShowsTheProgram(t *testing.T) {
	page := readFile(t, "../../docs/observability.md")
	for _, file := range []string{"logging.go", "tracing.go", "events.go"} {
		assert.Contains(t, page, "```go\n"+readFile(t, file)+"```\n", file)
	}
	_, version, found := strings.Cut(readFile(t, "../go.mod"), "/tracing/azotel ")
	require.True(t, found)
	assert.Contains(t, page, "/tracing/azotel@"+strings.Fields(version)[0]+"\n")
	_, function, found := strings.Cut(readFile(t, "../../example_logging_test.go"), "// replaceError")
	require.True(t, found)
	assert.Contains(t, page, "```go\n// replaceError"+function+"```\n")
	var spans bytes.Buffer
	require.NoError(t, run(t.Context(), &spans))
	assert.Contains(t, page, "$ go run -C interop ./observability\n"+spans.String()+"```\n")
}

// A handler that isn't slog's gets the members of a library's error that the program wraps.
func TestWrappedErrorsAreLogged(t *testing.T) {
	var text bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&text, nil))
	logger.Error("failed", errorAttr(fmt.Errorf("nightly: %w", &armsecops.ParameterError{Name: "a", Reason: "is b"})))
	logger.Error("failed", errorAttr(io.EOF))
	logger.Error("failed", errorAttr(fmt.Errorf("nightly: %w", (*armsecops.ParameterError)(nil))))
	assert.Contains(t, text.String(), `"err":{"text":"nightly: parameter a is b","kind":"parameter","parameter":"a","message":"parameter a is b"}}`)
	assert.Contains(t, text.String(), `"err":{"text":"EOF"}}`)
	assert.Contains(t, text.String(), `"err":{"text":"nightly: <nil>"}}`)
}

// A log of azcore's events has each request, response and retry, without the token.
func TestEventsAreLogged(t *testing.T) {
	var text bytes.Buffer
	logEvents(slog.New(slog.NewJSONHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { log.SetListener(nil) })
	require.NoError(t, run(t.Context(), &bytes.Buffer{}))
	counts := map[string]int{}
	for line := range strings.Lines(text.String()) {
		var record struct{ Msg, Event, Level string }
		require.NoError(t, json.Unmarshal([]byte(line), &record))
		assert.Equal(t, "DEBUG", record.Level)
		assert.NotEmpty(t, record.Msg)
		counts[record.Event]++
	}
	const requests = 6 // one of them a retry
	assert.Equal(t, requests, counts["Request"])
	assert.Equal(t, requests, counts["Response"])
	assert.NotZero(t, counts["Retry"])
	assert.NotZero(t, counts["LongRunningOperation"])
	assert.NotContains(t, text.String(), "fake_token")
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}
