// Exemptions lists the exemptions from security standards in many subscriptions,
// sorted by expiry, and creates one.
//
//	go run ./examples/exemptions
//	go run ./examples/exemptions -via list
//	go run ./examples/exemptions create -dry-run -scope /subscriptions/ID -standard ID -assessment KEY -category waiver -name TEXT
//
// Without -live it uses a tenant in memory that has 40 subscriptions, three of
// which can't be listed, on 1 June 2026. With -live it uses Azure, with azidentity's
// default credential, such as the account of az login:
//
//	go run ./examples/exemptions -live -expires-within 30d
//
// It reads Microsoft.Security/assignments and standardAssignments: from Azure
// Resource Graph, or with -via list from each subscription. It reads no Azure
// Policy exemptions, Microsoft.Authorization/policyExemptions: those are in the
// table policyresources of Azure Resource Graph.
//
// -h and create -h print the flags, their defaults, and the exit codes.
package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/command"
	"github.com/armsecops/armsecops/examples/internal/terminal"
)

func main() { command.Main(run) }

// runner is a command with its arguments.
type runner interface {
	run(ctx context.Context, s command.Streams) error
	Exit(err error, s command.Streams) int
}

// run is the program; it returns the exit code.
func run(ctx context.Context, args []string, s command.Streams) int {
	r, err := parse(args, s.In)
	if err == nil {
		err = r.run(ctx, s)
	}
	return r.Exit(err, s)
}

// parse returns the command that the program's arguments describe.
func parse(args []string, stdin io.Reader) (runner, error) {
	if len(args) > 0 && args[0] == "create" {
		return parseCreation(args[1:])
	}
	return parseQuery(args, stdin)
}

// query is what the program lists, and where.
type query struct {
	*command.Command

	via           string // graph or list
	subscriptions []string
	filter        filter
	format        string
	connection    connection
	factory       *armsecops.ClientFactory
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

// run prints the exemptions that were found, even if something failed, and
// returns the failures.
func (q query) run(ctx context.Context, s command.Streams) error {
	found, err := q.collect(ctx, s.Err)
	s.Err.EndStatus()
	err = errors.Join(write(s.Out, q.format, found), err)
	if q.via == "graph" && err == nil {
		s.Err.Println(freshness)
	}
	return err
}

// collect returns the exemptions that match the filter, sorted by expiry, and an
// error that names what failed.
func (q query) collect(ctx context.Context, progress *terminal.Output) (found []exemption, err error) {
	if q.via == "graph" {
		found, err = q.queryGraph(ctx, progress)
	} else {
		found, err = q.list(ctx, progress)
	}
	slices.SortFunc(found, compare)
	return found, err
}

// compare sorts exemptions by expiry. Those that never expire come last.
func compare(a, b exemption) int {
	if a.expiresOn.IsZero() != b.expiresOn.IsZero() {
		return -a.expiresOn.Compare(b.expiresOn)
	}
	return cmp.Or(a.expiresOn.Compare(b.expiresOn), cmp.Compare(a.subscriptionID, b.subscriptionID), cmp.Compare(a.id, b.id))
}

// parseQuery returns the query that the arguments describe.
func parseQuery(args []string, stdin io.Reader) (q query, err error) {
	q.Command = command.New("exemptions", command.ExitCode{
		Code: command.Failed, Meaning: "anything else failed, such as the listing of a subscription; what was found is printed",
	})
	q.Arguments = "[SUBSCRIPTION... | -]"
	q.About = "Lists the exemptions from security standards in many subscriptions, sorted by expiry. The command \"exemptions create\" " +
		"creates one; see exemptions create -h.\n\n" +
		"It lists Microsoft.Security/assignments and standardAssignments, but no exemptions of Azure Policy, " +
		"Microsoft.Authorization/policyExemptions: those are in the table policyresources of Azure Resource Graph. " +
		"(az policy exemption list has only those of the current subscription itself.)\n\n" +
		"It queries Azure Resource Graph, which filters a whole tenant in a few requests and follows changes within minutes. A subscription " +
		"that the identity may not read has no rows there, and no error unless all that are given are such ones. A query of given subscriptions " +
		"has no exemptions of the management groups above them. " +
		"With -via list it lists each subscription, which is current, and names the ones that fail.\n\n" +
		"Subscriptions are arguments, or lines of a -file; the argument - stands for lines of the standard input. Empty lines and lines " +
		"that start with # are ignored. Flags come before the subscriptions. Without any, Azure Resource Graph is queried for all that the " +
		"identity may read.\n\n" +
		"Without -live it uses a tenant in memory that has 40 subscriptions, three of which can't be listed, on 1 June 2026.\n\n" +
		"On a terminal the table is cut to its width; -o csv and -o json are complete."
	q.Example = `  go run ./examples/exemptions -live -expires-within 30d
  az account list --query '[].id' --output tsv |
    go run ./examples/exemptions -live -via list -`
	within := q.Flags.String("expires-within", "", "only exemptions that have expired or will within this `time`; 30d is days, other units are Go's (default any)")
	file := q.Flags.String("file", "", "`name` of a file of subscriptions, one on each line")
	q.Flags.StringVar((*string)(&q.filter.category), "category", "", "only exemptions of this `category`, such as waiver or mitigated (default any)")
	q.Flags.StringVar((*string)(&q.filter.effect), "effect", "Exempt", "only assignments with this `effect`; '' is any")
	q.Choice(&q.via, "via", "`way` to read the exemptions", "graph", "list")
	q.Choice(&q.format, "o", "output `format`", "table", "csv", "json")
	if err := q.Parse(args); err != nil {
		return q, err
	}
	var duration time.Duration
	if q.Given("expires-within") {
		if duration, err = parseDuration(*within); err != nil {
			return q, command.Usagef("-expires-within: %w", err)
		}
	}
	for _, name := range []string{"category", "effect"} { // which become part of a query
		if value := q.Flags.Lookup(name).Value.String(); !onlyLetters(value) {
			return q, command.Usagef("-%s: must be a word of letters: %s", name, value)
		}
	}
	if q.subscriptions, err = subscriptions(q.Flags.Args(), *file, stdin); err != nil {
		return q, err
	}
	switch {
	case len(q.subscriptions) > 0:
	case q.Flags.NArg() > 0 || q.Given("file"):
		return q, command.Usagef("the input has no subscriptions") // must not query all of them
	case q.via == "list" && q.Live:
		return q, command.Usagef("-live -via list needs subscriptions")
	case q.via == "list":
		q.subscriptions = tenantSubscriptionIDs()
	}
	if q.connection, err = connect(q.Command); err != nil {
		return q, err
	}
	if q.Given("expires-within") {
		q.filter.expiresUntil = q.connection.now.Add(duration)
	}
	if q.factory, err = armsecops.NewClientFactory(q.connection.credential, q.connection.options); err != nil {
		return q, err
	}
	return q, checkSubscriptions(q.factory, q.subscriptions)
}

// connection is what a command works with, and when: Azure, now, or a tenant in memory.
type connection struct {
	now        time.Time
	credential azcore.TokenCredential
	options    *armsecops.ClientOptions
}

func connect(c *command.Command) (n connection, err error) {
	n.now = time.Now()
	if !c.Live {
		n.now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	}
	n.credential, n.options, err = c.Connect(newTenant(n.now))
	return n, err
}

// checkSubscriptions returns an error for a subscription that isn't a UUID.
func checkSubscriptions(factory *armsecops.ClientFactory, ids []string) error {
	for _, id := range ids {
		if _, err := factory.NewSecurityAssignmentsClient(id); err != nil {
			return err
		}
	}
	return nil
}

func onlyLetters(text string) bool {
	return strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// parseDuration parses a duration such as 30d, or one of Go's such as 12h.
func parseDuration(text string) (d time.Duration, err error) {
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
		case arg == "":
			return nil, command.Usagef("a subscription is empty")
		case strings.HasPrefix(arg, "-"):
			return nil, command.Usagef("flags come before the subscriptions: %s", arg)
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
