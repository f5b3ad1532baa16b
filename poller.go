package armsecops

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/armsecops/armsecops/internal/routes"
)

// BeginCreate starts a job, as [WorkspaceManagerJobsClient.Create] does, and
// returns a poller that waits for its end.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens, without a hyphen at either end
//   - workspaceManagerAssignmentName: 3 or more of the same
//   - options: nil for the defaults; with a ResumeToken, no job is started
//
// The errors are those of Create. The body of the response that Poll returns is
// the job as it is now. A failed Poll leaves the poller as it was: poll again, or
// keep its ResumeToken and go on in another process. Result returns a
// [*JobFailedError] for a job that ended Failed or Canceled; a job that is
// deleted while it is waited for is [ErrNotFound].
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-assignment-jobs/create
func (c *WorkspaceManagerJobsClient) BeginCreate(ctx context.Context, resourceGroupName, workspaceName, workspaceManagerAssignmentName string, options *WorkspaceManagerJobsClientBeginCreateOptions) (*runtime.Poller[WorkspaceManagerJobsClientCreateResponse], error) {
	const name = "WorkspaceManagerJobsClient.BeginCreate"
	values := []string{c.subscriptionID, resourceGroupName, workspaceName, workspaceManagerAssignmentName}
	if options != nil && options.ResumeToken != "" {
		return resumeJobPoller[WorkspaceManagerJobsClientCreateResponse](c.client, values, options.ResumeToken)
	}
	var resp *http.Response
	created, err := run[WorkspaceManagerJobsClientCreateResponse](ctx, c.client, call{route: routes.JobsCreate, name: name, values: values, response: &resp})
	if err != nil {
		return nil, err
	}
	values = append(values, created.Name)
	if _, err := c.client.path(routes.JobsGet, values); err != nil {
		return nil, &callError{name, fmt.Errorf("%w: the answer calls the job %s", ErrOutcomeUnknown, quote(created.Name))}
	}
	return newJobPoller[WorkspaceManagerJobsClientCreateResponse](c.client, values, created.Job, resp)
}

// NewJobPoller returns a poller that waits for the end of a job that somebody
// else started.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens, without a hyphen at either end
//   - workspaceManagerAssignmentName, jobName: 3 or more of the same
//   - options: nil for the defaults
//
// Nothing is sent before the first Poll. A parameter that breaks its rule is a
// [*ParameterError]. Poll and Result have the errors that
// [WorkspaceManagerJobsClient.BeginCreate] describes.
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-assignment-jobs/get
func (c *WorkspaceManagerJobsClient) NewJobPoller(resourceGroupName, workspaceName, workspaceManagerAssignmentName, jobName string, options *WorkspaceManagerJobsClientNewJobPollerOptions) (*runtime.Poller[WorkspaceManagerJobsClientGetResponse], error) {
	values := []string{c.subscriptionID, resourceGroupName, workspaceName, workspaceManagerAssignmentName, jobName}
	if options != nil && options.ResumeToken != "" {
		return resumeJobPoller[WorkspaceManagerJobsClientGetResponse](c.client, values, options.ResumeToken)
	}
	if _, err := c.client.path(routes.JobsGet, values); err != nil {
		return nil, err
	}
	return newJobPoller[WorkspaceManagerJobsClientGetResponse](c.client, values, Job{}, nil)
}

// jobResponse is what a poller ends with.
type jobResponse interface {
	WorkspaceManagerJobsClientCreateResponse | WorkspaceManagerJobsClientGetResponse
}

// jobPollingHandler is what [runtime.Poller] needs to wait for a job. Its JSON is the resume token's.
type jobPollingHandler[T jobResponse] struct {
	JobID    string `json:"jobId"`
	Checksum []byte `json:"checksum"` // of JobID

	client client
	values []string // of the path's parameters
	job    Job      // as it was last seen
}

func newJobPoller[T jobResponse](c client, values []string, job Job, resp *http.Response) (*runtime.Poller[T], error) {
	id := routes.JobsGet.ID(values...)
	return runtime.NewPoller(resp, c.arm.Pipeline(), &runtime.NewPollerOptions[T]{
		Handler: &jobPollingHandler[T]{JobID: id, Checksum: checksum([]byte(id)), client: c, values: values, job: job},
		Tracer:  c.arm.Tracer(),
	})
}

// resumeJobPoller returns the poller that a token is of, if its job is one of
// those that the values name: all jobs of an assignment, or one.
func resumeJobPoller[T jobResponse](c client, values []string, token string) (*runtime.Poller[T], error) {
	refuse := func(reason string) (*runtime.Poller[T], error) {
		return nil, &ParameterError{"ResumeToken", token, reason}
	}
	handler := &jobPollingHandler[T]{client: c}
	poller, err := runtime.NewPollerFromResumeToken(token, c.arm.Pipeline(), &runtime.NewPollerFromResumeTokenOptions[T]{
		Handler: handler,
		Tracer:  c.arm.Tracer(),
	})
	if err != nil {
		return refuse("must be a token of such a poller: " + shorten(err.Error()))
	}
	named, err := parseID(routes.JobsGet, handler.JobID)
	if err != nil || !bytes.Equal(handler.Checksum, checksum([]byte(handler.JobID))) {
		return refuse("must be a token of such a poller: it was altered")
	}
	for i, value := range values {
		if !strings.EqualFold(value, named[i]) {
			return refuse("must be a token of this poller: its job belongs to another subscription, workspace or assignment, or is another one")
		}
	}
	handler.values = named
	return poller, nil
}

// Done implements [runtime.PollingHandler].
func (h *jobPollingHandler[T]) Done() bool {
	return h.job.Properties.ProvisioningState.Terminal()
}

// Poll implements [runtime.PollingHandler].
func (h *jobPollingHandler[T]) Poll(ctx context.Context) (*http.Response, error) {
	var resp *http.Response
	got, err := run[WorkspaceManagerJobsClientGetResponse](ctx, h.client, call{route: routes.JobsGet, values: h.values, response: &resp})
	if errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("the job was deleted while it was waited for, or there never was one: %w", err)
	}
	if err != nil {
		return nil, err
	}
	h.job = got.Job
	return resp, nil
}

// Result implements [runtime.PollingHandler].
func (h *jobPollingHandler[T]) Result(_ context.Context, out *T) error {
	if !h.job.Properties.ProvisioningState.is(ProvisioningStateSucceeded) {
		return &JobFailedError{h.job}
	}
	*out = T(WorkspaceManagerJobsClientGetResponse{h.job})
	return nil
}
