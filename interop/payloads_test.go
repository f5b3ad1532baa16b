package interop

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/armsecops/armsecops"
)

// payloads makes bodies with the members of the documented samples. Each resource
// has its own id, name, times and metadata, and the same seed makes the same bytes.
type payloads struct{ *rand.Rand }

func newPayloads(seed uint64) payloads { return payloads{rand.New(rand.NewPCG(seed, 0))} }

func (p payloads) uuid() string {
	return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", p.Uint32(), p.IntN(1<<16), p.IntN(1<<12), p.IntN(1<<12), p.Int64N(1<<48))
}

// time returns a time within ten years, with the seven fraction digits of the services.
func (p payloads) time() string {
	const tick, decade = 100 * time.Nanosecond, 10 * 365 * 24 * time.Hour
	start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	return start.Add(time.Duration(p.Int64N(int64(decade/tick))) * tick).Format("2006-01-02T15:04:05.0000000Z")
}

// user returns the name of a person or an application.
func (p payloads) user() string { return fmt.Sprintf("user%d@contoso.com", p.IntN(100_000)) }

func (p payloads) systemData() string {
	return fmt.Sprintf(`{"createdBy":%q,"createdByType":"User","createdAt":%q,"lastModifiedBy":%q,"lastModifiedByType":"Application","lastModifiedAt":%q}`,
		p.user(), p.time(), p.user(), p.time())
}

func (p payloads) assignment() []byte {
	name := p.uuid()
	return fmt.Appendf(nil, `{"id":"subscriptions/%s/resourceGroups/rg-%d/providers/Microsoft.Security/assignments/%s","name":%q,"type":"Microsoft.Security/assignments",`+
		`"location":"East US","etag":%q,"properties":{"displayName":"ASC Default %d",`+
		`"description":"Set of policies monitored by Azure Security Center for cross cloud. Accepted by the owner of service %d until its migration to the shared platform is done.",`+
		`"assignedStandard":{"id":"/providers/Microsoft.Security/Standards/%s"},"effect":"Exempt","expiresOn":%q,"additionalData":{"exemptionCategory":"waiver"},`+
		`"metadata":{"ticketId":%d},"scope":"/subscriptions/%s/resourceGroups/rg-%d"},"systemData":%s}`,
		subscriptionID, p.IntN(1000), name, name, p.uuid(), p.IntN(100_000), p.IntN(100_000), p.uuid(), p.time(),
		p.IntN(1_000_000), p.uuid(), p.IntN(1000), p.systemData())
}

// job returns a finished job. The given number of its items failed, all for one
// member: the service publishes up to 2,000 items times members.
// https://learn.microsoft.com/azure/sentinel/workspace-manager#known-limitations
func (p payloads) job(items, failed int) []byte {
	name, member := p.uuid(), p.uuid()
	base := "/subscriptions/" + subscriptionID + "/resourceGroups/myRg/providers/Microsoft.OperationalInsights/workspaces/myWorkspace/providers/Microsoft.SecurityInsights"
	job := fmt.Appendf(nil, `{"id":"%s/workspaceManagerAssignments/%s/jobs/%s","etag":"\"%s\"","name":%q,"type":"Microsoft.SecurityInsights/workspaceManagerAssignments/jobs",`+
		`"systemData":%s,"properties":{"endTime":%q,"startTime":%q,"provisioningState":"Failed","items":[`,
		base, publication, name, p.uuid(), name, p.systemData(), p.time(), p.time())
	for i := range items {
		if i > 0 {
			job = append(job, ',')
		}
		job = fmt.Appendf(job, `{"resourceId":"%s/alertRules/%s","executionTime":%q,`, base, p.uuid(), p.time())
		if i*failed/items < (i+1)*failed/items { // spread over the items
			job = fmt.Appendf(job, `"status":"Failed","errors":[{"memberResourceName":%q,"errorMessage":"Failed to write. Status code: Forbidden. Trace: %s"}]}`, member, p.uuid())
		} else {
			job = append(job, `"status":"Succeeded"}`...)
		}
	}
	return append(job, "]}}"...)
}

// page returns the body of a list's page with that many items and no link.
func (p payloads) page(items int, item func() []byte) []byte {
	page := []byte(`{"value":[`)
	for i := range items {
		if i > 0 {
			page = append(page, ',')
		}
		page = append(page, item()...)
	}
	return append(page, "]}"...)
}

// TestPayloads shows that the payloads have the sizes and contents that the
// benchmarks claim, and are decoded whole.
func TestPayloads(t *testing.T) {
	t.Parallel()
	p := newPayloads(1)
	body := p.assignment()
	assert.InDelta(t, 1100, len(body), 150)
	assertSame(t, json.RawMessage(body), decode[armsecops.Assignment](t, body))

	body = p.job(2000, 500)
	job := decode[armsecops.Job](t, body)
	assertSame(t, json.RawMessage(body), job)
	assert.Equal(t, armsecops.JobSummary{Total: 2000, Succeeded: 1500, Failed: 500}, job.Properties.Summary())

	body = p.page(1000, p.assignment)
	assert.InDelta(t, 1_100_000, len(body), 150_000)
	page := decode[armsecops.AssignmentList](t, body)
	assertSame(t, json.RawMessage(body), page)
	names := map[string]bool{}
	for _, assignment := range page.Value {
		names[assignment.Name] = true
	}
	assert.Len(t, names, 1000)

	assert.Equal(t, newPayloads(7).assignment(), newPayloads(7).assignment())
	assert.NotEqual(t, newPayloads(7).assignment(), newPayloads(8).assignment())
}
