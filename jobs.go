package armsecops

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/armsecops/armsecops/internal/printable"
	"github.com/armsecops/armsecops/internal/routes"
)

// WorkspaceManagerJobsClient starts, reads, lists and deletes the jobs of
// workspace manager assignments in Microsoft Sentinel, api-version
// 2025-04-01-preview. It is safe for concurrent use.
//
// Roles: Microsoft Sentinel Reader reads jobs; Microsoft Sentinel Contributor starts and
// deletes them. To start one takes that role at the workspace of each member, too.
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
	f, err := newFactory[WorkspaceManagerJobsClient](credential, options)
	if err != nil {
		return nil, err
	}
	return f.NewWorkspaceManagerJobsClient(subscriptionID)
}

// NewWorkspaceManagerJobsClient returns a client for the jobs of one subscription.
//   - subscriptionID: a UUID; another value is a [*ParameterError]
func (f *ClientFactory) NewWorkspaceManagerJobsClient(subscriptionID string) (*WorkspaceManagerJobsClient, error) {
	return newClient[WorkspaceManagerJobsClient](f, subscriptionID, newErrorResponse)
}

// Create starts a job: it publishes the content of the assignment to its member
// workspaces. The service names the job. BeginCreate starts one and returns a poller, which
// waits for its end; with Recover, it finds the job of a lost response. To follow a job of
// Create, use NewJobPoller, or Get. The content items times the member workspaces of a group
// may be at most 2,000, see
// https://learn.microsoft.com/azure/sentinel/workspace-manager#known-limitations.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
//   - workspaceManagerAssignmentName: at least 3 letters, digits and hyphens; starts and ends with a letter or digit
//   - options: nil for the defaults
//
// The identity needs the role Microsoft Sentinel Contributor on the workspace of each
// member, too.
//
// An invalid parameter is a [*ParameterError], a response that isn't success an
// [*ErrorResponse]. A job is started at most once: the request is sent again
// only if nothing was sent, or the response is a 429, or a 401 for which there is a new
// token. No retry option, policy or header lifts that. If it was sent, and what came back is
// nothing, or neither a job nor a refusal, such as a 408 or 503, the error is
// [ErrOutcomeUnknown]. Before you create another, list the jobs by
// [WorkspaceManagerJobsClient.NewListPager]; [WorkspaceManagerJobsClient.NewJobPoller]
// waits for one that runs.
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
		route:  routes.Jobs.Get,
		values: pathValues{resourceGroupName, workspaceName, workspaceManagerAssignmentName, jobName},
	})
}

// Delete deletes a job. Deleting one that doesn't exist is success if the
// service says 204; it is [ErrNotFound] if the service says 404. What becomes of the
// work of a job that is in progress isn't documented.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
//   - workspaceManagerAssignmentName, jobName: at least 3 letters, digits and hyphens; each starts and ends with a letter or digit
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success an
// [*ErrorResponse]. The call is repeated if a response is lost. It is
// [ErrOutcomeUnknown] if a later attempt conflicts with an earlier one, or finds that
// something above the resource is missing.
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-assignment-jobs/delete
func (c *WorkspaceManagerJobsClient) Delete(ctx context.Context, resourceGroupName, workspaceName, workspaceManagerAssignmentName, jobName string, options *WorkspaceManagerJobsClientDeleteOptions) (WorkspaceManagerJobsClientDeleteResponse, error) {
	return run[WorkspaceManagerJobsClientDeleteResponse](ctx, c.client, call{
		route:  routes.Jobs.Delete,
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
	return newWorkspacePager[Job](c.client, routes.Jobs.List, pathValues{resourceGroupName, workspaceName, workspaceManagerAssignmentName}, options)
}

// WorkspaceManagerJobsClientCreateOptions holds the optional parameters of [WorkspaceManagerJobsClient.Create].
type WorkspaceManagerJobsClientCreateOptions struct{}

// WorkspaceManagerJobsClientCreateResponse is the response of [WorkspaceManagerJobsClient.Create].
type WorkspaceManagerJobsClientCreateResponse struct {
	Job
}

// jobName returns the name of the job, which may be in its id alone.
func (r *WorkspaceManagerJobsClientCreateResponse) jobName() string {
	id, _ := ParseJobID(r.ID)
	return cmp.Or(r.Name, id.Name)
}

// startedJob is the response to the start of a job that a poller waits for.
type startedJob struct {
	WorkspaceManagerJobsClientCreateResponse
}

// unexpected refuses a job whose name is none, since it can't be polled.
func (j *startedJob) unexpected(first bool) error {
	if err := j.Job.unexpected(first); err != nil {
		return err
	}
	name := j.jobName()
	if reason := routes.CheckJob(name); reason != "" {
		return unexpected("it names the job " + printable.Quote(printable.Line(name, 128)) + ", which " + reason)
	}
	return nil
}

// WorkspaceManagerJobsClientBeginCreateOptions holds the optional parameters of [WorkspaceManagerJobsClient.BeginCreate].
type WorkspaceManagerJobsClientBeginCreateOptions struct {
	// ResumeToken continues to wait for the job of an earlier poller, of
	// BeginCreate or NewJobPoller, whose ResumeToken method returned it. No job is
	// started. Names that are empty are taken from the token, others must agree with it.
	ResumeToken string

	// Progress, if not nil, is called after every poll that reads the job, the last
	// one included, with the job as it is. It is called in the goroutine of Poll or
	// PollUntilDone, which waits for it, and not for a job that has ended before
	// the first poll. It must not change the job's items.
	Progress func(Job)

	// Recover finds the job after a lost response. The assignment's jobs are listed
	// before the request, at most 1,000, the newest first where the service sorts; an
	// error of that listing is returned, and nothing is started. If the outcome of the
	// request is unknown, they are listed again for up to a minute: exactly one job that
	// is new in two listings some seconds apart becomes the poller's. It may be a job
	// that another caller has started: either way the content is published. A second
	// job is never started. The context must allow for that minute.
	Recover bool
}

// WorkspaceManagerJobsClientNewJobPollerOptions holds the optional parameters of [WorkspaceManagerJobsClient.NewJobPoller].
type WorkspaceManagerJobsClientNewJobPollerOptions struct {
	// ResumeToken is that of an earlier poller, of BeginCreate or NewJobPoller.
	// Names that are empty are taken from the token, others must agree with it.
	ResumeToken string

	// Progress, if not nil, is called after every poll that reads the job, the last
	// one included, with the job as it is. It is called in the goroutine of Poll or
	// PollUntilDone, which waits for it. It must not change the job's items.
	Progress func(Job)
}

// WorkspaceManagerJobsClientGetOptions holds the optional parameters of [WorkspaceManagerJobsClient.Get].
type WorkspaceManagerJobsClientGetOptions struct{}

// WorkspaceManagerJobsClientGetResponse is the response of [WorkspaceManagerJobsClient.Get].
type WorkspaceManagerJobsClientGetResponse struct {
	Job
}

// WorkspaceManagerJobsClientDeleteOptions holds the optional parameters of [WorkspaceManagerJobsClient.Delete].
type WorkspaceManagerJobsClientDeleteOptions struct{}

// WorkspaceManagerJobsClientDeleteResponse is the response of [WorkspaceManagerJobsClient.Delete].
type WorkspaceManagerJobsClientDeleteResponse struct{}

// WorkspaceManagerJobsClientListOptions holds the optional parameters of [WorkspaceManagerJobsClient.NewListPager].
type WorkspaceManagerJobsClientListOptions = WorkspaceManagerListOptions

// Job is one run of a workspace manager assignment: it publishes content items
// to the member workspaces.
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-assignment-jobs/get#job
type Job = Resource[JobProperties]

// JobProperties is the state of a job. All of it is read-only: set by the service.
type JobProperties struct {
	// StartTime is when the job started.
	StartTime time.Time `json:"startTime,omitzero"`
	// EndTime is when the job ended; zero while it runs.
	EndTime time.Time `json:"endTime,omitzero"`
	// ProvisioningState is the state of the job; see [ProvisioningState.Terminal].
	ProvisioningState ProvisioningState `json:"provisioningState,omitzero"`
	// ErrorMessage says why the job failed, if there is one reason for all of it.
	ErrorMessage string `json:"errorMessage,omitzero"`
	// Items are the outcomes of the content items. A job that has just started has none.
	Items []JobItem `json:"items,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version
}

// JobItem is the outcome of one content item. All of it is read-only: set by the service.
type JobItem struct {
	// ResourceID is the resource id of the content item, such as an alert rule.
	ResourceID string `json:"resourceId,omitzero"`
	// Status is the state of the item.
	Status JobItemStatus `json:"status,omitzero"`
	// ExecutionTime is when the publication of the item was completed; zero while it runs.
	ExecutionTime time.Time `json:"executionTime,omitzero"`
	// Errors has one element for each member workspace that failed.
	Errors []JobItemError `json:"errors,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version
}

// JobItemError says why an item could not be published to one member workspace.
// All of it is read-only: set by the service.
type JobItemError struct {
	// MemberResourceName is the name of the workspace manager member.
	MemberResourceName string `json:"memberResourceName,omitzero"`
	// ErrorMessage is the reason, as the service words it.
	ErrorMessage string `json:"errorMessage,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version
}

// JobSummary counts the items of a job by status. Items with a status that this
// version doesn't know count in Total only.
type JobSummary struct {
	Total      int // all items
	Succeeded  int // items that were published to every member
	Failed     int // items that failed for at least one member
	InProgress int // items that are being published
}

// Summary counts the items of the job by status, ignoring case.
func (p JobProperties) Summary() JobSummary {
	summary := JobSummary{Total: len(p.Items)}
	for i := range p.Items {
		switch status := p.Items[i].Status; {
		case status.Is(JobItemStatusSucceeded):
			summary.Succeeded++
		case status.Is(JobItemStatusFailed):
			summary.Failed++
		case status.Is(JobItemStatusInProgress):
			summary.InProgress++
		}
	}
	return summary
}

// JobFailure is one item that could not be published to one member workspace.
type JobFailure struct {
	// ResourceID is the resource id of the content item.
	ResourceID string `json:"resourceId,omitzero"`
	// MemberResourceName is the name of the workspace manager member; empty if the service names none.
	MemberResourceName string `json:"memberResourceName,omitzero"`
	// ErrorMessage is the reason, as the service words it.
	ErrorMessage string `json:"errorMessage,omitzero"`
}

// Failures yields every failure of the job's items: one for each error of an item, and
// one without a member for a failed item that has no errors. A job can fail without any:
// its reason is ErrorMessage.
func (p JobProperties) Failures() iter.Seq[JobFailure] {
	return func(yield func(JobFailure) bool) {
		for i := range p.Items {
			item := &p.Items[i]
			for _, e := range item.Errors {
				if !yield(JobFailure{item.ResourceID, e.MemberResourceName, e.ErrorMessage}) {
					return
				}
			}
			if len(item.Errors) == 0 && item.Status.Is(JobItemStatusFailed) {
				if !yield(JobFailure{ResourceID: item.ResourceID}) {
					return
				}
			}
		}
	}
}

// isFailed reports whether Failures yields a failure of the item.
func isFailed(item JobItem) bool { return len(item.Errors) > 0 || item.Status.Is(JobItemStatusFailed) }

// JobList is one page of jobs.
type JobList = Page[Job]

// JobItemStatus is the state of one item of a job. Services add states over time, and
// differ in casing: compare states with Is.
type JobItemStatus string

// The states of an item.
const (
	JobItemStatusSucceeded  JobItemStatus = "Succeeded"  // the item was published to every member
	JobItemStatusFailed     JobItemStatus = "Failed"     // the item could not be published to at least one member
	JobItemStatusInProgress JobItemStatus = "InProgress" // the item is being published
)

// PossibleJobItemStatusValues returns the states that this version knows.
func PossibleJobItemStatusValues() []JobItemStatus {
	return []JobItemStatus{JobItemStatusSucceeded, JobItemStatusFailed, JobItemStatusInProgress}
}

// Is reports whether two states are the same, ignoring case.
func (s JobItemStatus) Is(other JobItemStatus) bool { return equalFold(s, other) }

// JobID is the resource id of a job, in its parts.
type JobID struct {
	SubscriptionID                 string // a UUID
	ResourceGroupName              string // 1 to 90 letters, digits and _-.(), without a period at the end
	WorkspaceName                  string // 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
	WorkspaceManagerAssignmentName string // at least 3 letters, digits and hyphens; starts and ends with a letter or digit
	Name                           string // at least 3 letters, digits and hyphens; starts and ends with a letter or digit
}

// ParseJobID reads the resource id of a job, ignoring case; the leading slash
// may be missing. The names keep their case. Anything else than such an id is a
// [*ParameterError].
func ParseJobID(id string) (JobID, error) {
	v, err := parseID(routes.Jobs.Get, id)
	if err != nil {
		return JobID{}, err
	}
	return JobID{v[0], v[1], v[2], v[3], v[4]}, nil
}

// String returns the id as Azure Resource Manager writes it. It doesn't check the parts.
func (id JobID) String() string {
	return routes.Jobs.Get.ID(id.SubscriptionID, id.ResourceGroupName, id.WorkspaceName, id.WorkspaceManagerAssignmentName, id.Name)
}

// JobFailedError is a job that ended Failed or Canceled while a poller waited for it, or of
// which an item failed, whatever its state: [WaitForJob], and Result and PollUntilDone of the
// poller, return it. Job is the whole job, so it needs no other request:
//
//	for failure := range failed.Job.Properties.Failures() {
//		fmt.Println(failure.ResourceID, failure.MemberResourceName, failure.ErrorMessage)
//	}
//
// A job that failed as a whole may have no such failures: the reason is
// Job.Properties.ErrorMessage. Error has the reason, and the first ten failures.
type JobFailedError struct {
	Job Job // with its items, and why they failed

	operation string // that made the poller
}

// maxPrintedFailures bounds the message of a JobFailedError.
const maxPrintedFailures = 10

// Error names the job and its state, then up to ten failures, in one line of bounded length.
func (e *JobFailedError) Error() string {
	job := "job " + line(e.Job.Name)
	if e.operation != "" {
		job = e.operation + ": " + job
	}
	if id, err := ParseJobID(e.Job.ID); err == nil {
		job += " of assignment " + line(id.WorkspaceManagerAssignmentName) + " in workspace " + line(id.WorkspaceName) +
			", resource group " + line(id.ResourceGroupName) + ", subscription " + line(id.SubscriptionID)
	}
	parts := append([]string{job + ": " + e.summary()}, e.failures()...)
	return printable.Line(strings.Join(parts, "; "), maxPrintedError)
}

// summary returns the state of the job, how many items failed, and the reason if there is one for all.
func (e *JobFailedError) summary() string {
	p := e.Job.Properties
	failed := 0
	for _, item := range p.Items {
		if isFailed(item) {
			failed++
		}
	}
	text := fmt.Sprintf("%s: %d of %d items failed", line(string(p.ProvisioningState)), failed, len(p.Items))
	if p.ErrorMessage != "" {
		text += ": " + message(p.ErrorMessage)
	}
	return text
}

// failures returns the first failures, a line for each, and how many more there are.
func (e *JobFailedError) failures() []string {
	var failures []string
	n := 0
	for f := range e.Job.Properties.Failures() {
		if n++; n > maxPrintedFailures {
			continue
		}
		text := line(f.ResourceID)
		if f.MemberResourceName != "" {
			text += " at member " + line(f.MemberResourceName)
		}
		if f.ErrorMessage != "" {
			text += ": " + message(f.ErrorMessage)
		}
		failures = append(failures, text)
	}
	if more := n - maxPrintedFailures; more > 0 {
		failures = append(failures, fmt.Sprintf("and %d more", more))
	}
	return failures
}
