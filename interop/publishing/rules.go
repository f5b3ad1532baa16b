package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/securityinsights/armsecurityinsights/v2"
)

// rule is an analytics rule or automation rule of a workspace.
type rule struct{ id, displayName string }

// alertRules returns the scheduled and near-real-time rules of a workspace whose display
// names have a prefix.
func alertRules(ctx context.Context, client *armsecurityinsights.AlertRulesClient, resourceGroupName, workspaceName, prefix string) (found []rule, err error) {
	for pager := client.NewListPager(resourceGroupName, workspaceName, nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Value {
			var name *string
			switch r := r.(type) {
			case *armsecurityinsights.ScheduledAlertRule:
				if r.Properties != nil {
					name = r.Properties.DisplayName
				}
			case *armsecurityinsights.NrtAlertRule:
				if r.Properties != nil {
					name = r.Properties.DisplayName
				}
			}
			if name == nil || !strings.HasPrefix(*name, prefix) {
				continue
			}
			id := r.GetAlertRule().ID
			if id == nil {
				return nil, fmt.Errorf("the rule %q has no id", *name)
			}
			found = append(found, rule{*id, *name})
		}
	}
	return found, nil
}

// automationRules returns the automation rules of a workspace whose display names have a
// prefix.
func automationRules(ctx context.Context, client *armsecurityinsights.AutomationRulesClient, resourceGroupName, workspaceName, prefix string) (found []rule, err error) {
	for pager := client.NewListPager(resourceGroupName, workspaceName, nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Value {
			if r == nil || r.Properties == nil || r.Properties.DisplayName == nil || !strings.HasPrefix(*r.Properties.DisplayName, prefix) {
				continue
			}
			if r.ID == nil {
				return nil, fmt.Errorf("the rule %q has no id", *r.Properties.DisplayName)
			}
			found = append(found, rule{*r.ID, *r.Properties.DisplayName})
		}
	}
	return found, nil
}
