package armsecops

import (
	"encoding/json"
	"iter"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// Job is one run of a workspace manager assignment: it publishes content items
// to the member workspaces.
//
// REST: https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-assignment-jobs/get#job
type Job struct {
	// ID is the full resource id; see [ParseJobID]. Read-only: set by the service.
	ID string `json:"id,omitzero"`
	// Name is the service's name for the job, a UUID. Read-only: set by the service.
	Name string `json:"name,omitzero"`
	// Type is "Microsoft.SecurityInsights/workspaceManagerAssignments/jobs". Read-only: set by the service.
	Type string `json:"type,omitzero"`
	// ETag identifies this version of the job. The service puts quotes inside it. Read-only: set by the service.
	ETag azcore.ETag `json:"etag,omitzero"`
	// Properties is the state of the job. Read-only: set by the service.
	Properties JobProperties `json:"properties,omitzero"`
	// SystemData tells who created and last modified the job. Read-only: set by the service.
	SystemData SystemData `json:"systemData,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version
}

// JobProperties is the state of a job. All of it is read-only: set by the service.
type JobProperties struct {
	// StartTime is when the job started.
	StartTime time.Time `json:"startTime,omitzero"`
	// EndTime is when the job ended; zero while it runs.
	EndTime time.Time `json:"endTime,omitzero"`
	// ProvisioningState is the state of the job; see [ProvisioningState.Terminal].
	ProvisioningState ProvisioningState `json:"provisioningState,omitzero"`
	// ErrorMessage says why the job failed, if there is one reason for all of it.
	ErrorMessage string `json:"errorMessage,omitzero"`
	// Items are the outcomes of the content items. A job that has just started has none.
	Items []JobItem `json:"items,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version
}

// JobItem is the outcome of one content item. All of it is read-only: set by the service.
type JobItem struct {
	// ResourceID is the resource id of the content item, such as an alert rule.
	ResourceID string `json:"resourceId,omitzero"`
	// Status is the state of the item.
	Status JobItemStatus `json:"status,omitzero"`
	// ExecutionTime is when the publication of the item was completed; zero while it runs.
	ExecutionTime time.Time `json:"executionTime,omitzero"`
	// Errors has one element for each member workspace that failed.
	Errors []JobItemError `json:"errors,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version
}

// JobItemError says why an item could not be published to one member workspace.
// All of it is read-only: set by the service.
type JobItemError struct {
	// MemberResourceName is the name of the workspace manager member.
	MemberResourceName string `json:"memberResourceName,omitzero"`
	// ErrorMessage is the reason, as the service words it.
	ErrorMessage string `json:"errorMessage,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version
}

// JobSummary counts the items of a job by status. Items with a status that this
// version doesn't know count in Total only.
type JobSummary struct {
	Total      int // all items
	Succeeded  int // items that were published to every member
	Failed     int // items that failed for at least one member
	InProgress int // items that are being published
}

// Summary counts the items of the job by status, ignoring case.
func (p JobProperties) Summary() JobSummary {
	summary := JobSummary{Total: len(p.Items)}
	for i := range p.Items {
		switch status := p.Items[i].Status; {
		case status.is(JobItemStatusSucceeded):
			summary.Succeeded++
		case status.is(JobItemStatusFailed):
			summary.Failed++
		case status.is(JobItemStatusInProgress):
			summary.InProgress++
		}
	}
	return summary
}

// JobFailure is one item that could not be published to one member workspace.
type JobFailure struct {
	ResourceID         string // resource id of the content item
	MemberResourceName string // name of the workspace manager member; empty if the service names none
	ErrorMessage       string // the reason, as the service words it
}

// Failures yields every failure of the job, item by item: one for each error of
// an item, and one without a member for a failed item that has no errors.
func (p JobProperties) Failures() iter.Seq[JobFailure] {
	return func(yield func(JobFailure) bool) {
		for i := range p.Items {
			item := &p.Items[i]
			for _, e := range item.Errors {
				if !yield(JobFailure{item.ResourceID, e.MemberResourceName, e.ErrorMessage}) {
					return
				}
			}
			if len(item.Errors) == 0 && item.Status.is(JobItemStatusFailed) {
				if !yield(JobFailure{ResourceID: item.ResourceID}) {
					return
				}
			}
		}
	}
}

// Assignment is a security standard assigned to a scope, or an exemption from one.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/assignments/get#assignment
type Assignment struct {
	// ID is the full resource id; see [ParseAssignmentID]. Read-only: set by the service.
	ID string `json:"id,omitzero"`
	// Name is the name of the assignment. Read-only: set by the service.
	Name string `json:"name,omitzero"`
	// Type is "Microsoft.Security/assignments". Read-only: set by the service.
	Type string `json:"type,omitzero"`
	// Kind is the kind of the resource, if the service uses one.
	Kind string `json:"kind,omitzero"`
	// Location is the Azure region where the assignment is stored, such as "East US".
	Location string `json:"location,omitzero"`
	// ETag identifies this version of the assignment.
	ETag azcore.ETag `json:"etag,omitzero"`
	// Tags are the caller's own names and values.
	Tags map[string]string `json:"tags,omitzero"`
	// Properties says what is assigned, to which scope and how.
	Properties AssignmentProperties `json:"properties,omitzero"`
	// SystemData tells who created and last modified the assignment. Read-only: set by the service.
	SystemData SystemData `json:"systemData,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// AssignmentProperties says what an assignment assigns, to which scope and how.
type AssignmentProperties struct {
	// DisplayName is the name to show.
	DisplayName string `json:"displayName,omitzero"`
	// Description says what the assignment is for.
	Description string `json:"description,omitzero"`
	// AssignedStandard is the security standard that is assigned.
	AssignedStandard AssignedStandardItem `json:"assignedStandard,omitzero"`
	// AssignedComponent is the assessment that is assigned or exempted, if it isn't all of the standard.
	AssignedComponent AssignedComponentItem `json:"assignedComponent,omitzero"`
	// Effect is what the assignment does; compare it with [Effect.Is].
	Effect Effect `json:"effect,omitzero"`
	// ExpiresOn is when the assignment ends. The zero time means never; see ExpiresBefore.
	ExpiresOn time.Time `json:"expiresOn,omitzero"`
	// AdditionalData says more about an exemption.
	AdditionalData AdditionalData `json:"additionalData,omitzero"`
	// Metadata is any JSON, as it came from the service. Read it with
	// [json.Unmarshal] into a type of your own, set it with [json.Marshal].
	Metadata json.RawMessage `json:"metadata,omitzero"`
	// Scope is the resource id of a subscription, or of a resource group.
	Scope string `json:"scope,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// ExpiresBefore reports whether the assignment ends before a time. It is false
// for one that never ends, whose ExpiresOn is the zero time.
func (p AssignmentProperties) ExpiresBefore(t time.Time) bool { return expiresBefore(p.ExpiresOn, t) }

// AssignedStandardItem refers to a security standard.
type AssignedStandardItem struct {
	// ID is the full resource id of the Microsoft.Security/standards or securityStandards object.
	ID string `json:"id,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// AssignedComponentItem refers to a component of a standard.
type AssignedComponentItem struct {
	// Key is the key of the security assessment, a UUID.
	Key string `json:"key,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// AdditionalData says more about an assignment that is an exemption.
type AdditionalData struct {
	// ExemptionCategory is why the exemption was granted; compare it with [ExemptionCategory.Is].
	ExemptionCategory ExemptionCategory `json:"exemptionCategory,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// SubscriptionAssignment is an assignment and the subscription that it was listed for.
type SubscriptionAssignment struct {
	// SubscriptionID is the id of the subscription, a UUID: as the caller wrote it,
	// or as Azure Resource Graph has it.
	SubscriptionID string
	Assignment
}

// StandardAssignment is an audit of a scope by a security standard, an exemption
// from one, or an attestation.
//
// REST: https://learn.microsoft.com/rest/api/defenderforcloud/standard-assignments/get#standardassignment
type StandardAssignment struct {
	// ID is the full resource id; see [ParseStandardAssignmentID]. Read-only: set by the service.
	ID string `json:"id,omitzero"`
	// Name is the name of the standard assignment, a UUID. Read-only: set by the service.
	Name string `json:"name,omitzero"`
	// Type is "Microsoft.Security/standardAssignments". Read-only: set by the service.
	Type string `json:"type,omitzero"`
	// Properties says what is assigned and how.
	Properties StandardAssignmentProperties `json:"properties,omitzero"`
	// SystemData tells who created and last modified the standard assignment. Read-only: set by the service.
	SystemData SystemData `json:"systemData,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

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
	Metadata StandardAssignmentMetadata `json:"metadata,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version, sent back
}

// ExpiresBefore reports whether the standard assignment ends before a time. It is
// false for one that never ends, whose ExpiresOn is the zero time.
func (p StandardAssignmentProperties) ExpiresBefore(t time.Time) bool {
	return expiresBefore(p.ExpiresOn, t)
}

func expiresBefore(expiresOn, t time.Time) bool { return !expiresOn.IsZero() && expiresOn.Before(t) }

// ExemptionData says more about a standard assignment that is an exemption.
type ExemptionData struct {
	// ExemptionCategory is why the exemption was granted; compare it with [ExemptionCategory.Is].
	ExemptionCategory ExemptionCategory `json:"exemptionCategory,omitzero"`
	// AssignedAssessment is the assessment that the scope is exempt from.
	AssignedAssessment AssignedAssessmentItem `json:"assignedAssessment,omitzero"`

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

// StandardAssignmentMetadata is Defender for Cloud's record of who created and
// last updated a standard assignment. All of it is read-only: set by the service.
type StandardAssignmentMetadata struct {
	// CreatedBy is the object id of the identity that created the assignment, a UUID.
	CreatedBy string `json:"createdBy,omitzero"`
	// CreatedOn is when the assignment was created.
	CreatedOn time.Time `json:"createdOn,omitzero"`
	// LastUpdatedBy is the object id of the identity that last updated the assignment, a UUID.
	LastUpdatedBy string `json:"lastUpdatedBy,omitzero"`
	// LastUpdatedOn is when the assignment was last updated.
	LastUpdatedOn time.Time `json:"lastUpdatedOn,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version
}

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

// JobList is one page of jobs.
type JobList = Page[Job]

// AssignmentList is one page of assignments.
type AssignmentList = Page[Assignment]

// StandardAssignmentsList is one page of standard assignments.
type StandardAssignmentsList = Page[StandardAssignment]

// equalFold reports whether two texts are the same, ignoring the case of ASCII
// letters: strings.EqualFold also takes "ſ" for "s".
func equalFold(a, b string) bool {
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
func (e Effect) Is(other Effect) bool { return equalFold(string(e), string(other)) }

// ExemptionCategory is why an exemption was granted. Services add categories
// over time, and differ in casing: compare categories with Is.
type ExemptionCategory string

// The categories of exemptions.
const (
	ExemptionCategoryWaiver    ExemptionCategory = "waiver"    // the risk is accepted for a time
	ExemptionCategoryMitigated ExemptionCategory = "mitigated" // the risk is dealt with in another way
)

// PossibleExemptionCategoryValues returns the categories that this version knows.
func PossibleExemptionCategoryValues() []ExemptionCategory {
	return []ExemptionCategory{ExemptionCategoryWaiver, ExemptionCategoryMitigated}
}

// Is reports whether two categories are the same, ignoring case.
func (c ExemptionCategory) Is(other ExemptionCategory) bool {
	return equalFold(string(c), string(other))
}

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
	return equalFold(string(s), string(other))
}

// ProvisioningState is the state of a job. Services add states over time: treat
// one that you don't know as not terminal, as [ProvisioningState.Terminal] does.
type ProvisioningState string

// The states of a job.
const (
	ProvisioningStateSucceeded  ProvisioningState = "Succeeded"  // every item was published
	ProvisioningStateInProgress ProvisioningState = "InProgress" // the job runs
	ProvisioningStateCanceled   ProvisioningState = "Canceled"   // the job was canceled
	ProvisioningStateFailed     ProvisioningState = "Failed"     // at least one item failed, or the job as a whole
)

// PossibleProvisioningStateValues returns the states that this version knows.
func PossibleProvisioningStateValues() []ProvisioningState {
	return []ProvisioningState{ProvisioningStateSucceeded, ProvisioningStateInProgress, ProvisioningStateCanceled, ProvisioningStateFailed}
}

// Terminal reports whether a job in this state has ended, ignoring case.
func (s ProvisioningState) Terminal() bool {
	return s.is(ProvisioningStateSucceeded) || s.is(ProvisioningStateFailed) || s.is(ProvisioningStateCanceled)
}

func (s ProvisioningState) is(other ProvisioningState) bool {
	return equalFold(string(s), string(other))
}

// JobItemStatus is the state of one item of a job. Services add states over time.
type JobItemStatus string

// The states of an item.
const (
	JobItemStatusSucceeded  JobItemStatus = "Succeeded"  // the item was published to every member
	JobItemStatusFailed     JobItemStatus = "Failed"     // the item could not be published to at least one member
	JobItemStatusInProgress JobItemStatus = "InProgress" // the item is being published
)

// PossibleJobItemStatusValues returns the states that this version knows.
func PossibleJobItemStatusValues() []JobItemStatus {
	return []JobItemStatus{JobItemStatusSucceeded, JobItemStatusFailed, JobItemStatusInProgress}
}

func (s JobItemStatus) is(other JobItemStatus) bool {
	return equalFold(string(s), string(other))
}

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
