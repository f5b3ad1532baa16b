package main

import (
	"errors"
	"fmt"

	"github.com/armsecops/armsecops"
)

// advice returns what to do about an error of any client; give it those that are joined one by one.
func advice(err error) string {
	if _, ok := errors.AsType[*armsecops.ParameterError](err); ok && !errors.Is(err, armsecops.ErrJobMayRun) {
		return "correct the parameter: " + err.Error()
	}
	service, ok := errors.AsType[*armsecops.ServiceError](err)
	switch {
	case armsecops.HasCode(err, armsecops.CodeMissingSubscriptionRegistration, armsecops.CodeSubscriptionNotRegistered):
		return "register the resource provider in the subscription: " + err.Error()
	case errors.Is(err, armsecops.ErrJobMayRun):
		return "mend the cause, and wait again for the job: " + err.Error()
	case errors.Is(err, armsecops.ErrCredential), errors.Is(err, armsecops.ErrUnauthorized):
		return "sign in, or give it more time: " + err.Error()
	case errors.Is(err, armsecops.ErrOutcomeUnknown):
		return "look before you repeat it: " + err.Error()
	case ok && service.RetryAfter > 0: // also of a call that wasn't sent
		return fmt.Sprintf("try again in %v: %v", service.RetryAfter, err)
	case ok && (service.Page || service.StatusCode/100 == 3 || service.Code+service.RequestID == ""):
		return "ask who runs the proxy or gateway: " + err.Error()
	case errors.Is(err, armsecops.ErrResponseTooLarge):
		return "raise MaxResponseBytes: " + err.Error()
	case armsecops.MaybeCarriedOut(err):
		return "send it again: " + err.Error()
	case !ok: // such as a lost connection, or a job that failed
		return err.Error()
	case errors.Is(err, armsecops.ErrNotFound):
		return "check the names: " + err.Error()
	case errors.Is(err, armsecops.ErrForbidden):
		return "ask for a role, or for a policy that allows this: " + err.Error()
	case armsecops.HasCode(err, armsecops.CodeScopeLocked, armsecops.CodeResourceGroupBeingDeleted):
		return "ask who locks or deletes it: " + err.Error()
	case errors.Is(err, armsecops.ErrConflict), errors.Is(err, armsecops.ErrPreconditionFailed):
		return "read the resource again before you change it: " + err.Error()
	case errors.Is(err, armsecops.ErrThrottled), service.StatusCode >= 500:
		return "try again later, or ask Azure support: " + err.Error() // which has the id of the request
	}
	return err.Error() // the service, or this library, says what is wrong
}
