package interop

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/testkit"
)

// unreachable is how npm says that it can't reach its registry.
var unreachable = regexp.MustCompile(`(?i)npm (error|err!) code (ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH)`)

// A program on the packages of Microsoft's JavaScript clients lists, polls, meets a
// 429, and calls the workspace manager's sixteen operations against the command, and
// so does the one of docs/fake.md. They need Node and npm's registry.
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
	require.NoError(t, os.CopyFS(folder, os.DirFS("javascript")))
	install := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	install.Dir = folder
	out, err := install.CombinedOutput()
	if unreachable.Match(out) {
		t.Skipf("Microsoft's JavaScript client is not tested here: npm's registry can't be reached\n%s", out)
	}
	require.NoError(t, err, string(out))
	command := startCommand(ctx, t)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "test.mjs"), []byte(command.documented(t, "js")), 0o600))
	assert.Equal(t, "1\n", command.output(ctx, t, folder, "node", "test.mjs"), "the program of docs/fake.md")
	assert.JSONEq(t, `{"statuses":{
		"workspaceManagerConfigurations":[201,200,200,200,404],"workspaceManagerMembers":[201,200,200,200,404],
		"workspaceManagerGroups":[201,200,200,200,404],"workspaceManagerAssignments":[201,200,200,200,404]},
		"states":["InProgress","Succeeded"],"pages":2,"jobs":4,"injected":204,"waited":true}`,
		command.output(ctx, t, folder, "node", "client.mjs", command.Endpoint, command.Control))
}

// The program of docs/fake.md. It needs Python and its package index.
func TestPythonClientAgainstTheCommand(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skipf("Microsoft's Python client is not tested here: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	folder := t.TempDir()
	if out, err := exec.CommandContext(ctx, "python3", "-m", "venv", folder).CombinedOutput(); err != nil {
		t.Skipf("Microsoft's Python client is not tested here: %s", out)
	}
	packages := strings.Fields(guide(t, "`pip install ([^`]+)`"))
	python := filepath.Join(folder, "bin", "python")
	install := exec.CommandContext(ctx, python, append([]string{"-m", "pip", "install", "--quiet"}, packages...)...)
	out, err := install.CombinedOutput()
	if strings.Contains(string(out), "NewConnectionError") {
		t.Skip("Microsoft's Python client is not tested here: Python's package index can't be reached")
	}
	require.NoError(t, err, string(out))
	command := startCommand(ctx, t)
	assert.Equal(t, "1\n", command.output(ctx, t, "", python, "-c", command.documented(t, "python")))
}

// guide returns what docs/fake.md has in the group of a pattern.
func guide(t *testing.T, pattern string) string {
	match := regexp.MustCompile(pattern).FindStringSubmatch(testkit.ReadFile(t, "../docs/fake.md"))
	require.NotNil(t, match, pattern)
	return match[1]
}

// command is the fake process, with its line of JSON.
type command struct{ Endpoint, Control, CA string }

// documented returns the block of docs/fake.md in a language, for the process.
func (c command) documented(t *testing.T, language string) string {
	return strings.NewReplacer("https://localhost:8443", c.Endpoint, "ca.pem", c.CA).Replace(guide(t, "(?s)\n```"+language+"\n(.*?)\n```"))
}

// output runs a client, with the id that docs/fake.md exports, and returns what it prints.
func (c command) output(ctx context.Context, t *testing.T, folder, program string, args ...string) string {
	client := exec.CommandContext(ctx, program, args...)
	client.Dir = folder
	client.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+c.CA, "id="+guide(t, `(?m)^\$ export id=(\S+)$`))
	out, err := client.CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}

// startCommand builds and starts the fake process. SIGTERM ends it with the test.
func startCommand(ctx context.Context, t *testing.T) (ready command) {
	folder := t.TempDir()
	fake := filepath.Join(folder, "armsecops-fake")
	build := exec.CommandContext(ctx, "go", "build", "-o", fake, "./cmd/armsecops-fake")
	build.Dir = ".."
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))

	ca := filepath.Join(folder, "ca.pem")
	const address = "localhost:0" // on a machine with IPv6 alone, too
	server := exec.CommandContext(context.WithoutCancel(ctx), fake, "-addr", address, "-control", address, "-ca", ca,
		"-samples", "-page-size", "2", "-job-duration", "50ms")
	stdout := testkit.Must(server.StdoutPipe())
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		assert.NoError(t, server.Process.Signal(syscall.SIGTERM))
		assert.NoError(t, server.Wait(), "SIGTERM ends it cleanly")
	})
	require.NoError(t, json.NewDecoder(stdout).Decode(&ready))
	return ready
}
