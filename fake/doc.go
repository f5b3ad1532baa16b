// Package fake is the services in memory, for tests of programs that use the
// clients of [armsecops].
//
// A [Server] stores resources and behaves like the services: it names jobs and
// runs them, pages lists, refuses invalid requests with Azure's own errors, and
// fails where a test injects a fault. It is a Transport for a client's options,
// without a socket, and an [http.Handler] for [net/http/httptest]. A complete test:
//
//	package publish
//
//	import (
//		"errors"
//		"testing"
//		"time"
//
//		azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
//		"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
//
//		"github.com/armsecops/armsecops"
//		"github.com/armsecops/armsecops/fake"
//	)
//
//	func TestPublishFails(t *testing.T) {
//		id := armsecops.WorkspaceManagerAssignmentID{
//			SubscriptionID:    "11111111-2222-3333-4444-555555555555",
//			ResourceGroupName: "group",
//			WorkspaceName:     "workspace",
//			Name:              "assignment",
//		}
//
//		// The job that the program starts will fail for one member.
//		srv := fake.NewServer(&fake.ServerOptions{JobSteps: 1, Strict: true})
//		srv.SetJobItems(id, []armsecops.JobItem{{
//			ResourceID: "alertRules/one",
//			Errors:     []armsecops.JobItemError{{MemberResourceName: "member", ErrorMessage: "Forbidden."}},
//		}})
//
//		// The service is unavailable for the first Get.
//		srv.Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Get", StatusCode: 503, RetryAfter: time.Millisecond})
//		defer srv.AssertFaultsConsumed(t)
//
//		jobs, err := armsecops.NewWorkspaceManagerJobsClient(id.SubscriptionID, &azfake.TokenCredential{}, srv.ClientOptions())
//		if err != nil {
//			t.Fatal(err)
//		}
//
//		// In place of the program. Without a Frequency, WaitForJob waits 30 seconds between two
//		// polls; in a bubble of testing/synctest, that takes no time.
//		poller, err := jobs.BeginCreate(t.Context(), id.ResourceGroupName, id.WorkspaceName, id.Name, nil)
//		if err != nil {
//			t.Fatal(err)
//		}
//		_, err = armsecops.WaitForJob(t.Context(), poller, &runtime.PollUntilDoneOptions{Frequency: time.Millisecond})
//		failed, ok := errors.AsType[*armsecops.JobFailedError](err)
//		if !ok || failed.Job.Properties.Summary().Failed != 1 {
//			t.Errorf("got %v, want one item that failed", err)
//		}
//	}
//
// # State
//
// [Server.Put] stores resources, as do the clients' own calls.
// [ServerOptions].Samples stores those of the services' documentation. The server
// copies what it stores and returns. It compares ids ignoring case.
//
// A job that a client starts is InProgress for [ServerOptions].JobDuration, or else
// for JobSteps Gets. Meanwhile the items of the stored workspace manager assignment
// are published one after another. It then ends Succeeded, or Failed if
// [Server.SetJobItems] has set an item that fails. The assignment has the end and
// the state of the job that was started last. A job from Put never changes.
//
// The server keeps the newest [ServerOptions].MaxRequests requests, and resources
// until they are deleted. [Server.Reset] makes it forget all of them.
//
// # Rules
//
// The server refuses what Azure Resource Manager refuses, with its codes and
// status: a request without a token, with another api-version, with a malformed
// query or name, a resource with an unknown top-level member, or with the name of
// another resource, a changed location, or a write whose If-Match or If-None-Match
// doesn't hold. Jobs, the assignments of [armsecops.SecurityAssignmentsClient] and the
// resources of the workspace manager have etags. Policy exemptions, standard
// assignments, security standards and the metadata of assessments have none, as in
// the services' documentation: they are written whatever these headers say.
//
// With [ServerOptions].Strict it also refuses requests below a subscription,
// resource group, workspace or workspace manager assignment that doesn't exist,
// resources that lack a required property, values that a documented enumeration
// lacks, and names of workspace manager groups and members that don't exist in the
// workspace. It accepts a slash at the end of the path, any casing of api-version,
// and each api-version in which the resources are the same.
// https://github.com/armsecops/armsecops/blob/main/docs/fake.md#what-is-refused has
// each rule with its code, message and source.
//
// # Lists
//
// A list is sorted by id, or by $orderby. A page starts after the last item of
// the page before it. So a listing yields every resource exactly once that is
// stored throughout and keeps its place in the order. $top is the size of a page,
// as in Microsoft Sentinel, if PageSize is not smaller. A list of a scope has the
// resources of the scope and of the scopes whose ids are below it. One of policy
// exemptions also has those that the scope inherits: the server doesn't know which
// management groups are above a subscription, and takes all of them. A list of the
// metadata of a subscription also has the tenant's. With [ServerOptions].ShortLists, those of
// standard assignments lack what Azure's may lack.
//
// # Azure Resource Graph
//
// The server responds to queries of the tables resources, policyresources and
// securityresources from the same resources, and of resourcecontainers from the
// subscriptions and groups that they are in, without delay, at most $top and
// [ServerOptions].PageSize rows a page, sorted by id, ignoring case, unless the query
// has another order. It reads the Kusto Query Language of queries for one table,
// those of other programs, too:
//
//   - where with ==, !=, =~, !~, <, <=, >, >=, in, in~, contains, startswith, endswith,
//     their negatives with !, and, or, not and parentheses
//   - project and extend, order by, limit and take
//   - paths such as properties.a, tags['a b'] and list[0]
//   - isempty, isnotempty, isnull, isnotnull, tostring, tolower, toupper, todatetime,
//     tobool, bool, toint, tolong, toreal, todouble, not, now, ago and datetime
//
// What it can't read is Azure's 400, whose details name the token and its place; if
// Azure reads it, as it does summarize and has, the message says so.
// The rest is Azure's as well: a named subscription that doesn't exist, since it
// holds nothing, [Server.AddSubscription] hasn't named it and no list of it was
// read, is left out if there are others, and a 400 alone. A query pages only if its
// result has a column id and
// no limit. The server doesn't serve facets, nor tables as results.
//
// Rows are like Azure's: types in lower case, an assignmentScopeValidation that is
// null, an empty subscriptionId and resourceGroup above those, and the key of an
// assessment in the form that [ServerOptions].FlatAssessmentKeys selects. For a row
// that outlives its resource, [Server.Put] the resource and inject a 404 for its Get.
//
// The server knows nothing of what is below a management group: a query of
// management groups returns their own resources, and all that belongs to
// subscriptions. The queries of each client are an operation of their own, told by
// their table, type and columns, for [Fault] and [Server.Override].
//
// # Faults
//
// [Server.Inject] makes requests fail; see [Fault]. To test retries, run server
// and client under [testing/synctest]: delays then take no time. A client waits for
// RetryAfter and up to a second more, over which it spreads what it held back.
//
// # Overrides
//
// [Server.Override] passes the requests of one operation to an [http.Handler], for
// responses that the server's state never leads to. [Respond] is such a handler:
//
//	srv.Override("WorkspaceManagerJobsClient.Get", fake.Respond(http.StatusOK, job))
//	srv.Override("SecurityAssignmentsClient.Delete", fake.Respond(http.StatusConflict, armsecops.ErrorDetail{Code: "Locked"}))
package fake
