package fake

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
)

// job is a job of the server, and how it goes on.
type job struct {
	armsecops.Job
	running bool
	gets    int                 // so far, while it runs
	items   []armsecops.JobItem // what becomes of its items
}

// PutJob puts a job on the server as it is, in the place of one with that id.
// Members that are absent and that every job has are filled in: id, name, type
// and etag. The job stays in its state, whatever that is, until it is put again.
// It panics if a part of the id breaks its rule, or if the job has no JSON form.
func (s *Server) PutJob(id armsecops.JobID, model armsecops.Job) {
	mustBeValid(routes.JobsGet, id.SubscriptionID, id.ResourceGroupName, id.WorkspaceName, id.WorkspaceManagerAssignmentName, id.JobName)
	model = deepCopy(model)
	s.mu.Lock()
	defer s.mu.Unlock()
	setDefault(&model.ID, id.String())
	setDefault(&model.Name, id.JobName)
	setDefault(&model.Type, resourceType(routes.JobsGet))
	if model.ETag == "" {
		model.ETag = s.newETag()
	}
	s.jobs[key(id.String())] = &job{Job: model}
}

func setDefault(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// SetJobItems says what the jobs publish that are started from now on for one
// assignment, and what becomes of it. A job that has a Failed item ends Failed,
// any other Succeeded.
//   - id: of the assignment; its JobName is not read
//   - items: as they are when the job has ended. An item without a status is
//     Failed if it has errors, else Succeeded; without an executionTime, it gets
//     the time at which it was done.
func (s *Server) SetJobItems(id armsecops.JobID, items []armsecops.JobItem) {
	parent := []string{id.SubscriptionID, id.ResourceGroupName, id.WorkspaceName, id.WorkspaceManagerAssignmentName}
	mustBeValid(routes.JobsList, parent...)
	items = deepCopy(items)
	for i := range items {
		switch item := &items[i]; {
		case item.Status != "":
		case len(item.Errors) > 0:
			item.Status = armsecops.JobItemStatusFailed
		default:
			item.Status = armsecops.JobItemStatusSucceeded
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobItems[key(routes.JobsList.ID(parent...))] = items
}

func (s *Server) createJob(r *request) *answer {
	name, now := s.options.NewID(), s.now()
	j := &job{running: true, items: deepCopy(s.jobItems[key(r.route.ID(r.values...))])}
	j.ID = routes.JobsGet.ID(append(slices.Clone(r.values), name)...)
	j.Name = name
	j.Type = resourceType(routes.JobsGet)
	j.ETag = s.newETag()
	j.SystemData = modified(armsecops.SystemData{}, now)
	j.Properties.StartTime = now
	j.Properties.ProvisioningState = armsecops.ProvisioningStateInProgress
	s.jobs[key(j.ID)] = j
	return reply(http.StatusOK, j.Job)
}

func (s *Server) getJob(r *request) *answer {
	j := s.jobs[key(r.route.ID(r.values...))]
	if j == nil {
		return notFound(r)
	}
	if j.running {
		j.gets++
		s.advance(j)
	}
	return reply(http.StatusOK, j.Job)
}

// advance brings a job to where its number of Gets says it is: its items are
// done one after the other, and when all the steps are taken it ends.
func (s *Server) advance(j *job) {
	p, now := &j.Properties, s.now()
	j.running = j.gets <= s.options.JobSteps
	done := len(j.items)
	if j.running {
		done = done * (j.gets - 1) / s.options.JobSteps
	}
	for i, item := range j.items {
		switch {
		case i >= done:
			item.Status, item.ExecutionTime, item.Errors = armsecops.JobItemStatusInProgress, time.Time{}, nil
		case item.ExecutionTime.IsZero():
			item.ExecutionTime = now
			j.items[i] = item
		}
		if i == len(p.Items) {
			p.Items = append(p.Items, item)
		}
		p.Items[i] = item
	}
	if j.running {
		return
	}
	p.EndTime = now
	p.ProvisioningState = armsecops.ProvisioningStateSucceeded
	if p.Summary().Failed > 0 {
		p.ProvisioningState = armsecops.ProvisioningStateFailed
	}
	j.ETag = s.newETag()
	j.SystemData = modified(j.SystemData, now)
}

func (s *Server) deleteJob(r *request) *answer {
	k := key(r.route.ID(r.values...))
	if s.jobs[k] == nil {
		return newAnswer(http.StatusNoContent, nil)
	}
	delete(s.jobs, k)
	return newAnswer(http.StatusOK, nil)
}

func (s *Server) listJobs(r *request) *answer {
	orderBy, descending, err := readOrderBy(r.query.Get("$orderby"))
	if err != nil {
		return refuse(http.StatusBadRequest, "InvalidOrderBy", err.Error())
	}
	top, err := readTop(r.query.Get("$top"))
	if err != nil {
		return refuse(http.StatusBadRequest, "InvalidTop", err.Error())
	}
	listing := listing[armsecops.Job]{descending: descending, top: top, size: s.options.PageSize}
	prefix := key(r.route.ID(r.values...)) + "/"
	for k, j := range s.jobs {
		if strings.HasPrefix(k, prefix) {
			listing.entries = append(listing.entries, entry[armsecops.Job]{orderBy(j.Job), k, j.Job})
		}
	}
	return listing.page(r)
}
