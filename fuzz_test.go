package armsecops_test

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// For any body, an error has the status and the request id, and prints one line
// of bounded length.
func FuzzErrorBody(f *testing.F) {
	for name := range errorShapes {
		r := readExchanges(f, name)[0].Response
		f.Add(r.Status, r.Text+string(r.Body), "")
	}
	f.Add(400, `{"error":{"code":"a","message":"{\"error\":{\"message\":\"{\\\"code\\\":1}\"}}","details":[{"details":null},1]}}`, "Code")
	f.Add(400, `{"error":"invalid_grant","error_description":"AADSTS70008"}`, "")
	f.Add(200, "\xef\xbb\xbf{", "\x1b[31m")
	f.Add(503, "<html><style>a{}</style><p>Busy</html>", "")
	f.Fuzz(func(t *testing.T, status int, body, code string) {
		status = 400 + max(status%200, -status%200)%200
		o := options(respond(status, body, "x-ms-request-id", requestID, "x-ms-error-code", code))
		o.Retry.MaxRetries = -1
		_, err := newAssignmentsClient(t, o).Get(t.Context(), "rg", "id", nil)
		e, ok := errors.AsType[*armsecops.CloudError](err)
		require.True(t, ok, "%T %v", err, err)
		require.Equal(t, status, e.StatusCode)
		require.Equal(t, requestID, e.RequestID)
		response, ok := errors.AsType[*azcore.ResponseError](err)
		require.True(t, ok)
		require.Equal(t, status, response.StatusCode)
		line := err.Error()
		require.Less(t, len(line), 2500)
		require.True(t, strings.HasPrefix(line, "SecurityAssignmentsClient.Get: "), line)
		require.Equal(t, -1, strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }), "%q", line)
		require.True(t, utf8.ValidString(line))
		if e.Code != "" {
			require.True(t, armsecops.HasCode(err, e.Code))
		}
		slog.New(slog.NewJSONHandler(io.Discard, nil)).Error("failed", "err", err)
		for name, value := range e.AdditionalProperties {
			require.True(t, json.Valid(value), "%s: %q", name, value)
		}
	})
}
