package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTenantSubscriptionsFailAsSet(t *testing.T) {
	t.Parallel()
	tenant := newTenant(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC))
	assert.Len(t, tenant.failures, 3)
	for n := range tenantSubscriptions {
		subscription := tenantSubscription(n + 1)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
			"https://management.azure.com/subscriptions/"+subscription+
				"/providers/Microsoft.Security/assignments?api-version=2021-08-01-preview", nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer token")
		resp, err := tenant.Do(req)
		require.NoError(t, err)
		assert.NoError(t, resp.Body.Close())
		want := http.StatusOK
		if f, fails := tenant.failures[subscription]; fails {
			want = f.status
		}
		assert.Equal(t, want, resp.StatusCode, subscription)
	}
}
