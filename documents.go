package armsecops

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/armsecops/armsecops/internal/wire"
)

// The documents have JSON methods, so that every JSON package reads and writes
// them alike. The structs inside them have none: package json goes through them
// by their tags.

// document is a document that package wire reads without its methods: they would
// only call package wire.
type document interface {
	plain() any // the same document, without methods
}

// plainResource is a resource without its methods.
type plainResource[P any] Resource[P]

func (r *Resource[P]) plain() any { return (*plainResource[P])(r) }

// unexpected refuses what has neither id nor name: it is no resource.
func (r *Resource[P]) unexpected(bool) error {
	if r.ID == "" && r.Name == "" {
		return unexpected("it has neither id nor name")
	}
	return nil
}

func unexpected(reason string) error { return fmt.Errorf("%w: %s", ErrUnexpectedResponse, reason) }

// MarshalJSON writes the resource as the service does.
func (r Resource[P]) MarshalJSON() ([]byte, error) { return wire.Marshal((*plainResource[P])(&r)) }

// UnmarshalJSON reads a resource.
func (r *Resource[P]) UnmarshalJSON(data []byte) error {
	return wire.Unmarshal(data, (*plainResource[P])(r))
}

// MarshalJSONTo is MarshalJSON for encoding/json/v2.
func (r Resource[P]) MarshalJSONTo(e *jsontext.Encoder) error {
	return wire.Encode(e, (*plainResource[P])(&r))
}

// UnmarshalJSONFrom is UnmarshalJSON for encoding/json/v2.
func (r *Resource[P]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return wire.Decode(d, (*plainResource[P])(r))
}

// pageBody is a page as JSON has it: its elements are read by the methods of their slice.
type pageBody[T any] struct {
	Value    elements[T] `json:"value"`
	NextLink string      `json:"nextLink,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"`
}

func (m Page[T]) body() *pageBody[T] {
	return &pageBody[T]{elements[T]{list: m.Value}, m.NextLink, m.AdditionalProperties}
}

func (m *pageBody[T]) page() Page[T] {
	return Page[T]{m.Value.list, m.NextLink, m.AdditionalProperties}
}

// unexpected accepts an object without members as a first page: services send it
// for an empty list.
func (m *pageBody[T]) unexpected(first bool) error {
	switch {
	case isError(m.AdditionalProperties):
		return unexpected("it is an error")
	case !m.Value.present && (!first || m.NextLink != "" || len(m.AdditionalProperties) > 0):
		return unexpected("it has no value")
	}
	return nil
}

// isError reports whether one of the unknown members is an error.
func isError(unknown map[string]json.RawMessage) bool {
	e, ok := unknown["error"]
	return ok && string(e) != "null"
}

// MarshalJSON writes the page as the service does.
func (m Page[T]) MarshalJSON() ([]byte, error) { return wire.Marshal(m.body()) }

// UnmarshalJSON reads a page.
func (m *Page[T]) UnmarshalJSON(data []byte) error {
	body := m.body()
	err := wire.Unmarshal(data, body)
	*m = body.page()
	return err
}

// MarshalJSONTo is MarshalJSON for encoding/json/v2.
func (m Page[T]) MarshalJSONTo(e *jsontext.Encoder) error { return wire.Encode(e, m.body()) }

// UnmarshalJSONFrom is UnmarshalJSON for encoding/json/v2.
func (m *Page[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	body := m.body()
	err := wire.Decode(d, body)
	*m = body.page()
	return err
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
// package wire. The length of the first element estimates their number; the
// slice is never larger than the text.
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

// systemDataIn returns the system data that the properties of a row have; zero for none.
func systemDataIn(properties json.RawMessage) SystemData {
	var members struct {
		SystemData SystemData `json:"systemData"`
	}
	if wire.Unmarshal(properties, &members) != nil {
		return SystemData{}
	}
	return members.SystemData
}
