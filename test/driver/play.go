package driver

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/testkit"
)

// Step is a call of a play and its result.
type Step struct {
	Call   testkit.Call
	Models []any
	Err    error
}

// Play makes resources of a client, and gets, replaces, lists and deletes them, by
// every operation that the function chooses. It fails if a step doesn't have the
// result of those before it.
func Play(t *testing.T, library Library, client string, chosen func(*routes.Route) bool, options any) (steps []Step) {
	t.Helper()
	var resource *routes.Resource
	of := map[routes.Kind][]*routes.Route{}
	for _, route := range Operations() {
		if route.Resource.Client == client && chosen(route) {
			resource = route.Resource
			of[route.Kind] = append(of[route.Kind], route)
		}
	}
	if resource == nil {
		return nil
	}
	parameters := resource.Get.Parameters()
	nameParameter := parameters[len(parameters)-1]
	values := map[string]string{} // one resource's, whatever the documentation of an operation shows
	for i, value := range testkit.CallOf(resource.Get).Values {
		values[parameters[i]] = value
	}
	documented := values[nameParameter]
	do := func(route *routes.Route, name string, body []byte) []any {
		call := testkit.CallOf(route)
		values[nameParameter] = name
		for i, parameter := range route.Parameters() {
			if value, ok := values[parameter]; ok {
				call.Values[i] = value
			}
		}
		call.Options = nil
		if body != nil {
			call.Body = body
		} else if route.Kind == routes.CreateOrUpdate { // whose documented body may have the name of one
			var document armsecops.Resource[json.RawMessage]
			require.NoError(t, json.Unmarshal(call.Body, &document))
			call.Body, _ = json.Marshal(document.Template())
		}
		models, err := library.All(t.Context(), call, options, 100, nil)
		steps = append(steps, Step{call, models, err})
		return models
	}
	succeed := func(route *routes.Route, name string, body []byte) []any {
		models := do(route, name, body)
		require.NoError(t, steps[len(steps)-1].Err, "%s of %s", route.Operation, name)
		return models
	}
	missing := func(name string) {
		for _, route := range of[routes.Get] {
			do(route, name, nil)
			require.ErrorContains(t, steps[len(steps)-1].Err, "404", "there is none")
		}
	}

	missing(documented)
	var names []string
	for i := range 5 {
		for _, route := range of[routes.Action] {
			if route.Path == resource.List.Path { // it makes one
				names = append(names, nameOf(succeed(route, "", nil)[0]))
			}
		}
		for _, route := range of[routes.CreateOrUpdate] {
			name := fmt.Sprint(documented[:len(documented)-1], i)
			names = append(names, nameOf(succeed(route, name, nil)[0]))
			assert.Equal(t, name, names[len(names)-1])
		}
	}
	var listed []string
	for _, route := range slices.Concat(of[routes.List], of[routes.Query]) {
		listed = nil
		for _, item := range succeed(route, "", nil) {
			listed = append(listed, nameOf(item))
		}
		if len(names) > 0 {
			assert.ElementsMatch(t, names, listed, route.Operation)
		}
	}
	if len(names) == 0 { // the client only reads
		for _, name := range listed {
			for _, route := range of[routes.Get] {
				succeed(route, name, nil)
			}
		}
		return steps
	}
	for range 4 { // a job ends meanwhile
		got, err := json.Marshal(succeed(resource.Get, names[0], nil)[0])
		require.NoError(t, err)
		for _, route := range of[routes.CreateOrUpdate] {
			succeed(route, names[0], got)
		}
	}
	for _, route := range slices.Concat(of[routes.Update], of[routes.Action]) {
		succeed(route, names[0], nil)
	}
	for _, route := range of[routes.Delete] {
		succeed(route, names[0], nil)
		succeed(route, names[0], nil)
		missing(names[0])
	}
	return steps
}

// nameOf returns the name of a model, which is a pointer in a list of Microsoft's, as the name itself.
func nameOf(model any) string {
	return reflect.Indirect(reflect.Indirect(reflect.ValueOf(model)).FieldByName("Name")).String()
}
