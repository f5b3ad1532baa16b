package testkit

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"testing"

	mirror "github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
)

// JSONPackages are the two JSON packages that users have.
var JSONPackages = map[string]struct {
	Marshal   func(any) ([]byte, error)
	Unmarshal func([]byte, any) error
}{
	"encoding/json": {json.Marshal, json.Unmarshal},
	"mirror":        {func(v any) ([]byte, error) { return mirror.Marshal(v) }, func(data []byte, v any) error { return mirror.Unmarshal(data, v) }},
}

// Decode returns the value that the JSON has as a type.
func Decode[T any, S ~string | ~[]byte](t testing.TB, text S) (value T) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), &value), "%s", text)
	return value
}

// Unknown returns the names of the members, at any depth, that AdditionalProperties keep.
func Unknown(model any) (names []string) {
	Each(reflect.ValueOf(model), func(v reflect.Value) {
		if unknown, ok := reflect.TypeAssert[map[string]json.RawMessage](v); ok {
			names = slices.AppendSeq(names, maps.Keys(unknown))
		}
	})
	return names
}

// Each calls a function with a model and, at any depth, its fields and elements.
func Each(v reflect.Value, f func(reflect.Value)) {
	f(v)
	switch v.Kind() {
	case reflect.Struct:
		for field, value := range v.Fields() {
			if field.IsExported() {
				Each(value, f)
			}
		}
	case reflect.Slice:
		for _, element := range v.Seq2() {
			Each(element, f)
		}
	}
}
