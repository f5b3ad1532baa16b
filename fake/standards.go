package fake

import (
	"cmp"
	"net/http"
	"strings"
	"time"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
)

// PutStandardAssignment stores a standard assignment unchanged, in place of one
// with the same id. If its ID, Name or Type is empty, it is set.
// PutStandardAssignment panics if a part of the id is invalid, or if the standard
// assignment can't be encoded as JSON.
func (s *Server) PutStandardAssignment(id armsecops.StandardAssignmentID, model armsecops.StandardAssignment) {
	mustBeValid(routes.StandardAssignments.Get, id.Scope, id.Name)
	model = deepCopy(model)
	s.mu.Lock()
	defer s.mu.Unlock()
	model.ID = cmp.Or(model.ID, id.String())
	model.Name = cmp.Or(model.Name, id.Name)
	model.Type = cmp.Or(model.Type, resourceType(routes.StandardAssignments.Get))
	s.standardAssignments[key(id.String())] = model
	s.addParents(id.String())
}

func (s *Server) getStandardAssignment(r *request) *response {
	model, ok := s.standardAssignments[key(r.route.ID(r.values...))]
	if !ok {
		return newNotFoundResponse(r)
	}
	return newModelResponse(http.StatusOK, model)
}

func (s *Server) putStandardAssignment(r *request) *response {
	model, refused := parseModel[armsecops.StandardAssignment](r, "a standard assignment")
	if refused != nil {
		return refused
	}
	id, now := r.route.ID(r.values...), s.now()
	before, exists := s.standardAssignments[key(id)]
	status := http.StatusOK
	if !exists {
		before.ID, before.Name, status = id, r.values[1], http.StatusCreated
	}
	model.ID, model.Name, model.Type = storedID(before.ID, id), before.Name, resourceType(r.route)
	model.SystemData = modifiedAt(now, before.SystemData)
	model.Properties.Metadata = updatedAt(now, before.Properties.Metadata)
	attestation := &model.Properties.AttestationData
	attestation.ComplianceDate = time.Time{}
	if attestation.ComplianceState != "" {
		attestation.ComplianceDate = now
	}
	s.standardAssignments[key(id)] = model
	return newModelResponse(status, model)
}

// updatedAt returns the metadata of a standard assignment that is created or
// updated at a time.
//   - before: empty for one that is created
func updatedAt(at time.Time, before armsecops.StandardMetadata) armsecops.StandardMetadata {
	after := before
	if after.CreatedOn.IsZero() {
		after.CreatedBy, after.CreatedOn = callerID, at
	}
	after.LastUpdatedBy, after.LastUpdatedOn = callerID, at
	return after
}

func (s *Server) deleteStandardAssignment(r *request) *response {
	k := key(r.route.ID(r.values...))
	if _, ok := s.standardAssignments[k]; !ok {
		return newResponse(http.StatusNoContent, nil)
	}
	delete(s.standardAssignments, k)
	return newResponse(http.StatusOK, nil)
}

// listStandardAssignments lists the standard assignments of a scope and of the
// scopes below it.
func (s *Server) listStandardAssignments(r *request) *response {
	listing := listing[armsecops.StandardAssignment]{pageSize: s.options.PageSize}
	scope := key("/" + strings.TrimPrefix(r.values[0], "/") + "/")
	for k, model := range s.standardAssignments {
		if strings.HasPrefix(k, scope) {
			listing.entries = append(listing.entries, entry[armsecops.StandardAssignment]{"", k, model})
		}
	}
	return listing.page(r)
}
