package fake

import (
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/go-json-experiment/json"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
)

// key returns the id under which a resource is stored: Azure's ids are blind to casing.
func key(id string) string { return strings.ToLower(id) }

// mustBeValid panics if a test asks for a resource that no client could ask for.
func mustBeValid(route *routes.Route, values ...string) {
	if name, value, reason := route.Check(values); reason != "" {
		panic("fake: the id's " + name + " '" + value + "' " + reason)
	}
}

// deepCopy returns a copy of a model that shares nothing with it. It panics if
// the model has no JSON form, because no service could answer with it.
func deepCopy[T any](model T) (result T) {
	text, err := json.Marshal(model)
	if err == nil {
		err = json.Unmarshal(text, &result)
	}
	if err != nil {
		panic("fake: the resource has no JSON form: " + err.Error())
	}
	return result
}

// newETag returns an etag as the services have them, with quotes inside the string.
func (s *Server) newETag() azcore.ETag { return azcore.ETag(`"` + s.options.NewID() + `"`) }

// caller is the identity of everyone who calls the fake.
const caller = "user@contoso.com"

// modified returns the systemData of a resource that is created or changed at a time.
func modified(before armsecops.SystemData, at time.Time) armsecops.SystemData {
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

func notFound(r *request) *answer {
	return refuse(http.StatusNotFound, "ResourceNotFound", "The resource '"+r.route.ID(r.values...)+"' was not found.")
}
