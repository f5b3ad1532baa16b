package main

import (
	"errors"
	"net/http"
	"testing"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

func TestExemptionsResumeAfterFailure(t *testing.T) {
	const subscription = "20ff7fc3-e762-44dd-bd96-b71116dcdc23"
	server := fake.NewServer(&fake.ServerOptions{PageSize: 1, Strict: true})
	for _, name := range []string{"one", "two"} {
		id := armsecops.AssignmentID{SubscriptionID: subscription, ResourceGroupName: "group", Name: name}
		server.Put(id, armsecops.Assignment{Properties: armsecops.AssignmentProperties{Effect: armsecops.EffectExempt}})
	}
	server.Inject(fake.Fault{ // the second page fails once
		Operation:  "SecurityAssignmentsClient.NewListBySubscriptionPager",
		Skip:       1,
		StatusCode: http.StatusForbidden,
	})
	client, err := armsecops.NewSecurityAssignmentsClient(subscription, &azfake.TokenCredential{}, server.ClientOptions())
	if err != nil {
		t.Fatal(err)
	}

	first, token, err := exemptions(t.Context(), client, "")
	if !errors.Is(err, armsecops.ErrForbidden) || len(first) != 1 {
		t.Fatalf("%d exemptions and error %v, want 1 and ErrForbidden", len(first), err)
	}
	rest, token, err := exemptions(t.Context(), client, token)
	if err != nil || len(rest) != 1 || token != "" {
		t.Fatalf("%d exemptions, token %q and error %v, want the other one and no token", len(rest), token, err)
	}
	if got := len(server.Requests()); got != 3 {
		t.Errorf("%d requests, want 3", got)
	}
}
