package test

import (
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// roundTripperFunc is an [http.RoundTripper] that is a function.
type roundTripperFunc func(*http.Request) (*http.Response, error)

func (f roundTripperFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// repeats is a policy that sends a request three times, whatever comes back.
var repeats = policyFunc(func(req *policy.Request) (resp *http.Response, err error) {
	for range 3 {
		if resp, err = req.Next(); err != nil {
			return resp, err
		}
	}
	return resp, err
})

// repeatsOnError is a policy that sends a request again if it fails.
var repeatsOnError = policyFunc(func(req *policy.Request) (resp *http.Response, err error) {
	for range 3 {
		if resp, err = req.Next(); err == nil && resp.StatusCode < 500 {
			return resp, nil
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
		"a policy per call":        func(o *armsecops.ClientOptions) { o.PerCallPolicies = []policy.Policy{repeatsOnError} },
		"a policy per retry":       func(o *armsecops.ClientOptions) { o.PerRetryPolicies = []policy.Policy{repeatsOnError} },
		"a policy that repeats":    func(o *armsecops.ClientOptions) { o.PerCallPolicies = []policy.Policy{repeats} },
		"the same inside of retry": func(o *armsecops.ClientOptions) { o.PerRetryPolicies = []policy.Policy{repeats} },
		"an Idempotency-Key": func(o *armsecops.ClientOptions) {
			o.PerRetryPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
				req.Raw().Header.Set("Idempotency-Key", "1")
				req.Raw().Header.Set("X-Idempotency-Key", "1")
				return req.Next()
			})}
		},
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
					assert.Empty(t, r.Header.Values("Idempotency-Key"))
					assert.Empty(t, r.Header.Values("X-Idempotency-Key"))
					handler(w, r)
				}))
				set(o)
				ctx := policy.WithRetryOptions(t.Context(), o.Retry)
				_, err := newJobsClient(t, o).Create(ctx, "rg", "workspace", "assignment", nil)
				assert.EqualValues(t, 1, requests.Load())
				if err != nil {
					require.ErrorIs(t, err, armsecops.ErrOutcomeUnknown)
				} else {
					assert.Equal(t, "success", response)
				}
			})
		}
	}
}

// Whether the outcome is unknown is decided by what the transport reports, or
// else by the error.
func TestOutcomeIsUnknownOnlyIfTheRequestMayHaveBeenSent(t *testing.T) {
	t.Parallel()
	fails := func(err error) transportFunc {
		return func(*http.Request) (*http.Response, error) { return nil, err }
	}
	badHeader := policyFunc(func(req *policy.Request) (*http.Response, error) {
		req.Raw().Header["X-Bad"] = []string{"a\nb"}
		return req.Next()
	})
	tests := map[string]struct {
		transport policy.Transporter // nil: of a server that must not get a request
		policies  []policy.Policy
		unknown   bool
	}{
		"a header that net/http refuses":                  {policies: []policy.Policy{badHeader}},
		"the same, the default transport":                 {transport: http.DefaultClient, policies: []policy.Policy{badHeader}},
		"a read error, not traced":                        {transport: fails(&net.OpError{Op: "read", Err: syscall.ECONNRESET}), unknown: true},
		"an *http.Client with another RoundTripper fails": {transport: &http.Client{Transport: roundTripperFunc(fails(errors.New("no idea")))}, unknown: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newTLSServer(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("sent") }))
			o.Retry.MaxRetries = -1
			o.PerRetryPolicies = test.policies
			if test.transport != nil {
				o.Transport = test.transport
			}
			_, err := newJobsClient(t, o).Create(t.Context(), "rg", "workspace", "assignment", nil)
			require.Error(t, err)
			assert.Equal(t, test.unknown, errors.Is(err, armsecops.ErrOutcomeUnknown), err)
		})
	}
}
