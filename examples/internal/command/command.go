// Package command has what the example programs share: flags and their help,
// exit codes, and the way to Azure.
package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/terminal"
)

// The exit codes that all programs have.
const (
	Failed     = 1
	BadUsage   = 2
	LostOutput = 5
)

// ErrReported is an error that the output shows already.
var ErrReported = errors.New("reported")

// Streams are what a program reads and writes, and how the commands begin that it
// prints to be copied.
type Streams struct {
	In      io.Reader
	Out     *terminal.Output
	Err     *terminal.Output
	Program string // by which it was started; empty if go run built it
}

// Main runs a program and exits with the code that it returns. Ctrl-C ends the
// context, and so do a closed terminal and a request to terminate; on Windows, all
// of these are among the signals, too.
func Main(run func(ctx context.Context, args []string, s Streams) int) {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}
	signals = slices.DeleteFunc(signals, signal.Ignored) // such as SIGHUP below nohup
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	context.AfterFunc(ctx, stop)                            // so that a second signal ends a program that doesn't
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // a closed pipe is lost output: it must not end a change halfway
	code := run(ctx, os.Args[1:], Streams{os.Stdin, terminal.New(os.Stdout), terminal.New(os.Stderr), program(os.Args[0])})
	stop()
	os.Exit(code)
}

// program returns the name by which a program was started, or "" if go run built it:
// in a folder of the go command, which deletes it again.
func program(name string) string {
	if strings.Contains(filepath.ToSlash(name), "/go-build") {
		return ""
	}
	return name
}

// Command is a program, or one of its commands.
type Command struct {
	Name      string      // as on the command line
	Arguments string      // for the help; empty if it takes none
	About     string      // for the help; a summary is its first paragraph
	Required  []string    // for the help: flags that come first
	Commands  [][2]string // for the help of a program that has commands, and what they do; instead of flags
	Example   string      // for the help, as go run starts it
	ExitCodes []ExitCode
	Several   map[string]string // how several values of a flag that can't be repeated are given, for its error

	Flags *flag.FlagSet
	Args  []string // of the command line, without the flags
	Live  bool     // whether to use Azure
	cloud string
}

// ExitCode is an exit code and its meaning.
type ExitCode struct {
	Code    int
	Meaning string
	Errors  []error // that lead to it
}

// New returns a command with the flags -live and -cloud. Its exit codes are
// those that all programs have; the others override and complete them.
func New(name string, others ...ExitCode) *Command {
	c := &Command{Name: name, Flags: flag.NewFlagSet(name, flag.ContinueOnError), ExitCodes: []ExitCode{
		{Code: 0, Meaning: "success"},
		{Code: Failed, Meaning: "anything else failed, such as a request"},
		{Code: BadUsage, Meaning: "a flag or an argument is invalid; nothing was sent"},
		{Code: LostOutput, Meaning: "the standard output could not be written, such as to a full disk or a closed pipe"},
	}}
	for _, other := range others {
		i, found := slices.BinarySearchFunc(c.ExitCodes, other, func(a, b ExitCode) int { return a.Code - b.Code })
		if found {
			c.ExitCodes[i] = other
		} else {
			c.ExitCodes = slices.Insert(c.ExitCodes, i, other)
		}
	}
	c.Flags.SetOutput(io.Discard) // Exit prints the error
	c.Flags.BoolVar(&c.Live, "live", false, "use Azure, with azidentity's default credential, such as the account of az login")
	c.Choice(&c.cloud, "cloud", "`name` of Azure's cloud", "public", "china", "government")
	return c
}

// Choice adds a flag whose value is one of the choices, in any casing. The first one is the default.
func (c *Command) Choice(value *string, name, usage string, choices ...string) {
	*value = choices[0]
	c.Flags.Var(&choice{value, choices}, name, usage+": "+Join(choices, "or"))
}

// choice is the value of a flag that is one of some.
type choice struct {
	value   *string
	choices []string
}

func (c *choice) String() string {
	if c.value == nil {
		return "" // as package flag requires of a zero value
	}
	return *c.value
}

// Get returns the choice.
func (c *choice) Get() any { return c.String() }

// Set accepts one of the choices.
func (c *choice) Set(value string) error {
	i := slices.IndexFunc(c.choices, func(choice string) bool { return strings.EqualFold(choice, value) })
	if i < 0 {
		return errors.New("must be " + Join(c.choices, "or"))
	}
	*c.value = c.choices[i]
	return nil
}

// Join returns words as a text, such as: a, b or c.
func Join(words []string, conjunction string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " " + conjunction + " " + words[last]
}

// List adds a flag that can be repeated.
func (c *Command) List(values *[]string, name, usage string) {
	c.Flags.Func(name, usage+"; can be repeated", func(value string) error {
		if value == "" {
			return errors.New("is empty")
		}
		*values = append(*values, value)
		return nil
	})
}

// usageError is the error of an invalid flag or argument.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// Usagef returns the error of an invalid flag or argument.
func Usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// once is the value of a flag that can't be repeated: package flag would forget the first one.
type once struct {
	flag.Getter
	given   bool
	several string // how several are given; or empty
}

// IsBoolFlag reports whether the flag needs no value.
func (o *once) IsBoolFlag() bool {
	b, ok := o.Getter.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

func (o *once) Set(text string) error {
	if o.given {
		return errors.New(strings.TrimSuffix("is given twice: "+o.several, ": "))
	}
	o.given = true
	return o.Getter.Set(text)
}

// Parse parses the command line, whose flags may come before, between and after the
// arguments; after -- all are arguments. The flags named live are required with
// -live, and refused without. An argument that a file with other line
// ends or a careless copy has spoiled is refused, since a service would take it.
// The argument help is -h.
func (c *Command) Parse(args []string, live ...string) error {
	if slices.Equal(args, []string{"help"}) {
		return flag.ErrHelp
	}
	for i, arg := range args {
		if i > 0 && c.isFlag(arg) && c.isFlag(args[i-1]) && !c.isBool(args[i-1]) { // such as where a variable isn't set
			return Usagef("%s has no value: %s follows", args[i-1], arg)
		}
		if strings.TrimSpace(arg) == arg && !strings.ContainsFunc(arg, Invisible) {
			continue
		}
		name := "an argument"
		if i > 0 && strings.HasPrefix(args[i-1], "-") && !c.isBool(args[i-1]) {
			name = args[i-1]
		}
		return Usagef("%s has control or invisible characters, or white space at an end: %q", name, arg)
	}
	c.Flags.VisitAll(func(f *flag.Flag) {
		if value, ok := f.Value.(flag.Getter); ok { // that of a List is none
			f.Value = &once{Getter: value, several: c.Several[f.Name]}
		}
	})
	var afterFlags []string
	if i := slices.Index(args, "--"); i >= 0 {
		args, afterFlags = args[:i], args[i+1:]
	}
	for { // package flag stops at each argument
		if err := c.Flags.Parse(args); err != nil {
			return usageError{c.inUsersWords(err)}
		}
		rest := c.Flags.Args()
		if len(rest) == 0 {
			break
		}
		if before := args[:len(args)-len(rest)]; len(before) > 0 && (rest[0] == "true" || rest[0] == "false") && c.isBool(before[len(before)-1]) {
			return Usagef("%[1]s takes its value after =: %[1]s=%[2]s", before[len(before)-1], rest[0])
		}
		args = rest
		c.Args, args = append(c.Args, args[0]), args[1:]
	}
	c.Args = append(c.Args, afterFlags...)
	if c.Arguments == "" && len(c.Args) > 0 {
		return Usagef("unexpected argument: %s", c.Args[0])
	}
	return c.Require(append(live, "cloud")...)
}

// Invisible reports whether a character is a control or format character, which an id
// that was copied may have without showing it.
func Invisible(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf) }

// isFlag reports whether an argument is a flag without a value.
func (c *Command) isFlag(arg string) bool {
	return strings.HasPrefix(arg, "-") && c.Flags.Lookup(strings.TrimLeft(arg, "-")) != nil
}

// isBool reports whether an argument is a boolean flag without a value.
func (c *Command) isBool(arg string) bool {
	f := c.Flags.Lookup(strings.TrimLeft(arg, "-"))
	if f == nil || arg[0] != '-' {
		return false
	}
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// inUsersWords returns an error of package flag as other programs word it.
func (c *Command) inUsersWords(err error) error {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: "); ok {
		return errors.New("unknown flag: " + name)
	}
	invalid, ok := strings.CutSuffix(text, ": parse error")
	if !ok {
		return err
	}
	form := "a whole number"
	switch c.Flags.Lookup(invalid[strings.LastIndex(invalid, " -")+2:]).Value.(flag.Getter).Get().(type) {
	case bool:
		form = "true or false"
	case time.Duration:
		form = "a duration, such as 90s or 10m"
	}
	return errors.New(invalid + ": must be " + form)
}

// Require refuses flags without -live that only it has a use for, and their lack with it.
func (c *Command) Require(live ...string) error {
	var missing []string
	for _, name := range live {
		switch {
		case c.Given(name) && !c.Live:
			return Usagef("-%s needs -live", name)
		case c.Live && c.Flags.Lookup(name).Value.String() == "":
			missing = append(missing, "-"+name)
		}
	}
	if missing != nil {
		return Usagef("-live needs %s", Join(missing, "and"))
	}
	return nil
}

// Given reports whether the command line has the flag.
func (c *Command) Given(name string) (given bool) {
	c.Flags.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	return given
}

// Connect returns the credential and the options for Azure, or without -live for
// a service in memory.
func (c *Command) Connect(memory policy.Transporter) (azcore.TokenCredential, *armsecops.ClientOptions, error) {
	options := &armsecops.ClientOptions{}
	if !c.Live {
		options.Transport = memory
		return &azfake.TokenCredential{}, options, nil
	}
	options.Cloud = map[string]cloud.Configuration{
		"public":     cloud.AzurePublic,
		"china":      cloud.AzureChina,
		"government": cloud.AzureGovernment,
	}[c.cloud]
	credential, err := azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{
		ClientOptions: options.ClientOptions.ClientOptions,
	})
	return credential, options, err
}

// Exit prints the error of a run, if it has one, or the help that it asks for.
// It returns the exit code. Lost output comes first: a program that reads it must
// not take it for complete.
func (c *Command) Exit(err error, s Streams) int {
	if errors.Is(err, flag.ErrHelp) {
		c.help(s.Out, s.Program == "")
		err = nil
	}
	code := c.exitCode(err)
	if err != nil && !errors.Is(err, ErrReported) {
		s.Err.Println(Message(err))
	}
	if code == BadUsage {
		s.Err.Println("For help: " + c.Name + " -h")
	}
	if lost := s.Out.Err(); lost != nil {
		if !errors.Is(lost, syscall.EPIPE) { // whose reader, such as head, has what it wants
			s.Err.Println("standard output: " + lost.Error())
		}
		return LostOutput
	}
	return code
}

// Message returns the text of an error. That of a sign-in begins with the advice and
// fits a screen, without the rules of dashes of azidentity.
func Message(err error) string {
	text := err.Error()
	if !errors.Is(err, armsecops.ErrCredential) {
		return text
	}
	advice := "Sign in with az login"
	if _, failed := errors.AsType[*azidentity.AuthenticationFailedError](err); failed { // so that no other was tried
		advice = "Mend the credential that failed below, use that of az login alone by AZURE_TOKEN_CREDENTIALS=AzureCLICredential"
	}
	text = strings.ReplaceAll(text, strings.Repeat("-", 8), "")
	return fmt.Sprintf("%s, or see https://aka.ms/azsdk/go/identity/troubleshoot\n%.1600s", advice, text)
}

func (c *Command) exitCode(err error) int {
	if err == nil {
		return 0
	}
	_, badUsage := errors.AsType[usageError](err)
	_, badValue := errors.AsType[*armsecops.ParameterError](err)
	if badUsage || badValue {
		return BadUsage
	}
	for _, e := range c.ExitCodes {
		if slices.ContainsFunc(e.Errors, func(target error) bool { return errors.Is(err, target) }) {
			return e.Code
		}
	}
	return Failed
}

// help prints the commands of a program, or all flags with their defaults, then an
// example and the exit codes.
//   - goRun: whether go run built the program, as the example has it
func (c *Command) help(out *terminal.Output, goRun bool) {
	about, details, _ := strings.Cut(c.About, "\n\n")
	if c.Commands != nil {
		out.Text("Usage: " + c.Name + " [COMMAND] [FLAGS] [ARGUMENTS]\n\n" + about + "\n\nCommands:")
		out.Definitions(c.Commands)
	} else {
		out.Text(strings.TrimRight("Usage: "+c.Name+" [FLAGS] "+c.Arguments, " ") + "\n\n" + about + "\n")
		c.flagsHelp(out)
	}
	example := c.Example
	if !goRun {
		example = strings.ReplaceAll(example, "go run ./examples/", "")
	}
	fmt.Fprintf(out, "\nExamples:\n%s\n\n", example) // not wrapped: a line is a command to copy; out keeps its error
	if details != "" {
		out.Text(details + "\n")
	}
	var codes [][2]string
	for _, e := range c.ExitCodes {
		codes = append(codes, [2]string{fmt.Sprint(e.Code), e.Meaning})
	}
	out.Text("Exit codes:")
	out.Definitions(codes)
	if goRun {
		out.Text("  These are of a built program: go run exits with 1 instead of all but 0.")
	}
}

// flagsHelp prints the flags, those that are required first.
func (c *Command) flagsHelp(out *terminal.Output) {
	var required, others [][2]string
	describe := func(f *flag.Flag) [2]string {
		value, usage := flag.UnquoteUsage(f)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0s" {
			usage += " (default " + f.DefValue + ")"
		}
		return [2]string{strings.TrimRight("-"+f.Name+" "+value, " "), usage}
	}
	for _, name := range c.Required {
		required = append(required, describe(c.Flags.Lookup(name)))
	}
	c.Flags.VisitAll(func(f *flag.Flag) {
		if !slices.Contains(c.Required, f.Name) {
			others = append(others, describe(f))
		}
	})
	if required != nil {
		out.Text("Required:")
		out.Definitions(required)
		out.Text("")
	}
	out.Text("Flags:")
	out.Definitions(others)
}

// Count returns a number and a noun: 1 item, 2 items.
func Count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
