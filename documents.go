package armsecops

import (
	"maps"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/armsecops/armsecops/internal/wire"
)

// The documents have JSON methods, so that every JSON package reads and writes
// them alike. The structs inside them have none: package json goes through them
// by their tags.

// The documents without their methods.
type (
	plainJob                    Job
	plainAssignment             Assignment
	plainStandardAssignment     StandardAssignment
	plainPage[T any]            Page[T]
	plainSubscriptionAssignment struct {
		SubscriptionID string `json:"subscriptionId,omitzero"`
		plainAssignment
	}
)

// plain returns the document without its methods, to read it into.
func (m *Job) plain() any { return (*plainJob)(m) }

func (m *Assignment) plain() any { return (*plainAssignment)(m) }

func (m *StandardAssignment) plain() any { return (*plainStandardAssignment)(m) }

// MarshalJSON writes the job as the service does.
func (m Job) MarshalJSON() ([]byte, error) { return wire.Marshal((*plainJob)(&m)) }

// UnmarshalJSON reads a job.
func (m *Job) UnmarshalJSON(data []byte) error { return wire.Unmarshal(data, (*plainJob)(m)) }

// MarshalJSONTo is MarshalJSON for encoding/json/v2.
func (m Job) MarshalJSONTo(e *jsontext.Encoder) error { return wire.Encode(e, (*plainJob)(&m)) }

// UnmarshalJSONFrom is UnmarshalJSON for encoding/json/v2.
func (m *Job) UnmarshalJSONFrom(d *jsontext.Decoder) error { return wire.Decode(d, (*plainJob)(m)) }

// MarshalJSON writes the assignment as the service does.
func (m Assignment) MarshalJSON() ([]byte, error) { return wire.Marshal((*plainAssignment)(&m)) }

// UnmarshalJSON reads an assignment.
func (m *Assignment) UnmarshalJSON(data []byte) error {
	return wire.Unmarshal(data, (*plainAssignment)(m))
}

// MarshalJSONTo is MarshalJSON for encoding/json/v2.
func (m Assignment) MarshalJSONTo(e *jsontext.Encoder) error {
	return wire.Encode(e, (*plainAssignment)(&m))
}

// UnmarshalJSONFrom is UnmarshalJSON for encoding/json/v2.
func (m *Assignment) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return wire.Decode(d, (*plainAssignment)(m))
}

// MarshalJSON writes the standard assignment as the service does.
func (m StandardAssignment) MarshalJSON() ([]byte, error) {
	return wire.Marshal((*plainStandardAssignment)(&m))
}

// UnmarshalJSON reads a standard assignment.
func (m *StandardAssignment) UnmarshalJSON(data []byte) error {
	return wire.Unmarshal(data, (*plainStandardAssignment)(m))
}

// MarshalJSONTo is MarshalJSON for encoding/json/v2.
func (m StandardAssignment) MarshalJSONTo(e *jsontext.Encoder) error {
	return wire.Encode(e, (*plainStandardAssignment)(&m))
}

// UnmarshalJSONFrom is UnmarshalJSON for encoding/json/v2.
func (m *StandardAssignment) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return wire.Decode(d, (*plainStandardAssignment)(m))
}

// MarshalJSON writes the page as the service does.
func (m Page[T]) MarshalJSON() ([]byte, error) { return wire.Marshal((*plainPage[T])(&m)) }

// UnmarshalJSON reads a page.
func (m *Page[T]) UnmarshalJSON(data []byte) error { return wire.Unmarshal(data, (*plainPage[T])(m)) }

// MarshalJSONTo is MarshalJSON for encoding/json/v2.
func (m Page[T]) MarshalJSONTo(e *jsontext.Encoder) error { return wire.Encode(e, (*plainPage[T])(&m)) }

// UnmarshalJSONFrom is UnmarshalJSON for encoding/json/v2.
func (m *Page[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return wire.Decode(d, (*plainPage[T])(m))
}

// plain returns the members of the assignment, and subscriptionId beside them.
func (m SubscriptionAssignment) plain() *plainSubscriptionAssignment {
	const name = "subscriptionId"
	if _, ok := m.AdditionalProperties[name]; ok { // from the service: there can be only one
		m.AdditionalProperties = maps.Clone(m.AdditionalProperties)
		delete(m.AdditionalProperties, name)
	}
	return &plainSubscriptionAssignment{m.SubscriptionID, plainAssignment(m.Assignment)}
}

// MarshalJSON writes the members of the assignment, and subscriptionId beside them.
func (m SubscriptionAssignment) MarshalJSON() ([]byte, error) { return wire.Marshal(m.plain()) }

// UnmarshalJSON reads what MarshalJSON writes.
func (m *SubscriptionAssignment) UnmarshalJSON(data []byte) error {
	plain := m.plain()
	err := wire.Unmarshal(data, plain)
	*m = SubscriptionAssignment{plain.SubscriptionID, Assignment(plain.plainAssignment)}
	return err
}

// MarshalJSONTo is MarshalJSON for encoding/json/v2.
func (m SubscriptionAssignment) MarshalJSONTo(e *jsontext.Encoder) error {
	return wire.Encode(e, m.plain())
}

// UnmarshalJSONFrom is UnmarshalJSON for encoding/json/v2.
func (m *SubscriptionAssignment) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	plain := m.plain()
	err := wire.Decode(d, plain)
	*m = SubscriptionAssignment{plain.SubscriptionID, Assignment(plain.plainAssignment)}
	return err
}
