package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/securityinsights/armsecurityinsights/v2"

	"github.com/armsecops/armsecops"
)

// signIn is a credential whose error is that of armsecops also in Microsoft's clients.
type signIn struct{ azcore.TokenCredential }

func (s signIn) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := s.TokenCredential.GetToken(ctx, options)
	if err != nil {
		err = fmt.Errorf("%w: %w", armsecops.ErrCredential, err)
	}
	return token, err
}

// writeRules writes the ids and display names of the rules of the prefix at the members of
// the central workspace, or else at the workspaces of a file; with gone, only those whose
// display names no rule of the central workspace has. A workspace whose rules can't be read
// doesn't keep the others from it.
func (n night) writeRules(ctx context.Context, w io.Writer, factory *armsecops.ClientFactory, credential azcore.TokenCredential, options *armsecops.ClientOptions) error {
	central, err := arm.ParseResourceID(n.workspaceID)
	if err != nil {
		return err
	}
	workspaces, err := n.choice.members(ctx, factory, central)
	if err != nil {
		return err
	}
	n.content.automationRules = true
	published := map[string]bool{} // display names
	if n.gone {
		rules, err := n.content.rules(ctx, credential, &options.ClientOptions, n.workspaceID)
		if err != nil {
			return err
		}
		for _, r := range rules {
			published[r.displayName] = true
		}
	}
	var errs []error
	for _, id := range workspaces {
		found, err := n.content.rules(ctx, credential, &options.ClientOptions, id)
		for _, r := range found {
			if published[r.displayName] {
				continue
			}
			fmt.Fprintf(w, "%s\t%s\n", r.id, strings.Join(strings.Fields(r.displayName), " "))
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", id, err))
		}
		if endsAll(ctx, err) {
			break
		}
	}
	return errors.Join(errs...)
}

// members returns the ids of the workspaces of the file, or else of the members of the
// central workspace. It refuses the central one, whose rules are those that are published.
func (c choice) members(ctx context.Context, factory *armsecops.ClientFactory, central *arm.ResourceID) (ids []string, err error) {
	if c.file != "" {
		workspaces, err := readFile(c.file, parseWorkspace)
		if err != nil {
			return nil, err
		}
		for _, w := range workspaces {
			ids = append(ids, w.id)
		}
	} else {
		client, err := factory.NewWorkspaceManagerMembersClient(central.SubscriptionID)
		if err != nil {
			return nil, err
		}
		for member, err := range client.NewListPager(central.ResourceGroupName, central.Name, nil).All(ctx) {
			if err != nil {
				return nil, err
			}
			ids = append(ids, strings.TrimRight(member.Properties.TargetWorkspaceResourceID, "/"))
		}
	}
	if slices.ContainsFunc(ids, func(id string) bool { return strings.EqualFold(id, central.String()) }) {
		return nil, fmt.Errorf("%s is the central workspace", central)
	}
	return distinct(ids), nil
}

// retirement returns the deletions of rules of member workspaces by the rules' ids there,
// and refuses others, such as those of the central workspace, which are published.
func retirement(centralID string, credential azcore.TokenCredential, options *arm.ClientOptions) func(id string) (deletion, error) {
	return func(id string) (deletion, error) {
		rule, err := arm.ParseResourceID(id)
		if err != nil {
			return nil, err
		}
		if key(rule.Parent.String()) == key(centralID) {
			return nil, fmt.Errorf("%s is a rule of the central workspace", id)
		}
		if isWorkspace(rule.Parent) {
			switch strings.ToLower(rule.ResourceType.String()) {
			case "microsoft.securityinsights/alertrules":
				client, err := armsecurityinsights.NewAlertRulesClient(rule.SubscriptionID, credential, options)
				return func(ctx context.Context) error {
					_, err := client.Delete(ctx, rule.ResourceGroupName, rule.Parent.Name, rule.Name, nil)
					return err
				}, err
			case "microsoft.securityinsights/automationrules":
				client, err := armsecurityinsights.NewAutomationRulesClient(rule.SubscriptionID, credential, options)
				return func(ctx context.Context) error {
					_, err := client.Delete(ctx, rule.ResourceGroupName, rule.Parent.Name, rule.Name, nil)
					return err
				}, err
			}
		}
		return nil, fmt.Errorf("%s is neither an alert rule nor an automation rule of a workspace", id)
	}
}
