package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/armsecops/armsecops"
)

// creation is an exemption to create, and where.
type creation struct {
	id       armsecops.StandardAssignmentID
	document armsecops.StandardAssignment
	dryRun   bool
	place    place
}

// parseCreation returns the exemption that the arguments describe.
func parseCreation(args []string) (c creation, err error) {
	flags := flag.NewFlagSet("exemptions create", flag.ContinueOnError)
	c.place.flags(flags)
	p := &c.document.Properties
	var category, expires string
	flags.StringVar(&c.id.Scope, "scope", "", "resource id of what is exempt")
	flags.StringVar(&p.AssignedStandard.ID, "standard", "", "resource id of the security standard")
	flags.StringVar(&p.ExemptionData.AssignedAssessment.AssessmentKey, "assessment", "", "key of the assessment")
	flags.StringVar(&category, "category", "", "why it is exempt")
	flags.StringVar(&p.DisplayName, "name", "", "name to show")
	flags.StringVar(&p.Description, "description", "", "why it is exempt")
	flags.StringVar(&expires, "expires", "", "time until the exemption ends")
	flags.BoolVar(&c.dryRun, "dry-run", false, "print the request body, and send nothing")
	if err := flags.Parse(args); err != nil {
		return c, flagError{err}
	}
	p.Effect = armsecops.EffectExempt
	for _, known := range armsecops.PossibleExemptionCategoryValues() {
		if known.Is(armsecops.ExemptionCategory(category)) {
			p.ExemptionData.ExemptionCategory = known
		}
	}
	duration, err := parseDuration(expires)
	switch {
	case flags.NArg() > 0:
		return c, flagError{errors.New("no such argument: " + flags.Arg(0))}
	case c.id.Scope == "" || p.AssignedStandard.ID == "" || p.ExemptionData.AssignedAssessment.AssessmentKey == "" || p.DisplayName == "":
		return c, flagError{errors.New("create needs -scope, -standard, -assessment, -category and -name")}
	case p.ExemptionData.ExemptionCategory == "":
		return c, flagError{fmt.Errorf("-category: must be one of %v: %s", armsecops.PossibleExemptionCategoryValues(), category)}
	case err != nil:
		return c, flagError{fmt.Errorf("-expires: %w", err)}
	}
	c.id.Name = newUUID()
	if _, err := armsecops.ParseStandardAssignmentID(c.id.String()); err != nil {
		return c, flagError{fmt.Errorf("-scope: not a resource id: %s", c.id.Scope)}
	}
	if err := c.place.open(); err != nil {
		return c, err
	}
	if expires != "" {
		p.ExpiresOn = c.place.now.Add(duration)
	}
	return c, nil
}

// run creates the exemption and prints its id, or prints the request body.
func (c creation) run(ctx context.Context, stdout, _ io.Writer) error {
	if c.dryRun {
		e := json.NewEncoder(stdout)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(c.document)
	}
	client, err := armsecops.NewStandardAssignmentsClient(c.place.credential, c.place.options)
	if err != nil {
		return err
	}
	created, err := client.CreateOrUpdate(ctx, c.id.Scope, c.id.Name, c.document, nil)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, printableLines(created.ID))
	return err
}

// newUUID returns a random UUID, of version 4.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
