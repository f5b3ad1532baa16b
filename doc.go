// Package armsecops is a client for the publish jobs of the workspace manager of
// Microsoft Sentinel, and for the assignments of security standards, exemptions
// and attestations in Microsoft Defender for Cloud.
//
// This program prints the exemptions among the Microsoft.Security/assignments of
// a subscription, one of three places for exemptions:
//
//	package main
//
//	import (
//		"context"
//		"errors"
//		"fmt"
//		"log"
//
//		"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
//
//		"github.com/armsecops/armsecops"
//	)
//
//	func main() {
//		credential, err := azidentity.NewDefaultAzureCredential(nil)
//		if err != nil {
//			log.Fatal(err)
//		}
//		client, err := armsecops.NewSecurityAssignmentsClient("20ff7fc3-e762-44dd-bd96-b71116dcdc23", credential, nil)
//		if err != nil {
//			log.Fatal(err)
//		}
//		for assignment, err := range client.NewListBySubscriptionPager(nil).All(context.Background()) {
//			switch {
//			case errors.Is(err, armsecops.ErrForbidden):
//				log.Fatal("the identity needs the role Security Reader: ", err)
//			case err != nil:
//				log.Fatal(err)
//			case assignment.Properties.Effect.Is(armsecops.EffectExempt):
//				fmt.Println(assignment.Properties.DisplayName, assignment.Properties.Scope)
//			}
//		}
//	}
//
// [WorkspaceManagerJobsClient] starts, waits for, reads, lists and deletes jobs;
// [SecurityAssignmentsClient] reads, writes, lists and deletes assignments, in
// one subscription or in many; [StandardAssignmentsClient] does so with standard
// assignments, at any scope. All are built on azcore and work as its other
// clients do: a credential of azidentity, [ClientOptions] that embed those of
// every Azure Resource Manager client, options last and nil for the defaults.
// For more than one client, make them with a [ClientFactory]: they share one
// pipeline and token cache.
//
// # Where exemptions are
//
// Azure keeps exemptions in three places. A listing of one says nothing of the
// others: a complete picture takes all three.
//
//	Microsoft.Authorization/policyExemptions
//	    holds:  exemptions from recommendations that come from Azure Policy initiatives
//	    client: none here yet; ExemptionsClient of armpolicy v0.10.0 or of a beta of armpolicy/v2. It went with
//	            armpolicy 1.0.0. "az policy exemption list" lists only those of the current subscription itself;
//	            all are in the table policyresources of Azure Resource Graph:
//	            policyresources | where type =~ 'microsoft.authorization/policyexemptions'
//	    write:  exemptions from such recommendations
//
//	Microsoft.Security/standardAssignments
//	    holds:  audits by Defender's own standards, exemptions from them, attestations; of a management
//	            group, subscription, resource group, security connector or single resource
//	    client: StandardAssignmentsClient
//	    write:  new exemptions from Defender's standards, and attestations
//
//	Microsoft.Security/assignments
//	    holds:  assignments of standards and exemptions of the preview of 2021, of a resource group
//	    client: SecurityAssignmentsClient
//	    write:  changes to what is there
//
// # Reading a whole tenant
//
// To list one subscription after the other takes a call or more for each of them.
// [SecurityAssignmentsClient.NewResourceGraphPager] and
// [StandardAssignmentsClient.NewResourceGraphPager] query Azure Resource Graph, the
// index of Azure Resource Manager, instead: one request for 1,000 rows of all that
// the identity may read, filtered on the service's side. The index follows changes
// within minutes. Its rows lack ETag and SystemData: they are for reading.
//
// If rows or subscriptions are missing and Azure Resource Graph says so, the error
// is [ErrIncompleteResult]. It doesn't say so of a subscription that the identity
// may not read, named or not: its rows are missing, and there is no error unless no
// subscription that the query names can be read, which is [ErrForbidden]. A query of
// named subscriptions has no rows of the management groups above them.
// [SecurityAssignmentsClient.ListAcrossSubscriptions] requests each subscription: one
// that the identity may not read is a [*SubscriptionError] with [ErrForbidden].
// Standard assignments are listed for each scope by
// [StandardAssignmentsClient.NewListPager].
//
// # Models
//
// The models are plain values: p := got.Properties is a copy, and a change to it
// doesn't reach got. Absent, null and zero are the same; a field is written only
// if it isn't zero. Members that this version doesn't know are kept
// in AdditionalProperties and written again, so a resource that is read, changed
// and written loses nothing. Only an explicit {}, "", null or the time
// 0001-01-01T00:00:00Z of a known member may turn into its absence, and a null
// that is a tag or an element of a list into "" or {}; a null in Metadata or
// AdditionalProperties stays. A time keeps nine digits of its second's fraction,
// two more than Azure writes. Names are matched exactly: one in another casing is an unknown
// member. Metadata is any JSON, as it came. Invalid UTF-8 is replaced, as Azure's
// own clients do. A duplicate name, which could mean either value, is an error
// that says where, and so is a document nested deeper than 10,000.
//
// To write only if the resource hasn't changed since it was read, set If-Match to
// its ETag by policy.WithHTTPHeader of azcore. A service that refuses the request
// says 412, which is [ErrPreconditionFailed]. Neither service documents that it
// looks at If-Match: one that doesn't writes anyway.
//
// Both encoding/json and github.com/go-json-experiment/json read and write the
// documents ([Job], [Assignment], [StandardAssignment],
// [Page]) alike. For a part of a document that is marshaled on its own, use the
// latter, or encoding/json on Go 1.27: on Go 1.26, encoding/json shows
// AdditionalProperties as a field.
//
// # Errors
//
// An invalid parameter is a [*ParameterError], and nothing is sent. A response
// that isn't success, or that cannot be read, is an [*ErrorResponse] from the
// jobs or a [*CloudError] from the assignments, and in both cases a
// [*ServiceError] and an azcore.ResponseError as well. So is a success whose body
// isn't what the operation returns, such as null or an error: it is
// [ErrUnexpectedResponse]. An error of a credential, which got no token, is
// [ErrCredential]; its own type is in the chain. Use [errors.Is] with
// [ErrNotFound] and the other sentinels, [HasCode] for the service's own codes.
//
// In a log of package slog, every error is one group with the same members:
// operation, kind, status, code, message, requestId and so on, without tokens and
// values of the query. docs/observability.md lists them, and shows the spans of
// OpenTelemetry.
//
// # Retries
//
// Requests are retried by azcore's rules, with one exception: a request that
// starts a job is sent again only if nothing was sent, or the service refused it,
// as with 429. No retry option of the client or of the call, no policy, even if its
// attempts overlap, no header and no reset of the connection lifts that. The error
// is [ErrOutcomeUnknown] if it is unknown whether the job started.
//
// What was sent is told from what the transport reports to net/http/httptrace, as
// those of net/http do. From another transport, an error of dialing means that
// nothing was sent, and every other error that it may have been; such a transport
// must not send a request again by itself.
//
// A request that writes or deletes is repeated. If an earlier attempt may have been
// applied, and the service now reports a conflict ([ErrConflict],
// [ErrPreconditionFailed]), the error is [ErrOutcomeUnknown] as well.
//
// Clients of one factory wait together if a subscription is throttled, or a scope
// that belongs to none, or the queries of Azure Resource Graph, which it counts for
// the identity. No call waits there for longer than MaxRetryDelay in all of its
// attempts: one that would have to isn't sent, and is [ErrThrottled]. A Retry-After
// that is a date counts from the Date of its response. A poller waits between two
// polls for its Frequency, or for as long as the response asks, at most an hour.
//
// # Trust
//
// The token is sent to the endpoint and to hosts below it, over TLS, and nowhere
// else. A link to a next page that leads elsewhere is [ErrUntrustedNextLink];
// redirects are not followed, which none of the operations needs. A Transport
// that is an http.Client follows none either. What a Transporter of the caller's
// own follows, the library can only recognize afterwards and refuse: net/http
// drops the Authorization header at another host, but not
// x-ms-authorization-auxiliary, which AuxiliaryTenants sets. Bodies are bounded by
// MaxResponseBytes, and text from a server is printed in part, in one
// line, without control characters.
//
// # Testing
//
// Package fake has a server that behaves as the services do, in memory.
package armsecops
