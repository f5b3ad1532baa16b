package operations

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
)

// A document that is read and written is the same, to the last member that this
// version doesn't know: with every member, and with some by chance.
func FuzzNothingIsLost(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 2))
		for document, route := range driver.Documents() {
			text := testkit.Random(document, random)
			if seed == 0 {
				text = testkit.Whole(document)
			}
			assertKept(t, document, text)
			assertReceived(t, document, route, text)
		}
	})
}

// assertKept checks that both JSON packages keep a document.
func assertKept(t *testing.T, document reflect.Type, text string) {
	t.Helper()
	for name, p := range testkit.JSONPackages {
		model := reflect.New(document)
		require.NoError(t, p.Unmarshal([]byte(text), model.Interface()), "%s: %v: %s", name, document, text)
		data, err := p.Marshal(model.Elem().Interface())
		require.NoError(t, err)
		testkit.AssertSameJSON(t, []byte(text), data)
	}
}

// assertReceived checks that a client returns the whole document, and sends the
// whole one if the operation sends such a document.
func assertReceived(t *testing.T, document reflect.Type, route *routes.Route, text string) {
	t.Helper()
	operations := []*routes.Route{route}
	if put := route.Resource.CreateOrUpdate; put != nil && route == route.Resource.Get {
		operations = append(operations, put)
	}
	for _, operation := range operations {
		call := testkit.CallOf(operation)
		sends := call.Body != nil
		call.Body = []byte(text)
		result, err := driver.Call(t.Context(), call, driver.Options(testkit.TransportFunc(func(req *http.Request) (*http.Response, error) {
			if sends {
				sent, err := io.ReadAll(req.Body)
				require.NoError(t, err)
				testkit.AssertSameJSON(t, []byte(text), sent)
			}
			return testkit.Respond(200, text)(req)
		})))
		require.NoError(t, err, text)
		if models := driver.Models(result); reflect.TypeOf(result) != document {
			require.Len(t, models, 1)
			result = models[0]
		}
		if reflect.TypeOf(result) == document {
			got, err := json.Marshal(result)
			require.NoError(t, err)
			testkit.AssertSameJSON(t, []byte(text), got)
		}
	}
}

// Every member is named after its field, so none stands for another one.
func TestMembersAreNamedAfterTheirFields(t *testing.T) {
	t.Parallel()
	seen := map[reflect.Type]bool{}
	var check func(reflect.Type)
	check = func(v reflect.Type) {
		if v.Kind() == reflect.Slice {
			v = v.Elem()
		}
		if v.Kind() != reflect.Struct || seen[v] || !strings.HasPrefix(v.PkgPath(), "github.com/armsecops/") {
			return
		}
		seen[v] = true
		for i := range v.NumField() {
			field := v.Field(i)
			name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			if options == "embed" {
				assert.Equal(t, "AdditionalProperties", field.Name, v)
				continue
			}
			assert.True(t, strings.EqualFold(field.Name, name), "%v: %s is %q", v, field.Name, name)
			check(field.Type)
		}
		_, open := v.FieldByName("AdditionalProperties")
		assert.True(t, open, "%v needs AdditionalProperties", v)
	}
	for document := range driver.Documents() {
		check(document)
	}
	assert.NotEmpty(t, seen)
}
