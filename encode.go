package armsecops

import (
	stdjson "encoding/json"
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The models say what their wire form is with struct tags. The mirror of
// encoding/json/v2 writes them; decode reads them. The methods in models_json.go
// come to the same whichever JSON package a model is handed to: encoding/json
// doesn't know the embed tag on Go 1.26, nor times as Azure writes them on any.

var (
	marshalers = json.MarshalToFunc(marshalNumber)

	// modelOptions undo whatever options the caller's package brought along, so
	// that a model has one wire form. Invalid UTF-8 is replaced, as Azure's own
	// clients do; a duplicate name is an error, because which value is meant is
	// anyone's guess.
	modelOptions = json.JoinOptions(
		json.DefaultOptionsV2(),
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
