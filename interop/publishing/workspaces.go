package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armresources"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armsubscriptions"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/securityinsights/armsecurityinsights/v2"

	"github.com/armsecops/armsecops"
)

// workspace is a workspace that content is published to, by its resource id.
type workspace struct{ id, tenantID string }

// sentinelWorkspaces returns the workspaces with Microsoft Sentinel of all subscriptions
// in use that the identity may see, without the central one. They are sorted, so that
// groups stay as they are. If one subscription can't be read, it returns an error: by a
// list that is too short, members would be left over.
func sentinelWorkspaces(ctx context.Context, credential azcore.TokenCredential, options arm.ClientOptions, centralID string) (found []workspace, err error) {
	options.DisableRPRegistration = true // a listing must not register resource providers
	client, err := armsubscriptions.NewClient(credential, &options)
	if err != nil {
		return nil, err
	}
	for pager := client.NewListPager(nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, s := range page.Value {
			if s != nil && s.State != nil && (*s.State == armsubscriptions.SubscriptionStateDisabled || *s.State == armsubscriptions.SubscriptionStateDeleted) {
				continue // nothing can be changed there
			}
			if s == nil || s.SubscriptionID == nil || s.TenantID == nil {
				return nil, errors.New("a subscription in the list has no id or tenant")
			}
			ids, err := withSentinel(ctx, credential, &options, *s.SubscriptionID)
			if err != nil {
				return nil, fmt.Errorf("subscription %s: %w", *s.SubscriptionID, err)
			}
			for _, id := range ids {
				if !strings.EqualFold(id, centralID) {
					found = append(found, workspace{id, *s.TenantID})
				}
			}
		}
	}
	slices.SortFunc(found, func(a, b workspace) int { return cmp.Compare(strings.ToLower(a.id), strings.ToLower(b.id)) })
	return found, nil
}

// withSentinel returns the ids of the workspaces of a subscription that have Microsoft
// Sentinel.
func withSentinel(ctx context.Context, credential azcore.TokenCredential, options *arm.ClientOptions, subscriptionID string) (ids []string, err error) {
	resources, err := armresources.NewClient(subscriptionID, credential, options)
	if err != nil {
		return nil, err
	}
	states, err := armsecurityinsights.NewSentinelOnboardingStatesClient(subscriptionID, credential, options)
	if err != nil {
		return nil, err
	}
	filter := &armresources.ClientListOptions{Filter: to.Ptr("resourceType eq 'Microsoft.OperationalInsights/workspaces'")}
	for pager := resources.NewListPager(filter); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, resource := range page.Value {
			if resource == nil || resource.ID == nil {
				return nil, errors.New("a workspace in the list has no id")
			}
			id, err := arm.ParseResourceID(*resource.ID)
			if err != nil {
				return nil, err
			}
			_, err = states.Get(ctx, id.ResourceGroupName, id.Name, "default", nil)
			if failed, ok := errors.AsType[*azcore.ResponseError](err); ok &&
				(failed.StatusCode == http.StatusNotFound && ofService(failed) || failed.ErrorCode == armsecops.CodeMissingSubscriptionRegistration) {
				continue // without Microsoft Sentinel, or its resource provider, which a member needs
			}
			if err != nil {
				return nil, err
			}
			ids = append(ids, *resource.ID)
		}
	}
	return ids, nil
}

// ofService reports whether a response is the service's own, rather than the page of a proxy.
func ofService(failed *azcore.ResponseError) bool {
	return failed.ErrorCode != "" || failed.RawResponse != nil && failed.RawResponse.ContentLength == 0
}
