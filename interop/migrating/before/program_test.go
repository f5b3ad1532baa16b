package before

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/security/armsecurity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/security/armsecurity/fake"
)

func TestExtendReturnsTheServicesError(t *testing.T) {
	server := fake.ServerFactory{AssignmentsServer: fake.AssignmentsServer{
		Get: func(_ context.Context, _, name string, _ *armsecurity.AssignmentsClientGetOptions) (resp azfake.Responder[armsecurity.AssignmentsClientGetResponse], errResp azfake.ErrorResponder) {
			resp.SetResponse(http.StatusOK, armsecurity.AssignmentsClientGetResponse{Assignment: armsecurity.Assignment{
				Name: to.Ptr(name), Properties: &armsecurity.AssignmentProperties{},
			}}, nil)
			return
		},
		CreateOrUpdate: func(context.Context, string, string, armsecurity.Assignment, *armsecurity.AssignmentsClientCreateOrUpdateOptions) (resp azfake.Responder[armsecurity.AssignmentsClientCreateOrUpdateResponse], errResp azfake.ErrorResponder) {
			errResp.SetResponseError(http.StatusConflict, "Locked")
			return
		},
	}}
	options := arm.ClientOptions{}
	options.Transport = fake.NewServerFactoryTransport(&server)
	program, err := New("20ff7fc3-e762-44dd-bd96-b71116dcdc23", &azfake.TokenCredential{}, options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := program.Extend(t.Context(), "group", "name", time.Now()); err == nil || !strings.Contains(err.Error(), "Locked") {
		t.Errorf("got %v, want Locked", err)
	}
}
