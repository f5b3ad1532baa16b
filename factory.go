package armsecops

import (
	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
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
		return nil, &ParameterError{"APIVersion", options.APIVersion, "must be empty for a factory: each service has its own"}
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

// NewWorkspaceManagerJobsClient returns a client for the jobs of one subscription.
//   - subscriptionID: a UUID; another value is a [*ParameterError]
func (f *ClientFactory) NewWorkspaceManagerJobsClient(subscriptionID string) (*WorkspaceManagerJobsClient, error) {
	c := &WorkspaceManagerJobsClient{client{connection: f.connection, newError: newErrorResponse}}
	return c.WithSubscription(subscriptionID)
}

// NewSecurityAssignmentsClient returns a client for the assignments of one
// subscription, or of none.
//   - subscriptionID: a UUID; another value is a [*ParameterError]. Empty is a client that
//     lists across subscriptions and queries Azure Resource Graph: its other operations
//     return a [*ParameterError]
func (f *ClientFactory) NewSecurityAssignmentsClient(subscriptionID string) (*SecurityAssignmentsClient, error) {
	c := &SecurityAssignmentsClient{client{connection: f.connection, newError: newCloudError}}
	if subscriptionID == "" {
		return c, nil
	}
	return c.WithSubscription(subscriptionID)
}

// NewStandardAssignmentsClient returns a client for the standard assignments of any scope.
func (f *ClientFactory) NewStandardAssignmentsClient() *StandardAssignmentsClient {
	return &StandardAssignmentsClient{client{connection: f.connection, newError: newCloudError}}
}

// The services' own types of error.
func newErrorResponse(e ServiceError) error { return &ErrorResponse{e} }
func newCloudError(e ServiceError) error    { return &CloudError{e} }
