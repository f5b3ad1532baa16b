package test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
)

const secretToken, secretSkipToken = "eyJ0eXAi.secret.token", `a+b/"secret" c==`

// texts returns everything that an error is printed as.
func texts(t *testing.T, err error) string {
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
			policy := map[string]any{"type": "PolicyViolation", "info": map[string]any{"policyAssignmentId": form(req)}}
			detail := map[string]any{"code": "Detail", "message": form(req), "target": form(req), "additionalInfo": []any{policy}}
			body, _ := json.Marshal(map[string]any{"error": map[string]any{"code": "Echo", "message": form(req), "target": form(req), "details": []any{detail}}})
			return respond(400, string(body), "x-ms-error-code", form(req))(req)
		}
	}
	decoded := func(req *http.Request) string {
		query, _ := url.QueryUnescape(req.URL.RawQuery)
		return query
	}
	tests := map[string]transportFunc{
		"net/http": failing(func(req *http.Request) error { return urlError(req, io.ErrUnexpectedEOF) }),
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
		"escaped header":   echo(func(req *http.Request) string { return url.QueryEscape(req.Header.Get("Authorization")) }),
		"echoed in a page": respond(400, "<html>"+strings.Repeat("a", 500)+secretToken+html.EscapeString(secretSkipToken)+"</html>"),
		"cut in a 200":     respond(200, "<html>"+strings.Repeat("a", 492)+secretToken+"</html>"),
		"cut in JSON":      respond(400, `{"title":"`+strings.Repeat("a", 482)+secretToken+`"}`),
		"echoed in a 200":  respond(200, `{"error":{"message":"no token `+secretToken+`"}}`),
		"undecodable":      respond(200, `{"value":[{"properties":{"startTime":"`+secretToken+`"}}]}`),
	}
	testkit.EachCase(t, tests, func(t *testing.T, transport transportFunc) {
		credential := credentialFunc(func() (azcore.AccessToken, error) { return azcore.AccessToken{Token: secretToken}, nil })
		client := testkit.Must(armsecops.NewWorkspaceManagerJobsClient(jobsSubscription, credential, withoutRetries(transport)))
		list := &armsecops.WorkspaceManagerJobsClientListOptions{SkipToken: secretSkipToken, Top: 7, OrderBy: "secret desc"}
		ctx := policy.WithHTTPHeader(t.Context(), http.Header{"Authorization": {"Bearer secret/of+the=call"}}) // that is sent
		_, err := client.NewListPager("rg", "workspace", "assignment", list).NextPage(ctx)
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

// What isn't confidential stays, whatever the query is.
func TestErrorsKeepWhatIsNoSecret(t *testing.T) {
	t.Parallel()
	const message = "The api-version '2025-04-01-preview' and $top=5 of 7 items."
	client := newJobsClient(t, options(script(t, respond(400, `{"error":{"message":"`+message+`"}}`))))
	list := &armsecops.WorkspaceManagerJobsClientListOptions{Top: 7}
	assert.ErrorContains(t, errorOf(client.NewListPager("rg", "workspace", "assignment", list).NextPage(t.Context())), message)
	o := withoutRetries(transportFunc(func(req *http.Request) (*http.Response, error) {
		return nil, &url.Error{Op: "Get", URL: req.URL.String(), Err: io.ErrUnexpectedEOF}
	}))
	err := errorOf(newJobsClient(t, o).NewListPager("rg", "workspace", "assignment", list).NextPage(t.Context()))
	assert.Regexp(t, `^WorkspaceManagerJobsClient\.NewListPager: unexpected EOF \(https://management.azure.com/subscriptions/[^?]*/jobs\)$`, err)
	assert.ErrorAs(t, err, new(*url.Error))
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

// Every error prints one line of at most 2 KiB, free of control and bidi
// characters, whatever a server or a credential puts into it; so does a log.
func TestEveryErrorIsOneHarmlessLine(t *testing.T) {
	t.Parallel()
	hostile := strings.Repeat("a\n\x1b[31m\u202e\u2066\x00\xff\r\u2028", 40_000)
	get := func(transport policy.Transporter, credential azcore.TokenCredential) error {
		c := testkit.Must(armsecops.NewSecurityAssignmentsClient(assignmentsSubscription, credential, withoutRetries(transport)))
		return errorOf(c.Get(t.Context(), "rg", "id", nil))
	}
	ok := credentialFunc(func() (azcore.AccessToken, error) { return azcore.AccessToken{Token: "token"}, nil })
	quoted := strconv.Quote(strings.ToValidUTF8(strings.Repeat("a\u202e", 100_000), ""))
	list := func(token string) error {
		o := &armsecops.SecurityAssignmentsClientListOptions{PageOptions: armsecops.PageOptions{ContinuationToken: token}}
		return errorOf(newAssignmentsClient(t, options(respond(200, minimal))).NewListPager("rg", o).NextPage(t.Context()))
	}
	create := func(transport policy.Transporter) error {
		return errorOf(newJobsClient(t, options(transport)).BeginCreate(t.Context(), "rg", "workspace", "assignment", nil))
	}
	failing := transportFunc(func(*http.Request) (*http.Response, error) { return nil, errors.New(hostile) })
	job := armsecops.Job{Name: hostile, Properties: armsecops.JobProperties{ProvisioningState: "Failed", ErrorMessage: hostile}}
	for range 100 {
		job.Properties.Items = append(job.Properties.Items, armsecops.JobItem{ResourceID: hostile, Status: "Failed"})
	}
	testkit.EachCase(t, map[string]error{
		"an error's message":      get(respond(400, `{"error":{"code":`+quoted+`,"message":`+quoted+`,"details":[{"code":`+quoted+`}]}}`), ok),
		"headers":                 get(respond(400, "", "x-ms-request-id", hostile, "x-ms-error-code", hostile), ok),
		"a body that isn't JSON":  get(respond(502, hostile), ok),
		"a wrong time":            get(respond(200, `{"properties":{"expiresOn":`+quoted+`}}`), ok),
		"a duplicate name":        get(respond(200, `{`+quoted+`:1,`+quoted+`:1}`), ok),
		"a deep pointer":          get(respond(200, `{"properties":{"metadata":{`+quoted+`:{"a":1,"a":1}}}}`), ok),
		"a challenge":             get(respond(401, "", "WWW-Authenticate", `Bearer error="insufficient_claims", claims="`+hostile+`"`), ok),
		"a transport":             get(failing, ok),
		"a credential":            get(respond(200, minimal), credentialFunc(func() (azcore.AccessToken, error) { return azcore.AccessToken{}, errors.New(hostile) })),
		"a registration":          get(respond(409, `{"error":{"code":"MissingSubscriptionRegistration","message":`+quoted+`}}`), ok),
		"a parameter":             &armsecops.ParameterError{Name: "name", Value: hostile, Reason: hostile},
		"a job":                   &armsecops.JobFailedError{Job: job},
		"a page":                  &armsecops.PageError{ContinuationToken: hostile, Err: errors.New(hostile)},
		"a subscription":          &armsecops.SubscriptionError{SubscriptionID: hostile, Err: errors.New(hostile)},
		"a token, not base64":     list(hostile),
		"a token, too long":       list(strings.Repeat("A", 2<<20)),
		"an unknown outcome":      create(failing),
		"a job with a wrong name": create(respond(200, `{"name":`+quoted+`}`)),
		"a subscription, no UUID": errorOf(armsecops.NewSecurityAssignmentsClient(hostile, ok, nil)),
		"an id":                   errorOf(armsecops.ParseJobID(hostile)),
	}, func(t *testing.T, err error) {
		require.Error(t, err)
		testkit.AssertHarmlessLine(t, err.Error())
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Error("failed", "err", err)
		assert.Less(t, log.Len(), 8<<10)
		assert.Equal(t, 1, strings.Count(log.String(), "\n"))
		assert.NotContains(t, log.String(), "\u202e")
	})
}

// The default transport checks the endpoint's certificate before anything is sent.
func TestDefaultTransportChecksTheCertificate(t *testing.T) {
	t.Parallel()
	o := driver.NewTLSServer(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") }), false)
	o.Transport = nil
	o.Retry.MaxRetries = -1
	require.ErrorAs(t, errorOf(newAssignmentsClient(t, o).Get(t.Context(), "rg", "id", nil)), new(x509.UnknownAuthorityError))
	_, err := newJobsClient(t, o).Create(t.Context(), "rg", "workspace", "assignment", nil)
	require.ErrorAs(t, err, new(x509.UnknownAuthorityError))
	assert.NotErrorIs(t, err, armsecops.ErrOutcomeUnknown, "no connection was made")
}
