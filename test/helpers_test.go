package test

import (
	"net/http"
	"testing"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
)

// Short names of what the tests use most.
type (
	transportFunc  = testkit.TransportFunc
	policyFunc     = testkit.PolicyFunc
	credentialFunc = testkit.CredentialFunc
)

const (
	jobsSubscription        = testkit.JobsSubscription
	jobsAssignment          = testkit.JobsAssignment
	jobName                 = testkit.JobName
	assignmentsSubscription = testkit.AssignmentsSubscription
	assignmentName          = testkit.AssignmentName

	minimal   = testkit.Minimal
	requestID = testkit.RequestID
)

var (
	options              = driver.Options
	endpoint             = testkit.Endpoint
	respond              = testkit.Respond
	script               = testkit.Script
	subscriptionID       = testkit.SubscriptionID
	subscriptionIDs      = testkit.SubscriptionIDs
	numbers              = testkit.Numbers
	forge                = testkit.Forge
	lost                 = testkit.Lost
	breakOff             = testkit.BreakOff
	documented           = testkit.Documented
	readExchanges        = testkit.ReadExchanges
	assertSameJSON       = testkit.AssertSameJSON
	assertParameterError = driver.AssertParameterError
	assertHarmlessLine   = testkit.AssertHarmlessLine

	newFactory           = driver.NewFactory
	newJobsClient        = driver.NewJobsClient
	newAssignmentsClient = driver.NewAssignmentsClient
	newStandardsClient   = driver.NewStandardsClient
)

func newTLSServer(t testing.TB, handler http.Handler) *armsecops.ClientOptions {
	t.Helper()
	return driver.NewTLSServer(t, handler, false)
}
