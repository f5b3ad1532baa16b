// Package command has what the programs share: their flags, help and signals.
package command

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"

	"github.com/armsecops/armsecops"
)

// Program has commands, the first of which is that of a command line without one.
type Program struct {
	Name, About string
	Commands    [][3]string // the name of each, the flags that it needs, and what it does
}

// Command is a command of a program, with its flags.
type Command struct {
	*flag.FlagSet
	Command string
	Cloud   cloud.Configuration
	Timeout time.Duration

	args        []string
	needs, does string
}

// helpError is the request for a help.
type helpError struct{ text string }

func (e helpError) Error() string { return e.text }

// New returns the command of a command line, with the flags that each command has. Its
// errors, and those of Parse, are for Report.
func (p Program) New(args []string, timeout time.Duration) (*Command, error) {
	name := p.Commands[0][0]
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	} else if len(args) > 0 && slices.Contains([]string{"-h", "-help", "--help"}, args[0]) {
		name = "help"
	}
	if name == "help" && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], []string{"-h"}
	}
	i := slices.IndexFunc(p.Commands, func(c [3]string) bool { return c[0] == name })
	switch {
	case name == "help":
		return nil, helpError{p.help()}
	case i < 0:
		return nil, fmt.Errorf("unknown command %q\nFor help: %s -h", name, p.Name)
	}
	c := &Command{
		FlagSet: flag.NewFlagSet(p.Name+" "+name, flag.ContinueOnError), Command: name, Cloud: cloud.AzurePublic, Timeout: timeout,
		args: args, needs: p.Commands[i][1], does: p.Commands[i][2],
	}
	c.SetOutput(io.Discard) // Report prints the error
	c.Func("timeout", fmt.Sprintf("stop after this `duration` (default %v)", timeout), func(text string) (err error) {
		if c.Timeout, err = time.ParseDuration(text); err != nil || c.Timeout <= 0 {
			return errors.New("must be a duration such as 90m")
		}
		return nil
	})
	clouds := map[string]cloud.Configuration{"public": cloud.AzurePublic, "china": cloud.AzureChina, "government": cloud.AzureGovernment}
	c.Func("cloud", "`name` of Azure's cloud: public, china or government (default public)", func(name string) error {
		if c.Cloud = clouds[strings.ToLower(name)]; c.Cloud.Services == nil {
			return errors.New("must be public, china or government")
		}
		return nil
	})
	return c, nil
}

// File adds a flag with the name of a file that exists.
func (c *Command) File(name *string, flag, usage string) {
	c.Func(flag, usage, func(file string) error {
		*name = file
		_, err := os.Stat(file)
		return err
	})
}

// Parse parses the flags, beside which there are no arguments. A value that is empty or a flag,
// such as where a variable isn't set, is refused: it would be as if one of the flags weren't there.
func (c *Command) Parse() error {
	before := "" // the flag that takes a value
	for _, arg := range c.args {
		name, value, assigned := strings.Cut(arg, "=")
		f := c.lookup(name)
		switch {
		case f != nil && before != "":
			return c.Refuse("%s has no value: %s follows", before, arg)
		case f != nil && assigned && value == "", strings.TrimSpace(arg) == "":
			return c.Refuse("%s has no value", cmp.Or(before, name))
		case before != "" || f == nil || assigned || isBool(f):
			before = ""
		default:
			before = arg
		}
	}
	switch err := c.FlagSet.Parse(c.args); {
	case errors.Is(err, flag.ErrHelp):
		return helpError{c.help()}
	case err != nil:
		text := strings.Replace(err.Error(), "flag provided but not defined: ", "unknown flag: ", 1)
		if invalid, ok := strings.CutSuffix(text, "parse error"); ok {
			form := "a whole number"
			if strings.HasPrefix(text, "invalid boolean") {
				form = "true or false"
			}
			text = invalid + "must be " + form
		}
		return c.Refuse("%s", text)
	case c.NArg() > 0:
		return c.Refuse("unexpected argument %q: a command comes first, and then flags", c.Arg(0))
	}
	return nil
}

// lookup returns the flag of an argument; nil for none.
func (c *Command) lookup(arg string) *flag.Flag {
	name, ok := strings.CutPrefix(arg, "-")
	if !ok {
		return nil
	}
	return c.Lookup(strings.TrimPrefix(name, "-"))
}

func isBool(f *flag.Flag) bool {
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// OneOf returns which of the flags is given, if any. More than one are an error.
func (c *Command) OneOf(names ...string) (given string, err error) {
	var all []string
	c.Visit(func(f *flag.Flag) {
		if slices.Contains(names, f.Name) {
			all = append(all, f.Name)
		}
	})
	if len(all) > 1 {
		return "", c.Refuse("-%s can't be combined", strings.Join(all, " and -"))
	}
	return strings.Join(all, ""), nil
}

// Refuse returns the error of a command line.
func (c *Command) Refuse(format string, args ...any) error {
	return fmt.Errorf(format+"\nFor help: %s -h", append(args, c.Name())...)
}

// width is that of a terminal which shows the help.
const width = 80

// help returns the help of the program.
func (p Program) help() string {
	text := "Usage: " + p.Name + " [COMMAND] [FLAGS]\n\n" + wrap(p.About, "") + "\n\nCommands:\n"
	for i, c := range p.Commands {
		if i == 0 {
			c[2] += "; also without a command"
		}
		text += fmt.Sprintf("  %-20s%s\n", c[0], wrap(c[2], strings.Repeat(" ", 22)))
	}
	return text + "\n" + wrap(p.Name+" COMMAND -h describes the flags of a command. The exit code is 0 for success, 1 if something failed, after all that could be done, and 2 if a flag or an argument is invalid: nothing was sent then.", "") + "\n"
}

// help returns the help of a command.
func (c *Command) help() string {
	text := wrap("Usage: "+c.Name()+" "+c.needs+" [FLAGS]", "  ") + "\n\n" + wrap(strings.ToUpper(c.does[:1])+c.does[1:]+".", "") + "\n\nFlags:\n"
	c.VisitAll(func(f *flag.Flag) {
		value, usage := flag.UnquoteUsage(f)
		if f.DefValue != "" && !isBool(f) {
			usage += " (default " + f.DefValue + ")"
		}
		const indent = "      "
		text += strings.TrimRight("  -"+f.Name+" "+value, " ") + "\n" + indent + wrap(usage, indent) + "\n"
	})
	return text
}

// wrap returns text in lines that fit, with an indentation of all but the first.
func wrap(text, indent string) string {
	var wrapped strings.Builder
	used := len(indent)
	for i, word := range strings.Fields(text) {
		if used += 1 + len(word); used > width && i > 0 {
			wrapped.WriteString("\n" + indent)
			used = len(indent) + len(word)
		} else if i > 0 {
			wrapped.WriteByte(' ')
		}
		wrapped.WriteString(word)
	}
	return wrapped.String()
}

// Report prints the error of a command line, or the help that it is for. It returns the exit code.
func Report(err error, stdout, stderr io.Writer) int {
	if help, ok := errors.AsType[helpError](err); ok {
		if _, err := fmt.Fprint(stdout, help.text); err != nil {
			return Failed(err, stderr)
		}
		return 0
	}
	fmt.Fprintln(stderr, err)
	return 2
}

// Failed prints the error of a run, and advice before that of a sign-in. It returns the exit code.
func Failed(err error, stderr io.Writer) int {
	text := err.Error()
	if errors.Is(err, armsecops.ErrCredential) || strings.Contains(text, "https://aka.ms/azsdk/go/identity/") || strings.Contains(text, "DefaultAzureCredential: ") { // the latter two by Microsoft's clients
		fmt.Fprintln(stderr, "Sign in with az login, and let it be used alone by AZURE_TOKEN_CREDENTIALS=AzureCLICredential, or mend the credential that is named below:")
	}
	fmt.Fprintln(stderr, strings.ReplaceAll(text, strings.Repeat("-", 8), "")) // without azidentity's rules of dashes
	return 1
}

// Context returns a context that ends after a timeout, and by Ctrl-C, a closed terminal or a request
// to terminate. A second signal ends the program.
func Context(timeout time.Duration) (context.Context, context.CancelFunc) {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // a closed pipe is an error of a write: it must not end a change halfway
	signals := slices.DeleteFunc([]os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}, signal.Ignored)
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	context.AfterFunc(ctx, stop)
	return context.WithTimeout(ctx, timeout)
}
