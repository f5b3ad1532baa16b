package fake_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

func ExampleNewServer() {
	srv := fake.NewServer(&fake.ServerOptions{Samples: true})
	assignments, err := armsecops.NewSecurityAssignmentsClient("20ff7fc3-e762-44dd-bd96-b71116dcdc23", &azfake.TokenCredential{}, srv.ClientOptions())
	if err != nil {
		log.Fatal(err)
	}
	for assignment, err := range assignments.NewListBySubscriptionPager(nil).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(assignment.Properties.DisplayName, assignment.Properties.Effect)
	}
	// Output: ASC Default Exempt
}

// factoryOf returns a factory of clients of a server.
func factoryOf(server *fake.Server) *armsecops.ClientFactory {
	return must(armsecops.NewClientFactory(&azfake.TokenCredential{}, server.ClientOptions()))
}

// must returns a value, unless there is an error, which ends the program.
func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func ExampleServer_SetJobItems() {
	srv := fake.NewServer(&fake.ServerOptions{JobSteps: 2, NewID: func() string { return "first-job" }})
	id := armsecops.WorkspaceManagerAssignmentID{
		SubscriptionID: "11111111-2222-3333-4444-555555555555", ResourceGroupName: "group", WorkspaceName: "workspace", Name: "assignment",
	}
	srv.SetJobItems(id, []armsecops.JobItem{
		{ResourceID: "alertRules/one"},
		{ResourceID: "alertRules/two", Errors: []armsecops.JobItemError{{MemberResourceName: "member", ErrorMessage: "Forbidden."}}},
	})
	jobs := must(factoryOf(srv).NewWorkspaceManagerJobsClient(id.SubscriptionID))
	created := must(jobs.Create(context.Background(), id.ResourceGroupName, id.WorkspaceName, id.Name, nil))
	for job := created.Job; !job.Properties.ProvisioningState.Terminal(); {
		job = must(jobs.Get(context.Background(), id.ResourceGroupName, id.WorkspaceName, id.Name, job.Name, nil)).Job
		fmt.Println(job.Name, job.Properties.ProvisioningState)
		for failure := range job.Properties.Failures() {
			fmt.Println("!", failure.ResourceID, failure.MemberResourceName, failure.ErrorMessage)
		}
	}
	// Output:
	// first-job InProgress
	// first-job InProgress
	// first-job Failed
	// ! alertRules/two member Forbidden.
}

func ExampleServer_Inject() {
	srv := fake.NewServer(&fake.ServerOptions{Samples: true})
	srv.Inject(fake.Fault{Operation: "SecurityAssignmentsClient.Get", StatusCode: http.StatusForbidden, Body: `{"error":{"code":"AuthorizationFailed","message":"Not yours."}}`})
	assignments := must(factoryOf(srv).NewSecurityAssignmentsClient("20ff7fc3-e762-44dd-bd96-b71116dcdc23"))
	for range 2 {
		got, err := assignments.Get(context.Background(), "myResourceGroup", "1f3afdf9-d0c9-4c3d-847f-89da613e70a8", nil)
		fmt.Println(got.Name, errors.Is(err, armsecops.ErrForbidden), armsecops.HasCode(err, "AuthorizationFailed"))
	}
	// Output:
	//  true true
	// 1f3afdf9-d0c9-4c3d-847f-89da613e70a8 false false
}

func ExampleServer_Requests() {
	srv := fake.NewServer(nil)
	assignments := must(factoryOf(srv).NewSecurityAssignmentsClient("11111111-2222-3333-4444-555555555555"))
	assignment := armsecops.Assignment{Properties: armsecops.AssignmentProperties{Effect: "Exempt"}}
	must(assignments.CreateOrUpdate(context.Background(), "group", "standard", assignment, nil))
	for _, request := range srv.Requests() {
		fmt.Printf("%s %s\n%s %s\n", request.Operation, request.Method, request.URL.Path, request.Body)
	}
	// Output:
	// SecurityAssignmentsClient.CreateOrUpdate PUT
	// /subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/group/providers/Microsoft.Security/assignments/standard {"properties":{"effect":"Exempt"}}
}

// Behind a socket, a test includes TLS and the network.
func ExampleServer_ServeHTTP() {
	ts := httptest.NewTLSServer(fake.NewServer(&fake.ServerOptions{Samples: true}))
	defer ts.Close()
	options := &armsecops.ClientOptions{}
	options.Transport = ts.Client()
	options.Cloud.Services = map[cloud.ServiceName]cloud.ServiceConfiguration{
		cloud.ResourceManager: {Endpoint: ts.URL, Audience: "https://management.core.windows.net"},
	}
	assignments, err := armsecops.NewSecurityAssignmentsClient("20ff7fc3-e762-44dd-bd96-b71116dcdc23", &azfake.TokenCredential{}, options)
	if err != nil {
		log.Fatal(err)
	}
	got, err := assignments.Get(context.Background(), "myResourceGroup", "1f3afdf9-d0c9-4c3d-847f-89da613e70a8", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(got.Properties.Scope)
	// Output: /subscriptions/ae640e6b-ba3e-4256-9d62-2993eecfa6f2/ResourceGroup/rg
}

func ExampleServer_Put() {
	srv := fake.NewServer(nil)
	id := armsecops.StandardAssignmentID{Scope: "/providers/Microsoft.Management/managementGroups/contoso", Name: "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"}
	srv.Put(id, armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{Effect: armsecops.EffectAudit}})
	assignments := factoryOf(srv).NewStandardAssignmentsClient()
	got, err := assignments.Get(context.Background(), id.Scope, id.Name, nil)
	fmt.Println(got.Type, got.Properties.Effect, err)
	// Output: Microsoft.Security/standardAssignments Audit <nil>
}

func ExampleServer_Override() {
	srv := fake.NewServer(nil)
	srv.Override("WorkspaceManagerJobsClient.Get", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("jobName")
		if name == "locked" {
			fake.Respond(http.StatusConflict, armsecops.ErrorDetail{Code: "Locked", Message: "The job is locked."}).ServeHTTP(w, r)
			return
		}
		fake.Respond(http.StatusOK, armsecops.Job{Name: name}).ServeHTTP(w, r)
	}))
	jobs := must(factoryOf(srv).NewWorkspaceManagerJobsClient("11111111-2222-3333-4444-555555555555"))
	for _, name := range []string{"open", "locked"} {
		got, err := jobs.Get(context.Background(), "group", "workspace", "assignment", name, nil)
		fmt.Println(name, got.Name, errors.Is(err, armsecops.ErrConflict))
	}
	// Output:
	// open open false
	// locked  true
}
