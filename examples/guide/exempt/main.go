// This program exempts a virtual machine from two recommendations of Defender for
// Cloud for 90 days, lists the exemptions of the machine, renews those that end soon,
// and deletes the two.
package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log"
	"slices"
	"strings"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/google/uuid"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

const (
	subscription     = "20ff7fc3-e762-44dd-bd96-b71116dcdc23"
	scope            = "/subscriptions/" + subscription
	machine          = scope + "/resourceGroups/test/providers/Microsoft.Compute/virtualMachines/build"
	policyAssignment = scope + "/providers/Microsoft.Authorization/policyAssignments/SecurityCenterBuiltIn"
)

func main() {
	// For Azure, with ids of your own above, change the next two lines: the credential
	// is that of azidentity.NewDefaultAzureCredential(nil), and there is no Transport.
	credential, options := &azfake.TokenCredential{}, &armsecops.ClientOptions{}
	options.Transport = newTenant()
	factory, err := armsecops.NewClientFactory(credential, options)
	if err != nil {
		log.Fatal(err)
	}
	if err := run(context.Background(), factory, time.Now()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, factory *armsecops.ClientFactory, now time.Time) error {
	expires := now.AddDate(0, 0, 90)
	ports, portsErr := exempt(ctx, factory, "Management ports should be closed", expires, policyAssignment, "closePorts")
	disks, disksErr := exempt(ctx, factory, "Disks should be encrypted", expires, "")
	if err := errors.Join(portsErr, disksErr); err != nil {
		return err
	}
	client := factory.NewExemptionsClient()
	soon := &armsecops.ExemptionsClientListAcrossSubscriptionsOptions{ExpiresBefore: now.AddDate(0, 0, 100)}
	found, err := exemptionsOf(machine, client.ListAcrossSubscriptions(ctx, []string{subscription}, soon))
	if err != nil {
		return err
	}
	for _, exemption := range found {
		fmt.Printf("%q ends on %s\n", exemption.DisplayName, exemption.ExpiresOn.Format(time.DateOnly))
	}
	if err := renew(ctx, client, found, now, now.AddDate(0, 0, 180)); err != nil {
		return err
	}
	for _, id := range []string{ports, disks} {
		if _, err := client.Delete(ctx, id, nil); err != nil {
			return err
		}
	}
	return nil
}

// exempt exempts the machine from a recommendation, in the place where that is
// exempted, and returns the id of the exemption. The policy assignment and the
// reference ids are those of a recommendation that a policy turns on.
func exempt(ctx context.Context, factory *armsecops.ClientFactory, displayName string, expires time.Time, policyAssignmentID string, referenceIDs ...string) (id string, err error) {
	recommendation, err := find(ctx, factory.NewAssessmentsMetadataClient(), displayName)
	if err != nil {
		return "", err
	}
	kind := recommendation.Properties.ExemptedBy()
	fmt.Printf("%q is exempted by %s\n", displayName, kind)
	name := uuid.NewSHA1(uuid.NameSpaceURL, []byte(strings.ToLower(machine+policyAssignmentID)+recommendation.Name)).String() // the same in a second run
	if kind == armsecops.ExemptionKindPolicyExemption {
		if len(referenceIDs) == 0 {
			return "", fmt.Errorf("%q has no reference ids: without them, the whole policy assignment is exempted from", displayName)
		}
		created, err := factory.NewPolicyExemptionsClient().CreateOrUpdate(ctx, machine, name, armsecops.PolicyExemption{Properties: armsecops.PolicyExemptionProperties{
			DisplayName: displayName, ExemptionCategory: armsecops.ExemptionCategoryWaiver, ExpiresOn: expires,
			PolicyAssignmentID: policyAssignmentID, PolicyDefinitionReferenceIDs: referenceIDs,
		}}, nil)
		return created.ID, err
	}
	standardID, err := standardOf(ctx, factory.NewSecurityStandardsClient(), recommendation.Name)
	if err != nil {
		return "", err
	}
	created, err := factory.NewStandardAssignmentsClient().CreateOrUpdate(ctx, machine, name, armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{
		DisplayName: displayName, Effect: armsecops.EffectExempt, ExpiresOn: expires,
		AssignedStandard: armsecops.AssignedStandardItem{ID: standardID}, ExemptionData: armsecops.ExemptionData{
			ExemptionCategory: armsecops.ExemptionCategoryWaiver, AssignedAssessment: armsecops.AssignedAssessmentItem{AssessmentKey: recommendation.Name},
		},
	}}, nil)
	return created.ID, err
}

// find returns a recommendation of the subscription, Microsoft's or its own.
func find(ctx context.Context, client *armsecops.AssessmentsMetadataClient, displayName string) (armsecops.AssessmentMetadata, error) {
	for recommendation, err := range client.NewListBySubscriptionPager(subscription, nil).All(ctx) {
		if err != nil || recommendation.Properties.DisplayName == displayName {
			return recommendation, err
		}
	}
	return armsecops.AssessmentMetadata{}, fmt.Errorf("no recommendation is called %q", displayName)
}

// standardOf returns the id of a standard of the subscription that has a recommendation.
func standardOf(ctx context.Context, client *armsecops.SecurityStandardsClient, key string) (string, error) {
	has := func(a armsecops.PartialAssessmentProperties) bool { return strings.EqualFold(a.AssessmentKey, key) }
	for standard, err := range client.NewListPager(scope, nil).All(ctx) {
		if err != nil || slices.ContainsFunc(standard.Properties.Assessments, has) {
			return standard.ID, err
		}
	}
	return "", fmt.Errorf("no standard of %s has the recommendation %s", scope, key)
}

// exemptionsOf returns the exemptions of a resource that a listing has; all if it is empty.
func exemptionsOf(resourceID string, listing iter.Seq2[armsecops.Exemption, error]) (found []armsecops.Exemption, err error) {
	for exemption, err := range listing {
		if err != nil {
			return nil, err
		}
		if resourceID == "" || strings.EqualFold(exemption.Scope, resourceID) {
			found = append(found, exemption)
		}
	}
	return found, nil
}

// renew lets the exemptions that are in force end later. One that can't be renewed
// doesn't keep the others from it.
func renew(ctx context.Context, client *armsecops.ExemptionsClient, exemptions []armsecops.Exemption, now, later time.Time) error {
	var errs []error
	for _, exemption := range exemptions {
		if exemption.ExpiresBefore(now) { // one that has ended must not come back
			continue
		}
		renewed, err := client.Renew(ctx, exemption.ID, later, nil)
		if err == nil {
			fmt.Printf("%q is renewed until %s\n", renewed.DisplayName, renewed.ExpiresOn.Format(time.DateOnly))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// newTenant returns a tenant in memory: a recommendation that a policy turns on, and one of a standard.
func newTenant() *fake.Server {
	const ports, disks = "bc303248-3d14-44c2-96a0-55f5c326b5fe", "d57a4221-a804-52ca-3dea-768284f06bb7"
	server := fake.NewServer(&fake.ServerOptions{Strict: true}) // refuses a resource without what is required
	server.AddResourceGroup(subscription, "test")
	server.Put(armsecops.AssessmentMetadataID{Name: ports}, armsecops.AssessmentMetadata{Properties: armsecops.AssessmentMetadataProperties{
		DisplayName: "Management ports should be closed", PolicyDefinitionID: "/providers/Microsoft.Authorization/policyDefinitions/22730e10-96f6-4aac-ad84-9383d35b5917",
	}})
	server.Put(armsecops.AssessmentMetadataID{Name: disks}, armsecops.AssessmentMetadata{Properties: armsecops.AssessmentMetadataProperties{DisplayName: "Disks should be encrypted"}})
	server.Put(armsecops.SecurityStandardID{Scope: scope, Name: "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"}, armsecops.SecurityStandard{
		Properties: armsecops.SecurityStandardProperties{Assessments: []armsecops.PartialAssessmentProperties{{AssessmentKey: disks}}},
	})
	return server
}
