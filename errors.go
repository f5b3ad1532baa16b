package armsecops

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	mirror "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Errors that [errors.Is] finds. Those with a status code stand for every
// answer with that status.
var (
	ErrUnauthorized       error = statusError(http.StatusUnauthorized)
	ErrForbidden          error = statusError(http.StatusForbidden)
	ErrNotFound           error = statusError(http.StatusNotFound)
	ErrConflict           error = statusError(http.StatusConflict)
	ErrPreconditionFailed error = statusError(http.StatusPreconditionFailed)
	ErrThrottled          error = statusError(http.StatusTooManyRequests)

	// ErrResponseTooLarge is a body beyond [ClientOptions].MaxResponseBytes.
	ErrResponseTooLarge error = tooLargeError{}

	// ErrUntrustedNextLink is a link to a next page that leads away from the
	// endpoint or from the listing. It was not followed.
	ErrUntrustedNextLink = errors.New("untrusted next link")

	// ErrPagingLoop is a link to a page that the listing has been at before.
	ErrPagingLoop = errors.New("the next link leads back to an earlier page")

	// ErrOutcomeUnknown is a request to start a job that got no answer. Whether
	// the job runs is told by a list of the assignment's jobs.
	ErrOutcomeUnknown = errors.New("outcome unknown: the job may or may not run, list the jobs before starting another")
)

// statusError stands for the answers with one status code.
type statusError int

func (e statusError) Error() string { return status(int(e)) }

type tooLargeError struct{}

func (tooLargeError) Error() string { return "response too large" }

// NonRetriable tells azcore's retry policy that the next answer would be as large.
func (tooLargeError) NonRetriable() {}

// ParameterError is a parameter that breaks its rule. Nothing was sent.
type ParameterError struct {
	Name   string // as in the method's signature
	Value  string
	Reason string // the rule, as in "must be a UUID"
}

// Error returns the parameter, its value and the rule in one line.
func (e *ParameterError) Error() string {
	if e.Value == "" {
		return "parameter " + e.Name + " " + e.Reason
	}
	return "parameter " + e.Name + " " + quote(e.Value) + " " + e.Reason
}

// ErrorResponse is an answer of Microsoft Sentinel that isn't the operation's
// success, or that could not be read.
type ErrorResponse struct {
	ServiceError
}

// CloudError is an answer of Microsoft Defender for Cloud that isn't the
// operation's success, or that could not be read.
type CloudError struct {
	ServiceError
}

// ServiceError is what [ErrorResponse] and [CloudError] have in common. It
// unwraps to [*azcore.ResponseError] and, where the answer could not be read,
// to the reason.
type ServiceError struct {
	Operation string // the client's method, as in "WorkspaceManagerJobsClient.Get"

	Code           string // from the body, else from the x-ms-error-code header
	Message        string
	Target         string
	Details        []ErrorDetail
	AdditionalInfo []ErrorAdditionalInfo

	// AdditionalProperties holds the members of the body's error that this version doesn't know.
	AdditionalProperties map[string]json.RawMessage

	StatusCode           int
	RequestID            string        // x-ms-request-id
	CorrelationRequestID string        // x-ms-correlation-request-id
	RetryAfter           time.Duration // how long the service asks to wait; 0: it doesn't say

	response *azcore.ResponseError
	cause    error // why the answer could not be read; nil: it could
}

func (e *ServiceError) service() *ServiceError { return e }

// The bounds of a printed error, in bytes.
const (
	maxPrintedText   = 512
	maxPrintedError  = 2048
	maxPrintedDetail = 3
)

// Error returns operation, status, code, message and request id in one line of bounded length.
func (e *ServiceError) Error() string {
	parts := []string{e.Operation, status(e.StatusCode)}
	if e.cause != nil && e.Code == "" && e.Message == "" {
		parts = append(parts, e.cause.Error())
	}
	if e.Code != "" {
		parts = append(parts, shorten(e.Code))
	}
	if e.Message != "" {
		parts = append(parts, shorten(e.Message))
	}
	line := strings.Join(parts, ": ")
	if len(e.Details) > 0 {
		var details []string
		for _, d := range e.Details[:min(len(e.Details), maxPrintedDetail)] {
			details = append(details, strings.Trim(shorten(d.Code)+": "+shorten(d.Message), ": "))
		}
		if more := len(e.Details) - len(details); more > 0 {
			details = append(details, strconv.Itoa(more)+" more")
		}
		line += " [" + strings.Join(details, "; ") + "]"
	}
	if len(line) > maxPrintedError {
		line = strings.ToValidUTF8(line[:maxPrintedError], "") + "…"
	}
	if id := e.requestID(); id != "" {
		line += " (request " + shorten(id) + ")"
	}
	return line
}

// requestID returns the id by which Azure support finds the request.
func (e *ServiceError) requestID() string {
	if e.RequestID != "" {
		return e.RequestID
	}
	return e.CorrelationRequestID
}

// Unwrap returns the [*azcore.ResponseError] and the reason why the answer could not be read, if any.
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

// Is reports whether the target is the sentinel of the error's status code.
func (e *ServiceError) Is(target error) bool {
	s, ok := target.(statusError)
	return ok && int(s) == e.StatusCode
}

// LogValue returns the fields that a log has a use for. None holds a token or the value of a query.
func (e *ServiceError) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.String("operation", e.Operation),
		slog.Int("status", e.StatusCode),
	}
	for _, a := range []slog.Attr{
		slog.String("code", shorten(e.Code)),
		slog.String("message", shorten(e.Message)),
		slog.String("target", shorten(e.Target)),
		slog.String("requestId", shorten(e.RequestID)),
		slog.String("correlationRequestId", shorten(e.CorrelationRequestID)),
	} {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	if e.RetryAfter > 0 {
		attrs = append(attrs, slog.Duration("retryAfter", e.RetryAfter))
	}
	if e.cause != nil {
		attrs = append(attrs, slog.String("cause", e.cause.Error()))
	}
	return slog.GroupValue(attrs...)
}

// HasCode reports whether err carries one of the codes, blind to casing: as the
// service's error code, or as that of a detail at any depth.
func HasCode(err error, codes ...string) bool {
	is := func(code string) bool {
		return code != "" && slices.ContainsFunc(codes, func(c string) bool { return strings.EqualFold(c, code) })
	}
	var service interface{ service() *ServiceError }
	if errors.As(err, &service) {
		e := service.service()
		return is(e.Code) || hasDetail(e.Details, is)
	}
	response, ok := errors.AsType[*azcore.ResponseError](err)
	return ok && is(response.ErrorCode)
}

func hasDetail(details []ErrorDetail, is func(code string) bool) bool {
	return slices.ContainsFunc(details, func(d ErrorDetail) bool { return is(d.Code) || hasDetail(d.Details, is) })
}

// JobFailedError is a job that ended Failed or Canceled.
type JobFailedError struct {
	Job Job
}

// maxPrintedFailures bounds the message of a JobFailedError.
const maxPrintedFailures = 10

// Error names the job and its state, then the failures, one in a line, and
// counts those beyond the tenth.
func (e *JobFailedError) Error() string {
	p := e.Job.Properties
	summary := p.Summary()
	var b strings.Builder
	fmt.Fprintf(&b, "job %s: %s: %d of %d items failed", shorten(e.Job.Name), shorten(string(p.ProvisioningState)), summary.Failed, summary.Total)
	if p.ErrorMessage != "" {
		b.WriteString(": " + shorten(p.ErrorMessage))
	}
	n := 0
	for f := range p.Failures() {
		if n++; n > maxPrintedFailures {
			continue
		}
		b.WriteString("\n" + shorten(f.ResourceID))
		if f.MemberResourceName != "" {
			b.WriteString(" at member " + shorten(f.MemberResourceName))
		}
		if f.ErrorMessage != "" {
			b.WriteString(": " + shorten(f.ErrorMessage))
		}
	}
	if more := n - maxPrintedFailures; more > 0 {
		fmt.Fprintf(&b, "\nand %d more", more)
	}
	return b.String()
}

// PageError is a listing that ended early.
type PageError struct {
	// ContinuationToken names the page that failed. A pager made with it goes on there.
	ContinuationToken string

	// Err is why the page failed.
	Err error
}

// Error returns that of Err.
func (e *PageError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *PageError) Unwrap() error { return e.Err }

// LogValue returns that of Err.
func (e *PageError) LogValue() slog.Value { return slog.AnyValue(e.Err).Resolve() }

// callError puts the operation before an error that doesn't come from the service.
type callError struct {
	operation string
	err       error
}

func (e *callError) Error() string { return e.operation + ": " + oneLine(withoutURL(e.err)) }
func (e *callError) Unwrap() error { return e.err }

// withoutURL returns the error's text without the URL that net/http puts there,
// whose query may hold what is nobody else's business.
func withoutURL(err error) string {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return strings.ReplaceAll(err.Error(), e.Error(), e.Err.Error())
	}
	return err.Error()
}

// serviceError makes the error of an answer; cause is why it could not be read, or nil.
func (x *exchange) serviceError(resp *http.Response, cause error) error {
	e := ServiceError{
		Operation:            x.operation,
		StatusCode:           resp.StatusCode,
		RequestID:            resp.Header.Get("x-ms-request-id"),
		CorrelationRequestID: resp.Header.Get("x-ms-correlation-request-id"),
		RetryAfter:           retryAfter(resp.Header, time.Now()),
		cause:                cause,
	}
	if !x.succeeded(resp) {
		e.readBody(resp, x.client.maxErrorBytes)
	}
	if e.Code == "" {
		e.Code = resp.Header.Get("x-ms-error-code")
	}
	// Not by way of azcore's constructor: it prints the body, indented, for a log
	// that may have no reader, and a small body that is deep makes a huge print.
	e.response = &azcore.ResponseError{ErrorCode: e.Code, StatusCode: resp.StatusCode, RawResponse: resp}
	return x.client.newError(e)
}

// readBody takes from the body of an error what it has to say.
func (e *ServiceError) readBody(resp *http.Response, limit int64) {
	if resp.StatusCode < 400 { // azcore has read the others
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, limit+1), resp.Body}
	}
	body, err := runtime.Payload(resp)
	if err != nil && e.cause == nil {
		e.cause = fmt.Errorf("reading the response: %w", err)
	}
	if int64(len(body)) > limit && e.cause == nil {
		e.cause = ErrResponseTooLarge
	}
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	var detail ErrorDetail
	if isJSONObject(body) {
		_ = readError(jsontext.NewDecoder(bytes.NewBuffer(body), lenient), &detail, 0) // whatever can be had is welcome
	} else {
		detail.Message = plainText(body)
	}
	e.Code, e.Message, e.Target = detail.Code, detail.Message, detail.Target
	e.Details, e.AdditionalInfo, e.AdditionalProperties = detail.Details, detail.AdditionalInfo, detail.AdditionalProperties
}

// lenient is how the body of an error is read: whatever can be had from it is welcome.
var lenient = mirror.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// maxUnwrapped bounds how many errors inside errors are looked at: envelopes,
// and messages that hold the JSON of another error.
const maxUnwrapped = 4

// readError reads the shapes of errors that the two providers are seen to use,
// up to the end of the object. Where the text is cut or broken before, it
// returns an error, and what came before that is read.
func readError(d *jsontext.Decoder, e *ErrorDetail, depth int) (err error) {
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for err == nil && d.PeekKind() != '}' {
		var token jsontext.Token
		if token, err = d.ReadToken(); err != nil {
			break
		}
		name := token.String()
		switch strings.ToLower(name) {
		case "error", "odata.error":
			if d.PeekKind() == '{' && depth < maxUnwrapped {
				err = readError(d, e, depth+1)
			} else {
				err = readMember(d, e, name, &e.Code) // as OAuth has it
			}
		case "code", "errorcode":
			err = readMember(d, e, name, &e.Code)
		case "message", "error_description":
			err = readMember(d, e, name, &e.Message)
		case "target":
			err = readMember(d, e, name, &e.Target)
		case "details":
			err = readDetails(d, e, name, depth)
		case "additionalinfo":
			err = readMember(d, e, name, &e.AdditionalInfo)
		default:
			err = readMember(d, e, name, nil)
		}
	}
	if err == nil {
		_, err = d.ReadToken()
	}
	if depth < maxUnwrapped && isJSONObject([]byte(e.Message)) {
		unwrapMessage(e, depth+1)
	}
	return err
}

// readDetails reads what can be had of the details: each is an error of its own.
func readDetails(d *jsontext.Decoder, e *ErrorDetail, name string, depth int) error {
	if d.PeekKind() != '[' {
		return readMember(d, e, name, nil)
	}
	_, err := d.ReadToken()
	for err == nil && d.PeekKind() != ']' {
		if d.PeekKind() != '{' {
			err = d.SkipValue() // it is no error, or no JSON
			continue
		}
		var detail ErrorDetail
		err = readError(d, &detail, depth)
		if !reflect.ValueOf(detail).IsZero() {
			e.Details = append(e.Details, detail)
		}
	}
	if err == nil {
		_, err = d.ReadToken()
	}
	return err
}

// readMember reads the next value into the field, or keeps it with the members
// that have none. Only a value that is cut or broken is an error.
func readMember(d *jsontext.Decoder, e *ErrorDetail, name string, field any) error {
	value, err := d.ReadValue()
	if err != nil || value.Kind() == 'n' {
		return err
	}
	if field != nil {
		read := reflect.New(reflect.TypeOf(field).Elem()) // half a value is none
		if mirror.Unmarshal(value, read.Interface(), lenient) == nil {
			reflect.ValueOf(field).Elem().Set(read.Elem())
			return nil
		}
	}
	if e.AdditionalProperties == nil {
		e.AdditionalProperties = map[string]json.RawMessage{}
	}
	e.AdditionalProperties[name] = json.RawMessage(value.Clone())
	return nil
}

// unwrapMessage replaces a message that holds the JSON of an error by what that error says.
func unwrapMessage(e *ErrorDetail, depth int) {
	var inner ErrorDetail
	_ = readError(jsontext.NewDecoder(bytes.NewBufferString(e.Message), lenient), &inner, depth)
	if inner.Message == "" {
		return
	}
	e.Message = inner.Message
	switch {
	case e.Code == "":
		e.Code = inner.Code
	case inner.Code != "" && !strings.EqualFold(e.Code, inner.Code):
		e.Details = append(e.Details, inner)
		return
	}
	if e.Target == "" {
		e.Target = inner.Target
	}
	e.Details = append(e.Details, inner.Details...)
	e.AdditionalInfo = append(e.AdditionalInfo, inner.AdditionalInfo...)
}

func isJSONObject(text []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{"))
}

var markup = regexp.MustCompile(`(?s)<(style|script)\b.*?</(style|script)>|<[^>]*>`)

// plainText returns what a body that isn't JSON says, such as the HTML page of a gateway.
func plainText(body []byte) string {
	const enough = 16 << 10
	return shorten(markup.ReplaceAllString(string(body[:min(len(body), enough)]), " "))
}

// retryAfter returns how long the header asks to wait: in milliseconds, in
// seconds, or up to a date. What cannot be read says nothing.
func retryAfter(header http.Header, now time.Time) time.Duration {
	const longest = 1000 * time.Hour // beyond any wait that a client would take part in
	for _, h := range []struct {
		name string
		unit time.Duration
	}{{"retry-after-ms", time.Millisecond}, {"x-ms-retry-after-ms", time.Millisecond}, {"retry-after", time.Second}} {
		value := strings.TrimSpace(header.Get(h.name))
		if n, err := strconv.ParseUint(value, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
			if n > uint64(longest/h.unit) {
				return longest
			}
			if n > 0 {
				return time.Duration(n) * h.unit
			}
		} else if date, err := http.ParseTime(value); err == nil && h.unit == time.Second {
			return min(max(date.Sub(now), 0), longest)
		}
	}
	return 0
}

func status(code int) string {
	return strings.TrimSpace(strconv.Itoa(code) + " " + http.StatusText(code))
}

// quote returns the value in quotes, shortened.
func quote(s string) string { return strconv.Quote(shorten(s)) }

// shorten returns text that came from elsewhere as one line of bounded length.
func shorten(s string) string {
	cut := len(s) > maxPrintedText
	if cut {
		s = s[:maxPrintedText]
	}
	if s = oneLine(s); cut {
		s += "…"
	}
	return s
}

// oneLine folds white space and drops what could change a terminal or a log.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return strings.Join(strings.Fields(s), " ")
}
