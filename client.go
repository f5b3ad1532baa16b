package armsecops

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/go-json-experiment/json"

	"github.com/armsecops/armsecops/internal/routes"
)

const (
	moduleName    = "github.com/armsecops/armsecops"
	moduleVersion = "v0.1.0"
)

// client is what both clients are made of: one subscription's view of a connection.
type client struct {
	*connection
	subscriptionID string
}

// connection is what the clients of one credential share, whatever their subscription.
type connection struct {
	arm           *arm.Client
	endpoint      *url.URL
	apiVersion    string // overrides those of the routes; empty: it doesn't
	maxErrorBytes int64
	downloadBody  bool // before it is decoded, so that it can be logged
	throttle      *throttle
	newError      func(ServiceError) error // makes the service's own type of error
}

func newClient(subscriptionID string, credential azcore.TokenCredential, options *ClientOptions, newError func(ServiceError) error) (client, error) {
	if err := checkSubscription(subscriptionID); err != nil {
		return client{}, err
	}
	if credential == nil {
		return client{}, &ParameterError{Name: "credential", Reason: "must not be nil"}
	}
	if options == nil {
		options = &ClientOptions{}
	}
	if options.MaxResponseBytes < 0 {
		return client{}, &ParameterError{Name: "MaxResponseBytes", Reason: "must not be negative"}
	}
	maxBytes := options.MaxResponseBytes
	if maxBytes == 0 {
		maxBytes = defaultMaxResponseBytes
	}
	c := &connection{
		apiVersion:    options.APIVersion,
		maxErrorBytes: min(maxBytes, maxErrorResponseBytes),
		downloadBody:  options.Logging.IncludeBody,
		throttle:      newThrottle(options.Retry),
		newError:      newError,
	}

	// The api-version is set with the rest of the query, in requestURL.
	armOptions := options.ClientOptions.Clone()
	armOptions.APIVersion = ""
	armOptions.Retry.ShouldRetry = shouldRetry(options.Retry)
	armOptions.PerRetryPolicies = append(armOptions.PerRetryPolicies, exchangePolicy{})
	armOptions.Transport = newTransport(options.Transport, maxBytes, c.maxErrorBytes)
	var err error
	if c.arm, err = arm.NewClient(moduleName, moduleVersion, credential, armOptions); err != nil {
		return client{}, err
	}
	c.endpoint, err = url.Parse(c.arm.Endpoint())
	if err != nil || c.endpoint.Host == "" || c.endpoint.Scheme != "https" && !options.InsecureAllowCredentialWithHTTP {
		return client{}, &ParameterError{"Cloud", c.arm.Endpoint(), "must have an https URL as its Resource Manager endpoint"}
	}
	return client{c, subscriptionID}, nil
}

func checkSubscription(id string) error {
	return checkParameters(routes.AssignmentsListBySubscription, []string{id})
}

// call describes one call of an operation.
type call struct {
	route    *routes.Route
	name     string          // the client's method; empty: the route's
	values   []string        // of the path's parameters
	query    string          // escaped, without api-version
	link     string          // of a page after the first, in the place of the query
	seen     *seenLinks      // of a listing; nil: none
	body     any             // nil: none
	response **http.Response // set to that of a success, with its body; nil: nobody asks
}

// run performs a call. It alone checks arguments, starts the span, sends,
// checks the status, decodes and makes the error.
func run[T any](ctx context.Context, c client, call call) (result T, err error) {
	if call.name == "" {
		call.name = call.route.Operation
	}
	ctx = context.WithValue(ctx, runtime.CtxAPINameKey{}, call.name)
	ctx, endSpan := runtime.StartSpan(ctx, call.name, c.arm.Tracer(), nil)
	defer func() { endSpan(err) }()

	x := &exchange{client: c, route: call.route, operation: call.name, ctx: ctx, download: c.downloadBody || call.response != nil}
	if call.route.Method != http.MethodDelete { // the body of a deletion says nothing
		x.result = &result
	}
	req, err := c.newRequest(ctx, call)
	if err != nil {
		return result, x.named(err)
	}
	req.SetOperationValue(x)
	if !x.download {
		runtime.SkipBodyDownload(req)
	}
	resp, err := c.arm.Pipeline().Do(req)
	if call.response != nil {
		*call.response = resp
	}
	if err = x.finish(resp, err); err != nil {
		result = *new(T)
	}
	return result, err
}

// newRequest checks the arguments of the call and makes its request.
func (c client) newRequest(ctx context.Context, call call) (*policy.Request, error) {
	u, err := c.requestURL(call)
	if err != nil {
		return nil, err
	}
	if call.seen != nil && call.seen.add(u) {
		return nil, ErrPagingLoop
	}
	req, err := runtime.NewRequest(ctx, call.route.Method, u)
	if err != nil {
		return nil, err
	}
	req.Raw().Header["Accept"] = acceptJSON
	if call.body != nil {
		body, err := json.Marshal(call.body, modelOptions)
		if err != nil {
			return nil, &ParameterError{Name: "assignment", Reason: "must have a JSON form: " + err.Error()} // the one body there is
		}
		if err := req.SetBody(streaming.NopCloser(bytes.NewReader(body)), "application/json"); err != nil {
			return nil, err
		}
	}
	return req, nil
}

var acceptJSON = []string{"application/json"}

// requestURL returns the URL of the call: the route's own, or that of its link.
func (c client) requestURL(call call) (string, error) {
	path, err := c.path(call.route, call.values)
	if err != nil {
		return "", err
	}
	if call.link != "" {
		return followLink(c.endpoint, path, call.link, c.version(call.route), c.apiVersion != "")
	}
	query := call.query
	if query != "" {
		query += "&"
	}
	return c.base() + path + "?" + query + "api-version=" + url.QueryEscape(c.version(call.route)), nil
}

// path returns the path of a route below the endpoint, with its parameters checked and escaped.
func (c client) path(route *routes.Route, values []string) (string, error) {
	if err := checkParameters(route, values); err != nil {
		return "", err
	}
	return route.URLPath(values...), nil
}

// checkParameters checks the values of a route's parameters, in their order.
func checkParameters(route *routes.Route, values []string) error {
	if name, value, reason := route.Check(values); reason != "" {
		return &ParameterError{goName(name), value, reason}
	}
	return nil
}

// base returns the endpoint without a slash at its end.
func (c client) base() string { return strings.TrimSuffix(c.arm.Endpoint(), "/") }

func (c client) version(route *routes.Route) string {
	if c.apiVersion != "" {
		return c.apiVersion
	}
	return route.APIVersion
}

// goName turns the REST API's name of a parameter into Go's: assignmentId into assignmentID.
func goName(parameter string) string {
	if name, ok := strings.CutSuffix(parameter, "Id"); ok {
		return name + "ID"
	}
	return parameter
}
