package armsecops

import (
	"context"
	"encoding/json"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/armsecops/armsecops/internal/routes"
)

// WorkspaceManagerGroupsClient reads and writes the groups of members to which
// assignments of Microsoft Sentinel's workspace manager publish content,
// api-version 2025-04-01-preview. It is safe for concurrent use.
//
// Roles: Microsoft Sentinel Reader reads groups, Microsoft Sentinel Contributor changes
// them.
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-groups
type WorkspaceManagerGroupsClient struct {
	client
}

// NewWorkspaceManagerGroupsClient returns a client for the workspace manager groups of one subscription.
//   - subscriptionID: a UUID
//   - credential: an azidentity credential, or the TokenCredential of azcore/fake in a test
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError].
func NewWorkspaceManagerGroupsClient(subscriptionID string, credential azcore.TokenCredential, options *ClientOptions) (*WorkspaceManagerGroupsClient, error) {
	f, err := newFactory[WorkspaceManagerGroupsClient](credential, options)
	if err != nil {
		return nil, err
	}
	return f.NewWorkspaceManagerGroupsClient(subscriptionID)
}

// NewWorkspaceManagerGroupsClient returns a client for the workspace manager groups of one subscription.
//   - subscriptionID: a UUID; another value is a [*ParameterError]
func (f *ClientFactory) NewWorkspaceManagerGroupsClient(subscriptionID string) (*WorkspaceManagerGroupsClient, error) {
	return newClient[WorkspaceManagerGroupsClient](f, subscriptionID, newErrorResponse)
}

// Get returns a workspace manager group.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
//   - workspaceManagerGroupName: one segment of a path: not empty, . or .., without /, ?, # and control characters
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success an
// [*ErrorResponse]; it is [ErrNotFound] if there is no such workspace manager group.
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-groups/get
func (c *WorkspaceManagerGroupsClient) Get(ctx context.Context, resourceGroupName, workspaceName, workspaceManagerGroupName string, options *WorkspaceManagerGroupsClientGetOptions) (WorkspaceManagerGroupsClientGetResponse, error) {
	return run[WorkspaceManagerGroupsClientGetResponse](ctx, c.client, call{
		route:  routes.Groups.Get,
		values: pathValues{resourceGroupName, workspaceName, workspaceManagerGroupName},
	})
}

// CreateOrUpdate creates a group of members, or replaces the one of that name. The
// service requires DisplayName and MemberResourceNames. The members of a group
// times the content items of an assignment may be at most 2,000. To change a group,
// get it, change the fields in question and put it back: members of the document
// that this version doesn't know are kept.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
//   - workspaceManagerGroupName: one segment of a path: not empty, . or .., without /, ?, # and control characters
//   - workspaceManagerGroup: all of the workspace manager group; the service ignores the members that it sets itself
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success an
// [*ErrorResponse]. The call is repeated if a response is lost; it leaves the same
// workspace manager group however often it is carried out. A conflict with an earlier
// attempt is [ErrOutcomeUnknown].
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-groups/create-or-update
func (c *WorkspaceManagerGroupsClient) CreateOrUpdate(ctx context.Context, resourceGroupName, workspaceName, workspaceManagerGroupName string, workspaceManagerGroup WorkspaceManagerGroup, options *WorkspaceManagerGroupsClientCreateOrUpdateOptions) (WorkspaceManagerGroupsClientCreateOrUpdateResponse, error) {
	return run[WorkspaceManagerGroupsClientCreateOrUpdateResponse](ctx, c.client, call{
		route:     routes.Groups.CreateOrUpdate,
		values:    pathValues{resourceGroupName, workspaceName, workspaceManagerGroupName},
		parameter: "workspaceManagerGroup",
		body:      &workspaceManagerGroup,
	})
}

// Delete deletes a workspace manager group. Deleting one that doesn't exist is success if the
// service says 204; it is [ErrNotFound] if the service says 404.
//
// What was published isn't documented to be deleted at the members: expect that it stays
// there, and that rules continue to run.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
//   - workspaceManagerGroupName: one segment of a path: not empty, . or .., without /, ?, # and control characters
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success an
// [*ErrorResponse]. The call is repeated if a response is lost. It is
// [ErrOutcomeUnknown] if a later attempt conflicts with an earlier one, or finds that
// something above the resource is missing.
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-groups/delete
func (c *WorkspaceManagerGroupsClient) Delete(ctx context.Context, resourceGroupName, workspaceName, workspaceManagerGroupName string, options *WorkspaceManagerGroupsClientDeleteOptions) (WorkspaceManagerGroupsClientDeleteResponse, error) {
	return run[WorkspaceManagerGroupsClientDeleteResponse](ctx, c.client, call{
		route:  routes.Groups.Delete,
		values: pathValues{resourceGroupName, workspaceName, workspaceManagerGroupName},
	})
}

// NewListPager lists the workspace manager groups of a workspace.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
//   - options: nil for the defaults
//
// Nothing is sent before the first page is read. See [Pager] for how to read it
// and for its errors; those of the service are [*ErrorResponse].
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-groups/list
func (c *WorkspaceManagerGroupsClient) NewListPager(resourceGroupName, workspaceName string, options *WorkspaceManagerGroupsClientListOptions) *Pager[WorkspaceManagerGroup] {
	return newWorkspacePager[WorkspaceManagerGroup](c.client, routes.Groups.List, pathValues{resourceGroupName, workspaceName}, options)
}

// WorkspaceManagerGroupsClientGetOptions holds the optional parameters of [WorkspaceManagerGroupsClient.Get].
type WorkspaceManagerGroupsClientGetOptions struct{}

// WorkspaceManagerGroupsClientGetResponse is the response of [WorkspaceManagerGroupsClient.Get].
type WorkspaceManagerGroupsClientGetResponse struct {
	WorkspaceManagerGroup
}

// WorkspaceManagerGroupsClientCreateOrUpdateOptions holds the optional parameters of [WorkspaceManagerGroupsClient.CreateOrUpdate].
type WorkspaceManagerGroupsClientCreateOrUpdateOptions struct{}

// WorkspaceManagerGroupsClientCreateOrUpdateResponse is the response of [WorkspaceManagerGroupsClient.CreateOrUpdate].
type WorkspaceManagerGroupsClientCreateOrUpdateResponse struct {
	WorkspaceManagerGroup
}

// WorkspaceManagerGroupsClientDeleteOptions holds the optional parameters of [WorkspaceManagerGroupsClient.Delete].
type WorkspaceManagerGroupsClientDeleteOptions struct{}

// WorkspaceManagerGroupsClientDeleteResponse is the response of [WorkspaceManagerGroupsClient.Delete].
type WorkspaceManagerGroupsClientDeleteResponse struct{}

// WorkspaceManagerGroupsClientListOptions holds the optional parameters of [WorkspaceManagerGroupsClient.NewListPager].
type WorkspaceManagerGroupsClientListOptions = WorkspaceManagerListOptions

// WorkspaceManagerGroup is a group of members.
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-groups/get#workspacemanagergroup
type WorkspaceManagerGroup = Resource[WorkspaceManagerGroupProperties]

// WorkspaceManagerGroupProperties says which members are in a group.
type WorkspaceManagerGroupProperties struct {
	// DisplayName is the name to show. Required.
	DisplayName string `json:"displayName,omitzero"`
	// Description says what the group is for.
	Description string `json:"description,omitzero"`
	// MemberResourceNames are the names of the workspace manager members. Required.
	MemberResourceNames []string `json:"memberResourceNames,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// WorkspaceManagerGroupList is one page of workspace manager groups.
type WorkspaceManagerGroupList = Page[WorkspaceManagerGroup]

// WorkspaceManagerGroupID is the resource id of a workspace manager group, in its parts.
type WorkspaceManagerGroupID struct {
	SubscriptionID    string // a UUID
	ResourceGroupName string // 1 to 90 letters, digits and _-.(), without a period at the end
	WorkspaceName     string // 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
	Name              string // one segment of a path: not empty, . or .., without /, ?, # and control characters
}

// ParseWorkspaceManagerGroupID reads the resource id of a workspace manager group, ignoring case;
// the leading slash may be missing. The names keep their case. Anything else than
// such an id is a [*ParameterError].
func ParseWorkspaceManagerGroupID(id string) (WorkspaceManagerGroupID, error) {
	v, err := parseID(routes.Groups.Get, id)
	if err != nil {
		return WorkspaceManagerGroupID{}, err
	}
	return WorkspaceManagerGroupID{v[0], v[1], v[2], v[3]}, nil
}

// String returns the id as Azure Resource Manager writes it. It doesn't check the parts.
func (id WorkspaceManagerGroupID) String() string {
	return routes.Groups.Get.ID(id.SubscriptionID, id.ResourceGroupName, id.WorkspaceName, id.Name)
}
