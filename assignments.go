package armsecops

import (
	"context"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/armsecops/armsecops/internal/routes"
)

// SecurityAssignmentsClient reads and writes the assignments of security
// standards, and the exemptions from them, in Microsoft Defender for Cloud,
// api-version 2021-08-01-preview. It is safe for concurrent use.
//
// See https://learn.microsoft.com/rest/api/defenderforcloud/assignments.
type SecurityAssignmentsClient struct {
	client
}

// NewSecurityAssignmentsClient returns a client for the assignments of one subscription.
//   - subscriptionID: a UUID
//   - credential: an azidentity credential, or the TokenCredential of azcore/fake in a test
//   - options: nil for the defaults
//
// A parameter that breaks its rule is a [*ParameterError].
func NewSecurityAssignmentsClient(subscriptionID string, credential azcore.TokenCredential, options *ClientOptions) (*SecurityAssignmentsClient, error) {
	c, err := newClient(subscriptionID, credential, options, func(e ServiceError) error { return &CloudError{e} })
	if err != nil {
		return nil, err
	}
	return &SecurityAssignmentsClient{c}, nil
}

// WithSubscription returns a client for another subscription that shares this
// one's pipeline and token cache.
//   - subscriptionID: a UUID; another value is a [*ParameterError]
func (c *SecurityAssignmentsClient) WithSubscription(subscriptionID string) (*SecurityAssignmentsClient, error) {
	if err := checkSubscription(subscriptionID); err != nil {
		return nil, err
	}
	return &SecurityAssignmentsClient{client{c.client.connection, subscriptionID}}, nil
}

// Get returns an assignment.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - assignmentID: the assignment's name, without /, ? and #
//   - options: nil for the defaults
//
// A parameter that breaks its rule is a [*ParameterError], an answer that isn't
// success a [*CloudError]; [ErrNotFound] tells that there is no such assignment.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assignments/get
func (c *SecurityAssignmentsClient) Get(ctx context.Context, resourceGroupName, assignmentID string, options *SecurityAssignmentsClientGetOptions) (SecurityAssignmentsClientGetResponse, error) {
	return run[SecurityAssignmentsClientGetResponse](ctx, c.client, call{
		route:  routes.AssignmentsGet,
		values: []string{c.subscriptionID, resourceGroupName, assignmentID},
	})
}

// CreateOrUpdate creates an assignment, or replaces the one of that name. To
// change one, get it, change the fields in question and put the rest back as it
// came: members that this version doesn't know are kept.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - assignmentID: the assignment's name, without /, ? and #
//   - assignment: the whole of the assignment
//   - options: nil for the defaults
//
// A parameter that breaks its rule is a [*ParameterError], an answer that isn't
// success a [*CloudError]. The call is repeated where an answer is lost; it
// leaves the same assignment however often it is carried out.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assignments/create-or-update
func (c *SecurityAssignmentsClient) CreateOrUpdate(ctx context.Context, resourceGroupName, assignmentID string, assignment Assignment, options *SecurityAssignmentsClientCreateOrUpdateOptions) (SecurityAssignmentsClientCreateOrUpdateResponse, error) {
	return run[SecurityAssignmentsClientCreateOrUpdateResponse](ctx, c.client, call{
		route:  routes.AssignmentsCreateOrUpdate,
		values: []string{c.subscriptionID, resourceGroupName, assignmentID},
		body:   &assignment,
	})
}

// Delete deletes an assignment. Deleting one that doesn't exist is success.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - assignmentID: the assignment's name, without /, ? and #
//   - options: nil for the defaults
//
// A parameter that breaks its rule is a [*ParameterError], an answer that isn't
// success a [*CloudError].
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assignments/delete
func (c *SecurityAssignmentsClient) Delete(ctx context.Context, resourceGroupName, assignmentID string, options *SecurityAssignmentsClientDeleteOptions) (SecurityAssignmentsClientDeleteResponse, error) {
	return run[SecurityAssignmentsClientDeleteResponse](ctx, c.client, call{
		route:  routes.AssignmentsDelete,
		values: []string{c.subscriptionID, resourceGroupName, assignmentID},
	})
}

// NewListPager lists the assignments of a resource group.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - options: nil for the defaults
//
// Nothing is sent before the first page is asked for. See [Pager] for how to
// read it and for its errors; those of the service are [*CloudError].
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assignments/list
func (c *SecurityAssignmentsClient) NewListPager(resourceGroupName string, options *SecurityAssignmentsClientListOptions) *Pager[Assignment] {
	if options == nil {
		options = &SecurityAssignmentsClientListOptions{}
	}
	return newPager[Assignment](c.client, call{
		route:  routes.AssignmentsList,
		values: []string{c.subscriptionID, resourceGroupName},
	}, options.PageOptions)
}

// NewListBySubscriptionPager lists the assignments of the client's subscription.
//   - options: nil for the defaults
//
// Nothing is sent before the first page is asked for. See [Pager] for how to
// read it and for its errors; those of the service are [*CloudError].
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assignments/list-by-subscription
func (c *SecurityAssignmentsClient) NewListBySubscriptionPager(options *SecurityAssignmentsClientListBySubscriptionOptions) *Pager[Assignment] {
	if options == nil {
		options = &SecurityAssignmentsClientListBySubscriptionOptions{}
	}
	return newPager[Assignment](c.client, call{
		route:  routes.AssignmentsListBySubscription,
		values: []string{c.subscriptionID},
	}, options.PageOptions)
}
