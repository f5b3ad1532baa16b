package testkit

import (
	"encoding/json"
	"reflect"

	mirror "github.com/go-json-experiment/json"
)

// JSONPackages are the two JSON packages that users have.
var JSONPackages = map[string]struct {
	Marshal   func(any) ([]byte, error)
	Unmarshal func([]byte, any) error
}{
	"encoding/json": {json.Marshal, json.Unmarshal},
	"mirror": {
		func(v any) ([]byte, error) { return mirror.Marshal(v) },
		func(data []byte, v any) error { return mirror.Unmarshal(data, v) },
	},
}

// Unknown returns the names of the members, at any depth, that a model keeps in
// AdditionalProperties.
func Unknown(model any) []string { return unknown(reflect.ValueOf(model)) }

func unknown(v reflect.Value) (names []string) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.Name == "AdditionalProperties" {
				for _, name := range v.Field(i).MapKeys() {
					names = append(names, name.String())
				}
			} else if field.IsExported() {
				names = append(names, unknown(v.Field(i))...)
			}
		}
	case reflect.Slice:
		for _, element := range v.Seq2() {
			names = append(names, unknown(element)...)
		}
	}
	return names
}
