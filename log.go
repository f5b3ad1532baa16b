package armsecops

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"

	"github.com/armsecops/armsecops/internal/routes"
)

// LogValue implements [slog.LogValuer]: one group that has the same members for
// every error of this package, so that a log has one schema. docs/observability.md
// lists them. It never includes a token or a query value. The example is for
// errors that the program wraps.
func (e *ServiceError) LogValue() slog.Value { return logValue(e) }

// LogValue implements [slog.LogValuer], as [ServiceError.LogValue] does.
func (e *ParameterError) LogValue() slog.Value { return logValue(e) }

// LogValue implements [slog.LogValuer], as [ServiceError.LogValue] does. The
// failed items are the details.
func (e *JobFailedError) LogValue() slog.Value { return logValue(e) }

// LogValue implements [slog.LogValuer], as [ServiceError.LogValue] does, without
// the ContinuationToken.
func (e *PageError) LogValue() slog.Value { return logValue(e) }

// LogValue implements [slog.LogValuer], as [ServiceError.LogValue] does, with the
// subscription.
func (e *SubscriptionError) LogValue() slog.Value { return logValue(e) }

func (e *operationError) LogValue() slog.Value { return logValue(e) }
func (e *wrappedError) LogValue() slog.Value   { return logValue(e) }

// logValue returns what a log has of an error: what is known of it and of the
// errors that it wraps, each member once.
func logValue(err error) slog.Value {
	var operation, path, subscription, parameter, job, jobID string
	var details []string
	var service ServiceError
	for err := range tree(err) {
		switch e := err.(type) {
		case *operationError:
			operation, path = cmp.Or(operation, e.operation), cmp.Or(path, e.path)
		case *SubscriptionError:
			subscription = cmp.Or(subscription, e.SubscriptionID)
		case *ParameterError:
			operation, parameter = cmp.Or(operation, e.operation), cmp.Or(parameter, e.Name)
		case *JobFailedError:
			operation, job, jobID, details = cmp.Or(operation, e.operation), e.Job.Name, e.Job.ID, e.failures()
		case *ServiceError:
			if service.StatusCode == 0 {
				service = *e
				operation, details = cmp.Or(operation, service.Operation), service.details()
			}
		}
	}
	for i := range details {
		details[i] = message(details[i])
	}
	var attrs []slog.Attr
	add := func(known bool, attr slog.Attr) {
		if known {
			attrs = append(attrs, attr)
		}
	}
	text := func(key, value string) { add(value != "", slog.String(key, value)) }
	text("operation", operation)
	if service.Operation != operation {
		text("request", service.Operation)
	}
	text("kind", kind(err))
	text("subscriptionId", line(subscription))
	text("parameter", parameter)
	text("job", line(job))
	text("jobId", line(jobID))
	add(service.StatusCode != 0, slog.Int("status", service.StatusCode))
	text("code", line(service.Code))
	text("message", bounded(messageOf(err)))
	text("target", line(service.Target))
	text("path", cmp.Or(path, service.path))
	add(len(details) > 0, slog.Any("details", details))
	text("requestId", line(service.RequestID))
	text("correlationRequestId", line(service.CorrelationRequestID))
	add(service.RetryAfter > 0, slog.Duration("retryAfter", service.RetryAfter))
	return slog.GroupValue(attrs...)
}

// kind returns the kind of an error in a log or a span. Nothing else decides it.
func kind(err error) string {
	service, failed := errors.AsType[*ServiceError](err)
	switch {
	case errors.Is(err, ErrOutcomeUnknown):
		return "outcomeUnknown"
	case finds[*JobFailedError](err):
		return "job"
	case finds[*ParameterError](err):
		return "parameter"
	case errors.Is(err, ErrCredential):
		return "credential"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case failed && service.StatusCode >= http.StatusBadRequest:
		return "service"
	case failed, errors.Is(err, ErrUntrustedNextLink), errors.Is(err, ErrPagingLoop), errors.Is(err, ErrIncompleteResult):
		return "response"
	}
	return "transport"
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
		return message(e.Message)
	}
	return err.Error()
}

// startSpan starts the span of an operation. The returned function ends it, with
// the operation's error if it has one.
func (c client) startSpan(ctx context.Context, name string, route *routes.Route) (context.Context, func(error)) {
	tracer := c.arm.Tracer()
	if !tracer.Enabled() {
		return ctx, func(error) {}
	}
	ctx, end := runtime.StartSpan(ctx, name, tracer, &runtime.StartSpanOptions{Attributes: spanAttributes(route)})
	return ctx, func(err error) {
		setErrorType(tracer.SpanFromContext(ctx), err)
		end(err)
	}
}

// startParentSpan is startSpan for an operation that consists of others, which
// keep spans of their own: below a span of runtime.StartSpan they would have none.
func (c client) startParentSpan(ctx context.Context, name string, route *routes.Route) (context.Context, func(error)) {
	ctx, span := c.arm.Tracer().Start(ctx, name, &tracing.SpanOptions{Kind: tracing.SpanKindInternal, Attributes: spanAttributes(route)})
	return ctx, func(err error) {
		setErrorType(span, err)
		if err != nil {
			span.SetStatus(tracing.SpanStatusError, fmt.Sprintf("%T:\n%v", err, err))
		}
		span.End()
	}
}

// spanAttributes returns those of an operation's span. azcore sets az.namespace,
// too, but only when a request is sent whose path it can read a resource type from.
func spanAttributes(route *routes.Route) []tracing.Attribute {
	return []tracing.Attribute{{Key: "az.namespace", Value: route.Namespace}}
}

// setErrorType sets the kind of an operation's error, if it has one.
func setErrorType(span tracing.Span, err error) {
	if err != nil {
		span.SetAttributes(tracing.Attribute{Key: "error.type", Value: kind(err)})
	}
}
