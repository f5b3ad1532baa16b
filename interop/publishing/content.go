package main

import (
	"context"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/securityinsights/armsecurityinsights/v2"

	"github.com/armsecops/armsecops"
)

// content is what is published of a central workspace.
type content struct {
	prefix          string // of the display names of rules
	automationRules bool   // not only analytics rules
	file            string // with the resource ids of other items, one a line; empty for none
}

// items returns the resource ids of the content.
func (c content) items(ctx context.Context, credential azcore.TokenCredential, options *arm.ClientOptions, id armsecops.WorkspaceManagerAssignmentID) ([]string, error) {
	rules, err := armsecurityinsights.NewAlertRulesClient(id.SubscriptionID, credential, options)
	if err != nil {
		return nil, err
	}
	items, err := alertRules(ctx, rules, id.ResourceGroupName, id.WorkspaceName, c.prefix)
	if err != nil {
		return nil, err
	}
	if c.automationRules {
		rules, err := armsecurityinsights.NewAutomationRulesClient(id.SubscriptionID, credential, options)
		if err != nil {
			return nil, err
		}
		more, err := automationRules(ctx, rules, id.ResourceGroupName, id.WorkspaceName, c.prefix)
		if err != nil {
			return nil, err
		}
		items = append(items, more...)
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
