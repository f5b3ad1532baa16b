package interop

import (
	"bytes"
	"compress/gzip"
	"context"
	stdjson "encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	azruntime "github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/security/armsecurity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/securityinsights/armsecurityinsights/v2"
	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
)

// Every benchmark makes the same calls with each library, on the same bytes:
//   - by=ours: this module
//   - by=microsoft: armsecurity and armsecurityinsights, used as their documentation does
//   - by=bare: azcore and go-json-experiment/json alone, see bareClient
//   - by=http: net/http alone, which reads the body and drops it
//
// Each result is compared with the bytes before the clock runs.

// BenchmarkListPage lists one page of 1,000 assignments.
func BenchmarkListPage(b *testing.B) {
	for _, l := range listings(b, &canned{body: newPayloads(16).page(1000)}) {
		measure(b, l.by, 1000, l.count)
	}
}

// BenchmarkListPageOverTLS is BenchmarkListPage over TLS and HTTP/2, with a compressed body. Client and server share the machine.
func BenchmarkListPageOverTLS(b *testing.B) {
	body := newPayloads(16).page(1000)
	client := tlsClient(b, body)
	for _, l := range listings(b, client) {
		measure(b, l.by, 1000, l.count)
	}
	measure(b, "http", len(body), func(ctx context.Context) (int64, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, assignmentsURL+assignmentsVersion, nil)
		if err != nil {
			return 0, err
		}
		resp, err := client.Do(req)
		if err != nil {
			return 0, err
		}
		defer func() { _ = resp.Body.Close() }()
		return io.Copy(io.Discard, resp.Body)
	})
}

// BenchmarkGetJob gets a job with 2,000 items.
func BenchmarkGetJob(b *testing.B) {
	body := newPayloads(17).job(2000, 500)
	transport, want := &canned{body: body}, stdjson.RawMessage(body)
	ours := driver.NewJobsClient(b, driver.Options(transport))
	theirs, err := armsecurityinsights.NewWorkspaceManagerAssignmentJobsClient(subscriptionID, &azfake.TokenCredential{}, &driver.Options(transport).ClientOptions)
	require.NoError(b, err)
	bare, route := newBareClient(b, transport), routes.Jobs.Get
	url := endpoint + route.URLPath(testkit.CallOf(route).Values...) + "?api-version=" + route.APIVersion
	measure(b, "ours", want, func(ctx context.Context) (armsecops.WorkspaceManagerJobsClientGetResponse, error) {
		return ours.Get(ctx, resourceGroup, workspace, publication, jobName, nil)
	})
	measure(b, "microsoft", want, func(ctx context.Context) (armsecurityinsights.WorkspaceManagerAssignmentJobsClientGetResponse, error) {
		return theirs.Get(ctx, resourceGroup, workspace, publication, jobName, nil)
	})
	measure(b, "bare", want, func(ctx context.Context) (armsecops.Job, error) {
		var job bareJob
		err := bare.do(ctx, http.MethodGet, url, nil, &job)
		return armsecops.Job(job), err
	})
}

// BenchmarkGetAssignment gets one assignment.
func BenchmarkGetAssignment(b *testing.B) {
	body := newPayloads(15).assignment()
	transport, want := &canned{body: body}, stdjson.RawMessage(body)
	ours, theirs, bare := assignmentsClients(b, transport)
	measure(b, "ours", want, func(ctx context.Context) (armsecops.SecurityAssignmentsClientGetResponse, error) {
		return ours.Get(ctx, resourceGroup, assignmentID, nil)
	})
	measure(b, "microsoft", want, func(ctx context.Context) (armsecurity.AssignmentsClientGetResponse, error) {
		return theirs.Get(ctx, resourceGroup, assignmentID, nil)
	})
	measure(b, "bare", want, func(ctx context.Context) (armsecops.Assignment, error) {
		var assignment bareAssignment
		err := bare.do(ctx, http.MethodGet, assignmentsURL+"/"+assignmentID+assignmentsVersion, nil, &assignment)
		return armsecops.Assignment(assignment), err
	})
}

// BenchmarkCreateOrUpdateAssignment puts an assignment, which the service sends back.
func BenchmarkCreateOrUpdateAssignment(b *testing.B) {
	body := newPayloads(15).assignment()
	transport, want := &canned{body: body}, stdjson.RawMessage(body)
	ours, theirs, bare := assignmentsClients(b, transport)
	our, their := testkit.Decode[armsecops.Assignment](b, body), testkit.Decode[armsecurity.Assignment](b, body)
	measure(b, "ours", want, func(ctx context.Context) (armsecops.SecurityAssignmentsClientCreateOrUpdateResponse, error) {
		return ours.CreateOrUpdate(ctx, resourceGroup, assignmentID, our, nil)
	})
	measure(b, "microsoft", want, func(ctx context.Context) (armsecurity.AssignmentsClientCreateOrUpdateResponse, error) {
		return theirs.CreateOrUpdate(ctx, resourceGroup, assignmentID, their, nil)
	})
	measure(b, "bare", want, func(ctx context.Context) (armsecops.Assignment, error) {
		var assignment bareAssignment
		err := bare.do(ctx, http.MethodPut, assignmentsURL+"/"+assignmentID+assignmentsVersion, (*bareAssignment)(&our), &assignment)
		return armsecops.Assignment(assignment), err
	})
}

// BenchmarkPeakHeap reports the most memory in use while a listing of 100 pages
// of 1,000 assignments is read. It says nothing of time: the garbage collector
// runs whenever the heap has grown by a hundredth, with the world stopped, so
// that what it finds is what is in use, beyond that from before.
func BenchmarkPeakHeap(b *testing.B) {
	if !strings.Contains(os.Getenv("GODEBUG"), "gcstoptheworld=1") {
		b.Skip("needs GODEBUG=gcstoptheworld=1: what is allocated during a collection would count as in use")
	}
	for _, l := range listings(b, &canned{body: newPayloads(19).page(1000), pages: 100}) {
		b.Run("by="+l.by, func(b *testing.B) {
			defer debug.SetGCPercent(debug.SetGCPercent(1))
			peak := uint64(0)
			for b.Loop() {
				peak = max(peak, testkit.Peak("/gc/heap/live:bytes", 0, func() {
					items, err := l.count(b.Context())
					require.NoError(b, err)
					require.Equal(b, 100_000, items)
				}))
			}
			b.ReportMetric(float64(peak), "peak-B")
			b.ReportMetric(0, "ns/op") // not reported
		})
	}
}

// measure measures one library's call, whose result must be the wanted one.
func measure[T any](b *testing.B, by string, want any, call func(context.Context) (T, error)) {
	result, err := call(b.Context())
	require.NoError(b, err)
	assertSame(b, want, result)
	b.Run("by="+by, func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := call(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// assignmentsClients returns the client of each library.
func assignmentsClients(b *testing.B, transport policy.Transporter) (*armsecops.SecurityAssignmentsClient, *armsecurity.AssignmentsClient, bareClient) {
	theirs, err := armsecurity.NewAssignmentsClient(testkit.AssignmentsSubscription, &azfake.TokenCredential{}, &driver.Options(transport).ClientOptions)
	require.NoError(b, err)
	return driver.NewAssignmentsClient(b, driver.Options(transport)), theirs, newBareClient(b, transport)
}

// listing reads a list of assignments to its end and counts those with a name.
type listing struct {
	by    string
	count func(context.Context) (int, error)
}

// listings returns the same listing with each library.
func listings(b *testing.B, transport policy.Transporter) []listing {
	ours, theirs, bare := assignmentsClients(b, transport)
	return []listing{
		{"ours", func(ctx context.Context) (items int, err error) {
			for assignment, err := range ours.NewListPager(resourceGroup, nil).All(ctx) {
				if err != nil {
					return 0, err
				}
				if assignment.Name != "" {
					items++
				}
			}
			return items, nil
		}},
		{"microsoft", func(ctx context.Context) (items int, err error) {
			for pager := theirs.NewListPager(resourceGroup, nil); pager.More(); {
				page, err := pager.NextPage(ctx)
				if err != nil {
					return 0, err
				}
				for _, assignment := range page.Value {
					if assignment.Name != nil {
						items++
					}
				}
			}
			return items, nil
		}},
		{"bare", func(ctx context.Context) (items int, err error) {
			for url := assignmentsURL + assignmentsVersion; url != ""; {
				var page bareAssignmentList
				if err := bare.do(ctx, http.MethodGet, url, nil, &page); err != nil {
					return 0, err
				}
				for i := range page.Value {
					if page.Value[i].Name != "" {
						items++
					}
				}
				url = page.NextLink
			}
			return items, nil
		}},
	}
}

const (
	endpoint       = "https://management.azure.com"
	assignmentsURL = endpoint + "/subscriptions/" + testkit.AssignmentsSubscription + "/resourceGroups/" + resourceGroup +
		"/providers/Microsoft.Security/assignments"
	assignmentsVersion = "?api-version=2021-08-01-preview"
)

// The models without the JSON methods that carry this module's guarantees.
type (
	bareJob            armsecops.Job
	bareAssignment     armsecops.Assignment
	bareAssignmentList struct {
		Value    []bareAssignment `json:"value"`
		NextLink string           `json:"nextLink"`
	}
)

// bareClient is what the same libraries cost without this module's guarantees:
// azcore's pipeline with its defaults, and the body decoded into the same structs.
type bareClient struct{ *arm.Client }

func newBareClient(b *testing.B, transport policy.Transporter) bareClient {
	client, err := arm.NewClient("bare", "v1.0.0", &azfake.TokenCredential{}, &driver.Options(transport).ClientOptions)
	require.NoError(b, err)
	return bareClient{client}
}

// do sends the body, if any, and decodes the response into the result.
func (c bareClient) do(ctx context.Context, method, url string, body, result any) error {
	req, err := azruntime.NewRequest(ctx, method, url)
	if err != nil {
		return err
	}
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		if err := req.SetBody(streaming.NopCloser(bytes.NewReader(text)), "application/json"); err != nil {
			return err
		}
	}
	resp, err := c.Pipeline().Do(req)
	if err != nil {
		return err
	}
	if !azruntime.HasStatusCode(resp, http.StatusOK) {
		return azruntime.NewResponseError(resp)
	}
	text, err := azruntime.Payload(resp)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, result)
}

// canned is a transport that responds to every request from memory.
type canned struct {
	body  []byte
	pages int // how often a listing has the body as a page; 0: not a listing
}

func (c *canned) Do(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return nil, err
		}
	}
	var body io.Reader = bytes.NewReader(c.body)
	if c.pages > 0 {
		page, _ := strconv.Atoi(req.URL.Query().Get("$skipToken"))
		if page++; page < c.pages {
			link := fmt.Sprintf(`{"nextLink":"https://%s%s%s&$skipToken=%d",`, req.URL.Host, req.URL.EscapedPath(), assignmentsVersion, page)
			body = io.MultiReader(strings.NewReader(link), bytes.NewReader(c.body[len("{"):]))
		}
	}
	header := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	return &http.Response{StatusCode: 200, Status: "200 OK", Header: header, ContentLength: -1, Body: io.NopCloser(body), Request: req}, nil
}

// tlsClient returns a client that reaches a server in this process, whatever the host, which responds to every request with the compressed body.
func tlsClient(b *testing.B, body []byte) *http.Client {
	var compressed bytes.Buffer
	w := gzip.NewWriter(&compressed)
	_, err := w.Write(body)
	require.NoError(b, err)
	require.NoError(b, w.Close())
	options := driver.NewTLSServer(b, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.ProtoMajor != 2 || req.Header.Get("Accept-Encoding") != "gzip" {
			http.Error(w, "not HTTP/2 and gzip", http.StatusNotAcceptable)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(compressed.Bytes())
	}), true)
	address := strings.TrimPrefix(options.Cloud.Services[cloud.ResourceManager].Endpoint, "https://")
	client := options.Transport.(*http.Client)
	transport := client.Transport.(*http.Transport)
	transport.TLSClientConfig.ServerName = "example.com" // which the server's certificate is for
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	return client
}

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

// page returns the body of a list's page with that many assignments and no link.
func (p payloads) page(assignments int) []byte {
	all := make([][]byte, assignments)
	for i := range all {
		all[i] = p.assignment()
	}
	return fmt.Appendf(nil, `{"value":[%s]}`, bytes.Join(all, []byte(",")))
}

// TestPayloads shows that the payloads have the sizes and contents that the benchmarks claim, and are decoded whole.
func TestPayloads(t *testing.T) {
	t.Parallel()
	p := newPayloads(1)
	body := p.assignment()
	assert.InDelta(t, 1100, len(body), 150)
	assertSame(t, stdjson.RawMessage(body), testkit.Decode[armsecops.Assignment](t, body))
	body = p.job(2000, 500)
	job := testkit.Decode[armsecops.Job](t, body)
	assertSame(t, stdjson.RawMessage(body), job)
	assert.Equal(t, armsecops.JobSummary{Total: 2000, Succeeded: 1500, Failed: 500}, job.Properties.Summary())
	body = p.page(1000)
	assert.InDelta(t, 1_100_000, len(body), 150_000)
	page := testkit.Decode[armsecops.AssignmentList](t, body)
	assertSame(t, stdjson.RawMessage(body), page)
	names := map[string]bool{}
	for _, assignment := range page.Value {
		names[assignment.Name] = true
	}
	assert.Len(t, names, 1000)
	assert.Equal(t, newPayloads(7).assignment(), newPayloads(7).assignment())
	assert.NotEqual(t, newPayloads(7).assignment(), newPayloads(8).assignment())
}
