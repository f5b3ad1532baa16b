package armsecops

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"

	"github.com/armsecops/armsecops/internal/exchange"
	"github.com/armsecops/armsecops/internal/nextlink"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/throttle"
	"github.com/armsecops/armsecops/internal/wire"
)

const (
	moduleName    = "github.com/armsecops/armsecops"
	moduleVersion = "v0.1.0"
)

// client is the view that one client of one service and subscription has of a connection.
type client struct {
	*connection
	subscriptionID string                   // empty: none
	newError       func(ServiceError) error // makes the service's own type of error
}

// connection is what the clients of a factory share.
type connection struct {
	arm           *arm.Client
	endpoint      *url.URL
	apiVersion    string // overrides those of the routes; empty: it doesn't
	maxErrorBytes int64
}

func newConnection(credential azcore.TokenCredential, options *ClientOptions) (*connection, error) {
	if credential == nil {
		return nil, &ParameterError{Name: "credential", Reason: "must not be nil"}
	}
	if options == nil {
		options = &ClientOptions{}
	}
	if options.MaxResponseBytes < 0 {
		return nil, &ParameterError{Name: "MaxResponseBytes", Reason: "must not be negative"}
	}
	maxBytes := options.MaxResponseBytes
	if maxBytes == 0 {
		maxBytes = defaultMaxResponseBytes
	}
	c := &connection{apiVersion: options.APIVersion, maxErrorBytes: min(maxBytes, maxErrorResponseBytes)}

	armOptions := options.ClientOptions.Clone()
	armOptions.APIVersion = "" // the URL of each request has it already
	exchange.Configure(armOptions, throttle.NewGates(options.Retry), maxBytes, c.maxErrorBytes)
	var err error
	if c.arm, err = arm.NewClient(moduleName, moduleVersion, markedCredential{credential}, armOptions); err != nil {
		return nil, &ParameterError{Name: "options", Reason: "must be those of an Azure Resource Manager client: " + err.Error()}
	}
	c.endpoint, err = url.Parse(c.arm.Endpoint())
	if err != nil || c.endpoint.Host == "" || c.endpoint.Scheme != "https" && !options.InsecureAllowCredentialWithHTTP {
		return nil, &ParameterError{"Cloud", c.arm.Endpoint(), "must have an https URL as its Resource Manager endpoint"}
	}
	return c, nil
}

// markedCredential marks the errors of the caller's credential, which concern
// every request, whatever its subscription.
type markedCredential struct{ azcore.TokenCredential }

func (c markedCredential) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := c.TokenCredential.GetToken(ctx, options)
	if err != nil {
		err = &credentialError{err}
	}
	return token, err
}

// credentialError is an error of GetToken: [ErrCredential].
type credentialError struct{ error }

func (e *credentialError) Is(target error) bool { return target == ErrCredential }
func (e *credentialError) Unwrap() error        { return e.error }

// withSubscription returns the same client for another subscription.
func (c client) withSubscription(subscriptionID string) (client, error) {
	if err := checkSubscription(subscriptionID); err != nil {
		return client{}, err
	}
	c.subscriptionID = subscriptionID
	return c, nil
}

func checkSubscription(id string) error {
	return checkParameters(routes.AssignmentsListBySubscription, []string{id})
}

// call describes one call of an operation.
type call struct {
	route     *routes.Route
	name      string                 // the client's method; empty: the route's
	values    pathValues             // without the subscription
	query     string                 // escaped, without api-version
	link      string                 // to a page after the first, in the place of the query
	visit     func(url string) error // refuses the URL of a page that was there before; nil: doesn't
	body      any                    // nil: none
	parameter string                 // the name of the body's parameter
	response  **http.Response        // set to the response of a success, with its body; nil: isn't
}

// pathValues are the values of a path's parameters, in their order.
type pathValues [4]string

// run performs a call: it starts the span, checks the arguments, sends, decodes
// and makes the error. Nothing else does.
func run[T any](ctx context.Context, c client, call call) (result T, err error) {
	name, route := cmp.Or(call.name, call.route.Operation), call.route
	ctx = context.WithValue(ctx, runtime.CtxAPINameKey{}, name)
	ctx, endSpan := c.startSpan(ctx, name, route)
	defer func() { endSpan(err) }()

	req, err := c.newRequest(ctx, &call)
	if err != nil {
		return result, withOperation(name, err)
	}
	newError := func(f exchange.Failure) error { return c.serviceError(name, route, f) }
	resp, unknown, err := exchange.Do(c.arm.Pipeline(), req, exchange.Call{
		Success:    route.Success,
		Repeatable: route.Repeatable,
		Gate:       c.gate(&call),
		NewError:   newError,
	})
	if err == nil && route.Method != http.MethodDelete { // the body of a deletion says nothing
		if err = decode(resp, &result); err != nil {
			result, unknown = *new(T), true
			err = newError(exchange.Failure{Response: resp, Reason: fmt.Errorf("decoding the response: %w", err)})
		}
	}
	switch {
	case err == nil:
		if call.response != nil {
			*call.response = resp
		}
		return result, nil
	case unknown && route.Method == http.MethodDelete && errors.Is(err, ErrNotFound):
		return result, nil // an earlier attempt deleted it
	}
	err = withOperation(name, err)
	isWrite := route.Method != http.MethodGet && !route.IsQuery()
	if unknown && isWrite && (!route.Repeatable || errors.Is(err, ErrConflict) || errors.Is(err, ErrPreconditionFailed)) {
		err = outcomeUnknown(err)
	}
	return result, err
}

// startSpan starts the span of an operation. The returned function ends it, with
// the operation's error if it has one.
func (c client) startSpan(ctx context.Context, name string, route *routes.Route) (context.Context, func(error)) {
	tracer := c.arm.Tracer()
	if !tracer.Enabled() {
		return ctx, func(error) {}
	}
	return runtime.StartSpan(ctx, name, tracer, &runtime.StartSpanOptions{Attributes: spanAttributes(route)})
}

// startParentSpan is startSpan for an operation that consists of others, which
// keep spans of their own: below a span of runtime.StartSpan they would have none.
func (c client) startParentSpan(ctx context.Context, name string, route *routes.Route) (context.Context, func(error)) {
	ctx, span := c.arm.Tracer().Start(ctx, name, &tracing.SpanOptions{Kind: tracing.SpanKindInternal, Attributes: spanAttributes(route)})
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(tracing.SpanStatusError, fmt.Sprintf("%T:\n%v", err, err))
		}
		span.End()
	}
}

// spanAttributes returns those of an operation's span. azcore sets az.namespace,
// too, but only when a request is sent whose path it can read a resource type from.
func spanAttributes(route *routes.Route) []tracing.Attribute {
	const providers = "/providers/"
	namespace, _, _ := strings.Cut(route.Path[strings.LastIndex(route.Path, providers)+len(providers):], "/")
	return []tracing.Attribute{{Key: "az.namespace", Value: namespace}}
}

// gate names the gate of the call: all calls that a service counts together have one.
func (c client) gate(call *call) string {
	switch {
	case call.route.OfSubscription():
		return c.subscriptionID
	case call.route.OfScope():
		return routes.Throttled(call.values[0])
	}
	return call.route.Path // the quota of the principal, whatever it queries
}

// decode reads the body of a response into the result.
func decode(resp *http.Response, result any) error {
	body, err := runtime.Payload(resp)
	if err != nil {
		return err
	}
	if doc, ok := result.(document); ok {
		result = doc.plain()
	}
	return wire.Unmarshal(body, result)
}

// newRequest checks the arguments of the call and makes its request.
func (c client) newRequest(ctx context.Context, call *call) (*policy.Request, error) {
	u, err := c.requestURL(call)
	if err != nil {
		return nil, err
	}
	if call.visit != nil {
		if err := call.visit(u.String()); err != nil {
			return nil, err
		}
	}
	raw, err := http.NewRequestWithContext(ctx, call.route.Method, "", nil)
	if err != nil {
		return nil, err
	}
	*raw.URL, raw.Host = u, u.Host // as text, the URL would be parsed again
	raw.Header["Accept"] = acceptJSON
	req, err := runtime.NewRequestFromRequest(raw)
	if err != nil {
		return nil, err
	}
	if call.body != nil {
		body, err := wire.Marshal(call.body)
		if err != nil {
			return nil, &ParameterError{Name: call.parameter, Reason: "must have a JSON form: " + err.Error()}
		}
		if err := req.SetBody(streaming.NopCloser(bytes.NewReader(body)), "application/json"); err != nil {
			return nil, err
		}
	}
	return req, nil
}

var acceptJSON = []string{"application/json"}

// requestURL returns the URL of the call: the route's own, or that of its link.
func (c client) requestURL(call *call) (url.URL, error) {
	listing, err := c.listing(call)
	switch {
	case err != nil:
		return url.URL{}, err
	case call.link != "":
		return listing.Resolve(call.link)
	case call.query != "": // a token may hold any query
		return listing.Resolve("?" + call.query)
	}
	return listing.URL(), nil
}

// listing checks the values of the call's path and returns where it leads.
func (c client) listing(call *call) (nextlink.Listing, error) {
	values, err := c.values(call)
	if err != nil {
		return nextlink.Listing{}, err
	}
	return nextlink.Listing{
		Endpoint:   c.endpoint,
		Path:       call.route.URLPath(values[:]...),
		APIVersion: cmp.Or(c.apiVersion, call.route.APIVersion),
		Override:   c.apiVersion != "",
	}, nil
}

// values returns the checked values of the route's parameters: the subscription
// first, if it has one, then the call's own.
func (c client) values(call *call) (values [1 + len(pathValues{})]string, err error) {
	own := values[:]
	if call.route.OfSubscription() {
		values[0], own = c.subscriptionID, values[1:]
	}
	copy(own, call.values[:])
	return values, checkParameters(call.route, values[:])
}

// checkParameters checks the values of a route's parameters, in their order.
func checkParameters(route *routes.Route, values []string) error {
	if name, value, reason := route.Check(values); reason != "" {
		return &ParameterError{routes.GoName(name), value, reason}
	}
	return nil
}
