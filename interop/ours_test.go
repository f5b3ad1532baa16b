package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/security/armsecurity"
	securityfake "github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/security/armsecurity/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/securityinsights/armsecurityinsights/v2"
	insightsfake "github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/securityinsights/armsecurityinsights/v2/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
)

// adapter lets our clients speak to Microsoft's fake servers, which differ from
// the services in two ways. They tell operations apart by the name that
// Microsoft's client gives them, not by method and path: the adapter renames.
// And they put the number of a next page on a path of its own, where the
// services put their token into the query: our client follows no link off the
// listing's path, so the adapter moves the number into $skipToken, and back.
type adapter struct {
	server policy.Transporter
}

const pagePath = "/fake_page_"

var theirNames = strings.NewReplacer(
	"WorkspaceManagerJobsClient.", "WorkspaceManagerAssignmentJobsClient.",
	"SecurityAssignmentsClient.", "AssignmentsClient.",
	"StandardAssignmentsClient.CreateOrUpdate", "StandardAssignmentsClient.Create",
)

func (a adapter) Do(req *http.Request) (*http.Response, error) {
	operation, _ := req.Context().Value(runtime.CtxAPINameKey{}).(string)
	ctx := context.WithValue(req.Context(), runtime.CtxAPINameKey{}, theirNames.Replace(operation))
	theirs := req.Clone(ctx)
	query := theirs.URL.Query()
	if number := query.Get("$skipToken"); number != "" {
		query.Del("$skipToken")
		theirs.URL.RawQuery = query.Encode()
		theirs.URL = theirs.URL.JoinPath(pagePath + number)
	}
	resp, err := a.server.Do(theirs)
	if err != nil {
		return nil, err
	}
	resp.Request = req // with another URL, the response would be that of a redirect
	if !strings.Contains(operation, "Pager") {
		return resp, nil
	}
	var page struct {
		Value    json.RawMessage `json:"value"`
		NextLink string          `json:"nextLink,omitempty"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&page); err != nil {
		return nil, err
	}
	if path, query, ok := strings.Cut(page.NextLink, "?"); ok {
		path, number, _ := strings.Cut(path, pagePath)
		page.NextLink = path + "?" + query + "&$skipToken=" + number
	}
	body, err := json.Marshal(page)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	return resp, err
}

// respond returns Microsoft's response to a call of an operation.
func respond[T any](status int, response T) (responder azfake.Responder[T], _ azfake.ErrorResponder) {
	responder.SetResponse(status, response, nil)
	return responder, azfake.ErrorResponder{}
}

func TestOurJobsClientWithTheirServer(t *testing.T) {
	t.Parallel()
	p := newPayloads(2)
	job := decode[armsecurityinsights.Job](t, p.job(20, 5))
	pages := [][]*armsecurityinsights.Job{{new(decode[armsecurityinsights.Job](t, p.job(3, 1))), new(decode[armsecurityinsights.Job](t, p.job(1, 0)))}, {}, {&job}}
	checkNames := func(names ...string) {
		assert.Equal(t, []string{escapedGroup, workspace, publication, jobName}[:len(names)], names)
	}
	server := insightsfake.NewWorkspaceManagerAssignmentJobsServerTransport(&insightsfake.WorkspaceManagerAssignmentJobsServer{
		Create: func(_ context.Context, group, workspace, publication string, _ *armsecurityinsights.WorkspaceManagerAssignmentJobsClientCreateOptions) (azfake.Responder[armsecurityinsights.WorkspaceManagerAssignmentJobsClientCreateResponse], azfake.ErrorResponder) {
			checkNames(group, workspace, publication)
			return respond(http.StatusOK, armsecurityinsights.WorkspaceManagerAssignmentJobsClientCreateResponse{Job: job})
		},
		Get: func(_ context.Context, group, workspace, publication, name string, _ *armsecurityinsights.WorkspaceManagerAssignmentJobsClientGetOptions) (azfake.Responder[armsecurityinsights.WorkspaceManagerAssignmentJobsClientGetResponse], azfake.ErrorResponder) {
			checkNames(group, workspace, publication, name)
			return respond(http.StatusOK, armsecurityinsights.WorkspaceManagerAssignmentJobsClientGetResponse{Job: job})
		},
		Delete: func(_ context.Context, group, workspace, publication, name string, _ *armsecurityinsights.WorkspaceManagerAssignmentJobsClientDeleteOptions) (azfake.Responder[armsecurityinsights.WorkspaceManagerAssignmentJobsClientDeleteResponse], azfake.ErrorResponder) {
			checkNames(group, workspace, publication, name)
			return respond(http.StatusNoContent, armsecurityinsights.WorkspaceManagerAssignmentJobsClientDeleteResponse{})
		},
		NewListPager: func(group, workspace, publication string, options *armsecurityinsights.WorkspaceManagerAssignmentJobsClientListOptions) (responder azfake.PagerResponder[armsecurityinsights.WorkspaceManagerAssignmentJobsClientListResponse]) {
			checkNames(group, workspace, publication)
			assert.Equal(t, "properties/startTime desc", *options.Orderby)
			assert.EqualValues(t, 10, *options.Top)
			for _, jobs := range pages {
				responder.AddPage(http.StatusOK, armsecurityinsights.WorkspaceManagerAssignmentJobsClientListResponse{JobList: armsecurityinsights.JobList{Value: jobs}}, nil)
			}
			return responder
		},
	})
	ours := ourJobs(t, adapter{server})

	created, err := ours.Create(t.Context(), escapedGroup, workspace, publication, nil)
	require.NoError(t, err)
	assertSame(t, job, created.Job)

	got, err := ours.Get(t.Context(), escapedGroup, workspace, publication, jobName, nil)
	require.NoError(t, err)
	assertSame(t, job, got.Job)

	pager := ours.NewListPager(escapedGroup, workspace, publication, &armsecops.WorkspaceManagerJobsClientListOptions{OrderBy: "properties/startTime desc", Top: 10})
	assertSamePages(t, pages, pager)

	_, err = ours.Delete(t.Context(), escapedGroup, workspace, publication, jobName, nil)
	require.NoError(t, err)
}

func TestOurAssignmentsClientWithTheirServer(t *testing.T) {
	t.Parallel()
	p := newPayloads(3)
	assignment := decode[armsecurity.Assignment](t, p.assignment())
	pages := [][]*armsecurity.Assignment{
		{new(decode[armsecurity.Assignment](t, p.assignment())), new(decode[armsecurity.Assignment](t, p.assignment()))},
		{},
		{&assignment},
	}
	checkNames := func(names ...string) {
		assert.Equal(t, []string{escapedGroup, assignmentID}[:len(names)], names)
	}
	var put armsecurity.Assignment
	server := securityfake.NewAssignmentsServerTransport(&securityfake.AssignmentsServer{
		CreateOrUpdate: func(_ context.Context, group, id string, assignment armsecurity.Assignment, _ *armsecurity.AssignmentsClientCreateOrUpdateOptions) (azfake.Responder[armsecurity.AssignmentsClientCreateOrUpdateResponse], azfake.ErrorResponder) {
			checkNames(group, id)
			put = assignment
			return respond(http.StatusCreated, armsecurity.AssignmentsClientCreateOrUpdateResponse{Assignment: assignment})
		},
		Get: func(_ context.Context, group, id string, _ *armsecurity.AssignmentsClientGetOptions) (azfake.Responder[armsecurity.AssignmentsClientGetResponse], azfake.ErrorResponder) {
			checkNames(group, id)
			return respond(http.StatusOK, armsecurity.AssignmentsClientGetResponse{Assignment: assignment})
		},
		Delete: func(_ context.Context, group, id string, _ *armsecurity.AssignmentsClientDeleteOptions) (azfake.Responder[armsecurity.AssignmentsClientDeleteResponse], azfake.ErrorResponder) {
			checkNames(group, id)
			return respond(http.StatusOK, armsecurity.AssignmentsClientDeleteResponse{})
		},
		NewListPager: func(group string, _ *armsecurity.AssignmentsClientListOptions) (responder azfake.PagerResponder[armsecurity.AssignmentsClientListResponse]) {
			checkNames(group)
			for _, assignments := range pages {
				responder.AddPage(http.StatusOK, armsecurity.AssignmentsClientListResponse{AssignmentList: armsecurity.AssignmentList{Value: assignments}}, nil)
			}
			return responder
		},
		NewListBySubscriptionPager: func(*armsecurity.AssignmentsClientListBySubscriptionOptions) (responder azfake.PagerResponder[armsecurity.AssignmentsClientListBySubscriptionResponse]) {
			for _, assignments := range pages {
				responder.AddPage(http.StatusOK, armsecurity.AssignmentsClientListBySubscriptionResponse{AssignmentList: armsecurity.AssignmentList{Value: assignments}}, nil)
			}
			return responder
		},
	})
	ours := ourAssignments(t, adapter{server})

	got, err := ours.Get(t.Context(), escapedGroup, assignmentID, nil)
	require.NoError(t, err)
	assertSame(t, assignment, got.Assignment)

	created, err := ours.CreateOrUpdate(t.Context(), escapedGroup, assignmentID, got.Assignment, nil)
	require.NoError(t, err)
	assertSame(t, assignment, put)
	assertSame(t, assignment, created.Assignment)

	assertSamePages(t, pages, ours.NewListPager(escapedGroup, nil))
	assertSamePages(t, pages, ours.NewListBySubscriptionPager(nil))

	_, err = ours.Delete(t.Context(), escapedGroup, assignmentID, nil)
	require.NoError(t, err)
}

// assertSamePages compares Microsoft's pages with those of our pager.
func assertSamePages[Theirs, Ours any](t *testing.T, pages [][]*Theirs, pager *armsecops.Pager[Ours]) {
	t.Helper()
	read := 0
	for page, err := range pager.Pages(t.Context()) {
		require.NoError(t, err)
		require.Less(t, read, len(pages))
		assertSame(t, pages[read], page.Value)
		assert.Equal(t, read < len(pages)-1, page.NextLink != "")
		read++
	}
	assert.Equal(t, len(pages), read)
}

// Microsoft's fakes return their errors as those of a transport. They arrive as
// the error type that users of both sides look for.
func TestOurClientWithErrorOfTheirServer(t *testing.T) {
	t.Parallel()
	server := securityfake.NewAssignmentsServerTransport(&securityfake.AssignmentsServer{
		Get: func(context.Context, string, string, *armsecurity.AssignmentsClientGetOptions) (responder azfake.Responder[armsecurity.AssignmentsClientGetResponse], failure azfake.ErrorResponder) {
			failure.SetResponseError(http.StatusNotFound, "ResourceNotFound")
			return responder, failure
		},
	})
	_, err := ourAssignments(t, adapter{server}).Get(t.Context(), escapedGroup, assignmentID, nil)
	var response *azcore.ResponseError
	require.ErrorAs(t, err, &response)
	assert.Equal(t, http.StatusNotFound, response.StatusCode)
	assert.Equal(t, "ResourceNotFound", response.ErrorCode)
}
