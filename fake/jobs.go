package fake

import (
	"net/http"
	"slices"
	"time"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
)

// progress is the progress of a running job.
type progress struct {
	assignment string              // key of the workspace manager assignment
	gets       int                 // how often the job was read
	items      []armsecops.JobItem // as they will be when the job has ended
	properties armsecops.JobProperties
}

// SetJobItems sets the items of the jobs that clients start from now on for one
// assignment, and their outcome. A job with a Failed item ends Failed, any other
// job Succeeded. Without it, a job's items are those of the stored assignment, and
// succeed.
//   - items: as they will be when the job has ended. An item without a status
//     is Failed if it has errors, else Succeeded. An item without an
//     executionTime gets the time at which it was published.
//
// It panics if the id is invalid, or if an item can't be encoded as JSON.
func (s *Server) SetJobItems(id armsecops.WorkspaceManagerAssignmentID, items []armsecops.JobItem) {
	assignment := []string{id.SubscriptionID, id.ResourceGroupName, id.WorkspaceName, id.Name}
	mustBeValid(routes.Jobs.List, assignment...)
	items = mustParse[[]armsecops.JobItem](mustEncode(items))
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
	s.jobItems[key(id.String())] = items
	s.addParents(id.String())
	s.parents[key(id.String())] = true
}

func (s *Server) createJob(r *request) *response {
	row, name, now := rows[routes.Jobs], s.options.NewID(), s.now()
	values := append(slices.Clone(r.values), name)
	doc := document{ID: routes.Jobs.Get.ID(values...), Name: name, Type: row.resource.Type, ETag: s.newETag()}
	doc.SystemData = modifiedAt(now, armsecops.SystemData{})
	properties := armsecops.JobProperties{StartTime: now, ProvisioningState: armsecops.ProvisioningStateInProgress}
	doc.Properties = mustEncode(properties)
	k := key(routes.ManagerAssignments.Get.ID(r.values...))
	items, set := s.jobItems[k]
	assignment := s.resources[k] // nil if a test has only named it
	if assignment != nil && !set {
		for _, item := range mustParse[armsecops.WorkspaceManagerAssignmentProperties](assignment.Properties).Items {
			items = append(items, armsecops.JobItem{ResourceID: item.ResourceID, Status: armsecops.JobItemStatusSucceeded})
		}
	}
	job := &storedResource{document: doc, of: row.resource, running: &progress{items: slices.Clone(items), assignment: k, properties: properties}}
	s.resources[key(doc.ID)] = job
	if assignment != nil {
		assignment.lastJob = job
		assignment.setLastJob(properties)
	}
	return newDocumentResponse(http.StatusOK, doc)
}

// readJob updates a running job to the server's time, or to the number of its
// Gets. Its items are published one after another, and with the last one it ends.
func (s *Server) readJob(res *storedResource) {
	j := res.running
	if j == nil {
		return
	}
	j.gets++
	p, now := &j.properties, s.now()
	end, publishedAt := now, func(int) time.Time { return now } // by the number of the item
	done, of := int64(j.gets-1), int64(s.options.JobSteps)
	if duration := s.options.JobDuration; duration > 0 {
		done, of = int64(now.Sub(p.StartTime)), int64(duration)
		end = p.StartTime.Add(duration).Truncate(precision)
		publishedAt = func(n int) time.Time {
			return p.StartTime.Add(duration * time.Duration(n) / time.Duration(len(j.items))).Truncate(precision)
		}
	}
	published := len(j.items)
	if done < of {
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
	if done >= of {
		p.EndTime, p.ProvisioningState = end, armsecops.ProvisioningStateSucceeded
		if p.Summary().Failed > 0 {
			p.ProvisioningState = armsecops.ProvisioningStateFailed
		}
		res.ETag, res.SystemData, res.running = s.newETag(), modifiedAt(end, res.SystemData), nil
		if assignment := s.resources[j.assignment]; assignment != nil && assignment.lastJob == res {
			assignment.setLastJob(*p)
		}
	}
	res.Properties = mustEncode(p)
}

// followClock updates a job, or the last job of a workspace manager assignment, to
// the server's time, if that decides when jobs end.
//   - res: nil if there is no resource
func (s *Server) followClock(res *storedResource) {
	if res == nil || s.options.JobDuration <= 0 {
		return
	}
	s.readJob(res)
	s.followClock(res.lastJob)
}

// setLastJob sets what a workspace manager assignment says of its last job.
func (res *storedResource) setLastJob(job armsecops.JobProperties) {
	properties := mustParse[armsecops.WorkspaceManagerAssignmentProperties](res.Properties)
	properties.LastJobEndTime, properties.LastJobProvisioningState = job.EndTime, job.ProvisioningState
	res.Properties = mustEncode(properties)
}
