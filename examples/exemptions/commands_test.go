package main

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/command"
	"github.com/armsecops/armsecops/examples/internal/commandtest"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/testkit"
)

// execute runs a command against a tenant, and returns what it prints.
func execute(t *testing.T, n connection, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	r := testkit.Must(parse(t.Context(), args, strings.NewReader(stdin)))
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
	return commandtest.Run(func(s command.Streams) int { return r.Exit(r.run(t.Context(), s), s) })
}

// succeed runs a command as execute does, and returns its standard output.
func succeed(t *testing.T, n connection, stdin string, args ...string) string {
	t.Helper()
	code, stdout, stderr := execute(t, n, stdin, args...)
	require.Zero(t, code, stderr)
	return stdout
}

func newConnection(t *testing.T) connection {
	t.Helper()
	return testkit.Must(connect(newCommand("")))
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
	for name, args := range map[string][]string{
		"standard":            standardArgs("-expires", "10d"),
		"several assessments": standardArgs("-assessment", recommendations[1].key, "-expires", "240h"),
		"one CVE":             standardArgs("-standard", "", "-cve", "CVE-2020-1347", "-expires", "2026-06-11"),
		"policy":              policyArgs("-expires", "14400m"),
	} {
		n := newConnection(t)
		ids := succeed(t, n, "", args...)
		count := max(1, strings.Count(strings.Join(args, " "), " -assessment "))
		assert.Equal(t, count, strings.Count(ids, "\n"), name)
		rows := succeed(t, n, "", "-o", "csv")
		assert.Equal(t, []any{name == "one CVE", false}, []any{strings.Contains(rows, "some findings only"), strings.Contains(rows, "AdditionalProperties")}, name)
		for _, way := range []string{"-via=graph", "-via=list", "-effect="} {
			_, listed, _ := execute(t, n, "", way, "-o", "csv") // some subscriptions fail
			assert.Equal(t, name == "one CVE", strings.Contains(listed, "CVE-2020-1347"), name+way)
		}
		dryRun := succeed(t, n, ids, "renew", "-dry-run", "-expires", "2026-12-31", "-")
		assert.Contains(t, dryRun, " from 2026-06-11 to 2026-12-31\n")
		assert.NotContains(t, methods(n)[2*count:], http.MethodPut, name)
		assert.Equal(t, ids, succeed(t, n, ids, "renew", "-expires", "2026-12-31", "-description", "SEC-1043", "-"))
		rows = succeed(t, n, "", "-o", "csv")
		assert.Equal(t, []int{count, count}, []int{strings.Count(rows, ",2026-12-31T00:00:00Z,"), strings.Count(rows, "SEC-1043")}, name)
		assert.Equal(t, ids, succeed(t, n, ids, "delete", "-"))
		code, stdout, stderr := execute(t, n, ids, "delete", "-")
		assert.Equal(t, []any{3, "", true}, []any{code, stdout, strings.Contains(stderr, "404 Not Found")}, name)
		for _, input := range []string{ids, strings.ReplaceAll(ids, tenantSubscription(1), tenantSubscription(19))} {
			code, stdout, stderr = execute(t, n, input, "delete", "-ignore-not-found", "-")
			gone := !strings.Contains(input, tenantSubscription(19)) // a subscription that isn't found
			assert.Equal(t, []any{gone, "", gone}, []any{code == 0, stdout, count == strings.Count(stderr, ": not deleted, since it isn't there\n")}, name)
			assert.Equal(t, !gone, strings.Contains(stderr, "in memory, a subscription to use is "+tenantSubscription(1)), name)
		}
	}
}

func TestRenewalNeedsALaterEnd(t *testing.T) {
	t.Parallel()
	n := newConnection(t)
	p := armsecops.PolicyExemptionProperties{PolicyAssignmentID: policyAssignment, ExemptionCategory: "Waiver", ExpiresOn: n.now}
	id := armsecops.PolicyExemptionID{Scope: build, Name: "lab"}
	n.memory.Put(id, armsecops.PolicyExemption{Properties: p})
	succeed(t, n, "", "renew", "-expires", "90d", id.String())
	for expires, why := range map[string]string{"1d": "it ends later already: 2026-08-30", "2026-08-30": "it ends on that date already: 2026-08-30"} {
		code, stdout, stderr := execute(t, n, "", "renew", "-expires", expires, id.String())
		assert.Equal(t, []any{0, ""}, []any{code, stdout})
		assert.Contains(t, stderr, "not renewed, since "+why+"\n")
	}
	p.ExpiresOn = time.Time{}
	n.memory.Put(id, armsecops.PolicyExemption{Properties: p})
	_, _, stderr := execute(t, n, "", "renew", "-expires", "1d", id.String())
	assert.Contains(t, stderr, "not renewed, since it never ends\n")
	endless := succeed(t, n, "", "list", "-endless", "-o", "ids")
	assert.Equal(t, []bool{true, false}, []bool{strings.Contains(endless, id.String()+"\n"), strings.Contains(endless, endedID)})
	assert.Contains(t, succeed(t, n, "", "renew", "-dry-run", "-earlier", "-expires", "1d", id.String()), " from never to 2026-06-02\n")
	for expires, category := range map[string]string{"2026-06-02": "waiver", "1d": "mitigated"} { // on the same date
		assert.Contains(t, succeed(t, n, "", "renew", "-dry-run", "-earlier", "-expires", expires, "-category", category, id.String()), "-06-02, with another category\n")
		succeed(t, n, "", "renew", "-earlier", "-expires", "1d", "-category", "mitigated", "-metadata", `{"ticketRef":"SEC-7"}`, id.String())
	}
	_, _, stderr = execute(t, n, "", "renew", "-dry-run", "-expires", "90d", "-metadata", "{}", standardID4)
	assert.Contains(t, stderr, "-metadata is of policy exemptions only\n")
	got, err := n.factory.NewExemptionsClient().Get(t.Context(), id.String(), nil)
	assert.Equal(t, []any{"2026-06-02", "mitigated", `{"ticketRef":"SEC-7"}`, nil}, []any{formatDate(got.ExpiresOn), string(got.Category), string(got.Metadata), err})
}

func TestAFailedChangeDoesNotKeepTheOthersFromBeingDone(t *testing.T) {
	t.Parallel()
	attestation := "/subscriptions/" + tenantSubscription(5) +
		"/providers/Microsoft.Security/standardAssignments/5ec0ffee-0002-4000-8000-000000000005"
	input := strings.Join([]string{"# soon", standardID4, attestation, policyID(7), policyID(3), endedID}, "\r\n")
	for _, args := range [][]string{{"renew", "-ended", "-expires", "90d", "-"}, {"delete", "-"}} {
		n := newConnection(t)
		code, stdout, stderr := execute(t, n, input, args...)
		assert.Equal(t, 3, code)
		assert.Equal(t, standardID4+"\n"+policyID(3)+"\n"+endedID+"\n", stdout, args)
		assert.Contains(t, stderr, attestation+`: ExemptionsClient.Get: StandardAssignmentsClient.Get: 200 OK: not an exemption: its effect is "Attest"`)
		assert.Contains(t, stderr, policyID(7)+": ExemptionsClient.Get: PolicyExemptionsClient.Get: 403 Forbidden: ")
		assert.Contains(t, stderr, "\n2 of 5 exemptions failed\n")
	}
}

// A creation whose response was lost is repeated under its id: there is one exemption of each assessment.
func TestCreateIsRepeatedUnderItsID(t *testing.T) {
	t.Parallel()
	const id = "5ec0ffee-0003-4000-8000-000000000001"
	for _, args := range [][]string{standardArgs(), standardArgs("-assessment", recommendations[1].key), policyArgs()} {
		n := newConnection(t)
		first := succeed(t, n, "", append(args, "-id", id)...)
		assert.NotEmpty(t, first)
		assert.Equal(t, first, succeed(t, n, "", append(args, "-id", id)...))
		assert.NotEqual(t, first, succeed(t, n, "", args...))
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
		assert.Contains(t, stderr, "StandardAssignmentsClient.CreateOrUpdate: 403 Forbidden: AuthorizationFailed: ")
		assert.NotContains(t, stderr, "repeats this creation")
		// The others of several may have been created.
		assert.Equal(t, want == 3, regexp.MustCompile(`\nThe same command with -id [0-9a-f-]{36} replaces what it created, `).MatchString(stderr), stderr)
	}
}

func TestDryRunPrintsWhatIsPut(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{standardArgs("-expires", "90d", "-cve", "CVE-2020-1347"), policyArgs("-reference", "a")} {
		n := newConnection(t)
		args = append(args, "-id", "5ec0ffee-0003-4000-8000-000000000001")
		printed := succeed(t, n, "", append(args, "-dry-run")...)
		assert.Empty(t, n.memory.Requests())
		succeed(t, n, "", args...)
		put := n.memory.Requests()[len(methods(n))-1]
		assert.JSONEq(t, `[{"id":"`+put.URL.Path+`",`+string(put.Body[1:])+`]`, printed)
	}
}

// A recommendation that Azure Policy turns on is exempted there, unless -kind says otherwise.
func TestCreateLooksUpTheKind(t *testing.T) {
	t.Parallel()
	const key, none = "5ec0ffee-0005-4000-8000-000000000001", "5ec0ffee-0005-4000-8000-000000000002"
	args := strings.Fields("create -expires never -category waiver -name x -standard " + standard + " -scope " + build + " -assessment")
	for _, id := range []armsecops.AssessmentMetadataID{{Name: key}, {SubscriptionID: tenantSubscription(1), Name: key}} {
		n := newConnection(t)
		n.memory.Put(id, armsecops.AssessmentMetadata{Properties: armsecops.AssessmentMetadataProperties{DisplayName: "Theirs", PolicyDefinitionID: "x"}})
		code, _, stderr := execute(t, n, "", append(args, "d57a4221-a804-52ca-3dea-768284f06bb7", "-assessment", key)...) // none is created
		assert.Equal(t, command.BadUsage, code)
		assert.Contains(t, stderr, "-assessment "+key+" is exempted by Azure Policy (-policy-assignment); -kind standard exempts from it nevertheless: Theirs\n")
		assert.NotContains(t, methods(n), http.MethodPut)
		succeed(t, n, "", append(args, key, "-kind", "standard")...)
		succeed(t, n, "", append(args, key, "-cve", "CVE-2020-1347")...)
		succeed(t, n, "", append(args, none, "-kind", "standard")...)
		for scope, want := range map[string]int{build: command.BadUsage, "/subscriptions/" + none: command.Failed, managementGroups + "platform": 0} {
			code, _, stderr = execute(t, n, "", override(append(args, none), []string{"-scope", scope})...)
			assert.Equal(t, []any{want, want != command.Failed}, []any{code, strings.Contains(stderr, none+": the recommendation was not found; ")}, stderr)
		}
		n.memory.Put(id, armsecops.AssessmentMetadata{Properties: armsecops.AssessmentMetadataProperties{AssessmentType: "customPolicy", PolicyDefinitionID: "x"}})
		_, _, stderr = execute(t, n, "", append(args, key)...)
		assert.Contains(t, stderr, key+": the recommendation is a custom one, ")
		for status, want := range map[int]string{403: "the recommendation could not be looked up; the exemption was created nevertheless", 400: "not created, since the recommendation could not be looked up", 404: "not created, since the recommendation could not be looked up"} {
			n.memory.Inject(fake.Fault{Operation: "AssessmentsMetadataClient.Get", StatusCode: status, Body: map[int]string{404: "<html>"}[status]})
			code, _, stderr = execute(t, n, "", append(args, key)...)
			assert.Equal(t, []any{status != 403, true}, []any{code == command.Failed, strings.Contains(stderr, want)}, stderr)
		}
	}
}

// With no request for a kind that is not asked for.
func TestGraphFindsWhatListFinds(t *testing.T) {
	t.Parallel()
	subscriptions := tenantSubscription(3) + " " + tenantSubscription(4)
	for args, want := range map[string]struct{ exemptions, requests int }{ // a request is for up to five rows of a kind
		"":                    {25, 6},
		"-effect=":            {30, 7},
		"-effect attest":      {5, 2},
		"-within 16d":         {4, 3},
		"-category Mitigated": {5, 6},
		"-category waiver -effect exempt -expires-within 15d": {3, 3},
		"-kind ASSIGNMENT": {9, 2},
		subscriptions:      {2, 3},
		"-inherited -kind policy " + subscriptions: {2, 1},
	} {
		q := testkit.Must(parseQuery(t.Context(), "list", strings.Fields(args), nil))
		s, _, _ := commandtest.Streams()
		graph := testkit.Must(q.collect(t.Context(), s.Err))
		assert.Len(t, graph, want.exemptions, args)
		assert.Len(t, q.memory.Requests(), want.requests, args)
		assert.NotContains(t, methods(q.connection), http.MethodGet, "but queries")
		q = testkit.Must(parseQuery(t.Context(), "list", strings.Fields("-via list "+args), nil))
		list, _ := q.collect(t.Context(), s.Err) // three subscriptions fail
		graph = slices.DeleteFunc(graph, func(e armsecops.Exemption) bool { return e.SubscriptionID == "" && !q.inherited })
		require.Len(t, list, len(graph), args)
		for i, e := range list {
			assert.Equal(t, graph[i].ID, e.ID)
			if e.SubscriptionID != "" && e.Kind != armsecops.ExemptionKindPolicyExemption { // whose rows have no systemData
				e.Properties, graph[i].Properties = nil, nil
				assert.Equal(t, graph[i], e)
			}
		}
	}
}

// A kind that fails, or of which rows are missing, doesn't keep the others from being listed.
func TestRowsBesideAFailureArePrinted(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault fake.Fault
		rows  int
		want  string
	}{
		"incomplete": {fake.Fault{NextLink: fake.NextLinkTruncated}, 19, "exemptions of kind standard: ExemptionsClient.NewListPager: 200 OK: incomplete result: "},
		"refused":    {fake.Fault{StatusCode: http.StatusForbidden}, 14, "exemptions of kind standard: ExemptionsClient.NewListPager: 403 Forbidden"},
	} {
		n := newConnection(t)
		test.fault.Operation, test.fault.Skip = "ExemptionsClient.NewListPager", 1 // the page of policy exemptions
		n.memory.Inject(test.fault)
		code, stdout, stderr := execute(t, n, "", "-o", "ids")
		assert.Equal(t, 1, code)
		assert.Equal(t, test.rows, strings.Count(stdout, "\n"), name)
		assert.Contains(t, stderr, test.want, name)
		assert.Contains(t, stderr, unreadable)
	}
}

// Recommendations whose names can't be read are shown by their keys.
func TestNamesAreNotRequired(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"AssessmentsMetadataClient.NewListPager", "AssessmentsMetadataClient.GetInSubscription"} {
		n := newConnection(t)
		n.memory.Inject(fake.Fault{Operation: operation, StatusCode: http.StatusForbidden})
		succeed(t, n, "", "-o", "ids") // asks for none
		code, stdout, stderr := execute(t, n, "", "list")
		assert.Zero(t, code)
		assert.Regexp(t, `build-20 +`+recommendations[2].key, stdout)
		assert.Contains(t, stderr, "Some recommendations are without their names: "+operation+": 403 Forbidden")
	}
}

// A role can allow one kind and not another. Of each, -verify lists a page.
func TestVerifyNamesTheKindThatFails(t *testing.T) {
	t.Parallel()
	n := newConnection(t)
	for i := range 6 { // more than a page
		putPolicyExemption(n.memory, "/subscriptions/"+tenantSubscription(4), i, n.now)
	}
	n.memory.Inject(fake.Fault{Operation: "StandardAssignmentsClient.NewListPager", StatusCode: http.StatusForbidden})
	code, stdout, stderr := execute(t, n, "", "-verify", "-o", "ids", tenantSubscription(4))
	assert.Equal(t, []int{1, 7}, []int{code, strings.Count(stdout, "\n")})
	assert.Contains(t, stderr, "subscription "+tenantSubscription(4)+": exemptions of kind standard: StandardAssignmentsClient.NewListPager: 403 Forbidden")
	assert.Equal(t, 3, strings.Count(strings.Join(methods(n), " "), http.MethodGet))
}
