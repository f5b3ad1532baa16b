package operations

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
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
	for name, p := range testkit.JSONPackages {
		model := reflect.New(document)
		require.NoError(t, p.Unmarshal([]byte(text), model.Interface()), "%s: %v: %s", name, document, text)
		data := testkit.Must(p.Marshal(model.Elem().Interface()))
		testkit.AssertSameJSON(t, []byte(text), data)
	}
}

// assertReceived checks that a client returns the whole document, and sends the
// whole one if the operation sends such a document.
func assertReceived(t *testing.T, document reflect.Type, route *routes.Route, text string) {
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
				sent := testkit.Must(io.ReadAll(req.Body))
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
			got := testkit.Must(json.Marshal(result))
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

// A document of any type is refused, or what is written again says the same, to the
// last member; and the clients and both JSON packages agree on that.
func FuzzModels(f *testing.F) {
	for _, exchanges := range testkit.AllExchanges {
		for _, e := range exchanges {
			f.Add([]byte(e.Response.Body))
		}
	}
	for _, text := range []string{
		`{}`, `null`, `[]`, `{"id":null,"name":"","value":null,"properties":{}}`, `{"a":[1,{"b":[]}],"A":1e400}`,
		`{"executionTime":"2022-06-14 04:52:52.1234567","createdAt":"2022-06-14T06:52:52\u002B02:00","expiresOn":"0001-01-01T00:00:00"}`,
		`{"metadata":{"a":9007199254740993,"b":[null,"",-0]},"tags":{"a":null},"items":[null,{}],"errors":[],"details":[{"info":null}]}`,
		`{"properties":{"startTime":"0001-01-01T00:00:00Z"}}`, `{"properties":{"expiresOn":"0001-01-01T00:00:00Z"}}`,
		`{"properties":{"startTime":"0001-01-01T00:00:00Z","expiresOn":"0001-01-01T00:00:00Z"},"systemData":{"createdAt":""},"nextLink":null}`,
		`{"value":[{"properties":{"items":[{"errors":[{}]}],"metadata":{},"assignedStandard":{"id":null}}}],"tags":{},"etag":"\u0000"}`,
		"\xef\xbb\xbf{}", "{\"name\":\"a\xff\"}", `{"name":"\ud800","\ud801":1}`, `{"a":1,"a":2}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		for model, route := range driver.Documents() {
			checkModel(t, model, route, document)
		}
	})
}

func checkModel(t *testing.T, model reflect.Type, route *routes.Route, document []byte) {
	var written []string
	for _, name := range slices.Sorted(maps.Keys(testkit.JSONPackages)) {
		p, read := testkit.JSONPackages[name], reflect.New(model).Interface()
		if p.Unmarshal(document, read) != nil {
			continue
		}
		text, err := p.Marshal(read)
		require.NoError(t, err, "%s reads what it cannot write", name)
		again := reflect.New(model).Interface()
		require.NoError(t, p.Unmarshal(text, again), "%s writes what it cannot read: %s", name, text)
		repeated := testkit.Must(p.Marshal(again))
		require.Equal(t, string(text), string(repeated), "%s writes another document the second time", name)
		written = append(written, string(text))
	}
	marked := bytes.HasPrefix(document, []byte("\xef\xbb\xbf")) // which only the clients drop
	result, err := driver.Call(t.Context(), testkit.CallOf(route), driver.Options(testkit.Respond(200, string(document))))
	refused := err != nil && strings.Contains(err.Error(), "unexpected response") // JSON of another kind
	if (route.Kind == routes.Get || route.Kind == routes.List) && !marked && !refused {
		require.Equal(t, len(written) > 0, err == nil, "a client and the JSON packages disagree on %q: %v", document, err)
		if err == nil {
			if models := driver.Models(result); reflect.TypeOf(result) != model {
				result = models[0]
			}
			text := testkit.Must(json.Marshal(result))
			require.Equal(t, decodeAny(t, []byte(written[0])), decodeAny(t, text), "a client reads another document")
		}
	}
	switch len(written) {
	case 0:
		return
	case 1:
		t.Fatalf("only one of the JSON packages reads %q", document)
	}
	require.Equal(t, decodeAny(t, []byte(written[0])), decodeAny(t, []byte(written[1])), "the JSON packages write different documents")
	if utf8.Valid(document) {
		before, after := decodeAny(t, document), decodeAny(t, []byte(written[0]))
		said, _ := before.(map[string]any)
		_, hasValue := said["value"]
		if object, ok := after.(map[string]any); ok && reflect.DeepEqual(object["value"], []any{}) && !hasValue {
			delete(object, "value") // a page has one, even if it is empty
		}
		require.True(t, kept(before, after), "%v became %s", before, written[0])
	}
}

func decodeAny(t *testing.T, document []byte) (value any) {
	document = bytes.ReplaceAll(document, []byte(`"ga":`), []byte(`"GA":`)) // the service sends both for one member
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	require.NoError(t, d.Decode(&value))
	return value
}

// kept reports whether the second value says what the first one does. An explicit
// {}, null, "" and zero time may have become absent, and a time may be written
// in another way.
func kept(before, after any) bool {
	switch before := before.(type) {
	case map[string]any:
		object, ok := after.(map[string]any)
		if !ok {
			return false
		}
		for name, member := range object {
			if _, ok := before[name]; !ok && member != false && member != json.Number("0") { // which is written if it is required
				return false
			}
		}
		for name, value := range before {
			if member, ok := object[name]; ok && !kept(value, member) || !ok && !isEmpty(value) {
				return false
			}
		}
		return true
	case []any:
		array, ok := after.([]any)
		return ok && slices.EqualFunc(before, array, kept)
	case nil:
		return after == nil || reflect.ValueOf(after).Len() == 0
	case string:
		text, ok := after.(string)
		return ok && (before == text || sameInstant(before, text))
	}
	return before == after
}

func isEmpty(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case bool:
		return !value
	case string:
		return value == "" || sameInstant(value, "0001-01-01T00:00:00Z")
	case map[string]any:
		for _, member := range value {
			if !isEmpty(member) {
				return false
			}
		}
		return true
	}
	return false
}

func sameInstant(a, b string) bool {
	read := func(text string) (job armsecops.Job, err error) {
		document, _ := json.Marshal(map[string]any{"properties": map[string]string{"startTime": text}})
		err = json.Unmarshal(document, &job)
		return job, err
	}
	x, errX := read(a)
	y, errY := read(b)
	return errX == nil && errY == nil && x.Properties.StartTime.Equal(y.Properties.StartTime)
}

// A call is refused, or its path on the wire, cut at its slashes and unescaped, has exactly the values.
func FuzzPath(f *testing.F) {
	f.Add(testkit.JobsSubscription, "rg", "workspace", "assignment", "job")
	f.Add(strings.ToUpper(testkit.JobsSubscription), "größe_(東京)-1.a", "abc", "a-c", `a b;c="{d}"`)
	f.Add("", "..", "-abc", "a/b", "100%25")
	f.Add("../x", "rg.", "abc\n", "a%2fb", "...")
	for _, scope := range []string{"providers/Microsoft.Management/managementGroups/a", "/", "//", "subscriptions/a/../b", `subscriptions/a/b?c#d`, `/größe/100%2F {"a"};b\..`, "//evil.example/b"} {
		f.Add(scope, testkit.JobsSubscription, "abc", "abc", "{"+testkit.JobsSubscription+"}")
	}
	f.Fuzz(func(t *testing.T, a, b, c, d, e string) {
		for _, route := range driver.Operations() {
			for _, first := range append([]string{a}, testkit.CallOf(route).Values...)[:min(2, 1+len(route.Parameters()))] {
				checkPath(t, route, []string{first, b, c, d, e}[:len(route.Parameters())])
			}
		}
	})
}

func checkPath(t *testing.T, route *routes.Route, values []string) {
	call := testkit.CallOf(route)
	call.Values = values
	var sent *url.URL
	_, err := driver.Call(t.Context(), call, driver.Options(testkit.TransportFunc(func(req *http.Request) (*http.Response, error) {
		sent = req.URL
		return testkit.Respond(200, testkit.Minimal)(req)
	})))
	if err != nil {
		require.ErrorAs(t, err, new(*armsecops.ParameterError))
		require.Nil(t, sent, "refused, and sent all the same")
		return
	}
	require.Equal(t, "https://management.azure.com", sent.Scheme+"://"+sent.Host)
	want := route.Path
	for _, value := range values {
		before, after, _ := strings.Cut(want, "{")
		_, after, _ = strings.Cut(after, "}")
		want = before + strings.TrimPrefix(strings.ReplaceAll(value, "{", "\x00"), "/") + after
	}
	segments := strings.Split(sent.EscapedPath(), "/")
	for i := range segments {
		segments[i], err = url.PathUnescape(segments[i])
		require.NoError(t, err)
		require.NotContains(t, []string{".", ".."}, segments[i])
	}
	require.Equal(t, strings.Split(strings.ReplaceAll(want, "\x00", "{"), "/"), segments)
}
