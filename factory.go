package armsecops

import (
	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/armsecops/armsecops/internal/routes"
)

// ClientFactory makes clients that share one pipeline and its token cache, and
// wait together if a subscription is throttled. It is safe for concurrent use.
type ClientFactory struct {
	connection *connection
}

// NewClientFactory returns a factory of clients.
//   - credential: an azidentity credential, or the TokenCredential of azcore/fake in a test
//   - options: nil for the defaults; APIVersion must be empty, as each service has its own
//
// An invalid parameter is a [*ParameterError].
func NewClientFactory(credential azcore.TokenCredential, options *ClientOptions) (*ClientFactory, error) {
	if options != nil && options.APIVersion != "" {
		return nil, invalid("APIVersion", options.APIVersion, "must be empty for a factory: each service has its own")
	}
	return newFactory(credential, options)
}

// newFactory returns the factory of a client that may be the only one.
func newFactory(credential azcore.TokenCredential, options *ClientOptions) (*ClientFactory, error) {
	c, err := newConnection(credential, options)
	if err != nil {
		return nil, err
	}
	return &ClientFactory{c}, nil
}

// newClient returns a client of one subscription.
func newClient[T ~struct{ client }](f *ClientFactory, subscriptionID string, newError func(ServiceError) error) (*T, error) {
	if reason := routes.CheckSubscription(subscriptionID); reason != "" {
		return nil, invalid("subscriptionID", subscriptionID, reason)
	}
	return &T{client{f.connection, subscriptionID, newError}}, nil
}

// The services' own types of error.
func newErrorResponse(e ServiceError) error { return &ErrorResponse{e} }
func newCloudError(e ServiceError) error    { return &CloudError{e} }
