package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

const secretToken, secretSkipToken = "eyJ0eXAi.secret.token", `a+b/"secret" c==`

// texts returns everything that an error is printed as.
func texts(t *testing.T, err error) string {
	t.Helper()
	var b strings.Builder
	log := slog.New(slog.NewJSONHandler(&b, nil))
	log.Error("failed", "error", err, "list", []error{err}, "map", map[string]any{"error": err})
	text, marshalErr := json.Marshal([]any{err, map[string]error{"error": err}})
	require.NoError(t, marshalErr)
	return fmt.Sprintf("%s%s%v%+v%#v%q%v", b.String(), text, err, err, err, err, []error{err})
}

func TestErrorsBlankTheTokenAndTheQuery(t *testing.T) {
	t.Parallel()
	urlError := func(req *http.Request, err error) error {
		return &url.Error{Op: "Get", URL: req.URL.String(), Err: err}
	}
	failing := func(fail func(req *http.Request) error) transportFunc {
		return func(req *http.Request) (*http.Response, error) { return nil, fail(req) }
	}
	echo := func(form func(req *http.Request) string) transportFunc {
		return func(req *http.Request) (*http.Response, error) {
			detail := map[string]any{"code": "Detail", "message": form(req), "target": form(req)}
			body, _ := json.Marshal(map[string]any{"error": map[string]any{"code": "Echo", "message": form(req), "target": form(req), "details": []any{detail}}})
			return respond(400, string(body), "x-ms-error-code", form(req))(req)
		}
	}
	decoded := func(req *http.Request) string {
		query, _ := url.QueryUnescape(req.URL.RawQuery)
		return query
	}
	tests := map[string]transportFunc{
		"net/http":         failing(func(req *http.Request) error { return urlError(req, io.ErrUnexpectedEOF) }),
		"client in client": failing(func(req *http.Request) error { return urlError(req, urlError(req, io.ErrUnexpectedEOF)) }),
		"retrying": failing(func(req *http.Request) error {
			err := urlError(req, io.ErrUnexpectedEOF)
			return fmt.Errorf("after 3 attempts: %w", errors.Join(err, fmt.Errorf("first: %w", urlError(req, err))))
		}),
		"own text":         failing(func(req *http.Request) error { return fmt.Errorf("can't send %s", req.URL) }),
		"own text, quoted": failing(func(req *http.Request) error { return fmt.Errorf("can't send %q", decoded(req)) }),
		"header":           failing(func(req *http.Request) error { return fmt.Errorf("can't send %v", req.Header) }),
		"echoed URL":       echo(func(req *http.Request) string { return "no page " + req.URL.String() }),
		"echoed query":     echo(decoded),
		"echoed value":     echo(func(*http.Request) string { return "no token " + secretSkipToken + " here" }),
		"echoed header":    echo(func(req *http.Request) string { return "not for " + req.Header.Get("Authorization") }),
		"echoed in a page": respond(400, "<html>"+strings.Repeat("a", 500)+secretToken+html.EscapeString(secretSkipToken)+"</html>"),
		"echoed in a 200":  respond(200, `{"error":{"message":"no token `+secretToken+`"}}`),
		"undecodable":      respond(200, `{"value":[{"properties":{"startTime":"`+secretToken+`"}}]}`),
	}
	for name, transport := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			credential := credentialFunc(func() (azcore.AccessToken, error) { return azcore.AccessToken{Token: secretToken}, nil })
			o := options(transport)
			o.Retry.MaxRetries = -1
			client, err := armsecops.NewWorkspaceManagerJobsClient(jobsSubscription, credential, o)
			require.NoError(t, err)
			list := &armsecops.WorkspaceManagerJobsClientListOptions{SkipToken: secretSkipToken, Top: 7, OrderBy: "secret desc"}
			_, err = client.NewListPager("rg", "workspace", "assignment", list).NextPage(t.Context())
			require.Error(t, err)
			page, ok := errors.AsType[*armsecops.PageError](err)
			require.True(t, ok)
			for _, err := range []error{err, &armsecops.SubscriptionError{SubscriptionID: "s", Err: err}, errors.Join(err), page.Err} {
				text := texts(t, err)
				assert.NotContains(t, text, "secret")
				assert.NotContains(t, text, "$top=7")
				assert.NotContains(t, text, page.ContinuationToken)
			}
			assert.Contains(t, err.Error(), "WorkspaceManagerJobsClient.NewListPager")
		})
	}
}

// What isn't confidential stays, whatever the query is.
func TestErrorsKeepWhatIsNoSecret(t *testing.T) {
	t.Parallel()
	const message = "The api-version '2025-04-01-preview' and $top=5 of 7 items."
	client := newJobsClient(t, options(script(t, respond(400, `{"error":{"message":"`+message+`"}}`))))
	list := &armsecops.WorkspaceManagerJobsClientListOptions{Top: 7}
	_, err := client.NewListPager("rg", "workspace", "assignment", list).NextPage(t.Context())
	assert.ErrorContains(t, err, message)
}

func TestPageErrorFormats(t *testing.T) {
	t.Parallel()
	err := &armsecops.PageError{ContinuationToken: "private", Err: io.EOF}
	for format, want := range map[string]string{"%v": "EOF", "%s": "EOF", "%+v": "EOF", "%q": `"EOF"`, "%#v": `"EOF"`, "%5s": "  EOF"} {
		assert.Equal(t, want, fmt.Sprintf(format, err))
		assert.Equal(t, want, fmt.Sprintf(format, *err))
	}
	var none *armsecops.PageError
	assert.Equal(t, "<nil>", fmt.Sprint(none))
	assert.NotContains(t, fmt.Sprintf("%#v %+v", struct{ E any }{err}, struct{ E error }{err}), "private")
	assert.Equal(t, io.EOF, errors.Unwrap(err))
}
