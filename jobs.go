package armsecops

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/armsecops/armsecops/internal/routes"
)

// WorkspaceManagerJobsClient starts, reads, lists and deletes the jobs of
// workspace manager assignments in Microsoft Sentinel, api-version
// 2025-04-01-preview. It is safe for concurrent use.
//
// See https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-assignment-jobs.
type WorkspaceManagerJobsClient struct {
	client
}

// NewWorkspaceManagerJobsClient returns a client for the jobs of one subscription.
//   - subscriptionID: a UUID
//   - credential: an azidentity credential, or the TokenCredential of azcore/fake in a test
//   - options: nil for the defaults
//
// A parameter that breaks its rule is a [*ParameterError].
func NewWorkspaceManagerJobsClient(subscriptionID string, credential azcore.TokenCredential, options *ClientOptions) (*WorkspaceManagerJobsClient, error) {
	c, err := newClient(subscriptionID, credential, options, func(e ServiceError) error { return &ErrorResponse{e} })
	if err != nil {
		return nil, err
	}
	return &WorkspaceManagerJobsClient{c}, nil
}

// WithSubscription returns a client for another subscription that shares this
// one's pipeline and token cache.
//   - subscriptionID: a UUID; another value is a [*ParameterError]
func (c *WorkspaceManagerJobsClient) WithSubscription(subscriptionID string) (*WorkspaceManagerJobsClient, error) {
	if err := checkSubscription(subscriptionID); err != nil {
		return nil, err
	}
	return &WorkspaceManagerJobsClient{client{c.client.connection, subscriptionID}}, nil
}

// Create starts a job: it publishes the content of the assignment to its member
// workspaces. The server names the job. Get tells how it goes on.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens, without a hyphen at either end
//   - workspaceManagerAssignmentName: 3 or more of the same
//   - options: nil for the defaults
//
// A parameter that breaks its rule is a [*ParameterError], an answer that isn't
// success an [*ErrorResponse]. A job is started at most once: the request is
// sent again only if the connection was never made, or the service said 429.
// Where no answer says whether the job was started, the error is
// [ErrOutcomeUnknown]: list the jobs before you create another.
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-assignment-jobs/create
func (c *WorkspaceManagerJobsClient) Create(ctx context.Context, resourceGroupName, workspaceName, workspaceManagerAssignmentName string, options *WorkspaceManagerJobsClientCreateOptions) (WorkspaceManagerJobsClientCreateResponse, error) {
	return run[WorkspaceManagerJobsClientCreateResponse](ctx, c.client, call{
		route:  routes.JobsCreate,
		values: []string{c.subscriptionID, resourceGroupName, workspaceName, workspaceManagerAssignmentName},
	})
}

// Get returns a job.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens, without a hyphen at either end
//   - workspaceManagerAssignmentName, jobName: 3 or more of the same
//   - options: nil for the defaults
//
// A parameter that breaks its rule is a [*ParameterError], an answer that isn't
// success an [*ErrorResponse]; [ErrNotFound] tells that there is no such job.
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-assignment-jobs/get
func (c *WorkspaceManagerJobsClient) Get(ctx context.Context, resourceGroupName, workspaceName, workspaceManagerAssignmentName, jobName string, options *WorkspaceManagerJobsClientGetOptions) (WorkspaceManagerJobsClientGetResponse, error) {
	return run[WorkspaceManagerJobsClientGetResponse](ctx, c.client, call{
		route:  routes.JobsGet,
		values: []string{c.subscriptionID, resourceGroupName, workspaceName, workspaceManagerAssignmentName, jobName},
	})
}

// Delete deletes a job. Deleting one that doesn't exist is success.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens, without a hyphen at either end
//   - workspaceManagerAssignmentName, jobName: 3 or more of the same
//   - options: nil for the defaults
//
// A parameter that breaks its rule is a [*ParameterError], an answer that isn't
// success an [*ErrorResponse].
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-assignment-jobs/delete
func (c *WorkspaceManagerJobsClient) Delete(ctx context.Context, resourceGroupName, workspaceName, workspaceManagerAssignmentName, jobName string, options *WorkspaceManagerJobsClientDeleteOptions) (WorkspaceManagerJobsClientDeleteResponse, error) {
	return run[WorkspaceManagerJobsClientDeleteResponse](ctx, c.client, call{
		route:  routes.JobsDelete,
		values: []string{c.subscriptionID, resourceGroupName, workspaceName, workspaceManagerAssignmentName, jobName},
	})
}

// NewListPager lists the jobs of an assignment.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens, without a hyphen at either end
//   - workspaceManagerAssignmentName: 3 or more of the same
//   - options: nil for the defaults
//
// Nothing is sent before the first page is asked for. See [Pager] for how to
// read it and for its errors; those of the service are [*ErrorResponse].
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-assignment-jobs/list
func (c *WorkspaceManagerJobsClient) NewListPager(resourceGroupName, workspaceName, workspaceManagerAssignmentName string, options *WorkspaceManagerJobsClientListOptions) *Pager[Job] {
	if options == nil {
		options = &WorkspaceManagerJobsClientListOptions{}
	}
	var query []string
	if options.OrderBy != "" {
		query = append(query, "$orderby="+queryEscape(options.OrderBy))
	}
	if options.Top != 0 {
		query = append(query, "$top="+strconv.Itoa(int(options.Top)))
	}
	if options.SkipToken != "" {
		query = append(query, "$skipToken="+queryEscape(options.SkipToken))
	}
	pager := newPager[Job](c.client, call{
		route:  routes.JobsList,
		values: []string{c.subscriptionID, resourceGroupName, workspaceName, workspaceManagerAssignmentName},
		query:  strings.Join(query, "&"),
	}, options.PageOptions)
	if options.Top < 0 {
		pager.fail(&ParameterError{"Top", strconv.Itoa(int(options.Top)), "must not be negative"})
	}
	return pager
}

// queryEscape escapes a value of a query with %20 for a space, which every server reads as one.
func queryEscape(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}
