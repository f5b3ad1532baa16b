package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// newCredential returns the credential of the service connection of Azure Pipelines, or of
// the workflow of GitHub Actions, that runs the program: both get new tokens for as long as
// a night takes. Elsewhere, it returns azidentity's default credential.
func newCredential(options azcore.ClientOptions) (azcore.TokenCredential, error) {
	if connection, token := os.Getenv("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"), os.Getenv("SYSTEM_ACCESSTOKEN"); connection != "" && token != "" {
		return azidentity.NewAzurePipelinesCredential(os.Getenv("AZURESUBSCRIPTION_TENANT_ID"), os.Getenv("AZURESUBSCRIPTION_CLIENT_ID"), connection, token,
			&azidentity.AzurePipelinesCredentialOptions{ClientOptions: options})
	}
	tenantID, clientID := os.Getenv("AZURE_TENANT_ID"), os.Getenv("AZURE_CLIENT_ID")
	if os.Getenv("ACTIONS_ID_TOKEN_REQUEST_URL") != "" && tenantID != "" && clientID != "" {
		var transport policy.Transporter = http.DefaultClient
		if options.Transport != nil {
			transport = options.Transport
		}
		token := func(ctx context.Context) (string, error) { return gitHubToken(ctx, transport) }
		return azidentity.NewClientAssertionCredential(tenantID, clientID, token, &azidentity.ClientAssertionCredentialOptions{ClientOptions: options})
	}
	return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: options})
}

// gitHubToken returns a token of a workflow that has the permission id-token: write. It is
// valid for minutes: azidentity calls this for each new token of Azure.
func gitHubToken(ctx context.Context, transport policy.Transporter) (string, error) {
	address, err := url.Parse(os.Getenv("ACTIONS_ID_TOKEN_REQUEST_URL"))
	if err != nil || address.Scheme != "https" {
		return "", errors.New("ACTIONS_ID_TOKEN_REQUEST_URL is no https URL")
	}
	query := address.Query()
	query.Set("audience", "api://AzureADTokenExchange")
	address.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), http.NoBody)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+os.Getenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN"))
	resp, err := transport.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var token struct{ Value string }
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&token); err != nil || resp.StatusCode != http.StatusOK || token.Value == "" {
		return "", fmt.Errorf("no token of GitHub: %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	return token.Value, nil
}
