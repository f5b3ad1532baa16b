package armsecops

import (
	"context"
	"encoding/json"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/armsecops/armsecops/internal/routes"
)

// AssessmentsMetadataClient reads what the recommendations of Microsoft Defender
// for Cloud are, the assessments: their names, severities and the Azure Policy
// definitions that turn them on, api-version 2021-06-01. It is safe for concurrent use.
//
// Roles: Security Reader reads recommendations.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assessments-metadata
type AssessmentsMetadataClient struct {
	client
}

// NewAssessmentsMetadataClient returns a client for the metadata of assessments.
//   - credential: an azidentity credential, or the TokenCredential of azcore/fake in a test
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError].
func NewAssessmentsMetadataClient(credential azcore.TokenCredential, options *ClientOptions) (*AssessmentsMetadataClient, error) {
	f, err := newFactory[AssessmentsMetadataClient](credential, options)
	if err != nil {
		return nil, err
	}
	return f.NewAssessmentsMetadataClient(), nil
}

// NewAssessmentsMetadataClient returns a client for the metadata of assessments.
func (f *ClientFactory) NewAssessmentsMetadataClient() *AssessmentsMetadataClient {
	return &AssessmentsMetadataClient{client{connection: f.connection, newError: newCloudError}}
}

// Get returns the metadata of an assessment that all tenants have.
//   - assessmentMetadataName: the key of the assessment, a UUID in every case that is known; one segment of a
//     path: not empty, . or .., without /, ?, # and control characters
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success a
// [*CloudError]; it is [ErrNotFound] if there is no such assessment.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assessments-metadata/get
func (c *AssessmentsMetadataClient) Get(ctx context.Context, assessmentMetadataName string, options *AssessmentsMetadataClientGetOptions) (AssessmentsMetadataClientGetResponse, error) {
	return run[AssessmentsMetadataClientGetResponse](ctx, c.client, call{
		route:  routes.AssessmentsMetadata.Get,
		values: pathValues{assessmentMetadataName},
	})
}

// GetInSubscription returns the metadata of an assessment of a subscription, which
// may be one of the organization's own.
//   - subscriptionID: a UUID
//   - assessmentMetadataName: the key of the assessment, a UUID in every case that is known; one segment of a
//     path: not empty, . or .., without /, ?, # and control characters
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success a
// [*CloudError]; it is [ErrNotFound] if there is no such assessment.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assessments-metadata/get-in-subscription
func (c *AssessmentsMetadataClient) GetInSubscription(ctx context.Context, subscriptionID, assessmentMetadataName string, options *AssessmentsMetadataClientGetInSubscriptionOptions) (AssessmentsMetadataClientGetInSubscriptionResponse, error) {
	return run[AssessmentsMetadataClientGetInSubscriptionResponse](ctx, c.of(subscriptionID), call{
		route:  routes.AssessmentsMetadataGetInSubscription,
		values: pathValues{assessmentMetadataName},
	})
}

// NewListPager lists the metadata of the assessments that all tenants have. It is the
// catalogue: which resources a recommendation finds unhealthy, it doesn't say, but
// armsecurity's AssessmentsClient does.
//   - options: nil for the defaults
//
// Nothing is sent before the first page is read. See [Pager] for how to read it
// and for its errors; those of the service are [*CloudError].
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assessments-metadata/list
func (c *AssessmentsMetadataClient) NewListPager(options *AssessmentsMetadataClientListOptions) *Pager[AssessmentMetadata] {
	if options == nil {
		options = &AssessmentsMetadataClientListOptions{}
	}
	return newListPager[AssessmentMetadata](c.client, call{route: routes.AssessmentsMetadata.List}, options.PageOptions)
}

// NewListBySubscriptionPager lists the metadata of the assessments of a
// subscription, those of the organization's own among them. It is the catalogue: which
// resources a recommendation finds unhealthy, it doesn't say, but armsecurity's
// AssessmentsClient does.
//   - subscriptionID: a UUID
//   - options: nil for the defaults
//
// Nothing is sent before the first page is read. See [Pager] for how to read it
// and for its errors; those of the service are [*CloudError].
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assessments-metadata/list-by-subscription
func (c *AssessmentsMetadataClient) NewListBySubscriptionPager(subscriptionID string, options *AssessmentsMetadataClientListBySubscriptionOptions) *Pager[AssessmentMetadata] {
	if options == nil {
		options = &AssessmentsMetadataClientListBySubscriptionOptions{}
	}
	return newListPager[AssessmentMetadata](c.of(subscriptionID), call{route: routes.AssessmentsMetadataListBySubscription}, options.PageOptions)
}

// AssessmentsMetadataClientGetOptions holds the optional parameters of [AssessmentsMetadataClient.Get].
type AssessmentsMetadataClientGetOptions struct{}

// AssessmentsMetadataClientGetResponse is the response of [AssessmentsMetadataClient.Get].
type AssessmentsMetadataClientGetResponse struct {
	AssessmentMetadata
}

// AssessmentsMetadataClientGetInSubscriptionOptions holds the optional parameters of [AssessmentsMetadataClient.GetInSubscription].
type AssessmentsMetadataClientGetInSubscriptionOptions struct{}

// AssessmentsMetadataClientGetInSubscriptionResponse is the response of [AssessmentsMetadataClient.GetInSubscription].
type AssessmentsMetadataClientGetInSubscriptionResponse struct {
	AssessmentMetadata
}

// AssessmentsMetadataClientListOptions holds the optional parameters of [AssessmentsMetadataClient.NewListPager].
type AssessmentsMetadataClientListOptions struct {
	PageOptions
}

// AssessmentsMetadataClientListBySubscriptionOptions holds the optional parameters of [AssessmentsMetadataClient.NewListBySubscriptionPager].
type AssessmentsMetadataClientListBySubscriptionOptions struct {
	PageOptions
}

// AssessmentMetadata is what a recommendation of Defender for Cloud is, an
// assessment. Its Name is the assessment's key, by which exemptions and standards
// refer to it.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assessments-metadata/get#securityassessmentmetadataresponse
type AssessmentMetadata = Resource[AssessmentMetadataProperties]

// AssessmentMetadataProperties describes a recommendation.
type AssessmentMetadataProperties struct {
	// DisplayName is the name to show, as the portal does.
	DisplayName string `json:"displayName,omitzero"`
	// Description says what is assessed, and why.
	Description string `json:"description,omitzero"`
	// RemediationDescription says how to remedy it, in HTML.
	RemediationDescription string `json:"remediationDescription,omitzero"`
	// PolicyDefinitionID is the resource id of the Azure Policy definition that turns
	// the assessment on; empty for one of a Defender standard. See ExemptedBy.
	PolicyDefinitionID string `json:"policyDefinitionId,omitzero"`
	// Categories are the kinds of resources that it is about, such as "Compute".
	Categories []string `json:"categories,omitzero"`
	// Threats are what it protects from, such as "dataExfiltration".
	Threats []string `json:"threats,omitzero"`
	// Tactics are those of MITRE ATT&CK.
	Tactics []string `json:"tactics,omitzero"`
	// Techniques are those of MITRE ATT&CK.
	Techniques []string `json:"techniques,omitzero"`
	// Severity is how severe a finding is; compare it with [AssessmentSeverity.Is].
	Severity AssessmentSeverity `json:"severity,omitzero"`
	// UserImpact is how much the remedy affects users; compare it with [AssessmentUserImpact.Is].
	UserImpact AssessmentUserImpact `json:"userImpact,omitzero"`
	// ImplementationEffort is how much work the remedy takes; compare it with [AssessmentImplementationEffort.Is].
	ImplementationEffort AssessmentImplementationEffort `json:"implementationEffort,omitzero"`
	// AssessmentType is where the assessment comes from; compare it with [AssessmentType.Is].
	AssessmentType AssessmentType `json:"assessmentType,omitzero"`
	// Preview is whether the assessment is in preview.
	Preview bool `json:"preview,omitzero"`
	// PublishDates are when the assessment was published.
	PublishDates AssessmentPublishDates `json:"publishDates,omitzero"`
	// PlannedDeprecationDate is when the assessment is to be retired, as in "03/2022".
	PlannedDeprecationDate string `json:"plannedDeprecationDate,omitzero"`
	// PartnerData describes the partner that made the assessment: any JSON.
	PartnerData json.RawMessage `json:"partnerData,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// ExemptedBy returns where the recommendation is exempted: an exemption of Azure
// Policy ([PolicyExemptionsClient]) if a policy definition turns it on, or else an
// exemption of a Defender standard ([StandardAssignmentsClient]). It is never an
// assignment of 2021: those are for changing what is there. Only an exemption of a
// Defender standard can be of single findings, such as a CVE, and it needs no standard
// then: see [SubAssessmentExemptionRule].
//
// It names a place, and doesn't say whether Defender for Cloud supports the exemption.
// The documentation says that exemptions aren't made for custom recommendations, such
// as those of the type [AssessmentTypeCustomPolicy], and that recommendations in preview
// and some others might not support them. It says nothing of assessments of the type
// [AssessmentTypeCustomerManaged].
//
// https://learn.microsoft.com/azure/defender-for-cloud/exempt-resource
func (p AssessmentMetadataProperties) ExemptedBy() ExemptionKind {
	if p.PolicyDefinitionID != "" {
		return ExemptionKindPolicyExemption
	}
	return ExemptionKindStandardAssignment
}

// AssessmentPublishDates are when an assessment was published, as in "06/01/2021".
type AssessmentPublishDates struct {
	// GA is when the assessment became generally available. It is read from GA and ga.
	GA string `json:"GA,case:ignore,omitzero"`
	// Public is when the assessment was published.
	Public string `json:"public,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// AssessmentMetadataList is one page of the metadata of assessments.
type AssessmentMetadataList = Page[AssessmentMetadata]

// AssessmentSeverity is how severe the finding of an assessment is. Services add values over time, and differ in
// casing: compare severities with Is.
type AssessmentSeverity string

// The severities that are documented.
const (
	AssessmentSeverityLow    AssessmentSeverity = "Low"    // the least severe
	AssessmentSeverityMedium AssessmentSeverity = "Medium" // more severe
	AssessmentSeverityHigh   AssessmentSeverity = "High"   // the most severe
)

// PossibleAssessmentSeverityValues returns the severities that this version knows.
func PossibleAssessmentSeverityValues() []AssessmentSeverity {
	return []AssessmentSeverity{AssessmentSeverityLow, AssessmentSeverityMedium, AssessmentSeverityHigh}
}

// Is reports whether two severities are the same, ignoring case.
func (a AssessmentSeverity) Is(other AssessmentSeverity) bool { return equalFold(a, other) }

// AssessmentUserImpact is how much the remedy of an assessment affects users. Services add values over time, and differ in
// casing: compare impacts with Is.
type AssessmentUserImpact string

// The impacts that are documented.
const (
	AssessmentUserImpactLow      AssessmentUserImpact = "Low"      // hardly
	AssessmentUserImpactModerate AssessmentUserImpact = "Moderate" // to some degree
	AssessmentUserImpactHigh     AssessmentUserImpact = "High"     // much
)

// PossibleAssessmentUserImpactValues returns the impacts that this version knows.
func PossibleAssessmentUserImpactValues() []AssessmentUserImpact {
	return []AssessmentUserImpact{AssessmentUserImpactLow, AssessmentUserImpactModerate, AssessmentUserImpactHigh}
}

// Is reports whether two impacts are the same, ignoring case.
func (a AssessmentUserImpact) Is(other AssessmentUserImpact) bool { return equalFold(a, other) }

// AssessmentImplementationEffort is how much work the remedy of an assessment takes. Services add values over time, and differ in
// casing: compare efforts with Is.
type AssessmentImplementationEffort string

// The efforts that are documented.
const (
	AssessmentImplementationEffortLow      AssessmentImplementationEffort = "Low"      // little
	AssessmentImplementationEffortModerate AssessmentImplementationEffort = "Moderate" // some
	AssessmentImplementationEffortHigh     AssessmentImplementationEffort = "High"     // much
)

// PossibleAssessmentImplementationEffortValues returns the efforts that this version knows.
func PossibleAssessmentImplementationEffortValues() []AssessmentImplementationEffort {
	return []AssessmentImplementationEffort{AssessmentImplementationEffortLow, AssessmentImplementationEffortModerate, AssessmentImplementationEffortHigh}
}

// Is reports whether two efforts are the same, ignoring case.
func (a AssessmentImplementationEffort) Is(other AssessmentImplementationEffort) bool {
	return equalFold(a, other)
}

// AssessmentType is where an assessment comes from. Services add values over time, and differ in
// casing: compare types with Is.
type AssessmentType string

// The types that are documented.
const (
	AssessmentTypeBuiltIn         AssessmentType = "BuiltIn"         // Microsoft
	AssessmentTypeCustomPolicy    AssessmentType = "CustomPolicy"    // an Azure Policy definition of the organization's own
	AssessmentTypeCustomerManaged AssessmentType = "CustomerManaged" // the organization's own, written by its programs
	AssessmentTypeVerifiedPartner AssessmentType = "VerifiedPartner" // a partner of Microsoft
)

// PossibleAssessmentTypeValues returns the types that this version knows.
func PossibleAssessmentTypeValues() []AssessmentType {
	return []AssessmentType{AssessmentTypeBuiltIn, AssessmentTypeCustomPolicy, AssessmentTypeCustomerManaged, AssessmentTypeVerifiedPartner}
}

// Is reports whether two types are the same, ignoring case.
func (a AssessmentType) Is(other AssessmentType) bool { return equalFold(a, other) }

// AssessmentMetadataID is the resource id of the metadata of an assessment, in its parts.
type AssessmentMetadataID struct {
	SubscriptionID string // a UUID; empty for the metadata that all tenants have
	Name           string // the key of the assessment, a UUID
}

// ParseAssessmentMetadataID reads the resource id of the metadata of an
// assessment, ignoring case; the leading slash may be missing. The names keep their
// case. Anything else than such an id is a [*ParameterError].
func ParseAssessmentMetadataID(id string) (AssessmentMetadataID, error) {
	if routes.SubscriptionOf(id) != "" {
		v, err := parseID(routes.AssessmentsMetadataGetInSubscription, id)
		if err != nil {
			return AssessmentMetadataID{}, err
		}
		return AssessmentMetadataID{v[0], v[1]}, nil
	}
	v, err := parseID(routes.AssessmentsMetadata.Get, id)
	if err != nil {
		return AssessmentMetadataID{}, err
	}
	return AssessmentMetadataID{Name: v[0]}, nil
}

// String returns the id as Azure Resource Manager writes it. It doesn't check the parts.
func (id AssessmentMetadataID) String() string {
	if id.SubscriptionID == "" {
		return routes.AssessmentsMetadata.Get.ID(id.Name)
	}
	return routes.AssessmentsMetadataGetInSubscription.ID(id.SubscriptionID, id.Name)
}
