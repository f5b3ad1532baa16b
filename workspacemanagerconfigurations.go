package armsecops

import (
	"context"
	"encoding/json"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/armsecops/armsecops/internal/routes"
)

// WorkspaceManagerConfigurationsClient switches the workspace manager of a central
// workspace of Microsoft Sentinel on and off, api-version 2025-04-01-preview: the
// first step of a publication. It is safe for concurrent use.
//
// Roles: Microsoft Sentinel Reader reads configurations, Microsoft Sentinel Contributor
// changes them.
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-configurations
type WorkspaceManagerConfigurationsClient struct {
	client
}

// NewWorkspaceManagerConfigurationsClient returns a client for the workspace manager configurations of one subscription.
//   - subscriptionID: a UUID
//   - credential: an azidentity credential, or the TokenCredential of azcore/fake in a test
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError].
func NewWorkspaceManagerConfigurationsClient(subscriptionID string, credential azcore.TokenCredential, options *ClientOptions) (*WorkspaceManagerConfigurationsClient, error) {
	f, err := newFactory[WorkspaceManagerConfigurationsClient](credential, options)
	if err != nil {
		return nil, err
	}
	return f.NewWorkspaceManagerConfigurationsClient(subscriptionID)
}

// NewWorkspaceManagerConfigurationsClient returns a client for the workspace manager configurations of one subscription.
//   - subscriptionID: a UUID; another value is a [*ParameterError]
func (f *ClientFactory) NewWorkspaceManagerConfigurationsClient(subscriptionID string) (*WorkspaceManagerConfigurationsClient, error) {
	return newClient[WorkspaceManagerConfigurationsClient](f, subscriptionID, newErrorResponse)
}

// Get returns a workspace manager configuration.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
//   - workspaceManagerConfigurationName: one segment of a path: not empty, . or .., without /, ?, # and control characters
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success an
// [*ErrorResponse]; it is [ErrNotFound] if there is no such workspace manager configuration.
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-configurations/get
func (c *WorkspaceManagerConfigurationsClient) Get(ctx context.Context, resourceGroupName, workspaceName, workspaceManagerConfigurationName string, options *WorkspaceManagerConfigurationsClientGetOptions) (WorkspaceManagerConfigurationsClientGetResponse, error) {
	return run[WorkspaceManagerConfigurationsClientGetResponse](ctx, c.client, call{
		route:  routes.Configurations.Get,
		values: pathValues{resourceGroupName, workspaceName, workspaceManagerConfigurationName},
	})
}

// CreateOrUpdate creates a workspace manager configuration, or replaces the one of
// that name. The service requires its Mode. Its documentation has the name "default"
// in every sample, and doesn't say whether it takes others. To change one, get it,
// change the fields in question and put it back: members that this version doesn't
// know are kept.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
//   - workspaceManagerConfigurationName: one segment of a path: not empty, . or .., without /, ?, # and control characters
//   - workspaceManagerConfiguration: all of the workspace manager configuration; the service ignores the members that it sets itself
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success an
// [*ErrorResponse]. The call is repeated if a response is lost; it leaves the same
// workspace manager configuration however often it is carried out. A conflict with an
// earlier attempt is [ErrOutcomeUnknown].
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-configurations/create-or-update
func (c *WorkspaceManagerConfigurationsClient) CreateOrUpdate(ctx context.Context, resourceGroupName, workspaceName, workspaceManagerConfigurationName string, workspaceManagerConfiguration WorkspaceManagerConfiguration, options *WorkspaceManagerConfigurationsClientCreateOrUpdateOptions) (WorkspaceManagerConfigurationsClientCreateOrUpdateResponse, error) {
	return run[WorkspaceManagerConfigurationsClientCreateOrUpdateResponse](ctx, c.client, call{
		route:     routes.Configurations.CreateOrUpdate,
		values:    pathValues{resourceGroupName, workspaceName, workspaceManagerConfigurationName},
		parameter: "workspaceManagerConfiguration",
		body:      &workspaceManagerConfiguration,
	})
}

// Delete deletes a workspace manager configuration. Deleting one that doesn't exist is success if the
// service says 204; it is [ErrNotFound] if the service says 404.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
//   - workspaceManagerConfigurationName: one segment of a path: not empty, . or .., without /, ?, # and control characters
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success an
// [*ErrorResponse]. The call is repeated if a response is lost. It is
// [ErrOutcomeUnknown] if a later attempt conflicts with an earlier one, or finds that
// something above the resource is missing.
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-configurations/delete
func (c *WorkspaceManagerConfigurationsClient) Delete(ctx context.Context, resourceGroupName, workspaceName, workspaceManagerConfigurationName string, options *WorkspaceManagerConfigurationsClientDeleteOptions) (WorkspaceManagerConfigurationsClientDeleteResponse, error) {
	return run[WorkspaceManagerConfigurationsClientDeleteResponse](ctx, c.client, call{
		route:  routes.Configurations.Delete,
		values: pathValues{resourceGroupName, workspaceName, workspaceManagerConfigurationName},
	})
}

// NewListPager lists the workspace manager configurations of a workspace.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
//   - options: nil for the defaults
//
// Nothing is sent before the first page is read. See [Pager] for how to read it
// and for its errors; those of the service are [*ErrorResponse].
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-configurations/list
func (c *WorkspaceManagerConfigurationsClient) NewListPager(resourceGroupName, workspaceName string, options *WorkspaceManagerConfigurationsClientListOptions) *Pager[WorkspaceManagerConfiguration] {
	return newWorkspacePager[WorkspaceManagerConfiguration](c.client, routes.Configurations.List, pathValues{resourceGroupName, workspaceName}, options)
}

// WorkspaceManagerConfigurationsClientGetOptions holds the optional parameters of [WorkspaceManagerConfigurationsClient.Get].
type WorkspaceManagerConfigurationsClientGetOptions struct{}

// WorkspaceManagerConfigurationsClientGetResponse is the response of [WorkspaceManagerConfigurationsClient.Get].
type WorkspaceManagerConfigurationsClientGetResponse struct {
	WorkspaceManagerConfiguration
}

// WorkspaceManagerConfigurationsClientCreateOrUpdateOptions holds the optional parameters of [WorkspaceManagerConfigurationsClient.CreateOrUpdate].
type WorkspaceManagerConfigurationsClientCreateOrUpdateOptions struct{}

// WorkspaceManagerConfigurationsClientCreateOrUpdateResponse is the response of [WorkspaceManagerConfigurationsClient.CreateOrUpdate].
type WorkspaceManagerConfigurationsClientCreateOrUpdateResponse struct {
	WorkspaceManagerConfiguration
}

// WorkspaceManagerConfigurationsClientDeleteOptions holds the optional parameters of [WorkspaceManagerConfigurationsClient.Delete].
type WorkspaceManagerConfigurationsClientDeleteOptions struct{}

// WorkspaceManagerConfigurationsClientDeleteResponse is the response of [WorkspaceManagerConfigurationsClient.Delete].
type WorkspaceManagerConfigurationsClientDeleteResponse struct{}

// WorkspaceManagerConfigurationsClientListOptions holds the optional parameters of [WorkspaceManagerConfigurationsClient.NewListPager].
type WorkspaceManagerConfigurationsClientListOptions = WorkspaceManagerListOptions

// WorkspaceManagerConfiguration is whether a workspace is the central workspace of
// a workspace manager.
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-configurations/get#workspacemanagerconfiguration
type WorkspaceManagerConfiguration = Resource[WorkspaceManagerConfigurationProperties]

// WorkspaceManagerConfigurationProperties is the mode of a workspace manager.
type WorkspaceManagerConfigurationProperties struct {
	// Mode is whether the workspace manager is enabled; compare it with [WorkspaceManagerMode.Is]. Required.
	Mode WorkspaceManagerMode `json:"mode,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// WorkspaceManagerConfigurationList is one page of workspace manager configurations.
type WorkspaceManagerConfigurationList = Page[WorkspaceManagerConfiguration]

// WorkspaceManagerMode is whether a workspace manager is enabled. Services add
// modes over time, and differ in casing: compare modes with Is.
type WorkspaceManagerMode string

// The modes of a workspace manager.
const (
	WorkspaceManagerModeEnabled  WorkspaceManagerMode = "Enabled"  // the workspace publishes content to its members
	WorkspaceManagerModeDisabled WorkspaceManagerMode = "Disabled" // it doesn't
)

// PossibleWorkspaceManagerModeValues returns the modes that this version knows.
func PossibleWorkspaceManagerModeValues() []WorkspaceManagerMode {
	return []WorkspaceManagerMode{WorkspaceManagerModeEnabled, WorkspaceManagerModeDisabled}
}

// Is reports whether two modes are the same, ignoring case.
func (m WorkspaceManagerMode) Is(other WorkspaceManagerMode) bool { return equalFold(m, other) }

// WorkspaceManagerConfigurationID is the resource id of a workspace manager configuration, in its parts.
type WorkspaceManagerConfigurationID struct {
	SubscriptionID    string // a UUID
	ResourceGroupName string // 1 to 90 letters, digits and _-.(), without a period at the end
	WorkspaceName     string // 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
	Name              string // one segment of a path: not empty, . or .., without /, ?, # and control characters
}

// ParseWorkspaceManagerConfigurationID reads the resource id of a workspace manager configuration, ignoring case;
// the leading slash may be missing. The names keep their case. Anything else than
// such an id is a [*ParameterError].
func ParseWorkspaceManagerConfigurationID(id string) (WorkspaceManagerConfigurationID, error) {
	v, err := parseID(routes.Configurations.Get, id)
	if err != nil {
		return WorkspaceManagerConfigurationID{}, err
	}
	return WorkspaceManagerConfigurationID{v[0], v[1], v[2], v[3]}, nil
}

// String returns the id as Azure Resource Manager writes it. It doesn't check the parts.
func (id WorkspaceManagerConfigurationID) String() string {
	return routes.Configurations.Get.ID(id.SubscriptionID, id.ResourceGroupName, id.WorkspaceName, id.Name)
}
