// This program exempts a virtual machine from two recommendations of Defender for Cloud,
// lists the exemptions that hold for the machine, renews the two, and deletes what it made.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"log"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/google/uuid"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

const (
	subscription         = "20ff7fc3-e762-44dd-bd96-b71116dcdc23"
	scope                = "/subscriptions/" + subscription
	resourceGroup        = "test"
	machine              = scope + "/resourceGroups/" + resourceGroup + "/providers/Microsoft.Compute/virtualMachines/build"
	portsName, disksName = "Management ports should be closed", "Disks should be encrypted"
	policyAssignment     = scope + "/providers/Microsoft.Authorization/policyAssignments/SecurityCenterBuiltIn"
	reason               = "SEC-1042: rebuilt by autumn, approved by the owner of the machine"
)

// recommendation is what is exempted from. One that a policy turns on takes a policy
// assignment and reference ids, which interop/exempting prints.
type recommendation struct {
	displayName        string // or its key, where several have the name
	policyAssignmentID string
	referenceIDs       []string // of the policy in the initiative that is assigned
}

var recommendations = []recommendation{
	{displayName: portsName, policyAssignmentID: policyAssignment, referenceIDs: []string{"closePorts"}},
	{displayName: disksName},
}

func main() {
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: exempt [-live]\nIt writes and deletes exemptions by the names in main.go: make them yours.")
		flag.PrintDefaults()
	}
	live := flag.Bool("live", false, "use Azure, after az login, instead of a tenant in memory")
	if flag.Parse(); flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "unexpected argument %q\n", flag.Arg(0))
		flag.Usage()
		os.Exit(2)
	}
	factory, err := newFactory(*live)
	if err != nil {
		log.Fatal(err)
	}
	// A pipe that is closed is an error of a write, and ends nothing halfway.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	// What nohup ignores stays ignored.
	signals := slices.DeleteFunc([]os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}, signal.Ignored)
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	context.AfterFunc(ctx, stop) // so that a second signal ends the program
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	if err := run(ctx, factory, time.Now(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// newFactory returns a factory of clients of Azure, or of a tenant in memory.
func newFactory(live bool) (*armsecops.ClientFactory, error) {
	if !live {
		return armsecops.NewClientFactory(&azfake.TokenCredential{}, newTenant().ClientOptions())
	}
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		return nil, err
	}
	return armsecops.NewClientFactory(credential, nil)
}

// run exempts the machine, or renews what exempts it already, lists what holds for it, renews
// the exemptions that it made and deletes them. What fails doesn't keep the rest from being done.
func run(ctx context.Context, factory *armsecops.ClientFactory, now time.Time, stdout io.Writer) error {
	out := bufio.NewWriter(stdout) // keeps the error of a write for Flush
	var ids, made []string         // made has those that may exist, too, and none of an earlier run
	var errs []error
	ended := false // there is no more to do but to clean up
	for i, r := range recommendations {
		id, done, err := exempt(ctx, factory, machine, r, now.AddDate(0, 0, 90))
		if done == isMade {
			made = append(made, id)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s from %q: %w", machine, r.displayName, err))
			if ended = errors.Is(err, armsecops.ErrCredential) || ctx.Err() != nil; ended {
				for _, rest := range recommendations[i+1:] {
					errs = append(errs, fmt.Errorf("%q: not begun", rest.displayName))
				}
				break
			}
			continue
		}
		if done == isMade {
			ids = append(ids, id)
		}
		fmt.Fprintf(out, "%q: %s %s\n", r.displayName, done, id)
		out.Flush() // so that a run that is killed has named it
	}
	client := factory.NewExemptionsClient()
	if !ended {
		listing := client.ListAcrossSubscriptions(ctx, []string{subscription}, nil)
		found, err := collect(listing, func(e armsecops.Exemption) bool {
			inherited := e.SubscriptionID == "" // of a management group
			return !e.ExpiresBefore(now) && (inherited || covers(e.Scope, machine))
		})
		errs = append(errs, err)
		for _, exemption := range found {
			fmt.Fprintf(out, "%q: holds for %s\n", exemption.DisplayName, exemption.Scope)
		}
		errs = append(errs, renew(ctx, client, out, now.AddDate(0, 0, 180), reason, ids...))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute) // also after an interruption
	defer cancel()
	for _, id := range made { // without this loop, they stay
		if _, err := client.Delete(ctx, id, nil); err == nil {
			fmt.Fprintf(out, "deleted %s\n", id)
		} else if !armsecops.IsMissing(err) && !armsecops.IsParentMissing(err) {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, out.Flush())...)
}

// What exempt has done.
const (
	isMade    = "exempted by" // or may be, with an error
	isRenewed = "exempted already, and renewed:"
	isLeft    = "exempted already, and stays, since it ends later:"
)

// exempt exempts a resource from a recommendation where that is exempted, and returns the id
// of the exemption and what it has done. A second run lets the exemption end later, with the
// reason as its description, and never earlier; one that has ended is ErrEnded. exemptOrRenew of
// interop/exempting reads the recommendations once for many resources.
func exempt(ctx context.Context, factory *armsecops.ClientFactory, resourceID string, r recommendation, expires time.Time) (id, done string, err error) {
	resource, err := arm.ParseResourceID(resourceID)
	if err != nil {
		return "", "", err
	}
	found, err := find(ctx, factory.NewAssessmentsMetadataClient(), resource.SubscriptionID, r.displayName)
	if err != nil {
		return "", "", err
	}
	exemption := armsecops.Exemption{
		Kind:        found.Properties.ExemptedBy(),
		DisplayName: found.Properties.DisplayName, Description: reason, Category: armsecops.ExemptionCategoryWaiver, ExpiresOn: expires,
	}
	switch {
	case found.Properties.AssessmentType.Is(armsecops.AssessmentTypeCustomPolicy):
		return "", "", fmt.Errorf("%q is a custom recommendation: Microsoft documents no exemptions from it", r.displayName)
	case exemption.Kind == armsecops.ExemptionKindStandardAssignment:
		exemption.AssessmentKeys = []string{found.Name}
		if exemption.StandardID, err = standardOf(ctx, factory.NewSecurityStandardsClient(), "/subscriptions/"+resource.SubscriptionID, found.Name); err != nil {
			return "", "", err
		}
	default:
		exemption.PolicyAssignmentID, exemption.PolicyDefinitionReferenceIDs = r.policyAssignmentID, r.referenceIDs
	}
	unique := strings.ToLower(resourceID+r.policyAssignmentID) + found.Name
	name := uuid.NewSHA1(uuid.NameSpaceURL, []byte(unique)).String() // the same in a second run
	client := factory.NewExemptionsClient()
	created, err := client.CreateOrUpdate(ctx, resourceID, name, exemption, &armsecops.ExemptionsClientCreateOrUpdateOptions{RefuseExisting: true})
	if errors.Is(err, armsecops.ErrExists) {
		exemption.StandardID = created.StandardID // whichever standard has the recommendation
		if !created.ExemptsSame(exemption) {
			return "", "", fmt.Errorf("%w, and is from something else", err)
		}
		_, err = client.Renew(ctx, created.ID, expires, &armsecops.ExemptionsClientRenewOptions{Description: reason})
		if errors.Is(err, armsecops.ErrNotRenewed) {
			return created.ID, isLeft, nil
		}
		return created.ID, isRenewed, err
	}
	if err != nil && !armsecops.MaybeCarriedOut(err) {
		return "", "", err
	}
	return created.ID, isMade, err
}

// find returns the recommendation of a display name or key. Several can have the same name.
func find(ctx context.Context, client *armsecops.AssessmentsMetadataClient, subscriptionID, displayName string) (found armsecops.AssessmentMetadata, err error) {
	for recommendation, err := range client.NewListBySubscriptionPager(subscriptionID, nil).All(ctx) {
		switch {
		case err != nil:
			return found, err
		case strings.EqualFold(recommendation.Name, displayName):
			return recommendation, nil
		case recommendation.Properties.DisplayName != displayName:
		case found.Name != "":
			return found, fmt.Errorf("%q is the name of several recommendations, %s and %s", displayName, found.Name, recommendation.Name)
		default:
			found = recommendation
		}
	}
	if found.Name == "" {
		return found, fmt.Errorf("no recommendation is called %q", displayName)
	}
	return found, nil
}

// standardOf returns the id of the first standard of a scope that has a recommendation.
// Whether each that has it needs an exemption isn't documented.
func standardOf(ctx context.Context, client *armsecops.SecurityStandardsClient, scope, key string) (string, error) {
	has := func(a armsecops.PartialAssessmentProperties) bool { return strings.EqualFold(a.AssessmentKey, key) }
	for standard, err := range client.NewListPager(scope, nil).All(ctx) {
		if err != nil || slices.ContainsFunc(standard.Properties.Assessments, has) {
			return standard.ID, err
		}
	}
	return "", fmt.Errorf("no standard of %s has the recommendation %s", scope, key)
}

// collect returns the exemptions of a listing that are wanted, and what failed of it.
func collect(listing iter.Seq2[armsecops.Exemption, error], wanted func(armsecops.Exemption) bool) (found []armsecops.Exemption, err error) {
	var errs []error
	for exemption, err := range listing {
		if err != nil {
			errs = append(errs, err)
		} else if wanted(exemption) {
			found = append(found, exemption)
		}
	}
	return found, errors.Join(errs...)
}

// covers reports whether a scope below a subscription is the resource or above it.
func covers(scope, resourceID string) bool {
	return scope != "" && strings.HasPrefix(strings.ToLower(resourceID)+"/", strings.ToLower(scope)+"/")
}

// renew lets exemptions end later, unless they have ended or end later already, which it
// prints. The description says who approved it; empty, the old one stays. One
// that fails doesn't keep the others from it.
func renew(ctx context.Context, client *armsecops.ExemptionsClient, out io.Writer, later time.Time, description string, ids ...string) error {
	var errs []error
	for _, id := range ids {
		renewed, err := client.Renew(ctx, id, later, &armsecops.ExemptionsClientRenewOptions{Description: description})
		switch {
		case errors.Is(err, armsecops.ErrNotRenewed), errors.Is(err, armsecops.ErrEnded): // which is as it was, and no failure here
			fmt.Fprintf(out, "%q: %v\n", renewed.DisplayName, err)
		case err != nil:
			errs = append(errs, err)
		default:
			fmt.Fprintf(out, "%q: renewed\n", renewed.DisplayName)
		}
	}
	return errors.Join(errs...)
}

// newTenant returns a tenant in memory: a recommendation that a policy turns on, and one of a standard.
func newTenant() *fake.Server {
	const (
		ports  = "bc303248-3d14-44c2-96a0-55f5c326b5fe"
		disks  = "d57a4221-a804-52ca-3dea-768284f06bb7"
		policy = "/providers/Microsoft.Authorization/policyDefinitions/22730e10-96f6-4aac-ad84-9383d35b5917"
	)
	server := fake.NewServer(&fake.ServerOptions{Strict: true}) // refuses a resource without what is required
	server.AddResourceGroup(subscription, resourceGroup)
	server.Put(armsecops.AssessmentMetadataID{Name: ports}, armsecops.AssessmentMetadata{
		Properties: armsecops.AssessmentMetadataProperties{DisplayName: portsName, PolicyDefinitionID: policy},
	})
	server.Put(armsecops.AssessmentMetadataID{Name: disks}, armsecops.AssessmentMetadata{
		Properties: armsecops.AssessmentMetadataProperties{DisplayName: disksName},
	})
	server.Put(armsecops.SecurityStandardID{Scope: scope, Name: "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"}, armsecops.SecurityStandard{
		Properties: armsecops.SecurityStandardProperties{Assessments: []armsecops.PartialAssessmentProperties{{AssessmentKey: disks}}},
	})
	return server
}
