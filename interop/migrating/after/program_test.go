package after

import (
	"net/http"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

func TestExtendReturnsTheServicesError(t *testing.T) {
	server := fake.NewServer(nil)
	server.Override("SecurityAssignmentsClient.Get", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fake.Respond(http.StatusOK, armsecops.Assignment{Name: r.PathValue("assignmentId")}).ServeHTTP(w, r)
	}))
	server.Override("SecurityAssignmentsClient.CreateOrUpdate", fake.Respond(http.StatusConflict, armsecops.ErrorDetail{Code: "Locked"}))
	options := arm.ClientOptions{}
	options.Transport = server
	program, err := New("20ff7fc3-e762-44dd-bd96-b71116dcdc23", &azfake.TokenCredential{}, options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := program.Extend(t.Context(), "group", "name", time.Now()); !armsecops.HasCode(err, "Locked") {
		t.Errorf("got %v, want Locked", err)
	}
}
