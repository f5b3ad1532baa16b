package command_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/command"
	"github.com/armsecops/armsecops/examples/internal/commandtest"
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
	for name, test := range map[string]struct {
		err    error
		code   int
		stderr string
	}{
		"none":      {nil, 0, ""},
		"service":   {errors.New("no"), command.Failed, "no\n"},
		"usage":     {command.Usagef("-%s: %w", "name", errStopped), command.BadUsage, "-name: stopped\nFor help: program -h\n"},
		"parameter": {&armsecops.ParameterError{Name: "name", Reason: "is long"}, command.BadUsage, "parameter name is long\nFor help: program -h\n"},
		"its own":   {fmt.Errorf("wait: %w", errStopped), 4, "wait: stopped\n"},
		"another":   {context.Canceled, 4, "context canceled\n"},
		"reported":  {command.ErrReported, command.Failed, ""},
	} {
		stderr := commandtest.AssertNoOutput(t, test.code, func(s command.Streams) int { return newCommand().Exit(test.err, s) }, name)
		assert.Equal(t, test.stderr, stderr, name)
	}
	require.Len(t, newCommand().ExitCodes, 6)
	for i, e := range newCommand().ExitCodes {
		assert.Equal(t, i, e.Code, "must be sorted")
	}
}

func TestLostOutputIsReportedWithTheError(t *testing.T) {
	t.Parallel()
	stderr := commandtest.AssertLostOutput(t, func(s command.Streams) int { s.Out.Println("text"); return newCommand().Exit(errStopped, s) })
	assert.Equal(t, "stopped\nstandard output: no space left on device\n", stderr)
}

func TestHelpOfABuiltProgramHasItsName(t *testing.T) {
	t.Parallel()
	c := newCommand()
	c.Example = "  go run ./examples/program -live"
	_, stdout, _ := commandtest.Run(func(s command.Streams) int { s.Program = "/bin/program"; return c.Exit(flag.ErrHelp, s) })
	assert.Contains(t, stdout, "\n  program -live\n")
	assert.NotContains(t, stdout, "go run")
}

func TestParseChecksTheFlagsForAzure(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{ // "" for no error
		"":                           "",
		"-live -name a":              "",
		"-live -name a -cloud china": "",
		"-live":                      "-live needs -name",
		"-live -name=":               "-live needs -name",
		"-name a":                    "-name needs -live",
		"-cloud public":              "-cloud needs -live",
		"-cloud moon":                `invalid value "moon" for flag -cloud: must be public, china or government`,
		"a":                          "unexpected argument: a",
		"help":                       flag.ErrHelp.Error(),
		"a -count b":                 `invalid value "b" for flag -count: must be a whole number`,
		"-- -live":                   "unexpected argument: -live",
		"-live false":                "-live takes its value after =: -live=false",
		"-count 1 -count 2":          `invalid value "2" for flag -count: is given twice`,
		"-count -live":               "-count has no value: -live follows",
		"-secret=a":                  "unknown flag: -secret",
		"-count -a":                  `invalid value "-a" for flag -count: must be a whole number`,
		"-wait 5":                    `invalid value "5" for flag -wait: must be a duration, such as 90s or 10m`,
		"-live=a":                    `invalid boolean value "a" for -live: must be true or false`,
	} {
		c := newCommand()
		c.Flags.String("name", "", "`name`")
		c.Flags.Int("count", 0, "`count`")
		c.Flags.Duration("wait", 0, "`time`")
		err := c.Parse(strings.Fields(args), "name")
		if want == "" {
			require.NoError(t, err, args)
		} else {
			require.EqualError(t, err, want, args)
		}
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
	for advice, err := range map[string]error{
		"Sign in with az login, ":                 signInError{},
		"Mend the credential that failed below, ": errors.Join(signInError{}, &azidentity.AuthenticationFailedError{}),
	} {
		s, _, stderr := commandtest.Streams()
		s.Err = commandtest.Terminal(stderr, 80)
		assert.Equal(t, command.Failed, newCommand().Exit(err, s))
		assert.True(t, strings.HasPrefix(stderr.String(), advice), stderr.String())
		assert.NotContains(t, stderr.String(), "---")
		assert.Less(t, strings.Count(stderr.String(), "\n"), 24)
	}
}
