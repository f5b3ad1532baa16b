package main

import (
	"context"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/securityinsights/armsecurityinsights/v2"
)

// content is what is published of a central workspace.
type content struct {
	prefix          string // of the display names of rules
	automationRules bool   // not only analytics rules
	file            string // with the resource ids of other items, one a line; empty for none
}

// rules returns the rules of the content that a workspace has.
func (c content) rules(ctx context.Context, credential azcore.TokenCredential, options *arm.ClientOptions, workspaceID string) (found []rule, err error) {
	id, err := arm.ParseResourceID(workspaceID)
	if err != nil {
		return nil, err
	}
	client, err := armsecurityinsights.NewAlertRulesClient(id.SubscriptionID, credential, options)
	if err != nil {
		return nil, err
	}
	found, err = alertRules(ctx, client, id.ResourceGroupName, id.Name, c.prefix)
	if err != nil || !c.automationRules {
		return found, err
	}
	automation, err := armsecurityinsights.NewAutomationRulesClient(id.SubscriptionID, credential, options)
	if err != nil {
		return nil, err
	}
	more, err := automationRules(ctx, automation, id.ResourceGroupName, id.Name, c.prefix)
	return append(found, more...), err
}

// items returns the resource ids of the content.
func (c content) items(ctx context.Context, credential azcore.TokenCredential, options *arm.ClientOptions, centralID string) (items []string, err error) {
	rules, err := c.rules(ctx, credential, options, centralID)
	if err != nil {
		return nil, err
	}
	for _, r := range rules {
		items = append(items, r.id)
	}
	if c.file != "" {
		more, err := readFile(c.file, parseID) // an error if none: their items would leave the assignments
		if err != nil {
			return nil, err
		}
		items = append(items, more...)
	}
	return items, nil
}
