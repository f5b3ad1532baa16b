// Exemptions lists the exemptions from security standards in many subscriptions,
// sorted by expiry, and creates one.
//
//	go run ./examples/exemptions
//	go run ./examples/exemptions create -dry-run -scope /subscriptions/ID -standard ID -assessment KEY -category waiver -name TEXT
//
// Without -live it uses a tenant in memory that has 40 subscriptions, three of
// which fail, on 1 June 2026. With -live it uses Azure, with azidentity's default
// credential, such as the account of az login:
//
//	az account list --query '[].id' --output tsv | go run ./examples/exemptions -live -expires-within 30d -
//
// It lists the Microsoft.Security/assignments and standardAssignments that the
// service returns for each subscription. It lists no Azure Policy exemptions,
// Microsoft.Authorization/policyExemptions: az policy exemption list does.
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
// Create creates a standardAssignment and prints its id:
//
//	-scope ID             resource id of what is exempt: a management group, subscription, resource group, connector or resource
//	-standard ID          resource id of the security standard
//	-assessment KEY       UUID of the assessment that the scope is exempt from
//	-category waiver      or mitigated
//	-name TEXT            name to show
//	-description TEXT     why it is exempt
//	-expires 90d          time until the exemption ends; without it, it never does
//	-dry-run              print the request body, and send nothing
//
// The exit code is 0, 1 if something failed, or 2 for invalid flags.
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
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/terminal"
)

const usage = `usage: exemptions [-live [-cloud public|china|government]] [-expires-within 30d] [-category NAME] [-effect NAME] [-o table|csv|json] [-file NAME] [SUBSCRIPTION... | -]
       exemptions create [-live [-cloud public|china|government]] -scope ID -standard ID -assessment KEY -category waiver|mitigated -name TEXT [-description TEXT] [-expires 90d] [-dry-run]
It lists Microsoft.Security/assignments and standardAssignments, but no exemptions of Azure Policy (Microsoft.Authorization/policyExemptions).`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// command is what the program does.
type command interface {
	run(ctx context.Context, stdout, stderr io.Writer) error
}

// run is the program; it returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c, err := parse(args, stdin)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(stdout, usage)
		return 0
	}
	if err == nil {
		err = c.run(ctx, stdout, stderr)
	}
	if _, bad := errors.AsType[flagError](err); bad {
		fmt.Fprintf(stderr, "%s\n%s\n", terminal.Printable(err.Error()), usage)
		return 2
	}
	if err != nil {
		fmt.Fprintln(stderr, printableLines(err.Error()))
		return 1
	}
	return 0
}

// parse returns the command that the program's arguments describe.
func parse(args []string, stdin io.Reader) (command, error) {
	if len(args) > 0 && args[0] == "create" {
		return parseCreation(args[1:])
	}
	return parseQuery(args, stdin)
}

// query is what the program lists, and where.
type query struct {
	subscriptions []string
	filter        filter
	format        string
	place         place
}

// filter selects exemptions. An empty field selects all of them.
type filter struct {
	expiresUntil time.Time
	category     armsecops.ExemptionCategory
	effect       armsecops.Effect
}

func (f filter) matches(e exemption) bool {
	return (f.expiresUntil.IsZero() || !e.expiresOn.IsZero() && !e.expiresOn.After(f.expiresUntil)) &&
		(f.category == "" || e.category.Is(f.category)) &&
		(f.effect == "" || e.effect.Is(f.effect))
}

// run prints the exemptions, even if some subscriptions failed, and returns the
// failures.
func (q query) run(ctx context.Context, stdout, stderr io.Writer) error {
	progress := io.Discard
	if terminal.Is(stderr) {
		progress = stderr
	}
	found, err := q.collect(ctx, progress)
	return errors.Join(write(stdout, q.format, found), err)
}

// collect lists the subscriptions. It returns the exemptions that match the
// filter, sorted by expiry, and an error that names the failed subscriptions.
func (q query) collect(ctx context.Context, progress io.Writer) ([]exemption, error) {
	factory, err := armsecops.NewClientFactory(q.place.credential, q.place.options)
	if err != nil {
		return nil, err
	}
	l := listing{subscriptions: q.subscriptions, filter: q.filter, progress: progress}
	if err = l.listAssignments(ctx, factory); err == nil {
		l.listStandardAssignments(ctx, factory)
		err = l.failure(ctx)
	}
	fmt.Fprintln(progress)
	slices.SortFunc(l.found, compare)
	return l.found, err
}

// compare sorts exemptions by expiry. Those that never expire come last.
func compare(a, b exemption) int {
	if a.expiresOn.IsZero() != b.expiresOn.IsZero() {
		return -a.expiresOn.Compare(b.expiresOn)
	}
	return cmp.Or(a.expiresOn.Compare(b.expiresOn), cmp.Compare(a.subscriptionID, b.subscriptionID), cmp.Compare(a.id, b.id))
}

// flagError is the error of an invalid flag or argument.
type flagError struct{ error }

func (e flagError) Unwrap() error { return e.error }

var clouds = map[string]cloud.Configuration{
	"public":     cloud.AzurePublic,
	"china":      cloud.AzureChina,
	"government": cloud.AzureGovernment,
}

// place is where the program reads and writes.
type place struct {
	live       bool
	cloud      string
	credential azcore.TokenCredential
	options    *armsecops.ClientOptions
	now        time.Time
}

// flags adds the flags that say which place it is.
func (p *place) flags(flags *flag.FlagSet) {
	flags.SetOutput(io.Discard) // run prints the error
	flags.BoolVar(&p.live, "live", false, "use Azure")
	flags.StringVar(&p.cloud, "cloud", "public", "one of Azure's clouds")
}

// open makes the place ready: Azure with azidentity's default credential, or a
// tenant in memory.
func (p *place) open() (err error) {
	azure, known := clouds[p.cloud]
	if !known {
		return flagError{errors.New("-cloud: no such cloud: " + p.cloud)}
	}
	p.options = &armsecops.ClientOptions{}
	if !p.live {
		p.now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
		p.credential = &azfake.TokenCredential{}
		p.options.Transport = newTenant(p.now)
		return nil
	}
	p.now = time.Now()
	p.options.Cloud = azure
	p.credential, err = azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{
		ClientOptions: p.options.ClientOptions.ClientOptions,
	})
	return err
}

// parseQuery returns the query that the arguments describe.
func parseQuery(args []string, stdin io.Reader) (q query, err error) {
	flags := flag.NewFlagSet("exemptions", flag.ContinueOnError)
	q.place.flags(flags)
	within := flags.String("expires-within", "", "only exemptions that expire within this time")
	file := flags.String("file", "", "file of subscriptions, one on each line")
	flags.StringVar((*string)(&q.filter.category), "category", "", "only this category of exemptions")
	flags.StringVar((*string)(&q.filter.effect), "effect", "Exempt", "only this effect")
	flags.StringVar(&q.format, "o", "table", "output format")
	if err := flags.Parse(args); err != nil {
		return q, flagError{err}
	}
	duration, err := parseDuration(*within)
	switch {
	case err != nil:
		return q, flagError{fmt.Errorf("-expires-within: %w", err)}
	case !slices.Contains([]string{"table", "csv", "json"}, q.format):
		return q, flagError{errors.New("-o: no such output: " + q.format)}
	}
	if q.subscriptions, err = subscriptions(flags.Args(), *file, stdin); err != nil {
		return q, err
	}
	switch {
	case len(q.subscriptions) > 0:
	case q.place.live:
		return q, flagError{errors.New("-live needs subscriptions")}
	default:
		for n := range tenantSubscriptions {
			q.subscriptions = append(q.subscriptions, tenantSubscription(n+1))
		}
	}
	if err := q.place.open(); err != nil {
		return q, err
	}
	if *within != "" {
		q.filter.expiresUntil = q.place.now.Add(duration)
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
