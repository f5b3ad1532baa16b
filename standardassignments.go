package armsecops

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/armsecops/armsecops/internal/routes"
)

// StandardAssignmentsClient reads and writes the audits by security standards,
// the exemptions from them and the attestations in Microsoft Defender for Cloud,
// at any scope, api-version 2024-08-01. The package documentation says where
// other exemptions are. It is safe for concurrent use.
//
// Roles: Security Reader reads assignments, Security Admin changes them.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/standard-assignments
type StandardAssignmentsClient struct {
	client
}

// NewStandardAssignmentsClient returns a client for the standard assignments of any scope.
//   - credential: an azidentity credential, or the TokenCredential of azcore/fake in a test
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError].
func NewStandardAssignmentsClient(credential azcore.TokenCredential, options *ClientOptions) (*StandardAssignmentsClient, error) {
	f, err := newFactory[StandardAssignmentsClient](credential, options)
	if err != nil {
		return nil, err
	}
	return f.NewStandardAssignmentsClient(), nil
}

// NewStandardAssignmentsClient returns a client for the standard assignments of any scope.
func (f *ClientFactory) NewStandardAssignmentsClient() *StandardAssignmentsClient {
	return &StandardAssignmentsClient{client{connection: f.connection, newError: newCloudError}}
}

// Get returns a standard assignment.
//   - scope: the resource id of a management group, subscription, resource group, security connector or single resource, with or without its first slash
//   - standardAssignmentName: a UUID, with or without braces
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success a
// [*CloudError]; it is [ErrNotFound] if there is no such standard assignment.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/standard-assignments/get
func (c *StandardAssignmentsClient) Get(ctx context.Context, scope, standardAssignmentName string, options *StandardAssignmentsClientGetOptions) (StandardAssignmentsClientGetResponse, error) {
	return run[StandardAssignmentsClientGetResponse](ctx, c.client, call{
		route:  routes.StandardAssignments.Get,
		values: pathValues{scope, standardAssignmentName},
	})
}

// CreateOrUpdate creates a standard assignment, or replaces the one of that name.
// To change one, get it, change the fields in question and put it back: members
// that this version doesn't know are kept. A row of Azure Resource Graph isn't for
// that: it has columns that are no members, and may be minutes old.
//
// The service documents no required property. An exemption has the effect Exempt, the
// category and key of ExemptionData, and the standard unless it is of single findings;
// an audit has the effect Audit and the standard; an attestation Attest, the standard
// and AttestationData.
//
// An exemption takes up to 24 hours to count, and so does its deletion. Microsoft's limit
// is 5,000 of a subscription. For a single resource, a role on the subscription may not
// suffice: assign it on the resource or its resource group. For a management group, the
// service principal "Windows Azure Security Resource Provider" (or "Microsoft Azure ...")
// needs the role Reader there.
//
// To put a copy under another name or scope, put its [Resource.Template]: Azure
// refuses the name of another resource.
//   - scope: the resource id of a management group, subscription, resource group, security connector or single resource, with or without its first slash
//   - standardAssignmentName: a UUID, with or without braces; a new one for a new assignment
//   - standardAssignment: all of the standard assignment; the service ignores the fields that it sets itself
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success a
// [*CloudError]. The call is repeated if a response is lost; it leaves the same standard
// assignment however often it is carried out. A conflict with an earlier attempt is
// [ErrOutcomeUnknown].
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/standard-assignments/create
func (c *StandardAssignmentsClient) CreateOrUpdate(ctx context.Context, scope, standardAssignmentName string, standardAssignment StandardAssignment, options *StandardAssignmentsClientCreateOrUpdateOptions) (StandardAssignmentsClientCreateOrUpdateResponse, error) {
	return run[StandardAssignmentsClientCreateOrUpdateResponse](ctx, c.client, putStandardAssignment(scope, standardAssignmentName, standardAssignment))
}

// putStandardAssignment returns the call that puts a standard assignment.
func putStandardAssignment(scope, name string, assignment StandardAssignment) call {
	category := &assignment.Properties.ExemptionData.ExemptionCategory
	*category = category.as(PossibleExemptionCategoryValues()...)
	return call{
		route:     routes.StandardAssignments.CreateOrUpdate,
		values:    pathValues{scope, name},
		parameter: "standardAssignment",
		body:      &assignment,
	}
}

// Delete deletes a standard assignment. That of an exemption can take 24 hours to
// count. Deleting one that doesn't exist is success if the service says 204; it is
// [ErrNotFound] if the service says 404.
//   - scope: the resource id of a management group, subscription, resource group, security connector or single resource, with or without its first slash
//   - standardAssignmentName: a UUID, with or without braces
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success a
// [*CloudError]. The call is repeated if a response is lost. It is [ErrOutcomeUnknown]
// if a later attempt conflicts with an earlier one, or finds that
// something above the resource is missing.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/standard-assignments/delete
func (c *StandardAssignmentsClient) Delete(ctx context.Context, scope, standardAssignmentName string, options *StandardAssignmentsClientDeleteOptions) (StandardAssignmentsClientDeleteResponse, error) {
	return run[StandardAssignmentsClientDeleteResponse](ctx, c.client, call{
		route:  routes.StandardAssignments.Delete,
		values: pathValues{scope, standardAssignmentName},
	})
}

// NewListPager lists the standard assignments that the service considers relevant
// for a scope. It lists neither [Assignment] nor exemptions of Azure Policy; the
// package documentation says where those are.
//   - scope: the resource id of a management group, subscription or security connector, with or without its first slash;
//     that of a resource group or single resource is sent, too, but the service doesn't document it
//   - options: nil for the defaults
//
// Nothing is sent before the first page is read. See [Pager] for how to read it
// and for its errors; those of the service are [*CloudError].
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/standard-assignments/list
func (c *StandardAssignmentsClient) NewListPager(scope string, options *StandardAssignmentsClientListOptions) *Pager[StandardAssignment] {
	if options == nil {
		options = &StandardAssignmentsClientListOptions{}
	}
	return newListPager[StandardAssignment](c.client, call{
		route:  routes.StandardAssignments.List,
		values: pathValues{scope},
	}, options.PageOptions)
}

// NewResourceGraphPager lists the standard assignments that the identity may read,
// of a whole tenant or of some subscriptions or management groups, by querying Azure
// Resource Graph: up to 1,000 standard assignments a request, sorted by id. Its index
// follows changes within minutes. [StandardAssignmentsClient.NewListPager] is current to
// the second, but may lack assignments of resource groups and single resources.
//   - options: nil for the defaults, which are all that the identity may read
//
// A standard assignment has no SystemData, and in AdditionalProperties the columns
// tenantId, resourceGroup and subscriptionId: it is for reading, and a change
// begins with [StandardAssignmentsClient.Get].
//
// Nothing is sent before the first page is read. See [Pager] for how to read it
// and for its errors; those of the service are [*CloudError]. Pages have no
// NextLink, and in AdditionalProperties the service's totalRecords, the number of
// rows of the page's query: of everything, unless there are more than 1,000
// SubscriptionIDs.
//
// A result that lacks rows or subscriptions ends in [ErrIncompleteResult] where the
// service says so. It doesn't say so of subscriptions that the identity may not
// read: their rows are missing, without an error unless the query names no others,
// which is [ErrForbidden]. [StandardAssignmentsClient.ListAcrossSubscriptions] has
// an error for each of those, [StandardAssignmentsClient.NewListPager] for its scope.
//
// REST: https://learn.microsoft.com/rest/api/azureresourcegraph/resourcegraph/resources/resources
func (c *StandardAssignmentsClient) NewResourceGraphPager(options *ResourceGraphOptions) *Pager[StandardAssignment] {
	return newGraphPager[StandardAssignment](c.client, routes.StandardAssignments.Query, "id, name, type, tenantId, resourceGroup, subscriptionId, properties", options)
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

// StandardAssignment is an audit of a scope by a security standard, an exemption
// from one, or an attestation.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/standard-assignments/get#standardassignment
type StandardAssignment = Resource[StandardAssignmentProperties]

// StandardAssignmentProperties says what a standard assignment assigns and how.
type StandardAssignmentProperties struct {
	// DisplayName is the name to show.
	DisplayName string `json:"displayName,omitzero"`
	// Description says what the standard assignment is for.
	Description string `json:"description,omitzero"`
	// AssignedStandard is the security standard that is assigned, or that the exemption or attestation is about.
	AssignedStandard AssignedStandardItem `json:"assignedStandard,omitzero"`
	// Effect is what the standard assignment does: [EffectAudit], [EffectExempt] or [EffectAttest]; compare it with [Effect.Is].
	Effect Effect `json:"effect,omitzero"`
	// ExcludedScopes are the resource ids of scopes below that of the assignment to which it doesn't apply.
	ExcludedScopes []string `json:"excludedScopes,omitzero"`
	// ExpiresOn is when the standard assignment ends. The zero time means never; see ExpiresBefore.
	ExpiresOn time.Time `json:"expiresOn,omitzero"`
	// ExemptionData says more about an exemption.
	ExemptionData ExemptionData `json:"exemptionData,omitzero"`
	// AttestationData says more about an attestation.
	AttestationData AttestationData `json:"attestationData,omitzero"`
	// Metadata tells who created and last updated the standard assignment. Read-only: set by the service.
	Metadata StandardMetadata `json:"metadata,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// ExpiresBefore reports whether the standard assignment ends before a time. It is
// false for one that never ends, whose ExpiresOn is the zero time.
func (p StandardAssignmentProperties) ExpiresBefore(t time.Time) bool {
	return expiresBefore(p.ExpiresOn, t)
}

// ExemptionData says more about a standard assignment that is an exemption.
type ExemptionData struct {
	// ExemptionCategory is why the exemption was granted; compare it with [ExemptionCategory.Is].
	ExemptionCategory ExemptionCategory `json:"exemptionCategory,omitzero"`
	// AssignedAssessment is the assessment that the scope is exempt from. Key reads it.
	AssignedAssessment AssignedAssessmentItem `json:"assignedAssessment,omitzero"`
	// AssessmentKey is where rows of Azure Resource Graph can have the key of the
	// assessment instead. Key reads both. To write a key, set AssignedAssessment.
	AssessmentKey string `json:"assessmentKey,omitzero"`
	// SubAssessmentExemptionRule says which findings of the assessment are exempt; all of them without If.
	SubAssessmentExemptionRule SubAssessmentExemptionRule `json:"subAssessmentExemptionRule,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// Key returns the key of the assessment that the scope is exempt from, a UUID, in
// whichever member the service has it. In rows of Azure Resource Graph, one of
// zeros only means several assessments or findings.
func (d ExemptionData) Key() string {
	return cmp.Or(d.AssignedAssessment.AssessmentKey, d.AssessmentKey)
}

// keys returns the keys of the assessments. A key of zeros only stands for several,
// which are listed where the service names them.
func (d ExemptionData) keys() []string {
	key := d.Key()
	if key == "" {
		return nil
	}
	if isZeros(key) {
		var keys []string
		if json.Unmarshal(d.AdditionalProperties["assessmentKeys"], &keys) == nil && len(keys) > 0 {
			return keys
		}
		var items []AssignedAssessmentItem
		if json.Unmarshal(d.AdditionalProperties["assignedAssessments"], &items) == nil {
			for _, item := range items {
				keys = append(keys, item.AssessmentKey)
			}
			if len(keys) > 0 {
				return keys
			}
		}
	}
	return []string{key}
}

// isZeros reports whether a key names no assessment.
func isZeros(key string) bool { return strings.Trim(key, "0-") == "" }

// SubAssessmentExemptionRule says which findings of an assessment are exempt, such as
// some CVEs. It isn't in the REST description, but in [Microsoft's guide].
//
// [Microsoft's guide]: https://learn.microsoft.com/azure/defender-for-cloud/transition-disable-rules-exemptions
type SubAssessmentExemptionRule struct {
	// If is the condition of findings that are exempt.
	If SubAssessmentCondition `json:"if,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// SubAssessmentCondition is a condition of findings: AllOf, AnyOf, or an operation on a field.
type SubAssessmentCondition struct {
	// AllOf are conditions that all must hold.
	AllOf []SubAssessmentCondition `json:"allOf,omitzero"`
	// AnyOf are conditions of which one must hold.
	AnyOf []SubAssessmentCondition `json:"anyOf,omitzero"`
	// Field is the property of the finding: the guide of [SubAssessmentExemptionRule] has "va.cve.cveId", "va.cve.severity" and "va.cve.cvss".
	Field string `json:"field,omitzero"`
	// OperationType is how the field is compared: "ContainedInOperation" for the first
	// of these, "LessThanFilterOperation" for the others.
	OperationType string `json:"operationType,omitzero"`
	// Operation is what the field is compared with.
	Operation SubAssessmentOperation `json:"operation,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// SubAssessmentOperation is what a field of a finding is compared with: some values, or one.
type SubAssessmentOperation struct {
	// Values are the values of a ContainedInOperation.
	Values []SubAssessmentValue `json:"values,omitzero"`
	// Value is the one value of other operations: any JSON, such as "Low" or "8.0".
	Value json.RawMessage `json:"value,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// SubAssessmentValue is one value that a field of a finding is compared with.
type SubAssessmentValue struct {
	// Title is the value, such as "CVE-2020-1347".
	Title string `json:"title,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// AttestationData says more about a standard assignment that is an attestation.
type AttestationData struct {
	// ComplianceState is what is attested; compare it with [AttestationComplianceState.Is].
	ComplianceState AttestationComplianceState `json:"complianceState,omitzero"`
	// AssignedAssessment is the assessment that the attestation is about.
	AssignedAssessment AssignedAssessmentItem `json:"assignedAssessment,omitzero"`
	// ComplianceDate is when the state was attested. Read-only: set by the service.
	ComplianceDate time.Time `json:"complianceDate,omitzero"`
	// Evidence is what the attestation rests on.
	Evidence []AttestationEvidence `json:"evidence,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// AttestationEvidence is one piece of what an attestation rests on.
type AttestationEvidence struct {
	// Description says what the evidence shows.
	Description string `json:"description,omitzero"`
	// SourceURL is where the evidence is.
	SourceURL string `json:"sourceUrl,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// AssignedAssessmentItem refers to a security assessment.
type AssignedAssessmentItem struct {
	// AssessmentKey is the key of the security assessment, a UUID.
	AssessmentKey string `json:"assessmentKey,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// StandardMetadata is Defender for Cloud's record of who created and last updated a
// security standard or standard assignment. All of it is read-only: set by the service.
type StandardMetadata struct {
	// CreatedBy is the object id of the identity that created it, a UUID.
	CreatedBy string `json:"createdBy,omitzero"`
	// CreatedOn is when it was created.
	CreatedOn time.Time `json:"createdOn,omitzero"`
	// LastUpdatedBy is the object id of the identity that last updated it, a UUID.
	LastUpdatedBy string `json:"lastUpdatedBy,omitzero"`
	// LastUpdatedOn is when it was last updated.
	LastUpdatedOn time.Time `json:"lastUpdatedOn,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version
}

// StandardAssignmentsList is one page of standard assignments.
type StandardAssignmentsList = Page[StandardAssignment]

// AttestationComplianceState is what an attestation says of a scope. Services add
// states over time, and differ in casing: compare states with Is.
type AttestationComplianceState string

// The states that can be attested.
const (
	AttestationComplianceStateUnknown      AttestationComplianceState = "unknown"      // the state is not known
	AttestationComplianceStateCompliant    AttestationComplianceState = "compliant"    // the scope complies
	AttestationComplianceStateNonCompliant AttestationComplianceState = "nonCompliant" // the scope doesn't comply
)

// PossibleAttestationComplianceStateValues returns the states that this version knows.
func PossibleAttestationComplianceStateValues() []AttestationComplianceState {
	return []AttestationComplianceState{AttestationComplianceStateUnknown, AttestationComplianceStateCompliant, AttestationComplianceStateNonCompliant}
}

// Is reports whether two states are the same, ignoring case.
func (s AttestationComplianceState) Is(other AttestationComplianceState) bool {
	return equalFold(s, other)
}

// StandardAssignmentID is the resource id of a standard assignment, in its parts.
type StandardAssignmentID struct {
	// Scope is the resource id of what the assignment applies to: a management
	// group, subscription, resource group, security connector or single resource.
	// Its first slash may be missing; [ParseStandardAssignmentID] adds it.
	Scope string

	// Name is a UUID, with or without braces.
	Name string
}

// ParseStandardAssignmentID reads the resource id of a standard assignment,
// ignoring case; the leading slash may be missing. The scope and the name keep
// their case. Anything else than such an id is a [*ParameterError].
func ParseStandardAssignmentID(id string) (StandardAssignmentID, error) {
	v, err := parseID(routes.StandardAssignments.Get, id)
	if err != nil {
		return StandardAssignmentID{}, err
	}
	return StandardAssignmentID{"/" + v[0], v[1]}, nil
}

// String returns the id as Azure Resource Manager writes it. It doesn't check the parts.
func (id StandardAssignmentID) String() string {
	return routes.StandardAssignments.Get.ID(id.Scope, id.Name)
}
