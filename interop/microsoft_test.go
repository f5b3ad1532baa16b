package interop

import (
	"context"
	"encoding/json"
	"flag"
	"regexp"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armpolicy"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/security/armsecurity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/securityinsights/armsecurityinsights/v2"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
