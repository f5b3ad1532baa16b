package armsecops

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime/datetime"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The models say what their wire form is with struct tags. What a tag cannot say
// is said by the options below: times as Azure writes them, and numbers in open
// objects with every digit. The methods in models_json.go apply these options
// whichever JSON package a model is handed to; encoding/json needs them for the
// embed tag as well, which it doesn't know on Go 1.26.

var (
	unmarshalers = json.JoinUnmarshalers(
		json.UnmarshalFromFunc(unmarshalTime),
		json.UnmarshalFromFunc(unmarshalNumber),
	)
	marshalers = json.MarshalToFunc(marshalNumber)

	// modelOptions undo whatever options the caller's package brought along, so
	// that a model has one wire form. Invalid UTF-8 is replaced, as Azure's own
	// clients do; a duplicate name is an error, because which value is meant is
	// anyone's guess.
	modelOptions = json.JoinOptions(
		json.DefaultOptionsV2(),
		json.WithUnmarshalers(unmarshalers),
		json.WithMarshalers(marshalers),
		json.Deterministic(true),
		jsontext.AllowInvalidUTF8(true),
	)
)

func encode(e *jsontext.Encoder, model any) error {
	if m, _ := json.GetOption(e.Options(), json.WithMarshalers); m == marshalers {
		return json.MarshalEncode(e, model)
	}
	return json.MarshalEncode(e, model, modelOptions)
}

func decode(d *jsontext.Decoder, model any, additional *map[string]stdjson.RawMessage) (err error) {
	object := d.PeekKind() == '{'
	options := d.Options()
	if u, _ := json.GetOption(options, json.WithUnmarshalers); u == unmarshalers {
		err = json.UnmarshalDecode(d, model)
	} else if lax, _ := json.GetOption(options, jsontext.AllowDuplicateNames); lax {
		// encoding/json on Go 1.27: a decoder that began with duplicate names
		// allowed cannot well be made to refuse them in the middle.
		var value jsontext.Value
		if value, err = d.ReadValue(); err == nil {
			if err = json.Unmarshal(value, model, modelOptions); err != nil {
				err = fmt.Errorf("%w", err) // or else it is put in words that leave out where
			}
		}
	} else {
		err = json.UnmarshalDecode(d, model, modelOptions)
	}
	if err != nil {
		return err
	}
	// An object without a value that this version knows is to differ from an
	// absent one, so that it is written as {} again.
	if object && reflect.ValueOf(model).Elem().IsZero() {
		*additional = map[string]stdjson.RawMessage{}
	}
	return nil
}

// unmarshalTime reads a time as Azure writes it: RFC 3339 nearly always, which
// is read without an allocation, else one of the forms that azcore knows.
func unmarshalTime(d *jsontext.Decoder, t *time.Time) error {
	value, err := d.ReadValue()
	if err != nil {
		return err
	}
	switch value.Kind() {
	case 'n':
		*t = time.Time{}
		return nil
	case '"':
	default:
		return errors.New("a time must be a JSON string")
	}
	text := value[1 : len(value)-1]
	if bytes.IndexByte(text, '\\') >= 0 { // .NET escapes the plus of a zone
		if text, err = jsontext.AppendUnquote(nil, value); err != nil {
			return err
		}
	}
	if len(text) == 0 {
		*t = time.Time{}
		return nil
	}
	if t.UnmarshalText(text) == nil {
		return nil
	}
	return (*datetime.RFC3339)(t).UnmarshalText(text)
}

// unmarshalNumber keeps every digit of a number that is read into an any.
func unmarshalNumber(d *jsontext.Decoder, v *any) error {
	if d.PeekKind() != '0' {
		return errors.ErrUnsupported
	}
	value, err := d.ReadValue()
	if err != nil {
		return err
	}
	*v = stdjson.Number(value)
	return nil
}

// marshalNumber writes a json.Number as the number it holds; on Go 1.26 the
// mirror would take it for a string.
func marshalNumber(e *jsontext.Encoder, n stdjson.Number) error {
	if n == "" {
		n = "0" // as encoding/json has it
	}
	value := jsontext.Value(n)
	if value.Kind() != '0' || !value.IsValid() {
		return errors.New("not a JSON number: " + quote(string(n)))
	}
	return e.WriteValue(value)
}
