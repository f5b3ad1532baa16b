package armsecops

import (
	"reflect"

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
	return newFactoryOfServices[ClientFactory](credential, options)
}

// newFactoryOfServices returns a factory for the constructor of T, whose services have
// different api-versions.
func newFactoryOfServices[T any](credential azcore.TokenCredential, options *ClientOptions) (*ClientFactory, error) {
	if options != nil && options.APIVersion != "" {
		return nil, refusedBy[T](invalid("APIVersion", options.APIVersion, "must be empty: each service has its own"))
	}
	return newFactory[T](credential, options)
}

// newFactory returns a factory for the constructor of T.
func newFactory[T any](credential azcore.TokenCredential, options *ClientOptions) (*ClientFactory, error) {
	c, err := newConnection(credential, options)
	if err != nil {
		return nil, refusedBy[T](err)
	}
	return &ClientFactory{c}, nil
}

// newClient returns a client of one subscription.
func newClient[T ~struct{ client }](f *ClientFactory, subscriptionID string, newError func(ServiceError) error) (*T, error) {
	if reason := routes.CheckSubscription(subscriptionID); reason != "" {
		return nil, refusedBy[T](invalid("subscriptionID", subscriptionID, reason))
	}
	return &T{client{f.connection, subscriptionID, newError}}, nil
}

// refusedBy returns an error of the constructor of T, whether it is a function or the factory's method.
func refusedBy[T any](err error) error { return withOperation("New"+reflect.TypeFor[T]().Name(), err) }

// The services' own types of error.
func newErrorResponse(e ServiceError) error { return &ErrorResponse{e} }
func newCloudError(e ServiceError) error    { return &CloudError{e} }
