package after

import (
	"encoding/json"

	"github.com/armsecops/armsecops"
)

// Ticket returns a member of an assignment's metadata.
func Ticket(assignment armsecops.Assignment) string {
	var metadata struct {
		Ticket string `json:"ticket"`
	}
	_ = json.Unmarshal(assignment.Properties.Metadata, &metadata) // fails if there is none
	return metadata.Ticket
}
