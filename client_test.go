package armsecops_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
)

// Short names of what the tests use most.
type transportFunc = testkit.TransportFunc

const (
	jobsSubscription        = testkit.JobsSubscription
	jobName                 = testkit.JobName
	assignmentsSubscription = testkit.AssignmentsSubscription

	requestID     = testkit.RequestID
	correlationID = testkit.CorrelationID
)

var (
	options, withoutRetries, assertParameterError   = driver.Options, driver.WithoutRetries, driver.AssertParameterError
	newFactory, newJobsClient, newAssignmentsClient = driver.NewFactory, driver.NewJobsClient, driver.NewAssignmentsClient
	numbers, respond, script, lost                  = testkit.Numbers, testkit.Respond, testkit.Script, testkit.Lost
	failure, documented                             = testkit.ErrorOf, testkit.Documented
)

// as returns the error of the type in the chain.
func as[E error](t testing.TB, err error) E {
	t.Helper()
	e, ok := errors.AsType[E](err)
	require.True(t, ok, "%T: %v", err, err)
	return e
}

// The parameters of the path are TestEveryParameterIsChecked's.
func TestArgumentsBesideThePathAreChecked(t *testing.T) {
	t.Parallel()
	ctx, credential := t.Context(), &azfake.TokenCredential{}
	o := options(script(t))
	jobs, assignments, standards := newJobsClient(t, o), newAssignmentsClient(t, o), newFactory(t, credential, o).NewStandardAssignmentsClient()
	unbound := testkit.Must(newFactory(t, credential, o).NewSecurityAssignmentsClient(""))
	const scope = "subscriptions/" + jobsSubscription
	list := &armsecops.WorkspaceManagerJobsClientListOptions{Top: -1}
	invalid := armsecops.Assignment{Properties: armsecops.AssignmentProperties{Metadata: json.RawMessage("{")}}
	unknown := armsecops.StandardAssignment{AdditionalProperties: map[string]json.RawMessage{"a": json.RawMessage("{")}}
	for name, test := range map[string]struct {
		err              error
		parameter, value string
	}{
		"group of BeginCreate":      {failure(jobs.BeginCreate(ctx, "a/b", "workspace", "assignment", nil)), "resourceGroupName", "a/b"},
		"group of NewJobPoller":     {failure(jobs.NewJobPoller("a/b", "workspace", "assignment", "job", nil)), "resourceGroupName", "a/b"},
		"job of NewJobPoller":       {failure(jobs.NewJobPoller("rg", "workspace", "assignment", "ab", nil)), "jobName", "ab"},
		"no subscription of jobs":   {failure(armsecops.NewWorkspaceManagerJobsClient("", credential, nil)), "subscriptionID", ""},
		"Get without subscription":  {failure(unbound.Get(ctx, "rg", "id", nil)), "subscriptionID", ""},
		"list without subscription": {failure(unbound.NewListBySubscriptionPager(nil).NextPage(ctx)), "subscriptionID", ""},
		"negative Top":              {failure(jobs.NewListPager("rg", "workspace", "assignment", list).NextPage(ctx)), "Top", "-1"},
		"assignment without JSON":   {failure(assignments.CreateOrUpdate(ctx, "rg", "id", invalid, nil)), "assignment", ""},
		"standard without JSON":     {failure(standards.CreateOrUpdate(ctx, scope, jobsSubscription, unknown, nil)), "standardAssignment", ""},
	} {
		assertParameterError(t, test.err, test.parameter)
		assert.Equal(t, test.value, as[*armsecops.ParameterError](t, test.err).Value, name)
	}
}

// assertURL returns a transport that checks the URL, and gives the response.
func assertURL(t *testing.T, want string, response transportFunc) transportFunc {
	return func(req *http.Request) (*http.Response, error) {
		assert.Equal(t, want, req.URL.String())
		return response(req)
	}
}

// Every page is below the endpoint, which may have a path, and has the option
// APIVersion if there is one, whatever the link says. Only with the caller's explicit
// permission is a token sent without TLS.
func TestURLsOfPages(t *testing.T) {
	t.Parallel()
	const (
		path           = "/subscriptions/" + assignmentsSubscription + "/providers/Microsoft.Security/assignments?"
		first, another = "api-version=2021-08-01-preview", "$skipToken=a&api-version=2021-08-01-preview"
	)
	for _, test := range []struct{ endpoint, version, link, first, another string }{
		{"https://proxy.example/arm", "", path + "$skipToken=a", first, another},
		{"https://proxy.example/arm/", "", path + "$skipToken=a", first, another},
		{"https://proxy.example", "2030-01-01", "?api-version=1&$skip=1", "api-version=2030-01-01", "$skip=1&api-version=2030-01-01"},
		{"http://localhost:8080", "", "?$skipToken=a", first, another},
	} {
		base := strings.TrimSuffix(test.endpoint, "/") + path
		o := options(script(t,
			assertURL(t, base+test.first, respond(200, `{"value":[{"id":"/a"}],"nextLink":"`+test.link+`"}`)),
			assertURL(t, base+test.another, respond(200, testkit.Minimal)),
		))
		o.Cloud, o.APIVersion = testkit.Endpoint(test.endpoint), test.version
		o.InsecureAllowCredentialWithHTTP = strings.HasPrefix(test.endpoint, "http:")
		require.NoError(t, failure(read(t.Context(), "Pages", newPager(newAssignmentsClient(t, o), armsecops.PageOptions{}), 0)), test.endpoint)
	}
}

// After an attempt that may have deleted it, a 404 is the end of a resource,
// unless it says that something above is missing, or is the page of a proxy.
func TestDeleteAfterALostResponse(t *testing.T) {
	t.Parallel()
	body := func(code string) string { return `{"error":{"code":"` + code + `","message":"m fake_token"}}` }
	job := "providers/Microsoft.SecurityInsights/workspaceManagerAssignments/assignment/jobs/job"
	missing := func(name string) string {
		return strings.Replace(body("ResourceNotFound"), "m fake", "The Resource 'microsoft.operationalinsights/"+name+"' under resource group 'rg' was not found. fake", 1)
	}
	for known, bodies := range map[bool][]string{
		true: {"", body("NotFound"), body("ResourceNotFound"), body("JobNotFound"), missing("workspaces/workspace/" + job), `{"HttpStatusCode":404,"ErrorCode":"Not Found","Message":"m"}`},
		false: {
			"<html>", "404 page not found\n", body("SubscriptionNotFound"), body("ResourceGroupNotFound"), body("ParentResourceNotFound"), body("InvalidResourceType"),
			body("InvalidResourceNamespace"), body("NoRegisteredProviderFound"), body("MissingSubscriptionRegistration"), body("InvalidSubscriptionId"),
			body("Subscription Not Registered"), body("resourcegroupnotfound"), missing("workspaces/workspace"), missing("workspaces/other"), body("PolicyAssignmentNotFound"), `{"HttpStatusCode":404,"ErrorCode":"Subscription Not Registered"}`,
		},
	} {
		for _, notFound := range bodies {
			for _, first := range []transportFunc{lost, respond(503)} {
				client := newJobsClient(t, options(script(t, first, respond(404, notFound))))
				_, err := client.Delete(t.Context(), "rg", "workspace", "assignment", "job", nil)
				if known {
					assert.NoError(t, err, notFound)
					continue
				}
				require.ErrorIs(t, err, armsecops.ErrNotFound, notFound)
				require.ErrorIs(t, err, armsecops.ErrOutcomeUnknown, notFound)
				assert.ErrorAs(t, err, new(*armsecops.ErrorResponse))
				assert.NotContains(t, err.Error(), "fake_token", "the client's own")
			}
			_, err := newJobsClient(t, options(script(t, respond(404, notFound)))).Delete(t.Context(), "rg", "workspace", "assignment", "job", nil)
			require.ErrorIs(t, err, armsecops.ErrNotFound)
			assert.NotErrorIs(t, err, armsecops.ErrOutcomeUnknown, "nothing is unknown about the first attempt")
		}
	}
}

func TestClientsOfFactoryShareOneToken(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	credential := testkit.CredentialFunc(func() (azcore.AccessToken, error) {
		calls.Add(1)
		return azcore.AccessToken{Token: "fake_token", ExpiresOn: time.Now().Add(time.Hour)}, nil
	})
	factory := newFactory(t, credential, options(respond(200, testkit.Minimal)))
	jobs := testkit.Must(factory.NewWorkspaceManagerJobsClient(assignmentsSubscription))
	assignments := testkit.Must(factory.NewSecurityAssignmentsClient(assignmentsSubscription))
	require.NoError(t, failure(jobs.Get(t.Context(), "rg", "workspace", "assignment", "job", nil)))
	require.NoError(t, failure(assignments.Get(t.Context(), "rg", "id", nil)))
	for _, err := range assignments.ListAcrossSubscriptions(t.Context(), testkit.SubscriptionIDs(20), nil) {
		require.NoError(t, err)
	}
	assert.EqualValues(t, 1, calls.Load())
}
