package test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// repeats is a policy that sends a request three times, whatever comes back.
var repeats = policyFunc(func(req *policy.Request) (resp *http.Response, err error) {
	for range 3 {
		if resp, err = req.Next(); err != nil {
			return resp, err
		}
	}
	return resp, err
})

// No option, policy or header makes the library send a second POST that the
// service may have acted on.
func TestCreateIsSentOnceWhateverTheOptions(t *testing.T) {
	t.Parallel()
	always := func(*http.Response, error) bool { return true }
	options := map[string]func(*armsecops.ClientOptions){
		"ShouldRetry":              func(o *armsecops.ClientOptions) { o.Retry.ShouldRetry = always },
		"StatusCodes":              func(o *armsecops.ClientOptions) { o.Retry.StatusCodes = []int{200, 408, 500, 503} },
		"a policy that repeats":    func(o *armsecops.ClientOptions) { o.PerCallPolicies = []policy.Policy{repeats} },
		"the same inside of retry": func(o *armsecops.ClientOptions) { o.PerRetryPolicies = []policy.Policy{repeats} },
	}
	responses := map[string]http.HandlerFunc{
		"500":              func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"408":              func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(408) },
		"reset":            resetConnection,
		"cut":              sendHalf,
		"success":          func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(startedJob)) },
		"success, no JSON": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{")) },
	}
	for option, set := range options {
		for response, handler := range responses {
			t.Run(option+"/"+response, func(t *testing.T) {
				t.Parallel()
				var requests atomic.Int32
				o := newTLSServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					requests.Add(1)
					handler(w, r)
				}))
				set(o)
				ctx := policy.WithRetryOptions(t.Context(), o.Retry)
				_, err := newJobsClient(t, o).Create(ctx, "rg", "workspace", "assignment", nil)
				assert.EqualValues(t, 1, requests.Load())
				if err != nil {
					require.ErrorIs(t, err, armsecops.ErrOutcomeUnknown)
					assert.ErrorContains(t, err, "WorkspaceManagerJobsClient.Create: ")
					assert.ErrorContains(t, err, "list the jobs")
				} else {
					assert.Equal(t, "success", response)
				}
			})
		}
	}
}
