package armsecops_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

// An error that the program wraps with %w keeps its members in a log of slog, after
// the text of the whole. Without LogValue, the log has the text alone.
func ExampleLogValue() {
	srv := fake.NewServer(&fake.ServerOptions{NewID: func() string { return "0b8a3f6e-2f0c-4c62-9e4f-6a1d5c7e9b21" }})
	srv.Override("AssessmentsMetadataClient.Get", fake.Respond(403, armsecops.ErrorDetail{Code: "AuthorizationFailed", Message: "No role."}))
	client := exampleFactoryOf(srv).NewAssessmentsMetadataClient()
	logger := slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{} // the output is the same each time
		}
		return a
	}}))

	_, err := client.Get(context.Background(), "21300918-b2e3-0346-785f-c77ff57d243b", nil)
	logger.Error("failed", "err", armsecops.LogValue(fmt.Errorf("nightly report: %w", err)))
	// Output:
	// {"level":"ERROR","msg":"failed","err":{"text":"nightly report: AssessmentsMetadataClient.Get: 403 Forbidden: AuthorizationFailed: No role. (request 0b8a3f6e-2f0c-4c62-9e4f-6a1d5c7e9b21, /providers/Microsoft.Security/assessmentMetadata/21300918-b2e3-0346-785f-c77ff57d243b)","operation":"AssessmentsMetadataClient.Get","kind":"service","status":403,"code":"AuthorizationFailed","message":"No role.","path":"/providers/Microsoft.Security/assessmentMetadata/21300918-b2e3-0346-785f-c77ff57d243b","requestId":"0b8a3f6e-2f0c-4c62-9e4f-6a1d5c7e9b21","correlationRequestId":"0b8a3f6e-2f0c-4c62-9e4f-6a1d5c7e9b21"}}
}
