package fake_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

// Every operation can be overridden, and gets the arguments of the call.
func TestOverrides(t *testing.T) {
	t.Parallel()
	var called []string
	note := func(operation string, arguments ...any) {
		called = append(called, operation+fmt.Sprintf("%q", arguments))
	}
	srv := fake.NewServer(nil)
	srv.Jobs = fake.JobsServer{
		Create: func(_ context.Context, a, b, c string, o *armsecops.WorkspaceManagerJobsClientCreateOptions) (resp azfake.Responder[armsecops.WorkspaceManagerJobsClientCreateResponse], _ azfake.ErrorResponder) {
			note("Create", a, b, c)
			resp.SetResponse(http.StatusCreated, armsecops.WorkspaceManagerJobsClientCreateResponse{Job: armsecops.Job{Name: "created"}}, nil)
			return
		},
		Get: func(_ context.Context, a, b, c, d string, o *armsecops.WorkspaceManagerJobsClientGetOptions) (resp azfake.Responder[armsecops.WorkspaceManagerJobsClientGetResponse], _ azfake.ErrorResponder) {
			note("Get", a, b, c, d)
			resp.SetResponse(http.StatusOK, armsecops.WorkspaceManagerJobsClientGetResponse{Job: armsecops.Job{Name: "got"}}, nil)
			return
		},
		Delete: func(_ context.Context, a, b, c, d string, o *armsecops.WorkspaceManagerJobsClientDeleteOptions) (resp azfake.Responder[armsecops.WorkspaceManagerJobsClientDeleteResponse], _ azfake.ErrorResponder) {
			note("Delete", a, b, c, d)
			resp.SetResponse(http.StatusNoContent, armsecops.WorkspaceManagerJobsClientDeleteResponse{}, nil)
			return
		},
		NewListPager: func(a, b, c string, o *armsecops.WorkspaceManagerJobsClientListOptions) (pager azfake.PagerResponder[armsecops.JobList]) {
			note("List", a, b, c, o.OrderBy, o.Top, o.SkipToken)
			pager.AddPage(http.StatusOK, armsecops.JobList{Value: []armsecops.Job{{Name: "listed"}}}, nil)
			return
		},
	}
	srv.Assignments = fake.AssignmentsServer{
		CreateOrUpdate: func(_ context.Context, a, b string, model armsecops.Assignment, o *armsecops.SecurityAssignmentsClientCreateOrUpdateOptions) (resp azfake.Responder[armsecops.SecurityAssignmentsClientCreateOrUpdateResponse], _ azfake.ErrorResponder) {
			note("CreateOrUpdate", a, b, model.Kind)
			resp.SetResponse(http.StatusOK, armsecops.SecurityAssignmentsClientCreateOrUpdateResponse{Assignment: armsecops.Assignment{Name: "put"}}, nil)
			return
		},
		Get: func(_ context.Context, a, b string, o *armsecops.SecurityAssignmentsClientGetOptions) (resp azfake.Responder[armsecops.SecurityAssignmentsClientGetResponse], _ azfake.ErrorResponder) {
			note("Get", a, b)
			resp.SetResponse(http.StatusOK, armsecops.SecurityAssignmentsClientGetResponse{Assignment: armsecops.Assignment{Name: "got"}}, nil)
			return
		},
		Delete: func(_ context.Context, a, b string, o *armsecops.SecurityAssignmentsClientDeleteOptions) (resp azfake.Responder[armsecops.SecurityAssignmentsClientDeleteResponse], _ azfake.ErrorResponder) {
			note("Delete", a, b)
			resp.SetResponse(http.StatusOK, armsecops.SecurityAssignmentsClientDeleteResponse{}, nil)
			return
		},
		NewListPager: func(a string, o *armsecops.SecurityAssignmentsClientListOptions) (pager azfake.PagerResponder[armsecops.AssignmentList]) {
			note("List", a)
			pager.AddPage(http.StatusOK, armsecops.AssignmentList{Value: []armsecops.Assignment{{Name: "listed"}}}, nil)
			return
		},
		NewListBySubscriptionPager: func(o *armsecops.SecurityAssignmentsClientListBySubscriptionOptions) (pager azfake.PagerResponder[armsecops.AssignmentList]) {
			note("ListBySubscription")
			pager.AddPage(http.StatusOK, armsecops.AssignmentList{Value: []armsecops.Assignment{{Name: "listed too"}}}, nil)
			return
		},
	}
	jobs, assignments, ctx := newJobs(t, subscription, options(srv)), newAssignments(t, subscription, options(srv)), t.Context()

	created, err := jobs.Create(ctx, "group", "workspace", "assignment", nil)
	require.NoError(t, err)
	assert.Equal(t, "created", created.Name)
	job, err := jobs.Get(ctx, "group", "workspace", "assignment", "job", nil)
	require.NoError(t, err)
	assert.Equal(t, "got", job.Name)
	_, err = jobs.Delete(ctx, "group", "workspace", "assignment", "job", nil)
	require.NoError(t, err)
	names, err := collect(t, jobs.NewListPager("group", "workspace", "assignment", &armsecops.WorkspaceManagerJobsClientListOptions{OrderBy: "by", Top: 7, SkipToken: "token"}), jobName)
	require.NoError(t, err)
	assert.Equal(t, []string{"listed"}, names)

	put, err := assignments.CreateOrUpdate(ctx, "group", "standard", armsecops.Assignment{Kind: "kind"}, nil)
	require.NoError(t, err)
	assert.Equal(t, "put", put.Name)
	got, err := assignments.Get(ctx, "group", "standard", nil)
	require.NoError(t, err)
	assert.Equal(t, "got", got.Name)
	_, err = assignments.Delete(ctx, "group", "standard", nil)
	require.NoError(t, err)
	names, err = collect(t, assignments.NewListPager("group", nil), assignmentName)
	require.NoError(t, err)
	assert.Equal(t, []string{"listed"}, names)
	names, err = collect(t, assignments.NewListBySubscriptionPager(nil), assignmentName)
	require.NoError(t, err)
	assert.Equal(t, []string{"listed too"}, names)

	assert.Equal(t, []string{
		`Create["group" "workspace" "assignment"]`,
		`Get["group" "workspace" "assignment" "job"]`,
		`Delete["group" "workspace" "assignment" "job"]`,
		`List["group" "workspace" "assignment" "by" '\a' "token"]`,
		`CreateOrUpdate["group" "standard" "kind"]`,
		`Get["group" "standard"]`,
		`Delete["group" "standard"]`,
		`List["group"]`,
		`ListBySubscription[]`,
	}, called)
}

// jobResponse is what an override of Get returns.
type jobResponse = azfake.Responder[armsecops.WorkspaceManagerJobsClientGetResponse]

func TestOverrideAnswers(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	tests := []struct {
		name  string
		set   func(*jobResponse, *azfake.ErrorResponder)
		check func(*testing.T, error)
	}{
		{"an answer that is an error", func(_ *jobResponse, e *azfake.ErrorResponder) {
			e.SetResponseError(http.StatusNotFound, "NoSuchJob")
		}, func(t *testing.T, err error) {
			require.ErrorIs(t, err, armsecops.ErrNotFound)
			assert.True(t, armsecops.HasCode(err, "NoSuchJob"))
			response, ok := errors.AsType[*azcore.ResponseError](err)
			require.True(t, ok)
			assert.Equal(t, "NoSuchJob", response.RawResponse.Header.Get("x-ms-error-code"))
		}},
		{"no answer", func(_ *jobResponse, e *azfake.ErrorResponder) { e.SetError(broken) }, func(t *testing.T, err error) {
			require.ErrorIs(t, err, broken)
		}},
		{"nothing set", func(*jobResponse, *azfake.ErrorResponder) {}, func(t *testing.T, err error) {
			assert.True(t, armsecops.HasCode(err, "InvalidOverride"), "%v", err)
		}},
		{"not a status of the operation", func(r *jobResponse, _ *azfake.ErrorResponder) {
			r.SetResponse(http.StatusAccepted, armsecops.WorkspaceManagerJobsClientGetResponse{}, nil)
		}, func(t *testing.T, err error) {
			assert.True(t, armsecops.HasCode(err, "InvalidOverride"), "%v", err)
			assert.ErrorContains(t, err, "202")
		}},
		{"a model without a JSON form", func(r *jobResponse, _ *azfake.ErrorResponder) {
			r.SetResponse(http.StatusOK, armsecops.WorkspaceManagerJobsClientGetResponse{Job: armsecops.Job{
				AdditionalProperties: map[string]json.RawMessage{"x": json.RawMessage("{")},
			}}, nil)
		}, func(t *testing.T, err error) {
			assert.True(t, armsecops.HasCode(err, "InvalidModel"), "%v", err)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			srv := fake.NewServer(nil)
			srv.Jobs.Get = func(context.Context, string, string, string, string, *armsecops.WorkspaceManagerJobsClientGetOptions) (response jobResponse, failure azfake.ErrorResponder) {
				test.set(&response, &failure)
				return response, failure
			}
			_, err := newJobs(t, subscription, options(srv)).Get(t.Context(), resourceGroup, workspace, assignment, "job", nil)
			test.check(t, err)
			assert.Len(t, srv.Requests(), 1)
		})
	}
}

func TestOverrideHeader(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	srv.Jobs.Get = func(context.Context, string, string, string, string, *armsecops.WorkspaceManagerJobsClientGetOptions) (response jobResponse, _ azfake.ErrorResponder) {
		response.SetResponse(http.StatusOK, armsecops.WorkspaceManagerJobsClientGetResponse{}, &azfake.SetResponseOptions{Header: http.Header{"X-Ms-Request-Id": {"mine"}}})
		return
	}
	resp, body := do(t, srv, newRequest(t, http.MethodGet, jobsURL+"/job"+jobVersion, ""))
	assert.Equal(t, "mine", resp.Header.Get("x-ms-request-id"))
	assert.JSONEq(t, `{}`, body)
}

func TestOverriddenLists(t *testing.T) {
	t.Parallel()
	t.Run("at the same time", func(t *testing.T) {
		t.Parallel()
		srv := fake.NewServer(nil)
		pages(srv)
		jobs := newJobs(t, subscription, options(srv))
		one := jobs.NewListPager(resourceGroup, workspace, assignment, nil)
		two := jobs.NewListPager(resourceGroup, workspace, assignment, nil)
		for i := range 3 {
			for _, pager := range []*armsecops.Pager[armsecops.Job]{one, two} {
				require.True(t, pager.More())
				page, err := pager.NextPage(t.Context())
				require.NoError(t, err)
				require.Len(t, page.Value, 1)
				assert.Equal(t, fmt.Sprintf("assignment-%d", i), page.Value[0].Name)
			}
		}
		assert.False(t, one.More() || two.More())
	})
	t.Run("a page that is lost can be asked for again", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			srv := fake.NewServer(nil)
			pages(srv)
			srv.Inject(fake.Fault{Skip: 1, Times: 2, Disconnect: true, Truncate: true})
			names, err := collect(t, newJobs(t, subscription, options(srv)).NewListPager(resourceGroup, workspace, assignment, nil), jobName)
			require.NoError(t, err)
			assert.Equal(t, formatNames(3, "assignment-%d"), names)
			srv.AssertFaultsConsumed(t)
		})
	})
	t.Run("an error between pages", func(t *testing.T) {
		t.Parallel()
		srv := fake.NewServer(nil)
		srv.Jobs.NewListPager = func(string, string, string, *armsecops.WorkspaceManagerJobsClientListOptions) (pager azfake.PagerResponder[armsecops.JobList]) {
			pager.AddPage(http.StatusOK, armsecops.JobList{Value: []armsecops.Job{{Name: "before"}}}, nil)
			pager.AddResponseError(http.StatusForbidden, "Locked")
			pager.AddPage(http.StatusOK, armsecops.JobList{Value: []armsecops.Job{{Name: "after"}}}, nil)
			return pager
		}
		jobs := newJobs(t, subscription, options(srv))
		names, err := collect(t, jobs.NewListPager(resourceGroup, workspace, assignment, nil), jobName)
		require.ErrorIs(t, err, armsecops.ErrForbidden)
		assert.Equal(t, []string{"before"}, names)
		failed, ok := errors.AsType[*armsecops.PageError](err)
		require.True(t, ok)
		o := &armsecops.WorkspaceManagerJobsClientListOptions{}
		o.ContinuationToken = failed.ContinuationToken
		names, err = collect(t, jobs.NewListPager(resourceGroup, workspace, assignment, o), jobName)
		require.NoError(t, err)
		assert.Equal(t, []string{"after"}, names)
	})
	t.Run("no pages", func(t *testing.T) {
		t.Parallel()
		srv := fake.NewServer(nil)
		srv.Assignments.NewListPager = func(string, *armsecops.SecurityAssignmentsClientListOptions) (pager azfake.PagerResponder[armsecops.AssignmentList]) {
			return pager
		}
		_, err := collect(t, newAssignments(t, subscription, options(srv)).NewListPager(resourceGroup, nil), assignmentName)
		require.ErrorContains(t, err, "empty")
		assert.Len(t, srv.Requests(), 1)
	})
	t.Run("a link fault", func(t *testing.T) {
		t.Parallel()
		srv := fake.NewServer(nil)
		pages(srv)
		srv.Inject(fake.Fault{NextLink: fake.NextLinkForeignHost})
		_, err := collect(t, newJobs(t, subscription, options(srv)).NewListPager(resourceGroup, workspace, assignment, nil), jobName)
		require.ErrorIs(t, err, armsecops.ErrUntrustedNextLink)
	})
	t.Run("a bad $top", func(t *testing.T) {
		t.Parallel()
		srv := fake.NewServer(nil)
		pages(srv)
		resp, _ := do(t, srv, newRequest(t, http.MethodGet, jobsURL+jobVersion+"&$top=x", ""))
		assert.Equal(t, http.StatusBadRequest, resp.StatusCode)
	})
}
