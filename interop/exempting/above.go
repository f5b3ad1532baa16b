package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// groupsAbove returns the ids of the management groups above the subscription of a resource,
// or above a management group, by a query of Azure Resource Graph for which neither this
// module nor those of Microsoft's here have a client. They are nil if the identity doesn't
// see that subscription or group there.
func groupsAbove(ctx context.Context, credential azcore.TokenCredential, options *arm.ClientOptions, resource *arm.ResourceID) (ids []string, err error) {
	body := map[string]any{
		"subscriptions": []string{resource.SubscriptionID},
		"query":         "resourcecontainers | where type =~ 'microsoft.resources/subscriptions' | project chain = properties.managementGroupAncestorsChain",
	}
	if resource.SubscriptionID == "" {
		body = map[string]any{
			"managementGroups": []string{resource.Name}, // which has rows of those below, too
			"query":            fmt.Sprintf("resourcecontainers | where type =~ 'microsoft.management/managementgroups' and name =~ %q | project chain = properties.details.managementGroupAncestorsChain", resource.Name),
		}
	}
	client, err := arm.NewClient("exempting", "v0.0.0", credential, options)
	if err != nil {
		return nil, err
	}
	request, err := runtime.NewRequest(ctx, http.MethodPost, runtime.JoinPaths(client.Endpoint(), "providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01"))
	if err != nil {
		return nil, err
	}
	if err := runtime.MarshalAsJSON(request, body); err != nil {
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
		ids = []string{} // none of the root group
		for _, group := range row.Chain {
			ids = append(ids, "/providers/Microsoft.Management/managementGroups/"+group.Name)
		}
	}
	return ids, err
}
