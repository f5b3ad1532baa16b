package armsecops

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The models without their methods, which is what their tags apply to.
type (
	plainJob                   Job
	plainJobProperties         JobProperties
	plainJobItem               JobItem
	plainJobItemError          JobItemError
	plainAssignment            Assignment
	plainAssignmentProperties  AssignmentProperties
	plainAssignedStandardItem  AssignedStandardItem
	plainAssignedComponentItem AssignedComponentItem
	plainAdditionalData        AdditionalData
	plainSystemData            SystemData
	plainErrorDetail           ErrorDetail
	plainErrorAdditionalInfo   ErrorAdditionalInfo
	plainPage[T any]           Page[T]
)

// MarshalJSON implements [encoding/json.Marshaler].
func (m Job) MarshalJSON() ([]byte, error) { return json.Marshal(&m) }

// UnmarshalJSON implements [encoding/json.Unmarshaler].
func (m *Job) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, m) }

// MarshalJSONTo implements [json.MarshalerTo].
func (m Job) MarshalJSONTo(e *jsontext.Encoder) error { return encode(e, (*plainJob)(&m)) }

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (m *Job) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return decode(d, m)
}

// MarshalJSON implements [encoding/json.Marshaler].
func (p JobProperties) MarshalJSON() ([]byte, error) { return json.Marshal(&p) }

// UnmarshalJSON implements [encoding/json.Unmarshaler].
func (p *JobProperties) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, p) }

// MarshalJSONTo implements [json.MarshalerTo].
func (p JobProperties) MarshalJSONTo(e *jsontext.Encoder) error {
	return encode(e, (*plainJobProperties)(&p))
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (p *JobProperties) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return decode(d, p)
}

// MarshalJSON implements [encoding/json.Marshaler].
func (m JobItem) MarshalJSON() ([]byte, error) { return json.Marshal(&m) }

// UnmarshalJSON implements [encoding/json.Unmarshaler].
func (m *JobItem) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, m) }

// MarshalJSONTo implements [json.MarshalerTo].
func (m JobItem) MarshalJSONTo(e *jsontext.Encoder) error { return encode(e, (*plainJobItem)(&m)) }

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (m *JobItem) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return decode(d, m)
}

// MarshalJSON implements [encoding/json.Marshaler].
func (m JobItemError) MarshalJSON() ([]byte, error) { return json.Marshal(&m) }

// UnmarshalJSON implements [encoding/json.Unmarshaler].
func (m *JobItemError) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, m) }

// MarshalJSONTo implements [json.MarshalerTo].
func (m JobItemError) MarshalJSONTo(e *jsontext.Encoder) error {
	return encode(e, (*plainJobItemError)(&m))
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (m *JobItemError) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return decode(d, m)
}

// MarshalJSON implements [encoding/json.Marshaler].
func (m Assignment) MarshalJSON() ([]byte, error) { return json.Marshal(&m) }

// UnmarshalJSON implements [encoding/json.Unmarshaler].
func (m *Assignment) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, m) }

// MarshalJSONTo implements [json.MarshalerTo].
func (m Assignment) MarshalJSONTo(e *jsontext.Encoder) error {
	return encode(e, (*plainAssignment)(&m))
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (m *Assignment) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return decode(d, m)
}

// MarshalJSON implements [encoding/json.Marshaler].
func (m AssignmentProperties) MarshalJSON() ([]byte, error) { return json.Marshal(&m) }

// UnmarshalJSON implements [encoding/json.Unmarshaler].
func (m *AssignmentProperties) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, m) }

// MarshalJSONTo implements [json.MarshalerTo].
func (m AssignmentProperties) MarshalJSONTo(e *jsontext.Encoder) error {
	return encode(e, (*plainAssignmentProperties)(&m))
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (m *AssignmentProperties) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return decode(d, m)
}

// MarshalJSON implements [encoding/json.Marshaler].
func (m AssignedStandardItem) MarshalJSON() ([]byte, error) { return json.Marshal(&m) }

// UnmarshalJSON implements [encoding/json.Unmarshaler].
func (m *AssignedStandardItem) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, m) }

// MarshalJSONTo implements [json.MarshalerTo].
func (m AssignedStandardItem) MarshalJSONTo(e *jsontext.Encoder) error {
	return encode(e, (*plainAssignedStandardItem)(&m))
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (m *AssignedStandardItem) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return decode(d, m)
}

// MarshalJSON implements [encoding/json.Marshaler].
func (m AssignedComponentItem) MarshalJSON() ([]byte, error) { return json.Marshal(&m) }

// UnmarshalJSON implements [encoding/json.Unmarshaler].
func (m *AssignedComponentItem) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, m) }

// MarshalJSONTo implements [json.MarshalerTo].
func (m AssignedComponentItem) MarshalJSONTo(e *jsontext.Encoder) error {
	return encode(e, (*plainAssignedComponentItem)(&m))
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (m *AssignedComponentItem) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return decode(d, m)
}

// MarshalJSON implements [encoding/json.Marshaler].
func (m AdditionalData) MarshalJSON() ([]byte, error) { return json.Marshal(&m) }

// UnmarshalJSON implements [encoding/json.Unmarshaler].
func (m *AdditionalData) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, m) }

// MarshalJSONTo implements [json.MarshalerTo].
func (m AdditionalData) MarshalJSONTo(e *jsontext.Encoder) error {
	return encode(e, (*plainAdditionalData)(&m))
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (m *AdditionalData) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return decode(d, m)
}

// MarshalJSON implements [encoding/json.Marshaler].
func (m SystemData) MarshalJSON() ([]byte, error) { return json.Marshal(&m) }

// UnmarshalJSON implements [encoding/json.Unmarshaler].
func (m *SystemData) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, m) }

// MarshalJSONTo implements [json.MarshalerTo].
func (m SystemData) MarshalJSONTo(e *jsontext.Encoder) error {
	return encode(e, (*plainSystemData)(&m))
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (m *SystemData) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return decode(d, m)
}

// MarshalJSON implements [encoding/json.Marshaler].
func (m ErrorDetail) MarshalJSON() ([]byte, error) { return json.Marshal(&m) }

// UnmarshalJSON implements [encoding/json.Unmarshaler].
func (m *ErrorDetail) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, m) }

// MarshalJSONTo implements [json.MarshalerTo].
func (m ErrorDetail) MarshalJSONTo(e *jsontext.Encoder) error {
	return encode(e, (*plainErrorDetail)(&m))
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (m *ErrorDetail) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return decode(d, m)
}

// MarshalJSON implements [encoding/json.Marshaler].
func (m ErrorAdditionalInfo) MarshalJSON() ([]byte, error) { return json.Marshal(&m) }

// UnmarshalJSON implements [encoding/json.Unmarshaler].
func (m *ErrorAdditionalInfo) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, m) }

// MarshalJSONTo implements [json.MarshalerTo].
func (m ErrorAdditionalInfo) MarshalJSONTo(e *jsontext.Encoder) error {
	return encode(e, (*plainErrorAdditionalInfo)(&m))
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (m *ErrorAdditionalInfo) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return decode(d, m)
}

// MarshalJSON implements [encoding/json.Marshaler].
func (m Page[T]) MarshalJSON() ([]byte, error) { return json.Marshal(&m) }

// UnmarshalJSON implements [encoding/json.Unmarshaler].
func (m *Page[T]) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, m) }

// MarshalJSONTo implements [json.MarshalerTo].
func (m Page[T]) MarshalJSONTo(e *jsontext.Encoder) error { return encode(e, (*plainPage[T])(&m)) }

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (m *Page[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return decode(d, m)
}
