package main

import (
	"context"
	"time"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

// inMemory publishes in a server in memory, where a job takes three steps.
func (p publication) inMemory() (publication, error) {
	if !p.Given("interval") {
		p.interval = time.Second
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	srv := fake.NewServer(&fake.ServerOptions{
		JobSteps: 3,
		NewID:    func() string { return "0b8a3f6e-2f0c-4c62-9e4f-6a1d5c7e9b21" },
		Now: func() time.Time { // each poll takes 30 seconds of the server's time
			now = now.Add(30 * time.Second)
			return now
		},
	})
	p.assignment = armsecops.WorkspaceManagerAssignmentID{
		SubscriptionID:    "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0",
		ResourceGroupName: "security",
		WorkspaceName:     "central",
		Name:              "baseline",
	}
	srv.SetJobItems(p.assignment, items())
	var err error
	p.credential, p.options, err = p.Connect(srv)
	if err != nil || p.resumeToken == "" {
		return p, err
	}

	// The server of the earlier run is gone, so start the token's job again.
	jobs, err := armsecops.NewWorkspaceManagerJobsClient(p.assignment.SubscriptionID, p.credential, p.options)
	if err == nil {
		id := p.assignment
		_, err = jobs.Create(context.Background(), id.ResourceGroupName, id.WorkspaceName, id.Name, nil)
	}
	return p, err
}

// items returns the items of the job: twelve, two of which fail.
func items() (items []armsecops.JobItem) {
	for _, name := range []string{
		"alertRules/sign-in-from-new-country",
		"alertRules/mass-download",
		"alertRules/dormant-account-used",
		"alertRules/key-vault-secrets-listed",
		"alertRules/mailbox-forwarding",
		"alertRules/many-failed-sign-ins",
		"automationRules/assign-to-on-call",
		"automationRules/close-test-incidents",
		"savedSearches/rare-processes",
		"savedSearches/new-service-principals",
		"savedSearches/dns-tunnels",
		"workbooks/overview",
	} {
		items = append(items, armsecops.JobItem{ResourceID: "/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/security" +
			"/providers/Microsoft.OperationalInsights/workspaces/central/providers/Microsoft.SecurityInsights/" + name})
	}
	items[4].Errors = []armsecops.JobItemError{
		{MemberResourceName: "branch-north", ErrorMessage: "Failed to write. Status code: Forbidden."},
		{MemberResourceName: "branch-south", ErrorMessage: "Failed to write. Status code: Forbidden."},
	}
	items[7].Errors = []armsecops.JobItemError{
		{MemberResourceName: "branch-south", ErrorMessage: "The playbook of the rule was not found."},
	}
	return items
}
