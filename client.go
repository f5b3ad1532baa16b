package armsecops

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"

	"github.com/armsecops/armsecops/internal/errorbody"
	"github.com/armsecops/armsecops/internal/exchange"
	"github.com/armsecops/armsecops/internal/nextlink"
	"github.com/armsecops/armsecops/internal/printable"
	"github.com/armsecops/armsecops/internal/resume"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/throttle"
	"github.com/armsecops/armsecops/internal/wire"
)

const (
	moduleName    = "github.com/armsecops/armsecops"
	moduleVersion = "v0.2.0-dev"
)

// client is the view that one client of one service and subscription has of a connection.
type client struct {
	*connection
	subscriptionID string                   // empty for none
	newError       func(ServiceError) error // makes the service's own type of error
}

// connection is what the clients of a factory share.
type connection struct {
	arm           *arm.Client
	parents       tracing.Tracer // of the spans of operations that consist of others
	endpoint      *url.URL
	apiVersion    string // of every request; empty for the routes' own
	maxErrorBytes int64
	tokens        *printable.Tokens
}

func newConnection(credential azcore.TokenCredential, options *ClientOptions) (*connection, error) {
	if credential == nil {
		return nil, &ParameterError{Name: "credential", Reason: "must not be nil"}
	}
	if options == nil {
		options = &ClientOptions{}
	}
	httpClient, isHTTPClient := options.Transport.(*http.Client)
	switch {
	case options.MaxResponseBytes < 0:
		return nil, invalid("MaxResponseBytes", strconv.FormatInt(options.MaxResponseBytes, 10), "must not be negative")
	case isHTTPClient && httpClient == nil:
		return nil, &ParameterError{Name: "Transport", Reason: "must not be a nil *http.Client"}
	case slices.Contains(options.PerCallPolicies, nil):
		return nil, &ParameterError{Name: "PerCallPolicies", Reason: "must not have a nil policy"}
	case slices.Contains(options.PerRetryPolicies, nil):
		return nil, &ParameterError{Name: "PerRetryPolicies", Reason: "must not have a nil policy"}
	}
	maxBytes := options.MaxResponseBytes
	if maxBytes == 0 {
		maxBytes = defaultMaxResponseBytes
	}
	c := &connection{apiVersion: options.APIVersion, maxErrorBytes: min(maxBytes, maxErrorResponseBytes), tokens: &printable.Tokens{}}

	armOptions := options.ClientOptions.Clone()
	armOptions.APIVersion = "" // the URL of each request has it already
	exchange.Configure(armOptions, throttle.NewGates(options.Retry), maxBytes, c.maxErrorBytes)
	var err error
	if c.arm, err = arm.NewClient(moduleName, moduleVersion, markedCredential{credential, c.tokens}, armOptions); err != nil {
		return nil, &ParameterError{Name: "options", Reason: "must be those of an Azure Resource Manager client: " + err.Error()}
	}
	c.parents = options.TracingProvider.NewTracer(moduleName, moduleVersion)
	c.endpoint, err = url.Parse(c.arm.Endpoint())
	if err != nil || c.endpoint.Host == "" || c.endpoint.Scheme != "https" && !options.InsecureAllowCredentialWithHTTP {
		return nil, invalid("Cloud", c.arm.Endpoint(), "must have an https URL as its Resource Manager endpoint")
	}
	return c, nil
}

// markedCredential marks the errors of the caller's credential, which concern
// every request, whatever its subscription. It remembers the tokens, for errors
// to blank.
type markedCredential struct {
	azcore.TokenCredential
	tokens *printable.Tokens
}

func (c markedCredential) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := c.TokenCredential.GetToken(ctx, options)
	if err != nil {
		err = &credentialError{err, options.Claims != ""}
		exchange.NoToken(ctx, err)
	}
	c.tokens.Add(token.Token)
	return token, err
}

// credentialError is an error of GetToken: [ErrCredential]. It concerns every
// request, whatever its subscription, unless the response to one asked for claims.
type credentialError struct {
	err    error // not embedded: go doc would list the constructors apart from their types
	claims bool
}

// Error returns the text without the rules of dashes that azidentity draws in it.
func (e *credentialError) Error() string {
	return "getting a token: " + dashes.ReplaceAllString(e.err.Error(), "")
}

var dashes = regexp.MustCompile(`-{8,}`)

func (e *credentialError) Is(target error) bool { return target == ErrCredential }
func (e *credentialError) Unwrap() error        { return e.err }

// of returns the client for a subscription.
func (c client) of(subscriptionID string) client {
	c.subscriptionID = subscriptionID
	return c
}

// call describes one call of an operation.
type call struct {
	route     *routes.Route
	name      string                 // of the client's method; empty for the route's
	span      string                 // the name of its span; empty for that of the method
	values    pathValues             // without the subscription
	query     string                 // escaped, without api-version
	link      string                 // to a page of the listing, in the place of the query
	visit     func(url string) error // refuses the URL of a page that was there before; nil to accept every URL
	body      any                    // nil for none
	first     bool                   // the page is a listing's first one
	creates   bool                   // the resource is new, as far as the caller knows
	parameter string                 // the name of the body's parameter
}

// pathValues are the values of a path's parameters, in their order.
type pathValues [4]string

// run performs a call and returns the result.
func run[T any](ctx context.Context, c client, op call) (T, error) {
	result, _, err := runResponse[T](ctx, c, op)
	return result, err
}

// runResponse performs a call: it starts the span, checks the arguments, sends,
// decodes and makes the error. Nothing else does. The response is that of a
// success, with its body in memory; nil with an error, and for a resource that an
// earlier attempt deleted.
func runResponse[T any](ctx context.Context, c client, op call) (result T, resp *http.Response, err error) {
	name, route := cmp.Or(op.name, op.route.Operation), op.route
	if ctx == nil {
		return result, nil, withOperation(name, errNilContext)
	}
	ctx, endSpan := c.startSpan(ctx, cmp.Or(op.span, name), &op)
	var failed error // of the request, if another operation has the outcome
	defer func() { endSpan(cmp.Or(failed, err)) }()

	values, err := c.checkedValues(&op)
	if err != nil {
		return result, nil, withOperation(name, err)
	}
	newError := func(f exchange.Failure) error { return c.serviceError(name, route, f) }
	req, err := c.newRequest(exchange.WithCall(ctx, exchange.Call{
		Operation:  name,
		Success:    route.Success,
		Repeatable: route.Repeatable,
		Gate:       route.Gate(values),
		NewError:   newError,
		Waited:     c.noteWait(ctx),
	}), &op, values)
	if err != nil {
		return result, nil, withOperation(name, err)
	}
	resp, unknown, err := exchange.Do(c.arm.Pipeline(), req)
	if err == nil {
		if err = decode(resp, &op, &result); err != nil {
			result, unknown = *new(T), true
			err = newError(exchange.Failure{Response: resp, Reason: err, Sent: exchange.SentOf(req)})
		}
	}
	switch {
	case err == nil:
		if started, ok := any(&result).(interface{ jobName() string }); ok {
			c.noteJob(ctx, started.jobName())
		}
		return result, resp, nil
	case unknown && route.Kind == routes.Delete && isGone(err):
		return result, nil, nil // an earlier attempt deleted it
	}
	sent := exchange.SentOf(req)
	err = withOperation(name, blankError(c.secrets(req.Raw(), sent), err))
	if e, ok := err.(*operationError); ok {
		e.subscriptionID = c.subscriptionOf(&op)
	}
	if e, ok := err.(*operationError); ok && !errors.Is(err, ErrCredential) {
		e.host, e.path, e.clientRequestID = line(req.Raw().URL.Host), requestPath(route, req.Raw()), line(sent.ClientRequestID)
	}
	switch {
	case !unknown || route.Kind == routes.Get || route.Kind == routes.List || route.Kind == routes.Query:
	case !route.Repeatable || mayBeOwn(route, err):
		if op.span != "" {
			failed = err
		}
		err = outcomeUnknown(route, err)
	default:
		err = &wrappedError{more: errMaybeCarriedOut.Error(), errs: []error{errMaybeCarriedOut, err}}
	}
	return result, nil, err
}

var errNilContext = &ParameterError{Name: "ctx", Reason: "must not be nil"}

// mayBeOwn reports whether an earlier attempt of the same write can have caused the
// error, or the error leaves open what became of that attempt.
func mayBeOwn(route *routes.Route, err error) bool {
	status := statusOf(err)
	return route.Kind == routes.Delete && status == http.StatusNotFound || status == http.StatusConflict || status == http.StatusPreconditionFailed
}

// decode reads the body of a response to a call into the result. The error is
// [ErrUnexpectedResponse] if the body isn't what the operation returns.
func decode(resp *http.Response, op *call, result any) error {
	body, err := runtime.Payload(resp)
	if err != nil {
		return fmt.Errorf("reading the response: %w", err)
	}
	model := result
	if doc, ok := result.(document); ok {
		model = doc.plain()
	}
	switch err := wire.Unmarshal(body, model); {
	case op.route.Kind == routes.Delete && !wire.IsPage(body):
		return nil // its status says everything
	case errors.Is(err, ErrResponseTooLarge):
		return fmt.Errorf("decoding the response: %w", err)
	case err != nil:
		more := ""
		switch {
		case len(bytes.TrimSpace(body)) == 0:
			more = "the body is empty"
		case wire.IsPage(body):
			more = "it looks like a page of HTML or XML, such as that of a proxy or a portal"
		}
		return &wrappedError{text: "decoding the response", errs: []error{ErrUnexpectedResponse, err}, more: more}
	case !wire.IsObject(body):
		return fmt.Errorf("%w: null is not an object", ErrUnexpectedResponse)
	}
	if r, ok := result.(response); ok {
		return r.unexpected(op.first)
	}
	return nil
}

// response is what has members that the body of a success must have.
type response interface {
	// unexpected returns what is wrong with the decoded body, an [ErrUnexpectedResponse]
	// or [ErrNotExemption]; nil for nothing.
	//   - first: the body is the first page of a listing
	unexpected(first bool) error
}

// newRequest makes the request of the call.
func (c client) newRequest(ctx context.Context, op *call, values []string) (*policy.Request, error) {
	u, err := c.requestURL(op, values)
	if err != nil {
		return nil, err
	}
	if op.visit != nil {
		if err := op.visit(u.String()); err != nil {
			return nil, err
		}
	}
	raw, err := http.NewRequestWithContext(ctx, op.route.Method, "", nil)
	if err != nil {
		return nil, err
	}
	*raw.URL, raw.Host = u, u.Host                      // as text, the URL would be parsed again
	raw.Header["Accept"] = []string{"application/json"} // of its own: a policy may change it
	req, err := runtime.NewRequestFromRequest(raw)
	if err != nil {
		return nil, err
	}
	if op.body != nil {
		body, err := wire.Marshal(op.body)
		if err != nil {
			return nil, &ParameterError{Name: op.parameter, Reason: "must have a JSON form: " + err.Error()}
		}
		if err := req.SetBody(exchange.NewBody(body), "application/json"); err != nil {
			return nil, err
		}
	}
	return req, nil
}

// requestURL returns the URL of the call: the route's own, or that of its link.
func (c client) requestURL(op *call, values []string) (url.URL, error) {
	override := c.apiVersion
	if op.route.Kind == routes.Query { // which the options' api-version, that of a resource, isn't for
		override = ""
	}
	u := op.route.URL(c.endpoint, override, op.query, values...)
	if op.link == "" {
		return u, nil
	}
	return nextlink.Listing{
		First:      u,
		Endpoint:   c.endpoint,
		APIVersion: cmp.Or(override, op.route.APIVersion),
		Override:   override != "",
	}.Resolve(op.link)
}

// resumable returns what the continuation tokens of a call are bound to.
func (c client) resumable(op *call) (resume.Listing, error) {
	values, err := c.checkedValues(op)
	if err != nil {
		return resume.Listing{}, err
	}
	shared := slices.DeleteFunc(strings.Split(op.query, "&"), func(option string) bool {
		return !strings.HasPrefix(option, "$filter=") && !strings.HasPrefix(option, "$orderby=")
	})
	return resume.Listing{Endpoint: c.endpoint, Path: op.route.URLPath(values...), Options: strings.Join(shared, "&")}, nil
}

// checkedValues returns the values of the route's parameters, or the error of the
// first that breaks its rule.
func (c client) checkedValues(op *call) ([]string, error) {
	values := c.values(op)
	check := op.route.Check
	if op.creates {
		check = op.route.CheckNew
	}
	return values, parameterError(check(values))
}

// values returns the values of the route's parameters: the subscription first, if
// it has one, then the call's own.
func (c client) values(op *call) []string {
	values := make([]string, 0, 1+len(op.values))
	if op.route.OfSubscription() {
		values = append(values, c.subscriptionID)
	}
	return append(values, op.values[:]...)
}

// parameterError makes the error of what [routes.Route.Check] returns; nil for no rule.
func parameterError(name, value, rule string) error {
	if rule == "" {
		return nil
	}
	return invalid(routes.GoName(name), value, rule)
}

// parseID returns the parts of an id that is a path of the route.
func parseID(route *routes.Route, id string) ([]string, error) {
	values, ok := route.MatchID(id)
	if !ok {
		return nil, invalid("id", id, "must have the form "+route.Path)
	}
	if name, _, reason := route.Check(values); reason != "" {
		return nil, invalid("id", id, "has an invalid "+routes.GoName(name)+": it "+reason)
	}
	return values, nil
}

// maxKeptBytes bounds the part of a body that an error keeps in memory, beside as
// much of it in its fields.
const maxKeptBytes = 32 << 10

// serviceError makes the error of a response to the operation of that name.
func (c client) serviceError(name string, route *routes.Route, f exchange.Failure) error {
	resp := f.Response
	sent := f.Sent
	if sent == (exchange.Sent{}) && resp.Request != nil {
		sent.Note(resp.Request.Header)
	}
	s := c.secrets(resp.Request, sent)
	e := ServiceError{
		Operation:            name,
		StatusCode:           resp.StatusCode,
		RequestID:            s.Blank(resp.Header.Get("x-ms-request-id")),
		CorrelationRequestID: s.Blank(resp.Header.Get("x-ms-correlation-request-id")),
		RetryAfter:           throttle.RetryAfter(resp, time.Now()),
		path:                 requestPath(route, resp.Request),
		clientRequestID:      line(sent.ClientRequestID),
		cause:                f.Reason,
	}
	if failed, ok := errors.AsType[exchange.RegistrationError](f.Reason); ok {
		var why error = failed
		if refused, ok := errors.AsType[*azcore.ResponseError](failed); ok && refused.RawResponse != nil {
			why = c.serviceError("", route, exchange.Failure{Response: refused.RawResponse})
		}
		e.cause = &wrappedError{text: "registering the resource provider failed", errs: []error{why}}
	}
	body, err := runtime.Payload(resp)
	e.Page = wire.IsPage(body)
	e.text = len(bytes.TrimSpace(body)) > 0 && !wire.IsObject(body)
	switch {
	case !slices.Contains(route.Success, resp.StatusCode):
		switch {
		case e.cause != nil:
		case err != nil:
			e.cause = fmt.Errorf("reading the response: %w", err)
		case int64(len(body)) > c.maxErrorBytes:
			e.cause = fmt.Errorf("%w: more than %d bytes", ErrResponseTooLarge, c.maxErrorBytes)
		case resp.StatusCode < 300:
			e.cause = fmt.Errorf("%w: a success, but not one of the operation's", ErrUnexpectedResponse)
		case resp.StatusCode < 400:
			e.cause = errors.New("a redirect was not followed")
			if to, err := resp.Location(); err == nil {
				e.cause = fmt.Errorf("a redirect to the host %.100q was not followed", to.Host)
			}
		}
		text := body
		if !wire.IsObject(body) { // of a text, only the beginning is read: it must not cut a secret
			text = []byte(s.Blank(string(body)))
		}
		said := errorbody.Read(text)
		if said.Code+said.Message == "" && said.AdditionalProperties != nil { // JSON of another kind
			said.Message = errorbody.PlainText([]byte(s.Blank(string(body)))) // which it cuts
		}
		e.setBody(said, s)
	case e.Page:
		e.Message = errorbody.PlainText([]byte(s.Blank(string(body))))
	case errors.Is(f.Reason, ErrUnexpectedResponse) && wire.IsObject(body):
		if said := errorbody.Read(body); said.Code != "" || said.Message != "" {
			e.setBody(said, s)
		}
	}
	if e.Code == "" {
		e.Code = s.Blank(resp.Header.Get("x-ms-error-code"))
	}
	e.cause = blankError(s, e.cause)
	kept := *resp
	kept.Body = io.NopCloser(bytes.NewReader(bytes.Clone(body[:min(len(body), maxKeptBytes)])))
	// azcore's constructor would print all of the body, indented, for a log that may have
	// no reader.
	e.response = &azcore.ResponseError{ErrorCode: e.Code, StatusCode: resp.StatusCode, RawResponse: &kept}
	return c.newError(e)
}

func additionalInfo(said []errorbody.Info, s printable.Secrets) []ErrorAdditionalInfo {
	var infos []ErrorAdditionalInfo
	for _, i := range said {
		i.Type, i.Info = s.Blank(i.Type), blankJSON(i.Info, s)
		i.AdditionalProperties = blankMembers(i.AdditionalProperties, s)
		infos = append(infos, ErrorAdditionalInfo(i))
	}
	return infos
}

// blankJSON returns JSON without the secrets; nil if it isn't JSON without them.
func blankJSON(raw json.RawMessage, s printable.Secrets) json.RawMessage {
	if blank := json.RawMessage(s.Blank(string(raw))); json.Valid(blank) {
		return blank
	}
	return nil
}

func blankMembers(members map[string]json.RawMessage, s printable.Secrets) map[string]json.RawMessage {
	for name, raw := range members {
		members[name] = blankJSON(raw, s)
	}
	return members
}

// secrets returns what no text of an error may show: the tokens of the call and of the
// credential, and the query of a request, which may be nil.
func (c client) secrets(req *http.Request, sent exchange.Sent) printable.Secrets {
	query := ""
	if req != nil && req.URL != nil {
		query = req.URL.RawQuery
	}
	return printable.NewSecrets(c.tokens.Recent(sent.Authorization[:]...), query)
}

// blankError returns an error whose text has neither secrets nor the URLs that
// net/http puts there. That of a service's error hasn't, anyway.
func blankError(s printable.Secrets, err error) error {
	switch err.(type) {
	case nil, *ErrorResponse, *CloudError:
		return err
	}
	text := err.Error()
	for err := range tree(err) {
		if e, ok := err.(*url.Error); ok {
			text = strings.ReplaceAll(text, e.Error(), e.Err.Error())
		}
	}
	if text = s.Blank(text); text == err.Error() {
		return err
	}
	return &blankedError{err, text}
}

// blankedError is an error in whose text secrets are blanked.
type blankedError struct {
	err  error
	text string
}

func (e *blankedError) Error() string { return e.text }
func (e *blankedError) Unwrap() error { return e.err }
