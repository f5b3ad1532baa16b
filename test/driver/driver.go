// Package driver calls any operation of any client by its route. The tests of the
// module and of interop share it.
package driver

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/go-json-experiment/json"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/testkit"
)

// Library is the constructors of a library's clients, by their names in the table of routes.
type Library map[string]any

// Ours is this library. A new client is a line here.
var Ours = Library{
	"WorkspaceManagerJobsClient":           armsecops.NewWorkspaceManagerJobsClient,
	"SecurityAssignmentsClient":            armsecops.NewSecurityAssignmentsClient,
	"StandardAssignmentsClient":            armsecops.NewStandardAssignmentsClient,
	"SecurityStandardsClient":              armsecops.NewSecurityStandardsClient,
	"AssessmentsMetadataClient":            armsecops.NewAssessmentsMetadataClient,
	"PolicyExemptionsClient":               armsecops.NewPolicyExemptionsClient,
	"ExemptionsClient":                     armsecops.NewExemptionsClient,
	"WorkspaceManagerConfigurationsClient": armsecops.NewWorkspaceManagerConfigurationsClient,
	"WorkspaceManagerMembersClient":        armsecops.NewWorkspaceManagerMembersClient,
	"WorkspaceManagerGroupsClient":         armsecops.NewWorkspaceManagerGroupsClient,
	"WorkspaceManagerAssignmentsClient":    armsecops.NewWorkspaceManagerAssignmentsClient,
}

// Parsers are the parsers of ids, by the client of their resource.
var Parsers = map[string]any{
	"WorkspaceManagerJobsClient":           armsecops.ParseJobID,
	"SecurityAssignmentsClient":            armsecops.ParseAssignmentID,
	"StandardAssignmentsClient":            armsecops.ParseStandardAssignmentID,
	"SecurityStandardsClient":              armsecops.ParseSecurityStandardID,
	"AssessmentsMetadataClient":            armsecops.ParseAssessmentMetadataID,
	"PolicyExemptionsClient":               armsecops.ParsePolicyExemptionID,
	"WorkspaceManagerConfigurationsClient": armsecops.ParseWorkspaceManagerConfigurationID,
	"WorkspaceManagerMembersClient":        armsecops.ParseWorkspaceManagerMemberID,
	"WorkspaceManagerGroupsClient":         armsecops.ParseWorkspaceManagerGroupID,
	"WorkspaceManagerAssignmentsClient":    armsecops.ParseWorkspaceManagerAssignmentID,
}

// Operations returns those of complete clients: with a constructor and a parser here, and
// documented exchanges. Walks leave out another one; tests name what it lacks.
var Operations = sync.OnceValue(func() []*routes.Route {
	incomplete := map[*routes.Resource]bool{}
	for _, route := range routes.All {
		r := route.Resource
		_, documented := testkit.ExchangeOf(route)
		incomplete[r] = incomplete[r] || Ours[r.Client] == nil || Parsers[r.Client] == nil && r.Get != nil || !documented && route.Kind != routes.Query
	}
	return slices.DeleteFunc(slices.Clone(routes.All), func(route *routes.Route) bool { return incomplete[route.Resource] })
})

// ParseID parses an id of the client's resource. The parts are those of the id, in
// the order of its fields.
func ParseID(client, text string) (id string, parts []string, err error) {
	results := reflect.ValueOf(Parsers[client]).Call([]reflect.Value{reflect.ValueOf(text)})
	for _, part := range results[0].Fields() {
		if part.String() != "" {
			parts = append(parts, part.String())
		}
	}
	err, _ = reflect.TypeAssert[error](results[1])
	return results[0].Interface().(fmt.Stringer).String(), parts, err
}

// Has reports whether the library has the operation, one of a resource. A method
// of the same name that takes other parts of the path is another operation.
func (l Library) Has(route *routes.Route) bool {
	constructor := l[route.Resource.Client]
	if constructor == nil || route.Resource.Get == nil { // the rows of several resources
		return false
	}
	made := reflect.TypeOf(constructor)
	method, ok := methodOf(made.Out(0), route)
	if !ok || route.Kind == routes.List && method.Type.Out(0).Kind() != reflect.Pointer { // to a pager
		return false
	}
	parts := 0
	if route.OfSubscription() && made.In(0).Kind() == reflect.String {
		parts++
	}
	for in := range method.Type.Ins() {
		if in.Kind() == reflect.String {
			parts++
		}
	}
	return parts == len(route.Parameters())
}

// methodOf returns the method of the name in the table, or else of the REST page.
func methodOf(client reflect.Type, route *routes.Route) (reflect.Method, bool) {
	_, name, _ := strings.Cut(route.Operation, ".")
	if method, ok := client.MethodByName(name); ok {
		return method, true
	}
	page := route.Page[strings.LastIndexByte(route.Page, '/')+1:]
	for i := range client.NumMethod() {
		if method := client.Method(i); strings.EqualFold(method.Name, strings.ReplaceAll(page, "-", "")) {
			return method, true
		}
	}
	return reflect.Method{}, false
}

// Do calls the operation once, and returns the response, or the pager of a listing.
//   - options: of the client, as its constructor takes them; or the factory of this library's clients
func (l Library) Do(ctx context.Context, call testkit.Call, options any) (any, error) {
	values := call.Values
	next := func() (value string) {
		if len(values) > 0 {
			value, values = values[0], values[1:]
		}
		return value
	}
	constructor := reflect.ValueOf(l[call.Route.Resource.Client])
	var credential azcore.TokenCredential = &azfake.TokenCredential{}
	in := []reflect.Value{reflect.ValueOf(&credential).Elem(), reflect.ValueOf(options)}
	if factory, ok := options.(*armsecops.ClientFactory); ok {
		constructor, in = reflect.ValueOf(factory).MethodByName("New"+call.Route.Resource.Client), nil
		if !constructor.IsValid() {
			return nil, fmt.Errorf("the ClientFactory doesn't make a %s", call.Route.Resource.Client)
		}
	}
	if constructor.Type().NumIn() > len(in) {
		subscription := testkit.JobsSubscription // of clients whose operation has none in its path
		if call.Route.OfSubscription() {
			subscription = next()
		}
		in = append([]reflect.Value{reflect.ValueOf(subscription)}, in...)
	}
	made := constructor.Call(in)
	if err, _ := reflect.TypeAssert[error](made[len(made)-1]); err != nil {
		return nil, err
	}
	method, ok := methodOf(made[0].Type(), call.Route)
	if !ok {
		return nil, fmt.Errorf("there is no method %s", call.Route.Operation)
	}
	arguments := made[:1]
	for i := 1; i < method.Type.NumIn(); i++ {
		in := method.Type.In(i)
		argument := reflect.New(in).Elem()
		switch {
		case in == reflect.TypeFor[context.Context]():
			argument.Set(reflect.ValueOf(ctx))
		case in.Kind() == reflect.String:
			argument.SetString(next())
		case in.Kind() == reflect.Struct:
			if err := json.Unmarshal([]byte(cmp.Or(string(call.Body), "{}")), argument.Addr().Interface()); err != nil {
				return nil, err
			}
		case len(call.Options) > 0:
			argument = call.OptionsOf(in)
		}
		arguments = append(arguments, argument)
	}
	results := method.Func.Call(arguments)
	err, _ := reflect.TypeAssert[error](results[len(results)-1]) // a pager comes alone
	return results[0].Interface(), err
}

// Models returns what a response embeds: the resource, or nothing.
func Models(response any) []any {
	v := reflect.ValueOf(response)
	if !v.IsValid() || v.NumField() == 0 || v.Field(0).Kind() == reflect.Interface { // of Microsoft's deletion
		return nil
	}
	return []any{v.Field(0).Interface()}
}

// Pager is a pager of any item: this library's or azcore's.
type Pager struct{ pager reflect.Value }

// More reports whether there is a page left.
func (p Pager) More() bool { return p.pager.MethodByName("More").Call(nil)[0].Bool() }

// NextPage returns the next page, and its items.
func (p Pager) NextPage(ctx context.Context) (page any, items []any, err error) {
	results := p.pager.MethodByName("NextPage").Call([]reflect.Value{reflect.ValueOf(ctx)})
	err, _ = reflect.TypeAssert[error](results[1])
	return results[0].Interface(), itemsOf(results[0]), err
}

// Read reads every item by the pager's own method, All or Pages.
func (p Pager) Read(ctx context.Context, method string) (items []any, err error) {
	for value, failure := range p.pager.MethodByName(method).Call([]reflect.Value{reflect.ValueOf(ctx)})[0].Seq2() {
		if err, _ := reflect.TypeAssert[error](failure); err != nil {
			return items, err
		}
		if method == "All" {
			items = append(items, value.Interface())
		} else {
			items = append(items, itemsOf(value)...)
		}
	}
	return items, nil
}

// Token returns the token at which a listing continues.
func (p Pager) Token() string {
	return p.pager.MethodByName("ContinuationToken").Call(nil)[0].String()
}

func itemsOf(page reflect.Value) (items []any) {
	for _, item := range page.FieldByName("Value").Seq2() {
		items = append(items, item.Interface())
	}
	return items
}

// PagerOf returns the pager that Do has returned.
func PagerOf(result any) (Pager, bool) {
	v := reflect.ValueOf(result)
	return Pager{v}, v.IsValid() && v.MethodByName("NextPage").IsValid()
}

// All calls the operation and returns the models of its result: all items of a
// listing, none of a deletion.
//   - pages: after which a listing ends with the error
func (l Library) All(ctx context.Context, call testkit.Call, options any, pages int, endless error) (models []any, err error) {
	result, err := l.Do(ctx, call, options)
	pager, ok := PagerOf(result)
	if !ok {
		return Models(result), err
	}
	for n := 0; pager.More(); n++ {
		if n == pages {
			return models, endless
		}
		_, items, err := pager.NextPage(ctx)
		models = append(models, items...)
		if err != nil {
			return models, err
		}
	}
	return models, nil
}

// Call calls an operation of this library, and reads the first page of a listing.
//   - options: as of [Library.Do]
func Call(ctx context.Context, call testkit.Call, options any) (result any, err error) {
	result, err = Ours.Do(ctx, call, options)
	if pager, ok := PagerOf(result); ok && err == nil {
		result, _, err = pager.NextPage(ctx)
	}
	return result, err
}

// Documents returns one operation for each type of document: those whose results
// are resources, pages of them, and resources that are sent.
func Documents() map[reflect.Type]*routes.Route {
	documents := map[reflect.Type]*routes.Route{}
	for _, route := range slices.Backward(Operations()) { // the first operation of a type stays
		if !Ours.Has(route) {
			continue
		}
		method, _ := methodOf(reflect.TypeOf(Ours[route.Resource.Client]).Out(0), route)
		for in := range method.Type.Ins() {
			if in.Kind() == reflect.Struct {
				documents[in] = route
			}
		}
		result := method.Type.Out(0)
		if next, ok := result.MethodByName("NextPage"); ok {
			documents[next.Type.Out(0)] = route
		} else if result.NumField() > 0 {
			documents[result.Field(0).Type] = route
		}
	}
	return documents
}
