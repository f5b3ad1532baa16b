package fake

import (
	_ "embed"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/armsecops/armsecops"
)

// The bodies of the services' documentation.
var (
	//go:embed samples/Job.json
	sampleJob []byte
	//go:embed samples/Assignment.json
	sampleAssignment []byte
	//go:embed samples/StandardAssignment.json
	sampleStandardAssignment []byte
	//go:embed samples/ListStandardAssignments.json
	sampleListStandardAssignments []byte
)

func (s *Server) putSamples() {
	job := sample[armsecops.Job](sampleJob)
	s.Put(sampleID(armsecops.ParseJobID(job.ID)), job)

	assignment := sample[armsecops.Assignment](sampleAssignment)
	s.Put(sampleID(armsecops.ParseAssignmentID(assignment.ID)), assignment)

	// The documented id of this one has the type of another resource.
	exemption := sample[armsecops.StandardAssignment](sampleStandardAssignment)
	s.Put(armsecops.StandardAssignmentID{
		Scope: "/providers/Microsoft.Management/managementGroups/contoso",
		Name:  exemption.Name,
	}, exemption)
	for _, item := range sample[armsecops.StandardAssignmentsList](sampleListStandardAssignments).Value {
		s.Put(sampleID(armsecops.ParseStandardAssignmentID(item.ID)), item)
	}
}

func sampleID[T fmt.Stringer](id T, err error) T {
	if err != nil {
		panic(err)
	}
	return id
}

// sample parses a documented body.
func sample[T any](body []byte) (model T) {
	if err := json.Unmarshal(body, &model); err != nil {
		panic(err)
	}
	return model
}
