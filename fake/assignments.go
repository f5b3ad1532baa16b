package fake

import (
	"mime"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
)

// assignment is an assignment of the server.
type assignment struct {
	armsecops.Assignment

	// A second appearance of an assignment in one of the documented lists, which
	// is gone when the assignment itself changes.
	of     string        // the assignment's key; empty: this is no second appearance
	listed *routes.Route // the list that has it
}

// PutAssignment puts an assignment on the server as it is, in the place of one
// with that id. Members that are absent and that every assignment has are filled
// in: id, name, type and etag. It panics if a part of the id breaks its rule, or
// if the assignment has no JSON form.
func (s *Server) PutAssignment(id armsecops.AssignmentID, model armsecops.Assignment) {
	mustBeValid(routes.AssignmentsGet, id.SubscriptionID, id.ResourceGroupName, id.AssignmentID)
	model = deepCopy(model)
	s.mu.Lock()
	defer s.mu.Unlock()
	setDefault(&model.ID, id.String())
	setDefault(&model.Name, id.AssignmentID)
	setDefault(&model.Type, resourceType(routes.AssignmentsGet))
	if model.ETag == "" {
		model.ETag = s.newETag()
	}
	k := key(id.String())
	s.removeAssignment(k)
	s.assignments[k] = &assignment{Assignment: model}
}

// removeAssignment removes an assignment and its second appearances.
func (s *Server) removeAssignment(k string) {
	delete(s.assignments, k)
	for other, a := range s.assignments {
		if a.of == k {
			delete(s.assignments, other)
		}
	}
}

func (s *Server) getAssignment(r *request) *answer {
	a := s.assignments[key(r.route.ID(r.values...))]
	if a == nil {
		return notFound(r)
	}
	return reply(http.StatusOK, a.Assignment)
}

func (s *Server) putAssignment(r *request) *answer {
	model, refused := r.readAssignment()
	if refused != nil {
		return refused
	}
	id := r.route.ID(r.values...)
	before, status := s.assignments[key(id)], http.StatusOK
	if before == nil {
		before, status = &assignment{Assignment: armsecops.Assignment{ID: id, Name: r.values[2]}}, http.StatusCreated
	}
	model.ID, model.Name, model.Type = before.ID, before.Name, resourceType(r.route)
	model.ETag = s.newETag()
	model.SystemData = modified(before.SystemData, s.now())
	s.removeAssignment(key(id))
	s.assignments[key(id)] = &assignment{Assignment: model}
	return reply(status, model)
}

// readAssignment reads the request's body, or refuses it.
func (r *request) readAssignment() (model armsecops.Assignment, refused *answer) {
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != "application/json" {
		return model, refuse(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "The Content-Type must be application/json.")
	}
	if jsontext.Value(r.body).Kind() != '{' {
		return model, refuse(http.StatusBadRequest, "InvalidRequestContent", "The body must be a JSON object: an assignment.")
	}
	if err := json.Unmarshal(r.body, &model); err != nil {
		return model, refuse(http.StatusBadRequest, "InvalidRequestContent", "The body is not an assignment: "+err.Error())
	}
	return model, nil
}

func (s *Server) deleteAssignment(r *request) *answer {
	k := key(r.route.ID(r.values...))
	if s.assignments[k] == nil {
		return newAnswer(http.StatusNoContent, nil)
	}
	s.removeAssignment(k)
	return newAnswer(http.StatusOK, nil)
}

// listAssignments lists the assignments of a resource group.
func (s *Server) listAssignments(r *request) *answer {
	return s.assignmentsBelow(key(r.route.ID(r.values...))+"/", r)
}

func (s *Server) listAssignmentsBySubscription(r *request) *answer {
	return s.assignmentsBelow("/subscriptions/"+key(r.values[0])+"/", r)
}

// assignmentsBelow lists the assignments whose keys have the prefix.
func (s *Server) assignmentsBelow(prefix string, r *request) *answer {
	listing := listing[armsecops.Assignment]{top: -1, size: s.options.PageSize}
	for k, a := range s.assignments {
		if strings.HasPrefix(k, prefix) && (a.listed == nil || a.listed == r.route) {
			listing.entries = append(listing.entries, entry[armsecops.Assignment]{"", k, a.Assignment})
		}
	}
	return listing.page(r)
}
