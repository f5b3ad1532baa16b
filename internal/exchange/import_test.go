package exchange_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	_ "github.com/armsecops/armsecops" // must not touch what belongs to the program
)

// Importing the library leaves net/http's default transport as it is: a program
// that sets it up in main gets what it asked for. Each test has a process of its
// own, because the transport is set up once.
func TestImportLeavesTheDefaultTransport(t *testing.T) {
	t.Parallel()
	const variable = "TEST_DEFAULT_TRANSPORT"
	tests := map[string]struct {
		set   func(*http.Transport)
		proto string
	}{
		"TLSNextProto": {func(transport *http.Transport) {
			transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
		}, "HTTP/1.1"},
		"TLSClientConfig": {func(*http.Transport) {}, "HTTP/2.0"},
		"Protocols": {func(transport *http.Transport) {
			transport.Protocols = new(http.Protocols)
			transport.Protocols.SetHTTP1(true)
		}, "HTTP/1.1"},
	}
	if test, ok := tests[os.Getenv(variable)]; ok {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte(r.Proto))
		}))
		server.EnableHTTP2 = true
		server.StartTLS()
		defer server.Close()
		transport := http.DefaultTransport.(*http.Transport)
		transport.TLSClientConfig = &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
		test.set(transport)
		resp, err := http.Get(server.URL)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, test.proto, resp.Proto)
		return
	}
	for name := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestImportLeavesTheDefaultTransport$") // this binary
			cmd.Env = append(os.Environ(), variable+"="+name)
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
		})
	}
}
