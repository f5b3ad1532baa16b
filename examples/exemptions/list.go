package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
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
	"-verify lists each subscription that is given as well, and names the ones that fail. A query of given subscriptions has no " +
	"exemptions of the management groups above them; -inherited includes those of Azure Policy. With -via list it lists each " +
	"subscription, which is current, names the ones that fail, and says who created an exemption of Azure Policy. " +
	"Of a management group, it lists what is exempted there, and nothing below.\n\n" +
	"Subscriptions are arguments, values of -subscription, or lines of a -file; the argument - stands for lines of the standard " +
	"input. Empty lines and lines that start with # are ignored. Without any, and without a " +
	"-management-group, it lists all that the identity may read. But -inherited needs subscriptions, and with -live so do " +
	"-verify and, without a -management-group, -via list: in memory, these take all 40.\n\n" +
	"NAME is the display name, or the resource's own if it has none. SCOPE is what is exempt, by the names in its resource id, " +
	"FROM the recommendations or policies, by their names where they are known. EXPIRES ends in a ! if it has passed. On a narrow terminal, what doesn't fit on a line follows below it. -wide, " +
	"-o csv and -o json have everything, both names too, -o ids what renew and delete read. In CSV, an apostrophe begins what a spreadsheet would take for a formula.\n\n" +
	"Without -live it uses a tenant in memory that has 40 subscriptions, three of which can't be read, on 1 June 2026."

// kinds are the kinds of exemptions by their names as flags, in the order of a listing.
var kinds = []struct {
	name string
	kind armsecops.ExemptionKind
}{
	{"policy", armsecops.ExemptionKindPolicyExemption},
	{"standard", armsecops.ExemptionKindStandardAssignment},
	{"assignment", armsecops.ExemptionKindAssignment},
}

// kindName returns the name of a kind as a flag.
func kindName(kind armsecops.ExemptionKind) string {
	for _, k := range kinds {
		if k.kind == kind {
			return k.name
		}
	}
	return string(kind)
}

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
	wide, inherited, verify, dryRun bool
}

// parseQuery returns the query that the arguments of list or expiring describe.
func parseQuery(ctx context.Context, name string, args []string, stdin io.Reader) (q query, err error) {
	q.Command = command.New("exemptions "+name, command.ExitCode{
		Code:    command.Failed,
		Meaning: "anything else failed, such as the listing of a subscription, or it was interrupted; what was found is printed",
	})
	q.Arguments = "[SUBSCRIPTION... | -]"
	within, withinName := "", "expires-within"
	if name == "list" {
		q.About = "Lists the exemptions of Azure Policy, of Defender's standards and of Defender's assignments of 2021, " +
			"those that end first at the top."
		q.Example = `  go run ./examples/exemptions list -live -category waiver -o csv
  az account list --query '[].id' --output tsv |
    go run ./examples/exemptions list -live -via list -`
	} else {
		within, withinName = "30d", "within"
		q.About = "Lists the exemptions that end within some time, or have ended, those that end first at the top."
		q.Example = `  go run ./examples/exemptions expiring -live -within 30d
  az account list --query '[].id' --output tsv |
    go run ./examples/exemptions expiring -live -within 7d -verify -`
	}
	q.About += "\n\n" + aboutLists
	q.Flags.StringVar(&within, withinName, within,
		"only exemptions that have ended or will within this `time`; 30d is days, other units are Go's")
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
	q.Flags.BoolVar(&q.verify, "verify", false, "list a page of each given subscription too, to find those that can't be read")
	q.Choice(&q.format, "o", "output `format`", "table", "csv", "json", "ids")
	q.Flags.BoolVar(&q.wide, "wide", false, "print all columns of the table, as wide as they are")
	q.Flags.BoolVar(&q.dryRun, "dry-run", false, "print as text what would be listed, and send nothing")
	if err := q.Parse(args); err != nil {
		return q, err
	}
	if len(q.Args) > 0 && slices.ContainsFunc(commands, func(c [2]string) bool { return c[0] == q.Args[0] }) {
		return q, command.Usagef("the command comes first: exemptions %s", q.Args[0])
	}
	if q.connection, err = connect(q.Command); err != nil {
		return q, err
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
	case q.inherited:
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
	if q.format == "table" { // the others are for programs
		q.printNotices(s.Err, len(found))
	}
	return err
}

// printNotices prints what a reader of the table should know.
func (q query) printNotices(out *terminal.Output, found int) {
	if found == 0 {
		out.Println("No exemptions.")
	}
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

// collect returns the exemptions that match the query, those that end first at the
// top, and an error that names what failed.
func (q query) collect(ctx context.Context, progress *terminal.Output) (found []armsecops.Exemption, err error) {
	if q.via == "graph" {
		found, err = q.queryGraph(ctx, progress)
	} else {
		found, err = q.list(ctx, progress)
	}
	if q.verify && (err == nil || errors.Is(err, armsecops.ErrForbidden)) { // which doesn't name the subscriptions
		err = errors.Join(err, q.check(ctx, progress))
	}
	found = slices.DeleteFunc(found, func(e armsecops.Exemption) bool { return !q.matches(e) })
	slices.SortFunc(found, func(a, b armsecops.Exemption) int {
		if a.ExpiresOn.IsZero() != b.ExpiresOn.IsZero() {
			return -a.ExpiresOn.Compare(b.ExpiresOn) // never comes last
		}
		return cmp.Or(a.ExpiresOn.Compare(b.ExpiresOn), cmp.Compare(strings.ToLower(a.ID), strings.ToLower(b.ID)))
	})
	return found, err
}

func (q query) matches(e armsecops.Exemption) bool {
	return (q.expiresBefore.IsZero() || e.ExpiresBefore(q.expiresBefore)) &&
		(q.category == "" || e.Category.Is(q.category)) &&
		!(q.active && e.ExpiresBefore(q.now)) &&
		(q.effect == "" || effectOf(e).Is(q.effect))
}

// effectOf returns the effect of the assignment.
func effectOf(e armsecops.Exemption) armsecops.Effect {
	properties := struct{ Effect armsecops.Effect }{armsecops.EffectExempt} // which policy exemptions don't say
	_ = json.Unmarshal(e.Properties, &properties)
	return properties.Effect
}

// asks reports whether the query is for a kind.
func (q query) asks(kind armsecops.ExemptionKind) bool {
	onlyExempt := kind == armsecops.ExemptionKindPolicyExemption // has no other effect
	return (q.kind == "all" || q.kind == kindName(kind)) && !(onlyExempt && q.effect != "" && !q.effect.Is(armsecops.EffectExempt))
}

// options returns what the query asks Azure Resource Graph for.
func (q query) options() armsecops.ExemptionsClientListOptions {
	options := armsecops.ExemptionsClientListOptions{
		SubscriptionIDs: q.subscriptions, ManagementGroups: q.managementGroups, ExpiresBefore: q.expiresBefore, IncludeInherited: q.inherited,
	}
	for _, k := range kinds {
		if q.asks(k.kind) {
			options.Kinds = append(options.Kinds, k.kind)
		}
	}
	return options
}

// queryGraph queries Azure Resource Graph, a kind after the other: one that is
// incomplete doesn't keep the others from being found.
func (q query) queryGraph(ctx context.Context, progress *terminal.Output) (found []armsecops.Exemption, err error) {
	progress.Status("querying")
	options := q.options()
	for _, kind := range options.Kinds {
		show := func(rows, total int) {
			progress.Status(fmt.Sprintf("%s: %d of %s", kindName(kind), rows, command.Count(max(rows, total), "row")))
		}
		assignments := &armsecops.ResourceGraphOptions{SubscriptionIDs: q.subscriptions, ManagementGroups: q.managementGroups}
		if q.effect != "" {
			assignments.Where = "properties.effect =~ '" + string(q.effect) + "'"
		}
		var rows []armsecops.Exemption
		var failure error
		switch {
		case kind == armsecops.ExemptionKindPolicyExemption, q.effect.Is(armsecops.EffectExempt):
			one := options
			one.Kinds = []armsecops.ExemptionKind{kind}
			rows, failure = read(ctx, q.factory.NewExemptionsClient().NewListPager(&one), same, show)
		case kind == armsecops.ExemptionKindStandardAssignment:
			rows, failure = read(ctx, q.factory.NewStandardAssignmentsClient().NewResourceGraphPager(assignments), fromStandardAssignment, show)
		default:
			client, err := q.factory.NewSecurityAssignmentsClient("") // a query names its own subscriptions
			if err != nil {
				return nil, err
			}
			rows, failure = read(ctx, client.NewResourceGraphPager(assignments), fromAssignment, show)
		}
		found = append(found, rows...)
		if failure == nil {
			continue
		}
		err = errors.Join(err, q.ofKind(kind, failure))
		if !errors.Is(failure, armsecops.ErrIncompleteResult) {
			break
		}
	}
	return found, err
}

// ofKind returns the error of a query for a kind, with the kind. A failed sign-in has
// none, nor has a query that finds nothing to look into, which the service says in
// words for its support.
func (q query) ofKind(kind armsecops.ExemptionKind, err error) error {
	switch {
	case errors.Is(err, armsecops.ErrCredential):
		return err
	case errors.Is(err, context.Canceled):
		return errInterrupted
	case armsecops.HasCode(err, armsecops.CodeNoValidSubscriptionsInQueryRequest):
		what := "no subscription"
		if len(q.subscriptions) > 0 {
			what = "none of the given subscriptions, or they don't exist"
		} else if len(q.managementGroups) > 0 {
			what = "none of the given management groups, or they don't exist"
		}
		return fmt.Errorf("the identity can read %s: %w", what, err)
	case q.kind != "all":
		return fmt.Errorf("-kind %s: %w", kindName(kind), err)
	}
	return fmt.Errorf("exemptions of kind %s: %w", kindName(kind), err)
}

// read returns the exemptions that a pager yields, before an error too.
//   - show: called with the rows so far and the total, if it is known
func read[T any](
	ctx context.Context, pager *armsecops.Pager[T], convert func(T) armsecops.Exemption, show func(rows, total int),
) (found []armsecops.Exemption, err error) {
	for page, err := range pager.Pages(ctx) {
		if err != nil {
			return found, err
		}
		for _, item := range page.Value {
			found = append(found, convert(item))
		}
		total := 0
		_ = json.Unmarshal(page.AdditionalProperties["totalRecords"], &total) // only shown
		show(len(found), total)
	}
	return found, nil
}

// list lists each subscription or management group, and returns the exemptions and
// an error that names those that failed.
func (q query) list(ctx context.Context, progress *terminal.Output) ([]armsecops.Exemption, error) {
	var scopes []string
	for _, id := range q.subscriptions {
		scopes = append(scopes, "/subscriptions/"+id)
	}
	for _, name := range q.managementGroups {
		scopes = append(scopes, managementGroups+name)
	}
	noun := "subscription"
	if len(q.managementGroups) > 0 {
		noun = "management group"
	}
	return survey(ctx, progress, noun, scopes, q.listScope)
}

// listScope lists all kinds of a scope. It returns what it found with an error, too,
// which is the first one.
func (q query) listScope(ctx context.Context, scope string) (found []armsecops.Exemption, failure error) {
	subscriptionID, isSubscription := strings.CutPrefix(scope, "/subscriptions/")
	quiet := func(int, int) {}
	for _, kind := range q.options().Kinds {
		var rows []armsecops.Exemption
		var err error
		switch {
		case kind == armsecops.ExemptionKindPolicyExemption:
			rows, err = read(ctx, q.factory.NewPolicyExemptionsClient().NewListPager(scope, nil), fromPolicyExemption, quiet)
		case kind == armsecops.ExemptionKindStandardAssignment:
			rows, err = read(ctx, q.factory.NewStandardAssignmentsClient().NewListPager(scope, nil), fromStandardAssignment, quiet)
		case isSubscription: // which all assignments of 2021 are in
			var client *armsecops.SecurityAssignmentsClient
			if client, err = q.factory.NewSecurityAssignmentsClient(subscriptionID); err == nil {
				rows, err = read(ctx, client.NewListBySubscriptionPager(nil), fromAssignment, quiet)
			}
		}
		found = append(found, rows...)
		failure = cmp.Or(failure, err)
	}
	if isSubscription && !q.inherited {
		found = slices.DeleteFunc(found, func(e armsecops.Exemption) bool { return e.SubscriptionID == "" })
	}
	return found, failure
}

// check lists a page of each subscription, and returns an error that names those
// that failed.
func (q query) check(ctx context.Context, progress *terminal.Output) error {
	ids := q.subscriptions
	if len(ids) == 0 {
		ids = tenantSubscriptionIDs()
	}
	_, err := survey(ctx, progress, "subscription", ids, func(ctx context.Context, id string) ([]armsecops.Exemption, error) {
		client, err := q.factory.NewSecurityAssignmentsClient(id)
		if err == nil {
			_, err = client.NewListBySubscriptionPager(nil).NextPage(ctx)
		}
		return nil, err
	})
	return err
}

// survey returns the exemptions that a function finds in each of several scopes,
// each once, and an error with a line for each scope that failed. It only counts the
// ones that the context ended.
//   - noun: what a scope is
func survey(
	ctx context.Context, progress *terminal.Output, noun string, scopes []string,
	find func(ctx context.Context, scope string) ([]armsecops.Exemption, error),
) (found []armsecops.Exemption, err error) {
	done, unfinished, failures := 0, 0, []string{}
	for scope, result := range each(ctx, scopes, find) {
		found = append(found, result.value...)
		switch {
		case result.err == nil:
		case errors.Is(result.err, armsecops.ErrCredential): // which is the same for all
			return found, result.err
		case ctx.Err() != nil && errors.Is(result.err, ctx.Err()):
			unfinished++
		default:
			failures = append(failures, terminal.Printable(noun+" "+lastSegment(scope)+": "+result.err.Error()))
		}
		done++
		progress.Status(fmt.Sprintf("%d of %s, %d failed, %s",
			done, command.Count(len(scopes), noun), len(failures)+unfinished, command.Count(len(found), "row")))
	}
	found = distinct(found, func(e armsecops.Exemption) string { return strings.ToLower(e.ID) })
	if len(failures) > 0 {
		failures = append([]string{fmt.Sprintf("%d of %s failed:", len(failures), command.Count(len(scopes), noun))}, failures...)
		err = errors.New(strings.Join(failures, "\n  "))
	}
	if unfinished > 0 {
		err = errors.Join(err, fmt.Errorf("%w: %d of %s not finished", errInterrupted, unfinished, command.Count(len(scopes), noun)))
	}
	return found, err
}
