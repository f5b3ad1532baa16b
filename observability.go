package armsecops

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"

	"github.com/armsecops/armsecops/internal/exchange"
	"github.com/armsecops/armsecops/internal/routes"
)

// LogValue returns an error as a group for a log of package slog, whatever its
// handler. An error of this package has its members, which [ServiceError.LogValue]
// describes. Any other error has the member text, its whole text, and then the members
// of the first error of this package that it wraps, if any, in the order of [errors.Is].
//
//	logger.Error("listing failed", "err", armsecops.LogValue(err))
//
// A handler of slog's can do so for every error:
//
//	ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
//		if err, ok := a.Value.Any().(error); ok {
//			a.Value = armsecops.LogValue(err)
//		}
//		return a
//	}
//
// The value of nil is nil. LogValue doesn't panic: the text of a nil pointer is <nil>.
func LogValue(err error) (value slog.Value) {
	if err == nil {
		return slog.Value{}
	}
	text := slog.String("text", fmt.Sprintf("%T", err)) // of an error whose Error panics with itself
	defer func() {
		if recover() != nil { // the Unwrap of a nil pointer, for example
			value = slog.GroupValue(text)
		}
	}()
	text = slog.String("text", fmt.Sprint(err)) // which survives a nil pointer
	for e := range tree(err) {
		switch e.(type) {
		case *ServiceError, *ErrorResponse, *CloudError, *ParameterError, *JobFailedError, *PageError, *SubscriptionError, *operationError, *wrappedError:
			members := e.(slog.LogValuer).LogValue()
			switch {
			case len(members.Group()) == 0: // a nil pointer
			case e == err:
				return members
			default:
				return slog.GroupValue(append([]slog.Attr{text}, members.Group()...)...)
			}
		}
	}
	return slog.GroupValue(text)
}

// LogValue implements [slog.LogValuer]: one group, whose members have the same names and
// types for every error of this package, so that a log has one schema. What an error
// doesn't have is left out. Alert on the member kind:
//
//	parameter       a *ParameterError; nothing was sent
//	credential      ErrCredential
//	service         an error of the service, or a call that was held back: ErrThrottled
//	response        a response that can't be used, such as ErrUnexpectedResponse,
//	                ErrResponseTooLarge, ErrUntrustedNextLink, ErrPagingLoop, ErrNotExemption
//	incomplete      ErrIncompleteResult
//	transport       no response came
//	timeout         context.DeadlineExceeded
//	canceled        context.Canceled
//	outcomeUnknown  ErrOutcomeUnknown
//	job             a *JobFailedError
//	notRenewed      ErrNotRenewed, ErrEnded
//	exists          ErrExists
//
// The kind of [ErrJobMayRun] is that of its cause. Other members include operation, request,
// parameter, status, code, message, path, requestId, correlationRequestId, subscriptionId,
// job, jobId, details and retryAfter, a duration, which the JSON handler writes in
// nanoseconds. Where a method sends the requests of others, operation is that method and
// request the other, as ExemptionsClient.Renew and PolicyExemptionsClient.Get.
// [docs/observability.md] lists them all. No member has a token, or a value of the query
// of 8 bytes or more. The function [LogValue] is for errors that the program wraps.
//
// [docs/observability.md]: https://github.com/armsecops/armsecops/blob/main/docs/observability.md
func (e *ServiceError) LogValue() slog.Value { return logValue(e, e == nil) }

// LogValue implements [slog.LogValuer], as [ServiceError.LogValue] does.
func (e *ParameterError) LogValue() slog.Value { return logValue(e, e == nil) }

// LogValue implements [slog.LogValuer], as [ServiceError.LogValue] does. The
// failed items are the details.
func (e *JobFailedError) LogValue() slog.Value { return logValue(e, e == nil) }

// LogValue implements [slog.LogValuer], as [ServiceError.LogValue] does, without
// the ContinuationToken.
func (e *PageError) LogValue() slog.Value { return logValue(e, e == nil) }

// LogValue implements [slog.LogValuer], as [ServiceError.LogValue] does, with the
// subscription.
func (e *SubscriptionError) LogValue() slog.Value { return logValue(e, e == nil) }

func (e *operationError) LogValue() slog.Value { return logValue(e, false) }
func (e *wrappedError) LogValue() slog.Value   { return logValue(e, false) }

// MarshalText keeps the text of errors in an array of a log, whose elements have no LogValue.
func (e *operationError) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

// MarshalText is that of an operationError.
func (e *wrappedError) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

// logValue returns what a log has of an error: what is known of it and of the
// errors that it wraps, each member once.
//   - none: the error is a nil pointer, of which nothing is known
func logValue(err error, none bool) slog.Value {
	if none {
		return slog.GroupValue()
	}
	var operation, request, host, path, clientRequestID, subscription, parameter, job, jobID string
	var details []string
	var service ServiceError
	name := func(method string) { // the first is the operation, and another that of the request
		switch {
		case operation == "":
			operation = method
		case request == "" && method != operation:
			request = method
		}
	}
	for err := range tree(err) {
		switch e := err.(type) {
		case *operationError:
			name(e.operation)
			subscription = cmp.Or(subscription, e.subscriptionID)
			host, path, clientRequestID = cmp.Or(host, e.host), cmp.Or(path, e.path), cmp.Or(clientRequestID, e.clientRequestID)
		case *waitError:
			id, _ := ParseJobID(e.id)
			job, jobID = id.Name, e.id
		case *SubscriptionError:
			name(e.operation)
			subscription = cmp.Or(subscription, e.SubscriptionID)
		case *ParameterError:
			name(e.operation)
			parameter = cmp.Or(parameter, e.Name)
		case *JobFailedError:
			name(e.operation)
			job, jobID, details = e.Job.Name, e.Job.ID, e.failures()
		case *ServiceError:
			if service.StatusCode == 0 {
				name(e.Operation)
				service, details = *e, e.details()
			}
		}
	}
	for i := range details {
		details[i] = message(details[i])
	}
	path = cmp.Or(path, service.path)
	if id, err := ParseJobID(path); err == nil && jobID == "" {
		job, jobID = id.Name, path
	}
	subscription = cmp.Or(subscription, routes.SubscriptionOf(cmp.Or(path, jobID)))
	var attrs []slog.Attr
	add := func(known bool, attr slog.Attr) {
		if known {
			attrs = append(attrs, attr)
		}
	}
	text := func(key, value string) { add(value != "", slog.String(key, value)) }
	text("operation", operation)
	text("request", request)
	text("kind", kind(err))
	text("subscriptionId", line(subscription))
	text("parameter", parameter)
	text("job", line(job))
	text("jobId", line(jobID))
	add(service.StatusCode != 0, slog.Int("status", service.StatusCode))
	text("code", line(codeOf(&service)))
	said := messageOf(err)
	if service.StatusCode != 0 { // the other members have the rest of the last attempt
		last := strings.TrimPrefix(service.Error(), service.Operation+": ")
		said = strings.Replace(said, exchange.LastAttempt+last, strings.TrimSuffix(exchange.LastAttempt+messageOf(&service), ": "), 1)
		host = ""
	}
	text("message", bounded(said))
	text("target", line(service.Target))
	text("host", host)
	text("path", path)
	add(len(details) > 0, slog.Any("details", details))
	text("requestId", line(service.RequestID))
	text("correlationRequestId", line(service.CorrelationRequestID))
	text("clientRequestId", cmp.Or(clientRequestID, service.clientRequestID))
	add(service.RetryAfter > 0, slog.Duration("retryAfter", service.RetryAfter))
	return slog.GroupValue(attrs...)
}

// kind returns the kind of an error in a log or a span. Nothing else decides it.
func kind(err error) string {
	service, failed := errors.AsType[*ServiceError](err)
	ended := contextEnd(err)
	switch {
	case errors.Is(err, ErrOutcomeUnknown):
		return "outcomeUnknown"
	case finds[*JobFailedError](err):
		return "job"
	case errors.Is(err, ErrNotRenewed), errors.Is(err, ErrEnded):
		return "notRenewed"
	case errors.Is(err, ErrExists):
		return "exists"
	case finds[*ParameterError](err):
		return "parameter"
	case errors.Is(err, ErrCredential):
		return "credential"
	case ended == context.Canceled:
		return "canceled"
	case ended == context.DeadlineExceeded:
		return "timeout"
	case failed && service.StatusCode >= http.StatusBadRequest:
		return "service"
	case errors.Is(err, ErrIncompleteResult):
		return "incomplete"
	case failed, errors.Is(err, ErrUntrustedNextLink), errors.Is(err, ErrPagingLoop):
		return "response"
	}
	return "transport"
}

// codeOf returns the code of a service's error in a log or a span.
func codeOf(e *ServiceError) string {
	if e.StatusCode == http.StatusBadRequest && e.Is(ErrForbidden) { // whose own code is that of any bad query
		return CodeNoValidSubscriptionsInQueryRequest
	}
	return e.Code
}

// contextEnd returns the error of the context that an error is of, rather than of its
// last attempt; nil for none. Timeouts of package net may be context.DeadlineExceeded
// for errors.Is, and the cancellation of a request be that of net/http.
func contextEnd(err error) error {
	for e := range tree(err) {
		if e == context.DeadlineExceeded || e == context.Canceled {
			return e
		}
	}
	return nil
}

func finds[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// messageOf returns what an error says beside the other members of its group.
func messageOf(err error) string {
	switch e := err.(type) {
	case *operationError:
		return messageOf(e.err)
	case *wrappedError:
		return e.print(messageOf(e.errs[len(e.errs)-1]))
	case *waitError:
		return messageOf(e.err) + "; the job may still run"
	case *PageError:
		return messageOf(e.Err)
	case *SubscriptionError:
		return messageOf(e.Err)
	case *ParameterError:
		return e.text()
	case *JobFailedError:
		return e.summary()
	case *ErrorResponse:
		return messageOf(&e.ServiceError)
	case *CloudError:
		return messageOf(&e.ServiceError)
	case *ServiceError:
		if e.cause != nil && (e.Message == "" || e.StatusCode < http.StatusBadRequest) {
			return joined(": ", line(e.cause.Error()), message(e.Message))
		}
		text := message(e.Message)
		if e.cause != nil {
			text = strings.TrimSuffix(text, ".") + "; " + message(e.cause.Error())
		}
		return joined(", ", text, e.pageNote())
	}
	return err.Error()
}

// startSpan starts the span of an operation. The returned function ends it, with
// the operation's error if it has one.
func (c client) startSpan(ctx context.Context, name string, op *call) (context.Context, func(error)) {
	if !c.arm.Tracer().Enabled() {
		return ctx, func(error) {}
	}
	kept := *op // so that a call without traces stays on the stack
	var failed error
	ctx, end := runtime.StartSpan(ctx, name, c.errorTracer(&kept, name, &failed), nil)
	return ctx, func(err error) {
		failed = err
		end(err)
	}
}

// startParentSpan is startSpan for an operation that consists of others, which
// keep spans of their own: below a span of runtime.StartSpan they would have none,
// and below one of azcore's tracer they would share a state that isn't safe for
// others at the same time.
func (c client) startParentSpan(ctx context.Context, name string, op *call) (context.Context, func(error)) {
	ctx, span := c.parents.Start(ctx, name, &tracing.SpanOptions{Kind: tracing.SpanKindInternal, Attributes: c.spanAttributes(ctx, op)})
	return context.WithValue(ctx, nestedKey{}, span), func(err error) {
		if err != nil {
			span.SetAttributes(errorAttributes(err)...)
			span.SetStatus(tracing.SpanStatusError, fmt.Sprintf("%T:\n%v", err, err))
		}
		span.End()
	}
}

// noteJob tells the spans of the context which job was started, or found.
func (c client) noteJob(ctx context.Context, name string) {
	tracer := c.arm.Tracer()
	if !tracer.Enabled() {
		return
	}
	job := tracing.Attribute{Key: "job", Value: line(name)}
	tracer.SpanFromContext(ctx).SetAttributes(job)
	if parent, nested := ctx.Value(nestedKey{}).(tracing.Span); nested {
		parent.SetAttributes(job)
	}
}

// nestedKey is of the span of an operation that consists of others, in their contexts.
type nestedKey struct{}

// errorTracer returns a tracer whose spans have the attributes of the operation, and
// those of an error if they fail. azcore starts and ends those spans, and gives them
// the text of the error only. An attempt's span has neither the token nor the query.
//   - name: what the names of the spans begin with
//   - failed: the error that came since the span began; nil if it is azcore's own
func (c client) errorTracer(op *call, name string, failed *error) tracing.Tracer {
	tracer := c.arm.Tracer()
	if !tracer.Enabled() {
		return tracer
	}
	return tracing.NewTracer(func(ctx context.Context, spanName string, o *tracing.SpanOptions) (context.Context, tracing.Span) {
		if !strings.HasPrefix(spanName, name) { // an attempt's, whose error is what a transport or policy says
			ctx, span := tracer.Start(ctx, spanName, o)
			blank := func(text string) string {
				_, query, _ := strings.Cut(cmp.Or(op.link, "?"+op.query), "?")
				return c.secrets(&http.Request{URL: &url.URL{RawQuery: query}}, exchange.Sent{}).Blank(text)
			}
			return ctx, tracing.NewSpan(tracing.SpanImpl{
				SetAttributes: func(attributes ...tracing.Attribute) {
					for i := range attributes {
						if text, ok := attributes[i].Value.(string); ok { // a header of the response
							attributes[i].Value = blank(text)
						}
					}
					span.SetAttributes(attributes...)
				},
				AddEvent: span.AddEvent, End: span.End,
				SetStatus: func(status tracing.SpanStatus, description string) { span.SetStatus(status, blank(description)) },
			})
		}
		*failed = nil
		ctx, span := tracer.Start(ctx, spanName, &tracing.SpanOptions{Kind: o.Kind, Attributes: slices.Concat(o.Attributes, c.spanAttributes(ctx, op))})
		return ctx, tracing.NewSpan(tracing.SpanImpl{
			SetAttributes: span.SetAttributes, AddEvent: span.AddEvent, End: span.End,
			SetStatus: func(status tracing.SpanStatus, description string) {
				// azcore's poller has errors of its own: of a context that has ended, and of too small a Frequency.
				err := cmp.Or(*failed, ctx.Err(), error(&ParameterError{}))
				span.SetAttributes(errorAttributes(err)...)
				if cause := context.Cause(ctx); *failed == nil && cause != ctx.Err() {
					description += ": " + message(c.secrets(nil, exchange.Sent{}).Blank(cause.Error()))
				}
				span.SetStatus(status, description)
			},
		})
	}, &tracing.TracerOptions{SpanFromContext: tracer.SpanFromContext})
}

// noteWait returns what tells the span of the context that its request waited, because
// the subscription is throttled; nil without traces.
func (c client) noteWait(ctx context.Context) func(time.Duration) {
	tracer := c.arm.Tracer()
	if !tracer.Enabled() {
		return nil
	}
	return func(waited time.Duration) {
		span := tracer.SpanFromContext(ctx)
		if waited > 0 { // rather than refused at once
			span.AddEvent("throttled", tracing.Attribute{Key: "wait_seconds", Value: waited.Seconds()})
		}
		throttled := tracing.Attribute{Key: "throttled", Value: true}
		span.SetAttributes(throttled)
		if parent, nested := ctx.Value(nestedKey{}).(tracing.Span); nested {
			parent.SetAttributes(throttled)
		}
	}
}

// spanAttributes returns those of an operation's span. azcore sets az.namespace,
// too, but only when a request is sent whose path it can read a resource type from.
func (c client) spanAttributes(ctx context.Context, op *call) []tracing.Attribute {
	attributes := []tracing.Attribute{{Key: "az.namespace", Value: op.route.Namespace}}
	if ctx.Value(nestedKey{}) != nil {
		attributes = append(attributes, tracing.Attribute{Key: "nested", Value: true})
	}
	if op.route == routes.Jobs.Get || op.route == routes.Jobs.Delete {
		attributes = append(attributes, tracing.Attribute{Key: "job", Value: line(op.values[3])})
	}
	if subscription := c.subscriptionOf(op); subscription != "" {
		attributes = append(attributes, tracing.Attribute{Key: "az.subscription_id", Value: line(subscription)})
	}
	return attributes
}

// subscriptionOf returns the subscription that a call is about; empty for none.
func (c client) subscriptionOf(op *call) string {
	if op.route.OfSubscription() {
		return c.subscriptionID
	}
	return routes.SubscriptionOf(op.values[0]) // of a scope
}

// errorAttributes returns those of a span that failed: what a log has of the error
// and a dashboard counts.
func errorAttributes(err error) []tracing.Attribute {
	attributes := []tracing.Attribute{{Key: "error.type", Value: kind(err)}}
	if service, ok := errors.AsType[*ServiceError](err); ok {
		attributes = append(attributes, tracing.Attribute{Key: "http.status_code", Value: service.StatusCode})
		if code := codeOf(service); code != "" {
			attributes = append(attributes, tracing.Attribute{Key: "error.code", Value: line(code)})
		}
	}
	return attributes
}
