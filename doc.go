// Package armsecops is a client for two tasks of a security team in Azure: it
// publishes content of a central Microsoft Sentinel workspace to its members, and
// governs exemptions from the recommendations of Microsoft Defender for Cloud. This program
// prints every exemption of a tenant that you may read, with its expiry:
//
//	package main
//
//	import (
//		"cmp"
//		"context"
//		"fmt"
//		"log"
//		"time"
//
//		"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
//		"github.com/armsecops/armsecops"
//	)
//
//	func main() {
//		credential, err := azidentity.NewDefaultAzureCredential(nil)
//		if err != nil {
//			log.Fatal(err)
//		}
//		client, err := armsecops.NewExemptionsClient(credential, nil)
//		if err != nil {
//			log.Fatal(err)
//		}
//		if err := list(context.Background(), client); err != nil {
//			log.Fatal(err)
//		}
//	}
//
//	func list(ctx context.Context, client *armsecops.ExemptionsClient) error {
//		ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
//		defer cancel()
//		for exemption, err := range client.NewListPager(nil).All(ctx) {
//			if err != nil {
//				return err
//			}
//			expires := "never"
//			if !exemption.ExpiresOn.IsZero() {
//				expires = exemption.ExpiresOn.Format(time.DateOnly)
//			}
//			if exemption.ExpiresBefore(time.Now()) {
//				expires += " (ended)"
//			}
//			fmt.Printf("%-18s  %q  %s\n", expires, cmp.Or(exemption.DisplayName, exemption.Name), cmp.Or(exemption.Scope, exemption.ID))
//		}
//		return nil
//	}
//
// # Clients
//
// To publish, use these in this order:
//
//   - [WorkspaceManagerConfigurationsClient] enables the workspace manager of a central
//     workspace.
//   - [WorkspaceManagerMembersClient] makes workspaces members of it.
//   - [WorkspaceManagerGroupsClient] groups members.
//   - [WorkspaceManagerAssignmentsClient] assigns content items, such as analytics rules,
//     to a group.
//   - [WorkspaceManagerJobsClient] publishes: its BeginCreate starts the job of an
//     assignment, and [WaitForJob] waits for its end.
//
// Such as:
//
//	options := &armsecops.WorkspaceManagerJobsClientBeginCreateOptions{Recover: true} // finds the job of a lost response
//	poller, err := jobs.BeginCreate(ctx, "resource-group", "workspace", "assignment", options)
//	if err != nil {
//		return err
//	}
//	job, err := armsecops.WaitForJob(ctx, poller, nil) // what failed, and where, is a *JobFailedError
//
// To govern exemptions:
//
//   - [ExemptionsClient] lists the exemptions of a tenant, creates one where its Kind says,
//     and gets, renews and deletes any of them by its id. To delete one is to revoke it.
//   - [AssessmentsMetadataClient] finds a recommendation and, by
//     [AssessmentMetadataProperties.ExemptedBy], where it is exempted.
//   - [PolicyExemptionsClient] reads and writes exemptions of Azure Policy with all that
//     they have. Most recommendations are exempted by one.
//   - [StandardAssignmentsClient] reads and writes those of Defender's standards, audits
//     and attestations.
//   - [SecurityStandardsClient] finds, and writes, the standards that recommendations are
//     in.
//   - [SecurityAssignmentsClient] reads and changes what was made by an earlier API,
//     2021-08-01-preview.
//
// The examples Publish and Exempt of this package show both tasks from start to end, and the
// example Errors what to do about an error. Functions that examples call, such as publishing
// and samples, make a server in memory: pkg.go.dev shows them with each example.
//
// The clients have these methods:
//
//	WorkspaceManagerJobsClient   Get, Create, BeginCreate, NewJobPoller, Delete, NewListPager
//	ExemptionsClient             Get, CreateOrUpdate, Renew, Delete, NewListPager,
//	                             ListAcrossSubscriptions
//	PolicyExemptionsClient       Get, CreateOrUpdate, Update, Delete, NewListPager,
//	                             ListAcrossSubscriptions, NewResourceGraphPager
//	StandardAssignmentsClient    Get, CreateOrUpdate, Delete, NewListPager,
//	                             ListAcrossSubscriptions, NewResourceGraphPager
//	SecurityStandardsClient      Get, CreateOrUpdate, Delete, NewListPager,
//	                             ListAcrossSubscriptions
//	AssessmentsMetadataClient    Get, GetInSubscription, NewListPager,
//	                             NewListBySubscriptionPager, ListAcrossSubscriptions
//	SecurityAssignmentsClient    Get, CreateOrUpdate, Delete, NewListPager,
//	                             NewListBySubscriptionPager, ListAcrossSubscriptions,
//	                             NewResourceGraphPager
//	the other clients            Get, CreateOrUpdate, Delete, NewListPager
//
// ListAcrossSubscriptions requests the lists of many subscriptions, some at a time.
// NewResourceGraphPager queries Azure Resource Graph, as NewListPager of ExemptionsClient
// does. [docs/api.md] has the request and the REST page of each.
//
// Lists are read by a [Pager]: All yields items, Pages pages, and NextPage is azcore's way.
// [PageOptions] bound a listing and fetch pages ahead. A listing that fails is a
// [*PageError], whose ContinuationToken resumes it, also in another process:
//
//	options := &armsecops.ExemptionsClientListOptions{} // the same in each run
//	options.ContinuationToken = token                   // "" at first
//	for exemption, err := range client.NewListPager(options).All(ctx) {
//		if failed, ok := errors.AsType[*armsecops.PageError](err); ok {
//			token = failed.ContinuationToken // for the next run
//		}
//		if _, refused := errors.AsType[*armsecops.ParameterError](err); refused {
//			token = "" // such as that of another ExpiresBefore: the next run begins anew
//		}
//		if err != nil {
//			return err
//		}
//		fmt.Println(exemption.ID)
//	}
//	token = "" // it has ended: the next one begins anew
//
// ListAcrossSubscriptions yields an error for each subscription that fails, and continues:
//
//	for exemption, err := range client.ListAcrossSubscriptions(ctx, subscriptionIDs, nil) {
//		if err != nil {
//			errs = append(errs, err)
//			continue
//		}
//		fmt.Println(exemption.ID)
//	}
//
// The clients are built on azcore and work as its other clients do: a credential of
// azidentity, [ClientOptions] that embed those of every Azure Resource Manager client,
// options last and nil for the defaults. Clients of one [ClientFactory] share the
// pipeline, the token cache and the waits after a 429.
//
// [docs/api.md] has every operation with its REST page, [docs/publishing.md] and
// [docs/exempting.md] the two tasks, [docs/guide.md] the rest. The version of the module is
// 0, and some clients use previews of Azure, which their comments name.
//
// # Resource ids
//
// The methods take the parts of an id, such as a scope and a name. Each resource has a type of
// them, such as [PolicyExemptionID]: its String is the id, and [ParsePolicyExemptionID] reads
// an id in any casing. To change what Renew doesn't, get a listed exemption of the kind
// [ExemptionKindPolicyExemption] so; [ParseStandardAssignmentID] and [ParseAssignmentID] are
// for the other kinds:
//
//	id, err := armsecops.ParsePolicyExemptionID(exemption.ID)
//	if err != nil {
//		return err // such as that of another kind
//	}
//	got, err := policyExemptions.Get(ctx, id.Scope, id.Name, nil)
//	if err != nil {
//		return err
//	}
//	got.Properties.DisplayName = "Behind a gateway"
//	_, err = policyExemptions.CreateOrUpdate(ctx, id.Scope, id.Name, got.PolicyExemption, nil)
//
// # Roles
//
// Without its role on the scope of the resource, such as a subscription or the central
// workspace, the error of a call is [ErrForbidden], or [ErrNotFound] where the identity
// may not even see the scope. Azure Resource Graph leaves out what the identity may not read.
//
//	read exemptions, standards and recommendations   Security Reader
//	change standards and standard assignments        Security Admin
//	change assignments of the preview of 2021        Security Admin
//	change policy exemptions                         Security Admin or Resource Policy Contributor, also
//	                                                 on the scope of the policy assignment
//	read resources of the workspace manager          Microsoft Sentinel Reader
//	change resources of the workspace manager        Microsoft Sentinel Contributor
//	make members, and start jobs                     Microsoft Sentinel Contributor, also on the
//	                                                 workspace of each member: in another tenant
//	                                                 by Azure Lighthouse
//
// For a call of [ExemptionsClient], the identity needs the role for the kind of the exemption.
// Microsoft describes the roles: https://learn.microsoft.com/azure/sentinel/roles and
// https://learn.microsoft.com/azure/defender-for-cloud/permissions
//
// # Where exemptions are
//
// Azure keeps exemptions in three places, each a resource type with a client of its own.
// A listing of one says nothing of the others: [ExemptionsClient] lists all three. The first
// two are at the scope that they exempt, such as /subscriptions/ID/resourceGroups/NAME. An
// assignment of the preview of 2021 is in a resource group, and names the scope.
//
//	Microsoft.Authorization/policyExemptions   PolicyExemptionsClient
//	Microsoft.Security/standardAssignments     StandardAssignmentsClient
//	Microsoft.Security/assignments             SecurityAssignmentsClient, of the preview of 2021
//
// A recommendation is an assessment in the REST API, and the Name of its
// [AssessmentMetadata], a UUID, is its key. A standard assignment names the key and a
// standard that has it. A policy exemption names a policy assignment, and the reference
// id of the policy in its initiative: [docs/exempting.md] says how to find both, under
// "Policy assignments and reference ids".
//
// # Reading a whole tenant
//
// For a report on a whole tenant, query Azure Resource Graph, by [ExemptionsClient.NewListPager]
// or a NewResourceGraphPager method: few requests, of an index. For some subscriptions as they
// are now, and an error for each that can't be read, call ListAcrossSubscriptions, which
// requests the list of each.
//
//	                                    query                   ListAcrossSubscriptions
//	current                             within minutes          to the second, except a new
//	                                                            standard assignment that only
//	                                                            the query has: within minutes
//	requests                            one for 1,000 rows      at least one for each
//	                                    of a kind               subscription and kind
//	a subscription that you can't read  left out, no error      a *SubscriptionError; of
//	                                                            ExemptionsClient, for each kind
//
// A query that names subscriptions has policy exemptions of the management groups above them
// only with IncludeInherited, and no standard assignments of these groups. The lists of
// subscriptions may lack standard assignments of resource groups and single resources:
// [ExemptionsClient.ListAcrossSubscriptions] finds those by a query, too, and has all.
//
// Don't change a row of a query, or an [Exemption], and put it back. Renew it, or get the
// resource first.
//
// A query ends in [ErrIncompleteResult] if Azure Resource Graph says that rows or
// subscriptions are missing. A query of named subscriptions fails with [ErrForbidden] if the
// identity can read none of them.
//
// # Errors
//
// Every error of an operation or a constructor names it, or the operation whose request
// failed, and prints as one line. "An error is ErrX" means that [errors.Is] finds ErrX in it,
// and "an error is a *T" that [errors.AsType] finds a *T:
//
//	parameter, invalid := errors.AsType[*armsecops.ParameterError](err)
//	service, responded := errors.AsType[*armsecops.ServiceError](err)
//	failed, ended := errors.AsType[*armsecops.JobFailedError](err)
//	switch {
//	case errors.Is(err, armsecops.ErrJobMayRun):
//		// of WaitForJob: the job continues. Do about the cause, such as ErrForbidden, what the
//		// cases below do, and wait again
//	case invalid:
//		log.Println("nothing was sent:", parameter.Name, parameter.Reason)
//	case ended:
//		log.Println(failed.Job.Name, failed.Job.Properties.Summary().Failed, "items failed") // see JobProperties.Failures
//	case errors.Is(err, armsecops.ErrExists), errors.Is(err, armsecops.ErrNotRenewed), errors.Is(err, armsecops.ErrEnded):
//		// of RefuseExisting, and of Renew: nothing was written
//	case errors.Is(err, armsecops.ErrOutcomeUnknown):
//		// look before you repeat it
//	case armsecops.MaybeCarriedOut(err):
//		// a write may have been carried out, and can be sent again
//	case armsecops.HasCode(err, armsecops.CodeSubscriptionNotRegistered, armsecops.CodeMissingSubscriptionRegistration):
//		// one of the service's own codes, before the sentinel of its status, such as ErrNotFound
//	case errors.Is(err, armsecops.ErrIncompleteResult):
//		// what was listed isn't all: query fewer subscriptions
//	case errors.Is(err, armsecops.ErrForbidden), errors.Is(err, armsecops.ErrNotFound):
//		// a role, or the resource, is missing; IsMissing tells a resource, such as a
//		// deleted job, from what is above it and from the page of a proxy
//	case errors.Is(err, armsecops.ErrThrottled):
//		// wait for service.RetryAfter, or for a time of your own if it is 0
//	case errors.Is(err, armsecops.ErrCredential):
//		// sign in
//	case responded:
//		// a status of success is that of a response that can't be used: the text says why
//		log.Println(service.StatusCode, service.Code, service.RequestID, err)
//	default: // such as a lost connection, or the end of the context: nothing was changed; of
//		// PollUntilDone, the job continues, which WaitForJob says
//	}
//
// Further:
//
//   - A response that isn't success, or that cannot be read, is an [*ErrorResponse] from
//     Microsoft Sentinel and a [*CloudError] from the other services. Both are a
//     [*ServiceError] and a *azcore.ResponseError as well.
//   - A success that isn't what the operation returns, such as another status or null,
//     is [ErrUnexpectedResponse]. [ErrPagingLoop], [ErrUntrustedNextLink],
//     [ErrIncompleteResult] and [ErrNotExemption] are of a success, too, and
//     [ErrResponseTooLarge] is of any response.
//   - A credential that got no token is [ErrCredential]. Its own error is in the chain.
//   - A page that failed is a [*PageError], one subscription of many a [*SubscriptionError].
//   - An error of PollUntilDone, such as that of a context which ends between two polls,
//     names no operation: [WaitForJob] names it, and the job. An error of a [Pager] that is
//     misused names none either.
//
// # Logs and traces
//
// In a log of package slog, every error of an operation is one group. Its members have the
// same names and types in each: operation, kind, status, code, message, requestId and so on.
// Logs never have a token, or a value of the query of 8 bytes or more.
//
//	slog.Error("listing exemptions", "err", err)
//	slog.Error("auditing", "err", armsecops.LogValue(fmt.Errorf("audit: %w", err)))
//
// [LogValue] keeps the members of an error that the program wraps. [docs/observability.md]
// has all members, and the spans of OpenTelemetry.
//
// # Retries
//
// Requests are retried by azcore's rules: without options, three times after a lost connection
// or a 408, 429, 500, 502, 503 or 504, first after about 0.8 seconds, then after longer, or when
// Retry-After says. The client's Retry, a policy.RetryOptions, has others. But:
//
//   - The start of a job is repeated only if nothing was sent, or after a 429, or a 401 for
//     which there is a new token: no option, policy or header lifts that. If the response is
//     lost, or is neither a job nor a refusal, such as a 503, the error is
//     [ErrOutcomeUnknown]. With Recover, BeginCreate finds the job.
//   - A write or deletion is repeated. If that is a conflict ([ErrConflict],
//     [ErrPreconditionFailed]), the attempt before may be its cause: it is
//     [ErrOutcomeUnknown]. If there is no response in the end, it may have been applied, and
//     can be sent again: [MaybeCarriedOut] tells.
//   - After a 429, the clients of one factory wait together before the next request to that
//     subscription, or to a scope that belongs to none. A call waits up to the client's
//     MaxRetryDelay in all, a minute by default, beside azcore's own wait before each retry.
//     If it would have to wait longer, it ends with [ErrThrottled], and later calls aren't
//     sent until then.
//
// [docs/reliability.md] says what each fault leads to. It also has the rules for a
// transport of your own, which must neither repeat a request nor follow a redirect.
//
// # Options of one call
//
// A context of github.com/Azure/azure-sdk-for-go/sdk/azcore/policy sets options of one
// call, of any method, for each request of the call:
//
//	// Adds headers; one of the library's of the same name is replaced. A second
//	// WithHTTPHeader drops the headers of the first.
//	once := policy.WithHTTPHeader(ctx, http.Header{"x-ms-correlation-request-id": {"SEC-1042"}})
//	// Sets resp to the response, with its body; it stays nil if there is none to return.
//	var resp *http.Response
//	once = policy.WithCaptureResponse(once, &resp)
//	// No retries. It replaces all of the client's Retry: a field that is 0 is azcore's
//	// default. How long a later call is held back after a 429 stays the client's MaxRetryDelay.
//	once = policy.WithRetryOptions(once, policy.RetryOptions{MaxRetries: -1})
//
// Some calls send several requests, each with the headers: give these no condition. They are
// BeginCreate with Recover and, of [ExemptionsClient], Renew, Delete and CreateOrUpdate with
// RefuseExisting. resp is the response to the last of the requests that got one. It stays nil:
//
//   - for the start of a job whose outcome is unknown, and the listings of Recover;
//   - for a call that is held back after a 429;
//   - where requests overlap: of ListAcrossSubscriptions, and of pages that are fetched ahead.
//
// Give every context a deadline: it bounds the call with all of its attempts and waits,
// except that a call may wait for the token that another one is getting, as in azcore.
//
// # Conditional writes
//
// No service of this package documents conditional writes. CreateOrUpdate replaces a
// resource, and the last writer wins: where that matters, get the resource right before
// you write it.
//
// Assignments of 2021 and the resources of the workspace manager have an ETag. To ask the
// service to write only if it hasn't changed, send it in If-Match:
//
//	got, err := assignments.Get(ctx, "resource-group", "name", nil)
//	if err != nil {
//		return err
//	}
//	got.Properties.DisplayName = "Behind a gateway"
//	once := ctx
//	if got.ETag != "" { // which would be no condition
//		once = policy.WithHTTPHeader(ctx, http.Header{"If-Match": {string(got.ETag)}})
//	}
//	_, err = assignments.CreateOrUpdate(once, "resource-group", "name", got.Assignment, nil)
//
// A service that finds another one responds 412, which is [ErrPreconditionFailed];
// one that doesn't look at it writes anyway. The same holds for If-None-Match: *, by which
// a write only creates. If the error is [ErrOutcomeUnknown] as well, a first attempt of the
// call may have made the change that the second one met: get the resource.
//
// # Models
//
// The models are plain values: p := got.Properties is a copy, and a change to its fields
// doesn't reach got; the elements of slices and maps are shared. Absent, null and zero
// are the same; a field is written only if it isn't zero. Members that this version
// doesn't know are kept in AdditionalProperties and written again, so a resource that is
// read, changed and written loses nothing. Every resource is a [Resource], which names
// the exceptions, and every page of a list a [Page]. An [Exemption] isn't a resource, and
// has a part of one.
//
// Both encoding/json and github.com/go-json-experiment/json read and write resources
// and pages alike. For a part that is marshaled or unmarshaled on its own, such as
// Properties, use the latter, or encoding/json on Go 1.27: on Go 1.26, it shows
// AdditionalProperties as a field, and drops what belongs there.
//
// # Trust
//
// The token is sent to the endpoint and to hosts below it, over TLS, and nowhere else. A
// link to a next page that leads elsewhere is [ErrUntrustedNextLink]; redirects are not
// followed. Bodies are bounded by MaxResponseBytes, and text from a server is printed in
// part, in one line, without control characters.
//
// # Testing
//
// Package fake has a server that behaves as the services do, in memory. The examples
// run on it:
//
//	server := fake.NewServer(nil)
//	client, err := armsecops.NewExemptionsClient(&azfake.TokenCredential{}, server.ClientOptions()) // azfake is azcore/fake
//
// [docs/api.md]: https://github.com/armsecops/armsecops/blob/main/docs/api.md
// [docs/exempting.md]: https://github.com/armsecops/armsecops/blob/main/docs/exempting.md
// [docs/guide.md]: https://github.com/armsecops/armsecops/blob/main/docs/guide.md
// [docs/observability.md]: https://github.com/armsecops/armsecops/blob/main/docs/observability.md
// [docs/publishing.md]: https://github.com/armsecops/armsecops/blob/main/docs/publishing.md
// [docs/reliability.md]: https://github.com/armsecops/armsecops/blob/main/docs/reliability.md
package armsecops
