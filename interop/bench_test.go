package interop

import (
	"bytes"
	"context"
	stdjson "encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	azruntime "github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/security/armsecurity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/securityinsights/armsecurityinsights/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// Every benchmark runs the same work with each client on the same bytes:
//   - client=armsecops: this module
//   - client=microsoft: armsecurity and armsecurityinsights, used as their documentation does
//   - client=floor-pipeline: azcore's pipeline, as it comes, sends the same request and reads the body into memory
//   - client=floor-validate: the same bytes are checked to be JSON, and nothing else
//
// Results are compared member by member before the clock runs.

func BenchmarkDecodeJob(b *testing.B) {
	b.Run("items=2000", func(b *testing.B) {
		benchmarkDecode[armsecops.Job, armsecurityinsights.Job](b, newPayloads(11).job(2000, 500))
	})
}

func BenchmarkDecodeAssignment(b *testing.B) {
	benchmarkDecode[armsecops.Assignment, armsecurity.Assignment](b, newPayloads(12).assignment())
}

func BenchmarkDecodePage(b *testing.B) {
	for _, items := range []int{10, 100, 1000, 10_000} {
		b.Run(fmt.Sprintf("items=%d", items), func(b *testing.B) {
			p := newPayloads(13)
			benchmarkDecode[armsecops.AssignmentList, armsecurity.AssignmentList](b, p.lastPage(items, p.assignment))
		})
	}
}

func benchmarkDecode[Ours, Theirs any](b *testing.B, body []byte) {
	assertSame(b, new(decode[Theirs](b, body)), decode[Ours](b, body))
	run := func(client string, decode func() error) {
		b.Run("client="+client, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if err := decode(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("armsecops", func() error { return json.Unmarshal(body, new(Ours)) })
	run("microsoft", func() error { return stdjson.Unmarshal(body, new(Theirs)) })
	run("floor-validate", func() error { return validate(body) })
}

func validate(body []byte) error {
	if !jsontext.Value(body).IsValid() {
		return fmt.Errorf("not JSON: %.40s", body)
	}
	return nil
}

func BenchmarkEncodeAssignment(b *testing.B) {
	body := newPayloads(14).assignment()
	ours, theirs := decode[armsecops.Assignment](b, body), decode[armsecurity.Assignment](b, body)
	assertSame(b, theirs, ours)
	b.Run("client=armsecops", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := json.Marshal(&ours); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("client=microsoft", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := stdjson.Marshal(theirs); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkCall is the whole call of every operation, with an answer in memory.
func BenchmarkCall(b *testing.B) {
	p := newPayloads(15)
	assignment, job := p.assignment(), p.job(2, 1)
	assignmentPage, jobPage := p.lastPage(2, p.assignment), p.lastPage(2, func() []byte { return p.job(2, 1) })
	for _, operation := range []struct {
		name   string
		server *canned
		calls  func(testing.TB, *canned) (ours, theirs call)
	}{
		{"JobsCreate", answer(http.StatusOK, job), createJob},
		{"JobsGet", answer(http.StatusOK, job), getJob},
		{"JobsList", answer(http.StatusOK, jobPage), listJobs},
		{"JobsDelete", answer(http.StatusNoContent, nil), deleteJob},
		{"AssignmentsGet", answer(http.StatusOK, assignment), getAssignment},
		{"AssignmentsList", answer(http.StatusOK, assignmentPage), listAssignments},
		{"AssignmentsListBySubscription", answer(http.StatusOK, assignmentPage), listAssignmentsBySubscription},
		{"AssignmentsCreateOrUpdate", answer(http.StatusOK, assignment), createOrUpdateAssignment},
		{"AssignmentsDelete", answer(http.StatusNoContent, nil), deleteAssignment},
	} {
		b.Run("operation="+operation.name, func(b *testing.B) {
			benchmarkCall(b, operation.server, operation.calls)
			benchmarkPipeline(b, operation.server)
		})
	}
}

// BenchmarkListPage is a call that lists one page of assignments.
func BenchmarkListPage(b *testing.B) {
	for _, items := range []int{10, 1000} {
		b.Run(fmt.Sprintf("items=%d", items), func(b *testing.B) {
			p := newPayloads(16)
			benchmarkLargeCall(b, p.lastPage(items, p.assignment), listAssignments)
		})
	}
}

// BenchmarkGetJob is a call that gets one large job.
func BenchmarkGetJob(b *testing.B) {
	b.Run("items=2000", func(b *testing.B) {
		benchmarkLargeCall(b, newPayloads(17).job(2000, 500), getJob)
	})
}

// BenchmarkList100Pages goes through all items of a listing.
func BenchmarkList100Pages(b *testing.B) {
	b.Run("items=100", func(b *testing.B) {
		benchmarkCall(b, pagesOfAssignments(100, 100, 10), listAssignments)
	})
}

// BenchmarkError is a call that ends in 404, and its message printed.
func BenchmarkError(b *testing.B) {
	server := answer(http.StatusNotFound, newPayloads(18).serviceError())
	ours, theirs := ourAssignments(b, server), theirAssignments(b, server)
	for _, client := range []struct {
		name string
		get  func() error
	}{
		{"armsecops", func() error { _, err := ours.Get(b.Context(), resourceGroup, assignmentID, nil); return err }},
		{"microsoft", func() error { _, err := theirs.Get(b.Context(), resourceGroup, assignmentID, nil); return err }},
	} {
		require.ErrorContains(b, client.get(), "ResourceNotFound")
		b.Run("client="+client.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if client.get().Error() == "" {
					b.Fatal("no message")
				}
			}
		})
	}
	benchmarkPipeline(b, server)
}

// BenchmarkPeakHeap is the memory in use, at its peak, while a listing of 100
// pages of 1,000 assignments is gone through. It says nothing of time: the
// garbage collector runs after every hundredth that the heap grows, with the
// world stopped, so that what it finds is what is in use.
func BenchmarkPeakHeap(b *testing.B) {
	if !strings.Contains(os.Getenv("GODEBUG"), "gcstoptheworld=1") {
		b.Skip("needs GODEBUG=gcstoptheworld=1: what is allocated while a collection runs would count as in use")
	}
	server := pagesOfAssignments(100, 1000, 1)
	ours, theirs := listAssignments(b, server)
	for _, client := range []struct {
		name string
		call call
	}{{"armsecops", ours}, {"microsoft", theirs}} {
		b.Run("pages=100/items=1000/client="+client.name, func(b *testing.B) {
			defer debug.SetGCPercent(debug.SetGCPercent(1))
			peak := uint64(0)
			for b.Loop() {
				peak = max(peak, peakHeap(func() { require.NoError(b, client.call.run(b.Context())) }))
			}
			b.ReportMetric(float64(peak), "peak-B")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// peakHeap returns the most live bytes that a garbage collection found while the
// function ran, beyond those from before.
func peakHeap(f func()) uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	live := func() uint64 {
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	runtime.GC()
	before := live()
	done, peak := make(chan struct{}), make(chan uint64)
	go func() {
		most := before
		for {
			select {
			case <-done:
				peak <- most
				return
			default:
				most = max(most, live())
			}
		}
	}()
	f()
	close(done)
	return <-peak - before
}

// call is one call of an operation.
type call struct {
	run    func(context.Context) error        // what is measured
	result func(context.Context) (any, error) // what is compared
}

func newCall[T any](f func(context.Context) (T, error)) call {
	return call{
		run: func(ctx context.Context) error {
			_, err := f(ctx)
			return err
		},
		result: func(ctx context.Context) (any, error) { return f(ctx) },
	}
}

// benchmarkCall measures an operation with both clients.
func benchmarkCall(b *testing.B, server *canned, calls func(testing.TB, *canned) (ours, theirs call)) {
	ours, theirs := calls(b, server)
	our, err := ours.result(b.Context())
	require.NoError(b, err)
	their, err := theirs.result(b.Context())
	require.NoError(b, err)
	assertSame(b, their, our)
	for _, client := range []struct {
		name string
		call call
	}{{"armsecops", ours}, {"microsoft", theirs}} {
		b.Run("client="+client.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := client.call.run(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// benchmarkLargeCall measures an operation with a large answer, and both floors.
func benchmarkLargeCall(b *testing.B, body []byte, calls func(testing.TB, *canned) (ours, theirs call)) {
	server := answer(http.StatusOK, body)
	benchmarkCall(b, server, calls)
	benchmarkPipeline(b, server)
	b.Run("client=floor-validate", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := validate(body); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// benchmarkPipeline measures what is left of the last call without a client:
// the same request through azcore's pipeline, which reads the answer, and no more.
func benchmarkPipeline(b *testing.B, server *canned) {
	client, err := arm.NewClient("floor", "v1.0.0", &azfake.TokenCredential{}, theirOptions(server))
	require.NoError(b, err)
	method, url, body := server.last.Method, server.last.URL.String(), slices.Clone(server.sent)
	send := func() error {
		req, err := azruntime.NewRequest(b.Context(), method, url)
		if err != nil {
			return err
		}
		if len(body) > 0 {
			if err := req.SetBody(streaming.NopCloser(bytes.NewReader(body)), "application/json"); err != nil {
				return err
			}
		}
		resp, err := client.Pipeline().Do(req)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
	b.Run("client=floor-pipeline", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := send(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func createJob(t testing.TB, server *canned) (call, call) {
	ours, theirs := ourJobs(t, server), theirJobs(t, server)
	return newCall(func(ctx context.Context) (armsecops.WorkspaceManagerJobsClientCreateResponse, error) {
			return ours.Create(ctx, resourceGroup, workspace, publication, nil)
		}), newCall(func(ctx context.Context) (armsecurityinsights.WorkspaceManagerAssignmentJobsClientCreateResponse, error) {
			return theirs.Create(ctx, resourceGroup, workspace, publication, nil)
		})
}

func getJob(t testing.TB, server *canned) (call, call) {
	ours, theirs := ourJobs(t, server), theirJobs(t, server)
	return newCall(func(ctx context.Context) (armsecops.WorkspaceManagerJobsClientGetResponse, error) {
			return ours.Get(ctx, resourceGroup, workspace, publication, jobName, nil)
		}), newCall(func(ctx context.Context) (armsecurityinsights.WorkspaceManagerAssignmentJobsClientGetResponse, error) {
			return theirs.Get(ctx, resourceGroup, workspace, publication, jobName, nil)
		})
}

func listJobs(t testing.TB, server *canned) (call, call) {
	ours, theirs := ourJobs(t, server), theirJobs(t, server)
	return newCall(func(ctx context.Context) (last *armsecops.Job, err error) {
			for job, err := range ours.NewListPager(resourceGroup, workspace, publication, nil).All(ctx) {
				if err != nil {
					return nil, err
				}
				last = &job
			}
			return last, nil
		}), newCall(func(ctx context.Context) (last *armsecurityinsights.Job, err error) {
			pager := theirs.NewListPager(resourceGroup, workspace, publication, nil)
			for pager.More() {
				page, err := pager.NextPage(ctx)
				if err != nil {
					return nil, err
				}
				for _, job := range page.Value {
					last = job
				}
			}
			return last, nil
		})
}

func deleteJob(t testing.TB, server *canned) (call, call) {
	ours, theirs := ourJobs(t, server), theirJobs(t, server)
	return newCall(func(ctx context.Context) (armsecops.WorkspaceManagerJobsClientDeleteResponse, error) {
			return ours.Delete(ctx, resourceGroup, workspace, publication, jobName, nil)
		}), newCall(func(ctx context.Context) (armsecurityinsights.WorkspaceManagerAssignmentJobsClientDeleteResponse, error) {
			return theirs.Delete(ctx, resourceGroup, workspace, publication, jobName, nil)
		})
}

func getAssignment(t testing.TB, server *canned) (call, call) {
	ours, theirs := ourAssignments(t, server), theirAssignments(t, server)
	return newCall(func(ctx context.Context) (armsecops.SecurityAssignmentsClientGetResponse, error) {
			return ours.Get(ctx, resourceGroup, assignmentID, nil)
		}), newCall(func(ctx context.Context) (armsecurity.AssignmentsClientGetResponse, error) {
			return theirs.Get(ctx, resourceGroup, assignmentID, nil)
		})
}

func listAssignments(t testing.TB, server *canned) (call, call) {
	ours, theirs := ourAssignments(t, server), theirAssignments(t, server)
	return newCall(func(ctx context.Context) (items int, err error) {
			for assignment, err := range ours.NewListPager(resourceGroup, nil).All(ctx) {
				if err != nil {
					return 0, err
				}
				if assignment.Name != "" {
					items++
				}
			}
			return items, nil
		}), newCall(func(ctx context.Context) (items int, err error) {
			pager := theirs.NewListPager(resourceGroup, nil)
			for pager.More() {
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
		})
}

func listAssignmentsBySubscription(t testing.TB, server *canned) (call, call) {
	ours, theirs := ourAssignments(t, server), theirAssignments(t, server)
	return newCall(func(ctx context.Context) (armsecops.AssignmentList, error) {
			return ours.NewListBySubscriptionPager(nil).NextPage(ctx)
		}), newCall(func(ctx context.Context) (armsecurity.AssignmentsClientListBySubscriptionResponse, error) {
			return theirs.NewListBySubscriptionPager(nil).NextPage(ctx)
		})
}

func createOrUpdateAssignment(t testing.TB, server *canned) (call, call) {
	ours, theirs := ourAssignments(t, server), theirAssignments(t, server)
	our, their := decode[armsecops.Assignment](t, server.tails[0]), decode[armsecurity.Assignment](t, server.tails[0])
	return newCall(func(ctx context.Context) (armsecops.SecurityAssignmentsClientCreateOrUpdateResponse, error) {
			return ours.CreateOrUpdate(ctx, resourceGroup, assignmentID, our, nil)
		}), newCall(func(ctx context.Context) (armsecurity.AssignmentsClientCreateOrUpdateResponse, error) {
			return theirs.CreateOrUpdate(ctx, resourceGroup, assignmentID, their, nil)
		})
}

func deleteAssignment(t testing.TB, server *canned) (call, call) {
	ours, theirs := ourAssignments(t, server), theirAssignments(t, server)
	return newCall(func(ctx context.Context) (armsecops.SecurityAssignmentsClientDeleteResponse, error) {
			return ours.Delete(ctx, resourceGroup, assignmentID, nil)
		}), newCall(func(ctx context.Context) (armsecurity.AssignmentsClientDeleteResponse, error) {
			return theirs.Delete(ctx, resourceGroup, assignmentID, nil)
		})
}

// canned is the transport of all benchmarks: it answers every request with bytes
// from memory.
type canned struct {
	status int
	pages  int      // of a listing; 0: the answer is not a page with a link
	tails  [][]byte // whole bodies, or those of a listing's pages after their link, round and round

	last *http.Request
	sent []byte // the body of the last request
}

// answer returns a transport with one answer for every request.
func answer(status int, body []byte) *canned {
	return &canned{status: status, tails: [][]byte{body}}
}

// pagesOfAssignments returns a transport with a listing, of whose pages the given number is distinct.
func pagesOfAssignments(pages, items, distinct int) *canned {
	p := newPayloads(19)
	server := &canned{status: http.StatusOK, pages: pages}
	for range distinct {
		server.tails = append(server.tails, p.page(items, p.assignment))
	}
	return server
}

func (c *canned) Do(req *http.Request) (*http.Response, error) {
	c.last, c.sent = req, c.sent[:0]
	if req.ContentLength > 0 {
		c.sent = slices.Grow(c.sent, int(req.ContentLength))[:req.ContentLength]
		if _, err := io.ReadFull(req.Body, c.sent); err != nil {
			return nil, err
		}
	}
	page := 0
	var body io.Reader
	if c.pages > 0 {
		page, _ = strconv.Atoi(req.URL.Query().Get("$skipToken"))
		link := "{"
		if page+1 < c.pages {
			link = fmt.Sprintf(`{"nextLink":"https://%s%s?api-version=2021-08-01-preview&$skipToken=%d",`, req.URL.Host, req.URL.EscapedPath(), page+1)
		}
		body = io.MultiReader(bytes.NewReader([]byte(link)), bytes.NewReader(c.tails[page%len(c.tails)]))
	} else {
		body = bytes.NewReader(c.tails[0])
	}
	return &http.Response{
		StatusCode: c.status,
		Status:     strconv.Itoa(c.status) + " " + http.StatusText(c.status),
		Header:     http.Header{"Content-Type": {"application/json; charset=utf-8"}},
		Body:       io.NopCloser(body),
		Request:    req,
	}, nil
}
