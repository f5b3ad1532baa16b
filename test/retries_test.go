package test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// Whether the job may run is known if the context ends before there is a connection.
func TestCreateWhoseDialIsCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := newJobsClient(t, options(&http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		cancel()
		<-ctx.Done()
		return nil, ctx.Err()
	}}})).Create(ctx, "rg", "workspace", "assignment", nil)
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, armsecops.ErrOutcomeUnknown)
}

// A conflict after an attempt that may have been applied can be that attempt's
// doing; test/faults has more.
func TestConflictAfterALostWriteIsUnknown(t *testing.T) {
	t.Parallel()
	for status, sentinel := range map[int]error{400: nil, 409: armsecops.ErrConflict, 412: armsecops.ErrPreconditionFailed} {
		for first, response := range map[string]transportFunc{"lost": lost, "408": respond(408), "429": respond(429)} {
			client := func() *armsecops.SecurityAssignmentsClient {
				return newAssignmentsClient(t, options(script(t, response, respond(status))))
			}
			for method, err := range map[string]error{
				"CreateOrUpdate": errorOf(client().CreateOrUpdate(t.Context(), "rg", "id", armsecops.Assignment{}, nil)),
				"Delete":         errorOf(client().Delete(t.Context(), "rg", "id", nil)),
				"Get":            errorOf(client().Get(t.Context(), "rg", "id", nil)),
			} {
				want := first != "429" && sentinel != nil && method != "Get"
				assert.Equal(t, want, errors.Is(err, armsecops.ErrOutcomeUnknown), "%s, %d, %s: %v", first, status, method, err)
				assert.Equal(t, want, strings.HasSuffix(err.Error(), "; get the resource before sending it again"), "%s, %d, %s", first, status, method)
				assert.Equal(t, first != "429" && sentinel == nil && method != "Get", strings.HasSuffix(err.Error(), "; it may have been carried out, and can be sent again"))
				assert.Equal(t, sentinel != nil, errors.Is(err, sentinel), "%s, %d, %s: %v", first, status, method, err)
			}
		}
	}
}

// A deletion is done if a 404 follows an attempt that may have been it. That another
// 404 came before the end of the context, or of azcore's registration, says nothing.
func TestDeletionThatIsGone(t *testing.T) {
	t.Parallel()
	gone := respond(404, `{"error":{"code":"NotFound"}}`)
	hang := func(req *http.Request) (*http.Response, error) {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	type test struct {
		responses []transportFunc
		retried   []int // status codes; nil for azcore's
		err       error
	}
	each(t, map[string]test{
		"after a lost response":    {[]transportFunc{lost, gone}, nil, nil},
		"before the context's end": {[]transportFunc{gone, hang}, []int{404}, context.DeadlineExceeded},
		"of the registration":      {[]transportFunc{lost, respond(409, `{"error":{"code":"MissingRegistrationForResourceProvider"}}`), gone}, nil, armsecops.ErrOutcomeUnknown},
	}, func(t *testing.T, test test) {
		synctest.Test(t, func(t *testing.T) {
			o := options(script(t, test.responses...))
			o.Retry.StatusCodes = test.retried
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			assert.ErrorIs(t, errorOf(newAssignmentsClient(t, o).Delete(ctx, "rg", "id", nil)), test.err)
		})
	})
}

// Reads follow the caller's retry options, of the client and of the call.
func TestReadsFollowRetryOptions(t *testing.T) {
	t.Parallel()
	whole := respond(200, `{"name":"whole"}`)
	type test struct {
		retry     policy.RetryOptions
		responses []transportFunc
		err       string // empty: success
	}
	each(t, map[string]test{
		"retries by default":     {policy.RetryOptions{}, []transportFunc{lost, lost, lost, whole}, ""},
		"no retries":             {policy.RetryOptions{MaxRetries: -1}, []transportFunc{respond(503)}, "503"},
		"one retry":              {policy.RetryOptions{MaxRetries: 1}, []transportFunc{respond(503), respond(503)}, "503"},
		"status code":            {policy.RetryOptions{StatusCodes: []int{418}}, []transportFunc{respond(418), whole}, ""},
		"another status code":    {policy.RetryOptions{StatusCodes: []int{418}}, []transportFunc{respond(503)}, "503"},
		"should retry":           {policy.RetryOptions{ShouldRetry: isStatus(404)}, []transportFunc{respond(404), whole}, ""},
		"should retry, and no":   {policy.RetryOptions{ShouldRetry: isStatus(404)}, []transportFunc{respond(503)}, "503"},
		"should retry, and lost": {policy.RetryOptions{ShouldRetry: isStatus(404)}, []transportFunc{lost}, "unexpected EOF"},
	}, func(t *testing.T, test test) {
		check := func(ctx context.Context, o *armsecops.ClientOptions) {
			t.Helper()
			resp, err := newAssignmentsClient(t, o).Get(ctx, "rg", "id", nil)
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, "whole", resp.Name)
		}
		test.retry.RetryDelay = 1
		perClient := options(script(t, test.responses...))
		perClient.Retry = test.retry
		check(t.Context(), perClient)
		check(policy.WithRetryOptions(t.Context(), test.retry), options(script(t, test.responses...)))
	})
}

// isStatus returns a ShouldRetry of one status code.
func isStatus(code int) func(*http.Response, error) bool {
	return func(resp *http.Response, err error) bool { return err == nil && resp.StatusCode == code }
}
