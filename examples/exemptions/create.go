package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/command"
	"github.com/armsecops/armsecops/examples/internal/terminal"
)

// creation is one exemption to create, or several from one assessment each.
type creation struct {
	*command.Command
	connection

	kind, scope, id   string
	displayName       string
	description       string
	category          armsecops.ExemptionCategory
	expires           time.Time // zero for never
	standard          string
	assessments, cves []string
	policyAssignment  string
	references        []string
	whole             bool
	dryRun            bool
	notes             map[string]string // what could not be checked, by assessment
}

// standardID is the resource id of a security standard, whose documented types differ.
var standardID = regexp.MustCompile(`(?i)^/?(\S+/)?providers/Microsoft\.Security/(securityStandards|standards)/[^\s/]+$`)

// policyAssignmentEnd is how the resource id of a policy assignment ends.
var policyAssignmentEnd = regexp.MustCompile(`(?i)/providers/Microsoft\.Authorization/policyAssignments/[^/]+$`)

// parseCreation returns the exemption that the arguments describe.
func parseCreation(args []string) (c creation, err error) {
	c.Command = newCommand("create", command.ExitCode{
		Code:    command.BadUsage,
		Meaning: "a flag or an argument is invalid, such as an -assessment that is refused; nothing was created",
	})
	c.About = "Creates an exemption and prints its id. Without -live it creates it in a tenant in memory.\n\n" +
		"-kind standard exempts from recommendations of Defender's standards (Microsoft.Security/standardAssignments): " +
		"-standard and -assessment, and -cve for single findings, which need no -standard. -kind policy exempts from a policy " +
		"assignment (Microsoft.Authorization/policyExemptions): -policy-assignment, and -reference for some of its policies or -whole for all. " +
		"Without -kind and -cve, each -assessment is looked up first, and refused if it isn't found or Azure Policy exempts " +
		"from it. For a management group, one that isn't found may be a subscription's own, and isn't refused. Nor is a custom " +
		"one, or one that may not be read. The standard error says so. The standard, the policy assignment and the -references aren't looked up.\n\n" +
		"\"Where exemptions are\" in README.md says what a recommendation takes, and examples/guide/exempt finds the -assessment " +
		"and the -standard by its name. \"exempting grant -dry-run\" of interop/exempting prints the -policy-assignment and each " +
		"-reference, and creates such exemptions without -dry-run.\n\n" +
		"A standard assignment takes the role Security Admin; for a single resource, that role for the subscription may not " +
		"suffice. For a management group, the service principal \"Windows Azure Security Resource Provider\" needs the role " +
		"Reader of the group. An exemption can take 24 hours to count. The limit is 5,000 a subscription.\n\n" +
		"The last writer wins: with the -id of an exemption that exists, that is replaced."
	c.Required = []string{"scope", "name", "category", "expires"}
	c.Example = `  go run ./examples/exemptions create -dry-run -name "Test systems" \
    -scope /subscriptions/5ec0ffee-0000-4000-8000-000000000001 \
    -standard /providers/Microsoft.Security/securityStandards/NAME \
    -assessment d57a4221-a804-52ca-3dea-768284f06bb7 \
    -category waiver -expires 90d`
	var category, expires string
	c.Choice(&c.kind, "kind", "`kind` of the exemption", "standard", "policy")
	c.Flags.Lookup("kind").DefValue = "policy with -policy-assignment, or else standard"
	c.Flags.StringVar(&c.scope, "scope", "",
		"resource `id` of what is exempt: a management group, subscription, resource group, connector or resource")
	c.Flags.StringVar(&c.standard, "standard", "", "with -kind standard, resource `id` of the security standard; required without -cve")
	c.List(&c.assessments, "assessment",
		"with -kind standard, which requires it, `UUID` of an assessment that the scope is exempt from; each makes an exemption of its own")
	c.List(&c.cves, "cve", "`CVE`, such as CVE-2020-1347, whose findings are exempt; the others of the assessment are not")
	c.Flags.StringVar(&c.policyAssignment, "policy-assignment", "", "with -kind policy, which requires it, resource `id` of the policy assignment")
	c.List(&c.references, "reference",
		"`id` of a policy in the policy set of the assignment (policyDefinitionReferenceId); -kind policy requires it, or -whole")
	c.Flags.BoolVar(&c.whole, "whole", false, "with -kind policy, exempt from all policies of the assignment")
	c.Flags.StringVar(&category, "category", "", "`category` of the exemption: waiver or mitigated")
	c.Flags.StringVar(&c.displayName, "name", "", "`text` to show")
	c.Flags.StringVar(&c.description, "description", "", "`text` that says why it is exempt")
	c.Flags.StringVar(&expires, "expires", "",
		"`time` until the exemption ends, such as 90d, or the date on which it ends at 00:00 UTC, such as 2026-12-31; or never")
	c.Flags.StringVar(&c.id, "id", "", "`UUID` of the exemption, to repeat a creation that failed, or create what -dry-run printed (default a new one)")
	c.Flags.BoolVar(&c.dryRun, "dry-run", false, "print a JSON array of what would be put, each with its resource id, and send nothing")
	if err := c.Parse(args); err != nil {
		return c, err
	}
	if !c.Given("kind") && c.Given("policy-assignment") {
		c.kind = "policy"
	}
	required, other := []string{"scope", "assessment", "standard", "category", "name", "expires"}, []string{"policy-assignment", "reference", "whole"}
	otherKind := ""
	switch {
	case c.kind == "policy":
		required, other = []string{"scope", "policy-assignment", "reference", "category", "name", "expires"}, []string{"standard", "assessment", "cve"}
		if c.whole && len(c.references) > 0 {
			return c, command.Usagef("-whole and -reference exclude each other")
		} else if c.whole {
			required = slices.DeleteFunc(required, func(name string) bool { return name == "reference" })
		}
	case len(c.cves) > 0:
		required = []string{"scope", "assessment", "category", "name", "expires"}
	case !c.Given("kind") && !c.Given("assessment") && !c.Given("standard"):
		otherKind = "; -policy-assignment replaces -assessment and -standard"
	}
	for _, name := range other {
		if c.Given(name) {
			return c, command.Usagef("-%s doesn't go with -kind %s", name, c.kind)
		}
	}
	var missing []string
	for _, name := range required {
		if given := c.Given(name) && (name == "assessment" || name == "reference" || c.Flags.Lookup(name).Value.String() != ""); given {
			continue
		} else if name == "reference" {
			name = "reference or -whole"
		}
		missing = append(missing, "-"+name)
	}
	if missing != nil {
		return c, command.Usagef("create needs %s%s", command.Join(missing, "and"), otherKind)
	}
	if c.Given("description") && c.description == "" {
		return c, errNoDescription
	}
	if c.category, err = parseCategory(category); err != nil {
		return c, err
	}
	if !c.Given("id") {
		c.id = uuid.NewString()
	}
	switch {
	case !isUUID(c.id):
		return c, command.Usagef("-id: not a UUID: %s", c.id)
	case !isScope(c.scope):
		return c, command.Usagef("-scope: not a resource id: %s", c.scope)
	case c.standard != "" && !standardID.MatchString(c.standard):
		return c, command.Usagef("-standard: not the resource id of a security standard: %s", c.standard)
	case c.kind == "policy" && !(isScope(c.policyAssignment) && policyAssignmentEnd.MatchString(c.policyAssignment)):
		return c, command.Usagef("-policy-assignment: not the resource id of a policy assignment: %s", c.policyAssignment)
	}
	for _, key := range c.assessments {
		if !isUUID(key) {
			return c, command.Usagef("-assessment: not a UUID: %s", key)
		}
	}
	c.assessments = distinct(c.assessments, strings.ToLower)
	for i, cve := range c.cves {
		if c.cves[i] = strings.ToUpper(cve); !cveID.MatchString(c.cves[i]) {
			return c, command.Usagef("-cve: not a CVE such as CVE-2020-1347: %s", cve)
		}
	}
	if c.connection, err = connect(c.Command); err != nil {
		return c, err
	}
	if expires != "never" {
		if c.expires, err = parseExpiry(expires, c.now); err != nil {
			return c, command.Usagef("-expires: %w", err)
		}
	}
	return c, nil
}

var cveID = regexp.MustCompile(`^CVE-\d{4}-\d{4,}$`)

// isScope reports whether the text is a resource id without white space at the end of a name.
func isScope(text string) bool {
	_, err := armsecops.ParseStandardAssignmentID(armsecops.StandardAssignmentID{Scope: text, Name: uuid.Nil.String()}.String())
	return err == nil && !strings.Contains(text, " /")
}

// run creates the exemptions and prints their ids, or prints what it would put.
func (c creation) run(ctx context.Context, s command.Streams) error {
	keys := c.assessments
	if c.kind == "policy" {
		keys = []string{""}
	}
	if c.dryRun {
		documents := make([]any, len(keys))
		for i, key := range keys {
			switch d := c.document(key).(type) {
			case armsecops.PolicyExemption:
				d.ID = armsecops.PolicyExemptionID{Scope: c.scope, Name: c.id}.String()
				d.Properties.ExemptionCategory = armsecops.ExemptionCategory(strings.ToUpper(string(c.category[:1]))) + c.category[1:] // as the client sends it
				documents[i] = d
			case armsecops.StandardAssignment:
				d.ID = armsecops.StandardAssignmentID{Scope: c.scope, Name: c.name(key)}.String()
				documents[i] = d
			}
		}
		if len(keys) > 1 {
			s.Err.Println("The names follow from -id " + c.id + ".")
		}
		c.printWhole(s.Err)
		if c.kind == "standard" && !c.Given("kind") && len(c.cves) == 0 {
			s.Err.Println("Nothing was looked up: the creation is refused if the assessment isn't found or Azure Policy exempts from it.")
		}
		c.printMemoryNote(s.Err, onAnotherDay)
		return s.Out.JSON(documents)
	}
	defer c.printMemoryNote(s.Err, nothingRemains)
	c.notes = map[string]string{}
	for _, key := range keys { // before the first is created
		note, err := c.checkKind(ctx, key)
		if err != nil {
			return c.explain(err)
		}
		c.notes[key] = note
	}
	if len(keys) > 1 {
		err := apply(ctx, s, keys, c.create)
		if errors.Is(err, errPartly) || s.Out.Err() != nil {
			s.Err.Println("The same command with -id " + c.id + " replaces what it created, and creates the rest.")
		} else if err == nil {
			s.Err.Println("The names follow from -id " + c.id + " and each -assessment, in this order.")
		}
		return err
	}
	created, err := c.create(ctx, keys[0])
	if err == nil {
		created.print(s, keys[0])
		c.printWhole(s.Err)
	}
	if s.Out.Err() != nil {
		s.Err.Println("It was created with -id " + c.id + ".")
	}
	return err
}

// printWhole says what an exemption from a policy assignment is from, unless that is
// limited, and that it never ends.
func (c creation) printWhole(out *terminal.Output) {
	if c.expires.IsZero() {
		out.Println("It never ends.")
	}
	if c.kind == "policy" && len(c.references) == 0 {
		out.Println("It is from all policies of the assignment.")
	}
}

// create creates the exemption from an assessment, or of -kind policy, and returns its
// id, and what could not be checked.
func (c creation) create(ctx context.Context, key string) (d done, err error) {
	switch document := c.document(key).(type) {
	case armsecops.PolicyExemption:
		var created armsecops.PolicyExemptionsClientCreateOrUpdateResponse
		created, err = c.factory.NewPolicyExemptionsClient().CreateOrUpdate(ctx, c.scope, c.id, document, nil)
		d.text = created.ID
	case armsecops.StandardAssignment:
		d.note = c.notes[key]
		var created armsecops.StandardAssignmentsClientCreateOrUpdateResponse
		created, err = c.factory.NewStandardAssignmentsClient().CreateOrUpdate(ctx, c.scope, c.name(key), document, nil)
		d.text = created.ID
	}
	switch {
	case err != nil && !armsecops.MaybeCarriedOut(err): // so that there is nothing to repeat
		return d, c.explain(err)
	case err != nil:
		return d, fmt.Errorf("%w (the same command with -id %s repeats this creation, should the exemption have been created)", c.explain(err), c.id)
	}
	return d, nil
}

// checkKind looks up the assessment, unless a -kind is given, and returns an error if it
// doesn't exist or is exempted by Azure Policy. Single findings never are. One that can't
// be looked up is no reason against an exemption, but the note says so.
func (c creation) checkKind(ctx context.Context, key string) (note string, err error) {
	if c.kind == "policy" || c.Given("kind") || len(c.cves) > 0 {
		return "", nil
	}
	client := c.factory.NewAssessmentsMetadataClient()
	found, err := client.Get(ctx, key, nil)
	recommendation := found.AssessmentMetadata
	subscription := armsecops.StandardAssignment{ID: c.scope}.SubscriptionID()
	if armsecops.IsMissing(err) && subscription != "" { // it may be the subscription's own
		own, failed := client.GetInSubscription(ctx, subscription, key, nil)
		recommendation, err = own.AssessmentMetadata, failed
	}
	switch {
	case armsecops.HasCode(err, armsecops.CodeSubscriptionNotFound):
		return "", err
	case armsecops.IsMissing(err) && subscription == "": // which may have its own below the management group
		return "the recommendation was not found; the exemption was created nevertheless", nil
	case armsecops.IsMissing(err):
		return "", command.Usagef("-assessment %s: the recommendation was not found; -kind standard exempts from it nevertheless: %w", key, err)
	case errors.Is(err, armsecops.ErrForbidden):
		return "the recommendation could not be looked up; the exemption was created nevertheless: " + err.Error(), nil
	case err == nil && recommendation.Properties.AssessmentType.Is(armsecops.AssessmentTypeCustomPolicy):
		return "the recommendation is a custom one, from which Microsoft documents no exemptions; the exemption was created nevertheless", nil
	case err == nil && recommendation.Properties.ExemptedBy() == armsecops.ExemptionKindPolicyExemption:
		return "", command.Usagef("-assessment %s is exempted by Azure Policy (-policy-assignment); -kind standard exempts from it nevertheless: %s",
			key, recommendation.Properties.DisplayName)
	case err != nil && !errors.Is(err, armsecops.ErrCredential):
		return "", fmt.Errorf("not created, since the recommendation could not be looked up, which -kind standard skips: %w", err)
	}
	return "", err
}

// name returns the name of the exemption from an assessment: the -id if it is the
// only one, else one that follows from the -id.
func (c creation) name(key string) string {
	if len(c.assessments) == 1 {
		return c.id
	}
	return uuid.NewSHA1(uuid.MustParse(c.id), []byte(strings.ToLower(key))).String()
}

// document returns the body of the exemption from an assessment, or of -kind policy.
func (c creation) document(key string) any {
	if c.kind == "policy" {
		return armsecops.PolicyExemption{Properties: armsecops.PolicyExemptionProperties{
			DisplayName: c.displayName, Description: c.description, ExemptionCategory: c.category, ExpiresOn: c.expires,
			PolicyAssignmentID: c.policyAssignment, PolicyDefinitionReferenceIDs: c.references,
		}}
	}
	p := armsecops.StandardAssignmentProperties{
		DisplayName: c.displayName, Description: c.description, ExpiresOn: c.expires, Effect: armsecops.EffectExempt,
		AssignedStandard: armsecops.AssignedStandardItem{ID: c.standard},
		ExemptionData: armsecops.ExemptionData{
			ExemptionCategory: c.category, AssignedAssessment: armsecops.AssignedAssessmentItem{AssessmentKey: key},
		},
	}
	if len(c.cves) > 0 {
		condition := armsecops.SubAssessmentCondition{Field: "va.cve.cveId", OperationType: "ContainedInOperation"}
		for _, cve := range c.cves {
			condition.Operation.Values = append(condition.Operation.Values, armsecops.SubAssessmentValue{Title: cve})
		}
		p.ExemptionData.SubAssessmentExemptionRule.If.AllOf = []armsecops.SubAssessmentCondition{condition}
	}
	return armsecops.StandardAssignment{Properties: p}
}
