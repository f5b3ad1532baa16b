package main

import (
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/armsecops/armsecops"
)

// newLiveClient returns a client for Azure. It signs in with the first credential
// that azidentity finds: environment, workload or managed identity, az login, azd.
func newLiveClient(subscriptionID string) (*armsecops.SecurityAssignmentsClient, error) {
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		return nil, err
	}
	return armsecops.NewSecurityAssignmentsClient(subscriptionID, credential, nil)
}
