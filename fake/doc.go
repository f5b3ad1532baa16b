// Package fake is both services in memory, for tests of programs that use the
// clients of [armsecops].
//
// A [Server] keeps what is put on it and behaves as the services do: it names
// jobs and runs them from Get to Get, pages its lists, refuses requests that
// break a rule with Azure's own errors, and goes wrong where a test wants it to.
// It is the Transport of a client's options, without a socket, and an
// [http.Handler] for [net/http/httptest]. This is a whole test:
//
//	package publish
//
//	import (
//		"testing"
//		"time"
//
//		azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
//
//		"github.com/armsecops/armsecops"
//		"github.com/armsecops/armsecops/fake"
//	)
//
//	func TestPublishFails(t *testing.T) {
//		id := armsecops.JobID{
//			SubscriptionID:                 "11111111-2222-3333-4444-555555555555",
//			ResourceGroupName:              "group",
//			WorkspaceName:                  "workspace",
//			WorkspaceManagerAssignmentName: "assignment",
//		}
//
//		// The job that the program starts will fail for one member.
//		srv := fake.NewServer(&fake.ServerOptions{JobSteps: 1})
//		srv.SetJobItems(id, []armsecops.JobItem{{
//			ResourceID: "alertRules/one",
//			Errors:     []armsecops.JobItemError{{MemberResourceName: "member", ErrorMessage: "Forbidden."}},
//		}})
//
//		// And the first Get finds the service out of order for a moment.
//		srv.Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Get", StatusCode: 503, RetryAfter: time.Millisecond})
//		defer srv.AssertFaultsConsumed(t)
//
//		options := &armsecops.ClientOptions{}
//		options.Transport = srv
//		jobs, err := armsecops.NewWorkspaceManagerJobsClient(id.SubscriptionID, &azfake.TokenCredential{}, options)
//		if err != nil {
//			t.Fatal(err)
//		}
//
//		// In the place of the program.
//		job, err := jobs.Create(t.Context(), id.ResourceGroupName, id.WorkspaceName, id.WorkspaceManagerAssignmentName, nil)
//		for err == nil && !job.Properties.ProvisioningState.Terminal() {
//			var got armsecops.WorkspaceManagerJobsClientGetResponse
//			got, err = jobs.Get(t.Context(), id.ResourceGroupName, id.WorkspaceName, id.WorkspaceManagerAssignmentName, job.Name, nil)
//			job.Job = got.Job
//		}
//		if err != nil {
//			t.Fatal(err)
//		}
//		if failed := job.Properties.Summary().Failed; failed != 1 {
//			t.Errorf("%d items failed, want 1", failed)
//		}
//	}
//
// # State
//
// [Server.PutJob] and [Server.PutAssignment] put resources on the server, as do
// the clients' own calls; [ServerOptions].Samples begins with those of the
// services' documentation. What goes in and out is copied. Ids are blind to casing.
//
// A job that a client starts is InProgress for [ServerOptions].JobSteps Gets,
// in which its items are done one after the other, and then ends Succeeded, or
// Failed where [Server.SetJobItems] has an item fail. A job from PutJob stays as it is.
//
// # Lists
//
// A page begins after the item that the link to it names. A list is sorted by
// id, or by $orderby, and has every item once that is there for as long as the
// list runs and keeps its place in the order. $top bounds the list as a whole.
//
// # Faults
//
// [Server.Inject] makes requests fail; see [Fault] for how. In a test of
// retries, run server and client under [testing/synctest]: delays take no time
// there and can be measured exactly.
//
// # Overrides
//
// [Server.Jobs] and [Server.Assignments] have a function for each operation, in
// the types of azcore's fake package. Tests that were written for Microsoft's
// fake servers keep theirs.
package fake
