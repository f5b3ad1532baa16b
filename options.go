package armsecops

import (
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
)

const (
	defaultMaxResponseBytes = 64 << 20
	maxErrorResponseBytes   = 1 << 20
)

// ClientOptions holds the optional parameters of the clients.
type ClientOptions struct {
	// ClientOptions are those of every Azure Resource Manager client: Cloud,
	// Retry, Transport, Telemetry, TracingProvider, policies. APIVersion
	// overrides the api-version of every request, next pages included, except
	// queries of Azure Resource Graph; a [ClientFactory] refuses it. A Transport
	// that is an *http.Client is used without following redirects.
	arm.ClientOptions

	// MaxResponseBytes bounds the body of one response, success or error, in
	// bytes after decompression. A longer one ends in [ErrResponseTooLarge].
	// 0 means 64 MiB, and a negative number is a [*ParameterError]. The body of an
	// error is never read beyond 1 MiB.
	//
	// A body of documented resources takes about 3 times its length in memory,
	// garbage not counted, and no body takes more than 64 times its length and
	// 1 MiB: one of many tiny objects, nulls or members that could take more ends
	// in ErrResponseTooLarge, too. Set a lower bound where 4 GiB are too much for
	// what a faulty server can send.
	MaxResponseBytes int64
}

// PageOptions holds the optional parameters of a listing.
type PageOptions struct {
	// ContinuationToken resumes a listing where [Pager.ContinuationToken] or
	// [PageError] said. It is bound to its listing, subscription and endpoint; that
	// of a query of Azure Resource Graph, to the query and its scopes.
	ContinuationToken string

	// MaxPages bounds the number of pages that this pager reads. 0 means no bound,
	// and a negative number is a [*ParameterError]. Set it where a service may
	// return links forever, such as links that only grow a $skip.
	MaxPages int

	// Prefetch is the number of pages that All and Pages fetch ahead while the
	// caller works on one, at most 64. 0 means none. Another number is a
	// [*ParameterError].
	Prefetch int
}

// ResourceGraphOptions holds the optional parameters of a query of Azure Resource
// Graph, as [SecurityAssignmentsClient.NewResourceGraphPager] makes it.
type ResourceGraphOptions struct {
	// SubscriptionIDs are the subscriptions to query, UUIDs; one that is there
	// twice, ignoring case, is queried once. More than 1,000 take one query for
	// every 1,000 of them. If ManagementGroups is empty as well, the scope is all
	// that the identity may read.
	//
	// A subscription that the identity may not read has no rows and no error; only
	// if it may read none of them is the error [ErrForbidden]. A query of
	// subscriptions has no rows of management groups: see IncludeInherited.
	SubscriptionIDs []string

	// ManagementGroups are the names of the management groups to query, with all
	// below them, instead of subscriptions. Each has 1 to 90 letters, digits and -_.().
	ManagementGroups []string

	// Where filters the rows on the service's side: a predicate in the Kusto Query
	// Language (KQL), without a line break or comment, such as
	//
	//	properties.effect =~ 'exempt' and todatetime(properties.expiresOn) < now(7d)
	//
	// The query has it as a "| where (...)" of its own. It is code: never put a
	// user's input into it.
	Where string

	// AllowPartialScopes accepts a result that has only the first 10,000
	// subscriptions of a tenant or management group. Otherwise, such a result ends
	// in [ErrIncompleteResult].
	AllowPartialScopes bool

	// IncludeInherited adds what the SubscriptionIDs, which it needs, inherit from
	// management groups above them. It matters to policy exemptions only.
	IncludeInherited bool

	// PageSize is the number of rows of a page at most, 1 to 1,000. 0 means 1,000.
	// Another number is a [*ParameterError]. Set it where 1,000 rows exceed the
	// service's 16 MiB, [CodeResponsePayloadTooLarge]. A ContinuationToken resumes
	// with any PageSize.
	PageSize int

	PageOptions
}

// WorkspaceManagerJobsClientCreateOptions holds the optional parameters of [WorkspaceManagerJobsClient.Create].
type WorkspaceManagerJobsClientCreateOptions struct{}

// WorkspaceManagerJobsClientCreateResponse is the response of [WorkspaceManagerJobsClient.Create].
type WorkspaceManagerJobsClientCreateResponse struct {
	Job
}

// WorkspaceManagerJobsClientBeginCreateOptions holds the optional parameters of [WorkspaceManagerJobsClient.BeginCreate].
type WorkspaceManagerJobsClientBeginCreateOptions struct {
	// ResumeToken continues to wait for the job of an earlier poller, of
	// BeginCreate or NewJobPoller, whose ResumeToken method returned it. No job is
	// started. Names that are empty are taken from the token, others must agree with it.
	ResumeToken string

	// Progress, if not nil, is called after every poll that succeeds, the last one
	// included, with the job as it is. It is called in the goroutine of Poll or
	// PollUntilDone, which waits for it, and not for a job that has ended before
	// the first poll. It must not change the job's items.
	Progress func(Job)
}

// WorkspaceManagerJobsClientNewJobPollerOptions holds the optional parameters of [WorkspaceManagerJobsClient.NewJobPoller].
type WorkspaceManagerJobsClientNewJobPollerOptions struct {
	// ResumeToken is that of an earlier poller, of BeginCreate or NewJobPoller.
	// Names that are empty are taken from the token, others must agree with it.
	ResumeToken string

	// Progress, if not nil, is called after every poll that succeeds, the last one
	// included, with the job as it is. It is called in the goroutine of Poll or
	// PollUntilDone, which waits for it. It must not change the job's items.
	Progress func(Job)
}

// WorkspaceManagerJobsClientGetOptions holds the optional parameters of [WorkspaceManagerJobsClient.Get].
type WorkspaceManagerJobsClientGetOptions struct{}

// WorkspaceManagerJobsClientGetResponse is the response of [WorkspaceManagerJobsClient.Get].
type WorkspaceManagerJobsClientGetResponse struct {
	Job
}

// WorkspaceManagerJobsClientDeleteOptions holds the optional parameters of [WorkspaceManagerJobsClient.Delete].
type WorkspaceManagerJobsClientDeleteOptions struct{}

// WorkspaceManagerJobsClientDeleteResponse is the response of [WorkspaceManagerJobsClient.Delete].
type WorkspaceManagerJobsClientDeleteResponse struct{}

// WorkspaceManagerJobsClientListOptions holds the optional parameters of [WorkspaceManagerJobsClient.NewListPager].
type WorkspaceManagerJobsClientListOptions struct {
	// OrderBy sorts the jobs, as in "properties/startTime desc". It is the service's
	// $orderby, unescaped. Empty means the service's own order.
	OrderBy string

	// Top bounds the number of jobs that this pager yields, whether the service
	// takes it for the size of the listing or of a page. 0 means no bound, and a
	// negative number is a [*ParameterError]. A page that had to be cut is the one
	// that ContinuationToken names then: resuming repeats jobs rather than losing any.
	Top int32

	// SkipToken is the service's own token of a place in the listing, taken
	// from the $skipToken of a nextLink, unescaped. ContinuationToken is the safer
	// choice.
	SkipToken string

	PageOptions
}

// SecurityAssignmentsClientGetOptions holds the optional parameters of [SecurityAssignmentsClient.Get].
type SecurityAssignmentsClientGetOptions struct{}

// SecurityAssignmentsClientGetResponse is the response of [SecurityAssignmentsClient.Get].
type SecurityAssignmentsClientGetResponse struct {
	Assignment
}

// SecurityAssignmentsClientCreateOrUpdateOptions holds the optional parameters of [SecurityAssignmentsClient.CreateOrUpdate].
type SecurityAssignmentsClientCreateOrUpdateOptions struct{}

// SecurityAssignmentsClientCreateOrUpdateResponse is the response of [SecurityAssignmentsClient.CreateOrUpdate].
type SecurityAssignmentsClientCreateOrUpdateResponse struct {
	Assignment
}

// SecurityAssignmentsClientDeleteOptions holds the optional parameters of [SecurityAssignmentsClient.Delete].
type SecurityAssignmentsClientDeleteOptions struct{}

// SecurityAssignmentsClientDeleteResponse is the response of [SecurityAssignmentsClient.Delete].
type SecurityAssignmentsClientDeleteResponse struct{}

// SecurityAssignmentsClientListOptions holds the optional parameters of [SecurityAssignmentsClient.NewListPager].
type SecurityAssignmentsClientListOptions struct {
	PageOptions
}

// SecurityAssignmentsClientListBySubscriptionOptions holds the optional parameters of [SecurityAssignmentsClient.NewListBySubscriptionPager].
type SecurityAssignmentsClientListBySubscriptionOptions struct {
	PageOptions
}

// SecurityAssignmentsClientListAcrossSubscriptionsOptions holds the optional parameters of [SecurityAssignmentsClient.ListAcrossSubscriptions].
type SecurityAssignmentsClientListAcrossSubscriptionsOptions struct {
	// Concurrency is the number of subscriptions that are listed at a time, and
	// the bound on the pages in memory. 0 means 8, and a negative number is a
	// [*ParameterError].
	Concurrency int

	// ContinuationTokens resumes a listing that ended early. It holds the tokens
	// that Progress was called with, or that errors carried, by subscription id,
	// ignoring case. A subscription without a token is listed from the start, one
	// with the token "" is finished. The map is copied at once.
	ContinuationTokens map[string]string

	// Progress, if not nil, is called after the last item of every page with the
	// token of the subscription's next page, or "" if the subscription is
	// finished. It is called in the goroutine of the loop.
	Progress func(subscriptionID, continuationToken string)
}

// StandardAssignmentsClientGetOptions holds the optional parameters of [StandardAssignmentsClient.Get].
type StandardAssignmentsClientGetOptions struct{}

// StandardAssignmentsClientGetResponse is the response of [StandardAssignmentsClient.Get].
type StandardAssignmentsClientGetResponse struct {
	StandardAssignment
}

// StandardAssignmentsClientCreateOrUpdateOptions holds the optional parameters of [StandardAssignmentsClient.CreateOrUpdate].
type StandardAssignmentsClientCreateOrUpdateOptions struct{}

// StandardAssignmentsClientCreateOrUpdateResponse is the response of [StandardAssignmentsClient.CreateOrUpdate].
type StandardAssignmentsClientCreateOrUpdateResponse struct {
	StandardAssignment
}

// StandardAssignmentsClientDeleteOptions holds the optional parameters of [StandardAssignmentsClient.Delete].
type StandardAssignmentsClientDeleteOptions struct{}

// StandardAssignmentsClientDeleteResponse is the response of [StandardAssignmentsClient.Delete].
type StandardAssignmentsClientDeleteResponse struct{}

// StandardAssignmentsClientListOptions holds the optional parameters of [StandardAssignmentsClient.NewListPager].
type StandardAssignmentsClientListOptions struct {
	PageOptions
}
