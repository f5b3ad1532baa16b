package signin

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/stretchr/testify/assert"

	"github.com/armsecops/armsecops/internal/testkit"
)

// Each token of Azure takes a new one of the pipeline. Not parallel: it sets variables.
func TestCredentialOfAPipeline(t *testing.T) {
	const login = "https://login.microsoftonline.com/t"
	for variables, request := range map[string]string{
		"SYSTEM_ACCESSTOKEN=secret SYSTEM_OIDCREQUESTURI=https://pipelines/o AZURESUBSCRIPTION_TENANT_ID=t AZURESUBSCRIPTION_CLIENT_ID=c AZURESUBSCRIPTION_SERVICE_CONNECTION_ID=s": "pipelines/o?api-version=7.1&serviceConnectionId=s Bearer secret",
		"ACTIONS_ID_TOKEN_REQUEST_TOKEN=secret ACTIONS_ID_TOKEN_REQUEST_URL=https://github/o?a=b AZURE_TENANT_ID=t AZURE_CLIENT_ID=c":                                               "github/o?a=b&audience=api%3A%2F%2FAzureADTokenExchange Bearer secret",
	} {
		t.Run(request, func(t *testing.T) {
			for v := range strings.FieldsSeq(variables) {
				name, value, _ := strings.Cut(v, "=")
				t.Setenv(name, value)
			}
			asked, sent, response := 0, "", testkit.Respond(200)
			credential := testkit.Must(NewCredential(azcore.ClientOptions{Transport: testkit.TransportFunc(func(req *http.Request) (*http.Response, error) {
				if strings.HasPrefix(request, req.URL.Host) {
					asked++
					assert.Equal(t, request, req.URL.Host+req.URL.RequestURI()+" "+req.Header.Get("Authorization"))
					return response(req)
				} else if req.Body != nil {
					body, _ := io.ReadAll(req.Body)
					sent += string(body)
				}
				return testkit.Respond(200, `{"access_token":"a","expires_in":-1,"token_type":"Bearer","authorization_endpoint":"`+login+`/a","token_endpoint":"`+login+`/t","issuer":"`+login+`","tenant_discovery_endpoint":"`+login+`"}`)(req)
			})}))
			for _, status := range []int{200, 200, 403} {
				response = testkit.Respond(status, `{"value":"assertion","oidcToken":"assertion"}`)
				_, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://management.azure.com/.default"}})
				assert.Equal(t, status == 200, err == nil, err)
			}
			assert.Equal(t, []int{3, 2}, []int{asked, strings.Count(sent, "client_assertion=assertion")})
			t.Setenv("AZURE_TOKEN_CREDENTIALS", "AzureCLICredential") // which is what the user wants
			assert.IsType(t, &azidentity.DefaultAzureCredential{}, testkit.Must(NewCredential(azcore.ClientOptions{})))
		})
	}
}
