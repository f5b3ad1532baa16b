package fake

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/armsecops/armsecops/internal/routes"
)

// AddSubscription makes a subscription exist that holds nothing: for requests to a
// server that is [ServerOptions].Strict, and for queries of Azure Resource Graph on
// every server, where a list of the subscription does so, too. It panics if the id is invalid.
func (s *Server) AddSubscription(id string) {
	mustBeValid(routes.AssignmentsListBySubscription, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addParents(routes.AssignmentsListBySubscription.ID(id))
}

// AddResourceGroup makes a resource group exist, and its subscription, on a
// server that is [ServerOptions].Strict. It panics if the id or name is invalid.
func (s *Server) AddResourceGroup(subscriptionID, name string) {
	mustBeValid(routes.Assignments.List, subscriptionID, name)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addParents(routes.Assignments.List.ID(subscriptionID, name))
}

// AddWorkspace makes a workspace exist, and its resource group and subscription, on a
// server that is [ServerOptions].Strict. It panics if the id or a name is invalid.
func (s *Server) AddWorkspace(subscriptionID, resourceGroupName, name string) {
	mustBeValid(routes.Configurations.List, subscriptionID, resourceGroupName, name)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addParents(routes.Configurations.List.ID(subscriptionID, resourceGroupName, name))
}

// AddManagementGroup makes a management group exist for queries of Azure Resource
// Graph, on a server that is [ServerOptions].Strict. It panics if the name is invalid.
func (s *Server) AddManagementGroup(name string) {
	if reason := routes.CheckManagementGroup(name); reason != "" {
		panic("fake: the name of the management group '" + name + "' " + reason)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parents[key(managementGroups+name)] = true
}

// addParents makes everything exist that a resource or list is below. The caller holds the lock.
func (s *Server) addParents(id string) {
	for _, parent := range routes.Ancestors(id) {
		if len(parent.ID) < len(id) {
			s.parents[key(parent.ID)] = true
		}
	}
}

// parentErrors are the errors for parents that don't exist, by their type in
// lower case. A strict server checks no other types.
var parentErrors = map[string]func(r *request, parent routes.Ancestor) (code, message string){
	"subscriptions": func(_ *request, parent routes.Ancestor) (code, message string) {
		return "SubscriptionNotFound", "The subscription '" + parent.Name + "' could not be found."
	},
	"resourcegroups": func(_ *request, parent routes.Ancestor) (code, message string) {
		return "ResourceGroupNotFound", "Resource group '" + parent.Name + "' could not be found."
	},
	"microsoft.operationalinsights/workspaces": func(_ *request, parent routes.Ancestor) (code, message string) {
		return "ResourceNotFound", "The Resource 'Microsoft.OperationalInsights/workspaces/" + parent.Name + "' under resource group '" +
			routes.ResourceGroupOf(parent.ID) + "' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix"
	},
	"microsoft.securityinsights/workspacemanagerassignments": func(r *request, parent routes.Ancestor) (code, message string) {
		action := map[string]string{http.MethodGet: "read", http.MethodHead: "read", http.MethodDelete: "delete"}[r.Method]
		return "ParentResourceNotFound", "Failed to perform '" + cmp.Or(action, "write") + "' on resource(s) of type '" +
			r.route.Resource.TypeName() + "', because the parent resource '" + parent.ID + "' could not be found."
	},
}

// checkParents refuses a request below something that doesn't exist.
func (s *Server) checkParents(r *request) *response {
	if !s.options.Strict || len(r.ancestors) == 0 {
		return nil
	}
	parents := r.ancestors
	if r.route.Kind.OfResource() {
		parents = parents[:len(parents)-1]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, parent := range parents {
		if refuse := parentErrors[key(parent.Type)]; refuse != nil && !s.parents[key(parent.ID)] && s.resources[key(parent.ID)] == nil {
			code, message := refuse(r, parent)
			return newErrorResponse(http.StatusNotFound, code, message)
		}
	}
	return nil
}

// checkProperties refuses a resource that lacks a required property, has a value
// that its enumeration doesn't have, a name in the place of an id, or the name of a
// resource that doesn't exist.
func (s *Server) checkProperties(r *request) *response {
	row := rows[r.route.Resource]
	if !s.options.Strict || !r.hasDocument() || row == nil {
		return nil
	}
	refuse := func(format string, values ...any) *response {
		return newErrorResponse(http.StatusBadRequest, "InvalidRequestContent",
			"The request content was invalid and could not be deserialized: '"+fmt.Sprintf(format, values...)+"'.")
	}
	for _, name := range row.required {
		if r.route.Kind == routes.Update {
			break // it has only what it changes
		}
		sent := valueAt(r.content, "properties", name) // a model writes a required false or 0, sent or not
		if len(sent) == 0 || sent.Kind() == 'n' || valueAt(r.document.Properties, name) == nil {
			return refuse("Required property '%s' not found in JSON. Path 'properties'.", name)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(row.values)) {
		for _, text := range textsAt(r.document.Properties, strings.Split(path, ".")...) {
			if !slices.ContainsFunc(row.values[path], func(value string) bool { return strings.EqualFold(value, text) }) {
				return refuse("Error converting value '%s'. Path 'properties.%s'. The values are %s.", text, path, strings.Join(row.values[path], ", "))
			}
		}
	}
	for _, path := range row.ids {
		for _, text := range textsAt(r.document.Properties, strings.Split(path, ".")...) {
			if text != "" && text[0] != '/' {
				return refuse("The value '%s' is not a resource id. Path 'properties.%s'.", text, path)
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for property, resource := range row.references {
		for _, name := range textsAt(r.document.Properties, property) {
			id := resource.Get.ID(append(slices.Clone(r.values[:len(r.values)-1]), name)...)
			if s.resources[key(id)] == nil {
				return newErrorResponse(http.StatusBadRequest, "InvalidResourceReference", "Resource "+id+" referenced by resource "+
					r.resourceID()+" was not found. Please make sure that the referenced resource exists. Path 'properties."+property+"'.")
			}
		}
	}
	return nil
}
