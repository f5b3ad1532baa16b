package main

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

const memorySubscription = "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"

// memoryItems are the content items of the assignments in memory.
var memoryItems = map[string][]string{
	"baseline": {
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
	},
	"hunting":   {"savedSearches/beacons", "savedSearches/new-scheduled-tasks", "savedSearches/rare-countries"},
	"reporting": {"workbooks/incidents", "workbooks/costs"},
}

// inMemory publishes in a server in memory, where a job takes three steps.
func (p publication) inMemory() (publication, error) {
	if !p.Given("interval") {
		p.interval = time.Second
	}
	var readings atomic.Int64 // of the server's clock: each poll takes 30 seconds
	srv := fake.NewServer(&fake.ServerOptions{
		JobSteps: 3,
		Strict:   true,
		NewID:    func() string { return "0b8a3f6e-2f0c-4c62-9e4f-6a1d5c7e9b21" },
		Now: func() time.Time {
			return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(readings.Add(1)) * 30 * time.Second)
		},
	})
	id := p.assignment
	names := memoryNames()
	for _, id.Name = range names {
		var assignment armsecops.WorkspaceManagerAssignment
		assignment.Properties.TargetResourceName = "branches"
		for _, item := range items(id.Name) {
			assignment.Properties.Items = append(assignment.Properties.Items, armsecops.WorkspaceManagerAssignmentItem{ResourceID: item.ResourceID})
		}
		srv.Put(id, assignment)
		srv.SetJobItems(id, items(id.Name))
	}
	readings.Store(0)
	var err error
	p.credential, p.options, err = p.Connect(srv)
	if err != nil || !p.Given("resume") {
		return p, err
	}

	// The server of the earlier run is gone, so start the jobs of its tokens again.
	jobs, err := armsecops.NewWorkspaceManagerJobsClient(memorySubscription, p.credential, p.options)
	for _, name := range names {
		if err == nil {
			_, err = jobs.Create(context.Background(), id.ResourceGroupName, id.WorkspaceName, name, nil)
		}
	}
	return p, err
}

// memoryNames returns the names of the assignments in memory.
func memoryNames() []string { return slices.Sorted(maps.Keys(memoryItems)) }

// items returns the items of a job in memory. Two of the baseline's fail.
func items(assignment string) (items []armsecops.JobItem) {
	for _, name := range memoryItems[assignment] {
		items = append(items, armsecops.JobItem{ResourceID: "/subscriptions/" + memorySubscription + "/resourceGroups/security" +
			"/providers/Microsoft.OperationalInsights/workspaces/central/providers/Microsoft.SecurityInsights/" + name})
	}
	if assignment == "baseline" {
		items[4].Errors = []armsecops.JobItemError{
			{MemberResourceName: "branch-north", ErrorMessage: "Failed to write. Status code: Forbidden."},
			{MemberResourceName: "branch-south", ErrorMessage: "Failed to write. Status code: Forbidden."},
		}
		items[7].Errors = []armsecops.JobItemError{
			{MemberResourceName: "branch-south", ErrorMessage: "The playbook of the rule was not found."},
		}
	}
	return items
}
