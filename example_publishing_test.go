package armsecops_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"path"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

// publishing returns a factory of clients of a server in memory, on which a workspace
// publishes a rule to a group of banks. In a program, the credential is one of
// azidentity's, and the options may be nil.
func publishing() *armsecops.ClientFactory {
	const subscription = "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"
	server := fake.NewServer(nil)
	server.Put(armsecops.WorkspaceManagerConfigurationID{SubscriptionID: subscription, ResourceGroupName: "myRg", WorkspaceName: "myWorkspace", Name: "default"},
		armsecops.WorkspaceManagerConfiguration{Properties: armsecops.WorkspaceManagerConfigurationProperties{Mode: armsecops.WorkspaceManagerModeEnabled}})
	server.Put(armsecops.WorkspaceManagerMemberID{SubscriptionID: subscription, ResourceGroupName: "myRg", WorkspaceName: "myWorkspace", Name: "paris"},
		armsecops.WorkspaceManagerMember{Properties: armsecops.WorkspaceManagerMemberProperties{
			TargetWorkspaceResourceID: "/subscriptions/7aef9d48-814f-45ad-b644-b0343316e174/resourceGroups/otherRg/providers/Microsoft.OperationalInsights/workspaces/paris",
			TargetWorkspaceTenantID:   "f676d436-8d16-42db-81b7-ab578e110ccd",
		}})
	server.Put(armsecops.WorkspaceManagerGroupID{SubscriptionID: subscription, ResourceGroupName: "myRg", WorkspaceName: "myWorkspace", Name: "banks"},
		armsecops.WorkspaceManagerGroup{Properties: armsecops.WorkspaceManagerGroupProperties{DisplayName: "Banks", MemberResourceNames: []string{"paris"}}})
	server.Put(armsecops.WorkspaceManagerAssignmentID{SubscriptionID: subscription, ResourceGroupName: "myRg", WorkspaceName: "myWorkspace", Name: "bank-rules"},
		armsecops.WorkspaceManagerAssignment{Properties: armsecops.WorkspaceManagerAssignmentProperties{TargetResourceName: "banks"}})
	return factoryOf(server)
}

// factoryOf returns a factory of clients of a server in memory. In a program, the
// credential is one of azidentity's, and the options may be nil.
func factoryOf(server *fake.Server) *armsecops.ClientFactory {
	return must(armsecops.NewClientFactory(&azfake.TokenCredential{}, server.ClientOptions()))
}

const (
	exampleAssignmentName = "47cdc5f5-37c4-47b5-bd5f-83c84b8bdd58"
	exampleJobName        = "cfbe1338-8276-4d5d-8b96-931117f9fa0e"
)

// sampleJobs returns a server with the samples of the REST documentation.
func sampleJobs() *fake.Server {
	return fake.NewServer(&fake.ServerOptions{Samples: true, JobSteps: 2, NewID: func() string { return "0b8a3f6e-2f0c-4c62-9e4f-6a1d5c7e9b21" }})
}

// must returns a value, unless there is an error, which ends the program. A service returns it instead.
func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// The whole way of a publication, from the configuration to the end of a job.
func Example_publish() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	const subscription, resourceGroup, workspace = "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0", "myRg", "myWorkspace"
	factory := publishing()
	configurations := must(factory.NewWorkspaceManagerConfigurationsClient(subscription))
	members := must(factory.NewWorkspaceManagerMembersClient(subscription))
	groups := must(factory.NewWorkspaceManagerGroupsClient(subscription))
	assignments := must(factory.NewWorkspaceManagerAssignmentsClient(subscription))
	jobs := must(factory.NewWorkspaceManagerJobsClient(subscription))
	must(configurations.CreateOrUpdate(ctx, resourceGroup, workspace, "default", armsecops.WorkspaceManagerConfiguration{
		Properties: armsecops.WorkspaceManagerConfigurationProperties{Mode: armsecops.WorkspaceManagerModeEnabled},
	}, nil))
	must(members.CreateOrUpdate(ctx, resourceGroup, workspace, "oslo", armsecops.WorkspaceManagerMember{Properties: armsecops.WorkspaceManagerMemberProperties{
		TargetWorkspaceResourceID: "/subscriptions/7aef9d48-814f-45ad-b644-b0343316e174/resourceGroups/otherRg/providers/Microsoft.OperationalInsights/workspaces/oslo",
		TargetWorkspaceTenantID:   "f676d436-8d16-42db-81b7-ab578e110ccd",
	}}, nil))
	must(groups.CreateOrUpdate(ctx, resourceGroup, workspace, "north", armsecops.WorkspaceManagerGroup{
		Properties: armsecops.WorkspaceManagerGroupProperties{DisplayName: "North", MemberResourceNames: []string{"oslo"}},
	}, nil))
	rule := "/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/myRg/providers/Microsoft.OperationalInsights/workspaces/myWorkspace/providers/Microsoft.SecurityInsights/alertRules/mailbox-forwarding"
	must(assignments.CreateOrUpdate(ctx, resourceGroup, workspace, "north-rules", armsecops.WorkspaceManagerAssignment{
		Properties: armsecops.WorkspaceManagerAssignmentProperties{TargetResourceName: "north", Items: []armsecops.WorkspaceManagerAssignmentItem{{ResourceID: rule}}},
	}, nil))

	// Recover finds the job of a lost response.
	poller := must(jobs.BeginCreate(ctx, resourceGroup, workspace, "north-rules", &armsecops.WorkspaceManagerJobsClientBeginCreateOptions{Recover: true}))
	job := must(armsecops.WaitForJob(ctx, poller, nil)) // a *JobFailedError names items and members
	fmt.Println(job.Properties.Summary().Succeeded, "published")
	// Output: 1 published
}

func ExampleWorkspaceManagerAssignmentsClient_CreateOrUpdate() {
	client := must(publishing().NewWorkspaceManagerAssignmentsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	assignment := must(client.CreateOrUpdate(context.Background(), "myRg", "myWorkspace", "bank-rules", armsecops.WorkspaceManagerAssignment{
		Properties: armsecops.WorkspaceManagerAssignmentProperties{
			TargetResourceName: "banks",
			Items:              []armsecops.WorkspaceManagerAssignmentItem{{ResourceID: "/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/myRg/providers/Microsoft.OperationalInsights/workspaces/myWorkspace/providers/Microsoft.SecurityInsights/alertRules/microsoftSecurityIncidentCreationRuleExample"}},
		},
	}, nil))
	fmt.Println(assignment.Name, assignment.Properties.TargetResourceName)
	// Output: bank-rules banks
}

// To change one, get it, change the fields in question and put it back.
func ExampleWorkspaceManagerAssignmentsClient_Get() {
	client := must(publishing().NewWorkspaceManagerAssignmentsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	ctx := context.Background()
	got := must(client.Get(ctx, "myRg", "myWorkspace", "bank-rules", nil))
	got.Properties.TargetResourceName = "all-banks"
	put := must(client.CreateOrUpdate(ctx, "myRg", "myWorkspace", "bank-rules", got.WorkspaceManagerAssignment, nil))
	fmt.Println(put.Properties.TargetResourceName)
	// Output: all-banks
}

func ExampleWorkspaceManagerAssignmentsClient_NewListPager() {
	client := must(publishing().NewWorkspaceManagerAssignmentsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	for assignment, err := range client.NewListPager("myRg", "myWorkspace", nil).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(assignment.Name)
	}
	// Output: bank-rules
}

func ExampleWorkspaceManagerAssignmentsClient_Delete() {
	client := must(publishing().NewWorkspaceManagerAssignmentsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	_, err := client.Delete(context.Background(), "myRg", "myWorkspace", "bank-rules", nil)
	fmt.Println(err)
	// Output: <nil>
}

func ExampleWorkspaceManagerConfigurationsClient_CreateOrUpdate() {
	client := must(publishing().NewWorkspaceManagerConfigurationsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	configuration := must(client.CreateOrUpdate(context.Background(), "myRg", "myWorkspace", "default", armsecops.WorkspaceManagerConfiguration{
		Properties: armsecops.WorkspaceManagerConfigurationProperties{Mode: armsecops.WorkspaceManagerModeEnabled},
	}, nil))
	fmt.Println(configuration.Name, configuration.Properties.Mode)
	// Output: default Enabled
}

func ExampleWorkspaceManagerConfigurationsClient_Get() {
	client := must(publishing().NewWorkspaceManagerConfigurationsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	got := must(client.Get(context.Background(), "myRg", "myWorkspace", "default", nil))
	fmt.Println(got.Properties.Mode)
	// Output: Enabled
}

func ExampleWorkspaceManagerConfigurationsClient_NewListPager() {
	client := must(publishing().NewWorkspaceManagerConfigurationsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	for configuration, err := range client.NewListPager("myRg", "myWorkspace", nil).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(configuration.Name)
	}
	// Output: default
}

func ExampleWorkspaceManagerConfigurationsClient_Delete() {
	client := must(publishing().NewWorkspaceManagerConfigurationsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	_, err := client.Delete(context.Background(), "myRg", "myWorkspace", "default", nil)
	fmt.Println(err)
	// Output: <nil>
}

func ExampleWorkspaceManagerGroupsClient_CreateOrUpdate() {
	client := must(publishing().NewWorkspaceManagerGroupsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	group := must(client.CreateOrUpdate(context.Background(), "myRg", "myWorkspace", "banks", armsecops.WorkspaceManagerGroup{
		Properties: armsecops.WorkspaceManagerGroupProperties{DisplayName: "Banks", MemberResourceNames: []string{"paris"}},
	}, nil))
	fmt.Println(group.Name, group.Properties.MemberResourceNames)
	// Output: banks [paris]
}

func ExampleWorkspaceManagerGroupsClient_Get() {
	client := must(publishing().NewWorkspaceManagerGroupsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	group := must(client.Get(context.Background(), "myRg", "myWorkspace", "banks", nil))
	fmt.Println(group.Properties.MemberResourceNames)
	// Output: [paris]
}

func ExampleWorkspaceManagerGroupsClient_NewListPager() {
	client := must(publishing().NewWorkspaceManagerGroupsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	for group, err := range client.NewListPager("myRg", "myWorkspace", nil).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(group.Name)
	}
	// Output: banks
}

func ExampleWorkspaceManagerGroupsClient_Delete() {
	client := must(publishing().NewWorkspaceManagerGroupsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	_, err := client.Delete(context.Background(), "myRg", "myWorkspace", "banks", nil)
	fmt.Println(err)
	// Output: <nil>
}

func ExampleWorkspaceManagerMembersClient_CreateOrUpdate() {
	client := must(publishing().NewWorkspaceManagerMembersClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	member := must(client.CreateOrUpdate(context.Background(), "myRg", "myWorkspace", "otherWorkspace(7aef9d48-814f-45ad-b644-b0343316e174)", armsecops.WorkspaceManagerMember{
		Properties: armsecops.WorkspaceManagerMemberProperties{
			TargetWorkspaceResourceID: "/subscriptions/7aef9d48-814f-45ad-b644-b0343316e174/resourceGroups/otherRg/providers/Microsoft.OperationalInsights/workspaces/Example_Workspace",
			TargetWorkspaceTenantID:   "f676d436-8d16-42db-81b7-ab578e110ccd",
		},
	}, nil))
	fmt.Println(member.Name, member.Properties.TargetWorkspaceTenantID)
	// Output: otherWorkspace(7aef9d48-814f-45ad-b644-b0343316e174) f676d436-8d16-42db-81b7-ab578e110ccd
}

func ExampleWorkspaceManagerMembersClient_Get() {
	client := must(publishing().NewWorkspaceManagerMembersClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	got := must(client.Get(context.Background(), "myRg", "myWorkspace", "paris", nil))
	fmt.Println(got.Properties.TargetWorkspaceTenantID)
	// Output: f676d436-8d16-42db-81b7-ab578e110ccd
}

func ExampleWorkspaceManagerMembersClient_NewListPager() {
	client := must(publishing().NewWorkspaceManagerMembersClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	for member, err := range client.NewListPager("myRg", "myWorkspace", nil).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(member.Name)
	}
	// Output: paris
}

func ExampleWorkspaceManagerMembersClient_Delete() {
	client := must(publishing().NewWorkspaceManagerMembersClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	_, err := client.Delete(context.Background(), "myRg", "myWorkspace", "paris", nil)
	fmt.Println(err)
	// Output: <nil>
}

// It is never sent twice: after a lost response, it is unknown whether there is a job.
func ExampleWorkspaceManagerJobsClient_Create() {
	client := must(factoryOf(sampleJobs()).NewWorkspaceManagerJobsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	job, err := client.Create(context.Background(), "myRg", "myWorkspace", exampleAssignmentName, nil)
	if errors.Is(err, armsecops.ErrOutcomeUnknown) {
		log.Fatal("list the jobs before starting another: ", err)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(job.Name, job.Properties.ProvisioningState)
	// Output: 0b8a3f6e-2f0c-4c62-9e4f-6a1d5c7e9b21 InProgress
}

// With Recover, a job whose response is lost is found, where Create leaves that to you.
func ExampleWorkspaceManagerJobsClient_BeginCreate() {
	client := must(factoryOf(fake.NewServer(nil)).NewWorkspaceManagerJobsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	options := &armsecops.WorkspaceManagerJobsClientBeginCreateOptions{Recover: true} // finds the job of a lost response
	poller, err := client.BeginCreate(ctx, "myRg", "myWorkspace", exampleAssignmentName, options)
	if err != nil { // if it is ErrOutcomeUnknown, list the jobs before starting another
		log.Fatal(err)
	}
	job, err := armsecops.WaitForJob(ctx, poller, nil)
	if err != nil { // unless it is a *JobFailedError or IsMissing, the job may still run
		log.Fatal(err)
	}
	fmt.Println(job.Properties.ProvisioningState)
	// Output: Succeeded
}

// After an error that is neither a JobFailedError nor IsMissing, the job may still run.
func ExampleWaitForJob() {
	server := fake.NewServer(nil)
	assignment := armsecops.WorkspaceManagerAssignmentID{SubscriptionID: "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0", ResourceGroupName: "myRg", WorkspaceName: "myWorkspace", Name: "myAssignment"}
	server.SetJobItems(assignment, []armsecops.JobItem{
		{ResourceID: "alertRules/one"},
		{ResourceID: "alertRules/two", Errors: []armsecops.JobItemError{{MemberResourceName: "paris", ErrorMessage: "Forbidden."}}},
	})
	client := must(factoryOf(server).NewWorkspaceManagerJobsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	poller, err := client.BeginCreate(ctx, "myRg", "myWorkspace", "myAssignment", &armsecops.WorkspaceManagerJobsClientBeginCreateOptions{Recover: true})
	if err != nil { // if it is ErrOutcomeUnknown, list the jobs before starting another
		log.Fatal(err)
	}
	job, err := armsecops.WaitForJob(ctx, poller, &runtime.PollUntilDoneOptions{Frequency: 5 * time.Second})
	if _, failed := errors.AsType[*armsecops.JobFailedError](err); err != nil && !failed {
		log.Fatal(err)
	}
	fmt.Println(job.Properties.ProvisioningState)
	for failure := range job.Properties.Failures() {
		fmt.Println(failure.ResourceID, failure.MemberResourceName, failure.ErrorMessage)
	}
	// Output:
	// Failed
	// alertRules/two paris Forbidden.
}

// A token lets another process wait for the job that this one has started.
func ExampleWaitForJob_resumeToken() {
	client := must(factoryOf(fake.NewServer(nil)).NewWorkspaceManagerJobsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	options := &armsecops.WorkspaceManagerJobsClientBeginCreateOptions{Recover: true}
	poller := must(client.BeginCreate(context.Background(), "myRg", "myWorkspace", exampleAssignmentName, options))
	token := must(poller.ResumeToken())
	options = &armsecops.WorkspaceManagerJobsClientBeginCreateOptions{ResumeToken: token} // starts nothing
	poller = must(client.BeginCreate(context.Background(), "", "", "", options))
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	job, err := armsecops.WaitForJob(ctx, poller, nil)
	fmt.Println(job.Properties.ProvisioningState, err)
	// Output: Succeeded <nil>
}

func ExampleWorkspaceManagerJobsClient_NewJobPoller() {
	client := must(factoryOf(sampleJobs()).NewWorkspaceManagerJobsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	poller := must(client.NewJobPoller("myRg", "myWorkspace", exampleAssignmentName, exampleJobName, nil))
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	_, err := armsecops.WaitForJob(ctx, poller, nil)
	if failed, ok := errors.AsType[*armsecops.JobFailedError](err); ok {
		summary := failed.Job.Properties.Summary()
		fmt.Println(summary.Failed, "of", summary.Total, "failed")
	} else if err != nil {
		log.Fatal(err)
	}
	// Output: 1 of 2 failed
}

func ExampleWorkspaceManagerJobsClient_Get() {
	client := must(factoryOf(sampleJobs()).NewWorkspaceManagerJobsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	job := must(client.Get(context.Background(), "myRg", "myWorkspace", exampleAssignmentName, exampleJobName, nil))
	fmt.Println(job.Properties.ProvisioningState, job.Properties.EndTime.Sub(job.Properties.StartTime))
	for failure := range job.Properties.Failures() {
		fmt.Println(failure.MemberResourceName, failure.ErrorMessage)
	}
	// Output:
	// Failed 5m0s
	// f5fa104e-c0e3-4747-9182-d342dc048a9e Failed to write. Status code: Forbidden.
}

func ExampleWorkspaceManagerJobsClient_Delete() {
	client := must(factoryOf(sampleJobs()).NewWorkspaceManagerJobsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	_, err := client.Delete(context.Background(), "myRg", "myWorkspace", exampleAssignmentName, exampleJobName, nil)
	fmt.Println(err)
	// Output: <nil>
}

func ExampleWorkspaceManagerJobsClient_NewListPager() {
	client := must(factoryOf(sampleJobs()).NewWorkspaceManagerJobsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	options := &armsecops.WorkspaceManagerJobsClientListOptions{OrderBy: "properties/startTime desc"}
	for job, err := range client.NewListPager("myRg", "myWorkspace", exampleAssignmentName, options).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(job.Name, job.Properties.ProvisioningState)
	}
	// Output: cfbe1338-8276-4d5d-8b96-931117f9fa0e Failed
}

// What to do about an error, by its type, its code and its status.
func Example_errors() {
	server := sampleJobs()
	for name, fault := range map[string]fake.Fault{
		"forbidden": {StatusCode: http.StatusForbidden, Body: `{"error":{"code":"AuthorizationFailed"}}`},
		"throttled": {StatusCode: http.StatusTooManyRequests, RetryAfter: time.Hour},
	} {
		fault.Match = func(r fake.Request) bool { return path.Base(r.URL.Path) == name }
		server.Inject(fault)
	}
	client := must(factoryOf(server).NewWorkspaceManagerJobsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	for _, name := range []string{"..", "forbidden", "unknown", "throttled"} {
		_, err := client.Get(context.Background(), "myRg", "myWorkspace", exampleAssignmentName, name, nil)
		parameter, invalid := errors.AsType[*armsecops.ParameterError](err)
		service, responded := errors.AsType[*armsecops.ServiceError](err)
		switch {
		case invalid: // nothing was sent
			fmt.Println("correct", parameter.Name)
		case armsecops.HasCode(err, armsecops.CodeAuthorizationFailed):
			fmt.Println("ask for a role")
		case errors.Is(err, armsecops.ErrForbidden): // such as by a policy of Azure Policy
			fmt.Println("denied:", service.Code)
		case armsecops.IsMissing(err): // rather than what it is below, or the page of a proxy
			fmt.Println("there is no such job")
		case errors.Is(err, armsecops.ErrThrottled):
			fmt.Println("try again in", service.RetryAfter)
		case responded:
			fmt.Println(service.StatusCode, service.Code, service.RequestID)
		default: // such as a lost connection
			fmt.Println(err)
		}
	}
	// Output:
	// correct jobName
	// ask for a role
	// there is no such job
	// try again in 1h0m0s
}

// azcore's contexts are options of one call: here its retries, a header and the response.
func Example_optionsOfOneCall() {
	client := must(factoryOf(sampleJobs()).NewWorkspaceManagerJobsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	var resp *http.Response
	ctx := policy.WithRetryOptions(context.Background(), policy.RetryOptions{MaxRetries: -1}) // none
	ctx = policy.WithHTTPHeader(ctx, http.Header{"x-ms-client-request-id": {"SEC-17"}})
	ctx = policy.WithCaptureResponse(ctx, &resp)
	must(client.Get(ctx, "myRg", "myWorkspace", exampleAssignmentName, exampleJobName, nil))
	fmt.Println(resp.StatusCode, resp.Request.Header.Get("x-ms-client-request-id"))
	// Output: 200 SEC-17
}

// The clients of a factory share one pipeline, the token cache and the waits after
// a 429.
func ExampleNewClientFactory() {
	options := sampleJobs().ClientOptions() // in memory, instead of Azure
	factory := must(armsecops.NewClientFactory(&azfake.TokenCredential{}, options))
	jobs := must(factory.NewWorkspaceManagerJobsClient("d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"))
	job, err := jobs.Get(context.Background(), "myRg", "myWorkspace", exampleAssignmentName, exampleJobName, nil)
	fmt.Println(job.Properties.ProvisioningState, err)
	exemption, err := factory.NewExemptionsClient().Get(context.Background(), "/providers/Microsoft.Management/managementGroups/contoso/providers/Microsoft.Security/standardAssignments/1f3afdf9-d0c9-4c3d-847f-89da613e70a8", nil)
	fmt.Println(exemption.DisplayName, err)
	// Output:
	// Failed <nil>
	// Test exemption <nil>
}
