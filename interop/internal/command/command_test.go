package command

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain is a program instead of the tests in the process that a test starts: it writes until the end of its context, and then waits.
func TestMain(m *testing.M) {
	if os.Getenv("RUN_MAIN") == "" {
		os.Exit(m.Run())
	}
	ctx, cancel := Context(time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		_, err := fmt.Println("runs")
		fmt.Fprintln(os.Stderr, err)
	}
	fmt.Fprintln(os.Stderr, "ended")
	<-time.After(time.Minute)
}

func TestContextEndsBySignals(t *testing.T) {
	t.Parallel()
	for _, s := range slices.DeleteFunc([]os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}, signal.Ignored) { // as below nohup
		program := exec.CommandContext(t.Context(), os.Args[0])
		program.Env = append(os.Environ(), "RUN_MAIN=1")
		stdout, outErr := program.StdoutPipe()
		stderr, errErr := program.StderrPipe()
		require.NoError(t, errors.Join(outErr, errErr, program.Start(), stdout.Close()))
		lines := bufio.NewScanner(stderr)
		for lines.Scan() && !strings.Contains(lines.Text(), "broken pipe") {
		}
		require.NoError(t, program.Process.Signal(s))
		for lines.Scan() && lines.Text() != "ended" {
		}
		assert.Equal(t, "ended", lines.Text())
		go func() {
			for program.Process.Signal(s) == nil { // until it is no longer caught
			}
		}()
		assert.ErrorContains(t, program.Wait(), "signal: ", "the second one")
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	program := Program{Name: "p", Commands: [][3]string{{"list", "-id ID", "list ids"}, {"long", "", strings.Repeat("long ", 20) + "end"}}}
	for args, want := range map[string]string{"list -x": "2||unknown flag: -x\nFor help: p list -h\n", "list -cloud= -x": "2||-cloud has no value\n", "list -cloud -timeout": "2||-cloud has no value: -timeout follows\n", "list -flag=2": "2||invalid boolean value \"2\" for -flag: must be true or false\n", "help": "0|Usage: p ", "help list": "0|Usage: p list ", "list -h": "0|Usage: p list -id ID [FLAGS]\n\nList ids.\n\nFlags:\n"} {
		c, err := program.New(strings.Fields(args), time.Hour)
		if err == nil {
			c.Bool("flag", false, "a flag")
			err = c.Parse()
		}
		var stdout, stderr strings.Builder
		got := fmt.Sprint(Report(err, &stdout, &stderr), "|", stdout.String(), "|", stderr.String())
		assert.True(t, strings.HasPrefix(got, want), got)
		assert.NotRegexp(t, "[^\n]{81}", got, "it fits a terminal")
	}
	var stderr strings.Builder
	assert.Equal(t, 1, Failed(errors.New("---------\nno account, see https://aka.ms/azsdk/go/identity/troubleshoot"), &stderr))
	assert.Regexp(t, "^Sign in with az login, [^-]+\n", stderr.String())
}
