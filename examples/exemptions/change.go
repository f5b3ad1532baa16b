package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/command"
)

// change renews exemptions or deletes them.
type change struct {
	*command.Command
	connection

	name    string    // renew or delete
	ids     []string  // none if the input has none
	expires time.Time // zero to delete
	options armsecops.ExemptionsClientRenewOptions
	dryRun  bool

	ignoreNotFound bool
}

// parseChange returns the change that the arguments of renew or delete describe.
func parseChange(ctx context.Context, name string, args []string, stdin io.Reader) (c change, err error) {
	c.Command, c.name = newCommand(name), name
	c.Arguments = "[ID... | -]"
	var expires, category, metadata string
	which, flags := "-within 0d", "-live -dry-run"
	if name == "renew" {
		which, flags = "-active -within 7d", flags+" -expires 90d"
		c.About = "Lets exemptions of any kind end later: gets each, changes when it ends, and puts it back with all that it has. " +
			"One that ends then already, or later, or never, isn't changed, and the standard error says so; -earlier shortens the last two. One that has ended is a failure, unless -ended brings it back. It prints the ids of the others.\n\n" +
			"The last writer wins: what another program changes between the get and the put is lost."
		c.Flags.StringVar(&expires, "expires", "",
			"`time` until the exemptions end, such as 90d, or the date on which they end at 00:00 UTC, such as 2026-12-31")
		c.Flags.StringVar(&c.options.Description, "description", "", "new `text` that says why, such as a ticket and who approved it (default: it stays)")
		c.Flags.StringVar(&category, "category", "", "new `category`: waiver or mitigated (default: it stays)")
		c.Flags.StringVar(&metadata, "metadata", "", "new metadata of policy exemptions, a `JSON` object (default: it stays)")
		c.Flags.BoolVar(&c.options.AllowEnded, "ended", false, "also renew what has ended: it is in force again")
		c.Flags.BoolVar(&c.options.AllowEarlier, "earlier", false, "also renew what ends later, or never: it ends earlier then")
		c.Required = []string{"expires"}
	} else {
		c.About = "Deletes exemptions of any kind, and prints their ids. \"exemptions expiring -within 0d\" lists those that have ended.\n\n" +
			"The last writer wins: an exemption that another program has just renewed is deleted, too."
		c.Flags.BoolVar(&c.ignoreNotFound, "ignore-not-found", false, "what isn't there, such as what is deleted already, is no failure, unless its subscription isn't found")
	}
	c.About += "\n\nResource ids are arguments, or lines of a -file; the argument - stands for lines of the standard input, such as " +
		"those of \"exemptions expiring " + which + " -o ids\". Empty lines and lines that start with # are ignored: an input without ids is no error. " +
		"If one fails, the others are done nevertheless, unless the sign-in failed.\n\n" +
		"Without -live it changes a tenant in memory."
	c.Example = "  go run ./examples/exemptions expiring -live " + which + " -o ids |\n" +
		"    go run ./examples/exemptions " + name + " " + flags + " -"
	file := c.Flags.String("file", "", "`name` of a file of ids, one on each line; - is the standard input")
	c.Flags.BoolVar(&c.dryRun, "dry-run", false, "read the exemptions and print what would be done, and change nothing")
	if err := c.Parse(args); err != nil {
		return c, err
	}
	if c.Given("file") && *file == "" {
		return c, errNoFile
	}
	if name == "renew" && expires == "" {
		return c, command.Usagef("renew needs -expires")
	}
	c.options.Metadata = json.RawMessage(metadata)
	if object := map[string]any(nil); c.Given("metadata") && (json.Unmarshal(c.options.Metadata, &object) != nil || object == nil) {
		return c, command.Usagef("-metadata: must be a JSON object")
	}
	if c.Given("description") && c.options.Description == "" {
		return c, errNoDescription
	}
	if c.Given("category") {
		if c.options.Category, err = parseCategory(category); err != nil {
			return c, err
		}
	}
	if c.connection, err = connect(c.Command); err != nil {
		return c, err
	}
	if name == "renew" {
		if c.expires, err = parseExpiry(expires, c.now); err != nil {
			return c, command.Usagef("-expires: %w", err)
		}
	}
	ids, err := readInput(ctx, "an id", c.Args, *file, stdin)
	if err != nil {
		return c, err
	}
	if len(ids) == 0 && len(c.Args) == 0 && !c.Given("file") { // an input may be empty, as on a night when nothing expires
		return c, command.Usagef("%s needs ids of exemptions", name)
	}
	for _, id := range ids {
		if !isExemptionID(id.text) {
			return c, command.Usagef("%s %q is not the id of an exemption", id.source, id.text)
		}
	}
	c.ids = texts(ids)
	return c, nil
}

// run changes the exemptions, or reads them and prints what it would do.
func (c change) run(ctx context.Context, s command.Streams) error {
	if len(c.ids) == 0 {
		s.Err.Println("Nothing to " + c.name + ": the input has no ids.")
		return nil
	}
	note := nothingRemains
	if c.dryRun {
		note = onAnotherDay
	}
	defer c.printMemoryNote(s.Err, note)
	client := c.factory.NewExemptionsClient()
	return apply(ctx, s, c.ids, func(ctx context.Context, id string) (done, error) {
		d, err := c.one(ctx, client, id)
		gone := armsecops.IsMissing(err) || armsecops.IsParentMissing(err) || armsecops.HasCode(err, "ManagementGroupNotFound")
		switch {
		case c.ignoreNotFound && gone:
			err = fmt.Errorf("%w deleted, since it isn't there", errUnchanged)
		case gone && c.name == "delete":
			err = fmt.Errorf("%w; -ignore-not-found takes it for deleted", err)
		}
		return d, c.explain(err)
	})
}

// one changes an exemption, or reads it and says what it would do.
func (c change) one(ctx context.Context, client *armsecops.ExemptionsClient, id string) (done, error) {
	before, err := client.Get(ctx, id, nil)
	switch {
	case err != nil:
		return done{}, err
	case c.expires.IsZero() && c.dryRun:
		return done{text: "would delete " + id + ", " + c.describe(before.Exemption)}, nil
	case c.expires.IsZero():
		_, err = client.Delete(ctx, id, nil)
		return done{text: id}, err
	case before.ExpiresBefore(c.now) && !c.options.AllowEnded:
		return done{}, fmt.Errorf("not renewed, since it has ended, on %s: -ended brings it back", formatDate(before.ExpiresOn))
	case before.ExpiresOn.IsZero() && !c.options.AllowEarlier:
		return done{}, fmt.Errorf("%w renewed, since it never ends", errUnchanged)
	case len(c.options.Metadata) > 0 && before.Kind != armsecops.ExemptionKindPolicyExemption:
		return done{}, errors.New("-metadata is of policy exemptions only")
	case !before.ExpiresBefore(c.expires) && !c.options.AllowEarlier && formatDate(before.ExpiresOn) == formatDate(c.expires):
		return done{}, fmt.Errorf("%w renewed, since it ends on that date already: %s", errUnchanged, formatDate(before.ExpiresOn))
	case !before.ExpiresBefore(c.expires) && !c.options.AllowEarlier:
		return done{}, fmt.Errorf("%w renewed, since it ends later already: %s", errUnchanged, formatDate(before.ExpiresOn))
	}
	var ended, note string
	if before.ExpiresBefore(c.now) {
		ended, note = ", which has ended,", "renewed although it had ended: it is in force again"
	}
	if c.dryRun {
		var more string
		for _, name := range []string{"category", "description", "metadata"} {
			if c.Given(name) {
				more += ", with another " + name
			}
		}
		return done{text: "would renew " + id + ended + " from " + formatDate(before.ExpiresOn) + " to " + formatDate(c.expires) + more}, nil
	}
	options := c.options
	options.AllowEnded = options.AllowEnded || !c.Live // by the clock of the tenant in memory, it hasn't ended
	renewed, err := client.Renew(ctx, id, c.expires, &options)
	if errors.Is(err, armsecops.ErrNotRenewed) && !renewed.ExpiresBefore(c.expires) { // by another program, meanwhile
		err = fmt.Errorf("%w renewed, since another program has done so meanwhile", errUnchanged)
	}
	return done{id, note}, err
}

// describe returns the name of an exemption and when it ends, for a dry run.
func (c change) describe(e armsecops.Exemption) string {
	ends := "which ends on " + formatDate(e.ExpiresOn)
	switch {
	case e.ExpiresOn.IsZero():
		ends = "which never ends"
	case e.ExpiresBefore(c.now):
		ends = "which ended on " + formatDate(e.ExpiresOn)
	}
	return fmt.Sprintf("%q, %s", cmp.Or(e.DisplayName, e.Name), ends)
}

// errUnchanged is of an exemption that is as it was to be: no failure, as the same
// command may run twice.
var errUnchanged = errors.New("not")

// isExemptionID reports whether a resource id is that of an exemption of any kind.
func isExemptionID(id string) bool {
	_, policy := armsecops.ParsePolicyExemptionID(id)
	_, standard := armsecops.ParseStandardAssignmentID(id)
	_, assignment := armsecops.ParseAssignmentID(id)
	return policy == nil || standard == nil || assignment == nil
}
