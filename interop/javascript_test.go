package interop

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// unreachable is how npm says that it can't reach its registry.
var unreachable = regexp.MustCompile(`(?i)npm (error|err!) code (ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH)`)

// A program on the packages of Microsoft's JavaScript clients lists, polls and
// meets a 429 against the command. It needs Node and npm's registry.
func TestJavaScriptClientAgainstTheCommand(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("Microsoft's JavaScript client is not tested here: %v", err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	folder := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", "client.mjs"} {
		data, err := os.ReadFile(filepath.Join("javascript", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), data, 0o600))
	}
	install := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	install.Dir = folder
	out, err := install.CombinedOutput()
	if unreachable.Match(out) {
		t.Skipf("Microsoft's JavaScript client is not tested here: npm's registry can't be reached\n%s", out)
	}
	require.NoError(t, err, string(out))

	fake := filepath.Join(folder, "armsecops-fake")
	build := exec.CommandContext(ctx, "go", "build", "-o", fake, "./cmd/armsecops-fake")
	build.Dir = ".."
	out, err = build.CombinedOutput()
	require.NoError(t, err, string(out))

	ca := filepath.Join(folder, "ca.pem")
	loopback := httptest.NewUnstartedServer(nil) // knows where to listen, on a machine with IPv6 alone as well
	host, _, err := net.SplitHostPort(loopback.Listener.Addr().String())
	loopback.Close()
	require.NoError(t, err)
	address := net.JoinHostPort(host, "0")
	server := exec.CommandContext(ctx, fake, "-addr", address, "-control", address, "-ca", ca,
		"-samples", "-page-size", "2", "-job-duration", "50ms")
	stdout, err := server.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, server.Start())
	defer func() {
		assert.NoError(t, server.Process.Signal(syscall.SIGTERM))
		assert.NoError(t, server.Wait(), "SIGTERM ends it cleanly")
	}()
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	require.NoError(t, err)
	var ready struct{ Endpoint, Control string }
	require.NoError(t, json.Unmarshal(line, &ready))

	client := exec.CommandContext(ctx, "node", "client.mjs", ready.Endpoint, ready.Control)
	client.Dir = folder
	client.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+ca)
	out, err = client.CombinedOutput()
	require.NoError(t, err, string(out))
	assert.JSONEq(t, `{"states":["InProgress","Succeeded"],"pages":2,"jobs":4,"injected":204,"waited":true}`, string(out))
}
