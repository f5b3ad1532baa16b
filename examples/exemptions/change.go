package main

import (
	"cmp"
	"context"
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
	dryRun  bool
}

// parseChange returns the change that the arguments of renew or delete describe.
func parseChange(ctx context.Context, name string, args []string, stdin io.Reader) (c change, err error) {
	c.Command, c.name = newCommand(name), name
	c.Arguments = "[ID... | -]"
	var expires string
	flags := "-live -dry-run"
	if name == "renew" {
		flags += " -expires 90d"
		c.About = "Lets exemptions of any kind end later: gets each, changes when it ends, and puts it back with all that it has. " +
			"One that ends then already, or later, or never, isn't changed, and is an error. It prints the ids.\n\n" +
			"The last writer wins: what another program changes between the get and the put is lost."
		c.Flags.StringVar(&expires, "expires", "",
			"`time` until the exemptions end, such as 90d, or the date on which they end at 00:00 UTC, such as 2026-12-31")
		c.Required = []string{"expires"}
	} else {
		c.About = "Deletes exemptions of any kind, and prints their ids.\n\n" +
			"The last writer wins: an exemption that another program has just renewed is deleted, too."
	}
	c.About += "\n\nResource ids are arguments, or lines of a -file; the argument - stands for lines of the standard input, such as " +
		"those of \"exemptions expiring -o ids\". Empty lines and lines that start with # are ignored: an input without ids is no error. " +
		"If one fails, the others are done nevertheless, unless the sign-in failed.\n\n" +
		"Without -live it changes a tenant in memory."
	c.Example = "  go run ./examples/exemptions expiring -live -within 7d -o ids |\n" +
		"    go run ./examples/exemptions " + name + " " + flags + " -"
	file := c.Flags.String("file", "", "`name` of a file of ids, one on each line")
	c.Flags.BoolVar(&c.dryRun, "dry-run", false, "read the exemptions and print what would be done, and change nothing")
	if err := c.Parse(args); err != nil {
		return c, err
	}
	if name == "renew" && expires == "" {
		return c, command.Usagef("renew needs -expires")
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
	if len(ids) == 0 && len(c.Args) == 0 && *file == "" { // an input may be empty, as on a night when nothing expires
		return c, command.Usagef("%s needs ids of exemptions", name)
	}
	for _, id := range ids {
		if _, err := c.open(id.text); err != nil {
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
	if !c.dryRun {
		defer c.printMemoryNote(s.Err, nothingRemains)
	}
	return apply(ctx, s, c.ids, func(ctx context.Context, id string) (string, error) {
		e, err := c.open(id)
		if err != nil {
			return "", err
		}
		before, err := e.read(ctx)
		switch {
		case err != nil:
			return "", err
		case c.expires.IsZero() && c.dryRun:
			return "would delete " + id, nil
		case c.expires.IsZero():
			return id, e.remove(ctx)
		case before.IsZero():
			return "", errors.New("not renewed, since it never ends")
		case !before.Before(c.expires) && formatDate(before) == formatDate(c.expires):
			return "", fmt.Errorf("not renewed, since it ends on that date already: %s", formatDate(before))
		case !before.Before(c.expires):
			return "", fmt.Errorf("not renewed, since it ends later already: %s", formatDate(before))
		case c.dryRun:
			return "would renew " + id + " from " + formatDate(before) + " to " + formatDate(c.expires), nil
		}
		return id, e.renew(ctx, c.expires)
	})
}

// stored is an exemption of any kind.
type stored struct {
	read   func(ctx context.Context) (expires time.Time, err error) // comes first, and fails unless it is an exemption
	renew  func(ctx context.Context, expires time.Time) error
	remove func(ctx context.Context) error
}

// open returns the exemption of an id.
func (n connection) open(id string) (stored, error) {
	if e, err := armsecops.ParsePolicyExemptionID(id); err == nil {
		client := n.factory.NewPolicyExemptionsClient()
		var got armsecops.PolicyExemptionsClientGetResponse
		return stored{
			read: func(ctx context.Context) (_ time.Time, err error) {
				got, err = client.Get(ctx, e.Scope, e.Name, nil)
				return got.Properties.ExpiresOn, err
			},
			renew: func(ctx context.Context, expires time.Time) error {
				got.Properties.ExpiresOn = expires
				_, err := client.CreateOrUpdate(ctx, e.Scope, e.Name, got.PolicyExemption, nil)
				return err
			},
			remove: func(ctx context.Context) error {
				_, err := client.Delete(ctx, e.Scope, e.Name, nil)
				return err
			},
		}, nil
	}
	if e, err := armsecops.ParseStandardAssignmentID(id); err == nil {
		client := n.factory.NewStandardAssignmentsClient()
		var got armsecops.StandardAssignmentsClientGetResponse
		return stored{
			read: func(ctx context.Context) (_ time.Time, err error) {
				got, err = client.Get(ctx, e.Scope, e.Name, nil)
				return got.Properties.ExpiresOn, cmp.Or(err, checkEffect(got.Properties.Effect))
			},
			renew: func(ctx context.Context, expires time.Time) error {
				got.Properties.ExpiresOn = expires
				_, err := client.CreateOrUpdate(ctx, e.Scope, e.Name, got.StandardAssignment, nil)
				return err
			},
			remove: func(ctx context.Context) error {
				_, err := client.Delete(ctx, e.Scope, e.Name, nil)
				return err
			},
		}, nil
	}
	e, err := armsecops.ParseAssignmentID(id)
	if err != nil {
		return stored{}, command.Usagef("not the id of an exemption: %s", id)
	}
	client, err := n.factory.NewSecurityAssignmentsClient(e.SubscriptionID)
	var got armsecops.SecurityAssignmentsClientGetResponse
	return stored{
		read: func(ctx context.Context) (_ time.Time, err error) {
			got, err = client.Get(ctx, e.ResourceGroupName, e.Name, nil)
			return got.Properties.ExpiresOn, cmp.Or(err, checkEffect(got.Properties.Effect))
		},
		renew: func(ctx context.Context, expires time.Time) error {
			got.Properties.ExpiresOn = expires
			_, err := client.CreateOrUpdate(ctx, e.ResourceGroupName, e.Name, got.Assignment, nil)
			return err
		},
		remove: func(ctx context.Context) error {
			_, err := client.Delete(ctx, e.ResourceGroupName, e.Name, nil)
			return err
		},
	}, err
}

// checkEffect returns an error for an assignment that isn't an exemption, whose
// renewal or deletion would change an audit.
func checkEffect(effect armsecops.Effect) error {
	if effect.Is(armsecops.EffectExempt) {
		return nil
	}
	return fmt.Errorf("not an exemption: its effect is %q", effect)
}
