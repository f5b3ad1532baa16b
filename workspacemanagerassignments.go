package armsecops

import (
	"context"
	"encoding/json"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/armsecops/armsecops/internal/routes"
)

// WorkspaceManagerAssignmentsClient reads and writes the assignments of Microsoft
// Sentinel's workspace manager, which say what content is published to which group
// of members, api-version 2025-04-01-preview. [WorkspaceManagerJobsClient] publishes
// them. It is safe for concurrent use.
//
// Roles: Microsoft Sentinel Reader reads assignments, Microsoft Sentinel Contributor
// changes them.
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-assignments
type WorkspaceManagerAssignmentsClient struct {
	client
}

// NewWorkspaceManagerAssignmentsClient returns a client for the workspace manager assignments of one subscription.
//   - subscriptionID: a UUID
//   - credential: an azidentity credential, or the TokenCredential of azcore/fake in a test
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError].
func NewWorkspaceManagerAssignmentsClient(subscriptionID string, credential azcore.TokenCredential, options *ClientOptions) (*WorkspaceManagerAssignmentsClient, error) {
	f, err := newFactory[WorkspaceManagerAssignmentsClient](credential, options)
	if err != nil {
		return nil, err
	}
	return f.NewWorkspaceManagerAssignmentsClient(subscriptionID)
}

// NewWorkspaceManagerAssignmentsClient returns a client for the workspace manager assignments of one subscription.
//   - subscriptionID: a UUID; another value is a [*ParameterError]
func (f *ClientFactory) NewWorkspaceManagerAssignmentsClient(subscriptionID string) (*WorkspaceManagerAssignmentsClient, error) {
	return newClient[WorkspaceManagerAssignmentsClient](f, subscriptionID, newErrorResponse)
}

// Get returns a workspace manager assignment.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
//   - workspaceManagerAssignmentName: at least 3 letters, digits and hyphens; starts and ends with a letter or digit
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success an
// [*ErrorResponse]; it is [ErrNotFound] if there is no such workspace manager assignment.
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-assignments/get
func (c *WorkspaceManagerAssignmentsClient) Get(ctx context.Context, resourceGroupName, workspaceName, workspaceManagerAssignmentName string, options *WorkspaceManagerAssignmentsClientGetOptions) (WorkspaceManagerAssignmentsClientGetResponse, error) {
	return run[WorkspaceManagerAssignmentsClientGetResponse](ctx, c.client, call{
		route:  routes.ManagerAssignments.Get,
		values: pathValues{resourceGroupName, workspaceName, workspaceManagerAssignmentName},
	})
}

// CreateOrUpdate creates a workspace manager assignment, or replaces the one of
// that name. It publishes nothing; a job does. The service requires
// TargetResourceName and Items. To change one, get it, change the fields in
// question and put it back: members that this version doesn't know are kept.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
//   - workspaceManagerAssignmentName: at least 3 letters, digits and hyphens; starts and ends with a letter or digit
//   - workspaceManagerAssignment: all of the workspace manager assignment; the service ignores the members that it sets itself
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success an
// [*ErrorResponse]. The call is repeated if a response is lost; it leaves the same
// workspace manager assignment however often it is carried out. A conflict with an
// earlier attempt is [ErrOutcomeUnknown].
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-assignments/create-or-update
func (c *WorkspaceManagerAssignmentsClient) CreateOrUpdate(ctx context.Context, resourceGroupName, workspaceName, workspaceManagerAssignmentName string, workspaceManagerAssignment WorkspaceManagerAssignment, options *WorkspaceManagerAssignmentsClientCreateOrUpdateOptions) (WorkspaceManagerAssignmentsClientCreateOrUpdateResponse, error) {
	return run[WorkspaceManagerAssignmentsClientCreateOrUpdateResponse](ctx, c.client, call{
		route:     routes.ManagerAssignments.CreateOrUpdate,
		values:    pathValues{resourceGroupName, workspaceName, workspaceManagerAssignmentName},
		parameter: "workspaceManagerAssignment",
		body:      &workspaceManagerAssignment,
	})
}

// Delete deletes a workspace manager assignment. Deleting one that doesn't exist is success if the
// service says 204; it is [ErrNotFound] if the service says 404.
//
// What was published isn't documented to be deleted at the members: expect that it stays
// there, and that rules continue to run.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
//   - workspaceManagerAssignmentName: at least 3 letters, digits and hyphens; starts and ends with a letter or digit
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success an
// [*ErrorResponse]. The call is repeated if a response is lost. It is
// [ErrOutcomeUnknown] if a later attempt conflicts with an earlier one, or finds that
// something above the resource is missing.
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-assignments/delete
func (c *WorkspaceManagerAssignmentsClient) Delete(ctx context.Context, resourceGroupName, workspaceName, workspaceManagerAssignmentName string, options *WorkspaceManagerAssignmentsClientDeleteOptions) (WorkspaceManagerAssignmentsClientDeleteResponse, error) {
	return run[WorkspaceManagerAssignmentsClientDeleteResponse](ctx, c.client, call{
		route:  routes.ManagerAssignments.Delete,
		values: pathValues{resourceGroupName, workspaceName, workspaceManagerAssignmentName},
	})
}

// NewListPager lists the workspace manager assignments of a workspace.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
//   - options: nil for the defaults
//
// Nothing is sent before the first page is read. See [Pager] for how to read it
// and for its errors; those of the service are [*ErrorResponse].
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-assignments/list
func (c *WorkspaceManagerAssignmentsClient) NewListPager(resourceGroupName, workspaceName string, options *WorkspaceManagerAssignmentsClientListOptions) *Pager[WorkspaceManagerAssignment] {
	return newWorkspacePager[WorkspaceManagerAssignment](c.client, routes.ManagerAssignments.List, pathValues{resourceGroupName, workspaceName}, options)
}

// WorkspaceManagerAssignmentsClientGetOptions holds the optional parameters of [WorkspaceManagerAssignmentsClient.Get].
type WorkspaceManagerAssignmentsClientGetOptions struct{}

// WorkspaceManagerAssignmentsClientGetResponse is the response of [WorkspaceManagerAssignmentsClient.Get].
type WorkspaceManagerAssignmentsClientGetResponse struct {
	WorkspaceManagerAssignment
}

// WorkspaceManagerAssignmentsClientCreateOrUpdateOptions holds the optional parameters of [WorkspaceManagerAssignmentsClient.CreateOrUpdate].
type WorkspaceManagerAssignmentsClientCreateOrUpdateOptions struct{}

// WorkspaceManagerAssignmentsClientCreateOrUpdateResponse is the response of [WorkspaceManagerAssignmentsClient.CreateOrUpdate].
type WorkspaceManagerAssignmentsClientCreateOrUpdateResponse struct {
	WorkspaceManagerAssignment
}

// WorkspaceManagerAssignmentsClientDeleteOptions holds the optional parameters of [WorkspaceManagerAssignmentsClient.Delete].
type WorkspaceManagerAssignmentsClientDeleteOptions struct{}

// WorkspaceManagerAssignmentsClientDeleteResponse is the response of [WorkspaceManagerAssignmentsClient.Delete].
type WorkspaceManagerAssignmentsClientDeleteResponse struct{}

// WorkspaceManagerAssignmentsClientListOptions holds the optional parameters of [WorkspaceManagerAssignmentsClient.NewListPager].
type WorkspaceManagerAssignmentsClientListOptions = WorkspaceManagerListOptions

// WorkspaceManagerAssignment says what content is published to a group of members.
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-assignments/get#workspacemanagerassignment
type WorkspaceManagerAssignment = Resource[WorkspaceManagerAssignmentProperties]

// WorkspaceManagerAssignmentProperties says what is published, where to, and how
// the last job ended.
type WorkspaceManagerAssignmentProperties struct {
	// TargetResourceName is the name of the workspace manager group. Required.
	TargetResourceName string `json:"targetResourceName,omitzero"`
	// Items are the content items to publish. Required.
	Items []WorkspaceManagerAssignmentItem `json:"items,omitzero"`
	// LastJobEndTime is when the last job ended; zero if there was none. Read-only: set by the service.
	LastJobEndTime time.Time `json:"lastJobEndTime,omitzero"`
	// LastJobProvisioningState is the state of the last job; empty if there was none. Read-only: set by the service.
	LastJobProvisioningState ProvisioningState `json:"lastJobProvisioningState,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// WorkspaceManagerAssignmentItem is one content item of an assignment.
type WorkspaceManagerAssignmentItem struct {
	// ResourceID is the resource id of the content item: of an analytics or automation
	// rule, parser, saved search, hunting query or workbook. Playbooks can't be published.
	ResourceID string `json:"resourceId,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// WorkspaceManagerAssignmentList is one page of workspace manager assignments.
type WorkspaceManagerAssignmentList = Page[WorkspaceManagerAssignment]

// WorkspaceManagerAssignmentID is the resource id of a workspace manager assignment, in its parts.
type WorkspaceManagerAssignmentID struct {
	SubscriptionID    string // a UUID
	ResourceGroupName string // 1 to 90 letters, digits and _-.(), without a period at the end
	WorkspaceName     string // 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
	Name              string // at least 3 letters, digits and hyphens; starts and ends with a letter or digit
}

// ParseWorkspaceManagerAssignmentID reads the resource id of a workspace manager assignment, ignoring case;
// the leading slash may be missing. The names keep their case. Anything else than
// such an id is a [*ParameterError].
func ParseWorkspaceManagerAssignmentID(id string) (WorkspaceManagerAssignmentID, error) {
	v, err := parseID(routes.ManagerAssignments.Get, id)
	if err != nil {
		return WorkspaceManagerAssignmentID{}, err
	}
	return WorkspaceManagerAssignmentID{v[0], v[1], v[2], v[3]}, nil
}

// String returns the id as Azure Resource Manager writes it. It doesn't check the parts.
func (id WorkspaceManagerAssignmentID) String() string {
	return routes.ManagerAssignments.Get.ID(id.SubscriptionID, id.ResourceGroupName, id.WorkspaceName, id.Name)
}
