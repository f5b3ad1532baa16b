// Exempting writes the exemptions of the subscriptions in use as CSV, exempts a resource
// from a recommendation, and revokes that. -h shows its commands.
//
//	GOWORK=off go run -C interop ./exempting
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/armsecops/armsecops"
)

const usage = `usage, after az login:
  exempting [list]                                    write a row of CSV for each exemption
  exempting grant -recommendation NAME -resource ID   exempt a resource, or renew its exemption
      -category CATEGORY -expires TIME -description TEXT [-above ID]... [-dry-run]
  exempting revoke -recommendation NAME -resource ID  delete the exemption of exactly that
      [-above ID]... [-dry-run]
Each command has -cloud and -timeout, too. exempting grant -h describes the flags.
`

func main() {
	c, err := parse(os.Args[1:], time.Now(), os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		os.Exit(2)
	}
	options := &armsecops.ClientOptions{}
	options.Cloud = c.cloud
	credential, err := azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: options.ClientOptions.ClientOptions})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	err = c.run(ctx, os.Stdout, credential, options)
	cancel()
	stop()
	if err != nil {
		log.Fatal(err) // with exit code 1, after all that could be done is written
	}
}

var clouds = map[string]cloud.Configuration{"public": cloud.AzurePublic, "china": cloud.AzureChina, "government": cloud.AzureGovernment}

// command is what the arguments ask for.
type command struct {
	name           string // list, grant or revoke
	cloud          cloud.Configuration
	timeout        time.Duration
	recommendation string // its display name or key
	resources      []*arm.ResourceID
	above          []string
	grant          grant
	dryRun         bool
}

// parse returns the command of the arguments. It writes what is wrong with them.
func parse(args []string, now time.Time, w io.Writer) (c command, err error) {
	c.name = "list"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		c.name, args = args[0], args[1:]
	}
	flags := flag.NewFlagSet("exempting", flag.ContinueOnError)
	flags.SetOutput(w)
	flags.Usage = func() {
		fmt.Fprint(w, usage)
		flags.PrintDefaults()
	}
	refuse := func(problem string) error {
		fmt.Fprintln(w, problem)
		flags.Usage()
		return errors.New(problem)
	}
	flags.DurationVar(&c.timeout, "timeout", 30*time.Minute, "stop after this `duration`")
	c.cloud = cloud.AzurePublic
	flags.Func("cloud", "`name` of Azure's cloud: public, china or government (default public)", func(name string) error {
		if c.cloud = clouds[strings.ToLower(name)]; c.cloud.Services == nil {
			return errors.New("must be public, china or government")
		}
		return nil
	})
	switch c.name {
	case "list":
	case "grant":
		c.grantFlags(flags, now)
		fallthrough
	case "revoke":
		c.flags(flags)
	default:
		return c, refuse("unknown command " + strconv.Quote(c.name))
	}
	if err := flags.Parse(args); err != nil {
		return c, err // which is written
	}
	if flags.NArg() > 0 {
		return c, refuse("unexpected argument " + strconv.Quote(flags.Arg(0)))
	}
	var missing []string
	for _, required := range []struct {
		flag    string
		missing bool
	}{
		{"recommendation", c.recommendation == ""},
		{"resource", len(c.resources) == 0},
		{"category", c.grant.category == ""},
		{"expires", c.grant.expires.IsZero()},
		{"description", c.grant.description == ""},
	} {
		if flags.Lookup(required.flag) != nil && required.missing {
			missing = append(missing, "-"+required.flag)
		}
	}
	if missing != nil {
		return c, refuse(c.name + " needs " + strings.Join(missing, ", "))
	}
	return c, nil
}

// flags defines the flags of grant and revoke.
func (c *command) flags(flags *flag.FlagSet) {
	flags.StringVar(&c.recommendation, "recommendation", "", "display `name` or key of the recommendation")
	flags.Func("resource", "`id` of the resource, resource group, subscription, management group or security connector; can be repeated", func(id string) error {
		resource, err := arm.ParseResourceID(id)
		c.resources = append(c.resources, resource)
		return err
	})
	flags.Func("above", "`id` of a management group or connector above that isn't in the id of the resource; can be repeated", func(id string) error {
		c.above = append(c.above, id)
		_, err := arm.ParseResourceID(id)
		return err
	})
	flags.BoolVar(&c.dryRun, "dry-run", false, "print what would be done, and change nothing")
}

// grantFlags defines the flags that only grant has.
func (c *command) grantFlags(flags *flag.FlagSet, now time.Time) {
	flags.Func("category", "`category` of a new exemption, waiver or mitigated; a renewed one keeps its own", func(text string) error {
		known := armsecops.PossibleExemptionCategoryValues()
		i := slices.IndexFunc(known, armsecops.ExemptionCategory(text).Is)
		if i < 0 {
			return errors.New("must be waiver or mitigated")
		}
		c.grant.category = known[i]
		return nil
	})
	flags.Func("expires", "`end` in days, such as 90d, or on a date at 00:00 UTC, such as 2026-12-31", func(text string) error {
		date, err := time.Parse(time.DateOnly, text)
		if days, notDays := strconv.Atoi(strings.TrimSuffix(text, "d")); notDays == nil {
			date, err = now.AddDate(0, 0, days), nil
		}
		if err != nil || !date.After(now) {
			return errors.New("must be days or a date in the future")
		}
		c.grant.expires = date.UTC()
		return nil
	})
	flags.StringVar(&c.grant.description, "description", "", "`text` that says why, such as a ticket and who approved it")
}

// run writes the exemptions, or what was done with them.
func (c command) run(ctx context.Context, w io.Writer, credential azcore.TokenCredential, options *armsecops.ClientOptions) error {
	if c.name == "list" {
		return report(ctx, w, credential, options)
	}
	factory, err := armsecops.NewClientFactory(credential, options)
	if err != nil {
		return err
	}
	assigned := &policies{credential: credential, options: &options.ClientOptions}
	var errs []error
	for _, resource := range c.resources { // one that fails doesn't keep the others from it
		if err := c.apply(ctx, w, factory, assigned, resource); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", resource, err))
		}
	}
	return errors.Join(errs...)
}

// apply grants or revokes for a resource, and writes what was done.
func (c command) apply(ctx context.Context, w io.Writer, factory *armsecops.ClientFactory, assigned *policies, resource *arm.ResourceID) error {
	recommendation, err := find(ctx, factory.NewAssessmentsMetadataClient(), resource.SubscriptionID, c.recommendation)
	if err != nil {
		return err
	}
	id := resource.String()
	var changes []change
	if c.name == "grant" {
		changes, err = exemptOrRenew(ctx, factory, assigned, recommendation, id, c.grant, c.dryRun, c.above...)
	} else {
		changes, err = revoke(ctx, factory, assigned, recommendation, id, c.dryRun, c.above...)
	}
	text, would := "", ""
	if c.dryRun {
		would = "would be "
	}
	for _, change := range changes {
		text += fmt.Sprintf("%s%s: %s, from %s\n", would, change.done, change.id, change.from)
	}
	if len(changes) == 0 && err == nil {
		text = "no exemption found\n"
	}
	_, writeErr := io.WriteString(w, text)
	return errors.Join(err, writeErr)
}

// find returns the recommendation of a key or display name, which several can have.
//   - subscriptionID: whose own ones are found, too; empty for a management group
func find(ctx context.Context, client *armsecops.AssessmentsMetadataClient, subscriptionID, name string) (found armsecops.AssessmentMetadata, err error) {
	pager := client.NewListPager(nil)
	if subscriptionID != "" {
		pager = client.NewListBySubscriptionPager(subscriptionID, nil)
	}
	for recommendation, err := range pager.All(ctx) {
		switch {
		case err != nil:
			return found, err
		case strings.EqualFold(recommendation.Name, name):
			return recommendation, nil
		case !strings.EqualFold(recommendation.Properties.DisplayName, name):
		case found.Name != "":
			return found, fmt.Errorf("%q is the name of several recommendations: give the key of one, such as %s or %s", name, found.Name, recommendation.Name)
		default:
			found = recommendation
		}
	}
	if found.Name == "" {
		return found, fmt.Errorf("no recommendation is called %q, or has it as its key", name)
	}
	return found, nil
}
