package armsecops

import (
	"context"
	"encoding/json"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/armsecops/armsecops/internal/routes"
)

// SecurityAssignmentsClient reads and writes the assignments of the preview of 2021: the
// assignments of security standards, and the exemptions from them, that are
// Microsoft.Security/assignments in Microsoft Defender for Cloud, api-version
// 2021-08-01-preview. It is for what is there already: [StandardAssignmentsClient] and
// [PolicyExemptionsClient] create new ones. It is safe for concurrent use.
//
// Roles: Security Reader reads assignments, Security Admin changes them.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assignments
type SecurityAssignmentsClient struct {
	client
}

// NewSecurityAssignmentsClient returns a client for the assignments of one
// subscription, or of none.
//   - subscriptionID: a UUID; empty for a client that only lists across subscriptions and
//     queries Azure Resource Graph, whose other operations return a [*ParameterError]
//   - credential: an azidentity credential, or the TokenCredential of azcore/fake in a test
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError].
func NewSecurityAssignmentsClient(subscriptionID string, credential azcore.TokenCredential, options *ClientOptions) (*SecurityAssignmentsClient, error) {
	f, err := newFactory[SecurityAssignmentsClient](credential, options)
	if err != nil {
		return nil, err
	}
	return f.NewSecurityAssignmentsClient(subscriptionID)
}

// NewSecurityAssignmentsClient returns a client for the assignments of one
// subscription, or of none.
//   - subscriptionID: a UUID; empty for a client that only lists across subscriptions and
//     queries Azure Resource Graph, whose other operations return a [*ParameterError]
//
// An invalid parameter is a [*ParameterError].
func (f *ClientFactory) NewSecurityAssignmentsClient(subscriptionID string) (*SecurityAssignmentsClient, error) {
	if subscriptionID == "" {
		return &SecurityAssignmentsClient{client{connection: f.connection, newError: newCloudError}}, nil
	}
	return newClient[SecurityAssignmentsClient](f, subscriptionID, newCloudError)
}

// Get returns an assignment.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - assignmentID: the assignment's name, without /, ? and #
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success a
// [*CloudError]; it is [ErrNotFound] if there is no such assignment.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assignments/get
func (c *SecurityAssignmentsClient) Get(ctx context.Context, resourceGroupName, assignmentID string, options *SecurityAssignmentsClientGetOptions) (SecurityAssignmentsClientGetResponse, error) {
	return run[SecurityAssignmentsClientGetResponse](ctx, c.client, call{
		route:  routes.Assignments.Get,
		values: pathValues{resourceGroupName, assignmentID},
	})
}

// CreateOrUpdate creates an assignment, or replaces the one of that name. The service
// documents no required property. To change one, get it, change the fields in question
// and put it back: members that this version doesn't know are kept. A row of Azure
// Resource Graph isn't for that: it lacks the ETag, and may be minutes old.
//
// To put a copy under another name, put its [Resource.Template]: Azure refuses the
// name of another resource. For If-Match, see the package documentation on
// conditional writes.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - assignmentID: the assignment's name, without /, ? and #
//   - assignment: all of the assignment
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success a
// [*CloudError]. The call is repeated if a response is lost; it leaves the same
// assignment however often it is carried out. A conflict with an earlier attempt is
// [ErrOutcomeUnknown].
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assignments/create-or-update
func (c *SecurityAssignmentsClient) CreateOrUpdate(ctx context.Context, resourceGroupName, assignmentID string, assignment Assignment, options *SecurityAssignmentsClientCreateOrUpdateOptions) (SecurityAssignmentsClientCreateOrUpdateResponse, error) {
	return run[SecurityAssignmentsClientCreateOrUpdateResponse](ctx, c.client, call{
		route:     routes.Assignments.CreateOrUpdate,
		values:    pathValues{resourceGroupName, assignmentID},
		parameter: "assignment",
		body:      &assignment,
	})
}

// Delete deletes an assignment. Deleting one that doesn't exist is success if
// the service says 204; it is [ErrNotFound] if the service says 404.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - assignmentID: the assignment's name, without /, ? and #
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success a
// [*CloudError]. The call is repeated if a response is lost. It is [ErrOutcomeUnknown]
// if a later attempt conflicts with an earlier one, or finds that
// something above the resource is missing.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assignments/delete
func (c *SecurityAssignmentsClient) Delete(ctx context.Context, resourceGroupName, assignmentID string, options *SecurityAssignmentsClientDeleteOptions) (SecurityAssignmentsClientDeleteResponse, error) {
	return run[SecurityAssignmentsClientDeleteResponse](ctx, c.client, call{
		route:  routes.Assignments.Delete,
		values: pathValues{resourceGroupName, assignmentID},
	})
}

// NewListPager lists the assignments of a resource group.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - options: nil for the defaults
//
// Nothing is sent before the first page is read. See [Pager] for how to read it
// and for its errors; those of the service are [*CloudError].
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assignments/list
func (c *SecurityAssignmentsClient) NewListPager(resourceGroupName string, options *SecurityAssignmentsClientListOptions) *Pager[Assignment] {
	if options == nil {
		options = &SecurityAssignmentsClientListOptions{}
	}
	return newListPager[Assignment](c.client, call{
		route:  routes.Assignments.List,
		values: pathValues{resourceGroupName},
	}, options.PageOptions)
}

// NewListBySubscriptionPager lists the assignments of the client's subscription.
//   - options: nil for the defaults
//
// Nothing is sent before the first page is read. See [Pager] for how to read it
// and for its errors; those of the service are [*CloudError].
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assignments/list-by-subscription
func (c *SecurityAssignmentsClient) NewListBySubscriptionPager(options *SecurityAssignmentsClientListBySubscriptionOptions) *Pager[Assignment] {
	if options == nil {
		options = &SecurityAssignmentsClientListBySubscriptionOptions{}
	}
	return newListPager[Assignment](c.client, call{route: routes.AssignmentsListBySubscription}, options.PageOptions)
}

// NewResourceGraphPager lists the assignments that the identity may read, of a
// whole tenant or of some subscriptions or management groups, by querying Azure
// Resource Graph: up to 1,000 assignments a request, sorted by id. Its index
// follows changes within minutes; what must be current to the second is what
// [SecurityAssignmentsClient.ListAcrossSubscriptions] lists.
//   - options: nil for the defaults, which are all subscriptions that the identity may read
//
// The client's own subscription doesn't matter; the client may be one without, of
// [ClientFactory.NewSecurityAssignmentsClient]. An assignment has no ETag and SystemData, and in
// AdditionalProperties the columns tenantId and resourceGroup: it is for reading,
// and a change begins with [SecurityAssignmentsClient.Get].
//
// Nothing is sent before the first page is read. See [Pager] for how to read it
// and for its errors; those of the service are [*CloudError]. Pages have no
// NextLink, and in AdditionalProperties the service's totalRecords, the number of
// rows of the page's query: of everything, unless there are more than 1,000
// SubscriptionIDs.
//
// A result that lacks rows or subscriptions ends in [ErrIncompleteResult] where the
// service says so. It doesn't say so of subscriptions that the identity may not
// read: their rows are missing, without an error unless the query names no others,
// which is [ErrForbidden]. [SecurityAssignmentsClient.ListAcrossSubscriptions] has
// an error for each of those.
//
// REST: https://learn.microsoft.com/rest/api/azureresourcegraph/resourcegraph/resources/resources
func (c *SecurityAssignmentsClient) NewResourceGraphPager(options *ResourceGraphOptions) *Pager[Assignment] {
	return newGraphPager[Assignment](c.client, routes.Assignments.Query, "id, name, type, tenantId, kind, location, resourceGroup, subscriptionId, properties, tags", options)
}

// SecurityAssignmentsClientGetOptions holds the optional parameters of [SecurityAssignmentsClient.Get].
type SecurityAssignmentsClientGetOptions struct{}

// SecurityAssignmentsClientGetResponse is the response of [SecurityAssignmentsClient.Get].
type SecurityAssignmentsClientGetResponse struct {
	Assignment
}

// SecurityAssignmentsClientCreateOrUpdateOptions holds the optional parameters of [SecurityAssignmentsClient.CreateOrUpdate].
type SecurityAssignmentsClientCreateOrUpdateOptions struct{}

// SecurityAssignmentsClientCreateOrUpdateResponse is the response of [SecurityAssignmentsClient.CreateOrUpdate].
type SecurityAssignmentsClientCreateOrUpdateResponse struct {
	Assignment
}

// SecurityAssignmentsClientDeleteOptions holds the optional parameters of [SecurityAssignmentsClient.Delete].
type SecurityAssignmentsClientDeleteOptions struct{}

// SecurityAssignmentsClientDeleteResponse is the response of [SecurityAssignmentsClient.Delete].
type SecurityAssignmentsClientDeleteResponse struct{}

// SecurityAssignmentsClientListOptions holds the optional parameters of [SecurityAssignmentsClient.NewListPager].
type SecurityAssignmentsClientListOptions struct {
	PageOptions
}

// SecurityAssignmentsClientListBySubscriptionOptions holds the optional parameters of [SecurityAssignmentsClient.NewListBySubscriptionPager].
type SecurityAssignmentsClientListBySubscriptionOptions struct {
	PageOptions
}

// Assignment is one of the preview of 2021: a security standard assigned to a scope, or an
// exemption from one. New ones are a [StandardAssignment] or a [PolicyExemption].
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assignments/get#assignment
type Assignment = Resource[AssignmentProperties]

// AssignmentProperties says what an assignment of the preview of 2021 assigns, to which
// scope and how.
type AssignmentProperties struct {
	// DisplayName is the name to show.
	DisplayName string `json:"displayName,omitzero"`
	// Description says what the assignment is for.
	Description string `json:"description,omitzero"`
	// AssignedStandard is the security standard that is assigned.
	AssignedStandard AssignedStandardItem `json:"assignedStandard,omitzero"`
	// AssignedComponent is the assessment that is assigned or exempted, if it isn't all of the standard.
	AssignedComponent AssignedComponentItem `json:"assignedComponent,omitzero"`
	// Effect is what the assignment does; compare it with [Effect.Is].
	Effect Effect `json:"effect,omitzero"`
	// ExpiresOn is when the assignment ends. The zero time means never; see ExpiresBefore.
	ExpiresOn time.Time `json:"expiresOn,omitzero"`
	// AdditionalData says more about an exemption.
	AdditionalData AdditionalData `json:"additionalData,omitzero"`
	// Metadata is any JSON, as it came from the service. Read it with
	// [json.Unmarshal] into a type of your own, set it with [json.Marshal].
	Metadata json.RawMessage `json:"metadata,omitzero"`
	// Scope is the resource id of a subscription, or of a resource group.
	Scope string `json:"scope,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// ExpiresBefore reports whether the assignment ends before a time. It is false
// for one that never ends, whose ExpiresOn is the zero time.
func (p AssignmentProperties) ExpiresBefore(t time.Time) bool { return expiresBefore(p.ExpiresOn, t) }

// AssignedComponentItem refers to a component of a standard.
type AssignedComponentItem struct {
	// Key is the key of the security assessment, a UUID.
	Key string `json:"key,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// AdditionalData says more about an assignment of the preview of 2021 that is an exemption.
type AdditionalData struct {
	// ExemptionCategory is why the exemption was granted; compare it with [ExemptionCategory.Is].
	ExemptionCategory ExemptionCategory `json:"exemptionCategory,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// AssignmentList is one page of assignments.
type AssignmentList = Page[Assignment]

// AssignmentID is the resource id of an assignment of the preview of 2021, in its parts.
// Assignments are in resource groups only; Scope in their properties says what they apply to.
type AssignmentID struct {
	SubscriptionID    string // a UUID
	ResourceGroupName string // 1 to 90 letters, digits and _-.(), without a period at the end
	Name              string // the assignment's name, without /, ? and #
}

// ParseAssignmentID reads the resource id of an assignment, ignoring case; the
// leading slash may be missing. The names keep their case. Anything else than
// such an id is a [*ParameterError].
func ParseAssignmentID(id string) (AssignmentID, error) {
	v, err := parseID(routes.Assignments.Get, id)
	if err != nil {
		return AssignmentID{}, err
	}
	return AssignmentID{v[0], v[1], v[2]}, nil
}

// String returns the id as Azure Resource Manager writes it. It doesn't check the parts.
func (id AssignmentID) String() string {
	return routes.Assignments.Get.ID(id.SubscriptionID, id.ResourceGroupName, id.Name)
}
