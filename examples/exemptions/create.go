package main

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/command"
)

// creation is an exemption to create, and where.
type creation struct {
	*command.Command

	id         armsecops.StandardAssignmentID
	document   armsecops.StandardAssignment
	dryRun     bool
	connection connection
}

// parseCreation returns the exemption that the arguments describe.
func parseCreation(args []string) (c creation, err error) {
	c.Command = command.New("exemptions create")
	c.About = "Creates an exemption, one of the Microsoft.Security/standardAssignments, and prints its id. Without -live it creates it in a tenant in memory.\n\n" +
		"It takes the role Security Admin; for a single resource, that role for the subscription may not suffice. For a management group, the " +
		"service principal \"Windows Azure Security Resource Provider\" needs the role Reader of the group. An exemption can take 24 hours " +
		"to count. The limit is 5,000 a subscription."
	c.Example = `  go run ./examples/exemptions create -dry-run \
    -scope /subscriptions/ID -standard STANDARD_ID \
    -assessment 00000000-0000-0000-0000-000000000000 \
    -category waiver -expires 90d -name "Test systems"`
	p := &c.document.Properties
	assessment := &p.ExemptionData.AssignedAssessment.AssessmentKey
	var category, expires string
	c.Flags.StringVar(&c.id.Scope, "scope", "",
		"resource `id` of what is exempt: a management group, subscription, resource group, connector or resource; required")
	c.Flags.StringVar(&p.AssignedStandard.ID, "standard", "", "resource `id` of the security standard; required")
	c.Flags.StringVar(assessment, "assessment", "", "`UUID` of the assessment that the scope is exempt from; required")
	c.Flags.StringVar(&category, "category", "", "`category` of the exemption: waiver or mitigated; required")
	c.Flags.StringVar(&p.DisplayName, "name", "", "`text` to show; required")
	c.Flags.StringVar(&p.Description, "description", "", "`text` that says why it is exempt")
	c.Flags.StringVar(&expires, "expires", "", "`time` until the exemption ends; 90d is days, other units are Go's (default never)")
	c.Flags.StringVar(&c.id.Name, "id", "", "`UUID` of the exemption, to repeat a creation that failed (default a new one)")
	c.Flags.BoolVar(&c.dryRun, "dry-run", false, "print the request body, and send nothing")
	if err := c.Parse(args); err != nil {
		return c, err
	}
	for _, name := range []string{"scope", "standard", "assessment", "category", "name"} {
		if c.Flags.Lookup(name).Value.String() == "" {
			return c, command.Usagef("create needs -%s", name)
		}
	}
	p.Effect = armsecops.EffectExempt
	for _, known := range armsecops.PossibleExemptionCategoryValues() {
		if known.Is(armsecops.ExemptionCategory(category)) {
			p.ExemptionData.ExemptionCategory = known
		}
	}
	if !c.Given("id") {
		c.id.Name = uuid.NewString()
	}
	var duration time.Duration
	if c.Given("expires") { // an empty one must not create an exemption that never expires
		duration, err = parseDuration(expires)
	}
	_, badScope := armsecops.ParseStandardAssignmentID(c.id.String())
	switch {
	case !isUUID(c.id.Name):
		return c, command.Usagef("-id: not a UUID: %s", c.id.Name)
	case p.ExemptionData.ExemptionCategory == "":
		return c, command.Usagef("-category: must be waiver or mitigated: %s", category)
	case err != nil:
		return c, command.Usagef("-expires: %w", err)
	case badScope != nil:
		return c, command.Usagef("-scope: not a resource id: %s", c.id.Scope)
	case !isUUID(*assessment):
		return c, command.Usagef("-assessment: not a UUID: %s", *assessment)
	}
	if c.connection, err = connect(c.Command); err != nil {
		return c, err
	}
	if c.Given("expires") {
		p.ExpiresOn = c.connection.now.Add(duration)
	}
	return c, nil
}

// run creates the exemption and prints its id, or prints the request body.
func (c creation) run(ctx context.Context, s command.Streams) error {
	if c.dryRun {
		return s.Out.JSON(c.document)
	}
	client, err := armsecops.NewStandardAssignmentsClient(c.connection.credential, c.connection.options)
	if err != nil {
		return err
	}
	created, err := client.CreateOrUpdate(ctx, c.id.Scope, c.id.Name, c.document, nil)
	if err != nil {
		return fmt.Errorf("%w (-id %s repeats this creation, should the exemption have been created)", err, c.id.Name)
	}
	s.Out.Println(created.ID)
	return nil
}

// isUUID reports whether the text is a UUID in its usual form.
func isUUID(text string) bool {
	return len(text) == len(uuid.Nil.String()) && uuid.Validate(text) == nil
}
