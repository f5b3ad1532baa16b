package fake

import (
	"fmt"
	"reflect"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/wire"
)

// document is a resource of any type.
type document = armsecops.Resource[jsontext.Value]

// row is what the server knows of a type of resource.
type row struct {
	resource   *routes.Resource
	name       string              // in errors, as in "an assignment"
	required   []string            // names of required properties
	values     map[string][]string // documented enumerations, by the path below properties
	orderBy    []string            // what $orderby may name; nil if the lists have neither $orderby nor $top
	etag       bool                // resources of the type have etags
	systemData bool                // and systemData

	model reflect.Type
	parse func(text []byte) (document, error)       // reads a resource by its model
	stamp func(at time.Time, put, before *document) // sets the properties that the service sets
}

// rows has a row for each type of resource.
var rows = byResource(
	rowOf[armsecops.JobProperties](row{
		resource: routes.Jobs, name: "a job", etag: true, systemData: true,
		orderBy: []string{"name", "properties/startTime", "properties/endTime", "properties/provisioningState"},
	}, nil),
	rowOf[armsecops.AssignmentProperties](row{
		resource: routes.Assignments, name: "an assignment", etag: true, systemData: true,
	}, nil),
	rowOf(row{
		resource: routes.StandardAssignments, name: "a standard assignment",
		values: map[string][]string{
			"effect":                          {"Audit", "Exempt", "Attest"},
			"exemptionData.exemptionCategory": {"waiver", "mitigated"},
			"attestationData.complianceState": {"unknown", "compliant", "nonCompliant"},
		},
	}, stampStandardAssignment),
)

func byResource(rows ...*row) map[*routes.Resource]*row {
	table := map[*routes.Resource]*row{}
	for _, row := range rows {
		table[row.resource] = row
	}
	return table
}

// rowOf completes a row for the properties of its model.
//   - stamp: sets what the service sets; before is zero for a resource that is created. nil if that is nothing
func rowOf[P any](r row, stamp func(at time.Time, put, before *P)) *row {
	r.model = reflect.TypeFor[armsecops.Resource[P]]()
	r.parse = func(text []byte) (doc document, err error) {
		var model armsecops.Resource[P]
		if err := wire.Unmarshal(text, &model); err != nil {
			return doc, err
		}
		return newDocument(model)
	}
	r.stamp = func(at time.Time, put, before *document) {
		if stamp == nil {
			return
		}
		properties, old := mustParse[P](put.Properties), mustParse[P](before.Properties)
		stamp(at, &properties, &old)
		put.Properties = mustEncode(properties)
	}
	return &r
}

// newDocument returns a copy of a resource that shares nothing with it.
func newDocument(model any) (doc document, err error) {
	text, err := encode(model)
	if err == nil {
		err = json.Unmarshal(text, &doc)
	}
	return doc, err
}

// mustParse parses what the server has encoded.
func mustParse[T any](text jsontext.Value) (value T) {
	if len(text) == 0 {
		return value
	}
	if err := json.Unmarshal(text, &value); err != nil {
		panic(fmt.Sprintf("fake: a stored resource can't be read: %v", err))
	}
	return value
}

// mustEncode encodes what was decoded.
func mustEncode(value any) jsontext.Value {
	text, err := encode(value)
	if err != nil {
		panic("fake: the value can't be encoded as JSON: " + err.Error())
	}
	return text
}

func stampStandardAssignment(at time.Time, put, before *armsecops.StandardAssignmentProperties) {
	put.Metadata = before.Metadata
	if put.Metadata.CreatedOn.IsZero() {
		put.Metadata.CreatedBy, put.Metadata.CreatedOn = callerID, at
	}
	put.Metadata.LastUpdatedBy, put.Metadata.LastUpdatedOn = callerID, at
	put.AttestationData.ComplianceDate = time.Time{}
	if put.AttestationData.ComplianceState != "" {
		put.AttestationData.ComplianceDate = at
	}
}
