package fake

import (
	"errors"

	"github.com/armsecops/armsecops/internal/routes"
)

// operation is how the server handles the requests of one route.
type operation struct {
	handle   func(*Server, *request) *response          // is called with the lock held
	override func(*Server, *request) (*response, error) // returns errNotOverridden if the test has set no override
}

var errNotOverridden = errors.New("not overridden")

// operations has one operation for each route. A request of a route without one is refused.
var operations = map[*routes.Route]operation{
	routes.JobsCreate:  {(*Server).createJob, (*Server).overrideCreateJob},
	routes.Jobs.Get:    {(*Server).getJob, (*Server).overrideGetJob},
	routes.Jobs.List:   {(*Server).listJobs, (*Server).overrideListJobs},
	routes.Jobs.Delete: {(*Server).deleteJob, (*Server).overrideDeleteJob},

	routes.Assignments.Get:               {(*Server).getAssignment, (*Server).overrideGetAssignment},
	routes.Assignments.List:              {(*Server).listAssignments, (*Server).overrideListAssignments},
	routes.AssignmentsListBySubscription: {(*Server).listAssignmentsBySubscription, (*Server).overrideListAssignmentsBySubscription},
	routes.Assignments.CreateOrUpdate:    {(*Server).putAssignment, (*Server).overridePutAssignment},
	routes.Assignments.Delete:            {(*Server).deleteAssignment, (*Server).overrideDeleteAssignment},

	routes.StandardAssignments.Get:            {(*Server).getStandardAssignment, (*Server).overrideGetStandardAssignment},
	routes.StandardAssignments.List:           {(*Server).listStandardAssignments, (*Server).overrideListStandardAssignments},
	routes.StandardAssignments.CreateOrUpdate: {(*Server).putStandardAssignment, (*Server).overridePutStandardAssignment},
	routes.StandardAssignments.Delete:         {(*Server).deleteStandardAssignment, (*Server).overrideDeleteStandardAssignment},

	routes.Assignments.Query:         {(*Server).queryAssignments, (*Server).overrideQueryAssignments},
	routes.StandardAssignments.Query: {(*Server).queryStandardAssignments, (*Server).overrideQueryStandardAssignments},
}
