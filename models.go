package armsecops

import (
	"encoding/json"
	"maps"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/armsecops/armsecops/internal/routes"
)

// Resource is a resource of Azure Resource Manager: the members that all types
// have, around the properties of one type. A type doesn't use all of them.
//
// A resource that is read and written loses nothing, with these exceptions:
//
//   - A known member that is {}, "", null or the time 0001-01-01T00:00:00Z may be left out.
//   - A null becomes "" as the value of a tag, and "" or {} as an element of a list.
//   - A time keeps nine digits of its second's fraction.
//   - Invalid UTF-8 is replaced.
//
// Names are matched exactly: one in another casing is an unknown member. A duplicate name
// is an error that says where, and so is a document nested deeper than 10,000.
//
// A struct that embeds a resource is marshaled as the resource alone, by its methods: give it a
// field with a name instead.
type Resource[P any] struct {
	// ID is the full resource id, which the Parse functions read. Read-only: set by the service.
	ID string `json:"id,omitzero"`
	// Name is the name of the resource. Read-only: set by the service.
	Name string `json:"name,omitzero"`
	// Type is the type, as in "Microsoft.Security/assignments". Read-only: set by the service.
	Type string `json:"type,omitzero"`
	// Kind is the kind of the resource, if the service uses one.
	Kind string `json:"kind,omitzero"`
	// Location is the Azure region where the resource is stored, such as "East US".
	Location string `json:"location,omitzero"`
	// ETag identifies this version of the resource. Microsoft Sentinel puts quotes inside
	// it. It is empty where the service has none: policy exemptions, standards and their
	// assignments, metadata, and rows of Azure Resource Graph.
	ETag azcore.ETag `json:"etag,omitzero"`
	// Tags are the caller's own names and values.
	Tags map[string]string `json:"tags,omitzero"`
	// Properties are the properties of the type.
	Properties P `json:"properties,omitzero"`
	// SystemData tells who created and last modified the resource. Read-only: set by the service.
	SystemData SystemData `json:"systemData,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// SubscriptionID returns the subscription that ID begins with, ignoring case and a
// missing first slash. It is empty for a resource of a management group or tenant.
func (r Resource[P]) SubscriptionID() string { return routes.SubscriptionOf(r.ID) }

// ResourceGroupName returns the resource group in ID, ignoring case and a missing
// first slash. It is empty for a resource that has none.
func (r Resource[P]) ResourceGroupName() string { return routes.ResourceGroupOf(r.ID) }

// Template returns the resource without what identifies it, for a put under
// another name or scope: without ID, Name, Type, ETag and SystemData, and without
// the columns tenantId, resourceGroup and subscriptionId of Azure Resource Graph.
// It shares maps, slices and raw JSON with the resource.
func (r Resource[P]) Template() Resource[P] {
	r.ID, r.Name, r.Type, r.ETag, r.SystemData = "", "", "", "", SystemData{}
	r.AdditionalProperties = maps.Clone(r.AdditionalProperties)
	for _, column := range []string{"tenantId", "resourceGroup", "subscriptionId"} {
		delete(r.AdditionalProperties, column)
	}
	return r
}

// AssignedStandardItem refers to a security standard.
type AssignedStandardItem struct {
	// ID is that of a [SecurityStandard], as [SecurityStandardsClient.NewListPager] lists it;
	// the services also write ids of Microsoft.Security/standards.
	ID string `json:"id,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

func expiresBefore(expiresOn, t time.Time) bool { return !expiresOn.IsZero() && expiresOn.Before(t) }

// SystemData is Azure Resource Manager's record of who created and last modified
// a resource. All of it is read-only: set by the service.
type SystemData struct {
	// CreatedBy is the name or id of the identity that created the resource.
	CreatedBy string `json:"createdBy,omitzero"`
	// CreatedByType is the kind of that identity.
	CreatedByType CreatedByType `json:"createdByType,omitzero"`
	// CreatedAt is when the resource was created.
	CreatedAt time.Time `json:"createdAt,omitzero"`
	// LastModifiedBy is the name or id of the identity that last modified the resource.
	LastModifiedBy string `json:"lastModifiedBy,omitzero"`
	// LastModifiedByType is the kind of that identity.
	LastModifiedByType CreatedByType `json:"lastModifiedByType,omitzero"`
	// LastModifiedAt is when the resource was last modified.
	LastModifiedAt time.Time `json:"lastModifiedAt,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version
}

// Page is one page of a listing.
type Page[T any] struct {
	// Value are the items of the page. A page can be empty and still not be the last.
	Value []T `json:"value"`
	// NextLink is the service's link to the next page, unchanged; empty on the last
	// page, and on every page of Azure Resource Graph.
	NextLink string `json:"nextLink,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version
}

// Effect is what an assignment does. Services add effects over time, and differ
// in casing: compare effects with Is.
type Effect string

// The effects that are documented or seen.
const (
	EffectAudit   Effect = "Audit"   // the standard is assessed
	EffectExempt  Effect = "Exempt"  // the scope is exempt from an assessment
	EffectAttest  Effect = "Attest"  // the caller attests the state of a resource
	EffectDisable Effect = "Disable" // the assessment is disabled
)

// PossibleEffectValues returns the effects that this version knows.
func PossibleEffectValues() []Effect {
	return []Effect{EffectAudit, EffectExempt, EffectAttest, EffectDisable}
}

// Is reports whether two effects are the same, ignoring case.
func (e Effect) Is(other Effect) bool { return equalFold(e, other) }

// ExemptionCategory is why an exemption was granted. Services add categories
// over time, and differ in casing: compare categories with Is.
type ExemptionCategory string

// The categories of exemptions.
const (
	ExemptionCategoryWaiver    ExemptionCategory = "waiver"    // the risk is accepted for a time: left out of the secure score of Defender for Cloud
	ExemptionCategoryMitigated ExemptionCategory = "mitigated" // the risk is dealt with in another way: counts as healthy
)

// PossibleExemptionCategoryValues returns the categories that this version knows.
func PossibleExemptionCategoryValues() []ExemptionCategory {
	return []ExemptionCategory{ExemptionCategoryWaiver, ExemptionCategoryMitigated}
}

// Is reports whether two categories are the same, ignoring case.
func (c ExemptionCategory) Is(other ExemptionCategory) bool { return equalFold(c, other) }

// as returns the documented form of a category that is documented, or else the
// category unchanged.
func (c ExemptionCategory) as(documented ...ExemptionCategory) ExemptionCategory {
	for _, d := range documented {
		if c.Is(d) {
			return d
		}
	}
	return c
}

// ExemptionKind is where an exemption is: the type of its resource. Compare kinds
// with Is.
type ExemptionKind string

// The three places of exemptions.
const (
	ExemptionKindPolicyExemption    ExemptionKind = "Microsoft.Authorization/policyExemptions" // Azure Policy
	ExemptionKindStandardAssignment ExemptionKind = "Microsoft.Security/standardAssignments"   // Defender's standards
	ExemptionKindAssignment         ExemptionKind = "Microsoft.Security/assignments"           // Defender's assignments of 2021
)

// PossibleExemptionKindValues returns the kinds that this version knows.
func PossibleExemptionKindValues() []ExemptionKind {
	return []ExemptionKind{ExemptionKindPolicyExemption, ExemptionKindStandardAssignment, ExemptionKindAssignment}
}

// Is reports whether two kinds are the same, ignoring case.
func (k ExemptionKind) Is(other ExemptionKind) bool { return equalFold(k, other) }

// ProvisioningState is the state of a job. Services add states over time, and differ in
// casing: compare states with Is. Treat one that you don't know as not terminal, as
// [ProvisioningState.Terminal] does.
type ProvisioningState string

// The states of a job.
const (
	ProvisioningStateSucceeded  ProvisioningState = "Succeeded"  // the job ended; of an item that failed nevertheless, a poller returns a [*JobFailedError]
	ProvisioningStateInProgress ProvisioningState = "InProgress" // the job runs
	ProvisioningStateCanceled   ProvisioningState = "Canceled"   // the job was canceled
	ProvisioningStateFailed     ProvisioningState = "Failed"     // at least one item failed, or the job as a whole
)

// PossibleProvisioningStateValues returns the states that this version knows.
func PossibleProvisioningStateValues() []ProvisioningState {
	return []ProvisioningState{ProvisioningStateSucceeded, ProvisioningStateInProgress, ProvisioningStateCanceled, ProvisioningStateFailed}
}

// Terminal reports whether a job in this state has ended, ignoring case. Beside
// the documented states it knows "Completed" and "Cancelled", which Azure is seen to
// send: a job ends in them as in Succeeded and Canceled.
func (s ProvisioningState) Terminal() bool {
	return s.succeeded() || s.Is(ProvisioningStateFailed) || s.Is(ProvisioningStateCanceled) || s.Is("Cancelled")
}

func (s ProvisioningState) succeeded() bool {
	return s.Is(ProvisioningStateSucceeded) || s.Is("Completed")
}

// Is reports whether two states are the same, ignoring case.
func (s ProvisioningState) Is(other ProvisioningState) bool { return equalFold(s, other) }

// CreatedByType is the kind of identity that created or modified a resource.
type CreatedByType string

// The kinds of identity.
const (
	CreatedByTypeUser            CreatedByType = "User"            // a user
	CreatedByTypeApplication     CreatedByType = "Application"     // an application, by its service principal
	CreatedByTypeManagedIdentity CreatedByType = "ManagedIdentity" // a managed identity
	CreatedByTypeKey             CreatedByType = "Key"             // the holder of a key
)

// PossibleCreatedByTypeValues returns the kinds that this version knows.
func PossibleCreatedByTypeValues() []CreatedByType {
	return []CreatedByType{CreatedByTypeUser, CreatedByTypeApplication, CreatedByTypeManagedIdentity, CreatedByTypeKey}
}

// Is reports whether two kinds are the same, ignoring case.
func (t CreatedByType) Is(other CreatedByType) bool { return equalFold(t, other) }

// equalFold reports whether two texts are the same, ignoring the case of ASCII
// letters: strings.EqualFold also takes "ſ" for "s".
func equalFold[T ~string](a, b T) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lowerASCII(a[i]) != lowerASCII(b[i]) {
			return false
		}
	}
	return true
}

func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
