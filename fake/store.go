package fake

import (
	"cmp"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
)

// storedResource is a resource of the server.
type storedResource struct {
	document
	of      *routes.Resource
	running *progress       // of a job that a client started; nil for others
	lastJob *storedResource // that a client started of a workspace manager assignment; nil for others
}

// key returns the key under which a resource is stored: Azure compares ids ignoring case.
func key(id string) string { return strings.ToLower(id) }

// Put stores a resource unchanged, in place of one with the same id. If its ID,
// Name or Type is empty, it is set, and so is its ETag, unless it is a policy
// exemption, standard assignment, security standard or metadata, which have none. A
// job keeps its state until it is put again. Put panics if the id is invalid or one
// of another type than the resource, or if the resource can't be encoded as JSON.
//   - id: such as an [armsecops.AssignmentID]
//   - resource: a model by value, such as an [armsecops.Assignment]
func (s *Server) Put(id fmt.Stringer, resource any) {
	text := fmt.Sprint(id) // "<nil>" for nil
	route, values := routeOfID(text)
	if route == nil || rows[route.Resource] == nil {
		panic("fake: '" + text + "' is not the id of a resource that the server can store")
	}
	row := rows[route.Resource]
	if got := reflect.TypeOf(resource); got != row.model {
		panic("fake: " + withAliases(fmt.Sprintf("%s is stored as a value of type %v, not %v", row.name, row.model, got)))
	}
	mustBeValid(route, values...)
	doc, err := newDocument(resource)
	if err != nil {
		panic("fake: the resource can't be encoded as JSON: " + withAliases(err.Error()))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putDocument(route, values, doc)
}

// putDocument stores a resource that no client has written. The caller holds the lock.
func (s *Server) putDocument(route *routes.Route, values []string, doc document) {
	id := route.ID(values...)
	if doc.Properties == nil {
		doc.Properties = jsontext.Value("{}") // as the services have
	}
	doc.ID = cmp.Or(doc.ID, id)
	doc.Name = cmp.Or(doc.Name, values[len(values)-1])
	doc.Type = cmp.Or(doc.Type, route.Resource.Type)
	if doc.ETag == "" && rows[route.Resource].etag {
		doc.ETag = s.newETag()
	}
	s.store(id, &storedResource{document: doc, of: route.Resource})
}

// store stores a resource, whose parents then exist. The caller holds the lock.
func (s *Server) store(id string, res *storedResource) {
	if before := s.resources[key(id)]; before != nil {
		res.lastJob = before.lastJob
	}
	s.resources[key(id)] = res
	s.addParents(id)
	clear(s.results)
}

// routeOfID returns the route that reads the resource of an id, and the values of its parameters.
func routeOfID(id string) (*routes.Route, []string) {
	for _, route := range routes.All {
		if values, ok := route.MatchID(id); ok && route.Kind == routes.Get {
			return route, values
		}
	}
	return nil, nil
}

// mustBeValid panics if a test names what no client could request.
func mustBeValid(route *routes.Route, values ...string) {
	if name, value, reason := route.Check(values); reason != "" {
		panic("fake: the id's " + name + " '" + value + "' " + reason)
	}
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

// resourceID returns the id that the request's path is, or ends in.
func (r *request) resourceID() string { return r.route.ID(r.values...) }

// stored returns the request's resource, or nil. A subscription also has the
// metadata of assessments that the tenant has. The caller holds the lock.
func (s *Server) stored(r *request) *storedResource {
	res := s.resources[key(r.resourceID())]
	if res == nil && r.route == routes.AssessmentsMetadataGetInSubscription {
		res = s.resources[key(routes.AssessmentsMetadata.Get.ID(r.values[1]))]
	}
	s.followClock(res)
	return res
}

// actions has the operations that are special.
var actions = map[*routes.Route]func(*Server, *request) *response{
	routes.JobsCreate: (*Server).createJob,
}

// kinds has the operations of the other routes.
var kinds = map[routes.Kind]func(*Server, *request, *row) *response{
	routes.Get:            (*Server).get,
	routes.List:           (*Server).list,
	routes.CreateOrUpdate: (*Server).put,
	routes.Update:         (*Server).update,
	routes.Delete:         (*Server).delete,
}

// carryOut responds to a request that was checked. The caller holds the lock.
func (s *Server) carryOut(r *request) *response {
	if action := actions[r.route]; action != nil {
		return action(s, r)
	}
	if r.route.Kind == routes.Query {
		return s.query(r)
	}
	row, do := rows[r.route.Resource], kinds[r.route.Kind]
	switch {
	case row == nil || do == nil:
		return newErrorResponse(http.StatusNotImplemented, "NotImplemented", "The fake server has no handler for "+r.route.Operation+".")
	case r.Method == http.MethodHead:
		return s.head(r)
	}
	return do(s, r, row)
}

// head responds to a HEAD request as Azure Resource Manager does, which serves
// them for all resources.
func (s *Server) head(r *request) *response {
	if s.stored(r) == nil {
		return newNotFoundResponse(r)
	}
	return newResponse(http.StatusNoContent, nil)
}

func (s *Server) get(r *request, _ *row) *response {
	res := s.stored(r)
	if res == nil {
		return newNotFoundResponse(r)
	}
	s.readJob(res)
	return newDocumentResponse(http.StatusOK, res.document)
}

func (s *Server) put(r *request, row *row) *response {
	doc, before, status := r.document, s.stored(r), http.StatusOK
	if refused := checkConditions(r, row, before); refused != nil {
		return refused
	}
	if before == nil {
		before, status = &storedResource{}, http.StatusCreated
	}
	if refused := checkLocation(doc, before.document); refused != nil {
		return refused
	}
	doc.ID, doc.Name, doc.Type = r.resourceID(), r.values[len(r.values)-1], row.resource.Type
	s.modify(row, &doc, &before.document)
	s.store(doc.ID, &storedResource{document: doc, of: row.resource})
	return newDocumentResponse(status, doc)
}

// update changes the properties that the request has; null removes one.
func (s *Server) update(r *request, row *row) *response {
	res := s.stored(r)
	if res == nil {
		return newNotFoundResponse(r)
	}
	if refused := checkConditions(r, row, res); refused != nil {
		return refused
	}
	changed := mustParse[struct {
		Properties map[string]jsontext.Value `json:"properties"`
	}](r.content).Properties
	properties := mustParse[map[string]jsontext.Value](res.Properties)
	for name, value := range changed {
		properties[name] = value
		if value.Kind() == 'n' {
			delete(properties, name)
		}
	}
	doc := res.document
	doc.Properties = mustEncode(properties)
	s.modify(row, &doc, &res.document)
	res.document = doc
	clear(s.results)
	return newDocumentResponse(http.StatusOK, doc)
}

// modify sets what the service sets in a resource that a client creates or changes.
func (s *Server) modify(row *row, doc, before *document) {
	now := s.now()
	doc.ETag, doc.SystemData = "", armsecops.SystemData{}
	if row.etag {
		doc.ETag = s.newETag()
	}
	if row.systemData {
		doc.SystemData = modifiedAt(now, before.SystemData)
	}
	row.stamp(now, doc, before)
}

// delete deletes a resource, and all that is below it.
func (s *Server) delete(r *request, row *row) *response {
	res := s.stored(r)
	if refused := checkConditions(r, row, res); refused != nil {
		return refused
	}
	if res == nil {
		return newResponse(http.StatusNoContent, nil)
	}
	k := key(r.resourceID())
	delete(s.resources, k)
	delete(s.parents, k)
	clear(s.results)
	for other := range s.resources {
		if routes.IsBelow(other, k) {
			delete(s.resources, other)
		}
	}
	return newResponse(http.StatusOK, nil)
}

func newDocumentResponse(status int, doc document) *response {
	resp := newModelResponse(status, doc)
	if doc.ETag != "" {
		resp.header.Set("ETag", string(doc.ETag))
	}
	return resp
}

func newNotFoundResponse(r *request) *response {
	return newErrorResponse(http.StatusNotFound, "ResourceNotFound", "The resource '"+r.resourceID()+"' was not found.")
}

// checkConditions refuses a write whose If-Match or If-None-Match doesn't hold.
//   - stored: nil if there is no resource
func checkConditions(r *request, row *row, stored *storedResource) *response {
	if !row.etag {
		return nil
	}
	matches := func(name string) bool {
		for value := range strings.SplitSeq(r.Header.Get(name), ",") {
			value = strings.TrimPrefix(strings.TrimSpace(value), "W/")
			if stored != nil && (value == "*" || value == string(stored.ETag)) {
				return true
			}
		}
		return false
	}
	ifMatch, ifNoneMatch := r.Header.Get("If-Match") != "", r.Header.Get("If-None-Match") != ""
	if ifMatch && !matches("If-Match") || ifNoneMatch && matches("If-None-Match") {
		return newErrorResponse(http.StatusPreconditionFailed, "PreconditionFailed",
			"The condition '"+cmp.Or(r.Header.Get("If-Match"), r.Header.Get("If-None-Match"))+"' of the request for the resource '"+r.resourceID()+"' doesn't hold.")
	}
	return nil
}

// checkLocation refuses to move a resource.
func checkLocation(put, before document) *response {
	normal := func(location string) string { return strings.ToLower(strings.ReplaceAll(location, " ", "")) }
	if put.Location == "" || before.Location == "" || normal(put.Location) == normal(before.Location) {
		return nil
	}
	return newErrorResponse(http.StatusConflict, "InvalidResourceLocation", "The resource '"+before.Name+"' already exists in location '"+
		before.Location+"' in resource group '"+routes.ResourceGroupOf(before.ID)+"'. A resource with the same name cannot be created in location '"+put.Location+"'. Please select a new resource name.")
}
