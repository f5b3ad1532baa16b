package interop

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/testkit"
)

// compared yields the operations that both libraries have.
func compared(yield func(*routes.Route) bool) {
	for _, route := range routes.All {
		if theirs.Has(route) && !yield(route) {
			return
		}
	}
}

func TestEveryComparedClientHasOperations(t *testing.T) {
	t.Parallel()
	clients := map[string]int{}
	for route := range compared {
		clients[route.Resource.Client]++
	}
	for client := range microsoft {
		assert.GreaterOrEqual(t, clients[client], 2, client)
	}
}

// documentedCall returns the documented call of an operation, in a resource group
// whose name has something to escape, and the documented response.
func documentedCall(route *routes.Route) (testkit.Call, string) {
	e, _ := testkit.ExchangeOf(route)
	call := e.Call().With("OrderBy", "properties/startTime desc").With("Top", 10)
	for i, parameter := range route.Parameters() {
		if parameter == "resourceGroupName" {
			call.Values[i] = escapedGroup
		}
	}
	return call, string(e.Response.Body)
}

// Our clients send what Microsoft's fakes understand, and understand what they send.
func TestOurClientsWithTheirServers(t *testing.T) {
	t.Parallel()
	for route := range compared {
		t.Run(route.Operation, func(t *testing.T) {
			t.Parallel()
			call, body := documentedCall(route)
			server := &theirFake{pages: []string{body}}
			var want any
			switch route.Kind {
			case routes.Delete:
				server.pages = []string{""}
			case routes.List:
				list := decode[struct {
					Value []json.RawMessage `json:"value"`
				}](t, []byte(body))
				page, err := json.Marshal(list)
				require.NoError(t, err)
				server.pages = []string{string(page), "{}", string(page)}
				want = slices.Concat(list.Value, list.Value)
			default:
				want = []any{json.RawMessage(body)}
			}
			options := ourOptions(server.transport(route.Resource.Client))
			got, err := testkit.Ours.All(t.Context(), call, options, 10, errEndless)
			require.NoError(t, err)
			if want != nil {
				assertSame(t, want, got)
			}
			values := call.Values
			if route.OfSubscription() {
				values = values[1:] // which the client has
			}
			assert.Equal(t, values, server.values)
			if options := reflect.TypeOf(server.options); options.Elem().NumField() > 0 {
				assert.Equal(t, call.OptionsOf(options).Interface(), server.options)
			}
			if call.Body != nil {
				assertSame(t, decode[any](t, call.Body), server.sent)
			}

			if route.Kind != routes.List {
				server.status = http.StatusNotFound
				_, err = testkit.Ours.All(t.Context(), call, options, 10, errEndless)
				response, ok := errors.AsType[*azcore.ResponseError](err)
				require.True(t, ok, "%v", err)
				assert.Equal(t, http.StatusNotFound, response.StatusCode)
				assert.Equal(t, "ResourceNotFound", response.ErrorCode)
			}
		})
	}
}

// Microsoft's clients see what ours see: the same calls, on two of our servers in
// the same state, have the same results, step by step.
func TestTheirClientsWithOurServer(t *testing.T) {
	t.Parallel()
	for client := range microsoft {
		t.Run(client, func(t *testing.T) {
			t.Parallel()
			ours := play(t, testkit.Ours, client, ourOptions(fake.NewServer(serverOptions())))
			their := play(t, theirs, client, theirOptions(fake.NewServer(serverOptions())))
			require.Len(t, ours, len(their))
			for i := range ours {
				assert.Equal(t, their[i].result, ours[i].result, ours[i].name)
				our, _ := errors.AsType[*azcore.ResponseError](ours[i].err)
				other, failed := errors.AsType[*azcore.ResponseError](their[i].err)
				require.Equal(t, failed, ours[i].err != nil, "%s: %v", ours[i].name, ours[i].err)
				if failed {
					assert.Equal(t, []any{other.StatusCode, other.ErrorCode}, []any{our.StatusCode, our.ErrorCode}, ours[i].name)
				}
			}
		})
	}
}

// step is a call and its result.
type step struct {
	name   string
	result any
	err    error
}

var errEndless = errors.New("the listing does not end")

// play makes resources of a client, and gets, replaces, lists and deletes them.
func play(t *testing.T, library testkit.Library, client string, options any) (steps []step) {
	t.Helper()
	var resource *routes.Resource
	of := map[routes.Kind][]*routes.Route{}
	for route := range compared {
		if route.Resource.Client == client {
			resource = route.Resource
			of[route.Kind] = append(of[route.Kind], route)
		}
	}
	values := map[string]string{} // one resource's, whatever the documentation of an operation shows
	parameters := resource.Get.Parameters()
	for i, value := range testkit.CallOf(resource.Get).Values {
		values[parameters[i]] = value
	}
	nameOf := parameters[len(parameters)-1]
	do := func(route *routes.Route, name string, body []byte) (result any) {
		call := testkit.CallOf(route)
		for i, parameter := range route.Parameters() {
			call.Values[i] = values[parameter]
			if parameter == nameOf {
				call.Values[i] = name
			}
		}
		if body != nil {
			call.Body = body
		}
		models, err := library.All(t.Context(), call, options, 10, errEndless)
		if len(models) > 0 {
			result = members(t, models)
		}
		steps = append(steps, step{route.Operation + " " + name, result, err})
		return result
	}
	missing := func(name string) {
		do(resource.Get, name, nil)
		require.ErrorContains(t, steps[len(steps)-1].err, "404", "what isn't there")
	}
	last := values[nameOf]
	missing(last)
	var names []string
	for i := range 5 {
		for _, route := range slices.Concat(of[routes.Action], of[routes.CreateOrUpdate]) {
			name := ""
			if route.Kind == routes.CreateOrUpdate {
				name = fmt.Sprint(last[:len(last)-1], i)
			}
			made := do(route, name, nil).([]any)[0].(map[string]any)
			names = append(names, made["name"].(string))
		}
	}
	for range 4 { // a job ends meanwhile
		got := do(resource.Get, names[0], nil).([]any)[0]
		body, err := json.Marshal(got)
		require.NoError(t, err)
		for _, route := range of[routes.CreateOrUpdate] {
			do(route, names[0], body)
		}
	}
	for _, route := range of[routes.List] {
		assert.Len(t, do(route, "", nil), len(names), route.Operation)
	}
	do(resource.Delete, names[0], nil)
	do(resource.Delete, names[0], nil)
	missing(names[0])
	return steps
}

// serverOptions are those of a server that responds to the same requests with the same bytes.
func serverOptions() *fake.ServerOptions {
	var ids, seconds atomic.Int64
	return &fake.ServerOptions{
		PageSize: 2,
		JobSteps: 3,
		NewID:    func() string { return fmt.Sprintf("00000000-0000-4000-a000-%012d", ids.Add(1)) },
		Now:      func() time.Time { return time.Date(2026, 1, 2, 3, 4, int(seconds.Add(1)), 0, time.UTC) },
	}
}
