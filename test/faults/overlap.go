package faults

import (
	"errors"
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

// held holds every request until the policy lets it go.
func held(w http.ResponseWriter, r *http.Request, s *Server) {
	s.arrived <- struct{}{}
	select {
	case <-s.leave:
	case <-r.Context().Done():
		panic(http.ErrAbortHandler) // as noResponse
	}
	_, _ = io.WriteString(w, s.body(r, false))
}

// attempted returns the result of a request.
type attempted func() (*http.Response, error)

// inFlight is a policy that acts while its request is in flight.
func (f flight) inFlight(act func(req *policy.Request, first <-chan attempted) (*http.Response, error)) testkit.PolicyFunc {
	return func(req *policy.Request) (*http.Response, error) {
		first, clone := make(chan attempted, 1), req.Clone(req.Raw().Context())
		go func() {
			resp, err := clone.Next()
			first <- func() (*http.Response, error) { return resp, err }
		}()
		select {
		case r := <-first:
			return r()
		case <-f.arrived():
			return act(req, first)
		}
	}
}

// giveUp is a policy that returns while its request is in flight.
func (f flight) giveUp() testkit.PolicyFunc {
	return f.inFlight(func(*policy.Request, <-chan attempted) (*http.Response, error) {
		f.letGo()
		return nil, errors.New("given up by a policy")
	})
}

// hedge is a policy that sends a second request while the first is in flight.
func (f flight) hedge() testkit.PolicyFunc {
	return f.inFlight(func(req *policy.Request, first <-chan attempted) (*http.Response, error) {
		resp, err := req.Clone(req.Raw().Context()).Next()
		f.letGo()
		if r := <-first; err != nil {
			return r()
		}
		return resp, nil
	})
}
