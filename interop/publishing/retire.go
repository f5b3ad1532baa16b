package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/securityinsights/armsecurityinsights/v2"
)

// retire deletes rules of member workspaces by the rules' ids there.
func retire(ctx context.Context, credential azcore.TokenCredential, options *arm.ClientOptions, ruleIDs []string) error {
	return deleteEach(ctx, ruleIDs, func(id string) error { return retireOne(ctx, credential, options, id) })
}

func retireOne(ctx context.Context, credential azcore.TokenCredential, options *arm.ClientOptions, ruleID string) error {
	rule, err := arm.ParseResourceID(ruleID)
	if err != nil {
		return err
	}
	if !strings.EqualFold(rule.ResourceType.String(), "Microsoft.SecurityInsights/alertRules") {
		return fmt.Errorf("%s is not an alert rule", ruleID)
	}
	client, err := armsecurityinsights.NewAlertRulesClient(rule.SubscriptionID, credential, options)
	if err != nil {
		return err
	}
	_, err = client.Delete(ctx, rule.ResourceGroupName, rule.Parent.Name, rule.Name, nil)
	return err
}
