package armsecops_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

const assignmentsSubscriptionID = "20ff7fc3-e762-44dd-bd96-b71116dcdc23"

// exampleFactory returns a factory of clients of a server in memory. In a program, the
// credential is one of azidentity's, and the options may be nil.
func exampleFactory(server *fake.Server) *armsecops.ClientFactory {
	factory, _ := armsecops.NewClientFactory(&azfake.TokenCredential{}, server.ClientOptions()) // which are valid
	return factory
}

// exampleServer returns a server with the samples of the REST documentation.
func exampleServer() *fake.Server { return fake.NewServer(&fake.ServerOptions{Samples: true}) }

func exampleAssignmentsClient(server *fake.Server) *armsecops.SecurityAssignmentsClient {
	client, _ := exampleFactory(server).NewSecurityAssignmentsClient(assignmentsSubscriptionID)
	return client
}

func ExampleSecurityAssignmentsClient_Get() {
	client := exampleAssignmentsClient(exampleServer())
	assignment, err := client.Get(context.Background(), "myResourceGroup", "1f3afdf9-d0c9-4c3d-847f-89da613e70a8", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(assignment.Properties.DisplayName, assignment.Properties.Effect, assignment.Properties.ExpiresOn)
	// Output: ASC Default Exempt 2022-05-01 19:50:47.083633 +0000 UTC
}

// To change an assignment, get it, change it and put it back. Everything else,
// including members that this version doesn't know, is sent back unchanged.
func ExampleSecurityAssignmentsClient_CreateOrUpdate() {
	client := exampleAssignmentsClient(exampleServer())
	ctx := context.Background()
	current, err := client.Get(ctx, "myResourceGroup", "1f3afdf9-d0c9-4c3d-847f-89da613e70a8", nil)
	if err != nil {
		log.Fatal(err)
	}
	assignment := current.Assignment
	assignment.Properties.ExpiresOn = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	updated, err := client.CreateOrUpdate(ctx, "myResourceGroup", "1f3afdf9-d0c9-4c3d-847f-89da613e70a8", assignment, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(updated.Properties.ExpiresOn, updated.Properties.AdditionalData.ExemptionCategory)
	// Output: 2030-01-01 00:00:00 +0000 UTC waiver
}

// Deleting an assignment that doesn't exist is success, if the service responds 204.
func ExampleSecurityAssignmentsClient_Delete() {
	client := exampleAssignmentsClient(exampleServer())
	_, err := client.Delete(context.Background(), "myResourceGroup", "already-deleted", nil)
	fmt.Println(err)
	// Output: <nil>
}

func ExampleSecurityAssignmentsClient_NewListPager() {
	client := exampleAssignmentsClient(exampleServer())
	for assignment, err := range client.NewListPager("myResourceGroup", nil).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(assignment.Name, assignment.Properties.Effect)
	}
	// Output: 1f3afdf9-d0c9-4c3d-847f-89da613e70a8 Exempt
}

// A listing that fails has a token, with which a new pager resumes it.
func ExampleSecurityAssignmentsClient_NewListBySubscriptionPager() {
	server := fake.NewServer(&fake.ServerOptions{PageSize: 1})
	for _, name := range []string{"one", "two"} {
		server.Put(armsecops.AssignmentID{SubscriptionID: assignmentsSubscriptionID, ResourceGroupName: "myRg", Name: name}, armsecops.Assignment{})
	}
	server.Inject(fake.Fault{Skip: 1, StatusCode: http.StatusForbidden}) // of the second page
	client := exampleAssignmentsClient(server)
	options := &armsecops.SecurityAssignmentsClientListBySubscriptionOptions{}
	list := func() error {
		for assignment, err := range client.NewListBySubscriptionPager(options).All(context.Background()) {
			if err != nil {
				return err
			}
			fmt.Println(assignment.Name)
		}
		return nil
	}
	err := list()
	if failed, ok := errors.AsType[*armsecops.PageError](err); ok { // later, or in another process
		options.ContinuationToken = failed.ContinuationToken
		err = list()
	}
	fmt.Println(err)
	// Output:
	// one
	// two
	// <nil>
}

func ExampleSecurityAssignmentsClient_ListAcrossSubscriptions() {
	client := exampleAssignmentsClient(exampleServer())
	for assignment, err := range client.ListAcrossSubscriptions(context.Background(), []string{assignmentsSubscriptionID, "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"}, nil) {
		if failed, ok := errors.AsType[*armsecops.SubscriptionError](err); ok {
			fmt.Println("left out:", failed)
			continue
		}
		if err != nil { // which concerns all subscriptions
			log.Fatal(err)
		}
		fmt.Println(assignment.Properties.DisplayName)
	}
	// Output: ASC Default
}

// A listing of a whole tenant needs no subscription of its own.
func ExampleSecurityAssignmentsClient_NewResourceGraphPager() {
	client, err := exampleFactory(exampleServer()).NewSecurityAssignmentsClient("")
	if err != nil {
		log.Fatal(err)
	}
	for assignment, err := range client.NewResourceGraphPager(nil).All(context.Background()) {
		if errors.Is(err, armsecops.ErrIncompleteResult) {
			log.Fatal("query fewer subscriptions at a time: ", err)
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(assignment.SubscriptionID(), assignment.Properties.DisplayName)
	}
	// Output: 20ff7fc3-e762-44dd-bd96-b71116dcdc23 ASC Default
}

// A write with an ETag in If-Match fails if the resource has changed since, where the
// service looks at If-Match, as the fake does; see Conditional writes above.
func Example_conditionalWrite() {
	client := exampleAssignmentsClient(fake.NewServer(nil))
	ctx := context.Background()
	read, err := client.CreateOrUpdate(ctx, "myResourceGroup", "exemption", armsecops.Assignment{}, nil)
	if err != nil {
		log.Fatal(err)
	}
	other := armsecops.Assignment{Properties: armsecops.AssignmentProperties{DisplayName: "Changed by another program"}}
	if _, err := client.CreateOrUpdate(ctx, "myResourceGroup", "exemption", other, nil); err != nil {
		log.Fatal(err)
	}

	ctx = policy.WithHTTPHeader(ctx, http.Header{"If-Match": {string(read.ETag)}})
	_, err = client.CreateOrUpdate(ctx, "myResourceGroup", "exemption", read.Assignment, nil)
	// ErrOutcomeUnknown first: the resource may have been changed by an earlier attempt of this call.
	fmt.Println(errors.Is(err, armsecops.ErrOutcomeUnknown), errors.Is(err, armsecops.ErrPreconditionFailed))
	// Output: false true
}

// An exemption of a listing, by its id, changed in what Renew leaves as it is.
func ExampleParsePolicyExemptionID() {
	client, ctx := exampleFactory(exampleServer()).NewPolicyExemptionsClient(), context.Background()
	id, err := armsecops.ParsePolicyExemptionID("/subscriptions/ae640e6b-ba3e-4256-9d62-2993eecfa6f2/resourceGroups/demoCluster/providers/Microsoft.Authorization/policyExemptions/DemoExpensiveVM")
	if err != nil {
		log.Fatal(err)
	}
	got, err := client.Get(ctx, id.Scope, id.Name, nil)
	if err != nil {
		log.Fatal(err)
	}
	got.Properties.DisplayName = "Approved by the owner"
	changed, err := client.CreateOrUpdate(ctx, id.Scope, id.Name, got.PolicyExemption, nil)
	fmt.Println(changed.Properties.DisplayName, err)
	// Output: Approved by the owner <nil>
}

// The key of a recommendation is the name of its metadata. ExemptedBy says where it
// is exempted.
func ExampleAssessmentsMetadataClient_Get() {
	client := exampleFactory(exampleServer()).NewAssessmentsMetadataClient()
	metadata, err := client.Get(context.Background(), "21300918-b2e3-0346-785f-c77ff57d243b", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(metadata.Properties.DisplayName, metadata.Properties.ExemptedBy())
	// Output: Install endpoint protection solution on virtual machine scale sets Microsoft.Authorization/policyExemptions
}

func ExampleAssessmentsMetadataClient_GetInSubscription() {
	client := exampleFactory(exampleServer()).NewAssessmentsMetadataClient()
	metadata, err := client.GetInSubscription(context.Background(), "0980887d-03d6-408c-9566-532f3456804e", "21300918-b2e3-0346-785f-c77ff57d243b", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(metadata.Properties.Severity)
	// Output: Medium
}

func ExampleAssessmentsMetadataClient_NewListPager() {
	client := exampleFactory(exampleServer()).NewAssessmentsMetadataClient()
	for metadata, err := range client.NewListPager(nil).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		if metadata.Properties.DisplayName == "Close management ports on your virtual machines" {
			fmt.Println(metadata.Name)
		}
	}
	// Output: bc303248-3d14-44c2-96a0-55f5c326b5fe
}

func ExampleAssessmentsMetadataClient_NewListBySubscriptionPager() {
	client := exampleFactory(exampleServer()).NewAssessmentsMetadataClient()
	n := 0
	for _, err := range client.NewListBySubscriptionPager("0980887d-03d6-408c-9566-532f3456804e", nil).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		n++
	}
	fmt.Println(n > 0)
	// Output: true
}

// An error that the program wraps with %w keeps its members in a log of slog, after
// the text of the whole. Without LogValue, the log has the text alone.
func ExampleLogValue() {
	srv := fake.NewServer(&fake.ServerOptions{NewID: func() string { return "0b8a3f6e-2f0c-4c62-9e4f-6a1d5c7e9b21" }})
	srv.Override("AssessmentsMetadataClient.Get", fake.Respond(403, armsecops.ErrorDetail{Code: "AuthorizationFailed", Message: "No role."}))
	client := exampleFactory(srv).NewAssessmentsMetadataClient()
	logger := slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{} // the output is the same each time
		}
		return a
	}}))

	_, err := client.Get(context.Background(), "21300918-b2e3-0346-785f-c77ff57d243b", nil)
	logger.Error("failed", "err", armsecops.LogValue(fmt.Errorf("nightly report: %w", err)))
	// Output:
	// {"level":"ERROR","msg":"failed","err":{"text":"nightly report: AssessmentsMetadataClient.Get: 403 Forbidden: AuthorizationFailed: No role. (request 0b8a3f6e-2f0c-4c62-9e4f-6a1d5c7e9b21, /providers/Microsoft.Security/assessmentMetadata/21300918-b2e3-0346-785f-c77ff57d243b)","operation":"AssessmentsMetadataClient.Get","kind":"service","status":403,"code":"AuthorizationFailed","message":"No role.","path":"/providers/Microsoft.Security/assessmentMetadata/21300918-b2e3-0346-785f-c77ff57d243b","requestId":"0b8a3f6e-2f0c-4c62-9e4f-6a1d5c7e9b21","correlationRequestId":"0b8a3f6e-2f0c-4c62-9e4f-6a1d5c7e9b21"}}
}

func ExampleSecurityStandardsClient_Get() {
	client := exampleFactory(exampleServer()).NewSecurityStandardsClient()
	standard, err := client.Get(context.Background(), "/providers/Microsoft.Management/managementGroups/contoso", "1f3afdf9-d0c9-4c3d-847f-89da613e70a8", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(standard.Properties.DisplayName, len(standard.Properties.Assessments))
	// Output: Cross cloud standard 1 2
}

func ExampleSecurityStandardsClient_CreateOrUpdate() {
	client := exampleFactory(exampleServer()).NewSecurityStandardsClient()
	ctx := context.Background()
	got, err := client.Get(ctx, "/providers/Microsoft.Management/managementGroups/contoso", "1f3afdf9-d0c9-4c3d-847f-89da613e70a8", nil)
	if err != nil {
		log.Fatal(err)
	}
	got.Properties.Assessments = append(got.Properties.Assessments, armsecops.PartialAssessmentProperties{AssessmentKey: "d57a4221-a804-52ca-3dea-768284f06bb7"})
	put, err := client.CreateOrUpdate(ctx, "/providers/Microsoft.Management/managementGroups/contoso", "1f3afdf9-d0c9-4c3d-847f-89da613e70a8", got.SecurityStandard, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(put.Properties.Assessments))
	// Output: 3
}

func ExampleSecurityStandardsClient_Delete() {
	client := exampleFactory(exampleServer()).NewSecurityStandardsClient()
	_, err := client.Delete(context.Background(), "/providers/Microsoft.Management/managementGroups/contoso", "1f3afdf9-d0c9-4c3d-847f-89da613e70a8", nil)
	fmt.Println(err)
	// Output: <nil>
}

// An exemption names a standard that has the key of the assessment.
func ExampleSecurityStandardsClient_NewListPager() {
	client := exampleFactory(exampleServer()).NewSecurityStandardsClient()
	has := func(a armsecops.PartialAssessmentProperties) bool {
		return a.AssessmentKey == "1195afff-c881-495e-9bc5-1486211ae03f"
	}
	for standard, err := range client.NewListPager("/providers/Microsoft.Management/managementGroups/contoso", nil).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		if slices.ContainsFunc(standard.Properties.Assessments, has) {
			fmt.Println(standard.Properties.DisplayName)
		}
	}
	// Output:
	// Cross cloud standard 2
	// Cross cloud standard 1
}
