package fake

import (
	"net/http"
	"slices"
	"strings"

	"github.com/armsecops/armsecops/internal/routes"
)

// check returns the answer to a request that breaks a rule, or nil.
func (s *Server) check(r *request) *answer {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || strings.TrimSpace(token) == "" {
		a := refuse(http.StatusUnauthorized, "AuthenticationFailed", "The request has no Authorization header with a bearer token.")
		a.header.Set("WWW-Authenticate", `Bearer error="invalid_token", error_description="The access token is missing."`)
		return a
	}
	if len(r.paths) == 0 {
		return refuse(http.StatusNotFound, "InvalidResourceType", "The path '"+r.url.Path+"' belongs to no operation of the two services.")
	}
	if r.route == nil {
		var methods []string
		for _, route := range r.paths {
			methods = append(methods, route.Method)
		}
		a := refuse(http.StatusMethodNotAllowed, "MethodNotAllowed", "The path takes "+strings.Join(methods, ", ")+", not "+r.Method+".")
		a.header.Set("Allow", strings.Join(methods, ", "))
		return a
	}
	if refused := s.checkAPIVersion(r); refused != nil {
		return refused
	}
	if name, value, reason := r.route.Check(r.values); reason != "" {
		return refuse(http.StatusBadRequest, "InvalidParameter", "The parameter "+name+" with the value '"+value+"' is not valid: it "+reason+".")
	}
	if len(r.body) > maxBodyBytes {
		return refuse(http.StatusRequestEntityTooLarge, "RequestContentTooLarge", "The body of a request has at most 4 MiB.")
	}
	return nil
}

func (s *Server) checkAPIVersion(r *request) *answer {
	version := r.query.Get("api-version")
	supported := append([]string{r.route.APIVersion}, s.options.APIVersions...)
	switch {
	case version == "":
		return refuse(http.StatusBadRequest, "MissingApiVersionParameter", "The query parameter api-version is missing.")
	case slices.Contains(supported, version):
		return nil
	}
	code := "InvalidApiVersionParameter"
	if slices.ContainsFunc(routes.All, func(route *routes.Route) bool { return route.APIVersion == version }) {
		code = "NoRegisteredProviderFound" // the other service's version
	}
	return refuse(http.StatusBadRequest, code, "The api-version '"+version+"' is not supported here. Supported: "+strings.Join(supported, ", ")+".")
}
