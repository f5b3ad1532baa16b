package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

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

// failures are the responses to all requests below some of the subscriptions.
var failures = map[string]fake.Fault{
	tenantSubscription(7): {
		StatusCode: http.StatusForbidden,
		Body:       `{"error":{"code":"AuthorizationFailed","message":"The client does not have authorization to perform the action over scope '/subscriptions/` + tenantSubscription(7) + `'."}}`,
	},
	tenantSubscription(19): {
		StatusCode: http.StatusNotFound,
		Body:       `{"error":{"code":"SubscriptionNotFound","message":"The subscription '` + tenantSubscription(19) + `' could not be found."}}`,
	},
	tenantSubscription(33): {
		StatusCode: http.StatusTooManyRequests,
		Body:       `{"error":{"code":"SubscriptionRequestsThrottled","message":"Too many requests."}}`,
		RetryAfter: time.Hour,
	},
}

// managementGroups is what the resource ids of management groups begin with.
const managementGroups = "/providers/Microsoft.Management/managementGroups/"

// newTenant returns a tenant in memory: exemptions of all kinds, in some of its
// subscriptions and in a management group above them, and subscriptions that fail.
func newTenant(today time.Time) *fake.Server {
	id := 0
	t := fake.NewServer(&fake.ServerOptions{
		PageSize: 5,
		Strict:   true, // a subscription that isn't among them is an error, as in Azure
		Now:      func() time.Time { return today },
		NewID:    func() string { id++; return fmt.Sprint(id) },
	})
	for i, r := range recommendations {
		id := armsecops.AssessmentMetadataID{Name: r.key}
		if i == len(recommendations)-1 {
			id.SubscriptionID = tenantSubscription(20)
		}
		t.Put(id, armsecops.AssessmentMetadata{Properties: armsecops.AssessmentMetadataProperties{DisplayName: r.name}})
	}
	group := managementGroups + "platform"
	putPolicyExemption(t, group, 0, today.AddDate(0, 1, 0))
	putStandardAssignment(t, group, 0, "", recommendations[1].key, time.Time{})
	for n := 1; n <= tenantSubscriptions; n++ {
		subscription := "/subscriptions/" + tenantSubscription(n)
		if fault, fails := failures[tenantSubscription(n)]; fails {
			fault.Always = true
			fault.Match = func(r fake.Request) bool { return strings.HasPrefix(strings.ToLower(r.URL.Path), subscription+"/") }
			t.Inject(fault)
			continue // which has nothing that a caller may read
		}
		t.AddResourceGroup(tenantSubscription(n), "lab")
		expires := today.AddDate(0, 0, 7*n-20)
		switch n % 8 {
		case 1:
			putAssignment(t, n, "Test systems", "waiver", expires)
		case 2:
			putAssignment(t, n, "-1 day of grace", "mitigated", time.Time{})
		case 3:
			putPolicyExemption(t, subscription+"/resourceGroups/lab", n, expires)
		case 4:
			machine := subscription + "/resourceGroups/lab/providers/Microsoft.Compute/virtualMachines/"
			putStandardAssignment(t, machine+fmt.Sprintf("build-%02d", n), n, "lea@contoso.example", recommendations[n/4%3].key, expires)
		case 5:
			putStandardAssignment(t, subscription, n, "", "00000000-0000-0000-0000-000000000000", expires)
			putAttestation(t, subscription, n)
		}
	}
	return t
}

func putAssignment(t *fake.Server, n int, displayName string, category armsecops.ExemptionCategory, expires time.Time) {
	t.Put(armsecops.AssignmentID{SubscriptionID: tenantSubscription(n), ResourceGroupName: "security", Name: "exemption-1"},
		armsecops.Assignment{Properties: armsecops.AssignmentProperties{
			DisplayName: displayName, Effect: armsecops.EffectExempt, ExpiresOn: expires, Scope: "/subscriptions/" + tenantSubscription(n),
			AdditionalData:   armsecops.AdditionalData{ExemptionCategory: category},
			AssignedStandard: armsecops.AssignedStandardItem{ID: "/providers/Microsoft.Security/Standards/iso27001"},
		}})
}

func putPolicyExemption(t *fake.Server, scope string, n int, expires time.Time) {
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

func putStandardAssignment(t *fake.Server, scope string, n int, by, key string, expires time.Time) {
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
func putAttestation(t *fake.Server, scope string, n int) {
	t.Put(armsecops.StandardAssignmentID{Scope: scope, Name: fmt.Sprintf("5ec0ffee-0002-4000-8000-%012d", n)},
		armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{
			DisplayName: "Two owners", Effect: armsecops.EffectAttest,
			AttestationData: armsecops.AttestationData{
				ComplianceState:    armsecops.AttestationComplianceStateCompliant,
				AssignedAssessment: armsecops.AssignedAssessmentItem{AssessmentKey: recommendations[0].key},
			},
		}})
}
