// Exemptions lists the exemptions from security standards in many subscriptions,
// sorted by expiry.
//
//	go run ./examples/exemptions
//
// Without -live it reads from a tenant in memory that has 40 subscriptions, three
// of which fail, on 1 June 2026. With -live it reads from Azure, with azidentity's
// default credential, such as the account of az login:
//
//	az account list --query '[].id' --output tsv | go run ./examples/exemptions -live -expires-within 30d -
//
// Subscriptions are arguments or lines of a -file. The argument - stands for
// lines of the standard input. Empty lines and lines that start with # are
// ignored. Flags come before the subscriptions:
//
//	-expires-within 30d   only exemptions that have expired or will within this time; d is days, other units are Go's
//	-category waiver      only exemptions of this category
//	-effect Exempt        only assignments with this effect; empty for all assignments
//	-o table              or csv, or json
//	-cloud public         or china, or government
//
// The exit code is 0, 1 if a subscription failed, or 2 for invalid flags.
package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/terminal"
)

const usage = "usage: exemptions [-live [-cloud public|china|government]] [-expires-within 30d] [-category NAME] [-effect NAME] " +
	"[-o table|csv|json] [-file NAME] [SUBSCRIPTION... | -]"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program; it returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	q, err := parse(args, stdin)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(stdout, usage)
		return 0
	}
	if _, bad := errors.AsType[flagError](err); bad {
		fmt.Fprintf(stderr, "%s\n%s\n", terminal.Printable(err.Error()), usage)
		return 2
	}
	if err == nil {
		err = q.report(ctx, stdout, stderr)
	}
	if err != nil {
		fmt.Fprintln(stderr, printableLines(err.Error()))
		return 1
	}
	return 0
}

// query is what the program lists, and how it reaches Azure.
type query struct {
	subscriptions []string
	filter        filter
	format        string
	credential    azcore.TokenCredential
	options       *armsecops.ClientOptions
}

// filter selects assignments. An empty field selects all of them.
type filter struct {
	expiresUntil time.Time
	category     armsecops.ExemptionCategory
	effect       armsecops.Effect
}

func (f filter) matches(a armsecops.Assignment) bool {
	p := a.Properties
	return (f.expiresUntil.IsZero() || !p.ExpiresOn.IsZero() && !p.ExpiresOn.After(f.expiresUntil)) &&
		(f.category == "" || p.AdditionalData.ExemptionCategory.Is(f.category)) &&
		(f.effect == "" || p.Effect.Is(f.effect))
}

// report prints the assignments, even if some subscriptions failed, and returns
// the failures.
func (q query) report(ctx context.Context, stdout, stderr io.Writer) error {
	progress := io.Discard
	if terminal.Is(stderr) {
		progress = stderr
	}
	found, err := q.collect(ctx, progress)
	return errors.Join(write(stdout, q.format, found), err)
}

// collect lists the subscriptions. It returns the assignments that match the
// filter, sorted by expiry, and an error that names the failed subscriptions.
func (q query) collect(ctx context.Context, progress io.Writer) ([]armsecops.SubscriptionAssignment, error) {
	factory, err := armsecops.NewClientFactory(q.credential, q.options)
	if err != nil {
		return nil, err
	}
	client, err := factory.NewSecurityAssignmentsClient("") // the listing names its own subscriptions
	if err != nil {
		return nil, err
	}
	finished, items, failures := 0, 0, []error{}
	show := func() {
		fmt.Fprintf(progress, "\r%d of %d subscriptions, %d assignments, %d failures",
			finished+len(failures), len(q.subscriptions), items, len(failures))
	}
	options := &armsecops.SecurityAssignmentsClientListAcrossSubscriptionsOptions{
		Progress: func(_, continuationToken string) {
			if continuationToken == "" {
				finished++
			}
			show()
		},
	}
	var found []armsecops.SubscriptionAssignment
	for item, err := range client.ListAcrossSubscriptions(ctx, q.subscriptions, options) {
		if err != nil {
			failures = append(failures, err)
			show()
			continue
		}
		items++
		if q.filter.matches(item.Assignment) {
			found = append(found, item)
		}
	}
	fmt.Fprintln(progress)
	slices.SortFunc(found, compare)
	return found, q.join(ctx, failures)
}

// compare sorts assignments by expiry. Assignments that never expire come last.
func compare(a, b armsecops.SubscriptionAssignment) int {
	x, y := a.Properties.ExpiresOn, b.Properties.ExpiresOn
	if x.IsZero() != y.IsZero() {
		return -x.Compare(y)
	}
	return cmp.Or(x.Compare(y), cmp.Compare(a.SubscriptionID, b.SubscriptionID), cmp.Compare(a.ID, b.ID))
}

// join returns an error with a line for each failed subscription. It only counts
// the subscriptions whose listing the context ended.
func (q query) join(ctx context.Context, failures []error) error {
	if len(failures) == 0 {
		return nil
	}
	lines := []string{fmt.Sprintf("%d of %d subscriptions failed:", len(failures), len(q.subscriptions))}
	unfinished := 0
	for _, err := range failures {
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			unfinished++
			continue
		}
		lines = append(lines, terminal.Printable(err.Error()))
	}
	slices.Sort(lines[1:]) // subscriptions fail in any order
	if unfinished > 0 {
		lines = append(lines, fmt.Sprintf("%d not finished: %v", unfinished, ctx.Err()))
	}
	return errors.New(strings.Join(lines, "\n  "))
}

// flagError is the error of an invalid flag or argument.
type flagError struct{ error }

func (e flagError) Unwrap() error { return e.error }

var clouds = map[string]cloud.Configuration{
	"public":     cloud.AzurePublic,
	"china":      cloud.AzureChina,
	"government": cloud.AzureGovernment,
}

// parse returns the query that the program's arguments describe.
func parse(args []string, stdin io.Reader) (query, error) {
	q := query{options: &armsecops.ClientOptions{}}
	flags := flag.NewFlagSet("exemptions", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // run prints the error
	live := flags.Bool("live", false, "read from Azure")
	cloudName := flags.String("cloud", "public", "one of Azure's clouds")
	within := flags.String("expires-within", "", "only exemptions that expire within this time")
	file := flags.String("file", "", "file of subscriptions, one on each line")
	flags.StringVar((*string)(&q.filter.category), "category", "", "only this category of exemptions")
	flags.StringVar((*string)(&q.filter.effect), "effect", "Exempt", "only this effect")
	flags.StringVar(&q.format, "o", "table", "output format")
	if err := flags.Parse(args); err != nil {
		return q, flagError{err}
	}

	azure, known := clouds[*cloudName]
	duration, err := parseDuration(*within)
	switch {
	case err != nil:
		return q, flagError{fmt.Errorf("-expires-within: %w", err)}
	case !known:
		return q, flagError{errors.New("-cloud: no such cloud: " + *cloudName)}
	case !slices.Contains([]string{"table", "csv", "json"}, q.format):
		return q, flagError{errors.New("-o: no such output: " + q.format)}
	}
	if q.subscriptions, err = subscriptions(flags.Args(), *file, stdin); err != nil {
		return q, err
	}
	now := time.Now()
	switch {
	case !*live:
		now = q.inMemory()
	case len(q.subscriptions) == 0:
		return q, flagError{errors.New("-live needs subscriptions")}
	default:
		if err := q.inAzure(azure); err != nil {
			return q, err
		}
	}
	if *within != "" {
		q.filter.expiresUntil = now.Add(duration)
	}
	return q, nil
}

// parseDuration parses a duration such as 30d, or one of Go's such as 12h. It
// returns 0 for an empty text.
func parseDuration(text string) (d time.Duration, err error) {
	if text == "" {
		return 0, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		d = time.Duration(n) * 24 * time.Hour
	} else {
		d, err = time.ParseDuration(text)
	}
	if err != nil || d < 0 {
		return 0, fmt.Errorf("not a duration such as 30d or 12h: %s", text)
	}
	return d, nil
}

// subscriptions returns the subscriptions of the arguments, the file and the
// standard input without duplicates.
func subscriptions(args []string, file string, stdin io.Reader) ([]string, error) {
	var ids []string
	if file != "" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if ids, err = readLines(f); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	for _, arg := range args {
		switch {
		case arg == "-":
			lines, err := readLines(stdin)
			if err != nil {
				return nil, fmt.Errorf("standard input: %w", err)
			}
			ids = append(ids, lines...)
		case strings.HasPrefix(arg, "-"):
			return nil, flagError{errors.New("flags come before the subscriptions: " + arg)}
		default:
			ids = append(ids, arg)
		}
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(ids, func(id string) bool {
		id = strings.ToLower(id)
		duplicate := seen[id]
		seen[id] = true
		return duplicate
	}), nil
}

// readLines returns the lines that are neither empty nor comments.
func readLines(r io.Reader) (lines []string, err error) {
	s := bufio.NewScanner(r)
	for s.Scan() {
		if line := strings.TrimSpace(s.Text()); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines, s.Err()
}

// inAzure makes the query read from Azure with azidentity's default credential.
func (q *query) inAzure(in cloud.Configuration) (err error) {
	q.options.Cloud = in
	q.credential, err = azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{
		ClientOptions: q.options.ClientOptions.ClientOptions,
	})
	return err
}
