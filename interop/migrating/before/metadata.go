package before

import "github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/security/armsecurity"

// Ticket returns a member of an assignment's metadata.
func Ticket(assignment armsecurity.Assignment) string {
	metadata, _ := assignment.Properties.Metadata.(map[string]any)
	ticket, _ := metadata["ticket"].(string)
	return ticket
}
