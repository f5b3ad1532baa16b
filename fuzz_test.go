package armsecops_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// newDocuments makes one document of each type.
var newDocuments = []func() any{
	func() any { return new(armsecops.Job) },
	func() any { return new(armsecops.Assignment) },
	func() any { return new(armsecops.Assignment) },
	func() any { return new(armsecops.JobList) },
	func() any { return new(armsecops.AssignmentList) },
	func() any { return new(armsecops.StandardAssignment) },
	func() any { return new(armsecops.StandardAssignmentsList) },
}

// received returns the model of the type that a client makes of the document,
// if an operation returns such a model.
func received(t *testing.T, model any, document []byte) (any, bool, error) {
	o := options(respond(200, string(document)))
	switch model.(type) {
	case *armsecops.Job:
		resp, err := newJobsClient(t, o).Get(t.Context(), "rg", "workspace", "assignment", "job", nil)
		return &resp.Job, true, err
	case *armsecops.Assignment:
		resp, err := newAssignmentsClient(t, o).Get(t.Context(), "rg", "id", nil)
		if err == nil {
			assertPutBack(t, resp.Assignment)
		}
		return &resp.Assignment, true, err
	case *armsecops.JobList:
		page, err := newJobsClient(t, o).NewListPager("rg", "workspace", "assignment", nil).NextPage(t.Context())
		return &page, true, err
	case *armsecops.AssignmentList:
		page, err := newAssignmentsClient(t, o).NewListPager("rg", nil).NextPage(t.Context())
		return &page, true, err
	case *armsecops.StandardAssignment:
		resp, err := newStandardsClient(t, o).Get(t.Context(), subscription, standardName, nil)
		return &resp.StandardAssignment, true, err
	case *armsecops.StandardAssignmentsList:
		page, err := newStandardsClient(t, o).NewListPager(subscription, nil).NextPage(t.Context())
		return &page, true, err
	}
	return nil, false, nil
}

// assertPutBack checks that what was got is put with every member.
func assertPutBack(t *testing.T, assignment armsecops.Assignment) {
	t.Helper()
	want, err := json.Marshal(assignment)
	require.NoError(t, err)
	var put []byte
	_, err = newAssignmentsClient(t, options(transportFunc(func(req *http.Request) (*http.Response, error) {
		var err error
		put, err = io.ReadAll(req.Body)
		assert.NoError(t, err)
		return respond(200, minimal)(req)
	}))).CreateOrUpdate(t.Context(), "rg", "id", assignment, nil)
	require.NoError(t, err)
	require.Equal(t, decodeAny(t, want), decodeAny(t, put), "another document is put back")
}

// A document is refused, or what is written again says the same, to the last
// member; and the clients and both JSON packages agree on that.
func FuzzModels(f *testing.F) {
	for _, e := range allExchanges(f) {
		for kind := range newDocuments {
			f.Add(uint8(kind), []byte(e.Response.Body))
		}
	}
	for kind := range newDocuments {
		for _, text := range []string{
			`{}`, `null`, `[]`, `{"id":null,"name":"","value":null,"properties":{}}`, `{"a":[1,{"b":[]}],"A":1e400}`,
			`{"executionTime":"2022-06-14 04:52:52.1234567","createdAt":"2022-06-14T06:52:52\u002B02:00","expiresOn":"0001-01-01T00:00:00"}`,
			`{"metadata":{"a":9007199254740993,"b":[null,"",-0]},"tags":{"a":null},"items":[null,{}],"errors":[],"details":[{"info":null}]}`,
			`{"properties":{"startTime":"0001-01-01T00:00:00Z"}}`, `{"properties":{"expiresOn":"0001-01-01T00:00:00Z"}}`,
			`{"properties":{"startTime":"0001-01-01T00:00:00Z","expiresOn":"0001-01-01T00:00:00Z"},"systemData":{"createdAt":""},"nextLink":null}`,
			`{"value":[{"properties":{"items":[{"errors":[{}]}],"metadata":{},"assignedStandard":{"id":null}}}],"tags":{},"etag":"\u0000"}`,
			"\xef\xbb\xbf{}", "{\"name\":\"a\xff\"}", `{"name":"\ud800","\ud801":1}`, `{"a":1,"a":2}`,
		} {
			f.Add(uint8(kind), []byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, document []byte) {
		newDocument := newDocuments[int(kind)%len(newDocuments)]
		var written []string
		for _, name := range slices.Sorted(maps.Keys(jsonPackages)) {
			p := jsonPackages[name]
			model := newDocument()
			if p.unmarshal(document, model) != nil {
				continue
			}
			text, err := p.marshal(model)
			require.NoError(t, err, "%s reads what it cannot write", name)
			again := newDocument()
			require.NoError(t, p.unmarshal(text, again), "%s writes what it cannot read: %s", name, text)
			repeated, err := p.marshal(again)
			require.NoError(t, err)
			require.Equal(t, string(text), string(repeated), "%s writes another document the second time", name)
			written = append(written, string(text))
		}
		marked := bytes.HasPrefix(document, []byte("\xef\xbb\xbf")) // which only the clients drop
		if model, ok, err := received(t, newDocument(), document); ok && !marked && (err == nil || !strings.Contains(err.Error(), armsecops.ErrUnexpectedResponse.Error()+":")) {
			require.Equal(t, len(written) > 0, err == nil, "a client and the JSON packages disagree on %q: %v", document, err)
			if err == nil {
				text, err := json.Marshal(model)
				require.NoError(t, err)
				require.Equal(t, decodeAny(t, []byte(written[0])), decodeAny(t, text), "a client reads another document")
			}
		}
		switch len(written) {
		case 0:
			return
		case 1:
			t.Fatalf("only one of the JSON packages reads %q", document)
		}
		require.Equal(t, decodeAny(t, []byte(written[0])), decodeAny(t, []byte(written[1])), "the JSON packages write different documents")
		if utf8.Valid(document) {
			before, after := decodeAny(t, document), decodeAny(t, []byte(written[0]))
			if object, ok := after.(map[string]any); ok && reflect.DeepEqual(object["value"], []any{}) && !hasMember(before, "value") {
				delete(object, "value") // a page has one, even if it is empty
			}
			require.True(t, kept(before, after), "%s became %s", document, written[0])
		}
	})
}

func decodeAny(t *testing.T, document []byte) (value any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	require.NoError(t, d.Decode(&value))
	return value
}

func hasMember(value any, name string) bool {
	object, _ := value.(map[string]any)
	_, ok := object[name]
	return ok
}

// kept reports whether the second value says what the first one does. An explicit
// {}, null, "" and zero time may have become absent, and a time may be written
// in another way.
func kept(before, after any) bool {
	switch before := before.(type) {
	case map[string]any:
		object, ok := after.(map[string]any)
		if !ok {
			return false
		}
		for name := range object {
			if _, ok := before[name]; !ok {
				return false
			}
		}
		for name, value := range before {
			if member, ok := object[name]; ok && !kept(value, member) || !ok && !isEmpty(value) {
				return false
			}
		}
		return true
	case []any:
		array, ok := after.([]any)
		return ok && slices.EqualFunc(before, array, kept)
	case nil:
		return after == nil || reflect.ValueOf(after).Len() == 0
	case string:
		text, ok := after.(string)
		return ok && (before == text || sameInstant(before, text))
	}
	return before == after
}

func isEmpty(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case string:
		return value == "" || sameInstant(value, "0001-01-01T00:00:00Z")
	case map[string]any:
		for _, member := range value {
			if !isEmpty(member) {
				return false
			}
		}
		return true
	}
	return false
}

func sameInstant(a, b string) bool {
	read := func(text string) (job armsecops.Job, err error) {
		document, _ := json.Marshal(map[string]any{"properties": map[string]string{"startTime": text}})
		err = json.Unmarshal(document, &job)
		return job, err
	}
	x, errX := read(a)
	y, errY := read(b)
	return errX == nil && errY == nil && x.Properties.StartTime.Equal(y.Properties.StartTime)
}

// For any body, an error has the status and the request id, and prints one line
// of bounded length.
func FuzzErrorBody(f *testing.F) {
	for name := range errorShapes {
		r := readExchanges(f, name)[0].Response
		f.Add(r.Status, r.Text+string(r.Body), "")
	}
	f.Add(400, `{"error":{"code":"a","message":"{\"error\":{\"message\":\"{\\\"code\\\":1}\"}}","details":[{"details":null},1]}}`, "Code")
	f.Add(400, `{"error":"invalid_grant","error_description":"AADSTS70008"}`, "")
	f.Add(200, "\xef\xbb\xbf{", "\x1b[31m")
	f.Add(503, "<html><style>a{}</style><p>Busy</html>", "")
	f.Fuzz(func(t *testing.T, status int, body, code string) {
		status = 400 + max(status%200, -status%200)%200
		o := options(respond(status, body, "x-ms-request-id", requestID, "x-ms-error-code", code))
		o.Retry.MaxRetries = -1
		_, err := newAssignmentsClient(t, o).Get(t.Context(), "rg", "id", nil)
		e, ok := errors.AsType[*armsecops.CloudError](err)
		require.True(t, ok, "%T %v", err, err)
		require.Equal(t, status, e.StatusCode)
		require.Equal(t, requestID, e.RequestID)
		response, ok := errors.AsType[*azcore.ResponseError](err)
		require.True(t, ok)
		require.Equal(t, status, response.StatusCode)
		line := err.Error()
		require.Less(t, len(line), 2500)
		require.True(t, strings.HasPrefix(line, "SecurityAssignmentsClient.Get: "), line)
		require.Equal(t, -1, strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }), "%q", line)
		require.True(t, utf8.ValidString(line))
		if e.Code != "" {
			require.True(t, armsecops.HasCode(err, e.Code))
		}
		slog.New(slog.NewJSONHandler(io.Discard, nil)).Error("failed", "err", err)
		for name, value := range e.AdditionalProperties {
			require.True(t, json.Valid(value), "%s: %q", name, value)
		}
	})
}

// An id that is read is written as an id, and read as the same again.
func FuzzParseJobID(f *testing.F) {
	addIDs(f)
	f.Fuzz(func(t *testing.T, text string) {
		id, err := armsecops.ParseJobID(text)
		if err != nil {
			require.ErrorAs(t, err, new(*armsecops.ParameterError))
			require.Zero(t, id)
			return
		}
		require.True(t, strings.EqualFold(id.String(), "/"+strings.TrimPrefix(text, "/")), "%q became %q", text, id)
		again, err := armsecops.ParseJobID(id.String())
		require.NoError(t, err)
		require.Equal(t, id, again)
	})
}

// As FuzzParseJobID.
func FuzzParseAssignmentID(f *testing.F) {
	addIDs(f)
	f.Fuzz(func(t *testing.T, text string) {
		id, err := armsecops.ParseAssignmentID(text)
		if err != nil {
			require.ErrorAs(t, err, new(*armsecops.ParameterError))
			require.Zero(t, id)
			return
		}
		require.True(t, strings.EqualFold(id.String(), "/"+strings.TrimPrefix(text, "/")), "%q became %q", text, id)
		again, err := armsecops.ParseAssignmentID(id.String())
		require.NoError(t, err)
		require.Equal(t, id, again)
	})
}

func addIDs(f *testing.F) {
	for _, id := range []string{sampleJobID, sampleAssignmentID} {
		f.Add(id)
		f.Add(id[1:])
		f.Add("/" + id)
		f.Add(strings.ToUpper(id))
		f.Add(id + "/")
	}
	for _, text := range notIDs {
		f.Add(text)
	}
}

// A call is refused, or its path on the wire, cut at its slashes and unescaped,
// has exactly the values.
func FuzzPath(f *testing.F) {
	f.Add(jobsSubscription, "rg", "workspace", "assignment", "job")
	f.Add(strings.ToUpper(jobsSubscription), "größe_(東京)-1.a", "abc", "a-c", `a b;c="{d}"`)
	f.Add("", "..", "-abc", "a/b", "100%25")
	f.Add("../x", "rg.", "abc\n", "a%2fb", "...")
	f.Fuzz(func(t *testing.T, subscriptionID, resourceGroupName, workspaceName, workspaceManagerAssignmentName, name string) {
		var sent string
		o := options(transportFunc(func(req *http.Request) (*http.Response, error) {
			assert.Equal(t, "management.azure.com", req.URL.Host)
			sent = req.URL.RequestURI()
			return respond(200, minimal)(req)
		}))
		check := func(err error, values ...string) {
			t.Helper()
			if err != nil {
				require.ErrorAs(t, err, new(*armsecops.ParameterError))
				require.Empty(t, sent, "refused, and sent all the same")
				return
			}
			path, query, _ := strings.Cut(sent, "?")
			sent = ""
			require.True(t, strings.HasPrefix(query, "api-version="), query)
			segments := strings.Split(path, "/")[1:]
			for i := range segments {
				var err error
				segments[i], err = url.PathUnescape(segments[i])
				require.NoError(t, err)
			}
			require.Equal(t, values, segments)
		}
		jobs, err := newFactory(t, &azfake.TokenCredential{}, o).NewWorkspaceManagerJobsClient(subscriptionID)
		if err != nil {
			assertParameterError(t, err, "subscriptionID")
			return
		}
		_, err = jobs.Get(t.Context(), resourceGroupName, workspaceName, workspaceManagerAssignmentName, name, nil)
		check(err, "subscriptions", subscriptionID, "resourceGroups", resourceGroupName,
			"providers", "Microsoft.OperationalInsights", "workspaces", workspaceName,
			"providers", "Microsoft.SecurityInsights", "workspaceManagerAssignments", workspaceManagerAssignmentName, "jobs", name)
		assignments, err := newFactory(t, &azfake.TokenCredential{}, o).NewSecurityAssignmentsClient(subscriptionID)
		require.NoError(t, err)
		_, err = assignments.Delete(t.Context(), resourceGroupName, name, nil)
		check(err, "subscriptions", subscriptionID, "resourceGroups", resourceGroupName, "providers", "Microsoft.Security", "assignments", name)
	})
}
