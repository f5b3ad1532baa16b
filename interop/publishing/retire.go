package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/securityinsights/armsecurityinsights/v2"
)

// retirement returns the deletions of rules of member workspaces by the rules' ids there,
// and refuses others.
func retirement(credential azcore.TokenCredential, options *arm.ClientOptions) func(id string) (deletion, error) {
	return func(id string) (deletion, error) {
		rule, err := arm.ParseResourceID(id)
		if err != nil {
			return nil, err
		}
		if !strings.EqualFold(rule.ResourceType.String(), "Microsoft.SecurityInsights/alertRules") || !isWorkspace(rule.Parent) {
			return nil, fmt.Errorf("%s is not an alert rule", id)
		}
		client, err := armsecurityinsights.NewAlertRulesClient(rule.SubscriptionID, credential, options)
		return func(ctx context.Context) error {
			_, err := client.Delete(ctx, rule.ResourceGroupName, rule.Parent.Name, rule.Name, nil)
			return err
		}, err
	}
}
