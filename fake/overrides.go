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

// JobsServer overrides operations of [armsecops.WorkspaceManagerJobsClient] with
// functions in the types of azcore's fake package. An operation whose field is
// nil uses the server's state.
//
// The server checks the token, api-version and names of overridden operations
// too, and applies faults to them. An error set with SetResponseError is sent as
// a response with that status and code, which the client retries like a
// service's; a list then continues with the page that was added after the error.
// An error set with SetError is returned by [Server.Do] and closes the
// connection of [Server.ServeHTTP].
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
	// It is called for the first page of each listing; the server sets the links to the next pages.
	// Status code of success: 200.
	NewListPager func(resourceGroupName, workspaceName, workspaceManagerAssignmentName string, options *armsecops.WorkspaceManagerJobsClientListOptions) azfake.PagerResponder[armsecops.JobList]
}

// AssignmentsServer overrides operations of [armsecops.SecurityAssignmentsClient]; see [JobsServer].
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
	// It is called for the first page of each listing; the server sets the links to the next pages.
	// Status code of success: 200.
	NewListPager func(resourceGroupName string, options *armsecops.SecurityAssignmentsClientListOptions) azfake.PagerResponder[armsecops.AssignmentList]

	// NewListBySubscriptionPager is the fake for [armsecops.SecurityAssignmentsClient.NewListBySubscriptionPager].
	// It is called for the first page of each listing; the server sets the links to the next pages.
	// Status code of success: 200.
	NewListBySubscriptionPager func(options *armsecops.SecurityAssignmentsClientListBySubscriptionOptions) azfake.PagerResponder[armsecops.AssignmentList]

	// NewResourceGraphPager is the fake for [armsecops.SecurityAssignmentsClient.NewResourceGraphPager].
	// It is called for the first page of each query; the server sets the $skipToken of the next pages.
	// Status code of success: 200.
	NewResourceGraphPager func(options *armsecops.ResourceGraphOptions) azfake.PagerResponder[armsecops.Page[armsecops.SubscriptionAssignment]]
}

// StandardAssignmentsServer overrides operations of
// [armsecops.StandardAssignmentsClient]; see [JobsServer]. A scope has no first
// slash, whether the client gave one or not.
type StandardAssignmentsServer struct {
	// CreateOrUpdate is the fake for [armsecops.StandardAssignmentsClient.CreateOrUpdate].
	// Status codes of success: 200, 201.
	CreateOrUpdate func(ctx context.Context, scope, standardAssignmentName string, standardAssignment armsecops.StandardAssignment, options *armsecops.StandardAssignmentsClientCreateOrUpdateOptions) (azfake.Responder[armsecops.StandardAssignmentsClientCreateOrUpdateResponse], azfake.ErrorResponder)

	// Delete is the fake for [armsecops.StandardAssignmentsClient.Delete].
	// Status codes of success: 200, 204.
	Delete func(ctx context.Context, scope, standardAssignmentName string, options *armsecops.StandardAssignmentsClientDeleteOptions) (azfake.Responder[armsecops.StandardAssignmentsClientDeleteResponse], azfake.ErrorResponder)

	// Get is the fake for [armsecops.StandardAssignmentsClient.Get].
	// Status code of success: 200.
	Get func(ctx context.Context, scope, standardAssignmentName string, options *armsecops.StandardAssignmentsClientGetOptions) (azfake.Responder[armsecops.StandardAssignmentsClientGetResponse], azfake.ErrorResponder)

	// NewListPager is the fake for [armsecops.StandardAssignmentsClient.NewListPager].
	// It is called for the first page of each listing; the server sets the links to the next pages.
	// Status code of success: 200.
	NewListPager func(scope string, options *armsecops.StandardAssignmentsClientListOptions) azfake.PagerResponder[armsecops.StandardAssignmentsList]

	// NewResourceGraphPager is the fake for [armsecops.StandardAssignmentsClient.NewResourceGraphPager].
	// It is called for the first page of each query; the server sets the $skipToken of the next pages.
	// Status code of success: 200.
	NewResourceGraphPager func(options *armsecops.ResourceGraphOptions) azfake.PagerResponder[armsecops.StandardAssignmentsList]
}

func (s *Server) overrideCreateJob(r *request) (*response, error) {
	if s.Jobs.Create == nil {
		return nil, errNotOverridden
	}
	v := r.values
	responder, failure := s.Jobs.Create(r.Context(), v[1], v[2], v[3], &armsecops.WorkspaceManagerJobsClientCreateOptions{})
	return newOverrideResponse(r, responder, failure, server.GetResponse(responder).Job)
}

func (s *Server) overrideGetJob(r *request) (*response, error) {
	if s.Jobs.Get == nil {
		return nil, errNotOverridden
	}
	v := r.values
	responder, failure := s.Jobs.Get(r.Context(), v[1], v[2], v[3], v[4], &armsecops.WorkspaceManagerJobsClientGetOptions{})
	return newOverrideResponse(r, responder, failure, server.GetResponse(responder).Job)
}

func (s *Server) overrideDeleteJob(r *request) (*response, error) {
	if s.Jobs.Delete == nil {
		return nil, errNotOverridden
	}
	v := r.values
	responder, failure := s.Jobs.Delete(r.Context(), v[1], v[2], v[3], v[4], &armsecops.WorkspaceManagerJobsClientDeleteOptions{})
	return newOverrideResponse(r, responder, failure, nil)
}

func (s *Server) overrideListJobs(r *request) (*response, error) {
	if s.Jobs.NewListPager == nil {
		return nil, errNotOverridden
	}
	return s.jobPagers.nextPage(s, r, func() (pager azfake.PagerResponder[armsecops.JobList], err error) {
		top, err := parseTop(r.query.Get("$top"))
		if err != nil {
			return pager, err
		}
		return s.Jobs.NewListPager(r.values[1], r.values[2], r.values[3], &armsecops.WorkspaceManagerJobsClientListOptions{
			OrderBy:   r.query.Get("$orderby"),
			Top:       int32(top),
			SkipToken: r.query.Get("$skiptoken"),
		}), nil
	})
}

func (s *Server) overrideGetAssignment(r *request) (*response, error) {
	if s.Assignments.Get == nil {
		return nil, errNotOverridden
	}
	responder, failure := s.Assignments.Get(r.Context(), r.values[1], r.values[2], &armsecops.SecurityAssignmentsClientGetOptions{})
	return newOverrideResponse(r, responder, failure, server.GetResponse(responder).Assignment)
}

func (s *Server) overridePutAssignment(r *request) (*response, error) {
	if s.Assignments.CreateOrUpdate == nil {
		return nil, errNotOverridden
	}
	assignment, refused := parseModel[armsecops.Assignment](r, "an assignment")
	if refused != nil {
		return refused, nil
	}
	options := &armsecops.SecurityAssignmentsClientCreateOrUpdateOptions{}
	responder, failure := s.Assignments.CreateOrUpdate(r.Context(), r.values[1], r.values[2], assignment, options)
	return newOverrideResponse(r, responder, failure, server.GetResponse(responder).Assignment)
}

func (s *Server) overrideDeleteAssignment(r *request) (*response, error) {
	if s.Assignments.Delete == nil {
		return nil, errNotOverridden
	}
	responder, failure := s.Assignments.Delete(r.Context(), r.values[1], r.values[2], &armsecops.SecurityAssignmentsClientDeleteOptions{})
	return newOverrideResponse(r, responder, failure, nil)
}

func (s *Server) overrideListAssignments(r *request) (*response, error) {
	if s.Assignments.NewListPager == nil {
		return nil, errNotOverridden
	}
	return s.assignmentPagers.nextPage(s, r, func() (azfake.PagerResponder[armsecops.AssignmentList], error) {
		return s.Assignments.NewListPager(r.values[1], &armsecops.SecurityAssignmentsClientListOptions{}), nil
	})
}

func (s *Server) overrideListAssignmentsBySubscription(r *request) (*response, error) {
	if s.Assignments.NewListBySubscriptionPager == nil {
		return nil, errNotOverridden
	}
	return s.assignmentPagers.nextPage(s, r, func() (azfake.PagerResponder[armsecops.AssignmentList], error) {
		return s.Assignments.NewListBySubscriptionPager(&armsecops.SecurityAssignmentsClientListBySubscriptionOptions{}), nil
	})
}

func (s *Server) overrideGetStandardAssignment(r *request) (*response, error) {
	if s.StandardAssignments.Get == nil {
		return nil, errNotOverridden
	}
	responder, failure := s.StandardAssignments.Get(r.Context(), r.values[0], r.values[1], &armsecops.StandardAssignmentsClientGetOptions{})
	return newOverrideResponse(r, responder, failure, server.GetResponse(responder).StandardAssignment)
}

func (s *Server) overridePutStandardAssignment(r *request) (*response, error) {
	if s.StandardAssignments.CreateOrUpdate == nil {
		return nil, errNotOverridden
	}
	model, refused := parseModel[armsecops.StandardAssignment](r, "a standard assignment")
	if refused != nil {
		return refused, nil
	}
	options := &armsecops.StandardAssignmentsClientCreateOrUpdateOptions{}
	responder, failure := s.StandardAssignments.CreateOrUpdate(r.Context(), r.values[0], r.values[1], model, options)
	return newOverrideResponse(r, responder, failure, server.GetResponse(responder).StandardAssignment)
}

func (s *Server) overrideDeleteStandardAssignment(r *request) (*response, error) {
	if s.StandardAssignments.Delete == nil {
		return nil, errNotOverridden
	}
	responder, failure := s.StandardAssignments.Delete(r.Context(), r.values[0], r.values[1], &armsecops.StandardAssignmentsClientDeleteOptions{})
	return newOverrideResponse(r, responder, failure, nil)
}

func (s *Server) overrideListStandardAssignments(r *request) (*response, error) {
	if s.StandardAssignments.NewListPager == nil {
		return nil, errNotOverridden
	}
	return s.standardAssignmentPagers.nextPage(s, r, func() (azfake.PagerResponder[armsecops.StandardAssignmentsList], error) {
		return s.StandardAssignments.NewListPager(r.values[0], &armsecops.StandardAssignmentsClientListOptions{}), nil
	})
}

// newOverrideResponse returns the response that an override has set.
//   - model: the body; nil for a response without one
func newOverrideResponse[T any](r *request, responder azfake.Responder[T], failure azfake.ErrorResponder, model any) (*response, error) {
	if err := server.GetError(failure, r.Request); err != nil {
		return newFailureResponse(err)
	}
	content := server.GetResponseContent(responder)
	if refused := r.checkStatus(content.HTTPStatus); refused != nil {
		return refused, nil
	}
	resp := newResponse(content.HTTPStatus, nil)
	if model != nil {
		resp = newModelResponse(content.HTTPStatus, model)
	}
	for name, values := range content.Header {
		resp.header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	return resp, nil
}

// checkStatus returns an error response if the status of an override is none of
// the operation's success, or nil.
func (r *request) checkStatus(status int) *response {
	if slices.Contains(r.route.Success, status) {
		return nil
	}
	return newErrorResponse(http.StatusNotImplemented, "InvalidOverride", "The override of "+r.route.Operation+
		" set neither an error nor a status code of success, but "+strconv.Itoa(status)+".")
}

// newFailureResponse returns the response that an override's error stands for,
// or the error if it stands for none.
func newFailureResponse(err error) (*response, error) {
	failure, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok {
		return nil, err
	}
	resp := newErrorResponse(failure.StatusCode, failure.ErrorCode, "An override of the fake server returned this error.")
	resp.header.Set("x-ms-error-code", failure.ErrorCode)
	return resp, nil
}

// pagers holds the pages that overridden lists have yet to return. A link names
// its page, so that listings don't disturb each other and a page can be
// requested again, until there are MaxRequests newer ones.
type pagers[T any] struct {
	mu     sync.Mutex
	byPage map[pageKey]azfake.PagerResponder[armsecops.Page[T]]
	pages  []pageKey // of byPage, oldest first
}

// pageKey names a page of a listing.
type pageKey struct{ listing, number string }

// nextPage returns the page that the request's skip token names, or the first
// page of a new listing.
func (p *pagers[T]) nextPage(s *Server, r *request, newPager func() (azfake.PagerResponder[armsecops.Page[T]], error)) (*response, error) {
	current, pager, found := p.find(r.query.Get("$skiptoken"))
	if !found {
		var err error
		if pager, err = newPager(); err != nil {
			return newErrorResponse(http.StatusBadRequest, "InvalidTop", err.Error()), nil
		}
		current = pageKey{s.newID(), "0"}
	}
	if found && !server.PagerResponderMore(&pager) { // a fault's link after the last page
		return newModelResponse(http.StatusOK, armsecops.Page[T]{Value: []T{}}), nil
	}
	next, err := server.PagerResponderNext(&pager, r.Request)
	if err != nil {
		p.put(s, current, pager) // without the error, for the next attempt
		return newFailureResponse(err)
	}
	if refused := r.checkStatus(next.StatusCode); refused != nil {
		return refused, nil
	}
	body, err := io.ReadAll(next.Body)
	if err != nil {
		return nil, err
	}
	var page armsecops.Page[T]
	if err := json.Unmarshal(body, &page); err != nil {
		return nil, err
	}
	if server.PagerResponderMore(&pager) || r.nextLink != "" {
		number, _ := strconv.Atoi(current.number)
		following := pageKey{current.listing, strconv.Itoa(number + 1)}
		p.put(s, following, pager)
		page.NextLink = r.linkTo(newSkipToken(following.listing, following.number))
	}
	return newModelResponse(next.StatusCode, page), nil
}

// find returns the pager that a skip token names. It finds none for a token that
// the server hasn't made: such a token is passed to the override.
func (p *pagers[T]) find(token string) (page pageKey, pager azfake.PagerResponder[armsecops.Page[T]], found bool) {
	listing, number, err := parseSkipToken(token)
	if err != nil {
		return page, pager, false
	}
	page = pageKey{listing, number}
	p.mu.Lock()
	defer p.mu.Unlock()
	pager, found = p.byPage[page]
	return page, pager, found
}

func (p *pagers[T]) put(s *Server, page pageKey, pager azfake.PagerResponder[armsecops.Page[T]]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byPage == nil {
		p.byPage = map[pageKey]azfake.PagerResponder[armsecops.Page[T]]{}
	}
	if _, exists := p.byPage[page]; !exists {
		p.pages = append(p.pages, page)
	}
	p.byPage[page] = pager
	if len(p.pages) > s.options.MaxRequests {
		delete(p.byPage, p.pages[0])
		p.pages = p.pages[1:]
	}
}
