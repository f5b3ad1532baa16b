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
	"github.com/armsecops/armsecops/internal/routes"
)

// recorder records the arguments with which an override is called.
type recorder struct{ arguments string }

func (r *recorder) record(arguments ...any) { r.arguments = fmt.Sprintf("%q", arguments) }

func respond[T any](status int, value T) (resp responder[T], _ failure) {
	resp.SetResponse(status, value, nil)
	return resp, failure{}
}

func onePage[T any](value T) (pager azfake.PagerResponder[armsecops.Page[T]]) {
	pager.AddPage(http.StatusOK, armsecops.Page[T]{Value: []T{value}}, nil)
	return pager
}

// Every operation can be overridden, with the arguments of the call.
func TestOverrides(t *testing.T) {
	t.Parallel()
	const named = "overridden"
	job, model, standard := armsecops.Job{Name: named}, armsecops.Assignment{Name: named}, armsecops.StandardAssignment{Name: named}
	type clients struct {
		jobs        *armsecops.WorkspaceManagerJobsClient
		assignments *armsecops.SecurityAssignmentsClient
		standards   *armsecops.StandardAssignmentsClient
	}
	tests := map[string]struct {
		override  func(*fake.Server, *recorder)
		call      func(context.Context, clients) (name string, err error)
		arguments string
		name      string // in the response
	}{
		"WorkspaceManagerJobsClient.Create": {
			func(srv *fake.Server, r *recorder) {
				srv.Jobs.Create = func(_ context.Context, a, b, c string, _ *createJobOptions) (responder[createJobResponse], failure) {
					r.record(a, b, c)
					return respond(http.StatusCreated, createJobResponse{Job: job})
				}
			},
			func(ctx context.Context, c clients) (string, error) {
				resp, err := c.jobs.Create(ctx, resourceGroup, workspace, assignment, nil)
				return resp.Name, err
			},
			`["group" "workspace" "assignment"]`, named,
		},
		"WorkspaceManagerJobsClient.Get": {
			func(srv *fake.Server, r *recorder) {
				srv.Jobs.Get = func(_ context.Context, a, b, c, d string, _ *getJobOptions) (responder[getJobResponse], failure) {
					r.record(a, b, c, d)
					return respond(http.StatusOK, getJobResponse{Job: job})
				}
			},
			func(ctx context.Context, c clients) (string, error) {
				resp, err := c.jobs.Get(ctx, resourceGroup, workspace, assignment, "job", nil)
				return resp.Name, err
			},
			`["group" "workspace" "assignment" "job"]`, named,
		},
		"WorkspaceManagerJobsClient.Delete": {
			func(srv *fake.Server, r *recorder) {
				srv.Jobs.Delete = func(_ context.Context, a, b, c, d string, _ *deleteJobOptions) (responder[deleteJobResponse], failure) {
					r.record(a, b, c, d)
					return respond(http.StatusNoContent, deleteJobResponse{})
				}
			},
			func(ctx context.Context, c clients) (string, error) {
				_, err := c.jobs.Delete(ctx, resourceGroup, workspace, assignment, "job", nil)
				return "", err
			},
			`["group" "workspace" "assignment" "job"]`, "",
		},
		"WorkspaceManagerJobsClient.NewListPager": {
			func(srv *fake.Server, r *recorder) {
				srv.Jobs.NewListPager = func(a, b, c string, o *listJobsOptions) jobPagerResponder {
					r.record(a, b, c, o.OrderBy, fmt.Sprint(o.Top), o.SkipToken)
					return onePage(job)
				}
			},
			func(ctx context.Context, c clients) (string, error) {
				o := &listJobsOptions{OrderBy: "by", Top: 7, SkipToken: "token"}
				return firstName(ctx, c.jobs.NewListPager(resourceGroup, workspace, assignment, o), jobName)
			},
			`["group" "workspace" "assignment" "by" "7" "token"]`, named,
		},
		"SecurityAssignmentsClient.Get": {
			func(srv *fake.Server, r *recorder) {
				srv.Assignments.Get = func(_ context.Context, a, b string, _ *getAssignmentOptions) (responder[getAssignmentResponse], failure) {
					r.record(a, b)
					return respond(http.StatusOK, getAssignmentResponse{Assignment: model})
				}
			},
			func(ctx context.Context, c clients) (string, error) {
				resp, err := c.assignments.Get(ctx, resourceGroup, "standard", nil)
				return resp.Name, err
			},
			`["group" "standard"]`, named,
		},
		"SecurityAssignmentsClient.CreateOrUpdate": {
			func(srv *fake.Server, r *recorder) {
				srv.Assignments.CreateOrUpdate = func(_ context.Context, a, b string, body armsecops.Assignment, _ *putAssignmentOptions) (
					responder[putAssignmentResponse], failure,
				) {
					r.record(a, b, body.Kind)
					return respond(http.StatusCreated, putAssignmentResponse{Assignment: model})
				}
			},
			func(ctx context.Context, c clients) (string, error) {
				resp, err := c.assignments.CreateOrUpdate(ctx, resourceGroup, "standard", armsecops.Assignment{Kind: "kind"}, nil)
				return resp.Name, err
			},
			`["group" "standard" "kind"]`, named,
		},
		"SecurityAssignmentsClient.Delete": {
			func(srv *fake.Server, r *recorder) {
				srv.Assignments.Delete = func(_ context.Context, a, b string, _ *deleteAssignmentOptions) (
					responder[deleteAssignmentResponse], failure,
				) {
					r.record(a, b)
					return respond(http.StatusOK, deleteAssignmentResponse{})
				}
			},
			func(ctx context.Context, c clients) (string, error) {
				_, err := c.assignments.Delete(ctx, resourceGroup, "standard", nil)
				return "", err
			},
			`["group" "standard"]`, "",
		},
		"SecurityAssignmentsClient.NewListPager": {
			func(srv *fake.Server, r *recorder) {
				srv.Assignments.NewListPager = func(a string, _ *listAssignmentsOptions) assignmentPagerResponder {
					r.record(a)
					return onePage(model)
				}
			},
			func(ctx context.Context, c clients) (string, error) {
				return firstName(ctx, c.assignments.NewListPager(resourceGroup, nil), assignmentName)
			},
			`["group"]`, named,
		},
		"SecurityAssignmentsClient.NewListBySubscriptionPager": {
			func(srv *fake.Server, r *recorder) {
				srv.Assignments.NewListBySubscriptionPager = func(*listBySubscriptionOptions) assignmentPagerResponder {
					r.record()
					return onePage(model)
				}
			},
			func(ctx context.Context, c clients) (string, error) {
				return firstName(ctx, c.assignments.NewListBySubscriptionPager(nil), assignmentName)
			},
			`[]`, named,
		},
		"StandardAssignmentsClient.Get": {
			func(srv *fake.Server, r *recorder) {
				srv.StandardAssignments.Get = func(_ context.Context, a, b string, _ *getStandardOptions) (responder[getStandardResponse], failure) {
					r.record(a, b)
					return respond(http.StatusOK, getStandardResponse{StandardAssignment: standard})
				}
			},
			func(ctx context.Context, c clients) (string, error) {
				resp, err := c.standards.Get(ctx, machine, standardName, nil)
				return resp.Name, err
			},
			fmt.Sprintf(`[%q %q]`, machine[1:], standardName), named,
		},
		"StandardAssignmentsClient.CreateOrUpdate": {
			func(srv *fake.Server, r *recorder) {
				srv.StandardAssignments.CreateOrUpdate = func(_ context.Context, a, b string, body armsecops.StandardAssignment, _ *putStandardOptions) (
					responder[putStandardResponse], failure,
				) {
					r.record(a, b, string(body.Properties.Effect))
					return respond(http.StatusCreated, putStandardResponse{StandardAssignment: standard})
				}
			},
			func(ctx context.Context, c clients) (string, error) {
				body := armsecops.StandardAssignment{Properties: armsecops.StandardAssignmentProperties{Effect: "effect"}}
				resp, err := c.standards.CreateOrUpdate(ctx, machine, standardName, body, nil)
				return resp.Name, err
			},
			fmt.Sprintf(`[%q %q "effect"]`, machine[1:], standardName), named,
		},
		"StandardAssignmentsClient.Delete": {
			func(srv *fake.Server, r *recorder) {
				srv.StandardAssignments.Delete = func(_ context.Context, a, b string, _ *deleteStandardOptions) (
					responder[deleteStandardResponse], failure,
				) {
					r.record(a, b)
					return respond(http.StatusOK, deleteStandardResponse{})
				}
			},
			func(ctx context.Context, c clients) (string, error) {
				_, err := c.standards.Delete(ctx, machine, standardName, nil)
				return "", err
			},
			fmt.Sprintf(`[%q %q]`, machine[1:], standardName), "",
		},
		"StandardAssignmentsClient.NewListPager": {
			func(srv *fake.Server, r *recorder) {
				srv.StandardAssignments.NewListPager = func(a string, _ *listStandardsOptions) standardPagerResponder {
					r.record(a)
					return onePage(standard)
				}
			},
			func(ctx context.Context, c clients) (string, error) {
				return firstName(ctx, c.standards.NewListPager(machine, nil), standardAssignmentName)
			},
			fmt.Sprintf(`[%q]`, machine[1:]), named,
		},
		"SecurityAssignmentsClient.NewResourceGraphPager": {
			func(srv *fake.Server, r *recorder) {
				srv.Assignments.NewResourceGraphPager = func(o *queryAssignmentsOptions) subscriptionPagerResponder {
					r.record(o.SubscriptionIDs[0], o.Where, fmt.Sprint(o.IncludeInherited))
					return onePage(model)
				}
			},
			func(ctx context.Context, c clients) (string, error) {
				o := &queryAssignmentsOptions{SubscriptionIDs: []string{subscription}, Where: "name == 'a'", IncludeInherited: true}
				return firstName(ctx, c.assignments.NewResourceGraphPager(o), subscriptionAssignmentName)
			},
			fmt.Sprintf(`[%q "name == 'a'" "true"]`, subscription), named,
		},
		"StandardAssignmentsClient.NewResourceGraphPager": {
			func(srv *fake.Server, r *recorder) {
				srv.StandardAssignments.NewResourceGraphPager = func(o *queryStandardsOptions) standardPagerResponder {
					r.record(o.ManagementGroups[0], fmt.Sprint(o.AllowPartialScopes, o.PageSize))
					return onePage(standard)
				}
			},
			func(ctx context.Context, c clients) (string, error) {
				o := &queryStandardsOptions{ManagementGroups: []string{"contoso"}, AllowPartialScopes: true, PageSize: 7}
				return firstName(ctx, c.standards.NewResourceGraphPager(o), standardAssignmentName)
			},
			`["contoso" "true 7"]`, named,
		},
	}
	for _, route := range routes.All {
		assert.NotNil(t, tests[route.Operation].call, "%s needs a test of its override", route.Operation)
	}
	for operation, test := range tests {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			srv := fake.NewServer(nil)
			var r recorder
			test.override(srv, &r)
			o := options(srv)
			name, err := test.call(t.Context(), clients{newJobs(t, o), newAssignments(t, subscription, o), newStandards(t, o)})
			require.NoError(t, err)
			assert.Equal(t, test.name, name)
			assert.Equal(t, test.arguments, r.arguments)
			requests := srv.Requests()
			require.Len(t, requests, 1)
			assert.Equal(t, operation, requests[0].Operation)
		})
	}
}

func firstName[T any](ctx context.Context, pager *armsecops.Pager[T], name func(T) string) (string, error) {
	for item, err := range pager.All(ctx) {
		return name(item), err
	}
	return "", nil
}

// overrideGet overrides the Get of jobs with what set sets.
func overrideGet(srv *fake.Server, set func(*responder[getJobResponse], *failure)) {
	srv.Jobs.Get = func(context.Context, string, string, string, string, *getJobOptions) (resp responder[getJobResponse], fail failure) {
		set(&resp, &fail)
		return resp, fail
	}
}

func TestOverrideSetsTheHeader(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	overrideGet(srv, func(resp *responder[getJobResponse], _ *failure) {
		header := &azfake.SetResponseOptions{Header: http.Header{"x-ms-request-id": {"mine"}}}
		resp.SetResponse(http.StatusOK, getJobResponse{}, header)
	})
	resp, body := get(t, srv, jobURL)
	assert.Equal(t, "mine", resp.Header.Get("x-ms-request-id"))
	assert.JSONEq(t, `{}`, body)
}

func TestOverrideResponseErrorIsAResponse(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	overrideGet(srv, func(_ *responder[getJobResponse], fail *failure) {
		fail.SetResponseError(http.StatusNotFound, "NoSuchJob")
	})
	_, err := newJobs(t, options(srv)).Get(t.Context(), resourceGroup, workspace, assignment, "job", nil)
	require.ErrorIs(t, err, armsecops.ErrNotFound)
	assert.True(t, armsecops.HasCode(err, "NoSuchJob"))
	response, ok := errors.AsType[*azcore.ResponseError](err)
	require.True(t, ok)
	assert.Equal(t, "NoSuchJob", response.RawResponse.Header.Get("x-ms-error-code"))
}

func TestOverrideErrorIsReturnedByDo(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	broken := errors.New("broken")
	overrideGet(srv, func(_ *responder[getJobResponse], fail *failure) { fail.SetError(broken) })
	_, err := newJobs(t, options(srv)).Get(t.Context(), resourceGroup, workspace, assignment, "job", nil)
	require.ErrorIs(t, err, broken)
	assert.Len(t, srv.Requests(), 1)
}

func TestInvalidOverrideIsRefused(t *testing.T) {
	t.Parallel()
	notJSON := armsecops.Job{AdditionalProperties: map[string]json.RawMessage{"x": json.RawMessage("{")}}
	tests := map[string]struct {
		set           func(*responder[getJobResponse], *failure)
		code, message string
	}{
		"nothing set": {func(*responder[getJobResponse], *failure) {}, "InvalidOverride", "but 0"},
		"status of no success": {func(resp *responder[getJobResponse], _ *failure) {
			resp.SetResponse(http.StatusAccepted, getJobResponse{}, nil)
		}, "InvalidOverride", "but 202"},
		"model that is not JSON": {func(resp *responder[getJobResponse], _ *failure) {
			resp.SetResponse(http.StatusOK, getJobResponse{Job: notJSON}, nil)
		}, "InvalidModel", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := fake.NewServer(nil)
			overrideGet(srv, test.set)
			assertRefused(t, srv, newRequest(t, http.MethodGet, jobURL, ""), http.StatusNotImplemented, test.code, test.message)
		})
	}
}

func TestOverriddenOperationKeepsTheRules(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	overrideJobList(srv, 1)
	req := newRequest(t, http.MethodGet, jobsURL, "")
	req.Header.Del("Authorization")
	assertRefused(t, srv, req, http.StatusUnauthorized, "AuthenticationFailed", "")
	req = newRequest(t, http.MethodGet, jobsURL+"&$top=x", "")
	assertRefused(t, srv, req, http.StatusBadRequest, "InvalidTop", "'x'")
}

func TestOverriddenListWithInvalidStatusIsRefused(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	srv.Jobs.NewListPager = func(string, string, string, *listJobsOptions) (pager jobPagerResponder) {
		pager.AddPage(http.StatusAccepted, armsecops.JobList{}, nil)
		return pager
	}
	assertRefused(t, srv, newRequest(t, http.MethodGet, jobsURL, ""), http.StatusNotImplemented, "InvalidOverride", "but 202")
}

func TestOverriddenListGetsZeroForAbsentOptions(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	var got listJobsOptions
	srv.Jobs.NewListPager = func(_, _, _ string, o *listJobsOptions) jobPagerResponder {
		got = *o
		return onePage(armsecops.Job{})
	}
	get(t, srv, jobsURL)
	assert.Zero(t, got)
}

func TestOverriddenListsAreIndependent(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	overrideJobList(srv, 3)
	jobs := newJobs(t, options(srv))
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
}

func TestOverriddenListRepeatsALostPage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := fake.NewServer(nil)
		overrideJobList(srv, 3)
		srv.Inject(fake.Fault{Skip: 1, Times: 2, Disconnect: true, Truncate: true})
		names, err := listJobs(t, srv, nil)
		require.NoError(t, err)
		assert.Equal(t, formatNames(3, "assignment-%d"), names)
		srv.AssertFaultsConsumed(t)
	})
}

func TestOverriddenListContinuesAfterAnError(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	srv.Jobs.NewListPager = func(string, string, string, *listJobsOptions) (pager jobPagerResponder) {
		pager.AddPage(http.StatusOK, armsecops.JobList{Value: []armsecops.Job{{Name: "before"}}}, nil)
		pager.AddResponseError(http.StatusForbidden, "Locked")
		pager.AddPage(http.StatusOK, armsecops.JobList{Value: []armsecops.Job{{Name: "after"}}}, nil)
		return pager
	}
	names, err := listJobs(t, srv, nil)
	require.ErrorIs(t, err, armsecops.ErrForbidden)
	assert.Equal(t, []string{"before"}, names)
	failed, ok := errors.AsType[*armsecops.PageError](err)
	require.True(t, ok)
	o := &listJobsOptions{}
	o.ContinuationToken = failed.ContinuationToken
	names, err = listJobs(t, srv, o)
	require.NoError(t, err)
	assert.Equal(t, []string{"after"}, names)
}

func TestOverriddenListWithoutPagesFails(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	overrideJobList(srv, 0)
	_, err := listJobs(t, srv, nil)
	require.ErrorContains(t, err, "empty")
	assert.Len(t, srv.Requests(), 1)
}

func TestOverriddenListHasFaults(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	overrideJobList(srv, 3)
	srv.Inject(fake.Fault{NextLink: fake.NextLinkForeignHost})
	_, err := listJobs(t, srv, nil)
	require.ErrorIs(t, err, armsecops.ErrUntrustedNextLink)
}

func TestOverriddenListEndsWithAnEmptyPageAfterALinkFault(t *testing.T) {
	t.Parallel()
	srv := fake.NewServer(nil)
	overrideJobList(srv, 1)
	srv.Inject(fake.Fault{NextLink: fake.NextLinkRelative})
	names, err := listJobs(t, srv, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"assignment-0"}, names)
	assert.Len(t, srv.Requests(), 2)
}
