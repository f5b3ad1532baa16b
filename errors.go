package armsecops

import (
	"cmp"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/armsecops/armsecops/internal/errorbody"
	"github.com/armsecops/armsecops/internal/nextlink"
	"github.com/armsecops/armsecops/internal/printable"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/wire"
)

// Errors that [errors.Is] finds. Those with a status code stand for every
// response with that status; ErrThrottled stands for a call, too, that the library
// didn't send because its subscription is throttled, also if the call's context ended
// meanwhile.
var (
	ErrUnauthorized       error = statusError(http.StatusUnauthorized)       // 401: the token is missing, invalid or lacks claims
	ErrForbidden          error = statusError(http.StatusForbidden)          // 403: the identity lacks a role, or a policy of Azure Policy denies the request
	ErrNotFound           error = statusError(http.StatusNotFound)           // 404: there is no such resource, or the scope that it would be in doesn't exist; see IsMissing
	ErrConflict           error = statusError(http.StatusConflict)           // 409: the resource is in another state
	ErrPreconditionFailed error = statusError(http.StatusPreconditionFailed) // 412: the resource has changed; with ErrOutcomeUnknown, maybe by the call itself
	ErrThrottled          error = statusError(http.StatusTooManyRequests)    // 429: too many requests; see ServiceError.RetryAfter. A call that wasn't sent has no RequestID

	// ErrResponseTooLarge is the error of a body that exceeds MaxResponseBytes, or takes too much memory.
	ErrResponseTooLarge = wire.ErrTooLarge

	// ErrUnexpectedResponse is the error of a success that isn't what the operation returns: one of another
	// status, or a body such as null, an error or the page of a portal; of a deletion, only such a
	// page is. It is inside an [*ErrorResponse] or [*CloudError] with the status, the request id, and the body's error.
	ErrUnexpectedResponse = errors.New("unexpected response")

	// ErrNotExemption is the error of a method of [ExemptionsClient] that got an assignment which
	// isn't an exemption, such as an audit. Nothing was changed. It is inside a [*CloudError],
	// whose status is that of the response, 200.
	ErrNotExemption = errors.New("not an exemption")

	// ErrUntrustedNextLink is the error of a listing whose link to the next page leads away from the
	// endpoint or listing, and wasn't followed. The [*ServiceError] is that of the response with it.
	ErrUntrustedNextLink = nextlink.ErrUntrusted

	// ErrPagingLoop is the error of a listing whose next page, by its link or $skipToken, it has
	// already read, or which had 1,000 pages in a row without an item. After these, it can be
	// resumed at the page that follows.
	ErrPagingLoop = nextlink.ErrLoop

	// ErrIncompleteResult is the error of a query of Azure Resource Graph whose result lacks rows
	// or subscriptions by what the service says: that it truncated it, looked at the first 10,000
	// subscriptions only, or counted other rows than it returned. What it returned is yielded
	// before the error, a [*ServiceError] of a success. Its [PageError] has no ContinuationToken:
	// a narrower query can help. The service doesn't say that the identity may not read
	// some of the subscriptions that a query names: ListAcrossSubscriptions does.
	ErrIncompleteResult = errors.New("incomplete result")

	// ErrCredential is the error of a call whose credential failed to get a token. No request was
	// sent with that one; an attempt before, with another one, may have been. It wraps the
	// credential's own error, or that of the context if its deadline passed meanwhile.
	ErrCredential = errors.New("the credential failed to get a token")

	// ErrOutcomeUnknown is the error of a request that the service may or may not have carried
	// out, and that isn't safe to repeat. Look before you send it again:
	//
	//   - The start of a job got no response, or one that is neither a job nor a refusal, such as
	//     a 408 or 503. The library doesn't repeat it. List the jobs by
	//     [WorkspaceManagerJobsClient.NewListPager]; if one runs, NewJobPoller waits for it.
	//   - A write or deletion was repeated, and then was an [ErrConflict] or
	//     [ErrPreconditionFailed]: the earlier attempt can have caused that. Get the resource.
	//   - A deletion was repeated, and then was the [ErrNotFound] of something above
	//     the resource. Get the resource.
	//
	// A write or deletion that ended otherwise without a response, such as by a deadline, or
	// with one such as a 503, may have been carried out as well, and is safe to repeat: it
	// isn't ErrOutcomeUnknown. [MaybeCarriedOut] is true of both.
	ErrOutcomeUnknown = errors.New("outcome unknown: the service may or may not have carried out the request")

	// ErrJobMayRun is the error of [WaitForJob] if the wait ends before the job, whose id is in
	// the text. It wraps the cause. After a deadline, wait again with a new context; do something
	// about another cause first, such as [ErrForbidden], [ErrThrottled] or [ErrCredential].
	ErrJobMayRun = errors.New("the job may still run")

	// ErrNotRenewed is the error of [ExemptionsClient.Renew] for an exemption that ends later
	// already, or never, without AllowEarlier, and ErrEnded for one that has ended, without
	// AllowEnded. It is left as it is, and the response has it. Neither is a [*ServiceError].
	ErrNotRenewed = errors.New("not renewed")
	ErrEnded      = errors.New("not renewed, since it has ended") // see ErrNotRenewed

	// ErrExists is the error of [ExemptionsClient.CreateOrUpdate] with RefuseExisting if there is
	// something of that name. The response has the exemption; it is zero if it is none, such as
	// an audit, and the error is [ErrNotExemption], too.
	ErrExists = errors.New("it exists")

	errMaybeCarriedOut = errors.New("it may have been carried out, and can be sent again")
)

// ParameterError is a parameter that breaks its rule. Nothing was sent for it; in a listing
// of many subscriptions, the others continue. Its text shows white space and invisible
// characters of the value in Go's escapes.
type ParameterError struct {
	Name   string // as in the method's signature, or the field of its options or exemption; subscriptionID for one of several, too
	Value  string // what the caller gave; empty if it isn't for showing, as a token
	Reason string // the rule, as in "must be a UUID"

	operation string // the client's method, or the constructor; empty for another function
	empty     bool   // the caller gave an empty Value
}

// invalid returns the error of a value that breaks a rule.
func invalid(name, value, reason string) *ParameterError {
	return &ParameterError{Name: name, Value: value, Reason: reason, empty: value == ""}
}

// Error returns the operation or constructor, the parameter, its value and the rule, in
// one line of bounded length. A Parse function is no operation.
func (e *ParameterError) Error() string {
	if e.operation == "" {
		return e.text()
	}
	return bounded(e.operation + ": " + e.text())
}

// text returns the error without its operation.
func (e *ParameterError) text() string {
	text := "parameter " + line(e.Name) + " "
	if e.Value != "" || e.empty {
		text += printable.Literal(e.Value) + " "
	}
	return text + printable.Line(e.Reason, maxPrintedError-len(text))
}

// ErrorResponse is a response of Microsoft Sentinel that isn't the operation's
// success, or that could not be read. Its fields are those of [ServiceError].
type ErrorResponse struct {
	ServiceError
}

// Unwrap returns the [*ServiceError], so that [errors.AsType] finds that of any service.
func (e *ErrorResponse) Unwrap() error { return &e.ServiceError }

// CloudError is a response of Microsoft Defender for Cloud, Azure Policy or Azure
// Resource Graph that isn't the operation's success, or that could not be read. Its
// fields are those of [ServiceError].
type CloudError struct {
	ServiceError
}

// Unwrap returns the [*ServiceError], so that [errors.AsType] finds that of any service.
func (e *CloudError) Unwrap() error { return &e.ServiceError }

// ServiceError is what [ErrorResponse] and [CloudError] have in common. It
// unwraps to [*azcore.ResponseError] and, if the response could not be read or
// isn't what the operation returns, to the reason. The first 32 KiB of the body
// are in that ResponseError's RawResponse. A ResponseError makes its text when it is
// first asked for it, which is not safe for concurrent use; this one is. A call that
// wasn't sent because its subscription is throttled is one with the status 429.
type ServiceError struct {
	// Operation is the client's method whose request failed, as in
	// "WorkspaceManagerJobsClient.Get". A log has it as request if another method sent that.
	Operation string
	// Code is the service's error code, from the body or else from the x-ms-error-code header; see [HasCode].
	Code string
	// Message is the service's description, without the token and longer values of
	// the query, if it quotes them.
	Message string
	// Target names what the error is about, such as a member of the request's body.
	Target string
	// Details are the errors that led to this one.
	Details []ErrorDetail
	// AdditionalInfo is further information, its form given by its type.
	AdditionalInfo []ErrorAdditionalInfo
	// AdditionalProperties holds the members of the body's error that this version doesn't know.
	AdditionalProperties map[string]json.RawMessage
	// StatusCode is the HTTP status code of the response.
	StatusCode int
	// RequestID is the x-ms-request-id, by which Azure support finds the request.
	RequestID string
	// CorrelationRequestID is the x-ms-correlation-request-id, which related requests share.
	CorrelationRequestID string
	// RetryAfter is how long the service asks to wait; 0 if it doesn't say. Of a call that
	// wasn't sent, it is how much longer the library holds it back, at most an hour.
	RetryAfter time.Duration
	// Page says that the body of the response is HTML or XML, as that of a proxy is.
	Page bool

	response              *azcore.ResponseError
	path, clientRequestID string // of the request; no path for a query, whose path names no resource
	text                  bool   // whether the body is neither empty nor JSON
	cause                 error  // why the response could not be used; nil for one that says why itself
}

// ErrorDetail describes one error; its Details describe the errors below it.
type ErrorDetail struct {
	// Code is the service's error code.
	Code string `json:"code,omitzero"`
	// Message is the service's description.
	Message string `json:"message,omitzero"`
	// Target names what the error is about.
	Target string `json:"target,omitzero"`
	// Details are the errors that led to this one.
	Details []ErrorDetail `json:"details,omitzero"`
	// AdditionalInfo is further information, its form given by its type.
	AdditionalInfo []ErrorAdditionalInfo `json:"additionalInfo,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version
}

// CloudErrorBody is [ErrorDetail], by the name that the REST API has for that of a [CloudError].
type CloudErrorBody = ErrorDetail

// ErrorAdditionalInfo is further information about an error.
type ErrorAdditionalInfo struct {
	// Type says what Info is, such as "PolicyViolation".
	Type string `json:"type,omitzero"`
	// Info is any JSON, its form given by Type.
	Info json.RawMessage `json:"info,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"` // members unknown to this version
}

// The bounds of a printed error.
const (
	maxPrintedError   = 2048 // bytes
	maxPrintedMessage = 1280 // bytes; that of a missing permission names the identity and two scopes
	maxPrintedDetails = 3
)

// line returns text from a server as one harmless line of bounded length.
func line(text string) string { return printable.Line(text, printable.Max) }

// message returns a service's description as such a line.
func message(text string) string { return printable.Line(text, maxPrintedMessage) }

// Error returns operation, status, code, message, details, what the error is about,
// whether it is from a page, how long to wait, the request id and, unless the message
// has it, the path of the request, in one line of bounded length.
func (e *ServiceError) Error() string {
	parts := []string{status(e.StatusCode)}
	if e.Operation != "" {
		parts = []string{e.Operation, status(e.StatusCode)}
	}
	first := e.cause != nil && (e.Code == "" && e.Message == "" || e.StatusCode < 400) // where the body of a redirect, for example, says less
	if first {
		parts = append(parts, e.cause.Error())
	}
	if e.Code != "" {
		parts = append(parts, line(e.Code))
	}
	if e.Message != "" {
		parts = append(parts, message(e.Message))
	}
	text := strings.Join(parts, ": ")
	if e.cause != nil && !first {
		text = strings.TrimSuffix(text, ".") + "; " + message(e.cause.Error())
	}
	if details := e.details(); details != nil {
		text += " [" + strings.Join(details, "; ") + "]"
	}
	var end []string
	if e.Target != "" && !strings.Contains(text, e.Target) {
		end = append(end, "target "+line(e.Target))
	}
	if page := e.pageNote(); page != "" {
		end = append(end, page)
	}
	if e.RetryAfter > 0 {
		end = append(end, "retry after "+e.RetryAfter.String())
	}
	if id := e.requestID(); id != "" {
		end = append(end, "request "+line(id))
	}
	if e.path != "" && !strings.Contains(strings.ToLower(text), strings.ToLower(e.path)) { // as where the service says which resource lacks a permission
		end = append(end, e.path)
	}
	if len(end) == 0 {
		return printable.Line(text, maxPrintedError)
	}
	behind := " (" + strings.Join(end, ", ") + ")"
	return printable.Line(text, maxPrintedError-len(behind)) + behind
}

// pageNote says that the message is from a page; "" if it isn't.
func (e *ServiceError) pageNote() string {
	if e.Page && e.StatusCode >= 300 { // the error of a success says it
		return "a page of HTML or XML"
	}
	return ""
}

// details returns the first details, a line for each, and how many more there are.
func (e *ServiceError) details() []string {
	var details []string
	more := 0
	own := ErrorDetail{Code: e.Code, Message: e.Message}
	for text := range lines(e.Details, e.AdditionalInfo) {
		if text == own.line() { // said again
			continue
		}
		if len(details) < maxPrintedDetails {
			details = append(details, text)
		} else {
			more++
		}
	}
	if more > 0 {
		details = append(details, strconv.Itoa(more)+" more")
	}
	return details
}

// lines returns a line for each policy that denied the request, and for each detail,
// followed by those of the details below it.
func lines(details []ErrorDetail, infos []ErrorAdditionalInfo) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, info := range infos {
			if text := info.policy(); text != "" && !yield(text) {
				return
			}
		}
		for _, d := range details {
			if text := d.line(); text != "" && !yield(text) {
				return
			}
			for text := range lines(d.Details, d.AdditionalInfo) {
				if !yield(text) {
					return
				}
			}
		}
	}
}

// policy returns the policy that denied the request; "" for other information.
func (i *ErrorAdditionalInfo) policy() string {
	var info struct{ PolicyDefinitionDisplayName, PolicyDefinitionID, PolicyAssignmentID string }
	if !equalFold(i.Type, "PolicyViolation") || json.Unmarshal(i.Info, &info) != nil {
		return ""
	}
	return joined(" of ", line(cmp.Or(info.PolicyDefinitionDisplayName, info.PolicyDefinitionID)), line(info.PolicyAssignmentID))
}

// line returns code, message and position in one line.
func (d *ErrorDetail) line() string {
	var parts []string
	for _, text := range []string{line(d.Code), message(d.Message), d.position()} {
		if text != "" && !slices.Contains(parts, text) { // the parser's message is its code
			parts = append(parts, text)
		}
	}
	text := strings.Join(parts, ": ")
	if d.Target != "" && !strings.Contains(text, d.Target) {
		text += " (target " + line(d.Target) + ")"
	}
	return text
}

// position returns where a query is wrong, as the parser of Azure Resource Graph
// says it, or "".
func (d *ErrorDetail) position() string {
	var parts []string
	for _, member := range []struct{ name, label string }{{"line", "line"}, {"characterPositionInLine", "position"}} {
		if n, err := strconv.Atoi(string(d.AdditionalProperties[member.name])); err == nil && n >= 0 {
			parts = append(parts, member.label+" "+strconv.Itoa(n))
		}
	}
	for _, member := range []struct{ name, label string }{{"token", "token"}, {"expectedToken", "expected"}} {
		var text string
		if json.Unmarshal(d.AdditionalProperties[member.name], &text) == nil && text != "" {
			parts = append(parts, member.label+" "+printable.Quote(text))
		}
	}
	return strings.Join(parts, ", ")
}

// requestPath returns the path of a request, which names the resource; "" for a query,
// whose path names none.
func requestPath(route *routes.Route, req *http.Request) string {
	if route.Kind == routes.Query || req == nil || req.URL == nil { // a program's policy or transport may leave them out
		return ""
	}
	return message(req.URL.Path)
}

// requestID returns the id by which Azure support finds the request.
func (e *ServiceError) requestID() string {
	if e.RequestID != "" {
		return e.RequestID
	}
	return e.CorrelationRequestID
}

// Unwrap returns the [*azcore.ResponseError] and the reason why the response could not be used, if any.
func (e *ServiceError) Unwrap() []error {
	var chain []error
	if e.response != nil {
		chain = append(chain, e.response)
	}
	if e.cause != nil {
		chain = append(chain, e.cause)
	}
	return chain
}

// Is reports whether the target is the sentinel of the error's status code. A
// query none of whose subscriptions the identity may read is a 400 of Azure
// Resource Graph, and [ErrForbidden] as well.
func (e *ServiceError) Is(target error) bool {
	s, ok := target.(statusError)
	return ok && (int(s) == e.StatusCode || target == ErrForbidden && e.StatusCode == http.StatusBadRequest &&
		e.hasCode(func(code string) bool { return equalFold(code, CodeNoValidSubscriptionsInQueryRequest) }))
}

// operationError puts the operation before an error. It prints one line of bounded length.
type operationError struct {
	operation       string // the client's method
	err             error
	host            string // of the request; empty for none, or if the error has it
	path            string
	subscriptionID  string
	clientRequestID string
}

func (e *operationError) Error() string {
	text := e.operation + ": " + e.err.Error()
	if e.host != "" && (e.path == "" || !strings.Contains(text, e.path)) { // which the last attempt may have
		text += " (https://" + e.host + e.path + ")"
	}
	return bounded(text)
}

func (e *operationError) Unwrap() error { return e.err }

// wrappedError puts a text before an error, or behind it. It prints one line of
// bounded length.
type wrappedError struct {
	text string
	errs []error // the last one is printed
	more string  // empty for none
}

func (e *wrappedError) Error() string { return bounded(e.print(e.errs[len(e.errs)-1].Error())) }

// print returns the text of the error, given that of the wrapped one.
func (e *wrappedError) print(wrapped string) string {
	if e.more != "" {
		wrapped = strings.TrimSuffix(wrapped, ".")
	}
	return joined("; ", joined(": ", e.text, wrapped), e.more)
}

// joined joins the texts that aren't empty.
func joined(separator string, texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(text string) bool { return text == "" }), separator)
}

func (e *wrappedError) Unwrap() []error { return e.errs }

// bounded returns a message as one line of bounded length. A long one keeps its
// end, where the errors of credentials give their advice.
func bounded(text string) string {
	const end = maxPrintedError / 4
	if len(text) <= maxPrintedError {
		return printable.Line(text, maxPrintedError)
	}
	return printable.Line(text[:maxPrintedError], maxPrintedError-end-len(" ")) + " " + printable.Line(text[len(text)-end:], end)
}

// withOperation puts the operation before an error that doesn't name it by itself.
func withOperation(operation string, err error) error {
	switch e := err.(type) {
	case nil:
		return nil
	case *ErrorResponse, *CloudError:
		return err
	case *ParameterError:
		named := *e
		named.operation = operation
		return &named
	}
	return &operationError{operation: operation, err: err}
}

// outcomeUnknown returns the error of a request that the service may have carried out.
func outcomeUnknown(route *routes.Route, err error) error {
	look := "get the resource"
	if route.Kind == routes.Action {
		look = "list the jobs of the assignment"
	}
	more := ErrOutcomeUnknown.Error() + "; " + look + " before sending it again"
	return &wrappedError{more: more, errs: []error{ErrOutcomeUnknown, err}}
}

// setBody sets what the body of an error says.
func (e *ServiceError) setBody(said errorbody.Error, s printable.Secrets) {
	d := errorDetail(said, s)
	e.Code, e.Message, e.Target, e.AdditionalProperties = d.Code, d.Message, d.Target, d.AdditionalProperties
	e.Details, e.AdditionalInfo = d.Details, d.AdditionalInfo
}

func errorDetail(said errorbody.Error, s printable.Secrets) ErrorDetail {
	d := ErrorDetail{
		Code:                 s.Blank(said.Code),
		Message:              s.Blank(said.Message),
		Target:               s.Blank(said.Target),
		AdditionalInfo:       additionalInfo(said.AdditionalInfo, s),
		AdditionalProperties: blankMembers(said.AdditionalProperties, s),
	}
	for _, detail := range said.Details {
		d.Details = append(d.Details, errorDetail(detail, s))
	}
	return d
}
