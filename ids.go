package armsecops

import (
	"strings"

	"github.com/armsecops/armsecops/internal/routes"
)

// JobID is the resource id of a job, in its parts.
type JobID struct {
	SubscriptionID                 string // a UUID
	ResourceGroupName              string // 1 to 90 letters, digits and _-.(), without a period at the end
	WorkspaceName                  string // 3 to 90 letters, digits and hyphens; starts and ends with a letter or digit
	WorkspaceManagerAssignmentName string // at least 3 letters, digits and hyphens; starts and ends with a letter or digit
	JobName                        string // at least 3 letters, digits and hyphens; starts and ends with a letter or digit
}

// ParseJobID reads the resource id of a job, ignoring case; the leading slash
// may be missing. The names keep their case. Anything else than such an id is a
// [*ParameterError].
func ParseJobID(id string) (JobID, error) {
	v, err := parseID(routes.JobsGet, id)
	if err != nil {
		return JobID{}, err
	}
	return JobID{v[0], v[1], v[2], v[3], v[4]}, nil
}

// String returns the id as Azure Resource Manager writes it. It doesn't check the parts.
func (id JobID) String() string {
	return routes.JobsGet.ID(id.SubscriptionID, id.ResourceGroupName, id.WorkspaceName, id.WorkspaceManagerAssignmentName, id.JobName)
}

// AssignmentID is the resource id of an assignment, in its parts.
type AssignmentID struct {
	SubscriptionID    string // a UUID
	ResourceGroupName string // 1 to 90 letters, digits and _-.(), without a period at the end
	AssignmentID      string // the assignment's name, without /, ? and #
}

// ParseAssignmentID reads the resource id of an assignment, ignoring case; the
// leading slash may be missing. The names keep their case. Anything else than
// such an id is a [*ParameterError].
func ParseAssignmentID(id string) (AssignmentID, error) {
	v, err := parseID(routes.AssignmentsGet, id)
	if err != nil {
		return AssignmentID{}, err
	}
	return AssignmentID{v[0], v[1], v[2]}, nil
}

// String returns the id as Azure Resource Manager writes it. It doesn't check the parts.
func (id AssignmentID) String() string {
	return routes.AssignmentsGet.ID(id.SubscriptionID, id.ResourceGroupName, id.AssignmentID)
}

// StandardAssignmentID is the resource id of a standard assignment, in its parts.
type StandardAssignmentID struct {
	// Scope is the resource id of what the assignment applies to: a management
	// group, subscription, resource group, security connector or single resource.
	// Its first slash may be missing; [ParseStandardAssignmentID] adds it.
	Scope string

	// Name is a UUID, with or without braces.
	Name string
}

// ParseStandardAssignmentID reads the resource id of a standard assignment,
// ignoring case; the leading slash may be missing. The scope and the name keep
// their case. Anything else than such an id is a [*ParameterError].
func ParseStandardAssignmentID(id string) (StandardAssignmentID, error) {
	v, err := parseID(routes.StandardAssignmentsGet, id)
	if err != nil {
		return StandardAssignmentID{}, err
	}
	return StandardAssignmentID{"/" + v[0], v[1]}, nil
}

// String returns the id as Azure Resource Manager writes it. It doesn't check the parts.
func (id StandardAssignmentID) String() string {
	return routes.StandardAssignmentsGet.ID(id.Scope, id.Name)
}

// parseID returns the parts of an id that is a path of the route.
func parseID(route *routes.Route, id string) ([]string, error) {
	values, ok := route.Match(strings.Split(strings.TrimPrefix(id, "/"), "/"))
	if !ok {
		return nil, &ParameterError{"id", id, "must have the form " + route.Path}
	}
	if name, _, reason := route.Check(values); reason != "" {
		return nil, &ParameterError{"id", id, "has an invalid " + routes.GoName(name) + ": it " + reason}
	}
	return values, nil
}
