package main

import (
	"context"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// groupsAbove returns the ids of the management groups above a subscription, by a query of
// Azure Resource Graph for which neither this module nor those of Microsoft's here have a
// client.
func groupsAbove(ctx context.Context, credential azcore.TokenCredential, options *arm.ClientOptions, subscriptionID string) (ids []string, err error) {
	client, err := arm.NewClient("exempting", "v0.0.0", credential, options)
	if err != nil {
		return nil, err
	}
	request, err := runtime.NewRequest(ctx, http.MethodPost, runtime.JoinPaths(client.Endpoint(), "providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01"))
	if err != nil {
		return nil, err
	}
	err = runtime.MarshalAsJSON(request, map[string]any{
		"subscriptions": []string{subscriptionID},
		"query":         "resourcecontainers | where type =~ 'microsoft.resources/subscriptions' | project chain = properties.managementGroupAncestorsChain",
	})
	if err != nil {
		return nil, err
	}
	response, err := client.Pipeline().Do(request)
	if err != nil {
		return nil, err
	}
	if !runtime.HasStatusCode(response, http.StatusOK) {
		return nil, runtime.NewResponseError(response)
	}
	var rows struct {
		Data []struct{ Chain []struct{ Name string } }
	}
	err = runtime.UnmarshalAsJSON(response, &rows)
	for _, row := range rows.Data {
		for _, group := range row.Chain {
			ids = append(ids, "/providers/Microsoft.Management/managementGroups/"+group.Name)
		}
	}
	return ids, err
}
