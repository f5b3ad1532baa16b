package fake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/testkit"
)

// The tests of this file walk the table of routes: they hold for a new resource and a new operation as they are.

const walkedSubscription = "11111111-2222-3333-4444-555555555555"

// exampleValues returns a valid value for each parameter of the route: a UUID is a valid name everywhere.
func exampleValues(route *routes.Route) (values []string) {
	for _, name := range route.Parameters() {
		value := walkedSubscription
		if name == "scope" {
			value = "subscriptions/" + walkedSubscription + "/resourceGroups/group"
		}
		values = append(values, value)
	}
	return values
}

// storedBy returns the resource that an operation reads or writes.
func storedBy(route *routes.Route) *routes.Resource {
	if route == routes.Exemptions {
		return routes.PolicyExemptions
	}
	return route.Resource
}

// exampleBody returns a body that the operation accepts.
func exampleBody(route *routes.Route) string {
	switch route.Kind {
	case routes.CreateOrUpdate, routes.Update:
		return `{"properties":{}}`
	case routes.Query:
		resource, columns := storedBy(route), "id, name"
		if route == routes.Exemptions {
			columns = strings.Join(exemptionColumns, ", ")
		}
		return fmt.Sprintf(`{"query":"%s | where type =~ '%s' | project %s | order by id asc"}`, resource.Table, resource.Type, columns)
	}
	return ""
}

// exampleRequest returns a request of the operation.
func exampleRequest(t *testing.T, route *routes.Route, change ...func(*http.Request)) *http.Request {
	url := "https://management.azure.com" + route.URLPath(exampleValues(route)...) + "?api-version=" + route.APIVersion
	req := testkit.Must(http.NewRequestWithContext(t.Context(), route.Method, url, strings.NewReader(exampleBody(route))))
	req.Header.Set("Authorization", "Bearer token")
	req.Header.Set("Content-Type", "application/json")
	for _, f := range change {
		f(req)
	}
	return req
}

func head(req *http.Request) { req.Method = http.MethodHead }
func header(name, value string) func(*http.Request) {
	return func(req *http.Request) { req.Header.Set(name, value) }
}

// expect checks the status of the response, and returns its body.
func expect(t *testing.T, srv *Server, want int, req *http.Request) string {
	code, body := status(t, srv, req)
	assert.Equal(t, want, code, body)
	return body
}

// status returns the status of the response, and its body.
func status(t *testing.T, srv *Server, req *http.Request) (int, string) {
	resp := testkit.Must(srv.Do(req))
	defer resp.Body.Close()
	body := testkit.Must(io.ReadAll(resp.Body))
	assert.NotEmpty(t, resp.Header.Get("x-ms-request-id"))
	return resp.StatusCode, string(body)
}

// textID is the id of a resource as text.
type textID string

func (id textID) String() string          { return string(id) }
func exampleID(r *routes.Resource) textID { return textID(r.Get.ID(exampleValues(r.Get)...)) }

// zero returns the zero value of the model.
func (row *row) zero() any { return reflect.Zero(row.model).Interface() }
func TestEveryResourceIsStoredUntilDeleted(t *testing.T) {
	t.Parallel()
	for resource, row := range rows {
		t.Run(resource.Type, func(t *testing.T) {
			t.Parallel()
			srv := NewServer(nil)
			exists := func(want int) { assert.Empty(t, expect(t, srv, want, exampleRequest(t, resource.Get, head))) }
			get := func(want int) string {
				return expect(t, srv, want, exampleRequest(t, resource.Get, func(req *http.Request) { req.URL.Path = strings.ToUpper(req.URL.Path) }))
			}
			exists(http.StatusNotFound)
			assert.Contains(t, get(http.StatusNotFound), "ResourceNotFound")
			if resource.CreateOrUpdate != nil {
				for _, want := range []int{http.StatusCreated, http.StatusOK} {
					body := expect(t, srv, want, exampleRequest(t, resource.CreateOrUpdate))
					assert.Equal(t, body, get(http.StatusOK))
				}
			} else {
				srv.Put(exampleID(resource), row.zero())
			}
			exists(http.StatusNoContent)
			doc := testkit.Decode[document](t, get(http.StatusOK))
			assert.Equal(t, resource.Type, doc.Type)
			assert.Equal(t, exampleID(resource).String(), doc.ID)
			assert.Equal(t, doc.ID[strings.LastIndex(doc.ID, "/")+1:], doc.Name)
			assert.Equal(t, row.etag, doc.ETag != "")
			assert.Equal(t, row.systemData && resource.CreateOrUpdate != nil, !doc.SystemData.CreatedAt.IsZero())
			if resource.Delete == nil {
				return
			}
			for _, want := range []int{http.StatusOK, http.StatusNoContent} {
				assert.Empty(t, expect(t, srv, want, exampleRequest(t, resource.Delete)))
			}
			exists(http.StatusNotFound)
		})
	}
}

// Every operation is served, or overridden: a handler has the parameters of the path. Checks and faults come first.
func TestEveryOperationCanBeOverridden(t *testing.T) {
	t.Parallel()
	testkit.EachOperation(t, routes.All, func(t *testing.T, route *routes.Route) {
		if rows[storedBy(route)] == nil {
			assert.NotEqual(t, routes.Get, route.Kind, "%s needs a row in fake/rows.go", route.Resource.Client)
			return
		}
		srv, id := NewServer(nil), exampleID(storedBy(route))
		calls := 0
		srv.Override(route.Operation, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls++
			for name, value := range route.Values(exampleValues(route)) {
				assert.Equal(t, value, r.PathValue(name), name)
			}
			body, err := io.ReadAll(r.Body)
			assert.NoError(t, err)
			assert.Equal(t, exampleBody(route), string(body))
			assert.True(t, r.URL.IsAbs())
			Respond(http.StatusTeapot, map[string]int{"calls": calls}).ServeHTTP(w, r)
		}))
		srv.Inject(Fault{Operation: route.Operation, StatusCode: http.StatusServiceUnavailable, Skip: 1})
		expect(t, srv, http.StatusUnauthorized, exampleRequest(t, route, header("Authorization", "")))
		expect(t, srv, http.StatusServiceUnavailable, exampleRequest(t, route))
		if exampleBody(route) != "" {
			array := func(req *http.Request) { req.Body = io.NopCloser(strings.NewReader("[]")) }
			expect(t, srv, http.StatusBadRequest, exampleRequest(t, route, array))
		}
		assert.JSONEq(t, `{"calls":1}`, expect(t, srv, http.StatusTeapot, exampleRequest(t, route)))
		srv.Reset() // the override is still there
		expect(t, srv, http.StatusTeapot, exampleRequest(t, route))
		code, _ := status(t, srv, exampleRequest(t, route, head))
		assert.NotEqual(t, http.StatusTeapot, code, "no client sends HEAD")
		srv.Override(route.Operation, nil)
		if route.Kind != routes.CreateOrUpdate {
			srv.Put(id, rows[storedBy(route)].zero())
		}
		code, text := status(t, srv, exampleRequest(t, route))
		assert.Contains(t, route.Success, code, text+" (the handlers are in fake/store.go)")
		if route.Kind != routes.Delete && route.Kind != routes.Action {
			assert.Contains(t, strings.ToLower(text), key(id.String()))
		}
		requests := srv.Requests()
		assert.Equal(t, route.Operation, requests[len(requests)-1].Operation)
	})
}

func TestPutPanics(t *testing.T) {
	t.Parallel()
	api := testkit.ReadFile(t, "../api/armsecops.txt")
	for resource, row := range rows {
		alias := strings.TrimPrefix(withAliases(row.model.String()), "armsecops.")
		assert.True(t, strings.Contains(api, "type "+alias+" = Resource["+alias+"Properties]"), "api/armsecops.txt needs the alias %s, which messages name: go test ./test/repository -run TestAPI -update", alias)
		other := any(armsecops.Job{})
		if resource == routes.Jobs {
			other = armsecops.Assignment{}
		}
		id := exampleID(resource)
		tests := map[string]struct {
			id      textID
			model   any
			message string
		}{
			"another model":        {id, other, `is stored as a value of type armsecops\.\w+, not armsecops\.\w+$`},
			"a pointer":            {id, reflect.New(row.model).Interface(), `, not \*armsecops\.\w+$`},
			"nil":                  {id, nil, `, not <nil>$`},
			"an invalid name":      {id + "/", row.zero(), "not the id"},
			"an invalid parameter": {textID(strings.ReplaceAll(id.String(), walkedSubscription, "..")), row.zero(), "must "},
			"no id of the server":  {"/subscriptions/" + walkedSubscription, row.zero(), "not the id"},
		}
		for name, test := range tests {
			t.Run(resource.Type+"/"+name, func(t *testing.T) {
				t.Parallel()
				defer func() { assert.Regexp(t, test.message, recover()) }()
				NewServer(nil).Put(test.id, test.model)
			})
		}
	}
}

// The server stores and returns copies, unchanged, however the casing of an id is.
func TestPutStoresACopy(t *testing.T) {
	t.Parallel()
	for resource, row := range rows {
		const text = `{"id":"an id","name":"a name","type":"a type","etag":"an etag","tags":{"a":"1"},"properties":{"new":[1]},"new":1.50}`
		model := reflect.New(row.model)
		require.NoError(t, json.Unmarshal([]byte(text), model.Interface()))
		srv, want := NewServer(nil), string(mustEncode(model.Interface()))
		srv.Put(textID(strings.ToUpper(exampleID(resource).String())), model.Elem().Interface())
		model.Elem().FieldByName("Tags").SetMapIndex(reflect.ValueOf("a"), reflect.ValueOf("2"))
		for range 2 {
			_, body := status(t, srv, exampleRequest(t, resource.Get))
			assert.JSONEq(t, want, body)
		}
	}
}

// A strict server refuses a resource that the service's description doesn't allow.
func TestStrictServerChecksProperties(t *testing.T) {
	t.Parallel()
	for resource, row := range rows {
		if resource.CreateOrUpdate == nil {
			continue
		}
		t.Run(resource.Type, func(t *testing.T) {
			t.Parallel()
			documented, _ := testkit.ExchangeOf(resource.CreateOrUpdate)
			properties := mustParse[map[string]any](valueAt(documented.Request.Body, "properties"))
			require.NotEmpty(t, properties, "%s needs a documented exchange with a body", resource.CreateOrUpdate.Operation)
			set := func(path, text string) { setText(properties, text, strings.Split(path, ".")...) }
			for path := range row.references {
				set(path, "a")
			}
			for path, values := range row.values {
				set(path, strings.ToUpper(values[len(values)-1]))
			}
			put := func(strict bool, want int) string {
				srv := NewServer(&ServerOptions{Strict: strict})
				srv.AddResourceGroup(walkedSubscription, walkedSubscription)
				srv.AddResourceGroup(walkedSubscription, "group")
				srv.addParents(exampleID(resource).String())
				for _, other := range row.references {
					values := exampleValues(other.Get)
					srv.putDocument(other.Get, append(values[:len(values)-1], "a"), document{})
				}
				return expect(t, srv, want, exampleRequest(t, resource.CreateOrUpdate, func(req *http.Request) {
					req.Body = io.NopCloser(bytes.NewReader(mustEncode(map[string]any{"properties": properties})))
				}))
			}
			refused := func(name, want string) {
				body := put(true, http.StatusBadRequest)
				assert.Contains(t, body, "InvalidRequestContent", name)
				assert.Contains(t, body, want)
				put(false, http.StatusCreated)
			}
			put(true, http.StatusCreated)
			for _, name := range row.required {
				value := properties[name]
				delete(properties, name)
				refused(name, "Required property '"+name+"' not found in JSON. Path 'properties'.")
				properties[name] = nil
				refused(name, "Required property '"+name+"' not found in JSON. Path 'properties'.")
				properties[name] = value
			}
			for _, path := range row.ids {
				set(path, "other")
				refused(path, "The value 'other' is not a resource id. Path 'properties."+path+"'.")
				set(path, "/other")
			}
			for path, values := range row.values {
				set(path, "other")
				refused(path, "Error converting value 'other'. Path 'properties."+path+"'.")
				set(path, values[0])
			}
		})
	}
}

// setText returns the value with a text at a path of names, in every element of a list.
func setText(value any, text string, path ...string) any {
	if list, ok := value.([]any); ok {
		for i, element := range list {
			list[i] = setText(element, text, path...)
		}
		return list
	}
	if len(path) == 0 {
		return text
	}
	object, ok := value.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	object[path[0]] = setText(object[path[0]], text, path[1:]...)
	return object
}

func TestRouteWithoutHandlerIsRefused(t *testing.T) {
	t.Parallel()
	cancel := *routes.Jobs.Get // the same path and rules, but not in the table
	cancel.Operation, cancel.Kind = "WorkspaceManagerJobsClient.Cancel", routes.Action
	srv := NewServer(nil)
	r, _, err := srv.receive(exampleRequest(t, routes.Jobs.Get))
	require.NoError(t, err)
	r.route = &cancel
	resp := testkit.Must(srv.handle(r))
	assert.Equal(t, http.StatusNotImplemented, resp.status)
	assert.Contains(t, string(resp.body), "no handler for WorkspaceManagerJobsClient.Cancel")
}

func TestLinksOfFaultsAreDocumented(t *testing.T) {
	t.Parallel()
	page := testkit.ReadFile(t, "../docs/fake.md")
	for link := range nextLinks {
		assert.True(t, link == "" || strings.Contains(page, "\n- `"+string(link)+"`, "), link)
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	srv := NewServer(nil)
	put, remove := routes.Assignments.CreateOrUpdate, routes.Assignments.Delete
	etag := ""
	steps := []struct {
		route       *routes.Route
		name, value string
		want        int
	}{
		{put, "If-Match", "*", 412},
		{put, "If-Match", `"a"`, 412},
		{put, "If-None-Match", "*", 201},
		{put, "If-None-Match", "*", 412},
		{put, "If-Match", "*", 200},
		{put, "If-Match", `"a"`, 412},
		{put, "If-Match", `"a", ETAG`, 200},
		{put, "If-None-Match", `"a"`, 200},
		{put, "If-None-Match", "ETAG", 412},
		{remove, "If-Match", `"a"`, 412},
		{remove, "If-Match", `W/ETAG`, 200},
		{remove, "If-Match", "*", 412},
	}
	for i, step := range steps {
		if stored := srv.resources[key(exampleID(routes.Assignments).String())]; stored != nil {
			etag = string(stored.ETag)
		}
		value := strings.Replace(step.value, "ETAG", etag, 1)
		code, body := status(t, srv, exampleRequest(t, step.route, header(step.name, value)))
		assert.Equal(t, step.want, code, "%d: %s", i, body)
		if code == http.StatusPreconditionFailed {
			assert.Contains(t, body, "PreconditionFailed")
		}
	}
	// Without etags there are no conditions.
	expect(t, srv, http.StatusCreated, exampleRequest(t, routes.StandardAssignments.CreateOrUpdate, header("If-Match", "*")))
}

// net/http's client always says how long the body of a POST is.
func TestPostWithoutLengthIsRefused(t *testing.T) {
	t.Parallel()
	ts := httptest.NewServer(NewServer(nil))
	t.Cleanup(ts.Close)
	path := routes.JobsCreate.URLPath(exampleValues(routes.JobsCreate)...) + "?api-version=" + routes.JobsCreate.APIVersion
	for length, want := range map[string]string{"": "411 Length Required", "Content-Length: 0\r\n": "200 OK", "Transfer-Encoding: chunked\r\n": "200 OK"} {
		conn := testkit.Must((&net.Dialer{}).DialContext(t.Context(), "tcp", ts.Listener.Addr().String()))
		testkit.Must(fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\nConnection: close\r\n%s\r\n", path, length))
		if strings.HasPrefix(length, "Transfer") {
			testkit.Must(io.WriteString(conn, "0\r\n\r\n"))
		}
		text := testkit.Must(io.ReadAll(conn))
		assert.Contains(t, string(text), "HTTP/1.1 "+want)
		assert.Equal(t, length == "", strings.Contains(string(text), "HTTP Error 411. The request must be chunked or have a content length."))
	}
}
