package faults

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/armsecops/armsecops/internal/testkit"
)

// What a program can put around a request that must not be repeated: policies whose
// attempts overlap, and transports that send by themselves or report nothing.

// flight lets a policy act while a request is in flight.
type flight struct {
	arrived func() <-chan struct{} // receives when a request is
	letGo   func()                 // lets a request that is held go
}

// heldFirst holds the first request until the policy lets it go.
var heldFirst = inTurn(held, send(200, "{body}"))

// held holds every request.
func held(w http.ResponseWriter, r *http.Request, s *Server) {
	s.arrived <- struct{}{}
	select {
	case <-s.leave:
	case <-r.Context().Done():
		panic(http.ErrAbortHandler) // as noResponse
	}
	_, _ = io.WriteString(w, s.body(r, false))
}

var errGivenUp = errors.New("given up by a policy")

type attempted struct {
	resp *http.Response
	err  error
}

// inFlight is a policy that acts while its request is in flight.
func (f flight) inFlight(act func(req *policy.Request, first <-chan attempted) (*http.Response, error)) testkit.PolicyFunc {
	return func(req *policy.Request) (*http.Response, error) {
		first, clone := make(chan attempted, 1), req.Clone(req.Raw().Context())
		go func() {
			resp, err := clone.Next()
			first <- attempted{resp, err}
		}()
		select {
		case r := <-first:
			return r.resp, r.err
		case <-f.arrived():
			return act(req, first)
		}
	}
}

// giveUp is a policy that returns while its request is in flight.
func (f flight) giveUp() testkit.PolicyFunc {
	return f.inFlight(func(*policy.Request, <-chan attempted) (*http.Response, error) {
		f.letGo()
		return nil, errGivenUp
	})
}

// hedge is a policy that sends a second request while the first is in flight.
func (f flight) hedge() testkit.PolicyFunc {
	return f.inFlight(func(req *policy.Request, first <-chan attempted) (*http.Response, error) {
		resp, err := req.Clone(req.Raw().Context()).Next()
		f.letGo()
		if r := <-first; err != nil {
			return r.resp, r.err
		}
		return resp, nil
	})
}

// asking is a transport that first sends a request of its own with the same context.
func asking(next http.RoundTripper) http.RoundTripper {
	return testkit.TransportFunc(func(req *http.Request) (*http.Response, error) {
		u := *req.URL
		u.Path = "/health"
		own, err := http.NewRequestWithContext(req.Context(), http.MethodGet, u.String(), nil)
		if err != nil {
			return nil, err
		}
		resp, err := next.RoundTrip(own)
		if err != nil {
			return nil, fmt.Errorf("the transport's own request: %w", err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return next.RoundTrip(req)
	})
}
