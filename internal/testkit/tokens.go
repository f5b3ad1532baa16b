package testkit

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// Forge returns the continuation token with another member.
func Forge(t testing.TB, token, member, text string) string {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(token)
	require.NoError(t, err)
	const checksum = 8
	content := Decode[map[string]any](t, data[checksum:])
	content[member] = text
	forged, err := json.Marshal(content)
	require.NoError(t, err)
	sum := sha256.Sum256(forged)
	return base64.RawURLEncoding.EncodeToString(append(sum[:checksum], forged...))
}
