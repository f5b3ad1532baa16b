package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armpolicy"
	policyfake "github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armpolicy/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/security/armsecurity"
	securityfake "github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/security/armsecurity/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/securityinsights/armsecurityinsights/v2"
	insightsfake "github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/securityinsights/armsecurityinsights/v2/fake"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
)

// The names of the resources that the calls are about.
const (
	subscriptionID = testkit.JobsSubscription
	resourceGroup  = "myRg"
	escapedGroup   = "myRg-(ü)" // with something to escape
	workspace      = "myWorkspace"
	publication    = testkit.JobsAssignment
	jobName        = testkit.JobName
	assignmentID   = testkit.AssignmentName
)

// microsoft has the constructors of Microsoft's clients and of the transports of
// their fakes, by the names of our clients. A client to compare is a row.
var microsoft = map[string]struct{ client, fake any }{
	"WorkspaceManagerJobsClient":           {armsecurityinsights.NewWorkspaceManagerAssignmentJobsClient, insightsfake.NewWorkspaceManagerAssignmentJobsServerTransport},
	"WorkspaceManagerConfigurationsClient": {armsecurityinsights.NewWorkspaceManagerConfigurationsClient, insightsfake.NewWorkspaceManagerConfigurationsServerTransport},
	"WorkspaceManagerMembersClient":        {armsecurityinsights.NewWorkspaceManagerMembersClient, insightsfake.NewWorkspaceManagerMembersServerTransport},
	"WorkspaceManagerGroupsClient":         {armsecurityinsights.NewWorkspaceManagerGroupsClient, insightsfake.NewWorkspaceManagerGroupsServerTransport},
	"WorkspaceManagerAssignmentsClient":    {armsecurityinsights.NewWorkspaceManagerAssignmentsClient, insightsfake.NewWorkspaceManagerAssignmentsServerTransport},
	"SecurityAssignmentsClient":            {armsecurity.NewAssignmentsClient, securityfake.NewAssignmentsServerTransport},
	"StandardAssignmentsClient":            {armsecurity.NewStandardAssignmentsClient, securityfake.NewStandardAssignmentsServerTransport},
	"SecurityStandardsClient":              {armsecurity.NewArmSecurityStandardsClient, securityfake.NewArmSecurityStandardsServerTransport},
	"AssessmentsMetadataClient":            {armsecurity.NewAssessmentsMetadataClient, securityfake.NewAssessmentsMetadataServerTransport},
	// Its list methods, one for each kind of scope, are left out: none has a scope as parameter.
	"PolicyExemptionsClient": {armpolicy.NewExemptionsClient, policyfake.NewExemptionsServerTransport},
}

// theirs is Microsoft's library, which the driver calls as it calls ours.
var theirs = func() driver.Library {
	library := driver.Library{}
	for name, row := range microsoft {
		library[name] = row.client
	}
	return library
}()

// theirFake is Microsoft's fake of one client. It gives every operation the same
// response, and notes what it received.
type theirFake struct {
	pages  []string // bodies of the response: of the pages of a list, or one
	status int

	values  []string
	sent    any // the model
	options any
}

// transport returns a transport to the fake for our client. Every member of its
// struct of functions is a function that the package reflect makes.
func (f *theirFake) transport(client string) policy.Transporter {
	constructor := reflect.ValueOf(microsoft[client].fake)
	server := reflect.New(constructor.Type().In(0).Elem())
	for _, member := range server.Elem().Fields() {
		member.Set(reflect.MakeFunc(member.Type(), func(arguments []reflect.Value) []reflect.Value { return f.serve(member.Type(), arguments) }))
	}
	return adapter{constructor.Call([]reflect.Value{server})[0].Interface().(policy.Transporter)}
}

func (f *theirFake) serve(function reflect.Type, arguments []reflect.Value) []reflect.Value {
	f.values = []string{}
	for _, argument := range arguments {
		switch argument.Kind() {
		case reflect.String:
			f.values = append(f.values, argument.String())
		case reflect.Struct:
			f.sent = argument.Interface()
		case reflect.Pointer:
			f.options = argument.Interface()
		}
	}
	responder := reflect.New(function.Out(0))
	respond := responder.MethodByName("AddPage")
	if !respond.IsValid() {
		respond = responder.MethodByName("SetResponse")
	}
	for _, page := range f.pages {
		response := reflect.New(respond.Type().In(1))
		if page != "" {
			if err := json.Unmarshal([]byte(page), response.Interface()); err != nil {
				panic(err)
			}
		}
		respond.Call([]reflect.Value{reflect.ValueOf(max(f.status, http.StatusOK)), response.Elem(), reflect.Zero(respond.Type().In(2))})
	}
	if function.NumOut() == 1 {
		return []reflect.Value{responder.Elem()}
	}
	failure := reflect.New(function.Out(1))
	if f.status >= 400 {
		failure.MethodByName("SetResponseError").Call([]reflect.Value{reflect.ValueOf(f.status), reflect.ValueOf("ResourceNotFound")})
	}
	return []reflect.Value{responder.Elem(), failure.Elem()}
}

// adapter lets our clients speak to Microsoft's fake servers, which differ from
// the services in two ways. They tell operations apart by the name that
// Microsoft's client gives them, not by method and path: the adapter renames.
// And they put the number of a next page on a path of its own, where the
// services put their token into the query: our client follows no link off the
// listing's path, so the adapter moves the number into $skipToken, and back.
type adapter struct {
	server policy.Transporter
}

const pagePath = "/fake_page_"

func (a adapter) Do(req *http.Request) (*http.Response, error) {
	operation, _ := req.Context().Value(runtime.CtxAPINameKey{}).(string)
	var name string
	for _, route := range routes.All {
		if route.Operation == operation {
			name = theirs.Name(route)
		}
	}
	their := req.Clone(context.WithValue(req.Context(), runtime.CtxAPINameKey{}, name))
	query := their.URL.Query()
	if number := query.Get("$skipToken"); number != "" {
		query.Del("$skipToken")
		their.URL.RawQuery = query.Encode()
		their.URL = their.URL.JoinPath(pagePath + number)
	}
	resp, err := a.server.Do(their)
	if err != nil {
		return nil, err
	}
	resp.Request = req // with another URL, the response would be that of a redirect
	if !strings.Contains(operation, "Pager") {
		return resp, nil
	}
	var page struct {
		Value    json.RawMessage `json:"value"`
		NextLink string          `json:"nextLink,omitempty"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&page); err != nil {
		return nil, err
	}
	if path, query, ok := strings.Cut(page.NextLink, "?"); ok {
		path, number, _ := strings.Cut(path, pagePath)
		page.NextLink = path + "?" + query + "&$skipToken=" + number
	}
	body, err := json.Marshal(page)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	return resp, err
}

// assertSame compares two models member by member, in their JSON form.
func assertSame(t testing.TB, want, got any) {
	t.Helper()
	assert.Equal(t, wireForm(t, want), wireForm(t, got))
}

var times = regexp.MustCompile(`"\d{4}-\d\d-\d\dT[^"]+"`)

// wireForm returns a model's JSON, with its members in order and its times in UTC:
// the two sides write their fractions and zones differently.
func wireForm(t testing.TB, model any) string {
	t.Helper()
	text, err := json.Marshal(model)
	require.NoError(t, err)
	form := jsontext.Value(times.ReplaceAllFunc(text, func(quoted []byte) []byte {
		instant, err := time.Parse(`"`+time.RFC3339+`"`, string(quoted))
		if err != nil {
			return quoted
		}
		return instant.UTC().AppendFormat(nil, `"`+time.RFC3339Nano+`"`)
	}))
	require.NoError(t, form.Format(jsontext.ReorderRawObjects(true), jsontext.Multiline(true)))
	return string(form)
}

// decode reads a model from its wire form.
func decode[T any](t testing.TB, text []byte) (model T) {
	t.Helper()
	require.NoError(t, json.Unmarshal(text, &model))
	return model
}
