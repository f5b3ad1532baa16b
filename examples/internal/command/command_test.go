package command_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/command"
	"github.com/armsecops/armsecops/examples/internal/commandtest"
	"github.com/armsecops/armsecops/examples/internal/terminal"
)

var errStopped = errors.New("stopped")

func newCommand() *command.Command {
	return command.New("program",
		command.ExitCode{Code: 0, Meaning: "it ended"},
		command.ExitCode{Code: 4, Meaning: "it was stopped", Errors: []error{context.Canceled, errStopped}},
		command.ExitCode{Code: 3, Meaning: "another"})
}

func TestExitCodeIsThatOfTheError(t *testing.T) {
	t.Parallel()
	const help = "For help: program -h\n"
	tests := map[string]struct {
		err    error
		code   int
		stderr string
	}{
		"none":    {nil, 0, ""},
		"service": {errors.New("no"), command.Failed, "no\n"},
		"usage":   {command.Usagef("-%s: %w", "name", errStopped), command.BadUsage, "-name: stopped\n" + help},
		"invalid parameter": {
			&armsecops.ParameterError{Name: "name", Reason: "must be short"}, command.BadUsage, "parameter name must be short\n" + help,
		},
		"of the command":  {fmt.Errorf("wait: %w", errStopped), 4, "wait: stopped\n"},
		"another of them": {context.Canceled, 4, "context canceled\n"},
		"reported":        {command.ErrReported, command.Failed, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, stdout, stderr := commandtest.Streams()
			assert.Equal(t, test.code, newCommand().Exit(test.err, s))
			assert.Empty(t, stdout.String())
			assert.Equal(t, test.stderr, stderr.String())
		})
	}
}

func TestLostOutputIsReportedWithTheError(t *testing.T) {
	t.Parallel()
	s, _, stderr := commandtest.Streams()
	s.Out = &terminal.Output{Writer: commandtest.FullDisk{}}
	s.Out.Println("text")
	assert.Equal(t, command.LostOutput, newCommand().Exit(errStopped, s))
	assert.Equal(t, "stopped\nstandard output: no space left on device\n", stderr.String())
}

func TestExitCodesAreSorted(t *testing.T) {
	t.Parallel()
	var codes []int
	for _, e := range newCommand().ExitCodes {
		codes = append(codes, e.Code)
	}
	assert.Equal(t, []int{0, 1, 2, 3, 4, 5}, codes)
	assert.Equal(t, "it ended", newCommand().ExitCodes[0].Meaning)
}

func TestParseChecksTheFlagsForAzure(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		want string // error; empty for none
	}{
		"in memory":     {nil, ""},
		"live":          {[]string{"-live", "-name", "a"}, ""},
		"cloud":         {[]string{"-live", "-name", "a", "-cloud", "china"}, ""},
		"missing":       {[]string{"-live"}, "-live needs -name"},
		"empty":         {[]string{"-live", "-name", ""}, "-live needs -name"},
		"without -live": {[]string{"-name", "a"}, "-name needs -live"},
		"cloud alone":   {[]string{"-cloud", "public"}, "-cloud needs -live"},
		"unknown cloud": {[]string{"-cloud", "moon"}, `invalid value "moon" for flag -cloud: must be public, china or government`},
		"argument":      {[]string{"a"}, "unexpected argument: a"},
		"late flag":     {[]string{"a", "-live"}, "flags come before the arguments: -live"},
		"unknown flag":  {[]string{"-secret=a"}, "unknown flag: -secret"},
		"no number":     {[]string{"-count", "-a"}, `invalid value "-a" for flag -count: must be a whole number`},
		"no duration":   {[]string{"-wait", "5"}, `invalid value "5" for flag -wait: must be a duration, such as 90s or 10m`},
		"no boolean":    {[]string{"-live=a"}, `invalid boolean value "a" for -live: must be true or false`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCommand()
			c.Flags.String("name", "", "`name`")
			c.Flags.Int("count", 0, "`count`")
			c.Flags.Duration("wait", 0, "`time`")
			err := c.Parse(test.args, "name")
			if test.want == "" {
				require.NoError(t, err)
			} else {
				require.EqualError(t, err, test.want)
			}
		})
	}
}

func TestCountHasSingularAndPlural(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0 items", 1: "1 item", 2: "2 items"} {
		assert.Equal(t, want, command.Count(n, "item"))
	}
}

// signInError is an error as azidentity makes it: with rules of dashes, and as long as a response.
type signInError struct{}

func (signInError) Is(target error) bool { return target == armsecops.ErrCredential }
func (signInError) Error() string {
	rule := strings.Repeat("-", 80)
	return "GET http://host/token " + rule + " RESPONSE 403 " + rule + strings.Repeat(" word", 900)
}

func TestSignInErrorIsOneScreenAfterTheAdvice(t *testing.T) {
	t.Parallel()
	s, _, stderr := commandtest.Streams()
	s.Err = commandtest.Terminal(stderr, 80)
	assert.Equal(t, command.Failed, newCommand().Exit(signInError{}, s))
	assert.True(t, strings.HasPrefix(stderr.String(), "Sign in with az login, "), stderr.String())
	assert.NotContains(t, stderr.String(), "---")
	assert.Less(t, strings.Count(stderr.String(), "\n"), 24)
}
