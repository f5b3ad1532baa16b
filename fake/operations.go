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
	routes.JobsCreate: {(*Server).createJob, (*Server).overrideCreateJob},
	routes.JobsGet:    {(*Server).getJob, (*Server).overrideGetJob},
	routes.JobsList:   {(*Server).listJobs, (*Server).overrideListJobs},
	routes.JobsDelete: {(*Server).deleteJob, (*Server).overrideDeleteJob},

	routes.AssignmentsGet:                {(*Server).getAssignment, (*Server).overrideGetAssignment},
	routes.AssignmentsList:               {(*Server).listAssignments, (*Server).overrideListAssignments},
	routes.AssignmentsListBySubscription: {(*Server).listAssignmentsBySubscription, (*Server).overrideListAssignmentsBySubscription},
	routes.AssignmentsCreateOrUpdate:     {(*Server).putAssignment, (*Server).overridePutAssignment},
	routes.AssignmentsDelete:             {(*Server).deleteAssignment, (*Server).overrideDeleteAssignment},

	routes.StandardAssignmentsGet:            {(*Server).getStandardAssignment, (*Server).overrideGetStandardAssignment},
	routes.StandardAssignmentsList:           {(*Server).listStandardAssignments, (*Server).overrideListStandardAssignments},
	routes.StandardAssignmentsCreateOrUpdate: {(*Server).putStandardAssignment, (*Server).overridePutStandardAssignment},
	routes.StandardAssignmentsDelete:         {(*Server).deleteStandardAssignment, (*Server).overrideDeleteStandardAssignment},

	routes.AssignmentsResourceGraph:         {(*Server).queryAssignments, (*Server).overrideQueryAssignments},
	routes.StandardAssignmentsResourceGraph: {(*Server).queryStandardAssignments, (*Server).overrideQueryStandardAssignments},
}
