package armsecops

import (
	"context"
	"encoding/json"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/armsecops/armsecops/internal/routes"
)

// SecurityStandardsClient reads and writes the security standards of Microsoft
// Defender for Cloud, api-version 2024-08-01: which assessments a standard has, in
// which clouds. [StandardAssignmentsClient] assigns them. It is safe for concurrent use.
//
// Roles: Security Reader reads standards, Security Admin changes them.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/security-standards
type SecurityStandardsClient struct {
	client
}

// NewSecurityStandardsClient returns a client for the security standards of any scope.
//   - credential: an azidentity credential, or the TokenCredential of azcore/fake in a test
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError].
func NewSecurityStandardsClient(credential azcore.TokenCredential, options *ClientOptions) (*SecurityStandardsClient, error) {
	f, err := newFactory[SecurityStandardsClient](credential, options)
	if err != nil {
		return nil, err
	}
	return f.NewSecurityStandardsClient(), nil
}

// NewSecurityStandardsClient returns a client for the security standards of any scope.
func (f *ClientFactory) NewSecurityStandardsClient() *SecurityStandardsClient {
	return &SecurityStandardsClient{client{connection: f.connection, newError: newCloudError}}
}

// Get returns a security standard.
//   - scope: the resource id of a management group, subscription or security connector, with or without its first slash
//   - standardID: a UUID, with or without braces
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success a
// [*CloudError]; it is [ErrNotFound] if there is no such standard.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/security-standards/get
func (c *SecurityStandardsClient) Get(ctx context.Context, scope, standardID string, options *SecurityStandardsClientGetOptions) (SecurityStandardsClientGetResponse, error) {
	return run[SecurityStandardsClientGetResponse](ctx, c.client, call{
		route:  routes.SecurityStandards.Get,
		values: pathValues{scope, standardID},
	})
}

// CreateOrUpdate creates a custom security standard, or replaces the one of that id.
// The service documents no required property. To change one, get it, change the fields
// in question and put it back: members that this version doesn't know are kept.
//   - scope: the resource id of a management group, subscription or security connector, with or without its first slash
//   - standardID: a UUID, with or without braces; a new one for a new standard
//   - standard: all of the standard; the service ignores the members that it sets itself
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success a
// [*CloudError]. The call is repeated if a response is lost; it leaves the same standard
// however often it is carried out. A conflict with an earlier attempt is
// [ErrOutcomeUnknown].
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/security-standards/create-or-update
func (c *SecurityStandardsClient) CreateOrUpdate(ctx context.Context, scope, standardID string, standard SecurityStandard, options *SecurityStandardsClientCreateOrUpdateOptions) (SecurityStandardsClientCreateOrUpdateResponse, error) {
	return run[SecurityStandardsClientCreateOrUpdateResponse](ctx, c.client, call{
		route:     routes.SecurityStandards.CreateOrUpdate,
		values:    pathValues{scope, standardID},
		parameter: "standard",
		body:      &standard,
	})
}

// Delete deletes a security standard. What becomes of the assignments that name it
// isn't documented. Deleting one that doesn't exist is success if the service says
// 204; it is [ErrNotFound] if the service says 404.
//   - scope: the resource id of a management group, subscription or security connector, with or without its first slash
//   - standardID: a UUID, with or without braces
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success a
// [*CloudError]. The call is repeated if a response is lost. It is [ErrOutcomeUnknown]
// if a later attempt conflicts with an earlier one, or finds that
// something above the resource is missing.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/security-standards/delete
func (c *SecurityStandardsClient) Delete(ctx context.Context, scope, standardID string, options *SecurityStandardsClientDeleteOptions) (SecurityStandardsClientDeleteResponse, error) {
	return run[SecurityStandardsClientDeleteResponse](ctx, c.client, call{
		route:  routes.SecurityStandards.Delete,
		values: pathValues{scope, standardID},
	})
}

// NewListPager lists the security standards of a scope. For a resource, list its subscription;
// whether that has the standards of the management groups above isn't documented.
//   - scope: the resource id of a management group, subscription or security connector, with or without its first slash
//   - options: nil for the defaults
//
// Nothing is sent before the first page is read. See [Pager] for how to read it
// and for its errors; those of the service are [*CloudError].
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/security-standards/list
func (c *SecurityStandardsClient) NewListPager(scope string, options *SecurityStandardsClientListOptions) *Pager[SecurityStandard] {
	if options == nil {
		options = &SecurityStandardsClientListOptions{}
	}
	return newListPager[SecurityStandard](c.client, call{
		route:  routes.SecurityStandards.List,
		values: pathValues{scope},
	}, options.PageOptions)
}

// SecurityStandardsClientGetOptions holds the optional parameters of [SecurityStandardsClient.Get].
type SecurityStandardsClientGetOptions struct{}

// SecurityStandardsClientGetResponse is the response of [SecurityStandardsClient.Get].
type SecurityStandardsClientGetResponse struct {
	SecurityStandard
}

// SecurityStandardsClientCreateOrUpdateOptions holds the optional parameters of [SecurityStandardsClient.CreateOrUpdate].
type SecurityStandardsClientCreateOrUpdateOptions struct{}

// SecurityStandardsClientCreateOrUpdateResponse is the response of [SecurityStandardsClient.CreateOrUpdate].
type SecurityStandardsClientCreateOrUpdateResponse struct {
	SecurityStandard
}

// SecurityStandardsClientDeleteOptions holds the optional parameters of [SecurityStandardsClient.Delete].
type SecurityStandardsClientDeleteOptions struct{}

// SecurityStandardsClientDeleteResponse is the response of [SecurityStandardsClient.Delete].
type SecurityStandardsClientDeleteResponse struct{}

// SecurityStandardsClientListOptions holds the optional parameters of [SecurityStandardsClient.NewListPager].
type SecurityStandardsClientListOptions struct {
	PageOptions
}

// SecurityStandard is a set of assessments, such as the Microsoft cloud security
// benchmark or one of the caller's own.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/security-standards/get#securitystandard
type SecurityStandard = Resource[SecurityStandardProperties]

// SecurityStandardProperties says what a security standard assesses.
type SecurityStandardProperties struct {
	// DisplayName is the name to show.
	DisplayName string `json:"displayName,omitzero"`
	// Description says what the standard is for.
	Description string `json:"description,omitzero"`
	// StandardType is who made the standard; compare it with [StandardType.Is]. Read-only: set by the service.
	StandardType StandardType `json:"standardType,omitzero"`
	// Assessments are the assessments of the standard.
	Assessments []PartialAssessmentProperties `json:"assessments,omitzero"`
	// CloudProviders are the clouds that the standard is for.
	CloudProviders []StandardSupportedCloud `json:"cloudProviders,omitzero"`
	// PolicySetDefinitionID is the resource id of the policy set definition of the
	// standard, if it has one.
	PolicySetDefinitionID string `json:"policySetDefinitionId,omitzero"`
	// Metadata tells who created and last updated the standard. Read-only: set by the service.
	Metadata StandardMetadata `json:"metadata,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// PartialAssessmentProperties refers to an assessment of a standard.
type PartialAssessmentProperties struct {
	// AssessmentKey is the key of the assessment, a UUID: the name of its [AssessmentMetadata].
	AssessmentKey string `json:"assessmentKey,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// SecurityStandardList is one page of security standards.
type SecurityStandardList = Page[SecurityStandard]

// StandardType is who made a security standard. Services add types over time, and
// differ in casing: compare types with Is.
type StandardType string

// The types of security standards.
const (
	StandardTypeCustom     StandardType = "Custom"     // the caller's organization
	StandardTypeDefault    StandardType = "Default"    // Microsoft, for every subscription
	StandardTypeCompliance StandardType = "Compliance" // Microsoft, after a regulation or benchmark
)

// PossibleStandardTypeValues returns the types that this version knows.
func PossibleStandardTypeValues() []StandardType {
	return []StandardType{StandardTypeCustom, StandardTypeDefault, StandardTypeCompliance}
}

// Is reports whether two types are the same, ignoring case.
func (t StandardType) Is(other StandardType) bool { return equalFold(t, other) }

// StandardSupportedCloud is a cloud that a security standard is for. Services add
// clouds over time, and differ in casing: compare clouds with Is.
type StandardSupportedCloud string

// The clouds that a security standard can be for.
const (
	StandardSupportedCloudAzure StandardSupportedCloud = "Azure" // Microsoft Azure
	StandardSupportedCloudAWS   StandardSupportedCloud = "AWS"   // Amazon Web Services
	StandardSupportedCloudGCP   StandardSupportedCloud = "GCP"   // Google Cloud
)

// PossibleStandardSupportedCloudValues returns the clouds that this version knows.
func PossibleStandardSupportedCloudValues() []StandardSupportedCloud {
	return []StandardSupportedCloud{StandardSupportedCloudAzure, StandardSupportedCloudAWS, StandardSupportedCloudGCP}
}

// Is reports whether two clouds are the same, ignoring case.
func (c StandardSupportedCloud) Is(other StandardSupportedCloud) bool { return equalFold(c, other) }

// SecurityStandardID is the resource id of a security standard, in its parts.
type SecurityStandardID struct {
	// Scope is the resource id of a management group, subscription or security
	// connector. Its first slash may be missing; [ParseSecurityStandardID] adds it.
	Scope string

	// Name is a UUID, with or without braces.
	Name string
}

// ParseSecurityStandardID reads the resource id of a security standard, ignoring
// case; the leading slash may be missing. The scope and the name keep their case.
// Anything else than such an id is a [*ParameterError].
func ParseSecurityStandardID(id string) (SecurityStandardID, error) {
	v, err := parseID(routes.SecurityStandards.Get, id)
	if err != nil {
		return SecurityStandardID{}, err
	}
	return SecurityStandardID{"/" + v[0], v[1]}, nil
}

// String returns the id as Azure Resource Manager writes it. It doesn't check the parts.
func (id SecurityStandardID) String() string {
	return routes.SecurityStandards.Get.ID(id.Scope, id.Name)
}
