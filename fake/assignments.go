package fake

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
)

// assignment is a stored assignment.
type assignment struct {
	armsecops.Assignment

	// Each documented list has the sample assignment a second time. Such a
	// duplicate is removed when the assignment itself changes.
	duplicateOf string        // the key of the assignment; empty if this is no duplicate
	onlyIn      *routes.Route // the list that has the duplicate
}

// PutAssignment stores an assignment unchanged, in place of an assignment with
// the same id. If its ID, Name, Type or ETag is empty, it is set. PutAssignment
// panics if a part of the id is invalid, or if the assignment can't be encoded
// as JSON.
func (s *Server) PutAssignment(id armsecops.AssignmentID, model armsecops.Assignment) {
	mustBeValid(routes.Assignments.Get, id.SubscriptionID, id.ResourceGroupName, id.Name)
	model = deepCopy(model)
	s.mu.Lock()
	defer s.mu.Unlock()
	model.ID = cmp.Or(model.ID, id.String())
	model.Name = cmp.Or(model.Name, id.Name)
	model.Type = cmp.Or(model.Type, resourceType(routes.Assignments.Get))
	if model.ETag == "" {
		model.ETag = s.newETag()
	}
	k := key(id.String())
	s.removeAssignment(k)
	s.assignments[k] = &assignment{Assignment: model}
	s.addParents(k)
}

// removeAssignment removes an assignment and its duplicates.
func (s *Server) removeAssignment(k string) {
	if s.assignments[k] == nil {
		return // only one that is there has duplicates
	}
	delete(s.assignments, k)
	for other, a := range s.assignments {
		if a.duplicateOf == k {
			delete(s.assignments, other)
		}
	}
}

func (s *Server) getAssignment(r *request) *response {
	a := s.assignments[key(r.route.ID(r.values...))]
	if a == nil {
		return newNotFoundResponse(r)
	}
	return newModelResponse(http.StatusOK, a.Assignment)
}

func (s *Server) putAssignment(r *request) *response {
	model, refused := parseModel[armsecops.Assignment](r, "an assignment")
	if refused != nil {
		return refused
	}
	id := r.route.ID(r.values...)
	before, status := s.assignments[key(id)], http.StatusOK
	if before == nil {
		before, status = &assignment{Assignment: armsecops.Assignment{ID: id, Name: r.values[2]}}, http.StatusCreated
	}
	model.ID, model.Name, model.Type = storedID(before.ID, id), before.Name, resourceType(r.route)
	model.ETag = s.newETag()
	model.SystemData = modifiedAt(s.now(), before.SystemData)
	s.removeAssignment(key(id))
	s.assignments[key(id)] = &assignment{Assignment: model}
	return newModelResponse(status, model)
}

func (s *Server) deleteAssignment(r *request) *response {
	k := key(r.route.ID(r.values...))
	if s.assignments[k] == nil {
		return newResponse(http.StatusNoContent, nil)
	}
	s.removeAssignment(k)
	return newResponse(http.StatusOK, nil)
}

// listAssignments lists the assignments of a resource group.
func (s *Server) listAssignments(r *request) *response {
	return s.listAssignmentsBelow(key(r.route.ID(r.values...))+"/", r)
}

func (s *Server) listAssignmentsBySubscription(r *request) *response {
	return s.listAssignmentsBelow("/subscriptions/"+key(r.values[0])+"/", r)
}

// listAssignmentsBelow lists the assignments whose keys have the prefix.
func (s *Server) listAssignmentsBelow(prefix string, r *request) *response {
	listing := listing[armsecops.Assignment]{pageSize: s.options.PageSize}
	for k, a := range s.assignments {
		if strings.HasPrefix(k, prefix) && (a.onlyIn == nil || a.onlyIn == r.route) {
			listing.entries = append(listing.entries, entry[armsecops.Assignment]{"", k, a.Assignment})
		}
	}
	return listing.page(r)
}
