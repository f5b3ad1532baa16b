package main

import (
	"net/http"
	"testing"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

// conditional is a transport for which a resource has changed if its If-Match says so.
type conditional struct {
	*fake.Server
	changed bool
	ifMatch string // of the last PUT
}

func (c *conditional) Do(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodPut {
		c.ifMatch = req.Header.Get("If-Match")
		if c.changed && c.ifMatch != "" {
			c.Inject(fake.Fault{Operation: "SecurityAssignmentsClient.CreateOrUpdate", StatusCode: http.StatusPreconditionFailed})
		}
	}
	return c.Server.Do(req)
}

func TestExtendWritesOnlyWhatItHasRead(t *testing.T) {
	t.Parallel()
	server := &conditional{Server: fake.NewServer(nil)}
	options := &armsecops.ClientOptions{}
	options.Transport = server
	client, err := armsecops.NewSecurityAssignmentsClient("20ff7fc3-e762-44dd-bd96-b71116dcdc23", &azfake.TokenCredential{}, options)
	require.NoError(t, err)
	created, err := client.CreateOrUpdate(t.Context(), "group", "name", armsecops.Assignment{}, nil)
	require.NoError(t, err)

	expiresOn := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	require.NoError(t, extend(t.Context(), client, "group", "name", expiresOn))
	assert.Equal(t, string(created.ETag), server.ifMatch)

	server.changed = true
	err = extend(t.Context(), client, "group", "name", expiresOn.AddDate(1, 0, 0))
	require.ErrorIs(t, err, armsecops.ErrPreconditionFailed)
	got, err := client.Get(t.Context(), "group", "name", nil)
	require.NoError(t, err)
	assert.Equal(t, expiresOn, got.Properties.ExpiresOn)
}
