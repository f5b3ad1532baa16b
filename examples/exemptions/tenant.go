package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

// tenant is a tenant in memory: a fake server, and subscriptions that fail.
type tenant struct {
	*fake.Server
	failures map[string]failure // by subscription
}

// failure is the response of a subscription to every request.
type failure struct {
	status     int
	code       string
	message    string
	retryAfter string // in seconds; empty for none
}

// Do implements the Transporter of azcore's policy package.
func (t tenant) Do(req *http.Request) (*http.Response, error) {
	subscription := strings.Split(req.URL.Path, "/")[2] // of /subscriptions/{subscriptionId}/...; elsewhere it is no subscription
	f, fails := t.failures[subscription]
	if !fails {
		return t.Server.Do(req)
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if f.retryAfter != "" {
		header.Set("Retry-After", f.retryAfter)
	}
	return &http.Response{
		StatusCode: f.status,
		Header:     header,
		Body:       io.NopCloser(strings.NewReader(fmt.Sprintf(`{"error":{"code":%q,"message":%q}}`, f.code, f.message))),
		Request:    req,
	}, nil
}

// tenantSubscription returns the id of a subscription.
//   - n: 1 to tenantSubscriptions
func tenantSubscription(n int) string { return fmt.Sprintf("5ec0ffee-0000-4000-8000-%012d", n) }

const tenantSubscriptions = 40

// tenantSubscriptionIDs returns the ids of all subscriptions.
func tenantSubscriptionIDs() (ids []string) {
	for n := range tenantSubscriptions {
		ids = append(ids, tenantSubscription(n+1))
	}
	return ids
}

// newTenant returns a tenant with up to three assignments in each subscription,
// and up to two standard assignments in some.
func newTenant(today time.Time) tenant {
	id := 0
	t := tenant{
		fake.NewServer(&fake.ServerOptions{
			PageSize: 2,
			Now:      func() time.Time { return today },
			NewID:    func() string { id++; return fmt.Sprint(id) },
		}),
		map[string]failure{
			tenantSubscription(7):  {403, "AuthorizationFailed", "The client does not have authorization to read the assignments.", ""},
			tenantSubscription(19): {404, "SubscriptionNotFound", "The subscription could not be found.", ""},
			tenantSubscription(33): {429, "SubscriptionRequestsThrottled", "Too many requests.", "3600"},
		},
	}
	mitigated, waiver := armsecops.AdditionalData{ExemptionCategory: "mitigated"}, armsecops.AdditionalData{ExemptionCategory: "waiver"}
	kinds := []armsecops.AssignmentProperties{
		{DisplayName: "Audit of virtual machines", Effect: "audit"},
		{DisplayName: "Storage accounts behind the gateway", Effect: "Exempt", AdditionalData: mitigated},
		{DisplayName: "Test systems", Effect: "Exempt", AdditionalData: waiver},
		{DisplayName: "-1 day of grace", Effect: "Exempt", AdditionalData: waiver},
	}
	for n := range tenantSubscriptions {
		subscription := tenantSubscription(n + 1)
		if _, fails := t.failures[subscription]; fails {
			continue // which has nothing that a caller may read
		}
		t.AddSubscription(subscription)
		for i := range n % 4 {
			p := kinds[(n+i)%len(kinds)]
			p.Scope = "/subscriptions/" + subscription
			if i < 2 { // the others never expire
				p.ExpiresOn = today.AddDate(0, 0, 7*n-20+i)
			}
			t.Put(armsecops.AssignmentID{
				SubscriptionID:    subscription,
				ResourceGroupName: "security",
				Name:              fmt.Sprintf("exemption-%d", i+1),
			}, armsecops.Assignment{Properties: p})
		}
		if n%8 == 3 {
			t.putStandardAssignments(n, today.AddDate(0, 0, 5*n))
		}
	}
	return t
}

// putStandardAssignments exempts a virtual machine, and attests the state of a
// whole subscription.
func (t tenant) putStandardAssignments(n int, expiresOn time.Time) {
	scope := "/subscriptions/" + tenantSubscription(n+1)
	assessment := armsecops.AssignedAssessmentItem{AssessmentKey: "1195afff-c881-495e-9bc5-1486211ae03f"}
	t.Put(armsecops.StandardAssignmentID{
		Scope: scope + "/resourceGroups/test/providers/Microsoft.Compute/virtualMachines/build",
		Name:  fmt.Sprintf("5ec0ffee-0001-4000-8000-%012d", n+1),
	}, armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{
		DisplayName: "Build machine without disk encryption", Effect: armsecops.EffectExempt, ExpiresOn: expiresOn,
		ExemptionData: armsecops.ExemptionData{ExemptionCategory: armsecops.ExemptionCategoryWaiver, AssignedAssessment: assessment},
	}})
	t.Put(armsecops.StandardAssignmentID{
		Scope: scope,
		Name:  fmt.Sprintf("5ec0ffee-0002-4000-8000-%012d", n+1),
	}, armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{
		DisplayName: "Two owners", Effect: armsecops.EffectAttest,
		AttestationData: armsecops.AttestationData{ComplianceState: armsecops.AttestationComplianceStateCompliant, AssignedAssessment: assessment},
	}})
}
