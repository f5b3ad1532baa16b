package armsecops

import (
	"context"
	"encoding/json"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/armsecops/armsecops/internal/routes"
)

// PolicyExemptionsClient reads and writes the exemptions of Azure Policy, api-version
// 2022-07-01-preview: what most recommendations of Defender for Cloud are exempted
// by, see [AssessmentMetadataProperties.ExemptedBy]. It is safe for concurrent use.
//
// Roles: Security Reader reads exemptions; Security Admin or Resource Policy Contributor
// changes them, also on the scope of the policy assignment.
//
// REST: https://learn.microsoft.com/rest/api/policy/policy-exemptions
type PolicyExemptionsClient struct {
	client
}

// NewPolicyExemptionsClient returns a client for the policy exemptions of any scope.
//   - credential: an azidentity credential, or the TokenCredential of azcore/fake in a test
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError].
func NewPolicyExemptionsClient(credential azcore.TokenCredential, options *ClientOptions) (*PolicyExemptionsClient, error) {
	f, err := newFactory[PolicyExemptionsClient](credential, options)
	if err != nil {
		return nil, err
	}
	return f.NewPolicyExemptionsClient(), nil
}

// NewPolicyExemptionsClient returns a client for the policy exemptions of any scope.
func (f *ClientFactory) NewPolicyExemptionsClient() *PolicyExemptionsClient {
	return &PolicyExemptionsClient{client{connection: f.connection, newError: newCloudError}}
}

// Get returns a policy exemption.
//   - scope: the resource id of a management group, subscription, resource group or resource, with or without its first slash
//   - policyExemptionName: one segment of a path: not empty, . or .., without /, ?, # and control characters
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success a
// [*CloudError]; it is [ErrNotFound] if there is no such exemption.
//
// REST: https://learn.microsoft.com/rest/api/policy/policy-exemptions/get
func (c *PolicyExemptionsClient) Get(ctx context.Context, scope, policyExemptionName string, options *PolicyExemptionsClientGetOptions) (PolicyExemptionsClientGetResponse, error) {
	return run[PolicyExemptionsClientGetResponse](ctx, c.client, call{
		route:  routes.PolicyExemptions.Get,
		values: pathValues{scope, policyExemptionName},
	})
}

// CreateOrUpdate creates a policy exemption, or replaces the one of that name. The
// service requires PolicyAssignmentID and ExemptionCategory. Without
// PolicyDefinitionReferenceIDs, it exempts from every policy of the assignment, and
// without ExpiresOn it never ends. To change one, such as its ExpiresOn, get it,
// change the fields in question and put it back: members that this version doesn't
// know are kept. A known ExemptionCategory is sent in the service's casing, as in
// "Waiver".
//   - scope: the resource id of a management group, subscription, resource group or resource, with or without its first slash
//   - policyExemptionName: 1 to 64 characters, a length that only the service checks, without any of <>*%&:\?.+/
//     and control characters, and without a space at the end. Where policyExemption has that Name, as after a Get,
//     any single segment of a path is accepted
//   - policyExemption: all of the exemption; the service ignores the members that it sets itself
//   - options: nil for the defaults
//
// The identity needs its role, such as Security Admin, on the scope of the policy
// assignment, too. In Defender for Cloud, an exemption takes up to 24 hours to count,
// and so does its deletion. Azure Policy's limit is 1,000 exemptions of a scope.
//
// Microsoft recommends the portal for exemptions from recommendations: those made by the API
// of Azure Policy might not fully integrate with Defender for Cloud. Each initiative that has
// the recommendation needs an exemption of its own.
//
// An invalid parameter is a [*ParameterError], a response that isn't success a
// [*CloudError]. The call is repeated if a response is lost; it leaves the same
// exemption however often it is carried out. A conflict with an earlier attempt is
// [ErrOutcomeUnknown].
//
// REST: https://learn.microsoft.com/rest/api/policy/policy-exemptions/create-or-update
func (c *PolicyExemptionsClient) CreateOrUpdate(ctx context.Context, scope, policyExemptionName string, policyExemption PolicyExemption, options *PolicyExemptionsClientCreateOrUpdateOptions) (PolicyExemptionsClientCreateOrUpdateResponse, error) {
	return run[PolicyExemptionsClientCreateOrUpdateResponse](ctx, c.client, putPolicyExemption(scope, policyExemptionName, policyExemption))
}

// putPolicyExemption returns the call that puts a policy exemption.
func putPolicyExemption(scope, name string, exemption PolicyExemption) call {
	category := &exemption.Properties.ExemptionCategory
	*category = category.as("Waiver", "Mitigated")
	return call{
		route:     routes.PolicyExemptions.CreateOrUpdate,
		values:    pathValues{scope, name},
		parameter: "policyExemption",
		body:      &exemption,
		creates:   exemption.Name != name,
	}
}

// Update changes the resource selectors of a policy exemption, or whether its scope
// is validated, and nothing else: get and put the exemption to change the rest.
//   - scope: the resource id of a management group, subscription, resource group or resource, with or without its first slash
//   - policyExemptionName: one segment of a path: not empty, . or .., without /, ?, # and control characters
//   - update: what changes; a non-nil empty ResourceSelectors removes the selectors
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success a
// [*CloudError]; it is [ErrNotFound] if there is no such exemption. The call is repeated
// if a response is lost; it leaves the same exemption however often it is carried out. A
// conflict with an earlier attempt is [ErrOutcomeUnknown].
//
// REST: https://learn.microsoft.com/rest/api/policy/policy-exemptions/update
func (c *PolicyExemptionsClient) Update(ctx context.Context, scope, policyExemptionName string, update PolicyExemptionUpdate, options *PolicyExemptionsClientUpdateOptions) (PolicyExemptionsClientUpdateResponse, error) {
	return run[PolicyExemptionsClientUpdateResponse](ctx, c.client, call{
		route:     routes.PolicyExemptions.Update,
		values:    pathValues{scope, policyExemptionName},
		parameter: "update",
		body:      &update,
	})
}

// Delete deletes a policy exemption. In Defender for Cloud, that can take 24 hours to
// count. It can fail if the policy assignment is gone: Microsoft says to add one first. Deleting one that doesn't exist is success if the service says 204; it is
// [ErrNotFound] if the service says 404.
//   - scope: the resource id of a management group, subscription, resource group or resource, with or without its first slash
//   - policyExemptionName: one segment of a path: not empty, . or .., without /, ?, # and control characters
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success a
// [*CloudError]. The call is repeated if a response is lost. It is [ErrOutcomeUnknown]
// if a later attempt conflicts with an earlier one, or finds that
// something above the resource is missing.
//
// REST: https://learn.microsoft.com/rest/api/policy/policy-exemptions/delete
func (c *PolicyExemptionsClient) Delete(ctx context.Context, scope, policyExemptionName string, options *PolicyExemptionsClientDeleteOptions) (PolicyExemptionsClientDeleteResponse, error) {
	return run[PolicyExemptionsClientDeleteResponse](ctx, c.client, call{
		route:  routes.PolicyExemptions.Delete,
		values: pathValues{scope, policyExemptionName},
	})
}

// NewListPager lists the policy exemptions of a scope. Without a Filter these are
// its own, those that it inherits from above, and those below it. Whether a management
// group's list has those below it isn't documented:
// [PolicyExemptionsClient.NewResourceGraphPager] has them.
//   - scope: the resource id of a management group, subscription, resource group or resource, with or without its first slash
//   - options: nil for the defaults
//
// Nothing is sent before the first page is read. See [Pager] for how to read it
// and for its errors; those of the service are [*CloudError].
//
// REST: https://learn.microsoft.com/rest/api/policy/policy-exemptions/list
func (c *PolicyExemptionsClient) NewListPager(scope string, options *PolicyExemptionsClientListOptions) *Pager[PolicyExemption] {
	if options == nil {
		options = &PolicyExemptionsClientListOptions{}
	}
	listing := call{route: routes.PolicyExemptions.List, values: pathValues{scope}}
	if options.Filter != "" {
		listing.query = "$filter=" + queryEscape(options.Filter)
	}
	return newListPager[PolicyExemption](c.client, listing, options.PageOptions)
}

// NewResourceGraphPager lists the policy exemptions of a whole tenant, or of some
// subscriptions or management groups of it, by querying Azure Resource Graph: up
// to 1,000 policy exemptions a request, sorted by id. Its index follows changes
// within minutes. An exemption can outlive its resource group there.
//   - options: nil for the defaults, which are all that the identity may read; with
//     IncludeInherited, a query of subscriptions has what they inherit, too
//
// A policy exemption has no SystemData, and in AdditionalProperties the columns
// tenantId, resourceGroup and subscriptionId: it is for reading, and a change
// begins with [PolicyExemptionsClient.Get].
//
// Nothing is sent before the first page is read. See [Pager] for how to read it
// and for its errors; those of the service are [*CloudError]. Pages have no
// NextLink, and in AdditionalProperties the service's totalRecords, the number of
// rows of the page's query: of everything, unless there are more than 1,000
// SubscriptionIDs.
//
// A result that lacks rows or subscriptions ends in [ErrIncompleteResult] where the
// service says so. It doesn't say so of subscriptions that the identity may not
// read: [PolicyExemptionsClient.ListAcrossSubscriptions] has an error for each of those.
//
// REST: https://learn.microsoft.com/rest/api/azureresourcegraph/resourcegraph/resources/resources
func (c *PolicyExemptionsClient) NewResourceGraphPager(options *ResourceGraphOptions) *Pager[PolicyExemption] {
	return newGraphPager[PolicyExemption](c.client, routes.PolicyExemptions.Query, "id, name, type, tenantId, resourceGroup, subscriptionId, properties", options)
}

// PolicyExemptionsClientGetOptions holds the optional parameters of [PolicyExemptionsClient.Get].
type PolicyExemptionsClientGetOptions struct{}

// PolicyExemptionsClientGetResponse is the response of [PolicyExemptionsClient.Get].
type PolicyExemptionsClientGetResponse struct {
	PolicyExemption
}

// PolicyExemptionsClientCreateOrUpdateOptions holds the optional parameters of [PolicyExemptionsClient.CreateOrUpdate].
type PolicyExemptionsClientCreateOrUpdateOptions struct{}

// PolicyExemptionsClientCreateOrUpdateResponse is the response of [PolicyExemptionsClient.CreateOrUpdate].
type PolicyExemptionsClientCreateOrUpdateResponse struct {
	PolicyExemption
}

// PolicyExemptionsClientUpdateOptions holds the optional parameters of [PolicyExemptionsClient.Update].
type PolicyExemptionsClientUpdateOptions struct{}

// PolicyExemptionsClientUpdateResponse is the response of [PolicyExemptionsClient.Update].
type PolicyExemptionsClientUpdateResponse struct {
	PolicyExemption
}

// PolicyExemptionsClientDeleteOptions holds the optional parameters of [PolicyExemptionsClient.Delete].
type PolicyExemptionsClientDeleteOptions struct{}

// PolicyExemptionsClientDeleteResponse is the response of [PolicyExemptionsClient.Delete].
type PolicyExemptionsClientDeleteResponse struct{}

// PolicyExemptionsClientListOptions holds the optional parameters of [PolicyExemptionsClient.NewListPager].
type PolicyExemptionsClientListOptions struct {
	// Filter is the service's $filter, unescaped: "atScope()" for the scope and what
	// it inherits, "atExactScope()" for the scope alone, "excludeExpired()", or
	// "policyAssignmentId eq '...'". Empty means all.
	Filter string

	PageOptions
}

// PolicyExemption exempts a scope from a policy assignment, or from some of its
// policies.
//
// REST: https://learn.microsoft.com/rest/api/policy/policy-exemptions/get#policyexemption
type PolicyExemption = Resource[PolicyExemptionProperties]

// PolicyExemptionProperties says what a policy exemption exempts from, why and
// until when.
type PolicyExemptionProperties struct {
	// PolicyAssignmentID is the resource id of the policy assignment. Required. armpolicy's
	// AssignmentsClient lists those of a scope, and its SetDefinitionsClient gets the policy set.
	PolicyAssignmentID string `json:"policyAssignmentId,omitzero"`
	// PolicyDefinitionReferenceIDs are the policies of the assignment's policy set, which
	// is also called initiative, that the scope is exempt from; empty for all of them. For a
	// recommendation, take those of the policy set whose policyDefinitionId is the
	// recommendation's PolicyDefinitionID: armpolicy lists assignments and gets policy sets.
	PolicyDefinitionReferenceIDs []string `json:"policyDefinitionReferenceIds,omitzero"`
	// ExemptionCategory is why the exemption was granted; compare it with [ExemptionCategory.Is]. Required.
	ExemptionCategory ExemptionCategory `json:"exemptionCategory,omitzero"`
	// ExpiresOn is when the exemption ends. The zero time means never; see ExpiresBefore.
	ExpiresOn time.Time `json:"expiresOn,omitzero"`
	// DisplayName is the name to show, of at most 128 characters.
	DisplayName string `json:"displayName,omitzero"`
	// Description says what the exemption is for, in at most 512 characters.
	Description string `json:"description,omitzero"`
	// Metadata is any JSON object. Read it with [json.Unmarshal] into a type of your
	// own, set it with [json.Marshal].
	Metadata json.RawMessage `json:"metadata,omitzero"`
	// ResourceSelectors narrow the exemption to some resources of the scope.
	ResourceSelectors []PolicyResourceSelector `json:"resourceSelectors,omitzero"`
	// AssignmentScopeValidation is whether the scope must be that of the assignment, or below it; compare it with [PolicyAssignmentScopeValidation.Is].
	AssignmentScopeValidation PolicyAssignmentScopeValidation `json:"assignmentScopeValidation,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// ExpiresBefore reports whether the exemption ends before a time. It is false for
// one that never ends, whose ExpiresOn is the zero time.
func (p PolicyExemptionProperties) ExpiresBefore(t time.Time) bool {
	return expiresBefore(p.ExpiresOn, t)
}

// PolicyResourceSelector selects resources by all of its selectors.
type PolicyResourceSelector struct {
	// Name is the name of the selector.
	Name string `json:"name,omitzero"`
	// Selectors are what a resource must have.
	Selectors []PolicySelector `json:"selectors,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// PolicySelector selects resources by one of their properties. It has In or NotIn.
type PolicySelector struct {
	// Kind is the property; compare it with [PolicySelectorKind.Is].
	Kind PolicySelectorKind `json:"kind,omitzero"`
	// In are the values of which a resource must have one.
	In []string `json:"in,omitzero"`
	// NotIn are the values that a resource must not have.
	NotIn []string `json:"notIn,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// PolicyExemptionUpdate is what [PolicyExemptionsClient.Update] changes.
type PolicyExemptionUpdate = Resource[PolicyExemptionUpdateProperties]

// PolicyExemptionUpdateProperties are the properties that can be changed alone.
type PolicyExemptionUpdateProperties struct {
	// ResourceSelectors narrow the exemption to some resources of the scope. nil
	// leaves them unchanged, a non-nil empty list removes them.
	ResourceSelectors []PolicyResourceSelector `json:"resourceSelectors,omitzero"`
	// AssignmentScopeValidation is whether the scope must be that of the assignment, or below it. Empty leaves it unchanged.
	AssignmentScopeValidation PolicyAssignmentScopeValidation `json:"assignmentScopeValidation,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// PolicyExemptionListResult is one page of policy exemptions.
type PolicyExemptionListResult = Page[PolicyExemption]

// PolicySelectorKind is a property by which a selector selects resources. Services
// add kinds over time, and differ in casing: compare kinds with Is.
type PolicySelectorKind string

// The kinds of selectors.
const (
	PolicySelectorKindResourceLocation            PolicySelectorKind = "resourceLocation"            // the region
	PolicySelectorKindResourceType                PolicySelectorKind = "resourceType"                // the type
	PolicySelectorKindResourceWithoutLocation     PolicySelectorKind = "resourceWithoutLocation"     // resources without a region
	PolicySelectorKindPolicyDefinitionReferenceID PolicySelectorKind = "policyDefinitionReferenceId" // the policy of a policy set
)

// PossiblePolicySelectorKindValues returns the kinds that this version knows.
func PossiblePolicySelectorKindValues() []PolicySelectorKind {
	return []PolicySelectorKind{PolicySelectorKindResourceLocation, PolicySelectorKindResourceType, PolicySelectorKindResourceWithoutLocation, PolicySelectorKindPolicyDefinitionReferenceID}
}

// Is reports whether two kinds are the same, ignoring case.
func (k PolicySelectorKind) Is(other PolicySelectorKind) bool { return equalFold(k, other) }

// PolicyAssignmentScopeValidation is whether the scope of an exemption must be that
// of its policy assignment, or below it. Services add values over time, and differ
// in casing: compare values with Is.
type PolicyAssignmentScopeValidation string

// The values of a scope validation.
const (
	PolicyAssignmentScopeValidationDefault       PolicyAssignmentScopeValidation = "Default"       // it must be
	PolicyAssignmentScopeValidationDoNotValidate PolicyAssignmentScopeValidation = "DoNotValidate" // it needn't be
)

// PossiblePolicyAssignmentScopeValidationValues returns the values that this version knows.
func PossiblePolicyAssignmentScopeValidationValues() []PolicyAssignmentScopeValidation {
	return []PolicyAssignmentScopeValidation{PolicyAssignmentScopeValidationDefault, PolicyAssignmentScopeValidationDoNotValidate}
}

// Is reports whether two values are the same, ignoring case.
func (v PolicyAssignmentScopeValidation) Is(other PolicyAssignmentScopeValidation) bool {
	return equalFold(v, other)
}

// PolicyExemptionID is the resource id of a policy exemption, in its parts.
type PolicyExemptionID struct {
	// Scope is the resource id of what is exempt: a management group, subscription,
	// resource group or resource. Its first slash may be missing;
	// [ParsePolicyExemptionID] adds it.
	Scope string

	// Name is the name of the exemption, one segment of a path.
	Name string
}

// ParsePolicyExemptionID reads the resource id of a policy exemption, ignoring
// case; the leading slash may be missing. The scope and the name keep their case.
// Anything else than such an id is a [*ParameterError].
func ParsePolicyExemptionID(id string) (PolicyExemptionID, error) {
	v, err := parseID(routes.PolicyExemptions.Get, id)
	if err != nil {
		return PolicyExemptionID{}, err
	}
	return PolicyExemptionID{"/" + v[0], v[1]}, nil
}

// String returns the id as Azure Resource Manager writes it. It doesn't check the parts.
func (id PolicyExemptionID) String() string {
	return routes.PolicyExemptions.Get.ID(id.Scope, id.Name)
}
