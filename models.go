package armsecops

import (
	"encoding/json"
	"iter"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// Job is one run of a workspace manager assignment: the publication of content
// items to the member workspaces.
//
// See https://learn.microsoft.com/rest/api/securityinsights/workspace-manager-assignment-jobs/get#job.
type Job struct {
	ID         string        `json:"id,omitzero"`   // full resource id; see [ParseJobID]
	Name       string        `json:"name,omitzero"` // the server's name for the job, a UUID
	Type       string        `json:"type,omitzero"`
	ETag       azcore.ETag   `json:"etag,omitzero"` // with the quotes that the service sends inside it
	Properties JobProperties `json:"properties,omitzero"`
	SystemData SystemData    `json:"systemData,omitzero"`

	// AdditionalProperties holds the members that this version doesn't know.
	AdditionalProperties map[string]json.RawMessage `json:",embed"`
}

// JobProperties is the state of a job.
type JobProperties struct {
	StartTime         time.Time         `json:"startTime,omitzero"`
	EndTime           time.Time         `json:"endTime,omitzero"` // zero while the job runs
	ProvisioningState ProvisioningState `json:"provisioningState,omitzero"`
	ErrorMessage      string            `json:"errorMessage,omitzero"` // why the job failed, where there is one reason
	Items             []JobItem         `json:"items,omitzero"`        // absent when the job starts

	// AdditionalProperties holds the members that this version doesn't know.
	AdditionalProperties map[string]json.RawMessage `json:",embed"`
}

// JobItem is the outcome of one content item.
type JobItem struct {
	ResourceID    string         `json:"resourceId,omitzero"` // the content item, such as an alert rule
	Status        JobItemStatus  `json:"status,omitzero"`
	ExecutionTime time.Time      `json:"executionTime,omitzero"` // when publishing the item was completed
	Errors        []JobItemError `json:"errors,omitzero"`        // one for each member workspace that failed

	// AdditionalProperties holds the members that this version doesn't know.
	AdditionalProperties map[string]json.RawMessage `json:",embed"`
}

// JobItemError says why an item could not be published to one member workspace.
type JobItemError struct {
	MemberResourceName string `json:"memberResourceName,omitzero"`
	ErrorMessage       string `json:"errorMessage,omitzero"`

	// AdditionalProperties holds the members that this version doesn't know.
	AdditionalProperties map[string]json.RawMessage `json:",embed"`
}

// JobSummary counts the items of a job by status. Items with a status that this
// version doesn't know count in Total only.
type JobSummary struct {
	Total, Succeeded, Failed, InProgress int
}

// Summary counts the items of the job by status.
func (p JobProperties) Summary() JobSummary {
	summary := JobSummary{Total: len(p.Items)}
	for i := range p.Items {
		switch status := string(p.Items[i].Status); {
		case strings.EqualFold(status, string(JobItemStatusSucceeded)):
			summary.Succeeded++
		case strings.EqualFold(status, string(JobItemStatusFailed)):
			summary.Failed++
		case strings.EqualFold(status, string(JobItemStatusInProgress)):
			summary.InProgress++
		}
	}
	return summary
}

// JobFailure is one item that could not be published to one member workspace.
type JobFailure struct {
	ResourceID         string // the content item
	MemberResourceName string // the member workspace; empty where the service names none
	ErrorMessage       string
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
			if len(item.Errors) == 0 && strings.EqualFold(string(item.Status), string(JobItemStatusFailed)) {
				if !yield(JobFailure{ResourceID: item.ResourceID}) {
					return
				}
			}
		}
	}
}

// Assignment is a security standard assigned to a scope, or an exemption from one.
//
// See https://learn.microsoft.com/rest/api/defenderforcloud/assignments/get#assignment.
type Assignment struct {
	ID         string               `json:"id,omitzero"` // full resource id; see [ParseAssignmentID]
	Name       string               `json:"name,omitzero"`
	Type       string               `json:"type,omitzero"`
	Kind       string               `json:"kind,omitzero"`
	Location   string               `json:"location,omitzero"`
	ETag       azcore.ETag          `json:"etag,omitzero"`
	Tags       map[string]string    `json:"tags,omitzero"`
	Properties AssignmentProperties `json:"properties,omitzero"`
	SystemData SystemData           `json:"systemData,omitzero"`

	// AdditionalProperties holds the members that this version doesn't know.
	AdditionalProperties map[string]json.RawMessage `json:",embed"`
}

// AssignmentProperties is what an assignment assigns, to which scope and how.
type AssignmentProperties struct {
	DisplayName       string                `json:"displayName,omitzero"`
	Description       string                `json:"description,omitzero"`
	AssignedStandard  AssignedStandardItem  `json:"assignedStandard,omitzero"`
	AssignedComponent AssignedComponentItem `json:"assignedComponent,omitzero"`
	Effect            string                `json:"effect,omitzero"`    // free text; Exempt, Disable and audit are seen
	ExpiresOn         time.Time             `json:"expiresOn,omitzero"` // zero: never
	AdditionalData    AdditionalData        `json:"additionalData,omitzero"`
	Metadata          map[string]any        `json:"metadata,omitzero"` // open; numbers are [json.Number] and keep every digit
	Scope             string                `json:"scope,omitzero"`    // a subscription, or a resource group of one

	// AdditionalProperties holds the members that this version doesn't know.
	AdditionalProperties map[string]json.RawMessage `json:",embed"`
}

// AssignedStandardItem refers to a security standard.
type AssignedStandardItem struct {
	ID string `json:"id,omitzero"` // full resource id of the Microsoft.Security/standards object

	// AdditionalProperties holds the members that this version doesn't know.
	AdditionalProperties map[string]json.RawMessage `json:",embed"`
}

// AssignedComponentItem refers to a security assessment.
type AssignedComponentItem struct {
	Key string `json:"key,omitzero"`

	// AdditionalProperties holds the members that this version doesn't know.
	AdditionalProperties map[string]json.RawMessage `json:",embed"`
}

// AdditionalData says more of an assignment that is an exemption.
type AdditionalData struct {
	ExemptionCategory string `json:"exemptionCategory,omitzero"` // "waiver" is seen

	// AdditionalProperties holds the members that this version doesn't know.
	AdditionalProperties map[string]json.RawMessage `json:",embed"`
}

// SystemData is Azure Resource Manager's record of who created and last modified a resource.
type SystemData struct {
	CreatedBy          string        `json:"createdBy,omitzero"`
	CreatedByType      CreatedByType `json:"createdByType,omitzero"`
	CreatedAt          time.Time     `json:"createdAt,omitzero"`
	LastModifiedBy     string        `json:"lastModifiedBy,omitzero"`
	LastModifiedByType CreatedByType `json:"lastModifiedByType,omitzero"`
	LastModifiedAt     time.Time     `json:"lastModifiedAt,omitzero"`

	// AdditionalProperties holds the members that this version doesn't know.
	AdditionalProperties map[string]json.RawMessage `json:",embed"`
}

// ErrorDetail describes one error; its Details describe the errors below it.
type ErrorDetail struct {
	Code           string                `json:"code,omitzero"`
	Message        string                `json:"message,omitzero"`
	Target         string                `json:"target,omitzero"`
	Details        []ErrorDetail         `json:"details,omitzero"`
	AdditionalInfo []ErrorAdditionalInfo `json:"additionalInfo,omitzero"`

	// AdditionalProperties holds the members that this version doesn't know.
	AdditionalProperties map[string]json.RawMessage `json:",embed"`
}

// CloudErrorBody is the [ErrorDetail] of an error from Microsoft Defender for Cloud.
type CloudErrorBody = ErrorDetail

// ErrorAdditionalInfo is further information on an error, its form given by its type.
type ErrorAdditionalInfo struct {
	Type string          `json:"type,omitzero"`
	Info json.RawMessage `json:"info,omitzero"`

	// AdditionalProperties holds the members that this version doesn't know.
	AdditionalProperties map[string]json.RawMessage `json:",embed"`
}

// ProvisioningState is the state of a job. Services add states over time: treat
// one that you don't know as not terminal, as [ProvisioningState.Terminal] does.
type ProvisioningState string

// The states of a job.
const (
	ProvisioningStateSucceeded  ProvisioningState = "Succeeded"
	ProvisioningStateInProgress ProvisioningState = "InProgress"
	ProvisioningStateCanceled   ProvisioningState = "Canceled"
	ProvisioningStateFailed     ProvisioningState = "Failed"
)

// PossibleProvisioningStateValues returns the states that this version knows.
func PossibleProvisioningStateValues() []ProvisioningState {
	return []ProvisioningState{
		ProvisioningStateSucceeded,
		ProvisioningStateInProgress,
		ProvisioningStateCanceled,
		ProvisioningStateFailed,
	}
}

// Terminal reports whether a job in this state has ended, blind to casing.
func (s ProvisioningState) Terminal() bool {
	return s.is(ProvisioningStateSucceeded) || s.is(ProvisioningStateFailed) || s.is(ProvisioningStateCanceled)
}

// is compares two states blind to casing, which the service doesn't always keep.
func (s ProvisioningState) is(other ProvisioningState) bool {
	return strings.EqualFold(string(s), string(other))
}

// JobItemStatus is the state of one item of a job.
type JobItemStatus string

// The states of an item.
const (
	JobItemStatusSucceeded  JobItemStatus = "Succeeded"
	JobItemStatusFailed     JobItemStatus = "Failed"
	JobItemStatusInProgress JobItemStatus = "InProgress"
)

// PossibleJobItemStatusValues returns the states that this version knows.
func PossibleJobItemStatusValues() []JobItemStatus {
	return []JobItemStatus{JobItemStatusSucceeded, JobItemStatusFailed, JobItemStatusInProgress}
}

// CreatedByType is the kind of identity that created or modified a resource.
type CreatedByType string

// The kinds of identity.
const (
	CreatedByTypeUser            CreatedByType = "User"
	CreatedByTypeApplication     CreatedByType = "Application"
	CreatedByTypeManagedIdentity CreatedByType = "ManagedIdentity"
	CreatedByTypeKey             CreatedByType = "Key"
)

// PossibleCreatedByTypeValues returns the kinds that this version knows.
func PossibleCreatedByTypeValues() []CreatedByType {
	return []CreatedByType{
		CreatedByTypeUser,
		CreatedByTypeApplication,
		CreatedByTypeManagedIdentity,
		CreatedByTypeKey,
	}
}
