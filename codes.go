package armsecops

import (
	"errors"
	"iter"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// Error codes of Azure Resource Manager and of the services, for [HasCode].
// Services add codes over time. Unless a comment names another source, a code is
// described at
// https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors.
const (
	// CodeAuthorizationFailed (403): the identity lacks a role at this scope.
	CodeAuthorizationFailed = "AuthorizationFailed"
	// CodeLinkedAuthorizationFailed (403): the identity lacks a role at the scope of a resource that the request refers to.
	CodeLinkedAuthorizationFailed = "LinkedAuthorizationFailed"
	// CodeRequestDisallowedByPolicy (403): a policy of Azure Policy denies the request.
	CodeRequestDisallowedByPolicy = "RequestDisallowedByPolicy"

	// CodeInvalidAuthenticationToken (401): the token is invalid.
	// Seen: https://github.com/Azure/azure-sdk-for-java/issues/1714
	CodeInvalidAuthenticationToken = "InvalidAuthenticationToken"
	// CodeInvalidAuthenticationTokenTenant (401): the token is of another tenant than the subscription.
	CodeInvalidAuthenticationTokenTenant = "InvalidAuthenticationTokenTenant"
	// CodeExpiredAuthenticationToken (401): the token has expired.
	// Seen: https://github.com/hashicorp/terraform-provider-azurerm/issues/20867
	CodeExpiredAuthenticationToken = "ExpiredAuthenticationToken"

	// CodeNotFound (404): there is no such resource.
	CodeNotFound = "NotFound"
	// CodeResourceNotFound (404): there is no such resource, or it is in one that isn't there,
	// such as a workspace or an exempted machine, which the message names; see [IsMissing] and [IsParentMissing].
	CodeResourceNotFound = "ResourceNotFound"
	// CodeParentResourceNotFound (404): a parent of the resource isn't there, such as the assignment of a job.
	CodeParentResourceNotFound = "ParentResourceNotFound"
	// CodeResourceGroupNotFound (404): there is no such resource group.
	CodeResourceGroupNotFound = "ResourceGroupNotFound"
	// CodeSubscriptionNotFound (404): there is no such subscription, or the identity may not see it.
	CodeSubscriptionNotFound = "SubscriptionNotFound"

	// CodeMissingSubscriptionRegistration (409): the resource provider isn't
	// registered in the subscription. azcore registers it and tries again, if the
	// identity may, unless DisableRPRegistration is set.
	CodeMissingSubscriptionRegistration = "MissingSubscriptionRegistration"
	// CodeSubscriptionNotRegistered (404 or 401): the same, in the words of Microsoft
	// Defender for Cloud. azcore doesn't register the provider on it. Register
	// Microsoft.Security, as by az provider register -n Microsoft.Security.
	// Seen: https://github.com/Azure/azure-sdk-for-go/issues/19900
	CodeSubscriptionNotRegistered = "Subscription Not Registered"

	// CodeBadRequest (400): the request doesn't match what the service expects.
	// Microsoft Sentinel also says so of a workspace that isn't onboarded to it:
	// https://github.com/hashicorp/terraform-provider-azurerm/pull/20661
	CodeBadRequest = "BadRequest"
	// CodeInvalidRequestContent (400): the body has a member that isn't known, or lacks one.
	CodeInvalidRequestContent = "InvalidRequestContent"
	// CodeConflict (409): the resource's current state doesn't allow the operation.
	CodeConflict = "Conflict"
	// CodeScopeLocked (409): a lock of Azure Resource Manager forbids the change.
	// Seen: https://github.com/Azure/azure-sdk-for-java/issues/2560
	CodeScopeLocked = "ScopeLocked"
	// CodeResourceGroupBeingDeleted (409): the resource group is being deleted.
	CodeResourceGroupBeingDeleted = "ResourceGroupBeingDeleted"
	// CodeTooManyRequests (429): too many requests, which is also [ErrThrottled]. A call
	// that is held back, and not sent, is [ErrThrottled] without a code.
	// Source: https://learn.microsoft.com/troubleshoot/azure/virtual-machines/troubleshooting-throttling-errors
	CodeTooManyRequests = "TooManyRequests"
	// CodeNoValidSubscriptionsInQueryRequest (a detail of a 400 of Azure Resource
	// Graph): the identity may read none of the subscriptions that the query names.
	// It is also [ErrForbidden].
	// Seen: https://github.com/Azure/aztfexport/issues/331
	CodeNoValidSubscriptionsInQueryRequest = "NoValidSubscriptionsInQueryRequest"
	// CodeResponsePayloadTooLarge (a detail of a 400 of Azure Resource Graph): a
	// page of the result is larger than 16 MiB; set a smaller PageSize.
	// Seen: https://github.com/microsoft/ARI/issues/199
	CodeResponsePayloadTooLarge = "ResponsePayloadTooLarge"
	// CodeInternalServerError (500): a temporary fault of the service.
	CodeInternalServerError = "InternalServerError"
)

// parentMissing are the codes of a 404 that says nothing of the resource itself,
// since something above it is missing: whether it was deleted is unknown.
var parentMissing = []string{
	CodeSubscriptionNotFound, CodeResourceGroupNotFound, CodeParentResourceNotFound,
	CodeMissingSubscriptionRegistration, CodeSubscriptionNotRegistered, "SubscriptionNotRegistered",
	"InvalidResourceType", "InvalidResourceNamespace", "NoRegisteredProviderFound", "InvalidSubscriptionId",
	"MissingRegistrationForLocation", "MissingRegistrationForResourceProvider", "MissingRegistrationForType", "ManagementGroupNotFound", "TenantNotFound",
}

// HasCode reports whether err carries one of the codes, ignoring case: as the
// service's error code, or as that of a detail at any depth. It looks at err and
// at every error that err wraps, in all branches of an [errors.Join], at 1,000
// at most. The codes that are documented or seen are constants, such as
// [CodeAuthorizationFailed].
func HasCode(err error, codes ...string) bool {
	is := func(code string) bool {
		return code != "" && slices.ContainsFunc(codes, func(c string) bool { return equalFold(c, code) })
	}
	for err := range tree(err) {
		switch e := err.(type) {
		case *ServiceError:
			if e.hasCode(is) {
				return true
			}
		case *azcore.ResponseError:
			if is(e.ErrorCode) {
				return true
			}
		}
	}
	return false
}

// hasCode reports whether the error or a detail at any depth has a code.
func (e *ServiceError) hasCode(is func(code string) bool) bool {
	return is(e.Code) || hasDetail(e.Details, is)
}

func hasDetail(details []ErrorDetail, is func(code string) bool) bool {
	return slices.ContainsFunc(details, func(d ErrorDetail) bool { return is(d.Code) || hasDetail(d.Details, is) })
}

// maxWrapped bounds the errors of a tree that are looked at. No real tree comes near.
const maxWrapped = 1000

// tree yields an error and the errors that it wraps, in the order of [errors.Is].
func tree(err error) iter.Seq[error] {
	return func(yield func(error) bool) {
		left := maxWrapped
		var walk func(error) bool
		walk = func(err error) bool {
			for err != nil {
				if left--; left < 0 || !yield(err) {
					return false
				}
				switch e := err.(type) {
				case interface{ Unwrap() error }:
					err = e.Unwrap()
				case interface{ Unwrap() []error }:
					return !slices.ContainsFunc(e.Unwrap(), func(err error) bool { return !walk(err) })
				default:
					err = nil
				}
			}
			return true
		}
		walk(err)
	}
}

// statusError stands for the responses with one status code.
type statusError int

func (e statusError) Error() string { return status(int(e)) }

func status(code int) string {
	return strings.TrimSpace(strconv.Itoa(code) + " " + http.StatusText(code))
}

// statusOf returns the status of the response that an error is of; 0 for an error that
// only wraps such a one, as that of a context with the last attempt's.
func statusOf(err error) int {
	switch e := err.(type) {
	case *ErrorResponse:
		return e.StatusCode
	case *CloudError:
		return e.StatusCode
	}
	return 0
}

// MaybeCarriedOut reports whether an error is that of a write, a deletion or the start of a
// job, by a client of this package, that the service may have carried out nevertheless, in
// one of its attempts: an [ErrOutcomeUnknown], or an error of a write that is safe to repeat.
// False means that such a request changed nothing. It is false of the errors of a wait for a
// job that was started, too: [ErrJobMayRun] and [*JobFailedError].
func MaybeCarriedOut(err error) bool {
	return errors.Is(err, ErrOutcomeUnknown) || errors.Is(err, errMaybeCarriedOut)
}

// IsMissing reports whether an error is the [ErrNotFound] of a resource that isn't there, or
// of a job that was deleted. The others say nothing of the resource: that of a proxy, which is a
// page ([ServiceError].Page), or has neither an error code nor a request id; that of a policy
// assignment, or of another resource that the message names; and that of a subscription or
// another parent, which may be misspelt, or one that the identity may not see; see
// [IsParentMissing]. The 404 of another client on azcore counts as well if it has a code.
// Don't ask errors that are joined: the first one decides.
func IsMissing(err error) bool {
	response := notFoundIn(err)
	if response == nil || HasCode(err, parentMissing...) {
		return false
	}
	if own, _ := named(err, response); !own {
		return false
	}
	if service, ok := errors.AsType[*ServiceError](err); ok {
		return !service.Page && !HasCode(err, "PolicyAssignmentNotFound") && service.Code+service.RequestID+service.CorrelationRequestID != ""
	}
	return response.ErrorCode != ""
}

// IsParentMissing reports whether an error is the [ErrNotFound] of what a resource would be in,
// below its subscription: its resource group, or a resource such as its workspace or the machine
// that an exemption is for. What was in it is gone as well, unless the id is misspelt. It is
// false of a subscription and a management group, which may be one that the identity may not see.
func IsParentMissing(err error) bool {
	response := notFoundIn(err)
	if response == nil {
		return false
	}
	_, above := named(err, response)
	return above || HasCode(err, CodeResourceGroupNotFound, CodeParentResourceNotFound)
}

// notFoundIn returns the response with the status 404 in an error whose outcome is known; nil for none.
func notFoundIn(err error) *azcore.ResponseError {
	if response, ok := errors.AsType[*azcore.ResponseError](err); ok && response.StatusCode == http.StatusNotFound && !errors.Is(err, ErrOutcomeUnknown) {
		return response
	}
	return nil
}

// notFound is the message of Azure Resource Manager about a resource, or one above it.
// Source: https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-not-found
var notFound = regexp.MustCompile(`(?i)\bThe Resource '([^']+)' under resource group '[^']*' was not found`)

// named reports whether a 404 is of the resource of the request, as one that names none is, or
// of one above it. One that names another resource is neither.
func named(err error, response *azcore.ResponseError) (own, above bool) {
	if response.RawResponse == nil || response.RawResponse.Request == nil {
		return true, false
	}
	text := ""
	if service, ok := errors.AsType[*ServiceError](err); ok {
		text = service.Message
	} else {
		text = response.Error() // which has the body
	}
	match := notFound.FindStringSubmatch(text)
	if match == nil {
		return true, false
	}
	_, below, found := strings.Cut(strings.ToLower(response.RawResponse.Request.URL.Path)+"/", "/"+strings.ToLower(match[1])+"/")
	return found && below == "", found && below != ""
}

// isGone reports whether an error is the 404 of a resource after an attempt that may have deleted
// it: a body that is empty, or JSON without a code, is the service's then.
func isGone(err error) bool {
	service, ok := errors.AsType[*ServiceError](err)
	return statusOf(err) == http.StatusNotFound && (IsMissing(err) || ok && !service.Page && !service.text && service.Code == "")
}
