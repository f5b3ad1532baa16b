package fake

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/fake/server"
	"github.com/go-json-experiment/json"

	"github.com/armsecops/armsecops"
)

// JobsServer overrides answers of the operations of
// [armsecops.WorkspaceManagerJobsClient], with the types of azcore's fake
// package. A field that is nil leaves the operation to the server's state.
//
// The rules on tokens, versions and names hold for overridden operations as
// well, and faults strike them. An error set with SetResponseError reaches the
// client as an answer with that status and code, which the client tries again
// where it would try a service's again: a list then goes on with what was added
// after the error. An error set with SetError is returned by [Server.Do], and
// closes the connection of [Server.ServeHTTP].
type JobsServer struct {
	// Create is the fake for [armsecops.WorkspaceManagerJobsClient.Create].
	// Status codes of success: 200, 201.
	Create func(ctx context.Context, resourceGroupName, workspaceName, workspaceManagerAssignmentName string, options *armsecops.WorkspaceManagerJobsClientCreateOptions) (azfake.Responder[armsecops.WorkspaceManagerJobsClientCreateResponse], azfake.ErrorResponder)

	// Delete is the fake for [armsecops.WorkspaceManagerJobsClient.Delete].
	// Status codes of success: 200, 204.
	Delete func(ctx context.Context, resourceGroupName, workspaceName, workspaceManagerAssignmentName, jobName string, options *armsecops.WorkspaceManagerJobsClientDeleteOptions) (azfake.Responder[armsecops.WorkspaceManagerJobsClientDeleteResponse], azfake.ErrorResponder)

	// Get is the fake for [armsecops.WorkspaceManagerJobsClient.Get].
	// Status code of success: 200.
	Get func(ctx context.Context, resourceGroupName, workspaceName, workspaceManagerAssignmentName, jobName string, options *armsecops.WorkspaceManagerJobsClientGetOptions) (azfake.Responder[armsecops.WorkspaceManagerJobsClientGetResponse], azfake.ErrorResponder)

	// NewListPager is the fake for [armsecops.WorkspaceManagerJobsClient.NewListPager].
	// It is called for the first page of every listing; the links to the next pages are set by the server.
	// Status code of success: 200.
	NewListPager func(resourceGroupName, workspaceName, workspaceManagerAssignmentName string, options *armsecops.WorkspaceManagerJobsClientListOptions) azfake.PagerResponder[armsecops.JobList]
}

// AssignmentsServer overrides answers of the operations of
// [armsecops.SecurityAssignmentsClient]; see [JobsServer].
type AssignmentsServer struct {
	// CreateOrUpdate is the fake for [armsecops.SecurityAssignmentsClient.CreateOrUpdate].
	// Status codes of success: 200, 201.
	CreateOrUpdate func(ctx context.Context, resourceGroupName, assignmentID string, assignment armsecops.Assignment, options *armsecops.SecurityAssignmentsClientCreateOrUpdateOptions) (azfake.Responder[armsecops.SecurityAssignmentsClientCreateOrUpdateResponse], azfake.ErrorResponder)

	// Delete is the fake for [armsecops.SecurityAssignmentsClient.Delete].
	// Status codes of success: 200, 204.
	Delete func(ctx context.Context, resourceGroupName, assignmentID string, options *armsecops.SecurityAssignmentsClientDeleteOptions) (azfake.Responder[armsecops.SecurityAssignmentsClientDeleteResponse], azfake.ErrorResponder)

	// Get is the fake for [armsecops.SecurityAssignmentsClient.Get].
	// Status code of success: 200.
	Get func(ctx context.Context, resourceGroupName, assignmentID string, options *armsecops.SecurityAssignmentsClientGetOptions) (azfake.Responder[armsecops.SecurityAssignmentsClientGetResponse], azfake.ErrorResponder)

	// NewListPager is the fake for [armsecops.SecurityAssignmentsClient.NewListPager].
	// It is called for the first page of every listing; the links to the next pages are set by the server.
	// Status code of success: 200.
	NewListPager func(resourceGroupName string, options *armsecops.SecurityAssignmentsClientListOptions) azfake.PagerResponder[armsecops.AssignmentList]

	// NewListBySubscriptionPager is the fake for [armsecops.SecurityAssignmentsClient.NewListBySubscriptionPager].
	// It is called for the first page of every listing; the links to the next pages are set by the server.
	// Status code of success: 200.
	NewListBySubscriptionPager func(options *armsecops.SecurityAssignmentsClientListBySubscriptionOptions) azfake.PagerResponder[armsecops.AssignmentList]
}

func (s *Server) overrideCreateJob(r *request) (*answer, error) {
	if s.Jobs.Create == nil {
		return nil, errNotOverridden
	}
	v := r.values
	responder, failure := s.Jobs.Create(r.Context(), v[1], v[2], v[3], &armsecops.WorkspaceManagerJobsClientCreateOptions{})
	return overridden(r, responder, failure, server.GetResponse(responder).Job)
}

func (s *Server) overrideGetJob(r *request) (*answer, error) {
	if s.Jobs.Get == nil {
		return nil, errNotOverridden
	}
	v := r.values
	responder, failure := s.Jobs.Get(r.Context(), v[1], v[2], v[3], v[4], &armsecops.WorkspaceManagerJobsClientGetOptions{})
	return overridden(r, responder, failure, server.GetResponse(responder).Job)
}

func (s *Server) overrideDeleteJob(r *request) (*answer, error) {
	if s.Jobs.Delete == nil {
		return nil, errNotOverridden
	}
	v := r.values
	responder, failure := s.Jobs.Delete(r.Context(), v[1], v[2], v[3], v[4], &armsecops.WorkspaceManagerJobsClientDeleteOptions{})
	return overridden(r, responder, failure, nil)
}

func (s *Server) overrideListJobs(r *request) (*answer, error) {
	if s.Jobs.NewListPager == nil {
		return nil, errNotOverridden
	}
	return s.jobListings.page(s, r, func() (pager azfake.PagerResponder[armsecops.JobList], err error) {
		top, err := readTop(r.query.Get("$top"))
		if err != nil {
			return pager, err
		}
		return s.Jobs.NewListPager(r.values[1], r.values[2], r.values[3], &armsecops.WorkspaceManagerJobsClientListOptions{
			OrderBy:   r.query.Get("$orderby"),
			Top:       int32(max(top, 0)),
			SkipToken: r.query.Get("$skiptoken"),
		}), nil
	})
}

func (s *Server) overrideGetAssignment(r *request) (*answer, error) {
	if s.Assignments.Get == nil {
		return nil, errNotOverridden
	}
	responder, failure := s.Assignments.Get(r.Context(), r.values[1], r.values[2], &armsecops.SecurityAssignmentsClientGetOptions{})
	return overridden(r, responder, failure, server.GetResponse(responder).Assignment)
}

func (s *Server) overridePutAssignment(r *request) (*answer, error) {
	if s.Assignments.CreateOrUpdate == nil {
		return nil, errNotOverridden
	}
	assignment, refused := r.readAssignment()
	if refused != nil {
		return refused, nil
	}
	options := &armsecops.SecurityAssignmentsClientCreateOrUpdateOptions{}
	responder, failure := s.Assignments.CreateOrUpdate(r.Context(), r.values[1], r.values[2], assignment, options)
	return overridden(r, responder, failure, server.GetResponse(responder).Assignment)
}

func (s *Server) overrideDeleteAssignment(r *request) (*answer, error) {
	if s.Assignments.Delete == nil {
		return nil, errNotOverridden
	}
	responder, failure := s.Assignments.Delete(r.Context(), r.values[1], r.values[2], &armsecops.SecurityAssignmentsClientDeleteOptions{})
	return overridden(r, responder, failure, nil)
}

func (s *Server) overrideListAssignments(r *request) (*answer, error) {
	if s.Assignments.NewListPager == nil {
		return nil, errNotOverridden
	}
	return s.assignmentListings.page(s, r, func() (azfake.PagerResponder[armsecops.AssignmentList], error) {
		return s.Assignments.NewListPager(r.values[1], &armsecops.SecurityAssignmentsClientListOptions{}), nil
	})
}

func (s *Server) overrideListAssignmentsBySubscription(r *request) (*answer, error) {
	if s.Assignments.NewListBySubscriptionPager == nil {
		return nil, errNotOverridden
	}
	return s.assignmentListings.page(s, r, func() (azfake.PagerResponder[armsecops.AssignmentList], error) {
		return s.Assignments.NewListBySubscriptionPager(&armsecops.SecurityAssignmentsClientListBySubscriptionOptions{}), nil
	})
}

// overridden returns the answer that an override has set.
//   - model: for the body; nil: there is none
func overridden[T any](r *request, response azfake.Responder[T], failure azfake.ErrorResponder, model any) (*answer, error) {
	if err := server.GetError(failure, r.Request); err != nil {
		return errorAnswer(err)
	}
	content := server.GetResponseContent(response)
	if refused := r.checkStatus(content.HTTPStatus); refused != nil {
		return refused, nil
	}
	a := newAnswer(content.HTTPStatus, nil)
	if model != nil {
		a = reply(content.HTTPStatus, model)
	}
	for name, values := range content.Header {
		a.header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	return a, nil
}

// checkStatus refuses a status of an override that isn't one of the operation's success.
func (r *request) checkStatus(status int) *answer {
	if slices.Contains(r.route.Success, status) {
		return nil
	}
	return refuse(http.StatusNotImplemented, "InvalidOverride", "The override of "+r.route.Operation+" set neither an error nor a status code of success, but "+strconv.Itoa(status)+".")
}

// errorAnswer returns the answer for an error that stands for one, or else the error.
func errorAnswer(err error) (*answer, error) {
	response, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok {
		return nil, err
	}
	a := refuse(response.StatusCode, response.ErrorCode, "The override was told to answer with this error.")
	a.header.Set("x-ms-error-code", response.ErrorCode)
	return a, nil
}

// listings holds the overridden listings that run: what is left of them, by
// place. The place is in the link to the page, so that listings that run at the
// same time don't disturb each other, and a page can be asked for again.
type listings[T any] struct {
	mu     sync.Mutex
	places map[place]azfake.PagerResponder[armsecops.Page[T]]
}

// place is a page of a listing.
type place struct {
	listing string
	page    string // its number
}

// page answers with the next page of the listing that the request's token names,
// or with the first page of a new one.
func (l *listings[T]) page(s *Server, r *request, newPager func() (azfake.PagerResponder[armsecops.Page[T]], error)) (*answer, error) {
	at, pager, found := l.find(r.query.Get("$skiptoken"))
	if !found {
		var err error
		if pager, err = newPager(); err != nil {
			return refuse(http.StatusBadRequest, "InvalidTop", err.Error()), nil
		}
		at = place{s.newID(), "0"}
	}
	response, err := server.PagerResponderNext(&pager, r.Request)
	if err != nil {
		l.put(at, pager) // the error is consumed
		return errorAnswer(err)
	}
	if refused := r.checkStatus(response.StatusCode); refused != nil {
		return refused, nil
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	var page armsecops.Page[T]
	if err := json.Unmarshal(body, &page); err != nil {
		return nil, err
	}
	if server.PagerResponderMore(&pager) || r.nextLink != "" {
		number, _ := strconv.Atoi(at.page)
		next := place{at.listing, strconv.Itoa(number + 1)}
		l.put(next, pager)
		page.NextLink = r.linkTo(newSkipToken(next.listing, next.page), -1)
	}
	return reply(response.StatusCode, page), nil
}

// find returns the listing that a token names. A token that the server hasn't
// made is the override's own, for its first page.
func (l *listings[T]) find(token string) (at place, pager azfake.PagerResponder[armsecops.Page[T]], found bool) {
	names, err := readSkipToken(token)
	if err != nil {
		return at, pager, false
	}
	at = place{names[0], names[1]}
	l.mu.Lock()
	defer l.mu.Unlock()
	pager, found = l.places[at]
	return at, pager, found
}

func (l *listings[T]) put(at place, pager azfake.PagerResponder[armsecops.Page[T]]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.places == nil {
		l.places = map[place]azfake.PagerResponder[armsecops.Page[T]]{}
	}
	l.places[at] = pager
}
