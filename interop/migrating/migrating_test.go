// Package migrating tests the two programs of docs/migrating.md: what one does, the other does.
package migrating

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/interop/migrating/after"
	"github.com/armsecops/armsecops/interop/migrating/before"
)

const (
	subscription = "20ff7fc3-e762-44dd-bd96-b71116dcdc23"
	group        = "group"
)

// program is what both programs do.
type program interface {
	Publish(ctx context.Context, w io.Writer, group, workspace, assignment string) error
	PrintExpired(ctx context.Context, w io.Writer, now time.Time) error
	Extend(ctx context.Context, group, name string, expiresOn time.Time) (bool, error)
}

// programs makes both programs, by the name of their package.
var programs = map[string]func(options arm.ClientOptions) (program, error){
	"before": func(options arm.ClientOptions) (program, error) {
		return before.New(subscription, &azfake.TokenCredential{}, options)
	},
	"after": func(options arm.ClientOptions) (program, error) {
		return after.New(subscription, &azfake.TokenCredential{}, options)
	},
}

// forBoth runs a test with each program and a server of its own.
func forBoth(t *testing.T, test func(t *testing.T, p program, server *fake.Server)) {
	t.Helper()
	for name, newProgram := range programs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				// Microsoft's client has a later api-version, in which jobs are the same.
				server := fake.NewServer(&fake.ServerOptions{PageSize: 2, JobSteps: 3, APIVersions: []string{"2025-07-01-preview"}})
				var options arm.ClientOptions
				options.Transport = server
				p, err := newProgram(options)
				require.NoError(t, err)
				test(t, p, server)
			})
		})
	}
}

func TestPublishPrintsFailures(t *testing.T) {
	t.Parallel()
	id := armsecops.WorkspaceManagerAssignmentID{
		SubscriptionID: subscription, ResourceGroupName: group, WorkspaceName: "workspace", Name: "publication",
	}
	tests := map[string]struct {
		items []armsecops.JobItem
		want  string
	}{
		"succeeded": {
			[]armsecops.JobItem{{ResourceID: "rules/one", Status: armsecops.JobItemStatusSucceeded}},
			"Succeeded\n",
		},
		"failed": {
			[]armsecops.JobItem{
				{ResourceID: "rules/one", Status: armsecops.JobItemStatusSucceeded},
				{ResourceID: "rules/two", Errors: []armsecops.JobItemError{
					{MemberResourceName: "member", ErrorMessage: "Forbidden."},
					{MemberResourceName: "other", ErrorMessage: "Gone."},
				}},
			},
			"Failed\nrules/two at member: Forbidden.\nrules/two at other: Gone.\n",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forBoth(t, func(t *testing.T, p program, server *fake.Server) {
				server.SetJobItems(id, test.items)
				start := time.Now()
				var out bytes.Buffer
				require.NoError(t, p.Publish(t.Context(), &out, id.ResourceGroupName, id.WorkspaceName, id.Name))
				assert.Equal(t, test.want, out.String())
				assert.GreaterOrEqual(t, time.Since(start), 15*time.Second, "polled too often")
			})
		})
	}
}

func TestPublishReturnsTheServicesError(t *testing.T) {
	t.Parallel()
	forBoth(t, func(t *testing.T, p program, server *fake.Server) {
		server.Inject(fake.Fault{StatusCode: http.StatusForbidden, Body: `{"error":{"code":"AuthorizationFailed"}}`})
		err := p.Publish(t.Context(), io.Discard, group, "workspace", "publication")
		var response *azcore.ResponseError
		require.ErrorAs(t, err, &response)
		assert.Equal(t, http.StatusForbidden, response.StatusCode)
		assert.Equal(t, "AuthorizationFailed", response.ErrorCode)
	})
}

func TestPrintExpired(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	forBoth(t, func(t *testing.T, p program, server *fake.Server) {
		for name, properties := range map[string]armsecops.AssignmentProperties{
			"expired":          {Effect: "Exempt", ExpiresOn: now.Add(-time.Hour)},
			"expired-too":      {Effect: "Exempt", ExpiresOn: now.Add(-time.Second)},
			"later":            {Effect: "Exempt", ExpiresOn: now.Add(time.Hour)},
			"never":            {Effect: "Exempt"}, // its ExpiresOn is nil before, and zero after
			"not-an-exemption": {Effect: "Audit", ExpiresOn: now.Add(-time.Hour)},
			"without-effect":   {ExpiresOn: now.Add(-time.Hour)},
		} {
			id := armsecops.AssignmentID{SubscriptionID: subscription, ResourceGroupName: group, Name: name}
			server.Put(id, armsecops.Assignment{Properties: properties})
		}
		var out bytes.Buffer
		require.NoError(t, p.PrintExpired(t.Context(), &out, now))
		assert.Equal(t, "expired\nexpired-too\n", out.String())
	})
}

func TestExtend(t *testing.T) {
	t.Parallel()
	expiresOn := time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)
	forBoth(t, func(t *testing.T, p program, server *fake.Server) {
		server.Put(armsecops.AssignmentID{SubscriptionID: subscription, ResourceGroupName: group, Name: "one"},
			armsecops.Assignment{Properties: armsecops.AssignmentProperties{DisplayName: "One", Effect: "Exempt"}})

		found, err := p.Extend(t.Context(), group, "one", expiresOn)
		require.NoError(t, err)
		assert.True(t, found)
		requests := server.Requests()
		assert.Contains(t, string(requests[len(requests)-1].Body), `"displayName":"One"`)
		var out bytes.Buffer
		require.NoError(t, p.PrintExpired(t.Context(), &out, expiresOn.Add(time.Second)))
		assert.Equal(t, "one\n", out.String())

		found, err = p.Extend(t.Context(), group, "none", expiresOn)
		require.NoError(t, err)
		assert.False(t, found)
	})
}

// docs/migrating.md shows both programs.
func TestPageShowsPrograms(t *testing.T) {
	t.Parallel()
	page := read(t, "../../docs/migrating.md")
	for name := range programs {
		assert.Contains(t, page, "```go\n"+read(t, name+"/program.go")+"```\n")
	}
	assert.Equal(t, len(programs), strings.Count(page, "```go\n"))
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}
