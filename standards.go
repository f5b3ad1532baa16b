package armsecops

import (
	"context"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/armsecops/armsecops/internal/routes"
)

// StandardAssignmentsClient reads and writes the audits by security standards,
// the exemptions from them and the attestations in Microsoft Defender for Cloud,
// at any scope, api-version 2024-08-01. The package documentation says where
// other exemptions are. It is safe for concurrent use.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/standard-assignments
type StandardAssignmentsClient struct {
	client
}

// NewStandardAssignmentsClient returns a client for the standard assignments of any scope.
//   - credential: an azidentity credential, or the TokenCredential of azcore/fake in a test
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError].
func NewStandardAssignmentsClient(credential azcore.TokenCredential, options *ClientOptions) (*StandardAssignmentsClient, error) {
	f, err := newFactory(credential, options)
	if err != nil {
		return nil, err
	}
	return f.NewStandardAssignmentsClient(), nil
}

// Get returns a standard assignment.
//   - scope: the resource id of a management group, subscription, resource group, security connector or single resource, with or without its first slash
//   - standardAssignmentName: a UUID, with or without braces
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success a
// [*CloudError]; it is [ErrNotFound] if there is no such standard assignment.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/standard-assignments/get
func (c *StandardAssignmentsClient) Get(ctx context.Context, scope, standardAssignmentName string, options *StandardAssignmentsClientGetOptions) (StandardAssignmentsClientGetResponse, error) {
	return run[StandardAssignmentsClientGetResponse](ctx, c.client, call{
		route:  routes.StandardAssignmentsGet,
		values: pathValues{scope, standardAssignmentName},
	})
}

// CreateOrUpdate creates a standard assignment, or replaces the one of that name.
// To change one, get it, change the fields in question and put it back: members
// that this version doesn't know are kept. A row of Azure Resource Graph isn't for
// that: it has columns that are no members, and may be minutes old.
//
// An exemption takes up to 24 hours to count, and Microsoft's limit is 5,000 of a
// subscription. For a single resource, a role on the subscription may not suffice;
// for a management group, the service principal "Windows Azure Security Resource
// Provider" (or "Microsoft Azure ...") needs the role Reader there.
//
// To put a copy under another name or scope, clear its ID, Name, Type and
// SystemData first: Azure refuses the name of another resource, and a top-level
// member of AdditionalProperties that the resource doesn't have.
//   - scope: the resource id of a management group, subscription, resource group, security connector or single resource, with or without its first slash
//   - standardAssignmentName: a UUID, with or without braces; a new one for a new assignment
//   - standardAssignment: all of the standard assignment; the service ignores the fields that it sets itself
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success a
// [*CloudError]. The call is repeated if a response is lost; it leaves the same
// standard assignment however often it is carried out.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/standard-assignments/create
func (c *StandardAssignmentsClient) CreateOrUpdate(ctx context.Context, scope, standardAssignmentName string, standardAssignment StandardAssignment, options *StandardAssignmentsClientCreateOrUpdateOptions) (StandardAssignmentsClientCreateOrUpdateResponse, error) {
	return run[StandardAssignmentsClientCreateOrUpdateResponse](ctx, c.client, call{
		route:     routes.StandardAssignmentsCreateOrUpdate,
		values:    pathValues{scope, standardAssignmentName},
		parameter: "standardAssignment",
		body:      &standardAssignment,
	})
}

// Delete deletes a standard assignment. Deleting one that doesn't exist is
// success if the service says 204; it is [ErrNotFound] if the service says 404.
//   - scope: the resource id of a management group, subscription, resource group, security connector or single resource, with or without its first slash
//   - standardAssignmentName: a UUID, with or without braces
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success a
// [*CloudError].
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/standard-assignments/delete
func (c *StandardAssignmentsClient) Delete(ctx context.Context, scope, standardAssignmentName string, options *StandardAssignmentsClientDeleteOptions) (StandardAssignmentsClientDeleteResponse, error) {
	return run[StandardAssignmentsClientDeleteResponse](ctx, c.client, call{
		route:  routes.StandardAssignmentsDelete,
		values: pathValues{scope, standardAssignmentName},
	})
}

// NewListPager lists the standard assignments that the service considers relevant
// for a scope. It lists neither [Assignment] nor exemptions of Azure Policy; the
// package documentation says where those are.
//   - scope: the resource id of a management group, subscription or security connector, with or without its first slash;
//     that of a resource group or single resource is sent, too, but the service doesn't document it
//   - options: nil for the defaults
//
// Nothing is sent before the first page is read. See [Pager] for how to read it
// and for its errors; those of the service are [*CloudError].
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/standard-assignments/list
func (c *StandardAssignmentsClient) NewListPager(scope string, options *StandardAssignmentsClientListOptions) *Pager[StandardAssignment] {
	if options == nil {
		options = &StandardAssignmentsClientListOptions{}
	}
	return newListPager[StandardAssignment](c.client, call{
		route:  routes.StandardAssignmentsList,
		values: pathValues{scope},
	}, options.PageOptions)
}
