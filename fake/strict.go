package fake

import (
	"net/http"
	"strings"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
)

// AddSubscription makes a subscription exist on a server that is
// [ServerOptions].Strict. It panics if the id is invalid.
func (s *Server) AddSubscription(id string) {
	s.add(routes.AssignmentsListBySubscription, id)
}

// AddResourceGroup makes a resource group exist, and its subscription, on a
// server that is [ServerOptions].Strict. It panics if the id or name is invalid.
func (s *Server) AddResourceGroup(subscriptionID, name string) {
	s.add(routes.Assignments.List, subscriptionID, name)
}

// AddWorkspaceManagerAssignment makes a workspace manager assignment exist, and
// its workspace, resource group and subscription, on a server that is
// [ServerOptions].Strict. It panics if a part of the id is invalid.
//   - id: its JobName is not read
func (s *Server) AddWorkspaceManagerAssignment(id armsecops.JobID) {
	s.add(routes.Jobs.List, id.SubscriptionID, id.ResourceGroupName, id.WorkspaceName, id.WorkspaceManagerAssignmentName)
}

// add makes everything exist below which a list of resources is.
func (s *Server) add(list *routes.Route, values ...string) {
	mustBeValid(list, values...)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addParents(list.ID(values...))
}

// addParents makes everything exist below which a resource is. The caller holds the lock.
func (s *Server) addParents(id string) {
	k := key(id)
	for i := range k {
		if k[i] == '/' {
			s.parents[k[:i]] = true
		}
	}
}

// parentTypes are what a strict server checks, in the order of their ids.
var parentTypes = []struct {
	path    string                                      // in an id, before the name
	refused func(r *request, id, name string) *response // for one that doesn't exist
}{
	{"/subscriptions/", func(_ *request, _, name string) *response {
		return newErrorResponse(http.StatusNotFound, "SubscriptionNotFound", "The subscription '"+name+"' could not be found.")
	}},
	{"/resourcegroups/", func(_ *request, _, name string) *response {
		return newErrorResponse(http.StatusNotFound, "ResourceGroupNotFound", "Resource group '"+name+"' could not be found.")
	}},
	{"/providers/microsoft.operationalinsights/workspaces/", func(r *request, _, name string) *response {
		group, _ := r.nameAfter(2, "resourceGroups")
		return newErrorResponse(http.StatusNotFound, "ResourceNotFound", "The Resource 'Microsoft.OperationalInsights/workspaces/"+name+
			"' under resource group '"+group+"' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix")
	}},
	{"/providers/microsoft.securityinsights/workspacemanagerassignments/", func(r *request, id, _ string) *response {
		action := map[string]string{http.MethodPost: "write", http.MethodPut: "write", http.MethodDelete: "delete"}[r.Method]
		if action == "" {
			action = "read"
		}
		return newErrorResponse(http.StatusNotFound, "ParentResourceNotFound", "Failed to perform '"+action+"' on resource(s) of type '"+
			resourceType(r.route)+"', because the parent resource '"+id+"' could not be found.")
	}},
}

// checkParents refuses a request below something that doesn't exist.
func (s *Server) checkParents(r *request) *response {
	if !s.options.Strict {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	path := "/" + strings.Join(r.segments, "/")
	end := 0 // of the id of the parent before
	for _, parent := range parentTypes {
		start := end + len(parent.path)
		if len(path) < start || !strings.EqualFold(path[end:start], parent.path) {
			return nil
		}
		name, _, _ := strings.Cut(path[start:], "/")
		end = start + len(name)
		if !s.parents[key(path[:end])] {
			return parent.refused(r, path[:end], name)
		}
	}
	return nil
}
