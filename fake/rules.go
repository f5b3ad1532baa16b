package fake

import (
	"net/http"
	"slices"
	"strings"

	"github.com/armsecops/armsecops/internal/routes"
)

// rules check a request, in this order. Each returns an error response, or nil
// if the request keeps the rule; a rule can rely on those before it.
var rules = []func(*Server, *request) *response{
	(*Server).checkToken,
	(*Server).checkPath,
	(*Server).checkMethod,
	(*Server).checkAPIVersion,
	(*Server).checkParameters,
	(*Server).checkBodySize,
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

func (s *Server) checkToken(r *request) *response {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") && strings.TrimSpace(token) != "" {
		return nil
	}
	refused := newErrorResponse(http.StatusUnauthorized, "AuthenticationFailed",
		"The request has no Authorization header with a bearer token.")
	refused.header.Set("WWW-Authenticate", `Bearer error="invalid_token", error_description="The access token is missing."`)
	return refused
}

func (s *Server) checkPath(r *request) *response {
	if len(r.pathRoutes) > 0 {
		return nil
	}
	return newErrorResponse(http.StatusNotFound, "InvalidResourceType", "No operation has the path '"+r.url.Path+"'.")
}

func (s *Server) checkMethod(r *request) *response {
	if r.route != nil {
		return nil
	}
	methods := make([]string, len(r.pathRoutes))
	for i, route := range r.pathRoutes {
		methods[i] = route.Method
	}
	allowed := strings.Join(methods, ", ")
	refused := newErrorResponse(http.StatusMethodNotAllowed, "MethodNotAllowed", "The path allows "+allowed+", not "+r.Method+".")
	refused.header.Set("Allow", allowed)
	return refused
}

func (s *Server) checkAPIVersion(r *request) *response {
	version := r.query.Get("api-version")
	supported := append([]string{r.route.APIVersion}, s.options.APIVersions...)
	switch {
	case version == "":
		return newErrorResponse(http.StatusBadRequest, "MissingApiVersionParameter", "The query parameter api-version is missing.")
	case slices.Contains(supported, version):
		return nil
	}
	code := "InvalidApiVersionParameter"
	if slices.ContainsFunc(routes.All, func(route *routes.Route) bool { return route.APIVersion == version }) {
		code = "NoRegisteredProviderFound" // the other service's version
	}
	return newErrorResponse(http.StatusBadRequest, code,
		"The api-version '"+version+"' is not supported here. Supported: "+strings.Join(supported, ", ")+".")
}

func (s *Server) checkParameters(r *request) *response {
	name, value, reason := r.route.Check(r.values)
	if reason == "" {
		return nil
	}
	return newErrorResponse(http.StatusBadRequest, "InvalidParameter",
		"The parameter "+name+" with the value '"+value+"' is not valid: it "+reason+".")
}

func (s *Server) checkBodySize(r *request) *response {
	if len(r.body) <= maxBodyBytes {
		return nil
	}
	return newErrorResponse(http.StatusRequestEntityTooLarge, "RequestContentTooLarge", "The body of a request has at most 4 MiB.")
}
