package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/commandtest"
)

// execute runs a command against a tenant, and returns what it prints.
func execute(t *testing.T, n connection, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	r, err := parse(args, strings.NewReader(stdin))
	require.NoError(t, err)
	switch c := r.(type) {
	case query:
		c.connection = n
		r = c
	case creation:
		c.connection = n
		r = c
	case change:
		c.connection = n
		r = c
	}
	s, out, errs := commandtest.Streams()
	code = r.Exit(r.run(t.Context(), s), s)
	return code, out.String(), errs.String()
}

func newConnection(t *testing.T) connection {
	t.Helper()
	q, err := parseQuery("list", nil, nil)
	require.NoError(t, err)
	return q.connection
}

// methods returns the methods of the requests that a tenant received.
func methods(n connection) (all []string) {
	for _, r := range n.memory.Requests() {
		all = append(all, r.Method)
	}
	return all
}

func TestExemptionsAreCreatedRenewedAndDeleted(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args  []string
		count int
	}{
		"standard":            {standardArgs("-expires", "10d"), 1},
		"several assessments": {standardArgs("-assessment", recommendations[1].key, "-expires", "10d"), 2},
		"one CVE":             {standardArgs("-standard", "", "-cve", "CVE-2020-1347", "-expires", "10d"), 1},
		"policy":              {policyArgs("-expires", "10d"), 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newConnection(t)
			code, ids, stderr := execute(t, n, "", test.args...)
			require.Zero(t, code, stderr)
			assert.Equal(t, test.count, strings.Count(ids, "\n"))
			code, stdout, stderr := execute(t, n, ids, "renew", "-dry-run", "-expires", "2026-12-31", "-")
			require.Zero(t, code, stderr)
			assert.Contains(t, stdout, " from 2026-06-11 to 2026-12-31\n")
			assert.NotContains(t, methods(n)[test.count:], http.MethodPut)

			code, renewed, stderr := execute(t, n, ids, "renew", "-expires", "2026-12-31", "-")
			require.Zero(t, code, stderr)
			assert.Equal(t, ids, renewed)
			_, listed, _ := execute(t, n, "", "-o", "csv")
			assert.Equal(t, test.count, strings.Count(listed, ",2026-12-31T00:00:00Z,"))

			code, deleted, stderr := execute(t, n, ids, "delete", "-")
			require.Zero(t, code, stderr)
			assert.Equal(t, ids, deleted)
			code, _, stderr = execute(t, n, ids, "delete", "-")
			assert.Equal(t, 3, code)
			assert.Contains(t, stderr, "404 Not Found")
		})
	}
}

// A renewal puts back the members that this version of the library doesn't know.
func TestRenewalKeepsUnknownMembers(t *testing.T) {
	t.Parallel()
	n := newConnection(t)
	future := map[string]json.RawMessage{"exemptionManagementMode": json.RawMessage(`"Manual"`)}
	id := armsecops.PolicyExemptionID{Scope: build, Name: "lab"}
	n.memory.Put(id, armsecops.PolicyExemption{Properties: armsecops.PolicyExemptionProperties{ExemptionCategory: "Waiver", AdditionalProperties: future}})
	code, _, stderr := execute(t, n, "", "renew", "-expires", "90d", id.String())
	require.Zero(t, code, stderr)
	requests := n.memory.Requests()
	assert.Contains(t, string(requests[len(requests)-1].Body), `"exemptionManagementMode":"Manual"`)
	assert.Contains(t, string(requests[len(requests)-1].Body), `"expiresOn":"2026-08-30T00:00:00Z"`)
}

func TestAFailedChangeDoesNotKeepTheOthersFromBeingDone(t *testing.T) {
	t.Parallel()
	attestation := "/subscriptions/" + tenantSubscription(5) + "/providers/Microsoft.Security/standardAssignments/5ec0ffee-0002-4000-8000-000000000005"
	assignment := "/subscriptions/" + tenantSubscription(1) + "/resourceGroups/security/providers/Microsoft.Security/assignments/exemption-1"
	input := strings.Join([]string{"# soon", standardID4, attestation, policyID(7), policyID(3), assignment}, "\r\n")
	for name, args := range map[string][]string{"renew": {"renew", "-expires", "90d", "-"}, "delete": {"delete", "-"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newConnection(t)
			code, stdout, stderr := execute(t, n, input, args...)
			assert.Equal(t, 3, code)
			assert.Equal(t, standardID4+"\n"+policyID(3)+"\n"+assignment+"\n", stdout)
			assert.Contains(t, stderr, attestation+`: not an exemption: its effect is "Attest"`+"\n")
			assert.Contains(t, stderr, policyID(7)+": PolicyExemptionsClient.Get: 403 Forbidden: ")
			assert.Contains(t, stderr, "\n2 of 5 exemptions failed\n")
		})
	}
}

// A creation whose response was lost is repeated under its id: there is one exemption of each assessment.
func TestCreateIsRepeatedUnderItsID(t *testing.T) {
	t.Parallel()
	const id = "5ec0ffee-0003-4000-8000-000000000001"
	for _, args := range [][]string{standardArgs(), standardArgs("-assessment", recommendations[1].key), policyArgs()} {
		n := newConnection(t)
		_, first, _ := execute(t, n, "", append(args, "-id", id)...)
		_, second, _ := execute(t, n, "", append(args, "-id", id)...)
		assert.NotEmpty(t, first)
		assert.Equal(t, first, second)
		_, third, _ := execute(t, n, "", args...)
		assert.NotEqual(t, first, third)
	}
}

func TestCreateReportsItsID(t *testing.T) {
	t.Parallel()
	scope := "/subscriptions/" + tenantSubscription(7)
	for want, args := range map[int][]string{
		1: standardArgs("-scope", scope),
		3: standardArgs("-scope", scope, "-assessment", recommendations[1].key),
	} {
		code, stdout, stderr := execute(t, newConnection(t), "", args...)
		assert.Equal(t, want, code)
		assert.Empty(t, stdout)
		assert.Regexp(t, `StandardAssignmentsClient\.CreateOrUpdate: 403 Forbidden: AuthorizationFailed: `+
			`.* \(-id [0-9a-f-]{36} repeats this creation, .*\)\n`, stderr)
	}
}

func TestDryRunPrintsTheBody(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{standardArgs("-expires", "90d", "-cve", "CVE-2020-1347"), policyArgs("-reference", "a")} {
		n := newConnection(t)
		_, body, _ := execute(t, n, "", append(args, "-dry-run")...)
		assert.Empty(t, n.memory.Requests())
		execute(t, n, "", args...)
		assert.JSONEq(t, string(n.memory.Requests()[0].Body), body)
	}
}
