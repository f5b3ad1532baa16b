package armsecops_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

// samples returns a server with the samples of the REST documentation.
func samples() *fake.Server { return fake.NewServer(&fake.ServerOptions{Samples: true}) }

// exemptionsFactory returns a factory of clients of a server in memory. In a program, the
// credential is one of azidentity's, and the options may be nil.
func exemptionsFactory(server *fake.Server) *armsecops.ClientFactory {
	factory, _ := armsecops.NewClientFactory(&azfake.TokenCredential{}, server.ClientOptions()) // which are valid
	return factory
}

// A machine is exempted from a recommendation where that is exempted, which is listed,
// renewed and deleted.
func Example_exempt() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	factory := exemptionsFactory(samples())
	recommendation, err := factory.NewAssessmentsMetadataClient().Get(ctx, "21300918-b2e3-0346-785f-c77ff57d243b", nil)
	if err != nil {
		log.Fatal(err)
	}
	client := factory.NewExemptionsClient()
	scope := "/subscriptions/20ff7fc3-e762-44dd-bd96-b71116dcdc23/resourceGroups/web/providers/Microsoft.Compute/virtualMachineScaleSets/web"
	created, err := client.CreateOrUpdate(ctx, scope, "SEC-1042", armsecops.Exemption{
		Kind:                         recommendation.Properties.ExemptedBy(), // by a policy: of a standard, it takes other fields
		DisplayName:                  recommendation.Properties.DisplayName,
		PolicyAssignmentID:           "/subscriptions/20ff7fc3-e762-44dd-bd96-b71116dcdc23/providers/Microsoft.Authorization/policyAssignments/SecurityCenterBuiltIn",
		PolicyDefinitionReferenceIDs: []string{"vmssEndpointProtectionMonitoring"}, // of the recommendation's policy
		Category:                     armsecops.ExemptionCategoryWaiver,
		ExpiresOn:                    time.Now().AddDate(0, 0, 90),
	}, &armsecops.ExemptionsClientCreateOrUpdateOptions{RefuseExisting: true}) // what has the name is ErrExists
	if err != nil {
		log.Fatal(err)
	}
	for exemption, err := range client.NewListPager(&armsecops.ExemptionsClientListOptions{Kinds: []armsecops.ExemptionKind{armsecops.ExemptionKindPolicyExemption}}).All(ctx) { // on Azure, minutes later
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(exemption.DisplayName)
	}
	renewed, err := client.Renew(ctx, created.ID, time.Now().AddDate(1, 0, 0), nil)
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Delete(ctx, renewed.ID, nil)
	fmt.Println(err)
	// Output:
	// Install endpoint protection solution on virtual machine scale sets
	// Exempt demo cluster
	// <nil>
}

// What is exempt and until when: the exemptions that end before 2027, or have ended, from
// all three places.
func ExampleExemptionsClient_NewListPager() {
	server := fake.NewServer(nil)
	server.Put(armsecops.PolicyExemptionID{Scope: "/providers/Microsoft.Management/managementGroups/contoso", Name: "legacy"},
		armsecops.PolicyExemption{Properties: armsecops.PolicyExemptionProperties{
			PolicyAssignmentID: "/providers/Microsoft.Management/managementGroups/contoso/providers/Microsoft.Authorization/policyAssignments/baseline",
			ExemptionCategory:  armsecops.ExemptionCategoryWaiver,
			ExpiresOn:          time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC),
		}})
	server.Put(armsecops.StandardAssignmentID{
		Scope: "/subscriptions/20ff7fc3-e762-44dd-bd96-b71116dcdc23/resourceGroups/web", Name: "1f3afdf9-d0c9-4c3d-847f-89da613e70a8",
	}, armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{
		Effect:    armsecops.EffectExempt,
		ExpiresOn: time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC),
	}})
	pager := exemptionsFactory(server).NewExemptionsClient().NewListPager(&armsecops.ExemptionsClientListOptions{
		ExpiresBefore: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
	})
	for exemption, err := range pager.All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(exemption.Scope, exemption.ExpiresOn.Format(time.DateOnly))
	}
	// Output:
	// /providers/Microsoft.Management/managementGroups/contoso 2026-12-24
	// /subscriptions/20ff7fc3-e762-44dd-bd96-b71116dcdc23/resourceGroups/web 2026-12-31
}

// What ends within 30 days, where an index that is minutes old won't do: each subscription
// is requested.
func ExampleExemptionsClient_ListAcrossSubscriptions() {
	server := fake.NewServer(nil)
	server.Put(armsecops.StandardAssignmentID{Scope: "/subscriptions/20ff7fc3-e762-44dd-bd96-b71116dcdc23/resourceGroups/web", Name: "9f2f7a44-3f0f-4a1b-9f63-3a5c8f2f4b10"},
		armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{
			DisplayName: "Test systems", Effect: armsecops.EffectExempt, ExpiresOn: time.Now().AddDate(0, 0, 7),
		}})
	server.Inject(fake.Fault{Operation: "PolicyExemptionsClient.NewListPager", StatusCode: http.StatusForbidden})
	client := exemptionsFactory(server).NewExemptionsClient()
	options := &armsecops.ExemptionsClientListAcrossSubscriptionsOptions{ExpiresBefore: time.Now().AddDate(0, 0, 30)}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for exemption, err := range client.ListAcrossSubscriptions(ctx, []string{"20ff7fc3-e762-44dd-bd96-b71116dcdc23"}, options) {
		if failed, ok := errors.AsType[*armsecops.SubscriptionError](err); ok { // for one of the three kinds
			fmt.Println("left out:", failed.SubscriptionID, failed.Kind, errors.Is(err, armsecops.ErrForbidden))
		} else if err != nil { // the last one: what came before it is valid
			fmt.Println("incomplete:", err)
		} else if !exemption.ExpiresBefore(time.Now()) { // which has ended
			fmt.Println(exemption.Kind, exemption.DisplayName)
		}
	}
	// Output:
	// left out: 20ff7fc3-e762-44dd-bd96-b71116dcdc23 Microsoft.Authorization/policyExemptions true
	// Microsoft.Security/standardAssignments Test systems
}

const exampleCluster = "/subscriptions/ae640e6b-ba3e-4256-9d62-2993eecfa6f2/resourceGroups/demoCluster"

// examplePolicyExemptions returns a client with one exemption, which has a member of
// a newer api-version.
func examplePolicyExemptions() *armsecops.PolicyExemptionsClient {
	client := exemptionsFactory(samples()).NewPolicyExemptionsClient()
	_, err := client.CreateOrUpdate(context.Background(), exampleCluster, "DemoExpensiveVM", armsecops.PolicyExemption{
		Properties: armsecops.PolicyExemptionProperties{
			PolicyAssignmentID: "/subscriptions/ae640e6b-ba3e-4256-9d62-2993eecfa6f2/providers/Microsoft.Authorization/policyAssignments/CostManagement",
			ExemptionCategory:  armsecops.ExemptionCategoryWaiver,
			ExpiresOn:          time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC),
			AdditionalProperties: map[string]json.RawMessage{
				"exemptionManagementMode": json.RawMessage(`"UserManaged"`),
			},
		},
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	return client
}

func ExampleExemptionsClient_Get() {
	exemption, err := exemptionsFactory(samples()).NewExemptionsClient().Get(context.Background(), "/providers/Microsoft.Management/managementGroups/contoso/providers/Microsoft.Security/standardAssignments/1f3afdf9-d0c9-4c3d-847f-89da613e70a8", nil)
	fmt.Println(exemption.DisplayName, exemption.Category, exemption.ExpiresOn.Format(time.DateOnly), err)
	// Output: Test exemption waiver 2022-05-01 <nil>
}

// Kind says where: that of a recommendation is its ExemptedBy. A UUID is a name for either.
// What has the name already stays as it is.
func ExampleExemptionsClient_CreateOrUpdate() {
	client := exemptionsFactory(samples()).NewExemptionsClient()
	scope := "/subscriptions/20ff7fc3-e762-44dd-bd96-b71116dcdc23/resourceGroups/test/providers/Microsoft.Compute/virtualMachines/build"
	byPolicy := armsecops.Exemption{
		Kind:                         armsecops.ExemptionKindPolicyExemption,
		PolicyAssignmentID:           "/subscriptions/20ff7fc3-e762-44dd-bd96-b71116dcdc23/providers/Microsoft.Authorization/policyAssignments/SecurityCenterBuiltIn",
		PolicyDefinitionReferenceIDs: []string{"diskEncryptionMonitoring"}, // of the recommendation's policy
	}
	byStandard := armsecops.Exemption{
		Kind:           armsecops.ExemptionKindStandardAssignment,
		AssessmentKeys: []string{"1195afff-c881-495e-9bc5-1486211ae03f"},
		StandardID:     "/providers/Microsoft.Management/managementGroups/contoso/providers/Microsoft.Security/securityStandards/1f3afdf9-d0c9-4c3d-847f-89da613e70a8",
	}
	options := &armsecops.ExemptionsClientCreateOrUpdateOptions{RefuseExisting: true}
	for _, exemption := range []armsecops.Exemption{byPolicy, byStandard, byPolicy} {
		exemption.Description, exemption.Category = "SEC-1042: accepted until it is shut down", armsecops.ExemptionCategoryWaiver
		exemption.ExpiresOn = time.Now().AddDate(1, 0, 0)
		created, err := client.CreateOrUpdate(context.Background(), scope, "7c1f4b0e-5a43-4c0e-9d3a-2b8f6f0a9d11", exemption, options)
		if err != nil && !errors.Is(err, armsecops.ErrExists) {
			log.Fatal(err)
		}
		// If it exists, it may be from something else, or have ended.
		fmt.Println(created.Kind, err != nil, created.ExemptsSame(exemption), created.ExpiresBefore(time.Now()))
	}
	// Output:
	// Microsoft.Authorization/policyExemptions false true false
	// Microsoft.Security/standardAssignments false true false
	// Microsoft.Authorization/policyExemptions true true false
}

// The id is one of any place, such as the ID of what NewListPager yields. One that ends
// later already, or has ended, is left as it is.
func ExampleExemptionsClient_Renew() {
	server, id := samples(), armsecops.PolicyExemptionID{Scope: exampleCluster, Name: "SEC-1042"}
	server.Put(id, armsecops.PolicyExemption{Properties: armsecops.PolicyExemptionProperties{DisplayName: "Build machine", ExpiresOn: time.Now().AddDate(0, 0, 7)}})
	client := exemptionsFactory(server).NewExemptionsClient()
	for _, days := range []int{90, 30} {
		options := &armsecops.ExemptionsClientRenewOptions{Description: "SEC-1043: approved by the owner"}
		exemption, err := client.Renew(context.Background(), id.String(), time.Now().AddDate(0, 0, days), options)
		if errors.Is(err, armsecops.ErrNotRenewed) {
			fmt.Println("left as it is:", exemption.DisplayName)
		} else if err != nil {
			log.Fatal(err)
		} else {
			fmt.Println("renewed:", exemption.DisplayName)
		}
	}
	// Output:
	// renewed: Build machine
	// left as it is: Build machine
}

func ExampleExemptionsClient_Delete() {
	client := exemptionsFactory(samples()).NewExemptionsClient()
	_, err := client.Delete(context.Background(), "/providers/Microsoft.Management/managementGroups/contoso/providers/Microsoft.Security/standardAssignments/1f3afdf9-d0c9-4c3d-847f-89da613e70a8", nil)
	fmt.Println(err)
	// Output: <nil>
}

// An exemption from a recommendation names the policy assignment, and the reference id
// of the recommendation's policy in the initiative: without one, it is from all policies.
func ExamplePolicyExemptionsClient_CreateOrUpdate() {
	client := exemptionsFactory(samples()).NewPolicyExemptionsClient()
	exemption, err := client.CreateOrUpdate(context.Background(), "/subscriptions/ae640e6b-ba3e-4256-9d62-2993eecfa6f2/resourceGroups/demoCluster", "disk-encryption", armsecops.PolicyExemption{
		Properties: armsecops.PolicyExemptionProperties{
			DisplayName:                  "Encrypted at the host",
			PolicyAssignmentID:           "/subscriptions/ae640e6b-ba3e-4256-9d62-2993eecfa6f2/providers/Microsoft.Authorization/policyAssignments/SecurityCenterBuiltIn",
			PolicyDefinitionReferenceIDs: []string{"diskEncryptionMonitoring"},
			ExemptionCategory:            armsecops.ExemptionCategoryMitigated,
			ExpiresOn:                    time.Now().AddDate(0, 0, 90),
		},
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(exemption.Name, exemption.Properties.ExemptionCategory)
	// Output: disk-encryption Mitigated
}

func ExamplePolicyExemptionsClient_Get() {
	client := examplePolicyExemptions()
	exemption, err := client.Get(context.Background(), "/subscriptions/ae640e6b-ba3e-4256-9d62-2993eecfa6f2/resourceGroups/demoCluster", "DemoExpensiveVM", nil)
	p := exemption.Properties
	fmt.Println(p.ExemptionCategory.Is(armsecops.ExemptionCategoryWaiver), p.ExpiresOn.Format(time.DateOnly), err)
	// Output: true 2026-12-31 <nil>
}

// Update changes the resource selectors alone.
func ExamplePolicyExemptionsClient_Update() {
	client := examplePolicyExemptions()
	exemption, err := client.Update(context.Background(), "/subscriptions/ae640e6b-ba3e-4256-9d62-2993eecfa6f2/resourceGroups/demoCluster", "DemoExpensiveVM", armsecops.PolicyExemptionUpdate{
		Properties: armsecops.PolicyExemptionUpdateProperties{
			ResourceSelectors: []armsecops.PolicyResourceSelector{{
				Name:      "SDPRegions",
				Selectors: []armsecops.PolicySelector{{Kind: armsecops.PolicySelectorKindResourceLocation, In: []string{"eastus2euap"}}},
			}},
		},
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(exemption.Properties.ResourceSelectors[0].Name, exemption.Properties.ExpiresOn.Format(time.DateOnly))
	// Output: SDPRegions 2026-12-31
}

func ExamplePolicyExemptionsClient_Delete() {
	client := examplePolicyExemptions()
	_, err := client.Delete(context.Background(), "/subscriptions/ae640e6b-ba3e-4256-9d62-2993eecfa6f2/resourceGroups/demoCluster", "DemoExpensiveVM", nil)
	fmt.Println(err)
	// Output: <nil>
}

// The filter leaves out what the scope inherits and what is below it.
func ExamplePolicyExemptionsClient_NewListPager() {
	client := examplePolicyExemptions()
	options := &armsecops.PolicyExemptionsClientListOptions{Filter: "atExactScope()"}
	for exemption, err := range client.NewListPager("/subscriptions/ae640e6b-ba3e-4256-9d62-2993eecfa6f2/resourceGroups/demoCluster", options).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(exemption.Name)
	}
	// Output: DemoExpensiveVM
}

// With IncludeInherited, the rows have the exemptions of management groups above the
// subscription, too.
func ExamplePolicyExemptionsClient_NewResourceGraphPager() {
	client := examplePolicyExemptions()
	options := &armsecops.ResourceGraphOptions{
		SubscriptionIDs:  []string{"ae640e6b-ba3e-4256-9d62-2993eecfa6f2"},
		IncludeInherited: true,
	}
	for exemption, err := range client.NewResourceGraphPager(options).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(exemption.Name, exemption.ResourceGroupName())
	}
	// Output: DemoExpensiveVM demoCluster
}

// A subscription that fails doesn't keep the others from being listed.
func ExamplePolicyExemptionsClient_ListAcrossSubscriptions() {
	client := examplePolicyExemptions()
	for exemption, err := range client.ListAcrossSubscriptions(context.Background(), []string{"ae640e6b-ba3e-4256-9d62-2993eecfa6f2"}, nil) {
		if failed, ok := errors.AsType[*armsecops.SubscriptionError](err); ok {
			fmt.Println("left out:", failed)
		} else if err != nil { // which concerns all subscriptions
			log.Fatal(err)
		} else {
			fmt.Println(exemption.Name)
		}
	}
	// Output: DemoExpensiveVM
}

func ExampleStandardAssignmentsClient_Get() {
	client := exemptionsFactory(samples()).NewStandardAssignmentsClient()
	scope := "/providers/Microsoft.Management/managementGroups/contoso"
	exemption, err := client.Get(context.Background(), scope, "1f3afdf9-d0c9-4c3d-847f-89da613e70a8", nil)
	p := exemption.Properties
	fmt.Println(p.DisplayName, p.Effect, p.ExemptionData.ExemptionCategory, p.ExpiresOn, err)
	// Output: Test exemption Exempt waiver 2022-05-01 19:50:47.083633 +0000 UTC <nil>
}

// One CVE is exempt, the other findings of the recommendation aren't.
func ExampleStandardAssignmentsClient_CreateOrUpdate_oneCVE() {
	client := exemptionsFactory(samples()).NewStandardAssignmentsClient()
	scope := "/subscriptions/212f9889-769e-45ae-ab43-6da33674bd26"
	exemption, err := client.CreateOrUpdate(context.Background(), scope, "3f1f6f3e-0a51-4a0c-8f55-0c9f8f5f2a10", armsecops.StandardAssignment{
		Properties: armsecops.StandardAssignmentProperties{
			DisplayName: "CVE-2020-1347 is mitigated by the gateway",
			Effect:      armsecops.EffectExempt,
			ExemptionData: armsecops.ExemptionData{
				ExemptionCategory:  armsecops.ExemptionCategoryMitigated,
				AssignedAssessment: armsecops.AssignedAssessmentItem{AssessmentKey: "122e0164-4019-4126-8c64-b0816b49505f"},
				SubAssessmentExemptionRule: armsecops.SubAssessmentExemptionRule{If: armsecops.SubAssessmentCondition{
					AllOf: []armsecops.SubAssessmentCondition{{
						Field: "va.cve.cveId", OperationType: "ContainedInOperation",
						Operation: armsecops.SubAssessmentOperation{Values: []armsecops.SubAssessmentValue{{Title: "CVE-2020-1347"}}},
					}},
				}},
			},
		},
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(exemption.Properties.ExemptionData.SubAssessmentExemptionRule.If.AllOf[0].Operation.Values[0].Title)
	// Output: CVE-2020-1347
}

// A standard is assigned to a scope by the effect Audit: its recommendations assess
// what is in the scope.
func ExampleStandardAssignmentsClient_CreateOrUpdate_audit() {
	client := exemptionsFactory(samples()).NewStandardAssignmentsClient()
	scope := "/subscriptions/212f9889-769e-45ae-ab43-6da33674bd26"
	audit, err := client.CreateOrUpdate(context.Background(), scope, "9f2f7a44-3f0f-4a1b-9f63-3a5c8f2f4b10", armsecops.StandardAssignment{
		Properties: armsecops.StandardAssignmentProperties{
			DisplayName:      "Our baseline",
			Effect:           armsecops.EffectAudit,
			AssignedStandard: armsecops.AssignedStandardItem{ID: "/providers/Microsoft.Management/managementGroups/contoso/providers/Microsoft.Security/securityStandards/1f3afdf9-d0c9-4c3d-847f-89da613e70a8"},
		},
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(audit.Properties.Effect)
	// Output: Audit
}

// An attestation says that a recommendation is complied with, and why. It ends like
// an exemption, but ExemptionsClient doesn't renew it: get it, change it and put it back.
func ExampleStandardAssignmentsClient_CreateOrUpdate_attestation() {
	client := exemptionsFactory(samples()).NewStandardAssignmentsClient()
	ctx, scope, name := context.Background(), "/subscriptions/212f9889-769e-45ae-ab43-6da33674bd26", "0d5b0c2e-6a53-4b2c-8b7f-5a1e0f8c7d20"
	attestation, err := client.CreateOrUpdate(ctx, scope, name, armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{
		DisplayName:      "Reviewed by hand",
		Effect:           armsecops.EffectAttest,
		AssignedStandard: armsecops.AssignedStandardItem{ID: "/providers/Microsoft.Management/managementGroups/contoso/providers/Microsoft.Security/securityStandards/1f3afdf9-d0c9-4c3d-847f-89da613e70a8"},
		AttestationData: armsecops.AttestationData{
			ComplianceState:    armsecops.AttestationComplianceStateCompliant,
			AssignedAssessment: armsecops.AssignedAssessmentItem{AssessmentKey: "1195afff-c881-495e-9bc5-1486211ae03f"},
			Evidence:           []armsecops.AttestationEvidence{{Description: "Report of the review", SourceURL: "https://contoso.example/reports/7"}},
		},
		ExpiresOn: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
	}}, nil)
	if err != nil {
		log.Fatal(err)
	}
	attestation.Properties.ExpiresOn = attestation.Properties.ExpiresOn.AddDate(1, 0, 0)
	renewed, err := client.CreateOrUpdate(ctx, scope, name, attestation.StandardAssignment, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(renewed.Properties.AttestationData.ComplianceState, renewed.Properties.ExpiresOn.Format(time.DateOnly))
	// Output: compliant 2031-01-01
}

// An exemption moves to another scope, with members that this version doesn't know:
// Template leaves out what identifies it.
func ExampleResource_Template() {
	client := exemptionsFactory(samples()).NewStandardAssignmentsClient()
	ctx := context.Background()
	from, to := "/providers/Microsoft.Management/managementGroups/contoso", "/subscriptions/212f9889-769e-45ae-ab43-6da33674bd26"
	exemption, err := client.Get(ctx, from, "1f3afdf9-d0c9-4c3d-847f-89da613e70a8", nil)
	if err != nil {
		log.Fatal(err)
	}
	moved, err := client.CreateOrUpdate(ctx, to, exemption.Name, exemption.Template(), nil)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.Delete(ctx, from, exemption.Name, nil); err != nil {
		log.Fatal(err)
	}
	fmt.Println(moved.ID)
	// Output: /subscriptions/212f9889-769e-45ae-ab43-6da33674bd26/providers/Microsoft.Security/standardAssignments/1f3afdf9-d0c9-4c3d-847f-89da613e70a8
}

func ExampleStandardAssignmentsClient_Delete() {
	scope := "/providers/Microsoft.Management/managementGroups/contoso"
	_, err := exemptionsFactory(samples()).NewStandardAssignmentsClient().Delete(context.Background(), scope, "1f3afdf9-d0c9-4c3d-847f-89da613e70a8", nil)
	fmt.Println(err)
	// Output: <nil>
}

func ExampleStandardAssignmentsClient_NewListPager() {
	client := exemptionsFactory(samples()).NewStandardAssignmentsClient()
	connector := "/subscriptions/20ff7fc3-e762-44dd-bd96-b71116dcdc23/resourceGroups/gcpResourceGroup" +
		"/providers/Microsoft.Security/securityConnectors/gcpconnector"
	for standard, err := range client.NewListPager(connector, nil).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(standard.Properties.Effect, standard.Properties.DisplayName)
	}
	// Output:
	// Audit ASC Default
	// Exempt Test exemption
}

// Page by page, with how far it has come.
func ExampleStandardAssignmentsClient_NewResourceGraphPager() {
	client := exemptionsFactory(samples()).NewStandardAssignmentsClient()
	rows := 0
	for page, err := range client.NewResourceGraphPager(nil).Pages(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		var total int
		if err := json.Unmarshal(page.AdditionalProperties["totalRecords"], &total); err != nil {
			log.Fatal(err)
		}
		rows += len(page.Value)
		fmt.Println(rows, "of", total)
	}
	// Output: 3 of 3
}

// A listing that ended early, here by MaxPages, resumes from the tokens that it had got
// to: in another process, if the program keeps them.
func ExampleStandardAssignmentsClient_ListAcrossSubscriptions() {
	const subscription = "212f9889-769e-45ae-ab43-6da33674bd26"
	server := fake.NewServer(&fake.ServerOptions{PageSize: 1})
	for _, name := range []string{"0d5b0c2e-6a53-4b2c-8b7f-5a1e0f8c7d20", "9f2f7a44-3f0f-4a1b-9f63-3a5c8f2f4b10"} {
		server.Put(armsecops.StandardAssignmentID{Scope: "/subscriptions/" + subscription, Name: name}, armsecops.StandardAssignment{})
	}
	client := exemptionsFactory(server).NewStandardAssignmentsClient()
	tokens := map[string]string{} // by subscription; "" for one that is finished
	options := &armsecops.ListAcrossSubscriptionsOptions{
		MaxPages: 1,
		Progress: func(subscriptionID, continuationToken string) { tokens[subscriptionID] = continuationToken },
	}
	for range 2 {
		options.ContinuationTokens = tokens
		for assignment, err := range client.ListAcrossSubscriptions(context.Background(), []string{subscription}, options) {
			if err != nil { // a *SubscriptionError, or what concerns all subscriptions
				log.Print(err)
				continue
			}
			fmt.Println(assignment.Name)
		}
	}
	fmt.Printf("%q\n", tokens[subscription])
	// Output:
	// 0d5b0c2e-6a53-4b2c-8b7f-5a1e0f8c7d20
	// 9f2f7a44-3f0f-4a1b-9f63-3a5c8f2f4b10
	// ""
}

func ExampleSecurityStandardsClient_ListAcrossSubscriptions() {
	server, scope := fake.NewServer(nil), "/subscriptions/20ff7fc3-e762-44dd-bd96-b71116dcdc23"
	server.Put(armsecops.SecurityStandardID{Scope: scope, Name: "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"}, armsecops.SecurityStandard{
		Properties: armsecops.SecurityStandardProperties{DisplayName: "Our baseline"},
	})
	client := exemptionsFactory(server).NewSecurityStandardsClient()
	for standard, err := range client.ListAcrossSubscriptions(context.Background(), []string{"20ff7fc3-e762-44dd-bd96-b71116dcdc23"}, nil) {
		if err != nil { // a *SubscriptionError, after which the others follow, or what concerns all
			log.Print(err)
			continue
		}
		fmt.Println(standard.SubscriptionID(), standard.Properties.DisplayName)
	}
	// Output: 20ff7fc3-e762-44dd-bd96-b71116dcdc23 Our baseline
}

// The names of recommendations by their keys. A built-in one comes once for each subscription.
func ExampleAssessmentsMetadataClient_ListAcrossSubscriptions() {
	client := exemptionsFactory(samples()).NewAssessmentsMetadataClient()
	subscriptionIDs := []string{"20ff7fc3-e762-44dd-bd96-b71116dcdc23", "0980887d-03d6-408c-9566-532f3456804e"}
	names := map[string]string{}
	for metadata, err := range client.ListAcrossSubscriptions(context.Background(), subscriptionIDs, nil) {
		if err != nil { // a *SubscriptionError, after which the others follow, or what concerns all
			log.Print(err)
			continue
		}
		names[metadata.Name] = metadata.Properties.DisplayName
	}
	fmt.Println(names["bc303248-3d14-44c2-96a0-55f5c326b5fe"])
	// Output: Close management ports on your virtual machines
}
