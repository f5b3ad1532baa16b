package main

import (
	"errors"
	"net/http"
	"testing"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/test/driver"
)

func TestAdvice(t *testing.T) {
	t.Parallel()
	forbidden := fake.Fault{StatusCode: http.StatusForbidden, Body: `{"error":{"code":"AuthorizationFailed"}}`}
	throttled := fake.Fault{StatusCode: http.StatusTooManyRequests, RetryAfter: time.Hour}
	tests := map[string]struct {
		assignmentID string
		faults       []fake.Fault
		credential   error
		want         string
	}{
		"invalid parameter": {"..", nil, nil, "correct assignmentID: it must not be a relative path segment"},
		"not found":         {"none", nil, nil, "check the name"},
		"throttled":         {"any", []fake.Fault{throttled}, nil, "wait 1h0m0s"},
		"forbidden":         {"any", []fake.Fault{forbidden}, nil, "ask for the Security Reader role"},
		"no token":          {"any", nil, errors.New("no account"), "sign in: SecurityAssignmentsClient.Get: no account"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, credential := fake.NewServer(nil), &azfake.TokenCredential{}
			for _, fault := range test.faults {
				server.Inject(fault)
			}
			if test.credential != nil {
				credential.SetError(test.credential)
			}
			client, err := driver.NewFactory(t, credential, driver.Options(server)).NewSecurityAssignmentsClient(subscription)
			require.NoError(t, err)
			_, err = client.Get(t.Context(), "myResourceGroup", test.assignmentID, nil)
			require.Error(t, err)
			assert.Equal(t, test.want, advice(err), "of %v", err)
		})
	}
}
