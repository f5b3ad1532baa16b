package main

import (
	"context"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/armsecops/armsecops"
)

// extend lets an exemption expire later: ErrPreconditionFailed if the service finds that it has changed meanwhile.
func extend(ctx context.Context, client *armsecops.SecurityAssignmentsClient, resourceGroup, name string, expiresOn time.Time) error {
	got, err := client.Get(ctx, resourceGroup, name, nil)
	if err != nil {
		return err
	}
	got.Properties.ExpiresOn = expiresOn
	if got.ETag != "" {
		ctx = policy.WithHTTPHeader(ctx, http.Header{"If-Match": {string(got.ETag)}})
	}
	_, err = client.CreateOrUpdate(ctx, resourceGroup, name, got.Assignment, nil)
	return err
}
