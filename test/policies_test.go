package test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
)

// places are those of a policy.
var places = map[string]func(*armsecops.ClientOptions, policy.Policy){
	"per call":  func(o *armsecops.ClientOptions, p policy.Policy) { o.PerCallPolicies = []policy.Policy{p} },
	"per retry": func(o *armsecops.ClientOptions, p policy.Policy) { o.PerRetryPolicies = []policy.Policy{p} },
}

// A caller's policies may do what azcore allows.
func TestPoliciesMayDoWhatAzcoreAllows(t *testing.T) {
	t.Parallel()
	next := func(change func(*http.Response) *http.Response) policyFunc {
		return func(req *policy.Request) (*http.Response, error) {
			resp, err := req.Next()
			if err == nil {
				resp = change(resp)
			}
			return resp, err
		}
	}
	made := func(status int, body string, end error) policyFunc {
		return func(*policy.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Body: io.NopCloser(io.MultiReader(strings.NewReader(body), iotest.ErrReader(end)))}, nil
		}
	}
	type test struct {
		policy policyFunc
		want   string // of the error; empty: success
		lost   bool   // a Create may have been carried out
	}
	testkit.EachCase(t, map[string]test{
		"a copy of the response": {policy: next(func(resp *http.Response) *http.Response { kept := *resp; return &kept })},
		"the body is read": {policy: next(func(resp *http.Response) *http.Response {
			_, _ = io.ReadAll(resp.Body)
			return resp
		})},
		"the body is replaced": {policy: next(func(resp *http.Response) *http.Response {
			body, _ := io.ReadAll(resp.Body)
			resp.Body = io.NopCloser(bytes.NewReader(body))
			return resp
		})},
		"a cached response":           {policy: made(200, `{"name":"cached"}`, io.EOF)},
		"an error of its own":         {policy: made(503, `{"error":{"code":"CircuitOpen"}}`, io.EOF), want: "503 Service Unavailable: CircuitOpen"},
		"a response without a body":   {policy: func(*policy.Request) (*http.Response, error) { return &http.Response{StatusCode: 404}, nil }, want: "404 Not Found"},
		"a success without a body":    {policy: func(*policy.Request) (*http.Response, error) { return &http.Response{StatusCode: 200}, nil }, want: "200 OK: decoding the response", lost: true},
		"a body that breaks":          {policy: made(404, "", io.ErrClosedPipe), want: "404 Not Found: reading the response: " + io.ErrClosedPipe.Error()},
		"a success that breaks":       {policy: made(200, "", io.ErrClosedPipe), want: "200 OK: reading the response: " + io.ErrClosedPipe.Error(), lost: true},
		"an error without a response": {policy: func(*policy.Request) (*http.Response, error) { return nil, errors.New("circuit open") }, want: "circuit open"},
		"an error beside the response": {policy: func(req *policy.Request) (*http.Response, error) {
			resp, _ := req.Next()
			return resp, errors.New("disliked")
		}, want: "disliked", lost: true},
	}, func(t *testing.T, test test) {
		testkit.EachCase(t, places, func(t *testing.T, set func(*armsecops.ClientOptions, policy.Policy)) {
			o := withoutRetries(respond(200, `{"name":"a"}`))
			set(o, test.policy)
			_, err := newAssignmentsClient(t, o).Get(t.Context(), "rg", "id", nil)
			if test.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.want)
			}
			if _, err = newAssignmentsClient(t, o).Delete(t.Context(), "rg", "id", nil); err != nil {
				assert.NotEmpty(t, err.Error())
			}
			_, err = newJobsClient(t, o).Create(t.Context(), "rg", "workspace", "assignment", nil)
			assert.Equal(t, test.lost, errors.Is(err, armsecops.ErrOutcomeUnknown), err)
		})
	})
}

// The time limit of a caller's policy is over when the call is: that says nothing of why it failed.
func TestTimeLimitOfAPolicyHidesNothing(t *testing.T) {
	t.Parallel()
	errOfPolicy := errors.New("the policy's own error")
	refused := &net.OpError{Op: "dial", Err: errors.New("refused")}
	fails := func(*http.Request) (*http.Response, error) { return nil, refused }
	redirected := func(req *http.Request) (*http.Response, error) {
		other := req.Clone(req.Context())
		other.Response = &http.Response{}
		return respond(200, `{"name":"a"}`)(other)
	}
	broken := credentialFunc(func() (azcore.AccessToken, error) { return azcore.AccessToken{}, errors.New("no token") })
	var works azcore.TokenCredential = &azfake.TokenCredential{}
	type test struct {
		credential azcore.TokenCredential
		transport  transportFunc
		is         error // nil: the text alone
		text       string
	}
	testkit.EachCase(t, map[string]test{
		"credential": {broken, respond(200, `{"name":"a"}`), armsecops.ErrCredential, "no token"},
		"dial":       {works, fails, refused, "refused"},
		"too large":  {works, respond(200, `{"name":"`+strings.Repeat("a", 2000)+`"}`), armsecops.ErrResponseTooLarge, ""},
		"a redirect": {works, redirected, nil, "followed a redirect"},
		"throttled":  {works, respond(429, "", "Retry-After", "3600"), armsecops.ErrThrottled, "429"},
		"an error":   {works, respond(403), armsecops.ErrForbidden, "403"},
		"the limit is over": {works, func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		}, context.DeadlineExceeded, ""},
		"the limit, a retry": {works, respond(503, "", "Retry-After", "1"), context.DeadlineExceeded, "context deadline exceeded; the last attempt failed: 503"},
	}, func(t *testing.T, test test) {
		places := maps.Clone(places)
		if test.is == context.DeadlineExceeded {
			delete(places, "per retry") // it is that of an attempt
		}
		testkit.EachInBubble(t, places, func(t *testing.T, set func(*armsecops.ClientOptions, policy.Policy)) {
			o := options(test.transport)
			o.Retry.MaxRetries, o.MaxResponseBytes = 1, 1000
			set(o, policyFunc(func(req *policy.Request) (*http.Response, error) {
				ctx, cancel := context.WithTimeout(req.Raw().Context(), time.Second/2)
				defer cancel()
				resp, err := req.WithContext(ctx).Next()
				if err != nil {
					err = fmt.Errorf("%w: %w", errOfPolicy, err)
				}
				return resp, err
			}))
			client := testkit.Must(armsecops.NewSecurityAssignmentsClient(assignmentsSubscription, test.credential, o))
			for range 2 { // the second one meets a closed gate
				_, err := client.Get(t.Context(), "rg", "id", nil)
				require.ErrorContains(t, err, test.text)
				require.NotErrorIs(t, err, context.Canceled)
				if test.is != nil {
					require.ErrorIs(t, err, test.is)
				}
				if test.is == context.DeadlineExceeded {
					require.ErrorIs(t, err, errOfPolicy)
				} else {
					require.NotErrorIs(t, err, context.DeadlineExceeded)
				}
			}
		})
	})
}

// Requests that overlap don't write the caller's variable.
func TestOverlappingPagesAreNotCaptured(t *testing.T) {
	t.Parallel()
	var captured *http.Response
	ctx := policy.WithCaptureResponse(t.Context(), &captured)
	client := newAssignmentsClient(t, options(respond(200, minimal)))
	readAll(t, client.ListAcrossSubscriptions(ctx, subscriptionIDs(8), nil))
	readAll(t, client.NewListPager("rg", &armsecops.SecurityAssignmentsClientListOptions{PageOptions: armsecops.PageOptions{Prefetch: 1}}).All(ctx))
	assert.Nil(t, captured)
	readAll(t, client.NewListPager("rg", nil).All(ctx))
	assert.NotNil(t, captured)
}

// The caller's policies see every operation's request as it is sent, and the body of a success, as WithCaptureResponse does.
func TestPoliciesSeeRequestAndResponse(t *testing.T) {
	t.Parallel()
	for _, route := range driver.Operations() {
		e, ok := testkit.ExchangeOf(route)
		if !ok {
			continue
		}
		t.Run(route.Operation, func(t *testing.T) {
			t.Parallel()
			var seen []string
			see := policyFunc(func(req *policy.Request) (*http.Response, error) {
				assert.Equal(t, e.Request.URL, req.Raw().URL.String())
				req.Raw().Header["Accept"][0] = "application/json" // the race detector sees a header that requests share
				resp, err := req.Next()
				if assert.NoError(t, err) {
					text, err := io.ReadAll(resp.Body)
					assert.NoError(t, err)
					seen = append(seen, string(text))
					resp.Body = io.NopCloser(bytes.NewReader(text))
				}
				return resp, err
			})
			o := options(script(t, e.Transport(t)))
			o.PerCallPolicies, o.PerRetryPolicies = []policy.Policy{see}, []policy.Policy{see}
			var captured *http.Response
			require.NoError(t, errorOf(driver.Call(policy.WithCaptureResponse(t.Context(), &captured), e.Call(), o)))
			e.AssertReceived(t, captured)
			if route.Kind != routes.Delete {
				assert.Equal(t, []string{string(e.Response.Body), string(e.Response.Body)}, seen)
			}
			assert.Len(t, o.PerCallPolicies, 1, "the caller's options are not changed")
			assert.Len(t, o.PerRetryPolicies, 1, "the caller's options are not changed")
		})
	}
}
