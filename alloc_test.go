package armsecops_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// What the calls may allocate, through a transport in memory: a regression of
// more than a tenth fails. Not parallel, because others' allocations would count.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates, too")
	}
	job := readExchanges(t, "jobs_get")[0].Response.Body
	assignment := readExchanges(t, "assignments_get")[0].Response.Body
	put := documentedAssignment()
	tests := []struct {
		name        string
		body        string
		call        func(*armsecops.WorkspaceManagerJobsClient, *armsecops.SecurityAssignmentsClient) error
		allocations float64
		bytes       float64
	}{
		{"assignment Get", string(assignment), func(_ *armsecops.WorkspaceManagerJobsClient, c *armsecops.SecurityAssignmentsClient) error {
			_, err := c.Get(t.Context(), "rg", "id", nil)
			return err
		}, 74, 8350},
		{"assignment CreateOrUpdate", string(assignment), func(_ *armsecops.WorkspaceManagerJobsClient, c *armsecops.SecurityAssignmentsClient) error {
			_, err := c.CreateOrUpdate(t.Context(), "rg", "id", put, nil)
			return err
		}, 87, 10_500},
		{"job Get", string(job), func(c *armsecops.WorkspaceManagerJobsClient, _ *armsecops.SecurityAssignmentsClient) error {
			_, err := c.Get(t.Context(), "rg", "workspace", "assignment", "job", nil)
			return err
		}, 79, 10_200},
		{"list of 1,000 assignments", pageOfAssignments(1000), func(_ *armsecops.WorkspaceManagerJobsClient, c *armsecops.SecurityAssignmentsClient) error {
			_, err := c.NewListBySubscriptionPager(nil).NextPage(t.Context())
			return err
		}, 8250, 3_960_000},
		{"job Delete", `{}`, func(c *armsecops.WorkspaceManagerJobsClient, _ *armsecops.SecurityAssignmentsClient) error {
			_, err := c.Delete(t.Context(), "rg", "workspace", "assignment", "job", nil)
			return err
		}, 68, 6600},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := options(transportFunc(func(req *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(test.body)), Request: req}, nil
			}))
			jobs, assignments := newJobsClient(t, o), newAssignmentsClient(t, o)
			allocations, size := allocated(func() { require.NoError(t, test.call(jobs, assignments)) })
			t.Logf("%.0f allocations, %.0f bytes", allocations, size)
			assert.LessOrEqual(t, allocations, test.allocations*1.1)
			assert.LessOrEqual(t, size, test.bytes*1.1)
		})
	}
}

// allocated returns what one run of the function allocates, in the middle of many.
func allocated(f func()) (allocations, bytes float64) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const runs = 20
	f()
	f()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		f()
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / runs, float64(after.TotalAlloc-before.TotalAlloc) / runs
}

// pageOfAssignments returns a page of assignments that differ in what differs.
func pageOfAssignments(n int) string {
	var page bytes.Buffer
	page.WriteString(`{"value":[`)
	for i := range n {
		if i > 0 {
			page.WriteByte(',')
		}
		fmt.Fprintf(&page, `{"id":"subscriptions/20ff7fc3-e762-44dd-bd96-b71116dcdc23/resourceGroups/group%d/providers/Microsoft.Security/assignments/1f3afdf9-d0c9-4c3d-847f-%012d",`+
			`"name":"1f3afdf9-d0c9-4c3d-847f-%012d","type":"Microsoft.Security/assignments","location":"East US","etag":"etag %d","properties":{"displayName":"Assignment %d",`+
			`"description":"Set of policies monitored by Azure Security Center for cross cloud","assignedStandard":{"id":"/providers/Microsoft.Security/Standards/1f3afdf9-d0c9-4c3d-847f-%012d"},`+
			`"effect":"Exempt","expiresOn":"2022-05-01T19:50:47.%06dZ","additionalData":{"exemptionCategory":"waiver"},"metadata":{"ticketId":%d},`+
			`"scope":"/subscriptions/ae640e6b-ba3e-4256-9d62-2993eecfa6f2/ResourceGroup/rg%d"},"systemData":{"createdBy":"user%d@contoso.com","createdByType":"User","createdAt":"2021-08-31T13:47:50.328Z",`+
			`"lastModifiedBy":"user%d@contoso.com","lastModifiedByType":"User","lastModifiedAt":"2021-08-31T13:47:50.328Z"}}`, i, i, i, i, i, i, i, i, i, i, i)
	}
	page.WriteString(`]}`)
	return page.String()
}

// Not parallel: it counts what the whole process allocates.
func TestWithSubscriptionAllocations(t *testing.T) {
	jobs := newJobsClient(t, options(respond(200, "{}")))
	assignments := newAssignmentsClient(t, options(respond(200, "{}")))
	id := subscriptionID(1)
	var err error
	assert.EqualValues(t, 1, testing.AllocsPerRun(100, func() { jobs, err = jobs.WithSubscription(id) }), "the struct")
	require.NoError(t, err)
	assert.EqualValues(t, 1, testing.AllocsPerRun(100, func() { assignments, err = assignments.WithSubscription(id) }), "the struct")
	require.NoError(t, err)
}
