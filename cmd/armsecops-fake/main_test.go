package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
)

var guide, _ = os.ReadFile("../../docs/fake.md") // without it, the tests of what it has fail

var sampleJob = routes.Jobs.Get.ID(testkit.CallOf(routes.Jobs.Get).Values...)

// process is the command, running.
type process struct {
	ready

	t      *testing.T
	roots  *x509.CertPool // the certificate
	client *http.Client   // trusts it
	end    func()         // ends the command and checks how it ended
}

// loopback is a free port of this machine, which may have IPv6 alone.
var loopback = sync.OnceValue(func() string {
	s := httptest.NewUnstartedServer(nil) // knows where to listen
	defer s.Close()
	host, _, _ := net.SplitHostPort(s.Listener.Addr().String())
	return net.JoinHostPort(host, "0")
})

// dial connects to a port of this machine, whatever localhost is.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	_, port, _ := net.SplitHostPort(address)
	return new(net.Dialer).DialContext(ctx, network, strings.TrimSuffix(loopback(), "0")+port)
}

// start runs the command, and ends it with the test.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	p, ca := &process{t: t}, filepath.Join(t.TempDir(), "ca.pem")
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	ended := make(chan int)
	var stderr bytes.Buffer
	go func() {
		code := run(ctx, append([]string{"-addr", loopback(), "-control", loopback(), "-ca", ca}, args...), in, &stderr)
		_ = in.Close()
		ended <- code
	}()
	line, err := bufio.NewReader(out).ReadBytes('\n') // whole: a pipe holds its writer until then
	require.NoError(t, err, "the line that says it is ready")
	p.ready = testkit.Decode[ready](t, line)
	p.end = sync.OnceFunc(func() {
		cancel()
		assert.Equal(t, exitOK, <-ended)
		assert.Empty(t, stderr.String())
	})
	t.Cleanup(p.end)
	p.roots = x509.NewCertPool()
	require.True(t, p.roots.AppendCertsFromPEM([]byte(testkit.ReadFile(t, p.CA))))
	p.client = &http.Client{Transport: &http.Transport{DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: p.roots}, ForceAttemptHTTP2: true}}
	t.Cleanup(p.client.CloseIdleConnections)
	return p
}

func (p *process) send(client *http.Client, method, url, body string, header ...string) (*http.Response, error) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, url, strings.NewReader(body))
	require.NoError(p.t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	req.Host = req.Header.Get("Host")
	return client.Do(req)
}

// do sends a request to either port, and returns the status and the body.
func (p *process) do(method, url, body string, header ...string) (int, string) {
	p.t.Helper()
	resp, err := p.send(p.client, method, url, body, header...)
	require.NoError(p.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(p.t, err)
	return resp.StatusCode, string(text)
}

// control sends a request to the control endpoint, which accepts it.
func (p *process) control(method, path, body string) {
	p.t.Helper()
	status, text := p.do(method, p.Control+path, body)
	require.Equal(p.t, 204, status, text)
}

// dump returns the whole response to a GET over HTTP/1.1, or the error.
func (p *process) dump(url string) string {
	p.t.Helper()
	transport := &http.Transport{DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: p.roots}, DisableKeepAlives: true, DisableCompression: true}
	resp, err := p.send(&http.Client{Transport: transport}, http.MethodGet, url, "", "Authorization", "Bearer any")
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	dump, err := httputil.DumpResponse(resp, true)
	require.NoError(p.t, err)
	return string(dump)
}

func (p *process) jobs() *armsecops.WorkspaceManagerJobsClient {
	p.t.Helper()
	o := driver.WithoutRetries(p.client)
	o.Cloud = testkit.Endpoint(p.Endpoint)
	return driver.NewJobsClient(p.t, o)
}

func (p *process) getSampleJob() error {
	return testkit.ErrorOf(p.jobs().Get(p.t.Context(), "myRg", "myWorkspace", testkit.JobsAssignment, testkit.JobName, nil))
}

// A valid value of each flag has an effect on a response, after the start of a job. Those of -addr, -control, -ca and -host have their own tests.
func TestFlagsHaveAnEffect(t *testing.T) {
	t.Parallel()
	const (
		version, metadata = "?api-version=2025-04-01-preview", "/providers/Microsoft.Security/assessmentMetadata?api-version=2021-06-01"
		queries, query    = "/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01", `{"query":"securityresources | project properties"}`
	)
	jobs := path.Dir(sampleJob)
	for flags, test := range map[string]struct{ method, url, body, want string }{
		"-samples": {"GET", sampleJob + version, "", `"name":"cfbe1338`},
		"-strict":  {"GET", jobs + version, "", `"code":"SubscriptionNotFound"`},
		"-api-version 2030-01-01 -api-version 2031-01-01-preview": {"GET", jobs + "?api-version=2030-01-01", "", `"provisioningState":`},
		"-api-version 2031-01-01-preview -api-version 2030-01-01": {"GET", jobs + "?api-version=2030-01-01", "", `"provisioningState":`},
		"-samples -page-size 1":                                   {"GET", metadata, "", `"nextLink":"`},
		"-job-duration 1ns":                                       {"GET", jobs + version, "", `"provisioningState":"Succeeded"`},
		"-samples -flat-assessment-keys":                          {"POST", queries, query, `"exemptionData":{"assessmentKey":`},
	} {
		p, response := start(t, strings.Fields(flags)...), ""
		for _, request := range [][3]string{{"POST", jobs + version}, {test.method, test.url, test.body}} {
			_, response = p.do(request[0], p.Endpoint+request[1], request[2], "Authorization", "Bearer any", "Content-Type", "application/json")
		}
		assert.Contains(t, response, test.want, flags)
	}
}

func TestControlRefusesFaults(t *testing.T) {
	t.Parallel()
	p := start(t, "-samples")
	for _, body := range []string{
		"", "[]", "null", `{"statusCode":429} x`, `{"statusCode":429,"typo":1}`, `{"statuscode":429}`, `{"times":"1"}`, `{"times":null}`,
		`{"delay":"soon"}`, `{"retryAfter":"-1s"}`, "{}", // which changes nothing: the other reasons are those of package fake
	} {
		status, text := p.do(http.MethodPost, p.Control+"/inject", body)
		assert.Equal(t, 400, status, body)
		assert.NotEmpty(t, text)
		assert.NotRegexp(t, " Go |Delay", text)
	}
	_, text := p.do(http.MethodGet, p.Control+"/inject", "")
	assert.Equal(t, "no GET /inject here: there are GET /faults, GET /healthz, GET /requests, POST /inject, POST /reset and PUT /put/{resource id}\n", text)
	require.NoError(t, p.getSampleJob(), "none of them applies")
}

// Each member of a fault has the effect of its field in [fake.Fault], and is counted until it is consumed. docs/fake.md has it with its type.
func TestControlInjectsEveryMemberOfAFault(t *testing.T) {
	t.Parallel()
	const forbidden, job, started = `"code":"Forbidden"`, `"name":"cfbe1338`, `"provisioningState":"InProgress"`
	type test struct {
		fault string   // as docs/fake.md has it
		want  []string // what the responses to some requests contain, header included
	}
	tests := map[string]test{
		"operation":    {`{"operation":"WorkspaceManagerJobsClient.List","statusCode":403}`, []string{forbidden, job}},
		"another one":  {`{"operation":"WorkspaceManagerJobsClient.Create","statusCode":403}`, []string{job}},
		"pathContains": {`{"pathContains":"/MYRG/","statusCode":403}`, []string{forbidden, job}},
		"another path": {`{"pathContains":"/otherRg/","statusCode":403}`, []string{job}},
		"skip":         {`{"skip":1,"statusCode":403}`, []string{job, forbidden, job}},
		"times":        {`{"times":2,"statusCode":403}`, []string{forbidden, forbidden, job}},
		"always":       {`{"always":true,"statusCode":403}`, []string{forbidden, forbidden, forbidden}},
		"statusCode":   {`{"statusCode":503}`, []string{"503 Service Unavailable", job}},
		"delay":        {`{"delay":"0.2s"}`, []string{job, job}},
		"retryAfter":   {`{"retryAfter":"1.5s"}`, []string{"Retry-After: 2\r\n", job, job}},
		"body":         {`{"body":"<html>"}`, []string{"\r\n\r\n<html>", job, job}},
		"noBody":       {`{"noBody":true}`, []string{"Content-Length: 0", job, job}},
		"header":       {`{"header":{"x-a":["b"]}}`, []string{"X-A: b\r\n", job, job}},
		"nextLink":     {`{"nextLink":"without api-version"}`, []string{`/jobs?$skipToken=`, job, job}},
		"disconnect":   {`{"disconnect":true}`, []string{"EOF", job, job}},
		"truncate":     {`{"truncate":true,"body":"one two"}`, []string{"\r\n\r\none", job, job}},
		"carriedOut":   {`{"statusCode":503,"carriedOut":true}`, []string{started}}, // of a POST
	}
	kinds := map[reflect.Kind]string{reflect.Int: "number", reflect.Bool: "boolean", reflect.Map: "object"}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[fake.Fault]()) {
		name := strings.Replace(strings.ToLower(field.Name[:1])+field.Name[1:], "match", "pathContains", 1)
		kind := cmp.Or(kinds[field.Type.Kind()], "string") // of a duration and what stands for Match, too
		assert.Regexp(t, "\n\\| `"+name+"` \\| "+kind+" \\| .+ \\| `"+regexp.QuoteMeta(tests[name].fault)+"` \\|\n", string(guide))
	}
	testkit.EachNamed(t, tests, func(t *testing.T, name string, test test) {
		p := start(t, "-samples")
		p.control(http.MethodPost, "/inject", test.fault)
		left := func() string { _, body := p.do(http.MethodGet, p.Control+"/faults", ""); return body }
		assert.True(t, strings.HasPrefix(left(), `[{"fault":`+test.fault+`,"applied":0,"times":`), left())
		jobs := p.Endpoint + path.Dir(sampleJob) + "?api-version=2025-04-01-preview"
		if name == "carriedOut" {
			status, _ := p.do(http.MethodPost, jobs, "", "Authorization", "Bearer any")
			require.Equal(t, 503, status)
		}
		for i, want := range test.want {
			assert.Contains(t, p.dump(jobs), want, i)
			progress := map[string]string{"skip 0": `"applied":0,"times":1,"skipped":1}]`, "times 0": `"applied":1,"times":2,"skipped":0}]`}
			assert.Contains(t, left(), progress[fmt.Sprint(name, " ", i)])
		}
		assert.Equal(t, strings.HasPrefix(name, "another"), left() != "[]\n")
	})
}

func TestControlPutsAndResets(t *testing.T) {
	t.Parallel()
	p := start(t)
	const scope, managementGroup = "/subscriptions/" + testkit.JobsSubscription, "/providers/Microsoft.Management/managementGroups/contoso"
	for _, route := range routes.All { // each type of resource
		if route.Kind != routes.Get {
			continue
		}
		values := slices.Repeat([]string{testkit.JobsSubscription}, len(route.Parameters()))
		if route.OfScope() {
			values[0] = scope
		}
		id := route.ID(values...)
		status, text := p.do(http.MethodPut, p.Control+"/put"+id, `{"properties":{}}`)
		require.Equal(t, 204, status, "%s needs a line in stores: %s", route.Resource.Type, text)
		status, text = p.do(http.MethodGet, p.Endpoint+id+"?api-version="+route.APIVersion, "", "Authorization", "Bearer any")
		assert.Equal(t, 200, status, text)
	}
	for _, prefix := range []string{"/put", "/put/"} { // with the slash of the id, and without
		group, _, _ := strings.Cut(sampleJob, "/providers")
		publication := path.Dir(path.Dir(sampleJob))
		for _, id := range []string{sampleJob, publication, group, scope, managementGroup} {
			p.control(http.MethodPut, prefix+id, "{}")
		}
		for _, bad := range [][3]string{
			{"/subscriptions/x", "{}", "the id's subscriptionId 'x' must be a UUID"}, {scope + "/resourceGroups/a.", "{}", "resourceGroupName 'a.' must not end"},
			{"/subscriptions/x" + sampleJob[51:], "{}", "the id's subscriptionId 'x' must be a UUID"}, {scope + "/a", "{}"}, {group + "/providers/a", "{}"},
			{managementGroup + "/a", "{}"}, {"", "{}"}, {"/", "{}"}, {sampleJob, `{"properties":1}`}, {sampleJob, "null"}, {sampleJob, ""},
			{publication, `{"item":[]}`}, {publication, "null"},
		} {
			status, text := p.do(http.MethodPut, p.Control+prefix+bad[0], bad[1])
			assert.Contains(t, []int{400, 404}, status, "%s %s: %s", bad[0], bad[1], text)
			assert.Contains(t, text, bad[2])
		}
	}
	p.control(http.MethodPost, "/inject", `{"statusCode":403}`)
	p.control(http.MethodPost, "/reset", "")
	require.ErrorIs(t, p.getSampleJob(), armsecops.ErrNotFound)
	_, left := p.do(http.MethodGet, p.Control+"/faults", "")
	assert.Equal(t, "[]\n", left)
}

func TestControlListsRequestsWithoutTheirToken(t *testing.T) {
	t.Parallel()
	p := start(t, "-samples")
	require.NoError(t, p.getSampleJob())
	status, _ := p.do(http.MethodPut, p.Endpoint+sampleJob, strings.Repeat("x", 64<<10+1),
		"Authorization", "Bearer mine", "x-ms-authorization-auxiliary", "Bearer other")
	require.Equal(t, 405, status)
	status, body := p.do(http.MethodGet, p.Control+"/requests", "")
	require.Equal(t, 200, status)
	requests := testkit.Decode[[]received](t, body)
	require.Len(t, requests, 2)
	assert.Equal(t, "WorkspaceManagerJobsClient.Get", requests[0].Operation)
	assert.Contains(t, requests[0].URL, sampleJob)
	assert.EqualValues(t, 64<<10+1, requests[1].BodySize)
	assert.Len(t, requests[1].BodySHA256, 64)
	assert.Empty(t, requests[1].Body)
	assert.NotContains(t, body, "Bearer")
}

func TestControlNamesWhatExistsOnAStrictServer(t *testing.T) {
	t.Parallel()
	p := start(t, "-strict", "-job-duration", "1ms")
	group, publication := strings.Split(sampleJob, "/providers")[0], path.Dir(path.Dir(sampleJob))
	jobs := p.jobs()
	for _, step := range []struct{ put, body, code string }{ // the code of the error afterwards
		{"/providers/Microsoft.Management/managementGroups/a", "", "SubscriptionNotFound"},
		{"/subscriptions/" + testkit.JobsSubscription, "", "ResourceGroupNotFound"},
		{group, "", "ResourceNotFound"},
		{strings.Split(sampleJob, "/providers/Microsoft.SecurityInsights")[0], "", "ParentResourceNotFound"},
	} {
		p.control(http.MethodPut, "/put"+step.put, step.body)
		_, err := jobs.Create(t.Context(), "myRg", "myWorkspace", testkit.JobsAssignment, nil)
		assert.True(t, armsecops.HasCode(err, step.code), "%v", err)
	}
	p.control(http.MethodPut, "/put"+publication, `{"items":[{"resourceId":"rule","status":"Failed"}]}`)
	poller := testkit.Must(jobs.BeginCreate(t.Context(), "myRg", "myWorkspace", testkit.JobsAssignment, nil))
	assert.ErrorContains(t, testkit.ErrorOf(poller.PollUntilDone(t.Context(), &runtime.PollUntilDoneOptions{Frequency: time.Millisecond})), "1 of 1 items failed")
}

// Not parallel: the signals are those of the process.
func TestSignalsEndTheCommand(t *testing.T) {
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		ctx, stop := untilSignal()
		if self, _ := os.FindProcess(os.Getpid()); signal.Ignored(s) || self.Signal(s) != nil { // below nohup, or on Windows
			t.Skip(s)
		}
		<-ctx.Done()
		stop()
	}
}

// A fault with a delay doesn't keep the command from ending.
func TestEndsWhileARequestIsInProgress(t *testing.T) {
	t.Parallel()
	p := start(t, "-samples")
	const delay = 200 * time.Millisecond
	p.control(http.MethodPost, "/inject", fmt.Sprintf(`{"delay":%q}`, delay))
	got, sent := make(chan error, 1), time.Now()
	go func() { got <- p.getSampleJob() }()
	for body := ""; body == "" || body == "[]\n"; {
		_, body = p.do(http.MethodGet, p.Control+"/requests", "")
	}
	p.end()
	require.NoError(t, <-got, "the request gets its response")
	assert.GreaterOrEqual(t, time.Since(sent), delay)
}

func TestControlRefusesOtherSites(t *testing.T) {
	t.Parallel()
	p := start(t, "-host", "fake.test", "-host", "192.0.2.1")
	for name, test := range map[string]struct {
		header []string // the Host among them
		want   int
	}{
		"no browser":         {nil, 204},
		"foreign origin":     {[]string{"Origin", "https://elsewhere.example"}, 403},
		"origin of a file":   {[]string{"Origin", "null"}, 403},
		"another port":       {[]string{"Origin", "http://127.0.0.1:1"}, 403},
		"own origin":         {[]string{"Origin", p.Control, "Sec-Fetch-Site", "same-origin"}, 204},
		"typed by a user":    {[]string{"Sec-Fetch-Site", "none"}, 204},
		"cross-site":         {[]string{"Sec-Fetch-Site", "cross-site"}, 403},
		"same-site":          {[]string{"Sec-Fetch-Site", "same-site"}, 403},
		"name of a web page": {[]string{"Host", "rebound.example:8444"}, 403},
		"loopback":           {[]string{"Host", "LocalHost:8444"}, 204},
		"IPv6":               {[]string{"Host", "[::1]:8444"}, 204},
		"IP address":         {[]string{"Host", "192.0.2.7"}, 204},
		"name given":         {[]string{"Host", "Fake.test:8444"}, 204},
	} {
		status, body := p.do(http.MethodPost, p.Control+"/reset", "", test.header...)
		assert.Equal(t, test.want, status, "%s: %s", name, body)
	}
}

func TestFlagsAreChecked(t *testing.T) {
	t.Parallel()
	missing, p := filepath.Join(t.TempDir(), "none", "ca.pem"), start(t)
	used := strings.TrimPrefix(p.Control, "http://")
	before := testkit.ReadFile(t, p.CA)
	type test struct {
		args []string
		code int
		want string // on standard error
	}
	testkit.EachCase(t, map[string]test{
		"an api-version":       {[]string{"-api-version", "latest"}, exitUsage, "must be an api-version"},
		"an unknown flag":      {[]string{"-port", "1"}, exitUsage, "unknown flag: -port"},
		"a host with a port":   {[]string{"-host", "a:1"}, exitUsage, "must be the name of a host"},
		"no number":            {[]string{"-page-size", "a"}, exitUsage, `invalid value "a" for flag -page-size: must be a whole number`},
		"no duration":          {[]string{"-job-duration", "5"}, exitUsage, `invalid value "5" for flag -job-duration: must be a duration, such as 5s`},
		"neither on nor off":   {[]string{"-strict=a"}, exitUsage, `invalid boolean value "a" for -strict: must be true or false`},
		"an argument":          {[]string{"serve"}, exitUsage, "unexpected argument: serve\n"},
		"a value of a flag":    {[]string{"-samples", "true"}, exitUsage, "unexpected argument: true; a flag takes it after =, as -strict=true"},
		"a negative page size": {[]string{"-page-size", "-1"}, exitUsage, "must not be negative"},
		"no name":              {[]string{"-ca", ""}, exitUsage, "-ca has no name"},
		"a flag as a name":     {[]string{"-ca", "-strict"}, exitUsage, "-ca has no name: -strict follows"},
		"a negative duration":  {[]string{"-job-duration", "-1s"}, exitUsage, "must not be negative"},
		"a port beyond 65535":  {[]string{"-addr", ":99999"}, exitUsage, "armsecops-fake: -addr: the port must be a number of at most 65535: :99999\nFor help"},
		"no port":              {[]string{"-control", "localhost"}, exitUsage, "-control: must be host:port or :port: localhost"},
		"no such address":      {[]string{"-addr", "256.0.0.1:0"}, exitError, "-addr: listen tcp: lookup 256.0.0.1"},
		"address in use":       {[]string{"-addr", used, "-control", loopback(), "-ca", p.CA}, exitError, "-addr: listen tcp"},
		"control in use":       {[]string{"-addr", loopback(), "-control", used, "-ca", p.CA}, exitError, "-control: listen tcp"},
		"no such file":         {[]string{"-addr", loopback(), "-control", loopback(), "-ca", missing}, exitError, "-ca: open"},
	}, func(t *testing.T, test test) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // if it isn't refused, it serves
		defer cancel()
		var stdout, stderr bytes.Buffer
		assert.Equal(t, test.code, run(ctx, test.args, &stdout, &stderr))
		assert.Contains(t, stderr.String(), test.want)
		assert.Empty(t, stdout.String())
		assert.Equal(t, before, testkit.ReadFile(t, p.CA), "the certificate of the command that has the address")
	})
}

func TestHelp(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	assert.Equal(t, exitOK, run(t.Context(), []string{"-h"}, &stdout, &stderr))
	assert.Empty(t, stderr.String())
	text := stdout.String()
	assert.Contains(t, string(guide), "$ armsecops-fake -h\n"+text+"```\n", "docs/fake.md shows it")
	assert.NotRegexp(t, "(?m)^.{81}", text)
	stdout.Reset()
	assert.Regexp(t, `^0 armsecops-fake \S+ go1\.\S+\n$`, fmt.Sprint(run(t.Context(), []string{"-version"}, &stdout, &stderr), " ", stdout.String()))
	help(&stdout, flag.NewFlagSet("", flag.ContinueOnError), 60)
	assert.NotRegexp(t, "(?m)^.{61}", stdout.String())
	out, full := io.Pipe()
	require.NoError(t, out.CloseWithError(io.ErrShortWrite))
	assert.Equal(t, exitLostOutput, run(t.Context(), []string{"help"}, full, &stderr))
	assert.Equal(t, "armsecops-fake: standard output: short write\n", stderr.String())
}

// The printed addresses can be used, wherever the command listens.
func TestAddressesCanBeUsed(t *testing.T) {
	t.Parallel()
	for host, args := range map[string][]string{"localhost": nil, "fake.test": {"-host", "fake.test"}, "192.0.2.1": {"-host", "192.0.2.1"}} {
		p := start(t, append(args, "-addr", ":0", "-control", ":0")...)
		for _, url := range []string{p.Endpoint, p.Control} {
			assert.Contains(t, url, "//"+host+":")
			for _, name := range []string{host, "localhost", strings.TrimSuffix(loopback(), ":0")} { // whose port is dialed on this machine
				status, body := p.do(http.MethodGet, strings.Replace(url, host, name, 1)+"/healthz", "")
				assert.Equal(t, "200 ok\n", fmt.Sprint(status, " ", body), name)
			}
		}
	}
}

// The members are those that az cloud register reads, by _arm_to_cli_mapper of
// https://github.com/Azure/azure-cli/blob/dev/src/azure-cli-core/azure/cli/core/cloud.py and, in
// older versions, msrestazure's _populate_from_metadata_endpoint, which takes graphEndpoint and
// galleryEndpoint. The public cloud lacks one that it reads, azmirrorStorageAccountResourceId.
func TestEndpointsOfTheCloud(t *testing.T) {
	t.Parallel()
	p := start(t)
	members := strings.Fields(`name resourceManager sqlManagement batch gallery graphAudience microsoftGraphResourceId vmImageAliasDoc media
		ossrdbmsResourceId activeDirectoryDataLake appInsightsResourceId logAnalyticsResourceId synapseAnalyticsResourceId portal
		appInsightsTelemetryChannelResourceId attestationResourceId graphEndpoint galleryEndpoint`)
	suffixes := strings.Fields(`storage storageSyncEndpointSuffix keyVaultDns mhsmDns sqlServerHostname mysqlServerEndpoint postgresqlServerEndpoint
		mariadbServerEndpoint azureDataLakeStoreFileSystem azureDataLakeAnalyticsCatalogAndJob synapseAnalytics acrLoginServer attestationEndpoint`)
	for version, list := range map[string]bool{"2015-01-01": false, "2019-05-01": true, "2022-09-01": false} {
		status, body := p.do(http.MethodGet, p.Endpoint+"/metadata/endpoints?api-version="+version, "")
		assert.Equal(t, 200, status)
		assert.Equal(t, list, strings.HasPrefix(body, "["))
		cloud := testkit.Decode[map[string]any](t, strings.Trim(body, "[]\n"))
		assert.Subset(t, slices.Collect(maps.Keys(cloud)), members)
		assert.Subset(t, slices.Collect(maps.Keys(cloud["suffixes"].(map[string]any))), suffixes)
		assert.NotContains(t, body, `:""`)
		assert.Equal(t, p.Endpoint, cloud["resourceManager"])
		assert.Subset(t, cloud["authentication"], map[string]any{"loginEndpoint": "https://login.microsoftonline.com"})
		assert.Len(t, cloud["authentication"].(map[string]any)["audiences"], 2)
	}
}

// The commands for curl in docs/fake.md work as they stand.
func TestDocumentedCommandsWork(t *testing.T) {
	t.Parallel()
	if err := exec.CommandContext(t.Context(), "sh", "-c", "command -v curl").Run(); err != nil {
		t.Skip("sh and curl: ", err)
	}
	_, section, _ := strings.Cut(string(guide), "## curl\n")
	section, _, _ = strings.Cut(section, "\n## ")
	script := "curl() { command curl --silent --output /dev/null --write-out '%{http_code} ' \"$@\"; }\n"
	for i, block := range strings.Split(section, "```") {
		if commands, ok := strings.CutPrefix(block, "console\n"); ok && i%2 == 1 {
			script += strings.ReplaceAll("\n"+commands, "\n$ ", "\n")
		}
	}
	p := start(t, "-samples")
	script = strings.NewReplacer("https://localhost:8443", p.Endpoint, "http://127.0.0.1:8444", p.Control, "ca.pem", p.CA).Replace(script)
	out := testkit.Must(exec.CommandContext(t.Context(), "sh", "-c", script).Output())
	assert.Equal(t, "200 200 204 503 200 204 200 ", string(out))
}
