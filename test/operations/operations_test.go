// Package operations tests what holds for every operation of every client: that it
// sends and returns what is documented, and loses nothing. The tests walk the table
// of routes; only test/driver knows the clients.
package operations

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
)

func TestEveryOperationHasADocumentedExchange(t *testing.T) {
	t.Parallel()
	documented := map[string]bool{} // whole exchanges: those without a note
	for _, exchanges := range testkit.AllExchanges {
		for _, e := range exchanges {
			route, _ := e.Route()
			// No page has the text of the library's own queries, and another way to the same resource may show the same one.
			r := route.Resource
			own := slices.Contains([]*routes.Route{r.Get, r.List, r.CreateOrUpdate, r.Update, r.Delete}, route) || route.Kind == routes.Action
			documented[e.Operation] = documented[e.Operation] || e.Note == "" || !own
		}
	}
	var missing []string
	for _, route := range routes.All {
		if !documented[route.Operation] && route.Resource.Get != nil {
			missing = append(missing, route.Operation+" needs a documented exchange in testdata/exchanges")
		}
	}
	assert.Empty(t, strings.Join(missing, "\n"))
}

// The table is what the documented exchanges are: each of them is a request of its operation's route and of no other.
func TestRoutesAreAsDocumented(t *testing.T) {
	t.Parallel()
	require.NotEmpty(t, maps.Collect(testkit.AllExchanges))
	for name, exchanges := range testkit.AllExchanges {
		for _, e := range exchanges {
			u := testkit.Must(url.Parse(e.Request.URL))
			var operations []string
			for _, route := range routes.All {
				values, ok := route.Match(strings.Split(u.Path[1:], "/"))
				if !ok || route.Method != e.Request.Method {
					continue
				}
				operations = append(operations, route.Operation)
				assert.Equal(t, u.EscapedPath(), route.URLPath(values...), name)
				assert.Equal(t, route.APIVersion, u.Query().Get("api-version"), name)
				_, _, reason := route.Check(values)
				assert.Empty(t, reason, name)
				if e.Response.Status < 300 {
					assert.Contains(t, route.Success, e.Response.Status, name)
				}
			}
			if path.Base(path.Dir(u.Path)) == "Microsoft.ResourceGraph" { // the body tells the operations apart
				assert.Contains(t, operations, e.Operation, name)
				continue
			}
			assert.Equal(t, []string{e.Operation}, operations, name)
		}
	}
}

func TestEveryExchangeNamesItsSource(t *testing.T) {
	t.Parallel()
	for name, exchanges := range testkit.AllExchanges {
		for _, e := range exchanges {
			route, _ := e.Route()
			assert.True(t, strings.HasPrefix(e.Source, route.Page), "%s: %s isn't %s or below it", name, e.Source, route.Page)
			assert.Regexp(t, `^https://learn\.microsoft\.com/rest/api/[a-z]+(/[a-z-]+){2,3}$`, e.Source, name)
		}
	}
}

// Every documented exchange is what the client sends and returns: the request and the model match to the last member.
func TestEveryExchangeIsReplayed(t *testing.T) {
	t.Parallel()
	for name, exchanges := range testkit.AllExchanges {
		if route, _ := exchanges[0].Route(); exchanges[0].Response.Status >= 400 || !slices.Contains(driver.Operations(), route) {
			continue // errors_test.go replays errors
		}
		for _, way := range []string{"constructor", "factory"} {
			t.Run(name+"/"+way, func(t *testing.T) {
				t.Parallel()
				clientOptions := driver.Options(testkit.Documented(t, name))
				var options any = clientOptions
				if way == "factory" {
					options = driver.NewFactory(t, &azfake.TokenCredential{}, clientOptions)
				}
				for left := exchanges; len(left) > 0; left = left[1:] {
					var received *http.Response
					ctx := policy.WithCaptureResponse(t.Context(), &received)
					result := testkit.Must(driver.Ours.Do(ctx, left[0].Call(), options))
					pager, ok := driver.PagerOf(result)
					if !ok {
						for _, model := range driver.Models(result) {
							left[0].AssertWireForm(t, model)
							assertKnown(t, left[0], model)
						}
						left[0].AssertReceived(t, received)
						continue
					}
					for ; pager.More(); left = left[1:] {
						page, items, err := pager.NextPage(ctx)
						require.NoError(t, err)
						assertItems(t, left[:1], items)
						if left[0].Note == "" {
							left[0].AssertWireForm(t, page)
							assertKnown(t, left[0], page)
						}
						sent := testkit.Decode[struct{ NextLink string }](t, left[0].Response.Body)
						assert.Equal(t, sent.NextLink, reflect.ValueOf(page).FieldByName("NextLink").String())
						left[0].AssertReceived(t, received)
						if !pager.More() {
							break
						}
					}
					_, _, err := pager.NextPage(ctx)
					require.EqualError(t, err, "no more pages")
				}
			})
		}
	}
}

// assertKnown checks that the model has a member for everything that the documentation shows, unless the exchange has a note.
func assertKnown(t *testing.T, e testkit.Exchange, model any) {
	if e.Note == "" {
		assert.Empty(t, testkit.Unknown(model), "%s has members that the model doesn't know", e.Operation)
	}
}

// assertItems checks that the items are those of the exchanges' pages.
func assertItems(t *testing.T, exchanges []testkit.Exchange, items []any) {
	var want []jsontext.Value
	for _, e := range exchanges {
		page := testkit.Decode[struct{ Value, Data []jsontext.Value }](t, e.Response.Body) // of a list, or of a query
		want = append(append(want, page.Value...), page.Data...)
	}
	require.Len(t, items, len(want))
	for i, item := range items {
		testkit.Exchange{Response: testkit.Response{Body: want[i]}}.AssertWireForm(t, item)
	}
}

// A listing yields the same in every way to read it, and resumes after each page, with another client, too.
func TestEveryListingIsReadInEveryWay(t *testing.T) {
	t.Parallel()
	for name, exchanges := range testkit.AllExchanges {
		exchanges = slices.DeleteFunc(slices.Clone(exchanges), func(e testkit.Exchange) bool { // which leaves the pages
			route, _ := e.Route()
			return route.Kind != routes.List && route.Kind != routes.Query || !slices.Contains(driver.Operations(), route)
		})
		if len(exchanges) == 0 {
			continue
		}
		newPager := func(t *testing.T, transport policy.Transporter, option string, value any) driver.Pager {
			result := testkit.Must(driver.Ours.Do(t.Context(), exchanges[0].Call().With(option, value), driver.Options(transport)))
			pager, ok := driver.PagerOf(result)
			require.True(t, ok)
			return pager
		}
		for _, prefetch := range []int{0, 2} {
			t.Run(fmt.Sprint(name, "/prefetch ", prefetch), func(t *testing.T) {
				t.Parallel()
				for _, method := range []string{"Pages", "All"} {
					transport := testkit.Replay(t, exchanges)
					pager := newPager(t, transport, "Prefetch", prefetch)
					assert.Zero(t, transport.Requests(), "before anything is read")
					items := testkit.Must(pager.Read(t.Context(), method))
					assertItems(t, exchanges, items)
					assert.Empty(t, pager.Token())
				}
			})
		}
		t.Run(name+"/resumed by another client", func(t *testing.T) {
			t.Parallel()
			transport := testkit.Replay(t, exchanges)
			var items []any
			token := ""
			for n := 1; n == 1 || token != ""; n++ {
				pager := newPager(t, transport, "ContinuationToken", token)
				_, read, err := pager.NextPage(t.Context())
				require.NoError(t, err)
				assert.Equal(t, n, transport.Requests())
				items, token = append(items, read...), pager.Token()
			}
			assertItems(t, exchanges, items)
		})
	}
}

// An invalid value is refused by name before anything is sent, whichever parameter has it.
func TestEveryParameterIsChecked(t *testing.T) {
	t.Parallel()
	for _, route := range driver.Operations() {
		for i, parameter := range route.Parameters() {
			t.Run(route.Operation+" "+parameter, func(t *testing.T) {
				t.Parallel()
				call := testkit.CallOf(route)
				call.Values = slices.Clone(call.Values)
				call.Values[i] = "in/valid"
				_, err := driver.Call(t.Context(), call, driver.Options(testkit.Script(t)))
				driver.AssertParameterError(t, err, parameter)
				assert.ErrorContains(t, err, `"in/valid"`)
				assert.Regexp(t, `^(New`+route.Resource.Client+"|"+route.Operation+`): parameter `, err.Error())
			})
		}
	}
}

// The option APIVersion is sent with every request but queries of Azure Resource Graph, whose versions are others.
func TestEveryAPIVersionIsOverridden(t *testing.T) {
	t.Parallel()
	for _, route := range driver.Operations() {
		if route.Resource.Get == nil {
			continue // rows of several resources, each of which has its own
		}
		o := driver.Options(testkit.Script(t, func(req *http.Request) (*http.Response, error) {
			want := "2030-01-01"
			if route.Kind == routes.Query {
				want = route.APIVersion
			}
			assert.Equal(t, want, req.URL.Query().Get("api-version"), route.Operation)
			return testkit.Respond(200, testkit.Minimal)(req)
		}))
		o.APIVersion = "2030-01-01"
		require.NoError(t, testkit.ErrorOf(driver.Call(t.Context(), testkit.CallOf(route), o)), route.Operation)
	}
}

// Every constructor refuses the same, and says its name; an API version only where there are several.
func TestEveryConstructorChecksItsParameters(t *testing.T) {
	t.Parallel()
	constructors := maps.Clone(driver.Ours)
	constructors["ClientFactory"] = armsecops.NewClientFactory
	type parameters struct {
		credential azcore.TokenCredential
		armsecops.ClientOptions
	}
	for client, constructor := range constructors {
		for _, test := range []struct {
			parameter string
			set       func(*parameters)
		}{
			{"credential", func(o *parameters) { o.credential = nil }},
			{"MaxResponseBytes", func(o *parameters) { o.MaxResponseBytes = -1 }},
			{"Cloud", func(o *parameters) { o.Cloud = testkit.Endpoint("http://management.example") }},
			{"Cloud", func(o *parameters) { o.Cloud = testkit.Endpoint("management.example") }},
			{"Cloud", func(o *parameters) { o.Cloud = testkit.Endpoint("https://") }},
			{"options", func(o *parameters) { o.Cloud.ActiveDirectoryAuthorityHost = "https://login.example" }},
			{"APIVersion", func(o *parameters) { o.APIVersion = "2021-08-01-preview" }},
			{"Transport", func(o *parameters) { o.Transport = (*http.Client)(nil) }},
			{"PerCallPolicies", func(o *parameters) { o.PerCallPolicies = []policy.Policy{nil} }},
			{"PerRetryPolicies", func(o *parameters) { o.PerRetryPolicies = []policy.Policy{nil} }},
		} {
			o := parameters{credential: &azfake.TokenCredential{}}
			test.set(&o)
			in := []reflect.Value{reflect.ValueOf(&o.credential).Elem(), reflect.ValueOf(&o.ClientOptions)}
			if reflect.TypeOf(constructor).NumIn() > len(in) {
				in = append([]reflect.Value{reflect.ValueOf(testkit.JobsSubscription)}, in...)
			}
			made := reflect.ValueOf(constructor).Call(in)
			err, _ := reflect.TypeAssert[error](made[1])
			if test.parameter == "APIVersion" && client != "ClientFactory" && client != "ExemptionsClient" {
				require.NoError(t, err, client)
				continue
			}
			assert.True(t, made[0].IsNil(), "%s: %s", client, test.parameter)
			driver.AssertParameterError(t, err, test.parameter)
			assert.ErrorContains(t, err, "New"+client+": parameter "+test.parameter)
			assert.Contains(t, armsecops.LogValue(err).String(), "operation=New"+client+" kind=parameter")
		}
	}
}

// A response that isn't success is the error type of the service, with the operation.
func TestEveryErrorHasTheTypeOfItsService(t *testing.T) {
	t.Parallel()
	for _, route := range driver.Operations() {
		_, err := driver.Call(t.Context(), testkit.CallOf(route), driver.Options(testkit.Respond(404)))
		_, isSentinel := errors.AsType[*armsecops.ErrorResponse](err)
		_, isCloud := errors.AsType[*armsecops.CloudError](err)
		require.NotEqual(t, isSentinel, isCloud, "%s: %v", route.Operation, err)
		assert.Equal(t, isSentinel, route.Namespace == "Microsoft.SecurityInsights", route.Operation)
		service, _ := errors.AsType[*armsecops.ServiceError](err)
		assert.Equal(t, route.Operation, service.Operation)
	}
}

// gets yields the operations that return one resource.
func gets(yield func(*routes.Route) bool) {
	for _, route := range driver.Operations() {
		if route.Kind == routes.Get && !yield(route) {
			return
		}
	}
}

func idOf(route *routes.Route) (id string, parts []string) {
	parts = testkit.CallOf(route).Values
	if route.OfScope() {
		parts = append([]string{"/" + strings.TrimPrefix(parts[0], "/")}, parts[1:]...)
	}
	return route.ID(parts...), parts
}

func TestEveryIDIsParsed(t *testing.T) {
	t.Parallel()
	testkit.EachOperation(t, slices.Collect(gets), func(t *testing.T, route *routes.Route) {
		id, want := idOf(route)
		upper := strings.ToUpper(id)
		for text, unchanged := range map[string]bool{id: true, id[1:]: true, upper: false, upper[1:]: false} {
			written, parts, err := driver.ParseID(route.Resource.Client, text)
			require.NoError(t, err, text)
			assert.True(t, strings.EqualFold(id, written), written)
			if unchanged {
				assert.Equal(t, want, parts)
				assert.Equal(t, id, written)
				continue
			}
			for i, part := range parts { // which keep their case
				assert.Equal(t, strings.ToUpper(want[i]), part)
			}
		}
	})
}

// notIDs returns texts that are near the id of a resource.
func notIDs(route *routes.Route) map[string]string {
	id, parts := idOf(route)
	name := parts[len(parts)-1]
	texts := map[string]string{
		"empty":                      "",
		"slash":                      "/",
		"word":                       name,
		"two slashes first":          "/" + id,
		"slash last":                 id + "/",
		"two slashes in the middle":  strings.Replace(id, "/providers", "//providers", 1),
		"more segments":              id + "/items/1",
		"fewer segments":             strings.TrimSuffix(id, "/"+name),
		"another provider":           strings.ReplaceAll(id, "Microsoft.", "Contoso."),
		"literal of the same length": strings.TrimSuffix(id, "s/"+name) + "t/" + name,
		"letters that fold to ASCII": strings.TrimSuffix(id, "s/"+name) + "ſ/" + name,
		"query":                      id + "?api-version=1",
		"URL":                        "https://management.azure.com" + id,
		"white space first":          " " + id,
		"line end":                   id + "\n",
		"escaped slashes":            strings.ReplaceAll(id, "/", "%2F"),
		"backslashes":                strings.ReplaceAll(id, "/", `\`),
		"not UTF-8":                  id + "\xff",
	}
	for i, parameter := range route.Parameters() {
		for _, value := range []string{"", ".."} {
			parts := slices.Clone(parts)
			parts[i] = value
			texts[parameter+" "+value] = route.ID(parts...)
		}
	}
	for other := range gets {
		if other.Resource != route.Resource {
			texts[other.Operation], _ = idOf(other)
		}
	}
	return texts
}

func TestEveryParserRefusesOtherIDs(t *testing.T) {
	t.Parallel()
	for route := range gets {
		for name, text := range notIDs(route) {
			_, parts, err := driver.ParseID(route.Resource.Client, text)
			assert.Empty(t, parts, "%s: %s", route.Operation, name)
			driver.AssertParameterError(t, err, "id")
		}
	}
}

// An id that is read is written as an id, and read as the same again.
func FuzzParseID(f *testing.F) {
	for route := range gets {
		id, _ := idOf(route)
		f.Add(id)
		f.Add(strings.ToUpper(id[1:]))
		for _, text := range notIDs(route) {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		for client := range driver.Parsers {
			id, parts, err := driver.ParseID(client, text)
			if err != nil {
				require.ErrorAs(t, err, new(*armsecops.ParameterError))
				require.Empty(t, parts)
				continue
			}
			require.True(t, strings.EqualFold(id, "/"+strings.TrimPrefix(text, "/")), "%q became %q", text, id)
			again, same, err := driver.ParseID(client, id)
			require.NoError(t, err)
			require.Equal(t, id, again)
			require.Equal(t, parts, same)
		}
	})
}
