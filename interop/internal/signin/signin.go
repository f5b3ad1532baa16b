// Package signin signs the programs in.
package signin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// NewCredential returns the credential of the service connection of Azure Pipelines, or of
// the workflow of GitHub Actions, that runs the program: both get new tokens for as long as
// it takes. Elsewhere, and where the environment names another credential of azidentity, it
// returns the default one.
func NewCredential(options azcore.ClientOptions) (azcore.TokenCredential, error) {
	for _, name := range []string{"AZURE_TOKEN_CREDENTIALS", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_USERNAME", "AZURE_FEDERATED_TOKEN_FILE"} {
		if os.Getenv(name) != "" {
			return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: options})
		}
	}
	if connection, token := os.Getenv("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"), os.Getenv("SYSTEM_ACCESSTOKEN"); connection != "" && token != "" {
		return azidentity.NewAzurePipelinesCredential(os.Getenv("AZURESUBSCRIPTION_TENANT_ID"), os.Getenv("AZURESUBSCRIPTION_CLIENT_ID"), connection, token,
			&azidentity.AzurePipelinesCredentialOptions{ClientOptions: options})
	}
	tenantID, clientID := os.Getenv("AZURE_TENANT_ID"), os.Getenv("AZURE_CLIENT_ID")
	if os.Getenv("ACTIONS_ID_TOKEN_REQUEST_URL") != "" && tenantID != "" && clientID != "" {
		pipeline := runtime.NewPipeline("armsecops", "", runtime.PipelineOptions{}, &options)
		token := func(ctx context.Context) (string, error) { return gitHubToken(ctx, pipeline) }
		return azidentity.NewClientAssertionCredential(tenantID, clientID, token, &azidentity.ClientAssertionCredentialOptions{ClientOptions: options})
	}
	return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: options})
}

// gitHubToken returns a token of a workflow that has the permission id-token: write. It is
// valid for minutes: azidentity calls this for each new token of Azure.
func gitHubToken(ctx context.Context, pipeline runtime.Pipeline) (string, error) {
	address, err := url.Parse(os.Getenv("ACTIONS_ID_TOKEN_REQUEST_URL"))
	if err != nil || address.Scheme != "https" {
		return "", errors.New("ACTIONS_ID_TOKEN_REQUEST_URL is no https URL")
	}
	query := address.Query()
	query.Set("audience", "api://AzureADTokenExchange")
	address.RawQuery = query.Encode()
	req, err := runtime.NewRequest(ctx, http.MethodGet, address.String())
	if err != nil {
		return "", err
	}
	req.Raw().Header.Set("Authorization", "Bearer "+os.Getenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN"))
	resp, err := pipeline.Do(req)
	if err != nil {
		return "", err
	}
	var token struct{ Value string }
	switch err := runtime.UnmarshalAsJSON(resp, &token); {
	case resp.StatusCode != http.StatusOK:
		return "", fmt.Errorf("no token of GitHub: %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	case err != nil:
		return "", fmt.Errorf("reading the token of GitHub: %w", err)
	case token.Value == "":
		return "", errors.New("no token in the response of GitHub")
	}
	return token.Value, nil
}
