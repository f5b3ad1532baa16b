package main

import (
	"context"
	"errors"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armsubscriptions"
)

// subscriptions returns the ids of the subscriptions that the identity may see and that
// are in use. PastDue allows all operations, and Warned lets exemptions be read and deleted:
// both have resources at work. It leaves out Disabled, whose services are stopped, and Deleted.
func subscriptions(ctx context.Context, credential azcore.TokenCredential, options *arm.ClientOptions) (ids []string, err error) {
	client, err := armsubscriptions.NewClient(credential, options)
	if err != nil {
		return nil, err
	}
	for pager := client.NewListPager(nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, subscription := range page.Value {
			if subscription == nil || subscription.SubscriptionID == nil {
				return nil, errors.New("a subscription in the list has no id")
			}
			var state armsubscriptions.SubscriptionState
			if subscription.State != nil {
				state = *subscription.State
			}
			if state != armsubscriptions.SubscriptionStateDisabled && state != armsubscriptions.SubscriptionStateDeleted {
				ids = append(ids, *subscription.SubscriptionID)
			}
		}
	}
	return ids, nil
}
