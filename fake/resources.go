package fake

import (
	stdjson "encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/go-json-experiment/json"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
)

// key returns the key under which a resource is stored: Azure compares ids ignoring case.
func key(id string) string { return strings.ToLower(id) }

// mustBeValid panics if a test puts a resource that no client could request.
func mustBeValid(route *routes.Route, values ...string) {
	if name, value, reason := route.Check(values); reason != "" {
		panic("fake: the id's " + name + " '" + value + "' " + reason)
	}
}

// deepCopy returns a copy that shares nothing with the model. It panics if the
// model can't be encoded as JSON, since no service could send it.
func deepCopy[T any](model T) (result T) {
	text, err := encode(model)
	if err == nil {
		err = json.Unmarshal(text, &result)
	}
	if err != nil {
		panic("fake: the resource can't be encoded as JSON: " + err.Error())
	}
	return result
}

// newETag returns an etag with quotes inside the string, as the services send it.
func (s *Server) newETag() azcore.ETag { return azcore.ETag(`"` + s.options.NewID() + `"`) }

// The identity that creates and modifies all resources.
const (
	caller   = "user@contoso.com"
	callerID = "c23b5354-ff0a-4b2a-9f92-6f144effd936"
)

// modifiedAt returns the systemData of a resource that is created or modified at a time.
//   - before: empty for a resource that is created
func modifiedAt(at time.Time, before armsecops.SystemData) armsecops.SystemData {
	after := before
	if after.CreatedAt.IsZero() {
		after.CreatedBy, after.CreatedByType, after.CreatedAt = caller, armsecops.CreatedByTypeUser, at
	}
	after.LastModifiedBy, after.LastModifiedByType, after.LastModifiedAt = caller, armsecops.CreatedByTypeUser, at
	return after
}

// resourceType returns the type of a route's resources, as in "Microsoft.Security/assignments":
// the last provider of its path, and every second segment after it.
func resourceType(route *routes.Route) string {
	const provider = "/providers/"
	segments := strings.Split(route.Path[strings.LastIndex(route.Path, provider)+len(provider):], "/")
	name := segments[0]
	for i := 1; i < len(segments); i += 2 {
		name += "/" + segments[i]
	}
	return name
}

// storedID returns the id of a resource that a client puts. The casing of the
// stored one stays, but not the misspelt id of a documented sample.
func storedID(stored, id string) string {
	if strings.EqualFold(stored, id) {
		return stored
	}
	return id
}

// stored reports whether the request's resource is stored, and returns its
// members that the model doesn't know. The caller holds the lock.
func (s *Server) stored(r *request) (members map[string]stdjson.RawMessage, ok bool) {
	k := key(r.route.ID(r.values...))
	if j := s.jobs[k]; j != nil {
		return j.AdditionalProperties, true
	}
	if a := s.assignments[k]; a != nil {
		return a.AdditionalProperties, true
	}
	a, ok := s.standardAssignments[k]
	return a.AdditionalProperties, ok
}

// head responds to a HEAD request as Azure Resource Manager does, which serves
// them for all resources.
func (s *Server) head(r *request) *response {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.stored(r); !ok {
		return newNotFoundResponse(r)
	}
	return newResponse(http.StatusNoContent, nil)
}

func newNotFoundResponse(r *request) *response {
	return newErrorResponse(http.StatusNotFound, "ResourceNotFound", "The resource '"+r.route.ID(r.values...)+"' was not found.")
}
