package fake

import (
	"cmp"
	"embed"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// samples has the bodies of the services' documentation: resources, and lists of them.
//
//go:embed samples/*.json
var samples embed.FS

// sampleIDs are the ids of samples whose own id has the type of another resource.
var sampleIDs = map[string]string{
	"StandardAssignment.json": "/providers/Microsoft.Management/managementGroups/contoso/providers/Microsoft.Security/standardAssignments/1f3afdf9-d0c9-4c3d-847f-89da613e70a8",
}

func (s *Server) putSamples() {
	files, _ := samples.ReadDir("samples") // is embedded, as is each file
	for _, file := range files {
		text, _ := samples.ReadFile("samples/" + file.Name())
		body := mustParse[struct {
			Value []jsontext.Value `json:"value"`
			ID    string           `json:"id"`
		}](text)
		if body.ID != "" {
			body.Value = []jsontext.Value{text}
		}
		for _, resource := range body.Value {
			doc := mustParse[document](resource)
			id := cmp.Or(sampleIDs[file.Name()], doc.ID)
			route, values := routeOfID(id)
			if route == nil {
				panic(fmt.Sprintf("fake: the sample %s has the id %q", file.Name(), id))
			}
			s.putDocument(route, values, doc)
		}
	}
}
