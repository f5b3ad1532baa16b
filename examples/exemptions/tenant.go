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
func (t *tenant) Do(req *http.Request) (*http.Response, error) {
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

// The recommendations that the tenant exempts from; the last one is a subscription's own.
var recommendations = []struct{ key, name string }{
	{"1195afff-c881-495e-9bc5-1486211ae03f", "Machines should have vulnerability findings resolved"},
	{"d57a4221-a804-52ca-3dea-768284f06bb7", "Disk encryption should be applied on virtual machines"},
	{"5ec0ffee-0004-4000-8000-000000000001", "Machines of the lab should be tagged"},
}

// newTenant returns a tenant with exemptions of all kinds, in some of its subscriptions
// and in a management group above them.
func newTenant(today time.Time) *tenant {
	id := 0
	t := &tenant{
		Server: fake.NewServer(&fake.ServerOptions{
			PageSize: 5,
			Now:      func() time.Time { return today },
			NewID:    func() string { id++; return fmt.Sprint(id) },
		}),
		failures: map[string]failure{
			tenantSubscription(7):  {403, "AuthorizationFailed", "The client does not have authorization to read the assignments.", ""},
			tenantSubscription(19): {404, "SubscriptionNotFound", "The subscription could not be found.", ""},
			tenantSubscription(33): {429, "SubscriptionRequestsThrottled", "Too many requests.", "3600"},
		},
	}
	for i, r := range recommendations {
		id := armsecops.AssessmentMetadataID{Name: r.key}
		if i == len(recommendations)-1 {
			id.SubscriptionID = tenantSubscription(20)
		}
		t.Put(id, armsecops.AssessmentMetadata{Properties: armsecops.AssessmentMetadataProperties{DisplayName: r.name}})
	}
	group := managementGroups + "platform"
	t.putPolicyExemption(group, 0, today.AddDate(0, 1, 0))
	t.putStandardAssignment(group, 0, "", recommendations[1].key, time.Time{})
	for n := 1; n <= tenantSubscriptions; n++ {
		subscription := "/subscriptions/" + tenantSubscription(n)
		if _, fails := t.failures[tenantSubscription(n)]; fails {
			continue // which has nothing that a caller may read
		}
		t.AddSubscription(tenantSubscription(n))
		expires := today.AddDate(0, 0, 7*n-20)
		switch n % 8 {
		case 1:
			t.putAssignment(n, "Test systems", "waiver", expires)
		case 2:
			t.putAssignment(n, "-1 day of grace", "mitigated", time.Time{})
		case 3:
			t.putPolicyExemption(subscription+"/resourceGroups/lab", n, expires)
		case 4:
			machine := subscription + "/resourceGroups/lab/providers/Microsoft.Compute/virtualMachines/"
			t.putStandardAssignment(machine+fmt.Sprintf("build-%02d", n), n, "lea@contoso.example", recommendations[n/4%3].key, expires)
		case 5:
			t.putStandardAssignment(subscription, n, "", "00000000-0000-0000-0000-000000000000", expires)
			t.putAttestation(subscription, n)
		}
	}
	return t
}

func (t *tenant) putAssignment(n int, displayName string, category armsecops.ExemptionCategory, expires time.Time) {
	t.Put(armsecops.AssignmentID{SubscriptionID: tenantSubscription(n), ResourceGroupName: "security", Name: "exemption-1"},
		armsecops.Assignment{Properties: armsecops.AssignmentProperties{
			DisplayName: displayName, Effect: armsecops.EffectExempt, ExpiresOn: expires, Scope: "/subscriptions/" + tenantSubscription(n),
			AdditionalData:   armsecops.AdditionalData{ExemptionCategory: category},
			AssignedStandard: armsecops.AssignedStandardItem{ID: "/providers/Microsoft.Security/Standards/iso27001"},
		}})
}

func (t *tenant) putPolicyExemption(scope string, n int, expires time.Time) {
	var references []string
	if n%16 == 3 {
		references = []string{"diskEncryption", "endpointProtection"}
	}
	t.Put(armsecops.PolicyExemptionID{Scope: scope, Name: fmt.Sprintf("lab-%d", n)}, armsecops.PolicyExemption{
		SystemData: armsecops.SystemData{CreatedBy: "sam@contoso.example", CreatedAt: expires.AddDate(-1, 0, 0)},
		Properties: armsecops.PolicyExemptionProperties{
			DisplayName: "The lab has no data", ExemptionCategory: "Waiver", ExpiresOn: expires,
			PolicyAssignmentID:           managementGroups + "platform/providers/Microsoft.Authorization/policyAssignments/SecurityBaseline",
			PolicyDefinitionReferenceIDs: references,
		},
	})
}

func (t *tenant) putStandardAssignment(scope string, n int, by, key string, expires time.Time) {
	t.Put(armsecops.StandardAssignmentID{Scope: scope, Name: fmt.Sprintf("5ec0ffee-0001-4000-8000-%012d", n)},
		armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{
			DisplayName: "Build machine", Description: "Rebuilt every night.", Effect: armsecops.EffectExempt, ExpiresOn: expires,
			Metadata: armsecops.StandardMetadata{CreatedBy: by},
			ExemptionData: armsecops.ExemptionData{
				ExemptionCategory:  armsecops.ExemptionCategoryWaiver,
				AssignedAssessment: armsecops.AssignedAssessmentItem{AssessmentKey: key},
			},
		}})
}

// putAttestation stores a standard assignment that isn't an exemption.
func (t *tenant) putAttestation(scope string, n int) {
	t.Put(armsecops.StandardAssignmentID{Scope: scope, Name: fmt.Sprintf("5ec0ffee-0002-4000-8000-%012d", n)},
		armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{
			DisplayName: "Two owners", Effect: armsecops.EffectAttest,
			AttestationData: armsecops.AttestationData{
				ComplianceState:    armsecops.AttestationComplianceStateCompliant,
				AssignedAssessment: armsecops.AssignedAssessmentItem{AssessmentKey: recommendations[0].key},
			},
		}})
}
