package armsecops

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/armsecops/armsecops/internal/exchange"
	"github.com/armsecops/armsecops/internal/printable"
	"github.com/armsecops/armsecops/internal/resume"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/throttle"
)

// JobPoller waits for the end of a job; see [WorkspaceManagerJobsClient.BeginCreate] and
// [WaitForJob]. Between two polls, PollUntilDone waits for its Frequency, 30 seconds if
// there is none, or for as long as the response asks, which is at most an hour. It is not
// safe for concurrent use: take the ResumeToken before you wait. Its methods are those of
// azcore's [runtime.Poller]: PollUntilDone, Poll, Done, Result and ResumeToken.
type JobPoller = runtime.Poller[WorkspaceManagerJobsClientGetResponse]

// WaitForJob waits for the end of a job, as the PollUntilDone of its poller does, and
// returns it. A job that ended Failed or Canceled, or of which an item failed, is returned,
// too, with a [*JobFailedError]. Of a job that was deleted, [IsMissing] is true, and
// [IsParentMissing] if its assignment or workspace was: don't wait for it again. Any other error of a wait is [ErrJobMayRun], and the job has its ID and Name:
// the wait has ended, by the end of the context or by a poll that failed after its retries.
// Once its cause is dealt with, wait again, with the same poller, by its ResumeToken or by
// NewJobPoller. Give the context a deadline: it is what ends the wait for a job that doesn't
// end.
//   - poller: of BeginCreate or NewJobPoller; nil is a [*ParameterError] alone
//   - options: nil polls every 30 seconds, or as the service asks; a Frequency of less than a second, other than 0, is a [*ParameterError]
//     as well, except under go test, where azcore accepts it
//
// The causes are the errors of [WorkspaceManagerJobsClient.Get]. [ErrOutcomeUnknown] is one
// of BeginCreate, not of the wait.
func WaitForJob(ctx context.Context, poller *JobPoller, options *runtime.PollUntilDoneOptions) (Job, error) {
	const name = "WaitForJob"
	switch {
	case ctx == nil:
		return Job{}, withOperation(name, errNilContext)
	case poller == nil:
		return Job{}, withOperation(name, &ParameterError{Name: "poller", Reason: "must not be nil"})
	}
	token, _ := poller.ResumeToken() // of a job that has ended, there is none and no wait
	done, err := poller.PollUntilDone(ctx, options)
	if failed, ok := err.(*JobFailedError); ok { // of this job: the cause of a context may be that of another
		return failed.Job, err
	}
	named := finds[interface { // which is of the library, rather than of azcore's poller
		error
		slog.LogValuer
	}](err)
	ended := ctx.Err() != nil && errors.Is(err, ctx.Err())
	if err == nil || named && !ended && (IsMissing(err) || IsParentMissing(err) || token == "") { // no job, or no wait
		return done.Job, err
	}
	switch {
	case named:
	case options != nil && options.Frequency < time.Second && !ended: // of which azcore has the only other error
		err = invalid("Frequency", options.Frequency.String(), "must be at least 1s")
	default:
		err = exchange.WithCause(err, ctx)
	}
	id, _ := resume.ReadJobToken(token)
	job, _ := ParseJobID(id)
	return Job{ID: id, Name: job.Name}, withOperation(name, &waitError{id, err})
}

// waitError is the end of a wait before that of the job.
type waitError struct {
	id  string // of the job
	err error
}

func (e *waitError) Error() string {
	text := e.err.Error()
	if strings.Contains(text, e.id) {
		return bounded(strings.TrimSuffix(text, ".") + "; the job may still run")
	}
	return bounded(strings.TrimSuffix(text, ".") + "; the job " + e.id + " may still run")
}

func (e *waitError) Unwrap() error { return e.err }

// Is reports whether the target is [ErrJobMayRun].
func (e *waitError) Is(target error) bool { return target == ErrJobMayRun }

// BeginCreate starts a job, as [WorkspaceManagerJobsClient.Create] does, and
// returns a poller that waits for its end.
//   - resourceGroupName: 1 to 90 letters, digits and _-.(), without a period at the end
//   - workspaceName: 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
//   - workspaceManagerAssignmentName: at least 3 letters, digits and hyphens; starts and ends with a letter or digit
//   - options: nil for the defaults; with a ResumeToken, no job is started
//
// The identity needs the role Microsoft Sentinel Contributor on the workspace of each
// member, too.
//
// The errors are those of Create. The body of the response that Poll returns is
// the current job. A failed Poll leaves the poller unchanged: poll again, or
// keep its ResumeToken and resume in another process. Result returns a
// [*JobFailedError] for a job that ended Failed or Canceled, or of which an item failed; a job that is
// deleted while the poller waits is [ErrNotFound].
//
// With Recover, a lost response doesn't lose the job: the poller is that of the job
// that is new in the assignment since before the request. The error is
// [ErrOutcomeUnknown] if none is new within a minute, or several are.
//
// The service may not show a job everywhere when it has just started. A 404 within
// two minutes of the start, before any poll has seen the job, is neither an error
// nor its end: Poll returns that response, and the poller continues. The pollers of
// a ResumeToken and of NewJobPoller return ErrNotFound at once.
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-assignment-jobs/create
func (c *WorkspaceManagerJobsClient) BeginCreate(ctx context.Context, resourceGroupName, workspaceName, workspaceManagerAssignmentName string, options *WorkspaceManagerJobsClientBeginCreateOptions) (*JobPoller, error) {
	return c.beginCreate(ctx, resourceGroupName, workspaceName, workspaceManagerAssignmentName, options)
}

func (c *WorkspaceManagerJobsClient) beginCreate(ctx context.Context, resourceGroupName, workspaceName, workspaceManagerAssignmentName string, options *WorkspaceManagerJobsClientBeginCreateOptions) (_ *JobPoller, err error) {
	const name = "WorkspaceManagerJobsClient.BeginCreate"
	if options == nil {
		options = &WorkspaceManagerJobsClientBeginCreateOptions{}
	}
	values := pathValues{resourceGroupName, workspaceName, workspaceManagerAssignmentName}
	create := call{route: routes.JobsCreate, name: name, values: values}
	if options.ResumeToken != "" {
		if ctx != nil { // which nothing else here needs
			_, endSpan := c.startSpan(ctx, name, &create)
			defer func() { endSpan(err) }()
		}
		poller, err := resumeJobPoller(c.client, name, values, options.ResumeToken, options.Progress)
		return poller, withOperation(name, err)
	}
	var lost *recovery
	if options.Recover && ctx != nil { // without a context, the call below says so
		create.span = create.route.Operation // below that of this method, which has the outcome
		var endSpan func(error)
		ctx, endSpan = c.startParentSpan(ctx, name, &create)
		defer func() { endSpan(err) }()
		if _, err := c.checkedValues(&create); err != nil {
			return nil, withOperation(name, err)
		}
		if lost, err = newRecovery(ctx, c, values); err != nil {
			return nil, withOperation(name, &wrappedError{text: "no job was started, since listing the jobs failed", errs: []error{err}})
		}
	}
	created, resp, err := runResponse[startedJob](ctx, c.client, create)
	if lost != nil && errors.Is(err, ErrOutcomeUnknown) {
		job, findErr := lost.find(ctx)
		if findErr != nil {
			errs := []error{err}
			if ctx.Err() != nil {
				errs = []error{blankError(c.secrets(nil, exchange.Sent{}), exchange.WithCause(ctx.Err(), ctx)), err}
			}
			return nil, &wrappedError{errs: errs, more: "looking for the job: " + findErr.Error()}
		}
		values[3] = job
		c.noteJob(ctx, job)
		return newJobPoller(c.client, name, values, &jobStart{at: time.Now()}, options.Progress)
	}
	if err != nil {
		return nil, err
	}
	values[3] = created.jobName()
	return newJobPoller(c.client, name, values, &jobStart{resp, created.Job, time.Now()}, options.Progress)
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
func (c *WorkspaceManagerJobsClient) NewJobPoller(resourceGroupName, workspaceName, workspaceManagerAssignmentName, jobName string, options *WorkspaceManagerJobsClientNewJobPollerOptions) (*JobPoller, error) {
	const name = "WorkspaceManagerJobsClient.NewJobPoller"
	if options == nil {
		options = &WorkspaceManagerJobsClientNewJobPollerOptions{}
	}
	values := pathValues{resourceGroupName, workspaceName, workspaceManagerAssignmentName, jobName}
	var poller *JobPoller
	var err error
	if options.ResumeToken != "" {
		poller, err = resumeJobPoller(c.client, name, values, options.ResumeToken, options.Progress)
	} else {
		poller, err = newJobPoller(c.client, name, values, nil, options.Progress)
	}
	return poller, withOperation(name, err)
}

const (
	// maxPollDelay bounds how long a response makes a poller wait.
	maxPollDelay = time.Hour

	// maxUnseen is how long after its start the service may not show a job everywhere yet.
	maxUnseen = 2 * time.Minute
)

// jobStart is the start of a job.
type jobStart struct {
	response *http.Response // nil if it was lost
	job      Job            // as the response describes it
	at       time.Time      // when it came, or the job was found, by the clock here
}

// recent reports whether a later response may come from a part of the service
// that doesn't know of the job yet. The clock of the service counts, if both
// responses say what it is.
func (s *jobStart) recent(later *http.Response) bool {
	if s == nil {
		return false
	}
	if s.response != nil {
		started, err := http.ParseTime(s.response.Header.Get("Date"))
		now, laterErr := http.ParseTime(later.Header.Get("Date"))
		if err == nil && laterErr == nil {
			return now.Sub(started) < maxUnseen
		}
	}
	return time.Since(s.at) < maxUnseen
}

// jobPollingHandler is what [runtime.Poller] needs to wait for a job. Its JSON is the resume token's.
type jobPollingHandler struct {
	resume.JobToken

	client    client
	operation string // that made the poller
	get       call
	start     *jobStart // until the service has shown the job; nil if another poller started it
	job       Job       // as the service last described it
	progress  func(Job) // called with it after every poll; nil if the caller doesn't want it
	failed    error     // of the last Poll or Result
}

func newJobPoller(c client, operation string, values pathValues, start *jobStart, progress func(Job)) (*JobPoller, error) {
	get := call{route: routes.Jobs.Get, values: values}
	checked := c.values(&get)
	if err := parameterError(get.route.Check(checked)); err != nil {
		return nil, err
	}
	token := resume.NewJobToken(get.route.ID(checked...))
	handler := &jobPollingHandler{JobToken: token, client: c, operation: operation, get: get, start: start, progress: progress}
	var resp *http.Response
	if start != nil && start.response != nil {
		handler.job, resp = start.job, start.response
		throttle.Bound(resp, maxPollDelay)
	}
	return runtime.NewPoller(resp, c.arm.Pipeline(), &runtime.NewPollerOptions[WorkspaceManagerJobsClientGetResponse]{
		Handler: handler,
		Tracer:  c.errorTracer(&handler.get, "Poller[", &handler.failed),
	})
}

// resumeJobPoller returns a poller for the job of another poller's token, if the
// values that aren't empty agree with it.
func resumeJobPoller(c client, operation string, values pathValues, token string, progress func(Job)) (*JobPoller, error) {
	refuse := func(reason string) (*JobPoller, error) {
		return nil, &ParameterError{Name: "ResumeToken", Reason: reason}
	}
	id, reason := resume.ReadJobToken(token)
	if reason != "" {
		return refuse(reason)
	}
	named, err := parseID(routes.Jobs.Get, id)
	if err != nil {
		return refuse(resume.AlteredJobToken)
	}
	for i, value := range append([]string{c.subscriptionID}, values[:]...) {
		if value != "" && !strings.EqualFold(value, named[i]) {
			return refuse("must be a token of this poller: its job has another " + routes.Jobs.Get.Parameters()[i])
		}
	}
	return newJobPoller(c, operation, pathValues(named[1:]), nil, progress)
}

// Done implements [runtime.PollingHandler].
func (h *jobPollingHandler) Done() bool {
	return h.job.Properties.ProvisioningState.Terminal()
}

// Poll implements [runtime.PollingHandler].
func (h *jobPollingHandler) Poll(ctx context.Context) (_ *http.Response, err error) {
	defer func() { h.failed = err }()
	got, resp, err := runResponse[WorkspaceManagerJobsClientGetResponse](ctx, h.client, h.get)
	if failed, ok := errors.AsType[*azcore.ResponseError](err); ok && statusOf(err) == http.StatusNotFound {
		if h.start.recent(failed.RawResponse) {
			throttle.Bound(failed.RawResponse, maxPollDelay)
			return failed.RawResponse, nil
		}
		if !IsMissing(err) { // which says nothing of the job
			return nil, err
		}
		more := "the job was deleted while the poller waited"
		if h.job.Properties.ProvisioningState == "" {
			more += ", or never existed"
		}
		return nil, &wrappedError{more: more, errs: []error{err}}
	}
	if err != nil {
		return nil, err
	}
	throttle.Bound(resp, maxPollDelay)
	h.start, h.job = nil, got.Job
	if h.progress != nil {
		h.progress(h.job)
	}
	return resp, nil
}

// Result implements [runtime.PollingHandler].
func (h *jobPollingHandler) Result(_ context.Context, out *WorkspaceManagerJobsClientGetResponse) error {
	if p := h.job.Properties; !p.ProvisioningState.succeeded() || slices.ContainsFunc(p.Items, isFailed) {
		h.failed = &JobFailedError{h.job, h.operation}
		return h.failed
	}
	*out = WorkspaceManagerJobsClientGetResponse{h.job}
	return nil
}

const (
	// maxRecoverJobs bounds the jobs that a recovery reads.
	maxRecoverJobs = 1000

	// recoverTime is how long a recovery looks for the job.
	recoverTime = time.Minute

	// recoverInterval is the time between two listings of a recovery.
	recoverInterval = 5 * time.Second

	// maxClockSkew is by how much the clocks of the service may differ.
	maxClockSkew = time.Minute
)

// recovery finds the job of an assignment that a request started whose response was lost.
type recovery struct {
	client *WorkspaceManagerJobsClient
	values pathValues
	before map[string]bool // the names of the jobs before the request
	clock  time.Time       // of the service then; zero if it didn't say
}

// newRecovery lists the jobs of an assignment before a request that may start one.
func newRecovery(ctx context.Context, c *WorkspaceManagerJobsClient, values pathValues) (*recovery, error) {
	r := &recovery{client: c, values: values, before: map[string]bool{}}
	var resp *http.Response
	err := r.list(policy.WithCaptureResponse(ctx, &resp), func(job Job) { r.before[job.Name] = true })
	if err != nil {
		return nil, err
	}
	if resp != nil {
		r.clock, _ = http.ParseTime(resp.Header.Get("Date"))
	}
	return r, nil
}

// list calls a function with the jobs of the assignment, the newest first where the
// service sorts.
func (r *recovery) list(ctx context.Context, yield func(Job)) error {
	pager := r.client.NewListPager(r.values[0], r.values[1], r.values[2], &WorkspaceManagerJobsClientListOptions{
		OrderBy: "properties/startTime desc",
		Top:     maxRecoverJobs,
	})
	for job, err := range pager.All(ctx) {
		if err != nil {
			return err
		}
		yield(job)
	}
	return nil
}

// find returns the name of the job that is new in two listings, if there is exactly
// one. The error says what was found instead.
func (r *recovery) find(ctx context.Context) (string, error) {
	deadline := time.Now().Add(recoverTime)
	var listed *http.Response // rather than that of the caller's policy.WithCaptureResponse
	ctx, cancel := context.WithDeadline(policy.WithCaptureResponse(ctx, &listed), deadline)
	defer cancel()
	last := ""
	for {
		var found []string
		err := r.list(ctx, func(job Job) {
			if r.isNew(job) {
				found = append(found, job.Name)
			}
		})
		switch {
		case err != nil:
			last, err = "", fmt.Errorf("listing the jobs failed: %w", err)
		case len(found) > 1:
			return "", fmt.Errorf("%d jobs are new, %s and %s among them", len(found), printable.Quote(found[0]), printable.Quote(found[1]))
		case len(found) == 0:
			last, err = "", errors.New("no job is new")
		case found[0] == last:
			return last, nil
		default:
			last, err = found[0], errors.New("one job is new in the last listing only")
		}
		if time.Until(deadline) <= recoverInterval {
			return "", err
		}
		timer := time.NewTimer(recoverInterval)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return "", fmt.Errorf("%w, and the search was cut short: %w", err, ctx.Err())
		}
	}
}

// isNew reports whether a job wasn't there before the request. A job that the
// first listing was too short for started earlier, by the service's clock.
func (r *recovery) isNew(job Job) bool {
	started := job.Properties.StartTime
	return !r.before[job.Name] && (started.IsZero() || r.clock.IsZero() || started.After(r.clock.Add(-maxClockSkew)))
}
