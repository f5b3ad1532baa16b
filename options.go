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
	// queries of Azure Resource Graph; a [ClientFactory] and NewExemptionsClient refuse it.
	// Set another Cloud, such as cloud.AzureChina of azcore, in the credential's options, too.
	// A Transport that is an *http.Client is used without following redirects; another one
	// must not follow them, nor send a request again by itself.
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
	// [PageError] said. An empty one begins at the first page: don't keep that of a
	// listing that has ended. A token is bound to its listing, subscription and
	// endpoint, and to its filter and order: they stay in force if the options have none,
	// and others are a [*ParameterError]. The token of a query of Azure Resource Graph is bound
	// to the query, and to its scopes in any order.
	//
	// A token can be stored. It is no credential, but has ids and the query of the service's
	// link, so errors don't print it. A token of a version of this module with another form is
	// a [*ParameterError]. How long the service accepts its link isn't documented.
	ContinuationToken string

	// MaxPages bounds the number of pages that this pager reads; More is false then, and
	// [Pager.ContinuationToken] names the next page. 0 means no bound, and a negative
	// number is a [*ParameterError]. Set it where a service may
	// return items forever; 1,000 pages in a row without an item are
	// [ErrPagingLoop] without it.
	MaxPages int

	// Prefetch is the number of pages that All and Pages fetch ahead while the
	// caller works on one, at most 64. 0 means none. Another number is a
	// [*ParameterError].
	Prefetch int
}

// WorkspaceManagerListOptions holds the optional parameters of the listings of
// Microsoft Sentinel's workspace manager.
type WorkspaceManagerListOptions struct {
	// OrderBy sorts the items, as in "properties/startTime desc". It is the service's
	// $orderby, unescaped. Empty means the service's own order.
	OrderBy string

	// Top bounds the number of items that this pager yields, whether the service
	// takes it for the size of the listing or of a page. 0 means no bound, and a
	// negative number is a [*ParameterError]. A page that had to be cut is the one
	// that ContinuationToken names then: resuming repeats items rather than losing any.
	Top int32

	// SkipToken is the service's own token of a place in the listing, taken
	// from the $skipToken of a nextLink, unescaped. ContinuationToken is the safer
	// choice.
	SkipToken string

	PageOptions
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
	// subscriptions has no rows of the management groups above them: see
	// IncludeInherited. The ListAcrossSubscriptions methods have an error for each
	// subscription.
	SubscriptionIDs []string

	// ManagementGroups are the names of the management groups to query, with all
	// below them, instead of subscriptions: with SubscriptionIDs they are a
	// [*ParameterError]. Each has 1 to 90 letters, digits and -_.().
	ManagementGroups []string

	// Where filters the rows on the service's side: a predicate in the Kusto Query
	// Language (KQL), without a line break or comment, such as
	//
	//	properties.effect =~ 'exempt' and todatetime(properties.expiresOn) < now(7d)
	//
	// The query has it as a "| where (...)" of its own, which is its third line: the
	// predicate begins at position 9 of a syntax error's line 3. It is code: never
	// put a user's input into it.
	Where string

	// AllowPartialScopes accepts a result that has only the first 10,000
	// subscriptions of a tenant or management group. Otherwise, such a result ends
	// in [ErrIncompleteResult].
	AllowPartialScopes bool

	// IncludeInherited adds what the SubscriptionIDs inherit from management groups above
	// them. Without SubscriptionIDs it is a [*ParameterError]. It matters to policy
	// exemptions only.
	IncludeInherited bool

	// PageSize is the number of rows of a page at most, 1 to 1,000. 0 means 1,000.
	// Another number is a [*ParameterError]. Set it where 1,000 rows exceed the
	// service's 16 MiB, [CodeResponsePayloadTooLarge]. A ContinuationToken resumes
	// with any PageSize.
	PageSize int

	PageOptions
}
