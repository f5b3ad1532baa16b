package fake

import (
	_ "embed"
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
	//go:embed samples/StandardAssignment.json
	sampleStandardAssignment []byte
	//go:embed samples/ListStandardAssignments.json
	sampleListStandardAssignments []byte
)

func (s *Server) putSamples() {
	job := sample[armsecops.Job](sampleJob)
	jobID, err := armsecops.ParseJobID(job.ID)
	if err != nil {
		panic(err)
	}
	s.PutJob(jobID, job)

	documented := sample[armsecops.Assignment](sampleAssignment)
	id, err := armsecops.ParseAssignmentID(documented.ID)
	if err != nil {
		panic(err)
	}
	s.PutAssignment(id, documented)

	// Each documented list has the assignment twice, once with a misspelt id or
	// type. That duplicate can only be listed, not read.
	for route, body := range map[*routes.Route][]byte{
		routes.Assignments.List:              sampleList,
		routes.AssignmentsListBySubscription: sampleListBySubscription,
	} {
		for i, item := range sample[armsecops.AssignmentList](body).Value {
			if item.ID != documented.ID || item.Type != documented.Type {
				k := key("/"+item.ID) + "#" + strconv.Itoa(i) // the key of no id
				s.assignments[k] = &assignment{Assignment: item, duplicateOf: key(id.String()), onlyIn: route}
			}
		}
	}

	// The documented id of this one has the type of another resource.
	exemption := sample[armsecops.StandardAssignment](sampleStandardAssignment)
	s.PutStandardAssignment(armsecops.StandardAssignmentID{
		Scope: "/providers/Microsoft.Management/managementGroups/contoso",
		Name:  exemption.Name,
	}, exemption)
	for _, item := range sample[armsecops.StandardAssignmentsList](sampleListStandardAssignments).Value {
		id, err := armsecops.ParseStandardAssignmentID(item.ID)
		if err != nil {
			panic(err)
		}
		s.PutStandardAssignment(id, item)
	}
}

// sample parses a documented body.
func sample[T any](body []byte) (model T) {
	if err := json.Unmarshal(body, &model); err != nil {
		panic(err)
	}
	return model
}
