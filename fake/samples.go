package fake

import (
	_ "embed"
	"reflect"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
)

// The bodies of the services' documentation.
var (
	//go:embed samples/Job.json
	sampleJob []byte
	//go:embed samples/Assignment.json
	sampleAssignment []byte
	//go:embed samples/ListAssignments.json
	sampleList []byte
	//go:embed samples/ListBySubscriptionAssignments.json
	sampleListBySubscription []byte
)

func (s *Server) putSamples() {
	job := sample[armsecops.Job](sampleJob)
	jobID, err := armsecops.ParseJobID(job.ID)
	if err != nil {
		panic(err)
	}
	s.PutJob(jobID, job)

	only := sample[armsecops.Assignment](sampleAssignment)
	id, err := armsecops.ParseAssignmentID(only.ID)
	if err != nil {
		panic(err)
	}
	s.PutAssignment(id, only)

	// Each documented list has the assignment twice, once with a slip of the pen
	// in its id or type. The second one cannot be got, only listed.
	for route, body := range map[*routes.Route][]byte{
		routes.AssignmentsList:               sampleList,
		routes.AssignmentsListBySubscription: sampleListBySubscription,
	} {
		for i, item := range sample[armsecops.AssignmentList](body).Value {
			if !reflect.DeepEqual(item, only) {
				k := key("/"+item.ID) + "#" + strconv.Itoa(i) // as no id is
				s.assignments[k] = &assignment{Assignment: item, of: key(id.String()), listed: route}
			}
		}
	}
}

// sample reads a documented body.
func sample[T any](body []byte) (model T) {
	if err := json.Unmarshal(body, &model); err != nil {
		panic(err)
	}
	return model
}
