package armsecops

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/armsecops/armsecops/internal/printable"
)

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
	last, err := "", error(nil)
	for {
		var found []string
		err = r.list(ctx, func(job Job) {
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
		if time.Until(deadline) < recoverInterval {
			return "", err
		}
		timer := time.NewTimer(recoverInterval)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return "", errors.Join(err, ctx.Err())
		}
	}
}

// isNew reports whether a job wasn't there before the request. A job that the
// first listing was too short for started earlier, by the service's clock.
func (r *recovery) isNew(job Job) bool {
	started := job.Properties.StartTime
	return !r.before[job.Name] && (started.IsZero() || r.clock.IsZero() || started.After(r.clock.Add(-maxClockSkew)))
}
