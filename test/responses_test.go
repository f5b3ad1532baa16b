package test

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// What is compressed is in test/faults, the bound on an error by default in the test of logs.
func TestMaxResponseBytesBoundsEveryBody(t *testing.T) {
	t.Parallel()
	document := `{"name":"` + strings.Repeat("a", 1000-11) + `"}`
	require.Len(t, document, 1000)
	for name, test := range map[string]struct {
		bound  int64
		status int
		body   string
		tooBig bool
	}{
		"at its bound":           {1000, 200, document, false},
		"one byte beyond":        {999, 200, document, true},
		"second document beyond": {1000, 200, document + document, true},
		"error at its bound":     {1000, 400, document, false},
		"error beyond":           {999, 400, document, true},
	} {
		for _, logBodies := range []bool{false, true} {
			o := options(script(t, respond(test.status, test.body, "x-ms-request-id", requestID)))
			o.MaxResponseBytes, o.Logging.IncludeBody = test.bound, logBodies
			_, err := newJobsClient(t, o).Get(t.Context(), "rg", "workspace", "assignment", "job", nil)
			assert.Equal(t, test.tooBig, errors.Is(err, armsecops.ErrResponseTooLarge), "%s: %v", name, err)
			if !test.tooBig && test.status == 200 {
				require.NoError(t, err, name)
				continue
			}
			e, ok := errors.AsType[*armsecops.ErrorResponse](err)
			require.True(t, ok, "%T %v", err, err)
			assert.Equal(t, test.status, e.StatusCode, name)
			assert.Equal(t, requestID, e.RequestID, name)
		}
	}
}

// By default, at most 64 MiB of a body are read, and a byte or two to see that there is more.
func TestEndlessBodyIsBoundedByDefault(t *testing.T) {
	t.Parallel()
	body := bytes.NewReader(make([]byte, 65<<20))
	client := newJobsClient(t, options(transportFunc(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: io.NopCloser(body), ContentLength: -1, Request: req}, nil
	})))
	_, err := client.Get(t.Context(), "rg", "workspace", "assignment", "job", nil)
	assert.True(t, errors.Is(err, armsecops.ErrResponseTooLarge)) // ErrorIs would print the body
	assert.InDelta(t, 1<<20, body.Len(), 2, "left of 65 MiB")
}

// unexpectedBodies are no resources, and no pages after the first; the text is
// part of the error.
var unexpectedBodies = map[string]string{
	`null`: "unexpected response: null is not an object",
	`{"error":{"code":"GatewayTimeout","message":"No upstream."}}`:              ": GatewayTimeout: No upstream.",
	`{"value":null,"error":{"code":"GatewayTimeout","message":"No upstream."}}`: ": GatewayTimeout: No upstream.",
	`{"statusCode":500,"message":"Internal server error"}`:                      ": Internal server error",
	`{"HttpStatusCode":404,"ErrorCode":"Not Found","Message":"No entity."}`:     ": Not Found: No entity.",
	`{"status":"login required"}`:                                               "unexpected response: it has n",
	`{"Value":[],"ID":"a","NAME":"a"}`:                                          "unexpected response: it has n",
	`{"id":"","name":null}`:                                                     "unexpected response: it has n",
	`[]`:                                                                        "decoding the response: ",
	`<html>Sign in</html>`:                                                      "start of value; it looks like a page of HTML or XML",
}

func assertUnexpected(t *testing.T, err error, text string) {
	t.Helper()
	require.ErrorIs(t, err, armsecops.ErrUnexpectedResponse)
	assert.ErrorContains(t, err, text)
	e, ok := errors.AsType[*armsecops.ServiceError](err)
	require.True(t, ok)
	assert.Equal(t, 200, e.StatusCode)
	assert.Equal(t, requestID, e.RequestID)
	assert.Equal(t, strings.Contains(text, "HTML"), e.Page)
	assertHarmlessLine(t, err.Error())
}

// What becomes of the other kinds of operations is in test/faults.
func TestBodyThatIsNoResourceIsAnError(t *testing.T) {
	t.Parallel()
	bodies := maps.Clone(unexpectedBodies)
	bodies[`{}`] = "unexpected response: it has neither id nor name"
	bodies[`{"id":"a"} {}`] = "200 OK: decoding the response: "
	bodies[`{"id":"a","properties":{"a":1,"a":2}}`] = `duplicate object member name "a" within "/properties"`
	for body, want := range bodies {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			once := func() *armsecops.ClientOptions { // nothing is repeated
				return options(script(t, respond(200, body, "x-ms-request-id", requestID)))
			}
			job, err := newJobsClient(t, once()).Create(t.Context(), "rg", "workspace", "assignment", nil)
			assertUnexpected(t, err, want)
			assert.ErrorIs(t, err, armsecops.ErrOutcomeUnknown)
			assert.Zero(t, job)
			_, err = newFactory(t, &azfake.TokenCredential{}, once()).NewStandardAssignmentsClient().Get(t.Context(), virtualMachine, standardName, nil)
			assertUnexpected(t, err, want)
		})
	}
}

func TestBodyThatIsNoPageIsResumable(t *testing.T) {
	t.Parallel()
	listings := map[string]struct {
		first, rest, empty string
		list               func(*armsecops.SecurityAssignmentsClient, armsecops.PageOptions) *armsecops.Pager[armsecops.Assignment]
		also               map[string]string // bodies
	}{
		"links": {
			`{"value":[{"id":"/1"}],"nextLink":"?$skipToken=2"}`, `{"value":[{"id":"/2"}]}`, "unexpected response: it has no value",
			func(c *armsecops.SecurityAssignmentsClient, o armsecops.PageOptions) *armsecops.Pager[armsecops.Assignment] {
				return c.NewListBySubscriptionPager(&armsecops.SecurityAssignmentsClientListBySubscriptionOptions{PageOptions: o})
			},
			map[string]string{
				`{"value":[{"id":"/2"}],"error":{"code":"Partial","message":"Broken."}}`: ": Partial: Broken.",
				`{"value":[{},{},[]]}`: "decoding the response: /value/2: an array is not an object",
			},
		},
		"queries": {
			pageOf(1, "2", "false"), pageOf(1, "", "false"), "unexpected response: it has no data",
			func(c *armsecops.SecurityAssignmentsClient, o armsecops.PageOptions) *armsecops.Pager[armsecops.Assignment] {
				return c.NewResourceGraphPager(&graphOptions{PageOptions: o})
			},
			map[string]string{
				`{"data":[],"error":{"code":"Partial","message":"Broken."}}`: ": Partial: Broken.",
				`{"data":{"columns":[],"rows":[]}}`:                          "decoding the response: /data: an object is not an array",
			},
		},
	}
	for name, listing := range listings {
		maps.Copy(listing.also, unexpectedBodies)
		listing.also[`{}`] = listing.empty
		for body, want := range listing.also {
			t.Run(name+"/"+body, func(t *testing.T) {
				t.Parallel()
				bad := respond(200, body, "x-ms-request-id", requestID)
				read := func(o armsecops.PageOptions, responses ...transportFunc) ([]armsecops.Assignment, []error) {
					return collect(listing.list(newAssignmentsClient(t, options(script(t, responses...))), o).All(t.Context()))
				}
				items, errs := read(armsecops.PageOptions{}, respond(200, listing.first), bad)
				assert.Len(t, items, 1)
				require.Len(t, errs, 1)
				assertUnexpected(t, errs[0], want)
				page, ok := errors.AsType[*armsecops.PageError](errs[0])
				require.True(t, ok)
				items, errs = read(armsecops.PageOptions{ContinuationToken: page.ContinuationToken}, respond(200, listing.rest))
				assert.Empty(t, errs)
				assert.Len(t, items, 1)
			})
		}
	}
}
