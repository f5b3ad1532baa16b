package interop

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armpolicy"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/security/armsecurity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/securityinsights/armsecurityinsights/v2"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
	"github.com/armsecops/armsecops/test/faults"
)

// The names of the resources that the calls are about.
const (
	subscriptionID = testkit.JobsSubscription
	resourceGroup  = "myRg"
	workspace      = "myWorkspace"
	publication    = testkit.JobsAssignment
	jobName        = testkit.JobName
	assignmentID   = testkit.AssignmentName
)

// theirs is Microsoft's library, which the driver calls as it calls ours: their
// constructors by the names of our clients. A client to compare is a line.
var theirs = driver.Library{
	"WorkspaceManagerJobsClient":           armsecurityinsights.NewWorkspaceManagerAssignmentJobsClient,
	"WorkspaceManagerConfigurationsClient": armsecurityinsights.NewWorkspaceManagerConfigurationsClient,
	"WorkspaceManagerMembersClient":        armsecurityinsights.NewWorkspaceManagerMembersClient,
	"WorkspaceManagerGroupsClient":         armsecurityinsights.NewWorkspaceManagerGroupsClient,
	"WorkspaceManagerAssignmentsClient":    armsecurityinsights.NewWorkspaceManagerAssignmentsClient,
	"SecurityAssignmentsClient":            armsecurity.NewAssignmentsClient,
	"StandardAssignmentsClient":            armsecurity.NewStandardAssignmentsClient,
	"SecurityStandardsClient":              armsecurity.NewArmSecurityStandardsClient,
	"AssessmentsMetadataClient":            armsecurity.NewAssessmentsMetadataClient,
	// Its list methods, one for each kind of scope, are left out: none has a scope as parameter.
	"PolicyExemptionsClient": armpolicy.NewExemptionsClient,
}

// assertSame compares two models member by member, in their JSON form.
func assertSame(t testing.TB, want, got any) {
	assert.Equal(t, wireForm(t, want), wireForm(t, got))
}

var times = regexp.MustCompile(`"\d{4}-\d\d-\d\dT[^"]+"`)

// wireForm returns a model's JSON, with its members in order and its times in UTC: the two sides write their fractions and zones differently.
func wireForm(t testing.TB, model any) string {
	text := testkit.Must(json.Marshal(model))
	form := jsontext.Value(times.ReplaceAllFunc(testkit.Normal(text), func(quoted []byte) []byte {
		instant, err := time.Parse(`"`+time.RFC3339+`"`, string(quoted))
		if err != nil {
			return quoted
		}
		return instant.UTC().AppendFormat(nil, `"`+time.RFC3339Nano+`"`)
	}))
	require.NoError(t, form.Format(jsontext.ReorderRawObjects(true), jsontext.Multiline(true)))
	return string(form)
}

var update = flag.Bool("update", false, "write testdata/matrix.json and ../docs/reliability.md")

// The fault matrix with Microsoft's clients. Their outcomes are recorded, not judged; docs/reliability.md shows them beside this library's.
func TestMatrix(t *testing.T) {
	t.Parallel()
	theirs := faults.Test(t, microsoftClients, "testdata/matrix.json", *update)
	if theirs == nil {
		return
	}
	ours := testkit.Must(faults.ReadRows("../testdata/matrix.json"))
	faults.Document(t, "../docs/reliability.md", *update, map[string]string{
		"harm":       faults.Harms(theirs),
		"comparison": faults.Comparison(ours, theirs),
	})
}

// microsoftClients are Microsoft's clients.
var microsoftClients = faults.Client{
	Has: theirs.Has,
	Call: func(ctx context.Context, s *faults.Server, call testkit.Call) ([]any, error) {
		options := s.Options()
		return theirs.All(ctx, call, &options, s.MaxPages(), faults.ErrEndless)
	},
}

// Both libraries send the same request, and make the same of the response: of each operation that both have.
func TestRequestsAreTheirs(t *testing.T) {
	t.Parallel()
	missing := func(route *routes.Route) bool { return !theirs.Has(route) }
	testkit.EachOperation(t, slices.DeleteFunc(slices.Clone(driver.Operations()), missing), func(t *testing.T, route *routes.Route) {
		e, _ := testkit.ExchangeOf(route)
		call := e.Call().With("OrderBy", "properties/startTime desc").With("Top", 10)
		for i, parameter := range route.Parameters() {
			if parameter == "resourceGroupName" {
				call.Values[i] = "myRg-(ü)" // with something to escape
			}
		}
		var sent [][]any
		options := driver.Options(testkit.TransportFunc(func(req *http.Request) (*http.Response, error) {
			query := req.URL.Query()
			query.Del("api-version")
			var document any
			if call.Body != nil {
				assert.NoError(t, json.NewDecoder(req.Body).Decode(&document))
			}
			sent = append(sent, []any{req.Method, req.URL.EscapedPath(), query, wireForm(t, document)})
			return testkit.Respond(e.Response.Status, strings.ReplaceAll(string(e.Response.Body), `"ga":`, `"GA":`))(req) // as Microsoft's model has it
		}))
		ours := testkit.Must(driver.Ours.All(t.Context(), call, options, 10, nil))
		their := testkit.Must(theirs.All(t.Context(), call, &options.ClientOptions, 10, nil))
		assertSame(t, their, ours)
		require.Len(t, sent, 2)
		assert.Equal(t, sent[1], sent[0])
	})
}

// Microsoft's clients see what ours see: the same calls over TLS and HTTP/2, on two
// of our servers in the same state, have the same results, step by step.
func TestTheirClientsWithOurServer(t *testing.T) {
	t.Parallel()
	testkit.EachNamed(t, theirs, func(t *testing.T, client string, _ any) {
		ours := driver.Play(t, driver.Ours, client, theirs.Has, newServer(t))
		their := driver.Play(t, theirs, client, theirs.Has, &newServer(t).ClientOptions)
		require.NotEmpty(t, ours)
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

// Our models have every member of theirs and its type, and write a required false or 0; our enumerations have the values of theirs.
func TestModelsAreTheirs(t *testing.T) {
	t.Parallel()
	resource := func(library driver.Library, client string) reflect.Value {
		get, _ := reflect.TypeOf(library[client]).Out(0).MethodByName("Get")
		return reflect.New(get.Type.Out(0).Field(0).Type)
	}
	seen := map[string][]string{} // values of our strings, by type
	for client := range theirs {
		their, ours := resource(theirs, client), resource(driver.Ours, client)
		f := sourceOf(t, their.Elem().Type().PkgPath())
		for f.pass = range 64 { // no enumeration has more values
			f.fill(their.Elem(), 0)
			text := wireForm(t, their.Interface())
			ours.Elem().SetZero()
			require.NoError(t, json.Unmarshal([]byte(text), ours.Interface()), client)
			require.Empty(t, testkit.Unknown(ours.Elem().Interface()), "%s: members that the model lacks, or has by another name", client)
			require.Equal(t, text, wireForm(t, ours.Interface()), "%s: members that are lost", client)
			testkit.Each(ours.Elem(), func(v reflect.Value) {
				if v.Kind() == reflect.String && v.String() != "" && v.String() != anyText {
					seen[v.Type().Name()] = append(seen[v.Type().Name()], v.String())
				}
			})
		}
	}
	differ := map[string]string{}
	for enumeration, constants := range sourceOf(t, "github.com/armsecops/armsecops").values {
		for _, value := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(constants, seen[enumeration])))) {
			if seen[enumeration] != nil && slices.Contains(constants, value) != slices.Contains(seen[enumeration], value) {
				differ[enumeration] += value + " "
			}
		}
	}
	assert.Equal(t, map[string]string{
		"AssessmentSeverity": "Critical ", // of their later api-version, as the next
		"AssessmentType":     "BuiltInPolicy Custom DynamicBuiltIn ManualBuiltIn ManualBuiltInPolicy ManualCustomPolicy Unknown ",
		"Effect":             "Disable ",                            // ours: seen
		"ExemptionCategory":  "Mitigated Waiver ",                   // of Azure Policy: ours, in another casing
		"JobItemStatus":      "Active Approved Backlog Closed New ", // of other resources, as the next
		"ProvisioningState":  "Accepted ",
	}, differ, "values that only one of the two has: give the reason here, or mend the constant")
}

// filler sets every field of a model of theirs, by what the source of its package says.
type filler struct {
	values   map[string][]string // of enumerations
	required map[string]bool     // fields that are a bool or a number
	pass     int                 // which value enumerations have; in an odd one, required is false or 0
}

var (
	constant      = regexp.MustCompile(`(?m)^\t\w+ +(\w+) += "(.+?)"`)
	requiredField = regexp.MustCompile(`// REQUIRED;.*\n(?:\t//.*\n)*\t(\w+) +\*(?:bool|int|float)`)
)

func sourceOf(t *testing.T, path string) (f filler) {
	f = filler{values: map[string][]string{}, required: map[string]bool{}}
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.Dir}}", path).Output()
	require.NoError(t, err)
	files, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "*.go"))
	for _, file := range files {
		text := testkit.ReadFile(t, file)
		for _, match := range constant.FindAllStringSubmatch(text, -1) {
			f.values[match[1]] = append(f.values[match[1]], match[2])
		}
		for declaration := range strings.SplitSeq(text, "\ntype ") {
			name, _, _ := strings.Cut(declaration, " ")
			for _, match := range requiredField.FindAllStringSubmatch(declaration, -1) {
				f.required[name+"."+match[1]] = true
			}
		}
	}
	return f
}

const anyText = "text"

func (f filler) fill(v reflect.Value, depth int) {
	switch of := v.Type(); of.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(of.Elem()))
		f.fill(v.Elem(), depth)
	case reflect.Struct:
		if of == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)))
			return
		}
		for field, value := range v.Fields() {
			f.fill(value, depth+1)
			if f.pass%2 == 1 && f.required[of.Name()+"."+field.Name] {
				value.Elem().SetZero()
			}
		}
		for _, value := range v.Fields() {
			if strings.HasSuffix(value.Type().String(), "Classification") { // a union, or a list
				text, _ := json.Marshal(v.Addr().Interface())
				_ = json.Unmarshal(text, v.Addr().Interface()) // makes the types that the discriminators say
				f.fill(value, depth+1)
			}
		}
	case reflect.Slice:
		pass, again := f.pass, v.Len() > 0
		if !again && depth < 8 { // a type may hold itself
			v.Set(reflect.MakeSlice(of, 5, 5))
		}
		for i := range v.Len() {
			if !again {
				f.pass = pass + i // another type of a union
			}
			f.fill(v.Index(i), depth)
		}
	case reflect.Map:
		value := reflect.New(of.Elem()).Elem()
		f.fill(value, depth)
		v.Set(reflect.MakeMap(of))
		v.SetMapIndex(reflect.ValueOf("a"), value)
	case reflect.Interface:
		if of == reflect.TypeFor[any]() {
			v.Set(reflect.ValueOf(anyText))
			return
		}
		if v.IsNil() {
			get, _ := of.MethodByName("Get" + strings.TrimSuffix(of.Name(), "Classification"))
			v.Set(reflect.New(get.Type.Out(0).Elem()))
		}
		f.fill(v.Elem().Elem(), depth)
	case reflect.String:
		v.SetString(anyText)
		if values := f.values[of.Name()]; of.PkgPath() != "" && values != nil {
			v.SetString(values[f.pass%len(values)])
		}
	case reflect.Bool:
		v.SetBool(true)
	default:
		v.Set(reflect.ValueOf(1).Convert(of))
	}
}
