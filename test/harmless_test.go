package test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// Every error prints one line of at most 2 KiB, free of control and bidi
// characters, whatever a server or a credential puts into it; so does a log.
func TestEveryErrorIsOneHarmlessLine(t *testing.T) {
	t.Parallel()
	hostile := strings.Repeat("a\n\x1b[31m\u202e\u2066\x00\xff\r\u2028", 40_000)
	get := func(transport policy.Transporter, credential azcore.TokenCredential) error {
		o := options(transport)
		o.Retry.MaxRetries = -1
		c, err := armsecops.NewSecurityAssignmentsClient(assignmentsSubscription, credential, o)
		require.NoError(t, err)
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
	tests := map[string]error{
		"an error's message":       get(respond(400, `{"error":{"code":`+quoted+`,"message":`+quoted+`,"details":[{"code":`+quoted+`}]}}`), ok),
		"headers":                  get(respond(400, "", "x-ms-request-id", hostile, "x-ms-error-code", hostile), ok),
		"a body that isn't JSON":   get(respond(502, hostile), ok),
		"a wrong time":             get(respond(200, `{"properties":{"expiresOn":`+quoted+`}}`), ok),
		"a duplicate name":         get(respond(200, `{`+quoted+`:1,`+quoted+`:1}`), ok),
		"a deep pointer":           get(respond(200, `{"properties":{"metadata":{`+quoted+`:{"a":1,"a":1}}}}`), ok),
		"a challenge":              get(respond(401, "", "WWW-Authenticate", `Bearer error="insufficient_claims", claims="`+hostile+`"`), ok),
		"a transport":              get(failing, ok),
		"a credential":             get(respond(200, minimal), credentialFunc(func() (azcore.AccessToken, error) { return azcore.AccessToken{}, errors.New(hostile) })),
		"a registration":           get(respond(409, `{"error":{"code":"MissingSubscriptionRegistration","message":`+quoted+`}}`), ok),
		"a parameter":              &armsecops.ParameterError{Name: "name", Value: hostile, Reason: hostile},
		"a job":                    &armsecops.JobFailedError{Job: job},
		"a page":                   &armsecops.PageError{ContinuationToken: hostile, Err: errors.New(hostile)},
		"a subscription":           &armsecops.SubscriptionError{SubscriptionID: hostile, Err: errors.New(hostile)},
		"a token, not base64":      list(hostile),
		"a token, too long":        list(strings.Repeat("A", 2<<20)),
		"an unknown outcome":       create(failing),
		"a job with a wrong name":  create(respond(200, `{"name":`+quoted+`}`)),
		"a subscription, no UUID":  errorOf(armsecops.NewSecurityAssignmentsClient(hostile, ok, nil)),
		"an id":                    errorOf(armsecops.ParseJobID(hostile)),
		"an error within an error": fmt.Errorf("wrapped"),
	}
	for name, err := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Error(t, err)
			assertHarmlessLine(t, err.Error())
			var log bytes.Buffer
			slog.New(slog.NewTextHandler(&log, nil)).Error("failed", "err", err)
			assert.Less(t, log.Len(), 8<<10)
			assert.Equal(t, 1, strings.Count(log.String(), "\n"))
			assert.NotContains(t, log.String(), "\u202e")
		})
	}
}

// The error of a credential is long, and ends in advice.
func TestCredentialErrorKeepsItsAdvice(t *testing.T) {
	t.Parallel()
	const advice = "To troubleshoot, visit https://aka.ms/azsdk/go/identity/troubleshoot#azure-cli"
	text := "DefaultAzureCredential: failed to acquire a token.\nAttempted credentials:\n\t" + strings.Repeat("EnvironmentCredential: missing\n\t", 200) + advice
	c, err := armsecops.NewSecurityAssignmentsClient(assignmentsSubscription, credentialFunc(func() (azcore.AccessToken, error) {
		return azcore.AccessToken{}, errors.New(text)
	}), options(script(t)))
	require.NoError(t, err)
	_, err = c.Get(t.Context(), "rg", "id", nil)
	require.Error(t, err)
	assertHarmlessLine(t, err.Error())
	assert.Contains(t, err.Error(), "SecurityAssignmentsClient.Get: DefaultAzureCredential: failed to acquire a token. Attempted credentials: EnvironmentCredential")
	assert.True(t, strings.HasSuffix(err.Error(), advice), err)
}

// A Cloud without Resource Manager is refused as the caller's mistake.
func TestCloudWithoutResourceManager(t *testing.T) {
	t.Parallel()
	o := options(script(t))
	o.Cloud.ActiveDirectoryAuthorityHost = "https://login.example"
	_, err := armsecops.NewSecurityAssignmentsClient(assignmentsSubscription, credentialFunc(nil), o)
	assertParameterError(t, err, "options")
	assert.ErrorContains(t, err, "missing Azure Resource Manager configuration")
}
