package armsecops

import (
	"context"
	"encoding/json"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/armsecops/armsecops/internal/routes"
)

// WorkspaceManagerMembersClient reads and writes the member workspaces to which a
// central workspace of Microsoft Sentinel publishes content, api-version
// 2025-04-01-preview. It is safe for concurrent use.
//
// Roles: Microsoft Sentinel Reader reads members; Microsoft Sentinel Contributor changes
// them. To make one takes that role at its workspace, too.
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-members
type WorkspaceManagerMembersClient struct {
	client
}

// NewWorkspaceManagerMembersClient returns a client for the workspace manager members of one subscription.
//   - subscriptionID: a UUID
//   - credential: an azidentity credential, or the TokenCredential of azcore/fake in a test
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError].
func NewWorkspaceManagerMembersClient(subscriptionID string, credential azcore.TokenCredential, options *ClientOptions) (*WorkspaceManagerMembersClient, error) {
	f, err := newFactory[WorkspaceManagerMembersClient](credential, options)
	if err != nil {
		return nil, err
	}
	return f.NewWorkspaceManagerMembersClient(subscriptionID)
}

// NewWorkspaceManagerMembersClient returns a client for the workspace manager members of one subscription.
//   - subscriptionID: a UUID; another value is a [*ParameterError]
func (f *ClientFactory) NewWorkspaceManagerMembersClient(subscriptionID string) (*WorkspaceManagerMembersClient, error) {
	return newClient[WorkspaceManagerMembersClient](f, subscriptionID, newErrorResponse)
}

// Get returns a workspace manager member.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
//   - workspaceManagerMemberName: one segment of a path: not empty, . or .., without /, ?, # and control characters
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success an
// [*ErrorResponse]; it is [ErrNotFound] if there is no such workspace manager member.
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-members/get
func (c *WorkspaceManagerMembersClient) Get(ctx context.Context, resourceGroupName, workspaceName, workspaceManagerMemberName string, options *WorkspaceManagerMembersClientGetOptions) (WorkspaceManagerMembersClientGetResponse, error) {
	return run[WorkspaceManagerMembersClientGetResponse](ctx, c.client, call{
		route:  routes.Members.Get,
		values: pathValues{resourceGroupName, workspaceName, workspaceManagerMemberName},
	})
}

// CreateOrUpdate makes a workspace a member, or replaces the member of that name. The
// name is yours to choose: the samples of the documentation have UUIDs, and a widely used
// PowerShell module the name of the workspace with its subscription, "name(UUID)".
// The service requires TargetWorkspaceResourceID and TargetWorkspaceTenantID. The
// identity needs the role Microsoft Sentinel Contributor on the member's workspace, too:
// without it the error has the code [CodeLinkedAuthorizationFailed]. To change a
// member, get it, change the fields in question and put it back: members of the
// document that this version doesn't know are kept.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
//   - workspaceManagerMemberName: one segment of a path: not empty, . or .., without /, ?, # and control characters
//   - workspaceManagerMember: all of the workspace manager member; the service ignores the members that it sets itself
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success an
// [*ErrorResponse]. The call is repeated if a response is lost; it leaves the same
// workspace manager member however often it is carried out. A conflict with an earlier
// attempt is [ErrOutcomeUnknown].
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-members/create-or-update
func (c *WorkspaceManagerMembersClient) CreateOrUpdate(ctx context.Context, resourceGroupName, workspaceName, workspaceManagerMemberName string, workspaceManagerMember WorkspaceManagerMember, options *WorkspaceManagerMembersClientCreateOrUpdateOptions) (WorkspaceManagerMembersClientCreateOrUpdateResponse, error) {
	return run[WorkspaceManagerMembersClientCreateOrUpdateResponse](ctx, c.client, call{
		route:     routes.Members.CreateOrUpdate,
		values:    pathValues{resourceGroupName, workspaceName, workspaceManagerMemberName},
		parameter: "workspaceManagerMember",
		body:      &workspaceManagerMember,
	})
}

// Delete deletes a workspace manager member. Deleting one that doesn't exist is success if the
// service says 204; it is [ErrNotFound] if the service says 404.
//
// What was published isn't documented to be deleted at the members: expect that it stays
// there, and that rules continue to run.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
//   - workspaceManagerMemberName: one segment of a path: not empty, . or .., without /, ?, # and control characters
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success an
// [*ErrorResponse]. The call is repeated if a response is lost. It is
// [ErrOutcomeUnknown] if a later attempt conflicts with an earlier one, or finds that
// something above the resource is missing.
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-members/delete
func (c *WorkspaceManagerMembersClient) Delete(ctx context.Context, resourceGroupName, workspaceName, workspaceManagerMemberName string, options *WorkspaceManagerMembersClientDeleteOptions) (WorkspaceManagerMembersClientDeleteResponse, error) {
	return run[WorkspaceManagerMembersClientDeleteResponse](ctx, c.client, call{
		route:  routes.Members.Delete,
		values: pathValues{resourceGroupName, workspaceName, workspaceManagerMemberName},
	})
}

// NewListPager lists the workspace manager members of a workspace.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
//   - options: nil for the defaults
//
// Nothing is sent before the first page is read. See [Pager] for how to read it
// and for its errors; those of the service are [*ErrorResponse].
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-members/list
func (c *WorkspaceManagerMembersClient) NewListPager(resourceGroupName, workspaceName string, options *WorkspaceManagerMembersClientListOptions) *Pager[WorkspaceManagerMember] {
	return newWorkspacePager[WorkspaceManagerMember](c.client, routes.Members.List, pathValues{resourceGroupName, workspaceName}, options)
}

// WorkspaceManagerMembersClientGetOptions holds the optional parameters of [WorkspaceManagerMembersClient.Get].
type WorkspaceManagerMembersClientGetOptions struct{}

// WorkspaceManagerMembersClientGetResponse is the response of [WorkspaceManagerMembersClient.Get].
type WorkspaceManagerMembersClientGetResponse struct {
	WorkspaceManagerMember
}

// WorkspaceManagerMembersClientCreateOrUpdateOptions holds the optional parameters of [WorkspaceManagerMembersClient.CreateOrUpdate].
type WorkspaceManagerMembersClientCreateOrUpdateOptions struct{}

// WorkspaceManagerMembersClientCreateOrUpdateResponse is the response of [WorkspaceManagerMembersClient.CreateOrUpdate].
type WorkspaceManagerMembersClientCreateOrUpdateResponse struct {
	WorkspaceManagerMember
}

// WorkspaceManagerMembersClientDeleteOptions holds the optional parameters of [WorkspaceManagerMembersClient.Delete].
type WorkspaceManagerMembersClientDeleteOptions struct{}

// WorkspaceManagerMembersClientDeleteResponse is the response of [WorkspaceManagerMembersClient.Delete].
type WorkspaceManagerMembersClientDeleteResponse struct{}

// WorkspaceManagerMembersClientListOptions holds the optional parameters of [WorkspaceManagerMembersClient.NewListPager].
type WorkspaceManagerMembersClientListOptions = WorkspaceManagerListOptions

// WorkspaceManagerMember is a workspace to which the central one publishes content.
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-members/get#workspacemanagermember
type WorkspaceManagerMember = Resource[WorkspaceManagerMemberProperties]

// WorkspaceManagerMemberProperties says which workspace is a member.
type WorkspaceManagerMemberProperties struct {
	// TargetWorkspaceResourceID is the resource id of the member's Log Analytics workspace. Required.
	TargetWorkspaceResourceID string `json:"targetWorkspaceResourceId,omitzero"`
	// TargetWorkspaceTenantID is the id of the tenant of that workspace, a UUID. Required.
	// A tenant other than the central workspace's takes Azure Lighthouse.
	TargetWorkspaceTenantID string `json:"targetWorkspaceTenantId,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// WorkspaceManagerMembersList is one page of workspace manager members.
type WorkspaceManagerMembersList = Page[WorkspaceManagerMember]

// WorkspaceManagerMemberID is the resource id of a workspace manager member, in its parts.
type WorkspaceManagerMemberID struct {
	SubscriptionID    string // a UUID
	ResourceGroupName string // 1 to 90 letters, digits and _-.(), without a period at the end
	WorkspaceName     string // 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
	Name              string // one segment of a path: not empty, . or .., without /, ?, # and control characters
}

// ParseWorkspaceManagerMemberID reads the resource id of a workspace manager member, ignoring case;
// the leading slash may be missing. The names keep their case. Anything else than
// such an id is a [*ParameterError].
func ParseWorkspaceManagerMemberID(id string) (WorkspaceManagerMemberID, error) {
	v, err := parseID(routes.Members.Get, id)
	if err != nil {
		return WorkspaceManagerMemberID{}, err
	}
	return WorkspaceManagerMemberID{v[0], v[1], v[2], v[3]}, nil
}

// String returns the id as Azure Resource Manager writes it. It doesn't check the parts.
func (id WorkspaceManagerMemberID) String() string {
	return routes.Members.Get.ID(id.SubscriptionID, id.ResourceGroupName, id.WorkspaceName, id.Name)
}
