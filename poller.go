package armsecops

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/armsecops/armsecops/internal/printable"
	"github.com/armsecops/armsecops/internal/routes"
)

// BeginCreate starts a job, as [WorkspaceManagerJobsClient.Create] does, and
// returns a poller that waits for its end.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
//   - workspaceManagerAssignmentName: at least 3 letters, digits and hyphens; starts and ends with a letter or digit
//   - options: nil for the defaults; with a ResumeToken, no job is started
//
// The errors are those of Create. The body of the response that Poll returns is
// the current job. A failed Poll leaves the poller unchanged: poll again, or
// keep its ResumeToken and resume in another process. Result returns a
// [*JobFailedError] for a job that ended Failed or Canceled; a job that is
// deleted while the poller waits is [ErrNotFound].
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-assignment-jobs/create
func (c *WorkspaceManagerJobsClient) BeginCreate(ctx context.Context, resourceGroupName, workspaceName, workspaceManagerAssignmentName string, options *WorkspaceManagerJobsClientBeginCreateOptions) (*runtime.Poller[WorkspaceManagerJobsClientCreateResponse], error) {
	const name = "WorkspaceManagerJobsClient.BeginCreate"
	if options == nil {
		options = &WorkspaceManagerJobsClientBeginCreateOptions{}
	}
	values := pathValues{resourceGroupName, workspaceName, workspaceManagerAssignmentName}
	if options.ResumeToken != "" {
		return resumeJobPoller[WorkspaceManagerJobsClientCreateResponse](c.client, values, options.ResumeToken, options.Progress)
	}
	var resp *http.Response
	created, err := run[WorkspaceManagerJobsClientCreateResponse](ctx, c.client, call{route: routes.JobsCreate, name: name, values: values, response: &resp})
	if err != nil {
		return nil, err
	}
	values[3] = created.Name
	poller, err := newJobPoller[WorkspaceManagerJobsClientCreateResponse](c.client, values, created.Job, resp, options.Progress)
	if err != nil {
		return nil, outcomeUnknown(withOperation(name, errors.New("the response names the job "+printable.Quote(created.Name))))
	}
	return poller, nil
}

// NewJobPoller returns a poller that waits for the end of a job, whoever started it.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
//   - workspaceManagerAssignmentName, jobName: at least 3 letters, digits and hyphens; each starts and ends with a letter or digit
//   - options: nil for the defaults
//
// Nothing is sent before the first Poll. An invalid parameter is a
// [*ParameterError]. Poll and Result have the errors that
// [WorkspaceManagerJobsClient.BeginCreate] describes.
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-assignment-jobs/get
func (c *WorkspaceManagerJobsClient) NewJobPoller(resourceGroupName, workspaceName, workspaceManagerAssignmentName, jobName string, options *WorkspaceManagerJobsClientNewJobPollerOptions) (*runtime.Poller[WorkspaceManagerJobsClientGetResponse], error) {
	if options == nil {
		options = &WorkspaceManagerJobsClientNewJobPollerOptions{}
	}
	values := pathValues{resourceGroupName, workspaceName, workspaceManagerAssignmentName, jobName}
	if options.ResumeToken != "" {
		return resumeJobPoller[WorkspaceManagerJobsClientGetResponse](c.client, values, options.ResumeToken, options.Progress)
	}
	return newJobPoller[WorkspaceManagerJobsClientGetResponse](c.client, values, Job{}, nil, options.Progress)
}

// jobResponse is what a poller ends with.
type jobResponse interface {
	WorkspaceManagerJobsClientCreateResponse | WorkspaceManagerJobsClientGetResponse
}

// jobPollingHandler is what [runtime.Poller] needs to wait for a job. Its JSON is the resume token's.
type jobPollingHandler[T jobResponse] struct {
	JobID    string `json:"jobId"`
	Checksum []byte `json:"checksum"` // of JobID

	client   client
	get      call
	job      Job       // as the service last described it
	progress func(Job) // called with it after every poll; nil: isn't
}

func newJobPoller[T jobResponse](c client, values pathValues, job Job, resp *http.Response, progress func(Job)) (*runtime.Poller[T], error) {
	get := call{route: routes.Jobs.Get, values: values}
	checked := c.values(&get)
	if err := checkParameters(get.route, checked); err != nil {
		return nil, err
	}
	id := routes.Jobs.Get.ID(checked...)
	return runtime.NewPoller(resp, c.arm.Pipeline(), &runtime.NewPollerOptions[T]{
		Handler: &jobPollingHandler[T]{JobID: id, Checksum: checksum(id), client: c, get: get, job: job, progress: progress},
		Tracer:  c.arm.Tracer(),
	})
}

func checksum(id string) []byte {
	sum := sha256.Sum256([]byte(id))
	return sum[:8]
}

// resumeJobPoller returns a poller for the job of another poller's token, if the
// values that aren't empty agree with it.
func resumeJobPoller[T jobResponse](c client, values pathValues, token string, progress func(Job)) (*runtime.Poller[T], error) {
	refuse := func(reason string) (*runtime.Poller[T], error) {
		return nil, &ParameterError{Name: "ResumeToken", Reason: reason}
	}
	// As azcore writes the token. Which of the two pollers wrote it makes no difference.
	var resume struct {
		Type  string               `json:"type"`
		Token jobPollingHandler[T] `json:"token"`
	}
	err := json.Unmarshal([]byte(token), &resume)
	if err != nil || resume.Type != "WorkspaceManagerJobsClientCreateResponse" && resume.Type != "WorkspaceManagerJobsClientGetResponse" {
		return refuse("must be a token of such a poller")
	}
	named, err := parseID(routes.Jobs.Get, resume.Token.JobID)
	if err != nil || !bytes.Equal(resume.Token.Checksum, checksum(resume.Token.JobID)) {
		return refuse("must be a token of such a poller: it was altered")
	}
	for i, value := range append([]string{c.subscriptionID}, values[:]...) {
		if value != "" && !strings.EqualFold(value, named[i]) {
			return refuse("must be a token of this poller: its job belongs to another subscription, workspace or assignment, or is another one")
		}
	}
	return newJobPoller[T](c, pathValues(named[1:]), Job{}, nil, progress)
}

// Done implements [runtime.PollingHandler].
func (h *jobPollingHandler[T]) Done() bool {
	return h.job.Properties.ProvisioningState.Terminal()
}

// Poll implements [runtime.PollingHandler].
func (h *jobPollingHandler[T]) Poll(ctx context.Context) (*http.Response, error) {
	var resp *http.Response
	get := h.get
	get.response = &resp
	got, err := run[WorkspaceManagerJobsClientGetResponse](ctx, h.client, get)
	if errors.Is(err, ErrNotFound) {
		return nil, &wrappedError{"the job was deleted while the poller waited, or never existed", []error{err}}
	}
	if err != nil {
		return nil, err
	}
	h.job = got.Job
	if h.progress != nil {
		h.progress(h.job)
	}
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
