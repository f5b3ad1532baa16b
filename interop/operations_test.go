package interop

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
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
	return call, strings.ReplaceAll(string(e.Response.Body), `"ga":`, `"GA":`) // as Microsoft's model has it
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
			options := driver.Options(server.transport(route.Resource.Client))
			got, err := driver.Ours.All(t.Context(), call, options, 10, nil)
			require.NoError(t, err)
			if want != nil {
				assertSame(t, want, got)
			}
			values := append([]string{}, call.Values...)
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
				_, err = driver.Ours.All(t.Context(), call, options, 10, nil)
				response, ok := errors.AsType[*azcore.ResponseError](err)
				require.True(t, ok, "%v", err)
				assert.Equal(t, http.StatusNotFound, response.StatusCode)
				assert.Equal(t, "ResourceNotFound", response.ErrorCode)
			}
		})
	}
}

// Microsoft's clients see what ours see: the same calls over TLS and HTTP/2, on two
// of our servers in the same state, have the same results, step by step.
func TestTheirClientsWithOurServer(t *testing.T) {
	t.Parallel()
	for client := range microsoft {
		t.Run(client, func(t *testing.T) {
			t.Parallel()
			ours := driver.Play(t, driver.Ours, client, theirs.Has, newServer(t))
			their := driver.Play(t, theirs, client, theirs.Has, &newServer(t).ClientOptions)
			require.Len(t, ours, len(their))
			for i := range ours {
				assertSame(t, their[i].Models, ours[i].Models)
				our, _ := errors.AsType[*azcore.ResponseError](ours[i].Err)
				other, failed := errors.AsType[*azcore.ResponseError](their[i].Err)
				require.Equal(t, failed, ours[i].Err != nil, "%v", ours[i])
				if failed {
					assert.Equal(t, []any{other.StatusCode, other.ErrorCode}, []any{our.StatusCode, our.ErrorCode}, "%v", ours[i])
				}
			}
		})
	}
}

// newServer starts a server that responds to the same requests with the same bytes,
// and returns the options of its clients. It has metadata, which no client creates.
func newServer(t *testing.T) *armsecops.ClientOptions {
	var ids, seconds atomic.Int64
	server := fake.NewServer(&fake.ServerOptions{
		PageSize:    2,
		JobSteps:    3,
		APIVersions: []string{"2025-05-04"}, // of Microsoft's AssessmentsMetadataClient
		NewID:       func() string { return fmt.Sprintf("00000000-0000-4000-a000-%012d", ids.Add(1)) },
		Now:         func() time.Time { return time.Date(2026, 1, 2, 3, 4, int(seconds.Add(1)), 0, time.UTC) },
	})
	for n := range 3 {
		server.Put(armsecops.AssessmentMetadataID{Name: testkit.SubscriptionID(n)}, armsecops.AssessmentMetadata{
			Properties: armsecops.AssessmentMetadataProperties{DisplayName: "Close the ports", PublishDates: armsecops.AssessmentPublishDates{GA: "06/01/2021"}},
		})
	}
	return driver.NewTLSServer(t, server, true)
}
