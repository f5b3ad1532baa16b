package fake

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
)

// job is a stored job and its progress.
type job struct {
	armsecops.Job
	running bool
	gets    int                 // how often a running job was read
	items   []armsecops.JobItem // as they will be when the job has ended
}

// PutJob stores a job unchanged, in place of a job with the same id. If its ID,
// Name, Type or ETag is empty, it is set. The job keeps its state until it is
// put again. PutJob panics if a part of the id is invalid, or if the job can't
// be encoded as JSON.
func (s *Server) PutJob(id armsecops.JobID, model armsecops.Job) {
	mustBeValid(routes.Jobs.Get, id.SubscriptionID, id.ResourceGroupName, id.WorkspaceName, id.WorkspaceManagerAssignmentName, id.Name)
	model = deepCopy(model)
	s.mu.Lock()
	defer s.mu.Unlock()
	model.ID = cmp.Or(model.ID, id.String())
	model.Name = cmp.Or(model.Name, id.Name)
	model.Type = cmp.Or(model.Type, resourceType(routes.Jobs.Get))
	if model.ETag == "" {
		model.ETag = s.newETag()
	}
	s.jobs[key(id.String())] = &job{Job: model}
	s.addParents(id.String())
}

// SetJobItems sets the items of the jobs that clients start from now on for one
// assignment, and their outcome. A job with a Failed item ends Failed, any other
// job Succeeded.
//   - id: the assignment; its JobName is not read
//   - items: as they will be when the job has ended. An item without a status
//     is Failed if it has errors, else Succeeded. An item without an
//     executionTime gets the time at which it was published.
func (s *Server) SetJobItems(id armsecops.JobID, items []armsecops.JobItem) {
	assignment := []string{id.SubscriptionID, id.ResourceGroupName, id.WorkspaceName, id.WorkspaceManagerAssignmentName}
	mustBeValid(routes.Jobs.List, assignment...)
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
	list := routes.Jobs.List.ID(assignment...)
	s.jobItems[key(list)] = items
	s.addParents(list)
}

func (s *Server) createJob(r *request) *response {
	name, now := s.options.NewID(), s.now()
	j := &job{running: true, items: deepCopy(s.jobItems[key(r.route.ID(r.values...))])}
	j.ID = routes.Jobs.Get.ID(append(slices.Clone(r.values), name)...)
	j.Name = name
	j.Type = resourceType(routes.Jobs.Get)
	j.ETag = s.newETag()
	j.SystemData = modifiedAt(now, armsecops.SystemData{})
	j.Properties.StartTime = now
	j.Properties.ProvisioningState = armsecops.ProvisioningStateInProgress
	s.jobs[key(j.ID)] = j
	return newModelResponse(http.StatusOK, j.Job)
}

func (s *Server) getJob(r *request) *response {
	j := s.jobs[key(r.route.ID(r.values...))]
	if j == nil {
		return newNotFoundResponse(r)
	}
	if j.running {
		j.gets++
		s.advance(j)
	}
	return newModelResponse(http.StatusOK, j.Job)
}

// advance updates a running job to the server's time, or to the number of its
// Gets. Its items are published one after another, and with the last one it ends.
func (s *Server) advance(j *job) {
	p, now := &j.Properties, s.now()
	end, publishedAt := now, func(int) time.Time { return now } // by the number of the item
	done, of := int64(j.gets-1), int64(s.options.JobSteps)
	if duration := s.options.JobDuration; duration > 0 {
		done, of = int64(now.Sub(p.StartTime)), int64(duration)
		end = p.StartTime.Add(duration).Truncate(precision)
		publishedAt = func(n int) time.Time {
			return p.StartTime.Add(duration * time.Duration(n) / time.Duration(len(j.items))).Truncate(precision)
		}
	}
	j.running = done < of
	published := len(j.items)
	if j.running {
		published = int(int64(published) * done / of)
	}
	for i, item := range j.items {
		switch {
		case i >= published:
			item.Status, item.ExecutionTime, item.Errors = armsecops.JobItemStatusInProgress, time.Time{}, nil
		case item.ExecutionTime.IsZero():
			item.ExecutionTime = publishedAt(i + 1)
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
	p.EndTime = end
	p.ProvisioningState = armsecops.ProvisioningStateSucceeded
	if p.Summary().Failed > 0 {
		p.ProvisioningState = armsecops.ProvisioningStateFailed
	}
	j.ETag = s.newETag()
	j.SystemData = modifiedAt(end, j.SystemData)
}

func (s *Server) deleteJob(r *request) *response {
	k := key(r.route.ID(r.values...))
	if s.jobs[k] == nil {
		return newResponse(http.StatusNoContent, nil)
	}
	delete(s.jobs, k)
	return newResponse(http.StatusOK, nil)
}

func (s *Server) listJobs(r *request) *response {
	sortKey, descending, err := parseOrderBy(r.query.Get("$orderby"))
	if err != nil {
		return newErrorResponse(http.StatusBadRequest, "InvalidOrderBy", err.Error())
	}
	top, err := parseTop(r.query.Get("$top"))
	if err != nil {
		return newErrorResponse(http.StatusBadRequest, "InvalidTop", err.Error())
	}
	listing := listing[armsecops.Job]{descending: descending, pageSize: s.options.PageSize}
	if top > 0 && (top < listing.pageSize || listing.pageSize == 0) {
		listing.pageSize = top
	}
	prefix := key(r.route.ID(r.values...)) + "/"
	for k, j := range s.jobs {
		if strings.HasPrefix(k, prefix) {
			if j.running && s.options.JobDuration > 0 {
				s.advance(j)
			}
			listing.entries = append(listing.entries, entry[armsecops.Job]{sortKey(j.Job), k, j.Job})
		}
	}
	return listing.page(r)
}
