package main

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

func TestAdvice(t *testing.T) {
	t.Parallel()
	forbidden := fake.Fault{StatusCode: http.StatusForbidden, Body: `{"error":{"code":"AuthorizationFailed"}}`}
	throttled := fake.Fault{StatusCode: http.StatusTooManyRequests, RetryAfter: time.Hour}
	tests := map[string]struct {
		assignmentID string
		faults       []fake.Fault
		want         string
	}{
		"invalid parameter": {"..", nil, "correct assignmentID: it must not be a relative path segment"},
		"not found":         {"none", nil, "check the name"},
		"throttled":         {"any", []fake.Fault{throttled}, "wait 1h0m0s"},
		"forbidden":         {"any", []fake.Fault{forbidden}, "ask for the Security Reader role"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := fake.NewServer(nil)
			for _, fault := range test.faults {
				server.Inject(fault)
			}
			options := &armsecops.ClientOptions{}
			options.Transport = server
			client, err := armsecops.NewSecurityAssignmentsClient("20ff7fc3-e762-44dd-bd96-b71116dcdc23", &azfake.TokenCredential{}, options)
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Get(t.Context(), "myResourceGroup", test.assignmentID, nil)
			if err == nil {
				t.Fatal("no error")
			}
			if got := advice(err); got != test.want {
				t.Errorf("advice on %v: %q, want %q", err, got, test.want)
			}
		})
	}
}

func TestAdviceToSignIn(t *testing.T) {
	t.Parallel()
	credential := &azfake.TokenCredential{}
	credential.SetError(errors.New("no account"))
	client, err := armsecops.NewSecurityAssignmentsClient("20ff7fc3-e762-44dd-bd96-b71116dcdc23", credential, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Get(t.Context(), "myResourceGroup", "any", nil)
	if got := advice(err); !strings.HasPrefix(got, "sign in: ") || !strings.HasSuffix(got, "no account") {
		t.Errorf("advice on %v: %q", err, got)
	}
}
