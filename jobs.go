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
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-assignment-jobs
type WorkspaceManagerJobsClient struct {
	client
}

// NewWorkspaceManagerJobsClient returns a client for the jobs of one subscription.
//   - subscriptionID: a UUID
//   - credential: an azidentity credential, or the TokenCredential of azcore/fake in a test
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError].
func NewWorkspaceManagerJobsClient(subscriptionID string, credential azcore.TokenCredential, options *ClientOptions) (*WorkspaceManagerJobsClient, error) {
	f, err := newFactory(credential, options)
	if err != nil {
		return nil, err
	}
	return f.NewWorkspaceManagerJobsClient(subscriptionID)
}

// WithSubscription returns a client for another subscription that shares this
// one's pipeline and token cache.
//   - subscriptionID: a UUID; another value is a [*ParameterError]
func (c *WorkspaceManagerJobsClient) WithSubscription(subscriptionID string) (*WorkspaceManagerJobsClient, error) {
	other, err := c.withSubscription(subscriptionID)
	if err != nil {
		return nil, err
	}
	return &WorkspaceManagerJobsClient{other}, nil
}

// Create starts a job: it publishes the content of the assignment to its member
// workspaces. The service names the job. Use Get to follow its progress. The
// content items times the member workspaces of a group may be at most 2,000, see
// https://learn.microsoft.com/azure/sentinel/workspace-manager#known-limitations.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
//   - workspaceManagerAssignmentName: at least 3 letters, digits and hyphens; starts and ends with a letter or digit
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success an
// [*ErrorResponse]. A job is started at most once: the request is sent again
// only if the connection was never made, or the service refused it, as with 429.
// No retry option, policy or header lifts that. The error is [ErrOutcomeUnknown]
// if it is unknown whether the job started: list the jobs before you create another.
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-assignment-jobs/create
func (c *WorkspaceManagerJobsClient) Create(ctx context.Context, resourceGroupName, workspaceName, workspaceManagerAssignmentName string, options *WorkspaceManagerJobsClientCreateOptions) (WorkspaceManagerJobsClientCreateResponse, error) {
	return run[WorkspaceManagerJobsClientCreateResponse](ctx, c.client, call{
		route:  routes.JobsCreate,
		values: pathValues{resourceGroupName, workspaceName, workspaceManagerAssignmentName},
	})
}

// Get returns a job.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
//   - workspaceManagerAssignmentName, jobName: at least 3 letters, digits and hyphens; each starts and ends with a letter or digit
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success an
// [*ErrorResponse]; it is [ErrNotFound] if there is no such job.
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-assignment-jobs/get
func (c *WorkspaceManagerJobsClient) Get(ctx context.Context, resourceGroupName, workspaceName, workspaceManagerAssignmentName, jobName string, options *WorkspaceManagerJobsClientGetOptions) (WorkspaceManagerJobsClientGetResponse, error) {
	return run[WorkspaceManagerJobsClientGetResponse](ctx, c.client, call{
		route:  routes.JobsGet,
		values: pathValues{resourceGroupName, workspaceName, workspaceManagerAssignmentName, jobName},
	})
}

// Delete deletes a job. Deleting one that doesn't exist is success if the
// service says 204; it is [ErrNotFound] if the service says 404.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
//   - workspaceManagerAssignmentName, jobName: at least 3 letters, digits and hyphens; each starts and ends with a letter or digit
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success an
// [*ErrorResponse].
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-assignment-jobs/delete
func (c *WorkspaceManagerJobsClient) Delete(ctx context.Context, resourceGroupName, workspaceName, workspaceManagerAssignmentName, jobName string, options *WorkspaceManagerJobsClientDeleteOptions) (WorkspaceManagerJobsClientDeleteResponse, error) {
	return run[WorkspaceManagerJobsClientDeleteResponse](ctx, c.client, call{
		route:  routes.JobsDelete,
		values: pathValues{resourceGroupName, workspaceName, workspaceManagerAssignmentName, jobName},
	})
}

// NewListPager lists the jobs of an assignment.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
//   - workspaceManagerAssignmentName: at least 3 letters, digits and hyphens; starts and ends with a letter or digit
//   - options: nil for the defaults
//
// Nothing is sent before the first page is read. See [Pager] for how to read it
// and for its errors; those of the service are [*ErrorResponse].
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-assignment-jobs/list
func (c *WorkspaceManagerJobsClient) NewListPager(resourceGroupName, workspaceName, workspaceManagerAssignmentName string, options *WorkspaceManagerJobsClientListOptions) *Pager[Job] {
	if options == nil {
		options = &WorkspaceManagerJobsClientListOptions{}
	}
	pager := newListPager[Job](c.client, call{
		route:  routes.JobsList,
		values: pathValues{resourceGroupName, workspaceName, workspaceManagerAssignmentName},
		query:  options.query(),
	}, options.PageOptions)
	pager.top = int(options.Top)
	if options.Top < 0 {
		pager.fail(&ParameterError{"Top", strconv.Itoa(int(options.Top)), "must not be negative"})
	}
	return pager
}

// query returns the query of the first page, escaped.
func (o *WorkspaceManagerJobsClientListOptions) query() string {
	var query []string
	if o.OrderBy != "" {
		query = append(query, "$orderby="+queryEscape(o.OrderBy))
	}
	if o.Top != 0 {
		query = append(query, "$top="+strconv.Itoa(int(o.Top)))
	}
	if o.SkipToken != "" {
		query = append(query, "$skipToken="+queryEscape(o.SkipToken))
	}
	return strings.Join(query, "&")
}

// queryEscape escapes a value of a query with %20 for a space, which every server reads as one.
func queryEscape(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}
