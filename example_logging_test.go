package armsecops_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

// An error that the program wraps with %w keeps its members in a log of slog, by a
// ReplaceAttr. Without it, slog writes the text alone.
func ExampleServiceError_LogValue() {
	srv := fake.NewServer(&fake.ServerOptions{NewID: func() string { return exampleID }})
	srv.Override("WorkspaceManagerJobsClient.Get", fake.Respond(403, armsecops.ErrorDetail{Code: "AuthorizationFailed", Message: "No role."}))
	_, err := exampleClient(exampleFactoryOf(srv).NewWorkspaceManagerJobsClient).Get(context.Background(), "myRg", "myWorkspace", "myAssignment", "myJob", nil)
	err = fmt.Errorf("nightly report: %w", err)

	logger := slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{} // for the output below
			}
			return replaceError(groups, a)
		},
	}))
	logger.Error("failed", "err", err)
	// Output:
	// {"level":"ERROR","msg":"failed","err":{"text":"nightly report: WorkspaceManagerJobsClient.Get: 403 Forbidden: AuthorizationFailed: No role. (request 0b8a3f6e-2f0c-4c62-9e4f-6a1d5c7e9b21, /subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/myRg/providers/Microsoft.OperationalInsights/workspaces/myWorkspace/providers/Microsoft.SecurityInsights/workspaceManagerAssignments/myAssignment/jobs/myJob)","operation":"WorkspaceManagerJobsClient.Get","kind":"service","subscriptionId":"d0cfe6b2-9ac0-4464-9919-dccaee2e48c0","job":"myJob","jobId":"/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/myRg/providers/Microsoft.OperationalInsights/workspaces/myWorkspace/providers/Microsoft.SecurityInsights/workspaceManagerAssignments/myAssignment/jobs/myJob","status":403,"code":"AuthorizationFailed","message":"No role.","path":"/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/myRg/providers/Microsoft.OperationalInsights/workspaces/myWorkspace/providers/Microsoft.SecurityInsights/workspaceManagerAssignments/myAssignment/jobs/myJob","requestId":"0b8a3f6e-2f0c-4c62-9e4f-6a1d5c7e9b21","correlationRequestId":"0b8a3f6e-2f0c-4c62-9e4f-6a1d5c7e9b21"}}
}

// replaceError replaces an error by a group: the whole text, and the members of the
// library's error that it wraps.
func replaceError(_ []string, a slog.Attr) slog.Attr {
	err, ok := a.Value.Any().(error)
	if !ok {
		return a
	}
	attrs := []slog.Attr{slog.String("text", fmt.Sprint(err))} // also of a nil pointer
	var logged slog.LogValuer
	if errors.As(err, &logged) && logged.LogValue().Kind() == slog.KindGroup {
		attrs = append(attrs, logged.LogValue().Group()...)
	}
	return slog.GroupAttrs(a.Key, attrs...)
}
