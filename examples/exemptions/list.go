package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"slices"
	"time"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/command"
	"github.com/armsecops/armsecops/examples/internal/terminal"
)

// What the lists leave out without an error.
const (
	unreadable = "Azure Resource Graph is silent about subscriptions that the identity may not read: " +
		"-verify names them, if they are given."
	freshness        = "Azure Resource Graph follows changes within minutes: -via list reads what is current."
	withoutBelow     = "Without what is below the management groups: -via list lists their own exemptions, -via graph has all."
	withoutInherited = "Without the exemptions of the management groups above the subscriptions; -inherited includes those of Azure Policy."
)

// aboutLists is the help of list and expiring below their flags.
const aboutLists = "It queries Azure Resource Graph, which filters a whole tenant in a few requests and follows changes within minutes. " +
	"A subscription that the identity may not read has no rows there, and no error unless all that are given are such ones: " +
	"-verify lists a page of each kind in each subscription that is given as well, and names what fails. A query of given subscriptions has no " +
	"exemptions of the management groups above them; -inherited includes those of Azure Policy. With -via list it lists each " +
	"subscription, which is current, names the ones that fail, as -verify does, and says who created an exemption of Azure Policy. Whether Azure's list of a subscription has the " +
	"standard assignments of its resource groups and resources isn't documented: a query has them. " +
	"Of a management group, it lists what is exempted there, and nothing below.\n\n" +
	"Subscriptions are arguments, values of -subscription, or lines of a -file; the argument - stands for lines of the standard " +
	"input. Empty lines and lines that start with # are ignored. Without any, and without a " +
	"-management-group, it lists all that the identity may read. But -inherited needs subscriptions, and with -live so do " +
	"-verify and, without a -management-group, -via list: in memory, -verify and -via list take all 40.\n\n" +
	"NAME is the display name, or the resource's own if it has none. SCOPE is what is exempt, by the names in its resource id, " +
	"FROM the recommendations or policies, by their names where they are known. EXPIRES ends in a ! if it has passed. On a narrow terminal, what doesn't fit on a line follows below it. -wide, " +
	"-o csv and -o json have everything, both names too, -o ids what renew and delete read. In CSV, an apostrophe begins what a spreadsheet would take for a formula.\n\n" +
	"Without -live it uses a tenant in memory that has 40 subscriptions, three of which can't be read, on 1 June 2026."

// query is what the program lists, and where.
type query struct {
	*command.Command
	connection

	via, kind                       string // graph or list; all or the name of a kind
	subscriptions, managementGroups []string
	effect                          armsecops.Effect
	category                        armsecops.ExemptionCategory
	expiresBefore                   time.Time // zero for any
	format                          string
	active                          bool // only those that haven't ended
	endless                         bool // only those that never end
	wide, inherited, verify, dryRun bool
}

// parseQuery returns the query that the arguments of list or expiring describe.
func parseQuery(ctx context.Context, name string, args []string, stdin io.Reader) (q query, err error) {
	q.Command = command.New("exemptions "+name, command.ExitCode{
		Code:    command.Failed,
		Meaning: "anything else failed, such as the listing of a subscription, or it was interrupted; what was found is printed",
	})
	q.Arguments = "[SUBSCRIPTION... | -]"
	within := ""
	if name == "list" {
		q.About = "Lists the exemptions of Azure Policy, of Defender's standards and of Defender's assignments of 2021, " +
			"those that end first at the top."
		q.Example = `  go run ./examples/exemptions list -live -category waiver -o csv
  az account list --query '[].id' --output tsv |
    go run ./examples/exemptions list -live -via list -`
	} else {
		within = "30d"
		q.About = "Lists the exemptions that end within some time, or have ended, those that end first at the top."
		q.Example = `  go run ./examples/exemptions expiring -live -within 30d
  az account list --query '[].id' --output tsv |
    go run ./examples/exemptions expiring -live -within 7d -verify -`
	}
	q.About += "\n\n" + aboutLists
	q.Flags.StringVar(&within, "within", within,
		"only exemptions that have ended or will within this `time`; 0d is those that have ended, 30d is days, other units are Go's")
	if name == "list" {
		q.Flags.StringVar(&within, "expires-within", "", "another name of -within; a `time`")
		q.Flags.BoolVar(&q.endless, "endless", false, "only exemptions that never end, which -within leaves out")
	}
	var category, effect string
	q.Flags.BoolVar(&q.active, "active", false, "only exemptions that haven't ended")
	q.Flags.StringVar(&category, "category", "", "only exemptions of this `category`: waiver or mitigated (default any)")
	q.Flags.StringVar(&effect, "effect", "Exempt", "only assignments with this `effect`: "+effects()+"; '' is any")
	q.Choice(&q.kind, "kind", "only exemptions of this `kind`; the last one is of 2021", "all", "policy", "standard", "assignment")
	var given []string // subscriptions
	q.List(&given, "subscription", "`UUID` of a subscription to list")
	q.List(&q.managementGroups, "management-group", "`name` of a management group to list, with all below it, instead of subscriptions")
	file := q.Flags.String("file", "", "`name` of a file of subscriptions, one on each line; - is the standard input")
	q.Flags.BoolVar(&q.inherited, "inherited", false, "include the policy exemptions that the subscriptions inherit from management groups")
	q.Choice(&q.via, "via", "`way` to read the exemptions", "graph", "list")
	q.Flags.BoolVar(&q.verify, "verify", false, "with -via graph, list a page of each kind in each given subscription too, to find what can't be read")
	q.Choice(&q.format, "o", "output `format`", "table", "csv", "json", "ids")
	q.Flags.BoolVar(&q.wide, "wide", false, "print all columns of the table, as wide as they are")
	q.Flags.BoolVar(&q.dryRun, "dry-run", false, "print as text what would be listed, and send nothing")
	err = q.Parse(args)
	isCommand := func(arg string) bool {
		return slices.ContainsFunc(commands, func(c [2]string) bool { return c[0] == arg })
	}
	late := slices.IndexFunc(args, isCommand) // whose flags are unknown to this one
	if late >= 0 && !errors.Is(err, flag.ErrHelp) && (err != nil || slices.Contains(q.Args, args[late])) {
		return q, command.Usagef("the command comes first: exemptions %s", args[late])
	}
	if err != nil {
		return q, err
	}
	q.verify = q.verify && q.via == "graph" // -via list names what fails by itself
	if q.connection, err = connect(q.Command); err != nil {
		return q, err
	}
	withinName := "within"
	if q.Given("expires-within") && q.Given("within") {
		return q, command.Usagef("-within and -expires-within exclude each other")
	}
	if q.endless && (q.Given("within") || q.Given("expires-within")) {
		return q, command.Usagef("-endless and -within exclude each other")
	}
	if q.Given("expires-within") {
		withinName = "expires-within"
	}
	if within != "" || q.Given(withinName) {
		duration, err := parseDuration(within)
		if err != nil {
			return q, command.Usagef("-%s: %w", withinName, err)
		}
		q.expiresBefore = q.now.Add(duration)
	}
	if q.Given("category") {
		if q.category, err = parseCategory(category); err != nil {
			return q, err
		}
	}
	known := armsecops.PossibleEffectValues()
	if i := slices.IndexFunc(known, armsecops.Effect(effect).Is); i >= 0 {
		q.effect = known[i] // which becomes part of a query
	} else if effect != "" {
		return q, command.Usagef("invalid value %q for flag -effect: must be %s", effect, effects())
	}
	if len(q.options().Kinds) == 0 {
		return q, command.Usagef("-effect %s doesn't go with -kind %s, whose exemptions have the effect Exempt", q.effect, q.kind)
	}
	for _, name := range q.managementGroups {
		if !isScope(managementGroups + name) {
			return q, command.Usagef("-management-group: not a name: %s", name)
		}
	}
	if q.Given("file") && *file == "" {
		return q, errNoFile
	}
	ids, err := readInput(ctx, "a subscription", q.Args, *file, stdin)
	if err != nil {
		return q, err
	}
	var flags []input
	for _, id := range given {
		flags = append(flags, input{id, "-subscription"})
	}
	ids = distinctInput(append(flags, ids...))
	for _, id := range ids {
		_, err := q.factory.NewSecurityAssignmentsClient(id.text)
		if invalid, ok := errors.AsType[*armsecops.ParameterError](err); ok {
			return q, command.Usagef("%s %q %s", id.source, id.text, invalid.Reason)
		}
	}
	q.subscriptions = texts(ids)
	switch {
	case len(q.subscriptions) > 0 && len(q.managementGroups) > 0:
		return q, command.Usagef("-management-group doesn't go with subscriptions")
	case len(q.subscriptions) > 0:
	case len(q.Args) > 0 || q.Given("file"):
		return q, command.Usagef("the input has no subscriptions") // must not query all of them
	case q.inherited && (q.Live || q.via != "list" || len(q.managementGroups) > 0):
		return q, command.Usagef("-inherited needs subscriptions")
	case q.Live && q.verify:
		return q, command.Usagef("-live with -verify needs subscriptions")
	case q.Live && q.via == "list" && len(q.managementGroups) == 0:
		return q, command.Usagef("-live with -via list needs subscriptions or a -management-group")
	case q.via == "list" && len(q.managementGroups) == 0:
		q.subscriptions = tenantSubscriptionIDs()
	}
	return q, nil
}

// effects returns the effects that are known, for the help and an error.
func effects() string {
	var names []string
	for _, effect := range armsecops.PossibleEffectValues() {
		names = append(names, string(effect))
	}
	return command.Join(names, "or")
}

// run prints what the query finds, or what it would list.
func (q query) run(ctx context.Context, s command.Streams) error {
	if q.dryRun {
		q.printMemoryNote(s.Err, onAnotherDay)
		s.Out.Println(q.describe())
		return nil
	}
	err := q.print(ctx, s)
	if s.Out.Err() == nil {
		q.printMemoryNote(s.Err, invented)
	}
	return err
}

// print prints the exemptions that were found, even if something failed, and
// returns the failures. If something failed and nothing was found, it prints nothing.
func (q query) print(ctx context.Context, s command.Streams) error {
	found, err := q.collect(ctx, s.Err)
	if err != nil && len(found) == 0 {
		s.Err.EndStatus()
		return err // without an empty list, which says that there are no exemptions
	}
	rows, namesErr := q.name(ctx, found, s.Err)
	s.Err.EndStatus()
	if err := q.write(s.Out, rows); err != nil {
		return err
	}
	if s.Out.Err() != nil {
		return err
	}
	if namesErr != nil {
		s.Err.Println("Some recommendations are without their names: " + namesErr.Error())
	}
	if q.via == "list" && len(q.managementGroups) > 0 {
		s.Err.Println(withoutBelow)
	}
	if q.format == "table" && len(found) == 0 { // the others are for programs
		s.Err.Println("No exemptions.")
	}
	q.printNotices(s.Err)
	return err
}

// printNotices prints what may be missing.
func (q query) printNotices(out *terminal.Output) {
	if q.via == "graph" && !q.verify {
		out.Println(unreadable)
	}
	if q.via == "graph" && q.Live { // in memory, it knows at once
		out.Println(freshness)
	}
	if len(q.subscriptions) > 0 && !q.inherited {
		out.Println(withoutInherited)
	}
}
