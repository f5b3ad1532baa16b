package fake

import (
	"cmp"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/wire"
)

// rules check a request, in this order. Each returns an error response, or nil
// if the request keeps the rule; a rule can rely on those before it. docs/fake.md
// has the codes and messages, and where each comes from.
var rules = []func(*Server, *request) *response{
	(*Server).checkLength,
	(*Server).checkQuery,
	(*Server).checkToken,
	(*Server).checkPath,
	(*Server).checkMethod,
	(*Server).checkAPIVersion,
	(*Server).checkSubscriptionID,
	(*Server).checkResourceGroupName,
	(*Server).checkParameters,
	(*Server).checkNames,
	(*Server).checkParents,
	(*Server).checkBodySize,
	(*Server).checkContentType,
	(*Server).checkMembers,
	(*Server).checkResourceName,
	(*Server).checkDocument,
	(*Server).checkProperties,
	(*Server).checkGraphQuery,
}

// check returns the error response of the first rule that the request breaks, or nil.
func (s *Server) check(r *request) *response {
	for _, rule := range rules {
		if refused := rule(s, r); refused != nil {
			return refused
		}
	}
	return nil
}

// checkLength refuses, as Azure's front end does, a POST that doesn't say how
// long its body is.
func (s *Server) checkLength(r *request) *response {
	if _, served := r.Context().Value(http.ServerContextKey).(*http.Server); !served || r.Method != http.MethodPost || r.ProtoMajor != 1 ||
		r.Header.Get("Content-Length") != "" || len(r.TransferEncoding) > 0 {
		return nil
	}
	refused := newResponse(http.StatusLengthRequired, []byte(lengthRequired))
	refused.header.Set("Content-Type", "text/html; charset=us-ascii")
	return refused
}

// lengthRequired is the page that Azure's front end sends.
const lengthRequired = `<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN""http://www.w3.org/TR/html4/strict.dtd">` + "\r\n" +
	"<HTML><HEAD><TITLE>Length Required</TITLE>\r\n" +
	`<META HTTP-EQUIV="Content-Type" Content="text/html; charset=us-ascii"></HEAD>` + "\r\n" +
	"<BODY><h2>Length Required</h2>\r\n" +
	"<hr><p>HTTP Error 411. The request must be chunked or have a content length.</p>\r\n" +
	"</BODY></HTML>\r\n"

func (s *Server) checkQuery(r *request) *response {
	if _, err := url.ParseQuery(r.url.RawQuery); err == nil {
		return nil
	}
	return newErrorResponse(http.StatusBadRequest, "BadRequest", "The query '"+r.url.RawQuery+"' is not valid: it has an escape or separator that isn't one.")
}

func (s *Server) checkToken(r *request) *response {
	authorization := r.Header.Get("Authorization")
	scheme, token, _ := strings.Cut(authorization, " ")
	if strings.EqualFold(scheme, "Bearer") && strings.TrimSpace(token) != "" {
		return nil
	}
	code, reason := "AuthenticationFailed", "missing"
	if authorization != "" {
		code, reason = "AuthenticationFailedInvalidHeader", "provided in an invalid format"
	}
	refused := newErrorResponse(http.StatusUnauthorized, code, "Authentication failed. The 'Authorization' header is "+reason+".")
	refused.header.Set("WWW-Authenticate", `Bearer error="invalid_token", error_description="The access token is missing."`)
	return refused
}

func (s *Server) checkPath(r *request) *response {
	if len(r.pathRoutes) > 0 {
		return nil
	}
	message := "No operation has the path '" + r.url.Path + "'."
	if namespace := routes.NamespaceIn(r.segments); namespace != "" {
		message = "The resource type could not be found in the namespace '" + namespace + "' for api version '" + r.query.Get("api-version") + "'. " + message
	}
	return newErrorResponse(http.StatusNotFound, "InvalidResourceType", message)
}

func (s *Server) checkMethod(r *request) *response {
	if r.route != nil {
		return nil
	}
	methods := make([]string, len(r.pathRoutes))
	for i, route := range r.pathRoutes {
		methods[i] = route.Method
	}
	allowed := strings.Join(slices.Compact(methods), ", ") // the queries share theirs
	refused := newErrorResponse(http.StatusMethodNotAllowed, "MethodNotAllowed",
		"The requested resource does not support http method '"+r.Method+"'. It allows "+allowed+".")
	refused.header.Set("Allow", allowed)
	return refused
}

// equalAPIVersions are later versions in which the operations are the same, by the documented one.
var equalAPIVersions = map[string][]string{
	routes.Jobs.APIVersion:              {"2025-07-01-preview", "2025-10-01-preview"},
	routes.Assignments.Query.APIVersion: {"2022-10-01", "2021-03-01", "2019-04-01"},
}

func (s *Server) checkAPIVersion(r *request) *response {
	version := r.query.Get("api-version")
	supported := slices.Concat([]string{r.route.APIVersion}, equalAPIVersions[r.route.APIVersion], s.options.APIVersions)
	isVersion := func(other string) bool { return strings.EqualFold(version, other) }
	switch {
	case version == "":
		return newErrorResponse(http.StatusBadRequest, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests.")
	case slices.ContainsFunc(supported, isVersion):
		return nil
	}
	if slices.ContainsFunc(routes.All, func(route *routes.Route) bool { return isVersion(route.APIVersion) }) { // that of another operation
		return newErrorResponse(http.StatusBadRequest, "NoRegisteredProviderFound", "No registered resource provider found for location 'global' and API version '"+
			version+"' for type '"+r.route.Resource.TypeName()+"'. The supported api-versions are '"+strings.Join(supported, ", ")+"'. The supported locations are 'global'.")
	}
	return newErrorResponse(http.StatusBadRequest, "InvalidApiVersionParameter",
		"The api-version '"+version+"' is invalid. The supported versions are '"+strings.Join(supported, ",")+"'.")
}

func (s *Server) checkSubscriptionID(r *request) *response {
	for _, a := range r.ancestors {
		if key(a.Type) == "subscriptions" && routes.CheckSubscription(a.Name) != "" {
			return newErrorResponse(http.StatusBadRequest, "InvalidSubscriptionId",
				"The provided subscription identifier '"+a.Name+"' is malformed or invalid.")
		}
	}
	return nil
}

func (s *Server) checkResourceGroupName(r *request) *response {
	for _, a := range r.ancestors {
		if reason := routes.CheckResourceGroup(a.Name); key(a.Type) == "resourcegroups" && reason != "" {
			message := "The provided resource group name '" + a.Name + "' is not valid: it " + reason + "."
			if invalid := routes.InvalidInResourceGroup(a.Name); invalid != "" {
				message = "The provided resource group name '" + a.Name + "' has these invalid characters: '" + invalid +
					"'. The name can only be a letter, digit, '-', '.', '(', ')' or '_'."
			}
			return newErrorResponse(http.StatusBadRequest, "InvalidResourceGroup", message)
		}
	}
	return nil
}

// checkParameters checks the rules that the service documents for its names.
func (s *Server) checkParameters(r *request) *response {
	check := r.route.Check
	if r.route.Kind == routes.CreateOrUpdate && s.isNew(r) {
		check = r.route.CheckNew
	}
	name, value, reason := check(r.values)
	if reason == "" {
		return nil
	}
	return newErrorResponse(http.StatusBadRequest, "InvalidParameter",
		"The parameter "+name+" with the value '"+value+"' is not valid: it "+reason+".")
}

func (s *Server) isNew(r *request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stored(r) == nil
}

// checkNames checks the rules of Azure Resource Manager for all names. They are
// stricter than those that the services document, except for control characters.
func (s *Server) checkNames(r *request) *response {
	const maxLength, refused = 260, `<>%&\?/`
	for _, name := range r.segments {
		if utf8.RuneCountInString(name) > maxLength || strings.ContainsAny(name, refused) || strings.TrimRight(name, ". ") != name {
			return newErrorResponse(http.StatusBadRequest, "InvalidResourceName", "The provided resource name '"+name+
				"' is not valid: it must have at most 260 characters, none of "+refused+", and not end in a period or space.")
		}
	}
	return nil
}

func (s *Server) checkBodySize(r *request) *response {
	if len(r.body) <= maxBodyBytes {
		return nil
	}
	return newErrorResponse(http.StatusRequestEntityTooLarge, "RequestContentTooLarge", "The request content size exceeds the maximum size of 4 MB.")
}

func (s *Server) checkContentType(r *request) *response {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if len(r.body) == 0 || err == nil && mediaType == "application/json" {
		return nil
	}
	return newErrorResponse(http.StatusUnsupportedMediaType, "UnsupportedMediaType",
		"The content media type '"+cmp.Or(mediaType, "<null>")+"' is not supported. Only 'application/json' is supported.")
}

// envelope has the members that Azure Resource Manager allows in every resource.
var envelope = []string{
	"id", "name", "type", "location", "kind", "tags", "etag", "properties", "systemData", "identity", "sku", "plan", "scale",
	"managedBy", "managedByExtended", "zones", "placement", "extendedLocation",
}

// checkMembers refuses a resource with a member that is neither in the envelope
// nor in the stored resource. It changes names in another casing to the known ones.
func (s *Server) checkMembers(r *request) *response {
	var members map[string]jsontext.Value
	r.content = r.body
	if !r.hasDocument() || wire.Unmarshal(r.body, &members) != nil || members == nil { // checkDocument says what is wrong with the body
		return nil
	}
	known := map[string]string{} // by the name in lower case
	for _, name := range envelope {
		known[strings.ToLower(name)] = name
	}
	s.mu.Lock()
	if stored := s.stored(r); stored != nil {
		for name := range stored.AdditionalProperties {
			known[strings.ToLower(name)] = name
		}
	}
	s.mu.Unlock()
	body := map[string]jsontext.Value{}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		reason := ""
		knownName, ok := known[strings.ToLower(name)]
		if _, twice := body[knownName]; twice {
			reason = "Member '" + knownName + "' already exists on object"
		} else if !ok {
			reason = "Could not find member '" + name + "' on object"
		}
		if reason != "" {
			return newErrorResponse(http.StatusBadRequest, "InvalidRequestContent", "The request content was invalid and could not be deserialized: '"+
				reason+" of type 'ResourceDefinition'. Path '"+name+"'.'.")
		}
		body[knownName] = members[name]
	}
	r.content = mustEncode(body)
	return nil
}

// checkResourceName refuses a resource whose name is not that of the path.
func (s *Server) checkResourceName(r *request) *response {
	var resource struct {
		Name string `json:"name"`
	}
	if !r.hasDocument() || json.Unmarshal(r.content, &resource, jsontext.AllowInvalidUTF8(true)) != nil { // as above
		return nil
	}
	name := r.values[len(r.values)-1]
	if resource.Name == "" || strings.EqualFold(resource.Name, name) {
		return nil
	}
	return newErrorResponse(http.StatusBadRequest, "MismatchingResourceName",
		"The provided resource name '"+resource.Name+"' did not match the name in the Url '"+name+"'.")
}

// checkDocument refuses a body that isn't a resource of the type.
func (s *Server) checkDocument(r *request) (refused *response) {
	row := rows[r.route.Resource]
	if !r.hasDocument() || row == nil {
		return nil
	}
	if r.document, refused = parseBody(r.content, row.name, row.parse); refused != nil || r.route.Kind != routes.Update {
		return refused
	}
	for name := range mustParse[map[string]jsontext.Value](r.document.Properties) {
		if !slices.Contains(row.update, name) {
			return newErrorResponse(http.StatusBadRequest, "InvalidRequestContent",
				"The request content was invalid: an update can't change '"+name+"', only "+strings.Join(row.update, " and ")+".")
		}
	}
	return nil
}

// hasDocument reports whether the body of the request is a resource, or what an update changes of it.
func (r *request) hasDocument() bool {
	return r.route.Kind == routes.CreateOrUpdate || r.route.Kind == routes.Update
}
