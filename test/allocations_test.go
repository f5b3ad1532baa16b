package test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/testkit"
)

// What calls allocate through a transport in memory: a regression of more than an
// eighth fails. Not parallel, because the allocations of other tests would count.
func TestAllocations(t *testing.T) {
	if testkit.RaceEnabled {
		t.Skip("the race detector allocates, too")
	}
	type jobsClient = *armsecops.WorkspaceManagerJobsClient
	type assignmentsClient = *armsecops.SecurityAssignmentsClient
	job := string(readExchanges(t, "jobs_get")[0].Response.Body)
	assignment := string(readExchanges(t, "assignments_get")[0].Response.Body)
	var put armsecops.Assignment
	require.NoError(t, json.Unmarshal([]byte(assignment), &put))
	tests := map[string]struct {
		body               string
		call               func(jobsClient, assignmentsClient) error
		allocations, bytes float64
	}{
		"assignment Get": {assignment, func(_ jobsClient, c assignmentsClient) error {
			return errorOf(c.Get(t.Context(), "rg", "id", nil))
		}, 68, 8000},
		"assignment CreateOrUpdate": {assignment, func(_ jobsClient, c assignmentsClient) error {
			return errorOf(c.CreateOrUpdate(t.Context(), "rg", "id", put, nil))
		}, 85, 11_300},
		"job Get": {job, func(c jobsClient, _ assignmentsClient) error {
			return errorOf(c.Get(t.Context(), "rg", "workspace", "assignment", "job", nil))
		}, 73, 9700},
		"list of 1,000 assignments": {pageOfAssignments(1000), func(_ jobsClient, c assignmentsClient) error {
			return errorOf(c.NewListBySubscriptionPager(nil).NextPage(t.Context()))
		}, 8200, 3_030_000},
		"query of 1,000 assignments": {graphResult(pageOfAssignments(1000)), func(_ jobsClient, c assignmentsClient) error {
			return errorOf(c.NewResourceGraphPager(nil).NextPage(t.Context()))
		}, 17_200, 4_100_000},
		"job Delete": {`{}`, func(c jobsClient, _ assignmentsClient) error {
			return errorOf(c.Delete(t.Context(), "rg", "workspace", "assignment", "job", nil))
		}, 68, 6700},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := options(transportFunc(func(req *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(test.body)), Request: req}, nil
			}))
			jobs, assignments := newJobsClient(t, o), newAssignmentsClient(t, o)
			allocations, size := allocated(func() { require.NoError(t, test.call(jobs, assignments)) })
			t.Logf("%.0f allocations, %.0f bytes", allocations, size)
			assert.LessOrEqual(t, allocations, test.allocations*1.125)
			assert.LessOrEqual(t, size, test.bytes*1.125)
		})
	}
}

// allocated returns what one run of the function allocates, in the middle of many.
// Other goroutines only ever add to it: the least of several rounds is closest.
func allocated(f func()) (allocations, bytes float64) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const rounds, runs = 3, 20
	f()
	f()
	for n := range rounds {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			f()
		}
		runtime.ReadMemStats(&after)
		a, b := float64(after.Mallocs-before.Mallocs)/runs, float64(after.TotalAlloc-before.TotalAlloc)/runs
		if n == 0 {
			allocations, bytes = a, b
		}
		allocations, bytes = min(allocations, a), min(bytes, b)
	}
	return allocations, bytes
}

// pageOfAssignments returns a page of assignments that differ as real ones do.
func pageOfAssignments(n int) string {
	const assignment = `{"id":"subscriptions/20ff7fc3-e762-44dd-bd96-b71116dcdc23/resourceGroups/group{n}` +
		`/providers/Microsoft.Security/assignments/1f3afdf9-d0c9-4c3d-847f-{n}","name":"1f3afdf9-d0c9-4c3d-847f-{n}",` +
		`"type":"Microsoft.Security/assignments","location":"East US","etag":"etag {n}","properties":{"displayName":"Assignment {n}",` +
		`"description":"Set of policies monitored by Azure Security Center for cross cloud",` +
		`"assignedStandard":{"id":"/providers/Microsoft.Security/Standards/1f3afdf9-d0c9-4c3d-847f-{n}"},` +
		`"effect":"Exempt","expiresOn":"2022-05-01T19:50:47.{n}Z","additionalData":{"exemptionCategory":"waiver"},` +
		`"metadata":{"ticketId":1{n}},"scope":"/subscriptions/ae640e6b-ba3e-4256-9d62-2993eecfa6f2/ResourceGroup/rg{n}"},` +
		`"systemData":{"createdBy":"user{n}@contoso.com","createdByType":"User","createdAt":"2021-08-31T13:47:50.328Z",` +
		`"lastModifiedBy":"user{n}@contoso.com","lastModifiedByType":"User","lastModifiedAt":"2021-08-31T13:47:50.328Z"}}`
	var assignments []string
	for i := range n {
		assignments = append(assignments, strings.ReplaceAll(assignment, "{n}", fmt.Sprintf("%06d", i)))
	}
	return `{"value":[` + strings.Join(assignments, ",") + `]}`
}

// graphResult returns a page as Azure Resource Graph has it, with the columns that are no members.
func graphResult(page string) string {
	rows := strings.TrimSuffix(strings.TrimPrefix(page, `{"value":`), "}")
	const columns = `"tenantId":"72f988bf-86f1-41af-91ab-2d7cd011db47","subscriptionId":"20ff7fc3-e762-44dd-bd96-b71116dcdc23","name":`
	return `{"totalRecords":1000,"count":1000,"data":` + strings.ReplaceAll(rows, `"name":`, columns) + `,"facets":[],"resultTruncated":"false"}`
}
