package armsecops

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"
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
	plainSubscriptionAssignment struct {
		SubscriptionID string `json:"subscriptionId,omitzero"`
		plainAssignment
	}
)

// document is a document that can do without its methods where package wire reads
// it anyway: they would only lead there.
type document interface{ plain() any }

func (m *Job) plain() any                { return (*plainJob)(m) }
func (m *Assignment) plain() any         { return (*plainAssignment)(m) }
func (m *StandardAssignment) plain() any { return (*plainStandardAssignment)(m) }

func (m *Job) unexpected(bool) string                { return unidentified(m.ID, m.Name) }
func (m *Assignment) unexpected(bool) string         { return unidentified(m.ID, m.Name) }
func (m *StandardAssignment) unexpected(bool) string { return unidentified(m.ID, m.Name) }

// unidentified returns why what has this id and name is no resource, or "".
func unidentified(id, name string) string {
	if id == "" && name == "" {
		return "it has neither id nor name"
	}
	return ""
}

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

// plainPage is a page whose elements are read by the methods of their slice.
type plainPage[T any] struct {
	Value    elements[T] `json:"value"`
	NextLink string      `json:"nextLink,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"`
}

func (m Page[T]) plain() *plainPage[T] {
	return &plainPage[T]{elements[T]{list: m.Value}, m.NextLink, m.AdditionalProperties}
}

func (m *Page[T]) set(plain *plainPage[T]) { *m = plain.page() }

func (m *plainPage[T]) page() Page[T] {
	return Page[T]{m.Value.list, m.NextLink, m.AdditionalProperties}
}

// unexpected accepts an object without members as a first page: services send it
// for an empty list.
func (m *plainPage[T]) unexpected(linked bool) string {
	switch {
	case isError(m.AdditionalProperties):
		return "it is an error"
	case !m.Value.present && (linked || m.NextLink != "" || len(m.AdditionalProperties) > 0):
		return "it has no value"
	}
	return ""
}

// isError reports whether one of the unknown members is an error.
func isError(unknown map[string]json.RawMessage) bool {
	e, ok := unknown["error"]
	return ok && string(e) != "null"
}

// MarshalJSON writes the page as the service does.
func (m Page[T]) MarshalJSON() ([]byte, error) { return wire.Marshal(m.plain()) }

// UnmarshalJSON reads a page.
func (m *Page[T]) UnmarshalJSON(data []byte) error {
	plain := m.plain()
	defer m.set(plain)
	return wire.Unmarshal(data, plain)
}

// MarshalJSONTo is MarshalJSON for encoding/json/v2.
func (m Page[T]) MarshalJSONTo(e *jsontext.Encoder) error { return wire.Encode(e, m.plain()) }

// UnmarshalJSONFrom is UnmarshalJSON for encoding/json/v2.
func (m *Page[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	plain := m.plain()
	defer m.set(plain)
	return wire.Decode(d, plain)
}

// elements are the elements of a page. Package json would let their slice grow an
// element at a time, which takes three times the memory, and read each of them by
// way of its methods.
type elements[T any] struct {
	list    []T
	present bool // what was read has the member, an array or null
}

// MarshalJSONTo writes the elements as an array.
func (m elements[T]) MarshalJSONTo(e *jsontext.Encoder) error { return jsonv2.MarshalEncode(e, m.list) }

// UnmarshalJSONFrom reads the elements of a page, of whose text d is a decoder of
// package wire. The first element tells about how many there are; where it tells
// wrong, the slice is no larger than the text.
func (m *elements[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	array, err := d.ReadToken()
	m.present = true
	switch {
	case err != nil:
		return err
	case array.Kind() == 'n':
		m.list = nil
		return nil
	case array.Kind() != '[':
		return &jsonv2.SemanticError{JSONKind: array.Kind(), GoType: reflect.TypeFor[[]T]()}
	}
	read := []T{}
	for d.PeekKind() != ']' {
		start := d.InputOffset()
		read = append(read, *new(T))
		var element any = &read[len(read)-1]
		if doc, ok := element.(document); ok {
			element = doc.plain()
		}
		if err := jsonv2.UnmarshalDecode(d, element); err != nil {
			return err
		}
		if len(read) == 1 {
			size := max(int(d.InputOffset()-start), int(reflect.TypeFor[T]().Size()))
			read = slices.Grow(read, len(d.UnreadBuffer())/size)
		}
	}
	m.list = read
	_, err = d.ReadToken()
	return err
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
