package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
)

func TestExtendWritesOnlyWhatItHasRead(t *testing.T) {
	t.Parallel()
	server := fake.NewServer(nil)
	changed, ifMatch := false, "" // ifMatch is that of the last PUT
	client := driver.NewAssignmentsClient(t, driver.Options(testkit.TransportFunc(func(req *http.Request) (*http.Response, error) {
		if req.Method == http.MethodPut {
			ifMatch = req.Header.Get("If-Match")
			if changed && ifMatch != "" {
				server.Inject(fake.Fault{Operation: "SecurityAssignmentsClient.CreateOrUpdate", StatusCode: http.StatusPreconditionFailed})
			}
		}
		return server.Do(req)
	})))
	created, err := client.CreateOrUpdate(t.Context(), "group", "name", armsecops.Assignment{}, nil)
	require.NoError(t, err)

	expiresOn := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	require.NoError(t, extend(t.Context(), client, "group", "name", expiresOn))
	assert.Equal(t, string(created.ETag), ifMatch)

	changed = true
	err = extend(t.Context(), client, "group", "name", expiresOn.AddDate(1, 0, 0))
	require.ErrorIs(t, err, armsecops.ErrPreconditionFailed)
	got, err := client.Get(t.Context(), "group", "name", nil)
	require.NoError(t, err)
	assert.Equal(t, expiresOn, got.Properties.ExpiresOn)
}
