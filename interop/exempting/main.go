// Exempting writes the exemptions of the subscriptions in use as CSV, finds what is
// unhealthy, exempts it from a recommendation, revokes that, and renews attestations. -h
// shows its commands.
//
//	GOWORK=off go run -C interop ./exempting
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/google/uuid"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/interop/internal/command"
	"github.com/armsecops/armsecops/interop/internal/signin"
)

var program = command.Program{
	Name: "exempting",
	About: "Lists the exemptions from recommendations of Microsoft Defender for Cloud, grants and revokes them. " +
		"Sign in first, such as by az login. docs/exempting-command.md is its manual.",
	Commands: [][3]string{
		{"list", "[-subscription ID | -management-group ID | -resource ID]...", "write a row of CSV for each exemption of the subscriptions in use, or at or below a subscription or management group, or of what applies to a resource"},
		{"unhealthy", "-recommendation NAME -resource SCOPE", "print the ids of the unhealthy resources of a scope"},
		{"status", "-recommendation NAME -resource ID", "print id, status, cause and description of a resource"},
		{"grant", "-recommendation NAME -resource ID -category CATEGORY -expires TIME -description TEXT", "exempt a resource from a recommendation, or renew its exemption"},
		{"revoke", "-recommendation NAME -resource ID", "delete the exemptions of a resource that are from exactly that recommendation"},
		{"attestations", "[-before TIME | -ended]", "print the attestations in force, or those that have ended"},
		{"renew-attestations", "-id ID -expires TIME", "let attestations end later"},
	},
}

func main() {
	c, err := parse(os.Args[1:], time.Now(), os.Stdin, os.Stderr)
	if err != nil {
		os.Exit(command.Report(err, os.Stdout, os.Stderr))
	}
	options := &armsecops.ClientOptions{}
	options.Cloud = c.cloud
	credential, err := signin.NewCredential(options.ClientOptions.ClientOptions)
	if err != nil {
		os.Exit(command.Failed(err, os.Stderr))
	}
	ctx, cancel := command.Context(c.timeout)
	err = c.run(ctx, os.Stdout, credential, options)
	cancel()
	if err != nil {
		os.Exit(command.Failed(err, os.Stderr)) // after all that could be done is written
	}
}

// call is what the arguments ask for.
type call struct {
	name           string // such as list
	cloud          cloud.Configuration
	timeout        time.Duration
	recommendation string            // its display name or key
	policy         string            // the id of its policy definition instead
	resources      []*arm.ResourceID // or attestations; empty, not nil, if the input has none
	by             string            // of list: the flag that gives resources
	above          []string
	stale          bool      // list ids, of stale exemptions only
	before         time.Time // zero: at any time, or never
	ended          bool      // attestations that have ended
	grant          grant
	dryRun         bool
}

// parse returns what the arguments ask for. It writes a note if standard input has no ids: a
// command without resources does nothing.
func parse(args []string, now time.Time, stdin io.Reader, notes io.Writer) (c call, err error) {
	flags, err := program.New(args, 30*time.Minute)
	if err != nil {
		return c, err
	}
	c.name = flags.Command
	switch c.name {
	case "list":
		flags.BoolVar(&c.stale, "stale", false, "print the ids of the exemptions whose policy assignment is gone, instead of CSV")
		timeFlag(flags, &c.before, now, "before", "only those that have ended or end before a `time`")
		idFlag(flags, &c.resources, stdin, "subscription", "of a subscription, instead of all in use")
		idFlag(flags, &c.resources, stdin, "management-group", "of a management group, for the exemptions of the group and of all below it")
		idFlag(flags, &c.resources, stdin, "resource", "of a resource, resource group, subscription or management group, for its own exemptions and those it inherits")
	case "attestations":
		timeFlag(flags, &c.before, now, "before", "only those that end before a `time`")
		flags.BoolVar(&c.ended, "ended", false, "those that have ended, instead of those in force")
	case "renew-attestations":
		idFlag(flags, &c.resources, stdin, "id", "of the attestation")
		timeFlag(flags, &c.grant.expires, now, "expires", "`end`")
		c.dryRunFlag(flags)
	case "grant":
		c.grantFlags(flags, now)
		fallthrough
	case "revoke":
		c.exemptionFlags(flags)
		fallthrough
	case "unhealthy", "status":
		flags.StringVar(&c.recommendation, "recommendation", "", "display `name` or key of the recommendation")
		idFlag(flags, &c.resources, stdin, "resource", "of the resource, resource group, subscription, management group or security connector")
	}
	if err := flags.Parse(); err != nil {
		return c, err
	}
	c.cloud, c.timeout = flags.Cloud, flags.Timeout
	if c.by, err = flags.OneOf("subscription", "management-group", "resource"); err != nil {
		return c, err
	}
	if _, err := flags.OneOf("before", "ended"); err != nil {
		return c, err
	}
	var missing []string
	for _, required := range []struct {
		flag    string
		missing bool
	}{
		{"recommendation", c.recommendation == "" && c.policy == ""},
		{"resource", c.resources == nil && c.name != "list"},
		{"id", c.resources == nil},
		{"category", c.grant.category == ""},
		{"expires", c.grant.expires.IsZero()},
		{"description", c.grant.description == ""},
	} {
		if flags.Lookup(required.flag) != nil && required.missing {
			missing = append(missing, "-"+required.flag)
		}
	}
	if missing != nil {
		return c, flags.Refuse("%s needs %s", c.name, strings.Join(missing, ", "))
	}
	if c.recommendation != "" && c.policy != "" {
		return c, flags.Refuse("-policy takes the place of -recommendation")
	}
	if c.resources != nil && len(c.resources) == 0 { // such as with nothing unhealthy
		fmt.Fprintln(notes, "nothing to do: the input has no ids")
	}
	return c, nil
}

// scopeFlags has the flags whose ids are of one type. Its name alone will do.
var scopeFlags = map[string]struct{ prefix, resourceType string }{
	"subscription":     {"/subscriptions/", "Microsoft.Resources/subscriptions"},
	"management-group": {"/providers/Microsoft.Management/managementGroups/", "Microsoft.Management/managementGroups"},
}

// idFlag defines a flag with resource ids. The value - reads them from standard input, as
// the commands write them: one a line, with what follows a tab left out.
func idFlag(flags *command.Command, ids *[]*arm.ResourceID, stdin io.Reader, name, of string) {
	flags.Func(name, "`id` "+of+", or - for those in standard input, one a line; can be repeated", func(value string) error {
		text := value
		if value == "-" {
			input, err := io.ReadAll(stdin)
			if text = string(input); err != nil {
				return err
			}
		}
		if *ids == nil {
			*ids = []*arm.ResourceID{} // the flag is given
		}
		for i, line := range slices.Collect(strings.Lines(text)) {
			at := ""
			if value == "-" {
				at = fmt.Sprintf("line %d of the standard input: ", i+1)
			}
			id, _, _ := strings.Cut(line, "\t")
			if id = strings.TrimSpace(id); id == "" {
				continue
			}
			scope, isScope := scopeFlags[name]
			if isScope && !strings.Contains(id, "/") {
				id = scope.prefix + id
			}
			resource, err := arm.ParseResourceID(id)
			if err == nil && isScope && !strings.EqualFold(resource.ResourceType.String(), scope.resourceType) {
				err = errors.New("not a " + strings.ReplaceAll(name, "-", " "))
			}
			if err == nil && resource.SubscriptionID != "" && uuid.Validate(resource.SubscriptionID) != nil {
				err = fmt.Errorf("the id of a subscription must be a UUID: %q", resource.SubscriptionID)
			}
			if err != nil {
				return fmt.Errorf("%s%w", at, err)
			}
			*ids = append(*ids, resource)
		}
		return nil
	})
}

// timeFlag defines a flag with a time in the future.
func timeFlag(flags *command.Command, t *time.Time, now time.Time, name, use string) {
	flags.Func(name, use+", in days such as 90d, or a date at 00:00 UTC such as 2026-12-31", func(text string) error {
		date, err := time.Parse(time.DateOnly, text)
		if number, inDays := strings.CutSuffix(text, "d"); inDays {
			var days int
			days, err = strconv.Atoi(number)
			date = now.AddDate(0, 0, days)
		}
		if err != nil || !date.After(now) {
			return errors.New("must be days such as 90d, or a date in the future")
		}
		*t = date.UTC()
		return nil
	})
}

func (c *call) dryRunFlag(flags *command.Command) {
	flags.BoolVar(&c.dryRun, "dry-run", false, "print what would be done, and change nothing")
}

// exemptionFlags defines the flags that only grant and revoke have.
func (c *call) exemptionFlags(flags *command.Command) {
	flags.Func("policy", "`id` of a policy definition, in place of -recommendation", func(id string) error {
		parsed, err := arm.ParseResourceID(id)
		if err == nil && !strings.EqualFold(parsed.ResourceType.Type, "policyDefinitions") { // an initiative would be all of its policies
			err = errors.New("not a policy definition")
		}
		c.policy = id
		return err
	})
	flags.Func("above", "`id` of what else is above, such as a connector that isn't in the id of the resource; can be repeated", func(id string) error {
		c.above = append(c.above, id)
		_, err := arm.ParseResourceID(id)
		return err
	})
	c.dryRunFlag(flags)
}

// grantFlags defines the flags that only grant has.
func (c *call) grantFlags(flags *command.Command, now time.Time) {
	flags.Func("category", "`category` of the exemption, waiver or mitigated", func(text string) error {
		known := armsecops.PossibleExemptionCategoryValues()
		i := slices.IndexFunc(known, armsecops.ExemptionCategory(text).Is)
		if i < 0 {
			return errors.New("must be waiver or mitigated")
		}
		c.grant.category = known[i]
		return nil
	})
	timeFlag(flags, &c.grant.expires, now, "expires", "`end`")
	flags.Func("description", "`text` that says why, such as a ticket and who approved it, of at most 512 characters", func(text string) error {
		if n := utf8.RuneCountInString(text); n > 512 { // as Azure Policy documents
			return fmt.Errorf("must be at most 512 characters, and has %d", n)
		}
		c.grant.description = text
		return nil
	})
	flags.Func("metadata", "`JSON` object of a policy exemption, such as of who requested it; without it, a renewed one keeps its own", func(text string) error {
		var object map[string]json.RawMessage
		if json.Unmarshal([]byte(text), &object) != nil || object == nil {
			return errors.New("must be a JSON object")
		}
		c.grant.metadata = json.RawMessage(text)
		return nil
	})
}
