// Package armsecops is a client for the publish jobs of the workspace manager of
// Microsoft Sentinel, and for the assignments and exemptions of security
// standards in Microsoft Defender for Cloud.
//
// [WorkspaceManagerJobsClient] starts, waits for, reads, lists and deletes jobs;
// [SecurityAssignmentsClient] reads, writes, lists and deletes assignments, in
// one subscription or in many. Both are built on azcore and are used as its other
// clients are: a credential of azidentity, [ClientOptions] that embed those of
// every Azure Resource Manager client, options last and nil for the defaults.
//
// # Models
//
// The models are plain values. Absent, null and zero are the same; a field is
// written only if it isn't zero. Members that this version doesn't know are kept
// in AdditionalProperties and written again, so a resource that is read, changed
// and written loses nothing; only an explicit null or "" of a known member turns
// into its absence. Numbers in open objects keep every digit, as [encoding/json.Number].
// Invalid UTF-8 is replaced, as Azure's own clients do. A duplicate name, which
// could mean either value, is an error that says where, and so is a document
// nested deeper than 10,000. [encoding/json] and
// github.com/go-json-experiment/json read and write the models alike.
//
// The strings of an answer lie together in memory, up to two kilobytes of them:
// [strings.Clone] one that is to outlive all others.
//
// # Errors
//
// A parameter that breaks its rule is a [*ParameterError], and nothing is sent.
// An answer that isn't a success, or that cannot be read, is an [*ErrorResponse]
// of the jobs or a [*CloudError] of the assignments, and in both cases an
// azcore.ResponseError as well. Use [errors.Is] with [ErrNotFound] and the other
// sentinels, [HasCode] for the service's own codes.
//
// # Retries
//
// Requests are tried again as azcore does it, with one exception: a request that
// starts a job is sent again only if the connection was never made or the
// service said 429. Where nobody knows whether the job was started, the error is
// [ErrOutcomeUnknown]. Retry options that a caller sets for the call, with
// policy.WithRetryOptions, have their way.
//
// Clients that share a connection wait together where a subscription is
// throttled. A wait beyond MaxRetryDelay is not waited for, it is [ErrThrottled].
//
// # Trust
//
// The token is sent to the endpoint and to hosts below it, by TLS, and nowhere
// else. A link to a next page that leads elsewhere is [ErrUntrustedNextLink];
// redirects are not followed, which none of the operations needs. Bodies are
// bounded by MaxResponseBytes, and nothing that a server sends is printed at
// length or with its control characters.
//
// # Testing
//
// Package fake has a server that behaves as both services do, in memory.
package armsecops
