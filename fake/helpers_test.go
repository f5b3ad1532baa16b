package fake_test

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
)

const (
	subscription  = testkit.JobsSubscription
	resourceGroup = "group"
	workspace     = "workspace"
	assignment    = "assignment"

	endpoint           = "https://management.azure.com"
	jobsVersion        = "?api-version=2025-04-01-preview"
	assignmentsVersion = "?api-version=2021-08-01-preview"

	jobsPath = "/subscriptions/" + subscription + "/resourceGroups/group" +
		"/providers/Microsoft.OperationalInsights/workspaces/workspace" +
		"/providers/Microsoft.SecurityInsights/workspaceManagerAssignments/assignment/jobs"
	jobsURL = endpoint + jobsPath + jobsVersion
	jobURL  = endpoint + jobsPath + "/job" + jobsVersion

	assignmentsPath = "/subscriptions/" + subscription + "/resourceGroups/group/providers/Microsoft.Security/assignments"
	assignmentURL   = endpoint + assignmentsPath + "/standard" + assignmentsVersion
)

var (
	jobID = armsecops.JobID{
		SubscriptionID: subscription, ResourceGroupName: resourceGroup,
		WorkspaceName: workspace, WorkspaceManagerAssignmentName: assignment, Name: "job",
	}
	publicationID = armsecops.WorkspaceManagerAssignmentID{
		SubscriptionID: subscription, ResourceGroupName: resourceGroup, WorkspaceName: workspace, Name: assignment,
	}
	standardID   = armsecops.StandardAssignmentID{Scope: machine, Name: standardName}
	assignmentID = armsecops.AssignmentID{SubscriptionID: subscription, ResourceGroupName: resourceGroup, Name: "standard"}
)

func namedJob(name string) armsecops.JobID {
	id := jobID
	id.Name = name
	return id
}

func namedAssignment(name string) armsecops.AssignmentID {
	id := assignmentID
	id.Name = name
	return id
}

func namedGroup(name string) armsecops.WorkspaceManagerGroupID {
	return armsecops.WorkspaceManagerGroupID{SubscriptionID: subscription, ResourceGroupName: resourceGroup, WorkspaceName: workspace, Name: name}
}

type listJobsOptions = armsecops.WorkspaceManagerJobsClientListOptions

func options(transport policy.Transporter) *armsecops.ClientOptions {
	o := &armsecops.ClientOptions{}
	o.Transport = transport
	return o
}

// newJobs returns a client of the subscription, errorOf the error of a call.
var newJobs, errorOf = driver.NewJobsClient, testkit.ErrorOf

func newAssignments(t testing.TB, o *armsecops.ClientOptions) *armsecops.SecurityAssignmentsClient {
	t.Helper()
	return testkit.Must(armsecops.NewSecurityAssignmentsClient(subscription, &azfake.TokenCredential{}, o))
}

// newFactory returns a factory of the server's clients.
func newFactory(t testing.TB, srv *fake.Server) *armsecops.ClientFactory {
	t.Helper()
	return driver.NewFactory(t, &azfake.TokenCredential{}, options(srv))
}

// collect returns the names of a list's items.
func collect[P any](t testing.TB, pager *armsecops.Pager[armsecops.Resource[P]]) (names []string, err error) {
	t.Helper()
	for item, err := range pager.All(t.Context()) {
		if err != nil {
			return names, err
		}
		names = append(names, item.Name)
	}
	return names, nil
}

// mustCollect returns the names of a list's items, and fails the test if there is an error.
func mustCollect[P any](t testing.TB, pager *armsecops.Pager[armsecops.Resource[P]]) []string {
	t.Helper()
	return testkit.Must(collect(t, pager))
}

// startJob starts a job of the assignment.
func startJob(t testing.TB, srv *fake.Server) armsecops.Job {
	t.Helper()
	created := testkit.Must(newJobs(t, options(srv)).Create(t.Context(), resourceGroup, workspace, assignment, nil))
	return created.Job
}

func readJob(t testing.TB, srv *fake.Server, name string) armsecops.Job {
	t.Helper()
	got := testkit.Must(newJobs(t, options(srv)).Get(t.Context(), resourceGroup, workspace, assignment, name, nil))
	return got.Job
}

func pagerOfJobs(t testing.TB, srv *fake.Server, o *listJobsOptions) *armsecops.Pager[armsecops.Job] {
	t.Helper()
	return newJobs(t, options(srv)).NewListPager(resourceGroup, workspace, assignment, o)
}

// transports are the ways to reach a server. Each returns the options of a client whose retries don't wait.
var transports = map[string]func(t *testing.T, srv *fake.Server) *armsecops.ClientOptions{
	"transport": func(_ *testing.T, srv *fake.Server) *armsecops.ClientOptions { return driver.Options(srv) },
	"HTTP/1.1":  func(t *testing.T, srv *fake.Server) *armsecops.ClientOptions { return overTLS(t, srv, "HTTP/1.1") },
	"HTTP/2.0":  func(t *testing.T, srv *fake.Server) *armsecops.ClientOptions { return overTLS(t, srv, "HTTP/2.0") },
}

// overTLS serves srv behind a socket and checks that the client uses the protocol.
func overTLS(t *testing.T, srv *fake.Server, protocol string) *armsecops.ClientOptions {
	t.Helper()
	return driver.NewTLSServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, protocol, r.Proto)
		assert.Equal(t, "gzip", r.Header.Get("Accept-Encoding"))
		srv.ServeHTTP(w, r)
	}), protocol == "HTTP/2.0")
}

func newRequest(t testing.TB, method, url, body string) *http.Request {
	t.Helper()
	req := testkit.Must(http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body)))
	req.Header.Set("Authorization", "Bearer token")
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	return req
}

// do sends a request, checks that the response is complete and returns it with its body.
func do(t testing.TB, srv *fake.Server, req *http.Request) (*http.Response, string) {
	t.Helper()
	resp := testkit.Must(srv.Do(req))
	defer resp.Body.Close()
	assert.Same(t, req, resp.Request)
	assert.Equal(t, fmt.Sprint("HTTP/1.1 ", resp.StatusCode, " ", http.StatusText(resp.StatusCode)), resp.Proto+" "+resp.Status)
	body := testkit.Must(io.ReadAll(resp.Body))
	return resp, string(body)
}

// expect sends a request, checks the status of the response and returns it with its body.
func expect(t testing.TB, srv *fake.Server, status int, req *http.Request) (*http.Response, string) {
	t.Helper()
	resp, body := do(t, srv, req)
	require.Equal(t, status, resp.StatusCode, body)
	return resp, body
}

func get(t testing.TB, srv *fake.Server, url string) (*http.Response, string) {
	t.Helper()
	return do(t, srv, newRequest(t, http.MethodGet, url, ""))
}

// assertRefused checks that a request gets an error in Azure's envelope, and returns the response.
//   - message: a part of the error's message
func assertRefused(t testing.TB, srv *fake.Server, req *http.Request, status int, code, message string) *http.Response {
	t.Helper()
	resp, body := expect(t, srv, status, req)
	assert.Equal(t, "application/json; charset=utf-8", resp.Header.Get("Content-Type"))
	assert.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, resp.Header.Get("x-ms-request-id"))
	assert.NotEmpty(t, resp.Header.Get("x-ms-correlation-request-id"))
	for _, word := range []string{"armsecops.", "json:", "jsontext", "unmarshal", " Go "} {
		assert.NotContains(t, body, word)
	}
	var envelope struct {
		Error armsecops.ErrorDetail `json:"error"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &envelope))
	assert.Equal(t, code, envelope.Error.Code)
	assert.Contains(t, envelope.Error.Message, message)
	return resp
}

// clock returns a clock that is a minute later each time it is read.
func clock() func() time.Time {
	now := time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.UTC)
	return func() time.Time {
		now = now.Add(time.Minute)
		return now
	}
}

// counter returns a function that returns id-1, id-2 and so on.
func counter() func() string {
	n := 0
	return func() string {
		n++
		return fmt.Sprintf("id-%d", n)
	}
}

func item(name string, status armsecops.JobItemStatus, failures ...string) armsecops.JobItem {
	item := armsecops.JobItem{ResourceID: name, Status: status}
	for _, message := range failures {
		item.Errors = append(item.Errors, armsecops.JobItemError{MemberResourceName: "member", ErrorMessage: message})
	}
	return item
}

// newJobServer returns a server with jobs whose start times descend as their names ascend. The last one has no end.
func newJobServer(o fake.ServerOptions, n int) *fake.Server {
	srv := fake.NewServer(&o)
	for i := range n {
		start := time.Date(2026, 1, 1, 0, 0, 0, n-i, time.UTC)
		job := armsecops.Job{Properties: armsecops.JobProperties{StartTime: start, EndTime: start.Add(time.Hour)}}
		if i == n-1 {
			job.Properties.EndTime = time.Time{}
		}
		srv.Put(namedJob(fmt.Sprintf("job-%d", i)), job)
	}
	return srv
}

// overrideJobList overrides the list of jobs with pages of one job each, which are named after the assignment.
func overrideJobList(srv *fake.Server, pages int) {
	srv.Override("WorkspaceManagerJobsClient.List", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("$skipToken"))
		page := armsecops.JobList{Value: []armsecops.Job{{Name: fmt.Sprintf("%s-%d", r.PathValue("workspaceManagerAssignmentName"), n)}}}
		if n+1 < pages {
			page.NextLink = fmt.Sprintf("https://%s%s%s&$skipToken=%d", r.URL.Host, r.URL.Path, jobsVersion, n+1)
		}
		fake.Respond(http.StatusOK, page).ServeHTTP(w, r)
	}))
}
