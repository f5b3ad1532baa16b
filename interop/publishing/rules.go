package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/securityinsights/armsecurityinsights/v2"
)

// alertRules returns the ids of the scheduled and near-real-time rules of a workspace
// whose display names have a prefix.
func alertRules(ctx context.Context, client *armsecurityinsights.AlertRulesClient, resourceGroupName, workspaceName, prefix string) (ids []string, err error) {
	for pager := client.NewListPager(resourceGroupName, workspaceName, nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, rule := range page.Value {
			var name *string
			switch rule := rule.(type) {
			case *armsecurityinsights.ScheduledAlertRule:
				if rule.Properties != nil {
					name = rule.Properties.DisplayName
				}
			case *armsecurityinsights.NrtAlertRule:
				if rule.Properties != nil {
					name = rule.Properties.DisplayName
				}
			}
			if name == nil || !strings.HasPrefix(*name, prefix) {
				continue
			}
			id := rule.GetAlertRule().ID
			if id == nil {
				return nil, fmt.Errorf("the rule %q has no id", *name)
			}
			ids = append(ids, *id)
		}
	}
	return ids, nil
}

// automationRules returns the ids of the automation rules of a workspace whose display
// names have a prefix.
func automationRules(ctx context.Context, client *armsecurityinsights.AutomationRulesClient, resourceGroupName, workspaceName, prefix string) (ids []string, err error) {
	for pager := client.NewListPager(resourceGroupName, workspaceName, nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, rule := range page.Value {
			p := rule.Properties
			if p == nil || p.DisplayName == nil || !strings.HasPrefix(*p.DisplayName, prefix) {
				continue
			}
			if rule.ID == nil {
				return nil, fmt.Errorf("the rule %q has no id", *p.DisplayName)
			}
			ids = append(ids, *rule.ID)
		}
	}
	return ids, nil
}
