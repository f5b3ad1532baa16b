package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/commandtest"
	"github.com/armsecops/armsecops/fake"
)

const build = "/subscriptions/5ec0ffee-0000-4000-8000-000000000001/resourceGroups/test/providers/Microsoft.Compute/virtualMachines/build"

// createArgs returns the arguments that create an exemption, and more of them,
// the later ones winning.
func createArgs(more ...string) []string {
	return append([]string{
		"create", "-scope", build, "-standard", "/providers/Microsoft.Security/securityStandards/1f3afdf9-d0c9-4c3d-847f-89da613e70a8",
		"-assessment", "1195afff-c881-495e-9bc5-1486211ae03f", "-category", "Waiver", "-name", "Build machine <1>",
	}, more...)
}

func TestCreateStoresWhatItPrints(t *testing.T) {
	t.Parallel()
	c, err := parseCreation(createArgs("-expires", "90d")[1:])
	require.NoError(t, err)
	server := c.connection.options.Transport.(tenant).Server
	s, stdout, _ := commandtest.Streams()
	require.NoError(t, c.run(t.Context(), s))
	assert.Equal(t, c.id.String()+"\n", stdout.String())
	requests := server.Requests()
	require.Len(t, requests, 1)
	assert.Equal(t, "StandardAssignmentsClient.CreateOrUpdate", requests[0].Operation)

	c.dryRun = true
	stdout.Reset()
	require.NoError(t, c.run(t.Context(), s))
	assert.JSONEq(t, stdout.String(), string(requests[0].Body))
	assert.Len(t, server.Requests(), 1, "a dry run sends nothing")

	var stored armsecops.StandardAssignment
	require.NoError(t, json.Unmarshal(requests[0].Body, &stored))
	assert.Equal(t, time.Date(2026, 8, 30, 0, 0, 0, 0, time.UTC), stored.Properties.ExpiresOn)
}

func TestCreateNeverExpiresWithoutExpires(t *testing.T) {
	t.Parallel()
	c, err := parseCreation(createArgs()[1:])
	require.NoError(t, err)
	assert.Zero(t, c.document.Properties.ExpiresOn)
	assert.Equal(t, build, c.id.Scope)
}

func TestCreateNamesEachExemption(t *testing.T) {
	t.Parallel()
	one, err := parseCreation(createArgs()[1:])
	require.NoError(t, err)
	another, err := parseCreation(createArgs()[1:])
	require.NoError(t, err)
	assert.NotEqual(t, one.id.Name, another.id.Name)
}

// A creation whose response was lost is repeated under its id: there is one exemption.
func TestCreateIsRepeatedUnderItsID(t *testing.T) {
	t.Parallel()
	first, err := parseCreation(createArgs()[1:])
	require.NoError(t, err)
	server := first.connection.options.Transport.(tenant).Server
	server.Inject(fake.Fault{Operation: "StandardAssignmentsClient.CreateOrUpdate", StatusCode: http.StatusBadRequest, CarriedOut: true})
	s, _, _ := commandtest.Streams()
	err = first.run(t.Context(), s)
	require.ErrorContains(t, err, " (-id "+first.id.Name+" repeats this creation")

	again, err := parseCreation(createArgs("-id", first.id.Name)[1:])
	require.NoError(t, err)
	again.connection = first.connection
	require.NoError(t, again.run(t.Context(), s))
	requests := server.Requests()
	require.Len(t, requests, 2)
	assert.Equal(t, requests[0].URL, requests[1].URL)
}

func TestRunReportsFailedCreation(t *testing.T) {
	t.Parallel()
	args := createArgs("-scope", "/subscriptions/"+tenantSubscription(7))
	s, stdout, stderr := commandtest.Streams()
	assert.Equal(t, 1, run(t.Context(), args, s))
	assert.Empty(t, stdout.String())
	assert.Regexp(t, `^StandardAssignmentsClient\.CreateOrUpdate: 403 Forbidden: AuthorizationFailed: `+
		`The client does not have authorization to read the assignments\. \(-id [0-9a-f-]{36} repeats this creation, .*\)\n$`, stderr.String())
}

func TestListingNamesEachFailedSubscriptionOnce(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault fake.Fault
		want  string
	}{
		"assignments": {
			fake.Fault{Operation: "SecurityAssignmentsClient.NewListBySubscriptionPager", StatusCode: http.StatusForbidden},
			"SecurityAssignmentsClient.",
		},
		"standard assignments": {
			fake.Fault{Operation: "StandardAssignmentsClient.NewListPager", StatusCode: http.StatusForbidden}, "StandardAssignmentsClient.",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, err := parseQuery([]string{"-via", "list", "-effect", "", tenantSubscription(4)}, strings.NewReader(""))
			require.NoError(t, err)
			server := q.connection.options.Transport.(tenant).Server
			server.Inject(test.fault)
			s, _, _ := commandtest.Streams()
			err = q.run(t.Context(), s)
			require.ErrorContains(t, err, "1 of 1 subscription failed:\n  subscription "+tenantSubscription(4)+": "+test.want)
			server.AssertFaultsConsumed(t)
		})
	}
}
