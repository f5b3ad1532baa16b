package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

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
		file, err := os.Open(c.file)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		more, err := readIDs(file)
		if err == nil && len(more) == 0 { // its items must not leave the assignments because a program failed to write it
			err = errors.New("no ids")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.file, err)
		}
		items = append(items, more...)
	}
	return items, nil
}

// readIDs returns the resource ids of lines, also of those that nightly writes of what is
// left over.
func readIDs(r io.Reader) (ids []string, err error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		id := strings.TrimSpace(strings.TrimPrefix(lines.Text(), leftOver))
		if id == "" {
			continue
		}
		if _, err := arm.ParseResourceID(id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, lines.Err()
}
