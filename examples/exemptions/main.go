// Exemptions keeps the exemptions of a tenant: it lists those of Azure Policy, of
// Defender's standards and of Defender's assignments of 2021 together, and creates,
// renews and deletes them.
//
//	go run ./examples/exemptions
//	go run ./examples/exemptions expiring -within 30d
//	go run ./examples/exemptions create -dry-run -scope /subscriptions/ID -standard ID -assessment KEY -category waiver -name TEXT -expires 90d
//	go run ./examples/exemptions expiring -active -o ids | go run ./examples/exemptions renew -dry-run -expires 90d -
//
// Without -live it uses a tenant in memory that has 40 subscriptions, three of
// which can't be read, on 1 June 2026. With -live it uses Azure, with azidentity's
// default credential, such as the account of az login:
//
//	go run ./examples/exemptions expiring -live -within 30d
//
// -h after a command prints its flags, their defaults, and the exit codes.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/google/uuid"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/command"
	"github.com/armsecops/armsecops/examples/internal/terminal"
	"github.com/armsecops/armsecops/fake"
)

func main() { command.Main(run) }

// runner is a command with its arguments.
type runner interface {
	run(ctx context.Context, s command.Streams) error
	Exit(err error, s command.Streams) int
}

// run is the program; it returns the exit code.
func run(ctx context.Context, args []string, s command.Streams) int {
	r, err := parse(ctx, args, s.In)
	if err == nil {
		err = r.run(ctx, s)
	}
	return r.Exit(err, s)
}

// commands are the commands and what they do, for the help.
var commands = [][2]string{
	{"list", "lists exemptions; the command if there is none"},
	{"expiring", "lists those that end within some time, or have ended"},
	{"create", "exempts something from recommendations or policies"},
	{"renew", "lets exemptions end later"},
	{"delete", "deletes exemptions"},
}

// parse returns the command that the program's arguments describe, with its input.
func parse(ctx context.Context, args []string, stdin io.Reader) (runner, error) {
	if len(args) > 0 && args[0] == "help" {
		args = append(slices.Clone(args[1:min(2, len(args))]), "-h") // help list is list -h
	}
	if len(args) > 0 && slices.Contains([]string{"-h", "--h", "-help", "--help"}, args[0]) {
		if len(args) == 1 {
			return newOverview(), nil
		}
		args = append(args[1:2:2], "-h") // and so is -h list
	}
	name := "list"
	if len(args) > 0 && args[0] != "" && args[0][0] != '-' && !isUUID(args[0]) { // which is a subscription to list
		name, args = args[0], args[1:]
	}
	switch name {
	case "list", "expiring":
		return parseQuery(ctx, name, args, stdin)
	case "create":
		return parseCreation(args)
	case "renew", "delete":
		return parseChange(ctx, name, args, stdin)
	}
	return newOverview(), unknownCommand(name)
}

// overview is the program without a command: its help, or an unknown command.
type overview struct{ *command.Command }

func newOverview() overview {
	c := command.New("exemptions",
		command.ExitCode{Code: command.Failed, Meaning: "anything else failed, such as a request, or it was interrupted before it began"},
		command.ExitCode{Code: 3, Meaning: "renew or delete failed or was interrupted for at least one of the exemptions, or create for one of several; the others are done"})
	c.About = "Lists, creates, renews and deletes the exemptions of a tenant: those of Azure Policy, of Defender's standards and of " +
		"Defender's assignments of 2021.\n\n" +
		"Without -live every command works on a tenant in memory with invented exemptions, on 1 June 2026; with it, on Azure.\n\n" +
		"For the flags of a command: exemptions COMMAND -h"
	c.Commands = commands
	c.Example = `  go run ./examples/exemptions expiring -within 30d
  go run ./examples/exemptions expiring -active -o ids |
    go run ./examples/exemptions renew -dry-run -expires 90d -`
	return overview{c}
}

func (overview) run(context.Context, command.Streams) error { return flag.ErrHelp }

// synonyms are the names that other programs have for the commands.
var synonyms = map[string]string{
	"get": "list", "ls": "list", "expire": "expiring", "expired": "expiring", "expires": "expiring",
	"add": "create", "new": "create", "extend": "renew", "update": "renew", "remove": "delete", "rm": "delete",
}

// unknownCommand returns the error of a name that is no command. It suggests the
// one that other programs call so, or the most similar one.
func unknownCommand(name string) error {
	nearest, fewest := synonyms[name], 3
	if nearest != "" {
		fewest = 0
	}
	for _, c := range commands {
		if n := distance(name, c[0]); n < fewest {
			nearest, fewest = c[0], n
		}
	}
	if nearest != "" {
		return command.Usagef("unknown command %q: did you mean %s?", name, nearest)
	}
	return command.Usagef("unknown command %q: must be list, expiring, create, renew or delete", name)
}

// distance returns how many letters must be inserted, deleted or replaced to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1) // distances between what was seen of a and each beginning of b
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			if a[i] != b[j] {
				diagonal++
			}
			diagonal, row[j+1] = row[j+1], min(diagonal, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// connection is what a command works with, and when: Azure, now, or a tenant in memory.
type connection struct {
	now     time.Time
	factory *armsecops.ClientFactory
	memory  *fake.Server // nil for Azure
}

func connect(c *command.Command) (n connection, err error) {
	var credential azcore.TokenCredential
	var options *armsecops.ClientOptions
	if n.now = time.Now(); c.Live {
		credential, options, err = c.Connect(nil)
	} else {
		n.now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
		n.memory = newTenant(n.now)
		credential, options, err = c.Connect(n.memory)
	}
	if err == nil {
		n.factory, err = armsecops.NewClientFactory(credential, options)
	}
	return n, err
}

// What printMemoryNote says of the tenant in memory, whose output looks like Azure's.
const (
	nothingRemains = ", of which nothing remains: -live changes Azure."
	invented       = ", with invented exemptions: -live reads Azure."
	onAnotherDay   = ": with -live, it is Azure today."
)

// printMemoryNote says what the output is of, unless that is Azure.
func (n connection) printMemoryNote(out *terminal.Output, what string) {
	if n.memory != nil {
		out.Println("This was a tenant in memory on 1 June 2026" + what)
	}
}

// explain says which subscription is in memory, if one isn't or can't be read.
func (n connection) explain(err error) error {
	if n.memory == nil || !armsecops.HasCode(err, armsecops.CodeSubscriptionNotFound) {
		return err
	}
	return fmt.Errorf("in memory, a subscription to use is %s, and -live uses Azure: %w", tenantSubscription(1), err)
}

// errPartly is the error of a command that did only some of what it was told.
var errPartly = errors.New("failed")

// errInterrupted is the error of a command whose context ended, as by Ctrl-C.
var errInterrupted = errors.New("interrupted")

// newCommand returns a command that changes exemptions.
func newCommand(name string, others ...command.ExitCode) *command.Command {
	which := "at least one"
	if name == "create" {
		which = "of several, at least one"
	}
	return command.New("exemptions "+name, append(others,
		command.ExitCode{Code: command.Failed, Meaning: "anything else failed, such as a request or the sign-in, or it was interrupted before it began"},
		command.ExitCode{
			Code:    3,
			Meaning: which + " of the exemptions failed or was interrupted, as the standard error says; the others are done",
			Errors:  []error{errPartly},
		},
		command.ExitCode{
			Code:    command.LostOutput,
			Meaning: "the standard output could not be written, such as to a full disk or a closed pipe; what create, renew and delete do may be done",
		})...)
}

// done is what was done to an item.
type done struct {
	text string // for the standard output
	note string // what the user should know of it, for the standard error; or empty
}

func (d done) print(s command.Streams, item string) {
	s.Out.Println(d.text)
	if d.note != "" {
		s.Err.Println(terminal.Printable(item) + ": " + d.note)
	}
}

// apply does something to each item and prints what it returns, in the order of
// the items. Failures are printed as they come. After a failed sign-in, which is
// the same for all, it begins no other.
func apply(ctx context.Context, s command.Streams, items []string, do func(ctx context.Context, item string) (done, error)) error {
	var signIn atomic.Pointer[error] // the first that failed
	attempt := func(ctx context.Context, item string) (done, error) {
		if err := signIn.Load(); err != nil {
			return done{}, *err
		}
		d, err := do(ctx, item)
		if errors.Is(err, armsecops.ErrCredential) {
			signIn.CompareAndSwap(nil, &err)
		}
		return d, err
	}
	failed, signedOut, unfinished, finished := 0, 0, 0, 0
	for item, result := range each(ctx, items, attempt) { // to the end, as those that run may succeed
		s.Err.EndStatus()
		switch {
		case result.err == nil:
			result.value.print(s, item)
		case errors.Is(result.err, errUnchanged):
			s.Err.Println(terminal.Printable(item) + ": " + result.err.Error())
		case errors.Is(result.err, armsecops.ErrCredential):
			signedOut++
		case ctx.Err() != nil && errors.Is(result.err, ctx.Err()):
			unfinished++
			state := "interrupted: it may be done"
			if result.err == ctx.Err() { // that of each, not of a request
				state = "not begun"
			}
			s.Err.Println(terminal.Printable(item) + ": " + state)
		default:
			failed++
			s.Err.Println(terminal.Printable(item) + ": " + result.err.Error())
		}
		finished++
		s.Err.Status(fmt.Sprintf("%d of %s", finished, command.Count(len(items), "exemption")))
	}
	s.Err.EndStatus()
	switch {
	case signedOut == len(items):
		return *signIn.Load()
	case signedOut > 0:
		return fmt.Errorf("%d of %s %w: %w", failed+signedOut+unfinished, command.Count(len(items), "exemption"), errPartly, *signIn.Load())
	case unfinished > 0:
		return fmt.Errorf("%d of %s %w, %d not finished: %w", failed, command.Count(len(items), "exemption"), errPartly, unfinished, errInterrupted)
	case failed > 0:
		return fmt.Errorf("%d of %s %w", failed, command.Count(len(items), "exemption"), errPartly)
	}
	return nil
}

// outcome is what a function returned.
type outcome[T any] struct {
	value T
	err   error
}

// each calls a function with every item, eight at a time, and yields what it
// returned in the order of the items. When the context has ended, no other call
// begins. Leaving the loop ends the context of the calls that run, and waits for them.
func each[T any](ctx context.Context, items []string, do func(ctx context.Context, item string) (T, error)) iter.Seq2[string, outcome[T]] {
	return func(yield func(string, outcome[T]) bool) {
		results := make([]chan outcome[T], len(items))
		for i := range items {
			results[i] = make(chan outcome[T], 1) // so that a call can end before its result is read
		}
		var running sync.WaitGroup
		defer running.Wait()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		var begun atomic.Int64
		for range min(8, len(items)) {
			running.Go(func() {
				for i := begun.Add(1) - 1; i < int64(len(items)); i = begun.Add(1) - 1 {
					result := outcome[T]{err: ctx.Err()}
					if result.err == nil {
						result.value, result.err = do(ctx, items[i])
					}
					results[i] <- result
				}
			})
		}
		for i, item := range items {
			if !yield(item, <-results[i]) {
				return
			}
		}
	}
}

// longest is the longest duration, in days: a hundred years.
const longest = 36500

var errTooLong = fmt.Errorf("must be at most %dd", longest)

// parseDuration parses a duration such as 30d, or one of Go's such as 12h.
func parseDuration(text string) (time.Duration, error) {
	if number, ok := strings.CutSuffix(text, "d"); ok {
		days, err := strconv.ParseUint(number, 10, 64)
		switch {
		case errors.Is(err, strconv.ErrRange), days > longest:
			return 0, fmt.Errorf("%w: %s", errTooLong, text)
		case err == nil:
			return time.Duration(days) * 24 * time.Hour, nil
		}
	} else if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return d, nil
	}
	return 0, fmt.Errorf("not a duration such as 30d or 12h: %s", text)
}

// parseExpiry returns the time that a date, or a duration from now, stands for.
func parseExpiry(text string, now time.Time) (time.Time, error) {
	expires, err := time.Parse(time.DateOnly, text)
	if err != nil {
		var d time.Duration
		d, err = parseDuration(text)
		expires = now.Add(d).Truncate(time.Second) // services may not keep more
	}
	switch {
	case errors.Is(err, errTooLong):
		return now, err
	case err != nil:
		return now, fmt.Errorf("not a date such as 2026-12-31, nor a duration such as 30d or 12h: %s", text)
	case !expires.After(now):
		return now, fmt.Errorf("must be in the future: %s", text)
	}
	return expires, nil
}

// parseCategory returns a category that is known; ignoring case, and empty for "".
func parseCategory(text string) (armsecops.ExemptionCategory, error) {
	known := armsecops.PossibleExemptionCategoryValues()
	i := slices.IndexFunc(known, armsecops.ExemptionCategory(text).Is)
	switch {
	case i >= 0:
		return known[i], nil
	}
	return "", command.Usagef("invalid value %q for flag -category: must be waiver or mitigated", text)
}

// input is an argument or a line.
type input struct {
	text   string
	source string // as the user knows it, such as line 3 of the standard input
}

// readInput returns the arguments, and the lines of the file and of the standard
// input, for which the argument - stands, without duplicates.
//   - noun: what they are
func readInput(ctx context.Context, noun string, args []string, file string, stdin io.Reader) ([]input, error) {
	var items []input
	if file == "-" { // as other programs have it
		file, args = "", append([]string{"-"}, args...)
	}
	if file != "" {
		lines, err := readLines(ctx, file, func() (io.ReadCloser, error) { return os.Open(file) })
		if err != nil {
			return nil, fmt.Errorf("-file: %w", err)
		}
		items = append(items, lines...)
	}
	for _, arg := range args {
		switch {
		case arg == "-":
			lines, err := readLines(ctx, "the standard input", func() (io.ReadCloser, error) { return io.NopCloser(stdin), nil })
			if err != nil {
				return nil, fmt.Errorf("standard input: %w", err)
			}
			items = append(items, lines...)
		case arg == "":
			return nil, command.Usagef("%s is empty", noun)
		default:
			items = append(items, input{arg, "argument"})
		}
	}
	return distinctInput(items), nil
}

// errNoDescription is an empty -description, as that of a variable that isn't set.
var errNoDescription = command.Usagef("-description is empty")

// errNoFile is a -file whose name is empty, as that of a variable that isn't set.
var errNoFile = command.Usagef("-file has no name")

// distinctInput returns the first input of each text, ignoring case.
func distinctInput(items []input) []input {
	return distinct(items, func(i input) string { return strings.ToLower(i.text) })
}

func texts(items []input) (all []string) {
	for _, item := range items {
		all = append(all, item.text)
	}
	return all
}

// readLines returns the lines that are neither empty nor comments. It ends with the
// context even while it waits for input, as a pipe without a writer makes it do.
func readLines(ctx context.Context, name string, open func() (io.ReadCloser, error)) ([]input, error) {
	done := make(chan outcome[[]input], 1)
	go func() {
		var lines []input
		r, err := open()
		if err == nil {
			lines, err = scanLines(name, r)
			r.Close()
		}
		done <- outcome[[]input]{lines, err}
	}()
	select {
	case <-ctx.Done():
		return nil, errInterrupted
	case read := <-done:
		return read.value, read.err
	}
}

func scanLines(name string, r io.Reader) (lines []input, err error) {
	s, n := bufio.NewScanner(r), 1
	for ; s.Scan(); n++ {
		if n == 1 && (strings.HasPrefix(s.Text(), "\xff\xfe") || strings.HasPrefix(s.Text(), "\xfe\xff")) {
			return nil, errors.New("the text is UTF-16: save it as UTF-8")
		}
		line := strings.TrimSpace(strings.TrimPrefix(s.Text(), "\ufeff")) // with which files of Windows begin
		if strings.ContainsFunc(line, command.Invisible) && line[0] != '#' {
			return nil, command.Usagef("line %d of %s has control or invisible characters: %.200q", n, name, line)
		}
		if line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, input{line, fmt.Sprintf("line %d of %s", n, name)})
		}
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return nil, fmt.Errorf("line %d is longer than %d bytes", n, bufio.MaxScanTokenSize-1)
	}
	return lines, s.Err()
}

// distinct returns the first item of each key.
func distinct[T any](items []T, key func(T) string) []T {
	seen := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(items), func(item T) bool {
		k := key(item)
		defer func() { seen[k] = true }()
		return seen[k]
	})
}

// isUUID reports whether the text is a UUID in its usual form.
func isUUID(text string) bool {
	return len(text) == len(uuid.Nil.String()) && uuid.Validate(text) == nil
}
