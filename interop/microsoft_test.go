package interop

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"regexp"
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

// decode reads a model from its wire form.
func decode[T any](t testing.TB, text []byte) (model T) {
	t.Helper()
	require.NoError(t, json.Unmarshal(text, &model))
	return model
}

var update = flag.Bool("update", false, "write testdata/matrix.json and ../docs/reliability.md")

// The fault matrix with Microsoft's clients. Their outcomes are recorded, not
// judged; docs/reliability.md shows them beside this library's.
func TestMatrix(t *testing.T) {
	t.Parallel()
	theirs := faults.Test(t, microsoftClients, "testdata/matrix.json", *update)
	if theirs == nil {
		return
	}
	ours, err := faults.ReadRows("../testdata/matrix.json")
	require.NoError(t, err)
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

// compared yields the operations that both libraries have.
func compared(yield func(*routes.Route) bool) {
	for _, route := range driver.Operations() {
		if theirs.Has(route) && !yield(route) {
			return
		}
	}
}

// Both libraries send the same request, and make the same of the response.
func TestRequestsAreTheirs(t *testing.T) {
	t.Parallel()
	for route := range compared {
		t.Run(route.Operation, func(t *testing.T) {
			t.Parallel()
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
			ours, err := driver.Ours.All(t.Context(), call, options, 10, nil)
			require.NoError(t, err)
			their, err := theirs.All(t.Context(), call, &options.ClientOptions, 10, nil)
			require.NoError(t, err)
			assertSame(t, their, ours)
			require.Len(t, sent, 2)
			assert.Equal(t, sent[1], sent[0])
		})
	}
}

// Microsoft's clients see what ours see: the same calls over TLS and HTTP/2, on two
// of our servers in the same state, have the same results, step by step.
func TestTheirClientsWithOurServer(t *testing.T) {
	t.Parallel()
	for client := range theirs {
		t.Run(client, func(t *testing.T) {
			t.Parallel()
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
