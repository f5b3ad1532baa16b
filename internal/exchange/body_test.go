package exchange

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/testkit"
)

// A transport may read the body of a request for a while after it has returned, which is a while into the next attempt.
func TestEachAttemptHasItsOwnBody(t *testing.T) {
	t.Parallel()
	hedge := policyFunc(func(req *policy.Request) (*http.Response, error) {
		other := req.Clone(req.Raw().Context())
		if _, err := req.Next(); err != nil {
			return nil, err
		}
		return other.Next()
	})
	wrap := policyFunc(func(req *policy.Request) (*http.Response, error) {
		var progress strings.Builder
		req.Raw().Body = io.NopCloser(io.TeeReader(req.Raw().Body, &progress))
		resp, err := req.Next()
		assert.Equal(t, "document", progress.String())
		return resp, err
	})
	unknownLength := policyFunc(func(req *policy.Request) (*http.Response, error) {
		req.Raw().Body, req.Raw().ContentLength = io.NopCloser(io.MultiReader(req.Raw().Body)), 0
		return req.Next()
	})
	type test struct {
		policies []policy.Policy
		statuses []int
		length   int64 // of the request, as the transport is told
	}
	testkit.EachCase(t, map[string]test{
		"retry":          {nil, []int{503, 503, 200}, int64(len("document"))},
		"body wrapped":   {[]policy.Policy{wrap}, []int{503, 200}, int64(len("document"))},
		"unknown length": {[]policy.Policy{unknownLength}, []int{503, 200}, 0},
		"hedge":          {[]policy.Policy{hedge}, []int{200, 200}, int64(len("document"))},
	}, func(t *testing.T, test test) {
		var s setup
		s.options.PerRetryPolicies = test.policies
		var earlier []io.Reader
		var responses []transportFunc
		for _, status := range test.statuses {
			responses = append(responses, func(req *http.Request) (*http.Response, error) {
				for _, body := range earlier {
					_, _ = io.ReadAll(body)
				}
				again := testkit.Must(req.GetBody()) // as net/http does to send the request on another connection
				for _, body := range []io.Reader{again, req.Body} {
					text := testkit.Must(io.ReadAll(body))
					assert.Equal(t, "document", string(text))
				}
				assert.Equal(t, test.length, req.ContentLength)
				earlier = append(earlier, req.Body, again)
				return respond(status, "")(req)
			})
		}
		req := newRequest(t, t.Context(), read())
		require.NoError(t, req.SetBody(NewBody([]byte("document")), "application/json"))
		_, _, err := Do(s.pipeline(responses...), req)
		require.NoError(t, err)
		assert.EqualValues(t, len(test.statuses), s.requests.Load())
	})
}
